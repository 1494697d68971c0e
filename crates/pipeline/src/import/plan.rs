//! What is to be done with each source: whether it is known, by its bytes, and from where on it is new.

use std::sync::{Arc, Mutex};
use std::time::UNIX_EPOCH;

use tunlog_ingest::{Listen, Problem, SourceKind, SourceSpec, Tap, each_block, first_bytes, set_name};
use tunlog_store::{Candidate, FileHash, NewSource, StoreError};

use super::Import;

/// A file that was written to so many microseconds ago may be in the middle of a line.
const FRESH: i64 = 10_000_000;
/// Files of so many bytes are not read only to know them, unless they begin like one that is known.
const LARGE: u64 = 256 * 1024;

/// What is to be done with a source.
pub(super) struct Plan {
    pub name: String,
    pub set: u64,
    pub source: u64,
    /// Lines that were taken in an earlier run.
    pub lines: u64,
    /// Lines up to which it is whole; the next one is being written.
    pub whole: u64,
    /// Lines that have an end, if the last one has none.
    pub ended: Option<u64>,
    /// The hash of its bytes, made while they are read.
    seen: Option<Arc<Mutex<Seen>>>,
}

/// The hash of what was read of a file so far.
pub(super) struct Seen {
    hash: FileHash,
    /// That is all of it.
    ended: bool,
}

impl Listen for Seen {
    fn bytes(&mut self, bytes: &[u8]) {
        // what comes behind the end was appended after it
        if !self.ended {
            self.hash.update(bytes);
        }
    }

    fn end(&mut self) {
        self.ended = true;
    }
}

/// A file that is hashed while it is read.
pub(super) struct Unread {
    head: [u8; 16],
    source: u64,
    spec: SourceSpec,
}

impl Import<'_> {
    /// What is to be done with a source; None if there is nothing.
    pub(super) fn plan(&mut self, spec: &mut SourceSpec) -> Result<Option<Plan>, StoreError> {
        if matches!(spec.kind, SourceKind::Stored { .. }) {
            let cause = "is a store itself: import the logs that it was made of";
            self.summary.problems.push(Problem::error(spec.name.as_str(), cause));
            return Ok(None);
        }
        if let Some(plan) = self.plan_unread(spec)? {
            return Ok(Some(plan));
        }
        let mut hash = FileHash::new(&self.keys);
        // of one that cannot be read to its end what can be read is taken, and the trouble is told then
        let is_file = each_block(spec, &mut |block| hash.update(block)).unwrap_or_default();
        if is_file && hash.is_empty() {
            let cause = "empty: there is nothing to read";
            self.summary.problems.push(Problem::error(spec.name.as_str(), cause));
            return Ok(None);
        }
        let ended = (is_file && !hash.is_whole()).then_some(hash.lines());
        let mut whole = u64::MAX;
        if is_file && !hash.is_whole() && is_being_written(spec, hash.len(), (self.now)()) {
            whole = hash.lines();
        }
        let set = set_name(&spec.name);
        self.know_alike(&hash)?;
        if is_file && let Some(known) = self.known(spec, &hash)? {
            if let (Some(floor), Some(first)) = (self.floor, known.first)
                && first < floor
            {
                let cause = "known, and what of it retention removed is not taken again";
                self.summary.problems.push(Problem::note(spec.name.as_str(), cause));
            }
            if known.bytes == hash.len() && known.complete {
                self.summary.known_sources += 1;
                return Ok(None);
            }
            if known.bytes < hash.len() {
                self.store.seen(known.source, &hash);
            }
            let set = self.store.set_of(known.source)?;
            return Ok(Some(Plan {
                name: spec.name.clone(),
                set,
                source: known.source,
                lines: known.lines,
                whole,
                ended,
                seen: None,
            }));
        }
        let source = self.store.add_source(NewSource {
            name: spec.name.clone(),
            set: set.clone(),
            run: self.run,
            capture: spec.is_plain_capture(),
            bytes: is_file.then_some(hash.len()),
            content: is_file.then(|| hash.content()),
            head: is_file.then(|| hash.head()),
        })?;
        Ok(Some(Plan {
            name: spec.name.clone(),
            set: self.store.set_number(&set)?,
            source,
            lines: 0,
            whole,
            ended,
            seen: None,
        }))
    }

    /// The same of a large file that begins like none that is known: it is new, and hashed while it is read. None: it must be
    /// read first, to know it.
    fn plan_unread(&mut self, spec: &mut SourceSpec) -> Result<Option<Plan>, StoreError> {
        let is_large = match &spec.kind {
            SourceKind::File(path) => std::fs::metadata(path).is_ok_and(|data| data.is_file() && data.len() >= LARGE),
            _ => false,
        };
        if !is_large || was_written_since(spec, (self.now)().saturating_sub(FRESH)) {
            return Ok(None);
        }
        let Ok(head) = first_bytes(spec, FileHash::HEAD as usize) else {
            return Ok(None);
        };
        let mut hash = FileHash::new(&self.keys);
        hash.update(&head);
        if hash.len() < FileHash::HEAD {
            return Ok(None);
        }
        self.know_alike(&hash)?;
        if self.store.begins_like(&hash, &spec.name)? {
            return Ok(None);
        }
        let set = set_name(&spec.name);
        let source = match self.store.abandoned(&hash, &spec.name, self.run)? {
            Some(source) => source,
            None => self.store.add_source(NewSource {
                name: spec.name.clone(),
                set: set.clone(),
                run: self.run,
                capture: spec.is_plain_capture(),
                head: Some(hash.head()),
                ..NewSource::default()
            })?,
        };
        self.unread.push(Unread {
            head: hash.head(),
            source,
            spec: spec.clone(),
        });
        let seen = Arc::new(Mutex::new(Seen {
            hash: FileHash::new(&self.keys),
            ended: false,
        }));
        spec.tap = Some(Tap(Arc::clone(&seen) as Arc<Mutex<dyn Listen>>));
        Ok(Some(Plan {
            name: spec.name.clone(),
            set: self.store.set_number(&set)?,
            source,
            lines: 0,
            whole: u64::MAX,
            ended: None,
            seen: Some(seen),
        }))
    }

    /// Files of this run that begin like one are to be known now, although they are hashed while they are read.
    fn know_alike(&mut self, hash: &FileHash) -> Result<(), StoreError> {
        while let Some(at) = self.unread.iter().position(|unread| unread.head == hash.head()) {
            let unread = self.unread.swap_remove(at);
            self.read_ahead(&unread)?;
        }
        if self.read.contains(&hash.head()) {
            self.commit()?;
            self.read.clear();
        }
        Ok(())
    }

    /// Reads a file that was to be hashed later: another one begins like it.
    fn read_ahead(&mut self, unread: &Unread) -> Result<(), StoreError> {
        let mut hash = FileHash::new(&self.keys);
        // of one that cannot be read to its end what can be read counts; the trouble is told when it is read
        let _ = each_block(&unread.spec, &mut |block| hash.update(block));
        self.store.seen(unread.source, &hash);
        self.commit()
    }

    /// What is hashed of a source so far is what it is known by, if this import ends early.
    pub(super) fn see(&mut self, plan: &Plan) {
        if let Some(seen) = &plan.seen
            && let Ok(seen) = seen.lock()
            && !seen.hash.is_empty()
        {
            self.store.seen(plan.source, &seen.hash);
        }
    }

    /// A source was read as far as it goes.
    pub(super) fn seen_all(&mut self, plan: &mut Plan, spec: &SourceSpec) {
        let Some(seen) = plan.seen.take() else { return };
        let Ok(mut seen) = seen.lock() else { return };
        if !seen.ended {
            // not read in order, or not to its end
            seen.hash = FileHash::new(&self.keys);
            let _ = each_block(spec, &mut |block| seen.hash.update(block));
        }
        self.store.seen(plan.source, &seen.hash);
        self.read.push(seen.hash.head());
        plan.ended = (!seen.hash.is_whole()).then_some(seen.hash.lines());
    }

    /// The longest source whose bytes are those that a file begins with.
    fn known(&self, spec: &SourceSpec, hash: &FileHash) -> Result<Option<Candidate>, StoreError> {
        let candidates = self.store.candidates(hash)?;
        let content = hash.content();
        let is_same = |known: &&Candidate| known.bytes == hash.len() && known.content == content;
        if let Some(same) = candidates.iter().rfind(is_same) {
            return Ok(Some(same.clone()));
        }
        // a few equal bytes may be nothing but a header, which other files have, too
        let is_telling = |known: &Candidate| known.bytes >= FileHash::HEAD || known.name == spec.name;
        let shorter: Vec<_> = candidates
            .into_iter()
            .filter(|known| known.bytes < hash.len() && is_telling(known))
            .collect();
        if shorter.is_empty() {
            return Ok(None);
        }
        let mut prefix = FileHash::new(&self.keys);
        let mut found = None;
        let mut next = shorter.iter().peekable();
        // read again: only now is it known where to look
        let read = each_block(spec, &mut |mut block| {
            while let Some(known) = next.peek() {
                let missing = known.bytes - prefix.len();
                let Some((head, rest)) = block.split_at_checked(usize::try_from(missing).unwrap_or(usize::MAX)) else {
                    break;
                };
                prefix.update(head);
                block = rest;
                if prefix.content() == known.content {
                    found = Some((*known).clone());
                }
                next.next();
            }
            prefix.update(block);
        });
        Ok(found.filter(|_| read.is_ok()))
    }
}

/// Whether a file, of which so many bytes were read, is plain and was written to just now.
fn is_being_written(spec: &SourceSpec, bytes: u64, now: i64) -> bool {
    let SourceKind::File(path) = &spec.kind else {
        return false;
    };
    let is_all = std::fs::metadata(path).is_ok_and(|data| data.len() == bytes);
    is_all && !spec.is_plain_capture() && was_written_since(spec, now.saturating_sub(FRESH))
}

/// Whether a file was written to after a time, microseconds UTC.
fn was_written_since(spec: &SourceSpec, since: i64) -> bool {
    let SourceKind::File(path) = &spec.kind else {
        return false;
    };
    let written = std::fs::metadata(path).and_then(|data| data.modified()).ok();
    let written = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let written = written.and_then(|since| i64::try_from(since.as_micros()).ok());
    written.is_some_and(|written| written > since)
}
