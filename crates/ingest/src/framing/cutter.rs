//! Cuts one chunk: finds the lines, asks the filter as soon as the program is known, and hands out the records.

mod windows;

use std::sync::Arc;

use tunlog_model::{AppFilter, Hint, Payload, RecordRef, Severity, Stamp};

use super::fast::Shape;
use super::header::{self, Header};
use super::json_record::JsonReader;
use super::markers::{self, Repeat};
use super::radius_detail::Block;
use super::tag::{self, Named};
use super::w3c::Layout;
use super::windows::{EventFields, binxml, snare};
use super::{Cut, Note, REPEATS_MAX, newlines, nps, routeros, samba};

/// Hosts whose last line is remembered, for `last message repeated`.
const HOSTS_MAX: usize = 64;

/// How many program names are remembered; a power of two.
const TAGS: usize = 128;

/// What is known of a name as it stands in a tag, in one word, because it is asked for with every line: flags, and above them
/// the number by which the filter knows the program.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Verdict(u64);

impl Verdict {
    /// Not asked yet, or no name.
    const NONE: Verdict = Verdict(0);
    /// Its lines are nobody's concern.
    const FOREIGN: Verdict = Verdict(1);
    const TAGGED: u64 = 2;
    const WANTED: u64 = 4;
    const MARKER: u64 = 8;

    /// Of a program whose lines are wanted, or may tell of lost lines.
    fn of(program: Option<Hint>, marker: bool) -> Verdict {
        let marker = if marker { Verdict::MARKER } else { 0 };
        match program {
            None if marker == 0 => Verdict::FOREIGN,
            None => Verdict(Verdict::TAGGED | marker),
            Some(hint) => Verdict(u64::from(hint.program) << 32 | Verdict::TAGGED | Verdict::WANTED | marker),
        }
    }

    /// What the filter would like to be told again, if it wants the lines.
    #[inline]
    fn program(self) -> Option<Hint> {
        (self.0 & Verdict::WANTED != 0).then_some(Hint {
            program: (self.0 >> 32) as u32,
            place: 0,
        })
    }

    #[inline]
    fn is_marker(self) -> bool {
        self.0 & Verdict::MARKER != 0
    }
}

pub(crate) struct Cutter<'a, 'f, F: ?Sized, E> {
    line_bytes_max: usize,
    filter: &'f F,
    each: &'f mut E,
    cut: Cut,
    shape: Option<Shape<'a>>,
    /// Names of programs, as they stood in tags: asking the filter for each line would cost more than finding its end.
    tags: [(Named, Verdict); TAGS],
    /// For each host, whether its last line was handed out; for the one of the last line that is `kept`.
    hosts: Vec<(&'a [u8], bool)>,
    host: usize,
    kept: bool,
    json: JsonReader,
    event: EventFields,
    block: Option<Block<'a>>,
    pair: Option<Pending<'a>>,
    /// A record of an NPS file that was broken into lines.
    nps: Option<nps::Block>,
    /// The order of columns by the last header of a firewall's log.
    pub(crate) layout: Option<Arc<Layout>>,
    samba: Option<samba::Block<'a>>,
}

/// The first line of a RouterOS pair.
struct Pending<'a> {
    start: usize,
    line: u64,
    stamp: Stamp,
    topics: &'a [u8],
}

impl<'a, 'f, F: AppFilter + ?Sized, E: FnMut(&RecordRef<'_>)> Cutter<'a, 'f, F, E> {
    pub(crate) fn new(line_bytes_max: usize, filter: &'f F, each: &'f mut E) -> Self {
        Cutter {
            line_bytes_max,
            filter,
            each,
            cut: Cut::default(),
            shape: None,
            tags: [Default::default(); TAGS],
            hosts: vec![(b"", true)],
            host: 0,
            kept: true,
            json: JsonReader::default(),
            event: EventFields::default(),
            block: None,
            pair: None,
            nps: None,
            layout: None,
            samba: None,
        }
    }

    /// Cuts lines. `hole` NULs stood before the first byte.
    pub(crate) fn lines(&mut self, bytes: &'a [u8], hole: u64) {
        let mut start = 0;
        let mut hole = hole;
        newlines::each(bytes, |end| {
            self.line(bytes, start, end, hole);
            start = end + 1;
            hole = 0;
        });
        if start < bytes.len() {
            self.cut.lines += 1;
            self.long(bytes, start, bytes.len(), hole);
        }
        self.end_block(bytes, bytes.len());
        self.end_event();
    }

    pub(crate) fn finish(self) -> Cut {
        self.cut
    }

    pub(crate) fn note(&mut self, cause: String) {
        self.cut.notes.push(Note::at_line(self.cut.lines, cause));
    }

    /// Tells of records that could not be read, in a format whose lines are counted by `lines_until`.
    pub(crate) fn loss(&mut self, cause: String) {
        self.cut.notes.push(Note::loss(self.cut.lines + 1, cause));
    }

    /// Tells something of a place that is no line.
    pub(crate) fn tell(&mut self, note: Note) {
        self.cut.notes.push(note);
    }

    /// How many records or lines were counted.
    pub(crate) fn counted(&self) -> u64 {
        self.cut.lines
    }

    /// Counts the line ends of a part of the chunk.
    pub(crate) fn lines_until(&mut self, bytes: &[u8], from: usize, to: usize) {
        self.cut.lines += memchr::memchr_iter(b'\n', &bytes[from..to]).count() as u64;
    }

    /// Reads a Windows event with number `number` and hands it out. What is wrong with it, if it is none.
    pub(crate) fn event(
        &mut self,
        number: u64,
        read: impl FnOnce(&mut EventFields) -> Result<(), String>,
    ) -> Result<(), String> {
        read(&mut self.event)?;
        self.event.give(None, number, self.filter, &mut *self.each);
        Ok(())
    }

    /// Reads a Windows event that is of the usual kind; false if it is not, and then it is not counted.
    pub(crate) fn usual_event(&mut self, read: impl FnOnce(&F, &mut EventFields) -> Option<binxml::Read>) -> bool {
        let Some(read) = read(self.filter, &mut self.event) else {
            return false;
        };
        self.cut.lines += 1;
        match read {
            binxml::Read::Unwanted => {}
            binxml::Read::Event => {
                self.event.give(None, self.cut.lines, self.filter, &mut *self.each);
            }
        }
        true
    }

    /// A JSON record of several lines.
    pub(crate) fn json_object(&mut self, text: &'a [u8]) {
        let mut json = std::mem::take(&mut self.json);
        let (number, filter) = (self.cut.lines + 1, self.filter);
        let known = json.read_line(text, number, filter, &mut *self.each);
        self.json = json;
        if !known {
            self.cut
                .notes
                .push(Note::at_line(number, "not a log record: skipped".to_string()));
        }
    }

    /// Counts a record of a format without lines.
    pub(crate) fn count(&mut self) {
        self.cut.lines += 1;
    }

    #[inline(always)]
    fn line(&mut self, bytes: &'a [u8], start: usize, end: usize, hole: u64) {
        self.cut.lines += 1;
        let line = &bytes[start..end];
        // what the beginning tells, if it is that of the line before; blocks of lines have none and forget it
        if let Some(shape) = &self.shape
            && let Some(text) = shape.behind(line)
            && line.len() <= self.line_bytes_max
            && let Some(named) = Named::of(text)
        {
            let (known, verdict) = &self.tags[named.slot(TAGS)];
            let verdict = if known.is(&named) {
                *verdict
            } else {
                self.ask(named, text)
            };
            if verdict == Verdict::FOREIGN {
                self.kept = false;
                return;
            }
            if verdict != Verdict::NONE {
                return self.short(line, text, named.end, verdict);
            }
        }
        self.long(bytes, start, end, hole);
    }

    /// Asks the filter for a program, and remembers what it said. What stood there before moves to the neighbouring slot, where
    /// it is looked for first: two programs of one slot that take turns would ask every time.
    #[cold]
    fn ask(&mut self, named: Named, text: &[u8]) -> Verdict {
        let slot = named.slot(TAGS);
        let (known, verdict) = &self.tags[slot ^ 1];
        if known.is(&named) {
            return *verdict;
        }
        let verdict = if named.is_tag(text) {
            let name = tag::base(&text[..named.end]);
            Verdict::of(self.filter.program(name), markers::may_tell_loss(name))
        } else {
            Verdict::NONE
        };
        self.tags[slot ^ 1] = self.tags[slot];
        self.tags[slot] = (named, verdict);
        verdict
    }

    /// A line that begins like the one before; of a program whose lines are wanted. `text` begins with the tag, whose name ends at
    /// `end`.
    #[inline(always)]
    fn short(&mut self, line: &'a [u8], text: &'a [u8], end: usize, verdict: Verdict) {
        let (name, behind) = text.split_at(end);
        let Some((pid, body)) = tag::behind(behind) else {
            return self.plain(line);
        };
        let body = trim_end(body);
        let repeat = matches!(body.first(), Some(b'l' | b'm')) && markers::repeat(body).is_some();
        let mut hint = Hint::default();
        if let Some(program) = verdict.program().filter(|_| !repeat) {
            let Some(seen) = self.filter.glance(program, body) else {
                self.kept = true;
                self.cut.chatter += 1;
                return;
            };
            hint = seen;
        }
        let (app, pid) = (tag::base(name), pid.number());
        let marker = repeat || verdict.is_marker();
        let Some(shape) = &mut self.shape else { return };
        let (stamp, host) = (shape.stamp(line), shape.host);
        let number = self.cut.lines;
        if marker {
            let header = Header {
                stamp,
                host,
                app,
                pid,
                severity: None,
                body,
                stamped: true,
                plain: None,
            };
            return self.emit_if(verdict.program().is_some(), &header, line, number);
        }
        self.kept = true;
        (self.each)(&RecordRef {
            stamp,
            host,
            app,
            pid,
            severity: None,
            payload: Payload::Text(body),
            cmdline: b"",
            trusted: true,
            raw: trim_line_end(line),
            line: number,
            hint,
        });
    }

    /// Any line.
    #[inline(never)]
    fn long(&mut self, bytes: &'a [u8], mut start: usize, mut end: usize, hole: u64) {
        if bytes[start] == 0 || hole > 0 {
            start = self.skip_hole(bytes, start, end, hole);
        }
        if end - start > self.line_bytes_max {
            self.note(format!("longer than {} bytes: cut", self.line_bytes_max));
            end = start + self.line_bytes_max;
        }
        let line = &bytes[start..end];
        if self.in_block(bytes, start, line) {
            return;
        }
        let line = trim_line_end(line);
        if trim_end(line).is_empty() {
            return;
        }
        if line[0] == b'{' || line.starts_with(b" {") {
            return self.json_line(line);
        }
        if !self.of_windows(line) {
            self.plain(line);
        }
    }

    /// Any line that does not belong to a block.
    #[inline(never)]
    fn plain(&mut self, line: &'a [u8]) {
        let line = trim_line_end(line);
        match header::read(line) {
            Some(header) if header.body.first() == Some(&b'{') && header.app.is_empty() => self.json_line(header.body),
            Some(header) => {
                self.remember(line, &header);
                self.emit(&header, line, self.cut.lines);
            }
            None if line.starts_with(b"-- ") && line.len() < 200 => {} // journalctl's own remarks
            None => {
                self.shape = None;
                self.set_host(b"");
                if let Some((host, body)) = snare::without_header(line) {
                    return self.snare(host, body, line, self.cut.lines);
                }
                self.emit(&Header::of_body(line), line, self.cut.lines);
            }
        }
    }

    /// A hole that a writer left when its file was cut off under it.
    fn skip_hole(&mut self, bytes: &[u8], start: usize, end: usize, hole: u64) -> usize {
        let nuls = bytes[start..end].iter().take_while(|byte| **byte == 0).count();
        let total = hole + nuls as u64;
        if total > self.line_bytes_max as u64 {
            self.note(format!(
                "longer than {} bytes: cut (a hole of {total} NUL bytes)",
                self.line_bytes_max
            ));
        } else {
            self.note(format!("a hole of {total} NUL bytes was skipped"));
        }
        start + nuls
    }

    fn remember(&mut self, line: &'a [u8], header: &Header<'a>) {
        self.shape = Shape::of(line, header);
        self.set_host(header.host);
    }

    fn set_host(&mut self, host: &'a [u8]) {
        if self.hosts[self.host].0 == host {
            return;
        }
        self.hosts[self.host].1 = self.kept;
        self.host = match self.hosts.iter().position(|(name, _)| *name == host) {
            Some(at) => at,
            None => {
                if self.hosts.len() == HOSTS_MAX {
                    self.hosts.truncate(1);
                }
                self.hosts.push((host, true));
                self.hosts.len() - 1
            }
        };
        self.kept = self.hosts[self.host].1;
    }

    /// Hands a record out, or what it says about others.
    fn emit(&mut self, header: &Header<'_>, raw: &[u8], line: u64) {
        if header.app.is_empty() && snare::is_event(header.body) {
            return self.snare(header.host, header.body, raw, line);
        }
        self.emit_if(self.filter.wants(header.app), header, raw, line);
    }

    /// The same, where it is known whether the program's lines are wanted.
    #[inline(never)]
    fn emit_if(&mut self, wanted: bool, header: &Header<'_>, raw: &[u8], line: u64) {
        if let Some(repeat) = markers::repeat(header.body) {
            return self.repeated(header, raw, line, repeat, wanted);
        }
        if markers::may_tell_loss(header.app)
            && let Some(count) = markers::loss(header.app, header.body)
        {
            self.give(header, raw, line, Payload::Lost(count));
            return;
        }
        self.kept = wanted;
        if wanted {
            self.give(header, raw, line, Payload::Text(trim_end(header.body)));
        }
    }

    fn snare(&mut self, host: &[u8], body: &[u8], raw: &[u8], line: u64) {
        match snare::read(body, host, &mut self.event) {
            Ok(()) => self
                .event
                .give(Some(trim_line_end(raw)), line, self.filter, &mut *self.each),
            Err(cause) => self.note(cause),
        }
    }

    fn repeated(&mut self, header: &Header<'_>, raw: &[u8], line: u64, repeat: Repeat<'_>, wanted: bool) {
        let (Repeat::Last(count) | Repeat::Message(count, _)) = repeat;
        if count > REPEATS_MAX {
            // nobody says so truly: the line is damaged or forged, and nothing of it is believed
            self.note(format!(
                "a repeat count above {REPEATS_MAX} cannot be right: not counted"
            ));
            self.kept = false;
            return;
        }
        match repeat {
            Repeat::Last(_) => {
                // Without a tag it speaks of whatever line came before: not of ours if that one was not wanted.
                let speaks_of_ours = if header.app.is_empty() { self.kept } else { wanted };
                if speaks_of_ours && count > 0 {
                    self.give(header, raw, line, Payload::Repeated(count));
                }
            }
            Repeat::Message(_, text) => {
                self.kept = wanted;
                if wanted && count > 0 {
                    self.give(header, raw, line, Payload::Text(trim_end(text)));
                    if count > 1 {
                        self.give(header, raw, line, Payload::Repeated(count - 1));
                    }
                }
            }
        }
    }

    fn give(&mut self, header: &Header<'_>, raw: &[u8], line: u64, payload: Payload<'_>) {
        (self.each)(&RecordRef {
            stamp: header.stamp,
            host: header.host,
            app: header.app,
            pid: header.pid,
            severity: header.severity,
            payload,
            cmdline: b"",
            trusted: true,
            raw: trim_line_end(raw),
            line,
            hint: Hint::default(),
        });
    }

    fn json_line(&mut self, line: &'a [u8]) {
        self.shape = None;
        let mut json = std::mem::take(&mut self.json);
        let (number, filter) = (self.cut.lines, self.filter);
        let known = json.read_line(line, number, filter, &mut *self.each);
        self.json = json;
        if !known {
            self.note("not a whole JSON record: skipped".to_string());
        }
    }

    /// A record of named journal fields.
    pub(crate) fn journal_fields<'x>(&mut self, raw: &[u8], fields: impl Iterator<Item = (&'x [u8], &'x [u8])>) {
        let mut json = std::mem::take(&mut self.json);
        let (number, filter) = (self.cut.lines, self.filter);
        json.read_fields(raw, number, fields, filter, &mut *self.each);
        self.json = json;
    }

    /// Records of several lines. Whether the line belonged to one.
    fn in_block(&mut self, bytes: &'a [u8], start: usize, line: &'a [u8]) -> bool {
        if let Some(block) = &mut self.block {
            if block.add(line) {
                return true;
            }
            self.end_block(bytes, start);
        }
        if (self.nps.is_some() || line.first() == Some(&b'<')) && self.in_event(bytes, start, line) {
            return true;
        }
        if let Some(block) = self.samba.take().filter(|_| samba::continues(line)) {
            self.samba_line(bytes, block, start, line);
            return true;
        }
        if let Some(pair) = self.pair.take()
            && let Some(message) = routeros::message(line)
        {
            let raw = trim_end(&bytes[pair.start..start + line.len()]);
            self.routeros(raw, pair.line, pair.stamp, pair.topics, message);
            return true;
        }
        if let Some(block) = Block::begin(line, start, self.cut.lines) {
            (self.block, self.shape) = (Some(block), None);
            return true;
        }
        if let Some(block) = samba::Block::begin(trim_end(line), start, self.cut.lines) {
            (self.samba, self.shape) = (Some(block), None);
            return true;
        }
        if let Some(pair) = routeros::pair(line) {
            if pair.message.is_empty() {
                self.shape = None;
                self.pair = Some(Pending {
                    start,
                    line: self.cut.lines,
                    stamp: pair.stamp,
                    topics: pair.topics,
                });
            } else {
                self.routeros(trim_end(line), self.cut.lines, pair.stamp, pair.topics, pair.message);
            }
            return true;
        }
        false
    }

    fn routeros(&mut self, raw: &[u8], line: u64, stamp: Stamp, topics: &[u8], message: &[u8]) {
        let body = [topics, message].join(&b' ');
        let header = Header {
            stamp,
            app: routeros::app_of(topics),
            ..Header::of_body(&body)
        };
        self.emit(&header, raw, line);
    }

    /// A line of a Samba message: the first is the message, the others only belong to it.
    fn samba_line(&mut self, bytes: &'a [u8], block: samba::Block<'a>, start: usize, line: &'a [u8]) {
        self.samba = Some(samba::Block { told: true, ..block });
        if block.told {
            return;
        }
        let header = Header {
            stamp: block.stamp,
            app: block.app,
            pid: block.pid,
            severity: block.severity,
            ..Header::of_body(line.trim_ascii_start())
        };
        let raw = trim_end(&bytes[block.start..start + line.len()]);
        self.emit(&header, raw, block.line);
    }

    /// Hands out the RADIUS detail block that ends before `end`.
    fn end_block(&mut self, bytes: &'a [u8], end: usize) {
        let Some(block) = self.block.take() else { return };
        let raw = trim_end(&bytes[block.start..end]);
        let line = block.line;
        if block.fields.is_empty() {
            let header = Header {
                stamp: block.stamp,
                ..Header::of_body(raw)
            };
            return self.emit(&header, raw, line);
        }
        if self.filter.wants(super::radius_detail::APP) {
            let header = Header {
                stamp: block.stamp,
                app: super::radius_detail::APP,
                ..Header::of_body(b"")
            };
            self.give(&header, raw, line, Payload::Fields(&block.fields));
        }
    }
}

/// Cuts blanks and line ends off the end.
#[inline]
pub(crate) fn trim_end(text: &[u8]) -> &[u8] {
    let mut rest = text;
    // nearly every line ends with something that can be seen
    while let [before @ .., last] = rest
        && *last <= b' '
        && matches!(last, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c)
    {
        rest = before;
    }
    rest
}

#[inline]
fn trim_line_end(text: &[u8]) -> &[u8] {
    match text {
        [text @ .., b'\r'] => text,
        text => text,
    }
}

/// The severity of a syslog number, as text or in JSON.
pub(crate) fn severity(text: &[u8]) -> Option<Severity> {
    match text {
        [digit @ b'0'..=b'7'] => Some(Severity::from_number(digit - b'0')),
        _ => None,
    }
}
