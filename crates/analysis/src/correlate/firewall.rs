//! What packet filters say: a dropped packet explains an attempt, or is all that is left of one.

use std::net::IpAddr;

use rustc_hash::FxHashMap;
use tunlog_model::{Event, EventKind, Field, Protocol};

use super::build;
use super::facts::Facts;
use super::{Correlator, apart};

/// How long, in microseconds, a client goes on knocking: TCP repeats a SYN after 1, 3, 7, 15, 31 s (RFC 6298).
const KNOCKING_MAX: i64 = 70_000_000;
/// How many knocking clients are kept: a scan of the internet must not fill memory.
const CLIENTS_MAX: usize = 10_000;

/// Clients whose packets to a control port are dropped.
#[derive(Debug, Default)]
pub struct Drops {
    by_client: FxHashMap<(u32, IpAddr, i64), (Protocol, Facts)>,
    next_look: i64,
}

impl Drops {
    /// Whether it is time to look for quiet ones.
    pub fn is_due(&self, now: i64) -> bool {
        !self.by_client.is_empty() && now >= self.next_look
    }
}

impl Correlator {
    pub(super) fn firewall(&mut self, host: u32, event: &Event<'_>) {
        if event.message().kind != EventKind::PacketDropped || event.message().blames.is_none() {
            return;
        }
        let Some(client) = event.ip(Field::ClientIp) else {
            return;
        };
        if self.blame_open(host, client, event) {
            return;
        }
        if event.message().blames != Some("control-unreachable") {
            // ESP of a client whose IPsec came up: that is why its tunnel never came
            return self.blame_negotiation(host, client, event);
        }
        let port = event.int(Field::SourcePort).unwrap_or(0);
        if self.firewall.by_client.len() >= CLIENTS_MAX {
            self.finish_drops();
        }
        let protocol = if event
            .bytes(Field::Protocol)
            .is_some_and(|name| name == b"TCP" || name == b"6")
        {
            Protocol::Pptp
        } else {
            Protocol::L2tp
        };
        let policy = self.policy;
        let (_, facts) = self
            .firewall
            .by_client
            .entry((host, client, port))
            .or_insert_with(|| (protocol, Facts::new(event.time.micros)));
        facts.note(event, &policy);
    }

    /// A drop while the client's connection is being set up is that attempt's cause; any host's filter may say it.
    fn blame_open(&mut self, host: u32, client: IpAddr, event: &Event<'_>) -> bool {
        let own = self.by_client.get(&(host, client)).copied();
        let key = own.or_else(|| {
            self.hosts
                .numbers()
                .take(64)
                .find_map(|other| self.by_client.get(&(other, client)).copied())
        });
        let Some(key) = key else {
            return self.blame_session(host, client, event);
        };
        let is_up = self
            .carriers
            .get(key)
            .and_then(|carrier| carrier.link)
            .and_then(|link| self.links.get(link))
            .is_some_and(|link| link.up.is_some());
        let policy = self.policy;
        if let Some(carrier) = self.carriers.get_mut(key).filter(|_| !is_up) {
            let (started, last) = (carrier.facts.started, carrier.facts.last);
            carrier.facts.note(event, &policy);
            if carrier.opened {
                carrier.facts.started = started;
                carrier.facts.last = last;
            }
        }
        true
    }

    /// The same where the gateway is one program.
    fn blame_session(&mut self, host: u32, client: IpAddr, event: &Event<'_>) -> bool {
        let Some(key) = self.session_of_client(host, client) else {
            return false;
        };
        let policy = self.policy;
        if let Some(link) = self.links.get_mut(key).filter(|link| link.up.is_none()) {
            let (started, last) = (link.facts.started, link.facts.last);
            link.facts.note(event, &policy);
            link.facts.started = started;
            link.facts.last = last;
        }
        true
    }

    pub(super) fn settle_drops(&mut self) {
        let now = self.now;
        self.firewall.next_look = now.saturating_add(KNOCKING_MAX / 8);
        let quiet: Vec<(u32, IpAddr, i64)> = self
            .firewall
            .by_client
            .iter()
            .filter(|(_, (_, facts))| apart(now, facts.last) > KNOCKING_MAX)
            .map(|(client, _)| *client)
            .collect();
        for client in quiet {
            self.end_drop(client);
        }
    }

    pub(super) fn finish_drops(&mut self) {
        let mut all: Vec<(i64, (u32, IpAddr, i64))> = self
            .firewall
            .by_client
            .iter()
            .map(|(client, (_, facts))| (facts.started, *client))
            .collect();
        all.sort_unstable();
        for (_, client) in all {
            self.end_drop(client);
        }
    }

    fn end_drop(&mut self, client: (u32, IpAddr, i64)) {
        if let Some((protocol, facts)) = self.firewall.by_client.remove(&client) {
            let gateway = self.gateway(client.0);
            self.close(build::unreachable(facts, protocol, gateway));
        }
    }
}
