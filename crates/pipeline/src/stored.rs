//! A store in the place of logs: its sources' events as they were read, decoded and timed once. Whoever asks sees what the
//! logs themselves would have shown him.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use tunlog_decode::{Catalogue, Keep, KeptMessages};
use tunlog_ingest::{Discovered, Problem, ProblemKind, SourceKind, SourceSpec};
use tunlog_model::{Assumed, EventBatch, Message, RecordTime, SourceId};
use tunlog_store::record::Kind;
use tunlog_store::{
    ErrorKind, GONE_SOURCES, HistoryReader, Kept, Loaded, Messages, Part, Reader, StoreError, StoredProblem, is_store,
    rebuild, rebuild_as,
};

use crate::stream::{Batch, Item};
use crate::{Settings, Wants};

/// Records of a batch.
const RECORDS_MAX: usize = 4096;

/// The inputs that `paths` name: logs as `tunlog_ingest::discover` finds them, and the sources of stores.
pub fn discover(paths: &[PathBuf], rotate: bool) -> Discovered {
    let (stores, logs): (Vec<PathBuf>, Vec<PathBuf>) = paths.iter().cloned().partition(|path| is_store(path));
    let mut found = match logs.is_empty() && !stores.is_empty() {
        true => Discovered::default(),
        false => tunlog_ingest::discover(&logs, rotate),
    };
    for store in stores {
        add_store(&store, 0..u64::MAX, &mut found);
    }
    found
}

/// A store as it is at a moment: as long as this is held, whoever reads it in this process sees it so.
pub struct Snapshot {
    _reader: SharedReader,
}

/// The sources of a store as it is now, for their records with these numbers, and what keeps that sight of it.
///
/// # Errors
/// If it cannot be read.
pub fn stored_from(folder: &Path, numbers: Range<u64>) -> Result<(Discovered, Snapshot), StoreError> {
    let reader = reader_of(folder)?;
    let mut found = Discovered::default();
    add_store(folder, numbers, &mut found);
    // an empty store has nothing to tell, which is no trouble here
    if found.specs.is_empty() {
        found.problems.clear();
    }
    Ok((found, Snapshot { _reader: reader }))
}

fn add_store(folder: &Path, numbers: Range<u64>, found: &mut Discovered) {
    let sources = reader_of(folder).and_then(|reader| locked(&reader).sources());
    let sources = match sources {
        Ok(sources) => sources,
        Err(error) => return found.problems.push(problem(&error)),
    };
    if sources.is_empty() {
        let cause = "an empty store: `tunlog import` or `tunlog serve` brings logs in";
        return found.problems.push(Problem::error(folder.display().to_string(), cause));
    }
    let first = found.specs.iter().map(|spec| spec.set + 1).max().unwrap_or(0);
    let mut sets: Vec<u64> = Vec::new();
    for source in sources {
        if source.id == GONE_SOURCES {
            continue; // nothing of them is there
        }
        if !sets.contains(&source.set) {
            sets.push(source.set);
        }
        let set = first + sets.len() - 1;
        let kind = SourceKind::Stored {
            folder: folder.to_path_buf(),
            source: source.id,
            capture: source.capture,
            numbers: numbers.clone(),
            since: None,
        };
        found.specs.push(SourceSpec::new(source.name, set, kind));
    }
}

/// Leaves out what of stores is too old for a question: where only what was going on since a time is told, and the store's
/// history knows what was. The answer is the same; a large store is not read as a whole for its last hour.
pub(crate) fn leave_out_older(found: &mut Discovered, settings: &Settings) {
    let Some(since) = settings.since else { return };
    let attempts = settings.wants == Wants::Attempts;
    if !attempts && settings.wants != Wants::Events {
        return;
    }
    let is_capture = |spec: &SourceSpec| matches!(spec.kind, SourceKind::Stored { capture: true, .. });
    if attempts && found.specs.iter().any(is_capture) {
        return; // what is told of the clocks comes of all pairs
    }
    let mut needed: HashMap<PathBuf, Option<(i64, u64)>> = HashMap::new();
    for spec in &mut found.specs {
        if let SourceKind::Stored {
            folder, since: from, ..
        } = &mut spec.kind
        {
            *from = match attempts {
                // an event is told for its own time
                false => Some((since, u64::MAX)),
                true => *needed
                    .entry(folder.clone())
                    .or_insert_with(|| needed_since(folder, since)),
            };
        }
    }
}

/// From where records of a store are needed for all that was going on since a time; None: from the first one.
fn needed_since(folder: &Path, since: i64) -> Option<(i64, u64)> {
    let history = HistoryReader::open(folder).ok().flatten()?;
    let reader = reader_of(folder).ok()?;
    history.needed_since(since, &locked(&reader)).ok().flatten()
}

pub(crate) fn problem(error: &StoreError) -> Problem {
    Problem::error(error.path.display().to_string(), error.cause.clone())
}

type SharedReader = Arc<Mutex<Reader>>;

/// The open store of a directory: the sets of one run share it, and see the same of it.
fn reader_of(folder: &Path) -> Result<SharedReader, StoreError> {
    static OPEN: OnceLock<Mutex<HashMap<PathBuf, Weak<Mutex<Reader>>>>> = OnceLock::new();
    let mut open = OPEN
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(|held| held.into_inner());
    if let Some(reader) = open.get(folder).and_then(Weak::upgrade) {
        return Ok(reader);
    }
    let reader = Arc::new(Mutex::new(Reader::open(folder)?));
    open.retain(|_, known| known.strong_count() > 0);
    open.insert(folder.to_path_buf(), Arc::downgrade(&reader));
    Ok(reader)
}

/// Nothing that is half done outlives a panic in there: it only remembers what it read.
fn locked(reader: &SharedReader) -> std::sync::MutexGuard<'_, Reader> {
    reader.lock().unwrap_or_else(|held| held.into_inner())
}

/// The messages of a catalogue, for records.
pub(crate) struct CatalogueMessages<'c>(pub KeptMessages<'c>);

impl Messages for CatalogueMessages<'_> {
    fn find(&mut self, dialect: &str, id: &str, variant: &str) -> Option<&'static Message> {
        self.0.find(dialect, id, variant)
    }

    fn dialect(&mut self, name: &str) -> Option<&'static str> {
        self.0.dialect(name)
    }
}

/// The sources of one set of a store, one after the other.
pub(crate) struct StoredSet<'s> {
    specs: &'s [(SourceId, SourceSpec)],
    catalogue: &'s Catalogue,
    keep: Keep,
    messages: CatalogueMessages<'s>,
    told: ToldClasses,
    next: usize,
    open: Option<Open>,
    /// To be handed out before anything else.
    ready: VecDeque<Item>,
}

/// The source that is read.
struct Open {
    id: SourceId,
    source: u64,
    /// Only records with these numbers.
    numbers: Range<u64>,
    name: String,
    reader: SharedReader,
    parts: VecDeque<Part>,
    part: Option<(Arc<Loaded>, usize)>,
    /// How many parts were gone to.
    parts_read: u64,
    time: RecordTime,
    /// What was counted when it was read from the log; told with the first batch.
    counted: Option<(u64, u64)>,
    /// Events of messages that this version does not know.
    unknown: u64,
}

impl<'s> StoredSet<'s> {
    pub fn new(specs: &'s [(SourceId, SourceSpec)], catalogue: &'s Catalogue, keep: Keep) -> StoredSet<'s> {
        StoredSet {
            specs,
            catalogue,
            keep,
            messages: CatalogueMessages(KeptMessages::of(catalogue)),
            told: ToldClasses::default(),
            next: 0,
            open: None,
            ready: VecDeque::new(),
        }
    }

    pub fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            if self.open.is_none() {
                self.open_next()?;
                continue;
            }
            if let Err(error) = self.read() {
                self.ready.push_back(Item::Problem(problem(&error)));
                self.open = None;
            }
        }
    }

    fn open_next(&mut self) -> Option<()> {
        let (id, spec) = self.specs.get(self.next)?;
        self.next += 1;
        if !matches!(spec.kind, SourceKind::Stored { .. }) {
            return Some(());
        }
        match Open::new(*id, spec) {
            Ok((open, problems)) => {
                self.ready.push_back(Item::Begin(*id, None));
                let told = problems
                    .into_iter()
                    .map(|told| Item::Problem(of_stored(told, &spec.name)));
                self.ready.extend(told);
                self.open = Some(open);
            }
            Err(error) => self.ready.push_back(Item::Problem(problem(&error))),
        }
        Some(())
    }

    /// Makes the next batch of the open source, or closes it.
    fn read(&mut self) -> Result<(), StoreError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let mut events = EventBatch::over(0);
        let mut times = Vec::new();
        while events.entries.len() < RECORDS_MAX && open.load()? {
            let Some((part, at)) = &mut open.part else { break };
            self.told.begin((open.id, open.parts_read));
            let mut taken = 0;
            for kept in part.kept(open.source, *at) {
                taken += 1;
                open.time = time_of(&kept).unwrap_or(open.time);
                if !open.numbers.contains(&kept.seq()) {
                    continue;
                }
                let told = self.told.find(&kept, &mut self.messages, self.catalogue);
                if !told.is_wanted(self.keep) {
                    continue;
                }
                let rebuilt = kept.record().is_some_and(|record| match told {
                    Told::Event(message) => rebuild_as(&record, message, &mut events),
                    Told::Unknown => false,
                    _ => rebuild(&record, &mut self.messages, &mut events),
                });
                match rebuilt {
                    true => times.push(open.time),
                    false => open.unknown += 1,
                }
                if events.entries.len() == RECORDS_MAX {
                    break;
                }
            }
            *at += taken;
        }
        let counted = open.counted.take();
        if let Some((records, unrecognised)) = counted {
            (events.records, events.unrecognised) = (records, unrecognised);
        }
        let over = events.entries.is_empty();
        if !over || counted.is_some() {
            self.ready.push_back(Item::Batch(Box::new(Batch {
                source: open.id,
                events,
                notes: Vec::new(),
                times: Some(times),
            })));
        }
        if over {
            self.ready.extend(open.told().into_iter().map(Item::Problem));
            self.open = None;
        }
        Ok(())
    }
}

impl Open {
    fn new(id: SourceId, spec: &SourceSpec) -> Result<(Open, Vec<StoredProblem>), StoreError> {
        let SourceKind::Stored {
            folder,
            source,
            numbers,
            since,
            ..
        } = &spec.kind
        else {
            return Err(StoreError::new(ErrorKind::Absent, Path::new(&spec.name), "no store"));
        };
        let (source, numbers) = (*source, numbers.clone());
        let reader = reader_of(folder)?;
        let (parts, problems, counted) = {
            let reader = locked(&reader);
            let known = reader.counted(source)?;
            (
                reader.parts_from(source, numbers.start, *since)?,
                reader.problems(source)?,
                known,
            )
        };
        let time = RecordTime {
            micros: i64::MIN,
            assumed: Assumed::default(),
        };
        let open = Open {
            id,
            source,
            name: spec.name.clone(),
            reader,
            parts: parts.into(),
            part: None,
            parts_read: 0,
            time,
            // of a part of it nothing was counted
            counted: (numbers == (0..u64::MAX)).then_some(counted),
            numbers,
            unknown: 0,
        };
        Ok((open, problems))
    }

    /// Goes to the next part when one is at its end. False when there is none.
    fn load(&mut self) -> Result<bool, StoreError> {
        while self.part.as_ref().is_none_or(|(part, at)| *at >= part.len(self.source)) {
            let Some(next) = self.parts.pop_front() else {
                self.part = None;
                return Ok(false);
            };
            // its memory is free for the next one
            self.part = None;
            let part = locked(&self.reader).load(next)?;
            self.part = Some((part, 0));
            self.parts_read += 1;
        }
        Ok(true)
    }

    /// What is to be told at its end.
    fn told(&self) -> Vec<Problem> {
        let mut told = Vec::new();
        for segment in locked(&self.reader).take_unreadable() {
            let cause = format!(
                "{}: its {} record(s) are left out, the rest is read (`tunlog store verify` tells more)",
                segment.cause, segment.rows
            );
            told.push(Problem::error(segment.path, cause));
        }
        if self.unknown > 0 {
            let cause = format!(
                "{} event(s) of messages that this version does not know are left out (a dialect file is missing?)",
                self.unknown
            );
            told.push(Problem::warning(self.name.as_str(), cause));
        }
        told
    }
}

fn of_stored(told: StoredProblem, source: &str) -> Problem {
    let kind = match told.kind {
        // whoever imported it was told that it was an error: a question to the store does not fail for it
        0 | 1 => ProblemKind::Warning,
        _ => ProblemKind::Note,
    };
    Problem {
        kind,
        path: source.to_owned(),
        position: told.position,
        cause: told.cause,
    }
}

fn time_of(kept: &Kept<'_>) -> Option<RecordTime> {
    let (micros, assumed) = kept.time()?;
    Some(RecordTime { micros, assumed })
}

/// What a record tells, as far as that decides who wants it.
#[derive(Clone, Copy)]
enum Told {
    /// An event of this message.
    Event(&'static Message),
    /// An event of a message that this version does not know.
    Unknown,
    /// A line that nobody understood.
    Unrecognised,
    /// That others were repeated or lost.
    Other,
    /// Something of a dialect that is not heeded.
    Unheeded,
}

impl Told {
    /// Whether whoever reads keeps it, as the decoder would have.
    fn is_wanted(self, keep: Keep) -> bool {
        let facts_only = matches!(keep, Keep::Facts | Keep::FactsAndUnrecognised);
        match self {
            Told::Event(message) => keep != Keep::Unrecognised && (!facts_only || message.is_fact()),
            Told::Unknown => keep != Keep::Unrecognised,
            Told::Unrecognised => matches!(keep, Keep::Unrecognised | Keep::FactsAndUnrecognised | Keep::Everything),
            Told::Other => true,
            Told::Unheeded => false,
        }
    }
}

/// What the classes of one part tell: most records have one of a few hundred.
#[derive(Default)]
struct ToldClasses {
    part: Option<(SourceId, u64)>,
    of: Vec<Vec<Option<Told>>>,
}

impl ToldClasses {
    /// Another part: its classes are others.
    fn begin(&mut self, part: (SourceId, u64)) {
        if self.part != Some(part) {
            (self.part, self.of) = (Some(part), Vec::new());
        }
    }

    fn find(&mut self, kept: &Kept<'_>, messages: &mut CatalogueMessages<'_>, catalogue: &Catalogue) -> Told {
        let Some((segment, class)) = kept.class() else {
            return told(kept, messages, catalogue);
        };
        let (segment, class) = (segment as usize, class as usize);
        if let Some(Some(Some(known))) = self.of.get(segment).map(|of| of.get(class)) {
            return *known;
        }
        let told = told(kept, messages, catalogue);
        if self.of.len() <= segment {
            self.of.resize(segment + 1, Vec::new());
        }
        if self.of[segment].len() <= class {
            self.of[segment].resize(class + 1, None);
        }
        self.of[segment][class] = Some(told);
        told
    }
}

fn told(kept: &Kept<'_>, messages: &mut CatalogueMessages<'_>, catalogue: &Catalogue) -> Told {
    let (kind, [dialect, id, variant]) = kept.tells();
    match kind {
        _ if !catalogue.heeds(dialect) => Told::Unheeded,
        Kind::Event => messages.find(dialect, id, variant).map_or(Told::Unknown, Told::Event),
        Kind::Unrecognised => Told::Unrecognised,
        Kind::Repeated | Kind::Lost => Told::Other,
    }
}
