//! Whether a session was encrypted, as far as the logs can tell.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use tunlog_model::{Attempt, Event, EventKind, Outcome, Role, text};

use super::Lately;

/// pppd processes, and sessions that came up, of which the logs are remembered.
const HEARD_MAX: usize = 65_536;
/// Gateways of which it is remembered which daemons speak there.
pub const HOSTS_MAX: usize = 4096;

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

    /// Whether pppd, which always tells of MPPE where it is on, was heard of a session from the start of its link and told none.
    /// False where the logs do not tell.
    pub fn lacks_mppe(&self, attempt: &Attempt) -> bool {
        let key = attempt.up.map(|up| (gateway_of(attempt), up));
        attempt.mppe_bits.is_none() && key.is_some_and(|key| self.told.get(&key).is_some())
    }

    /// Whether a gateway's L2TP daemon speaks in these logs, and no IKE daemon does: then nobody knows whether L2TP ran inside
    /// IPsec. To be asked when the logs have ended.
    pub fn lacks_ike(&self, gateway: u64) -> bool {
        self.l2tp_hosts.contains(&gateway) && !self.ike_hosts.contains(&gateway)
    }
}
