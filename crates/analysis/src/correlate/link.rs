//! The PPP side of an attempt: one pppd process.

use std::net::IpAddr;

use tunlog_model::{EndReason, Event, EventKind, Field, Layer, Protocol, Value};

use super::facts::{EvidencePolicy, Facts};
use super::prompt::Told;
use super::served::{Served, protocol_of};
use super::slab::Key;

/// Bytes of a negotiation, all layers and some repetitions of it.
const NEGOTIATION_BYTES_MAX: u64 = 4096;

/// What is known of one pppd process.
#[derive(Clone, Debug)]
pub struct Link {
    /// Interned host.
    pub host: u32,
    /// Process id, 0 if unknown.
    pub pid: u32,
    /// Facts.
    pub facts: Facts,
    /// PPP interface.
    pub interface: Option<Box<str>>,
    /// Tunnel protocol, where the link's own lines tell it.
    pub protocol: Option<Protocol>,
    /// The line's writer is the calling side: pppd's words mean the other direction then.
    pub calling: bool,
    /// The address that this end has inside the tunnel.
    pub local: Option<IpAddr>,
    /// What a session of a gateway that is one program has besides.
    pub served: Option<Box<Served>>,
    /// The tunnel it runs in.
    pub carrier: Option<Key>,
    /// Whether a line proves that pairing.
    pub paired_for_certain: bool,
    /// When the network layer came up.
    pub up: Option<i64>,
    /// That it came up was noted, to be told soon.
    pub opening_noted: bool,
    /// What was told of it.
    pub told: Told,
    /// The peer was heard on LCP or above.
    pub heard: bool,
    /// The peer proved who it is (or nobody asked).
    pub authenticated: bool,
    /// The peer answered a challenge: whoever checked that was not shown the password.
    pub challenged: bool,
    /// The login was refused.
    pub refused: bool,
    /// The message of the refusal: the same one again is another attempt.
    pub refused_by: Option<&'static str>,
    /// pppd said goodbye.
    pub exited: bool,
    /// The link began to end.
    pub ending: bool,
    /// Bytes to and from the client; the line comes twice with the same numbers (lab.md trap 1).
    pub bytes: Option<(u64, u64)>,
    /// pppd's own count of seconds: monotonic, right even when the clock is set.
    pub connect_time_s: Option<f64>,
    /// A signal ended it.
    pub terminated: bool,
    /// The modem line hung up, that is the tunnel went away below.
    pub hung_up: bool,
    /// Lines that only a beginning or middle of a session writes were seen.
    pub begun: bool,
    /// Who decided the login.
    pub backend: Option<&'static str>,
    /// A RADIUS answer was joined.
    pub answered: bool,
    /// Its login is among those that a directory or domain may explain.
    pub decided: bool,
    /// What a directory or domain said of the login was joined.
    pub attested: bool,
    /// It was kept open for that.
    pub awaited: bool,
    /// How many attempts this stands for.
    pub times: u64,
}

impl Link {
    /// A process first seen now.
    pub fn new(host: u32, pid: u32, time: i64) -> Link {
        Link {
            host,
            pid,
            facts: Facts::new(time),
            interface: None,
            protocol: None,
            calling: false,
            local: None,
            served: None,
            carrier: None,
            paired_for_certain: false,
            up: None,
            opening_noted: false,
            told: Told::default(),
            heard: false,
            authenticated: false,
            challenged: false,
            refused: false,
            refused_by: None,
            exited: false,
            ending: false,
            bytes: None,
            connect_time_s: None,
            terminated: false,
            hung_up: false,
            begun: false,
            backend: None,
            answered: false,
            decided: false,
            attested: false,
            awaited: false,
            times: 1,
        }
    }

    /// Whether an event shows that another process life began under the same pid: the pid came round, or lines were lost.
    pub fn is_other_life(&self, event: &Event<'_>) -> bool {
        match event.message().kind {
            EventKind::ProcessStarted => self.begun,
            EventKind::LinkUp => self.ending || self.up.is_some(),
            EventKind::AuthFailed => self.refused && self.refused_by == Some(event.message().id),
            EventKind::AuthSucceeded => self.ending && self.refused,
            _ => false,
        }
    }

    /// Takes an event in.
    #[inline]
    pub fn observe(&mut self, event: &Event<'_>, policy: &EvidencePolicy) {
        // what pppd says while it goes down is a consequence of the end, not its cause
        let blamed = self.facts.blame.filter(|_| self.ending);
        self.facts.note(event, policy);
        if blamed.is_some() {
            self.facts.blame = blamed;
        }
        if let Some(interface) = event.value(Field::Interface) {
            self.take_interface(event, interface);
        }
        self.challenged |= tells_of_a_challenge(event);
        self.begun |= !is_ending(event.message().kind) || asks_for_a_link(event);
        self.advance(event);
    }

    #[inline(never)]
    fn take_interface(&mut self, event: &Event<'_>, value: &Value) {
        // said again and again: what is known already costs no more than to see that
        let known = self.interface.as_deref().map(str::as_bytes);
        if known.is_none() || event.value_bytes(value) != known {
            self.interface = event.text_of(value).map(Into::into).or(self.interface.take());
        }
    }

    /// Which side of the connection pppd is on, as far as this line tells; whether it tells so first.
    #[inline]
    pub fn takes_side(&mut self, event: &Event<'_>) -> bool {
        let message = event.message();
        match message.kind {
            EventKind::AddressLocal => self.local = event.ip(Field::ServerIp).or(self.local),
            EventKind::LinkUp => self.learn_gateway(event),
            _ => {}
        }
        let first = message.calling && !self.calling;
        if message.calling && self.protocol.is_none() {
            self.protocol = event.text(Field::Protocol).and_then(|name| protocol_of(&name));
        }
        self.calling |= message.calling;
        first
    }

    /// `Connect: ppp0 <--> pptp (198.51.100.10)`: pppd's own PPTP plug-in only calls, and names whom.
    fn learn_gateway(&mut self, event: &Event<'_>) {
        let Some(device) = event.text(Field::Device) else {
            return;
        };
        if let Some(gateway) = device.strip_prefix("pptp (").and_then(|rest| rest.strip_suffix(')')) {
            self.calling = true;
            self.protocol = Some(Protocol::Pptp);
            self.facts.server_ip = self.facts.server_ip.or(gateway.parse().ok());
        }
    }

    fn advance(&mut self, event: &Event<'_>) {
        use EventKind::*;
        let time = event.time.micros;
        match event.message().kind {
            LinkUp => self.facts.reach(Layer::Control),
            LcpMessage => self.hear(event),
            AuthStarted | AuthMessage => {
                self.hear(event);
            }
            AuthSucceeded => {
                self.heard = true;
                self.authenticated = true;
                self.facts.reach(Layer::Auth);
            }
            AuthFailed => {
                self.heard = true;
                self.refused = true;
                self.refused_by = Some(event.message().id);
                self.facts.reach(Layer::Lcp);
            }
            SecretMissing | AuthMethodRefused => {
                self.heard = true;
                self.facts.reach(Layer::Lcp);
            }
            EncryptionAgreed => {
                self.heard = true;
                self.facts.reach(Layer::Ccp);
            }
            AddressAssigned => {
                self.heard = true;
                self.up = self.up.or(Some(time));
                self.facts.reach(Layer::Ipcp);
            }
            LinkTerminated | EncryptionRefused => {
                self.heard = true;
                self.ending = true;
            }
            TrafficCounted => self.count(event),
            TimeCounted => self.connect_time_s = event.seconds(Field::DurationS).or(self.connect_time_s),
            Signal => self.signal(),
            Hangup => {
                self.ending = true;
                // a signal first, then the hang-up it caused, is no hang-up of the peer
                self.hung_up |= !self.terminated;
            }
            LinkDown | EchoTimeout | IdleTimeout | SessionTimeout => self.ending = true,
            ProcessExited => {
                self.ending = true;
                self.exited = true;
            }
            _ => {}
        }
    }

    /// A packet line proves that the peer is heard only if it was received.
    fn hear(&mut self, event: &Event<'_>) {
        if event
            .message()
            .templates
            .first()
            .is_some_and(|text| text.starts_with("rcvd"))
        {
            self.heard = true;
            self.facts.reach(Layer::Lcp);
        }
    }

    fn count(&mut self, event: &Event<'_>) {
        let count = |field| event.int(field).and_then(|bytes| u64::try_from(bytes).ok());
        if let (Some(to), Some(from)) = (count(Field::BytesToClient), count(Field::BytesFromClient)) {
            self.bytes = Some((to, from));
            if to > 0 || from > 0 {
                self.facts.reach(Layer::Data);
            }
        }
    }

    /// SIGTERM, SIGINT or SIGHUP: somebody on this machine ended it, unless the line had hung up already.
    fn signal(&mut self) {
        self.ending = true;
        self.terminated |= !self.hung_up;
    }

    /// Whether there is more to it than the last lines of a session whose beginning nobody has.
    pub fn is_telling(&self) -> bool {
        if self
            .served
            .as_ref()
            .is_some_and(|served| served.foreign || self.is_anybody())
        {
            return false;
        }
        let moved = self.bytes.is_some_and(|(to, from)| to + from > 0);
        self.begun || moved || self.connect_time_s.is_some_and(|seconds| seconds > 0.0)
    }

    /// More bytes than any negotiation takes were counted.
    pub fn is_counted_in_bulk(&self) -> bool {
        self.bytes
            .is_some_and(|(to, from)| to.saturating_add(from) > NEGOTIATION_BYTES_MAX)
    }

    /// Somebody opened a connection and said nothing, and the writer does not say of which protocol: such gateways listen for
    /// others than ours.
    fn is_anybody(&self) -> bool {
        self.protocol.is_none() && !self.heard && self.facts.blame.is_none() && self.facts.user.is_none()
    }

    /// Why the session ended, from what was seen.
    pub fn why_ended(&self) -> EndReason {
        if let Some(reason) = self.facts.end_reason {
            return reason;
        }
        match () {
            () if !self.ending => EndReason::Killed,
            () if self.terminated => EndReason::Admin,
            () if self.hung_up => EndReason::PeerGone,
            () => EndReason::Unknown,
        }
    }
}

/// Kinds that only stand at the end of a process's life, or tell nothing of its beginning.
fn is_ending(kind: EventKind) -> bool {
    use EventKind::*;
    matches!(
        kind,
        LinkDown
            | Hangup
            | ProcessExited
            | TrafficCounted
            | TimeCounted
            | ScriptRun
            | SystemMessage
            | LinkTerminated
            | CallClosed
            | TunnelClosed
            | ControlClosed
            | Signal
            | DataMessage
            | LcpMessage
            | CcpMessage
            | IpcpMessage
            | PluginLoaded
    )
}

/// A login that was decided, or is under way, by any kind of CHAP.
fn tells_of_a_challenge(event: &Event<'_>) -> bool {
    use EventKind::*;
    let message = event.message();
    let of_chap = |text: &&str| text.contains("CHAP");
    message.packet.is_some_and(|packet| packet.protocol == "CHAP")
        || (matches!(message.kind, AuthFailed | AuthSucceeded) && message.templates.first().is_some_and(of_chap))
}

/// The peer's request to configure the link: LCP begins.
fn asks_for_a_link(event: &Event<'_>) -> bool {
    let packet = event.message().packet;
    packet.is_some_and(|packet| !packet.sent && packet.protocol == "LCP" && packet.code == "ConfReq")
}

/// Kinds that alone make a pppd process known: chatter after `Exit.` must not.
pub fn makes_a_link(kind: EventKind) -> bool {
    !matches!(
        kind,
        EventKind::ScriptRun
            | EventKind::SystemMessage
            | EventKind::ProcessExited
            | EventKind::PluginLoaded
            | EventKind::RadiusMessage
    )
}
