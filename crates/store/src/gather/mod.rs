//! The open segment as columns: each record goes into those of its day and gateway as it comes, so that a close has nothing to
//! read again. What a record shares with most others (its message, the keys of its fields, its source) is looked up once.

mod cells;
mod class;
mod file;
mod partition;

pub use self::partition::Partition;
use crate::close::day_of;
use crate::record::Record;
use crate::segment::Identified;

/// Most segments of one close. Who can write log lines can name any gateway and day; what is beyond goes into one segment.
const PARTITIONS_MAX: usize = 64;
/// Partitions whose room is kept for the next ones.
const SPARE_MAX: usize = 2;

/// The records of the open segment.
#[derive(Default)]
pub struct Gathered {
    /// Of the hashes that find words: nobody outside may know it.
    seed: u64,
    pub partitions: Vec<Partition>,
    /// The one that the last record went to.
    last: usize,
    /// Empty ones, with the room that they had.
    spare: Vec<Partition>,
}

impl Gathered {
    /// Of nothing yet.
    pub fn new(seed: u64) -> Gathered {
        Gathered {
            seed,
            ..Gathered::default()
        }
    }

    /// Adds a record; `leaf` gets what its leaf is made of: its canonical bytes behind `tree::LEAF`.
    pub fn add(&mut self, record: &Record<'_>, leaf: &mut Vec<u8>) {
        let (day, host) = (record.time.map(day_of), record.host);
        let is_it = |known: &Partition| known.day == day && known.host == host;
        if !self.partitions.get(self.last).is_some_and(is_it) {
            self.last = self.find(day, host);
        }
        self.partitions[self.last].add(record, leaf);
    }

    /// Forgets everything; the room for some of it is kept.
    pub fn clear(&mut self) {
        self.last = 0;
        for mut used in self.partitions.drain(..) {
            if self.spare.len() < SPARE_MAX {
                used.clear();
                self.spare.push(used);
            }
        }
    }

    /// What tells the records apart whose time is of a day, or that have none.
    pub fn identities(&self, day: Option<i64>, take: &mut dyn FnMut(Identified)) {
        let all = |known: &&Partition| known.day == day || known.day.is_none();
        self.partitions
            .iter()
            .filter(all)
            .for_each(|known| known.identities(take));
    }

    fn find(&mut self, day: Option<i64>, host: &[u8]) -> usize {
        let at = |known: &[Partition], day, host: &[u8]| {
            known.iter().position(|known| known.day == day && known.host == host)
        };
        if let Some(at) = at(&self.partitions, day, host) {
            return at;
        }
        let (day, host) = match self.partitions.len() < PARTITIONS_MAX - 1 {
            true => (day, host),
            false => (None, &b""[..]),
        };
        at(&self.partitions, day, host).unwrap_or_else(|| {
            let mut new = self.spare.pop().unwrap_or_else(|| Partition::new(self.seed));
            (new.day, new.host) = (day, host.to_vec());
            self.partitions.push(new);
            self.partitions.len() - 1
        })
    }
}
