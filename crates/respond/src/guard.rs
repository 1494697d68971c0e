//! The never-block set: which addresses are left alone whatever a log says. A block list that others can write to is a
//! weapon, and an administrator who locks himself out cannot take the lock off.

use std::fmt;

use crate::Prefix;

/// What is never blocked, of any machine (RFC 6890; multicast and reserved space are nobody's source).
const NEVER: &[(&str, &str)] = &[
    ("0.0.0.0/8", "is no address of a host"),
    ("127.0.0.0/8", "is the machine itself (loopback)"),
    (
        "169.254.0.0/16",
        "is link-local: a neighbour on the cable, or a cloud's own services",
    ),
    ("224.0.0.0/4", "is multicast"),
    ("240.0.0.0/4", "is reserved, or broadcast"),
    ("::/96", "is the machine itself, or no address"),
    ("fe80::/10", "is link-local: a neighbour on the cable"),
    ("ff00::/8", "is multicast"),
];

/// Private space (RFC 1918, RFC 6598, RFC 4193): an administrator's own machines far more often than an attacker.
const PRIVATE: &[&str] = &[
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
];

/// The shortest prefixes that are blocked without being asked twice.
const BITS_MIN_V4: u8 = 24;
const BITS_MIN_V6: u8 = 48;

/// What the administrator allows beyond the usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latitude {
    /// Wide networks, addresses with a recent login, sources that a peer merely claims.
    pub force: bool,
    /// Private addresses.
    pub private: bool,
}

/// Why something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It is in the never-block set.
    NeverBlocked,
    /// It is private space.
    Private,
    /// It is a wide network.
    Wide,
    /// Somebody known logged in from there within a day.
    KnownLogin,
    /// No socket reported it: a peer said so.
    Claimed,
    /// It overlaps with what is blocked already.
    Overlap,
    /// Too many blocks in an hour.
    Rate,
    /// A name that cannot be handed on safely.
    Name,
    /// Nobody knows how.
    NoWay,
}

impl Reason {
    /// Its word in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Reason::NeverBlocked => "never-blocked",
            Reason::Private => "private",
            Reason::Wide => "wide",
            Reason::KnownLogin => "known-login",
            Reason::Claimed => "claimed",
            Reason::Overlap => "overlap",
            Reason::Rate => "rate",
            Reason::Name => "name",
            Reason::NoWay => "no-way",
        }
    }

    /// The option that lifts it, if one does.
    pub fn lifted_by(self) -> Option<&'static str> {
        match self {
            Reason::Private => Some("--private"),
            Reason::Wide | Reason::KnownLogin | Reason::Claimed => Some("--force"),
            Reason::Rate => Some("--per-hour"),
            Reason::NeverBlocked | Reason::Overlap | Reason::Name | Reason::NoWay => None,
        }
    }
}

/// Something that is not done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was meant.
    pub target: String,
    /// Of which kind.
    pub reason: Reason,
    /// In words, without the target.
    pub why: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: refused: {}", self.target, self.why)?;
        match self.reason.lifted_by() {
            Some(option) => write!(out, " ({option} does it nevertheless)"),
            None => Ok(()),
        }
    }
}

/// The never-block set of a machine.
#[derive(Clone, Debug)]
pub struct Guard {
    never: Vec<(Prefix, String)>,
    private: Vec<Prefix>,
}

impl Default for Guard {
    fn default() -> Guard {
        Guard::new()
    }
}

impl Guard {
    /// What holds on any machine; its own addresses, its gateway, its servers and its administrator come with `protect`.
    pub fn new() -> Guard {
        let parsed = |text: &str| text.parse().ok();
        Guard {
            never: NEVER
                .iter()
                .filter_map(|(prefix, why)| Some((parsed(prefix)?, (*why).to_owned())))
                .collect(),
            private: PRIVATE.iter().filter_map(|prefix| parsed(prefix)).collect(),
        }
    }

    /// Adds a network that is never blocked; `why` continues "it …": `is this machine's own address (eth0)`.
    pub fn protect(&mut self, prefix: Prefix, why: impl Into<String>) {
        self.never.push((prefix, why.into()));
    }

    /// What is never blocked, with the reason of each.
    pub fn never(&self) -> impl Iterator<Item = (&Prefix, &str)> {
        self.never.iter().map(|(prefix, why)| (prefix, why.as_str()))
    }

    /// Whether a network may be blocked.
    ///
    /// # Errors
    /// Why not; a reason that no option lifts comes first.
    pub fn judge(&self, wanted: Prefix, latitude: Latitude) -> Result<(), Refusal> {
        let refusal = |reason, why: String| {
            Err(Refusal {
                target: wanted.to_string(),
                reason,
                why,
            })
        };
        if let Some((prefix, why)) = self.never.iter().find(|(never, _)| never.overlaps(&wanted)) {
            let it = match wanted.covers(prefix) && *prefix != wanted {
                true => format!("it holds {prefix}, which {why}"),
                false => format!("it {why}"),
            };
            return refusal(Reason::NeverBlocked, it);
        }
        if !latitude.private
            && let Some(private) = self.private.iter().find(|private| private.overlaps(&wanted))
        {
            return refusal(Reason::Private, format!("it is private space ({private})"));
        }
        let least = if wanted.is_v4() { BITS_MIN_V4 } else { BITS_MIN_V6 };
        if !latitude.force && wanted.bits() < least {
            let why = format!("it is wider than /{least}: that many strangers share no guilt");
            return refusal(Reason::Wide, why);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        let mut guard = Guard::new();
        for (prefix, why) in [
            ("203.0.113.1", "is this machine's own address (eth0)"),
            ("203.0.113.254", "is the default gateway"),
            ("198.51.100.53", "is a DNS server (/etc/resolv.conf)"),
            ("192.0.2.77", "is where you are logged in from"),
            ("2001:db8:ffff::/48", "is named in never_block"),
        ] {
            guard.protect(prefix.parse().expect(prefix), why);
        }
        guard
    }

    fn judged(typed: &str, latitude: Latitude) -> Option<Reason> {
        let prefix = typed.parse().expect(typed);
        guard().judge(prefix, latitude).err().map(|refusal| refusal.reason)
    }

    #[test]
    fn what_must_live_lives_whatever_is_said() {
        let all = Latitude {
            force: true,
            private: true,
        };
        for typed in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "0.0.0.0",
            "0.0.0.0/0",
            "0.0.0.0/1",
            "::/0",
            "::ffff:0:0/96",
            "::/64",
            "224.0.0.1",
            "255.255.255.255",
            "169.254.169.254",
            "fe80::1",
            "ff02::1",
            "203.0.113.1",
            "::ffff:203.0.113.1",
            "203.0.113.0/24",
            "203.0.113.254",
            "198.51.100.53",
            "192.0.2.77",
            "192.0.2.64/26",
            "2001:db8:ffff:1::9",
            "2001:db8::/32",
        ] {
            assert_eq!(judged(typed, all), Some(Reason::NeverBlocked), "{typed}");
        }
    }

    #[test]
    fn what_is_doubtful_is_asked_twice() {
        let (no, force, private) = (
            Latitude::default(),
            Latitude {
                force: true,
                private: false,
            },
            Latitude {
                force: false,
                private: true,
            },
        );
        for (typed, plain, forced, with_private) in [
            ("10.1.2.3", Some(Reason::Private), Some(Reason::Private), None),
            ("172.31.0.1", Some(Reason::Private), Some(Reason::Private), None),
            ("172.32.0.1", None, None, None),
            ("192.168.1.0/24", Some(Reason::Private), Some(Reason::Private), None),
            ("fd00::1", Some(Reason::Private), Some(Reason::Private), None),
            (
                "198.51.100.0/26",
                Some(Reason::NeverBlocked),
                Some(Reason::NeverBlocked),
                Some(Reason::NeverBlocked),
            ),
            ("198.51.101.0/24", None, None, None),
            ("198.51.102.0/23", Some(Reason::Wide), None, Some(Reason::Wide)),
            ("2001:db8:1::/48", None, None, None),
            ("2001:db8:2::/47", Some(Reason::Wide), None, Some(Reason::Wide)),
            ("198.51.101.9", None, None, None),
            ("2001:db8::9", None, None, None),
        ] {
            assert_eq!(judged(typed, no), plain, "{typed}");
            assert_eq!(judged(typed, force), forced, "{typed} --force");
            assert_eq!(judged(typed, private), with_private, "{typed} --private");
        }
    }

    #[test]
    fn a_refusal_says_why_and_what_lifts_it() {
        let told = |typed: &str| {
            let prefix = typed.parse().expect(typed);
            let refusal = guard().judge(prefix, Latitude::default()).expect_err(typed);
            refusal.to_string()
        };
        assert_eq!(
            told("203.0.113.0/24"),
            "203.0.113.0/24: refused: it holds 203.0.113.1, which is this machine's own address (eth0)"
        );
        assert_eq!(
            told("127.0.0.1"),
            "127.0.0.1: refused: it is the machine itself (loopback)"
        );
        assert_eq!(
            told("10.0.0.1"),
            "10.0.0.1: refused: it is private space (10.0.0.0/8) (--private does it nevertheless)"
        );
    }
}
