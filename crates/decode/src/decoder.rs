//! Records to events. One decoder per worker: it keeps scratch space, nothing else.

use tunlog_model::{Entry, EventBatch, Hint, Message, Payload, RecordRef, Span, Spans, Unrecognised, Value};

use crate::template::{Caught, Fields};
use crate::torn::{Joined, Torn};
use crate::trie::Look;
use crate::{Catalogue, Dialect};

/// What is kept of what was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Only what attempts are made of and what audits ask for: detail (`…-message` kinds without facts) is counted, not kept.
    Facts,
    /// Every event.
    Events,
    /// The lines nobody understood.
    Unrecognised,
    /// What attempts are made of, and the lines nobody understood.
    FactsAndUnrecognised,
    /// Every event, and the lines nobody understood: for whoever keeps them to be asked later.
    Everything,
}

impl Keep {
    /// Whether detail that no attempt needs may be passed over.
    fn facts_only(self) -> bool {
        matches!(self, Keep::Facts | Keep::FactsAndUnrecognised)
    }

    fn unrecognised(self) -> bool {
        matches!(self, Keep::Unrecognised | Keep::FactsAndUnrecognised | Keep::Everything)
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
    /// The last line that was not understood, if the next one may go on with it.
    torn: Option<Torn>,
    /// The body of the last event, and the number of its record; kept where chatter is.
    told: Option<(Span, u64)>,
    joined: Joined,
    went_on: bool,
}

impl<'c> Decoder<'c> {
    /// A decoder over a catalogue.
    pub fn new(catalogue: &'c Catalogue, keep: Keep) -> Decoder<'c> {
        Decoder {
            catalogue,
            keep,
            scratch: Vec::new(),
            last: (0, false),
            torn: None,
            told: None,
            joined: Joined::default(),
            went_on: false,
        }
    }

    /// Whether the last record was no line of its own but the end of one that began before it.
    pub fn went_on(&self) -> bool {
        self.went_on
    }

    /// Whether every event is kept, so that no line may be passed over.
    pub fn keeps_all(&self) -> bool {
        !self.keep.facts_only()
    }

    /// Decodes one record into `batch`; never an error: what is not understood is a value too.
    pub fn decode(&mut self, record: &RecordRef<'_>, spans: &Spans<'_>, batch: &mut EventBatch) {
        batch.records += 1;
        if batch.records == 1 {
            (self.torn, self.told) = (None, None); // their bytes were those of the chunk before
        }
        let mut scratch: Fields<'_> = std::mem::take(&mut self.scratch);
        let fields = &mut scratch;
        match record.payload {
            Payload::Text(body) => {
                let before = batch.entries.len();
                self.went_on = self.text(record, body, spans, batch, fields);
                self.last = (record.line, self.went_on || batch.entries.len() > before);
            }
            Payload::Fields(_) => {
                self.understood_too(record, b"", spans, batch, fields);
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

    /// Whether the body was the end of a line that began before.
    fn text<'a>(
        &mut self,
        record: &RecordRef<'a>,
        body: &'a [u8],
        spans: &Spans<'_>,
        batch: &mut EventBatch,
        fields: &mut Fields<'a>,
    ) -> bool {
        if self.understood(record, body, spans, batch, fields) {
            if matches!(self.keep, Keep::Events | Keep::Everything) {
                self.told = spans.within(body).map(|body| (body, batch.records));
            }
            return false;
        }
        if record.app.is_empty() && self.goes_on(record, body, spans, batch) {
            return true;
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
                self.text_once(&inner_record, inner, spans, batch, fields);
                return false;
            }
        }
        self.unrecognised(record, body, spans, batch);
        false
    }

    /// Whether a line without a header goes on with the one before it, which was not understood, and they are an event
    /// together.
    #[inline(never)]
    fn goes_on(&mut self, record: &RecordRef<'_>, body: &[u8], spans: &Spans<'_>, batch: &mut EventBatch) -> bool {
        let told = self.told.take().and_then(|(body, number)| match batch.entries.last() {
            Some(Entry::Event(event)) => Torn::of_event(event, body, number).and(record, batch.records),
            _ => None,
        });
        let torn = self.torn.take().and_then(|torn| torn.and(record, batch.records));
        let Some(torn) = torn.or(told) else {
            return false;
        };
        let mut joined = std::mem::take(&mut self.joined);
        let added = joined.add(&torn, body, record.raw, spans);
        let understood = added && self.put_together(&torn, &joined, spans, batch);
        self.torn = (added && !understood).then_some(torn);
        self.joined = joined;
        understood
    }

    /// Pushes the event that a line is which was put together, in the place of its beginning. False if it is none.
    fn put_together(&mut self, torn: &Torn, joined: &Joined, spans: &Spans<'_>, batch: &mut EventBatch) -> bool {
        let record = &torn.record(joined, spans);
        let look = |facts_only| Look {
            facts_only,
            anchored_only: true,
        };
        let own = self.catalogue.speakers(record.app, Hint::default()).iter();
        for speaker in own.filter(|speaker| speaker.own) {
            let dialect = &self.catalogue.dialects()[usize::from(speaker.dialect)];
            let mut fields = Vec::new();
            let Some(message) = dialect.find_for(&joined.body, record, look(false), &mut fields) else {
                continue;
            };
            if !dialect.may_be_joined(&joined.body, &joined.breaks) {
                return false;
            }
            // who reads for attempts alone takes it for chatter by its beginning: what attempts are made of must not hang on
            // who reads
            let chatter = dialect.find_for(joined.first(), record, look(true), &mut Vec::new());
            if chatter.is_some() && message.concerns_attempts {
                return false;
            }
            if !take_back(torn, message, dialect, joined.first(), batch) {
                return false;
            }
            self.push((dialect, message), &mut fields, record, &joined.body, spans, batch);
            return true;
        }
        false
    }

    /// As `text`, for a body that was relayed already: relays do not nest.
    fn text_once<'a>(
        &mut self,
        record: &RecordRef<'a>,
        body: &'a [u8],
        spans: &Spans<'_>,
        batch: &mut EventBatch,
        fields: &mut Fields<'a>,
    ) {
        if !self.understood_too(record, body, spans, batch, fields) {
            self.unrecognised(record, body, spans, batch);
        }
    }

    /// As `understood`, where it is seldom asked: there is one copy of it more than this one.
    #[inline(never)]
    fn understood_too<'a>(
        &mut self,
        record: &RecordRef<'a>,
        body: &'a [u8],
        spans: &Spans<'_>,
        batch: &mut EventBatch,
        fields: &mut Fields<'a>,
    ) -> bool {
        self.understood(record, body, spans, batch, fields)
    }

    /// What most lines go through: in line with all that it asks, down to the template.
    #[inline(always)]
    fn understood<'a>(
        &mut self,
        record: &RecordRef<'a>,
        body: &'a [u8],
        spans: &Spans<'_>,
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
            let Some(message) = dialect.find_here(body, record, look, fields) else {
                continue;
            };
            self.push((dialect, message), fields, record, body, spans, batch);
            return true;
        }
        false
    }

    /// Adds what was understood to the batch, if anybody asks for it.
    #[inline(always)]
    fn push<'a>(
        &self,
        (dialect, message): (&Dialect, &'static Message),
        fields: &mut Fields<'a>,
        record: &RecordRef<'a>,
        body: &'a [u8],
        spans: &Spans<'_>,
        batch: &mut EventBatch,
    ) {
        let wanted = match self.keep {
            Keep::Facts | Keep::FactsAndUnrecognised => message.is_fact(),
            Keep::Events | Keep::Everything => true,
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
    }

    #[inline(never)]
    fn unrecognised(&mut self, record: &RecordRef<'_>, body: &[u8], spans: &Spans<'_>, batch: &mut EventBatch) {
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
        self.torn = Torn::begin(record, body, batch.records, spans);
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

/// Takes back what the beginning of a line was taken for, now that all of it is `message`. False if that was no less.
fn take_back(torn: &Torn, message: &Message, dialect: &Dialect, first: &[u8], batch: &mut EventBatch) -> bool {
    let Some(stub) = torn.stub else {
        batch.unrecognised = batch.unrecognised.saturating_sub(1);
        if matches!(batch.entries.last(), Some(Entry::Unrecognised(line)) if line.line == torn.line()) {
            batch.entries.pop();
        }
        return true;
    };
    let is_chatter = !stub.concerns_attempts && !message.concerns_attempts;
    if !is_chatter || stub.id == message.id || stub.dialect != message.dialect || !dialect.leaves_end_unread(first) {
        return false;
    }
    batch.entries.pop();
    true
}

/// An empty list that reuses the allocation of another, whatever its lifetime: collecting in place keeps the buffer.
fn recycled<'b>(mut fields: Fields<'_>) -> Fields<'b> {
    fields.clear();
    fields.into_iter().map_while(|_| None).collect()
}

fn value(caught: Caught<'_>, spans: &Spans<'_>, batch: &mut EventBatch) -> Value {
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
