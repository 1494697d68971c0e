//! A line that was broken where it was shown or sent on (a mail, a forum, a terminal): its beginning has stamp and tag and
//! is nothing known, or chatter whose end is left unread; what follows has neither. Put together it may be what the daemon
//! wrote.
//!
//! Nobody else may gain by it: only a line that means nothing alone is gone on with, or chatter that becomes other chatter,
//! only by lines that mean nothing alone and have no header of their own, and only if no peer's text stands before the break
//! (`Dialect::may_be_joined`). So a peer whose name holds a line break makes no other line out of his.

use tunlog_model::{Hint, Message, Payload, RawEvent, RecordRef, Severity, Span, Spans, Stamp};

/// Most lines that go on with one.
const LINES_MAX: u64 = 4;
/// Most bytes of what is put together.
const BYTES_MAX: usize = 4096;

/// A line that was not understood, and those that went on with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Torn {
    stamp: Stamp,
    severity: Option<Severity>,
    pid: u32,
    trusted: bool,
    host: Span,
    app: Span,
    body: Span,
    raw: Span,
    /// The line it begins on.
    line: u64,
    /// How many lines went on with it.
    more: u64,
    /// Number of the last of its records in the batch.
    record: u64,
    /// What it is taken for as it stands, if anything.
    pub stub: Option<&'static Message>,
}

impl Torn {
    /// A record that was not understood, the `number`th of its batch. None if it is no text of the chunk.
    pub fn begin(record: &RecordRef<'_>, body: &[u8], number: u64, spans: &Spans<'_>) -> Option<Torn> {
        Some(Torn {
            stamp: record.stamp,
            severity: record.severity,
            pid: record.pid,
            trusted: record.trusted,
            host: spans.within(record.host).unwrap_or_default(),
            app: spans.within(record.app)?,
            body: spans.within(body)?,
            raw: spans.within(record.raw)?,
            line: record.line,
            more: 0,
            record: number,
            stub: None,
        })
    }

    /// An event, of the `number`th record of its batch, whose body stands at `body`.
    pub fn of_event(event: &RawEvent, body: Span, number: u64) -> Torn {
        Torn {
            stamp: event.stamp,
            severity: Some(event.severity),
            pid: event.pid,
            trusted: event.trusted,
            host: event.host,
            app: event.app,
            body,
            raw: event.raw,
            line: event.line,
            more: 0,
            record: number,
            stub: Some(event.message),
        }
    }

    /// The line it begins on.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The same with the `number`th record of the batch, if that one may go on with it: the next line, without a header.
    pub fn and(self, record: &RecordRef<'_>, number: u64) -> Option<Torn> {
        let bare = record.app.is_empty() && record.host.is_empty() && record.stamp == Stamp::Missing;
        let next = self.record + 1 == number && self.line + self.more + 1 == record.line;
        (bare && next && self.more < LINES_MAX).then_some(Torn {
            more: self.more + 1,
            record: number,
            ..self
        })
    }

    /// The record as a whole.
    pub fn record<'t>(&self, joined: &'t Joined, spans: &Spans<'t>) -> RecordRef<'t> {
        RecordRef {
            stamp: self.stamp,
            host: spans.bytes(self.host),
            app: spans.bytes(self.app),
            pid: self.pid,
            severity: self.severity,
            payload: Payload::Text(&joined.body),
            trusted: self.trusted,
            hint: Hint::default(),
            ..RecordRef::bare(&joined.raw, self.line)
        }
    }
}

/// What is put together; its room is used again.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    /// Body.
    pub body: Vec<u8>,
    /// Record.
    pub raw: Vec<u8>,
    /// Where the body was broken: each place holds the blank that stands for the line's end.
    pub breaks: Vec<usize>,
}

impl Joined {
    /// Adds the line that goes on with `torn`, which was told of it; false if it gets too long.
    pub fn add(&mut self, torn: &Torn, body: &[u8], raw: &[u8], spans: &Spans<'_>) -> bool {
        if torn.more == 1 {
            self.breaks.clear();
            for (text, part) in [(&mut self.body, torn.body), (&mut self.raw, torn.raw)] {
                text.clear();
                text.extend_from_slice(spans.bytes(part).trim_ascii_end());
            }
        }
        if self.raw.len() + raw.len() >= BYTES_MAX {
            return false;
        }
        self.breaks.push(self.body.len());
        for (text, line) in [(&mut self.body, body), (&mut self.raw, raw)] {
            text.push(b' ');
            text.extend_from_slice(line.trim_ascii());
        }
        true
    }

    /// The body of the first line.
    pub fn first(&self) -> &[u8] {
        self.breaks.first().map_or(&self.body, |end| &self.body[..*end])
    }
}
