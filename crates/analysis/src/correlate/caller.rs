//! A client's own log: its tunnel program calls a gateway, and its pppd logs in there. The call is a carrier whose other end
//! is the gateway; a host makes one at a time, so time and host join it with its pppd.

use tunlog_model::{Event, EventKind, Field, Layer, Protocol};

use super::carrier::Carrier;
use super::link::Link;
use super::pairing::LAUNCH_MAX;
use super::served::protocol_of;
use super::slab::Key;
use super::{Correlator, apart};

impl Correlator {
    pub(super) fn caller(&mut self, host: u32, event: &Event<'_>) {
        let message = event.message();
        if message.layer == Layer::Ike {
            if let Some(call) = self.call_without_tunnel(host) {
                self.ike_of_call(call, event);
            }
            return;
        }
        let known = self.by_caller.get(&host).copied();
        let key = match known.filter(|key| !self.calls_anew(*key, event)) {
            Some(key) => key,
            None if calls(event) => self.new_call(host, known, event),
            None => return,
        };
        let policy = self.policy;
        let Some(carrier) = self.carriers.get_mut(key) else {
            return;
        };
        carrier.observe(event, &policy);
        if begins(message.kind) && !carrier.openings.contains(&message.id) {
            carrier.openings.push(message.id);
        }
        if let Some(gateway) = carrier.far_end() {
            self.by_client.insert((host, gateway), key);
        }
        match message.kind {
            EventKind::ControlClosed | EventKind::TunnelClosed => self.control_closed(key),
            EventKind::CallClosed => {
                carrier.finished = carrier.finished.or(Some(event.time.micros));
                self.control_closed(key);
            }
            _ => {}
        }
    }

    /// Whether a line begins another call than the last one.
    fn calls_anew(&self, key: Key, event: &Event<'_>) -> bool {
        let Some(carrier) = self.carriers.get(key) else {
            return true;
        };
        let link = carrier.link.and_then(|link| self.links.get(link));
        let over = carrier.finished.is_some() || link.is_some_and(|link| link.exited);
        let silent = link.is_none() && apart(self.now, carrier.facts.last) > LAUNCH_MAX;
        let again = carrier.openings.contains(&event.message().id);
        begins(event.message().kind) && (over || silent || again)
    }

    fn new_call(&mut self, host: u32, before: Option<Key>, event: &Event<'_>) -> Key {
        if let Some(before) = before.filter(|key| self.carriers.get(*key).is_some_and(|carrier| carrier.link.is_none()))
        {
            self.close_carrier(before);
        }
        let named = event.text(Field::Protocol).or(event.text(Field::Plugin));
        let protocol = named.and_then(|name| protocol_of(&name)).unwrap_or(Protocol::Pptp);
        let mut carrier = Carrier::new(host, protocol, event.pid(), event.time.micros);
        carrier.opened = true;
        carrier.calling = true;
        let key = self.carriers.insert(carrier);
        self.by_caller.insert(host, key);
        self.await_caller(host, key);
        key
    }

    /// The L2TP call that a host asked for and that has no tunnel yet: what IPsec says now is about it.
    pub(super) fn call_without_tunnel(&self, host: u32) -> Option<Key> {
        let key = self.by_caller.get(&host).copied()?;
        let carrier = self.carriers.get(key)?;
        let waits = carrier.protocol != Protocol::Pptp
            && carrier.tunnel_id.is_none()
            && carrier.finished.is_none()
            && carrier.link.is_none()
            && apart(self.now, carrier.facts.last) <= LAUNCH_MAX;
        waits.then_some(key)
    }

    pub(super) fn ike_of_call(&mut self, key: Key, event: &Event<'_>) {
        let policy = self.policy;
        let host = self.carriers.get(key).map(|carrier| carrier.host).unwrap_or_default();
        let Some(carrier) = self.carriers.get_mut(key) else {
            return;
        };
        carrier.facts.note_calling(event, &policy);
        match event.message().kind {
            EventKind::IkeStarted => carrier.protocol = Protocol::L2tpIpsec,
            EventKind::IkeEstablished => carrier.facts.reach(Layer::Ike),
            EventKind::ChildEstablished => {
                carrier.facts.reach(Layer::Ike);
                carrier.protocol = Protocol::L2tpIpsec;
                carrier.encrypted = true;
                // what went wrong before did not stop it
                carrier.facts.blame = None;
            }
            _ => {}
        }
        if let Some(gateway) = carrier.facts.server_ip {
            self.by_client.insert((host, gateway), key);
        }
    }

    /// The pppd of a call: it may run already (it starts the tunnel program itself), or be started now.
    pub(super) fn await_caller(&mut self, host: u32, key: Key) {
        let Some(carrier) = self.carriers.get(key).filter(|carrier| carrier.link.is_none()) else {
            return;
        };
        let started = carrier.facts.last;
        let newest = self.newest_link.get(host as usize).copied().flatten();
        let fits = |link: &Link| {
            !link.exited
                && link.carrier.is_none()
                && link.served.is_none()
                && link.facts.client_ip.is_none()
                && apart(started, link.facts.last) <= LAUNCH_MAX
        };
        match newest.filter(|link| self.links.get(*link).is_some_and(fits)) {
            Some(link) => self.pair(key, link, false),
            None => self.waiting.push_back(key),
        }
    }

    /// The newest pppd of a host.
    pub(super) fn remember_newest(&mut self, host: u32, key: Key) {
        let at = host as usize;
        if self.newest_link.len() <= at {
            self.newest_link.resize(at + 1, None);
        }
        self.newest_link[at] = Some(key);
    }

    /// A pppd turned out to be the calling side: a gateway's control connection that it was given by its number is none of its.
    pub(super) fn turned_out_calling(&mut self, host: u32, key: Key) {
        let Some(link) = self.links.get(key) else { return };
        let carrier = link.carrier.and_then(|carrier| self.carriers.get(carrier));
        if carrier.is_some_and(|carrier| !carrier.calling) && !link.paired_for_certain {
            self.unpair(key);
        }
        let call = self.by_caller.get(&host).copied();
        let proven = |link: Key| {
            self.links
                .get(link)
                .is_some_and(|link| link.calling || link.paired_for_certain)
        };
        let is_free = |call: &Key| {
            self.carriers
                .get(*call)
                .is_some_and(|carrier| carrier.finished.is_none() && !carrier.link.is_some_and(proven))
        };
        if self.links.get(key).is_some_and(|link| link.carrier.is_none())
            && let Some(call) = call.filter(is_free)
        {
            self.pair(call, key, false);
        }
    }
}

/// Whether a line alone makes a call known.
fn calls(event: &Event<'_>) -> bool {
    use EventKind::*;
    match event.message().kind {
        kind if begins(kind) => true,
        ControlError | ControlTimeout | ConnectionRefused => event.message().blames.is_some(),
        _ => false,
    }
}

/// Kinds by which a call begins, or goes on.
fn begins(kind: EventKind) -> bool {
    use EventKind::*;
    matches!(
        kind,
        ControlOpened | TunnelOpened | TunnelEstablished | CallStarted | CallEstablished
    )
}
