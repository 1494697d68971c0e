//! A file of any content: compressed streams, zip archives, plain text. Read to its end or refused with a reason.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunlog_ingest::{Options, Source, discover};

/// More than this a few kilobytes of input cannot honestly hold; the rest is not read here, only for time's sake.
const CHUNKS_MAX: usize = 8;

fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("tunlog-fuzz-{}", std::process::id()));
    std::fs::write(&path, data).expect("a file in the temporary folder");
    let options = Options {
        tz: Some("UTC".into()),
        year: Some(2026),
        now: 1_795_219_200_000_000,
        line_bytes_max: 4096,
    };
    let found = discover(std::slice::from_ref(&path), false);
    for spec in &found.specs {
        // a journal file would start journalctl
        if matches!(
            spec.kind,
            tunlog_ingest::SourceKind::JournalFile(_) | tunlog_ingest::SourceKind::Journal
        ) {
            continue;
        }
        let Ok(mut source) = Source::open(spec, &options) else {
            continue;
        };
        for _ in 0..CHUNKS_MAX {
            if !matches!(source.next_chunk(Vec::new()), Ok(Some(_))) {
                break;
            }
        }
    }
});
