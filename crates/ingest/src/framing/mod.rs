//! How a stretch of bytes is cut into records. The framing is found line by line, so that a file may mix them.

mod accel_ppp;
mod cisco;
mod cutter;
mod digits;
mod efw;
mod fast;
pub mod foreign;
mod header;
pub(crate) mod journal_export;
mod json;
pub(crate) mod json_document;
mod json_record;
mod kiwi;
mod markers;
mod months;
mod newlines;
mod nps;
mod radius_detail;
mod rfc5424;
mod routeros;
mod samba;
mod softether;
mod stamp;
mod tag;
pub(crate) mod w3c;
pub(crate) mod windows;

use fast::Shape;
use tunlog_model::{AppFilter, RecordRef, Stamp};

use crate::source::Chunk;
use crate::{Options, Problem, ProblemKind};

/// Most repetitions that are believed of a line that says how often another came; more are flagged and counted as so many.
pub const REPEATS_MAX: u64 = 100_000;

/// How the records of a source follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Lines of text, each with a framing of its own.
    #[default]
    Lines,
    /// `journalctl -o export`.
    JournalExport,
    /// JSON over many lines.
    JsonDocument,
    /// Windows events in XML.
    EventXml,
    /// A Windows event log; chunks hold whole chunks of it.
    Evtx,
}

/// Cuts chunks of one source into records. Holds no state between chunks, so that many threads may use it at once: what an
/// earlier chunk's header said of the columns comes with the chunk.
#[derive(Clone, Copy, Debug)]
pub struct Framer {
    pub(crate) line_bytes_max: usize,
    pub(crate) format: Format,
}

/// What cutting a chunk told besides its records.
#[derive(Debug, Default)]
pub struct Cut {
    /// Lines (or records, where a format has no lines) in the chunk.
    pub lines: u64,
    /// Records of wanted programs that the filter called chatter: they were not handed out.
    pub chatter: u64,
    /// Things to tell the user.
    pub notes: Vec<Note>,
}

/// Something to tell about a place in a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// How much it matters.
    pub kind: ProblemKind,
    /// Where it is.
    pub place: Place,
    /// What is to be told.
    pub cause: String,
}

/// A place that a note speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// 1-based line within the chunk.
    Line(u64),
    /// A place in the whole file, in words.
    File(String),
}

impl Note {
    /// Something to know about a line.
    pub(crate) fn at_line(line: u64, cause: String) -> Note {
        Note {
            kind: ProblemKind::Note,
            place: Place::Line(line),
            cause,
        }
    }

    /// A record at a line that was lost.
    pub(crate) fn loss(line: u64, cause: String) -> Note {
        Note {
            kind: ProblemKind::Error,
            ..Note::at_line(line, cause)
        }
    }

    /// The note as a problem of its source; `lines_before` are the lines of earlier chunks.
    pub fn problem(&self, source: &str, lines_before: u64) -> Problem {
        let position = match &self.place {
            Place::Line(line) => format!("line {}", lines_before + line),
            Place::File(place) => place.clone(),
        };
        Problem {
            kind: self.kind,
            ..Problem::note(source, self.cause.clone()).at(position)
        }
    }
}

impl Framer {
    /// A framer for one source.
    pub fn new(options: &Options, format: Format) -> Framer {
        Framer {
            line_bytes_max: options.line_bytes_max,
            format,
        }
    }

    /// Calls `each` with every record of the chunk whose program `filter` wants, and with every marker of repeats and
    /// losses. `RecordRef::line` counts from 1 within the chunk.
    pub fn cut<F: AppFilter + ?Sized>(&self, chunk: &Chunk, filter: &F, each: &mut impl FnMut(&RecordRef<'_>)) -> Cut {
        let mut cutter = cutter::Cutter::new(self.line_bytes_max, filter, each);
        cutter.layout.clone_from(&chunk.layout);
        match self.format {
            Format::Lines => cutter.lines(&chunk.bytes, chunk.hole),
            Format::JournalExport => journal_export::cut(&chunk.bytes, &mut cutter),
            Format::JsonDocument => json_document::cut(&chunk.bytes, &mut cutter),
            Format::EventXml => windows::xml::cut(&chunk.bytes, &mut cutter),
            Format::Evtx => windows::evtx::cut(&chunk.bytes, chunk.place, &mut cutter),
        }
        cutter.finish()
    }
}

/// Calls `each` with the stamps of lines until it answers false.
pub(crate) fn stamps(bytes: &[u8], each: &mut dyn FnMut(Stamp) -> bool) {
    let mut shape: Option<Shape<'_>> = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        if line.len() <= 8 {
            continue;
        }
        let stamp = match shape.as_mut().filter(|shape| shape.behind(line).is_some()) {
            Some(shape) => shape.stamp(line),
            None => {
                let Some(header) = header::read(&line[..line.len().min(1024)]).filter(|header| header.stamped) else {
                    continue;
                };
                shape = Shape::of(line, &header);
                header.stamp
            }
        };
        if !each(stamp) {
            return;
        }
    }
}

/// Whether the first of some lines begins a record of several.
pub(crate) fn begins_block(lines: &[u8]) -> bool {
    let end = memchr::memchr(b'\n', lines).unwrap_or(lines.len());
    let line = &lines[..end];
    radius_detail::is_head(line)
        || samba::is_head(line.trim_ascii_end())
        || routeros::pair(line).is_some_and(|pair| pair.message.is_empty())
}

/// Whether the first of some lines has a header, or is a record of its own in another way.
pub(crate) fn has_header(lines: &[u8]) -> bool {
    let end = memchr::memchr(b'\n', lines).unwrap_or(lines.len());
    let line = &lines[..end.min(4096)];
    header::read(line).is_some() || line.first() == Some(&b'{')
}

/// Whether any of the first lines has a header of a kind we know.
pub(crate) fn any_header(head: &[u8]) -> bool {
    let known = |line: &[u8]| {
        let line = &line[..line.len().min(4096)];
        header::read(line).is_some()
            || (line.first() == Some(&b'{') && json_record::looks_like(line))
            || radius_detail::is_head(line)
            || samba::is_head(line.trim_ascii_end())
            || windows::snare::without_header(line).is_some()
            || routeros::pair(line).is_some()
            || nps::read(line).is_some()
            || w3c::row(line, None).is_some()
    };
    head.split(|byte| *byte == b'\n').take(200).any(known)
}
