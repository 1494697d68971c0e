//! How a stretch of bytes is cut into records. The framing is found line by line, so that a file may mix them.

mod accel_ppp;
mod cisco;
mod cutter;
mod digits;
mod efw;
mod fast;
mod header;
pub(crate) mod journal_export;
mod json;
mod json_record;
mod kiwi;
mod markers;
mod months;
mod newlines;
mod radius_detail;
mod rfc5424;
mod routeros;
mod samba;
mod softether;
mod stamp;
mod tag;

use fast::Shape;
use tunlog_model::{AppFilter, RecordRef, Stamp};

use crate::source::Chunk;
use crate::{Options, Problem};

/// Most repetitions that are believed of a line that says how often another came; more are flagged and counted as so many.
pub const REPEATS_MAX: u64 = 100_000;

/// Cuts chunks of one source into records. Holds no state between chunks, so that many threads may use it at once.
#[derive(Clone, Copy, Debug)]
pub struct Framer {
    pub(crate) line_bytes_max: usize,
    pub(crate) export: bool,
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
    /// 1-based line within the chunk.
    pub line: u64,
    /// What is to be told.
    pub cause: String,
}

impl Note {
    /// The note as a problem of its source; `lines_before` are the lines of earlier chunks.
    pub fn problem(&self, source: &str, lines_before: u64) -> Problem {
        Problem::note(source, self.cause.clone()).at(format!("line {}", lines_before + self.line))
    }
}

impl Framer {
    /// A framer for one source; `export` when it is `journalctl -o export`.
    pub fn new(options: &Options, export: bool) -> Framer {
        Framer {
            line_bytes_max: options.line_bytes_max,
            export,
        }
    }

    /// Calls `each` with every record of the chunk whose program `filter` wants, and with every marker of repeats and
    /// losses. `RecordRef::line` counts from 1 within the chunk.
    pub fn cut<F: AppFilter + ?Sized>(&self, chunk: &Chunk, filter: &F, each: &mut impl FnMut(&RecordRef<'_>)) -> Cut {
        let mut cutter = cutter::Cutter::new(self.line_bytes_max, filter, each);
        if self.export {
            journal_export::cut(&chunk.bytes, &mut cutter);
        } else {
            cutter.lines(&chunk.bytes, chunk.hole);
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
        let stamp = match shape.as_mut().filter(|shape| shape.fits(line)) {
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

/// Whether any of the first lines has a header of a kind we know.
pub(crate) fn any_header(head: &[u8]) -> bool {
    let known = |line: &[u8]| {
        let line = &line[..line.len().min(4096)];
        header::read(line).is_some()
            || (line.first() == Some(&b'{') && json_record::looks_like(line))
            || radius_detail::is_head(line)
            || samba::is_head(line.trim_ascii_end())
            || routeros::pair(line).is_some()
    };
    head.split(|byte| *byte == b'\n').take(200).any(known)
}
