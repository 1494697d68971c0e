//! Whether a session was encrypted, as far as the logs can tell.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use tunlog_model::{Attempt, Event, EventKind, Outcome, Protocol, Role, text};

use super::Lately;

/// pppd processes, and sessions that came up, of which the logs are remembered.
const HEARD_MAX: usize = 65_536;
/// Gateways of which it is remembered which daemons speak there.
const HOSTS_MAX: usize = 4096;

/// A host's name as a number.
fn host_hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// The host that wrote a line.
pub fn host_of(event: &Event<'_>) -> u64 {
    host_hash(&text::lossy(event.host()))
}

/// The host of an attempt.
pub fn gateway_of(attempt: &Attempt) -> u64 {
    host_hash(attempt.gateway.as_deref().unwrap_or_default())
}

/// Whether it is a session.
pub fn is_up(attempt: &Attempt) -> bool {
    matches!(attempt.outcome, Outcome::Established | Outcome::Open)
}

/// Knows what was heard of links and of the daemons beside them.
#[derive(Debug)]
pub struct Protection {
    /// Links that were heard from their start, by host and process.
    links: Lately<(u64, u32), ()>,
    /// Sessions of such links, by host and the time when they came up.
    told: Lately<(u64, i64), ()>,
    /// Where an L2TP daemon speaks that knows nothing of IPsec, and where an IKE daemon does.
    l2tp_hosts: BTreeSet<u64>,
    ike_hosts: BTreeSet<u64>,
}

impl Default for Protection {
    fn default() -> Protection {
        Protection {
            links: Lately::new(HEARD_MAX),
            told: Lately::new(HEARD_MAX),
            l2tp_hosts: BTreeSet::new(),
            ike_hosts: BTreeSet::new(),
        }
    }
}

fn note(hosts: &mut BTreeSet<u64>, event: &Event<'_>) {
    if hosts.len() < HOSTS_MAX {
        hosts.insert(host_of(event));
    }
}

impl Protection {
    /// Any event.
    pub fn event(&mut self, event: &Event<'_>) {
        match (event.message().role, event.message().kind) {
            (Role::Ppp, EventKind::LinkUp) => self.links.insert((host_of(event), event.pid()), ()),
            (Role::Ppp, EventKind::AddressAssigned) => {
                let host = host_of(event);
                if self.links.remove(&(host, event.pid())).is_some() {
                    self.told.insert((host, event.time.micros), ());
                }
            }
            (Role::Ike, _) => note(&mut self.ike_hosts, event),
            (Role::L2tp, EventKind::TunnelEstablished | EventKind::CallEstablished) => {
                note(&mut self.l2tp_hosts, event);
            }
            _ => {}
        }
    }

    /// False where the logs show that a session was not encrypted: pppd, which always tells of MPPE where it is on, was heard of
    /// it from the start of its link and told none; or it was L2TP, and the IKE daemon, which speaks in these logs, knows nothing
    /// of it. Where the logs do not tell it is true.
    pub fn is_encrypted(&self, attempt: &Attempt) -> bool {
        let is_told = || {
            let key = attempt.up.map(|up| (gateway_of(attempt), up));
            key.is_some_and(|key| self.told.get(&key).is_some())
        };
        attempt.mppe_bits.is_some()
            || match attempt.protocol {
                Some(Protocol::Pptp) => !is_told(),
                Some(Protocol::L2tp) => self.lacks_ike(attempt),
                _ => true,
            }
    }

    /// The gateway's L2TP daemon speaks in these logs, and no IKE daemon does: whether L2TP ran inside IPsec is not known.
    pub fn lacks_ike(&self, attempt: &Attempt) -> bool {
        let gateway = gateway_of(attempt);
        self.l2tp_hosts.contains(&gateway) && !self.ike_hosts.contains(&gateway)
    }
}
