//! What is to be told to people and other programs and was not yet: a queue on the disk, so that a notification outlives a
//! crash and a receiver that is away. A database of its own (`outbox.db` in the store's directory), because the working
//! database has one writer.
//!
//! A message leaves the outbox when its receiver has it. Who crashes in between sends it again under the same id: at least
//! once, and who wants it once drops what he knows. What goes out as one message is a *bundle*; a bundle whose name begins
//! with [`SEALED`] takes no more members, so that a second try says what the first one said.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::error::{Kind, Result, StoreError};

mod change;

use change::{bound, one};

/// The version of the tables.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE message (
    number INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    id TEXT NOT NULL,
    bundle TEXT NOT NULL,
    about TEXT NOT NULL,
    level INTEGER NOT NULL,
    queued INTEGER NOT NULL,
    due INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (channel, id)
);
CREATE INDEX message_due ON message (channel, due);
CREATE INDEX message_bundle ON message (channel, bundle);
CREATE INDEX message_level ON message (level, number);
CREATE INDEX message_queued ON message (queued);
";

/// What the name of a bundle begins with that takes no more members.
pub const SEALED: char = '=';

/// A message of this level goes before others.
const URGENT: u8 = 4;

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxLimits {
    /// Messages.
    pub messages_max: u64,
    /// Bytes of their bodies.
    pub bytes_max: u64,
}

/// A message that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// To whom: the name of a channel.
    pub channel: String,
    /// The same at every try; one of a channel.
    pub id: String,
    /// Messages of one bundle go out as one; empty: it goes alone.
    pub bundle: String,
    /// What it is about, for counting.
    pub about: String,
    /// How bad, from 0 (`info`) to 4 (`critical`).
    pub level: u8,
    /// When it was queued, microseconds UTC.
    pub queued: i64,
    /// Not before this, microseconds UTC.
    pub due: i64,
    /// Tries that failed.
    pub attempts: u32,
    /// What is to be told.
    pub body: Vec<u8>,
}

/// Which messages of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// One, by its id.
    Id(String),
    /// Those of a bundle.
    Bundle(String),
}

/// A step; several are written together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxChange {
    /// A new message. One with a known id changes nothing.
    Put(Outgoing),
    /// They are done with: received, or given up.
    Remove {
        /// Channel.
        channel: String,
        /// Which.
        which: Which,
    },
    /// They were not received.
    Retry {
        /// Channel.
        channel: String,
        /// Which.
        which: Which,
        /// When they are tried again, microseconds UTC.
        due: i64,
    },
    /// What failed is tried again at once.
    Hurry {
        /// The present, microseconds UTC.
        now: i64,
    },
    /// Those of a bundle that are due become another one.
    Seal {
        /// Channel.
        channel: String,
        /// Its name until now; empty: those that would go alone.
        from: String,
        /// Its new name.
        to: String,
        /// The present, microseconds UTC.
        now: i64,
    },
    /// Messages queued before this are given up.
    Expire {
        /// Microseconds UTC.
        before: i64,
    },
    /// Messages to other channels are given up: nobody knows them any more.
    OnlyChannels(Vec<String>),
}

/// How much waits for a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Messages.
    pub messages: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
}

/// What the messages of a bundle are about, and how many of each.
pub type About = Vec<(String, u64)>;

/// What was given up, by channel.
pub type GivenUp = BTreeMap<String, u64>;

/// The queue.
pub struct Outbox {
    db: Connection,
    path: PathBuf,
    limits: OutboxLimits,
    waiting: BTreeMap<String, Waiting>,
    under_way: UnderWay,
}

/// What is being carried, by channel: nobody gives it up meanwhile.
type UnderWay = BTreeMap<String, Which>;

impl Outbox {
    /// The one in a file, which is made if there is none.
    ///
    /// # Errors
    /// If it cannot be opened, is damaged, or a later version wrote it.
    pub fn open(path: &Path, limits: OutboxLimits) -> Result<Outbox> {
        let failed = |error: rusqlite::Error| StoreError::database(path, &error);
        let db = Connection::open(path).map_err(failed)?;
        db.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        db.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        db.busy_timeout(std::time::Duration::from_secs(2)).map_err(failed)?;
        Outbox::over(db, path, limits)
    }

    /// One that is gone with the process, for who keeps no store.
    ///
    /// # Errors
    /// If memory is short.
    pub fn in_memory(limits: OutboxLimits) -> Result<Outbox> {
        let path = Path::new("(memory)");
        let db = Connection::open_in_memory().map_err(|error| StoreError::database(path, &error))?;
        Outbox::over(db, path, limits)
    }

    fn over(db: Connection, path: &Path, limits: OutboxLimits) -> Result<Outbox> {
        let failed = |error: rusqlite::Error| StoreError::database(path, &error);
        db.pragma_update(None, "trusted_schema", false).map_err(failed)?;
        db.pragma_update(None, "cache_size", -1024).map_err(failed)?;
        let version: i64 = db
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .map_err(failed)?;
        let mut outbox = Outbox {
            db,
            path: path.to_path_buf(),
            limits,
            waiting: BTreeMap::new(),
            under_way: UnderWay::new(),
        };
        match version {
            VERSION => {}
            0 => outbox.write(|db| {
                db.execute_batch(TABLES)?;
                db.pragma_update(None, "user_version", VERSION)
            })?,
            _ => {
                let cause = "written by a later version of tunlog: use that one";
                return Err(StoreError::new(Kind::Newer, path, cause));
            }
        }
        outbox.waiting = outbox.ask(|db| {
            let mut rows =
                db.prepare("SELECT channel, COUNT(*), COALESCE(SUM(LENGTH(body)), 0) FROM message GROUP BY channel")?;
            let rows = rows.query_map([], |row| {
                let waiting = Waiting {
                    messages: row.get::<_, i64>(1)? as u64,
                    bytes: row.get::<_, i64>(2)? as u64,
                };
                Ok((row.get(0)?, waiting))
            })?;
            rows.collect()
        })?;
        Ok(outbox)
    }

    /// Writes changes, all or none; they are on the disk afterwards. If too much waits then, the least bad is given up, the
    /// oldest of it first.
    ///
    /// # Errors
    /// The database's; nothing was changed then.
    pub fn apply(&mut self, changes: &[OutboxChange]) -> Result<GivenUp> {
        let (limits, under_way) = (self.limits, std::mem::take(&mut self.under_way));
        let mut waiting = self.waiting.clone();
        let written = self.write(|db| {
            let mut given_up = GivenUp::new();
            for change in changes {
                one(db, change, &under_way, &mut waiting, &mut given_up)?;
            }
            bound(db, limits, &under_way, &mut waiting, &mut given_up)?;
            Ok(given_up)
        });
        self.under_way = under_way;
        let given_up = written?;
        self.waiting = waiting;
        Ok(given_up)
    }

    /// What of a channel is being carried from now on: it is given up neither for its age nor for want of room.
    pub fn carry(&mut self, channel: &str, which: Option<Which>) {
        match which {
            Some(which) => _ = self.under_way.insert(channel.to_owned(), which),
            None => _ = self.under_way.remove(channel),
        }
    }

    /// How much waits, by channel.
    pub fn waiting(&self) -> &BTreeMap<String, Waiting> {
        &self.waiting
    }

    /// Messages of a channel that are due: what is urgent, then what waits longest; `max` of them.
    ///
    /// # Errors
    /// The database's.
    pub fn due(&self, channel: &str, now: i64, max: u32) -> Result<Vec<Outgoing>> {
        self.ask(|db| {
            // chosen by number first: sorting must not carry bodies
            let mut found = db.prepare_cached(
                "SELECT channel, id, bundle, about, level, queued, due, attempts, body FROM message WHERE number IN
                 (SELECT number FROM message WHERE channel = ?1 AND due <= ?2 ORDER BY level >= ?3 DESC, number LIMIT ?4)
                 ORDER BY level >= ?3 DESC, number",
            )?;
            let found = found.query_map(params![channel, now, URGENT, max], outgoing)?;
            found.collect()
        })
    }

    /// How many messages of a channel are due that would go alone.
    ///
    /// # Errors
    /// The database's.
    pub fn due_alone(&self, channel: &str, now: i64) -> Result<u64> {
        self.ask(|db| {
            db.prepare_cached("SELECT COUNT(*) FROM message WHERE channel = ?1 AND due <= ?2 AND bundle = ''")?
                .query_row(params![channel, now], |row| row.get::<_, i64>(0))
                .map(|count| count as u64)
        })
    }

    /// When the next message of a channel is due, microseconds UTC.
    ///
    /// # Errors
    /// The database's.
    pub fn next_due(&self, channel: &str) -> Result<Option<i64>> {
        self.ask(|db| {
            db.prepare_cached("SELECT due FROM message WHERE channel = ?1 ORDER BY due LIMIT 1")?
                .query_row([channel], |row| row.get(0))
                .optional()
        })
    }

    /// The worst members of a bundle, `max` of them, and what all are about, the most frequent first.
    ///
    /// # Errors
    /// The database's.
    pub fn bundle(&self, channel: &str, bundle: &str, max: u32) -> Result<(Vec<Outgoing>, About)> {
        self.ask(|db| {
            let mut found = db.prepare_cached(
                "SELECT channel, id, bundle, about, level, queued, due, attempts, body FROM message WHERE number IN
                 (SELECT number FROM message WHERE channel = ?1 AND bundle = ?2 ORDER BY level DESC, number LIMIT ?3)
                 ORDER BY level DESC, number",
            )?;
            let members = found.query_map(params![channel, bundle, max], outgoing)?;
            let members = members.collect::<rusqlite::Result<_>>()?;
            let mut tally = db.prepare_cached(
                "SELECT about, COUNT(*) AS times FROM message WHERE channel = ?1 AND bundle = ?2
                 GROUP BY about ORDER BY times DESC, about",
            )?;
            let tally = tally.query_map(params![channel, bundle], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))
            })?;
            Ok((members, tally.collect::<rusqlite::Result<_>>()?))
        })
    }

    fn ask<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        question(&self.db).map_err(|error| StoreError::database(&self.path, &error))
    }

    fn write<T>(&mut self, change: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let failed = |error: rusqlite::Error| StoreError::database(&self.path, &error);
        let transaction = self.db.transaction().map_err(failed)?;
        let done = change(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }
}

fn outgoing(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    Ok(Outgoing {
        channel: row.get(0)?,
        id: row.get(1)?,
        bundle: row.get(2)?,
        about: row.get(3)?,
        level: row.get(4)?,
        queued: row.get(5)?,
        due: row.get(6)?,
        attempts: row.get(7)?,
        body: row.get(8)?,
    })
}
