//! What is kept of each source: its name and set, what makes it the same file under another name, and what was counted.

use rusqlite::{Connection, Transaction, params};

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
    pub(crate) fn insert(&self, db: &Transaction<'_>, id: u64) -> rusqlite::Result<()> {
        db.prepare_cached(
            "INSERT INTO source (id, set_id, run, name, capture, bytes, content, head)
             VALUES (?1, (SELECT id FROM log_set WHERE name = ?2), ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            id as i64,
            self.set,
            self.run as i64,
            self.name,
            self.capture,
            self.bytes.map(|bytes| bytes as i64),
            self.content,
            self.head
        ])
        .map(drop)
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

    pub(crate) fn write(&self, db: &Connection, source: u64) -> rusqlite::Result<()> {
        db.prepare_cached(
            "UPDATE source SET read = read + ?2, stored = stored + ?3, filtered = filtered + ?4,
                rejected = rejected + ?5, unparsed = unparsed + ?6, known = known + ?7, lost = lost + ?8,
                gaps = gaps + ?9, records = records + ?10,
                first_time = MIN(COALESCE(first_time, ?11), COALESCE(?11, first_time)),
                last_time = MAX(COALESCE(last_time, ?12), COALESCE(?12, last_time))
             WHERE id = ?1",
        )?
        .execute(params![
            source as i64,
            self.read as i64,
            self.stored as i64,
            self.filtered as i64,
            self.rejected as i64,
            self.unparsed as i64,
            self.known as i64,
            self.lost as i64,
            self.gaps as i64,
            self.records as i64,
            self.first,
            self.last
        ])
        .map(drop)
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
    pub(crate) fn write(&self, db: &Connection, source: u64, number: u64) -> rusqlite::Result<()> {
        db.prepare_cached(
            "INSERT OR REPLACE INTO problem (source, number, kind, position, cause) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            source as i64,
            number as i64,
            self.kind,
            self.position,
            self.cause
        ])
        .map(drop)
    }
}
