//! What a rule is: its words, its thresholds, and what it makes of what happens.

use std::net::IpAddr;
use std::rc::Rc;

use tunlog_model::{Attempt, Event, Evidence};

use super::finding::{EVIDENCE_MAX, Finding, LISTED_MAX, Severity};
use super::memory::{Memory, SourceState};
use super::region::Network;
use super::service;
use super::sigma::Sigma;

/// A number that a rule compares with; the configuration may set it.
#[derive(Clone, Copy, Debug)]
pub struct Threshold {
    /// Its key in the configuration's table of the rule.
    pub key: &'static str,
    /// What it is unless somebody says otherwise.
    pub default: f64,
    /// What it means and why it is so.
    pub why: &'static str,
}

/// What a rule makes of the addresses and accounts that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// The addresses attack: they may be blocked.
    Attack,
    /// The addresses belong to an attack, but a line that was written into a log names them: they are looked into, not blocked.
    Trace,
    /// Somebody may be using an account that is not theirs; the address says little.
    Suspicion,
    /// No attack: an outage, a hole in the log, a forgotten phone.
    NoAttack,
}

/// One rule.
pub struct Rule {
    /// The contract's name.
    pub name: &'static str,
    /// How bad a finding is, unless the rule knows better.
    pub severity: Severity,
    /// What it makes of those whom it names.
    pub nature: Nature,
    /// ATT&CK techniques (v18).
    pub techniques: &'static [&'static str],
    /// What it finds.
    pub finds: &'static str,
    /// Why that matters.
    pub matters: &'static str,
    /// When it is wrong.
    pub wrong: &'static str,
    /// What to do.
    pub actions: &'static [&'static str],
    /// Its thresholds.
    pub thresholds: &'static [Threshold],
    /// What of it can be said in Sigma.
    pub sigma: Sigma,
    /// Makes the part that works.
    pub make: fn(&Limits<'_>) -> Box<dyn Detection>,
}

/// The thresholds of one rule as they are set.
pub struct Limits<'a> {
    pub(super) rule: &'static Rule,
    pub(super) set: &'a [(Box<str>, f64)],
}

impl Limits<'_> {
    /// The value of a threshold.
    pub fn of(&self, key: &str) -> f64 {
        let set = self.set.iter().find(|(known, _)| **known == *key);
        let default = self.rule.thresholds.iter().find(|threshold| threshold.key == key);
        set.map(|(_, value)| *value)
            .or(default.map(|threshold| threshold.default))
            .unwrap_or(f64::INFINITY)
    }
}

/// A login that was refused, with what is known of who tried.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// When, microseconds UTC.
    pub time: i64,
    /// The name that was given.
    pub user: Box<str>,
    /// Its hash.
    pub hash: u64,
    /// Where the try came from.
    pub source: Option<IpAddr>,
    /// The source is what the peer claims.
    pub claimed: bool,
    /// The gateway says that there is no such name.
    pub unknown: bool,
    /// How many equal tries this stands for.
    pub times: u64,
    /// Lines that tell.
    pub lines: Vec<Evidence>,
    /// The user has logged in from this source before.
    pub known_pair: bool,
    /// Somebody honest has logged in from this source before.
    pub source_good: bool,
    /// The user has logged in before.
    pub user_good: bool,
    /// How strange the network is, 0.1 to 1.
    pub strange: f64,
    /// It looks like a person at a new address: a real account, tried from here only, and nobody else is.
    pub honest: bool,
    /// What decides logins seems to be down: refusals say nothing about who tries.
    pub outage: bool,
}

/// A session that came up.
#[derive(Clone, Debug)]
pub struct Opening<'a> {
    /// When it came up, microseconds UTC.
    pub time: i64,
    /// The session's key.
    pub key: u64,
    /// The session as it stood.
    pub attempt: &'a Attempt,
    /// The user and the hash of the name, if known.
    pub user: Option<(&'a str, u64)>,
    /// Where it came from.
    pub source: Option<IpAddr>,
    /// The user has logged in from there before.
    pub known_pair: bool,
    /// How strange the network is.
    pub strange: f64,
    /// Lines that tell.
    pub lines: Vec<Evidence>,
}

/// Where a rule works: what is known, and where findings go.
pub struct Scene<'a> {
    /// Event time, never going back.
    pub now: i64,
    /// What is remembered of sources and users: refusals are in it already, logins not yet.
    pub memory: &'a mut Memory,
    pub(super) raised: &'a mut Vec<Finding>,
    pub(super) timers: &'a mut Vec<(i64, usize, u64)>,
    pub(super) at: usize,
}

impl Scene<'_> {
    /// Whether the same was told of a key within a day: then nothing needs to be put into words.
    pub fn is_told(&self, key: u64) -> bool {
        self.memory.was_told(self.at, key, self.now)
    }

    /// Tells a finding, unless the same was told of the same key within a day.
    pub fn raise(&mut self, key: u64, finding: Finding) -> bool {
        if !self.memory.may_alarm(self.at, key, self.now) {
            return false;
        }
        self.raised.push(finding);
        true
    }

    /// Asks to be called back with a token at a time.
    pub fn call_back(&mut self, time: i64, token: u64) {
        self.timers.push((time, self.at, token));
    }
}

/// The part of a rule that works. Everything comes in the order of event time.
pub trait Detection {
    /// A login was refused.
    fn refused(&mut self, refusal: &Refusal, scene: &mut Scene<'_>) {
        let _ = (refusal, scene);
    }

    /// A session came up.
    fn opened(&mut self, opening: &Opening<'_>, scene: &mut Scene<'_>) {
        let _ = (opening, scene);
    }

    /// A session came up, and all is said of it that is said of one that comes up: ten seconds later, or at its end.
    fn settled(&mut self, opening: &Opening<'_>, scene: &mut Scene<'_>) {
        let _ = (opening, scene);
    }

    /// What a session counted is known. Sessions that are told once, when they close, are `closed` only.
    fn counted(&mut self, attempt: &Attempt, scene: &mut Scene<'_>) {
        let _ = (attempt, scene);
    }

    /// An attempt is over: a session that ended, or one that never got to a login.
    fn closed(&mut self, attempt: &Attempt, scene: &mut Scene<'_>) {
        let _ = (attempt, scene);
    }

    /// Whether it wants events: each costs every line something.
    fn wants_events(&self) -> bool {
        false
    }

    /// Whether it wants log-ins to other services: there may be as many as lines.
    fn wants_elsewhere(&self) -> bool {
        false
    }

    /// A log-in to another service than the gateway was decided.
    fn elsewhere(&mut self, login: &Rc<service::Login>, scene: &mut Scene<'_>) {
        let _ = (login, scene);
    }

    /// Any event, at once: before attempts of the same time.
    fn event(&mut self, event: &Event<'_>, scene: &mut Scene<'_>) {
        let _ = (event, scene);
    }

    /// The evidence has a hole.
    fn lost(&mut self, count: Option<u64>, scene: &mut Scene<'_>) {
        let _ = (count, scene);
    }

    /// A time that was asked for has come.
    fn due(&mut self, token: u64, scene: &mut Scene<'_>) {
        let _ = (token, scene);
    }
}

/// A finding of a rule about nobody yet.
pub fn finding(rule: &'static Rule, now: i64) -> Finding {
    Finding {
        rule: rule.name,
        severity: rule.severity,
        techniques: rule.techniques,
        sources: Vec::new(),
        claimed: false,
        users: Vec::new(),
        first: now,
        last: now,
        attempts: 0,
        succeeded: Vec::new(),
        alarm_time: now,
        summary: String::new(),
        actions: rule.actions,
        evidence: Vec::new(),
    }
}

/// A finding about one source that fails.
pub fn of_source(rule: &'static Rule, now: i64, refusal: &Refusal, source: IpAddr, state: &SourceState) -> Finding {
    let mut users: Vec<_> = state
        .tried
        .iter()
        .filter(|tried| tried.new || tried.fails > 2)
        .collect();
    users.sort_by_key(|tried| tried.first);
    Finding {
        sources: vec![Network::from(source)],
        claimed: refusal.claimed,
        users: users.iter().take(LISTED_MAX).map(|tried| tried.name.clone()).collect(),
        first: state.first,
        last: refusal.time,
        attempts: state.fails,
        evidence: state.lines.iter().rev().take(EVIDENCE_MAX).rev().cloned().collect(),
        ..finding(rule, now)
    }
}

/// Whether the source of a refusal behaves like a device with an old password whose address is new: one real account, at a
/// machine's rhythm, from a network where people of this gateway are.
pub fn is_a_device(refusal: &Refusal, state: &SourceState) -> bool {
    refusal.user_good && refusal.strange <= 0.3 && state.tried_only(refusal.hash, i64::MIN) && state.period().is_some()
}
