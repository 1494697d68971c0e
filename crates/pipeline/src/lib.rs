//! The order in which rooms are visited, once: sources → records → events → attempts → subscribers.
//!
//! Large sources are read and decoded by worker threads, chunk by chunk; the batches come back in file order, get their
//! times from the source's clock, are merged with those of other sources by time, and meet the correlator on the
//! caller's thread. Memory is bounded by the chunks in flight, whatever the size of the sources.

mod feeds;
mod import;
mod keep;
mod live;
mod merge;
mod packets;
mod plain;
mod records;
mod services;
mod stored;
mod stream;
mod twins;
mod watch;

use std::ops::ControlFlow;
use std::sync::Arc;

use tunlog_analysis::correlate::{Correlator, Options as CorrelatorOptions, Prompt, Redact, Skew};
use tunlog_analysis::statistics::attempts::SourceNames;
use tunlog_decode::{Catalogue, Keep};
use tunlog_ingest::{Discovered, Problem, SourceSpec};
use tunlog_model::{Attempt, Entry, Event, EventBatch, Reading, RecordTime, SourceId};

pub use feeds::{Feeds, Taken};
pub use import::{ImportOptions, ImportSummary, import};
pub use keep::{Keeper, keep_positions};
pub use live::Live;
pub use plain::{PlainRecord, plain};
pub use stored::{Snapshot, discover, stored_from};
pub use watch::Watch;

/// What a run reads and keeps.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How sources are read.
    pub ingest: tunlog_ingest::Options,
    /// Nothing before this, microseconds UTC.
    pub since: Option<i64>,
    /// Nothing after this, microseconds UTC.
    pub until: Option<i64>,
    /// Keep the texts of evidence in attempts.
    pub evidence: bool,
    /// Leave secrets in evidence.
    pub show_secrets: bool,
    /// What the subscriber is told.
    pub wants: Wants,
    /// The messages, with those of other services (`Catalogue::heeding_services`), for their own logs: those in whose beginning
    /// no daemon of a gateway speaks, and the machine's journal. A gateway's log is read without: there they may be half
    /// of all lines, and reading them would cost as much as all the rest.
    pub services: Option<Arc<Catalogue>>,
}

impl Settings {
    /// All that the sources hold, with the texts of evidence and without secrets.
    pub fn new(ingest: tunlog_ingest::Options, wants: Wants) -> Settings {
        Settings {
            ingest,
            since: None,
            until: None,
            evidence: true,
            show_secrets: false,
            wants,
            services: None,
        }
    }
}

/// What a subscriber wants to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Attempts only; detail that no attempt needs is not kept.
    Attempts,
    /// Attempts with everything that was said about them, and every event.
    Diagnoses,
    /// The same for whoever needs little of chatter: fields of its events may be left unread (`Event::unread`), and packet filters
    /// that speak of others are not heard more than once in a while.
    Trails,
    /// Attempts, sessions as soon as they are up, and every event that attempts are made of; whatever the time asked
    /// for: what is found depends on what was before.
    Findings,
    /// The same with every event, chatter too.
    FindingsAndEvents,
    /// Every event.
    Events,
    /// The lines of VPN daemons that nobody understood.
    Unrecognised,
    /// Attempts, and the lines that nobody understood.
    AttemptsAndUnrecognised,
    /// Every event, and the lines that nobody understood: for a store.
    Everything,
}

impl Wants {
    /// Whether findings are made of it: sessions are told when they come up, and all that was before counts.
    pub fn are_findings(self) -> bool {
        matches!(self, Wants::Findings | Wants::FindingsAndEvents)
    }
}

/// Most sides open at once where everything that is said about them is kept (some 10 KiB each).
const TRAILED_MAX: usize = 20_000;

impl Settings {
    fn keep(&self) -> Keep {
        match self.wants {
            Wants::Attempts | Wants::Findings => Keep::Facts,
            Wants::Events | Wants::Diagnoses | Wants::FindingsAndEvents => Keep::Events,
            Wants::Trails => Keep::Trails,
            Wants::Unrecognised => Keep::Unrecognised,
            Wants::AttemptsAndUnrecognised => Keep::FactsAndUnrecognised,
            Wants::Everything => Keep::Everything,
        }
    }

    fn correlator(&self) -> Correlator {
        let redact = (!self.show_secrets).then_some(tunlog_decode::redact as Redact);
        let defaults = CorrelatorOptions::default();
        let trail = matches!(self.wants, Wants::Diagnoses | Wants::Trails);
        Correlator::new(CorrelatorOptions {
            evidence: self.evidence,
            trail,
            reading: Reading {
                redact,
                reread: Some(tunlog_decode::reread),
            },
            openings: self.wants.are_findings(),
            prompts: self.wants.are_findings(),
            open_max: if trail { TRAILED_MAX } else { defaults.open_max },
            ..defaults
        })
    }

    fn in_range(&self, first: i64, last: i64) -> bool {
        self.since.is_none_or(|since| last >= since) && self.until.is_none_or(|until| first <= until)
    }
}

/// Names of the sources of a run.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    // shared: whoever follows hands them on with every look
    names: Arc<Vec<String>>,
}

impl Sources {
    /// The name of a source, as given or found.
    pub fn name(&self, id: SourceId) -> &str {
        self.names.get(id.0 as usize).map_or("", String::as_str)
    }

    /// All names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Those of the inputs that were found.
    pub fn of(found: &Discovered) -> Sources {
        Sources {
            names: Arc::new(found.specs.iter().map(|spec| spec.name.clone()).collect()),
        }
    }
}

impl SourceNames for Sources {
    fn source_name(&self, source: SourceId) -> &str {
        self.name(source)
    }
}

/// A line that nobody understood.
#[derive(Clone, Copy, Debug)]
pub struct UnrecognisedLine<'a> {
    /// The dialect whose program wrote it.
    pub dialect: &'static str,
    /// The message body.
    pub body: &'a [u8],
    /// The whole record.
    pub raw: &'a [u8],
    /// Where it stands.
    pub source: SourceId,
    /// 1-based line number.
    pub line: u64,
}

/// Who is told. `Break` ends the run (the reader of our output went away, or has seen enough).
pub trait Subscriber {
    /// An event, in time order.
    fn event(&mut self, event: &Event<'_>, sources: &Sources) -> ControlFlow<()> {
        let _ = (event, sources);
        ControlFlow::Continue(())
    }

    /// An attempt, when it closes.
    fn attempt(&mut self, attempt: Attempt, sources: &Sources) -> ControlFlow<()> {
        let _ = (attempt, sources);
        ControlFlow::Continue(())
    }

    /// A session that has just come up, as it stands; it comes once more when it closes. Only for `Wants::Findings`.
    fn opened(&mut self, attempt: Attempt, sources: &Sources) -> ControlFlow<()> {
        let _ = (attempt, sources);
        ControlFlow::Continue(())
    }

    /// What is known of an attempt at the line that decides it; it comes once more when it closes. Only for `Wants::Findings`.
    fn prompt(&mut self, prompt: Prompt, attempt: Attempt, sources: &Sources) -> ControlFlow<()> {
        let _ = (prompt, attempt, sources);
        ControlFlow::Continue(())
    }

    /// The event told last came so many times more.
    fn repeated(&mut self, times: u64, sources: &Sources) {
        let _ = (times, sources);
    }

    /// A line that nobody understood.
    fn unrecognised(&mut self, line: &UnrecognisedLine<'_>, sources: &Sources) -> ControlFlow<()> {
        let _ = (line, sources);
        ControlFlow::Continue(())
    }

    /// The evidence has a gap: records were lost; how many, if known.
    fn lost(&mut self, count: Option<u64>, time: RecordTime, sources: &Sources) {
        let _ = (count, time, sources);
    }
}

/// What one source gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceSummary {
    /// Records of programs that concern us.
    pub records: u64,
    /// Lines of VPN daemons that nobody understood.
    pub unrecognised: u64,
    /// Time of the earliest event.
    pub first: Option<i64>,
    /// Time of the latest event.
    pub last: Option<i64>,
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Records of programs that concern us.
    pub records: u64,
    /// Events understood and kept.
    pub events: u64,
    /// Lines of VPN daemons that nobody understood.
    pub unrecognised: u64,
    /// Records that their writers say were lost (those counted).
    pub lost: u64,
    /// Places where records were lost.
    pub gaps: u64,
    /// What went wrong or is to be told.
    pub problems: Vec<Problem>,
    /// Time of the first event.
    pub first: Option<i64>,
    /// Time of the last event.
    pub last: Option<i64>,
    /// The same for each source that gave something, by its number.
    pub sources: Vec<SourceSummary>,
}

impl Summary {
    #[inline]
    fn saw(&mut self, time: i64, source: SourceId) {
        // time goes on: nearly every event is as late as the one before, or later
        let known = self.sources.get_mut(source.0 as usize);
        if let Some(known) = known
            && let (Some(first), Some(last)) = (known.first, &mut known.last)
            && first <= time
        {
            if time > *last {
                *last = time;
                self.last = self.last.max(Some(time));
            }
            return;
        }
        let source = self.source(source);
        widen(&mut source.first, &mut source.last, time);
        widen(&mut self.first, &mut self.last, time);
    }

    fn source(&mut self, id: SourceId) -> &mut SourceSummary {
        let at = id.0 as usize;
        if self.sources.len() <= at {
            self.sources.resize(at + 1, SourceSummary::default());
        }
        &mut self.sources[at]
    }
}

fn widen(first: &mut Option<i64>, last: &mut Option<i64>, time: i64) {
    *first = Some(first.map_or(time, |first| first.min(time)));
    *last = Some(last.map_or(time, |last| last.max(time)));
}

/// Reads everything that was found and tells the subscriber.
pub fn run(
    mut found: Discovered,
    catalogue: &Catalogue,
    settings: &Settings,
    subscriber: &mut dyn Subscriber,
) -> Summary {
    stored::leave_out_older(&mut found, settings);
    let sources = Sources::of(&found);
    let mut teller = Teller::new(settings, sources, subscriber);
    teller.summary.problems = found.problems.clone();
    if found.specs.iter().all(SourceSpec::is_plain_capture) {
        teller.correlator.expect_captures_alone();
    }
    let told = merge::all(&found, catalogue, settings, &mut teller);
    if told.is_continue() {
        let _ = teller.finish();
    }
    teller.summary
}

/// A difference between the clocks of log and capture that is told, seconds: syslog's stamps have no fractions.
const SKEW_TOLD_MIN: f64 = 2.0;

/// Tells that the clocks of log and capture differ.
fn skewed(skew: Skew) -> Problem {
    let direction = if skew.seconds > 0.0 { "ahead of" } else { "behind" };
    let cause = format!(
        "the log's clock is {:.0} s {direction} that of the capture, by {} connection(s) that both show",
        skew.seconds.abs(),
        skew.pairs
    );
    Problem::note("clocks", cause)
}

/// Tells that the log's zone seems to be another one.
fn zoned(hours: f64, pairs: usize) -> Problem {
    let direction = if hours > 0.0 { "later" } else { "earlier" };
    let cause = format!(
        "{pairs} client(s) of the capture appear in the log {} h {direction}, and none at the same time: is the log's zone another? --tz ZONE says which",
        hours.abs()
    );
    Problem::note("clocks", cause)
}

/// Feeds the correlator and tells the subscriber what comes of it.
pub(crate) struct Teller<'s> {
    settings: &'s Settings,
    sources: Sources,
    subscriber: &'s mut dyn Subscriber,
    correlator: Correlator,
    pub(crate) summary: Summary,
    correlates: bool,
    /// Where several sets are read: what was told of by one of them already.
    twins: Option<Box<twins::Twins>>,
}

impl<'s> Teller<'s> {
    pub(crate) fn new(settings: &'s Settings, sources: Sources, subscriber: &'s mut dyn Subscriber) -> Teller<'s> {
        let correlates = !matches!(settings.wants, Wants::Events | Wants::Unrecognised | Wants::Everything);
        Teller {
            settings,
            sources,
            subscriber,
            correlator: settings.correlator(),
            summary: Summary::default(),
            correlates,
            twins: None,
        }
    }

    /// Several sets of logs are read: what two of them tell is told once.
    pub(crate) fn expect_twins(&mut self, sets: usize) {
        self.twins = twins::Twins::of(sets);
    }

    /// An event of the `set`th set.
    #[inline]
    pub(crate) fn event_of(&mut self, event: &Event<'_>, set: usize) -> ControlFlow<()> {
        if let Some(twins) = &mut self.twins
            && twins.is_told(event, set)
        {
            return ControlFlow::Continue(());
        }
        self.event(event)
    }

    #[inline]
    pub(crate) fn event(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        self.summary.events += 1;
        self.summary.saw(event.time.micros, event.source);
        if self.correlates || self.settings.in_range(event.time.micros, event.time.micros) {
            self.subscriber.event(event, &self.sources)?;
        }
        if self.correlates {
            self.correlator.observe(event);
            self.tell_all()?;
        }
        ControlFlow::Continue(())
    }

    /// So many microseconds passed since the last event.
    pub(crate) fn pass(&mut self, since: i64) -> Option<i64> {
        let time = self.correlator.pass(since);
        let _ = self.tell_all();
        time
    }

    #[inline]
    fn tell_all(&mut self) -> ControlFlow<()> {
        if self.correlator.has_prompts() {
            self.tell_prompts()?;
        }
        if self.correlator.has_opened() {
            self.tell_opened()?;
        }
        if self.correlator.has_closed() {
            self.tell_closed()?;
        }
        ControlFlow::Continue(())
    }

    fn tell_prompts(&mut self) -> ControlFlow<()> {
        for (prompt, attempt) in self.correlator.prompts() {
            self.subscriber.prompt(prompt, attempt, &self.sources)?;
        }
        ControlFlow::Continue(())
    }

    fn tell_opened(&mut self) -> ControlFlow<()> {
        for attempt in self.correlator.opened() {
            self.subscriber.opened(attempt, &self.sources)?;
        }
        ControlFlow::Continue(())
    }

    fn tell_closed(&mut self) -> ControlFlow<()> {
        let all = self.settings.wants.are_findings();
        for attempt in self.correlator.closed() {
            if all || self.settings.in_range(attempt.started, attempt.last_seen) {
                self.subscriber.attempt(attempt, &self.sources)?;
            }
        }
        ControlFlow::Continue(())
    }

    /// Takes in what a batch tells of its lines.
    pub(crate) fn count(&mut self, batch: &stream::Batch, lines_before: u64) {
        self.summary.records += batch.events.records;
        self.summary.unrecognised += batch.events.unrecognised;
        let source = self.summary.source(batch.source);
        source.records += batch.events.records;
        source.unrecognised += batch.events.unrecognised;
        let name = self.sources.name(batch.source);
        self.summary
            .problems
            .extend(batch.notes.iter().map(|note| note.problem(name, lines_before)));
    }

    /// The event told last came more often.
    fn repeated(&mut self, times: u64) -> ControlFlow<()> {
        self.subscriber.repeated(times, &self.sources);
        if self.correlates {
            self.correlator.repeated(times);
            self.tell_prompts()?;
        }
        ControlFlow::Continue(())
    }

    fn lost(&mut self, count: Option<u64>, time: RecordTime) {
        self.summary.gaps += 1;
        self.summary.lost += count.unwrap_or(0);
        self.subscriber.lost(count, time, &self.sources);
    }

    /// An entry that is no event, of the `set`th set. `told_line`: the line of the event told last, of the same source.
    pub(crate) fn other(
        &mut self,
        events: &EventBatch,
        entry: &Entry,
        time: RecordTime,
        (source, set): (SourceId, usize),
        told_line: &mut u64,
    ) -> ControlFlow<()> {
        match entry {
            Entry::Unrecognised(line) => {
                let (body, raw) = (events.slice(line.body), events.slice(line.raw));
                let line = UnrecognisedLine {
                    dialect: line.dialect,
                    body,
                    raw,
                    source,
                    line: line.line,
                };
                return self.subscriber.unrecognised(&line, &self.sources);
            }
            // only the line right before is repeated; another program's line may stand between
            Entry::Repeated { times, line, .. } if line.saturating_sub(*told_line) <= 1 => {
                *told_line = *line;
                let times = self
                    .twins
                    .as_mut()
                    .map_or(*times, |twins| twins.repeated(*times, time.micros, set));
                if times > 0 {
                    self.repeated(times)?;
                }
            }
            Entry::Lost { count, .. } => self.lost(*count, time),
            Entry::Repeated { .. } | Entry::Event(_) => {}
        }
        ControlFlow::Continue(())
    }

    /// Goes on with a correlator that was suspended.
    pub(crate) fn resume(
        settings: &'s Settings,
        sources: Sources,
        subscriber: &'s mut dyn Subscriber,
        (correlator, twins): (Correlator, Option<Box<twins::Twins>>),
        summary: Summary,
    ) -> Teller<'s> {
        Teller {
            correlator,
            twins,
            summary,
            ..Teller::new(settings, sources, subscriber)
        }
    }

    /// What `resume` needs to go on.
    pub(crate) fn suspend(self) -> (Option<Correlator>, Option<Box<twins::Twins>>, Summary) {
        (Some(self.correlator), self.twins, self.summary)
    }

    pub(crate) fn finish(&mut self) -> ControlFlow<()> {
        self.correlator.finish();
        if let Some(twins) = &self.twins {
            self.summary.problems.extend(twins.problems(&self.sources));
        }
        if let Some(skew) = self.correlator.skew()
            && skew.seconds.abs() >= SKEW_TOLD_MIN
        {
            self.summary.problems.push(skewed(skew));
        }
        if let Some((hours, pairs)) = self.correlator.zone_apart() {
            self.summary.problems.push(zoned(hours, pairs));
        }
        self.tell_closed()
    }
}
