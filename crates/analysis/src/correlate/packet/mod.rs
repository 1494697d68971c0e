//! Joins the packets of captures into connections: PPTP by the client's port and the call ids, L2TP by the tunnel ids, IPsec by
//! the two addresses. What a capture shows and what a log tells of the same connection become one attempt (`join`).
//!
//! The messages of dialect `pcap` are tunlog's own, so they are told apart by their ids: `EventKind` does not tell a request
//! from its repetition or its answer.

mod answers;
mod join;
mod talk;
mod verdict;

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use tunlog_model::{Attempt, Event, EventKind, Field, Layer, Protocol};

use super::Correlator;
use super::prompt::Prompt;
use super::slab::{Key, Slab};
pub use join::Skew;
use talk::Talk;

/// How long, in microseconds, a connection that ended waits for what was counted of it.
const GRACE: i64 = 5_000_000;

/// How long a negotiation may be silent until it counts as over.
const SILENCE_MAX: i64 = 90_000_000;

/// A client that is refused tries again at once: within this time, microseconds, it is one attempt (CONTRACT §3).
const REFUSALS_APART: i64 = 10_000_000;

/// How long a known IPsec negotiation belongs to the tunnel that follows it.
const IPSEC_BEFORE: i64 = 60_000_000;

/// Connections of captures that are open at once; a flood of addresses can open them for ever, and each keeps evidence. More,
/// and the tenth that was quiet longest is closed as it stands.
const TALKS_MAX: usize = 8192;

/// Connections of two addresses among which one is looked for that no number names.
const LOOKED_AT_MAX: usize = 64;

/// Whether an event begins no connection: a packet that contradicts itself, or the count of a channel without data.
fn says_nothing(event: &Event<'_>) -> bool {
    let message = event.message();
    message.kind == EventKind::Malformed
        || (message.kind == EventKind::TrafficCounted && event.int(Field::Count) == Some(0))
}

/// Which number names a connection, and who chose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Name {
    /// PPTP call id of the gateway, of the client.
    Call(i64),
    PeerCall(i64),
    /// L2TP tunnel id of the gateway, of the client.
    Tunnel(i64),
    PeerTunnel(i64),
    /// The client's port, of PPTP's control connection.
    Port(i64),
    /// IPsec between the two.
    Ipsec,
    /// The PPTP call whose GRE was seen last without a control connection.
    Stray,
    /// A PPTP connection that the gateway broke off before there was a call.
    Refused,
}

/// Client and gateway.
type Pair = (IpAddr, IpAddr);

/// Connections that captures show.
#[derive(Default)]
pub struct Packets {
    talks: Slab<Talk>,
    named: FxHashMap<(Pair, Name), Key>,
    names: FxHashMap<Key, Vec<(Pair, Name)>>,
    /// The connections of two addresses, oldest first.
    of_pair: FxHashMap<Pair, VecDeque<Key>>,
    due: VecDeque<(i64, Key)>,
    quiet: VecDeque<(i64, Key)>,
    answers: answers::Answers,
    pub(super) join: join::Join,
    /// Packets were seen; until then, attempts of logs need not wait for them.
    pub(super) active: bool,
    /// There are no logs in this run: what captures show need not wait for them.
    pub(super) alone: bool,
}

impl Packets {
    fn find(&self, pair: Pair, name: Name) -> Option<Key> {
        let key = *self.named.get(&(pair, name))?;
        self.talks.get(key).map(|_| key)
    }

    /// The latest connections of two addresses, the last first.
    fn latest(&self, pair: Pair) -> impl Iterator<Item = (Key, &Talk)> {
        let keys = self.of_pair.get(&pair).into_iter().flatten().rev().take(LOOKED_AT_MAX);
        keys.filter_map(|key| Some((*key, self.talks.get(*key)?)))
    }

    /// Gives a connection another name; who had it before loses it.
    fn name(&mut self, key: Key, pair: Pair, name: Name) {
        if self.named.insert((pair, name), key) != Some(key) {
            self.names.entry(key).or_default().push((pair, name));
        }
    }
}

impl Correlator {
    /// Takes an event of a capture.
    pub(super) fn packet(&mut self, event: &Event<'_>) {
        self.packets.active = true;
        if event.message().layer == Layer::Radius {
            return self.packets.answers.observe(event, &self.policy);
        }
        let (Some(client), Some(server)) = (event.ip(Field::ClientIp), event.ip(Field::ServerIp)) else {
            return;
        };
        let pair = (client, server);
        let Some(key) = self.talk_of(event, pair) else { return };
        let policy = self.policy;
        let Some(talk) = self.packets.talks.get_mut(key) else {
            return;
        };
        let was_over = talk.ended.is_some();
        talk.observe(event, &policy);
        let (is_over, is_refused) = (talk.ended.is_some(), talk.is_refused());
        self.name_talk(key, event, pair);
        if is_refused {
            self.packets.name(key, pair, Name::Refused);
        }
        if is_over && !was_over {
            let grace = if is_refused { REFUSALS_APART } else { GRACE };
            self.packets.due.push_back((self.passed.saturating_add(grace), key));
        }
        self.announce_talk(key);
    }

    /// Tells what has just become known of a connection; beside a log that log tells it.
    fn announce_talk(&mut self, key: Key) {
        let Some(talk) = self.packets.talks.get(key) else {
            return;
        };
        let over = talk.ended.is_some() || talk.goodbye.is_some();
        let refused = talk.auth_failed.is_some();
        let Some(news) = talk.told.news(talk.up.is_some(), refused, over) else {
            return;
        };
        // who is turned away tries again at once, and all of it is one attempt
        if !(self.options.prompts && self.packets.alone) || (talk.is_refused() && !refused) {
            return;
        }
        let (told, attempt) = (talk.told, verdict::attempt(talk, news == Prompt::Up));
        let told = self.tell_prompt((news, refused), attempt, told);
        if let Some(talk) = self.packets.talks.get_mut(key) {
            talk.told = told;
        }
    }

    /// The connection that an event belongs to, made if it begins one.
    fn talk_of(&mut self, event: &Event<'_>, pair: Pair) -> Option<Key> {
        let id = event.message().id;
        let int = |field| event.int(field);
        let from_client = event.word(Field::Direction) != Some("to-client");
        if id.starts_with("icmp-") {
            return self.blamed(event, pair);
        }
        if event.message().layer == Layer::Ike {
            return Some(self.ipsec(event, pair));
        }
        let tunnel = if from_client {
            int(Field::TunnelId).map(Name::Tunnel)
        } else {
            int(Field::PeerTunnelId).map(Name::PeerTunnel)
        };
        if id == "l2tp-start-request" {
            let name = Name::PeerTunnel(int(Field::PeerTunnelId)?);
            let known = self.packets.find(pair, name);
            let is_again = known
                .and_then(|key| self.packets.talks.get(key))
                .is_some_and(|talk| talk.ended.is_none());
            return known
                .filter(|_| is_again)
                .or_else(|| Some(self.begin_talk(event, Protocol::L2tp, pair)));
        }
        if let Some(name) = tunnel.filter(|name| !matches!(name, Name::Tunnel(0) | Name::PeerTunnel(0))) {
            let known = self.packets.find(pair, name);
            // a capture that begins in the middle: one connection for what comes of this tunnel
            return known.or_else(|| self.stray_frame(event, pair));
        }
        if id == "malformed-l2tp" {
            return None;
        }
        let call = if from_client {
            int(Field::CallId).map(Name::Call)
        } else {
            int(Field::PeerCallId).map(Name::PeerCall)
        };
        match int(Field::ClientPort) {
            Some(port) => Some(self.control_talk(event, pair, Name::Port(port))),
            None => self.call_talk(event, pair, call?),
        }
    }

    /// The PPTP control connection of a client's port.
    fn control_talk(&mut self, event: &Event<'_>, pair: Pair, name: Name) -> Key {
        let known = self.packets.find(pair, name);
        let id = event.message().id;
        if let Some(key) = known
            && let Some(talk) = self.packets.talks.get(key)
        {
            // the port comes round: what it was before is over
            let is_new = id == "tcp-syn" && (talk.opened || talk.ended.is_some());
            if !is_new {
                return key;
            }
            self.end_talk(key, false);
        }
        let refused = self.packets.find(pair, Name::Refused).filter(|_| id == "tcp-syn");
        if let Some(key) = refused
            && let Some(talk) = self.packets.talks.get_mut(key)
            && event.time.micros.saturating_sub(talk.facts.last) <= REFUSALS_APART
        {
            talk.try_again();
            return key;
        }
        self.begin_talk(event, Protocol::Pptp, pair)
    }

    /// The call of a GRE packet; without a control connection in the capture both directions find each other by the addresses.
    fn call_talk(&mut self, event: &Event<'_>, pair: Pair, name: Name) -> Option<Key> {
        if let Some(key) = self.packets.find(pair, name) {
            return Some(key);
        }
        if says_nothing(event) {
            return None;
        }
        // a call is agreed, and its GRE comes with another key: somebody on the way rewrote it
        let from_client = matches!(name, Name::Call(_));
        let waiting = self
            .packets
            .latest(pair)
            .find(|(_, talk)| talk.waits_for_gre(from_client));
        if let Some((key, _)) = waiting {
            self.packets.name(key, pair, name);
            return Some(key);
        }
        let stray = self.packets.find(pair, Name::Stray).filter(|key| {
            let other = |known: &Name| {
                matches!(
                    (known, name),
                    (Name::Call(_), Name::Call(_)) | (Name::PeerCall(_), Name::PeerCall(_))
                )
            };
            !self
                .packets
                .names
                .get(key)
                .is_some_and(|names| names.iter().any(|(_, known)| other(known)))
        });
        let key = match stray {
            Some(key) => key,
            None => {
                let key = self.begin_talk(event, Protocol::Pptp, pair);
                self.packets.name(key, pair, Name::Stray);
                key
            }
        };
        self.packets.name(key, pair, name);
        Some(key)
    }

    /// A frame of a tunnel that was not seen to begin: its beginning was encrypted, or came before the capture.
    fn stray_frame(&mut self, event: &Event<'_>, pair: Pair) -> Option<Key> {
        let encrypted = self.packets.find(pair, Name::Ipsec);
        encrypted.or_else(|| (!says_nothing(event)).then(|| self.begin_talk(event, Protocol::L2tp, pair)))
    }

    /// IPsec between two addresses; one that failed is over when the client begins anew.
    fn ipsec(&mut self, event: &Event<'_>, pair: Pair) -> Key {
        if let Some(key) = self.packets.find(pair, Name::Ipsec)
            && let Some(talk) = self.packets.talks.get(key)
            && (talk.protocol != Protocol::L2tpIpsec || event.time.micros.saturating_sub(talk.facts.last) < SILENCE_MAX)
        {
            return key;
        }
        let key = self.begin_talk(event, Protocol::L2tpIpsec, pair);
        self.packets.name(key, pair, Name::Ipsec);
        key
    }

    /// The connection whose packets an ICMP error speaks of: the one of the port, or the last of the two.
    fn blamed(&self, event: &Event<'_>, pair: Pair) -> Option<Key> {
        let port = event
            .int(Field::ClientPort)
            .and_then(|port| self.packets.find(pair, Name::Port(port)));
        port.or_else(|| self.packets.latest(pair).next().map(|(key, _)| key))
    }

    fn begin_talk(&mut self, event: &Event<'_>, protocol: Protocol, pair: Pair) -> Key {
        let mut talk = Talk::new(event, protocol, pair.0, pair.1);
        if protocol == Protocol::L2tp && event.message().id == "l2tp-start-request" {
            self.take_ipsec(&mut talk, pair);
        }
        let key = self.packets.talks.insert(talk);
        self.packets.of_pair.entry(pair).or_default().push_back(key);
        self.packets
            .quiet
            .push_back((self.passed.saturating_add(SILENCE_MAX), key));
        if self.packets.talks.len() > TALKS_MAX.min(self.options.open_max) {
            self.end_oldest_talks();
        }
        key
    }

    /// The negotiation in front of a tunnel that is seen in the clear belongs to it: it came first, whether it worked or not.
    fn take_ipsec(&mut self, talk: &mut Talk, pair: Pair) {
        let Some(key) = self.packets.find(pair, Name::Ipsec) else {
            return;
        };
        let recent = self
            .packets
            .talks
            .get(key)
            .is_some_and(|ipsec| talk.facts.started.saturating_sub(ipsec.facts.last) < IPSEC_BEFORE);
        if recent && let Some(ipsec) = self.remove_talk(key) {
            talk.ike = true;
            talk.facts.join(ipsec.facts);
        }
    }

    /// The names that an event tells of its connection.
    fn name_talk(&mut self, key: Key, event: &Event<'_>, pair: Pair) {
        let id = event.message().id;
        let mut name = |field: Field, make: fn(i64) -> Name| {
            if let Some(number) = event.int(field) {
                let name = make(number);
                // a tunnel that has no id yet is called 0; pptpd calls its first call so
                if !matches!(name, Name::Tunnel(0) | Name::PeerTunnel(0)) {
                    self.packets.name(key, pair, name);
                }
            }
        };
        if id.starts_with("l2tp-") && id != "l2tp-counted" {
            name(Field::TunnelId, Name::Tunnel);
            name(Field::PeerTunnelId, Name::PeerTunnel);
        } else if id.starts_with("pptp-call-re") {
            name(Field::CallId, Name::Call);
            name(Field::PeerCallId, Name::PeerCall);
        }
        if id.starts_with("pptp-") || id.starts_with("tcp-") || id == "not-pptp" || id == "malformed-pptp" {
            name(Field::ClientPort, Name::Port);
        }
    }

    /// Looks again at connections whose time has come.
    pub(super) fn settle_packets(&mut self) {
        while let Some((_, key)) = self.packets.due.front().copied().filter(|(due, _)| *due <= self.passed) {
            self.packets.due.pop_front();
            // a refused client that tries again is not over
            if self.packets.talks.get(key).is_some_and(|talk| talk.ended.is_some()) {
                self.end_talk(key, false);
            }
        }
        // each once: those that go on are put at the end of the queue again; where the evidence ends nobody fell silent
        let looks = if self.packets.join.ending {
            0
        } else {
            self.packets.quiet.len()
        };
        for _ in 0..looks {
            let Some((_, key)) = self
                .packets
                .quiet
                .front()
                .copied()
                .filter(|(due, _)| *due <= self.passed)
            else {
                break;
            };
            self.packets.quiet.pop_front();
            let Some(talk) = self.packets.talks.get(key) else {
                continue;
            };
            let silent = self.now.saturating_sub(talk.facts.last) >= SILENCE_MAX;
            let lives = talk.up.is_some() || talk.sides.iter().any(|side| side.esp > 0 || side.data > 0);
            if silent && !lives && !talk.sides.iter().all(|side| side.carried) {
                self.end_talk(key, false);
            } else {
                self.packets
                    .quiet
                    .push_back((self.passed.saturating_add(SILENCE_MAX), key));
            }
        }
        self.release(false);
    }

    /// The evidence ends here.
    pub(super) fn finish_packets(&mut self) {
        let mut keys: Vec<(i64, Key)> = self
            .packets
            .talks
            .iter()
            .map(|(key, talk)| (talk.facts.started, key))
            .collect();
        keys.sort_by_key(|(started, _)| *started);
        for (_, key) in keys {
            self.end_talk(key, true);
        }
        self.release(true);
        self.packets.join.ending = false;
    }

    /// Connections of captures that are not over, as attempts.
    pub(super) fn open_packets(&self) -> impl Iterator<Item = Attempt> {
        self.packets.talks.iter().map(|(_, talk)| verdict::attempt(talk, true))
    }

    pub(super) fn packets_since(&self) -> Option<i64> {
        self.packets.talks.iter().map(|(_, talk)| talk.facts.started).min()
    }

    /// The protocols of those that are not up yet.
    pub(super) fn packets_starting(&self) -> impl Iterator<Item = Option<Protocol>> {
        let talks = self.packets.talks.iter().filter(|(_, talk)| talk.up.is_none());
        talks.map(|(_, talk)| Some(talk.protocol))
    }

    fn end_oldest_talks(&mut self) {
        let mut open: Vec<(i64, Key)> = self
            .packets
            .talks
            .iter()
            .map(|(key, talk)| (talk.facts.last, key))
            .collect();
        let tenth = open.len() / 10 + 1;
        open.sort_unstable_by_key(|(last, _)| *last);
        for (_, key) in open.into_iter().take(tenth) {
            self.end_talk(key, true);
        }
    }

    fn remove_talk(&mut self, key: Key) -> Option<Talk> {
        for name in self.packets.names.remove(&key).unwrap_or_default() {
            super::forget(&mut self.packets.named, &name, key);
        }
        let talk = self.packets.talks.remove(key)?;
        if let Entry::Occupied(mut keys) = self.packets.of_pair.entry((talk.client, talk.server)) {
            match keys.get().front() == Some(&key) {
                true => drop(keys.get_mut().pop_front()),
                false => keys.get_mut().retain(|known| *known != key),
            }
            if keys.get().is_empty() {
                keys.remove();
            }
        }
        Some(talk)
    }

    fn end_talk(&mut self, key: Key, at_end: bool) {
        let Some(talk) = self.remove_talk(key) else { return };
        let mut attempt = verdict::attempt(&talk, at_end);
        attempt.heard = talk.told.heard(&attempt);
        self.packets.answers.attach(&mut attempt);
        self.hold_captured(attempt);
    }
}
