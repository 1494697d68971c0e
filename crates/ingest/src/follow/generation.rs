//! One generation of a followed log while its plain file is open.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::memrchr;

use super::print::{BEFORE_BYTES, FileId, HEAD_BYTES, Likeness, Print, read_up_to};
use super::records::{Context, Out, Records};
use super::saved::Saved;
use crate::source::modified;
use crate::source::refill::CHUNK_BYTES;

/// How many stretches are read of one file before others have their turn.
const READS_MAX: usize = 16;

/// How long a file may look shorter than it was before that is believed: network file systems show old sizes.
pub(super) const SHRUNK_WAIT: Duration = Duration::from_secs(2);

/// What a look at a file showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// All that is there was read.
    Quiet,
    /// There is more.
    More,
    /// It is shorter than what was read; when to look again.
    Shrunk(Instant),
    /// It holds other content now.
    Rewritten,
}

/// A generation that is being read.
pub(super) struct Generation {
    file: File,
    pub records: Records,
    /// The largest size that was seen: what was there to be read.
    size: u64,
    shrunk_since: Option<Instant>,
    /// Since when no current path leads to it.
    pub retired: Option<Instant>,
}

impl Generation {
    /// Goes on with a file where `saved` ends; the caller has compared their content.
    pub(super) fn resume(file: File, saved: Saved, context: &Arc<Context>) -> Generation {
        let print = &saved.print;
        let head = read_up_to(
            &file,
            0,
            print.head.last().map_or(0, |(length, _)| usize::from(*length)),
        );
        let before = print.before_bytes();
        let before = read_up_to(&file, print.offset.saturating_sub(before as u64), before);
        let mut generation = Generation {
            records: Records::new(saved, head, before, context),
            file,
            size: 0,
            shrunk_since: None,
            retired: None,
        };
        generation.learn_headers();
        generation
    }

    fn offset(&self) -> u64 {
        self.records.saved.print.offset
    }

    /// What headers of columns said in what was read before: read again, if the file begins like such a log.
    fn learn_headers(&mut self) {
        if !self.records.head.starts_with(b"#") {
            return;
        }
        let mut offset = 0;
        while offset < self.offset() {
            let wanted = (self.offset() - offset).min(CHUNK_BYTES as u64);
            let bytes = read_up_to(&self.file, offset, wanted as usize);
            let end = memrchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1);
            if end == 0 {
                return;
            }
            self.records.headers.before(&bytes[..end]);
            offset += end as u64;
        }
    }

    /// Reads what is new, in whole records, and looks whether the file is still the one that it was.
    pub(super) fn advance(&mut self, out: Out<'_>) -> io::Result<Looked> {
        for _ in 0..READS_MAX {
            let data = self.file.metadata()?;
            let offset = self.offset();
            let limit = self.records.limit();
            self.records.modified = modified(&data);
            let wanted = usize::try_from(data.len().saturating_sub(offset)).unwrap_or(limit);
            let bytes = read_up_to(&self.file, offset, wanted.saturating_add(1).min(limit));
            // looked at after reading: what was written anew in between is not taken for a continuation
            match self.likeness(data.len().max(offset + bytes.len() as u64)) {
                Likeness::Other => return Ok(Looked::Rewritten),
                Likeness::Shorter => return Ok(self.shrunk(data.len(), out)),
                Likeness::Same => {}
            }
            self.shrunk_since = None;
            self.size = self.size.max(data.len()).max(offset + bytes.len() as u64);
            if !self.records.judge(&bytes, out) {
                return Ok(Looked::Quiet);
            }
            let full = bytes.len() == limit;
            if bytes.is_empty() || !self.records.take(bytes, full, out) {
                return Ok(Looked::Quiet);
            }
            self.records.active = Instant::now();
        }
        Ok(Looked::More)
    }

    fn likeness(&self, size: u64) -> Likeness {
        let head = read_up_to(&self.file, 0, self.records.head.len());
        if head != self.records.head[..head.len()] {
            return Likeness::Other;
        }
        if size < self.offset() || head.len() < self.records.head.len() {
            return Likeness::Shorter;
        }
        let start = self.offset() - self.records.before.len() as u64;
        match read_up_to(&self.file, start, self.records.before.len()) == self.records.before {
            true => Likeness::Same,
            false => Likeness::Other,
        }
    }

    fn shrunk(&mut self, size: u64, out: Out<'_>) -> Looked {
        let since = *self.shrunk_since.get_or_insert_with(Instant::now);
        if since.elapsed() < SHRUNK_WAIT {
            return Looked::Shrunk(since + SHRUNK_WAIT);
        }
        self.shrunk_since = None;
        if size == 0 {
            return Looked::Rewritten;
        }
        // what is left was read: go on from there
        if self.unread() > 0 {
            let (offset, seen) = (self.offset(), self.size);
            self.records.lost(offset, seen, out);
        }
        self.cut_back(size);
        Looked::More
    }

    /// The file was cut, and what is left of it is the beginning of what was read.
    fn cut_back(&mut self, size: u64) {
        let before = read_up_to(
            &self.file,
            size.saturating_sub(BEFORE_BYTES as u64),
            BEFORE_BYTES.min(size as usize),
        );
        self.records.saved.skipping = before.last().is_some_and(|last| *last != b'\n');
        self.records.head.truncate(usize::try_from(size).unwrap_or(HEAD_BYTES));
        self.records.saved.print = Print::of(&self.records.head, &before, size);
        self.records.before = before;
        self.size = size;
    }

    /// Hands out a last line that nobody will finish.
    pub(super) fn flush(&mut self, out: Out<'_>) {
        let limit = self.records.context.options.line_bytes_max.saturating_add(1);
        let rest = read_up_to(&self.file, self.offset(), limit);
        if rest.is_empty() || !self.records.may_flush() || self.likeness(u64::MAX) != Likeness::Same {
            return;
        }
        self.records.give(rest, out);
    }

    /// Bytes that were seen and cannot be read any more.
    pub(super) fn unread(&self) -> u64 {
        self.size.saturating_sub(self.offset())
    }

    /// Whether no name leads to the file any more.
    pub(super) fn is_deleted(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        self.file.metadata().is_ok_and(|data| data.nlink() == 0)
    }

    /// Which file it is.
    pub(super) fn id(&self) -> Option<FileId> {
        self.records.saved.file
    }
}
