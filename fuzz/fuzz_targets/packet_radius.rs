//! RADIUS datagrams.
#![no_main]

mod packets;

use libfuzzer_sys::fuzz_target;
use tunlog_model::{Content, Datagram};

fuzz_target!(|data: &[u8]| {
    packets::decode(data, |from_client, bytes| {
        Content::Udp(Datagram {
            source_port: if from_client { 40_000 } else { 1812 },
            destination_port: if from_client { 1812 } else { 40_000 },
            bytes,
        })
    });
});
