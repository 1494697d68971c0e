//! Everything that was said about one side of an attempt, for a diagnosis. Chatter too: what was sent and what came back
//! tells a lost direction from a refusal.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use tunlog_model::{Clue, Event, Field, Message, Protocol, Redact, Role, Said, SourceId};

use super::Correlator;
use super::carrier::Carrier;
use super::facts::{EvidencePolicy, Facts};
use super::slab::Key;

/// Most clues of one side: the first ones stay, and the last ones in place of each other.
const CLUES_MAX: usize = 64;
/// How far back equal lines are looked for: a request and its answer alternate.
const LOOKED_BACK: usize = 4;
/// Room that a trail begins with and grows by, lines and bytes of text: half of an attempt that fails at once.
const ROOM_LINES: usize = 16;
const ROOM_BYTES: usize = 2048;
/// Longest text kept of one line, bytes.
const TEXT_BYTES_MAX: usize = 1024;

/// Bytes of a trail's text that are lines it has let go of, before the others are moved together.
const GONE_BYTES_MAX: usize = 16 * 1024;

/// A line of a trail: what `Clue` says, with places in what was said.
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
    raw: Range<u32>,
    /// Its fields among those of the trail.
    facts: Range<u32>,
    /// It may be shown as it is.
    plain: bool,
}

/// What was said about one side, in the order in which it came. A trail is three allocations, however many lines it has: a
/// gateway has thousands of sides open, and most of them will never be asked for theirs. So lines are kept as they stand in
/// the log, and secrets are taken out of those that are shown.
#[derive(Clone, Debug, Default)]
pub struct Trail {
    lines: Vec<Line>,
    said: Said,
    /// Takes the secrets out of the lines.
    redact: Option<Redact>,
    /// Bytes of what was said that no line has any more.
    gone: usize,
}

impl Trail {
    /// Takes a line in.
    pub fn note(&mut self, event: &Event<'_>, policy: &EvidencePolicy) {
        let packet_id = event.int(Field::PacketId);
        let (bytes, facts) = (self.said.bytes.len(), self.said.facts.len());
        let mut of_line = None;
        if self.may_be_said_again(event, packet_id) {
            let facts_of = self.said.add_facts(event);
            if self.is_said_again(event, packet_id, &facts_of) {
                self.said.facts.truncate(facts);
                self.said.bytes.truncate(bytes);
                return;
            }
            of_line = Some(facts_of);
        }
        self.make_room(event.raw().len());
        let facts = of_line.unwrap_or_else(|| self.said.add_facts(event));
        let (raw, plain) = self.add_line(event, policy);
        self.redact = policy.redact;
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
            raw,
            facts,
            plain,
        });
        if self.lines.len() > CLUES_MAX {
            self.let_go(CLUES_MAX / 2);
        }
    }

    /// Grows by steps, not by doubling: what is not used lies about in thousands of trails.
    fn make_room(&mut self, bytes: usize) {
        if self.lines.len() == self.lines.capacity() {
            self.lines.reserve_exact(ROOM_LINES);
            self.said.facts.reserve_exact(ROOM_LINES);
        }
        if self.said.bytes.capacity() - self.said.bytes.len() < bytes {
            self.said.bytes.reserve_exact(ROOM_BYTES.max(bytes));
        }
    }

    /// The lines shortly before that a line may repeat, as far as can be told without its fields.
    fn lately<'t>(
        lines: &'t mut [Line],
        event: &Event<'_>,
        packet_id: Option<i64>,
    ) -> impl Iterator<Item = &'t mut Line> + use<'t> {
        let (message, source) = (event.message(), event.source);
        let is_echo = is_echo(message);
        let lately = lines.iter_mut().rev().take(LOOKED_BACK);
        lately.filter(move |line| {
            std::ptr::eq(line.message, message) && line.source == source && (is_echo || line.packet_id == packet_id)
        })
    }

    fn may_be_said_again(&mut self, event: &Event<'_>, packet_id: Option<i64>) -> bool {
        Trail::lately(&mut self.lines, event, packet_id).next().is_some()
    }

    /// Whether a line says what one shortly before it said, which is then counted once more.
    fn is_said_again(&mut self, event: &Event<'_>, packet_id: Option<i64>, facts: &Range<u32>) -> bool {
        // echoes come for ever; of other packets a new identifier is a new packet
        let is_echo = is_echo(event.message());
        let said = &self.said;
        let mut lately = Trail::lately(&mut self.lines, event, packet_id);
        let again = lately.find(|line| is_echo || said.facts(&line.facts).eq(said.facts(facts)));
        let Some(line) = again else { return false };
        line.times = line.times.saturating_add(1);
        line.resent += u32::from(packet_id.is_some() && !is_echo);
        line.last = event.time.micros;
        line.last_line = event.line();
        true
    }

    /// Adds a line; where it stands, and whether it may be shown as it stands there. One that is very long is cut, when its secrets
    /// are out.
    fn add_line(&mut self, event: &Event<'_>, policy: &EvidencePolicy) -> (Range<u32>, bool) {
        let start = self.said.bytes.len();
        let raw = event.raw().trim_ascii_end();
        let long = raw.len() > TEXT_BYTES_MAX;
        if long {
            let shown = policy.text(event);
            let end = shown.floor_char_boundary(TEXT_BYTES_MAX);
            self.said.bytes.extend_from_slice(&shown.as_bytes()[..end]);
        } else {
            self.said.bytes.extend_from_slice(raw);
        }
        (start as u32..self.said.bytes.len() as u32, long || event.redacted())
    }

    /// Lets go of a line.
    fn let_go(&mut self, at: usize) {
        let line = self.lines.remove(at);
        self.gone += line.raw.len() + self.said.facts(&line.facts).map(|(_, text)| text.len()).sum::<usize>();
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
        self.redact = self.redact.or(other.redact);
        for mut line in other.lines {
            let first = self.said.facts.len() as u32;
            for (field, text) in other.said.facts(&line.facts) {
                let part = self.write(text);
                self.said.facts.push((field, part));
            }
            line.facts = first..self.said.facts.len() as u32;
            line.raw = self.write(other.said.part(&line.raw));
            self.lines.push(line);
        }
    }

    /// Adds a part of another trail's bytes; where it stands now.
    fn write(&mut self, part: &[u8]) -> Range<u32> {
        let start = self.said.bytes.len() as u32;
        self.said.bytes.extend_from_slice(part);
        start..self.said.bytes.len() as u32
    }

    /// All, in the order of time; of one moment in the order of the source.
    pub fn into_clues(mut self) -> Vec<Clue> {
        if self.lines.is_empty() {
            return Vec::new();
        }
        self.lines.sort_by_key(|line| (line.time, line.source, line.line));
        let (said, redact) = (Arc::new(self.said), self.redact);
        let clue = |line: Line| Clue {
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
            said: Arc::clone(&said),
            raw: line.raw,
            facts: line.facts,
            redact: redact.filter(|_| !line.plain),
        };
        self.lines.into_iter().map(clue).collect()
    }
}

/// Whether a message is the line of an echo packet.
fn is_echo(message: &Message) -> bool {
    message.packet.is_some_and(|packet| packet.code.starts_with("Echo"))
}

impl Correlator {
    /// A line that no attempt is made of, but a diagnosis may be.
    pub(super) fn remark(&mut self, event: &Event<'_>) {
        if !self.policy.trail {
            return;
        }
        let host = self.host(event);
        let policy = self.policy;
        let pid = event.pid();
        let link = self.by_link.get(host, pid);
        match event.message().role {
            Role::Ppp => {}
            Role::Pptp => {
                let carrier = self.by_control.get(host, pid);
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
