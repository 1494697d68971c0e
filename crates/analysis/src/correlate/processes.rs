//! What a process is, by host and process id.

use rustc_hash::FxHashMap;

use super::slab::Key;

/// Host and process id.
type Process = (u32, u32);

/// Keys by process. The process of the last line is remembered beside: a daemon writes many lines of a connection in a row.
#[derive(Debug, Default)]
pub struct Processes {
    keys: FxHashMap<Process, Key>,
    last: Option<(Process, Key)>,
}

impl Processes {
    /// The key of the process that writes now.
    #[inline]
    pub fn writer(&mut self, host: u32, pid: u32) -> Option<Key> {
        match self.last {
            Some((last, key)) if last == (host, pid) => Some(key),
            _ => {
                let key = self.get(host, pid)?;
                self.last = Some(((host, pid), key));
                Some(key)
            }
        }
    }

    /// The key of any process.
    pub fn get(&self, host: u32, pid: u32) -> Option<Key> {
        self.keys.get(&(host, pid)).copied()
    }

    /// From now on the process is that key's.
    pub fn insert(&mut self, host: u32, pid: u32, key: Key) {
        self.keys.insert((host, pid), key);
        self.last = Some(((host, pid), key));
    }

    /// Removes a process if it still is that key's.
    pub fn forget(&mut self, host: u32, pid: u32, key: Key) {
        if self.last == Some(((host, pid), key)) {
            self.last = None;
        }
        super::forget(&mut self.keys, &(host, pid), key);
    }

    /// Removes all.
    pub fn clear(&mut self) {
        *self = Processes::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlate::slab::Slab;

    #[test]
    fn the_last_process_is_forgotten_with_the_others() {
        let mut slab = Slab::default();
        let (one, two) = (slab.insert(()), slab.insert(()));
        let mut all = Processes::default();
        assert_eq!(all.writer(0, 7), None);
        all.insert(0, 7, one);
        assert_eq!((all.writer(0, 7), all.writer(1, 7)), (Some(one), None));
        all.insert(0, 7, two);
        all.forget(0, 7, one);
        assert_eq!((all.writer(0, 7), all.get(0, 7)), (Some(two), Some(two)));
        all.forget(0, 7, two);
        assert_eq!((all.writer(0, 7), all.get(0, 7)), (None, None));
        all.insert(0, 8, one);
        all.clear();
        assert_eq!(all.writer(0, 8), None);
    }
}
