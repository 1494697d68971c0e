//! Old logs into a store: every record once, however often and in whatever form its file comes.
//!
//! A file is known by its bytes: the same under another name, or compressed, is passed over, and one that has grown is read on.
//! A record is known by its text, its time and its ordinal among equal ones of that second, so pieces of files that overlap
//! add what is new in them. What several logs of one run tell alike is kept of each, as long as they are different logs: whoever
//! reads them together takes such lines for one (`twins`), and names the one that he met first.

mod plan;

use std::collections::HashMap;
use std::thread;
use std::time::Duration;

use tunlog_decode::Catalogue;
use tunlog_ingest::{Clock, Discovered, Place, Problem, ProblemKind, SourceSpec};
use tunlog_model::{Entry, RecordTime, SourceId};
use tunlog_store::{Counts, ErrorKind, FullPolicy, Identity, KnownRecords, Store, StoreError};

use self::plan::{Plan, Unread};
use crate::merge::sets;
use crate::records::{self, Records, identity_of, line_of, to_store};
use crate::services::catalogue_for;
use crate::stream::{Batch, Item, Shared, Stream, is_large};
use crate::{Settings, Wants};

/// Things to tell that are kept of a source.
const PROBLEMS_MAX: u64 = 200;

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
        records: Records::new(catalogue, options.keep_secrets),
        unread: Vec::new(),
        read: Vec::new(),
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
    records: Records<'a>,
    /// Files of the set at hand that are hashed while they are read.
    unread: Vec<Unread>,
    /// How files begin that were hashed while they were read, and of which that is not committed yet.
    read: Vec<[u8; 16]>,
    summary: ImportSummary,
}

/// A source while it is read.
struct Reading {
    plan: Plan,
    spec: SourceSpec,
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
            let mut spec = spec.clone();
            // what was planned before is known by its bytes to what comes after it
            if let Some(plan) = self.plan(&mut spec)? {
                plans.insert(*id, (plan, spec.clone()));
                wanted.push((*id, spec));
                self.commit()?;
            }
        }
        self.unread.clear();
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

    fn read(
        &mut self,
        mut stream: Stream<'_>,
        mut plans: HashMap<SourceId, (Plan, SourceSpec)>,
    ) -> Result<(), StoreError> {
        let mut reading: Option<Reading> = None;
        while let Some(item) = stream.next() {
            match item {
                Item::Begin(id, clock) => {
                    self.end(reading.take())?;
                    reading = plans.remove(&id).map(|(plan, spec)| self.begin(plan, spec, clock));
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

    fn begin(&mut self, plan: Plan, spec: SourceSpec, clock: Option<Box<Clock>>) -> Reading {
        self.summary.sources += 1;
        let known = KnownRecords::of(self.store, self.before, plan.set);
        Reading {
            plan,
            spec,
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
        let Some(mut reading) = reading else { return Ok(()) };
        self.seen_all(&mut reading.plan, &reading.spec);
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
            self.see(&reading.plan);
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
        let id = identity_of(&mut reading.identity, &batch.events, entry, time);
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
        let standing = records::Standing {
            set: reading.plan.set,
            source: reading.plan.source,
            line,
            id,
            time: reading.time,
        };
        self.records.add(self.store, &batch.events, entry, &standing, counts);
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
                Ok(_) => {
                    self.read.clear();
                    return Ok(());
                }
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
