//! What a rule sees: the attempt, everything that was said about it, and which layers were heard at all.

use std::collections::VecDeque;
use std::net::IpAddr;

use tunlog_model::{Attempt, Clue, Confidence, EventKind, Field, Layer, Outcome, Protocol, Role, Trail};

use super::heard::Heard;

/// One attempt to be judged.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// The attempt; its `trail` is in the order of time.
    pub attempt: &'a Attempt,
    /// What the sources told of at all.
    pub heard: &'a Heard,
    /// Sessions that ended lately.
    pub sessions: &'a Sessions,
    /// What the attempt's lines are about.
    pub gist: &'a Gist,
}

/// What the lines of an attempt are about: rules ask mostly for what nobody said.
#[derive(Clone, Debug, Default)]
pub struct Gist {
    /// A bit for each kind of event.
    kinds: u128,
    /// A bit for each role.
    roles: u16,
    /// The causes that lines speak for.
    blames: Vec<&'static str>,
    packets: bool,
    calling: bool,
    own_advice: bool,
}

impl Gist {
    /// Of a trail.
    pub fn of(trail: &Trail) -> Gist {
        let mut gist = Gist::default();
        for clue in trail.iter() {
            let message = clue.message;
            gist.kinds |= 1 << message.kind as u32;
            gist.roles |= 1 << message.role as u32;
            gist.packets |= message.packet.is_some();
            gist.calling |= message.calling || message.role == Role::Caller;
            gist.own_advice |= message.own_advice;
            gist.blames
                .extend(message.blames.filter(|cause| !gist.blames.contains(cause)));
        }
        gist
    }
}

impl<'a> Case<'a> {
    /// Every clue.
    pub fn clues(&self) -> impl DoubleEndedIterator<Item = Clue<'a>> + use<'a> {
        self.attempt.trail.iter()
    }

    /// The first clue of a kind.
    pub fn first(&self, kind: EventKind) -> Option<Clue<'a>> {
        if !self.has(kind) {
            return None;
        }
        self.clues().find(|clue| clue.message.kind == kind)
    }

    /// The clues of a kind.
    fn kind(&self, kind: EventKind) -> impl Iterator<Item = Clue<'a>> + use<'a> {
        let clues = self.has(kind).then(|| self.clues()).into_iter().flatten();
        clues.filter(move |clue| clue.message.kind == kind)
    }

    /// Whether something of this kind was said.
    pub fn has(&self, kind: EventKind) -> bool {
        self.gist.kinds & (1 << kind as u32) != 0
    }

    /// The clues that speak for a cause.
    pub fn blaming(&self, cause: &'static str) -> impl Iterator<Item = Clue<'a>> + use<'a> {
        let said = self.gist.blames.contains(&cause);
        let clues = said.then(|| self.clues()).into_iter().flatten();
        clues.filter(move |clue| clue.message.blames == Some(cause))
    }

    /// The first line that speaks for a cause.
    pub fn blames(&self, cause: &'static str) -> Option<Clue<'a>> {
        self.blaming(cause).next()
    }

    /// How many packets of that protocol and code (empty: any) were received, as the debugging lines tell.
    pub fn received(&self, protocol: &str, code: &str) -> u32 {
        self.count("rcvd", protocol, code)
    }

    /// How many were sent.
    pub fn sent(&self, protocol: &str, code: &str) -> u32 {
        self.count("sent", protocol, code)
    }

    fn count(&self, way: &str, protocol: &str, code: &str) -> u32 {
        let packets = self.clues().filter(|clue| clue.is_packet(way, protocol, code));
        packets.fold(0, |sum, clue| sum.saturating_add(clue.times))
    }

    /// The clue of a packet.
    pub fn packet(&self, way: &str, protocol: &str, code: &str) -> Option<Clue<'a>> {
        self.clues().find(|clue| clue.is_packet(way, protocol, code))
    }

    /// Whether a plug-in whose path holds this word was loaded.
    pub fn has_plugin(&self, word: &str) -> bool {
        self.kind(EventKind::PluginLoaded)
            .any(|clue| clue.fact(Field::Plugin).is_some_and(|path| path.contains(word)))
    }

    /// A line after the session came up that speaks for this cause: it works no more, or badly.
    pub fn spoilt_by(&self, cause: &'static str) -> Option<Clue<'a>> {
        let up = self.attempt.up.filter(|_| self.is_up())?;
        self.blaming(cause).find(|clue| clue.last >= up)
    }

    /// The other end as a command would name it: the client, or in a client's own log the gateway.
    pub fn other_end(&self) -> String {
        let attempt = self.attempt;
        let (address, otherwise) = match self.is_calling() {
            true => (attempt.server_ip, "GATEWAY"),
            false => (attempt.client_ip.or(attempt.claimed_ip), "CLIENT"),
        };
        address.map_or_else(|| otherwise.to_owned(), |address| address.to_string())
    }

    /// PPTP, going by everything that was said, the plug-ins too.
    pub fn is_pptp(&self) -> bool {
        match self.attempt.protocol {
            Some(protocol) => protocol == Protocol::Pptp,
            None => self.has_plugin("pptp") || (self.told_by(Role::Ppp) && !self.has_plugin("l2tp")),
        }
    }

    /// The firewall's rules, by the prefixes of their log lines, that dropped something of this attempt.
    pub fn dropping_rules(&self) -> Vec<String> {
        let mut prefixes: Vec<String> = Vec::new();
        for clue in self.kind(EventKind::PacketDropped) {
            let prefix = clue.fact(Field::Prefix).unwrap_or_default();
            let prefix = prefix.trim_end_matches([':', ' ']);
            if !prefix.is_empty() && !prefixes.iter().any(|known| known == prefix) {
                prefixes.push(prefix.to_owned());
            }
        }
        prefixes
    }

    /// PPP's packets are logged (pppd's `debug`): what is not in the log did not happen.
    pub fn tells_packets(&self) -> bool {
        self.gist.packets
    }

    /// Whether a writer of that role spoke of this attempt.
    pub fn told_by(&self, role: Role) -> bool {
        self.gist.roles & (1 << role as u32) != 0
    }

    /// The gateway, or what tells of it, is of a kind of its own: no daemon of Unix spoke.
    pub fn is_of_its_own_kind(&self) -> bool {
        let daemons = [Role::Ppp, Role::Pptp, Role::L2tp, Role::Ike];
        self.gist.own_advice && !daemons.iter().any(|role| self.told_by(*role))
    }

    /// The lines are the calling side's.
    pub fn is_calling(&self) -> bool {
        self.gist.calling
    }

    /// It came up.
    pub fn is_up(&self) -> bool {
        matches!(self.attempt.outcome, Outcome::Established | Outcome::Open)
    }

    /// Seconds from the first line to the last.
    pub fn seconds(&self) -> f64 {
        (self.attempt.last_seen - self.attempt.started) as f64 / 1e6
    }

    /// Whether the lines say that the peer's PPP was heard.
    pub fn is_heard(&self) -> bool {
        self.is_up()
            || self.attempt.reached >= Layer::Lcp
            || self.received("LCP", "") > 0
            || self.clues().any(|clue| {
                matches!(
                    clue.message.kind,
                    EventKind::AuthSucceeded | EventKind::AuthFailed | EventKind::LinkTerminated
                )
            })
    }

    /// The correlator's opinion, if it has one that is worth more than nothing.
    pub fn opinion(&self) -> Option<(&'static str, Confidence)> {
        self.attempt.cause.zip(self.attempt.confidence)
    }

    /// Whether that opinion is this cause.
    pub fn suspects(&self, cause: &str) -> bool {
        self.attempt.cause == Some(cause)
    }
}

/// How many sessions are remembered.
const SESSIONS_MAX: usize = 1024;

/// Sessions that closed lately: whose client, from when to when.
#[derive(Debug, Default)]
pub struct Sessions {
    closed: VecDeque<(IpAddr, u64, i64, i64)>,
}

impl Sessions {
    /// Remembers a session.
    pub fn note(&mut self, attempt: &Attempt) {
        let Some(client) = attempt.client_ip.filter(|_| attempt.up.is_some()) else {
            return;
        };
        if self.closed.len() >= SESSIONS_MAX {
            self.closed.pop_front();
        }
        self.closed.push_back((
            client,
            attempt.id,
            attempt.up.unwrap_or(attempt.started),
            attempt.last_seen,
        ));
    }

    /// Whether another session of that address was up at a time.
    pub fn was_up(&self, client: IpAddr, but: u64, at: i64) -> bool {
        self.closed
            .iter()
            .any(|(known, id, up, last)| *known == client && *id != but && *up <= at && at <= *last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_bit_for_each_kind_and_each_role() {
        assert!(EventKind::ALL.iter().all(|(kind, _)| (*kind as u32) < u128::BITS));
        assert!(Role::ALL.iter().all(|(role, _)| (*role as u32) < u16::BITS));
    }
}
