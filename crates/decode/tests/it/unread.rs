//! Chatter whose fields are left for later is the same message, and says the same when it is read again.

use tunlog_decode::{Catalogue, DIALECT_FILES, Decoder, Keep, reread};
use tunlog_model::{Entry, Event, EventBatch, Field, Message, RecordRef, RecordTime, SourceId, Spans};

/// What an event says in its fields.
type Said = Vec<(Field, String)>;

/// The events of a line of `app`, with where the body of the unread ones begins.
fn decode(catalogue: &Catalogue, keep: Keep, app: &str, body: &str) -> Vec<(&'static Message, Option<usize>, Said)> {
    let raw = format!("Oct 24 08:00:00 gw {app}[7]: {body}");
    let raw = raw.as_bytes();
    let record = RecordRef {
        app: app.as_bytes(),
        pid: 7,
        payload: tunlog_model::Payload::Text(&raw[raw.len() - body.len()..]),
        ..RecordRef::bare(raw, 1)
    };
    let mut batch = EventBatch::new(raw.to_vec());
    Decoder::new(catalogue, keep).decode(&record, &Spans::of(raw), &mut batch);
    let events = batch.entries.iter().filter_map(|entry| match entry {
        Entry::Event(event) => Some(Event::new(&batch, event, time(), SourceId(0))),
        _ => None,
    });
    events
        .map(|event| (event.message(), event.unread(), said(&event)))
        .collect()
}

fn time() -> RecordTime {
    RecordTime {
        micros: 0,
        assumed: Default::default(),
    }
}

fn said(event: &Event<'_>) -> Said {
    let shown = |value| {
        event
            .text_of(value)
            .map_or_else(|| format!("{value:?}"), |text| text.into_owned())
    };
    let fields = event.fields().iter();
    fields.map(|(field, value)| (*field, shown(value))).collect()
}

/// Every example line of the dialect files, with a program that writes it; and what is left of each when its end is lost.
fn lines() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (file, text) in DIALECT_FILES {
        let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
        let apps = table.get("apps").and_then(toml::Value::as_array);
        let Some(app) = apps.and_then(|apps| apps.first()).and_then(toml::Value::as_str) else {
            continue;
        };
        for message in table["message"].as_array().into_iter().flatten() {
            for example in message
                .get("example")
                .and_then(toml::Value::as_array)
                .into_iter()
                .flatten()
            {
                let Some(line) = example.get("line").and_then(toml::Value::as_str) else {
                    continue;
                };
                let half = line.floor_char_boundary(line.len() * 2 / 3);
                lines.push((app.to_owned(), line.trim().to_owned()));
                lines.push((app.to_owned(), line[..half].trim().to_owned()));
            }
        }
    }
    lines
}

#[test]
fn what_is_read_later_is_what_is_read_at_once() {
    let catalogue = Catalogue::builtin();
    let mut unread = 0;
    for (app, line) in lines() {
        let at_once = decode(&catalogue, Keep::Events, &app, &line);
        let later = decode(&catalogue, Keep::Trails, &app, &line);
        assert_eq!(later.len(), at_once.len(), "{app}: {line}");
        for ((message, _, fields), (known, body, read)) in at_once.into_iter().zip(later) {
            assert!(
                std::ptr::eq(message, known),
                "{app}: {line}: {} and {}",
                message.id,
                known.id
            );
            let Some(_) = body else {
                assert_eq!(read, fields, "{app}: {line}");
                continue;
            };
            unread += 1;
            assert!(read.is_empty() && !message.is_fact(), "{app}: {line}");
            let mut again = None;
            reread(message, line.as_bytes(), &mut |event| again = Some(said(event)));
            assert_eq!(again, Some(fields), "{app}: {line}");
        }
    }
    assert!(unread > 200, "{unread} lines of chatter");
}

/// The body is found again in the record as it stands there.
#[test]
fn a_body_begins_where_it_says() {
    let catalogue = Catalogue::builtin();
    let events = decode(&catalogue, Keep::Trails, "pppd", "sent [LCP EchoReq id=0x1 magic=0x2a]");
    let header = "Oct 24 08:00:00 gw pppd[7]: ".len();
    assert_eq!(events.first().and_then(|(_, body, _)| *body), Some(header));
}

/// What a body is not, it is not when it is read again either.
#[test]
fn another_body_says_nothing() {
    let catalogue = Catalogue::builtin();
    let events = decode(&catalogue, Keep::Trails, "pppd", "sent [LCP EchoReq id=0x1 magic=0x2a]");
    let (message, ..) = events.first().expect("an event");
    reread(message, b"rcvd [LCP EchoReq id=0x1 magic=0x2a]", &mut |event| {
        panic!("{event:?}")
    });
}
