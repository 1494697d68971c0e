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
    /// What its interface showed last: when the session ends the interface takes its counters with it.
    moved: Moved,
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
        let moved = self.sessions.get(&attempt.id).map(|known| known.moved);
        self.sessions.insert(
            attempt.id,
            Session {
                moved: moved.unwrap_or_default(),
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

    /// A session ended: its user's name as it stood and what its interface showed last, if it was known.
    pub fn remove(&mut self, id: u64) -> Option<(Option<Box<str>>, Moved)> {
        self.sessions.remove(&id).map(|session| (session.user, session.moved))
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

    /// Reads what the interfaces of this machine have moved for their sessions.
    pub fn look_at(&mut self, health: &Health) {
        if health.interfaces.is_empty() {
            return;
        }
        let of_here = |session: &&mut Session| match (&session.gateway, &health.host) {
            (Some(gateway), Some(host)) => **gateway == **host,
            // a log without a host name is this machine's
            (None, _) => true,
            (Some(_), None) => false,
        };
        let mut names: FxHashMap<Box<str>, &mut Session> = FxHashMap::default();
        for session in self.sessions.values_mut().filter(of_here) {
            // of two sessions that seem to be up on one interface only the later one can be
            let Some(name) = session.interface.clone() else {
                continue;
            };
            match names.get(&name) {
                Some(kept) if kept.last_seen >= session.last_seen => {}
                _ => _ = names.insert(name, session),
            }
        }
        for interface in &health.interfaces {
            if let Some(session) = names.get_mut(&*interface.name) {
                session.moved.received = session.moved.received.max(interface.received);
                session.moved.sent = session.moved.sent.max(interface.sent);
            }
        }
    }

    /// What the interfaces have moved for the sessions of a protocol that are up.
    pub fn moved(&self, protocol: &str) -> Moved {
        let mut moved = Moved::default();
        for session in self.sessions.values().filter(|session| session.protocol == protocol) {
            moved.received = moved.received.saturating_add(session.moved.received);
            moved.sent = moved.sent.saturating_add(session.moved.sent);
        }
        moved
    }
}
