//! A capture file of any content, fed in stretches: records, link headers, IP, fragments, TCP, and all that they carry.
#![no_main]

mod packets;

use libfuzzer_sys::fuzz_target;
use tunlog_decode::{Keep, PacketDecoder, TunnelPackets};
use tunlog_ingest::Capture;
use tunlog_model::EventBatch;

fuzz_target!(|data: &[u8]| {
    let Some((step, file)) = data.split_first() else { return };
    let mut capture = Capture::new("fuzzed");
    let mut decoder = PacketDecoder::new(packets::catalogue(), Keep::Events);
    let mut batch = EventBatch::over(0);
    let mut number = 0;
    for stretch in file.chunks(usize::from(*step) * 16 + 1) {
        number = capture.feed(stretch, number, &TunnelPackets, &mut |packet| {
            decoder.packet(packet, &mut batch)
        });
    }
    capture.end();
    let _ = capture.problems();
    decoder.finish(number, &mut batch);
    packets::join(&batch);
});
