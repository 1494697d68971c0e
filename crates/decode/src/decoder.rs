//! Records to events. One decoder per worker: it keeps scratch space, nothing else.

use tunlog_model::{Entry, EventBatch, Hint, Payload, RecordRef, Span, Spans, Unrecognised, Value};

use crate::Catalogue;
use crate::template::{Caught, Fields};
use crate::trie::Look;

/// What is kept of what was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Only what attempts are made of: detail (`…-message` kinds without facts) is counted, not kept.
    Facts,
    /// Every event.
    Events,
    /// The lines nobody understood.
    Unrecognised,
    /// What attempts are made of, and the lines nobody understood.
    FactsAndUnrecognised,
}

impl Keep {
    /// Whether detail that no attempt needs may be passed over.
    fn facts_only(self) -> bool {
        matches!(self, Keep::Facts | Keep::FactsAndUnrecognised)
    }

    fn unrecognised(self) -> bool {
        matches!(self, Keep::Unrecognised | Keep::FactsAndUnrecognised)
    }
}

/// Turns records into events of a batch.
pub struct Decoder<'c> {
    catalogue: &'c Catalogue,
    keep: Keep,
    /// Empty between records; only its allocation is kept.
    scratch: Fields<'static>,
    /// The line of the last text, and whether it gave anything.
    last: (u64, bool),
}

impl<'c> Decoder<'c> {
    /// A decoder over a catalogue.
    pub fn new(catalogue: &'c Catalogue, keep: Keep) -> Decoder<'c> {
        Decoder {
            catalogue,
            keep,
            scratch: Vec::new(),
            last: (0, false),
        }
    }

    /// Whether every event is kept, so that no line may be passed over.
    pub fn keeps_all(&self) -> bool {
        !self.keep.facts_only()
    }

    /// Decodes one record into `batch`; never an error: what is not understood is a value too.
    pub fn decode(&mut self, record: &RecordRef<'_>, spans: &Spans, batch: &mut EventBatch) {
        batch.records += 1;
        let mut scratch: Fields<'_> = std::mem::take(&mut self.scratch);
        let fields = &mut scratch;
        match record.payload {
            Payload::Text(body) => {
                let before = batch.entries.len();
                self.text(record, body, spans, batch, fields);
                self.last = (record.line, batch.entries.len() > before);
            }
            Payload::Fields(_) => {
                self.understood(record, b"", spans, batch, fields);
            }
            // a line that carries its message along: that one was not understood, so there is nothing to repeat
            Payload::Repeated(_) if self.last == (record.line, false) => {}
            Payload::Repeated(times) => {
                let (host, app) = (spans.span(batch, record.host), spans.span(batch, record.app));
                batch.entries.push(Entry::Repeated {
                    times,
                    host,
                    app,
                    stamp: record.stamp,
                    line: record.line,
                });
            }
            Payload::Lost(count) => {
                let raw = spans.span(batch, record.raw);
                batch.entries.push(Entry::Lost {
                    count,
                    stamp: record.stamp,
                    line: record.line,
                    raw,
                });
            }
        }
        self.scratch = recycled(scratch);
    }

    fn text<'a>(
        &mut self,
        record: &RecordRef<'a>,
        body: &'a [u8],
        spans: &Spans,
        batch: &mut EventBatch,
        fields: &mut Fields<'a>,
    ) {
        if self.understood(record, body, spans, batch, fields) {
            return;
        }
        if let Some((app, pid, inner)) = relayed(body) {
            let inner_record = RecordRef {
                app,
                pid,
                hint: Hint::default(),
                ..*record
            };
            // a daemon that writes what peers send could be made to speak for another one: only its own tag counts then
            let may_say_so = app == record.app || self.catalogue.passes_on(record.app);
            if may_say_so && self.catalogue.knows(app) {
                return self.text_once(&inner_record, inner, spans, batch, fields);
            }
        }
        self.unrecognised(record, body, spans, batch);
    }

    /// As `text`, for a body that was relayed already: relays do not nest.
    fn text_once<'a>(
        &mut self,
        record: &RecordRef<'a>,
        body: &'a [u8],
        spans: &Spans,
        batch: &mut EventBatch,
        fields: &mut Fields<'a>,
    ) {
        if !self.understood(record, body, spans, batch, fields) {
            self.unrecognised(record, body, spans, batch);
        }
    }

    fn understood<'a>(
        &mut self,
        record: &RecordRef<'a>,
        body: &'a [u8],
        spans: &Spans,
        batch: &mut EventBatch,
        fields: &mut Fields<'a>,
    ) -> bool {
        for speaker in self.catalogue.speakers(record.app, record.hint) {
            fields.clear();
            let dialect = &self.catalogue.dialects()[usize::from(speaker.dialect)];
            let look = Look {
                facts_only: self.keep.facts_only(),
                anchored_only: !speaker.own || (record.app.is_empty() && dialect.is_doubtful(body)),
            };
            let Some(message) = dialect.find_for(body, record, look, fields) else {
                continue;
            };
            let wanted = match self.keep {
                Keep::Facts | Keep::FactsAndUnrecognised => message.concerns_attempts,
                Keep::Events => true,
                Keep::Unrecognised => false,
            };
            if wanted {
                for (field, caught) in fields.drain(..) {
                    let value = value(caught, spans, batch);
                    batch.add_value(field, value);
                }
                let mut parts = spans.parts(batch, record, message);
                parts.severity = dialect.severity(body, message).unwrap_or(parts.severity);
                batch.push(parts);
            }
            return true;
        }
        false
    }

    fn unrecognised(&mut self, record: &RecordRef<'_>, body: &[u8], spans: &Spans, batch: &mut EventBatch) {
        // a program that only passes a dialect's lines on has lines of its own, which are nobody's concern
        let speakers = self.catalogue.speakers(record.app, record.hint);
        let own = speakers.iter().filter(|speaker| speaker.own);
        let daemon = own
            .map(|speaker| &self.catalogue.dialects()[usize::from(speaker.dialect)])
            .find(|dialect| !dialect.is_noise(body));
        let Some(dialect) = daemon.filter(|_| !record.app.is_empty() && !body.is_empty()) else {
            return;
        };
        batch.unrecognised += 1;
        if self.keep.unrecognised() {
            let (body, raw): (Span, Span) = (spans.span(batch, body), spans.span(batch, record.raw));
            batch.entries.push(Entry::Unrecognised(Unrecognised {
                dialect: dialect.name,
                body,
                raw,
                line: record.line,
            }));
        }
    }
}

/// An empty list that reuses the allocation of another, whatever its lifetime: collecting in place keeps the buffer.
fn recycled<'b>(mut fields: Fields<'_>) -> Fields<'b> {
    fields.clear();
    fields.into_iter().map_while(|_| None).collect()
}

fn value(caught: Caught<'_>, spans: &Spans, batch: &mut EventBatch) -> Value {
    match caught {
        Caught::Text(text) => Value::Text(spans.span(batch, text)),
        Caught::Bytes(bytes) => Value::Bytes(bytes),
        Caught::Int(number) => Value::Int(number),
        Caught::Seconds(seconds) => Value::Seconds(seconds),
        Caught::Ip(address) => Value::Ip(address),
        Caught::Word(word) => Value::Word(word),
        Caught::Bool(bool) => Value::Bool(bool),
    }
}

/// A body that is another daemon's line with its own tag: `xl2tpd[26176]: text`, `pppd[7]: text`, `pluto[9]: text`.
fn relayed(body: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let end = body
        .iter()
        .take(48)
        .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/')))?;
    let (tag, rest) = body.split_at(end);
    let app = tag.rsplit(|byte| *byte == b'/').next().filter(|app| !app.is_empty())?;
    let (pid, rest) = match rest.strip_prefix(b"[") {
        None => (0, rest),
        Some(inner) => {
            let close = inner.iter().take(12).position(|byte| *byte == b']')?;
            (
                u32::try_from(crate::template::parse_int(&inner[..close])?).ok()?,
                &inner[close + 1..],
            )
        }
    };
    let inner = rest.strip_prefix(b": ")?;
    Some((app, pid, inner.trim_ascii_start()))
}
