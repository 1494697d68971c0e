//! Who is connected: nobody gets all the places there are.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// How many connections there may be.
#[derive(Debug)]
pub struct Crowd {
    all_max: usize,
    client_max: usize,
    here: Mutex<HashMap<Client, usize>>,
}

/// A connection's place; free again when it is dropped.
#[derive(Debug)]
pub struct Seat {
    crowd: Arc<Crowd>,
    client: Client,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(all_max: usize, client_max: usize) -> Crowd {
        Crowd {
            all_max,
            client_max,
            here: Mutex::default(),
        }
    }

    /// A place for one more connection of a client, if there is one.
    pub fn take(self: &Arc<Crowd>, client: Client) -> Option<Seat> {
        let mut here = self.here();
        let all: usize = here.values().sum();
        let own = here.get(&client).copied().unwrap_or(0);
        if all >= self.all_max || own >= self.client_max {
            return None;
        }
        here.insert(client, own + 1);
        drop(here);
        Some(Seat {
            crowd: Arc::clone(self),
            client,
        })
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.here().is_empty()
    }

    fn here(&self) -> MutexGuard<'_, HashMap<Client, usize>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut here = self.crowd.here();
        match here.get_mut(&self.client) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                here.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ip: &str) -> Client {
        Client::of_address(ip.parse().expect("an address"))
    }

    #[test]
    fn nobody_gets_all_places() {
        let crowd = Arc::new(Crowd::new(5, 3));
        let mut held: Vec<Seat> = (0..3).map(|_| crowd.take(of("192.0.2.1")).expect("a place")).collect();
        assert!(crowd.take(of("192.0.2.1")).is_none());
        held.push(crowd.take(of("192.0.2.2")).expect("a place"));
        held.push(crowd.take(Client::User(0)).expect("a place"));
        assert!(crowd.take(Client::User(1)).is_none(), "all are taken");
        held.remove(0);
        let again = crowd.take(of("::ffff:192.0.2.1")).expect("a place");
        assert!(crowd.take(of("192.0.2.3")).is_none());
        drop((again, held));
        assert!(crowd.is_empty());
    }

    #[test]
    fn a_network_of_one_machine_is_one_client() {
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("::1"), of("::2"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
