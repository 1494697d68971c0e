//! The newest records of a store, for whoever goes on after a restart.

use std::collections::HashSet;

use rusqlite::params;

use crate::error::Result;
use crate::reader::{Part, Reader};

impl Reader {
    /// The parts that hold records of a source with a number from `seq` on, in order; what is not sealed is among them
    /// in any case. With `since` those are left out that end before its time (microseconds UTC) and below its number.
    ///
    /// # Errors
    /// The database's.
    pub fn parts_from(&self, source: u64, seq: u64, since: Option<(i64, u64)>) -> Result<Vec<Part>> {
        let parts = self.parts(source)?;
        if seq == 0 && since.is_none() {
            return Ok(parts);
        }
        let (time, always) = since.unwrap_or((i64::MIN, 0));
        let newer: HashSet<u64> = self.working.ask(|db| {
            let sql = "SELECT DISTINCT checkpoint FROM segment
                       WHERE last_seq >= ?1 AND (last_time IS NULL OR last_time >= ?2 OR last_seq >= ?3)";
            let mut found = db.prepare_cached(sql)?;
            // the largest number that SQLite knows is never reached
            let always = i64::try_from(always).unwrap_or(i64::MAX);
            let found = found.query_map(params![seq as i64, time, always], |row| {
                row.get::<_, i64>(0).map(|number| number as u64)
            })?;
            found.collect()
        })?;
        let is_new = |part: &Part| match part {
            Part::Sealed(checkpoint) => newer.contains(checkpoint),
            Part::Open(_) => true,
        };
        Ok(parts.into_iter().filter(is_new).collect())
    }

    /// The latest time of the segments that hold records below a number, microseconds UTC; None if there are none, or nobody
    /// knows their times.
    ///
    /// # Errors
    /// The database's.
    pub fn latest_below(&self, seq: u64) -> Result<Option<i64>> {
        self.working.ask(|db| {
            let sql = "SELECT MAX(last_time) FROM segment WHERE first_seq < ?1";
            db.query_row(sql, [i64::try_from(seq).unwrap_or(i64::MAX)], |row| row.get(0))
        })
    }
}
