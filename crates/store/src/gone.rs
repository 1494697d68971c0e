//! Sources that are gone: peers that came once, pipes, generations of logs whose records retention removed. Who can reach a
//! listener can make such rows; they go when nothing speaks of them any more, and what was counted of them stays.

use std::collections::BTreeSet;

use rusqlite::{Transaction, params};

use crate::error::Result;
use crate::source::Counts;
use crate::store::Store;

/// The row that has what was counted of sources that are gone.
pub const GONE: u64 = 0;
/// What it is called.
const NAME: &str = "(sources that are gone)";

/// Live sources (an import knows the bytes of its own) of which no record is there and no position is kept.
const FORGETTABLE: &str = "
    SELECT id FROM source WHERE id > 0 AND bytes IS NULL AND content IS NULL
    AND NOT EXISTS (SELECT 1 FROM chunk_source WHERE chunk_source.source = source.id)
    AND NOT EXISTS (SELECT 1 FROM segment_source JOIN segment ON segment.id = segment_source.segment
                    WHERE segment_source.source = source.id AND segment.state <> 1)
    AND NOT EXISTS (SELECT 1 FROM feed WHERE feed.source = source.id AND feed.position IS NOT NULL)";

impl Store {
    /// Forgets sources that nothing speaks of any more, but for those that are being read (`live`); which went.
    ///
    /// # Errors
    /// The database's; nothing went then.
    pub fn forget_gone(&mut self, live: &BTreeSet<u64>) -> Result<Vec<u64>> {
        // what a close announced may speak of one
        self.settle()?;
        let used: BTreeSet<u64> = self.pending.changed.iter().map(|(source, _)| source).collect();
        self.working.write(|db| {
            let mut gone: Vec<u64> = {
                let mut found = db.prepare(FORGETTABLE)?;
                let found = found.query_map([], |row| row.get::<_, i64>(0).map(|id| id as u64))?;
                found.collect::<rusqlite::Result<_>>()?
            };
            gone.retain(|id| !live.contains(id) && !used.contains(id));
            gone.iter().try_for_each(|id| forget(db, *id))?;
            if !gone.is_empty() {
                db.execute(
                    "DELETE FROM log_set WHERE NOT EXISTS (SELECT 1 FROM source WHERE source.set_id = log_set.id)",
                    [],
                )?;
            }
            Ok(gone)
        })
    }
}

/// Removes a source; what was counted of it is added to what was counted of others that are gone.
fn forget(db: &Transaction<'_>, id: u64) -> rusqlite::Result<()> {
    let columns = Counts::COLUMNS;
    let sums: Vec<String> = columns
        .split(", ")
        .map(|name| match name {
            "first_time" => {
                "first_time = MIN(COALESCE(first_time, excluded.first_time), COALESCE(excluded.first_time, first_time))"
                    .to_owned()
            }
            "last_time" => {
                "last_time = MAX(COALESCE(last_time, excluded.last_time), COALESCE(excluded.last_time, last_time))"
                    .to_owned()
            }
            name => format!("{name} = {name} + excluded.{name}"),
        })
        .collect();
    let add = format!(
        "INSERT INTO source (id, set_id, run, name, capture, complete, {columns})
         SELECT {GONE}, 0, 0, ?2, 0, 1, {columns} FROM source WHERE id = ?1
         ON CONFLICT (id) DO UPDATE SET {}",
        sums.join(", ")
    );
    db.prepare_cached(&add)?.execute(params![id as i64, NAME])?;
    for sql in [
        "DELETE FROM source WHERE id = ?1",
        "DELETE FROM problem WHERE source = ?1",
        "DELETE FROM feed WHERE source = ?1",
        // of segments that are gone, too
        "DELETE FROM segment_source WHERE source = ?1",
    ] {
        db.prepare_cached(sql)?.execute([id as i64])?;
    }
    Ok(())
}
