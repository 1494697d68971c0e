//! Attacks and abuse, in the contract's words: what is found, since when, from where, and what to do.
//!
//! Attempts, sessions that come up and events go in; findings come out. Time is the events' time only: attempts wait in a
//! window of event time and go to the rules in the order in which they happened, so that a log read at once, in parts or
//! live gives the same findings with the same `alarm_time`. *Rules*, one a file, share what is remembered of sources, users
//! and networks (`memory`). Everything that is remembered has a cap (`memory::caps`).

mod bounded;
mod bucket;
mod cusum;
mod distinct;
mod finding;
mod memory;
mod order;
mod outage;
mod place;
mod region;
mod rhythm;
mod rule;
mod rules;
mod service;
pub mod sigma;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::rc::Rc;

use rustc_hash::FxHasher;
use tunlog_model::{Attempt, Event, Evidence, Outcome, Role, text};

pub use finding::{Finding, Severity, Taken};
pub use memory::caps;
pub use place::{Place, Places};
pub use region::Network;
pub use rule::{Nature, Rule, Threshold};
pub use rules::ALL;

use bounded::Bounded;
use memory::{Memory, Open, name_hash};
use order::{Order, Step};
use rule::{Detection, Limits, Opening, Refusal, Scene};

use crate::correlate::{Prompt, Redact};

/// Microseconds in which a source stays suspect after an alarm.
const SUSPECT: i64 = 86_400_000_000;

/// The rule with a name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.name == name)
}

/// Thresholds that were set otherwise, and rules that are off.
#[derive(Clone, Debug, Default)]
pub struct Options {
    set: BTreeMap<&'static str, Vec<(Box<str>, f64)>>,
    off: BTreeSet<&'static str>,
    late: bool,
    texts: bool,
    redact: Option<Redact>,
}

impl Options {
    /// Keeps the texts of lines that no attempt has (those of other services), with their secrets taken out by `redact`.
    pub fn keep_texts(&mut self, redact: Option<Redact>) {
        self.texts = true;
        self.redact = redact;
    }

    /// Attempts will be told only when they close, which is late and out of order (no `Detector::prompt`): they wait for each
    /// other, and findings with them.
    pub fn expect_closed_only(&mut self) {
        self.late = true;
    }

    /// The record of an event as it may be shown; nothing where texts are not kept.
    fn shown(&self, event: &Event<'_>) -> Box<str> {
        if !self.texts {
            return "".into();
        }
        let raw = event.raw();
        let redact = self.redact.filter(|_| !event.redacted());
        let shown = redact.map_or(raw.into(), |redact| redact(event.message(), raw));
        text::lossy(shown.trim_ascii_end()).into()
    }

    /// Sets a threshold of a rule.
    ///
    /// # Errors
    /// If there is no such rule or threshold, or the value is no positive number.
    pub fn set(&mut self, rule_name: &str, key: &str, value: f64) -> Result<(), String> {
        let known = rule(rule_name).ok_or_else(|| format!("there is no rule `{rule_name}`"))?;
        if !known.thresholds.iter().any(|threshold| threshold.key == key) {
            let keys: Vec<&str> = known.thresholds.iter().map(|threshold| threshold.key).collect();
            return Err(match keys.is_empty() {
                true => format!("the rule `{rule_name}` has no thresholds"),
                false => format!("the rule `{rule_name}` has no threshold `{key}`: {}", keys.join(", ")),
            });
        }
        if !(value.is_finite() && value > 0.0) {
            return Err(format!("`{key}` of `{rule_name}` must be a number above 0"));
        }
        let set = self.set.entry(known.name).or_default();
        // the last word counts: a user's file is read after the machine's
        set.retain(|(known, _)| **known != *key);
        set.push((key.into(), value));
        Ok(())
    }

    /// The value of a threshold as it is set.
    pub fn threshold(&self, rule: &'static Rule, key: &str) -> f64 {
        let set = self.set.get(rule.name).map_or(&[][..], Vec::as_slice);
        Limits { rule, set }.of(key)
    }

    /// Whether a rule that is on counts log-ins to other services: they are read for it alone.
    pub fn heeds_services(&self) -> bool {
        let none = Vec::new();
        let on = ALL.iter().filter(|rule| !self.is_off(rule));
        on.map(|rule| (rule.make)(&Limits { rule, set: &none }))
            .any(|rule| rule.wants_elsewhere())
    }

    /// Whether a rule is off.
    pub fn is_off(&self, rule: &Rule) -> bool {
        self.off.contains(rule.name)
    }

    /// Switches a rule off.
    ///
    /// # Errors
    /// If there is no such rule.
    pub fn switch_off(&mut self, rule_name: &str) -> Result<(), String> {
        let known = rule(rule_name).ok_or_else(|| format!("there is no rule `{rule_name}`"))?;
        self.off.insert(known.name);
        Ok(())
    }
}

/// Finds attacks: give it every event, every opening and every attempt; take the findings.
pub struct Detector {
    rules: Vec<Box<dyn Detection>>,
    /// Which of them want events, and which log-ins to other services.
    listeners: Vec<usize>,
    heeding: Vec<usize>,
    off: Vec<bool>,
    memory: Memory,
    order: Order,
    /// Sessions that were told when they came up.
    announced: Bounded<u64, ()>,
    timers: BTreeSet<(i64, usize, u64)>,
    ready: VecDeque<Finding>,
    now: i64,
    options: Options,
    /// The event told last, if it was a log-in to another service: it may be repeated.
    last_elsewhere: Option<Rc<service::Login>>,
}

impl Detector {
    /// A detector that knows nothing yet.
    pub fn new(options: &Options) -> Detector {
        let none = Vec::new();
        let make = |rule: &&'static Rule| {
            let set = options.set.get(rule.name).unwrap_or(&none);
            (rule.make)(&Limits { rule, set })
        };
        let rules: Vec<Box<dyn Detection>> = ALL.iter().map(make).collect();
        Detector {
            listeners: (0..rules.len()).filter(|at| rules[*at].wants_events()).collect(),
            heeding: (0..rules.len()).filter(|at| rules[*at].wants_elsewhere()).collect(),
            rules,
            off: ALL.iter().map(|rule| options.off.contains(rule.name)).collect(),
            memory: Memory::default(),
            order: Order::new(options.late),
            announced: Bounded::new(caps::WAITING),
            timers: BTreeSet::new(),
            ready: VecDeque::new(),
            now: i64::MIN,
            options: options.clone(),
            last_elsewhere: None,
        }
    }

    /// Gives it a table of places: without one the rules about countries and travel find nothing.
    pub fn know_places(&mut self, table: Box<dyn Places>) {
        self.memory.atlas.open(table);
    }

    /// Every event, in the order in which it is read.
    pub fn event(&mut self, event: &Event<'_>) {
        let now = event.time.micros;
        self.last_elsewhere = service::Login::of(event, &self.options).map(Rc::new);
        if let Some(login) = self.last_elsewhere.clone() {
            self.order.push_elsewhere(login);
        }
        if event.message().role == Role::Service {
            // what is told of the gateway's own log does not hang on what else is read
            self.order.pass(now);
            return self.work();
        }
        for place in 0..self.listeners.len() {
            let at = self.listeners[place];
            self.ask(at, now, |rule, scene| rule.event(event, scene));
        }
        self.order.pass(now);
        self.work();
    }

    /// The event before came `times` times more. Of the gateway's own log-ins the attempts tell.
    pub fn repeated(&mut self, times: u64) {
        if let Some(login) = self.last_elsewhere.clone() {
            let again = service::Login {
                times: times.min(service::TIMES_MAX),
                ..(*login).clone()
            };
            self.order.push_elsewhere(Rc::new(again));
        }
    }

    /// Time goes on, though nothing is heard of it.
    pub fn pass(&mut self, time: i64) {
        self.order.pass(time);
        self.work();
    }

    /// A source lost records.
    pub fn lost(&mut self, count: Option<u64>, time: i64) {
        self.ask_all(time, |rule, scene| rule.lost(count, scene));
    }

    /// What is known of an attempt before it closes.
    pub fn prompt(&mut self, prompt: Prompt, attempt: Attempt) {
        match prompt {
            Prompt::Up => {
                let up = attempt.up.unwrap_or(attempt.started);
                self.order.push(up, session_key(&attempt), Step::Opened(attempt, false));
            }
            Prompt::Failed => self.order.push(attempt.last_seen, attempt.id, Step::Failed(attempt)),
            Prompt::Ended => {
                let key = session_key(&attempt);
                self.order.push(attempt.last_seen, key, Step::Ended(attempt));
            }
        }
        self.work();
    }

    /// A session that came up some seconds ago.
    pub fn opened(&mut self, attempt: Attempt) {
        if attempt.heard.up {
            let key = session_key(&attempt);
            self.order.push(attempt.last_seen, key, Step::Settled(attempt));
            return self.work();
        }
        let key = session_key(&attempt);
        self.announced.entry(key, attempt.last_seen, || ());
        let up = attempt.up.unwrap_or(attempt.started);
        self.order.push(up, key, Step::Opened(attempt, true));
        self.work();
    }

    /// An attempt that closed.
    pub fn attempt(&mut self, attempt: Attempt) {
        let (key, heard) = (session_key(&attempt), attempt.heard);
        if !matches!(attempt.outcome, Outcome::Established | Outcome::Open) {
            let time = attempt.ended.unwrap_or(attempt.last_seen);
            if !heard.over {
                self.order.push(time, attempt.id, Step::Failed(attempt));
            }
        } else {
            let announced = self.announced.remove(&key).is_some();
            if !heard.up && !announced {
                let up = attempt.up.unwrap_or(attempt.started);
                self.order.push(up, key, Step::Opened(attempt.clone(), true));
            } else if heard.up && !heard.settled {
                self.order.push(attempt.last_seen, key, Step::Settled(attempt.clone()));
            }
            if attempt.outcome == Outcome::Established {
                let step = if heard.over { Step::Counted } else { Step::Ended };
                if !(heard.over && heard.counted) {
                    self.order.push(attempt.last_seen, key, step(attempt));
                }
            }
        }
        self.work();
    }

    /// What is ready.
    pub fn ready(&mut self) -> Option<Finding> {
        self.ready.pop_front()
    }

    /// The evidence ends: what waits has its turn.
    pub fn finish(&mut self) {
        self.order.end();
        self.work();
    }

    /// Caps that were met: what they bound, how many they hold, how many were given up.
    pub fn limits_reached(&self) -> Vec<(&'static str, usize, u64)> {
        self.memory.limits_reached()
    }

    /// Takes what has had its time, in order.
    fn work(&mut self) {
        while let Some((time, step)) = self.order.next() {
            self.wake(time);
            self.now = self.now.max(time);
            match step {
                Step::Opened(attempt, settled) => self.login(&attempt, settled),
                Step::Settled(attempt) => self.settled(&attempt),
                Step::Ended(attempt) => self.ended(&attempt),
                Step::Counted(attempt) => self.ask_all(self.now, |rule, scene| rule.counted(&attempt, scene)),
                Step::Failed(attempt) => self.failed(&attempt),
                Step::Elsewhere(login) => self.elsewhere(&login),
            }
        }
        let passed = self.order.passed();
        self.wake(passed);
    }

    /// Calls rules back whose time has come.
    fn wake(&mut self, time: i64) {
        while let Some(timer) = self.timers.first().copied().filter(|(due, ..)| *due <= time) {
            self.timers.remove(&timer);
            self.now = self.now.max(timer.0);
            self.ask(timer.1, self.now, |rule, scene| rule.due(timer.2, scene));
        }
    }

    fn ask(&mut self, at: usize, now: i64, question: impl FnOnce(&mut dyn Detection, &mut Scene<'_>)) {
        if self.off[at] {
            return;
        }
        let (mut raised, mut timers) = (Vec::new(), Vec::new());
        let mut scene = Scene {
            now,
            memory: &mut self.memory,
            raised: &mut raised,
            timers: &mut timers,
            at,
        };
        question(self.rules[at].as_mut(), &mut scene);
        self.ready.extend(raised);
        self.timers.extend(timers);
    }

    fn ask_all(&mut self, now: i64, question: impl Fn(&mut dyn Detection, &mut Scene<'_>)) {
        for at in 0..self.rules.len() {
            self.ask(at, now, &question);
        }
    }

    fn elsewhere(&mut self, login: &Rc<service::Login>) {
        for place in 0..self.heeding.len() {
            let at = self.heeding[place];
            self.ask(at, self.now, |rule, scene| rule.elsewhere(login, scene));
        }
    }

    fn failed(&mut self, attempt: &Attempt) {
        match attempt.cause {
            Some("wrong-credentials" | "wrong-password" | "unknown-user" | "account-restricted" | "no-secret") => {
                let refusal = self.refusal(attempt);
                let weight = rules::weights(&refusal);
                self.memory.note_refusal(&refusal, weight);
                self.ask_all(self.now, |rule, scene| rule.refused(&refusal, scene));
            }
            Some("auth-backend-unreachable" | "auth-backend-misconfigured") => {
                let user = attempt.user.as_deref().map_or(0, name_hash);
                self.memory.outage.silent(self.now, user);
                self.ask_all(self.now, |rule, scene| rule.closed(attempt, scene));
            }
            _ => self.ask_all(self.now, |rule, scene| rule.closed(attempt, scene)),
        }
    }

    /// What is known of a refusal before it is remembered.
    fn refusal(&mut self, attempt: &Attempt) -> Refusal {
        let user: Box<str> = attempt.user.as_deref().unwrap_or_default().into();
        let hash = name_hash(&user);
        let (source, claimed) = source_of(attempt);
        let known = self.memory.user(hash);
        let state = source.and_then(|source| self.memory.sources.get(&source));
        let user_good = known.is_some_and(|known| known.goods > 0);
        let strange = source.map_or(0.5, |source| self.memory.regions.strangeness(source));
        let moved = |stale: &memory::Stale| Some(stale.source) == source || memory::moved(stale, self.now);
        let known_pair = known.is_some_and(|known| {
            source.is_some_and(|source| known.knows(source)) || known.stale.as_ref().is_some_and(moved)
        });
        let since = self.now - SUSPECT;
        let others = known.map_or(0.0, |known| {
            let elsewhere = known
                .failing
                .iter()
                .filter(|failing| Some(failing.source) != source && failing.last >= since);
            elsewhere
                .map(|failing| if failing.strange >= 0.6 { 1.0 } else { 0.4 })
                .sum::<f64>()
        });
        let alone = state.is_none_or(|state| state.tried_only(hash, since));
        let honest = user_good && alone && (others < 2.0 || strange <= 0.3);
        let mut refusal = Refusal {
            time: self.now,
            user,
            hash,
            source,
            claimed,
            unknown: matches!(attempt.cause, Some("unknown-user" | "no-secret")),
            times: attempt.times.max(1),
            lines: lines_of(attempt),
            known_pair,
            source_good: state.is_some_and(|state| state.goods > 0),
            user_good,
            strange,
            honest,
            outage: false,
        };
        self.memory.outage.refused(&refusal);
        refusal.outage = self.memory.outage.is_on(self.now);
        refusal
    }

    /// A session as it is told to rules.
    fn opening<'a>(&self, attempt: &'a Attempt) -> Opening<'a> {
        let user = attempt.user.as_deref().map(|name| (name, name_hash(name)));
        let (source, _) = source_of(attempt);
        let state = user.and_then(|(_, hash)| self.memory.user(hash));
        Opening {
            time: self.now,
            key: session_key(attempt),
            attempt,
            user,
            source,
            known_pair: source.is_some_and(|source| state.is_some_and(|state| state.knows(source))),
            strange: source.map_or(0.5, |source| self.memory.regions.strangeness(source)),
            lines: lines_of(attempt),
        }
    }

    fn settled(&mut self, attempt: &Attempt) {
        let opening = Opening {
            time: attempt.up.unwrap_or(attempt.started),
            ..self.opening(attempt)
        };
        self.ask_all(self.now, |rule, scene| rule.settled(&opening, scene));
    }

    fn login(&mut self, attempt: &Attempt, settled: bool) {
        let opening = self.opening(attempt);
        let (user, source) = (opening.user, opening.source);
        let clean = self.is_clean(&opening);
        self.ask_all(self.now, |rule, scene| rule.opened(&opening, scene));
        if settled {
            self.ask_all(self.now, |rule, scene| rule.settled(&opening, scene));
        }
        if let Some((_, hash)) = user.filter(|_| opening.known_pair) {
            self.memory.outage.worked(self.now, hash);
        }
        self.memory.note_login(user, source, self.now, clean);
        if let (Some((_, hash)), Some(source)) = (user, source)
            && let Some(state) = self.memory.user_mut(hash)
        {
            if state.open.len() >= caps::OPEN {
                state.open.remove(0);
            }
            let (key, up) = (opening.key, opening.time);
            state.open.push(Open { key, source, up });
        }
    }

    /// Whether nothing speaks against a login's being the owner's: only then source and network are trusted from now on.
    fn is_clean(&self, opening: &Opening<'_>) -> bool {
        let recent = |time: Option<i64>| time.is_some_and(|time| self.now - time <= SUSPECT);
        let Some(source) = opening.source else { return true };
        let foreign = opening.strange >= region::FOREIGN && !opening.known_pair;
        let state = self.memory.sources.get(&source);
        let suspect = state
            .is_some_and(|state| recent(state.alarmed) || (foreign && state.new_names(self.now - SUSPECT, false) >= 2));
        let attacked = opening
            .user
            .and_then(|(_, hash)| self.memory.user(hash))
            .is_some_and(|user| recent(user.attacked));
        !(suspect || foreign && attacked)
    }

    fn ended(&mut self, attempt: &Attempt) {
        let key = session_key(attempt);
        if let Some(state) = attempt
            .user
            .as_deref()
            .and_then(|name| self.memory.user_mut(name_hash(name)))
        {
            state.open.retain(|open| open.key != key);
        }
        self.ask_all(self.now, |rule, scene| rule.closed(attempt, scene));
    }
}

/// Where an attempt came from, and whether that is only what the peer claims.
fn source_of(attempt: &Attempt) -> (Option<IpAddr>, bool) {
    match attempt.client_ip {
        Some(source) => (Some(source), false),
        None => (attempt.claimed_ip, attempt.claimed_ip.is_some()),
    }
}

/// The same for a session when it comes up and when it ends.
fn session_key(attempt: &Attempt) -> u64 {
    let mut hasher = FxHasher::default();
    (&attempt.gateway, attempt.up, &attempt.interface, attempt.client_ip).hash(&mut hasher);
    hasher.finish()
}

/// Of an attempt's lines the first, which mostly has the address, and the first that shows the name.
fn lines_of(attempt: &Attempt) -> Vec<Evidence> {
    let name = attempt.user.as_deref().filter(|name| !name.is_empty());
    let named = name.and_then(|name| attempt.evidence.iter().find(|line| line.text.contains(name)));
    let first = attempt.evidence.first();
    let mut lines: Vec<Evidence> = first.into_iter().chain(named).cloned().collect();
    lines.dedup();
    lines
}
