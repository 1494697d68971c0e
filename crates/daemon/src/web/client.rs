//! Whose a connection is.

use std::net::{IpAddr, Ipv6Addr};

use tokio::net::UnixStream;

/// Whose connections are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Client {
    /// An address, or a network of IPv6 (/64) in which one machine may have as many as it likes.
    Net(IpAddr),
    /// A user of this machine, at a Unix socket.
    User(u32),
    /// Nobody could say who.
    Unknown,
}

impl Client {
    /// Who came from an address.
    pub fn of_address(ip: IpAddr) -> Client {
        Client::Net(match ip.to_canonical() {
            IpAddr::V6(ip) if !ip.is_loopback() => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64))),
            ip => ip,
        })
    }

    /// Who came to a Unix socket.
    pub fn of_socket(stream: &UnixStream) -> Client {
        stream
            .peer_cred()
            .map_or(Client::Unknown, |peer| Client::User(peer.uid()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ip: &str) -> Client {
        Client::of_address(ip.parse().expect("an address"))
    }

    #[test]
    fn a_network_of_one_machine_is_one_client() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("::1"), of("::2"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    }
}
