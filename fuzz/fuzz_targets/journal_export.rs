//! `journalctl -o export`: lengths come from the input.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunlog_ingest::{Chunk, Format, Framer, Options};
use tunlog_model::EveryApp;

fuzz_target!(|data: &[u8]| {
    let options = Options {
        tz: Some("UTC".into()),
        year: Some(2026),
        now: 1_795_219_200_000_000,
        line_bytes_max: 512,
    };
    let chunk = Chunk::new(data.to_vec());
    Framer::new(&options, Format::JournalExport).cut(&chunk, &EveryApp, &mut |record| {
        assert!(record.raw.len() <= data.len() + 1024);
    });
});
