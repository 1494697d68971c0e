//! Figures per user, for who asks for them: a bounded number of names, the rest summed up.
//!
//! Only a session makes a name known: whoever merely tries names makes no series. When the room is full, a newcomer takes the place
//! of the one who is away and has moved the least; what that one had goes to `__other__`, so the sums stay what they were.

use rustc_hash::FxHashMap;

/// What stands for all names that have no series of their own.
pub const OTHER: &str = "__other__";
/// Bytes of a name that has a series of its own.
const NAME_BYTES_MAX: usize = 128;

/// Figures of one user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Bytes from the user.
    pub received: u64,
    /// Bytes to the user.
    pub sent: u64,
    /// Sessions that are up.
    pub connected: u64,
}

impl Figures {
    fn moved(&self) -> u64 {
        self.received.saturating_add(self.sent)
    }

    /// Adds those of another.
    pub fn add(&mut self, other: Figures) {
        self.received = self.received.saturating_add(other.received);
        self.sent = self.sent.saturating_add(other.sent);
        self.connected = self.connected.saturating_add(other.connected);
    }
}

/// The users.
#[derive(Debug)]
pub struct Users {
    most: usize,
    named: FxHashMap<Box<str>, Figures>,
    other: Figures,
}

impl Users {
    /// At most so many names.
    pub fn new(most: usize) -> Users {
        Users {
            most,
            named: FxHashMap::default(),
            other: Figures::default(),
        }
    }

    /// A session came up.
    pub fn connect(&mut self, user: &str) {
        self.figures(user).connected += 1;
    }

    /// A session that was counted as connected ended.
    pub fn disconnect(&mut self, user: &str) {
        let figures = self.figures(user);
        if figures.connected > 0 {
            figures.connected -= 1;
        } else {
            // the name had no place while the session came up
            self.other.connected = self.other.connected.saturating_sub(1);
        }
    }

    /// What a session that ended had moved.
    pub fn count(&mut self, user: &str, received: u64, sent: u64) {
        self.figures(user).add(Figures {
            received,
            sent,
            connected: 0,
        });
    }

    fn figures(&mut self, user: &str) -> &mut Figures {
        let is_known = self.named.contains_key(user);
        // who is called like the rest is one of the rest: a series must not come twice
        let has_none = user.len() > NAME_BYTES_MAX || user == OTHER;
        if !is_known && (has_none || !self.make_room()) {
            return &mut self.other;
        }
        self.named.entry(user.into()).or_default()
    }

    /// Whether there is room for one name more.
    fn make_room(&mut self) -> bool {
        if self.named.len() < self.most {
            return true;
        }
        let away = self.named.iter().filter(|(_, figures)| figures.connected == 0);
        let Some(least) = away.min_by_key(|(name, figures)| (figures.moved(), (*name).clone())) else {
            return false;
        };
        let name = least.0.clone();
        if let Some(figures) = self.named.remove(&name) {
            self.other.add(figures);
        }
        true
    }

    /// Every name with its figures, in the order of names, and the rest.
    pub fn all(&self) -> Vec<(&str, Figures)> {
        let mut all: Vec<(&str, Figures)> = self.named.iter().map(|(name, figures)| (&**name, *figures)).collect();
        all.sort_unstable_by_key(|(name, _)| *name);
        all.push((OTHER, self.other));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_is_bounded_and_sums_stay() {
        let mut users = Users::new(2);
        users.connect("anna");
        users.count("boris", 10, 20);
        users.count("clara", 1, 1);
        // boris gave way to clara: away, as nobody else was
        assert_eq!(
            users.all().iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["anna", "clara", OTHER]
        );
        users.connect("clara");
        users.connect("dmitri");
        users.disconnect("dmitri");
        users.count("dmitri", 5, 5);
        let received: u64 = users.all().iter().map(|(_, figures)| figures.received).sum();
        assert_eq!(received, 16);
        let connected: u64 = users.all().iter().map(|(_, figures)| figures.connected).sum();
        assert_eq!(connected, 2);
        users.count(&"x".repeat(NAME_BYTES_MAX + 1), 7, 0);
        assert_eq!(users.all().len(), 3);
    }

    #[test]
    fn a_name_of_the_rest_is_one_of_the_rest() {
        let mut users = Users::new(8);
        users.count(OTHER, 3, 0);
        let all = users.all();
        assert_eq!(all.len(), 1, "the same series twice would be no exposition: {all:?}");
        assert_eq!(all[0].1.received, 3);
    }
}
