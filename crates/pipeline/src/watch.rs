//! The watching half of live operation: events that were taken in meet the correlator, and whoever asked is told.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tunlog_analysis::correlate::Correlator;
use tunlog_decode::Catalogue;
use tunlog_ingest::{Discovered, Problem};
use tunlog_model::{Attempt, Entry, Event, Protocol, SourceId};

use crate::feeds::Taken;
use crate::twins::Twins;
use crate::{Settings, Sources, Subscriber, Summary, Teller, merge};

/// Sets that are told apart where the same log may come in two forms.
const SETS: usize = 64;

/// Joins what is taken in, arrival by arrival.
pub struct Watch {
    settings: Settings,
    sources: Sources,
    /// Numbers of sources that were read before anything came.
    offset: u32,
    /// Something was read before anything came.
    replayed: bool,
    correlator: Option<Correlator>,
    twins: Option<Box<Twins>>,
    /// For each source the line of the event told last.
    told_lines: Vec<u64>,
    summary: Summary,
}

impl Watch {
    /// Nothing was seen yet.
    pub fn new(settings: &Settings) -> Watch {
        Watch {
            correlator: Some(settings.correlator()),
            settings: settings.clone(),
            sources: Sources::default(),
            offset: 0,
            replayed: false,
            twins: Twins::of(SETS),
            told_lines: Vec::new(),
            summary: Summary::default(),
        }
    }

    /// Names of sources that were added since.
    pub fn know(&mut self, names: &[String]) {
        Arc::make_mut(&mut self.sources.names).extend_from_slice(names);
        self.told_lines.resize(self.told_lines.len() + names.len(), 0);
    }

    /// Names of the sources.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// What was seen so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// What is not closed yet.
    pub fn open(&self) -> Vec<Attempt> {
        self.correlator.as_ref().map(Correlator::open).unwrap_or_default()
    }

    /// How many attempts are not up yet, by protocol.
    pub fn starting(&self) -> Vec<(Option<Protocol>, u64)> {
        self.correlator.as_ref().map(Correlator::starting).unwrap_or_default()
    }

    /// Says that nothing but packets will come: an attempt need not wait for what a log would tell of it.
    pub fn expect_captures_alone(&mut self) {
        if let Some(correlator) = &mut self.correlator {
            correlator.expect_captures_alone();
        }
    }

    /// When the oldest attempt began that is not closed yet, microseconds UTC.
    pub fn open_since(&self) -> Option<i64> {
        self.correlator.as_ref().and_then(Correlator::open_since)
    }

    /// When the oldest attempt began that was not told as a session that is up, or is up no longer and not closed yet;
    /// microseconds UTC.
    pub fn undecided_since(&self) -> Option<i64> {
        self.correlator.as_ref().and_then(Correlator::undecided_since)
    }

    /// Reads what was found (a store's sources, as `stored_from` finds them) as if it came now, merged by time. Before
    /// anything else is told; the same sources may be read again, for other records. What is to be told of them comes back.
    pub fn replay(
        &mut self,
        found: &Discovered,
        catalogue: &Catalogue,
        subscriber: &mut dyn Subscriber,
    ) -> Vec<Problem> {
        let settings = self.settings.clone();
        // what is read has numbers of its own, and these come first
        if !std::mem::replace(&mut self.replayed, true) {
            let mut names: Vec<String> = found.specs.iter().map(|spec| spec.name.clone()).collect();
            self.offset = names.len() as u32;
            names.extend_from_slice(&self.sources.names);
            self.sources.names = Arc::new(names);
        }
        let Some(mut teller) = self.teller(&settings, subscriber) else {
            return Vec::new();
        };
        let _ = merge::all(found, catalogue, &settings, &mut teller);
        // whoever follows has sets of his own
        (self.correlator, _, self.summary) = teller.suspend();
        self.twins = Twins::of(SETS);
        std::mem::take(&mut self.summary.problems)
    }

    /// Tells what was taken in, merged by time; within a source the order of its lines stays.
    pub fn tell(&mut self, taken: &[&Taken], subscriber: &mut dyn Subscriber) -> ControlFlow<()> {
        let settings = self.settings.clone();
        let (mut told_lines, offset) = (std::mem::take(&mut self.told_lines), self.offset);
        let Some(mut teller) = self.teller(&settings, subscriber) else {
            return ControlFlow::Break(());
        };
        let mut told = ControlFlow::Continue(());
        for (number, at) in order(taken) {
            let taken = taken[number];
            let line = told_lines.get_mut(taken.source.0 as usize);
            let source = SourceId(taken.source.0 + offset);
            told = tell(taken, at, source, line.unwrap_or(&mut 0), &mut teller);
            if told.is_break() {
                break;
            }
        }
        for taken in taken {
            teller.summary.records += taken.events.records;
            teller.summary.unrecognised += taken.events.unrecognised;
        }
        (self.correlator, self.twins, self.summary) = teller.suspend();
        self.told_lines = told_lines;
        told
    }

    /// Time goes on though nobody writes: so much since the last event was told. What waits for lines that do not come is told.
    /// Gives the event time that it is now, if there was an event.
    pub fn pass(&mut self, since: Duration, subscriber: &mut dyn Subscriber) -> Option<i64> {
        let settings = self.settings.clone();
        let mut teller = self.teller(&settings, subscriber)?;
        let time = teller.pass(i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
        (self.correlator, self.twins, self.summary) = teller.suspend();
        time
    }

    fn teller<'s>(&mut self, settings: &'s Settings, subscriber: &'s mut dyn Subscriber) -> Option<Teller<'s>> {
        let correlator = self.correlator.take()?;
        Some(Teller::resume(
            settings,
            self.sources.clone(),
            subscriber,
            (correlator, self.twins.take()),
            std::mem::take(&mut self.summary),
        ))
    }
}

/// The entries of some batches in the order of their times.
fn order(taken: &[&Taken]) -> Vec<(usize, usize)> {
    let mut order: Vec<(i64, usize, usize)> = Vec::new();
    // the batches of one source follow each other: what an earlier one reached holds for the later
    let mut latest: Vec<(u32, i64)> = Vec::new();
    for (number, taken) in taken.iter().enumerate() {
        let id = taken.source.0;
        let known = latest.iter().position(|(source, _)| *source == id);
        let place = known.unwrap_or_else(|| {
            latest.push((id, i64::MIN));
            latest.len() - 1
        });
        for (at, time) in taken.times.iter().enumerate() {
            latest[place].1 = latest[place].1.max(time.micros);
            order.push((latest[place].1, number, at));
        }
    }
    order.sort();
    order.into_iter().map(|(_, number, at)| (number, at)).collect()
}

fn tell(taken: &Taken, at: usize, source: SourceId, told_line: &mut u64, teller: &mut Teller<'_>) -> ControlFlow<()> {
    match &taken.events.entries[at] {
        Entry::Event(raw) => {
            *told_line = raw.line;
            teller.event_of(&Event::new(&taken.events, raw, taken.times[at], source), taken.set)
        }
        entry => teller.other(&taken.events, entry, taken.times[at], (source, taken.set), told_line),
    }
}
