//! How far live sources were read: kept in the same transaction as their records, so that after a crash each goes on where
//! its last kept record ends.

use std::collections::BTreeMap;

use crate::changes::{self, Step};
use crate::error::Result;
use crate::store::Store;

/// What is remembered of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFeed {
    /// Its key, or that of a position which several feeds share.
    pub key: String,
    /// The source that it is, and how many lines of that were taken.
    pub source: Option<(u64, u64)>,
    /// How far it was read, in its own words.
    pub position: Option<Vec<u8>>,
}

/// What will be committed next.
#[derive(Default)]
pub struct Changes {
    sources: BTreeMap<String, u64>,
    positions: BTreeMap<String, Option<Vec<u8>>>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty() && self.positions.is_empty()
    }

    pub fn source(&mut self, key: &str, source: u64) {
        self.sources.insert(key.to_owned(), source);
    }

    pub fn position(&mut self, key: &str, position: Option<Vec<u8>>) {
        match self.positions.get_mut(key) {
            Some(known) => *known = position,
            None => drop(self.positions.insert(key.to_owned(), position)),
        }
    }

    pub fn changes(&self, changes: &mut changes::Changes) {
        for (key, source) in &self.sources {
            changes.push(Step::FeedSource, &[key, &(*source as i64)]);
        }
        for (key, position) in &self.positions {
            match position {
                Some(position) => changes.push(Step::FeedPosition, &[key, position]),
                None => changes.push(Step::FeedGone, &[key]),
            }
        }
    }
}

impl Store {
    /// What is remembered of all feeds.
    ///
    /// # Errors
    /// The database's.
    pub fn feeds(&self) -> Result<Vec<KnownFeed>> {
        self.working.ask(|db| {
            let mut found = db.prepare(
                "SELECT feed.key, feed.source, source.lines, feed.position
                 FROM feed LEFT JOIN source ON source.id = feed.source ORDER BY feed.key",
            )?;
            let found = found.query_map([], |row| {
                let number = |at: usize| row.get::<_, Option<i64>>(at).map(|n| n.map(|n| n as u64));
                Ok(KnownFeed {
                    key: row.get(0)?,
                    source: number(1)?.zip(number(2)?),
                    position: row.get(3)?,
                })
            })?;
            found.collect()
        })
    }
}
