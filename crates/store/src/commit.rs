//! Committing what was added, and what is done when it cannot be.

use crate::error::{Kind, Result};
use crate::options::FullPolicy;
use crate::store::Store;
use crate::working::set_meta;

impl Store {
    /// Commits what was added: afterwards it is on the disk. If it fails nothing is lost, and it may be tried again. `now` in
    /// microseconds UTC.
    ///
    /// # Errors
    /// The database's.
    pub fn commit(&mut self, now: i64) -> Result<()> {
        self.settle()?;
        let pending = &self.pending;
        if pending.is_empty() {
            return Ok(());
        }
        let changes = pending.changes(self.next_seq());
        let packer = &mut self.packer;
        self.working.write(|db| {
            changes.apply(db)?;
            pending.write_chunk(db, packer, now)
        })?;
        self.open_bytes += self.pending.records.len() as u64;
        if self.pending.stretch.rows > 0 {
            self.open_since.get_or_insert(now);
        }
        self.pending.clear();
        Ok(())
    }

    /// Commits; what a full disk means is for `policy` to say. False if it is to be tried again.
    ///
    /// # Errors
    /// As `commit`; `Kind::Full` also if there is nothing left that may be given up.
    pub fn commit_by(&mut self, policy: FullPolicy, now: i64) -> Result<bool> {
        loop {
            let error = match self.commit(now) {
                Ok(()) => break,
                Err(error) => self.reason(error),
            };
            match policy {
                _ if error.kind != Kind::Full => return Err(error),
                FullPolicy::Block => return Ok(false),
                FullPolicy::Stop => return Err(error),
                FullPolicy::DropOldestUnsealed => {
                    self.give_room();
                    if !self.drop_oldest()? {
                        return Err(error);
                    }
                }
            }
        }
        if policy == FullPolicy::DropOldestUnsealed {
            self.hold_room();
        }
        Ok(true)
    }

    /// Whether a close failed and was neither finished nor taken back yet. What is added now could not be told from what it
    /// may have sealed.
    pub fn is_unsettled(&self) -> bool {
        self.announced.is_some()
    }

    /// Gives the oldest records up that are not sealed. False if there are none, or a close is to be settled first.
    fn drop_oldest(&mut self) -> Result<bool> {
        if self.is_unsettled() {
            return Ok(false);
        }
        // what the log has in it may keep it from beginning anew; if it cannot be emptied, it cannot
        let _ = self.empty_log();
        let dropped = self.dropped;
        let rows = self.working.write(|db| {
            let oldest = db.query_row("SELECT id, rows, bytes FROM chunk ORDER BY id LIMIT 1", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            });
            let (id, rows, bytes) = match oldest {
                Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(None),
                found => found?,
            };
            db.execute("DELETE FROM chunk WHERE id = ?1", [id])?;
            db.execute("DELETE FROM chunk_source WHERE chunk = ?1", [id])?;
            set_meta(db, "dropped", dropped as i64 + rows)?;
            Ok(Some((rows as u64, bytes as u64)))
        })?;
        let Some((rows, bytes)) = rows else {
            return Ok(false);
        };
        self.dropped += rows;
        // what is left of it is found in the database
        self.open = None;
        self.open_bytes = self.open_bytes.saturating_sub(bytes);
        let _ = self.empty_log();
        Ok(true)
    }

    /// Records given up since the last checkpoint because the disk was full.
    pub fn lost_to_full_disk(&self) -> u64 {
        self.dropped
    }
}
