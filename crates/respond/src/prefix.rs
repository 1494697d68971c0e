//! A network of addresses, one address being the narrowest.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address or a network. No bit behind the prefix is set, and an IPv4 address that is written inside IPv6
/// (`::ffff:a.b.c.d`, RFC 4291 §2.5.5.2) is the IPv4 address: whoever blocks the one must not miss the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    address: IpAddr,
    bits: u8,
}

/// The IPv4 addresses inside IPv6, and how long their prefix is.
const MAPPED_BITS: u8 = 96;

impl Prefix {
    /// One address.
    pub fn host(address: IpAddr) -> Prefix {
        let address = address.to_canonical();
        Prefix {
            address,
            bits: width(address),
        }
    }

    /// A network.
    ///
    /// # Errors
    /// If the length does not fit, or bits behind it are set: then something else was meant.
    pub fn new(address: IpAddr, bits: u8) -> Result<Prefix, String> {
        if bits > width(address) {
            return Err(format!(
                "/{bits} is longer than the address: at most /{}",
                width(address)
            ));
        }
        let (address, bits) = match address {
            IpAddr::V6(v6) if bits >= MAPPED_BITS => match v6.to_ipv4_mapped() {
                Some(v4) => (IpAddr::V4(v4), bits - MAPPED_BITS),
                None => (address, bits),
            },
            _ => (address, bits),
        };
        let network = masked(address, bits);
        if network != address {
            return Err(format!(
                "{address}/{bits} is inside {network}/{bits}: say which is meant"
            ));
        }
        Ok(Prefix { address, bits })
    }

    /// The first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Length of the prefix, bits.
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// Whether it is one address.
    pub fn is_host(&self) -> bool {
        self.bits == width(self.address)
    }

    /// Whether it is of IPv4.
    pub fn is_v4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Whether an address lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.covers(&Prefix::host(address))
    }

    /// Whether all of another lies in it. A network of IPv6 that holds the mapped addresses covers those of IPv4 too.
    pub fn covers(&self, other: &Prefix) -> bool {
        let other = match (self.address, other.address) {
            (IpAddr::V6(_), IpAddr::V4(v4)) => Prefix {
                address: IpAddr::V6(v4.to_ipv6_mapped()),
                bits: other.bits + MAPPED_BITS,
            },
            _ => *other,
        };
        self.is_v4() == other.is_v4() && self.bits <= other.bits && masked(other.address, self.bits) == self.address
    }

    /// Whether they share an address.
    pub fn overlaps(&self, other: &Prefix) -> bool {
        self.covers(other) || other.covers(self)
    }
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(v4) & mask))
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(v6) & mask))
        }
    }
}

impl From<IpAddr> for Prefix {
    fn from(address: IpAddr) -> Prefix {
        Prefix::host(address)
    }
}

impl FromStr for Prefix {
    type Err = String;

    fn from_str(typed: &str) -> Result<Prefix, String> {
        let (address, bits) = match typed.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (typed, None),
        };
        let not_one = || format!("`{}` is no address", tunlog_model::text::visible(typed));
        let address: IpAddr = address.parse().map_err(|_| not_one())?;
        let Some(bits) = bits else {
            return Ok(Prefix::host(address));
        };
        // `/+24` and `/024` are what nobody writes by intent
        let plain = bits.bytes().all(|b| b.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
        let bits = bits.parse().ok().filter(|_| plain).ok_or_else(not_one)?;
        Prefix::new(address, bits)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_host() {
            true => write!(out, "{}", self.address),
            false => write!(out, "{}/{}", self.address, self.bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().expect(text)
    }

    #[test]
    fn what_is_typed_is_read_once_and_written_in_one_way() {
        for (typed, shown) in [
            ("198.51.100.7", "198.51.100.7"),
            ("198.51.100.7/32", "198.51.100.7"),
            ("198.51.100.0/24", "198.51.100.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("2001:db8::/48", "2001:db8::/48"),
            ("::ffff:198.51.100.7", "198.51.100.7"),
            ("::ffff:198.51.100.0/120", "198.51.100.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::/0", "::/0"),
        ] {
            assert_eq!(prefix(typed).to_string(), shown, "{typed}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for typed in [
            "",
            "198.51.100",
            "198.51.100.7/",
            "198.51.100.7/33",
            "198.51.100.7/+24",
            "198.51.100.0/024",
            "198.51.100.7/24",
            "010.0.0.1",
            "198.51.100.7 ",
            "198.51.100.7;reboot",
            "$(touch x)",
            "2001:db8::/129",
            "2001:db8::1/48",
            "fe80::1%eth0",
            "::ffff:198.51.100.7/120",
            "-h",
        ] {
            assert!(typed.parse::<Prefix>().is_err(), "{typed}");
        }
    }

    #[test]
    fn networks_hold_what_lies_in_them() {
        for (wide, narrow, covers) in [
            ("198.51.100.0/24", "198.51.100.255", true),
            ("198.51.100.0/24", "198.51.101.0", false),
            ("198.51.100.0/25", "198.51.100.0/24", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "198.51.100.7", true),
            ("::fffe:0:0/95", "198.51.100.7", true),
            ("2001:db8::/32", "198.51.100.7", false),
            ("2001:db8::/127", "2001:db8::1", true),
            ("2001:db8::/127", "2001:db8::2", false),
        ] {
            assert_eq!(prefix(wide).covers(&prefix(narrow)), covers, "{wide} {narrow}");
        }
        assert!(prefix("10.1.0.0/16").overlaps(&prefix("10.0.0.0/8")));
        assert!(!prefix("10.1.0.0/16").overlaps(&prefix("10.2.0.0/16")));
    }
}
