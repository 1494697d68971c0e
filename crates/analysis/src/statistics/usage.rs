//! How long and how much, as ac(8) adds it up: connect time and traffic, by period, by user, or both; and who is beyond a quota.
//!
//! Connect time is split where a period ends: a session over midnight counts on both days. Bytes cannot be: a log tells them
//! when the session ends (or, of one that is up, in its last interim accounting), so they count in the period of that moment.

use std::collections::BTreeMap;

use tunlog_model::{Attempt, Cell, Column, Outcome};

use super::clients::Who;
use super::{maybe, text};

/// Rows beyond this number are counted in one of their period: their names may be chosen by strangers.
const ROWS_MAX: usize = 500_000;
/// Periods over which a session is split: more than ten years of days. What lasts longer comes of a clock that was wrong, and counts where it
/// ended.
const PARTS_MAX: usize = 4_000;

/// Where periods begin and end; made of a zone by whoever knows it.
pub trait Calendar {
    /// The period in which a moment lies: when it begins, and when the next one does. Microseconds UTC.
    fn period(&self, time: i64) -> (i64, i64);
    /// What the period that begins then is called: `2026-11-20`, `2026-11`.
    fn name(&self, begins: i64) -> String;
}

/// One period that has no end: for totals.
#[derive(Clone, Copy, Debug)]
pub struct Whole;

impl Calendar for Whole {
    fn period(&self, _time: i64) -> (i64, i64) {
        (i64::MIN, i64::MAX)
    }

    fn name(&self, _begins: i64) -> String {
        String::new()
    }
}

/// What is added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Sessions that were up then.
    pub sessions: u64,
    /// Microseconds that they were up together.
    pub micros: u64,
    /// Bytes to the client; absent if no session told any.
    pub bytes_to_client: Option<u64>,
    /// Bytes from the client.
    pub bytes_from_client: Option<u64>,
}

impl Sums {
    fn time(&mut self, micros: i64) {
        self.sessions += 1;
        self.micros = self.micros.saturating_add(u64::try_from(micros).unwrap_or(0));
    }

    fn bytes(&mut self, stay: &Stay) {
        let add = |sum: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *sum = Some(sum.unwrap_or(0).saturating_add(more));
            }
        };
        add(&mut self.bytes_to_client, stay.bytes_to_client);
        add(&mut self.bytes_from_client, stay.bytes_from_client);
    }

    /// Seconds that sessions were up together.
    pub fn duration_s(&self) -> f64 {
        self.micros as f64 / 1e6
    }

    /// Bytes in both directions.
    pub fn bytes_both(&self) -> Option<u64> {
        match (self.bytes_to_client, self.bytes_from_client) {
            (None, None) => None,
            (to, from) => Some(to.unwrap_or(0).saturating_add(from.unwrap_or(0))),
        }
    }
}

/// One session.
#[derive(Clone, Debug)]
struct Stay {
    user: Option<Box<str>>,
    from: i64,
    until: i64,
    bytes_to_client: Option<u64>,
    bytes_from_client: Option<u64>,
}

impl Stay {
    fn of(attempt: &Attempt) -> Stay {
        let until = attempt.ended.unwrap_or(attempt.last_seen);
        let up = attempt.up.unwrap_or(attempt.started);
        // where the clock was set meanwhile, the daemon's own count is right
        let counted = attempt.duration_s.map(|seconds| (seconds * 1e6) as i64);
        let from = match (attempt.outcome, counted) {
            (Outcome::Open, _) => up,
            (_, Some(counted)) => until.saturating_sub(counted),
            (_, None) => until,
        };
        Stay {
            user: attempt.user.clone(),
            from,
            until,
            bytes_to_client: attempt.bytes_to_client,
            bytes_from_client: attempt.bytes_from_client,
        }
    }
}

/// A row: what was used in a period, by a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// When the period begins and the next one does, microseconds UTC; None if all time is one.
    pub bounds: Option<(i64, i64)>,
    /// What it is called.
    pub period: String,
    /// Whose row it is; None for everybody's.
    pub who: Option<Who>,
    /// What it comes to.
    pub sums: Sums,
    /// The bytes or seconds that are allowed, if that was asked.
    pub quota: Option<Quota>,
}

/// How much is allowed in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Bytes in both directions.
    Bytes(u64),
    /// Seconds that sessions are up together.
    Seconds(u64),
}

impl Quota {
    /// Whether it is used up and more.
    pub fn is_exceeded(self, sums: &Sums) -> bool {
        match self {
            Quota::Bytes(most) => sums.bytes_both().is_some_and(|bytes| bytes > most),
            Quota::Seconds(most) => sums.micros > most.saturating_mul(1_000_000),
        }
    }

    fn used(self, sums: &Sums) -> (u64, u64) {
        match self {
            Quota::Bytes(most) => (sums.bytes_both().unwrap_or(0), most),
            Quota::Seconds(most) => (sums.micros / 1_000_000, most),
        }
    }
}

/// Adds sessions up.
#[derive(Debug)]
pub struct Usage<C> {
    calendar: C,
    by_user: bool,
    since: i64,
    until: i64,
    cells: BTreeMap<(i64, Option<Who>), Sums>,
    total: Sums,
    open: Vec<Stay>,
}

impl<C: Calendar> Usage<C> {
    /// Nothing yet; only what lies between two times counts (microseconds UTC).
    pub fn new(calendar: C, by_user: bool, since: Option<i64>, until: Option<i64>) -> Usage<C> {
        Usage {
            calendar,
            by_user,
            since: since.unwrap_or(i64::MIN),
            until: until.unwrap_or(i64::MAX),
            cells: BTreeMap::new(),
            total: Sums::default(),
            open: Vec::new(),
        }
    }

    /// Adds a session; an attempt that became none is passed over.
    pub fn add(&mut self, attempt: &Attempt) {
        match attempt.outcome {
            Outcome::Established => self.put(&Stay::of(attempt), attempt.last_seen),
            Outcome::Open => self.open.push(Stay::of(attempt)),
            Outcome::Failed | Outcome::Unfinished => {}
        }
    }

    /// Counts the sessions that are up as they stand at a moment, the end of the evidence or the present.
    pub fn close(&mut self, now: i64) {
        for mut stay in std::mem::take(&mut self.open) {
            let told = stay.until;
            stay.until = told.max(now);
            self.put(&stay, told);
        }
    }

    /// `told` is when its bytes were.
    fn put(&mut self, stay: &Stay, told: i64) {
        let (from, until) = (stay.from.max(self.since), stay.until.min(self.until));
        if from > until {
            return;
        }
        self.total.time(until.saturating_sub(from));
        let (mut at, mut parts) = (from, 0);
        loop {
            let (begins, ends) = self.calendar.period(at);
            parts += 1;
            if until <= ends || parts == PARTS_MAX {
                let begins = if until <= ends {
                    begins
                } else {
                    self.calendar.period(until).0
                };
                self.cell(begins, stay).time(until.saturating_sub(at));
                break;
            }
            self.cell(begins, stay).time(ends.saturating_sub(at));
            at = ends;
        }
        if (self.since..=self.until).contains(&told) {
            // who leaves at midnight was there before it
            let (begins, _) = self.calendar.period(told.saturating_sub(1).max(stay.from).min(told));
            self.cell(begins, stay).bytes(stay);
            self.total.bytes(stay);
        }
    }

    fn cell(&mut self, begins: i64, stay: &Stay) -> &mut Sums {
        let who = self.by_user.then(|| match &stay.user {
            None => Who::Nobody,
            Some(user) => Who::Named(user.clone()),
        });
        let key = (begins, who);
        let is_full = self.cells.len() >= ROWS_MAX && !self.cells.contains_key(&key);
        let key = if is_full {
            (begins, key.1.map(|_| Who::Others))
        } else {
            key
        };
        self.cells.entry(key).or_default()
    }

    /// What all sessions come to, each counted once.
    pub fn total(&self) -> &Sums {
        &self.total
    }

    /// The rows: by period, then by name in code-point order.
    pub fn rows(&self) -> impl Iterator<Item = UsageRow> + '_ {
        self.cells.iter().map(|((begins, who), sums)| {
            let bounds = self.calendar.period(*begins);
            UsageRow {
                bounds: (bounds != Whole.period(0)).then_some(bounds),
                period: self.calendar.name(*begins),
                who: who.clone(),
                sums: *sums,
                quota: None,
            }
        })
    }

    /// Those who used more than a quota: by period, who used most first.
    pub fn over(&self, quota: Quota) -> Vec<UsageRow> {
        let mut found: Vec<UsageRow> = self.rows().filter(|row| quota.is_exceeded(&row.sums)).collect();
        for row in &mut found {
            row.quota = Some(quota);
        }
        found.sort_by_key(|row| (row.bounds, std::cmp::Reverse(quota.used(&row.sums).0)));
        found
    }
}

/// How much of a quota was used: of bytes as bytes, of time as seconds.
fn of_quota(row: &UsageRow, bytes: fn(u64, u64) -> u64) -> Cell {
    match row.quota {
        None => Cell::None,
        Some(quota) => {
            let (used, most) = quota.used(&row.sums);
            match quota {
                Quota::Bytes(_) => Cell::Bytes(bytes(used, most)),
                Quota::Seconds(_) => Cell::Seconds(bytes(used, most) as f64),
            }
        }
    }
}

/// What `tunlog ac` prints.
pub const COLUMNS: &[Column<UsageRow>] = &[
    Column {
        key: "period",
        header: "Period",
        doc: "The day, week, month or year, on the wall clock of the zone asked for; absent for all time.",
        value: |row| match row.period.is_empty() {
            true => Cell::None,
            false => text(&row.period),
        },
    },
    Column {
        key: "begins",
        header: "",
        doc: "When the period begins.",
        value: |row| maybe(row.bounds, |(begins, _)| Cell::Time(begins)),
    },
    Column {
        key: "ends",
        header: "",
        doc: "When the next one begins.",
        value: |row| maybe(row.bounds, |(_, ends)| Cell::Time(ends)),
    },
    Column {
        key: "user",
        header: "User",
        doc: "Name exactly as the client gave it; absent in rows of everybody, and of sessions that named nobody.",
        value: |row| match &row.who {
            Some(Who::Named(name)) => text(name),
            _ => Cell::None,
        },
    },
    Column {
        key: "others",
        header: "",
        doc: "True in the row that counts the names beyond the limit of rows.",
        value: |row| match row.who {
            Some(Who::Others) => Cell::Bool(true),
            _ => Cell::None,
        },
    },
    Column {
        key: "sessions",
        header: "Sessions",
        doc: "Sessions that were up then; one over midnight counts on both days.",
        value: |row| Cell::Count(row.sums.sessions),
    },
    Column {
        key: "duration_s",
        header: "Time",
        doc: "Seconds that they were up together, within the period.",
        value: |row| Cell::Seconds(row.sums.duration_s()),
    },
    Column {
        key: "bytes_to_client",
        header: "TX",
        doc: "Bytes to the clients, of sessions whose counters were last told in the period.",
        value: |row| maybe(row.sums.bytes_to_client, Cell::Bytes),
    },
    Column {
        key: "bytes_from_client",
        header: "RX",
        doc: "Bytes from the clients.",
        value: |row| maybe(row.sums.bytes_from_client, Cell::Bytes),
    },
    Column {
        key: "bytes",
        header: "Both",
        doc: "Bytes in both directions.",
        value: |row| maybe(row.sums.bytes_both(), Cell::Bytes),
    },
    Column {
        key: "quota",
        header: "Quota",
        doc: "What is allowed in a period: bytes in both directions, or seconds.",
        value: |row| of_quota(row, |_, most| most),
    },
    Column {
        key: "over",
        header: "Over",
        doc: "How much more was used.",
        value: |row| of_quota(row, u64::saturating_sub),
    },
];

#[cfg(test)]
#[path = "usage_tests.rs"]
mod tests;
