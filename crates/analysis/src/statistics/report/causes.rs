//! Failures by cause, and the failed attempts that are shown in full: a few of each cause rather than many of one.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

use tunlog_model::{Attempt, Evidence};

/// Of an attempt whose cause nobody tells.
pub const UNKNOWN: &str = "unknown";
/// Users told apart for each cause.
const USERS_MAX: usize = 10_000;
/// Bytes of a line of evidence that are held; a record may be a thousand times as long.
const EVIDENCE_BYTES_MAX: usize = 2_000;

/// Failures of one cause.
#[derive(Clone, Debug)]
pub struct CauseRow {
    /// The contract's cause.
    pub cause: &'static str,
    /// Failed attempts.
    pub count: u64,
    /// How many users had it: by name, else by address.
    pub users: u64,
    /// There are more users than could be told apart.
    pub users_beyond: bool,
    /// When it first happened, microseconds UTC.
    pub first: i64,
    /// When it last happened, microseconds UTC.
    pub last: i64,
    /// Those shown in full, the latest first.
    pub shown: Vec<Attempt>,
}

struct Tally {
    cause: &'static str,
    count: u64,
    users: HashSet<u64>,
    users_beyond: bool,
    first: i64,
    last: i64,
    kept: VecDeque<Attempt>,
}

/// Counts failures. At most so many attempts are held; who shares a cause with many gives way first.
pub struct Causes {
    tallies: Vec<Tally>,
    kept_max: usize,
    kept: usize,
    // keyed: the names are chosen by strangers
    hasher: RandomState,
}

impl Causes {
    /// None yet; of all causes together `kept_max` attempts are kept.
    pub fn new(kept_max: usize) -> Causes {
        Causes {
            tallies: Vec::new(),
            kept_max,
            kept: 0,
            hasher: RandomState::new(),
        }
    }

    /// Counts a failed attempt.
    pub fn add(&mut self, mut attempt: Attempt) {
        let cause = attempt.cause.unwrap_or(UNKNOWN);
        let at = match self.tallies.iter().position(|tally| tally.cause == cause) {
            Some(at) => at,
            None => self.begin(cause, attempt.started),
        };
        let user = match (&attempt.user, attempt.client_ip) {
            (Some(user), _) => Some(self.hasher.hash_one(user)),
            (None, Some(ip)) => Some(self.hasher.hash_one(ip)),
            (None, None) => None,
        };
        let tally = &mut self.tallies[at];
        tally.count = tally.count.saturating_add(attempt.times.max(1));
        tally.first = tally.first.min(attempt.started);
        tally.last = tally.last.max(attempt.started);
        if let Some(user) = user {
            if tally.users.len() < USERS_MAX || tally.users.contains(&user) {
                tally.users.insert(user);
            } else {
                tally.users_beyond = true;
            }
        }
        if self.kept_max == 0 {
            return;
        }
        attempt.evidence.iter_mut().for_each(shorten);
        tally.kept.push_back(attempt);
        self.kept += 1;
        if self.kept > self.kept_max {
            self.give_way();
        }
    }

    fn begin(&mut self, cause: &'static str, time: i64) -> usize {
        self.tallies.push(Tally {
            cause,
            count: 0,
            users: HashSet::new(),
            users_beyond: false,
            first: time,
            last: time,
            kept: VecDeque::new(),
        });
        self.tallies.len() - 1
    }

    /// Lets the oldest go of the cause that keeps most.
    fn give_way(&mut self) {
        if let Some(tally) = self.tallies.iter_mut().max_by_key(|tally| tally.kept.len()) {
            tally.kept.pop_front();
            self.kept -= 1;
        }
    }

    /// The rows, the most frequent cause first.
    pub fn rows(self) -> Vec<CauseRow> {
        let row = |tally: Tally| {
            let mut shown = Vec::from(tally.kept);
            // attempts come as they close; people look for when they began
            shown.sort_by_key(|attempt| std::cmp::Reverse(attempt.started));
            CauseRow {
                cause: tally.cause,
                count: tally.count,
                users: tally.users.len() as u64,
                users_beyond: tally.users_beyond,
                first: tally.first,
                last: tally.last,
                shown,
            }
        };
        let mut rows: Vec<CauseRow> = self.tallies.into_iter().map(row).collect();
        rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.cause.cmp(b.cause)));
        rows
    }
}

fn shorten(evidence: &mut Evidence) {
    if evidence.text.len() > EVIDENCE_BYTES_MAX {
        let end = evidence.text.floor_char_boundary(EVIDENCE_BYTES_MAX);
        evidence.text = format!("{}…", &evidence.text[..end]).into();
    }
}
