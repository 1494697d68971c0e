//! The sessions that are up, as gauges need them.

use std::collections::HashSet;

use rustc_hash::FxHashMap;
use tunlog_model::{Attempt, Protocol};

use super::health::Health;
use super::words;

/// Sessions that are remembered; more are counted when they come and go, and are missing in the gauges.
const OPEN_MAX: usize = 200_000;

/// One session.
#[derive(Debug)]
struct Session {
    protocol: &'static str,
    user: Option<Box<str>>,
    interface: Option<Box<str>>,
    gateway: Option<Box<str>>,
    encrypted: bool,
    last_seen: i64,
}

/// The sessions by their attempts' ids.
#[derive(Debug, Default)]
pub struct Open {
    sessions: FxHashMap<u64, Session>,
}

/// What gauges say of one protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Up and heard of.
    pub active: u64,
    /// Up, and nothing was heard of it for long.
    pub stale: u64,
    /// Distinct names.
    pub users: u64,
    /// Not encrypted.
    pub unencrypted: u64,
}

/// Bytes from and to clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// From clients.
    pub received: u64,
    /// To clients.
    pub sent: u64,
}

impl Open {
    /// A session came up, or is told again with more. True if it was not known.
    pub fn insert(&mut self, attempt: &Attempt) -> bool {
        let is_new = !self.sessions.contains_key(&attempt.id);
        if is_new && self.sessions.len() >= OPEN_MAX {
            return true;
        }
        self.sessions.insert(
            attempt.id,
            Session {
                protocol: words::protocol(attempt.protocol),
                user: attempt.user.clone(),
                interface: attempt.interface.clone(),
                gateway: attempt.gateway.clone(),
                encrypted: attempt.mppe_bits.is_some() || attempt.protocol == Some(Protocol::L2tpIpsec),
                last_seen: attempt.last_seen,
            },
        );
        is_new
    }

    /// A session ended: its user's name as it stood, if it was known.
    pub fn remove(&mut self, id: u64) -> Option<Option<Box<str>>> {
        self.sessions.remove(&id).map(|session| session.user)
    }

    /// What gauges say of a protocol; who was heard of before `stale` is stale.
    pub fn gauges(&self, protocol: &str, stale: i64) -> Gauges {
        let mut gauges = Gauges::default();
        let mut names = HashSet::new();
        for session in self.sessions.values().filter(|session| session.protocol == protocol) {
            match session.last_seen < stale {
                true => gauges.stale += 1,
                false => gauges.active += 1,
            }
            gauges.unencrypted += u64::from(!session.encrypted && session.protocol != words::UNKNOWN);
            names.extend(session.user.as_deref());
        }
        gauges.users = names.len() as u64;
        gauges
    }

    /// What the interfaces of this machine have moved for the sessions of a protocol.
    pub fn moved(&self, protocol: &str, health: &Health) -> Moved {
        let mut moved = Moved::default();
        if health.interfaces.is_empty() {
            return moved;
        }
        let of_here = |session: &&Session| match (&session.gateway, &health.host) {
            (Some(gateway), Some(host)) => **gateway == **host,
            // a log without a host name is this machine's
            (None, _) => true,
            (Some(_), None) => false,
        };
        let mut names: FxHashMap<&str, &Session> = FxHashMap::default();
        for session in self.sessions.values().filter(of_here) {
            // of two sessions that seem to be up on one interface only the later one can be
            if let Some(name) = session.interface.as_deref() {
                let kept = names.entry(name).or_insert(session);
                if kept.last_seen < session.last_seen {
                    *kept = session;
                }
            }
        }
        for interface in &health.interfaces {
            let session = names.get(&*interface.name);
            if session.is_some_and(|session| session.protocol == protocol) {
                moved.received = moved.received.saturating_add(interface.received);
                moved.sent = moved.sent.saturating_add(interface.sent);
            }
        }
        moved
    }
}
