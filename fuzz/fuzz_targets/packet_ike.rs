//! IKE and ESP in UDP; a first byte chooses the port.
#![no_main]

mod packets;

use libfuzzer_sys::fuzz_target;
use tunlog_model::{Content, Datagram};

fuzz_target!(|data: &[u8]| {
    packets::decode(data, |from_client, bytes| {
        let port = if bytes.first() == Some(&1) { 500 } else { 4500 };
        Content::Udp(Datagram {
            source_port: if from_client { 40_000 } else { port },
            destination_port: if from_client { port } else { 40_000 },
            bytes,
        })
    });
});
