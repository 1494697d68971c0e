//! Records from the newest back: for whoever looks for something that happened lately.

use crate::error::Result;
use crate::reader::{Part, Reader};
use crate::record::Record;

/// From when until when, microseconds UTC; both are part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// Nothing before.
    pub since: Option<i64>,
    /// Nothing after.
    pub until: Option<i64>,
}

impl Period {
    /// Whether a record of this time is meant; one that has none is not, where a time was asked for.
    pub fn holds(&self, time: Option<i64>) -> bool {
        match (time, *self == Period::default()) {
            (_, true) => true,
            (None, false) => false,
            (Some(time), false) => {
                self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
            }
        }
    }

    /// Whether something between these times may be meant; None: nobody knows them.
    fn meets(&self, first: Option<i64>, last: Option<i64>) -> bool {
        let is_late = first.zip(self.until).is_some_and(|(first, until)| first > until);
        let is_early = last.zip(self.since).is_some_and(|(last, since)| last < since);
        !is_late && !is_early
    }
}

impl Reader {
    /// Hands out the records of a period whose numbers are below `before`, the highest number first, until `each` says false.
    /// What cannot be read is left out and remembered (`take_unreadable`).
    ///
    /// # Errors
    /// The database's.
    pub fn backwards(&mut self, before: u64, period: Period, each: &mut dyn FnMut(&Record<'_>) -> bool) -> Result<()> {
        for part in self.parts_before(before, period)? {
            let loaded = self.load(part)?;
            let mut all: Vec<_> = loaded.all().filter(|kept| kept.seq() < before).collect();
            all.sort_unstable_by_key(|kept| std::cmp::Reverse(kept.seq()));
            for kept in all {
                if !period.holds(kept.time().map(|(time, _)| time)) {
                    continue;
                }
                if kept.record().is_some_and(|record| !each(&record)) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The parts that hold such records, the newest first: what is sealed together was added together, so no part's numbers lie
    /// between those of another.
    fn parts_before(&self, before: u64, period: Period) -> Result<Vec<Part>> {
        self.working.ask(|db| {
            let mut parts = Vec::new();
            let mut open = db.prepare_cached("SELECT id, first_time, last_time FROM chunk ORDER BY id DESC")?;
            let mut rows = open.query([])?;
            while let Some(row) = rows.next()? {
                if period.meets(row.get(1)?, row.get(2)?) {
                    parts.push(Part::Open(row.get::<_, i64>(0)? as u64));
                }
            }
            let mut sealed = db.prepare_cached(
                "SELECT checkpoint, MIN(first_time), MAX(last_time) FROM segment WHERE state = 0 AND first_seq < ?1
                 GROUP BY checkpoint ORDER BY checkpoint DESC",
            )?;
            let mut rows = sealed.query([i64::try_from(before).unwrap_or(i64::MAX)])?;
            while let Some(row) = rows.next()? {
                if period.meets(row.get(1)?, row.get(2)?) {
                    parts.push(Part::Sealed(row.get::<_, i64>(0)? as u64));
                }
            }
            Ok(parts)
        })
    }
}
