//! Why an attempt failed, in the contract's words, with the lines that prove it and what to do.
//!
//! The correlator has a first opinion of each attempt. *Rules*, one a file, see the attempt with everything that was said
//! about it and may know better; the rule of the cause that stays tells it. Faults that belong to no attempt (a daemon
//! that will not start, probes, a missing kernel helper) are told too. Pure: texts of causes are handed in.

mod case;
mod fault;
mod heard;
mod ladder;
mod packed;
mod pairs;
mod rule;
mod rules;
mod tell;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use rustc_hash::{FxHashMap, FxHashSet};
use tunlog_model::{Attempt, Confidence, Event, Evidence, Layer, Outcome, Protocol};

pub use case::{Case, Gist};
pub use heard::Heard;
pub use ladder::{State, Step};
pub use rule::{Need, Rule};
pub use rules::ALL;

use crate::correlate::Redact;

/// What is known of a cause in general: the catalogue of codes has it, whoever runs the diagnosis hands it in.
#[derive(Clone, Copy, Debug)]
pub struct CauseText {
    /// What it means, a sentence.
    pub meaning: &'static str,
    /// What usually is to blame.
    pub cause: &'static str,
    /// What to do.
    pub actions: &'static [&'static str],
}

/// Looks a cause up.
pub type Texts = fn(&str) -> Option<CauseText>;

/// Why, and what to do: the contract's `diagnosis`.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// The attempt's id; absent for a fault of no attempt.
    pub attempt: Option<u64>,
    /// The contract's cause.
    pub cause: &'static str,
    /// Where it stopped.
    pub layer: Layer,
    /// How sure.
    pub confidence: Confidence,
    /// What happened and why, in two sentences.
    pub summary: String,
    /// What to do, the most promising first.
    pub actions: Vec<Cow<'static, str>>,
    /// What else it may be.
    pub alternatives: Vec<(&'static str, Confidence)>,
    /// Which further evidence would decide.
    pub decides: Vec<String>,
    /// How far it got.
    pub ladder: Vec<Step>,
    /// Tunnel protocol.
    pub protocol: Option<Protocol>,
    /// Host that is the gateway.
    pub gateway: Option<Box<str>>,
    /// Socket address of the client.
    pub client_ip: Option<IpAddr>,
    /// Address that the peer claims.
    pub claimed_ip: Option<IpAddr>,
    /// Address inside the tunnel.
    pub assigned_ip: Option<IpAddr>,
    /// Name the client gave.
    pub user: Option<Box<str>>,
    /// When it began, microseconds UTC.
    pub time: i64,
    /// When it was last heard of.
    pub last: i64,
    /// What became of the attempt.
    pub outcome: Option<Outcome>,
    /// How many attempts this stands for.
    pub times: u64,
    /// Who decided the login.
    pub backend: Option<&'static str>,
    /// How a capture gives the login away (`Attempt::exposed`).
    pub exposed: Option<&'static str>,
    /// The lines that tell, in the order of time.
    pub evidence: Vec<Evidence>,
    /// Their times, to join them with another end's; none where nothing is joined.
    times_of: Vec<i64>,
    /// The lines, while the diagnosis waits.
    packed: packed::Packed,
}

impl Diagnosis {
    /// Whether something is wrong: not that a log is healthy.
    pub fn is_fault(&self) -> bool {
        !matches!(self.cause, "healthy" | "unencrypted")
    }

    /// Its lines, in the order of time; of many the first and the last ones.
    fn set_lines(&mut self, mut lines: Vec<(i64, Evidence)>) {
        lines.sort_by_key(|(time, item)| (*time, item.source, item.line));
        lines.dedup_by(|one, two| one.1.source == two.1.source && one.1.line == two.1.line);
        if lines.len() > EVIDENCE_MAX {
            lines.drain(EVIDENCE_MAX / 2..lines.len() - EVIDENCE_MAX / 2);
        }
        (self.times_of, self.evidence) = lines.into_iter().unzip();
    }

    /// Packs its lines: thousands of diagnoses wait for earlier ones.
    fn pack(&mut self) {
        if !self.evidence.is_empty() {
            let lines = std::mem::take(&mut self.evidence);
            self.packed = packed::Packed::of(lines, std::mem::take(&mut self.times_of));
        }
    }

    /// Undoes that.
    fn unpack(&mut self) {
        if self.evidence.is_empty() {
            (self.evidence, self.times_of) = std::mem::take(&mut self.packed).unpack();
        }
    }

    /// Its lines with their times.
    fn lines(&self) -> impl Iterator<Item = (i64, Evidence)> {
        self.times_of.iter().copied().zip(self.evidence.iter().cloned())
    }
}

/// Most lines of evidence of one diagnosis.
const EVIDENCE_MAX: usize = 32;

/// How many attempts wait for earlier ones that close later: the most recent come last.
const REORDERED_MAX: usize = 4096;

/// Diagnoses in the order of time, as far as a bounded wait allows.
#[derive(Default)]
struct Ordered {
    waiting: BTreeMap<(i64, u64), Diagnosis>,
    count: u64,
}

impl Ordered {
    /// Where a diagnosis of that time will stand.
    fn place(&mut self, time: i64) -> (i64, u64) {
        self.count += 1;
        (time, self.count)
    }

    fn push(&mut self, diagnosis: Diagnosis) {
        let place = self.place(diagnosis.time);
        self.insert(place, diagnosis);
    }

    fn insert(&mut self, place: (i64, u64), mut diagnosis: Diagnosis) {
        diagnosis.pack();
        self.waiting.insert(place, diagnosis);
    }

    fn pop(&mut self, all: bool) -> Option<Diagnosis> {
        if !all && self.waiting.len() <= REORDERED_MAX {
            return None;
        }
        let (_, mut diagnosis) = self.waiting.pop_first()?;
        diagnosis.unpack();
        Some(diagnosis)
    }
}

/// Diagnoses what a run tells: give it every event and every attempt, take the diagnoses.
pub struct Diagnoser {
    texts: Texts,
    redact: Option<Redact>,
    heard: Heard,
    faults: fault::Faults,
    sound: heard::Gateways,
    sessions: case::Sessions,
    pairs: pairs::Pairs,
    ordered: Ordered,
    told: Told,
}

/// What attempts were diagnosed with: lines that say the same of nobody in particular are no fault of their own.
#[derive(Default)]
struct Told {
    /// Of each gateway the causes, each with nobody and with the client.
    of: FxHashMap<Option<Box<str>>, FxHashSet<Cause>>,
    count: usize,
}

/// A cause, and of whom it was told.
type Cause = (&'static str, Option<IpAddr>);

/// How many of those are remembered.
const TOLD_MAX: usize = 100_000;

impl Told {
    fn note(&mut self, gateway: &Option<Box<str>>, cause: &'static str, client: Option<IpAddr>) {
        if self.count >= TOLD_MAX {
            return;
        }
        if !self.of.contains_key(gateway) {
            self.of.insert(gateway.clone(), FxHashSet::default());
        }
        if let Some(known) = self.of.get_mut(gateway) {
            self.count += usize::from(known.insert((cause, None))) + usize::from(known.insert((cause, client)));
        }
    }

    fn has(&self, diagnosis: &Diagnosis) -> bool {
        let known = self.of.get(&diagnosis.gateway);
        known.is_some_and(|known| known.contains(&(diagnosis.cause, diagnosis.client_ip)))
    }
}

impl Diagnoser {
    /// `redact` takes secrets out of the lines that are shown.
    pub fn new(texts: Texts, redact: Option<Redact>) -> Diagnoser {
        Diagnoser {
            texts,
            redact,
            heard: Heard::default(),
            faults: fault::Faults::default(),
            sound: heard::Gateways::default(),
            sessions: case::Sessions::default(),
            pairs: pairs::Pairs::default(),
            ordered: Ordered::default(),
            told: Told::default(),
        }
    }

    /// Every event, in the order of time; also those of attempts.
    pub fn event(&mut self, event: &Event<'_>) {
        if event.trusted() {
            if event.unread().is_some() {
                // chatter of one connection: only its attempt's trail may tell something by it
                return self.heard.hear(event.message().role);
            }
            let redact = self.redact;
            self.heard.listen(event, || shown(event, redact));
            self.faults.event(event, || shown(event, redact));
        }
    }

    /// The source lost lines.
    pub fn lost(&mut self) {
        self.heard.gaps = true;
    }

    /// An attempt that closed.
    pub fn attempt(&mut self, attempt: &Attempt) {
        self.faults.covered(attempt);
        let gist = Gist::of(&attempt.trail);
        let case = Case {
            attempt,
            heard: &self.heard,
            sessions: &self.sessions,
            gist: &gist,
        };
        let found = rule::diagnose(&case, self.texts);
        self.sound.note(attempt, &found, self.texts);
        self.sessions.note(attempt);
        for diagnosis in found {
            if diagnosis.cause.starts_with("auth-backend-") {
                self.faults
                    .told_of_backend(diagnosis.cause, attempt.started, attempt.last_seen);
            }
            self.told.note(&diagnosis.gateway, diagnosis.cause, diagnosis.client_ip);
            let place = self.ordered.place(diagnosis.time);
            let mut diagnosis = diagnosis;
            if diagnosis.is_fault()
                && let Some(other) = self.pairs.find(attempt, place)
                && let Some(other) = self.ordered.waiting.get_mut(&other)
            {
                other.unpack();
                pairs::join(&mut diagnosis, other);
                other.pack();
            }
            self.ordered.insert(place, diagnosis);
        }
    }

    /// An attempt that nobody asked for: it takes its lines and is remembered as a neighbour.
    pub fn pass(&mut self, attempt: &Attempt) {
        self.faults.covered(attempt);
        self.sessions.note(attempt);
        if let Some(cause) = attempt.cause {
            self.told.note(&attempt.gateway, cause, attempt.client_ip);
        }
    }

    /// What is ready.
    pub fn ready(&mut self) -> Option<Diagnosis> {
        self.ordered.pop(false)
    }

    /// The evidence ends: what is left, faults of no attempt and healthy gateways among it.
    pub fn finish(&mut self) {
        for diagnosis in self.faults.finish(self.texts) {
            self.sound.fault(&diagnosis);
            if self.told.has(&diagnosis) {
                // the same said once more of an attempt that has its diagnosis
                continue;
            }
            self.ordered.push(diagnosis);
        }
        let known = self.sound.known();
        let loose = self.faults.endings(&known, self.texts);
        let healthy = std::mem::take(&mut self.sound).finish();
        for diagnosis in healthy.chain(loose) {
            self.ordered.push(diagnosis);
        }
    }

    /// After `finish`: the next one.
    pub fn rest(&mut self) -> Option<Diagnosis> {
        self.ordered.pop(true)
    }
}

/// The record of an event as it may be shown.
fn shown(event: &Event<'_>, redact: Option<Redact>) -> Box<str> {
    let raw = event.raw();
    let redact = redact.filter(|_| !event.redacted());
    let shown = redact.map_or(Cow::Borrowed(raw), |redact| redact(event.message(), raw));
    tunlog_model::text::lossy(shown.trim_ascii_end()).into()
}
