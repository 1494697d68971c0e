//! What is kept for how long. Segments go as a whole, and a checkpoint says so before they do: `verify` then knows that they
//! were removed, and does not miss them.

use rusqlite::params;

use crate::checkpoint::{PrunedLine, RemovedLine};
use crate::error::{Result, StoreError};
use crate::history::History;
use crate::layout::within;
use crate::store::Store;
use crate::working::set_meta;

/// What may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retain {
    /// Segments all of whose records are older, microseconds UTC.
    pub before: Option<i64>,
    /// The oldest segments, until the rest has no more bytes than this.
    pub bytes_max: Option<u64>,
    /// Attempts of the history that were seen last before this.
    pub attempts_before: Option<i64>,
    /// Findings of the history whose alarm sounded before this.
    pub findings_before: Option<i64>,
}

impl Retain {
    /// Whether it lets nothing go.
    pub fn is_empty(&self) -> bool {
        *self == Retain::default()
    }
}

/// What went, or would go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Segments, the oldest first.
    pub segments: Vec<Expired>,
    /// Rows of the history.
    pub rows: Vec<PrunedLine>,
    /// The checkpoint that says so.
    pub checkpoint: Option<u64>,
}

impl Retained {
    /// Whether nothing went.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.rows.is_empty()
    }
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

    /// What a rule lets go of segments and of the history.
    ///
    /// # Errors
    /// The databases'.
    pub fn retainable(&self, rule: &Retain) -> Result<Retained> {
        let is_of_history = rule.attempts_before.is_some() || rule.findings_before.is_some();
        let history = match is_of_history {
            true => History::open_beside(self.folder())?,
            false => None,
        };
        let rows = history.map(|history| history.expired(rule.attempts_before, rule.findings_before));
        Ok(Retained {
            segments: self.expired(rule)?,
            rows: rows.transpose()?.unwrap_or_default(),
            checkpoint: None,
        })
    }

    /// Removes what a rule lets go: first the checkpoint that says so, then files and rows. What is older than the segments
    /// that went is not taken in again.
    ///
    /// # Errors
    /// The system's; what was signed is removed the next time then.
    pub fn retain(&mut self, rule: &Retain, now: i64) -> Result<Retained> {
        let mut found = self.retainable(rule)?;
        found.checkpoint = self.act(&found.segments, found.rows.clone(), rule, now)?;
        if !found.rows.is_empty()
            && let Some(mut history) = History::open_beside(self.folder())?
        {
            history.prune(&found.rows)?;
        }
        Ok(found)
    }

    /// Removes segments. The checkpoint's number, if there was something to remove.
    ///
    /// # Errors
    /// As `retain`.
    pub fn remove(&mut self, expired: &[Expired], rule: &Retain, now: i64) -> Result<Option<u64>> {
        self.act(expired, Vec::new(), rule, now)
    }

    fn act(&mut self, expired: &[Expired], rows: Vec<PrunedLine>, rule: &Retain, now: i64) -> Result<Option<u64>> {
        self.remove_files()?;
        if expired.is_empty() && rows.is_empty() {
            return Ok(None);
        }
        self.close(now, false)?;
        if !expired.is_empty() {
            let by_size = expired.iter().filter(|segment| segment.cause == "size");
            let by_size = by_size.filter_map(|segment| segment.last?.checked_add(1)).max();
            let floor = [self.floor()?, rule.before, by_size].into_iter().flatten().max();
            self.working
                .write(|db| floor.map_or(Ok(()), |floor| set_meta(db, "floor", floor)))?;
        }
        let removed = expired
            .iter()
            .map(|segment| RemovedLine {
                id: segment.id,
                cause: segment.cause.to_owned(),
            })
            .collect();
        self.pruned = rows;
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

/// Bytes as people write them: `500M`, `10G`, `1T`, plain bytes; powers of 1024.
pub fn size(typed: &str) -> Option<u64> {
    let (digits, unit) = match typed.find(|c: char| !c.is_ascii_digit() && c != '.') {
        Some(at) => typed.split_at(at),
        None => (typed, ""),
    };
    let unit = unit.trim().to_ascii_uppercase();
    let shift = match unit.trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        "P" => 50,
        _ => return None,
    };
    let number = digits.parse::<f64>().ok()?;
    Some((number * (1_u64 << shift) as f64) as u64)
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_as_people_write_them() {
        for (typed, bytes) in [
            ("1024", 1024),
            ("1.5K", 1536),
            ("10G", 10 << 30),
            ("10 GiB", 10 << 30),
            ("2tb", 2 << 40),
        ] {
            assert_eq!(size(typed), Some(bytes), "{typed}");
        }
        for typed in ["", "G", "ten", "10X", "1.2.3G", "-1G"] {
            assert_eq!(size(typed), None, "{typed}");
        }
    }
}
