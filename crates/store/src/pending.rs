//! What was added to a store and is not committed yet.

use std::collections::BTreeMap;

use rusqlite::params;

use crate::changes::{Changes, Step};
use crate::chunk::{Packer, Stretch};
use crate::source::{Counts, NewSource, StoredProblem};

/// What will be committed next.
#[derive(Default)]
pub(crate) struct Pending {
    pub records: Vec<u8>,
    pub stretch: Stretch,
    pub new_sources: Vec<(u64, NewSource)>,
    pub new_sets: Vec<(u64, String)>,
    pub changed: Changed,
    pub problems: Vec<(u64, u64, StoredProblem)>,
    pub feeds: crate::feed::Changes,
}

/// What changes of one source.
#[derive(Default)]
pub(crate) struct Change {
    pub counts: Counts,
    pub lines: Option<u64>,
    pub complete: bool,
    /// Its bytes, their hash, and the hash of the first of them.
    pub content: Option<(u64, [u8; 16], [u8; 16])>,
    pub rows: u64,
}

/// What changes of each source. One record after the other is mostly of one source, so the last one is at hand.
#[derive(Default)]
pub(crate) struct Changed {
    all: Vec<Change>,
    /// Where each source's is.
    places: BTreeMap<u64, usize>,
    last: (u64, usize),
}

impl Changed {
    /// What changes of a source.
    #[inline]
    pub fn of(&mut self, source: u64) -> &mut Change {
        if self.last.0 != source || self.all.is_empty() {
            let at = *self.places.entry(source).or_insert(self.all.len());
            if at == self.all.len() {
                self.all.push(Change::default());
            }
            self.last = (source, at);
        }
        &mut self.all[self.last.1]
    }

    /// Each source with its change, by number.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Change)> {
        self.places.iter().map(|(source, at)| (*source, &self.all[*at]))
    }

    /// Whether nothing does.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

impl Pending {
    pub fn is_empty(&self) -> bool {
        self.stretch.rows == 0 && self.changed.is_empty() && self.new_sources.is_empty() && self.feeds.is_empty()
    }

    /// Forgets everything; the room for records is kept.
    pub fn clear(&mut self) {
        let mut records = std::mem::take(&mut self.records);
        records.clear();
        *self = Pending {
            records,
            ..Pending::default()
        };
    }

    /// How many records their writers say were lost, and at how many places.
    pub fn lost(&self) -> (u64, u64) {
        let counts = self.changed.iter().map(|(_, change)| &change.counts);
        counts.fold((0, 0), |(lost, gaps), counts| (lost + counts.lost, gaps + counts.gaps))
    }

    /// Everything but the records.
    pub fn changes(&self, next_seq: u64) -> Changes {
        let mut changes = Changes::default();
        for (id, name) in &self.new_sets {
            changes.push(Step::Set, &[&(*id as i64), name]);
        }
        for (id, source) in &self.new_sources {
            source.change(*id, &mut changes);
        }
        for (source, change) in self.changed.iter() {
            let id = source as i64;
            change.counts.change(source, &mut changes);
            if let Some(lines) = change.lines {
                changes.push(Step::Lines, &[&id, &(lines as i64)]);
            }
            if let Some((bytes, content, head)) = change.content {
                changes.push(Step::Content, &[&id, &(bytes as i64), &content, &head]);
            }
            if change.complete {
                changes.push(Step::Complete, &[&id]);
            }
        }
        for (source, number, problem) in &self.problems {
            problem.change(*source, *number, &mut changes);
        }
        self.feeds.changes(&mut changes);
        changes.push(Step::NextSeq, &[&(next_seq as i64)]);
        changes
    }

    /// The records, as a stretch of the open segment.
    pub fn write_chunk(&self, db: &rusqlite::Transaction<'_>, packer: &mut Packer, now: i64) -> rusqlite::Result<()> {
        if self.stretch.rows == 0 {
            return Ok(());
        }
        let chunk = packer.write(db, &self.records, &self.stretch, now)?;
        for (source, _) in self.changed.iter().filter(|(_, change)| change.rows > 0) {
            db.prepare_cached("INSERT INTO chunk_source (source, chunk) VALUES (?1, ?2)")?
                .execute(params![source as i64, chunk])?;
        }
        Ok(())
    }
}
