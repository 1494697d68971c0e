//! What a store holds, in figures.

use crate::error::Result;
use crate::reader::Reader;
use crate::source::Counts;

/// The figures of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStatus {
    /// What was counted of all sources.
    pub counts: Counts,
    /// Segments that are there.
    pub segments: u64,
    /// Segments that retention removed.
    pub removed: u64,
    /// Segments that are set aside because they cannot be read.
    pub set_aside: u64,
    /// Records in the segments that are there.
    pub sealed: u64,
    /// Bytes of the segments.
    pub bytes: u64,
    /// Records that are not sealed yet.
    pub open: u64,
    /// Records given up when the disk was full.
    pub dropped: u64,
    /// Number of the last checkpoint.
    pub checkpoint: u64,
    /// When it was written, microseconds UTC.
    pub checkpoint_time: Option<i64>,
    /// Which key signs, from 0.
    pub epoch: u64,
    /// What is older was removed, microseconds UTC.
    pub floor: Option<i64>,
}

impl Reader {
    /// The figures.
    ///
    /// # Errors
    /// The database's.
    pub fn status(&self) -> Result<StoreStatus> {
        let mut status = StoreStatus {
            floor: self.working.meta("floor")?,
            ..StoreStatus::default()
        };
        for source in self.sources()? {
            status.counts.add(&source.counts);
        }
        self.working.ask(|db| {
            let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0).map(|number| number as u64));
            status.segments = number("SELECT COUNT(*) FROM segment WHERE state = 0")?;
            status.removed = number("SELECT COUNT(*) FROM segment WHERE state = 1")?;
            status.set_aside = number("SELECT COUNT(*) FROM segment WHERE state = 2")?;
            status.sealed = number("SELECT COALESCE(SUM(rows), 0) FROM segment WHERE state = 0")?;
            status.bytes = number("SELECT COALESCE(SUM(bytes), 0) FROM segment WHERE state = 0")?;
            status.open = number("SELECT COALESCE(SUM(rows), 0) FROM chunk")?;
            status.dropped =
                number("SELECT COALESCE(SUM(value), 0) FROM meta WHERE key IN ('dropped', 'dropped_before')")?;
            let last = "SELECT number, time, epoch FROM checkpoint ORDER BY number DESC LIMIT 1";
            (status.checkpoint, status.checkpoint_time, status.epoch) = db.query_row(last, [], |row| {
                Ok((row.get::<_, i64>(0)? as u64, row.get(1)?, row.get::<_, i64>(2)? as u64))
            })?;
            Ok(())
        })?;
        Ok(status)
    }
}
