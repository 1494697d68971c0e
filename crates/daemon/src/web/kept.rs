//! Answers from the history that the daemon keeps, and from what it shows of itself.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tunlog_analysis::statistics::clients::{COLUMNS, ClientRow, Clients, Who};
use tunlog_report::explain::{self, Explanation};
use tunlog_report::json;
use tunlog_store::history::{AttemptQuery, Cursor, FindingQuery, HistoryReader, Page as Rows};

use super::answers::{Answers, Failure, Page};
use super::question::Question;
use super::status;
use crate::state::State;

/// What is known of a message, cause or code.
pub type Explain = Box<dyn Fn(&str) -> Vec<Explanation> + Send + Sync>;

/// Connections to the history that are kept open for the next question.
const READERS_MAX: usize = 2;
/// How long sums may take; who asks has given up soon after.
const PATIENCE: Duration = Duration::from_secs(25);

/// Answers from a store's history.
pub struct Kept {
    folder: Option<PathBuf>,
    readers: Mutex<Vec<HistoryReader>>,
    state: Arc<State>,
    explain: Explain,
    now: fn() -> i64,
}

impl Kept {
    /// Of the store in this folder, if there is one.
    pub fn new(folder: Option<&Path>, state: Arc<State>, explain: Explain, now: fn() -> i64) -> Kept {
        Kept {
            folder: folder.map(Path::to_owned),
            readers: Mutex::default(),
            state,
            explain,
            now,
        }
    }

    /// Asks the history. Readers that were used once are used again: opening one costs more than most questions.
    fn ask<T>(&self, ask: impl FnOnce(&HistoryReader) -> tunlog_store::error::Result<T>) -> Result<T, Failure> {
        let failed = |error: tunlog_store::StoreError| {
            Failure::Unavailable(format!("the history cannot be read: {}", error.cause))
        };
        let Some(folder) = &self.folder else {
            return Err(Failure::Unavailable(
                "there is no store, so there is no history".to_owned(),
            ));
        };
        let kept = self.readers().pop();
        let reader = match kept {
            Some(reader) => reader,
            None => HistoryReader::open(folder)
                .map_err(failed)?
                .ok_or_else(|| Failure::Unavailable("there is no history yet".to_owned()))?,
        };
        let answer = ask(&reader).map_err(failed)?;
        let mut readers = self.readers();
        if readers.len() < READERS_MAX {
            readers.push(reader);
        }
        Ok(answer)
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<HistoryReader>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self, question: &Question, sessions_only: bool) -> Result<Page, Failure> {
        let query = AttemptQuery {
            sessions_only,
            ..attempts_of(question)
        };
        let after = cursor_of(question)?;
        self.ask(|history| history.attempts(&query, after, question.limit))
            .map(page)
    }
}

fn attempts_of(question: &Question) -> AttemptQuery {
    AttemptQuery {
        since: question.since,
        until: question.until,
        user: question.user.clone(),
        ip: question.ip,
        gateway: question.gateway.clone(),
        outcome: question.outcome,
        cause: question.cause.clone(),
        sessions_only: false,
    }
}

fn cursor_of(question: &Question) -> Result<Option<Cursor>, Failure> {
    let cursor = question.cursor.as_deref().map(str::parse);
    cursor.transpose().map_err(|()| Failure::Cursor)
}

fn page(rows: Rows) -> Page {
    Page {
        next: rows.next.map(|cursor| cursor.to_string()),
        items: rows.rows,
    }
}

impl Answers for Kept {
    fn attempts(&self, question: &Question) -> Result<Page, Failure> {
        self.list(question, false)
    }

    fn sessions(&self, question: &Question) -> Result<Page, Failure> {
        self.list(question, true)
    }

    fn clients(&self, question: &Question) -> Result<Page, Failure> {
        let after = question.cursor.as_deref().map(Place::parse).transpose()?;
        let mut clients = Clients::new();
        let deadline = Instant::now() + PATIENCE;
        let mut in_time = true;
        self.ask(|history| {
            history.walk(&attempts_of(question), &mut |attempt| {
                clients.add(&attempt);
                in_time = Instant::now() < deadline;
                in_time
            })
        })?;
        if !in_time {
            let words = "this takes too long: ask for a shorter time with `since` and `until`";
            return Err(Failure::Unavailable(words.to_owned()));
        }
        let mut rows = clients.rows((self.now)()).filter(|row| match &after {
            Some(after) => Place::of(row) > *after,
            None => true,
        });
        let shown: Vec<ClientRow> = rows.by_ref().take(question.limit as usize).collect();
        let next = shown.last().filter(|_| rows.next().is_some());
        Ok(Page {
            items: shown.iter().map(client).collect(),
            next: next.map(|row| Place::of(row).to_string()),
        })
    }

    fn findings(&self, question: &Question) -> Result<Page, Failure> {
        let query = FindingQuery {
            since: question.since,
            until: question.until,
            rule: question.rule.clone(),
            severity: question.severity,
            user: question.user.clone(),
            ip: question.ip,
        };
        let after = cursor_of(question)?;
        self.ask(|history| history.findings(&query, after, question.limit))
            .map(page)
    }

    fn explain(&self, asked: &str) -> Vec<String> {
        let found = (self.explain)(asked);
        found
            .iter()
            .map(|explanation| text("explanation", explain::COLUMNS, explanation))
            .collect()
    }

    fn status(&self) -> String {
        let history = self.ask(HistoryReader::counts).ok();
        status::object(&self.state, history, (self.now)()).to_string()
    }

    fn is_ready(&self) -> bool {
        self.state.watching().caught_up
    }
}

fn client(row: &ClientRow) -> String {
    text("client", COLUMNS, row)
}

fn text<R>(kind: &'static str, columns: &[tunlog_model::Column<R>], row: &R) -> String {
    let cells: Vec<_> = columns.iter().map(|column| (column.key, (column.value)(row))).collect();
    let mut out = Vec::new();
    json::row(&mut out, kind, &cells);
    String::from_utf8_lossy(&out).into_owned()
}

/// Where a page of clients ended: nobody, a name, or the names beyond the limit; in the order of the rows. As text a letter, and
/// the name's bytes as hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(Who);

impl Place {
    fn of(row: &ClientRow) -> Place {
        Place(row.who.clone())
    }

    fn parse(text: &str) -> Result<Place, Failure> {
        let who = match text.split_at_checked(1) {
            Some(("n", "")) => Who::Nobody,
            Some(("o", "")) => Who::Others,
            Some(("u", digits)) => Who::Named(named(digits).ok_or(Failure::Cursor)?.into()),
            _ => return Err(Failure::Cursor),
        };
        Ok(Place(who))
    }
}

fn named(digits: &str) -> Option<String> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    String::from_utf8(bytes.filter(|_| rest.is_empty())?).ok()
}

impl std::fmt::Display for Place {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Who::Nobody => out.write_str("n"),
            Who::Others => out.write_str("o"),
            Who::Named(name) => {
                out.write_str("u")?;
                name.bytes().try_for_each(|byte| write!(out, "{byte:02x}"))
            }
        }
    }
}
