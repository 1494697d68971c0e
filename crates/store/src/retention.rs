//! What is kept for how long. Segments go as a whole, and a checkpoint says so before they do: `verify` then knows that they
//! were removed, and does not miss them.

use rusqlite::params;

use crate::checkpoint::RemovedLine;
use crate::error::{Result, StoreError};
use crate::store::{Store, within};
use crate::working::set_meta;

/// What may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retain {
    /// Segments all of whose records are older, microseconds UTC.
    pub before: Option<i64>,
    /// The oldest segments, until the rest has no more bytes than this.
    pub bytes_max: Option<u64>,
}

/// A segment that goes, or would go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    /// Its number.
    pub id: u64,
    /// Its path in the store.
    pub path: String,
    /// Its records.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Time of its last record.
    pub last: Option<i64>,
    /// `age` or `size`.
    pub cause: &'static str,
}

impl Store {
    /// The segments that a rule lets go, the oldest first.
    ///
    /// # Errors
    /// The database's.
    pub fn expired(&self, rule: &Retain) -> Result<Vec<Expired>> {
        let mut all: Vec<Expired> = self.working.ask(|db| {
            let mut found = db.prepare(
                "SELECT id, path, rows, bytes, last_time FROM segment WHERE state = 0
                 ORDER BY COALESCE(last_time, first_time, -9223372036854775808), id",
            )?;
            let found = found.query_map([], |row| {
                Ok(Expired {
                    id: row.get::<_, i64>(0)? as u64,
                    path: row.get(1)?,
                    rows: row.get::<_, i64>(2)? as u64,
                    bytes: row.get::<_, i64>(3)? as u64,
                    last: row.get(4)?,
                    cause: "age",
                })
            })?;
            found.collect()
        })?;
        let mut left: u64 = all.iter().map(|segment| segment.bytes).sum();
        all.retain_mut(|segment| {
            let is_old = matches!((segment.last, rule.before), (Some(last), Some(before)) if last < before);
            let is_beyond = rule.bytes_max.is_some_and(|most| left > most);
            segment.cause = if is_old { "age" } else { "size" };
            if is_old || is_beyond {
                left -= segment.bytes;
            }
            is_old || is_beyond
        });
        Ok(all)
    }

    /// Removes segments: first the checkpoint that says so, then the files. What is older than what went is not taken in again.
    /// The checkpoint's number, if there was something to remove.
    ///
    /// # Errors
    /// The system's; what was signed is removed the next time then.
    pub fn remove(&mut self, expired: &[Expired], rule: &Retain, now: i64) -> Result<Option<u64>> {
        self.remove_files()?;
        if expired.is_empty() {
            return Ok(None);
        }
        self.close(now, false)?;
        let by_size = expired.iter().filter(|segment| segment.cause == "size");
        let by_size = by_size.filter_map(|segment| segment.last?.checked_add(1)).max();
        let floor = [self.floor()?, rule.before, by_size].into_iter().flatten().max();
        self.working
            .write(|db| floor.map_or(Ok(()), |floor| set_meta(db, "floor", floor)))?;
        let removed = expired
            .iter()
            .map(|segment| RemovedLine {
                id: segment.id,
                cause: segment.cause.to_owned(),
            })
            .collect();
        let number = self.checkpoint(now, removed)?;
        self.remove_files()?;
        Ok(Some(number))
    }

    /// Takes the files of removed segments away, also of those that an earlier run had no time for.
    fn remove_files(&mut self) -> Result<()> {
        let removed: Vec<(i64, String)> = self.working.ask(|db| {
            let mut found = db.prepare("SELECT id, path FROM segment WHERE state = 1 AND bytes > 0")?;
            let found = found.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            found.collect()
        })?;
        for (id, path) in removed {
            let file = within(self.folder(), &path);
            for path in [file.with_extension("index"), file.clone()] {
                match self.storage.remove(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(StoreError::io(&path, &error));
                    }
                    _ => {}
                }
            }
            // directories that are empty now: if one is not, another segment lies there
            let gateway = file.parent();
            let day = gateway.and_then(std::path::Path::parent);
            for folder in [gateway, day].into_iter().flatten() {
                let _ = std::fs::remove_dir(folder);
            }
            self.working.write(|db| {
                db.execute("UPDATE segment SET bytes = 0 WHERE id = ?1", params![id])
                    .map(drop)
            })?;
        }
        Ok(())
    }
}
