//! Following sources as they grow: the same rooms in the same order, a little at a time.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tunlog_analysis::correlate::Correlator;
use tunlog_decode::{Catalogue, Decoder};
use tunlog_ingest::{
    Arrival, Chunk, Clock, Discovered, FollowConfig, Follower, Framer, Problem, Source, SourceKind, SourceSpec, What,
    set_name,
};
use tunlog_model::{Attempt, Entry, Event, EventBatch, RecordTime, SourceId, Spans};

use crate::twins::Twins;
use crate::{Settings, Sources, Subscriber, Summary, Teller};

/// How many stretches are read at once of what is read only once.
const READS_MAX: usize = 16;

/// Sources that are followed.
pub struct Live<'c> {
    follower: Option<Follower>,
    /// Which source a file is, by its path, and the current file of a log, by its set.
    names: HashMap<String, usize>,
    catalogue: &'c Catalogue,
    decoder: Decoder<'c>,
    settings: Settings,
    sources: Sources,
    followed: Vec<Followed>,
    correlator: Option<Correlator>,
    twins: Option<Box<Twins>>,
    found: Vec<Problem>,
    summary: Summary,
}

/// What is kept of one followed source between looks.
struct Followed {
    /// Which of the sets it belongs to.
    set: usize,
    clock: Option<Clock>,
    /// What cannot be followed (standard input, packed files, event logs) is read once.
    once: Option<Box<Source>>,
    lines: u64,
    told_line: u64,
    time: RecordTime,
}

/// Events of one look at one source.
struct Look {
    source: usize,
    events: EventBatch,
    times: Vec<RecordTime>,
}

/// What is to be followed of the sources that were found.
#[derive(Default)]
struct Wanted {
    paths: Vec<PathBuf>,
    journal: bool,
    names: HashMap<String, usize>,
}

impl Followed {
    /// Opens a source: it is followed, or read once.
    fn open(
        number: usize,
        spec: &SourceSpec,
        set: usize,
        settings: &Settings,
        wanted: &mut Wanted,
    ) -> Result<Followed, Problem> {
        let mut followed = Followed {
            clock: Clock::fixed(&settings.ingest, settings.ingest.now)
                .ok()
                .map(Clock::live),
            ..Followed::none(set)
        };
        if spec.kind == SourceKind::Journal {
            wanted.journal = true;
            wanted.names.insert("journal".to_owned(), number);
            return Ok(followed);
        }
        let file = match &spec.kind {
            SourceKind::File(path) => Some(path),
            _ => None,
        };
        let source = match Source::open(spec, &settings.ingest) {
            Ok(source) => Some(source),
            // an empty or missing file may get lines later
            Err(_) if file.is_some_and(|path| is_empty_or_missing(path)) => None,
            Err(problem) => return Err(problem),
        };
        if let Some(source) = &source {
            followed.clock = Some(source.clock().live());
        }
        match file {
            Some(path) if source.as_ref().is_none_or(Source::is_plain_text) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let name = path.to_string_lossy().into_owned();
                wanted.names.insert(set_name(&name), number); // the last one of a set is the current one
                wanted.names.insert(name, number);
                wanted.paths.push(path);
            }
            _ => followed.once = source.map(Box::new),
        }
        Ok(followed)
    }
}

impl Followed {
    /// Nothing can be read of it.
    fn none(set: usize) -> Followed {
        Followed {
            set,
            clock: None,
            once: None,
            lines: 0,
            told_line: 0,
            time: RecordTime {
                micros: i64::MIN,
                assumed: Default::default(),
            },
        }
    }
}

fn is_empty_or_missing(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |data| data.is_file() && data.len() == 0)
}

impl<'c> Live<'c> {
    /// Follows what was found, from its beginning.
    pub fn new(found: Discovered, catalogue: &'c Catalogue, settings: &Settings) -> Live<'c> {
        let sources = Sources::of(&found);
        let mut problems = found.problems;
        let mut sets: Vec<usize> = found.specs.iter().map(|spec| spec.set).collect();
        sets.sort_unstable();
        sets.dedup();
        let mut wanted = Wanted::default();
        let mut followed = Vec::new();
        for (number, spec) in found.specs.iter().enumerate() {
            let set = sets.binary_search(&spec.set).unwrap_or_default();
            match Followed::open(number, spec, set, settings, &mut wanted) {
                Ok(source) => followed.push(source),
                Err(problem) => {
                    problems.push(problem);
                    followed.push(Followed::none(set));
                }
            }
        }
        let config = FollowConfig {
            journal: wanted.journal,
            ..FollowConfig::of_files(wanted.paths.iter().map(PathBuf::as_path))
        };
        let follower = Follower::new(&config, &settings.ingest, Vec::new());
        let follower = follower.map_err(|problem| problems.push(problem)).ok();
        Live {
            follower,
            names: wanted.names,
            followed,
            catalogue,
            decoder: Decoder::new(catalogue, settings.keep()),
            settings: settings.clone(),
            sources,
            correlator: Some(settings.correlator()),
            twins: Twins::of(sets.len()),
            found: problems,
            summary: Summary::default(),
        }
    }

    /// Takes in what was written since the last call and tells the subscriber. What went wrong is returned.
    pub fn poll(&mut self, subscriber: &mut dyn Subscriber) -> Vec<Problem> {
        let mut problems = std::mem::take(&mut self.found);
        loop {
            let mut looks = Vec::new();
            let mut more = self.read_once(&mut looks, &mut problems);
            let mut arrivals = Vec::new();
            if let Some(follower) = &mut self.follower {
                more |= follower.poll(&mut |arrival| arrivals.push(arrival));
            }
            for arrival in arrivals {
                self.arrived(arrival, &mut looks, &mut problems);
            }
            if self.tell(&looks, subscriber).is_break() || !more {
                return problems;
            }
        }
    }

    /// Part of what cannot be followed. False if there is none left.
    fn read_once(&mut self, looks: &mut Vec<Look>, problems: &mut Vec<Problem>) -> bool {
        let mut more = false;
        for number in 0..self.followed.len() {
            let Some(mut source) = self.followed[number].once.take() else {
                continue;
            };
            let mut ended = false;
            for _ in 0..READS_MAX {
                match source.next_chunk(Vec::new()) {
                    Ok(Some(chunk)) => looks.push(self.look(number, chunk, source.framer(), problems)),
                    Ok(None) => {
                        ended = true;
                        break;
                    }
                    Err(problem) => problems.push(problem),
                }
            }
            problems.extend(source.problems());
            if !ended {
                self.followed[number].once = Some(source);
                more = true;
            }
        }
        more
    }

    fn arrived(&mut self, arrival: Arrival, looks: &mut Vec<Look>, problems: &mut Vec<Problem>) {
        match arrival.what {
            What::Chunk(chunk, framer) => {
                let feed = &arrival.feed;
                let Some(number) = self.names.get(&*feed.name).or_else(|| self.names.get(&*feed.set)) else {
                    return;
                };
                looks.push(self.look(*number, chunk, framer, problems));
            }
            What::Problem(problem) => problems.push(problem),
            What::Lost(_, cause) => problems.push(Problem::warning(&*arrival.feed.name, cause)),
            // the source's own clock goes on through all of its rotations
            What::Begin(_) | What::Capture(_) | What::Position | What::End => {}
        }
    }

    /// What is not closed yet.
    pub fn open(&self) -> Vec<Attempt> {
        self.correlator.as_ref().map(Correlator::open).unwrap_or_default()
    }

    /// Names of the sources.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// What was seen so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    fn look(&mut self, source: usize, chunk: Chunk, framer: Framer, problems: &mut Vec<Problem>) -> Look {
        let mut events = EventBatch::over(chunk.bytes.len());
        let spans = Spans::of(&chunk.bytes);
        let decoder = &mut self.decoder;
        let cut = framer.cut(&chunk, self.catalogue, &mut |record| {
            decoder.decode(record, &spans, &mut events)
        });
        events.give_bytes(chunk.bytes);
        let followed = &mut self.followed[source];
        let name = self.sources.name(SourceId(source as u32));
        problems.extend(cut.notes.iter().map(|note| note.problem(name, followed.lines)));
        self.summary.records += events.records;
        self.summary.unrecognised += events.unrecognised;
        let mut times = Vec::with_capacity(events.entries.len());
        for entry in &mut events.entries {
            *entry.line_mut() += followed.lines;
            if let (Some(clock), Some(stamp)) = (&mut followed.clock, entry.stamp()) {
                followed.time = clock.resolve(stamp);
            }
            times.push(followed.time);
        }
        followed.lines += cut.lines;
        Look { source, events, times }
    }

    /// Tells the entries of all looks, merged by time; within a source the file's order stays.
    fn tell(&mut self, looks: &[Look], subscriber: &mut dyn Subscriber) -> ControlFlow<()> {
        let mut order: Vec<(i64, usize, usize)> = Vec::new();
        let mut latest = vec![i64::MIN; self.followed.len()];
        for (number, look) in looks.iter().enumerate() {
            for (at, time) in look.times.iter().enumerate() {
                latest[look.source] = latest[look.source].max(time.micros);
                order.push((latest[look.source], number, at));
            }
        }
        order.sort();
        let Some(correlator) = self.correlator.take() else {
            return ControlFlow::Break(());
        };
        let mut teller = Teller::resume(
            &self.settings,
            self.sources.clone(),
            subscriber,
            (correlator, self.twins.take()),
            std::mem::take(&mut self.summary),
        );
        let mut told = ControlFlow::Continue(());
        for (_, number, at) in order {
            let look = &looks[number];
            told = tell(look, at, &mut self.followed[look.source], &mut teller);
            if told.is_break() {
                break;
            }
        }
        (self.correlator, self.twins, self.summary) = teller.suspend();
        told
    }
}

fn tell(look: &Look, at: usize, followed: &mut Followed, teller: &mut Teller<'_>) -> ControlFlow<()> {
    let source = SourceId(look.source as u32);
    match &look.events.entries[at] {
        Entry::Event(raw) => {
            followed.told_line = raw.line;
            teller.event_of(&Event::new(&look.events, raw, look.times[at], source), followed.set)
        }
        entry => {
            let set = followed.set;
            teller.other(
                &look.events,
                entry,
                look.times[at],
                (source, set),
                &mut followed.told_line,
            )
        }
    }
}
