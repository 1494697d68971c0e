//! A store that is open to read: its sources, and their records in the order in which they were read from the logs.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;

use tunlog_model::Assumed;
use tunlog_seal::Digest;

use crate::chunk;
use crate::error::{Kind as ErrorKind, Result, StoreError};
use crate::files;
use crate::layout::Layout;
use crate::layout::within;
use crate::record::{self, Kind, Record};
use crate::segment::Segment;
use crate::source::{Counts, StoredProblem};
use crate::working::Working;

/// Closes that are held in memory although nobody reads them just now: the next source may begin where the last one ended.
/// Those that sets read beside each other are held by these anyhow.
const SPARE: usize = 1;

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
    /// It was imported, from a file that has an end.
    pub imported: bool,
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
    segments: Vec<Segment>,
    /// Of a stretch that is not sealed: canonical bytes.
    bytes: Vec<u8>,
    /// Where the records of each source lie, in order.
    of: HashMap<u64, Vec<Place>>,
}

/// Where a record lies.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In a segment: its place among those that were loaded, and the row.
    Row(u32, u32),
    /// In the bytes that are not sealed.
    Bytes(u32, u32),
}

/// A record in its place: what is cheap to know of it, and the whole when it is asked for.
#[derive(Clone)]
pub enum Kept<'a> {
    /// A row of a segment.
    Row {
        /// The segment, and its number among those that were loaded together.
        segment: (&'a Segment, u32),
        /// The row.
        row: usize,
    },
    /// One that is not sealed.
    Open(Box<Record<'a>>),
}

impl<'a> Kept<'a> {
    /// Its number in the store.
    pub fn seq(&self) -> u64 {
        match self {
            Kept::Row { segment, row } => segment.0.seq(*row),
            Kept::Open(record) => record.seq,
        }
    }

    /// When, and what was assumed of that.
    pub fn time(&self) -> Option<(i64, Assumed)> {
        match self {
            Kept::Row { segment, row } => segment.0.time(*row),
            Kept::Open(record) => record.time.map(|time| (time, record.assumed)),
        }
    }

    /// What it tells, and the names of its message: dialect, id, variant.
    pub fn tells(&self) -> (Kind, [&str; 3]) {
        match self {
            Kept::Row { segment, row } => {
                let class = &segment.0.classes()[segment.0.class_of(*row) as usize];
                (class.kind, [&class.dialect, &class.message, &class.variant])
            }
            Kept::Open(record) => (record.kind, [record.dialect, record.message, record.variant]),
        }
    }

    /// Records of a part with the same number here tell the same by the same names.
    pub fn class(&self) -> Option<(u32, u32)> {
        match self {
            Kept::Row { segment, row } => Some((segment.1, segment.0.class_of(*row))),
            Kept::Open(_) => None,
        }
    }

    /// The record; None if what stands there is none.
    pub fn record(self) -> Option<Record<'a>> {
        match self {
            Kept::Row { segment, row } => segment.0.record(row),
            Kept::Open(record) => Some(*record),
        }
    }
}

impl Loaded {
    fn sealed(segments: Vec<Segment>) -> Loaded {
        let mut all = Vec::with_capacity(segments.iter().map(Segment::rows).sum());
        for (number, segment) in segments.iter().enumerate() {
            let place = |row: usize| Place::Row(number as u32, row as u32);
            all.extend((0..segment.rows()).map(|row| (segment.seq(row), segment.source(row), place(row))));
        }
        let mut loaded = Loaded {
            segments,
            bytes: Vec::new(),
            of: HashMap::new(),
        };
        loaded.sort(all);
        loaded
    }

    fn open(bytes: Vec<u8>) -> Option<Loaded> {
        let mut all = Vec::new();
        let start = bytes.as_ptr() as usize;
        for record in record::records(&bytes) {
            let canonical = record.ok()?;
            let at = canonical.as_ptr() as usize - start;
            let record = Record::decode(canonical).ok()?;
            let place = Place::Bytes(u32::try_from(at).ok()?, u32::try_from(at + canonical.len()).ok()?);
            all.push((record.seq, record.source, place));
        }
        let mut loaded = Loaded {
            segments: Vec::new(),
            bytes,
            of: HashMap::new(),
        };
        loaded.sort(all);
        Some(loaded)
    }

    fn sort(&mut self, mut all: Vec<(u64, u64, Place)>) {
        // each segment has its own in order: the stable way sees that
        all.sort_by_key(|(seq, _, _)| *seq);
        for same in all.chunk_by(|(_, one, _), (_, other, _)| one == other) {
            let places = same.iter().map(|(_, _, place)| *place);
            self.of.entry(same[0].1).or_default().extend(places);
        }
    }

    /// How many records of a source there are.
    pub fn len(&self, source: u64) -> usize {
        self.of.get(&source).map_or(0, Vec::len)
    }

    /// The records of a source from a place on, in order.
    pub fn kept(&self, source: u64, from: usize) -> impl Iterator<Item = Kept<'_>> {
        let places = self.of.get(&source).and_then(|places| places.get(from..));
        places.unwrap_or_default().iter().filter_map(|place| match *place {
            Place::Row(segment, row) => Some(Kept::Row {
                segment: (self.segments.get(segment as usize)?, segment),
                row: row as usize,
            }),
            Place::Bytes(from, to) => {
                let record = Record::decode(self.bytes.get(from as usize..to as usize)?).ok()?;
                Some(Kept::Open(Box::new(record)))
            }
        })
    }

    /// The same, whole.
    pub fn records(&self, source: u64, from: usize) -> impl Iterator<Item = Record<'_>> {
        self.kept(source, from).filter_map(Kept::record)
    }
}

/// Why a segment cannot be had.
enum Unhad {
    /// It was changed, or damaged.
    Wrong(String),
    /// The system did not give it: perhaps it will the next time.
    Refused(String),
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
                format!("SELECT id, set_id, name, capture, complete, lines, run, {columns}, bytes IS NOT NULL FROM source ORDER BY id");
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
                    imported: row.get(18)?,
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
        self.let_go();
        let loaded = match part {
            Part::Sealed(checkpoint) => Loaded::sealed(self.sealed(checkpoint)?),
            Part::Open(chunk) => {
                let bytes = self.working.ask(|db| chunk::read(db, chunk as i64))?;
                bytes.and_then(Loaded::open).ok_or_else(|| {
                    StoreError::corrupt(&self.working.path, "a record that is not sealed yet is damaged")
                })?
            }
        };
        let loaded = Arc::new(loaded);
        self.held.push_front((part, Arc::clone(&loaded)));
        Ok(loaded)
    }

    /// Forgets what nobody reads, but for the newest of it.
    fn let_go(&mut self) {
        let mut spare = 0;
        self.held.retain(|(_, loaded)| {
            spare += usize::from(Arc::strong_count(loaded) == 1);
            Arc::strong_count(loaded) > 1 || spare <= SPARE
        });
    }

    fn sealed(&mut self, checkpoint: u64) -> Result<Vec<Segment>> {
        let segments: Vec<(u64, String, u64, [u8; 32], i64)> = self.working.ask(|db| {
            let sql = "SELECT id, path, rows, hash, bytes FROM segment WHERE checkpoint = ?1 AND state = 0 ORDER BY id";
            let mut found = db.prepare_cached(sql)?;
            let found = found.query_map([checkpoint as i64], |row| {
                Ok((
                    row.get::<_, i64>(0)? as u64,
                    row.get(1)?,
                    row.get::<_, i64>(2)? as u64,
                    row.get(3)?,
                    row.get(4)?,
                ))
            })?;
            found.collect()
        })?;
        let mut all = Vec::new();
        for (id, path, rows, hash, bytes) in segments {
            let cause = match self.segment(&path, &Digest(hash), rows, bytes) {
                Ok(segment) => {
                    all.push(segment);
                    continue;
                }
                Err(Unhad::Refused(cause)) => cause,
                Err(Unhad::Wrong(cause)) => match self.set_aside(id, &path) {
                    true => format!("{cause}; it lies in quarantine now"),
                    false => cause,
                },
            };
            let known = self.unreadable.entry(id);
            known.or_insert(Some(Unreadable { path, rows, cause }));
        }
        Ok(all)
    }

    /// Moves a segment that cannot be read out of the way, if nobody writes to the store meanwhile and this user may.
    fn set_aside(&self, id: u64, path: &str) -> bool {
        let Ok(lock) = crate::lock::lock(&self.layout) else {
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

    fn segment(&self, path: &str, hash: &Digest, rows: u64, bytes: i64) -> std::result::Result<Segment, Unhad> {
        let wrong = |cause: &str| Unhad::Wrong(cause.to_owned());
        let most = u64::try_from(bytes).unwrap_or_default().min(files::SEGMENT_MAX);
        let file = files::read_at_most(&within(self.layout.folder(), path), most);
        let file = file.map_err(|error| match error.kind {
            ErrorKind::Corrupt => wrong("it is not as it was sealed"),
            _ => Unhad::Refused(error.cause),
        })?;
        if Digest::of(&file) != *hash {
            return Err(wrong("it is not as it was sealed"));
        }
        let segment = Segment::read(&file).map_err(Unhad::Wrong)?;
        match segment.rows() as u64 == rows {
            true => Ok(segment),
            false => Err(wrong("it has other records than were sealed")),
        }
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
