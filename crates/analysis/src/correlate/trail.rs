//! Everything that was said about one side of an attempt, for a diagnosis. Chatter too: what was sent and what came back
//! tells a lost direction from a refusal.

use tunlog_model::{Clue, Event, Field, Role};

use super::Correlator;
use super::facts::EvidencePolicy;

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
        let packet_id = event.int(Field::PacketId);
        let facts: Box<[(Field, Box<str>)]> = Clue::KEPT
            .iter()
            .filter_map(|field| Some((*field, shown(event, *field)?)))
            .collect();
        let again = self.0.iter_mut().rev().take(LOOKED_BACK).find(|clue| {
            std::ptr::eq(clue.message, message) && clue.facts == facts && clue.source == event.source
        });
        if let Some(clue) = again {
            clue.times = clue.times.saturating_add(1);
            clue.resent += u32::from(packet_id.is_some() && clue.packet_id == packet_id);
            clue.packet_id = packet_id;
            clue.last = event.time.micros;
            clue.last_line = event.line();
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
            time: event.time.micros,
            last: event.time.micros,
            message,
            times: 1,
            resent: 0,
            packet_id,
            pid: event.pid(),
            source: event.source,
            line: event.line(),
            last_line: event.line(),
            text: text.into(),
            facts,
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

/// A field as text, unless it is absent.
fn shown(event: &Event<'_>, field: Field) -> Option<Box<str>> {
    event.value(field)?;
    if let Some(ip) = event.ip(field) {
        return Some(ip.to_string().into());
    }
    if let Some(number) = event.int(field) {
        return Some(number.to_string().into());
    }
    event.text(field).map(|text| text.into())
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
                let carrier = tunnel.and_then(|tunnel| self.by_tunnel.get(&(host, tunnel)).copied());
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
        if let Some(link) = link.and_then(|key| self.links.get_mut(key)) {
            link.facts.trail.note(event, &policy);
        }
    }
}
