//! Who may be connected: a place among the connections that may be open, and before it, where a peer has to prove first who it is,
//! one among the handshakes. Whoever proves nothing takes no place and no name of those who do.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::pki_types::CertificateDer;
use tunlog_ingest::Problem;

use super::gate::{Gate, Peer, Tally, lock};
use super::tls::Certificates;

/// One address may have this part of the handshakes that may be under way.
const SHARE: usize = 4;

/// A TLS handshake that is under way.
pub(super) struct Handshake {
    pub gate: Arc<Gate>,
    pub certificates: Arc<Certificates>,
    from: IpAddr,
    /// The configuration that held when it began.
    judged: u64,
}

impl Handshake {
    /// Of a peer that just came, if there is room for it. Connections of its address count from here on.
    pub fn begin(gate: &Arc<Gate>, from: IpAddr, certificates: Arc<Certificates>) -> Option<Handshake> {
        let from = from.to_canonical();
        let judged = gate.generation();
        if !gate.admits(from) {
            return None;
        }
        let limits = gate.limits();
        let mut under_way = lock(&gate.handshakes);
        let all: usize = under_way.values().sum();
        let own = under_way.get(&from).copied().unwrap_or(0);
        let share = limits.handshakes_max.div_ceil(SHARE);
        let full = if own + gate.connections_of(from) >= limits.peer_connections_max {
            Some(("peer-connections-max", limits.peer_connections_max))
        } else if all >= limits.handshakes_max || own >= share {
            Some(("handshakes-max", limits.handshakes_max))
        } else {
            None
        };
        if let Some((key, most)) = full {
            drop(under_way);
            refuse(gate, &format!("{}/{from}", gate.name), key, most);
            return None;
        }
        under_way.insert(from, own + 1);
        drop(under_way);
        Some(Handshake {
            gate: Arc::clone(gate),
            certificates,
            from,
            judged,
        })
    }

    /// It is done: the peer has a place from now on, if there is one. `shown`: its certificates.
    pub fn seat(self, shown: Vec<CertificateDer<'static>>) -> Option<Seat> {
        let peer = self.gate.peer(self.from)?;
        let seat = Seat::take(&self.gate, peer)?;
        Some(Seat {
            from: Some(self.from),
            proof: Some((Arc::clone(&self.certificates), shown)),
            judged: AtomicU64::new(self.judged),
            ..seat
        })
    }

    /// Tells why it came to nothing.
    pub fn failed(&self, cause: String) {
        let name = format!("{}/{}", self.gate.name, self.from);
        self.gate.tell(Problem::error(name, cause));
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let mut under_way = lock(&self.gate.handshakes);
        match under_way.get_mut(&self.from) {
            Some(own) if *own > 1 => *own -= 1,
            _ => {
                under_way.remove(&self.from);
            }
        }
    }
}

/// A connection's place among those that may be open.
pub(super) struct Seat {
    pub gate: Arc<Gate>,
    pub peer: Arc<Peer>,
    /// None: a Unix socket.
    from: Option<IpAddr>,
    /// By TLS: the certificates that the peer has shown, and who judges them.
    proof: Option<(Arc<Certificates>, Vec<CertificateDer<'static>>)>,
    /// The configuration by which it was judged last, and found good.
    judged: AtomicU64,
    _count: Count,
}

/// What the place counts for.
struct Count(Arc<Gate>, Arc<Peer>);

impl Seat {
    /// At a Unix socket.
    pub fn of_own(gate: &Arc<Gate>) -> Option<Seat> {
        Seat::take(gate, Arc::clone(&gate.own))
    }

    /// Of a peer that comes from an address, if it may.
    pub fn of_address(gate: &Arc<Gate>, from: IpAddr) -> Option<Seat> {
        let from = from.to_canonical();
        let seat = Seat::take(gate, gate.peer(from)?)?;
        Some(Seat {
            from: Some(from),
            ..seat
        })
    }

    fn take(gate: &Arc<Gate>, peer: Arc<Peer>) -> Option<Seat> {
        let (limits, judged) = (gate.limits(), gate.generation());
        let own = Arc::ptr_eq(&peer, &gate.own);
        let of_peer = peer.connections.load(Ordering::Relaxed);
        let full = if gate.tally.connections.load(Ordering::Relaxed) >= limits.connections_max {
            Some(("connections-max", limits.connections_max))
        } else if !own && of_peer >= limits.peer_connections_max {
            Some(("peer-connections-max", limits.peer_connections_max))
        } else {
            None
        };
        if let Some((key, most)) = full {
            refuse(gate, &peer.feed.name, key, most);
            return None;
        }
        peer.connections.fetch_add(1, Ordering::Relaxed);
        gate.tally.connections.fetch_add(1, Ordering::Relaxed);
        Tally::add(&gate.tally.connected, 1);
        Some(Seat {
            gate: Arc::clone(gate),
            peer: Arc::clone(&peer),
            from: None,
            proof: None,
            judged: AtomicU64::new(judged),
            _count: Count(Arc::clone(gate), peer),
        })
    }

    /// Waits until the configuration does not allow this connection any longer.
    pub async fn put_out(&self) {
        let mut changed = self.gate.changed.subscribe();
        while self.is_allowed() {
            if changed.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn is_allowed(&self) -> bool {
        let now = self.gate.generation();
        if self.judged.load(Ordering::Relaxed) == now {
            return true;
        }
        let is_near = self.from.is_none_or(|from| self.gate.limits().allow.allows(from));
        let is_known = self.proof.as_ref().is_none_or(|(judge, shown)| judge.trusts(shown));
        if is_near && is_known {
            self.judged.store(now, Ordering::Relaxed);
        }
        is_near && is_known
    }

    /// Tells why a connection was ended by us.
    pub fn ended(&self, position: Option<String>, cause: String) {
        let problem = Problem {
            position,
            ..Problem::error(&*self.peer.feed.name, cause)
        };
        self.gate.tell(problem);
    }
}

fn refuse(gate: &Gate, name: &str, key: &str, most: usize) {
    Tally::add(&gate.tally.refused, 1);
    let cause = format!("a connection was refused: {most} are open (`{key}`)");
    gate.tell(Problem::warning(name, cause));
}

impl Drop for Count {
    fn drop(&mut self) {
        self.1.connections.fetch_sub(1, Ordering::Relaxed);
        self.0.tally.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
