//! A pasted line of a log, with its syslog header or without, or many of them.

use tunlog_decode::{Catalogue, Decoder, Keep, redact};
use tunlog_ingest::{Chunk, Format, Framer, Options};
use tunlog_model::{
    Assumed, Cell, Entry, Event, EventBatch, EveryApp, Payload, RecordRef, RecordTime, SourceId, Spans, text,
};
use tunlog_report::event::{EventView, fields};
use tunlog_report::explain::Explanation;

use super::words::completed;

/// The explanations of the lines, and how many are not known.
pub fn lines(input: Vec<u8>, catalogue: &Catalogue) -> (Vec<Explanation>, u64) {
    let chunk = Chunk::new(input);
    let spans = Spans::of(&chunk.bytes);
    let mut batch = EventBatch::over(chunk.bytes.len());
    let mut decoder = Decoder::new(catalogue, Keep::Events);
    let mut unknown = 0;
    Framer::new(&Options::default(), Format::Lines).cut(&chunk, &EveryApp, &mut |record| {
        if record.raw.trim_ascii().is_empty() {
            return;
        }
        let before = batch.entries.len();
        decoder.decode(record, &spans, &mut batch);
        if decoder.went_on() {
            return;
        }
        if batch.entries.len() == before && record.app.is_empty() {
            of_anybody(record, catalogue, &mut decoder, &spans, &mut batch);
        }
        unknown += u64::from(batch.entries.len() == before);
    });
    batch.give_bytes(chunk.bytes);
    let found = batch.entries.iter().filter_map(|entry| match entry {
        Entry::Event(raw) => {
            let time = RecordTime {
                micros: 0,
                assumed: Assumed::default(),
            };
            Some(explain(&Event::new(&batch, raw, time, SourceId(0))))
        }
        _ => None,
    });
    (found.collect(), unknown)
}

/// A line without header: by the tag that may stand before it, else by whatever program would say so. Only here every
/// dialect is made ready.
fn of_anybody(
    record: &RecordRef<'_>,
    catalogue: &Catalogue,
    decoder: &mut Decoder<'_>,
    spans: &Spans<'_>,
    batch: &mut EventBatch,
) {
    let Payload::Text(body) = record.payload else {
        return;
    };
    let (tag, rest) = tagged(body);
    let speakers = catalogue.dialects().iter().filter_map(|dialect| dialect.apps().next());
    let mut tried: Vec<&[u8]> = Vec::new();
    let apps = tag.into_iter().chain(speakers.map(str::as_bytes));
    for app in apps {
        if tried.contains(&app) {
            continue;
        }
        tried.push(app);
        let before = batch.entries.len();
        let body = if tag == Some(app) { rest } else { body };
        let as_said = RecordRef {
            app,
            payload: Payload::Text(body),
            ..*record
        };
        decoder.decode(&as_said, spans, batch);
        if batch.entries.len() > before && tag.is_some() {
            return;
        }
    }
}

/// `pppd[7]: text` as the program and its text.
fn tagged(body: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let end = body
        .iter()
        .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/')))
        .unwrap_or(body.len());
    let (app, rest) = body.split_at(end);
    let rest = match rest.strip_prefix(b"[") {
        Some(pid) => match pid.iter().position(|byte| !byte.is_ascii_digit()) {
            Some(close) if close > 0 && pid[close] == b']' => &pid[close + 1..],
            _ => return (None, body),
        },
        None => rest,
    };
    match rest.strip_prefix(b": ") {
        Some(text) if !app.is_empty() => (Some(app), text.trim_ascii_start()),
        _ => (None, body),
    }
}

fn explain(event: &Event<'_>) -> Explanation {
    let shown = redact(event.message(), event.raw());
    let view = EventView {
        event,
        source: "-",
        text: &shown,
    };
    let fields = match fields(&view) {
        Cell::Object(fields) => fields,
        _ => Vec::new(),
    };
    completed(Explanation {
        fields,
        line: Some((event.line(), text::lossy(shown.trim_ascii()).into_owned())),
        ..Explanation::of(event.message())
    })
}
