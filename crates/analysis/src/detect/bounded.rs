//! A map that never holds more than it may: what was not used longest goes first.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// A map with a cap. Time is the caller's: microseconds of event time.
#[derive(Debug)]
pub struct Bounded<K, V> {
    entries: FxHashMap<K, (i64, V)>,
    most: usize,
    dropped: u64,
}

impl<K: Hash + Eq + Ord + Copy, V> Bounded<K, V> {
    /// For at most `most` entries.
    pub fn new(most: usize) -> Bounded<K, V> {
        Bounded {
            entries: FxHashMap::default(),
            most: most.max(1),
            dropped: 0,
        }
    }

    /// The value of a key, if it is known.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The value of a key, if it is known, to be changed; this is no use of it.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// The value of a key, made if it is not known, used now.
    pub fn entry(&mut self, key: K, now: i64, make: impl FnOnce() -> V) -> &mut V {
        if self.entries.len() >= self.most && !self.entries.contains_key(&key) {
            self.drop_oldest();
        }
        let (used, value) = self.entries.entry(key).or_insert_with(|| (now, make()));
        *used = now.max(*used);
        value
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.entries.remove(key).map(|(_, value)| value)
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many were given up for want of room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Gives up an eighth at once: one at a time would mean a search each time. The order is that of use, then of the key,
    /// so that the same evidence always gives up the same.
    fn drop_oldest(&mut self) {
        let mut order: Vec<(i64, K)> = self.entries.iter().map(|(key, (used, _))| (*used, *key)).collect();
        let count = (order.len() / 8).max(1);
        order.select_nth_unstable(count - 1);
        for (_, key) in order.drain(..count) {
            self.entries.remove(&key);
        }
        self.dropped += count as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn the_cap_holds_and_what_was_used_stays() {
        let mut map = Bounded::new(64);
        for now in 0..10_000_i64 {
            *map.entry(now as u64, now, || 0) += 1;
            *map.entry(1_000_000, now, || 0) += 1;
            assert!(map.len() <= 64);
        }
        assert_eq!(map.get(&1_000_000), Some(&10_000));
        assert!(map.dropped() > 9_000);
    }
}
