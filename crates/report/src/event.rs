//! The contract's `event`.
//!
//! JSON is written straight from the event: `decode` prints one for each line that it understands, more bytes than it
//! reads. The columns serve the other formats; a test holds both to the same values.

use std::io::Write as _;

use tunlog_model::{Cell, Column, Event, Value, text};

use crate::{json, time};

/// An event together with what the event itself does not know.
#[derive(Clone, Copy, Debug)]
pub struct EventView<'a> {
    /// The event.
    pub event: &'a Event<'a>,
    /// The name of its source.
    pub source: &'a str,
    /// The record, its secrets redacted unless the user asked for them.
    pub text: &'a [u8],
}

impl<'a> EventView<'a> {
    /// The contract's keys.
    pub const COLUMNS: &'a [Column<EventView<'a>>] = &[
        Column {
            key: "time",
            header: "Time",
            doc: "When.",
            value: |view| Cell::Time(view.event.time.micros),
        },
        Column {
            key: "dialect",
            header: "",
            doc: "Who speaks.",
            value: |view| Cell::Word(view.event.message().dialect),
        },
        Column {
            key: "message",
            header: "Message",
            doc: "The catalogue's entry; `tunlog explain MESSAGE` tells more.",
            value: |view| Cell::Text(format!("{}/{}", view.event.message().dialect, view.event.message().id)),
        },
        Column {
            key: "layer",
            header: "Layer",
            doc: "The layer it belongs to.",
            value: |view| Cell::Word(view.event.message().layer.word()),
        },
        Column {
            key: "event",
            header: "",
            doc: "What kind of thing happened.",
            value: |view| Cell::Word(view.event.message().kind.word()),
        },
        Column {
            key: "severity",
            header: "Severity",
            doc: "Syslog severity.",
            value: |view| Cell::Word(view.event.severity().word()),
        },
        Column {
            key: "gateway",
            header: "",
            doc: "Host that wrote it.",
            value: |view| match view.event.host() {
                b"" => Cell::None,
                host => Cell::Text(text::lossy(host).into_owned()),
            },
        },
        Column {
            key: "pid",
            header: "PID",
            doc: "Process that wrote it.",
            value: |view| {
                if view.event.pid() == 0 {
                    Cell::None
                } else {
                    Cell::Count(view.event.pid().into())
                }
            },
        },
        Column {
            key: "fields",
            header: "Fields",
            doc: "The facts that it carries.",
            value: fields,
        },
        Column {
            key: "evidence",
            header: "",
            doc: "The record.",
            value: evidence,
        },
        Column {
            key: "times",
            header: "",
            doc: "How many times, when the writer says that it was repeated.",
            value: |view| {
                if view.event.times > 1 {
                    Cell::Count(view.event.times)
                } else {
                    Cell::None
                }
            },
        },
        Column {
            key: "assumed",
            header: "",
            doc: "What had to be assumed about its time.",
            value: |view| match view.event.assumed().words().map(Cell::Word).collect::<Vec<_>>() {
                words if words.is_empty() => Cell::None,
                words => Cell::List(words),
            },
        },
    ];

    /// Appends the event as a JSON object.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let message = self.event.message();
        out.extend_from_slice(b"{\"type\":\"event\",\"time\":\"");
        time::write_rfc3339(out, self.event.time.micros);
        out.extend_from_slice(b"\",\"dialect\":\"");
        out.extend_from_slice(message.dialect.as_bytes());
        out.extend_from_slice(b"\",\"message\":\"");
        out.extend_from_slice(message.dialect.as_bytes());
        out.push(b'/');
        out.extend_from_slice(message.id.as_bytes());
        let _ = write!(
            out,
            "\",\"layer\":\"{}\",\"event\":\"{}\",\"severity\":\"{}\"",
            message.layer.word(),
            message.kind.word(),
            self.event.severity().word()
        );
        if !self.event.host().is_empty() {
            out.extend_from_slice(b",\"gateway\":");
            json::bytes(out, self.event.host());
        }
        if self.event.pid() != 0 {
            let _ = write!(out, ",\"pid\":{}", self.event.pid());
        }
        self.write_fields(out);
        out.extend_from_slice(b",\"evidence\":[{\"source\":");
        json::string(out, self.source);
        let _ = write!(out, ",\"line\":{},\"text\":", self.event.line());
        json::bytes(out, self.text);
        out.extend_from_slice(b"}]");
        self.write_tail(out);
    }

    fn write_fields(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"fields\":{");
        let mut first = true;
        for (field, value) in self.event.fields() {
            if matches!(value, Value::Seconds(seconds) if !seconds.is_finite()) {
                continue;
            }
            out.extend_from_slice(if first { b"\"" } else { b",\"" });
            first = false;
            out.extend_from_slice(field.word().as_bytes());
            out.extend_from_slice(b"\":");
            let _ = match value {
                Value::Text(_) | Value::Bytes(_) | Value::Word(_) => {
                    json::bytes(out, self.event.value_bytes(value).unwrap_or_default());
                    Ok(())
                }
                Value::Int(number) => write!(out, "{number}"),
                Value::Seconds(seconds) => {
                    json::seconds(out, *seconds);
                    Ok(())
                }
                Value::Ip(address) => write!(out, "\"{address}\""),
                Value::Bool(truth) => write!(out, "{truth}"),
            };
        }
        out.push(b'}');
    }

    fn write_tail(&self, out: &mut Vec<u8>) {
        if self.event.times > 1 {
            let _ = write!(out, ",\"times\":{}", self.event.times);
        }
        let mut words = self.event.assumed().words();
        if let Some(first) = words.next() {
            let _ = write!(out, ",\"assumed\":[\"{first}\"");
            for word in words {
                let _ = write!(out, ",\"{word}\"");
            }
            out.push(b']');
        }
        out.push(b'}');
    }
}

/// The facts that an event carries, as an object.
pub fn fields(view: &EventView<'_>) -> Cell {
    let cell = |value: &'_ Value, bytes: Option<&[u8]>| match value {
        // A negative number is no count; it is shown as it stands.
        Value::Int(number) => u64::try_from(*number).map_or_else(|_| Cell::Seconds(*number as f64), Cell::Count),
        Value::Seconds(seconds) => Cell::Seconds(*seconds),
        Value::Ip(address) => Cell::Ip(*address),
        Value::Bool(truth) => Cell::Bool(*truth),
        Value::Word(word) => Cell::Word(word),
        Value::Text(_) | Value::Bytes(_) => Cell::Text(text::lossy(bytes.unwrap_or_default()).into_owned()),
    };
    let fields = view.event.fields().iter();
    Cell::Object(
        fields
            .map(|(field, value)| (field.word(), cell(value, view.event.value_bytes(value))))
            .collect(),
    )
}

fn evidence(view: &EventView<'_>) -> Cell {
    Cell::List(vec![Cell::Object(vec![
        ("source", Cell::Text(view.source.to_owned())),
        ("line", Cell::Count(view.event.line())),
        ("text", Cell::Text(text::lossy(view.text).into_owned())),
    ])])
}
