//! What is counted of what is told.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;
use tunlog_analysis::detect::{self, Finding};
use tunlog_model::{Attempt, EndReason, Event, EventKind, Field, Outcome, SourceId};

use super::open::{Moved, Open};
use super::text::Histogram;
use super::users::Users;
use super::words::{self, PROTOCOLS, RESULTS};
use crate::told::{Hearing, Told};

/// Counters by the values of N labels, in the order of these.
pub type Tally<const N: usize> = BTreeMap<[&'static str; N], u64>;

/// Series of sources; more are counted as `other`.
pub const SOURCES_MAX: usize = 64;
/// Lines that told of an echo that was not answered and whose session has not ended yet.
const ECHOES_MAX: usize = 4096;
/// Sessions that ended and whose last lines may still come: within a minute.
const ENDED_MAX: usize = 16_384;
/// Sources whose label is remembered by number; beyond it the name is looked up each time.
const NUMBERED_MAX: usize = 1 << 16;

/// Sessions are told apart up to a week.
const DURATION_BOUNDS: &[f64] = &[
    10.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14_400.0, 28_800.0, 86_400.0, 259_200.0, 604_800.0,
];
/// A log-in waits for RADIUS: pppd gives up after ten seconds or so.
const RADIUS_BOUNDS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The newest event of a source.
#[derive(Clone, Copy, Debug)]
pub struct Newest {
    /// Its time, microseconds UTC.
    pub time: i64,
    /// How much later it was read, seconds.
    pub lag_s: f64,
}

/// Everything that is counted.
pub struct Counts {
    pub(super) open: Open,
    pub(super) starts: Tally<1>,
    pub(super) ends: Tally<2>,
    pub(super) attempts: Tally<2>,
    pub(super) auth_failures: Tally<3>,
    /// Of sessions that ended, by protocol.
    pub(super) moved: BTreeMap<&'static str, Moved>,
    pub(super) duration: Histogram,
    pub(super) echo: Tally<1>,
    pub(super) radius: [(&'static str, Histogram); 2],
    pub(super) radius_timeouts: u64,
    pub(super) detections: Tally<2>,
    pub(super) gaps: u64,
    pub(super) newest: BTreeMap<Box<str>, Newest>,
    pub(super) users: Option<Users>,
    labels: Vec<Option<Box<str>>>,
    echoes: VecDeque<(SourceId, u64)>,
    ended: Ended,
}

/// What was counted of sessions that ended just now: their last lines may tell more.
#[derive(Debug, Default)]
struct Ended {
    known: FxHashMap<u64, EndedSession>,
    order: VecDeque<u64>,
}

#[derive(Clone, Copy, Debug)]
struct EndedSession {
    moved: Moved,
    has_duration: bool,
    has_echo: bool,
}

impl Ended {
    fn remember(&mut self, id: u64, session: EndedSession) {
        if self.order.len() >= ENDED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        if self.known.insert(id, session).is_none() {
            self.order.push_back(id);
        }
    }
}

impl Counts {
    /// Nothing yet. What has a closed list of labels begins with zeros: a counter that appears with its first count has no growth.
    pub fn new(users_max: Option<usize>) -> Counts {
        let mut counts = Counts {
            open: Open::default(),
            starts: Tally::new(),
            ends: Tally::new(),
            attempts: Tally::new(),
            auth_failures: Tally::new(),
            moved: BTreeMap::new(),
            duration: Histogram::new(DURATION_BOUNDS),
            echo: Tally::new(),
            radius: ["accounting", "authentication"].map(|kind| (kind, Histogram::new(RADIUS_BOUNDS))),
            radius_timeouts: 0,
            detections: Tally::new(),
            gaps: 0,
            newest: BTreeMap::new(),
            users: users_max.map(Users::new),
            labels: Vec::new(),
            echoes: VecDeque::new(),
            ended: Ended::default(),
        };
        for protocol in PROTOCOLS {
            counts.starts.insert([protocol], 0);
            counts.echo.insert([protocol], 0);
            counts.moved.insert(protocol, Moved::default());
            for (_, reason) in EndReason::ALL {
                counts.ends.insert([protocol, reason], 0);
            }
            for result in RESULTS {
                counts.attempts.insert([protocol, result], 0);
            }
        }
        for rule in detect::ALL {
            counts.detections.insert([rule.name, rule.severity.word()], 0);
        }
        counts
    }

    /// Something was told.
    pub fn hear(&mut self, told: &Told<'_>, hearing: &Hearing<'_>) {
        match told {
            Told::Event(event) => self.event(event, hearing),
            Told::Opened(attempt) => self.opened(attempt, hearing.replayed),
            Told::Closed(attempt) => self.closed(attempt, hearing.replayed),
            Told::Settled(attempt) if !hearing.replayed => self.settled(attempt),
            Told::Found(finding) if !hearing.replayed => self.found(finding),
            Told::Lost(..) if !hearing.replayed => self.gaps += 1,
            _ => {}
        }
    }

    fn event(&mut self, event: &Event<'_>, hearing: &Hearing<'_>) {
        self.note_newest(event, hearing);
        let message = event.message();
        match message.kind {
            EventKind::EchoTimeout => {
                if self.echoes.len() >= ECHOES_MAX {
                    self.echoes.pop_front();
                    self.count_echo(words::UNKNOWN, hearing.replayed);
                }
                self.echoes.push_back((event.source, event.line()));
            }
            EventKind::RadiusTimeout if !hearing.replayed => {
                self.radius_timeouts = self.radius_timeouts.saturating_add(event.times.max(1));
            }
            // only a capture shows request and answer; its messages are tunlog's own
            _ if message.dialect == "pcap" && !hearing.replayed => {
                let at = match message.id {
                    "radius-accounting-response" => 0,
                    "radius-access-accept" | "radius-access-reject" | "radius-access-challenge" => 1,
                    _ => return,
                };
                if let Some(seconds) = event.seconds(Field::DurationS) {
                    self.radius[at].1.observe(seconds);
                }
            }
            _ => {}
        }
    }

    fn note_newest(&mut self, event: &Event<'_>, hearing: &Hearing<'_>) {
        let label = self.label(event.source, hearing);
        let newest = Newest {
            time: event.time.micros,
            // a clock that is ahead is no lag
            lag_s: (hearing.now.saturating_sub(event.time.micros).max(0)) as f64 / 1e6,
        };
        match self.newest.get_mut(&*label) {
            Some(known) if newest.time >= known.time => *known = newest,
            Some(_) => {}
            None => {
                self.newest.insert(label, newest);
            }
        }
    }

    /// The label of a source: looked up once, while there are not too many.
    fn label(&mut self, source: SourceId, hearing: &Hearing<'_>) -> Box<str> {
        let at = source.0 as usize;
        if let Some(Some(label)) = self.labels.get(at) {
            return label.clone();
        }
        let label: Box<str> = words::source(hearing.sources.name(source)).into();
        let has_room = self.newest.len() < SOURCES_MAX || self.newest.contains_key(&*label);
        let label = if has_room { label } else { words::OTHER.into() };
        if at < NUMBERED_MAX {
            self.labels.resize(self.labels.len().max(at + 1), None);
            self.labels[at] = Some(label.clone());
        }
        label
    }

    fn opened(&mut self, attempt: &Attempt, replayed: bool) {
        if !self.open.insert(attempt) {
            return;
        }
        if let (Some(users), Some(user)) = (&mut self.users, attempt.user.as_deref()) {
            users.connect(user);
        }
        if !replayed {
            self.count_start(attempt);
        }
    }

    fn count_start(&mut self, attempt: &Attempt) {
        let protocol = words::protocol(attempt.protocol);
        *self.starts.entry([protocol]).or_default() += 1;
        *self.attempts.entry([protocol, "success"]).or_default() += 1;
    }

    fn closed(&mut self, attempt: &Attempt, replayed: bool) {
        let was_open = self.open.remove(attempt.id);
        if let (Some(users), Some((Some(user), _))) = (&mut self.users, &was_open) {
            users.disconnect(user);
        }
        if replayed {
            return;
        }
        match attempt.outcome {
            Outcome::Established | Outcome::Open => self.ended(attempt, was_open.map(|(_, moved)| moved)),
            Outcome::Failed => self.failed(attempt),
            // the evidence ended before an outcome: nothing is known of it
            Outcome::Unfinished => {}
        }
    }

    /// `shown`: what its interface showed last, if it was known to be up.
    fn ended(&mut self, attempt: &Attempt, shown: Option<Moved>) {
        if shown.is_none() {
            self.count_start(attempt);
        }
        let protocol = words::protocol(attempt.protocol);
        let reason = attempt.end_reason.unwrap_or(EndReason::Unknown).word();
        *self.ends.entry([protocol, reason]).or_default() += 1;
        self.take_ended(attempt, None, shown.unwrap_or_default());
    }

    /// The last lines of a session that was counted: only what they add is counted.
    fn settled(&mut self, attempt: &Attempt) {
        if let Some(counted) = self.ended.known.get(&attempt.id).copied() {
            self.take_ended(attempt, Some(counted), Moved::default());
        }
    }

    /// A session that died without counts moved what its interface showed; pppd's own word may be a little less than that.
    fn take_ended(&mut self, attempt: &Attempt, counted: Option<EndedSession>, shown: Moved) {
        let protocol = words::protocol(attempt.protocol);
        let before = counted.map(|counted| counted.moved).unwrap_or_default();
        let now = Moved {
            received: attempt
                .bytes_from_client
                .unwrap_or(0)
                .max(before.received)
                .max(shown.received),
            sent: attempt.bytes_to_client.unwrap_or(0).max(before.sent).max(shown.sent),
        };
        let (received, sent) = (now.received - before.received, now.sent - before.sent);
        let moved = self.moved.entry(protocol).or_default();
        moved.received = moved.received.saturating_add(received);
        moved.sent = moved.sent.saturating_add(sent);
        if let (Some(users), Some(user)) = (&mut self.users, attempt.user.as_deref()) {
            users.count(user, received, sent);
        }
        let had_duration = counted.is_some_and(|counted| counted.has_duration);
        if let Some(seconds) = attempt.duration_s.filter(|_| !had_duration) {
            self.duration.observe(seconds);
        }
        let had_echo = counted.is_some_and(|counted| counted.has_echo);
        let has_echo = self.take_echoes(attempt);
        if has_echo && !had_echo {
            self.count_echo(protocol, false);
        }
        let session = EndedSession {
            moved: now,
            has_duration: attempt.duration_s.is_some(),
            has_echo: had_echo || has_echo,
        };
        self.ended.remember(attempt.id, session);
    }

    /// Whether the line that told of echoes without answer stands among the evidence: only there the protocol is known.
    fn take_echoes(&mut self, attempt: &Attempt) -> bool {
        let is_proof = |(source, line): &(SourceId, u64)| {
            let mut proofs = attempt.evidence.iter();
            proofs.any(|proof| proof.source == *source && proof.line == *line)
        };
        let waiting = self.echoes.len();
        self.echoes.retain(|echo| !is_proof(echo));
        self.echoes.len() < waiting
    }

    fn failed(&mut self, attempt: &Attempt) {
        let protocol = words::protocol(attempt.protocol);
        let times = attempt.times.max(1);
        let result = words::result_of(attempt.cause);
        *self.attempts.entry([protocol, result]).or_default() += times;
        if words::is_auth_failure(attempt) {
            let method = attempt.auth_method.unwrap_or(words::UNKNOWN);
            let cause = attempt.cause.unwrap_or(words::UNKNOWN);
            *self.auth_failures.entry([protocol, method, cause]).or_default() += times;
        }
    }

    fn count_echo(&mut self, protocol: &'static str, replayed: bool) {
        if !replayed {
            *self.echo.entry([protocol]).or_default() += 1;
        }
    }

    fn found(&mut self, finding: &Finding) {
        *self
            .detections
            .entry([finding.rule, finding.severity.word()])
            .or_default() += 1;
    }
}

/// By the label of a source, of at most `SOURCES_MAX` and `other`.
#[derive(Debug)]
pub struct BySource<T> {
    known: FxHashMap<String, usize>,
    pub(super) rows: Vec<(String, T)>,
}

impl<T: Default> BySource<T> {
    /// Nothing yet.
    pub fn new() -> BySource<T> {
        BySource {
            known: FxHashMap::default(),
            rows: Vec::new(),
        }
    }

    /// What belongs to the source of this name.
    pub fn of(&mut self, name: &str) -> &mut T {
        let label = words::source(name);
        let label = match self.rows.len() >= SOURCES_MAX && !self.known.contains_key(&label) {
            true => words::OTHER.to_owned(),
            false => label,
        };
        let at = *self.known.entry(label.clone()).or_insert(self.rows.len());
        if at == self.rows.len() {
            self.rows.push((label, T::default()));
        }
        &mut self.rows[at].1
    }
}
