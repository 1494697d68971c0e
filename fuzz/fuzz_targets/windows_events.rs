//! Windows events of any content: a chunk of a log, XML, JSON over many lines. The first byte chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunlog_ingest::{Chunk, Format, Framer, Options};
use tunlog_model::EveryApp;

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let format = match choice % 3 {
        0 => Format::Evtx,
        1 => Format::EventXml,
        _ => Format::JsonDocument,
    };
    let mut bytes = rest.to_vec();
    if format == Format::Evtx {
        bytes.resize(bytes.len().next_multiple_of(65_536).max(65_536), 0);
        bytes[..8].copy_from_slice(b"ElfChnk\0");
    }
    let options = Options {
        tz: Some("UTC".into()),
        ..Options::default()
    };
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    let cut = Framer::new(&options, format).cut(&Chunk::new(bytes), &EveryApp, &mut |record| {
        assert!(format == Format::Evtx || record.line <= lines + 1);
    });
    assert!(format == Format::Evtx || cut.lines == lines);
});
