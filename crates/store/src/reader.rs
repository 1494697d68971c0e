//! A store that is open to read: its sources, and their records in the order in which they were read from the logs.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use tunlog_seal::Digest;

use crate::error::{Result, StoreError};
use crate::files;
use crate::layout::Layout;
use crate::parquet_file;
use crate::record::{self, Record};
use crate::source::{Counts, StoredProblem};
use crate::store::within;
use crate::working::Working;

/// Closes that are held in memory: as many sets as usually lie beside each other.
const HELD: usize = 3;

/// A source as the store knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSource {
    /// Its number in the store.
    pub id: u64,
    /// Its set's number.
    pub set: u64,
    /// As evidence names it.
    pub name: String,
    /// It is a packet capture.
    pub capture: bool,
    /// It was read to its end.
    pub complete: bool,
    /// How many lines of it were read.
    pub lines: u64,
    /// What was counted.
    pub counts: Counts,
    run: u64,
}

/// A segment whose records cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its path in the store.
    pub path: String,
    /// How many records it held.
    pub rows: u64,
    /// Why they cannot be had.
    pub cause: String,
}

/// An open store. What is committed after it was opened is not seen.
pub struct Reader {
    pub(crate) layout: Layout,
    pub(crate) working: Working,
    held: VecDeque<(Part, Arc<Loaded>)>,
    unreadable: BTreeMap<u64, Option<Unreadable>>,
}

/// A part of a source's records: those that one checkpoint sealed, or a stretch of the open segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Sealed by the checkpoint with this number.
    Sealed(u64),
    /// A stretch that is not sealed.
    Open(u64),
}

/// The records of a part, by source.
pub struct Loaded {
    bytes: Vec<u8>,
    /// Where the records of each source lie, in order.
    of: HashMap<u64, Vec<(usize, usize)>>,
}

impl Loaded {
    fn new(bytes: Vec<u8>) -> Option<Loaded> {
        let mut all = Vec::new();
        let start = bytes.as_ptr() as usize;
        for record in record::records(&bytes) {
            let canonical = record.ok()?;
            let at = canonical.as_ptr() as usize - start;
            let record = Record::decode(canonical).ok()?;
            all.push((record.seq, record.source, at, at + canonical.len()));
        }
        all.sort_unstable();
        let mut of: HashMap<u64, Vec<(usize, usize)>> = HashMap::new();
        for (_, source, from, to) in all {
            of.entry(source).or_default().push((from, to));
        }
        Some(Loaded { bytes, of })
    }

    /// How many records of a source there are.
    pub fn len(&self, source: u64) -> usize {
        self.of.get(&source).map_or(0, Vec::len)
    }

    /// The records of a source from a place on, in order.
    pub fn records(&self, source: u64, from: usize) -> impl Iterator<Item = Record<'_>> {
        let spans = self
            .of
            .get(&source)
            .and_then(|spans| spans.get(from..))
            .unwrap_or_default();
        spans
            .iter()
            .filter_map(|(from, to)| Record::decode(&self.bytes[*from..*to]).ok())
    }
}

impl Reader {
    /// Opens a store.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn open(folder: &Path) -> Result<Reader> {
        let layout = Layout::new(folder);
        layout.check_is_store()?;
        let working = Working::open_to_read(&layout.working())?;
        // what is read now is seen for as long as this is open
        working.ask(|db| {
            db.execute_batch("BEGIN")?;
            db.query_row("SELECT COUNT(*) FROM meta", [], |row| row.get::<_, i64>(0))
        })?;
        Ok(Reader {
            layout,
            working,
            held: VecDeque::new(),
            unreadable: BTreeMap::new(),
        })
    }

    /// Every source, in the order in which they are to be read: sets as they came; within a set what is older first, and what
    /// came together in the order in which it came.
    ///
    /// # Errors
    /// The database's.
    pub fn sources(&self) -> Result<Vec<StoredSource>> {
        let mut sources: Vec<StoredSource> = self.working.ask(|db| {
            let columns = Counts::COLUMNS;
            let sql =
                format!("SELECT id, set_id, name, capture, complete, lines, run, {columns} FROM source ORDER BY id");
            let mut found = db.prepare(&sql)?;
            let found = found.query_map([], |row| {
                Ok(StoredSource {
                    id: row.get::<_, i64>(0)? as u64,
                    set: row.get::<_, i64>(1)? as u64,
                    name: row.get(2)?,
                    capture: row.get(3)?,
                    complete: row.get(4)?,
                    lines: row.get::<_, i64>(5)? as u64,
                    run: row.get::<_, i64>(6)? as u64,
                    counts: Counts::of_row(row, 7)?,
                })
            })?;
            found.collect()
        })?;
        let mut began: HashMap<(u64, u64), i64> = HashMap::new();
        for source in &sources {
            let first = source.counts.first.unwrap_or(i64::MAX);
            let known = began.entry((source.set, source.run)).or_insert(first);
            *known = first.min(*known);
        }
        sources.sort_by_key(|source| {
            let began = began.get(&(source.set, source.run)).copied();
            (source.set, began, source.run, source.id)
        });
        Ok(sources)
    }

    /// What is to be told of a source.
    ///
    /// # Errors
    /// The database's.
    pub fn problems(&self, source: u64) -> Result<Vec<StoredProblem>> {
        self.working.ask(|db| {
            let sql = "SELECT kind, position, cause FROM problem WHERE source = ?1 ORDER BY number";
            let mut found = db.prepare_cached(sql)?;
            let found = found.query_map([source as i64], |row| {
                Ok(StoredProblem {
                    kind: row.get(0)?,
                    position: row.get(1)?,
                    cause: row.get(2)?,
                })
            })?;
            found.collect()
        })
    }

    /// The parts that hold records of a source, in order.
    ///
    /// # Errors
    /// The database's.
    pub fn parts(&self, source: u64) -> Result<Vec<Part>> {
        self.working.ask(|db| {
            let numbers = |sql: &str| -> rusqlite::Result<Vec<u64>> {
                let mut found = db.prepare_cached(sql)?;
                let found = found.query_map([source as i64], |row| row.get::<_, i64>(0).map(|number| number as u64))?;
                found.collect()
            };
            let sealed =
                numbers("SELECT DISTINCT checkpoint FROM segment_source WHERE source = ?1 ORDER BY checkpoint")?;
            let open = numbers("SELECT chunk FROM chunk_source WHERE source = ?1 ORDER BY chunk")?;
            let sealed = sealed.into_iter().map(Part::Sealed);
            Ok(sealed.chain(open.into_iter().map(Part::Open)).collect())
        })
    }

    /// The records of a part. What of it cannot be had is remembered, and the rest is given.
    ///
    /// # Errors
    /// The database's.
    pub fn load(&mut self, part: Part) -> Result<Arc<Loaded>> {
        if let Some(at) = self.held.iter().position(|(known, _)| *known == part)
            && let Some(found) = self.held.remove(at)
        {
            self.held.push_front(found.clone());
            return Ok(found.1);
        }
        let bytes = match part {
            Part::Sealed(checkpoint) => self.sealed(checkpoint)?,
            Part::Open(chunk) => self.working.ask(|db| {
                db.query_row("SELECT records FROM chunk WHERE id = ?1", [chunk as i64], |row| {
                    row.get(0)
                })
            })?,
        };
        let loaded = Loaded::new(bytes)
            .ok_or_else(|| StoreError::corrupt(&self.working.path, "a record that is not sealed yet is damaged"))?;
        let loaded = Arc::new(loaded);
        self.held.push_front((part, Arc::clone(&loaded)));
        self.held.truncate(HELD);
        Ok(loaded)
    }

    fn sealed(&mut self, checkpoint: u64) -> Result<Vec<u8>> {
        let segments: Vec<(u64, String, u64, [u8; 32])> = self.working.ask(|db| {
            let sql = "SELECT id, path, rows, hash FROM segment WHERE checkpoint = ?1 AND state = 0 ORDER BY id";
            let mut found = db.prepare_cached(sql)?;
            let found = found.query_map([checkpoint as i64], |row| {
                Ok((
                    row.get::<_, i64>(0)? as u64,
                    row.get(1)?,
                    row.get::<_, i64>(2)? as u64,
                    row.get(3)?,
                ))
            })?;
            found.collect()
        })?;
        let mut all = Vec::new();
        for (id, path, rows, hash) in segments {
            match self.segment(&path, &Digest(hash)) {
                Ok(records) => all.extend_from_slice(&records),
                Err(cause) => {
                    let cause = match self.set_aside(id, &path) {
                        true => format!("{cause}; it lies in quarantine now"),
                        false => cause,
                    };
                    let known = self.unreadable.entry(id);
                    known.or_insert(Some(Unreadable { path, rows, cause }));
                }
            }
        }
        Ok(all)
    }

    /// Moves a segment that cannot be read out of the way, if nobody writes to the store meanwhile and this user may.
    fn set_aside(&self, id: u64, path: &str) -> bool {
        let Ok(lock) = crate::store::lock(&self.layout) else {
            return false;
        };
        let from = within(self.layout.folder(), path);
        let to = self.layout.quarantine();
        let moved = from
            .file_name()
            .is_some_and(|name| std::fs::create_dir_all(&to).is_ok() && std::fs::rename(&from, to.join(name)).is_ok());
        let known = moved
            && Working::open(&self.layout.working()).is_ok_and(|mut working| {
                let set = "UPDATE segment SET state = 2 WHERE id = ?1 AND state = 0";
                working.write(|db| db.execute(set, [id as i64]).map(drop)).is_ok()
            });
        drop(lock);
        known
    }

    fn segment(&self, path: &str, hash: &Digest) -> std::result::Result<Vec<u8>, String> {
        let file = files::read(&within(self.layout.folder(), path)).map_err(|error| error.cause)?;
        if Digest::of(&file) != *hash {
            return Err("it is not as it was sealed".to_owned());
        }
        let records = parquet_file::read(file)?;
        let fine = record::records(&records).all(|record| record.is_ok_and(|bytes| Record::decode(bytes).is_ok()));
        fine.then_some(records)
            .ok_or_else(|| "a record in it is damaged".to_owned())
    }

    /// Segments whose records could not be had, each told once.
    pub fn take_unreadable(&mut self) -> Vec<Unreadable> {
        let mut told = Vec::new();
        for segment in self.unreadable.values_mut() {
            told.extend(segment.take());
        }
        told
    }

    /// How many records of VPN daemons a source had, and how many of them nobody understood.
    ///
    /// # Errors
    /// The database's.
    pub fn counted(&self, source: u64) -> Result<(u64, u64)> {
        self.working.ask(|db| {
            let sql = "SELECT records, unparsed FROM source WHERE id = ?1";
            db.query_row(sql, [source as i64], |row| {
                Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
            })
        })
    }
}
