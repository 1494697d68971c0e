//! What is known of a session of a gateway that is one program, beside what every link has.

use tunlog_model::{EndReason, Event, EventKind, Field, Layer, Protocol};

use super::link::Link;
use super::names::{Names, is_guid};

/// How many names of one kind a session keeps; a writer has two or three for it.
const NAMES_MAX: usize = 8;

/// Tunnel protocols of such gateways that tunlog has no word for.
const OTHERS: &[&str] = &[
    "pppoe",
    "ipoe",
    "sstp",
    "openvpn",
    "ovpn",
    "anyconnect",
    "wireguard",
    "l2tpv3",
    "ikev2",
];

/// What only sessions of such a gateway have.
#[derive(Clone, Debug)]
pub struct Served {
    /// The dialect of its writer: another program on the host has names of its own.
    pub dialect: &'static str,
    /// The writer's own names for it.
    pub names: Vec<Box<str>>,
    /// Those among them that are no interface: a session has one interface, and gateways have one for many sessions.
    pub connections: Vec<Box<str>>,
    /// Accounts it was spoken of by.
    pub users: Vec<Box<str>>,
    /// Ports of the client.
    pub ports: Vec<u16>,
    /// L2TP tunnel of the gateway.
    pub tunnel: Option<i64>,
    /// L2TP session or PPTP call of the gateway.
    pub call: Option<i64>,
    /// IPsec was up when it began.
    pub encrypted: bool,
    /// The IKE negotiations were asked for its client.
    pub asked_ike: bool,
    /// Messages that begin something, or refuse a login, and were seen: the same one again begins another.
    pub openings: Vec<&'static str>,
    /// The message that made it a session.
    pub up_by: Option<&'static str>,
    /// Bytes to and from the client, as far as told.
    pub counted: (Option<u64>, Option<u64>),
    /// The writer names a tunnel protocol that is neither PPTP nor L2TP.
    pub foreign: bool,
    /// Tells sessions apart that begin at one moment.
    pub salt: u64,
}

impl Served {
    /// A session first seen now.
    pub fn new(dialect: &'static str, salt: u64) -> Served {
        Served {
            dialect,
            names: Vec::new(),
            connections: Vec::new(),
            users: Vec::new(),
            ports: Vec::new(),
            tunnel: None,
            call: None,
            encrypted: false,
            asked_ike: false,
            openings: Vec::new(),
            up_by: None,
            counted: (None, None),
            foreign: false,
            salt,
        }
    }

    /// Keeps the names of a line.
    pub fn keep(&mut self, names: &Names<'_>) {
        for name in names.own() {
            keep_text(&mut self.names, name);
        }
        for name in [&names.connection, &names.other].into_iter().flatten() {
            keep_text(&mut self.connections, name);
        }
        if let Some(user) = names.user.as_deref().filter(|user| !user.is_empty()) {
            keep_text(&mut self.users, user);
        }
        if let Some(port) = names
            .port
            .filter(|port| !self.ports.contains(port) && self.ports.len() < NAMES_MAX)
        {
            self.ports.push(port);
        }
        self.tunnel = self.tunnel.or(names.tunnel);
        self.call = self.call.or(names.call);
    }

    /// Whether one of the line's own names is this session's.
    pub fn has_own(&self, names: &Names<'_>) -> bool {
        names.own().any(|name| self.names.iter().any(|known| **known == *name))
    }

    /// Whether the line has a name that is unique for ever and not this session's, which has one too.
    pub fn is_another(&self, names: &Names<'_>) -> bool {
        let guids = || self.connections.iter().filter(|name| is_guid(name));
        let differs = |unique: &str| guids().next().is_some() && !guids().any(|known| **known == *unique);
        names.unique().is_some_and(differs)
    }

    /// Whether it is known by the name on the line that is unique for ever.
    pub fn is_the_one(&self, names: &Names<'_>) -> bool {
        let unique = names.unique();
        unique.is_some_and(|unique| self.connections.iter().any(|known| **known == *unique))
    }

    /// Whether the line has a name that no other session has at the same time: an interface may be that of many.
    pub fn is_named(&self, names: &Names<'_>) -> bool {
        let connection = names.connection.as_deref();
        connection.is_some_and(|name| self.connections.iter().any(|known| **known == *name))
            || names.port.is_some_and(|port| self.ports.contains(&port))
            || (names.call.is_some() && self.call == names.call)
    }

    fn saw(&mut self, message: &'static str) {
        if !self.openings.contains(&message) && self.openings.len() < NAMES_MAX {
            self.openings.push(message);
        }
    }
}

fn keep_text(list: &mut Vec<Box<str>>, name: &str) {
    if list.len() < NAMES_MAX && !list.iter().any(|known| **known == *name) {
        list.push(name.into());
    }
}

impl Link {
    /// Takes in a line of a gateway that is one program: what the same kind tells there beyond what pppd tells by it.
    pub fn serve(&mut self, event: &Event<'_>) {
        let kind = event.message().kind;
        let Some(served) = &mut self.served else { return };
        if begins(kind) || matches!(kind, EventKind::AuthFailed | EventKind::RadiusRejected) {
            served.saw(event.message().id);
        }
        self.learn_protocol(event);
        self.progress(event, kind);
        self.count_any(event);
        self.was_up(event, kind);
        self.end_by(kind);
        // the last line of a session may be all that there is of it
        self.begun |= self.facts.blame.is_some();
    }

    fn learn_protocol(&mut self, event: &Event<'_>) {
        let Some(served) = &mut self.served else { return };
        let text = |field| event.text(field);
        let named = text(Field::Protocol).and_then(|name| protocol_of(&name));
        if text(Field::Protocol).is_some_and(|name| OTHERS.iter().any(|other| name.eq_ignore_ascii_case(other))) {
            served.foreign = true;
        }
        let prefixed = || {
            let names = [text(Field::Interface), text(Field::Connection)];
            names.into_iter().flatten().find_map(|name| protocol_before(&name))
        };
        let numbered = || {
            let l2tp = event.int(Field::TunnelId).map(|_| Protocol::L2tp);
            l2tp.or(event.int(Field::CallId).map(|_| Protocol::Pptp))
        };
        let ported = || match event.int(Field::ServerPort)? {
            1723 => Some(Protocol::Pptp),
            1701 => Some(Protocol::L2tp),
            _ => None,
        };
        // that IPsec carries it may be said later than that it is L2TP
        let carried = named == Some(Protocol::L2tpIpsec) && self.protocol == Some(Protocol::L2tp);
        let known = self.protocol.filter(|_| !carried);
        self.protocol = known
            .or(named)
            .or_else(numbered)
            .or_else(prefixed)
            .or_else(ported)
            .or_else(|| protocol_in(event));
    }

    fn progress(&mut self, event: &Event<'_>, kind: EventKind) {
        use EventKind::*;
        let message = event.message();
        match kind {
            CallStarted | TunnelEstablished | CallEstablished => self.facts.reach(Layer::Control),
            LinkUp if message.layer >= Layer::Lcp => self.facts.reach(Layer::Control),
            AuthStarted | AuthTimeout => {
                // login comes after LCP, which takes two
                self.heard = true;
                self.facts.reach(Layer::Lcp);
            }
            RadiusRejected => {
                self.heard = true;
                self.refused = true;
                self.refused_by = Some(message.id);
                self.backend = Some("radius");
                self.facts.reach(Layer::Lcp);
            }
            RadiusAccepted => {
                self.heard = true;
                self.backend = Some("radius");
            }
            _ if kind.is_detail() && message.layer >= Layer::Lcp && was_received(event) => {
                self.heard = true;
                self.facts.reach(Layer::Lcp);
            }
            _ => {}
        }
        if self.up.is_none() && !self.ending && self.comes_up(event, kind) {
            self.heard = true;
            self.up = Some(event.time.micros);
            self.facts.reach(Layer::Ipcp);
        }
        if let Some(served) = self
            .served
            .as_mut()
            .filter(|served| served.up_by.is_none() && self.up.is_some())
        {
            served.up_by = Some(message.id);
        }
        if self.up.is_some() {
            // a login that was refused first and accepted then was no refusal
            self.refused = false;
        }
    }

    /// A session is up when an address was given, or when the writer says so of one that has logged in.
    fn comes_up(&self, event: &Event<'_>, kind: EventKind) -> bool {
        use EventKind::*;
        let given = event.ip(Field::AssignedIp).is_some();
        let told = [Field::User, Field::AuthMethod, Field::MppeBits];
        let known = given || self.authenticated || told.iter().any(|field| event.value(*field).is_some());
        match kind {
            AuthSucceeded => given,
            // a pseudo-wire has no PPP: its call is all there is
            CallEstablished => known || event.text(Field::Type).is_some_and(|kind| kind == "pseudowire"),
            LinkUp => given || (known && event.message().layer >= Layer::Ipcp),
            AccountingStart => true,
            _ => false,
        }
    }

    /// Counters stand in closing lines of any kind.
    fn count_any(&mut self, event: &Event<'_>) {
        let count = |field| event.int(field).and_then(|bytes| u64::try_from(bytes).ok());
        let Some(served) = &mut self.served else { return };
        served.counted.0 = count(Field::BytesToClient).or(served.counted.0);
        served.counted.1 = count(Field::BytesFromClient).or(served.counted.1);
        if let (Some(to), Some(from)) = served.counted {
            self.bytes = Some((to, from));
            if to > 0 || from > 0 {
                self.facts.reach(Layer::Data);
            }
        }
        if ends(event.message().kind) || event.message().kind == EventKind::TrafficCounted {
            self.connect_time_s = event.seconds(Field::DurationS).or(self.connect_time_s);
        }
    }

    /// A closing line that counts the time tells when it came up, if no other line did.
    fn was_up(&mut self, event: &Event<'_>, kind: EventKind) {
        let counted = self.connect_time_s.filter(|seconds| *seconds > 0.0 && ends(kind));
        let Some(seconds) = counted.filter(|_| self.up.is_none() && !self.refused && self.facts.blame.is_none()) else {
            return;
        };
        let up = event.time.micros.saturating_sub((seconds * 1e6) as i64);
        if self.facts.started == event.time.micros {
            self.facts.started = up;
        }
        self.up = Some(up.max(self.facts.started));
        self.heard = true;
        self.facts.reach(Layer::Ipcp);
    }

    fn end_by(&mut self, kind: EventKind) {
        use EventKind::*;
        if !ends(kind) {
            return;
        }
        let first = !self.ending || matches!(kind, IdleTimeout | SessionTimeout | EchoTimeout);
        let implied = match kind {
            IdleTimeout => Some(EndReason::IdleTimeout),
            SessionTimeout => Some(EndReason::SessionTimeout),
            EchoTimeout | ControlClosed => Some(EndReason::PeerGone),
            TunnelClosed => Some(EndReason::TunnelClosed),
            _ => None,
        };
        if let Some(reason) = implied.filter(|_| first) {
            self.facts.end(reason);
        }
        self.ending = true;
        self.exited |= matches!(
            kind,
            LinkDown | CallClosed | TunnelClosed | ControlClosed | ProcessExited | AccountingStop
        );
    }
}

/// A packet line proves that the peer is heard only if it was received; writers say so in their own words.
fn was_received(event: &Event<'_>) -> bool {
    let received = |text: &&str| {
        ["rcvd ", "recv ", "rec'd ", "received "]
            .iter()
            .any(|word| text.contains(word))
    };
    event.message().templates.first().is_some_and(received)
}

/// The protocol that a writer names.
pub fn protocol_of(name: &str) -> Option<Protocol> {
    match () {
        () if name.eq_ignore_ascii_case("pptp") => Some(Protocol::Pptp),
        () if name.eq_ignore_ascii_case("l2tp") => Some(Protocol::L2tp),
        () if name.eq_ignore_ascii_case("l2tp-ipsec") || name.eq_ignore_ascii_case("l2tp/ipsec") => {
            Some(Protocol::L2tpIpsec)
        }
        () => None,
    }
}

/// A message of the control layer whose fixed text, or the catalogue's name for it, names one of the protocols: `pptp: new
/// connection from …`.
fn protocol_in(event: &Event<'_>) -> Option<Protocol> {
    let message = event.message();
    let text = message.templates.first()?;
    if message.layer != Layer::Control {
        return protocol_before(text);
    }
    let text = format!("{} {text}", message.id).to_ascii_lowercase();
    match (text.contains("pptp"), text.contains("l2tp")) {
        (true, false) => Some(Protocol::Pptp),
        (false, true) => Some(Protocol::L2tp),
        _ => None,
    }
}

/// `pptp-anna`, `l2tp3`: writers name what they make after the protocol.
fn protocol_before(name: &str) -> Option<Protocol> {
    let name = name.trim_start_matches('<').as_bytes();
    let begins = |word: &[u8]| {
        name.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    match () {
        () if begins(b"pptp") => Some(Protocol::Pptp),
        () if begins(b"l2tp") => Some(Protocol::L2tp),
        () => None,
    }
}

/// Kinds by which something begins.
pub fn begins(kind: EventKind) -> bool {
    use EventKind::*;
    matches!(kind, ControlOpened | TunnelOpened | CallStarted | LinkUp)
}

/// Kinds by which a session ends.
pub fn ends(kind: EventKind) -> bool {
    use EventKind::*;
    matches!(
        kind,
        ControlClosed
            | TunnelClosed
            | CallClosed
            | LinkTerminated
            | LinkDown
            | Hangup
            | EchoTimeout
            | IdleTimeout
            | SessionTimeout
            | ProcessExited
            | AccountingStop
    )
}
