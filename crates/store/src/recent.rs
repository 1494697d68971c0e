//! The newest records of a store, for whoever goes on after a restart.

use crate::error::Result;
use crate::reader::{Part, Reader};

impl Reader {
    /// The parts that hold records of a source with a number from `seq` on, in order; what is not sealed is among them
    /// in any case.
    ///
    /// # Errors
    /// The database's.
    pub fn parts_from(&self, source: u64, seq: u64) -> Result<Vec<Part>> {
        let parts = self.parts(source)?;
        if seq == 0 {
            return Ok(parts);
        }
        let newer: Vec<u64> = self.working.ask(|db| {
            let sql = "SELECT DISTINCT checkpoint FROM segment WHERE last_seq >= ?1";
            let mut found = db.prepare_cached(sql)?;
            let found = found.query_map([seq as i64], |row| row.get::<_, i64>(0).map(|number| number as u64))?;
            found.collect()
        })?;
        let is_new = |part: &Part| match part {
            Part::Sealed(checkpoint) => newer.contains(checkpoint),
            Part::Open(_) => true,
        };
        Ok(parts.into_iter().filter(is_new).collect())
    }
}
