//! From where people whom the gateway knows have logged in of late. Such an address is an office, a home, a carrier's
//! gateway: blocking it puts out whoever is behind it, so an alarm is all that comes of it unless the administrator insists.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::Prefix;

/// How long a login protects its address, microseconds (security.md, the never-block set).
const FRESH: i64 = 24 * 3600 * 1_000_000;
/// How long ago a pair of name and address must have been seen first for the login to be of a known pair, microseconds. Whoever guessed
/// a password a minute ago is no old acquaintance because he logs in twice.
const ACQUAINTED: i64 = 3600 * 1_000_000;
/// Pairs that are remembered; the log-ins of a very large gateway in a month.
const PAIRS_MAX: usize = 200_000;

/// Logins by name and address.
#[derive(Clone, Debug, Default)]
pub struct KnownLogins {
    /// First and last login of a pair.
    pairs: HashMap<(IpAddr, Box<str>), (i64, i64)>,
    /// Pairs that found no room.
    dropped: u64,
}

impl KnownLogins {
    /// Nobody yet.
    pub fn new() -> KnownLogins {
        KnownLogins::default()
    }

    /// A login that succeeded, from an address that a socket reported.
    pub fn login(&mut self, address: IpAddr, user: &str, time: i64) {
        let address = address.to_canonical();
        if self.pairs.len() >= PAIRS_MAX && !self.pairs.contains_key(&(address, user.into())) {
            self.dropped += 1;
            return;
        }
        let seen = self.pairs.entry((address, user.into())).or_insert((time, time));
        *seen = (seen.0.min(time), seen.1.max(time));
    }

    /// Logins for which there was no room: their addresses are not protected.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The latest login of a known pair from a network within the day before `now`.
    pub fn protects(&self, prefix: Prefix, now: i64) -> Option<(&str, IpAddr, i64)> {
        self.pairs
            .iter()
            .filter(|((address, _), (first, last))| {
                now - last <= FRESH && last - first >= ACQUAINTED && prefix.contains(*address)
            })
            .max_by_key(|((address, user), (_, last))| (*last, *address, user.clone()))
            .map(|((address, user), (_, last))| (&**user, *address, *last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600 * 1_000_000;

    #[test]
    fn who_has_been_here_before_protects_the_address_for_a_day() {
        let office: IpAddr = "203.0.113.20".parse().expect("an address");
        let now = 100 * HOUR;
        for (logins, protected) in [
            (&[now - HOUR][..], false),
            (&[now - 2 * HOUR, now - HOUR], true),
            (&[now - HOUR, now - HOUR / 2], false),
            (&[now - 60 * HOUR, now - 25 * HOUR], false),
            (&[now - 60 * HOUR, now - 24 * HOUR], true),
        ] {
            let mut known = KnownLogins::new();
            for time in logins {
                known.login(office, "anna", *time);
            }
            let found = known.protects(Prefix::host(office), now);
            assert_eq!(found.is_some(), protected, "{logins:?}");
            let network = "203.0.113.0/24".parse().expect("a network");
            assert_eq!(known.protects(network, now).is_some(), protected);
            let other = "203.0.114.0/24".parse().expect("a network");
            assert!(known.protects(other, now).is_none());
        }
    }

    #[test]
    fn two_names_from_one_address_are_two_pairs() {
        let mut known = KnownLogins::new();
        let address: IpAddr = "::ffff:203.0.113.20".parse().expect("an address");
        known.login(address, "anna", 0);
        known.login(address, "bert", 2 * HOUR);
        let host = Prefix::host(address);
        assert!(known.protects(host, 3 * HOUR).is_none());
        known.login(address, "bert", 4 * HOUR);
        assert_eq!(known.protects(host, 5 * HOUR).map(|(user, ..)| user), Some("bert"));
    }
}
