//! How familiar the network of an address is: from where people have logged in before. Without a table of providers the
//! prefix tells: a provider's customers get their addresses from few ranges, and a /8 has one regional registry.

use std::net::IpAddr;

use super::bounded::Bounded;

/// Most prefixes that are remembered.
pub const REGIONS_MAX: usize = 65_536;

/// Prefix lengths, the narrowest first, and how strange an address is of which no prefix up to this one is known.
const V4: [u8; 4] = [24, 16, 12, 8];
const V6: [u8; 4] = [48, 40, 32, 20];
const STRANGE: [f64; 5] = [0.1, 0.2, 0.3, 0.6, 1.0];

/// The place of a provider's range among the prefixes.
const RANGE: usize = 1;
/// How many ranges of a prefix must be known before it is familiar: one traveller makes no continent familiar.
const RANGES_MIN: [u32; 4] = [0, 0, 2, 3];

/// From here on an address is called foreign: nobody of this gateway comes from anywhere near. Below, it may be a person whose
/// provider has one range more than was seen.
pub const FOREIGN: f64 = 0.9;

/// Logins after which a gateway's people are known well enough to call a network foreign.
const WARM: u64 = 150;

/// A prefix: family and length in one number, then the bits.
type Prefix = (u8, u128);

/// A network of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    /// Its first address.
    pub address: IpAddr,
    /// Its prefix length.
    pub bits: u8,
}

impl std::fmt::Display for Network {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let alone = match self.address {
            IpAddr::V4(_) => self.bits == 32,
            IpAddr::V6(_) => self.bits == 128,
        };
        match alone {
            true => write!(out, "{}", self.address),
            false => write!(out, "{}/{}", self.address, self.bits),
        }
    }
}

impl Network {
    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits.min(32))).unwrap_or(0);
                u32::from(network) & mask == u32::from(address) & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits.min(128))).unwrap_or(0);
                u128::from(network) & mask == u128::from(address) & mask
            }
            _ => false,
        }
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Network {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        Network { address, bits }
    }
}

/// The network that an address shares with its neighbours: /24, of IPv6 /48.
pub fn neighbours(address: IpAddr) -> Network {
    within(address, 0)
}

/// The network of about a provider's range: /16, of IPv6 /40.
pub fn range(address: IpAddr) -> Network {
    within(address, 1)
}

fn within(address: IpAddr, level: usize) -> Network {
    match address {
        IpAddr::V4(v4) => {
            let bits = V4[level];
            let kept = u32::from(v4) & (u32::MAX << (32 - bits));
            Network {
                address: IpAddr::V4(kept.into()),
                bits,
            }
        }
        IpAddr::V6(v6) => {
            let bits = V6[level];
            let kept = u128::from(v6) & (u128::MAX << (128 - bits));
            Network {
                address: IpAddr::V6(kept.into()),
                bits,
            }
        }
    }
}

fn prefix(address: IpAddr, level: usize) -> Prefix {
    let network = within(address, level);
    match network.address {
        IpAddr::V4(v4) => (network.bits, u128::from(u32::from(v4))),
        IpAddr::V6(v6) => (network.bits | 0x80, u128::from(v6)),
    }
}

/// The networks from which people log in.
#[derive(Debug)]
pub struct Regions {
    /// Known prefixes, and how many ranges (/16, IPv6 /40) of them are.
    known: Bounded<Prefix, u32>,
    logins: u64,
}

impl Default for Regions {
    fn default() -> Regions {
        Regions {
            known: Bounded::new(REGIONS_MAX),
            logins: 0,
        }
    }
}

impl Regions {
    /// Somebody honest logged in from here.
    pub fn learn(&mut self, address: IpAddr, now: i64) {
        self.logins += 1;
        let fresh = u32::from(self.known.get(&prefix(address, RANGE)).is_none());
        for level in 0..V4.len() {
            *self.known.entry(prefix(address, level), now, || 0) += fresh;
        }
    }

    /// Between 0.1, neighbours log in from here, and 1, nobody ever did from anywhere near. While few logins are known
    /// nothing is called foreign.
    pub fn strangeness(&self, address: IpAddr) -> f64 {
        let level = (0..V4.len()).find(|level| {
            let known = self.known.get(&prefix(address, *level));
            known.is_some_and(|ranges| *ranges >= RANGES_MIN[*level])
        });
        let strange = STRANGE[level.unwrap_or(V4.len())];
        if self.logins < WARM { strange.min(0.5) } else { strange }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_somebody_logged_in_the_less_strange() {
        let mut regions = Regions::default();
        let at = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert!(regions.strangeness(at("198.51.100.9")) <= 0.5, "nothing is known yet");
        for login in 0..WARM {
            let home = ["203.0.113.9", "203.2.113.9", "203.3.113.9"][login as usize % 3];
            regions.learn(at(home), 0);
        }
        regions.learn(at("198.18.0.1"), 0);
        let found = [
            "203.0.113.200",
            "203.0.1.1",
            "203.1.1.1",
            "203.200.1.1",
            "198.51.100.9",
            "2001:db8::1",
        ]
        .map(|text| regions.strangeness(at(text)));
        assert_eq!(found, [0.1, 0.2, 0.3, 0.6, 1.0, 1.0]);
        assert_eq!(neighbours(at("203.0.113.9")).to_string(), "203.0.113.0/24");
        assert_eq!(range(at("2001:db8:1:2::3")).to_string(), "2001:db8::/40");
        assert_eq!(Network::from(at("203.0.113.9")).to_string(), "203.0.113.9");
    }
}
