//! The L2TP daemon: one process, many tunnels; a tunnel's call starts a pppd.

use std::net::IpAddr;

use tunlog_model::{EndReason, Event, EventKind, Field, Protocol};

use super::carrier::Carrier;
use super::ike::NOBODY;
use super::slab::Key;
use super::{Correlator, Due, GRACE_LONG, apart};

impl Correlator {
    pub(super) fn l2tp(&mut self, host: u32, event: &Event<'_>) {
        match event.message().kind {
            EventKind::DaemonStarted | EventKind::DaemonStopped => return self.l2tp_daemon(host, event),
            EventKind::Signal => return self.l2tp_signal(host, event),
            _ => {}
        }
        let Some(key) = self.tunnel(host, event) else {
            return self.remark(event);
        };
        let policy = self.policy;
        let Some(carrier) = self.carriers.get_mut(key) else {
            return;
        };
        carrier.observe(event, &policy);
        if let Some(tunnel) = event.int(Field::TunnelId).filter(|_| carrier.tunnel_id.is_none()) {
            carrier.tunnel_id = Some(tunnel);
            self.by_tunnel.insert((host, tunnel), key);
        }
        carrier.peer_tunnel_id = carrier.peer_tunnel_id.or(event.int(Field::PeerTunnelId));
        if let (Some(client), Some(port)) = (carrier.facts.client_ip, carrier.facts.client_port) {
            self.by_port.insert((host, client, port), key);
        }
        match event.message().kind {
            EventKind::CallEstablished => self.call_established(host, key, event),
            EventKind::TunnelClosed | EventKind::ControlTimeout => self.tunnel_closed(key),
            _ => {}
        }
    }

    /// The tunnel an event speaks of: by id, else by client, else a new one for the kinds that begin one.
    fn tunnel(&mut self, host: u32, event: &Event<'_>) -> Option<Key> {
        let kind = event.message().kind;
        let calling = event.message().calling;
        let gateway = event.ip(Field::ServerIp).filter(|_| calling);
        let client = event.ip(Field::ClientIp).or(gateway);
        let by_id = event
            .int(Field::TunnelId)
            .and_then(|tunnel| self.by_tunnel.get(&(host, tunnel)).copied());
        let port = event.int(Field::ClientPort).and_then(|port| u16::try_from(port).ok());
        // clients behind one address are told apart by their ports
        let by_port = client
            .zip(port)
            .and_then(|(client, port)| self.by_port.get(&(host, client, port)).copied());
        let peer = event.int(Field::PeerTunnelId);
        let agrees = |key: &Key| {
            self.carriers.get(*key).is_some_and(|carrier| {
                let (known_port, known_peer) = (carrier.facts.client_port, carrier.peer_tunnel_id);
                (port.is_none() || known_port.is_none() || known_port == port)
                    && (peer.is_none() || known_peer.is_none() || known_peer == peer)
            })
        };
        let by_client = client
            .and_then(|client| self.by_client.get(&(host, client)).copied())
            .filter(agrees);
        let by_caller = self
            .by_caller
            .get(&host)
            .copied()
            .filter(|key| calling && self.may_be_called(*key, client));
        let known = by_id
            .or(by_port.filter(agrees))
            .or(by_client)
            .or(by_caller)
            .filter(|key| {
                self.carriers
                    .get(*key)
                    .is_some_and(|carrier| carrier.protocol != Protocol::Pptp)
            });
        let known = known.filter(|key| !self.begins_anew(*key, event));
        if known.is_some() {
            return known;
        }
        let begins = matches!(
            kind,
            EventKind::TunnelOpened
                | EventKind::TunnelEstablished
                | EventKind::CallEstablished
                | EventKind::ControlTimeout
        );
        match client {
            // the gateway's address may be left out of the line, or be a name
            _ if begins && calling => Some(self.new_tunnel(host, client, event)),
            Some(_) if begins => Some(self.new_tunnel(host, client, event)),
            _ => self.lone_tunnel(host, event),
        }
    }

    /// Whether a call of this machine goes to that gateway: asked for and without a tunnel, or the one tunnel whose gateway
    /// no line names.
    fn may_be_called(&self, key: Key, gateway: Option<IpAddr>) -> bool {
        let Some(carrier) = self.carriers.get(key) else {
            return false;
        };
        let same = carrier.facts.server_ip.is_none() || gateway.is_none() || carrier.facts.server_ip == gateway;
        same && (gateway.is_none() || carrier.tunnel_id.is_none())
    }

    /// Whether an event opens another tunnel or call than the known one.
    fn begins_anew(&self, key: Key, event: &Event<'_>) -> bool {
        let Some(carrier) = self.carriers.get(key) else {
            return true;
        };
        let other_id = event
            .int(Field::TunnelId)
            .is_some_and(|tunnel| carrier.tunnel_id.is_some_and(|known| known != tunnel));
        match event.message().kind {
            EventKind::TunnelOpened => carrier.finished.is_some() || carrier.tunnel_id.is_some(),
            EventKind::TunnelEstablished => carrier.finished.is_some() || other_id,
            EventKind::CallEstablished => {
                let another = carrier.link.is_some() || carrier.call_started.is_some();
                carrier.finished.is_some() || (another && !carrier.calling)
            }
            _ => false,
        }
    }

    fn new_tunnel(&mut self, host: u32, client: Option<IpAddr>, event: &Event<'_>) -> Key {
        let mut carrier = Carrier::new(host, Protocol::L2tp, 0, event.time.micros);
        carrier.opened = true;
        carrier.calling = event.message().calling;
        if let Some((facts, encrypted)) = self.take_negotiation(host, client.unwrap_or(NOBODY), false) {
            carrier.facts.join(facts);
            carrier.encrypted = encrypted;
            if encrypted {
                carrier.protocol = Protocol::L2tpIpsec;
                // what went wrong before the tunnel came did not stop it
                carrier.facts.blame = None;
            }
        }
        let calling = carrier.calling;
        match calling {
            true => carrier.facts.server_ip = carrier.facts.server_ip.or(client),
            false => carrier.facts.client_ip = client,
        }
        let key = self.carriers.insert(carrier);
        if let Some(client) = client {
            self.by_client.insert((host, client), key);
        }
        if calling {
            self.by_caller.insert(host, key);
        }
        key
    }

    /// A line that names nobody speaks of the only unfinished tunnel, or of the one it concerns by the peer's tunnel id.
    fn lone_tunnel(&self, host: u32, event: &Event<'_>) -> Option<Key> {
        event.message().blames?;
        let recent = self.carriers.iter().filter(|(_, carrier)| {
            carrier.host == host
                && carrier.protocol != Protocol::Pptp
                && carrier.link.is_none()
                && carrier.finished.is_none()
        });
        recent.max_by_key(|(_, carrier)| carrier.facts.last).map(|(key, _)| key)
    }

    fn call_established(&mut self, host: u32, key: Key, event: &Event<'_>) {
        let Some(pid) = event.int(Field::Pid).and_then(|pid| u32::try_from(pid).ok()) else {
            if self.carriers.get(key).is_some_and(|carrier| carrier.calling) {
                self.await_caller(host, key);
            }
            return;
        };
        match self.by_link.get(host, pid) {
            // a pppd that went before the call is another life of the pid
            Some(link)
                if self
                    .links
                    .get(link)
                    .is_some_and(|link| !link.exited && apart(self.now, link.facts.started) < GRACE_LONG) =>
            {
                self.pair(key, link, true)
            }
            _ => {
                self.expected.insert((host, pid), key);
            }
        }
    }

    fn tunnel_closed(&mut self, key: Key) {
        let Some(carrier) = self.carriers.get_mut(key) else {
            return;
        };
        carrier.finished = carrier.finished.or(Some(self.now));
        match carrier.link.and_then(|link| self.links.get(link)) {
            Some(link) if link.exited => self.close_carrier(key),
            Some(_) => self.look_late(Due::Carrier(key)),
            None => self.look_soon(Due::Carrier(key)),
        }
        self.announce_end(key);
    }

    /// The daemon starts or stops: its tunnels end with it.
    fn l2tp_daemon(&mut self, host: u32, event: &Event<'_>) {
        let keys: Vec<Key> = self
            .carriers
            .iter()
            .filter(|(_, carrier)| carrier.host == host && carrier.protocol != Protocol::Pptp)
            // a call that is only asked for is why the daemon starts
            .filter(|(_, carrier)| !carrier.calling || carrier.tunnel_id.is_some())
            .map(|(key, _)| key)
            .collect();
        for key in keys {
            if let Some(link) = self
                .carriers
                .get(key)
                .and_then(|carrier| carrier.link)
                .and_then(|link| self.links.get_mut(link))
            {
                link.facts.end(EndReason::ServerStopped);
            }
            match event.message().kind {
                EventKind::DaemonStarted => self.close_carrier(key),
                _ => self.tunnel_closed(key),
            }
        }
    }

    fn l2tp_signal(&mut self, host: u32, event: &Event<'_>) {
        // "sending TERM signal to pid N" names a child; a signal that names none is the daemon's own end
        match event.int(Field::Pid) {
            None => self.l2tp_daemon(host, event),
            Some(pid) => {
                let link = u32::try_from(pid).ok().and_then(|pid| self.by_link.get(host, pid));
                if let Some(link) = link.and_then(|link| self.links.get_mut(link)) {
                    link.facts.end(EndReason::TunnelClosed);
                }
            }
        }
    }
}
