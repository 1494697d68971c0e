//! What a report of a time tells: sums, sessions over time, failures by cause, protection, users.
//!
//! Attempts are counted as they come and only a bounded number of them is held, however many there are.

pub mod causes;
pub mod ladder;
pub mod protection;
#[cfg(test)]
mod tests;
pub mod timeline;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tunlog_model::{Attempt, Outcome};

use super::clients::{ClientRow, Clients, Who};
use causes::{CauseRow, Causes};
use protection::{Encryption, Protection, ProtectionRow};
use timeline::Timeline;

/// Sessions whose beginning and end are held to find the most that were up at once; 16 MiB.
const SWEPT_MAX: usize = 500_000;

/// How much of a report is told in full.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Failed attempts with their evidence.
    pub failed_max: usize,
    /// Users.
    pub clients_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            failed_max: 100,
            clients_max: 500,
        }
    }
}

/// Sums over everything.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Attempts of any outcome.
    pub attempts: u64,
    /// Those that came up.
    pub sessions: u64,
    /// Those that are up.
    pub open: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those whose end is not in the evidence.
    pub unfinished: u64,
    /// Sessions with an encryption that the evidence tells.
    pub encrypted: u64,
    /// Names with at least one session.
    pub users: u64,
    /// Bytes sent to clients.
    pub bytes_to_client: u64,
    /// Bytes received from clients.
    pub bytes_from_client: u64,
    /// Seconds that closed sessions were up together.
    pub up_s: f64,
    /// The most sessions that were up at once; absent if there were too many to tell.
    pub most_at_once: Option<u64>,
}

/// Users beyond the limit of a report, together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many.
    pub users: u64,
    /// Their sessions.
    pub sessions: u64,
    /// Their failures.
    pub failures: u64,
    /// Their bytes, in both directions.
    pub bytes: u64,
}

/// What a report tells.
#[derive(Debug)]
pub struct Figures {
    /// Sums.
    pub totals: Totals,
    /// Over time.
    pub timeline: Timeline,
    /// Failures, the most frequent cause first.
    pub causes: Vec<CauseRow>,
    /// Sessions by protection, the least protected first.
    pub protection: Vec<ProtectionRow>,
    /// Users, those with the most traffic first.
    pub clients: Vec<ClientRow>,
    /// The users that are not among them.
    pub clients_left_out: LeftOut,
}

impl Figures {
    /// Failed attempts that are counted and not shown in full.
    pub fn failed_left_out(&self) -> u64 {
        let shown = self.causes.iter().flat_map(|row| &row.shown);
        let shown: u64 = shown.map(|attempt| attempt.times.max(1)).sum();
        self.totals.failed.saturating_sub(shown)
    }
}

/// Bytes of a user in both directions and in all sessions.
pub fn traffic(row: &ClientRow) -> (u64, u64) {
    let to = row.open_sum(|session| session.bytes_to_client).unwrap_or(0);
    let from = row.open_sum(|session| session.bytes_from_client).unwrap_or(0);
    (
        row.bytes_to_client.saturating_add(to),
        row.bytes_from_client.saturating_add(from),
    )
}

/// Collects attempts for a report.
pub struct Report {
    limits: Limits,
    totals: Totals,
    timeline: Timeline,
    causes: Causes,
    protection: Protection,
    clients: Clients,
    /// A session's beginning and end; at one time ends come first.
    sweep: Vec<(i64, i8)>,
    swept_all: bool,
}

impl Report {
    /// Nothing yet.
    pub fn new(limits: Limits) -> Report {
        Report {
            limits,
            totals: Totals::default(),
            timeline: Timeline::default(),
            causes: Causes::new(limits.failed_max),
            protection: Protection::default(),
            clients: Clients::new(),
            sweep: Vec::new(),
            swept_all: true,
        }
    }

    /// Takes an attempt in.
    pub fn add(&mut self, attempt: Attempt) {
        self.clients.add(&attempt);
        let times = attempt.times.max(1);
        match attempt.outcome {
            Outcome::Failed => {
                self.totals.attempts = self.totals.attempts.saturating_add(times);
                self.totals.failed = self.totals.failed.saturating_add(times);
                self.timeline.failed(attempt.started, times);
                self.causes.add(attempt);
            }
            Outcome::Unfinished => {
                self.totals.attempts += 1;
                self.totals.unfinished += 1;
            }
            Outcome::Established | Outcome::Open => self.session(&attempt),
        }
    }

    fn session(&mut self, attempt: &Attempt) {
        let totals = &mut self.totals;
        totals.attempts += 1;
        totals.sessions += 1;
        totals.open += u64::from(attempt.outcome == Outcome::Open);
        totals.encrypted += u64::from(Encryption::of(attempt) != Encryption::NoneSeen);
        let sum = |total: u64, bytes: Option<u64>| total.saturating_add(bytes.unwrap_or(0));
        totals.bytes_to_client = sum(totals.bytes_to_client, attempt.bytes_to_client);
        totals.bytes_from_client = sum(totals.bytes_from_client, attempt.bytes_from_client);
        totals.up_s += attempt.duration_s.unwrap_or(0.0);
        self.protection.add(attempt);
        let began = attempt.up.unwrap_or(attempt.started);
        let ended = (attempt.outcome == Outcome::Established).then(|| attempt.ended.unwrap_or(attempt.last_seen));
        self.timeline.session(began, ended);
        if self.sweep.len() >= 2 * SWEPT_MAX {
            self.swept_all = false;
            return;
        }
        self.sweep.push((began, 1));
        self.sweep.extend(ended.map(|ended| (ended.max(began), -1)));
    }

    /// What came of it; `now` is the time at which the durations of open sessions are taken.
    pub fn figures(mut self, now: i64) -> Figures {
        let most_at_once = self.swept_all.then(|| most_at_once(&mut self.sweep));
        let with_sessions = |row: &ClientRow| matches!(row.who, Who::Named(_)) && row.sessions > 0;
        let users = self.clients.rows(now).filter(with_sessions).count() as u64;
        let (clients, clients_left_out) = busiest(&self.clients, now, self.limits.clients_max);
        Figures {
            totals: Totals {
                users,
                most_at_once,
                ..self.totals
            },
            timeline: self.timeline,
            causes: self.causes.rows(),
            protection: self.protection.rows(),
            clients,
            clients_left_out,
        }
    }
}

fn most_at_once(sweep: &mut [(i64, i8)]) -> u64 {
    // who comes at the very moment at which another goes is not counted beside him
    sweep.sort_unstable();
    let (mut up, mut most) = (0_i64, 0_i64);
    for (_, change) in sweep {
        up += i64::from(*change);
        most = most.max(up);
    }
    most as u64
}

/// What makes one user stand above another.
type Rank = (u64, u64, bool, u64);

fn rank(row: &ClientRow) -> Rank {
    let (to, from) = traffic(row);
    (to.saturating_add(from), row.sessions, row.online(), row.failures)
}

/// The users with the most traffic, then with the most sessions, then those who are online; and the sums of the others.
fn busiest(clients: &Clients, now: i64, limit: usize) -> (Vec<ClientRow>, LeftOut) {
    struct Kept(Reverse<(Rank, Reverse<usize>)>, ClientRow);
    impl PartialEq for Kept {
        fn eq(&self, other: &Kept) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Kept {}
    impl PartialOrd for Kept {
        fn partial_cmp(&self, other: &Kept) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Kept {
        fn cmp(&self, other: &Kept) -> std::cmp::Ordering {
            self.0.cmp(&other.0)
        }
    }
    let mut heap = BinaryHeap::new();
    let mut left_out = LeftOut::default();
    for (number, row) in clients.rows(now).enumerate() {
        heap.push(Kept(Reverse((rank(&row), Reverse(number))), row));
        if heap.len() > limit
            && let Some(Kept(_, row)) = heap.pop()
        {
            let (to, from) = traffic(&row);
            left_out.users += 1;
            left_out.sessions += row.sessions;
            left_out.failures = left_out.failures.saturating_add(row.failures);
            left_out.bytes = left_out.bytes.saturating_add(to).saturating_add(from);
        }
    }
    let rows = heap.into_sorted_vec().into_iter().map(|Kept(_, row)| row).collect();
    (rows, left_out)
}
