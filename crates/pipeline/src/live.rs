//! Following sources as they grow: the same rooms in the same order, a little at a time.

use std::ops::ControlFlow;

use tunlog_analysis::correlate::Correlator;
use tunlog_decode::{Catalogue, Decoder};
use tunlog_ingest::{Clock, Discovered, Problem, Tail, TailChunk};
use tunlog_model::{Attempt, Entry, Event, EventBatch, RecordTime, SourceId, Spans};

use crate::twins::Twins;
use crate::{Settings, Sources, Subscriber, Summary, Teller};

/// Sources that are followed.
pub struct Live<'c> {
    tail: Tail,
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

impl<'c> Live<'c> {
    /// Follows what was found, from its beginning.
    pub fn new(found: Discovered, catalogue: &'c Catalogue, settings: &Settings) -> Live<'c> {
        let sources = Sources::of(&found);
        let tail = Tail::new(&found.specs, &settings.ingest);
        let start = RecordTime {
            micros: i64::MIN,
            assumed: Default::default(),
        };
        let mut sets: Vec<usize> = found.specs.iter().map(|spec| spec.set).collect();
        sets.sort_unstable();
        sets.dedup();
        let followed = found.specs.iter().enumerate().map(|(number, spec)| Followed {
            set: sets.binary_search(&spec.set).unwrap_or_default(),
            clock: tail.clock(number),
            lines: 0,
            told_line: 0,
            time: start,
        });
        Live {
            followed: followed.collect(),
            tail,
            catalogue,
            decoder: Decoder::new(catalogue, settings.keep()),
            settings: settings.clone(),
            sources,
            correlator: Some(settings.correlator()),
            twins: Twins::of(sets.len()),
            found: found.problems,
            summary: Summary::default(),
        }
    }

    /// Takes in what was written since the last call and tells the subscriber. What went wrong is returned.
    pub fn poll(&mut self, subscriber: &mut dyn Subscriber) -> Vec<Problem> {
        let mut problems = std::mem::take(&mut self.found);
        loop {
            let chunks = match self.tail.poll() {
                Ok(chunks) => chunks,
                Err(problem) => {
                    problems.push(problem);
                    Vec::new()
                }
            };
            problems.extend(self.tail.problems());
            if chunks.is_empty() {
                return problems;
            }
            let looks: Vec<Look> = chunks
                .into_iter()
                .map(|chunk| self.look(chunk, &mut problems))
                .collect();
            if self.tell(&looks, subscriber).is_break() {
                return problems;
            }
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

    fn look(&mut self, part: TailChunk, problems: &mut Vec<Problem>) -> Look {
        let mut events = EventBatch::over(part.chunk.bytes.len());
        let spans = Spans::of(&part.chunk.bytes);
        let decoder = &mut self.decoder;
        let cut = part.framer.cut(&part.chunk, self.catalogue, &mut |record| {
            decoder.decode(record, &spans, &mut events)
        });
        events.give_bytes(part.chunk.bytes);
        let followed = &mut self.followed[part.source];
        let name = self.sources.name(SourceId(part.source as u32));
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
        Look {
            source: part.source,
            events,
            times,
        }
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
