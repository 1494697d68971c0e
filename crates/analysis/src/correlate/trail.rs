//! Whom a line concerns that no attempt is made of, but a diagnosis may be.

use rustc_hash::FxHashMap;
use tunlog_model::{Event, Field, Protocol, Role, Trail};

use super::Correlator;
use super::carrier::Carrier;
use super::facts::{EvidencePolicy, Facts};
use super::slab::Key;

/// The trails of the sides of an attempt, taken from them.
pub fn of<'f>(sides: impl Iterator<Item = &'f mut Facts>) -> Trail {
    let mut all = Trail::default();
    sides.for_each(|facts| all.join(std::mem::take(&mut facts.trail)));
    all.in_order()
}

impl Correlator {
    /// A line that no attempt is made of, but a diagnosis may be.
    pub(super) fn remark(&mut self, event: &Event<'_>) {
        if !self.policy.trail {
            return;
        }
        let host = self.hosts.of(event);
        let policy = self.policy;
        let pid = event.pid();
        let link = self.by_link.get(host, pid);
        match event.message().role {
            Role::Ppp => {}
            Role::Pptp => {
                let carrier = self.by_control.get(host, pid);
                if let Some(carrier) = carrier.and_then(|key| self.carriers.get_mut(key)) {
                    carrier.facts.trail.note(event, &policy.reading);
                    return;
                }
            }
            Role::L2tp => {
                let tunnel = event.int(Field::TunnelId);
                let carrier = tunnel
                    .and_then(|tunnel| self.by_tunnel.get(&(host, tunnel)).copied())
                    .or_else(|| self.unnumbered_tunnel(host));
                if let Some(carrier) = carrier.and_then(|key| self.carriers.get_mut(key)) {
                    carrier.facts.trail.note(event, &policy.reading);
                }
                return;
            }
            Role::Caller => {
                let call = self.by_caller.get(&host).copied();
                if let Some(carrier) = call.and_then(|key| self.carriers.get_mut(key)) {
                    carrier.facts.trail.note(event, &policy.reading);
                }
                return;
            }
            _ => return,
        }
        match link.and_then(|key| self.links.get_mut(key)) {
            Some(link) => link.facts.trail.note(event, &policy.reading),
            None => self.early.note(host, event, &policy),
        }
    }

    /// The newest L2TP tunnel that has no number yet: what its daemon says before there is one is about it.
    fn unnumbered_tunnel(&self, host: u32) -> Option<Key> {
        let waits = |carrier: &Carrier| {
            carrier.host == host
                && carrier.protocol != Protocol::Pptp
                && carrier.tunnel_id.is_none()
                && carrier.finished.is_none()
        };
        let waiting = self.carriers.iter().filter(|(_, carrier)| waits(carrier));
        waiting
            .max_by_key(|(_, carrier)| carrier.facts.last)
            .map(|(key, _)| key)
    }
}

/// How many processes are listened to before they say anything that makes them a link: plug-ins and options come first.
const EARLY_MAX: usize = 256;

/// What processes said before they were a link.
#[derive(Debug, Default)]
pub struct Early(FxHashMap<(u32, u32), Trail>);

impl Early {
    fn note(&mut self, host: u32, event: &Event<'_>, policy: &EvidencePolicy) {
        let process = (host, event.pid());
        if self.0.len() >= EARLY_MAX && !self.0.contains_key(&process) {
            self.0.clear();
        }
        self.0.entry(process).or_default().note(event, &policy.reading);
    }

    /// What a process said.
    pub fn take(&mut self, host: u32, pid: u32) -> Trail {
        if self.0.is_empty() {
            return Trail::default();
        }
        self.0.remove(&(host, pid)).unwrap_or_default()
    }
}
