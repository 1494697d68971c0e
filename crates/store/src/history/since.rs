//! Where whoever asks for attempts since a time has to begin to read records: a session that was up then may have begun long
//! before, and the history knows which did.

use rusqlite::params;

use super::query::LONG;
use super::reader::HistoryReader;
use super::{FROM_SEQ, PRUNED, UNDECIDED, UNDECIDED_AT};
use crate::error::Result;
use crate::reader::Reader;

impl HistoryReader {
    /// The time (microseconds UTC) from which records are needed for all that was going on at `since` or later, and the number
    /// from which on they are needed whatever their time: those the history knows nothing of. None if it cannot tell.
    ///
    /// # Errors
    /// The databases'.
    pub fn needed_since(&self, since: i64, records: &Reader) -> Result<Option<(i64, u64)>> {
        let number = |key: &str| self.working.meta::<i64>(key);
        let (Some(from), Some(analysed)) = (number(FROM_SEQ)?, number("analysed_seq")?) else {
            return Ok(None);
        };
        let soon = since.saturating_sub(LONG);
        let first: Option<i64> = self.working.ask(|db| {
            let long = "SELECT MIN(started) FROM attempt INDEXED BY attempt_long
                        WHERE last_seen > started + 3600000000 AND started < ?1 AND last_seen >= ?2";
            let long: Option<i64> = db.query_row(long, params![soon, since], |row| row.get(0))?;
            // of a session that is up it is not written when it was seen last
            let up = "SELECT MIN(started) FROM attempt WHERE outcome = 'open'";
            let up: Option<i64> = db.query_row(up, [], |row| row.get(0))?;
            Ok(long.into_iter().chain(up).min())
        })?;
        let undecided = self.undecided(analysed)?;
        // what runs beside a session may decide what becomes of its lines
        let earliest = first.into_iter().chain(undecided).chain([soon]).min();
        let first = earliest.unwrap_or(soon).saturating_sub(LONG);
        let pruned = number(PRUNED)?.is_some_and(|before| since < before);
        let before = match from {
            0 => None,
            from => records.latest_below(from as u64)?,
        };
        // what was up when the history began may have begun earlier than it says
        let is_known = !pruned && before.is_none_or(|before| first > before) && (from == 0 || before.is_some());
        // who does not say when began what no row tells says which record it needs
        let open = match undecided {
            Some(_) => None,
            None => self.working.meta::<Option<i64>>("open_since")?.flatten(),
        };
        let always = open.map_or(analysed, |open| open.min(analysed));
        Ok(is_known.then_some((first, always as u64)))
    }

    /// When the oldest began of what is no row, or not as it turned out; None if nobody said that of the records up to
    /// `analysed`.
    fn undecided(&self, analysed: i64) -> Result<Option<i64>> {
        let at = self.working.meta::<i64>(UNDECIDED_AT)?;
        match at == Some(analysed) {
            true => self.working.meta(UNDECIDED),
            false => Ok(None),
        }
    }
}
