//! Old logs into a store: every record once, however often and in whatever form its file comes.
//!
//! A file is known by its bytes: the same under another name, or compressed, is passed over, and one that has grown is read on.
//! A record is known by its text, its time and its ordinal among equal ones of that second, so pieces of files that overlap
//! add what is new in them. What several logs of one run tell alike is kept of each, as long as they are different logs: whoever
//! reads them together takes such lines for one (`twins`), and names the one that he met first.

use std::borrow::Cow;
use std::collections::HashMap;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use tunlog_decode::{Catalogue, KeptMessages};
use tunlog_ingest::{Clock, Discovered, Place, Problem, ProblemKind, SourceKind, SourceSpec, each_block, set_name};
use tunlog_model::{Entry, RecordTime, SourceId};
use tunlog_store::record::{Kind, Record};
use tunlog_store::{
    Candidate, Counts, ErrorKind, FileHash, FullPolicy, Identity, KnownRecords, NewSource, Store, StoreError,
    StoredProblem, raw_of, record_of,
};

use crate::merge::sets;
use crate::services::catalogue_for;
use crate::stream::{Batch, Item, Shared, Stream, is_large};
use crate::{Settings, Wants};

/// Things to tell that are kept of a source.
const PROBLEMS_MAX: u64 = 200;
/// A file that was written to so many microseconds ago may be in the middle of a line.
const FRESH: i64 = 10_000_000;

/// How long to wait for room on a full disk before trying again.
const WAIT: Duration = Duration::from_secs(1);

/// How logs are brought in.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// Keep passwords, challenges and responses that stand in records.
    pub keep_secrets: bool,
    /// What a full disk means.
    pub full: FullPolicy,
    /// Told when the disk is full and room is waited for.
    pub waiting: Option<fn(&str)>,
}

/// What an import came to.
#[derive(Clone, Debug, Default)]
pub struct ImportSummary {
    /// What was counted of all sources.
    pub counts: Counts,
    /// Files of which something was read.
    pub sources: u64,
    /// Files that were in the store already.
    pub known_sources: u64,
    /// Records that are older than what the store keeps, and were not taken.
    pub expired: u64,
    /// What went wrong or is to be told.
    pub problems: Vec<Problem>,
}

/// Brings everything that was found into a store, and closes its open segment. `now` tells the time, microseconds UTC.
///
/// # Errors
/// If the store cannot be written to; what was committed stays, and the same import goes on from there.
pub fn import(
    found: Discovered,
    catalogue: &Catalogue,
    settings: &Settings,
    store: &mut Store,
    options: &ImportOptions,
    now: &dyn Fn() -> i64,
) -> Result<ImportSummary, StoreError> {
    let settings = Settings {
        wants: Wants::Everything,
        ..settings.clone()
    };
    let mut import = Import {
        run: store.next_run()?,
        before: store.next_seq(),
        keys: store.hash_keys()?,
        floor: store.floor()?,
        store,
        options,
        now,
        messages: KeptMessages::of(catalogue),
        summary: ImportSummary {
            problems: found.problems.clone(),
            ..ImportSummary::default()
        },
    };
    for set in sets(&found) {
        import.set(&set, catalogue_for(&set, catalogue, &settings), &settings)?;
    }
    import.close()?;
    Ok(import.summary)
}

struct Import<'a> {
    run: u64,
    /// Records with a lower number were there before this run.
    before: u64,
    keys: [u8; 24],
    /// Nothing that is older is taken: it was removed on purpose.
    floor: Option<i64>,
    store: &'a mut Store,
    options: &'a ImportOptions,
    now: &'a dyn Fn() -> i64,
    messages: KeptMessages<'a>,
    summary: ImportSummary,
}

/// What is to be done with a source.
struct Plan {
    name: String,
    set: u64,
    source: u64,
    /// Lines that were taken in an earlier run.
    lines: u64,
    /// Lines up to which it is whole; the next one is being written.
    whole: u64,
    /// Lines that have an end, if the last one has none.
    ended: Option<u64>,
}

/// A source while it is read.
struct Reading {
    plan: Plan,
    clock: Option<Box<Clock>>,
    identity: Identity,
    known: KnownRecords,
    time: Option<RecordTime>,
    lines_before: u64,
    problems: u64,
    failed: bool,
}

impl Import<'_> {
    fn set(
        &mut self,
        specs: &[(SourceId, SourceSpec)],
        catalogue: &Catalogue,
        settings: &Settings,
    ) -> Result<(), StoreError> {
        let mut plans = HashMap::new();
        let mut wanted = Vec::new();
        for (id, spec) in specs {
            // what was planned before is known by its bytes to what comes after it
            if let Some(plan) = self.plan(spec)? {
                plans.insert(*id, plan);
                wanted.push((*id, spec.clone()));
                self.commit()?;
            }
        }
        let workers = thread::available_parallelism().map_or(1, |cores| cores.get()).min(4);
        let shared = (is_large(&wanted) && workers > 1).then(|| Shared::new(&wanted, catalogue, settings));
        thread::scope(|scope| {
            let stream = match &shared {
                Some(shared) => Stream::threaded(scope, shared, catalogue, settings, workers - 1),
                None => Stream::inline(&wanted, catalogue, settings),
            };
            self.read(stream, plans)
        })
    }

    fn read(&mut self, mut stream: Stream<'_>, mut plans: HashMap<SourceId, Plan>) -> Result<(), StoreError> {
        let mut reading: Option<Reading> = None;
        while let Some(item) = stream.next() {
            match item {
                Item::Begin(id, clock) => {
                    self.end(reading.take())?;
                    reading = plans.remove(&id).map(|plan| self.begin(plan, clock));
                }
                Item::Problem(problem) => self.problem(problem, reading.as_mut()),
                Item::Batch(batch) => {
                    if let Some(reading) = &mut reading {
                        self.batch(&batch, reading)?;
                    }
                    stream.recycle(batch.events);
                }
            }
        }
        self.end(reading)
    }

    /// What is to be done with a source; None if there is nothing.
    fn plan(&mut self, spec: &SourceSpec) -> Result<Option<Plan>, StoreError> {
        if matches!(spec.kind, SourceKind::Stored { .. }) {
            let cause = "is a store itself: import the logs that it was made of";
            self.summary.problems.push(Problem::error(spec.name.as_str(), cause));
            return Ok(None);
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
                self.store.grow(known.source, &hash)?;
            }
            let set = self.store.set_of(known.source)?;
            return Ok(Some(Plan {
                name: spec.name.clone(),
                set,
                source: known.source,
                lines: known.lines,
                whole,
                ended,
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
        }))
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

    fn begin(&mut self, plan: Plan, clock: Option<Box<Clock>>) -> Reading {
        self.summary.sources += 1;
        let known = KnownRecords::of(self.store, self.before, plan.set);
        Reading {
            plan,
            clock,
            identity: Identity::new(&self.keys),
            known,
            time: None,
            lines_before: 0,
            problems: 0,
            failed: false,
        }
    }

    fn end(&mut self, reading: Option<Reading>) -> Result<(), StoreError> {
        let Some(reading) = reading else { return Ok(()) };
        if !reading.failed && reading.plan.whole == u64::MAX {
            self.store.complete(reading.plan.source);
        }
        // a last line without an end is taken as it is, and read again if the file has grown: it may have been half of one
        if let Some(ended) = reading.plan.ended
            && reading.plan.whole == u64::MAX
            && reading.lines_before == ended + 1
        {
            self.store.position(reading.plan.source, ended);
        }
        if reading.plan.whole < reading.lines_before {
            let cause = "its last line is being written: it is left for the next import";
            self.summary
                .problems
                .push(Problem::note(reading.plan.name.as_str(), cause));
        }
        Ok(())
    }

    fn problem(&mut self, problem: Problem, reading: Option<&mut Reading>) {
        if let Some(reading) = reading {
            reading.failed |= problem.kind == ProblemKind::Error;
            if reading.problems < PROBLEMS_MAX {
                self.store
                    .problem(reading.plan.source, reading.problems, to_store(&problem));
                reading.problems += 1;
            }
        }
        self.summary.problems.push(problem);
    }

    fn batch(&mut self, batch: &Batch, reading: &mut Reading) -> Result<(), StoreError> {
        let (before, after) = (reading.lines_before, reading.lines_before + batch.events.lines);
        let mut counts = Counts::default();
        for entry in &batch.events.entries {
            self.entry(batch, entry, reading, &mut counts)?;
        }
        let (from, to) = (before.max(reading.plan.lines), after.min(reading.plan.whole));
        for note in &batch.notes {
            let is_new = match note.place {
                Place::Line(line) => before + line > from && before + line <= to.max(from),
                Place::File(_) => reading.plan.lines == 0,
            };
            if is_new {
                counts.rejected += u64::from(note.kind == ProblemKind::Error);
                // a damaged line is told; that the rest of the file was read is true all the same
                let failed = reading.failed;
                self.problem(note.problem(&reading.plan.name, before), Some(reading));
                reading.failed = failed;
            }
        }
        let kept = counts.stored + counts.unparsed + counts.rejected;
        counts.read = to.saturating_sub(from).saturating_sub(counts.known).max(kept);
        counts.filtered = counts.read - kept;
        counts.records = match from == before && to == after {
            true => batch.events.records,
            false => counts.stored + counts.unparsed,
        };
        self.store.count(reading.plan.source, &counts);
        self.summary.counts.add(&counts);
        reading.lines_before = after;
        if after > reading.plan.lines {
            self.store.position(reading.plan.source, after.min(reading.plan.whole));
        }
        // what is pending is sealed with the segment that it fills: it need not be written twice
        if self.store.is_due((self.now)()) {
            self.close()?;
        }
        Ok(())
    }

    fn entry(
        &mut self,
        batch: &Batch,
        entry: &Entry,
        reading: &mut Reading,
        counts: &mut Counts,
    ) -> Result<(), StoreError> {
        if let (Some(clock), Some(stamp)) = (&mut reading.clock, entry.stamp()) {
            reading.time = Some(clock.resolve(stamp));
        }
        let time = reading.time.map(|time| time.micros);
        let raw = raw_of(&batch.events, entry);
        let extra = match entry {
            Entry::Repeated { times, .. } => times.saturating_add(1),
            _ => 0,
        };
        let id = reading.identity.next(raw, extra, time);
        let line = line_of(entry) + reading.lines_before;
        if line <= reading.plan.lines || line > reading.plan.whole {
            return Ok(());
        }
        if let (Some(floor), Some(time)) = (self.floor, time)
            && time < floor
        {
            self.summary.expired += 1;
            return Ok(());
        }
        if reading.known.contains(self.store, id, time)? {
            counts.known += 1;
            return Ok(());
        }
        let (mut shown, mut variant) = (Cow::Borrowed(raw), "");
        let mut redacted = false;
        if let Entry::Event(event) = entry {
            redacted = !self.options.keep_secrets;
            if redacted {
                shown = tunlog_decode::redact(event.message, raw);
            }
            variant = self.messages.variant(event.message);
        }
        let mut record = record_of(&batch.events, entry, reading.time, &shown, variant);
        (record.id, record.set, record.source) = (id, reading.plan.set, reading.plan.source);
        (record.line, record.redacted) = (line, redacted);
        tally(&record, counts);
        self.store.add(&mut record);
        Ok(())
    }

    /// Commits what was added.
    fn commit(&mut self) -> Result<(), StoreError> {
        let mut told = false;
        while !self.store.commit_by(self.options.full, (self.now)())? {
            self.wait(&mut told);
        }
        Ok(())
    }

    /// Closes the open segment, with what is not committed yet.
    fn close(&mut self) -> Result<(), StoreError> {
        let mut told = false;
        loop {
            let full = match self.store.close((self.now)(), false) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind != ErrorKind::Full => return Err(error),
                Err(full) => full,
            };
            match self.options.full {
                FullPolicy::Stop => return Err(full),
                FullPolicy::Block => self.wait(&mut told),
                // there may be room for a stretch where there is none for a segment
                FullPolicy::DropOldestUnsealed if self.store.pending_bytes() > 0 => {
                    self.commit()?;
                    return Ok(());
                }
                FullPolicy::DropOldestUnsealed => return Err(full),
            }
        }
    }

    /// Waits for room on the disk.
    fn wait(&self, told: &mut bool) {
        if !std::mem::replace(told, true)
            && let Some(tell) = self.options.waiting
        {
            tell("the disk is full: waiting for room");
        }
        thread::sleep(WAIT);
    }
}

/// Something to be told, as a store keeps it.
pub(crate) fn to_store(problem: &Problem) -> StoredProblem {
    StoredProblem {
        kind: match problem.kind {
            ProblemKind::Error => 0,
            ProblemKind::Warning => 1,
            ProblemKind::Note => 2,
        },
        position: problem.position.clone(),
        cause: problem.cause.clone(),
    }
}

pub(crate) fn tally(record: &Record<'_>, counts: &mut Counts) {
    match record.kind {
        Kind::Unrecognised => counts.unparsed += 1,
        Kind::Event | Kind::Repeated => counts.stored += 1,
        Kind::Lost => {
            counts.stored += 1;
            counts.gaps += 1;
            counts.lost = counts.lost.saturating_add(record.times.unwrap_or_default());
        }
    }
}

pub(crate) fn line_of(entry: &Entry) -> u64 {
    match entry {
        Entry::Event(event) => event.line,
        Entry::Unrecognised(line) => line.line,
        Entry::Repeated { line, .. } | Entry::Lost { line, .. } => *line,
    }
}

/// Whether a file, of which so many bytes were read, is plain and was written to just now.
fn is_being_written(spec: &SourceSpec, bytes: u64, now: i64) -> bool {
    let SourceKind::File(path) = &spec.kind else {
        return false;
    };
    let Ok(data) = std::fs::metadata(path) else {
        return false;
    };
    let written = data
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let written = written.and_then(|since| i64::try_from(since.as_micros()).ok());
    data.len() == bytes
        && !spec.is_plain_capture()
        && written.is_some_and(|written| now.saturating_sub(written) < FRESH)
}
