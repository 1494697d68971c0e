//! Attempts are told when they close; here they get back the order in which they happened.

use std::collections::BTreeMap;
use std::rc::Rc;

use tunlog_model::Attempt;

use super::memory::caps;
use super::service;

/// How long, in microseconds of event time, attempts wait for earlier ones: the correlator holds an attempt back for up to a
/// minute after its last line, and one that came up for ten seconds.
const WINDOW: i64 = 90_000_000;

/// What happened.
pub enum Step {
    /// A session came up.
    Opened(Attempt),
    /// A session ended.
    Ended(Attempt),
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
    count: u64,
    seen: Option<i64>,
    ended: bool,
}

impl Order {
    /// Event time goes on.
    pub fn pass(&mut self, time: i64) {
        self.seen = Some(self.seen.map_or(time, |seen| seen.max(time)));
    }

    /// Until when everything is known.
    pub fn passed(&self) -> i64 {
        match (self.ended, self.seen) {
            (true, Some(seen)) => seen,
            (false, Some(seen)) => seen.saturating_sub(WINDOW),
            (_, None) => i64::MIN,
        }
    }

    /// Takes a step in; the order of steps of one time does not depend on when they were told.
    pub fn push(&mut self, time: i64, id: u64, step: Step) {
        let rank = match step {
            Step::Failed(_) => 0,
            Step::Opened(_) => 1,
            Step::Ended(_) => 2,
            Step::Elsewhere(_) => 3,
        };
        self.count += 1;
        self.waiting.insert((time, rank, id, self.count), step);
    }

    /// The evidence ends.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next step whose time has come, with its time.
    pub fn next(&mut self) -> Option<(i64, Step)> {
        let (time, ..) = *self.waiting.first_key_value()?.0;
        if !self.ended && time > self.passed() && self.waiting.len() <= caps::WAITING {
            return None;
        }
        self.waiting.pop_first().map(|((time, ..), step)| (time, step))
    }
}
