//! One connection as a capture shows it: both sides of it, from the first packet to the last.

use std::net::IpAddr;

use tunlog_model::{EndReason, Event, EventKind, Field, Layer, Protocol};

use super::super::facts::{EvidencePolicy, Facts};
use super::super::prompt::Told;

/// Which way a packet went; an index into what is kept for each.
pub const FROM_CLIENT: usize = 0;
/// See `FROM_CLIENT`.
pub const TO_CLIENT: usize = 1;

/// Echo-Requests without an answer after which a gateway gives the client up.
const ECHOES_MIN: u32 = 3;

/// Packets of one kind whose evidence is kept: a request repeated ten times proves no more than twice.
const ALIKE_MAX: u8 = 2;

/// What one direction did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side {
    /// GRE or data of the session was seen.
    pub carried: bool,
    /// Packets of the data channel, and bytes and packets of data in them, once counted.
    pub packets: u64,
    pub bytes: u64,
    pub data: u64,
    pub counted: bool,
    /// LCP Configure-Requests, and whether the other side's was acknowledged.
    pub lcp_asked: u32,
    pub lcp_acked: bool,
    pub ccp_asked: u32,
    /// Offers MPPE; which lengths, as `mppe 128 40`.
    pub mppe_offered: Option<&'static str>,
    /// Acknowledged MPPE.
    pub mppe_acked: bool,
    /// Acknowledged a compression of another kind: how much data it carries cannot be seen.
    pub compressed: bool,
    /// Rejected MPPE or CCP as such.
    pub mppe_refused: bool,
    pub ipcp_asked: u32,
    pub ipcp_acked: bool,
    /// Rejected IPCP as such, or the address.
    pub ipcp_refused: bool,
    /// Authentication was rejected as an option, or another one proposed.
    pub auth_refused: bool,
    /// IKE messages in the clear and encrypted; quick mode or AUTH.
    pub ike_clear: u32,
    pub ike_encrypted: u32,
    pub ike_second: u32,
    pub esp: u64,
}

/// Who ended it, and how.
#[derive(Clone, Debug)]
pub struct Goodbye {
    pub from_client: bool,
    pub text: Box<str>,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Talk {
    pub facts: Facts,
    pub protocol: Protocol,
    pub client: IpAddr,
    pub server: IpAddr,
    pub sides: [Side; 2],
    pub syns: u32,
    /// TCP is open, or the capture begins behind that.
    pub opened: bool,
    pub refused: bool,
    /// The start of control was asked for and answered.
    pub asked: u32,
    pub answered: bool,
    pub start_refused: Option<i64>,
    pub call_asked: bool,
    pub call_up: Option<i64>,
    pub call_refused: Option<(i64, i64)>,
    pub foreign: bool,
    pub malformed: bool,
    pub auth_begun: bool,
    pub auth_ok: bool,
    pub auth_failed: Option<&'static str>,
    /// A challenge to the client was seen, and what its answer gives away (see `Attempt::exposed`).
    challenged: bool,
    pub exposed: Option<&'static str>,
    /// What the gateway asks for in LCP.
    pub auth_asked: Option<&'static str>,
    pub client_address: Option<IpAddr>,
    pub up: Option<i64>,
    pub goodbye: Option<Goodbye>,
    /// The control connection or tunnel ended: by the client?
    pub ended: Option<bool>,
    pub ike_failed: Option<&'static str>,
    /// An IKE negotiation was seen.
    pub ike: bool,
    pub icmp: Option<&'static str>,
    /// Echo-Requests of the gateway, on the link, that nobody answered so far.
    pub echoes: u32,
    /// What was told of it before it closed.
    pub told: Told,
    alike: Vec<(&'static str, bool, u8)>,
}

impl Talk {
    /// A connection first seen with this event.
    pub fn new(event: &Event<'_>, protocol: Protocol, client: IpAddr, server: IpAddr) -> Talk {
        let mut facts = Facts::new(event.time.micros);
        facts.client_ip = Some(client);
        facts.server_ip = Some(server);
        Talk {
            facts,
            protocol,
            client,
            server,
            sides: [Side::default(); 2],
            syns: 0,
            opened: false,
            refused: false,
            asked: 0,
            answered: false,
            start_refused: None,
            call_asked: false,
            call_up: None,
            call_refused: None,
            foreign: false,
            malformed: false,
            auth_begun: false,
            auth_ok: false,
            auth_failed: None,
            challenged: false,
            exposed: None,
            auth_asked: None,
            client_address: None,
            up: None,
            goodbye: None,
            ended: None,
            ike_failed: None,
            ike: false,
            icmp: None,
            echoes: 0,
            told: Told::default(),
            alike: Vec::new(),
        }
    }

    /// Takes an event in.
    pub fn observe(&mut self, event: &Event<'_>, policy: &EvidencePolicy) {
        let side = match event.word(Field::Direction) {
            Some("to-client") => TO_CLIENT,
            _ => FROM_CLIENT,
        };
        let message = event.message();
        self.note(event, side, policy);
        if self.facts.client_port.is_none() {
            self.facts.client_port = event.int(Field::ClientPort).and_then(|port| u16::try_from(port).ok());
        }
        if !matches!(message.layer, Layer::Control) {
            self.opened = true; // whatever is carried was let in
        }
        match message.layer {
            _ if message.kind == EventKind::Malformed => self.malformed = true,
            _ if message.id.starts_with("icmp-") => self.icmp = self.icmp.or(Some(message.id)),
            Layer::Control => self.control(event, side),
            Layer::Gre | Layer::Data => self.channel(event, side),
            Layer::Lcp => self.lcp(event, side),
            Layer::Auth => self.auth(event),
            Layer::Ccp => self.ccp(event, side),
            Layer::Ipcp => self.ipcp(event, side),
            Layer::Ike => self.ike(event, side),
            _ => {}
        }
    }

    /// Time, and the packet as evidence unless enough of its kind are kept.
    fn note(&mut self, event: &Event<'_>, side: usize, policy: &EvidencePolicy) {
        let id = event.message().id;
        let known = self
            .alike
            .iter_mut()
            .find(|(known, way, _)| *known == id && *way == (side == TO_CLIENT));
        let enough = match known {
            Some((_, _, count)) => {
                *count = count.saturating_add(1);
                *count > ALIKE_MAX
            }
            None => {
                self.alike.push((id, side == TO_CLIENT, 1));
                false
            }
        };
        self.facts.touch_packet(event, policy, !enough);
    }

    fn control(&mut self, event: &Event<'_>, side: usize) {
        let code = |field| event.int(field).unwrap_or(0);
        let is_client = side == FROM_CLIENT;
        match event.message().id {
            "tcp-syn" => self.syns += 1,
            "tcp-opened" => self.opened = true,
            "tcp-refused" => {
                self.refused = true;
                self.ended = Some(false);
            }
            "tcp-closed" | "tcp-reset" | "l2tp-stop" | "l2tp-call-disconnect" => {
                if let Some(reason) = event.text(Field::Reason)
                    && self.goodbye.is_none()
                {
                    self.goodbye = Some(Goodbye {
                        from_client: is_client,
                        text: reason.into(),
                    });
                }
                if event.message().id.starts_with("l2tp") && !is_client && self.up.is_none() {
                    self.call_refused = Some((code(Field::Code), code(Field::Status)));
                }
                self.ended = self.ended.or(Some(is_client));
            }
            "not-pptp" => {
                self.opened = true;
                self.foreign = true;
            }
            "pptp-start-request" | "l2tp-start-request" => {
                self.opened = true;
                self.asked += 1;
            }
            "pptp-start-reply" | "l2tp-start-reply" | "l2tp-start-connected" => {
                self.opened = true;
                self.answered = true;
                self.facts.reach(Layer::Control);
            }
            "pptp-start-refused" => self.start_refused = Some(code(Field::Code)),
            "pptp-call-request" | "l2tp-call-request" => {
                self.opened = true;
                self.call_asked = true;
                if let Some(claimed) = event.ip(Field::ClaimedIp) {
                    self.facts.claimed_ip = Some(claimed);
                }
            }
            "pptp-call-reply" | "l2tp-call-reply" | "l2tp-call-connected" => {
                self.opened = true;
                self.call_up = self.call_up.or(Some(event.time.micros));
                self.facts.reach(Layer::Control);
            }
            "pptp-call-refused" => self.call_refused = Some((code(Field::Code), code(Field::Status))),
            _ => self.opened = true,
        }
    }

    fn channel(&mut self, event: &Event<'_>, side: usize) {
        if event.message().blames.is_some() {
            return; // it tells what is missing
        }
        let own = &mut self.sides[side];
        own.carried = true;
        if event.message().kind != EventKind::TrafficCounted {
            return;
        }
        let (packets, bytes) = match side {
            TO_CLIENT => (Field::PacketsToClient, Field::BytesToClient),
            _ => (Field::PacketsFromClient, Field::BytesFromClient),
        };
        let count = |field| {
            event
                .int(field)
                .and_then(|count| u64::try_from(count).ok())
                .unwrap_or(0)
        };
        own.packets += count(packets);
        own.bytes += count(bytes);
        own.data += count(Field::Count);
        own.counted = true;
        if self.up.is_some() && own.data > 0 {
            self.facts.reach(Layer::Data);
        }
    }

    fn lcp(&mut self, event: &Event<'_>, side: usize) {
        self.sides[side].carried = true;
        match event.message().id {
            "lcp-configure-request" => {
                self.sides[side].lcp_asked += 1;
                if side == TO_CLIENT {
                    self.auth_asked = event.word(Field::AuthMethod).or(self.auth_asked);
                }
            }
            "lcp-configure-ack" => {
                self.sides[side].lcp_acked = true;
                if self.sides[1 - side].lcp_acked {
                    self.facts.reach(Layer::Lcp);
                }
            }
            "lcp-configure-nak" | "lcp-configure-reject" if event.word(Field::AuthMethod).is_some() => {
                self.sides[side].auth_refused = true;
            }
            "lcp-protocol-reject" => match event.text(Field::Protocol).as_deref() {
                Some("CCP") => self.sides[side].mppe_refused = true,
                Some("IPCP") => self.sides[side].ipcp_refused = true,
                _ => {}
            },
            "lcp-echo-request" if side == TO_CLIENT => self.echoes += 1,
            "lcp-echo-reply" if side == FROM_CLIENT => self.echoes = 0,
            "lcp-terminate-request" if self.goodbye.is_none() => {
                self.goodbye = Some(Goodbye {
                    from_client: side == FROM_CLIENT,
                    text: event.text(Field::Reason).unwrap_or_default().into(),
                });
            }
            _ => {}
        }
    }

    fn auth(&mut self, event: &Event<'_>) {
        self.auth_begun = true;
        // one side's name is the user's: the one who answers
        if matches!(event.message().kind, EventKind::AuthStarted)
            && event.word(Field::Direction) != Some("to-client")
            && let Some(user) = event.text(Field::User)
        {
            self.facts.user = Some(user.into());
            self.facts.auth_method = event.word(Field::AuthMethod).or(self.facts.auth_method);
        }
        self.expose(event);
        self.facts.reach(Layer::Lcp);
        match event.message().kind {
            EventKind::AuthSucceeded => {
                self.auth_ok = true;
                self.auth_failed = None;
                self.facts.reach(Layer::Auth);
            }
            EventKind::AuthFailed => self.auth_failed = Some(event.message().blames.unwrap_or("wrong-credentials")),
            _ => {}
        }
    }

    /// A response is worth as much as a password once its challenge is known; either gives away what the client proves.
    fn expose(&mut self, event: &Event<'_>) {
        let is_clients = event.word(Field::Direction) != Some("to-client");
        match event.message().id {
            "pap-request" if is_clients => self.exposed = Some("pap"),
            "chap-challenge" if !is_clients => self.challenged = true,
            "chap-response" if is_clients && self.challenged && self.exposed.is_none() => {
                self.exposed = event.word(Field::AuthMethod);
            }
            _ => {}
        }
    }

    fn ccp(&mut self, event: &Event<'_>, side: usize) {
        let offered = event.word(Field::Proposal);
        let own = &mut self.sides[side];
        match event.message().id {
            "ccp-configure-request" => {
                own.ccp_asked += 1;
                own.mppe_offered = offered.or(own.mppe_offered);
            }
            "ccp-configure-nak" => own.mppe_offered = offered.or(own.mppe_offered),
            "ccp-configure-reject" if offered.is_some() => own.mppe_refused = true,
            "ccp-configure-ack" if offered.is_some_and(|words| words != "mppe none") => {
                own.mppe_acked = true;
                if self.sides[1 - side].mppe_acked {
                    let bits = event.int(Field::MppeBits).and_then(|bits| u8::try_from(bits).ok());
                    self.facts.mppe_bits = bits.or(self.facts.mppe_bits);
                    self.facts.reach(Layer::Ccp);
                }
            }
            "ccp-configure-ack" => own.compressed = true,
            _ => {}
        }
    }

    fn ipcp(&mut self, event: &Event<'_>, side: usize) {
        let own = &mut self.sides[side];
        match event.message().id {
            "ipcp-configure-request" => own.ipcp_asked += 1,
            "ipcp-configure-reject" if event.value(Field::Address).is_some() => own.ipcp_refused = true,
            "ipcp-configure-ack" => {
                own.ipcp_acked = true;
                if side == TO_CLIENT {
                    self.client_address = event.ip(Field::Address).or(self.client_address);
                }
                if self.sides[FROM_CLIENT].ipcp_acked && self.sides[TO_CLIENT].ipcp_acked && self.up.is_none() {
                    self.up = Some(event.time.micros);
                    self.facts.assigned_ip = self.client_address;
                    self.facts.reach(Layer::Ipcp);
                }
            }
            _ => {}
        }
    }

    fn ike(&mut self, event: &Event<'_>, side: usize) {
        self.ike = true;
        let message = event.message();
        let is_encrypted = event.word(Field::State) == Some("encrypted");
        let own = &mut self.sides[side];
        match message.id {
            "esp-started" => own.esp = own.esp.max(1),
            "esp-counted" => {
                let field = if side == TO_CLIENT {
                    Field::PacketsToClient
                } else {
                    Field::PacketsFromClient
                };
                own.esp = own.esp.max(
                    event
                        .int(field)
                        .and_then(|count| u64::try_from(count).ok())
                        .unwrap_or(0),
                );
            }
            "ikev1-main-mode" | "ikev1-aggressive-mode" | "ikev2-init" if is_encrypted => own.ike_encrypted += 1,
            "ikev1-main-mode" | "ikev1-aggressive-mode" | "ikev2-init" => own.ike_clear += 1,
            "ikev1-quick-mode" | "ikev2-auth" => own.ike_second += 1,
            _ => {}
        }
        if message.kind == EventKind::IkeFailed {
            self.ike_failed = self.ike_failed.or(message.blames);
        }
        if self.sides.iter().all(|side| side.esp > 0) {
            self.facts.reach(Layer::Ike);
        }
    }

    /// Whether the gateway broke it off before there was a call.
    pub fn is_refused(&self) -> bool {
        self.protocol == Protocol::Pptp && self.ended == Some(false) && self.call_up.is_none() && self.syns > 0
    }

    /// Whether a call was agreed of which this direction was not seen.
    pub fn waits_for_gre(&self, from_client: bool) -> bool {
        let side = if from_client { FROM_CLIENT } else { TO_CLIENT };
        self.protocol == Protocol::Pptp && self.call_up.is_some() && self.ended.is_none() && !self.sides[side].carried
    }

    /// A client that was refused tries once more.
    pub fn try_again(&mut self) {
        (self.opened, self.refused, self.ended) = (false, false, None);
    }

    /// Why the session ended, by what was said last.
    pub fn why_ended(&self) -> EndReason {
        let said = self.goodbye.as_ref();
        match said.map(|said| (said.from_client, said.text.as_ref())) {
            Some((_, text)) if text.contains("inactiv") || text.contains("Idle") || text.contains("idle") => {
                EndReason::IdleTimeout
            }
            Some((_, text)) if text.contains("Connect time") || text.contains("Session-Timeout") => {
                EndReason::SessionTimeout
            }
            Some((false, text)) if text.contains("not responding") => EndReason::PeerGone,
            Some((false, _)) if self.echoes >= ECHOES_MIN => EndReason::PeerGone,
            Some((true, _)) => EndReason::UserRequest,
            Some((false, "Server closing")) => EndReason::ServerStopped,
            // a gateway that is told to stop says "User request" too
            Some((false, text)) if text.contains("User request") => EndReason::Admin,
            Some((false, _)) => EndReason::Unknown,
            None => match self.ended {
                Some(true) => EndReason::PeerGone,
                Some(false) => EndReason::TunnelClosed,
                None => EndReason::Unknown,
            },
        }
    }
}
