//! What is kept of the history for how long.

use rusqlite::params;

use super::{History, PRUNED};
use crate::checkpoint::PrunedLine;
use crate::error::Result;
use crate::working::set_meta;

/// Rows that are removed in one transaction: whoever tells waits no longer than that takes.
const AT_ONCE: i64 = 2_000;

/// Kinds of rows with what says that one is old. A session that is up is never old.
const KINDS: [(&str, &str, &str); 2] = [
    (
        "attempts",
        "SELECT COUNT(*) FROM attempt WHERE started < ?1 AND last_seen < ?1 AND outcome <> 'open'",
        "DELETE FROM attempt WHERE id IN
             (SELECT id FROM attempt WHERE started < ?1 AND last_seen < ?1 AND outcome <> 'open' LIMIT ?2)",
    ),
    (
        "findings",
        "SELECT COUNT(*) FROM finding WHERE alarm_time < ?1",
        "DELETE FROM finding WHERE id IN (SELECT id FROM finding WHERE alarm_time < ?1 LIMIT ?2)",
    ),
];

impl History {
    /// What is older than these times (of attempts, of findings; microseconds UTC).
    ///
    /// # Errors
    /// The database's.
    pub fn expired(&self, attempts: Option<i64>, findings: Option<i64>) -> Result<Vec<PrunedLine>> {
        let mut found = Vec::new();
        for ((kind, count, _), before) in KINDS.iter().zip([attempts, findings]) {
            let Some(before) = before else { continue };
            let rows = self
                .working
                .ask(|db| db.query_row(count, [before], |row| row.get::<_, i64>(0).map(|rows| rows as u64)))?;
            if rows > 0 {
                found.push(PrunedLine {
                    kind: (*kind).to_owned(),
                    rows,
                    before,
                });
            }
        }
        Ok(found)
    }

    /// Removes what was found to be old, some rows at a time, and gives their room back to the system.
    ///
    /// # Errors
    /// The database's; what is left goes the next time.
    pub fn prune(&mut self, expired: &[PrunedLine]) -> Result<()> {
        for line in expired {
            let Some((_, _, delete)) = KINDS.iter().find(|(kind, ..)| *kind == line.kind) else {
                continue;
            };
            if line.kind == KINDS[0].0 {
                self.working.write(|db| set_meta(db, PRUNED, line.before))?;
            }
            while self
                .working
                .write(|db| db.execute(delete, params![line.before, AT_ONCE]))?
                > 0
            {}
        }
        Ok(())
    }
}
