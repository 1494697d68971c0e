//! The one door of these tests: a record goes in, what it was understood as comes out as text.

use tunlog_decode::{Catalogue, Decoder, Keep};
use tunlog_model::{Assumed, Entry, Event, EventBatch, Payload, RecordRef, RecordTime, SourceId, Spans, Value};

/// `dialect/message app[pid] field=value …` of a body that `app` wrote, `unknown DIALECT body`, or `nothing`.
pub fn understood(catalogue: &Catalogue, app: &str, body: &[u8]) -> String {
    let seen = decode(catalogue, app, body, Keep::Events);
    if seen != "nothing" {
        seen
    } else {
        decode(catalogue, app, body, Keep::Unrecognised)
    }
}

/// As `understood`, of what attempts are made of.
pub fn wanted_by_attempts(catalogue: &Catalogue, app: &str, body: &[u8]) -> String {
    decode(catalogue, app, body, Keep::Facts)
}

fn decode(catalogue: &Catalogue, app: &str, body: &[u8], keep: Keep) -> String {
    // the framing cuts trailing blanks off
    let chunk = body.trim_ascii_end().to_vec();
    let mut batch = EventBatch::over(chunk.len());
    let record = RecordRef {
        app: app.as_bytes(),
        pid: 1,
        payload: Payload::Text(&chunk),
        ..RecordRef::bare(&chunk, 1)
    };
    Decoder::new(catalogue, keep).decode(&record, &Spans::of(&chunk), &mut batch);
    batch.give_bytes(chunk.clone());
    match batch.entries.first() {
        None => "nothing".into(),
        Some(Entry::Event(raw)) => {
            let time = RecordTime {
                micros: 0,
                assumed: Assumed::default(),
            };
            show(&Event::new(&batch, raw, time, SourceId(0)))
        }
        Some(Entry::Unrecognised(line)) => {
            format!(
                "unknown {} {}",
                line.dialect,
                String::from_utf8_lossy(batch.slice(line.body))
            )
        }
        Some(other) => format!("{other:?}"),
    }
}

/// `dialect/message app[pid] field=value …`.
pub fn show(event: &Event<'_>) -> String {
    let mut out = format!(
        "{}/{} {}[{}]",
        event.message().dialect,
        event.message().id,
        String::from_utf8_lossy(event.app()),
        event.pid()
    );
    for (field, value) in event.fields() {
        let text = match value {
            Value::Seconds(seconds) => seconds.to_string(),
            Value::Bool(bool) => bool.to_string(),
            _ => event.text(*field).map(|text| text.into_owned()).unwrap_or_default(),
        };
        out.push_str(&format!(" {}={text}", field.word()));
    }
    out
}
