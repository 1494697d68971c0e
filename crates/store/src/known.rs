//! What is in the store already: whole files by their bytes, records by what they say and when.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher as _};
use std::path::Path;

use rusqlite::params;
use siphasher::sip::SipHasher13;
use tunlog_model::Hashed;
use twox_hash::XxHash3_128;

use crate::chunk;
use crate::close::{DAY, day_of};
use crate::error::{Result, StoreError};
use crate::files;
use crate::layout::within;
use crate::record::{self, Record};
use crate::segment::{self, Identified};
use crate::store::Store;

/// Days of record hashes that are held at once: eight bytes for each record of these days.
const DAYS_HELD: usize = 3;

/// Records whose repetitions are counted at once.
const SEEN_MAX: usize = 1 << 17;
/// Seconds for which they are, at least.
const MINUTE: i64 = 60;

/// A source whose beginning is that of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its number.
    pub source: u64,
    /// Its bytes when it was read.
    pub bytes: u64,
    /// Their hash.
    pub content: [u8; 16],
    /// How many lines of it were taken.
    pub lines: u64,
    /// It was read to its end.
    pub complete: bool,
    /// Its name.
    pub name: String,
    /// Time of its first record.
    pub first: Option<i64>,
}

/// Hashes the bytes of a file piece by piece, and tells at which of some lengths they were those of a known source.
pub struct FileHash {
    hash: XxHash3_128,
    key: u64,
    len: u64,
    head: Vec<u8>,
    newlines: u64,
    last: u8,
}

impl FileHash {
    /// Bytes by which files are told apart at first.
    pub const HEAD: u64 = 4096;

    /// Of nothing yet.
    pub fn new(keys: &[u8; 24]) -> FileHash {
        let mut key = [0; 8];
        key.copy_from_slice(&keys[16..]);
        let key = u64::from_le_bytes(key);
        FileHash {
            hash: XxHash3_128::with_seed(key),
            key,
            len: 0,
            head: Vec::new(),
            newlines: 0,
            last: b'\n',
        }
    }

    /// Goes on with these bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.write(bytes);
        self.len += bytes.len() as u64;
        let room = (Self::HEAD as usize).saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..room.min(bytes.len())]);
        self.newlines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.last = bytes.last().copied().unwrap_or(self.last);
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Line ends so far.
    pub fn lines(&self) -> u64 {
        self.newlines
    }

    /// Whether the last line has its end.
    pub fn is_whole(&self) -> bool {
        self.last == b'\n'
    }

    /// The hash of all bytes so far.
    pub fn content(&self) -> [u8; 16] {
        self.hash.finish_128().to_le_bytes()
    }

    /// The hash of the first of them.
    pub fn head(&self) -> [u8; 16] {
        XxHash3_128::oneshot_with_seed(self.key, &self.head).to_le_bytes()
    }
}

/// Makes the identity of records: what they say, when, and the how many-th of that second it is.
pub struct Identity {
    keys: (u64, u64),
    /// How often something was said in a second: of the last minute or two, and of what was before them.
    seen: [HashMap<u64, u32, BuildHasherDefault<Hashed>>; 2],
    /// When the first of these two began, seconds.
    since: i64,
}

impl Identity {
    /// For the records of one source, from its first one on.
    pub fn new(keys: &[u8; 24]) -> Identity {
        let half = |from: usize| {
            let mut key = [0; 8];
            key.copy_from_slice(&keys[from..from + 8]);
            u64::from_le_bytes(key)
        };
        Identity {
            keys: (half(0), half(8)),
            seen: Default::default(),
            since: i64::MIN,
        }
    }

    /// The identity of the next record: its text as it stands in the source (`extra` where that is not all that it says), and
    /// its time.
    pub fn next(&mut self, raw: &[u8], extra: u64, time: Option<i64>) -> u64 {
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        hasher.write(raw);
        hasher.write_u64(extra);
        hasher.write_i64(time.unwrap_or(i64::MIN));
        let says = hasher.finish();
        let second = time.map_or(i64::MIN, |time| time.div_euclid(1_000_000));
        self.forget(second);
        // what it says has its time in it
        let [now, before] = &mut self.seen;
        let earlier = || before.get(&says).copied().unwrap_or_default();
        let ordinal = now.entry(says).or_insert_with(earlier);
        *ordinal += 1;
        if *ordinal == 1 {
            return says;
        }
        hasher.write_u32(*ordinal);
        hasher.finish()
    }

    /// Forgets what was said more than a minute ago, and more than two minutes ago at the latest; or when it is too much.
    fn forget(&mut self, second: i64) {
        if second < self.since.saturating_add(MINUTE) && self.seen[0].len() < SEEN_MAX {
            return;
        }
        self.since = second.max(self.since);
        self.seen.swap(0, 1);
        self.seen[0].clear();
    }
}

/// The records that were in the store before a source was read, looked up by day.
pub struct KnownRecords {
    /// Records with a lower number count: those of earlier runs.
    run: u64,
    /// So do records of this set with a lower number than this.
    before: u64,
    set: u64,
    days: VecDeque<(Option<i64>, Vec<u64>)>,
}

impl KnownRecords {
    /// What a store held when a run began (records with lower numbers than `run`), and what of one set it holds now.
    pub fn of(store: &Store, run: u64, set: u64) -> KnownRecords {
        KnownRecords {
            run,
            before: store.next_seq(),
            set,
            days: VecDeque::new(),
        }
    }

    /// Only what a store held when a run began: what this run brings of a set are generations of one log, whose lines may be
    /// the same within a second and are not one.
    pub fn of_earlier(run: u64, set: u64) -> KnownRecords {
        KnownRecords {
            run,
            before: run,
            set,
            days: VecDeque::new(),
        }
    }

    /// Whether a record is one of them.
    ///
    /// # Errors
    /// The database's.
    pub fn contains(&mut self, store: &Store, id: u64, time: Option<i64>) -> Result<bool> {
        if self.before == 0 {
            return Ok(false);
        }
        let day = time.map(day_of);
        let at = match self.days.iter().position(|(known, _)| *known == day) {
            Some(at) => at,
            None => {
                let ids = store.ids_of(day, self)?;
                self.days.push_front((day, ids));
                self.days.truncate(DAYS_HELD);
                0
            }
        };
        Ok(self.days[at].1.binary_search(&id).is_ok())
    }
}

impl Store {
    /// Sources that begin like a file and are no longer than it.
    ///
    /// # Errors
    /// The database's.
    pub fn candidates(&self, hash: &FileHash) -> Result<Vec<Candidate>> {
        self.working.ask(|db| {
            let mut found = db.prepare_cached(
                "SELECT id, bytes, content, lines, complete, name, first_time FROM source
                 WHERE bytes <= ?1 AND content IS NOT NULL AND (head = ?2 OR bytes < ?3) ORDER BY bytes, id",
            )?;
            let found = found.query_map(params![hash.len() as i64, hash.head(), FileHash::HEAD as i64], |row| {
                Ok(Candidate {
                    source: row.get::<_, i64>(0)? as u64,
                    bytes: row.get::<_, i64>(1)? as u64,
                    content: row.get(2)?,
                    lines: row.get::<_, i64>(3)? as u64,
                    complete: row.get(4)?,
                    name: row.get(5)?,
                    first: row.get(6)?,
                })
            })?;
            found.collect()
        })
    }

    /// Whether a source may begin like a file of which the head is known: one with the same head, or a shorter one of its name.
    ///
    /// # Errors
    /// The database's.
    pub fn begins_like(&self, hash: &FileHash, name: &str) -> Result<bool> {
        self.working.ask(|db| {
            let mut found = db.prepare_cached(
                "SELECT 1 FROM source WHERE content IS NOT NULL AND (head = ?1 OR (bytes < ?2 AND name = ?3)) LIMIT 1",
            )?;
            found.exists(params![hash.head(), FileHash::HEAD as i64, name])
        })
    }

    /// A source of a name and with a head, of which an earlier run was about to take something, and took nothing.
    ///
    /// # Errors
    /// The database's.
    pub fn abandoned(&self, hash: &FileHash, name: &str, run: u64) -> Result<Option<u64>> {
        self.working.ask(|db| {
            let mut found = db.prepare_cached(
                "SELECT id FROM source WHERE content IS NULL AND head = ?1 AND name = ?2 AND run < ?3 AND lines = 0
                 AND read = 0 LIMIT 1",
            )?;
            let mut rows = found.query(params![hash.head(), name, run as i64])?;
            rows.next()?
                .map(|row| row.get::<_, i64>(0).map(|id| id as u64))
                .transpose()
        })
    }

    /// The number of this run among all that brought sources.
    ///
    /// # Errors
    /// The database's.
    pub fn next_run(&self) -> Result<u64> {
        self.working.ask(|db| {
            db.query_row("SELECT COALESCE(MAX(run), 0) + 1 FROM source", [], |row| {
                row.get::<_, i64>(0).map(|run| run as u64)
            })
        })
    }

    /// The identities of the known records of a day, sorted.
    fn ids_of(&self, day: Option<i64>, known: &KnownRecords) -> Result<Vec<u64>> {
        let before = known.before;
        let (from, to) = match day {
            Some(day) => (day.saturating_mul(DAY), day.saturating_add(1).saturating_mul(DAY)),
            None => (i64::MIN, i64::MAX),
        };
        let paths: Vec<String> = self.working.ask(|db| {
            let sql = match day {
                Some(_) => {
                    "SELECT path FROM segment WHERE state = 0 AND first_seq < ?3 AND last_time >= ?1 AND first_time < ?2"
                }
                None => {
                    "SELECT path FROM segment WHERE state = 0 AND first_seq < ?3 AND ?1 < ?2
                     AND path LIKE 'segments/day=\\_\\_%' ESCAPE '\\'"
                }
            };
            let mut found = db.prepare_cached(sql)?;
            let found = found.query_map(params![from, to, before as i64], |row| row.get(0))?;
            found.collect()
        })?;
        let mut ids = Vec::new();
        let mut take = |one: Identified| {
            let counts = one.seq < known.run || (one.seq < before && one.set == known.set);
            if counts && one.time.map(day_of) == day {
                ids.push(one.id);
            }
        };
        for path in paths {
            let path = within(self.folder(), &path);
            // what cannot be read cannot be compared: its records would come twice, which `verify` tells
            if let Ok(file) = files::read_at_most(&path, files::SEGMENT_MAX)
                && let Ok(found) = segment::identities(&file)
            {
                found.into_iter().for_each(&mut take);
            }
        }
        match &self.open {
            Some(open) => open.identities(day, &mut take),
            None => self.open_identities(from, to, &mut take)?,
        }
        ids.sort_unstable();
        Ok(ids)
    }

    fn open_identities(&self, from: i64, to: i64, take: &mut dyn FnMut(Identified)) -> Result<()> {
        let path: &Path = &self.working.path;
        let damaged = |_| StoreError::corrupt(path, "a record that is not sealed is damaged");
        let numbers: Vec<i64> = self.working.ask(|db| {
            let mut found = db.prepare_cached(
                "SELECT id FROM chunk WHERE first_time IS NULL OR (last_time >= ?1 AND first_time < ?2)",
            )?;
            let found = found.query_map(params![from, to], |row| row.get(0))?;
            found.collect()
        })?;
        let mut chunks = Vec::new();
        for number in numbers {
            let bytes = self.working.ask(|db| chunk::read(db, number))?;
            chunks.push(bytes.ok_or_else(|| damaged(record::Malformed))?);
        }
        for chunk in chunks.iter().chain([&self.pending.records]) {
            for record in record::records(chunk) {
                let record = record.and_then(Record::decode);
                let record = record.map_err(damaged)?;
                take(Identified {
                    seq: record.seq,
                    set: record.set,
                    time: record.time,
                    id: record.id,
                });
            }
        }
        Ok(())
    }
}
