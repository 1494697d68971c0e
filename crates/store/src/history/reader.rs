//! Answers, read beside whoever writes.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{OptionalExtension as _, params_from_iter};
use tunlog_model::Attempt;

use super::query::{AttemptQuery, Cursor, FindingQuery, Page, Question};
use super::rows::{SUMMED, attempt_of};
use super::{BUSY, VERSION};
use crate::error::{Kind, Result, StoreError};
use crate::layout::Layout;
use crate::working::Working;

/// Most rows of one page.
const PAGE_MAX: u32 = 10_000;

/// Rows that a search looks at with one question.
const SEARCHED: u32 = 256;
/// Steps of SQLite's machine between two looks at the clock: less than a millisecond.
const STEPS: i32 = 10_000;

/// When an answer has to be there; the connection looks at it while it works.
type Deadline = Arc<Mutex<Option<Instant>>>;

/// The history of a store, open to read. Each answer shows the history as it is at that moment.
pub struct HistoryReader {
    pub(super) working: Working,
    deadline: Deadline,
}

/// The figures of a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryCounts {
    /// Attempts.
    pub attempts: u64,
    /// Those that became sessions.
    pub sessions: u64,
    /// Sessions that are up.
    pub open: u64,
    /// Findings.
    pub findings: u64,
    /// When the first attempt began, microseconds UTC.
    pub first: Option<i64>,
    /// When the last one began.
    pub last: Option<i64>,
    /// Number of the last record of which all is in it.
    pub analysed_seq: Option<u64>,
    /// Bytes of the file.
    pub bytes: u64,
}

impl HistoryReader {
    /// Opens the history of the store in this directory; None if none was ever written.
    ///
    /// # Errors
    /// If it cannot be opened, or another version wrote it.
    pub fn open(folder: &Path) -> Result<Option<HistoryReader>> {
        let path = Layout::new(folder).history();
        if !path.exists() {
            return Ok(None);
        }
        let mut working = Working::open_to_read_as(&path, VERSION)?;
        working.ask(|db| db.busy_timeout(BUSY))?;
        let deadline = Deadline::default();
        let watched = Arc::clone(&deadline);
        let is_late = move || until(&watched).is_some_and(|until| Instant::now() > until);
        let watching = working.db.progress_handler(STEPS, Some(is_late));
        watching.map_err(|error| StoreError::database(&path, &error))?;
        Ok(Some(HistoryReader { working, deadline }))
    }

    /// Answers from now on have to be there within this time: what takes longer ends with [`Kind::TooLong`].
    pub fn answer_within(&self, time: Duration) {
        let until = Instant::now().checked_add(time);
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    /// Attempts, the latest first, after where the page before ended.
    ///
    /// # Errors
    /// The database's.
    pub fn attempts(&self, query: &AttemptQuery, after: Option<Cursor>, limit: u32) -> Result<Page> {
        let limit = limit.clamp(1, PAGE_MAX);
        self.page(query.page(after, limit + 1), limit)
    }

    /// Of the attempts that are meant those whose lines are wanted, the latest first. After half of the time that the answer may
    /// take (`answer_within`) it is what was found until then: a page that is not full, or empty, but has a `next`.
    ///
    /// # Errors
    /// The database's.
    pub fn search(
        &self,
        query: &AttemptQuery,
        mut after: Option<Cursor>,
        limit: u32,
        is_wanted: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Page> {
        let limit = limit.clamp(1, PAGE_MAX) as usize;
        let began = Instant::now();
        let enough = until(&self.deadline).map(|until| began + until.saturating_duration_since(began) / 2);
        let (mut found, mut looked) = (Vec::new(), false);
        loop {
            let (rows, is_more) = match self.rows(query.page(after, SEARCHED + 1), SEARCHED) {
                // what was found so far is an answer
                Err(error) if error.kind == Kind::TooLong && looked => break,
                rows => rows?,
            };
            let count = rows.len();
            for (at, (json, cursor)) in rows.into_iter().enumerate() {
                after = Some(cursor);
                let is_last = !is_more && at + 1 == count;
                if is_wanted(&json) {
                    found.push(json);
                }
                let is_late = enough.is_some_and(|enough| Instant::now() > enough);
                if !is_last && (found.len() == limit || is_late) {
                    return Ok(Page {
                        rows: found,
                        next: after,
                    });
                }
            }
            if !is_more {
                after = None;
                break;
            }
            looked = true;
        }
        Ok(Page {
            rows: found,
            next: after,
        })
    }

    /// Findings, the latest first.
    ///
    /// # Errors
    /// The database's.
    pub fn findings(&self, query: &FindingQuery, after: Option<Cursor>, limit: u32) -> Result<Page> {
        let limit = limit.clamp(1, PAGE_MAX);
        self.page(query.page(after, limit + 1), limit)
    }

    fn page(&self, question: Question, limit: u32) -> Result<Page> {
        let (rows, is_more) = self.rows(question, limit)?;
        Ok(Page {
            next: rows.last().filter(|_| is_more).map(|(_, cursor)| *cursor),
            rows: rows.into_iter().map(|(json, _)| json).collect(),
        })
    }

    /// Lines and their places, and whether there are more: one row more was asked for than is wanted.
    fn rows(&self, question: Question, limit: u32) -> Result<(Vec<(String, Cursor)>, bool)> {
        let mut rows: Vec<(String, Cursor)> = self.working.ask(|db| {
            let mut found = db.prepare_cached(&question.sql)?;
            let found = found.query_map(params_from_iter(&question.values), |row| {
                let (time, id) = (row.get(1)?, row.get::<_, i64>(2)? as u64);
                Ok((row.get(0)?, Cursor { time, id }))
            })?;
            found.collect()
        })?;
        let is_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        Ok((rows, is_more))
    }

    /// The line of one attempt.
    ///
    /// # Errors
    /// The database's.
    pub fn attempt(&self, id: u64) -> Result<Option<String>> {
        self.line("SELECT json FROM attempt WHERE id = ?1", id)
    }

    /// The line of one finding.
    ///
    /// # Errors
    /// The database's.
    pub fn finding(&self, id: u64) -> Result<Option<String>> {
        self.line("SELECT json FROM finding WHERE id = ?1", id)
    }

    fn line(&self, sql: &'static str, id: u64) -> Result<Option<String>> {
        self.working.ask(|db| {
            db.prepare_cached(sql)?
                .query_row([id as i64], |row| row.get(0))
                .optional()
        })
    }

    /// Hands out attempts, the first one first, for what is summed or listed of them (`analysis::statistics` does that, as over
    /// logs). Their causes and evidence are not among what is handed out: those are in the lines. False ends it.
    ///
    /// # Errors
    /// The database's.
    pub fn walk(&self, query: &AttemptQuery, each: &mut dyn FnMut(Attempt) -> bool) -> Result<()> {
        let question = query.all(SUMMED);
        self.working.ask(|db| {
            let mut found = db.prepare_cached(&question.sql)?;
            let mut rows = found.query(params_from_iter(&question.values))?;
            while let Some(row) = rows.next()? {
                if !each(attempt_of(row)?) {
                    break;
                }
            }
            Ok(())
        })
    }

    /// The figures.
    ///
    /// # Errors
    /// The database's.
    pub fn counts(&self) -> Result<HistoryCounts> {
        let analysed: Option<i64> = self.working.meta("analysed_seq")?;
        self.working.ask(|db| {
            let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0).map(|number| number as u64));
            let time = |sql: &str| db.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
            Ok(HistoryCounts {
                attempts: number("SELECT COUNT(*) FROM attempt")?,
                sessions: number("SELECT COUNT(*) FROM attempt WHERE session = 1")?,
                open: number("SELECT COUNT(*) FROM attempt WHERE outcome = 'open'")?,
                findings: number("SELECT COUNT(*) FROM finding")?,
                first: time("SELECT MIN(started) FROM attempt")?,
                last: time("SELECT MAX(started) FROM attempt")?,
                analysed_seq: analysed.map(|seq| seq as u64),
                bytes: number("PRAGMA page_count")? * number("PRAGMA page_size")?,
            })
        })
    }
}

fn until(deadline: &Deadline) -> Option<Instant> {
    *deadline.lock().unwrap_or_else(PoisonError::into_inner)
}

impl HistoryReader {
    /// The store's error for a history that nobody wrote: for whoever needs one.
    pub fn absent(folder: &Path) -> StoreError {
        let cause = "has no history yet: `tunlog serve` writes it";
        StoreError::new(Kind::Absent, folder, cause)
    }
}
