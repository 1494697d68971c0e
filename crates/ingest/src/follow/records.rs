//! Bytes of one generation to arrivals: whole records, with the position behind them.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use memchr::{memchr, memrchr};

use super::print::{BEFORE_BYTES, HEAD_BYTES, Print};
use super::saved::Saved;
use crate::arrival::{Arrival, Feed, Position, What};
use crate::framing::w3c::Headers;
use crate::framing::{Format, Framer};
use crate::source::refill::{CHUNK_BYTES, in_unfinished_block};
use crate::source::sniff::{self, Content};
use crate::source::{Chunk, Source, SourceKind, SourceSpec, utf16};
use crate::time::{Anchors, Clock, Reference};
use crate::{Options, Problem};

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

/// What was read of a generation, wherever its bytes lie.
pub(super) struct Records {
    /// As it will be kept.
    pub saved: Saved,
    feed: Arc<Feed>,
    framer: Framer,
    pub context: Arc<Context>,
    /// What came before the position was read by an earlier run.
    resumed: bool,
    pub headers: Headers,
    /// The bytes that `saved.print` holds the hashes of.
    pub head: Vec<u8>,
    pub before: Vec<u8>,
    /// When the file was last written, microseconds UTC.
    pub modified: Option<i64>,
    /// Whether its clock was handed out.
    begun: bool,
    /// It is no log in lines; that was told.
    refused: bool,
    /// When something last came.
    pub active: Instant,
}

impl Records {
    /// Goes on where `saved` ends; `head` and `before` are the bytes of its print.
    pub(super) fn new(saved: Saved, head: Vec<u8>, before: Vec<u8>, context: &Arc<Context>) -> Records {
        Records {
            feed: Arc::new(saved.feed()),
            framer: Framer::new(&context.options, Format::Lines),
            context: Arc::clone(context),
            resumed: saved.print.offset > 0,
            headers: Headers::default(),
            head,
            before,
            modified: None,
            begun: false,
            refused: false,
            active: Instant::now(),
            saved,
        }
    }

    /// The most bytes that are looked at at once: a line of the longest kind that is looked at fits in twice.
    pub(super) fn limit(&self) -> usize {
        CHUNK_BYTES.max(self.context.options.line_bytes_max.saturating_mul(2))
    }

    /// Whether it is a log in lines, by its first bytes; told once if not.
    pub(super) fn judge(&mut self, bytes: &[u8], out: Out<'_>) -> bool {
        if self.refused || self.saved.print.offset > 0 || bytes.is_empty() {
            return !self.refused;
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
    pub(super) fn take(&mut self, mut bytes: Vec<u8>, full: bool, out: Out<'_>) -> bool {
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

    /// Takes in bytes before the position, of which `head`, `before` and the headers are made.
    pub(super) fn learn(&mut self, bytes: &[u8]) {
        let missing = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        let start = bytes.len().saturating_sub(BEFORE_BYTES);
        self.before.extend_from_slice(&bytes[start..]);
        let surplus = self.before.len().saturating_sub(BEFORE_BYTES);
        self.before.drain(..surplus);
        if self.head.starts_with(b"#") {
            self.headers.before(bytes);
        }
    }

    /// Whether a line without an end may be handed out at all.
    pub(super) fn may_flush(&self) -> bool {
        !self.refused && !self.saved.skipping
    }

    /// Hands out bytes that are whole records, or the last that will ever come.
    pub(super) fn give(&mut self, mut bytes: Vec<u8>, out: Out<'_>) {
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
        let position = self.saved.position();
        self.tell(What::Chunk(chunk, self.framer), vec![position], out);
    }

    /// The position moves on over these bytes.
    pub(super) fn passed(&mut self, bytes: &[u8]) {
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

    /// Hands out the position alone.
    pub(super) fn report(&mut self, out: Out<'_>) {
        let position = self.saved.position();
        out(Arrival {
            feed: Arc::clone(&self.feed),
            what: What::Position,
            positions: vec![position],
        });
    }

    /// Nobody will write to it any more, and all that is there was handed out.
    pub(super) fn end(&mut self, out: Out<'_>) {
        self.saved.over = true;
        let (offset, seen) = (self.saved.print.offset, std::mem::take(&mut self.saved.seen));
        if seen > offset {
            self.lost(offset, seen, out);
        }
        let position = self.saved.position();
        self.tell(What::End, vec![position], out);
    }

    /// Bytes were there, and cannot be read any more.
    pub(super) fn lost(&mut self, offset: u64, seen: u64, out: Out<'_>) {
        let cause = format!(
            "{}: was cut off before it was read to its end: bytes {offset} to {seen} are lost",
            self.saved.name
        );
        self.tell(What::Lost(None, cause), Vec::new(), out);
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
        let plain = || Clock::new(&options, Reference::new(self.modified, options.now), Anchors::default()).ok();
        let path = Path::new(&self.saved.path).to_path_buf();
        let spec = SourceSpec::new(&*self.feed.name, 0, SourceKind::File(path));
        let anchored = || Source::open(&spec, &options).map(|source| source.clock()).ok();
        let clock = match self.resumed {
            true => plain(),
            false => anchored().or_else(plain),
        };
        clock.unwrap_or_else(|| self.context.clock.clone()).live()
    }
}
