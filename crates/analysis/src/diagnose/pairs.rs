//! One try, told by both ends: a client's own log beside the gateway's. Both attempts keep their diagnoses; each gets the
//! other's lines, and the less sure of the two takes the other's cause.

use std::collections::VecDeque;
use std::net::IpAddr;

use tunlog_model::{Attempt, Outcome};

use super::Diagnosis;

/// Attempts whose other end may come.
const WAITING_MAX: usize = 512;
/// How far apart two ends' clocks and habits may put the same try, microseconds.
const APART_MAX: i64 = 30_000_000;

/// One end's view.
#[derive(Clone, Debug)]
struct End {
    calling: bool,
    gateway: Option<Box<str>>,
    user: Option<Box<str>>,
    client: Option<IpAddr>,
    server: Option<IpAddr>,
    started: i64,
    last: i64,
    /// Where its diagnosis waits.
    place: (i64, u64),
}

impl End {
    fn of(attempt: &Attempt, place: (i64, u64)) -> End {
        End {
            calling: attempt.trail.iter().any(|clue| clue.message.calling),
            gateway: attempt.gateway.clone(),
            user: attempt.user.clone(),
            client: attempt.client_ip,
            server: attempt.server_ip,
            started: attempt.started,
            last: attempt.last_seen,
            place,
        }
    }

    /// Whether both are ends of one try: one calls, the other is called, at one time, by the same name or address, and
    /// nothing that both name differs.
    fn is_other_end_of(&self, other: &End) -> bool {
        // asked of many: nearly all are ends of the same side, or of another time
        let near = || {
            self.started <= other.last.saturating_add(APART_MAX) && other.started <= self.last.saturating_add(APART_MAX)
        };
        if self.calling == other.calling || !near() || self.gateway == other.gateway {
            return false;
        }
        let differ = |one: Option<IpAddr>, two: Option<IpAddr>| one.is_some() && two.is_some() && one != two;
        let same_user = self.user.is_some() && self.user == other.user;
        let other_user = self.user.is_some() && other.user.is_some() && !same_user;
        let same_client = self.client.is_some() && self.client == other.client;
        !other_user
            && !differ(self.client, other.client)
            && !differ(self.server, other.server)
            && (same_user || same_client)
    }
}

/// Ends that wait for the other one.
#[derive(Debug, Default)]
pub struct Pairs {
    waiting: VecDeque<End>,
    /// How many of them are of the calling side: where all are of one, there is nothing to look for.
    calling: usize,
}

impl Pairs {
    /// Where the diagnosis of the other end of this attempt is, if it came before.
    pub fn find(&mut self, attempt: &Attempt, place: (i64, u64)) -> Option<(i64, u64)> {
        if !matches!(attempt.outcome, Outcome::Failed | Outcome::Unfinished) {
            return None;
        }
        let end = End::of(attempt, place);
        let others = match end.calling {
            true => self.waiting.len() - self.calling,
            false => self.calling,
        };
        let other = |known: &End| known.is_other_end_of(&end);
        let at = if others == 0 {
            None
        } else {
            self.waiting.iter().rposition(other)
        };
        if let Some(found) = at.and_then(|at| self.waiting.remove(at)) {
            self.calling -= usize::from(found.calling);
            return Some(found.place);
        }
        if self.waiting.len() >= WAITING_MAX
            && let Some(gone) = self.waiting.pop_front()
        {
            self.calling -= usize::from(gone.calling);
        }
        self.calling += usize::from(end.calling);
        self.waiting.push_back(end);
        None
    }
}

/// Both ends' diagnoses become one story.
pub fn join(one: &mut Diagnosis, two: &mut Diagnosis) {
    // the smaller word is the surer one
    let (surer, other) = match one.confidence <= two.confidence {
        true => (&*one, &mut *two),
        false => (&*two, &mut *one),
    };
    if other.cause != surer.cause && surer.confidence < other.confidence && surer.cause != "unknown" {
        let was = (other.cause, other.confidence);
        other.cause = surer.cause;
        other.layer = surer.layer;
        other.confidence = surer.confidence;
        other.summary = format!("{} (The log of the other end says so.)", surer.summary);
        other.actions = surer.actions.clone();
        other.alternatives = surer.alternatives.clone();
        if was.0 != "unknown" {
            other.alternatives.insert(0, was);
        }
        other.decides.clear();
    }
    let both: Vec<_> = one.lines().chain(two.lines()).collect();
    one.set_lines(both.clone());
    two.set_lines(both);
}
