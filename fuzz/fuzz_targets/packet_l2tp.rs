//! L2TP datagrams.
#![no_main]

mod packets;

use libfuzzer_sys::fuzz_target;
use tunlog_model::{Content, Datagram};

fuzz_target!(|data: &[u8]| {
    packets::decode(data, |from_client, bytes| {
        Content::Udp(Datagram {
            source_port: if from_client { 1701 } else { 1701 },
            destination_port: if from_client { 1701 } else { 1701 },
            bytes,
        })
    });
});
