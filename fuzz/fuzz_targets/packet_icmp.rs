//! ICMP errors, of both versions.
#![no_main]

mod packets;

use libfuzzer_sys::fuzz_target;
use tunlog_model::Content;

fuzz_target!(|data: &[u8]| {
    packets::decode(data, |from_client, bytes| {
        Content::Ip(if from_client { 1 } else { 58 }, bytes)
    });
});
