//! The history of attempts and findings, written as they are told: what the HTTP interface and `status` answer from.

use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use rustc_hash::FxHasher;
use tunlog_analysis::detect::Finding;
use tunlog_analysis::statistics::attempts::AttemptView;
use tunlog_analysis::statistics::findings::FindingView;
use tunlog_model::{Attempt, Column, Outcome};
use tunlog_pipeline::Sources;
use tunlog_report::json;
use tunlog_store::{AttemptRow, FindingRow, History, StoreError};

/// Rows that are committed at once.
const ROWS: usize = 1000;
/// Rows that wait for a commit by whoever reads much at once: pages that many rows touch are written once for all of them.
const AT_ONCE: usize = 4 * ROWS;
/// How long rows wait for a commit at most.
const WAIT: Duration = Duration::from_secs(1);

/// Keeps the history.
pub struct Chronicle {
    history: History,
    /// When the oldest row that waits was put.
    since: Option<Instant>,
}

impl Chronicle {
    /// Of an open history.
    pub fn new(history: History) -> Chronicle {
        Chronicle { history, since: None }
    }

    /// Keeps an attempt as it is now; whether that was news. `perhaps`: an earlier run may have kept it. What was told in this
    /// run already is kept as it is now in any case: its last lines may have added to it.
    pub fn attempt(&mut self, attempt: &Attempt, sources: &Sources, perhaps: bool) -> bool {
        let over = attempt.outcome != Outcome::Open;
        let is_first = !attempt.heard.over;
        if perhaps && is_first && self.history.has_attempt(attempt.id, over).unwrap_or(false) {
            return false;
        }
        if let Some(first) = attempt.heard.id {
            // it was told under another id, before it was known who the client is
            self.history.forget_attempt(first);
        }
        let view = AttemptView { attempt, sources };
        let row = AttemptRow::of(attempt, line("attempt", AttemptView::COLUMNS, &view));
        self.history.put_attempt(row);
        self.put();
        true
    }

    /// Keeps a finding; whether it was news. `perhaps`: an earlier run may have kept it.
    pub fn finding(&mut self, finding: &Finding, sources: &Sources, perhaps: bool) -> bool {
        let id = finding_id(finding);
        if perhaps && self.history.has_finding(id).unwrap_or(false) {
            return false;
        }
        let view = FindingView { finding, sources };
        self.history.put_finding(FindingRow {
            id,
            alarm_time: finding.alarm_time,
            rule: finding.rule.to_owned(),
            severity: finding.severity,
            json: line("finding", FindingView::COLUMNS, &view),
        });
        self.put();
        true
    }

    fn put(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// Much does not wait for whoever commits: it would fill the memory. To be called only when everybody who was told of it
    /// has kept it.
    pub fn relieve(&mut self) {
        // if it cannot be now, the next commit tells
        let _ = self.history.flush();
    }

    /// Whether much waits.
    pub fn is_much(&self) -> bool {
        let pending = self.history.pending();
        pending >= AT_ONCE && pending.is_multiple_of(ROWS)
    }

    /// Says from which record on everything is told.
    ///
    /// # Errors
    /// The database's.
    pub fn begins_at(&mut self, seq: u64) -> Result<(), StoreError> {
        self.history.begins_at(seq)
    }

    /// Says when the oldest attempt began that the rows do not tell yet as it is, microseconds UTC.
    pub fn undecided_since(&mut self, time: i64) {
        self.history.undecided_since(time);
    }

    /// Much is going to be kept, or no more of it.
    ///
    /// # Errors
    /// The database's; it goes on as before, only slower or with more on the disk.
    pub fn in_bulk(&mut self, is_much: bool) -> Result<(), StoreError> {
        self.history.in_bulk(is_much)
    }

    /// How long until a commit is due; None if nothing waits.
    pub fn due(&self) -> Option<Duration> {
        self.since.map(|since| WAIT.saturating_sub(since.elapsed()))
    }

    /// Whether rows are to be committed now.
    pub fn is_due(&self) -> bool {
        self.history.pending() >= ROWS || self.due().is_some_and(|due| due.is_zero())
    }

    /// Commits what was put: all that came of records below `analysed` is there then; `open` is the first record that an
    /// open attempt needs.
    ///
    /// # Errors
    /// The database's; it may be tried again.
    pub fn commit(&mut self, analysed: u64, open: Option<u64>) -> Result<(), StoreError> {
        // whether it works or not, the next try waits as long
        self.since = None;
        let committed = self.history.commit(analysed, open);
        if committed.is_err() {
            self.since = Some(Instant::now());
        }
        committed
    }
}

/// What tells a finding from others, the same after a restart.
pub fn finding_id(finding: &Finding) -> u64 {
    let mut hasher = FxHasher::default();
    (finding.rule, finding.alarm_time, finding.first).hash(&mut hasher);
    for source in &finding.sources {
        source.to_string().hash(&mut hasher);
    }
    if finding.sources.is_empty() {
        finding.users.hash(&mut hasher);
    }
    // SQLite's numbers have a sign
    hasher.finish() >> 1
}

/// The contract's line of a row.
fn line<R>(kind: &'static str, columns: &[Column<R>], row: &R) -> String {
    let cells: Vec<_> = columns.iter().map(|column| (column.key, (column.value)(row))).collect();
    let mut out = Vec::with_capacity(512);
    json::row(&mut out, kind, &cells);
    String::from_utf8(out).unwrap_or_default()
}
