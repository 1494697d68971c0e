//! Which of two addresses is the gateway: the one that listens.

use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::tell::Way;

/// Pairs that are remembered; a flood of addresses makes them start afresh.
const PAIRS_MAX: usize = 16_384;

/// How a pair's roles are known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sure {
    /// The first packet's sender was taken for the client.
    Guessed,
    /// The other one is a gateway of somebody else.
    Elsewhere,
    /// A packet said so.
    Said,
}

/// The roles of addresses that talk with each other.
#[derive(Default)]
pub(super) struct Sides {
    /// The gateway of each pair (the lower address first), and how it is known.
    pairs: FxHashMap<(IpAddr, IpAddr), (IpAddr, Sure)>,
    /// Addresses that proved to be gateways.
    gateways: FxHashMap<IpAddr, ()>,
}

impl Sides {
    /// A packet proves that `server` listens.
    pub fn learn(&mut self, client: IpAddr, server: IpAddr) {
        self.remember(client, server, server, Sure::Said);
        if self.gateways.len() < PAIRS_MAX {
            self.gateways.insert(server, ());
        }
    }

    /// The way of a packet.
    pub fn way(&mut self, from: IpAddr, to: IpAddr) -> Way {
        let known = self.pairs.get(&pair(from, to)).copied();
        if let Some((server, sure)) = known
            && sure > Sure::Guessed
        {
            return Way::of(from, to, server == to);
        }
        let (server, sure) = match (self.gateways.contains_key(&from), self.gateways.contains_key(&to)) {
            (true, false) => (from, Sure::Elsewhere),
            (false, true) => (to, Sure::Elsewhere),
            _ => known.unwrap_or((to, Sure::Guessed)),
        };
        self.remember(from, to, server, sure);
        Way::of(from, to, server == to)
    }

    fn remember(&mut self, one: IpAddr, other: IpAddr, server: IpAddr, sure: Sure) {
        if self.pairs.len() >= PAIRS_MAX {
            self.pairs.clear();
        }
        self.pairs.insert(pair(one, other), (server, sure));
    }
}

fn pair(one: IpAddr, other: IpAddr) -> (IpAddr, IpAddr) {
    if one <= other { (one, other) } else { (other, one) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_the_gateway_and_the_first_sender_the_client_otherwise() {
        let [a, b, c] = [1, 2, 3].map(|last| IpAddr::from([203, 0, 113, last]));
        let mut sides = Sides::default();
        assert_eq!(sides.way(a, b), Way::of(a, b, true));
        assert_eq!(sides.way(b, a), Way::of(b, a, false));
        sides.learn(b, a);
        assert_eq!(sides.way(b, a), Way::of(b, a, true));
        assert_eq!(sides.way(a, c), Way::of(a, c, false));
    }
}
