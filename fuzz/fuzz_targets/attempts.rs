//! A log through framing, catalogue and correlator.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tunlog_analysis::correlate::{Correlator, Options as Joining};
use tunlog_decode::{Catalogue, Decoder, Keep};
use tunlog_ingest::{Chunk, Clock, Format, Framer, Options};
use tunlog_model::{Entry, Event, EventBatch, SourceId, Spans};

fuzz_target!(|data: &[u8]| {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    let catalogue = CATALOGUE.get_or_init(Catalogue::builtin);
    let options = Options {
        tz: Some("UTC".into()),
        year: Some(2026),
        now: 1_795_219_200_000_000,
        line_bytes_max: 4096,
    };
    let mut clock = Clock::fixed(&options, options.now).expect("a fixed zone");
    let chunk = Chunk::new(data.to_vec());
    let mut batch = EventBatch::over(data.len());
    let spans = Spans::of(&chunk.bytes);
    let mut decoder = Decoder::new(catalogue, Keep::Facts);
    Framer::new(&options, Format::Lines).cut(&chunk, catalogue, &mut |record| {
        decoder.decode(record, &spans, &mut batch)
    });
    batch.give_bytes(chunk.bytes);
    let mut correlator = Correlator::new(Joining {
        evidence: true,
        redact: Some(tunlog_decode::redact),
        open_max: 50,
        ..Joining::default()
    });
    for entry in &batch.entries {
        match entry {
            Entry::Event(raw) => correlator.observe(&Event::new(&batch, raw, clock.resolve(raw.stamp), SourceId(0))),
            Entry::Repeated { times, .. } => correlator.repeated(*times),
            _ => {}
        }
    }
    let _ = correlator.open();
    correlator.finish();
    for attempt in correlator.closed() {
        assert!(attempt.times >= 1);
    }
});
