//! Events: records that were understood. They lie in batches, so that an event costs no allocation of its own.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Assumed, Field, Message, RecordRef, RecordTime, Severity, Stamp, text};

/// A part of a batch's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// Whether the span is empty.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Bytes of the batch, exactly as written.
    Text(Span),
    /// Bytes whose escaping was undone.
    Bytes(Box<[u8]>),
    /// A whole number.
    Int(i64),
    /// Seconds with fraction.
    Seconds(f64),
    /// An address.
    Ip(IpAddr),
    /// A word of the contract.
    Word(&'static str),
    /// Yes or no.
    Bool(bool),
}

impl Value {
    /// An address, if it is one.
    #[inline]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Value::Ip(address) => Some(*address),
            _ => None,
        }
    }

    /// A whole number, if it is one.
    #[inline]
    pub fn int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// One of the contract's words, if it is one.
    #[inline]
    pub fn word(&self) -> Option<&'static str> {
        match self {
            Value::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// An event as it lies in its batch.
#[derive(Clone, Debug)]
pub struct RawEvent {
    /// The catalogue's entry.
    pub message: &'static Message,
    /// When, as written.
    pub stamp: Stamp,
    /// 1-based line or record number in the source; relative to the batch until the batch is numbered.
    pub line: u64,
    /// The whole record.
    pub raw: Span,
    /// Host.
    pub host: Span,
    /// Program tag.
    pub app: Span,
    /// journald's `_CMDLINE`.
    pub cmdline: Span,
    /// The writer's process id, 0 if unknown.
    pub pid: u32,
    /// Severity by the transport, else the catalogue's.
    pub severity: Severity,
    /// False when another program forged the tag.
    pub trusted: bool,
    /// Its secrets are taken out of the record already: it comes from a store, which does not keep them.
    pub redacted: bool,
    first_value: u32,
    values: u16,
}

/// A number that no other batch of the process has had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BatchId(u64);

impl Default for BatchId {
    fn default() -> BatchId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        BatchId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Where a name stands. Equal places hold equal names; the same name may stand in many places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamePlace(BatchId, Span);

/// Events of one stretch of one source, in the order of the source.
#[derive(Debug, Default)]
pub struct EventBatch {
    id: BatchId,
    len: usize,
    bytes: Vec<u8>,
    extra: Vec<u8>,
    values: Vec<(Field, Value)>,
    /// How many of the values belong to events that were pushed.
    pushed_values: usize,
    /// The events; `Entry::Repeated` and `Entry::Lost` stand between them where the source says so.
    pub entries: Vec<Entry>,
    /// Records seen, understood or not.
    pub records: u64,
    /// Lines of VPN daemons that no entry of the catalogue fits.
    pub unrecognised: u64,
    /// Lines in this batch (to number the next one).
    pub lines: u64,
}

/// One thing in a batch.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Something understood.
    Event(RawEvent),
    /// A record of a VPN daemon that nobody understood; kept only when asked for.
    Unrecognised(Unrecognised),
    /// The entry before it, of the same host and program, came this many times more.
    Repeated {
        /** How often more. */
        times: u64,
        /** Host. */
        host: Span,
        /** Program, may be empty. */
        app: Span,
        /** When. */
        stamp: Stamp,
        /** Line. */
        line: u64,
    },
    /// Records were lost here.
    Lost {
        /** How many, if known. */
        count: Option<u64>,
        /** When. */
        stamp: Stamp,
        /** Line. */
        line: u64,
        /** The record. */
        raw: Span,
    },
}

impl Entry {
    /// When, as written; an unrecognised line is told at the time of the entry before it.
    pub fn stamp(&self) -> Option<Stamp> {
        match self {
            Entry::Event(event) => Some(event.stamp),
            Entry::Repeated { stamp, .. } | Entry::Lost { stamp, .. } => Some(*stamp),
            Entry::Unrecognised(_) => None,
        }
    }

    /// The line number, to add what came before the batch.
    pub fn line_mut(&mut self) -> &mut u64 {
        match self {
            Entry::Event(event) => &mut event.line,
            Entry::Unrecognised(line) => &mut line.line,
            Entry::Repeated { line, .. } | Entry::Lost { line, .. } => line,
        }
    }
}

/// A record of a VPN daemon that no entry of the catalogue fits.
#[derive(Clone, Debug)]
pub struct Unrecognised {
    /// The dialect whose program wrote it.
    pub dialect: &'static str,
    /// The message body.
    pub body: Span,
    /// The whole record.
    pub raw: Span,
    /// Line number.
    pub line: u64,
}

impl EventBatch {
    /// A batch over the bytes of a chunk; spans may point into it.
    pub fn new(bytes: Vec<u8>) -> EventBatch {
        EventBatch {
            len: bytes.len(),
            bytes,
            ..EventBatch::default()
        }
    }

    /// A batch over a chunk of `len` bytes that is still being read: spans may be taken of it, and its bytes are given
    /// when reading is over.
    pub fn over(len: usize) -> EventBatch {
        EventBatch {
            len,
            ..EventBatch::default()
        }
    }

    /// Gives the batch the chunk's bytes; `len` of them, as announced.
    pub fn give_bytes(&mut self, bytes: Vec<u8>) {
        debug_assert_eq!(bytes.len(), self.len);
        self.bytes = bytes;
    }

    /// The chunk's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Takes the chunk's buffer back for reuse and forgets everything else; the batch keeps its room for events.
    pub fn take_buffer(&mut self) -> Vec<u8> {
        self.begin(0);
        std::mem::take(&mut self.bytes)
    }

    /// Begins anew, over a chunk of `len` bytes as `over` does, with the room that it has.
    pub fn begin(&mut self, len: usize) {
        self.id = BatchId::default();
        self.len = len;
        self.extra.clear();
        self.values.clear();
        self.pushed_values = 0;
        self.entries.clear();
        (self.records, self.unrecognised, self.lines) = (0, 0, 0);
    }

    /// The bytes of a span.
    pub fn slice(&self, span: Span) -> &[u8] {
        let (start, len) = (span.start as usize, span.len as usize);
        match start.checked_sub(self.len) {
            Some(at) if len > 0 => &self.extra[at..at + len],
            _ => &self.bytes[start.min(self.bytes.len())..(start + len).min(self.bytes.len())],
        }
    }

    /// The span of `part`, which lies at `offset` of the chunk.
    pub fn span_at(&self, offset: usize, len: usize) -> Span {
        Span {
            start: offset as u32,
            len: len as u32,
        }
    }

    /// Copies `part` into the batch; for text that does not stand in the chunk as it is (unescaped JSON).
    pub fn keep(&mut self, part: &[u8]) -> Span {
        if part.is_empty() {
            return Span::default();
        }
        let start = self.len + self.extra.len();
        self.extra.extend_from_slice(part);
        Span {
            start: start as u32,
            len: part.len() as u32,
        }
    }

    /// Adds a value of the event that will be pushed next.
    #[inline]
    pub fn add_value(&mut self, field: Field, value: Value) {
        self.values.push((field, value));
    }

    /// Adds an event, with the values that were added since the one before.
    #[inline]
    pub fn push(&mut self, event: EventParts) {
        let first_value = self.pushed_values as u32;
        let count = (self.values.len() - self.pushed_values) as u16;
        self.pushed_values = self.values.len();
        self.entries.push(Entry::Event(RawEvent {
            message: event.message,
            stamp: event.stamp,
            line: event.line,
            raw: event.raw,
            host: event.host,
            app: event.app,
            cmdline: event.cmdline,
            pid: event.pid,
            severity: event.severity,
            trusted: event.trusted,
            redacted: false,
            first_value,
            values: count,
        }));
    }

    /// Says that the record of the event pushed last has no secrets left in it.
    pub fn mark_redacted(&mut self) {
        if let Some(Entry::Event(event)) = self.entries.last_mut() {
            event.redacted = true;
        }
    }
}

/// What `EventBatch::push` needs of an event.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // see RawEvent
pub struct EventParts {
    pub message: &'static Message,
    pub stamp: Stamp,
    pub line: u64,
    pub raw: Span,
    pub host: Span,
    pub app: Span,
    pub cmdline: Span,
    pub pid: u32,
    pub severity: Severity,
    pub trusted: bool,
}

/// Finds the span of a slice of a chunk by its place in memory, or copies it.
pub struct Spans<'c> {
    chunk: &'c [u8],
}

impl<'c> Spans<'c> {
    /// For slices of `chunk`.
    pub fn of(chunk: &'c [u8]) -> Spans<'c> {
        Spans { chunk }
    }

    /// The span of `part` in `batch`; copied into the batch if it is no part of the chunk.
    #[inline]
    pub fn span(&self, batch: &mut EventBatch, part: &[u8]) -> Span {
        match self.within(part) {
            Some(span) => span,
            None => batch.keep(part),
        }
    }

    /// The span of `part` if it lies in the chunk.
    #[inline]
    pub fn within(&self, part: &[u8]) -> Option<Span> {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.chunk.as_ptr() as usize);
        (offset <= self.chunk.len() && part.len() <= self.chunk.len() - offset).then_some(Span {
            start: offset as u32,
            len: part.len() as u32,
        })
    }

    /// The bytes of a span that `within` gave.
    pub fn bytes(&self, span: Span) -> &'c [u8] {
        let (start, len) = (span.start as usize, span.len as usize);
        self.chunk.get(start..start + len).unwrap_or_default()
    }

    /// The parts of a record that an event keeps.
    #[inline]
    pub fn parts(&self, batch: &mut EventBatch, record: &RecordRef<'_>, message: &'static Message) -> EventParts {
        EventParts {
            message,
            stamp: record.stamp,
            line: record.line,
            raw: self.span(batch, record.raw),
            host: self.span(batch, record.host),
            app: self.span(batch, record.app),
            cmdline: self.span(batch, record.cmdline),
            pid: record.pid,
            severity: record.severity.unwrap_or(message.severity),
            trusted: record.trusted,
        }
    }
}

/// Which source of a run; its name is in the run's list of sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SourceId(pub u32);

/// An event with its time decided, as correlation and exporters see it.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    batch: &'a EventBatch,
    raw: &'a RawEvent,
    /// When.
    pub time: RecordTime,
    /// Where it stands.
    pub source: SourceId,
    /// How many times (a `last message repeated N times` follows): 1 or more.
    pub times: u64,
}

impl<'a> Event<'a> {
    /// An event of a batch.
    pub fn new(batch: &'a EventBatch, raw: &'a RawEvent, time: RecordTime, source: SourceId) -> Event<'a> {
        Event {
            batch,
            raw,
            time,
            source,
            times: 1,
        }
    }

    /// The catalogue's entry.
    pub fn message(&self) -> &'static Message {
        self.raw.message
    }

    /// 1-based line number.
    pub fn line(&self) -> u64 {
        self.raw.line
    }

    /// The whole record, as bytes.
    pub fn raw(&self) -> &'a [u8] {
        self.batch.slice(self.raw.raw)
    }

    /// The host that wrote it; empty if unknown.
    pub fn host(&self) -> &'a [u8] {
        self.batch.slice(self.raw.host)
    }

    /// Where the host's name stands: one look tells that it is the one of the event before.
    pub fn host_place(&self) -> NamePlace {
        NamePlace(self.batch.id, self.raw.host)
    }

    /// The program that wrote it; empty if unknown.
    pub fn app(&self) -> &'a [u8] {
        self.batch.slice(self.raw.app)
    }

    /// journald's `_CMDLINE`; empty if unknown.
    pub fn cmdline(&self) -> &'a [u8] {
        self.batch.slice(self.raw.cmdline)
    }

    /// The writer's process id; 0 if unknown.
    pub fn pid(&self) -> u32 {
        self.raw.pid
    }

    /// Severity.
    pub fn severity(&self) -> Severity {
        self.raw.severity
    }

    /// Whether the record has no secrets left in it: it must not be redacted again, what stands for them fits no template.
    pub fn redacted(&self) -> bool {
        self.raw.redacted
    }

    /// Whether the transport vouches for the program name.
    pub fn trusted(&self) -> bool {
        self.raw.trusted
    }

    /// What was assumed about the time.
    pub fn assumed(&self) -> Assumed {
        self.time.assumed
    }

    /// The fields, in the order of the line.
    pub fn fields(&self) -> &'a [(Field, Value)] {
        let first = self.raw.first_value as usize;
        &self.batch.values[first..first + self.raw.values as usize]
    }

    /// The value of a field.
    pub fn value(&self, field: Field) -> Option<&'a Value> {
        self.fields()
            .iter()
            .find(|(name, _)| *name == field)
            .map(|(_, value)| value)
    }

    /// A field's bytes (text values only).
    pub fn bytes(&self, field: Field) -> Option<&'a [u8]> {
        self.value_bytes(self.value(field)?)
    }

    /// A field as text; bytes that are not valid UTF-8 appear as `\xNN`.
    pub fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        self.text_of(self.value(field)?)
    }

    /// A value of this event as text, as `text` gives it.
    pub fn text_of(&self, value: &'a Value) -> Option<Cow<'a, str>> {
        match value {
            Value::Int(number) => Some(Cow::Owned(number.to_string())),
            Value::Ip(address) => Some(Cow::Owned(address.to_string())),
            _ => self.value_bytes(value).map(text::lossy),
        }
    }

    /// A field as an address.
    pub fn ip(&self, field: Field) -> Option<IpAddr> {
        self.value(field)?.ip()
    }

    /// A field as a whole number.
    pub fn int(&self, field: Field) -> Option<i64> {
        self.value(field)?.int()
    }

    /// A field as seconds.
    pub fn seconds(&self, field: Field) -> Option<f64> {
        match self.value(field)? {
            Value::Seconds(seconds) => Some(*seconds),
            Value::Int(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// A field as one of the contract's words.
    pub fn word(&self, field: Field) -> Option<&'static str> {
        self.value(field)?.word()
    }

    /// The bytes of a text value of this event's batch.
    pub fn value_bytes(&self, value: &'a Value) -> Option<&'a [u8]> {
        match value {
            Value::Text(span) => Some(self.batch.slice(*span)),
            Value::Bytes(bytes) => Some(bytes),
            Value::Word(word) => Some(word.as_bytes()),
            _ => None,
        }
    }
}
