//! What is known of one side of an attempt, whoever said it.

use std::borrow::Cow;
use std::net::IpAddr;

use tunlog_model::{Assumed, Confidence, EndReason, Event, Evidence, Field, Layer, Value, text};

pub use tunlog_model::Redact;

use super::trail::Trail;

/// How evidence is kept.
#[derive(Clone, Copy)]
pub struct EvidencePolicy {
    /// Keep texts at all (tables do not show them).
    pub keep: bool,
    /// Keep everything that is said about an attempt, for a diagnosis.
    pub trail: bool,
    /// Takes secrets out; `None` keeps them (`--show-secrets`).
    pub redact: Option<Redact>,
}

impl EvidencePolicy {
    /// The record of an event as it may be shown.
    pub fn text(&self, event: &Event<'_>) -> Box<str> {
        text::lossy(self.shown(event).trim_ascii_end()).into()
    }

    fn shown<'a>(&self, event: &Event<'a>) -> Cow<'a, [u8]> {
        let raw = event.raw();
        self.redact
            .filter(|_| !event.redacted())
            .map_or(Cow::Borrowed(raw), |redact| redact(event.message(), raw))
    }
}

/// Lines of evidence a side keeps: the first ones, and the last ones in place of each other.
const EVIDENCE_MAX: usize = 32;

/// A statement about why something failed.
#[derive(Clone, Copy, Debug)]
pub struct Blame {
    /// The contract's cause.
    pub cause: &'static str,
    /// How sure.
    pub confidence: Confidence,
    /// Where.
    pub layer: Layer,
}

impl Blame {
    /// Whether this is to be told instead of what is known. Who was heard and refused got as far as the login: what failed
    /// below it was overcome, and what fails afterwards (the tunnel, the link, a timeout) is the refusal's consequence.
    fn outranks(&self, known: &Blame) -> bool {
        let below_login = matches!(
            known.layer,
            Layer::Ike | Layer::Firewall | Layer::Control | Layer::Gre | Layer::Lcp
        );
        match (self.is_of_login(), known.is_of_login()) {
            (false, true) => false,
            (true, false) if below_login => true,
            _ => rank(self.cause) > rank(known.cause),
        }
    }

    /// It says why a login was refused, or that it was.
    fn is_of_login(&self) -> bool {
        matches!(
            self.cause,
            "wrong-credentials"
                | "wrong-password"
                | "unknown-user"
                | "account-restricted"
                | "no-secret"
                | "auth-method-refused"
                | "auth-reply-mismatch"
                | "peer-authentication-demanded"
                | "auth-backend-unreachable"
                | "auth-backend-misconfigured"
        ) || matches!(self.layer, Layer::Auth | Layer::Radius)
    }
}

/// Facts of one side.
#[derive(Clone, Debug)]
pub struct Facts {
    /// First event.
    pub started: i64,
    /// Last event.
    pub last: i64,
    /// Name the client gave.
    pub user: Option<Box<str>>,
    /// Client by socket.
    pub client_ip: Option<IpAddr>,
    /// Client's port.
    pub client_port: Option<u16>,
    /// Client by its own claim.
    pub claimed_ip: Option<IpAddr>,
    /// Address for the client inside the tunnel.
    pub assigned_ip: Option<IpAddr>,
    /// The gateway's outer address.
    pub server_ip: Option<IpAddr>,
    /// Authentication method.
    pub auth_method: Option<&'static str>,
    /// MPPE key bits.
    pub mppe_bits: Option<u8>,
    /// Why it failed, as far as told.
    pub blame: Option<Blame>,
    /// Why it ended, as far as told.
    pub end_reason: Option<EndReason>,
    /// Highest layer that worked.
    pub reached: Layer,
    /// What was assumed about times.
    pub assumed: Assumed,
    /// The lines.
    pub evidence: Vec<Evidence>,
    /// Everything that was said, for a diagnosis.
    pub trail: Trail,
}

impl Facts {
    /// Nothing known but when it began.
    pub fn new(time: i64) -> Facts {
        Facts {
            started: time,
            last: time,
            user: None,
            client_ip: None,
            client_port: None,
            claimed_ip: None,
            assigned_ip: None,
            server_ip: None,
            auth_method: None,
            mppe_bits: None,
            blame: None,
            end_reason: None,
            reached: Layer::System,
            assumed: Assumed::default(),
            evidence: Vec::new(),
            trail: Trail::default(),
        }
    }

    /// Takes what was said out; what costs nothing to copy stays.
    pub fn take(&mut self) -> Facts {
        Facts {
            user: self.user.take(),
            evidence: std::mem::take(&mut self.evidence),
            trail: std::mem::take(&mut self.trail),
            ..*self
        }
    }

    /// Takes in what an event says that is the same on every layer: time, addresses, name, blame, evidence.
    #[inline]
    pub fn note(&mut self, event: &Event<'_>, policy: &EvidencePolicy) {
        self.touch(event, policy);
        for (field, value) in event.fields() {
            self.field(*field, value, event);
        }
        let message = event.message();
        if let Some(cause) = message.blames {
            self.blame(Blame {
                cause,
                confidence: message.confidence,
                layer: message.fails_at,
            });
        }
        if let Some(reason) = message.end_reason {
            self.end(reason);
        }
    }

    /// As `note`, for a line about IPsec on the calling side: the other end, which such lines call the client, is the gateway.
    pub fn note_calling(&mut self, event: &Event<'_>, policy: &EvidencePolicy) {
        let (own, gateway) = (self.client_ip, self.server_ip);
        self.note(event, policy);
        let other = event.ip(Field::ClientIp);
        self.client_ip = own.or(event.ip(Field::ServerIp).filter(|_| other.is_some()));
        self.server_ip = gateway.or(other).or(event.ip(Field::ServerIp));
        self.client_port = None;
    }

    /// Time and evidence only.
    pub fn touch(&mut self, event: &Event<'_>, policy: &EvidencePolicy) {
        let time = event.time.micros;
        self.started = self.started.min(time);
        // a clock that is set back must not make the end come before what was seen: the last line is the end
        self.last = time;
        self.assumed = self.assumed.with(event.time.assumed);
        if policy.trail {
            self.trail.note(event, policy);
        }
        if policy.keep {
            self.keep_evidence(event, policy);
        }
    }

    /// Time, and the packet as evidence if it is `telling`. Packets come in the order in which they were captured, but what
    /// was counted of a direction is told later.
    pub fn touch_packet(&mut self, event: &Event<'_>, policy: &EvidencePolicy, telling: bool) {
        self.last = self.last.max(event.time.micros);
        self.assumed = self.assumed.with(event.time.assumed);
        if policy.keep && telling {
            self.add_evidence(event, policy);
        }
    }

    #[inline(never)]
    fn keep_evidence(&mut self, event: &Event<'_>, policy: &EvidencePolicy) {
        // of the chatter only what names the user is telling
        if !event.message().kind.is_detail() || event.value(Field::User).is_some() {
            self.add_evidence(event, policy);
        }
    }

    fn add_evidence(&mut self, event: &Event<'_>, policy: &EvidencePolicy) {
        if self.evidence.len() == EVIDENCE_MAX {
            self.evidence.remove(EVIDENCE_MAX / 2);
        }
        self.evidence.push(Evidence {
            source: event.source,
            line: event.line(),
            text: policy.text(event),
        });
    }

    fn field(&mut self, field: Field, value: &Value, event: &Event<'_>) {
        match field {
            Field::ClientIp => self.client_ip = self.client_ip.or(value.ip()),
            Field::ClaimedIp => self.claimed_ip = self.claimed_ip.or(value.ip()),
            Field::AssignedIp => self.assigned_ip = value.ip().or(self.assigned_ip),
            // IPCP's address of the gateway is the one inside the tunnel
            Field::ServerIp if event.message().layer != Layer::Ipcp => self.server_ip = self.server_ip.or(value.ip()),
            Field::ClientPort => {
                self.client_port = self
                    .client_port
                    .or(value.int().and_then(|port| u16::try_from(port).ok()))
            }
            Field::MppeBits => self.mppe_bits = value.int().and_then(|bits| u8::try_from(bits).ok()).or(self.mppe_bits),
            Field::AuthMethod => self.auth_method = value.word().or(self.auth_method),
            Field::User if self.user.is_none() => self.user = event.text_of(value).map(|user| user.into()),
            _ => {}
        }
    }

    /// Adds a reason of a failure; the more specific one stays.
    pub fn blame(&mut self, blame: Blame) {
        if self.blame.is_none_or(|known| blame.outranks(&known)) {
            self.blame = Some(blame);
        }
    }

    /// Adds a reason of the end; the first one told stays: what follows it is its consequence.
    pub fn end(&mut self, reason: EndReason) {
        self.end_reason = self.end_reason.or(Some(reason));
    }

    /// Notes that a layer worked.
    pub fn reach(&mut self, layer: Layer) {
        self.reached = self.reached.max(layer);
    }

    /// Joins the facts of the other side; what this side knows stays.
    pub fn join(&mut self, other: Facts) {
        self.started = self.started.min(other.started);
        self.last = self.last.max(other.last);
        self.user = self.user.take().or(other.user);
        self.client_ip = self.client_ip.or(other.client_ip);
        self.client_port = self.client_port.or(other.client_port);
        self.claimed_ip = self.claimed_ip.or(other.claimed_ip);
        self.assigned_ip = self.assigned_ip.or(other.assigned_ip);
        self.server_ip = self.server_ip.or(other.server_ip);
        self.auth_method = self.auth_method.or(other.auth_method);
        self.mppe_bits = self.mppe_bits.or(other.mppe_bits);
        self.end_reason = self.end_reason.or(other.end_reason);
        self.reached = self.reached.max(other.reached);
        self.assumed = self.assumed.with(other.assumed);
        if let Some(blame) = other.blame {
            self.blame(blame);
        }
        self.evidence.extend(other.evidence);
        self.trail.join(other.trail);
    }
}

/// How specific a cause is: one line may say "refused", another why. Higher stays.
fn rank(cause: &str) -> u8 {
    match cause {
        "unknown" => 0,
        "wrong-credentials" | "peer-gone" | "client-aborted" | "packet-loss" => 1,
        "ipcp-failed" | "encryption-timeout" | "no-secret" | "esp-blocked" | "l2tp-unanswered" => 2,
        "wrong-password" | "unknown-user" | "account-restricted" => 4,
        "auth-backend-unreachable" | "auth-backend-misconfigured" => 5,
        _ => 3,
    }
}
