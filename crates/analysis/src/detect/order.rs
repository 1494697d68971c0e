//! Attempts are told when they close; here they get back the order in which they happened.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use tunlog_model::Attempt;

use super::memory::caps;
use super::service;

/// How long, in microseconds of event time, attempts that are told when they close wait for earlier ones: the correlator holds
/// an attempt back for up to a minute after its last line, and one that came up for ten seconds. What is told at the line that
/// decides it comes in order as it is.
const WINDOW: i64 = 90_000_000;

/// What happened.
pub enum Step {
    /// A session came up; whether all is said of it that is said of one that comes up.
    Opened(Attempt, bool),
    /// A session that was told at the line by which it came up: now all is said of it.
    Settled(Attempt),
    /// A session ended.
    Ended(Attempt),
    /// A session ended before, and now it is known what it counted.
    Counted(Attempt),
    /// An attempt failed.
    Failed(Attempt),
    /// A log-in to another service was decided.
    Elsewhere(Rc<service::Login>),
}

/// Steps by their time.
#[derive(Default)]
pub struct Order {
    /// Time, what kind, whose, and which of equal ones.
    waiting: BTreeMap<(i64, u8, u64, u64), Step>,
    /// Log-ins to other services: they come in the order of time, and as many as lines, so they stand in a queue of their own.
    elsewhere: VecDeque<Rc<service::Login>>,
    count: u64,
    seen: Option<i64>,
    ended: bool,
    /// Attempts are told late, and out of order.
    late: bool,
}

impl Order {
    /// Event time goes on.
    pub fn pass(&mut self, time: i64) {
        self.seen = Some(self.seen.map_or(time, |seen| seen.max(time)));
    }

    /// `late`: attempts come only when they close, else at the line that decides them.
    pub fn new(late: bool) -> Order {
        Order {
            late,
            ..Order::default()
        }
    }

    /// Until when everything is known.
    pub fn passed(&self) -> i64 {
        match (self.ended || !self.late, self.seen) {
            (true, Some(seen)) => seen,
            (false, Some(seen)) => seen.saturating_sub(WINDOW),
            (_, None) => i64::MIN,
        }
    }

    /// Takes a step in; the order of steps of one time does not depend on when they were told.
    pub fn push(&mut self, time: i64, id: u64, step: Step) {
        let rank = match step {
            Step::Failed(_) => 0,
            Step::Opened(..) => 1,
            Step::Settled(_) | Step::Ended(_) | Step::Counted(_) | Step::Elsewhere(_) => 2,
        };
        self.count += 1;
        self.waiting.insert((time, rank, id, self.count), step);
    }

    /// Takes a log-in to another service in; at the same time it comes behind what the gateway tells.
    pub fn push_elsewhere(&mut self, login: Rc<service::Login>) {
        let later = self.elsewhere.iter().rev().take_while(|other| other.time > login.time);
        let at = self.elsewhere.len() - later.count();
        self.elsewhere.insert(at, login);
    }

    /// The evidence ends.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next step whose time has come, with its time.
    pub fn next(&mut self) -> Option<(i64, Step)> {
        let first = self.waiting.first_key_value().map(|((time, ..), _)| *time);
        let other = self.elsewhere.front().map(|login| login.time);
        let time = first.into_iter().chain(other).min()?;
        let full = self.waiting.len() > caps::WAITING || self.elsewhere.len() > caps::WAITING;
        if !self.ended && self.late && time > self.passed() && !full {
            return None;
        }
        if first == Some(time) {
            return self.waiting.pop_first().map(|((time, ..), step)| (time, step));
        }
        self.elsewhere.pop_front().map(|login| (time, Step::Elsewhere(login)))
    }
}
