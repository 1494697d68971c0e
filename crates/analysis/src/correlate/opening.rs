//! Sessions that have just come up: an attempt is told when it closes, which may be a day later; whoever looks for a
//! guessed password wants to know at once.

use std::collections::VecDeque;

use tunlog_model::Attempt;

use super::Correlator;
use super::slab::Key;

/// How long, in microseconds, a session is up before it is told: name, address and encryption may be said after the link's
/// address was.
pub const SETTLED: i64 = 10_000_000;

/// Most sessions that wait to be told: those that came up within `SETTLED`.
const WAITING_MAX: usize = 65_536;

/// What came up and is to be told, and what is told.
#[derive(Debug, Default)]
pub struct Openings {
    waiting: VecDeque<(i64, Key)>,
    told: Vec<Attempt>,
}

impl Openings {
    /// Whether one is to be told now.
    pub fn is_due(&self, passed: i64) -> bool {
        self.waiting.front().is_some_and(|(due, _)| *due <= passed)
    }
}

impl Correlator {
    /// Remembers a link that has come up, once.
    pub(super) fn note_opening(&mut self, key: Key) {
        if !self.options.openings || self.openings.waiting.len() >= WAITING_MAX {
            return;
        }
        if let Some(link) = self.links.get_mut(key)
            && link.up.is_some()
            && !link.opening_noted
        {
            link.opening_noted = true;
            self.openings
                .waiting
                .push_back((self.passed.saturating_add(SETTLED), key));
        }
    }

    /// Tells what has been up long enough; a session that is gone already is told as an attempt that closed.
    pub(super) fn settle_openings(&mut self) {
        while let Some((_, key)) = self
            .openings
            .waiting
            .front()
            .copied()
            .filter(|(due, _)| *due <= self.passed)
        {
            self.openings.waiting.pop_front();
            let Some(link) = self.links.get(key).filter(|link| !link.calling) else {
                continue;
            };
            let carrier = link.carrier.and_then(|carrier| self.carriers.get(carrier));
            let mut attempt = self.attempt(carrier, Some(link), true);
            attempt.heard = link.told.heard(&attempt);
            self.openings.told.push(attempt);
            if let Some(link) = self.links.get_mut(key) {
                link.told.settled = true;
            }
        }
    }

    /// The sessions that came up since the last call, as they stand. The same session comes once more among `closed`.
    pub fn opened(&mut self) -> std::vec::Drain<'_, Attempt> {
        self.openings.told.drain(..)
    }

    /// Whether sessions have come up.
    pub fn has_opened(&self) -> bool {
        !self.openings.told.is_empty()
    }
}
