//! One generation of a followed log while its file is open.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use memchr::{memchr, memrchr};

use super::print::{BEFORE_BYTES, FileId, HEAD_BYTES, Likeness, Print, read_up_to};
use super::saved::Saved;
use crate::arrival::{Arrival, Feed, Position, What};
use crate::framing::w3c::Headers;
use crate::framing::{Format, Framer};
use crate::source::refill::{CHUNK_BYTES, in_unfinished_block};
use crate::source::sniff::{self, Content};
use crate::source::{Chunk, Source, SourceKind, SourceSpec, modified, utf16};
use crate::time::{Anchors, Clock, Reference};
use crate::{Options, Problem};

/// How many stretches are read of one file before others have their turn.
const READS_MAX: usize = 16;

/// How long a file may look shorter than it was before that is believed: network file systems show old sizes.
pub(super) const SHRUNK_WAIT: Duration = Duration::from_secs(2);

/// What all that is followed has in common.
pub(super) struct Context {
    /// As they were given.
    pub options: Options,
    /// When that was.
    pub started: Instant,
    /// A clock for what has no better one.
    pub clock: Clock,
}

impl Context {
    /// The options, with the present of now: the given one moves on as time passes.
    pub(super) fn options(&self) -> Options {
        let passed = i64::try_from(self.started.elapsed().as_micros()).unwrap_or(0);
        Options {
            now: self.options.now.saturating_add(passed),
            ..self.options.clone()
        }
    }
}

/// Who takes what arrives.
pub(super) type Out<'o> = &'o mut dyn FnMut(Arrival);

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
    pub file: File,
    /// As it will be kept.
    pub saved: Saved,
    feed: Arc<Feed>,
    framer: Framer,
    context: Arc<Context>,
    /// What came before the position was read by an earlier run.
    resumed: bool,
    headers: Headers,
    /// The bytes that `saved.print` holds the hashes of.
    head: Vec<u8>,
    before: Vec<u8>,
    /// Whether its clock was handed out.
    begun: bool,
    /// It is no log in lines; that was told.
    refused: bool,
    /// The largest size that was seen: what was there to be read.
    size: u64,
    shrunk_since: Option<Instant>,
    /// When something last came.
    pub active: Instant,
    /// Since when no current path leads to it.
    pub retired: Option<Instant>,
}

impl Generation {
    /// Goes on with a file where `saved` ends; the caller has compared their content.
    pub(super) fn resume(file: File, saved: Saved, context: &Arc<Context>) -> Generation {
        let print = &saved.print;
        let head_bytes = print.head.last().map_or(0, |(length, _)| usize::from(*length));
        let before = print.before_bytes();
        let mut generation = Generation {
            head: read_up_to(&file, 0, head_bytes),
            before: read_up_to(&file, print.offset.saturating_sub(before as u64), before),
            feed: Arc::new(Feed {
                key: saved.key.as_str().into(),
                name: saved.name.as_str().into(),
                set: saved.set.as_str().into(),
            }),
            file,
            framer: Framer::new(&context.options, Format::Lines),
            context: Arc::clone(context),
            resumed: print.offset > 0,
            headers: Headers::default(),
            begun: false,
            refused: false,
            size: 0,
            shrunk_since: None,
            active: Instant::now(),
            retired: None,
            saved,
        };
        generation.learn_headers();
        generation
    }

    /// What headers of columns said in what was read before: read again, if the file begins like such a log.
    fn learn_headers(&mut self) {
        if !self.head.starts_with(b"#") {
            return;
        }
        let mut offset = 0;
        while offset < self.saved.print.offset {
            let wanted = (self.saved.print.offset - offset).min(CHUNK_BYTES as u64);
            let bytes = read_up_to(&self.file, offset, wanted as usize);
            let end = memrchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1);
            if end == 0 {
                return;
            }
            self.headers.before(&bytes[..end]);
            offset += end as u64;
        }
    }

    /// Reads what is new, in whole records, and looks whether the file is still the one that it was.
    pub(super) fn advance(&mut self, out: Out<'_>) -> io::Result<Looked> {
        for _ in 0..READS_MAX {
            let data = self.file.metadata()?;
            let offset = self.saved.print.offset;
            let limit = CHUNK_BYTES.max(self.context.options.line_bytes_max.saturating_mul(2));
            let wanted = usize::try_from(data.len().saturating_sub(offset)).unwrap_or(limit);
            let bytes = read_up_to(&self.file, offset, wanted.saturating_add(1).min(limit));
            // looked at after reading: what was written anew in between is not taken for a continuation
            match self.likeness(data.len().max(offset + bytes.len() as u64)) {
                Likeness::Other => return Ok(Looked::Rewritten),
                Likeness::Shorter => return Ok(self.shrunk(data.len())),
                Likeness::Same => {}
            }
            self.shrunk_since = None;
            self.size = self.size.max(data.len()).max(offset + bytes.len() as u64);
            if self.refused || !self.judge(&bytes, out) {
                return Ok(Looked::Quiet);
            }
            let full = bytes.len() == limit;
            if bytes.is_empty() || !self.take(bytes, full, out) {
                return Ok(Looked::Quiet);
            }
            self.active = Instant::now();
        }
        Ok(Looked::More)
    }

    fn likeness(&self, size: u64) -> Likeness {
        let head = read_up_to(&self.file, 0, self.head.len());
        if head != self.head[..head.len()] {
            return Likeness::Other;
        }
        if size < self.saved.print.offset || head.len() < self.head.len() {
            return Likeness::Shorter;
        }
        let start = self.saved.print.offset - self.before.len() as u64;
        match read_up_to(&self.file, start, self.before.len()) == self.before {
            true => Likeness::Same,
            false => Likeness::Other,
        }
    }

    fn shrunk(&mut self, size: u64) -> Looked {
        let since = *self.shrunk_since.get_or_insert_with(Instant::now);
        if since.elapsed() < SHRUNK_WAIT {
            return Looked::Shrunk(since + SHRUNK_WAIT);
        }
        self.shrunk_since = None;
        if size == 0 {
            return Looked::Rewritten;
        }
        // what is left was read: go on from there
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
        self.saved.skipping = before.last().is_some_and(|last| *last != b'\n');
        self.head.truncate(usize::try_from(size).unwrap_or(HEAD_BYTES));
        self.saved.print = Print::of(&self.head, &before, size);
        self.before = before;
        self.size = size;
    }

    /// Whether it is a log in lines, by its first bytes; told once if not.
    fn judge(&mut self, bytes: &[u8], out: Out<'_>) -> bool {
        if self.saved.print.offset > 0 || bytes.is_empty() {
            return true;
        }
        let cause = match sniff::content(bytes) {
            _ if utf16::order(bytes).is_some() => "text in UTF-16",
            Content::Lines => return true,
            Content::Unread(cause) => cause,
            Content::Capture => "a packet capture",
            Content::Evtx => "a Windows event log",
            Content::Zip => "a zip archive",
            Content::JournalFile => "a journal file",
            Content::JournalExport | Content::JsonDocument | Content::EventXml => "records of many lines",
        };
        self.refused = true;
        let cause = format!("{cause}: it cannot be followed; `tunlog import` reads it");
        self.tell(What::Problem(Problem::error(&*self.feed.name, cause)), Vec::new(), out);
        false
    }

    /// Hands out the whole records of `bytes`, which begin at the position. `full`: they are as many as are looked at at once.
    /// False if nothing could be taken.
    fn take(&mut self, mut bytes: Vec<u8>, full: bool, out: Out<'_>) -> bool {
        let before = self.saved.print.offset;
        if self.saved.skipping {
            let end = memchr(b'\n', &bytes).map(|at| at + 1);
            self.saved.skipping = end.is_none();
            self.passed(&bytes[..end.unwrap_or(bytes.len())]);
            bytes.drain(..end.unwrap_or(bytes.len()));
        }
        let nuls = bytes.iter().take_while(|byte| **byte == 0).count();
        if nuls > 1 {
            // a hole: the framing needs to see one NUL of it
            self.saved.hole += (nuls - 1) as u64;
            self.passed(&bytes[..nuls - 1]);
            bytes.drain(..nuls - 1);
        }
        let end = memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
        let end = in_unfinished_block(&bytes[..end]).unwrap_or(end);
        if end > 0 {
            bytes.truncate(end);
            self.give(bytes, out);
        } else if full && bytes.len() > self.context.options.line_bytes_max {
            self.passed(&bytes);
            self.saved.skipping = true;
            bytes.truncate(self.context.options.line_bytes_max + 1);
            bytes.push(b'\n');
            self.hand(bytes, out);
        } else if self.saved.print.offset > before {
            self.report(out);
        }
        self.saved.print.offset > before
    }

    /// Hands out a last line that nobody will finish.
    pub(super) fn flush(&mut self, out: Out<'_>) {
        let limit = self.context.options.line_bytes_max.saturating_add(1);
        let rest = read_up_to(&self.file, self.saved.print.offset, limit);
        if rest.is_empty() || self.refused || self.saved.skipping || self.likeness(u64::MAX) != Likeness::Same {
            return;
        }
        self.give(rest, out);
    }

    fn give(&mut self, mut bytes: Vec<u8>, out: Out<'_>) {
        let first = self.saved.print.offset == 0;
        self.passed(&bytes);
        if first && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3); // a byte order mark
        }
        self.hand(bytes, out);
    }

    fn hand(&mut self, bytes: Vec<u8>, out: Out<'_>) {
        let layout = self.headers.before(&bytes);
        let lines = memchr::memchr_iter(b'\n', &bytes).count() + usize::from(!bytes.ends_with(b"\n"));
        self.saved.lines += lines as u64;
        let chunk = Chunk {
            layout,
            hole: std::mem::take(&mut self.saved.hole),
            ..Chunk::new(bytes)
        };
        let position = self.position();
        self.tell(What::Chunk(chunk, self.framer), vec![position], out);
    }

    /// The position moves on over these bytes.
    fn passed(&mut self, bytes: &[u8]) {
        let missing = HEAD_BYTES.saturating_sub(self.head.len());
        let longer = missing > 0 && self.saved.print.offset == self.head.len() as u64;
        if longer {
            self.head.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        }
        let start = bytes.len().saturating_sub(BEFORE_BYTES);
        self.before.extend_from_slice(&bytes[start..]);
        let surplus = self.before.len().saturating_sub(BEFORE_BYTES);
        self.before.drain(..surplus);
        let offset = self.saved.print.offset + bytes.len() as u64;
        let head = std::mem::take(&mut self.saved.print.head);
        self.saved.print = match longer {
            true => Print::of(&self.head, &self.before, offset),
            false => Print {
                head,
                ..Print::of(&[], &self.before, offset)
            },
        };
    }

    /// Its position, to be committed with what was handed out.
    pub(super) fn position(&self) -> Position {
        Position {
            key: self.saved.key.clone(),
            value: Some(self.saved.encode()),
        }
    }

    /// Hands out the position alone.
    pub(super) fn report(&mut self, out: Out<'_>) {
        let position = self.position();
        out(Arrival {
            feed: Arc::clone(&self.feed),
            what: What::Position,
            positions: vec![position],
        });
    }

    /// Hands something out; the clock before the first of it.
    pub(super) fn tell(&mut self, what: What, positions: Vec<Position>, out: Out<'_>) {
        if !std::mem::replace(&mut self.begun, true) {
            out(Arrival {
                feed: Arc::clone(&self.feed),
                what: What::Begin(Box::new(self.clock())),
                positions: Vec::new(),
            });
        }
        out(Arrival {
            feed: Arc::clone(&self.feed),
            what,
            positions,
        });
    }

    /// The clock for what comes now: old content that is read from its beginning has its years counted as in batch; else a
    /// stamp without a year is of the latest year that puts it before the file's last change.
    fn clock(&self) -> Clock {
        let options = self.context.options();
        let written = self.file.metadata().ok().and_then(|data: Metadata| modified(&data));
        let plain = || Clock::new(&options, Reference::new(written, options.now), Anchors::default()).ok();
        let path = Path::new(&self.saved.path).to_path_buf();
        let spec = SourceSpec::new(&*self.feed.name, 0, SourceKind::File(path));
        let anchored = || Source::open(&spec, &options).map(|source| source.clock()).ok();
        let clock = match self.resumed {
            true => plain(),
            false => anchored().or_else(plain),
        };
        clock.unwrap_or_else(|| self.context.clock.clone()).live()
    }

    /// Bytes that were seen and cannot be read any more.
    pub(super) fn unread(&self) -> u64 {
        self.size.saturating_sub(self.saved.print.offset)
    }

    /// Whether no name leads to the file any more.
    pub(super) fn is_deleted(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        self.file.metadata().is_ok_and(|data| data.nlink() == 0)
    }

    /// Which file it is.
    pub(super) fn id(&self) -> Option<FileId> {
        self.saved.file
    }
}
