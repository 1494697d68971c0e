//! Answers from the history that the daemon keeps, and from what it shows of itself.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tunlog_analysis::statistics::clients::{COLUMNS, ClientRow, Clients, Who};
use tunlog_report::explain::{self, Explanation};
use tunlog_report::json;
use tunlog_store::error::Kind;
use tunlog_store::history::{AttemptQuery, Cursor, HistoryReader, Page as Rows};

use super::answers::{Answers, Failure, Page};
use super::question::Question;
use super::{pattern, status};
use crate::state::State;

/// What is known of a message, cause or code.
pub type Explain = Box<dyn Fn(&str) -> Vec<Explanation> + Send + Sync>;

/// Connections to the history that are kept open for the next question.
const READERS_MAX: usize = 4;
/// How long a page may take, and how long sums over many rows may.
const PAGE_TIME: Duration = Duration::from_secs(5);
const SUM_TIME: Duration = Duration::from_secs(20);

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

    /// Asks the history for an answer within a time. Readers that were used once are used again: opening one costs more than most
    /// questions.
    fn ask<T>(
        &self,
        time: Duration,
        ask: impl FnOnce(&HistoryReader) -> tunlog_store::error::Result<T>,
    ) -> Result<T, Failure> {
        let failed = |error: tunlog_store::StoreError| match error.kind {
            Kind::TooLong => Failure::TooLong(time),
            _ => Failure::Unavailable(format!("the history cannot be read: {}", error.cause)),
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
        reader.answer_within(time);
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
            ..question.attempts.clone()
        };
        let after = cursor_of(question)?;
        self.ask(PAGE_TIME, |history| history.attempts(&query, after, question.limit))
            .map(page)
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
        self.ask(SUM_TIME, |history| {
            history.walk(&question.attempts, &mut |attempt| {
                clients.add(&attempt);
                true
            })
        })?;
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
        let query = question.findings();
        let after = cursor_of(question)?;
        self.ask(PAGE_TIME, |history| history.findings(&query, after, question.limit))
            .map(page)
    }

    fn search(&self, question: &Question) -> Result<Page, Failure> {
        let after = cursor_of(question)?;
        let mut is_wanted = |line: &str| pattern::fit(&question.patterns, line);
        self.ask(PAGE_TIME, |history| {
            history.search(&question.attempts, after, question.limit, &mut is_wanted)
        })
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
        let history = self.ask(PAGE_TIME, HistoryReader::counts).ok();
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
