//! An event log of any content: its header, the order and the headers of its chunks, their records.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunlog_ingest::{Options, Source, SourceKind, SourceSpec};
use tunlog_model::EveryApp;

fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("tunlog-fuzz-evtx-{}", std::process::id()));
    // the header is what an input must begin with to be an event log; a chunk is filled up, so that small inputs reach it
    let mut file = b"ElfFile\0".to_vec();
    file.extend_from_slice(data);
    if std::fs::write(&path, &file).is_err() {
        return;
    }
    let spec = SourceSpec::new("fuzzed", 0, SourceKind::File(path));
    let options = Options {
        tz: Some("UTC".into()),
        ..Options::default()
    };
    let Ok(mut source) = Source::open(&spec, &options) else {
        return;
    };
    let framer = source.framer();
    let mut buffer = Vec::new();
    while let Ok(Some(chunk)) = source.next_chunk(std::mem::take(&mut buffer)) {
        framer.cut(&chunk, &EveryApp, &mut |record| {
            assert!(!record.raw.contains(&b'\n'));
        });
        buffer = chunk.bytes;
    }
    let _ = source.problems();
});
