//! Events to records, and back.

use std::collections::HashSet;
use std::sync::{Mutex, OnceLock};

use tunlog_model::{
    Assumed, Entry, Event, EventBatch, EventParts, Field, Message, RawEvent, RecordTime, Severity, SourceId, Stamp,
    Unrecognised, Value,
};

use crate::record::{Datum, Kind, Origin, Record};

/// Most words that are remembered: the contract has some hundred.
const WORDS_MAX: usize = 4096;

/// The message that a record tells of, as this version knows it.
pub trait Messages {
    /// The message of a dialect with an id, as a code made it if `variant` is not empty.
    fn find(&mut self, dialect: &str, id: &str, variant: &str) -> Option<&'static Message>;
    /// The name of a dialect, as it lives as long as the program.
    fn dialect(&mut self, name: &str) -> Option<&'static str>;
}

/// The record of an entry. `time` as its source's clock decided, `shown` the record as it may be kept; number, set, source and
/// identity are for whoever adds it to say.
pub fn record_of<'a>(
    batch: &'a EventBatch,
    entry: &'a Entry,
    time: Option<RecordTime>,
    shown: &'a [u8],
    variant: &'a str,
    room: &mut Room,
) -> Record<'a> {
    let blank = Record {
        fields: room.take(),
        time: time.map(|time| time.micros),
        assumed: time.map_or(Assumed::default(), |time| time.assumed),
        raw: shown,
        ..Record::empty()
    };
    match entry {
        Entry::Event(raw) => event(batch, raw, variant, blank),
        Entry::Unrecognised(line) => Record {
            kind: Kind::Unrecognised,
            line: line.line,
            dialect: line.dialect,
            body: batch.slice(line.body),
            ..blank
        },
        Entry::Repeated {
            times, host, app, line, ..
        } => Record {
            kind: Kind::Repeated,
            line: *line,
            times: Some(*times),
            host: batch.slice(*host),
            program: batch.slice(*app),
            ..blank
        },
        Entry::Lost { count, line, .. } => Record {
            kind: Kind::Lost,
            line: *line,
            times: *count,
            ..blank
        },
    }
}

/// Room for the fields of one record after the other.
#[derive(Debug, Default)]
pub struct Room(Vec<(Field, Datum<'static>)>);

impl Room {
    fn take<'a>(&mut self) -> Vec<(Field, Datum<'a>)> {
        std::mem::take(&mut self.0)
    }

    /// Gives the room of a record back that is not needed any more.
    pub fn give(&mut self, record: Record<'_>) {
        let mut fields = record.fields;
        fields.clear();
        // the same allocation, for values that live longer
        self.0 = fields
            .into_iter()
            .map(|(field, _)| (field, Datum::Bool(false)))
            .collect();
    }
}

/// The record of an entry as its source has it; empty if it has none of its own.
pub fn raw_of<'a>(batch: &'a EventBatch, entry: &Entry) -> &'a [u8] {
    match entry {
        Entry::Event(event) => batch.slice(event.raw),
        Entry::Unrecognised(line) => batch.slice(line.raw),
        Entry::Lost { raw, .. } => batch.slice(*raw),
        Entry::Repeated { .. } => b"",
    }
}

fn event<'a>(batch: &'a EventBatch, raw: &'a RawEvent, variant: &'a str, blank: Record<'a>) -> Record<'a> {
    let time = RecordTime {
        micros: 0,
        assumed: Assumed::default(),
    };
    let event = Event::new(batch, raw, time, SourceId(0));
    let message = event.message();
    let mut fields = blank.fields;
    let values = event.fields().iter();
    fields.extend(values.map(|(field, value)| (*field, datum(&event, value))));
    Record {
        line: event.line(),
        host: event.host(),
        program: event.app(),
        command_line: event.cmdline(),
        pid: event.pid(),
        severity: Some(event.severity()),
        trusted: event.trusted(),
        dialect: message.dialect,
        message: message.id,
        variant,
        layer: message.layer.word(),
        event: message.kind.word(),
        fields,
        origin: Origin(Some(message)),
        ..blank
    }
}

fn datum<'a>(event: &Event<'a>, value: &'a Value) -> Datum<'a> {
    match value {
        Value::Text(_) => Datum::Text(event.value_bytes(value).unwrap_or_default()),
        Value::Bytes(bytes) => Datum::Bytes(bytes),
        Value::Int(number) => Datum::Int(*number),
        Value::Seconds(seconds) => Datum::Seconds(*seconds),
        Value::Ip(address) => Datum::Ip(*address),
        Value::Word(word) => Datum::Word(word),
        Value::Bool(flag) => Datum::Bool(*flag),
    }
}

/// Adds the entry that a record was made of to a batch. False if this version does not know its message.
pub fn rebuild(record: &Record<'_>, messages: &mut dyn Messages, batch: &mut EventBatch) -> bool {
    let stamp = record.time.map_or(Stamp::Missing, Stamp::Instant);
    match record.kind {
        Kind::Event => {
            let message = messages.find(record.dialect, record.message, record.variant);
            return message.is_some_and(|message| rebuild_as(record, message, batch));
        }
        Kind::Unrecognised => {
            let Some(dialect) = messages.dialect(record.dialect) else {
                return false;
            };
            let (body, raw) = (batch.keep(record.body), batch.keep(record.raw));
            batch.entries.push(Entry::Unrecognised(Unrecognised {
                dialect,
                body,
                raw,
                line: record.line,
            }));
        }
        Kind::Repeated => {
            let (host, app) = (batch.keep(record.host), batch.keep(record.program));
            batch.entries.push(Entry::Repeated {
                times: record.times.unwrap_or_default(),
                host,
                app,
                stamp,
                line: record.line,
            });
        }
        Kind::Lost => {
            let raw = batch.keep(record.raw);
            batch.entries.push(Entry::Lost {
                count: record.times,
                stamp,
                line: record.line,
                raw,
            });
        }
    }
    true
}

/// The same of an event, of which the message is known.
pub fn rebuild_as(record: &Record<'_>, message: &'static Message, batch: &mut EventBatch) -> bool {
    let stamp = record.time.map_or(Stamp::Missing, Stamp::Instant);
    let values: Option<Vec<(Field, Value)>> = record
        .fields
        .iter()
        .map(|(field, datum)| Some((*field, value(datum, batch)?)))
        .collect();
    let Some(values) = values else { return false };
    for (field, value) in values {
        batch.add_value(field, value);
    }
    let parts = EventParts {
        message,
        stamp,
        line: record.line,
        raw: batch.keep(record.raw),
        host: batch.keep(record.host),
        app: batch.keep(record.program),
        cmdline: batch.keep(record.command_line),
        pid: record.pid,
        severity: record.severity.unwrap_or(Severity::Info),
        trusted: record.trusted,
    };
    batch.push(parts);
    if record.redacted {
        batch.mark_redacted();
    }
    true
}

fn value(datum: &Datum<'_>, batch: &mut EventBatch) -> Option<Value> {
    Some(match datum {
        Datum::Text(bytes) => Value::Text(batch.keep(bytes)),
        Datum::Bytes(bytes) => Value::Bytes((*bytes).into()),
        Datum::Int(number) => Value::Int(*number),
        Datum::Seconds(seconds) => Value::Seconds(*seconds),
        Datum::Ip(address) => Value::Ip(*address),
        Datum::Word(word) => Value::Word(lasting(word)?),
        Datum::Bool(flag) => Value::Bool(*flag),
    })
}

/// A word of the contract as it lives as long as the program; None if there are more than any contract has.
fn lasting(word: &str) -> Option<&'static str> {
    static WORDS: OnceLock<Mutex<HashSet<&'static str>>> = OnceLock::new();
    let mut words = WORDS.get_or_init(Mutex::default).lock().ok()?;
    if let Some(known) = words.get(word) {
        return Some(known);
    }
    if words.len() >= WORDS_MAX || word.len() > 64 {
        return None;
    }
    let word: &'static str = Box::leak(word.to_owned().into_boxed_str());
    words.insert(word);
    Some(word)
}
