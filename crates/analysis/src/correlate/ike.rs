//! IKE negotiations, kept by client until a tunnel comes through them or they are over.

use std::net::IpAddr;

use rustc_hash::{FxHashMap, FxHashSet};
use tunlog_model::{Event, EventKind, Field, Layer};

use super::build;
use super::facts::Facts;
use super::{Correlator, apart};

/// How long, in microseconds, a quiet negotiation waits for its tunnel.
const QUIET_MAX: i64 = 60_000_000;
/// How many negotiations are kept; the oldest goes first (anybody can send IKE packets).
const OPEN_MAX: usize = 20_000;

/// Who a client negotiates with where its log does not name the gateway.
pub const NOBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// One client's negotiation.
#[derive(Clone, Debug)]
struct Negotiation {
    facts: Facts,
    /// IPsec is up (phase 2, RFC 2409 §5.5).
    established: bool,
    /// IKE itself is up (phase 1).
    authenticated: bool,
    failed: bool,
    /// A tunnel came through it: it is part of another attempt already.
    used: bool,
    /// This machine is the client: the address is the gateway's.
    calling: bool,
}

/// Hosts whose IKE daemon writes its own lines. strongSwan's starter repeats them late, in blocks and with new stamps:
/// those copies are not news there.
#[derive(Debug)]
pub(crate) struct FirstHand<H>(FxHashSet<H>);

impl<H> Default for FirstHand<H> {
    fn default() -> FirstHand<H> {
        FirstHand(FxHashSet::default())
    }
}

impl<H: Eq + std::hash::Hash> FirstHand<H> {
    /// Whether an event of a host is such a copy.
    pub(crate) fn is_copy(&mut self, host: H, event: &Event<'_>) -> bool {
        match event.app() {
            b"charon" => {
                if self.0.len() < super::hosts::HOSTS_MAX {
                    self.0.insert(host);
                }
                false
            }
            b"ipsec" => self.0.contains(&host),
            _ => false,
        }
    }
}

/// Open negotiations.
#[derive(Debug, Default)]
pub struct Negotiations {
    by_client: FxHashMap<(u32, IpAddr), Negotiation>,
    /// Who a host's IKE daemon spoke of last: most of its lines name nobody.
    current: FxHashMap<u32, IpAddr>,
    first_hand: FirstHand<u32>,
    next_look: i64,
}

impl Negotiations {
    /// Whether it is time to look for quiet ones.
    pub fn is_due(&self, now: i64) -> bool {
        !self.by_client.is_empty() && now >= self.next_look
    }
}

impl Correlator {
    pub(super) fn ike(&mut self, host: u32, event: &Event<'_>) {
        if self.ike.first_hand.is_copy(host, event) {
            return;
        }
        if let Some(call) = self.call_without_tunnel(host) {
            return self.ike_of_call(call, event);
        }
        let kind = event.message().kind;
        if kind.is_detail() && event.value(Field::ClientIp).is_none() {
            return;
        }
        let Some(client) = event
            .ip(Field::ClientIp)
            .or_else(|| gateway_called(event))
            .or_else(|| self.ike.current.get(&host).copied())
            // a refusal that names nobody is still one
            .or_else(|| (kind == EventKind::IkeFailed && event.message().blames.is_some()).then_some(NOBODY))
        else {
            return;
        };
        if client != NOBODY || event.message().calling {
            self.ike.current.insert(host, client);
        }
        let known = self.ike.by_client.contains_key(&(host, client));
        if !known
            && !matches!(
                kind,
                EventKind::IkeStarted
                    | EventKind::IkeFailed
                    | EventKind::IkeEstablished
                    | EventKind::ChildEstablished
                    | EventKind::IkeTimeout
            )
        {
            return;
        }
        if self.ike.by_client.len() >= OPEN_MAX {
            self.drop_oldest_negotiation();
        }
        self.negotiate(host, client, event);
    }

    fn negotiate(&mut self, host: u32, client: IpAddr, event: &Event<'_>) {
        use EventKind::*;
        let policy = self.policy;
        let fresh = || Negotiation {
            facts: Facts::new(event.time.micros),
            established: false,
            authenticated: false,
            failed: false,
            used: false,
            calling: event.message().calling,
        };
        let negotiation = self.ike.by_client.entry((host, client)).or_insert_with(fresh);
        let kind = event.message().kind;
        if kind == IkeStarted && negotiation.used {
            *negotiation = fresh();
        }
        match negotiation.calling {
            true => negotiation.facts.note_calling(event, &policy),
            false => {
                negotiation.facts.note(event, &policy);
                negotiation.facts.client_ip = Some(client).filter(|client| *client != NOBODY);
            }
        }
        match kind {
            IkeEstablished => {
                negotiation.authenticated = true;
                negotiation.facts.reach(Layer::Ike);
            }
            ChildEstablished => {
                negotiation.established = true;
                negotiation.facts.reach(Layer::Ike);
            }
            IkeFailed | IkeTimeout => negotiation.failed = true,
            _ => {}
        }
        self.ike.next_look = self
            .ike
            .next_look
            .min(event.time.micros.saturating_add(QUIET_MAX))
            .max(self.now);
    }

    /// The negotiation that a tunnel of this client came through, and whether IPsec was up. The facts are given once.
    /// `phase_1`: its writer may tell of phase 1 alone, whose success stands for both then.
    pub(super) fn take_negotiation(&mut self, host: u32, client: IpAddr, phase_1: bool) -> Option<(Facts, bool)> {
        let now = self.now;
        let negotiation = self.ike.by_client.get_mut(&(host, client))?;
        let failed = negotiation.failed || negotiation.facts.blame.is_some();
        negotiation.established |= phase_1 && negotiation.authenticated && !failed;
        if negotiation.used {
            // a later tunnel through the same IPsec connection: encrypted, but a try of its own
            return negotiation.established.then(|| (Facts::new(now), true));
        }
        negotiation.used = true;
        let recent = apart(now, negotiation.facts.last) <= QUIET_MAX;
        let facts = std::mem::replace(&mut negotiation.facts, Facts::new(now));
        if recent {
            Some((facts, negotiation.established))
        } else {
            negotiation.established.then(|| (Facts::new(now), true))
        }
    }

    /// A filter dropped what came after a client's negotiation; any host's filter may say it.
    pub(super) fn blame_negotiation(&mut self, host: u32, client: IpAddr, event: &Event<'_>) {
        let others = self.hosts.numbers().take(64);
        let known = std::iter::once(host)
            .chain(others)
            .find(|host| self.ike.by_client.contains_key(&(*host, client)));
        let policy = self.policy;
        if let Some(negotiation) = known.and_then(|host| self.ike.by_client.get_mut(&(host, client)))
            && !negotiation.used
        {
            negotiation.facts.note(event, &policy);
        }
    }

    pub(super) fn settle_ike(&mut self) {
        let now = self.now;
        self.ike.next_look = now.saturating_add(QUIET_MAX / 4);
        let quiet: Vec<(u32, IpAddr)> = self
            .ike
            .by_client
            .iter()
            .filter(|(_, negotiation)| {
                apart(now, negotiation.facts.last) > QUIET_MAX && !(negotiation.used && negotiation.established)
            })
            .map(|(client, _)| *client)
            .collect();
        for client in quiet {
            self.end_negotiation(client);
        }
        if now == i64::MAX {
            let all: Vec<(u32, IpAddr)> = self.ike.by_client.keys().copied().collect();
            for client in all {
                self.end_negotiation(client);
            }
        }
    }

    fn end_negotiation(&mut self, client: (u32, IpAddr)) {
        let Some(negotiation) = self.ike.by_client.remove(&client) else {
            return;
        };
        // IPsec that stands may serve anything; only one that failed, or never got its tunnel, is an attempt
        let failed = negotiation.failed || negotiation.facts.blame.is_some();
        // a machine that calls may want IPsec for anything, not just for a tunnel of ours
        let idle = negotiation.established && negotiation.calling;
        if negotiation.used || idle || !(failed || negotiation.established) {
            return;
        }
        let gateway = self.gateway(client.0);
        self.close(build::negotiation(
            negotiation.facts,
            negotiation.established,
            negotiation.authenticated,
            gateway,
        ));
    }

    fn drop_oldest_negotiation(&mut self) {
        let oldest = self
            .ike
            .by_client
            .iter()
            .min_by_key(|(_, negotiation)| negotiation.facts.last)
            .map(|(client, _)| *client);
        if let Some(client) = oldest {
            self.end_negotiation(client);
        }
    }
}

/// The gateway that a client's own line names; nobody where it is left out.
fn gateway_called(event: &Event<'_>) -> Option<IpAddr> {
    event
        .message()
        .calling
        .then(|| event.ip(Field::ServerIp).unwrap_or(NOBODY))
}
