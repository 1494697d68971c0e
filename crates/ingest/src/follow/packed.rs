//! A compressed file of a followed log: usually one that was read before it was packed, sometimes more of one, sometimes new.

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use super::print::{BEFORE_BYTES, HEAD_BYTES, Likeness};
use super::records::{Context, Out, Records};
use super::saved::Saved;
use super::scan::Found;
use crate::source::compressed::{Decompressed, Peek};

/// How many blocks are unpacked before others have their turn.
const BLOCKS_MAX: usize = 8;

/// Bytes that are unpacked at a time.
const BLOCK: usize = 256 * 1024;

/// What a compressed file turned out to be.
pub(super) enum Verdict {
    /// Not known yet: go on.
    Open,
    /// Nothing in it is new; it is a copy of this one, if any.
    Old(Option<String>),
    /// It goes on where this one ends.
    More(String),
    /// Nothing of it is known.
    New,
    /// It cannot be unpacked to its end.
    Damaged,
}

/// A compressed file that is compared with what was read.
pub(super) struct Examination {
    pub found: Found,
    pub set: String,
    stream: Box<Decompressed>,
    head: Vec<u8>,
    /// The last bytes, and how many there were in all.
    last: Vec<u8>,
    at: u64,
    /// What it may be: those that begin like it, by the place where they end. None until its beginning was compared.
    like: Option<Vec<Saved>>,
    /// The one with the last place that was found to be the same.
    best: Option<(u64, String)>,
    /// It begins like one that was read further.
    begins_like: bool,
}

fn open(found: &Found) -> io::Result<Box<Decompressed>> {
    let file = File::open(&found.path)?;
    Ok(Box::new(Decompressed::new(Peek::new(Box::new(file)))))
}

/// Reads until `out` is full or the end is reached.
fn fill(stream: &mut Decompressed, out: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < out.len() {
        match stream.read(&mut out[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

impl Examination {
    pub(super) fn new(found: &Found, set: &str) -> io::Result<Examination> {
        Ok(Examination {
            stream: open(found)?,
            found: found.clone(),
            set: set.to_string(),
            head: Vec::new(),
            last: Vec::new(),
            at: 0,
            like: None,
            best: None,
            begins_like: false,
        })
    }

    /// Compares some more of it with `known`, which are those of its log.
    pub(super) fn advance(&mut self, known: &[&Saved]) -> Verdict {
        if self.like.is_none() {
            self.head = vec![0; HEAD_BYTES];
            match fill(&mut self.stream, &mut self.head) {
                Ok(read) => self.head.truncate(read),
                Err(_) => return Verdict::Damaged,
            }
            self.compare_head(known);
            let head = self.head.clone();
            self.pass(&head);
        }
        let mut block = vec![0; BLOCK];
        for _ in 0..BLOCKS_MAX {
            let furthest = self
                .like
                .iter()
                .flatten()
                .map(|saved| saved.print.offset)
                .max()
                .unwrap_or(0);
            if self.at > furthest {
                return self.verdict(true);
            }
            match fill(&mut self.stream, &mut block) {
                Ok(0) => return self.verdict(false),
                Ok(read) => self.pass(&block[..read]),
                Err(_) => return Verdict::Damaged,
            }
        }
        Verdict::Open
    }

    fn compare_head(&mut self, known: &[&Saved]) {
        let mut like = Vec::new();
        for saved in known.iter().copied().filter(|saved| saved.print.offset > 0) {
            match saved.print.begins(&self.head) {
                Likeness::Same => like.push(saved.clone()),
                Likeness::Shorter => self.begins_like = true,
                Likeness::Other => {}
            }
        }
        self.like = Some(like);
    }

    /// The stream moves on over these bytes.
    fn pass(&mut self, bytes: &[u8]) {
        let start = self.at - self.last.len() as u64;
        let mut joined = std::mem::take(&mut self.last);
        joined.extend_from_slice(bytes);
        let end = start + joined.len() as u64;
        for saved in self.like.iter().flatten() {
            let place = saved.print.offset;
            if place <= self.at || place > end {
                continue;
            }
            let before = &joined[..(place - start) as usize];
            let further = self.best.as_ref().is_none_or(|(best, _)| place > *best);
            if saved.print.is_before(before) && further {
                self.best = Some((place, saved.key.clone()));
            }
        }
        self.at = end;
        joined.drain(..joined.len().saturating_sub(BEFORE_BYTES));
        self.last = joined;
    }

    /// What it is by what could be unpacked; `more`: there is more of it.
    pub(super) fn verdict(&mut self, more: bool) -> Verdict {
        let unreached = self.like.iter().flatten().any(|saved| saved.print.offset > self.at);
        match self.best.take() {
            Some((place, key)) if more || self.at > place => Verdict::More(key),
            Some((_, key)) => Verdict::Old(Some(key)),
            None if unreached || self.begins_like => Verdict::Old(None),
            None => Verdict::New,
        }
    }
}

/// A compressed file that is read.
pub(super) struct Unpacking {
    pub found: Found,
    pub records: Records,
    stream: Box<Decompressed>,
    /// Bytes before the position that are still to be passed over.
    ahead: u64,
    /// Unpacked, but no whole record yet.
    held: Vec<u8>,
}

impl Unpacking {
    /// Goes on where `saved` ends.
    pub(super) fn new(found: &Found, saved: Saved, context: &Arc<Context>) -> io::Result<Unpacking> {
        let ahead = saved.print.offset;
        let mut records = Records::new(saved, Vec::new(), Vec::new(), context);
        records.modified = Some(found.modified);
        Ok(Unpacking {
            stream: open(found)?,
            found: found.clone(),
            records,
            ahead,
            held: Vec::new(),
        })
    }

    /// Reads some more. True at the end; an error ends it, too.
    pub(super) fn advance(&mut self, out: Out<'_>) -> io::Result<bool> {
        let mut block = vec![0; BLOCK];
        for _ in 0..BLOCKS_MAX {
            let read = fill(&mut self.stream, &mut block)?;
            if read == 0 {
                if !self.held.is_empty() && self.records.may_flush() {
                    let rest = std::mem::take(&mut self.held);
                    self.records.give(rest, out);
                }
                self.records.end(out);
                return Ok(true);
            }
            let mut bytes = &block[..read];
            if self.ahead > 0 {
                let passed = usize::try_from(self.ahead).unwrap_or(read).min(read);
                self.records.learn(&bytes[..passed]);
                self.ahead -= passed as u64;
                bytes = &bytes[passed..];
            }
            self.held.extend_from_slice(bytes);
            if !self.held.is_empty() && !self.records.judge(&self.held, out) {
                self.records.saved.over = true;
                return Ok(true);
            }
            self.take(out);
        }
        Ok(false)
    }

    fn take(&mut self, out: Out<'_>) {
        while !self.held.is_empty() {
            let before = self.records.saved.print.offset;
            let limit = self.records.limit();
            let full = self.held.len() >= limit;
            let part = self.held[..self.held.len().min(limit)].to_vec();
            if !self.records.take(part, full, out) {
                return;
            }
            let taken = (self.records.saved.print.offset - before) as usize;
            self.held.drain(..taken.min(self.held.len()));
        }
    }
}
