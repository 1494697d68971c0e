//! Several sets become one stream of evidence, merged by time; within a set the order of the file stays, because a file's
//! order is true even where its clock was set back.

use std::ops::ControlFlow;
use std::thread;

use tunlog_decode::Catalogue;
use tunlog_ingest::{Clock, Discovered, SourceSpec};
use tunlog_model::{Entry, Event, EventBatch, RecordTime, SourceId};

use crate::services::catalogue_for;
use crate::stream::{Batch, Item, Shared, Stream, is_large};
use crate::{Settings, Teller};

/// Sets that get worker threads; the rest are decoded on the caller's thread.
const THREADED_SETS_MAX: usize = 4;

/// Reads all sets. `Break` if the subscriber had enough.
pub(crate) fn all(
    found: &Discovered,
    catalogue: &Catalogue,
    settings: &Settings,
    teller: &mut Teller<'_>,
) -> ControlFlow<()> {
    let sets = sets(found);
    let logs = |specs: &&Vec<(SourceId, SourceSpec)>| specs.iter().any(|(_, spec)| !spec.is_plain_capture());
    if sets.iter().filter(logs).count() > 1 {
        teller.expect_twins(sets.len());
    }
    let workers = thread::available_parallelism().map_or(1, |cores| cores.get()).min(4);
    let catalogues: Vec<&Catalogue> = sets
        .iter()
        .map(|specs| catalogue_for(specs, catalogue, settings))
        .collect();
    let shared: Vec<Option<Shared<'_>>> = sets
        .iter()
        .zip(&catalogues)
        .map(|(specs, catalogue)| is_large(specs).then(|| Shared::new(specs, catalogue, settings)))
        .collect();
    thread::scope(|scope| {
        let mut threaded = 0;
        let mut cursors: Vec<Cursor<'_>> = Vec::with_capacity(sets.len());
        for ((specs, shared), catalogue) in sets.iter().zip(&shared).zip(&catalogues) {
            let stream = match shared.as_ref().filter(|_| threaded < THREADED_SETS_MAX && workers > 1) {
                Some(shared) => {
                    threaded += 1;
                    Stream::threaded(scope, shared, catalogue, settings, workers - 1)
                }
                None => Stream::inline(specs, catalogue, settings),
            };
            cursors.push(Cursor::new(stream, cursors.len()));
        }
        merge(&mut cursors, teller)
    })
}

pub(crate) fn sets(found: &Discovered) -> Vec<Vec<(SourceId, SourceSpec)>> {
    let mut sets: Vec<(usize, Vec<(SourceId, SourceSpec)>)> = Vec::new();
    for (number, spec) in found.specs.iter().enumerate() {
        let entry = (SourceId(number as u32), spec.clone());
        match sets.iter_mut().find(|(set, _)| *set == spec.set) {
            Some((_, specs)) => specs.push(entry),
            None => sets.push((spec.set, vec![entry])),
        }
    }
    sets.into_iter().map(|(_, specs)| specs).collect()
}

fn merge(cursors: &mut Vec<Cursor<'_>>, teller: &mut Teller<'_>) -> ControlFlow<()> {
    for cursor in cursors.iter_mut() {
        cursor.advance(teller);
    }
    cursors.retain(|cursor| !cursor.is_over());
    while !cursors.is_empty() {
        let (first, limit) = earliest(cursors);
        cursors[first].tell_until(limit, teller)?;
        if cursors[first].is_over() {
            cursors.remove(first);
        }
    }
    ControlFlow::Continue(())
}

/// The cursor with the earliest entry, and the time of the earliest entry of the others: until then it goes on alone.
fn earliest(cursors: &[Cursor<'_>]) -> (usize, i64) {
    let mut first = 0;
    for (number, cursor) in cursors.iter().enumerate() {
        if cursor.time() < cursors[first].time() {
            first = number;
        }
    }
    let others = cursors.iter().enumerate().filter(|(number, _)| *number != first);
    (first, others.map(|(_, cursor)| cursor.time()).min().unwrap_or(i64::MAX))
}

/// A place in a set's stream.
struct Cursor<'s> {
    stream: Stream<'s>,
    /// Which of the sets it is.
    set: usize,
    clock: Option<Box<Clock>>,
    batch: Option<Box<Batch>>,
    at: usize,
    time: RecordTime,
    lines_before: u64,
    /// The line of the event told last, for `last message repeated N times`.
    told_line: u64,
    over: bool,
}

impl<'s> Cursor<'s> {
    fn new(stream: Stream<'s>, set: usize) -> Cursor<'s> {
        let time = RecordTime {
            micros: i64::MIN,
            assumed: Default::default(),
        };
        Cursor {
            stream,
            set,
            clock: None,
            batch: None,
            at: 0,
            time,
            lines_before: 0,
            told_line: 0,
            over: false,
        }
    }

    fn is_over(&self) -> bool {
        self.over
    }

    /// Time of the entry that comes next.
    fn time(&self) -> i64 {
        self.time.micros
    }

    /// Tells entries until one is later than `limit`, or the set is over.
    fn tell_until(&mut self, limit: i64, teller: &mut Teller<'_>) -> ControlFlow<()> {
        loop {
            self.tell(teller)?;
            self.at += 1;
            self.advance(teller);
            if self.over || self.time.micros > limit {
                return ControlFlow::Continue(());
            }
        }
    }

    #[inline]
    fn tell(&mut self, teller: &mut Teller<'_>) -> ControlFlow<()> {
        let Some(batch) = &self.batch else {
            return ControlFlow::Continue(());
        };
        let events = &batch.events;
        match &events.entries[self.at] {
            Entry::Event(raw) => {
                self.told_line = raw.line;
                teller.event_of(&Event::new(events, raw, self.time, batch.source), self.set)
            }
            entry => teller.other(events, entry, self.time, (batch.source, self.set), &mut self.told_line),
        }
    }

    /// Goes to the next entry, through batches and sources, and decides its time.
    #[inline]
    fn advance(&mut self, teller: &mut Teller<'_>) {
        while !self.resolves() && !self.over {
            self.refill(teller);
        }
    }

    /// Decides the time of the entry that comes next, if the batch has one.
    #[inline]
    fn resolves(&mut self) -> bool {
        let Some(batch) = &self.batch else { return false };
        let Some(entry) = batch.events.entries.get(self.at) else {
            return false;
        };
        match (&batch.times, &mut self.clock, entry.stamp()) {
            (Some(times), ..) => self.time = times.get(self.at).copied().unwrap_or(self.time),
            (None, Some(clock), Some(stamp)) => self.time = clock.resolve(stamp),
            _ => {}
        }
        true
    }

    /// Takes what comes after the batch, which is done. Not in line: it is for a few in ten thousand entries.
    #[inline(never)]
    fn refill(&mut self, teller: &mut Teller<'_>) {
        if let Some(done) = self.batch.take() {
            self.stream.recycle(done.events);
        }
        match self.stream.next() {
            None => self.over = true,
            Some(item) => self.take(item, teller),
        }
    }

    fn take(&mut self, item: Item, teller: &mut Teller<'_>) {
        match item {
            Item::Begin(_, clock) => {
                self.clock = clock;
                self.lines_before = 0;
                self.told_line = 0;
            }
            Item::Problem(problem) => teller.summary.problems.push(problem),
            Item::Batch(mut batch) => {
                number(&mut batch.events, self.lines_before);
                teller.count(&batch, self.lines_before);
                self.lines_before += batch.events.lines;
                self.at = 0;
                self.batch = Some(batch);
            }
        }
    }
}

/// Line numbers of a batch count from its own first line until the lines before it are known.
fn number(events: &mut EventBatch, before: u64) {
    for entry in &mut events.entries {
        *entry.line_mut() += before;
    }
}
