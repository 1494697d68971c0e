//! Who may be connected: a place among the connections that may be open, and before it, where a peer has to prove first who it is,
//! one among the handshakes. Whoever proves nothing takes no place and no name of those who do.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::pki_types::CertificateDer;
use tunlog_ingest::Problem;

use super::gate::{Gate, Peer, Tally};
use super::tls::Certificates;
use crate::crowd::{Counted, Full, Most};

/// One address may have this part of the handshakes that may be under way.
const SHARE: usize = 4;

/// A TLS handshake that is under way.
pub(super) struct Handshake {
    pub gate: Arc<Gate>,
    pub certificates: Arc<Certificates>,
    from: IpAddr,
    /// The configuration that held when it began.
    judged: u64,
    _counted: Counted<IpAddr>,
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
        let name = || format!("{}/{from}", gate.name);
        let of_peer = gate.handshakes.of(&from) + gate.connections_of(from);
        if of_peer >= limits.peer_connections_max {
            refuse(gate, &name(), ("peer-connections-max", limits.peer_connections_max));
            return None;
        }
        let most = Most {
            all: limits.handshakes_max,
            each: limits.handshakes_max.div_ceil(SHARE),
        };
        let Ok(counted) = gate.handshakes.take(from, most) else {
            refuse(gate, &name(), ("handshakes-max", limits.handshakes_max));
            return None;
        };
        Some(Handshake {
            gate: Arc::clone(gate),
            certificates,
            from,
            judged,
            _counted: counted,
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
    _counted: Counted<Box<str>>,
}

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
        let most = Most {
            all: limits.connections_max,
            each: if own { usize::MAX } else { limits.peer_connections_max },
        };
        let counted = match gate.connections.take(peer.feed.key.clone(), most) {
            Ok(counted) => counted,
            Err(full) => {
                let limit = match full {
                    Full::All => ("connections-max", most.all),
                    Full::Each => ("peer-connections-max", most.each),
                };
                refuse(gate, &peer.feed.name, limit);
                return None;
            }
        };
        Tally::add(&gate.tally.connected, 1);
        Some(Seat {
            gate: Arc::clone(gate),
            peer,
            from: None,
            proof: None,
            judged: AtomicU64::new(judged),
            _counted: counted,
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

/// Counts and tells that somebody was refused, for the sake of a limit and its value.
fn refuse(gate: &Gate, name: &str, (key, most): (&str, usize)) {
    Tally::add(&gate.tally.refused, 1);
    let cause = format!("a connection was refused: {most} are open (`{key}`)");
    gate.tell(Problem::warning(name, cause));
}
