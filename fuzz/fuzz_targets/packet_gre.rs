//! Enhanced GRE packets with PPP frames in them.
#![no_main]

mod packets;

use libfuzzer_sys::fuzz_target;
use tunlog_model::Content;

fuzz_target!(|data: &[u8]| {
    packets::decode(data, |from_client, bytes| {
        let _ = from_client;
        Content::Ip(47, bytes)
    });
});
