//! Who is connected: so many at once, and of them so many of one client, so that nobody gets all the places there are.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxBuildHasher;

/// How many there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// Of all clients together.
    pub all: usize,
    /// Of one client.
    pub each: usize,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All places are taken.
    All,
    /// The client has as many as one may have.
    Each,
}

/// Who has a place, by what tells clients apart. It keeps no client that has none.
#[derive(Debug)]
pub struct Crowd<K: Eq + Hash>(Mutex<Here<K>>);

#[derive(Debug)]
struct Here<K> {
    all: usize,
    of: HashMap<K, usize, FxBuildHasher>,
}

/// One who has a place, which is free again when this is dropped.
#[derive(Debug)]
pub struct Counted<K: Eq + Hash> {
    crowd: Arc<Crowd<K>>,
    client: K,
}

impl<K: Eq + Hash> Default for Crowd<K> {
    fn default() -> Crowd<K> {
        Crowd(Mutex::new(Here {
            all: 0,
            of: HashMap::default(),
        }))
    }
}

impl<K: Eq + Hash + Clone> Crowd<K> {
    /// A place for one more of a client.
    ///
    /// # Errors
    /// If there is none; that all are taken is said first.
    pub fn take(self: &Arc<Crowd<K>>, client: K, most: Most) -> Result<Counted<K>, Full> {
        let mut here = self.here();
        let own = here.of.get(&client).copied().unwrap_or(0);
        if here.all >= most.all {
            return Err(Full::All);
        }
        if own >= most.each {
            return Err(Full::Each);
        }
        here.all += 1;
        here.of.insert(client.clone(), own + 1);
        drop(here);
        Ok(Counted {
            crowd: Arc::clone(self),
            client,
        })
    }
}

impl<K: Eq + Hash> Crowd<K> {
    /// How many places are taken.
    pub fn len(&self) -> usize {
        self.here().all
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many places a client has.
    pub fn of(&self, client: &K) -> usize {
        self.here().of.get(client).copied().unwrap_or(0)
    }

    fn here(&self) -> MutexGuard<'_, Here<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Counted<K> {
    fn drop(&mut self) {
        let mut here = self.crowd.here();
        here.all = here.all.saturating_sub(1);
        match here.of.get_mut(&self.client) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                here.of.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gets_all_places() {
        let crowd = Arc::new(Crowd::default());
        let take = |client| crowd.take(client, Most { all: 5, each: 3 });
        let mut held: Vec<Counted<&str>> = (0..3).map(|_| take("anna").expect("a place")).collect();
        assert_eq!(take("anna").err(), Some(Full::Each));
        held.push(take("bert").expect("a place"));
        held.push(take("carl").expect("a place"));
        assert_eq!(take("dora").err(), Some(Full::All));
        assert_eq!((crowd.len(), crowd.of(&"anna"), crowd.of(&"dora")), (5, 3, 0));
        held.remove(0);
        let again = take("anna").expect("a place");
        assert_eq!(take("dora").err(), Some(Full::All));
        drop((again, held));
        assert!(crowd.is_empty());
        assert!(crowd.here().of.is_empty(), "who is gone is forgotten");
    }

    #[test]
    fn what_is_allowed_may_change_while_somebody_is_here() {
        let crowd = Arc::new(Crowd::default());
        let held: Vec<_> = (0..3).map(|_| crowd.take(1, Most { all: 9, each: 9 })).collect();
        assert_eq!(crowd.take(1, Most { all: 9, each: 2 }).err(), Some(Full::Each));
        assert_eq!(crowd.take(2, Most { all: 3, each: 2 }).err(), Some(Full::All));
        assert!(crowd.take(2, Most { all: 4, each: 2 }).is_ok());
        drop(held);
        assert_eq!(crowd.len(), 0);
    }
}
