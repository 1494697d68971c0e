//! The watching thread: joins what was taken in into attempts, looks for attacks, and tells whoever listens.

use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tunlog_analysis::correlate::Prompt;
use tunlog_analysis::detect::{Detector, Finding};
use tunlog_decode::Catalogue;
use tunlog_ingest::time::now;
use tunlog_model::{Assumed, Attempt, Event, RecordTime};
use tunlog_pipeline::{Settings, Sources, Subscriber, Taken, Watch, stored_from};
use tunlog_store::StoreError;

use super::Delivery;
use super::chronicle::Chronicle;
use crate::log::{Log, value};
use crate::state::State;
use crate::told::{Hearing, Listener, Told};

/// Deliveries that are told together, merged by time.
const TOGETHER: usize = 64;
/// How often time passes for those who wait for it, while something is going on.
const TICK: Duration = Duration::from_secs(1);
/// How long after the last event time has to pass: attempts close within that, and rules that wait have spoken.
const AWAKE: Duration = Duration::from_secs(300);
/// Newest records that are read again at a start: what is remembered of attackers comes of them.
const REMEMBERED: u64 = 300_000;
/// Most records that are read again for the sake of sessions that are up.
const REPLAYED_MAX: u64 = 3_000_000;
/// How often it is found out what the open attempts need.
const OPEN_EVERY: Duration = Duration::from_secs(30);
/// How often it is counted what is on its way; time passes as often while something is.
const SHOW_EVERY: Duration = Duration::from_millis(900);
/// How long to wait for somebody who has not kept yet what was told, before he is asked again; and in all, at the end and after reading back.
const UNKEPT: Duration = Duration::from_millis(100);
const LAST_WAIT: Duration = Duration::from_secs(5);
/// Marks of which record came at which time.
const MARKS_MAX: usize = 4096;
/// How late a line may come that belongs before what is known already: so much later than by the clock time passes.
const LATE_LINES: Duration = Duration::from_secs(2);
/// Microseconds by which sources may be late behind each other.
const LATE: i64 = 120_000_000;

/// What what is told is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It happens now.
    #[default]
    Live,
    /// It was told in an earlier run: it is only to be remembered. It begins somewhere, so what seems to begin there may have
    /// begun before.
    Memory,
    /// It may have been told in an earlier run, or not: what the history does not know is news.
    Perhaps,
    /// It happened before anybody watched: it belongs into the history, and nobody is to be bothered with it.
    Past,
}

#[cfg(test)]
mod tests;

/// Whom the watching thread tells, and what it finds.
pub struct Desk<'a> {
    /// Looks for attacks.
    pub detector: Detector,
    /// Who hears.
    pub listeners: Vec<Box<dyn Listener>>,
    /// The history, where there is a store.
    pub chronicle: Option<Chronicle>,
    /// Newest record of which all is in the history, from an earlier run.
    pub analysed: Option<u64>,
    /// First record that an attempt needs which was open then.
    pub open_since: Option<u64>,
    /// What is shown.
    pub state: &'a State,
    /// Where the daemon speaks of itself.
    pub log: &'a Log,
    /// What is told now comes of bytes that were read then.
    pub read: Instant,
    /// Whether what is told now is new.
    pub mood: Mood,
    /// Events told since the start.
    pub events: u64,
    /// Findings told since the start.
    pub findings: u64,
}

impl Desk<'_> {
    fn tell(&mut self, told: Told<'_>, sources: &Sources, replayed: bool) {
        let hearing = Hearing {
            sources,
            now: now(),
            read: self.read,
            replayed,
        };
        for listener in &mut self.listeners {
            listener.hear(told, &hearing);
        }
    }

    fn tell_attempt(&mut self, told: Told<'_>, attempt: &Attempt, sources: &Sources) {
        let is_known = self.keep(attempt, sources);
        self.tell(told, sources, self.is_old(is_known));
        self.relieve();
    }

    /// Whether what was told is where a killed process leaves it.
    fn has_kept(&self) -> bool {
        self.listeners.iter().all(|listener| listener.has_kept())
    }

    /// What waits for the history is written if it is much, and everybody has what was told of it.
    fn relieve(&mut self) {
        if self.chronicle.as_ref().is_some_and(Chronicle::is_much)
            && self.has_kept()
            && let Some(chronicle) = &mut self.chronicle
        {
            chronicle.relieve();
        }
    }

    /// Keeps an attempt in the history; whether it was there as it is.
    fn keep(&mut self, attempt: &Attempt, sources: &Sources) -> bool {
        let (mood, chronicle) = (self.mood, &mut self.chronicle);
        let chronicle = chronicle.as_mut().filter(|_| mood != Mood::Memory);
        chronicle.is_some_and(|chronicle| !chronicle.attempt(attempt, sources, mood == Mood::Perhaps))
    }

    /// Whether something was told before, or is too old to be told.
    fn is_old(&self, is_known: bool) -> bool {
        match self.mood {
            Mood::Live => false,
            Mood::Memory | Mood::Past => true,
            Mood::Perhaps => is_known,
        }
    }

    fn tell_findings(&mut self, sources: &Sources) {
        while let Some(finding) = self.detector.ready() {
            self.found(&finding, sources);
        }
    }

    fn found(&mut self, finding: &Finding, sources: &Sources) {
        let (mood, chronicle) = (self.mood, &mut self.chronicle);
        let chronicle = chronicle.as_mut().filter(|_| mood != Mood::Memory);
        let is_known = chronicle.is_some_and(|chronicle| !chronicle.finding(finding, sources, mood == Mood::Perhaps));
        let replayed = self.is_old(is_known);
        self.findings += u64::from(!replayed);
        self.tell(Told::Found(finding), sources, replayed);
        self.relieve();
    }
}

impl Subscriber for Desk<'_> {
    fn event(&mut self, event: &Event<'_>, sources: &Sources) -> ControlFlow<()> {
        self.events += 1;
        self.tell(Told::Event(event), sources, self.mood != Mood::Live);
        if event.message().concerns_attempts {
            self.detector.event(event);
            self.tell_findings(sources);
        }
        ControlFlow::Continue(())
    }

    fn prompt(&mut self, prompt: Prompt, attempt: Attempt, sources: &Sources) -> ControlFlow<()> {
        let told = match prompt {
            Prompt::Up => Told::Opened(&attempt),
            Prompt::Failed | Prompt::Ended => Told::Closed(&attempt),
        };
        self.tell_attempt(told, &attempt, sources);
        self.detector.prompt(prompt, attempt);
        self.tell_findings(sources);
        ControlFlow::Continue(())
    }

    fn opened(&mut self, attempt: Attempt, sources: &Sources) -> ControlFlow<()> {
        match attempt.heard.up {
            // more is known of it by now
            true => {
                self.keep(&attempt, sources);
                self.relieve();
            }
            false => self.tell_attempt(Told::Opened(&attempt), &attempt, sources),
        }
        self.detector.opened(attempt);
        self.tell_findings(sources);
        ControlFlow::Continue(())
    }

    fn attempt(&mut self, attempt: Attempt, sources: &Sources) -> ControlFlow<()> {
        let told = match attempt.heard.over {
            true => Told::Settled(&attempt),
            false => Told::Closed(&attempt),
        };
        self.tell_attempt(told, &attempt, sources);
        self.detector.attempt(attempt);
        self.tell_findings(sources);
        ControlFlow::Continue(())
    }

    fn repeated(&mut self, times: u64, _: &Sources) {
        self.detector.repeated(times);
    }

    fn lost(&mut self, count: Option<u64>, time: RecordTime, sources: &Sources) {
        self.detector.lost(count, time.micros);
        self.tell(Told::Lost(count, time), sources, self.mood != Mood::Live);
        self.tell_findings(sources);
    }
}

/// Watches until nothing is delivered any more. `captures_alone`: no log will tell of the same connections as a capture.
pub fn watch(
    deliveries: &Receiver<Delivery>,
    catalogue: &Catalogue,
    settings: &Settings,
    desk: Desk<'_>,
    captures_alone: bool,
) {
    let mut watching = Watching {
        watch: Watch::new(settings),
        catalogue,
        marks: VecDeque::new(),
        analysed: desk.analysed.unwrap_or_default(),
        open: desk.open_since,
        open_known: Instant::now(),
        last: None,
        shown: Instant::now(),
        unkept: false,
        desk,
    };
    if captures_alone {
        watching.watch.expect_captures_alone();
    }
    watching.run(deliveries);
}

struct Watching<'a> {
    watch: Watch,
    catalogue: &'a Catalogue,
    desk: Desk<'a>,
    /// Up to which event time records below a number reach.
    marks: VecDeque<(i64, u64)>,
    /// All that came of records below this is told.
    analysed: u64,
    /// First record that an open attempt needs.
    open: Option<u64>,
    open_known: Instant,
    /// When something came last.
    last: Option<Instant>,
    /// When it was shown last what is on its way.
    shown: Instant,
    /// A commit is due, and somebody has not kept yet what was told.
    unkept: bool,
}

impl Watching<'_> {
    fn run(&mut self, deliveries: &Receiver<Delivery>) {
        loop {
            let first = match self.wait() {
                None => deliveries.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => deliveries.recv_timeout(wait),
            };
            match first {
                Ok(first) => self.take(first, deliveries),
                Err(RecvTimeoutError::Timeout) => self.tick(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.commit(false);
            self.show();
        }
        self.open_known = Instant::now().checked_sub(OPEN_EVERY).unwrap_or(self.open_known);
        self.wait_until_kept();
        self.commit(true);
    }

    /// Waits a while for those who have not kept yet what was told.
    fn wait_until_kept(&self) {
        let patience = Instant::now() + LAST_WAIT;
        while !self.desk.has_kept() && Instant::now() < patience {
            std::thread::sleep(UNKEPT);
        }
    }

    /// How long to wait for a delivery; None: until one comes. Nothing wakes it while nothing is going on.
    fn wait(&self) -> Option<Duration> {
        let tick = self.last.filter(|last| last.elapsed() < AWAKE).map(|_| TICK);
        let commit = self.desk.chronicle.as_ref().and_then(Chronicle::due);
        // who has not kept yet what was told is asked again
        let commit = commit.map(|due| if self.unkept { due.max(UNKEPT) } else { due });
        tick.into_iter().chain(commit).min()
    }

    /// Takes a delivery and those that wait behind it.
    fn take(&mut self, first: Delivery, deliveries: &Receiver<Delivery>) {
        self.last = Some(Instant::now());
        let mut taken: Vec<Taken> = Vec::new();
        let mut next = Some(first);
        while let Some(delivery) = next {
            match delivery {
                Delivery::Names(names) => self.watch.know(&names),
                Delivery::Taken(more) => taken.push(*more),
                Delivery::Replay { folder, upto, opened } => {
                    self.tell(&mut taken);
                    self.replay(&folder, upto, &opened);
                }
                Delivery::Lost(count, micros) => {
                    self.tell(&mut taken);
                    let time = RecordTime {
                        micros,
                        assumed: Assumed::default(),
                    };
                    let sources = self.watch.sources().clone();
                    self.desk.lost(count, time, &sources);
                }
            }
            next = match taken.len() < TOGETHER {
                true => deliveries.try_recv().ok(),
                false => None,
            };
        }
        self.tell(&mut taken);
    }

    fn tell(&mut self, taken: &mut Vec<Taken>) {
        let Some(oldest) = taken.iter().map(|taken| taken.read).min() else {
            return;
        };
        self.desk.read = oldest;
        let all: Vec<&Taken> = taken.iter().collect();
        let _ = self.watch.tell(&all, &mut self.desk);
        for taken in taken.drain(..) {
            let latest = taken.times.iter().map(|time| time.micros).max();
            self.analysed = self.analysed.max(taken.seqs.end);
            if let Some(latest) = latest {
                self.mark(latest, taken.seqs.start);
            }
        }
    }

    /// Remembers that what is earlier than a time came before a record.
    fn mark(&mut self, latest: i64, seq: u64) {
        if self.marks.back().is_some_and(|(known, _)| latest <= *known) {
            return;
        }
        self.marks.push_back((latest, seq));
        if self.marks.len() > MARKS_MAX {
            // every other one: it is known less exactly, and less far back than it could be
            let mut at = 0;
            self.marks.retain(|_| {
                at += 1;
                at % 2 == 1
            });
        }
    }

    /// Reads what the store holds, as if it came now, but tells only what is news.
    fn replay(&mut self, folder: &Path, upto: u64, opened: &std::sync::mpsc::SyncSender<()>) {
        let began = Instant::now();
        let least = upto.saturating_sub(REPLAYED_MAX);
        let analysed = self.desk.analysed.map(|analysed| analysed.min(upto));
        let needed = self.open.unwrap_or(u64::MAX).min(upto.saturating_sub(REMEMBERED));
        let from = analysed.map_or(least, |analysed| needed.min(analysed).max(least));
        let parts = match analysed {
            None => vec![(Mood::Past, from..upto)],
            Some(analysed) => {
                let cut = analysed.max(from);
                vec![(Mood::Memory, from..cut), (Mood::Perhaps, cut..upto)]
            }
        };
        if analysed.is_none()
            && let Some(Err(error)) = self.desk.chronicle.as_mut().map(|chronicle| chronicle.begins_at(from))
        {
            let words = "the history does not know where it begins";
            self.desk.log.warning(words, &[("problem", value(error))]);
        }
        let held = stored_from(folder, from..upto);
        let _ = opened.send(());
        self.in_bulk(true);
        let read = held.and_then(|(_, snapshot)| {
            self.desk.read = Instant::now();
            let read = parts.into_iter().try_for_each(|part| self.read_back(folder, part));
            drop(snapshot);
            read
        });
        self.desk.mood = Mood::Live;
        match read {
            Ok(()) => self.analysed = upto,
            Err(error) => self.desk.log.error(
                "the store cannot be read back: what came before is not known",
                &[("problem", value(error))],
            ),
        }
        self.mark(now().saturating_sub(LATE), from);
        let values = [
            ("records", value(upto - from)),
            ("seconds", value(format_args!("{:.1}", began.elapsed().as_secs_f64()))),
        ];
        self.desk.log.info("read back what the store holds", &values);
        // whoever is told that all is ready finds it
        self.wait_until_kept();
        self.commit(true);
        self.in_bulk(false);
        self.desk.state.watch(|watching| watching.caught_up = true);
    }

    /// Much is going to be told, or no more of it.
    fn in_bulk(&mut self, is_much: bool) {
        let told = self.desk.chronicle.as_mut().map(|chronicle| chronicle.in_bulk(is_much));
        if let Some(Err(error)) = told {
            self.desk
                .log
                .warning("the history is written more slowly", &[("problem", value(error))]);
        }
    }

    /// Reads records with some numbers, of a store that is held as it is.
    fn read_back(&mut self, folder: &Path, (mood, numbers): (Mood, Range<u64>)) -> Result<(), StoreError> {
        if numbers.is_empty() {
            return Ok(());
        }
        self.desk.mood = mood;
        let (found, _snapshot) = stored_from(folder, numbers)?;
        for problem in self.watch.replay(&found, self.catalogue, &mut self.desk) {
            let values = [("problem", value(problem))];
            self.desk.log.warning("not all of the store can be read back", &values);
        }
        Ok(())
    }

    /// Time passes although nobody writes.
    fn tick(&mut self) {
        let since = self.last.map(|last| last.elapsed().saturating_sub(LATE_LINES));
        if let Some(time) = since.and_then(|since| self.watch.pass(since, &mut self.desk)) {
            self.desk.detector.pass(time);
        }
        let sources = self.watch.sources().clone();
        self.desk.tell_findings(&sources);
        self.desk.tell(Told::Tick, &sources, false);
    }

    fn commit(&mut self, always: bool) {
        let is_due = self.desk.chronicle.as_ref().is_some_and(Chronicle::is_due);
        if !is_due && !always {
            return;
        }
        // who is killed now tells it again: the history must not say that it was told
        self.unkept = !self.desk.has_kept();
        if self.unkept {
            return;
        }
        if self.open_known.elapsed() >= OPEN_EVERY {
            self.open_known = Instant::now();
            self.open = self.first_of_open();
            let undecided = self.undecided_since();
            if let (Some(chronicle), Some(time)) = (&mut self.desk.chronicle, undecided) {
                chronicle.undecided_since(time);
            }
        }
        let open = self.open;
        let Some(chronicle) = &mut self.desk.chronicle else {
            return;
        };
        if let Err(error) = chronicle.commit(self.analysed, open) {
            self.desk
                .log
                .warning("the history cannot be written now", &[("problem", value(error))]);
        }
    }

    /// When the oldest began of what the history does not tell yet as it is; None before anything was told. Until the next
    /// time that this is asked nothing begins that is older than what is newest now.
    fn undecided_since(&self) -> Option<i64> {
        let (latest, _) = self.marks.back()?;
        let begins = now().min(*latest).saturating_sub(LATE);
        Some(self.watch.undecided_since().unwrap_or(begins).min(begins))
    }

    /// The first record that an open attempt needs.
    fn first_of_open(&self) -> Option<u64> {
        let started = self.watch.open_since()?;
        let before = started.saturating_sub(LATE);
        let mark = self.marks.iter().rev().find(|(latest, _)| *latest < before);
        let first = self.marks.front();
        mark.or(first).map(|(_, seq)| *seq)
    }

    fn show(&mut self) {
        let (events, findings) = (self.desk.events, self.desk.findings);
        // they are counted one by one
        let starting = (self.shown.elapsed() >= SHOW_EVERY).then(|| {
            self.shown = Instant::now();
            self.watch.starting()
        });
        self.desk.state.watch(|watching| {
            (watching.events, watching.findings) = (events, findings);
            if let Some(starting) = starting {
                watching.starting = starting.iter().map(|(_, count)| count).sum();
                watching.starting_of = starting;
            }
        });
    }
}
