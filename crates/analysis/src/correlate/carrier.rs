//! What carries the PPP link: a PPTP control connection (RFC 2637) or an L2TP tunnel with its call (RFC 2661).

use std::net::IpAddr;

use tunlog_model::{Event, EventKind, Layer, Protocol};

use super::facts::{EvidencePolicy, Facts};
use super::prompt::Told;
use super::slab::Key;

/// One control connection or tunnel.
#[derive(Clone, Debug)]
pub struct Carrier {
    /// Interned host.
    pub host: u32,
    /// Tunnel protocol.
    pub protocol: Protocol,
    /// pptpctrl's process id; 0 for L2TP, whose daemon is one process.
    pub pid: u32,
    /// Facts.
    pub facts: Facts,
    /// The daemon named the client: this is a connection, not a probe.
    pub opened: bool,
    /// When the call was started (pppd was launched).
    pub call_started: Option<i64>,
    /// The control connection or tunnel is over.
    pub finished: Option<i64>,
    /// The PPP side.
    pub link: Option<Key>,
    /// L2TP tunnel id of the gateway.
    pub tunnel_id: Option<i64>,
    /// L2TP tunnel id of the client.
    pub peer_tunnel_id: Option<i64>,
    /// IPsec was up when the tunnel came.
    pub encrypted: bool,
    /// This machine is the client: the other end is the gateway.
    pub calling: bool,
    /// The messages that began something on the calling side: the same one again begins another call.
    pub openings: Vec<&'static str>,
    /// Other calls were started with it: its link may be another's as long as no line proves that it is not.
    pub doubtful: bool,
    /// What was told of it.
    pub told: Told,
}

impl Carrier {
    /// A carrier first seen now.
    pub fn new(host: u32, protocol: Protocol, pid: u32, time: i64) -> Carrier {
        Carrier {
            host,
            protocol,
            pid,
            facts: Facts::new(time),
            opened: false,
            call_started: None,
            finished: None,
            link: None,
            tunnel_id: None,
            peer_tunnel_id: None,
            encrypted: false,
            calling: false,
            openings: Vec::new(),
            doubtful: false,
            told: Told::default(),
        }
    }

    /// The address of the other end.
    pub fn far_end(&self) -> Option<IpAddr> {
        match self.calling {
            true => self.facts.server_ip.or(self.facts.client_ip),
            false => self.facts.client_ip,
        }
    }

    /// Takes an event in.
    pub fn observe(&mut self, event: &Event<'_>, policy: &EvidencePolicy) {
        use EventKind::*;
        self.facts.note(event, policy);
        match event.message().kind {
            ControlOpened | TunnelOpened => self.opened = true,
            TunnelEstablished => {
                self.opened = true;
                self.facts.reach(Layer::Control);
            }
            // asked for, by whoever manages the client's connections
            CallStarted if self.calling => self.opened = true,
            CallStarted | CallEstablished => {
                self.opened = true;
                self.call_started = self.call_started.or(Some(event.time.micros));
                self.facts.reach(Layer::Control);
            }
            ControlClosed | TunnelClosed => self.finished = Some(event.time.micros),
            _ => {}
        }
    }
}
