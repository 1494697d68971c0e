//! What came of the records: attempts and findings as rows that can be asked for. The file `history.db` lies in the store and
//! has a connection of its own, so that whoever joins records into attempts never waits for whoever keeps records.
//!
//! Nothing hangs on it: what it holds can be made again of the records (until retention removes these). So its commits are
//! not waited for (`synchronous = NORMAL`: a power cut may take the last ones, and what is missing is told again by
//! [`History::analysed_seq`]), and a file that cannot be read is put aside and begun anew.

mod keep;
mod query;
mod reader;
mod rows;
mod since;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Transaction, params};

pub use query::{AttemptQuery, Cursor, FindingQuery, Page};
pub use reader::{HistoryCounts, HistoryReader};
pub use rows::{AttemptRow, FindingRow};

use crate::error::{Kind, Result, StoreError};
use crate::layout::Layout;
use crate::working::{Tables, Working, set_meta};

/// Most rows that wait for a commit. A disk that stays full must not fill the memory: beyond it rows are given up, and the
/// place from which records have to be told again stays where it was.
const PENDING_MAX: usize = 50_000;
/// From which record on it tells of everything.
pub(super) const FROM_SEQ: &str = "from_seq";
/// When the oldest began of what was no row yet, or not as it turned out; and the record up to which that is so.
pub(super) const UNDECIDED: &str = "undecided_since";
pub(super) const UNDECIDED_AT: &str = "undecided_at";
/// Attempts that were seen last before this may be gone.
pub(super) const PRUNED: &str = "pruned";
/// Pages of SQLite's log that are brought to their places at once: usually, and while much is put.
const USUAL_PAGES: i64 = 1000;
const BULK_PAGES: i64 = 8192;
/// Bytes that the log keeps when it begins anew.
const LOG_BYTES: i64 = 8 << 20;
/// How long one of two writers (what is told, what retention removes) waits for the other.
const BUSY: Duration = Duration::from_secs(10);

/// The version of the tables.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Steps from each version of the tables to the next; the first makes them. An attempt's number is a hash, so rows lie in the
/// order in which they came and not in that of their numbers: a row more touches the last page, and not any one of all. Each
/// index ends with the number, so it gives its rows the latest first, with the number deciding among equal times.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY,
    started INTEGER NOT NULL,
    up INTEGER,
    ended INTEGER,
    last_seen INTEGER NOT NULL,
    user TEXT,
    client_ip TEXT,
    claimed_ip TEXT,
    assigned_ip TEXT,
    interface TEXT,
    gateway TEXT,
    protocol TEXT,
    outcome TEXT NOT NULL,
    session INTEGER NOT NULL,
    reached TEXT NOT NULL,
    cause TEXT,
    end_reason TEXT,
    bytes_to_client INTEGER,
    bytes_from_client INTEGER,
    duration_s REAL,
    times INTEGER NOT NULL,
    json TEXT NOT NULL
);
CREATE TABLE finding (
    id INTEGER PRIMARY KEY,
    alarm_time INTEGER NOT NULL,
    rule TEXT NOT NULL,
    severity INTEGER NOT NULL,
    json TEXT NOT NULL
);
CREATE INDEX finding_time ON finding (alarm_time);
CREATE INDEX finding_rule ON finding (rule, alarm_time);
",
    "
CREATE TABLE later (
    row INTEGER PRIMARY KEY,
    id INTEGER NOT NULL UNIQUE,
    started INTEGER NOT NULL,
    up INTEGER,
    ended INTEGER,
    last_seen INTEGER NOT NULL,
    user TEXT,
    client_ip TEXT,
    claimed_ip TEXT,
    assigned_ip TEXT,
    interface TEXT,
    gateway TEXT,
    protocol TEXT,
    outcome TEXT NOT NULL,
    session INTEGER NOT NULL,
    reached TEXT NOT NULL,
    cause TEXT,
    end_reason TEXT,
    bytes_to_client INTEGER,
    bytes_from_client INTEGER,
    duration_s REAL,
    times INTEGER NOT NULL,
    json TEXT NOT NULL
);
INSERT INTO later SELECT NULL, * FROM attempt ORDER BY started;
DROP TABLE attempt;
ALTER TABLE later RENAME TO attempt;
CREATE INDEX attempt_started ON attempt (started, id);
CREATE INDEX attempt_user ON attempt (user, started, id) WHERE user IS NOT NULL;
CREATE INDEX attempt_client ON attempt (client_ip, started, id) WHERE client_ip IS NOT NULL;
CREATE INDEX attempt_claimed ON attempt (claimed_ip, started, id) WHERE claimed_ip IS NOT NULL;
CREATE INDEX attempt_assigned ON attempt (assigned_ip, started, id) WHERE assigned_ip IS NOT NULL;
CREATE INDEX attempt_gateway ON attempt (gateway, started, id);
CREATE INDEX attempt_outcome ON attempt (outcome, started, id);
CREATE INDEX attempt_session ON attempt (started, id) WHERE session = 1;
CREATE INDEX attempt_long ON attempt (started, last_seen, id) WHERE last_seen > started + 3600000000;
",
];

/// What is to be written with the next commit.
#[derive(Debug, Default)]
struct Pending {
    /// The last state of each attempt; a session that came up and ended meanwhile costs one row.
    attempts: BTreeMap<u64, AttemptRow>,
    findings: BTreeMap<u64, FindingRow>,
    forgotten: BTreeSet<u64>,
    /// Rows were given up since the last commit.
    is_short: bool,
}

/// The history of a store, open to write.
pub struct History {
    working: Working,
    pending: Pending,
    /// Rows were given up once: what is committed from then on is no proof that all before it is there.
    is_short: bool,
    /// When the oldest began of what the rows do not tell yet; None: nobody said.
    undecided: Option<i64>,
    /// Where a file went that could not be read.
    damaged: Option<PathBuf>,
}

impl History {
    /// Opens the history of the store in this directory; makes it if there is none.
    ///
    /// # Errors
    /// If it cannot be opened, or a later version wrote it.
    pub fn open(folder: &Path) -> Result<History> {
        let path = Layout::new(folder).history();
        match History::open_file(&path) {
            Err(error) if error.kind == Kind::Corrupt => {
                let damaged = Some(put_aside(&path)?);
                History::open_file(&path).map(|history| History { damaged, ..history })
            }
            opened => opened,
        }
    }

    /// The same for who removes rows beside the one who writes them: None if there is no history, and one that is damaged is
    /// left to him.
    ///
    /// # Errors
    /// As `open`.
    pub(crate) fn open_beside(folder: &Path) -> Result<Option<History>> {
        let path = Layout::new(folder).history();
        path.exists().then(|| History::open_file(&path)).transpose()
    }

    fn open_file(path: &Path) -> Result<History> {
        let tables = Tables {
            steps: MIGRATIONS,
            synchronous: "NORMAL",
            shrinks: true,
        };
        let working = Working::open_as(path, &tables)?;
        working.ask(|db| {
            db.busy_timeout(BUSY)?;
            // what a log needed more than that while much was put is given back
            db.pragma_update(None, "journal_size_limit", LOG_BYTES)
        })?;
        Ok(History {
            working,
            pending: Pending::default(),
            is_short: false,
            undecided: None,
            damaged: None,
        })
    }

    /// Where the file is now that was found damaged when it was opened; everything has to be told again then.
    pub fn damaged(&self) -> Option<&Path> {
        self.damaged.as_deref()
    }

    /// The number of the last record of which all is in here that came of it; None if nothing is.
    ///
    /// # Errors
    /// The database's.
    pub fn analysed_seq(&self) -> Result<Option<u64>> {
        let seq: Option<i64> = self.working.meta("analysed_seq")?;
        Ok(seq.map(|seq| seq as u64))
    }

    /// Says from which record on this history tells of everything; said once, by whoever begins it.
    ///
    /// # Errors
    /// The database's.
    pub fn begins_at(&mut self, seq: u64) -> Result<()> {
        self.working.write(|db| set_meta(db, FROM_SEQ, seq as i64))
    }

    /// The lowest number of a record that belongs to an attempt which was open at the last commit: after a restart, records
    /// are told again from there. None if none was open.
    ///
    /// # Errors
    /// The database's.
    pub fn open_since(&self) -> Result<Option<u64>> {
        let seq: Option<Option<i64>> = self.working.meta("open_since")?;
        Ok(seq.flatten().map(|seq| seq as u64))
    }

    /// An attempt as it is now: in place of what was known of the one with this number.
    pub fn put_attempt(&mut self, row: AttemptRow) {
        self.pending.forgotten.remove(&row.id);
        if self.has_room() {
            self.pending.attempts.insert(row.id, row);
        }
    }

    /// A finding, in place of what was known of the one with this number.
    pub fn put_finding(&mut self, row: FindingRow) {
        if self.has_room() {
            self.pending.findings.insert(row.id, row);
        }
    }

    /// An attempt that was told as open and turned out to be none, or part of another.
    pub fn forget_attempt(&mut self, id: u64) {
        self.pending.attempts.remove(&id);
        if self.has_room() {
            self.pending.forgotten.insert(id);
        }
    }

    /// Says that whatever began before this time (microseconds UTC) is told by its row, as one that is up or as it turned out:
    /// whoever asks for what is newer needs no earlier records for its sake. Holds from the next commit on.
    pub fn undecided_since(&mut self, time: i64) {
        self.undecided = Some(time);
    }

    fn has_room(&mut self) -> bool {
        let has_room = self.pending() < PENDING_MAX;
        self.pending.is_short |= !has_room;
        has_room
    }

    /// Whether an attempt is known: as one that came up, or (`over`) as one that is over. It need not be told again then.
    ///
    /// # Errors
    /// The database's.
    pub fn has_attempt(&self, id: u64, over: bool) -> Result<bool> {
        self.working.ask(|db| {
            let sql = "SELECT 1 FROM attempt WHERE id = ?1 AND (NOT ?2 OR outcome <> 'open')";
            db.prepare_cached(sql)?.exists(params![id as i64, over])
        })
    }

    /// Whether a finding is known.
    ///
    /// # Errors
    /// The database's.
    pub fn has_finding(&self, id: u64) -> Result<bool> {
        self.working.ask(|db| {
            db.prepare_cached("SELECT 1 FROM finding WHERE id = ?1")?
                .exists([id as i64])
        })
    }

    /// Rows that wait for a commit.
    pub fn pending(&self) -> usize {
        let Pending {
            attempts,
            findings,
            forgotten,
            ..
        } = &self.pending;
        attempts.len() + findings.len() + forgotten.len()
    }

    /// Commits what was put: together with the number of the last record that was analysed, and the lowest one that an open
    /// attempt needs. If it fails nothing is lost, and it may be tried again.
    ///
    /// # Errors
    /// The database's.
    pub fn commit(&mut self, analysed_seq: u64, open_since: Option<u64>) -> Result<()> {
        let is_short = self.is_short || self.pending.is_short;
        let (pending, undecided) = (&self.pending, self.undecided);
        self.working.write(|db| {
            pending.write(db)?;
            if is_short {
                return Ok(()); // the next start tells the rest again, from where the last whole commit ended
            }
            set_meta(db, "analysed_seq", analysed_seq as i64)?;
            if let Some(time) = undecided {
                set_meta(db, UNDECIDED, time)?;
                set_meta(db, UNDECIDED_AT, analysed_seq as i64)?;
            }
            set_meta(db, "open_since", open_since.map(|seq| seq as i64))
        })?;
        self.is_short = is_short;
        self.pending = Pending::default();
        Ok(())
    }

    /// Commits what was put, and says nothing of how far records were analysed: for whoever puts much before that is known.
    ///
    /// # Errors
    /// The database's.
    pub fn flush(&mut self) -> Result<()> {
        let pending = &self.pending;
        self.working.write(|db| pending.write(db))?;
        self.is_short |= self.pending.is_short;
        self.pending = Pending::default();
        Ok(())
    }

    /// Much is going to be put, or no more of it: what is written often meanwhile goes to its place in the file less often.
    ///
    /// # Errors
    /// The database's; everything goes on as before then.
    pub fn in_bulk(&mut self, is_much: bool) -> Result<()> {
        let pages = if is_much { BULK_PAGES } else { USUAL_PAGES };
        self.working.ask(|db| {
            db.pragma_update(None, "wal_autocheckpoint", pages)?;
            match is_much {
                true => Ok(()),
                // never waits for whoever reads just now
                false => db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())),
            }
        })
    }

    /// Whether rows were given up because they could not be written for long; the next start makes them again.
    pub fn is_short(&self) -> bool {
        self.is_short || self.pending.is_short
    }
}

impl Pending {
    fn write(&self, db: &Transaction<'_>) -> rusqlite::Result<()> {
        for id in &self.forgotten {
            db.prepare_cached("DELETE FROM attempt WHERE id = ?1")?
                .execute([*id as i64])?;
        }
        self.attempts.values().try_for_each(|row| row.write(db))?;
        self.findings.values().try_for_each(|row| row.write(db))
    }
}

/// Gives a database that cannot be read another name, with what SQLite wrote beside it.
fn put_aside(path: &Path) -> Result<PathBuf> {
    let aside = path.with_added_extension("damaged");
    for suffix in ["", "-wal", "-shm"] {
        let of = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        match std::fs::rename(of(path), of(&aside)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(StoreError::io(path, &error)),
            _ => {}
        }
    }
    Ok(aside)
}
