//! What is remembered for a while: two halves, of which the older one is given up when the newer one is full.

use std::collections::HashMap;
use std::hash::Hash;

/// A map that never holds more than it may. What was put in among the last half of it is always found. Keys may be chosen by
/// peers, so the hash is the standard library's.
#[derive(Debug)]
pub struct Lately<K, V> {
    new: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Hash + Eq, V> Lately<K, V> {
    /// For at most so many.
    pub fn new(most: usize) -> Lately<K, V> {
        Lately {
            new: HashMap::new(),
            old: HashMap::new(),
            half: (most / 2).max(1),
        }
    }

    /// Puts a value in.
    pub fn insert(&mut self, key: K, value: V) {
        if self.new.len() >= self.half {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key, value);
    }

    /// The value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.new.get(key).or_else(|| self.old.get(key))
    }

    /// The value of a key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        match self.new.get_mut(key) {
            None => self.old.get_mut(key),
            found => found,
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let old = self.old.remove(key);
        self.new.remove(key).or(old)
    }
}

#[cfg(test)]
mod tests {
    use super::Lately;

    #[test]
    fn the_latest_are_found_and_the_rest_is_bounded() {
        let mut lately = Lately::new(100);
        for number in 0..10_000 {
            lately.insert(number, number);
            assert!(lately.new.len() + lately.old.len() <= 100);
            assert_eq!(lately.get(&(number - 49).max(0)), Some(&(number - 49).max(0)));
        }
        assert_eq!(lately.get(&5), None);
        lately.insert(9_999, 1);
        assert_eq!(lately.remove(&9_999), Some(1));
        assert_eq!(lately.get(&9_999), None);
    }
}
