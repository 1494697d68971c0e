//! Both directions of a PPTP control connection, in pieces.
#![no_main]

mod packets;

use libfuzzer_sys::fuzz_target;
use tunlog_model::{Content, Segment};

fuzz_target!(|data: &[u8]| {
    packets::decode(data, |from_client, bytes| {
        Content::Tcp(Segment {
            source_port: if from_client { 40_000 } else { 1723 },
            destination_port: if from_client { 1723 } else { 40_000 },
            syn: bytes.is_empty() && from_client,
            ack: !from_client,
            fin: false,
            rst: bytes.len() == 1,
            bytes,
            gap: bytes.first() == Some(&0xee),
            again: false,
        })
    });
});
