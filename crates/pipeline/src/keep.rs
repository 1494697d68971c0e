//! The keeping half of live operation: what was taken in becomes records of a store, committed together with how far each
//! source was read.

use std::collections::{BTreeSet, HashMap, HashSet};

use tunlog_decode::Catalogue;
use tunlog_ingest::{Feed, Place, Position, ProblemKind};
use tunlog_model::SourceId;
use tunlog_store::record::Record;
use tunlog_store::{Counts, Identity, KnownRecords, NewSource, Store, StoreError};

use crate::feeds::Taken;
use crate::records::{self, Records, identity_of, line_of, tally, to_store};

/// Things to tell that are kept of a source.
const PROBLEMS_MAX: u64 = 200;

/// A source as it is kept.
struct Kept {
    source: u64,
    set: u64,
    identity: Identity,
    /// What an import may have brought of it before; asked until the present is reached.
    known: Option<KnownRecords>,
    problems: u64,
}

/// Makes records of what is taken in.
pub struct Keeper<'c> {
    records: Records<'c>,
    keys: [u8; 24],
    run: u64,
    /// Records with a lower number were there before.
    before: u64,
    /// When it began, microseconds UTC: what is younger cannot have been imported before.
    began: i64,
    kept: HashMap<SourceId, Kept>,
    /// Sets that were followed in earlier runs.
    followed: HashSet<u64>,
}

impl<'c> Keeper<'c> {
    /// For a store; `now` in microseconds UTC.
    ///
    /// # Errors
    /// The store's.
    pub fn new(
        store: &Store,
        catalogue: &'c Catalogue,
        keep_secrets: bool,
        now: i64,
    ) -> Result<Keeper<'c>, StoreError> {
        Ok(Keeper {
            records: Records::new(catalogue, keep_secrets),
            keys: store.hash_keys()?,
            run: store.next_run()?,
            before: store.next_seq(),
            began: now,
            kept: HashMap::new(),
            followed: followed(store)?,
        })
    }

    /// A feed begins that the store does not know: it becomes a source of it.
    ///
    /// # Errors
    /// The store's.
    pub fn begin(&mut self, store: &mut Store, id: SourceId, feed: &Feed) -> Result<(), StoreError> {
        // what is asked first may fail, and nothing is added then
        let (source, set) = store.add_source_of_set(NewSource {
            name: feed.name.to_string(),
            set: feed.set.to_string(),
            run: self.run,
            ..NewSource::default()
        })?;
        store.keep_feed(&feed.key, source);
        // only files are brought in by an import; of what a peer sends nothing can have been
        // a log that was followed before goes on where it was: its next generation repeats nothing
        let is_new = !is_of_network(&feed.name) && !self.followed.contains(&set);
        let known = is_new.then(|| KnownRecords::of_earlier(self.before, set));
        self.keep(id, source, set, known);
        Ok(())
    }

    /// A feed goes on that is the source with a number.
    ///
    /// # Errors
    /// The store's.
    pub fn resume(&mut self, store: &Store, id: SourceId, source: u64) -> Result<(), StoreError> {
        let set = store.set_of(source)?;
        self.keep(id, source, set, None);
        Ok(())
    }

    fn keep(&mut self, id: SourceId, source: u64, set: u64, known: Option<KnownRecords>) {
        let kept = Kept {
            source,
            set,
            identity: Identity::new(&self.keys),
            known,
            problems: 0,
        };
        self.kept.insert(id, kept);
    }

    /// The number that a source has in the store.
    pub fn source(&self, id: SourceId) -> Option<u64> {
        self.kept.get(&id).map(|kept| kept.source)
    }

    /// The numbers in the store of the sources that are being read.
    pub fn live(&self) -> BTreeSet<u64> {
        self.kept.values().map(|kept| kept.source).collect()
    }

    /// Nothing comes of a source for now.
    pub fn end(&mut self, id: SourceId) {
        self.kept.remove(&id);
    }

    /// Adds what was taken in to a store, and how far its sources were read. If the store refuses to be read, `refused` says
    /// whether to ask again, or why not: a batch is taken as a whole.
    ///
    /// # Errors
    /// What `refused` answers.
    pub fn take(
        &mut self,
        store: &mut Store,
        taken: &mut Taken,
        refused: &mut dyn FnMut(StoreError) -> Result<(), StoreError>,
    ) -> Result<Counts, StoreError> {
        let mut counts = Counts::default();
        let first = store.next_seq();
        taken.seqs = first..first;
        let Some(kept) = self.kept.get_mut(&taken.source) else {
            return Ok(counts);
        };
        for (entry, time) in taken.events.entries.iter().zip(&taken.times) {
            let known_time = (time.micros != i64::MIN).then_some(*time);
            let micros = known_time.map(|time| time.micros);
            let id = identity_of(&mut kept.identity, &taken.events, entry, micros);
            if let Some(known) = &mut kept.known {
                if micros.is_some_and(|micros| micros > self.began) {
                    kept.known = None;
                } else if patiently(refused, || known.contains(store, id, micros))? {
                    counts.known += 1;
                    continue;
                }
            }
            let standing = records::Standing {
                set: kept.set,
                source: kept.source,
                line: line_of(entry),
                id,
                time: known_time,
            };
            self.records.add(store, &taken.events, entry, &standing, &mut counts);
        }
        for note in &taken.notes {
            counts.rejected += u64::from(note.kind == ProblemKind::Error);
            if kept.problems < PROBLEMS_MAX {
                let problem = to_store(&note.problem("", taken.lines_before));
                // numbered by place, so that what is read again after a crash is told once
                let place = match note.place {
                    Place::Line(line) => taken.lines_before + line,
                    Place::File(_) => 0,
                };
                store.problem(kept.source, place, problem);
                kept.problems += 1;
            }
        }
        let sum = counts.stored + counts.unparsed + counts.rejected;
        counts.read = taken.events.lines.saturating_sub(counts.known).max(sum);
        counts.filtered = counts.read - sum;
        counts.records = taken.events.records;
        store.count(kept.source, &counts);
        store.position(kept.source, taken.lines_before + taken.events.lines);
        taken.seqs = first..store.next_seq();
        Ok(counts)
    }

    /// Records were lost on the way to us: how many, if anybody knows.
    ///
    /// # Errors
    /// The store's.
    pub fn lost(&mut self, store: &mut Store, id: SourceId, lost: Option<u64>, cause: &str, now: i64) {
        let Some(kept) = self.kept.get_mut(&id) else { return };
        let mut counts = Counts::default();
        let mut record = Record {
            kind: tunlog_store::record::Kind::Lost,
            times: lost,
            time: Some(now),
            raw: cause.as_bytes(),
            ..Record::empty()
        };
        (record.set, record.source) = (kept.set, kept.source);
        record.id = kept.identity.next(cause.as_bytes(), 1, Some(now));
        tally(&record, &mut counts);
        // it is no line of the source
        (counts.read, counts.stored) = (counts.stored, counts.stored);
        store.count(kept.source, &counts);
        store.add(&mut record);
    }
}

/// Asks until there is an answer, or `refused` wants no more of it.
fn patiently<T>(
    refused: &mut dyn FnMut(StoreError) -> Result<(), StoreError>,
    mut ask: impl FnMut() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    loop {
        match ask() {
            Err(error) => refused(error)?,
            answer => return answer,
        }
    }
}

/// The sets of which feeds are known.
fn followed(store: &Store) -> Result<HashSet<u64>, StoreError> {
    let sources = store.feeds()?.into_iter().filter_map(|feed| feed.source);
    sources.map(|(source, _)| store.set_of(source)).collect()
}

/// Whether a feed's name is that of a listener's peer or of a capture through a pipe.
fn is_of_network(name: &str) -> bool {
    let doors = ["udp:", "tcp:", "tls:", "unix:", "unix-stream:", "capture:"];
    doors.iter().any(|door| name.starts_with(door))
}

/// Keeps how far sources were read.
pub fn keep_positions(store: &mut Store, positions: Vec<Position>) {
    for position in positions {
        store.keep_position(&position.key, position.value);
    }
}
