//! Everything that was said about one side of an attempt, or about all of it, for a diagnosis. Chatter too: what was sent and what
//! came back tells a lost direction from a refusal.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::Range;

use crate::{Clue, Event, EventKind, Field, Layer, Message, Role, SourceId, Value, text};

/// Takes the secrets out of a record; given by the pipeline, because only the catalogue knows what is secret.
pub type Redact = for<'a> fn(&Message, &'a [u8]) -> Cow<'a, [u8]>;

/// Reads the fields of a message's body once more, for whoever kept the body instead (`Event::unread`), and tells of the event.
pub type Reread = fn(&'static Message, &[u8], &mut dyn FnMut(&Event<'_>));

/// How what was kept of lines becomes what is shown and asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Takes secrets out; `None` shows them.
    pub redact: Option<Redact>,
    /// Reads fields that were left for later; `None` where none are.
    pub reread: Option<Reread>,
}

/// Most lines of one side: the first ones stay, and the last ones in place of each other.
const LINES_MAX: usize = 64;
/// How far back equal lines are looked for: a request and its answer alternate.
const LOOKED_BACK: usize = 4;
/// Room that a trail begins with, lines and bytes of text: a link without chatter, and all that is said of most tunnels.
const LINK: (usize, usize) = (16, 1024);
const TUNNEL: (usize, usize) = (4, 384);
/// By how much it grows then: a link with chatter needs no more until it is up.
const CHATTER: (usize, usize) = (32, 2048);
/// Room that is left where a link comes up, and the steps in which it is measured then.
const MORE: (usize, usize) = (8, 256);
const STEP: (usize, usize) = (8, 512);
/// Longest text kept of one line, bytes.
const TEXT_BYTES_MAX: usize = 1024;
/// Bytes of a trail's text that are lines it has let go of, before the others are moved together.
const GONE_BYTES_MAX: usize = 16 * 1024;

/// The fields that are kept of a line.
const FIELDS: [Field; 22] = [
    Field::Reason,
    Field::Error,
    Field::Option,
    Field::Path,
    Field::LineNumber,
    Field::Plugin,
    Field::Module,
    Field::Prefix,
    Field::Server,
    Field::Proposal,
    Field::Code,
    Field::Protocol,
    Field::InInterface,
    Field::OutInterface,
    Field::SourcePort,
    Field::DestinationPort,
    Field::Value,
    Field::AssignedIp,
    Field::Address,
    Field::User,
    Field::Limit,
    Field::Count,
];

/// Which those are, by their numbers: it is asked of each field of each line.
const IS_KEPT: [bool; 256] = {
    let mut kept = [false; 256];
    let mut at = 0;
    while at < FIELDS.len() {
        kept[FIELDS[at] as usize] = true;
        at += 1;
    }
    kept
};

/// A line of a trail, or equal lines that followed each other.
#[derive(Clone, Debug)]
pub struct Line {
    /// Time of the first line, microseconds UTC.
    pub time: i64,
    /// Time of the last line, microseconds UTC.
    pub last: i64,
    /// The catalogue's entry.
    pub message: &'static Message,
    /// 1-based number of the first line.
    pub line: u64,
    /// 1-based number of the last line.
    pub last_line: u64,
    /// How many lines it stands for.
    pub times: u32,
    /// Process that wrote it.
    pub pid: u32,
    /// Which source.
    pub source: SourceId,
    /// What stands before its body, if the line before begins alike: lines of one second do.
    head: u32,
    /// The rest of the first line, among the bytes of the trail.
    text: u32,
    /// Its fields, among those of the trail.
    facts: u32,
    text_len: u32,
    head_len: u16,
    facts_len: u8,
    kept: Kept,
}

/// How a line is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// With its fields.
    Whole,
    /// With its fields, and its secrets are out.
    Plain,
    /// Its fields were not read yet: the text is its body.
    Unread,
}

impl Line {
    fn head(&self) -> Range<usize> {
        self.head as usize..self.head as usize + usize::from(self.head_len)
    }

    fn text(&self) -> Range<usize> {
        self.text as usize..self.text as usize + self.text_len as usize
    }

    fn facts(&self) -> Range<usize> {
        self.facts as usize..self.facts as usize + usize::from(self.facts_len)
    }
}

/// What was said about one side, in the order in which it came. A trail is three allocations, however many lines it has: a
/// gateway has thousands of sides open, and most of them will never be asked for theirs. So lines are kept as they stand in
/// the log, and secrets are taken out of those that are shown; the fields of chatter are read when somebody asks for them.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    lines: Vec<Line>,
    /// The lines, and the texts of fields, which are UTF-8.
    bytes: Vec<u8>,
    /// Fields of all lines, with the place of their texts.
    facts: Vec<(Field, Range<u32>)>,
    reading: Reading,
    /// Bytes that no line has any more.
    gone: usize,
}

impl Trail {
    /// A line by itself, which may be shown as `shown`, with what it says.
    pub(crate) fn of_line(event: &Event<'_>, shown: &str) -> (Line, Trail) {
        let mut said = Trail::default();
        let text = said.write(shown.as_bytes());
        let facts = said.add_facts(event);
        (line_of(event, (0, 0), text, facts, Kept::Plain), said)
    }

    /// Whether nothing was said.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines.
    #[inline]
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Clue<'_>> + ExactSizeIterator {
        self.lines.iter().map(|line| Clue::new(line, self))
    }

    /// The first line.
    #[inline]
    pub fn first(&self) -> Option<Clue<'_>> {
        self.lines.first().map(|line| Clue::new(line, self))
    }

    /// Takes a line in.
    pub fn note(&mut self, event: &Event<'_>, reading: &Reading) {
        self.reading = *reading;
        let raw = event.raw().trim_ascii_end();
        let mut facts = None;
        if self.may_be_said_again(event) {
            self.make_room(raw.len(), event.message().role);
            match self.said_again(event) {
                None => return,
                read => facts = read,
            }
        }
        self.make_room(raw.len(), event.message().role);
        let long = raw.len() > TEXT_BYTES_MAX;
        let body = event.unread().filter(|_| !long).unwrap_or(0);
        let kept = match facts {
            None if event.unread().is_some() && !long => Kept::Unread,
            _ if long || event.redacted() => Kept::Plain,
            _ => Kept::Whole,
        };
        let facts = match kept {
            Kept::Unread => 0..0,
            _ => facts.unwrap_or_else(|| self.facts_of(event)),
        };
        let (head, rest) = raw.split_at(body.min(raw.len()));
        let head = self.add_head(head);
        let text = match long {
            true => self.add_long(event),
            false => self.write(rest),
        };
        self.lines.push(line_of(event, head, text, facts, kept));
        if self.lines.len() > LINES_MAX {
            self.let_go(LINES_MAX / 2);
        }
    }

    /// Begins with as much room as the side will need, and grows by steps: what is not used lies about in thousands of trails.
    fn make_room(&mut self, bytes: usize, role: Role) {
        let (lines, text) = match (role, self.lines.is_empty()) {
            (Role::Ppp, true) => LINK,
            (Role::Ppp, false) => CHATTER,
            _ => TUNNEL,
        };
        if self.lines.len() == self.lines.capacity() {
            self.lines.reserve_exact(lines);
        }
        if self.bytes.capacity() - self.bytes.len() < bytes {
            self.bytes.reserve_exact(text.max(bytes));
        }
    }

    /// Whether one of the lines shortly before may say the same, as far as can be told without fields.
    fn may_be_said_again(&self, event: &Event<'_>) -> bool {
        let mut lately = self.lines.iter().rev().take(LOOKED_BACK);
        lately.any(|line| is_like(line, event))
    }

    /// Counts a line once more that says what one shortly before it said: None. Else the line's own facts, which were read for
    /// that.
    fn said_again(&mut self, event: &Event<'_>) -> Option<Range<u32>> {
        let lately = self.lines.len().saturating_sub(LOOKED_BACK)..self.lines.len();
        // echoes come for ever
        if is_echo(event.message())
            && let Some(at) = lately.clone().rev().find(|at| is_like(&self.lines[*at], event))
        {
            self.again(at, event);
            return None;
        }
        if let Some(at) = self.same_body(event, lately.clone()) {
            self.again(at, event);
            return None;
        }
        for at in lately.clone() {
            if is_like(&self.lines[at], event) {
                self.read(at);
            }
        }
        let (bytes, facts) = (self.bytes.len(), self.facts.len());
        let said = self.facts_of(event);
        let says_so = |line: &Line| is_like(line, event) && self.says(line.facts()).eq(self.says(span(&said)));
        let Some(at) = lately.rev().find(|at| says_so(&self.lines[*at])) else {
            return Some(said);
        };
        self.facts.truncate(facts);
        self.bytes.truncate(bytes);
        self.again(at, event);
        None
    }

    /// The newest like line, if its body is known and the same: then so are its fields.
    fn same_body(&self, event: &Event<'_>, lately: Range<usize>) -> Option<usize> {
        let body = event.raw().get(event.unread()?..)?.trim_ascii_end();
        let newest = lately.rev().find(|at| is_like(&self.lines[*at], event))?;
        let line = &self.lines[newest];
        (line.kept == Kept::Unread && self.part(line.text()) == body).then_some(newest)
    }

    fn again(&mut self, at: usize, event: &Event<'_>) {
        if let Some(line) = self.lines.get_mut(at) {
            line.times = line.times.saturating_add(1);
            line.last = event.time.micros;
            line.last_line = event.line();
        }
    }

    /// Reads the fields of a line that were left for later.
    fn read(&mut self, at: usize) {
        let Some(line) = self.lines.get_mut(at).filter(|line| line.kept == Kept::Unread) else {
            return;
        };
        line.kept = Kept::Whole;
        let (message, text) = (line.message, line.text());
        let body = self.bytes.get(text).unwrap_or_default().to_vec();
        let facts = self.reread(message, &body);
        if let Some(line) = self.lines.get_mut(at) {
            (line.facts, line.facts_len) = (facts.start, facts.len() as u8);
        }
    }

    fn reread(&mut self, message: &'static Message, body: &[u8]) -> Range<u32> {
        let mut facts = 0..0;
        if let Some(reread) = self.reading.reread {
            reread(message, body, &mut |event| facts = self.add_facts(event));
        }
        facts
    }

    /// Adds what is kept of an event's fields; where they stand among the facts.
    fn facts_of(&mut self, event: &Event<'_>) -> Range<u32> {
        match event.unread() {
            Some(at) => self.reread(event.message(), event.raw().get(at..).unwrap_or_default()),
            None => self.add_facts(event),
        }
    }

    /// In the order of the line.
    fn add_facts(&mut self, event: &Event<'_>) -> Range<u32> {
        let first = self.facts.len() as u32;
        let fields = event.fields();
        for (at, (field, value)) in fields.iter().enumerate() {
            let is_id = *field == Field::PacketId && matches!(value, Value::Int(_));
            // a field that comes twice says what it says first
            if !(is_id || IS_KEPT[*field as usize]) || fields[..at].iter().any(|(known, _)| known == field) {
                continue;
            }
            let start = self.bytes.len() as u32;
            if self.add_value(event, value) {
                self.facts.push((*field, start..self.bytes.len() as u32));
            }
        }
        first..self.facts.len() as u32
    }

    /// Adds a value as text; whether it is one that has a text.
    fn add_value(&mut self, event: &Event<'_>, value: &Value) -> bool {
        match value {
            Value::Ip(IpAddr::V4(address)) => {
                for (place, octet) in address.octets().into_iter().enumerate() {
                    if place > 0 {
                        self.bytes.push(b'.');
                    }
                    text::push_number(&mut self.bytes, octet.into());
                }
            }
            Value::Ip(address) => self.add_shown(address),
            Value::Int(number) => {
                if *number < 0 {
                    self.bytes.push(b'-');
                }
                text::push_number(&mut self.bytes, number.unsigned_abs());
            }
            Value::Text(_) | Value::Bytes(_) | Value::Word(_) => {
                let shown = text::lossy(event.value_bytes(value).unwrap_or_default());
                self.bytes.extend_from_slice(shown.as_bytes());
            }
            Value::Seconds(_) | Value::Bool(_) => return false,
        }
        true
    }

    fn add_shown(&mut self, value: &dyn std::fmt::Display) {
        let mut shown = String::new();
        // writing to a text cannot fail
        let _ = write!(shown, "{value}");
        self.bytes.extend_from_slice(shown.as_bytes());
    }

    /// Adds what stands before a body, unless the line before begins alike; where it stands.
    fn add_head(&mut self, head: &[u8]) -> (u32, u16) {
        if head.is_empty() {
            return (0, 0);
        }
        if let Some(before) = self.lines.last()
            && self.bytes.get(before.head()) == Some(head)
        {
            return (before.head, before.head_len);
        }
        (self.write(head).start, head.len() as u16)
    }

    /// Adds a very long line, cut off when its secrets are out.
    fn add_long(&mut self, event: &Event<'_>) -> Range<u32> {
        let raw = event.raw();
        let redact = self.reading.redact.filter(|_| !event.redacted());
        let shown = redact.map_or(Cow::Borrowed(raw), |redact| redact(event.message(), raw));
        let shown = text::lossy(shown.trim_ascii_end());
        let end = shown.floor_char_boundary(TEXT_BYTES_MAX);
        self.write(&shown.as_bytes()[..end])
    }

    /// Adds bytes; where they stand.
    fn write(&mut self, part: &[u8]) -> Range<u32> {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(part);
        start..self.bytes.len() as u32
    }

    /// Lets go of a line.
    fn let_go(&mut self, at: usize) {
        let line = self.lines.remove(at);
        let facts: usize = self.says(line.facts()).map(|(_, text)| text.len()).sum();
        self.gone += line.head().len() + line.text().len() + facts;
        if self.gone > GONE_BYTES_MAX {
            let kept = std::mem::take(self);
            self.copy(kept);
        }
    }

    /// Adds the lines of another side.
    pub fn join(&mut self, other: Trail) {
        if self.lines.is_empty() {
            *self = other;
            return;
        }
        self.lines.reserve_exact(other.lines.len());
        self.bytes.reserve_exact(other.bytes.len());
        self.copy(other);
    }

    /// Adds copies of lines, and of what they say.
    fn copy(&mut self, mut other: Trail) {
        self.reading.redact = self.reading.redact.or(other.reading.redact);
        self.reading.reread = self.reading.reread.or(other.reading.reread);
        for line in std::mem::take(&mut other.lines) {
            let facts = self.facts.len() as u32;
            for (field, text) in other.says(line.facts()) {
                let part = self.write(text);
                self.facts.push((field, part));
            }
            let (head, head_len) = self.add_head(other.part(line.head()));
            let text = self.write(other.part(line.text())).start;
            self.lines.push(Line {
                head,
                text,
                facts,
                head_len,
                ..line
            });
        }
    }

    /// Puts the lines in the order of time; of one moment in the order of the source.
    #[must_use]
    pub fn in_order(mut self) -> Trail {
        let key = |line: &Line| (line.time, line.source, line.line);
        if !self.lines.is_sorted_by_key(key) {
            self.lines.sort_by_key(key);
        }
        self
    }

    /// The connection is up: of the chatter before it, what negotiated the link, the login and an encryption that was agreed on is
    /// let go of, the last lines apart. Sessions are what is open for long, by the thousand, and their faults lie elsewhere.
    pub fn thin(&mut self) {
        let recent = self.lines.len().saturating_sub(LOOKED_BACK);
        let agreed = |line: &Line| line.message.kind == EventKind::EncryptionAgreed;
        let encrypted = self.lines.iter().any(agreed);
        let is_past = |line: &Line| {
            let (kind, layer) = (line.message.kind, line.message.layer);
            let is_routine = kind.is_detail() || matches!(kind, EventKind::PluginLoaded | EventKind::ScriptRun);
            let is_below = match layer {
                Layer::Ccp => encrypted,
                Layer::System | Layer::Lcp | Layer::Auth => encrypted || kind != EventKind::CcpMessage,
                _ => false,
            };
            line.kept == Kept::Unread && is_routine && is_below
        };
        if !self.lines[..recent].iter().any(is_past) {
            return;
        }
        let mut at = 0;
        let mut stays = |line: &Line| {
            at += 1;
            at > recent || !is_past(line)
        };
        let mut kept = std::mem::take(self);
        kept.lines.retain(&mut stays);
        let bytes = |line: &Line| line.head().len() + line.text().len();
        let bytes = kept.lines.iter().map(bytes).sum::<usize>().min(kept.bytes.len());
        // in steps: what one session leaves behind fits the next
        self.lines
            .reserve_exact((kept.lines.len() + MORE.0).next_multiple_of(STEP.0));
        self.bytes.reserve_exact((bytes + MORE.1).next_multiple_of(STEP.1));
        self.copy(kept);
    }

    /// A part of the bytes; empty if there is no such part.
    fn part(&self, part: Range<usize>) -> &[u8] {
        self.bytes.get(part).unwrap_or_default()
    }

    /// Facts with their texts.
    fn says(&self, of: Range<usize>) -> impl Iterator<Item = (Field, &[u8])> {
        let facts = self.facts.get(of).unwrap_or_default().iter();
        facts.map(|(field, part)| (*field, self.part(span(part))))
    }

    /// A line as it stands in the log.
    pub(crate) fn raw(&self, line: &Line) -> Cow<'_, [u8]> {
        let (head, text) = (line.head(), line.text());
        match head.is_empty() || head.end == text.start {
            true => Cow::Borrowed(self.part(text.start - head.len()..text.end)),
            false => Cow::Owned([self.part(head), self.part(text)].concat()),
        }
    }

    /// What takes the secrets out of a line before it is shown; None if there are none, or the user asked for them.
    pub(crate) fn redacts(&self, line: &Line) -> Option<Redact> {
        self.reading.redact.filter(|_| line.kept != Kept::Plain)
    }

    /// What a line says in the first of these fields that it has.
    pub(crate) fn fact(&self, line: &Line, fields: &[Field]) -> Option<Cow<'_, str>> {
        if line.kept == Kept::Unread {
            return self.unread_fact(line, fields).map(Cow::Owned);
        }
        let says = |field: &Field| self.says(line.facts()).find(|(known, _)| known == field);
        let (_, text) = fields.iter().find_map(says)?;
        std::str::from_utf8(text).ok().map(Cow::Borrowed)
    }

    fn unread_fact(&self, line: &Line, fields: &[Field]) -> Option<String> {
        let mut one = Trail::default();
        let reread = self.reading.reread?;
        reread(line.message, self.part(line.text()), &mut |event| {
            one.add_facts(event);
        });
        let says = |field: &Field| one.says(0..one.facts.len()).find(|(known, _)| known == field);
        let (_, text) = fields.iter().find_map(says)?;
        String::from_utf8(text.to_vec()).ok()
    }
}

/// The line of an event, of which these parts are kept.
fn line_of(event: &Event<'_>, head: (u32, u16), text: Range<u32>, facts: Range<u32>, kept: Kept) -> Line {
    Line {
        time: event.time.micros,
        last: event.time.micros,
        message: event.message(),
        line: event.line(),
        last_line: event.line(),
        times: 1,
        pid: event.pid(),
        source: event.source,
        head: head.0,
        text: text.start,
        facts: facts.start,
        text_len: text.end - text.start,
        head_len: head.1,
        facts_len: (facts.end - facts.start) as u8,
        kept,
    }
}

fn span(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// Whether a line may say what an event says, as far as can be told without fields.
#[inline]
fn is_like(line: &Line, event: &Event<'_>) -> bool {
    std::ptr::eq(line.message, event.message()) && line.source == event.source
}

/// Whether a message is the line of an echo packet.
fn is_echo(message: &Message) -> bool {
    message.packet.is_some_and(|packet| packet.code.starts_with("Echo"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_nothing_where_nothing_was_said() {
        let trail = Trail::default();
        assert_eq!((trail.part(3..9), trail.says(0..2).count()), (&b""[..], 0));
        assert!(trail.is_empty() && trail.first().is_none());
    }
}
