//! A record of any program through the whole catalogue; the first byte chooses the program.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tunlog_decode::{Catalogue, Decoder, Keep};
use tunlog_model::{EventBatch, RecordRef, SourceId, Spans};

const APPS: &[&[u8]] = &[
    b"pppd",
    b"pptpd",
    b"xl2tpd",
    b"charon",
    b"pluto",
    b"kernel",
    b"radiusd",
    b"freeradius",
    b"systemd",
    b"",
];

fuzz_target!(|data: &[u8]| {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    let catalogue = CATALOGUE.get_or_init(Catalogue::builtin);
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let app = APPS[usize::from(*first) % APPS.len()];
    let mut batch = EventBatch::over(body.len());
    let spans = Spans::of(body);
    let record = RecordRef {
        app,
        pid: 7,
        ..RecordRef::bare(body, 1)
    };
    Decoder::new(catalogue, Keep::Events).decode(&record, &spans, &mut batch);
    batch.give_bytes(body.to_vec());
    for entry in &batch.entries {
        let tunlog_model::Entry::Event(raw) = entry else {
            continue;
        };
        let time = tunlog_model::RecordTime {
            micros: 0,
            assumed: Default::default(),
        };
        let event = tunlog_model::Event::new(&batch, raw, time, SourceId(0));
        for (field, _) in event.fields() {
            let _ = event.text(*field);
        }
        if event.message().secret {
            let _ = tunlog_decode::redact(event.message(), event.raw());
        }
    }
});
