//! Everything that was said about one side of an attempt, for a diagnosis. Chatter too: what was sent and what came back
//! tells a lost direction from a refusal.

use rustc_hash::FxHashMap;
use tunlog_model::{Clue, Event, Field, Protocol, Role};

use super::Correlator;
use super::carrier::Carrier;
use super::facts::EvidencePolicy;
use super::slab::Key;

/// Most clues of one side: the first ones stay, and the last ones in place of each other.
const CLUES_MAX: usize = 64;
/// How far back equal lines are looked for: a request and its answer alternate.
const LOOKED_BACK: usize = 4;
/// Longest text kept of one line, bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// The clues of one side, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Trail(Vec<Clue>);

impl Trail {
    /// Takes a line in.
    pub fn note(&mut self, event: &Event<'_>, policy: &EvidencePolicy) {
        let message = event.message();
        let new = Clue::of(event, Box::default());
        // echoes come for ever; of other packets a new identifier is a new packet
        let is_echo = message.packet.is_some_and(|packet| packet.code.starts_with("Echo"));
        let again = self.0.iter_mut().rev().take(LOOKED_BACK).find(|clue| {
            std::ptr::eq(clue.message, message)
                && clue.source == event.source
                && (is_echo || (clue.facts == new.facts && clue.packet_id == new.packet_id))
        });
        if let Some(clue) = again {
            clue.times = clue.times.saturating_add(1);
            clue.resent += u32::from(new.packet_id.is_some() && !is_echo);
            clue.last = new.last;
            clue.last_line = new.last_line;
            return;
        }
        if self.0.len() >= CLUES_MAX {
            self.0.remove(CLUES_MAX / 2);
        }
        let mut text = policy.text(event).into_string();
        if text.len() > TEXT_BYTES_MAX {
            let end = (0..=TEXT_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at));
            text.truncate(end.unwrap_or_default());
        }
        self.0.push(Clue {
            text: text.into(),
            ..new
        });
    }

    /// Adds the clues of another side.
    pub fn join(&mut self, other: Trail) {
        self.0.extend(other.0);
    }

    /// All, in the order of time; of one moment in the order of the source.
    pub fn into_clues(mut self) -> Vec<Clue> {
        self.0.sort_by_key(|clue| (clue.time, clue.source, clue.line));
        self.0
    }
}

impl Correlator {
    /// A line that no attempt is made of, but a diagnosis may be.
    pub(super) fn remark(&mut self, event: &Event<'_>) {
        if !self.policy.trail {
            return;
        }
        let host = self.host(event.host());
        let policy = self.policy;
        let pid = event.pid();
        let link = self.by_link.get(&(host, pid)).copied();
        match event.message().role {
            Role::Ppp => {}
            Role::Pptp => {
                let carrier = self.by_control.get(&(host, pid)).copied();
                if let Some(carrier) = carrier.and_then(|key| self.carriers.get_mut(key)) {
                    carrier.facts.trail.note(event, &policy);
                    return;
                }
            }
            Role::L2tp => {
                let tunnel = event.int(Field::TunnelId);
                let carrier = tunnel
                    .and_then(|tunnel| self.by_tunnel.get(&(host, tunnel)).copied())
                    .or_else(|| self.unnumbered_tunnel(host));
                if let Some(carrier) = carrier.and_then(|key| self.carriers.get_mut(key)) {
                    carrier.facts.trail.note(event, &policy);
                }
                return;
            }
            Role::Caller => {
                let call = self.by_caller.get(&host).copied();
                if let Some(carrier) = call.and_then(|key| self.carriers.get_mut(key)) {
                    carrier.facts.trail.note(event, &policy);
                }
                return;
            }
            _ => return,
        }
        match link.and_then(|key| self.links.get_mut(key)) {
            Some(link) => link.facts.trail.note(event, &policy),
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
        self.0.entry(process).or_default().note(event, policy);
    }

    /// What a process said.
    pub fn take(&mut self, host: u32, pid: u32) -> Trail {
        if self.0.is_empty() {
            return Trail::default();
        }
        self.0.remove(&(host, pid)).unwrap_or_default()
    }
}
