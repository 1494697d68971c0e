//! What is kept of each source: its name and set, what makes it the same file under another name, and what was counted.

use rusqlite::ToSql;

use crate::changes::{Changes, Step};

/// A source that is not known yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewSource {
    /// As evidence names it.
    pub name: String,
    /// What it has in common with the other files of its rotated set.
    pub set: String,
    /// Which run of `import` (or of `serve`) brought it.
    pub run: u64,
    /// It is a packet capture.
    pub capture: bool,
    /// Its bytes, decompressed, when it was looked at; None of a stream.
    pub bytes: Option<u64>,
    /// Hash of these bytes.
    pub content: Option<[u8; 16]>,
    /// Hash of the first of them.
    pub head: Option<[u8; 16]>,
}

impl NewSource {
    pub(crate) fn change(&self, id: u64, changes: &mut Changes) {
        let bytes = self.bytes.map(|bytes| bytes as i64);
        let (run, content, head) = (self.run as i64, self.content, self.head);
        let values: [&dyn ToSql; 8] = [
            &(id as i64),
            &self.set,
            &run,
            &self.name,
            &self.capture,
            &bytes,
            &content,
            &head,
        ];
        changes.push(Step::Source, &values);
    }
}

/// What was counted of a source. `read` = `stored` + `filtered` + `rejected` + `unparsed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines (or records, where a source has no lines) that were read for the first time.
    pub read: u64,
    /// Of these, what was understood and is kept.
    pub stored: u64,
    /// Of these, what concerns no VPN daemon, and lines that belong to the record before.
    pub filtered: u64,
    /// Of these, what was damaged.
    pub rejected: u64,
    /// Of these, lines of VPN daemons that nobody understood; they are kept too.
    pub unparsed: u64,
    /// What was passed over because it is in the store already; no part of `read`.
    pub known: u64,
    /// Records that their writers say were lost.
    pub lost: u64,
    /// Places where records were lost.
    pub gaps: u64,
    /// Records of VPN daemons.
    pub records: u64,
    /// Earliest time.
    pub first: Option<i64>,
    /// Latest time.
    pub last: Option<i64>,
}

impl Counts {
    /// Adds others.
    pub fn add(&mut self, other: &Counts) {
        let pairs = [
            (&mut self.read, other.read),
            (&mut self.stored, other.stored),
            (&mut self.filtered, other.filtered),
            (&mut self.rejected, other.rejected),
            (&mut self.unparsed, other.unparsed),
            (&mut self.known, other.known),
            (&mut self.lost, other.lost),
            (&mut self.gaps, other.gaps),
            (&mut self.records, other.records),
        ];
        for (sum, more) in pairs {
            *sum = sum.saturating_add(more);
        }
        widen(&mut self.first, &mut self.last, other.first);
        widen(&mut self.first, &mut self.last, other.last);
    }

    /// Whether nothing that was read is unaccounted for.
    pub fn balances(&self) -> bool {
        self.read == self.stored + self.filtered + self.rejected + self.unparsed
    }

    pub(crate) fn change(&self, source: u64, changes: &mut Changes) {
        let numbers = [
            source,
            self.read,
            self.stored,
            self.filtered,
            self.rejected,
            self.unparsed,
            self.known,
            self.lost,
            self.gaps,
            self.records,
        ]
        .map(|number| number as i64);
        let numbers = numbers.iter().map(|number| number as &dyn ToSql);
        let times: [&dyn ToSql; 2] = [&self.first, &self.last];
        changes.push(Step::Counts, &numbers.chain(times).collect::<Vec<_>>());
    }

    /// The columns that `of_row` reads.
    pub(crate) const COLUMNS: &str =
        "read, stored, filtered, rejected, unparsed, known, lost, gaps, records, first_time, last_time";

    pub(crate) fn of_row(row: &rusqlite::Row<'_>, from: usize) -> rusqlite::Result<Counts> {
        let number = |at: usize| row.get::<_, i64>(from + at).map(|number| number as u64);
        Ok(Counts {
            read: number(0)?,
            stored: number(1)?,
            filtered: number(2)?,
            rejected: number(3)?,
            unparsed: number(4)?,
            known: number(5)?,
            lost: number(6)?,
            gaps: number(7)?,
            records: number(8)?,
            first: row.get(from + 9)?,
            last: row.get(from + 10)?,
        })
    }
}

/// Widens a stretch of time.
pub(crate) fn widen(first: &mut Option<i64>, last: &mut Option<i64>, time: Option<i64>) {
    if let Some(time) = time {
        *first = Some(first.map_or(time, |first| first.min(time)));
        *last = Some(last.map_or(time, |last| last.max(time)));
    }
}

/// Something to be told of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredProblem {
    /// How much it matters: 0 an error, 1 a warning, 2 a note.
    pub kind: u8,
    /// Where in the source.
    pub position: Option<String>,
    /// What it is.
    pub cause: String,
}

impl StoredProblem {
    pub(crate) fn change(&self, source: u64, number: u64, changes: &mut Changes) {
        let (source, number) = (source as i64, number as i64);
        changes.push(
            Step::Problem,
            &[&source, &number, &self.kind, &self.position, &self.cause],
        );
    }
}
