//! Everything that was said about one side of an attempt, for a diagnosis. Chatter too: what was sent and what came back
//! tells a lost direction from a refusal.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tunlog_model::{Clue, Event, Field, Message, Protocol, Role, SharedText, SourceId};

use super::Correlator;
use super::carrier::Carrier;
use super::facts::{EvidencePolicy, Facts};
use super::slab::Key;

/// Most clues of one side: the first ones stay, and the last ones in place of each other.
const CLUES_MAX: usize = 64;
/// How far back equal lines are looked for: a request and its answer alternate.
const LOOKED_BACK: usize = 4;
/// Room that a trail begins with, lines and bytes of text: that of an attempt that fails at once.
const BEGIN_LINES: usize = 16;
const BEGIN_BYTES: usize = 2048;
/// Longest text kept of one line, bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// Bytes of a trail's text that are lines it has let go of, before the others are moved together.
const GONE_BYTES_MAX: usize = 16 * 1024;

/// A line of a trail: what `Clue` says, with places in the trail's text.
#[derive(Clone, Debug)]
struct Line {
    time: i64,
    last: i64,
    message: &'static Message,
    times: u32,
    resent: u32,
    packet_id: Option<i64>,
    pid: u32,
    source: SourceId,
    line: u64,
    last_line: u64,
    text: Range<u32>,
    /// Its fields among those of the trail.
    facts: Range<u32>,
}

/// What was said about one side, in the order in which it came. A trail is three allocations, however many lines it has: a
/// gateway has thousands of sides open, and most of them will never be asked for theirs.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    lines: Vec<Line>,
    facts: Vec<(Field, Range<u32>)>,
    text: String,
    /// Bytes of the text that no line has any more.
    gone: usize,
}

impl Trail {
    /// Takes a line in.
    pub fn note(&mut self, event: &Event<'_>, policy: &EvidencePolicy) {
        if self.lines.capacity() == 0 {
            self.lines.reserve_exact(BEGIN_LINES);
            self.facts.reserve_exact(BEGIN_LINES);
            self.text.reserve_exact(BEGIN_BYTES);
        }
        let (text, facts) = (self.text.len(), self.facts.len());
        let known = &mut self.facts;
        Clue::write_facts(event, &mut self.text, |field, part| known.push((field, part)));
        let facts = facts as u32..self.facts.len() as u32;
        let packet_id = event.int(Field::PacketId);
        if self.is_said_again(event, packet_id, &facts) {
            self.facts.truncate(facts.start as usize);
            self.text.truncate(text);
            return;
        }
        let text = self.write_text(event, policy);
        self.lines.push(Line {
            time: event.time.micros,
            last: event.time.micros,
            message: event.message(),
            times: 1,
            resent: 0,
            packet_id,
            pid: event.pid(),
            source: event.source,
            line: event.line(),
            last_line: event.line(),
            text,
            facts,
        });
        if self.lines.len() > CLUES_MAX {
            self.let_go(CLUES_MAX / 2);
        }
    }

    /// Whether a line says what one shortly before it said, which is then counted once more.
    fn is_said_again(&mut self, event: &Event<'_>, packet_id: Option<i64>, facts: &Range<u32>) -> bool {
        let message = event.message();
        // echoes come for ever; of other packets a new identifier is a new packet
        let is_echo = message.packet.is_some_and(|packet| packet.code.starts_with("Echo"));
        let (text, known) = (&self.text, &self.facts);
        let says = |facts: &Range<u32>| {
            let facts = &known[facts.start as usize..facts.end as usize];
            facts
                .iter()
                .map(|(field, part)| (*field, &text[part.start as usize..part.end as usize]))
        };
        let mut lately = self.lines.iter_mut().rev().take(LOOKED_BACK);
        let again = lately.find(|line| {
            std::ptr::eq(line.message, message)
                && line.source == event.source
                && (is_echo || (line.packet_id == packet_id && says(&line.facts).eq(says(facts))))
        });
        let Some(line) = again else { return false };
        line.times = line.times.saturating_add(1);
        line.resent += u32::from(packet_id.is_some() && !is_echo);
        line.last = event.time.micros;
        line.last_line = event.line();
        true
    }

    /// Adds the line as it may be shown, cut if it is very long; where it stands.
    fn write_text(&mut self, event: &Event<'_>, policy: &EvidencePolicy) -> Range<u32> {
        let start = self.text.len();
        policy.write(event, &mut self.text);
        if self.text.len() - start > TEXT_BYTES_MAX {
            self.text
                .truncate(self.text.floor_char_boundary(start + TEXT_BYTES_MAX));
        }
        start as u32..self.text.len() as u32
    }

    /// Lets go of a line.
    fn let_go(&mut self, at: usize) {
        let line = self.lines.remove(at);
        let fields = &self.facts[line.facts.start as usize..line.facts.end as usize];
        self.gone += line.text.len() + fields.iter().map(|(_, part)| part.len()).sum::<usize>();
        if self.gone > GONE_BYTES_MAX {
            let kept = std::mem::take(self);
            self.join(kept);
        }
    }

    /// The trails of the sides of an attempt, taken from them.
    pub fn of<'f>(sides: impl Iterator<Item = &'f mut Facts>) -> Trail {
        let mut all = Trail::default();
        sides.for_each(|facts| all.join(std::mem::take(&mut facts.trail)));
        all
    }

    /// Adds the clues of another side.
    pub fn join(&mut self, other: Trail) {
        if self.lines.is_empty() && other.gone == 0 {
            *self = other;
            return;
        }
        for mut line in other.lines {
            let fields = &other.facts[line.facts.start as usize..line.facts.end as usize];
            let first = self.facts.len() as u32;
            for (field, part) in fields {
                let part = self.write(&other.text, part);
                self.facts.push((*field, part));
            }
            line.facts = first..self.facts.len() as u32;
            line.text = self.write(&other.text, &line.text);
            self.lines.push(line);
        }
    }

    /// Adds a part of another text; where it stands now.
    fn write(&mut self, text: &str, part: &Range<u32>) -> Range<u32> {
        let start = self.text.len() as u32;
        self.text.push_str(&text[part.start as usize..part.end as usize]);
        start..self.text.len() as u32
    }

    /// All, in the order of time; of one moment in the order of the source.
    pub fn into_clues(mut self) -> Vec<Clue> {
        if self.lines.is_empty() {
            return Vec::new();
        }
        self.lines.sort_by_key(|line| (line.time, line.source, line.line));
        let whole: Arc<str> = self.text.into();
        let shared = |part: &Range<u32>| SharedText::part(&whole, part.clone());
        let clue = |line: &Line| {
            let fields = &self.facts[line.facts.start as usize..line.facts.end as usize];
            Clue {
                time: line.time,
                last: line.last,
                message: line.message,
                times: line.times,
                resent: line.resent,
                packet_id: line.packet_id,
                pid: line.pid,
                source: line.source,
                line: line.line,
                last_line: line.last_line,
                text: shared(&line.text),
                facts: fields.iter().map(|(field, part)| (*field, shared(part))).collect(),
            }
        };
        self.lines.iter().map(clue).collect()
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
