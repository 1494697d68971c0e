//! How a stretch of bytes is cut into records.

use tunlog_model::{AppFilter, RecordRef};

use crate::source::Chunk;
use crate::{Options, Problem};

/// Cuts chunks of one source into records. Holds no state between chunks, so that many threads may use it at once.
#[derive(Clone, Copy, Debug)]
pub struct Framer {
    pub(crate) line_bytes_max: usize,
}

/// What cutting a chunk told besides its records.
#[derive(Debug, Default)]
pub struct Cut {
    /// Lines (or records, where a format has no lines) in the chunk.
    pub lines: u64,
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
    /// A framer for one source.
    pub fn new(options: &Options) -> Framer {
        Framer { line_bytes_max: options.line_bytes_max }
    }

    /// Calls `each` with every record of the chunk whose program `filter` wants. `RecordRef::line` counts from 1 within
    /// the chunk.
    pub fn cut<F: AppFilter + ?Sized>(&self, chunk: &Chunk, filter: &F, each: &mut impl FnMut(&RecordRef<'_>)) -> Cut {
        let mut cut = Cut::default();
        for line in chunk.bytes.split(|&b| b == b'\n') {
            cut.lines += 1;
            if filter.wants(b"") && line.len() <= self.line_bytes_max {
                each(&RecordRef::bare(line, cut.lines));
            }
        }
        cut
    }
}
