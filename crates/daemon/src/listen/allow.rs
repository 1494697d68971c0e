//! Who may send: a list of networks.

use std::net::IpAddr;

/// Networks of which peers may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Allow {
    networks: Vec<Network>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    /// The first address; IPv4 and IPv6 never match each other.
    first: IpAddr,
    /// Bits that all addresses of it have in common.
    bits: u8,
}

const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];

/// RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291 §2.5.6.
const PRIVATE: &[&str] = &[
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

const ANY: &[&str] = &["0.0.0.0/0", "::/0"];

impl Allow {
    /// Reads networks, addresses and words; the error says which cannot be read.
    pub fn read(words: &[String]) -> Result<Allow, String> {
        let mut networks = Vec::new();
        for word in words {
            match word.as_str() {
                "loopback" => networks.extend(known(LOOPBACK)),
                "private" => networks.extend(known(PRIVATE)),
                "any" => networks.extend(known(ANY)),
                word => networks.push(network(word)?),
            }
        }
        Ok(Allow { networks })
    }

    /// Loopback and private networks: what a gateway's neighbours have, and strangers on the Internet have not.
    pub fn near() -> Allow {
        Allow {
            networks: known(LOOPBACK).chain(known(PRIVATE)).collect(),
        }
    }

    /// Everybody.
    pub fn any() -> Allow {
        Allow {
            networks: known(ANY).collect(),
        }
    }

    /// Whether this address may send.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.holds(address))
    }
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                (u32::from(first) ^ u32::from(address)) & mask == 0
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                (u128::from(first) ^ u128::from(address)) & mask == 0
            }
            _ => false,
        }
    }
}

fn known(texts: &'static [&'static str]) -> impl Iterator<Item = Network> {
    texts.iter().filter_map(|text| network(text).ok())
}

fn network(text: &str) -> Result<Network, String> {
    let refused = || format!("`{text}` is no network such as 192.0.2.0/24, and none of `loopback`, `private`, `any`");
    let (first, bits) = text
        .split_once('/')
        .map_or((text, None), |(first, bits)| (first, Some(bits)));
    let first: IpAddr = first.parse().map_err(|_| refused())?;
    let most = if first.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| refused()))?;
    let network = Network { first, bits };
    if bits > most {
        return Err(format!("`{text}`: an address has only {most} bits"));
    }
    Ok(network)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn allows(words: &[&str], address: &str) -> bool {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        Allow::read(&words).unwrap().allows(address.parse().unwrap())
    }

    #[test]
    fn networks() {
        assert!(allows(&["192.0.2.0/24"], "192.0.2.255"));
        assert!(!allows(&["192.0.2.0/24"], "192.0.3.0"));
        // an address within a network stands for it
        assert!(allows(&["192.0.2.77/24"], "192.0.2.1"));
        assert!(allows(&["192.0.2.7"], "192.0.2.7") && !allows(&["192.0.2.7"], "192.0.2.6"));
        assert!(allows(&["2001:db8::/32"], "2001:db8:ffff::1") && !allows(&["2001:db8::/32"], "2001:db9::"));
        assert!(allows(&["any"], "203.0.113.1") && allows(&["any"], "2001:db8::1"));
        assert!(!allows(&["0.0.0.0/0"], "2001:db8::1"));
        assert!(!allows(&[], "127.0.0.1"));
    }

    #[test]
    fn neighbours_are_near_and_strangers_are_not() {
        for address in [
            "127.0.0.1",
            "::1",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.1.1",
            "fd00::1",
            "fe80::1",
        ] {
            assert!(Allow::near().allows(address.parse().unwrap()), "{address}");
        }
        for address in ["192.0.2.1", "172.32.0.1", "8.8.8.8", "2001:db8::1", "11.0.0.1"] {
            assert!(!Allow::near().allows(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for word in ["192.0.2.0/33", "::/129", "192.0.2/24", "gateway", "192.0.2.0/-1", ""] {
            assert!(Allow::read(&[word.to_owned()]).is_err(), "{word}");
        }
    }
}
