//! The working database: where each source stands, which segments there are, and what is not sealed yet. SQLite in WAL mode
//! with every commit on the disk, so that a position and the records before it are there together or not at all.
//!
//! Nothing sealed hangs on it: `verify` reads the notes and the segments alone.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Transaction};

use crate::error::{Kind, Result, StoreError};

/// The version of the tables.
pub const VERSION: i64 = 2;

/// Steps from each version to the next; the first makes the tables.
const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE log_set (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    set_id INTEGER NOT NULL,
    run INTEGER NOT NULL,
    name TEXT NOT NULL,
    capture INTEGER NOT NULL,
    lines INTEGER NOT NULL DEFAULT 0,
    complete INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER,
    content BLOB,
    head BLOB,
    first_time INTEGER,
    last_time INTEGER,
    records INTEGER NOT NULL DEFAULT 0,
    read INTEGER NOT NULL DEFAULT 0,
    stored INTEGER NOT NULL DEFAULT 0,
    filtered INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    unparsed INTEGER NOT NULL DEFAULT 0,
    known INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    gaps INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX source_head ON source (head);
CREATE INDEX source_set ON source (set_id);
CREATE TABLE problem (
    source INTEGER NOT NULL, number INTEGER NOT NULL, kind INTEGER NOT NULL, position TEXT, cause TEXT NOT NULL,
    PRIMARY KEY (source, number)
) WITHOUT ROWID;
CREATE TABLE chunk (
    id INTEGER PRIMARY KEY, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
    first_time INTEGER, last_time INTEGER, written INTEGER NOT NULL, records BLOB NOT NULL
);
CREATE TABLE chunk_source (
    source INTEGER NOT NULL, chunk INTEGER NOT NULL, PRIMARY KEY (source, chunk)
) WITHOUT ROWID;
CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    checkpoint INTEGER NOT NULL,
    path TEXT NOT NULL,
    rows INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,
    first_time INTEGER,
    last_time INTEGER,
    root BLOB NOT NULL,
    hash BLOB NOT NULL,
    state INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX segment_checkpoint ON segment (checkpoint);
CREATE INDEX segment_time ON segment (last_time);
CREATE TABLE segment_source (
    source INTEGER NOT NULL, segment INTEGER NOT NULL, checkpoint INTEGER NOT NULL, rows INTEGER NOT NULL,
    unparsed INTEGER NOT NULL,
    PRIMARY KEY (source, segment)
) WITHOUT ROWID;
CREATE TABLE checkpoint (
    number INTEGER PRIMARY KEY, time INTEGER NOT NULL, hash BLOB NOT NULL, records INTEGER NOT NULL,
    epoch INTEGER NOT NULL, witnessed INTEGER NOT NULL DEFAULT 0
);
",
    "
CREATE TABLE feed (key TEXT PRIMARY KEY, source INTEGER, position BLOB) WITHOUT ROWID;
",
];

/// What a database of a store is.
#[derive(Clone, Copy, Debug)]
pub struct Tables {
    /// Steps from each version to the next; the first makes the tables.
    pub steps: &'static [&'static str],
    /// How far a commit is waited for: `FULL`, `NORMAL`.
    pub synchronous: &'static str,
    /// It gives room back when rows are removed.
    pub shrinks: bool,
}

/// An open database.
pub struct Working {
    pub db: Connection,
    pub path: PathBuf,
}

impl Working {
    /// Opens it to write, and brings it to this version.
    ///
    /// # Errors
    /// If it cannot be opened, or a later version wrote it.
    pub fn open(path: &Path) -> Result<Working> {
        let tables = Tables {
            steps: MIGRATIONS,
            synchronous: "FULL",
            shrinks: false,
        };
        Working::open_as(path, &tables)
    }

    /// The same for another database of a store, with tables of its own.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_as(path: &Path, tables: &Tables) -> Result<Working> {
        let failed = |error: rusqlite::Error| StoreError::database(path, &error);
        let db = Connection::open(path).map_err(failed)?;
        if tables.shrinks {
            // before the first table is made, or never
            db.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(failed)?;
        }
        db.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        db.pragma_update(None, "synchronous", tables.synchronous)
            .map_err(failed)?;
        db.pragma_update(None, "trusted_schema", false).map_err(failed)?;
        // as large as what is written between two checkpoints of the WAL
        db.pragma_update(None, "cache_size", -8192).map_err(failed)?;
        let mut working = Working {
            db,
            path: path.to_path_buf(),
        };
        working.migrate(tables.steps)?;
        Ok(working)
    }

    /// Opens it to read, beside whoever writes.
    ///
    /// # Errors
    /// If it cannot be opened, or another version wrote it.
    pub fn open_to_read(path: &Path) -> Result<Working> {
        Working::open_to_read_as(path, VERSION)
    }

    /// The same for another database of a store, whose tables are of this version.
    ///
    /// # Errors
    /// As `open_to_read`.
    pub fn open_to_read_as(path: &Path, needed: i64) -> Result<Working> {
        let failed = |error: rusqlite::Error| StoreError::database(path, &error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut db = Connection::open_with_flags(path, flags).map_err(failed)?;
        if db
            .query_row("PRAGMA schema_version", [], |row| row.get::<_, i64>(0))
            .is_err()
        {
            // a disk that cannot be written to has no place for what readers and writers share
            let uri = format!("file:{}?immutable=1", percent_encoded(path));
            db = Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI).map_err(failed)?;
        }
        let working = Working {
            db,
            path: path.to_path_buf(),
        };
        match working.version()? {
            version if version == needed => Ok(working),
            version if version < needed => Err(working.error(
                Kind::Io,
                "written by an earlier version; the next `tunlog import` or `tunlog serve` brings it up to date",
            )),
            _ => Err(working.newer()),
        }
    }

    fn newer(&self) -> StoreError {
        self.error(Kind::Newer, "written by a later version of tunlog: use that one")
    }

    fn error(&self, kind: Kind, cause: &str) -> StoreError {
        StoreError::new(kind, &self.path, cause)
    }

    fn version(&self) -> Result<i64> {
        self.ask(|db| db.query_row("PRAGMA user_version", [], |row| row.get(0)))
    }

    fn migrate(&mut self, steps: &[&str]) -> Result<()> {
        let version = self.version()?;
        let newer = self.newer();
        let done = usize::try_from(version).map_err(|_| newer.clone())?;
        let missing = steps.get(done..).ok_or(newer)?;
        if missing.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            missing.iter().try_for_each(|step| transaction.execute_batch(step))?;
            transaction.pragma_update(None, "user_version", steps.len() as i64)
        })
    }

    /// Runs a question.
    ///
    /// # Errors
    /// The database's.
    pub fn ask<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        question(&self.db).map_err(|error| StoreError::database(&self.path, &error))
    }

    /// Runs a transaction, which is on the disk afterwards.
    ///
    /// # Errors
    /// The database's; nothing was changed then.
    pub fn write<T>(&mut self, change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let path = &self.path;
        let failed = |error: rusqlite::Error| StoreError::database(path, &error);
        let transaction = self.db.transaction().map_err(failed)?;
        let done = change(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }

    /// A number or text that is kept by name.
    ///
    /// # Errors
    /// The database's.
    pub fn meta<T: rusqlite::types::FromSql>(&self, key: &str) -> Result<Option<T>> {
        self.ask(|db| {
            db.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0))
                .optional()
        })
    }
}

/// Keeps a number or text by name.
pub fn set_meta(db: &Connection, key: &str, value: impl rusqlite::ToSql) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2")?
        .execute(rusqlite::params![key, value])
        .map(drop)
}

/// A path as part of a URI.
fn percent_encoded(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_');
    let bytes = path.as_os_str().as_encoded_bytes().iter();
    bytes
        .map(|byte| match plain(*byte) {
            true => char::from(*byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tunlog-working-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    #[test]
    fn an_older_database_is_brought_up_to_date_and_a_newer_one_is_left_alone() {
        let folder = folder("versions ?#%");
        let path = folder.join("working.db");
        let mut working = Working::open(&path).expect("a database");
        assert_eq!(working.version(), Ok(VERSION));
        working.write(|db| set_meta(db, "kept", 7)).expect("a number is kept");
        // the step to a version that is not there yet
        let steps: Vec<&str> = MIGRATIONS
            .iter()
            .copied()
            .chain(["CREATE TABLE later (id INTEGER)"])
            .collect();
        working.migrate(&steps).expect("a step");
        assert_eq!(working.meta::<i64>("kept"), Ok(Some(7)));
        drop(working);
        for opened in [Working::open(&path), Working::open_to_read(&path)] {
            let error = opened.err().expect("a later version's");
            assert_eq!(error.kind, Kind::Newer);
        }
        std::fs::remove_dir_all(&folder).expect("our own folder");
    }

    #[test]
    fn what_fails_changes_nothing() {
        let folder = folder("rollback");
        let mut working = Working::open(&folder.join("working.db")).expect("a database");
        let failed = working.write(|db| {
            set_meta(db, "a", 1)?;
            db.execute_batch("no SQL")
        });
        assert!(failed.is_err());
        assert_eq!(working.meta::<i64>("a"), Ok(None));
        std::fs::remove_dir_all(&folder).expect("our own folder");
    }
}
