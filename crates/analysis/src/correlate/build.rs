//! Sides become attempts.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use tunlog_model::{Attempt, Confidence, EndReason, Layer, Outcome, Protocol, text};

use super::Correlator;
use super::accounting::Record;
use super::carrier::Carrier;
use super::facts::{Blame, Facts};
use super::link::Link;
use super::radius::Answer;

/// A pppd that was given up within this time, in microseconds, was not starved of GRE: that takes LCP's 30 s.
const STARVED_MIN: i64 = 15_000_000;

impl Correlator {
    /// The name of a host, absent when the source does not say.
    pub(super) fn gateway(&self, host: u32) -> Option<Box<str>> {
        let name = self.hosts.name(host).filter(|name| !name.is_empty())?;
        Some(text::lossy(name).into())
    }

    /// The attempt of a carrier and a link, or of one of them; `at_end`: the evidence ends here, they are not closed.
    pub(super) fn attempt(&self, carrier: Option<&Carrier>, link: Option<&Link>, at_end: bool) -> Attempt {
        let said = Said {
            carrier: carrier.map(|carrier| carrier.facts.clone()),
            link: link.map(|link| (link.facts.clone(), link.interface.clone())),
        };
        self.attempt_of(said, carrier, link, at_end)
    }

    /// The same of what the two said, which was copied or taken out of them.
    pub(super) fn attempt_of(
        &self,
        said: Said,
        carrier: Option<&Carrier>,
        link: Option<&Link>,
        at_end: bool,
    ) -> Attempt {
        let host = carrier
            .map(|carrier| carrier.host)
            .or(link.map(|link| link.host))
            .unwrap_or_default();
        let (facts, interface) = said.joined();
        let mut attempt = from_facts(facts, self.gateway(host));
        attempt.protocol = carrier
            .map(|carrier| carrier.protocol)
            .or_else(|| link.and_then(protocol_of));
        if let Some(carrier) = carrier {
            attempt.id ^= u64::from(carrier.pid) << 32;
        }
        if let Some(link) = link {
            attempt.id ^= u64::from(link.pid) ^ link.served.as_ref().map_or(0, |served| served.salt);
            attempt.interface = interface;
            attempt.up = link.up;
            attempt.backend = link.backend;
            attempt.times = link.times;
            attempt.bytes_to_client = link.bytes.map(|(to, _)| to);
            attempt.bytes_from_client = link.bytes.map(|(_, from)| from);
        }
        finish(&mut attempt, carrier, link, at_end);
        if attempt.failed_at == Some(Layer::Ike) && attempt.protocol == Some(Protocol::L2tp) {
            attempt.protocol = Some(Protocol::L2tpIpsec);
        }
        if is_calling(carrier, link) {
            turn(&mut attempt, link);
        }
        attempt
    }
}

/// Whether the lines are those of the calling side.
pub fn is_calling(carrier: Option<&Carrier>, link: Option<&Link>) -> bool {
    carrier.is_some_and(|carrier| carrier.calling) || link.is_some_and(|link| link.calling)
}

/// A client wrote these lines: its "sent" is what the gateway received, its peer is the gateway, and who it blames as the
/// other side is the server (CONTRACT §2).
fn turn(attempt: &mut Attempt, link: Option<&Link>) {
    std::mem::swap(&mut attempt.bytes_to_client, &mut attempt.bytes_from_client);
    // lines of either side name the other end; only those of IPsec name this one too
    if attempt.server_ip.is_none() || attempt.server_ip == attempt.client_ip {
        attempt.server_ip = attempt.client_ip.take();
    }
    attempt.client_port = None;
    attempt.assigned_ip = link.and_then(|link| link.local).filter(|_| attempt.up.is_some());
    if link.is_some_and(|link| link.served.is_some()) {
        // its words are no daemon's about the other end: codes tell what a client sees
        return;
    }
    attempt.cause = attempt.cause.map(|cause| match cause {
        "encryption-refused-by-client" => "encryption-refused-by-server",
        "encryption-refused-by-server" => "encryption-refused-by-client",
        "client-aborted" => "peer-gone",
        other => other,
    });
    attempt.end_reason = attempt.end_reason.map(|reason| match reason {
        // somebody at the client ended pppd, or the tunnel program
        EndReason::Admin | EndReason::ServerStopped => EndReason::UserRequest,
        // the peer said goodbye: the gateway, and not why
        EndReason::UserRequest => EndReason::Unknown,
        other => other,
    });
}

/// What a carrier and a link said, and the link's interface.
pub(super) struct Said {
    carrier: Option<Facts>,
    link: Option<(Facts, Option<Box<str>>)>,
}

impl Said {
    /// Takes it out of sides that are over: what they said may be long.
    pub(super) fn last(carrier: Option<&mut Carrier>, link: Option<&mut Link>) -> Said {
        Said {
            carrier: carrier.map(|carrier| carrier.facts.take()),
            link: link.map(|link| (link.facts.take(), link.interface.take())),
        }
    }

    fn joined(self) -> (Facts, Option<Box<str>>) {
        match (self.carrier, self.link) {
            (Some(carrier), Some((mut facts, interface))) => {
                let client = carrier.client_ip;
                // pptpd's address is the socket's; pppd's words about the link go before the daemon's
                facts.join(carrier);
                facts.client_ip = client.or(facts.client_ip);
                facts.evidence.sort_by_key(|evidence| (evidence.source, evidence.line));
                (facts, interface)
            }
            (Some(carrier), None) => (carrier, None),
            (None, Some(link)) => link,
            (None, None) => (Facts::new(0), None),
        }
    }
}

/// An attempt of which only facts are known.
pub fn from_facts(facts: Facts, gateway: Option<Box<str>>) -> Attempt {
    let mut hasher = FxHasher::default();
    (facts.started, &gateway, facts.client_ip, facts.claimed_ip).hash(&mut hasher);
    Attempt {
        id: hasher.finish(),
        protocol: None,
        gateway,
        client_ip: facts.client_ip,
        client_port: facts.client_port,
        claimed_ip: facts.claimed_ip,
        user: facts.user,
        started: facts.started,
        up: None,
        ended: None,
        duration_s: None,
        outcome: Outcome::Unfinished,
        reached: facts.reached,
        failed_at: None,
        cause: facts.blame.map(|blame| blame.cause),
        confidence: facts.blame.map(|blame| blame.confidence),
        assigned_ip: facts.assigned_ip,
        server_ip: facts.server_ip,
        interface: None,
        auth_method: facts.auth_method,
        mppe_bits: facts.mppe_bits,
        bytes_to_client: None,
        bytes_from_client: None,
        end_reason: facts.end_reason,
        backend: None,
        exposed: None,
        last_seen: facts.last,
        times: 1,
        assumed: facts.assumed,
        evidence: facts.evidence,
        trail: facts.trail.in_order(),
        heard: Default::default(),
    }
}

/// The protocol of a link without carrier. Of pppd's only PPTP's names its client by socket.
pub(super) fn protocol_of(link: &Link) -> Option<Protocol> {
    match &link.served {
        Some(served) if served.encrypted && link.protocol == Some(Protocol::L2tp) => Some(Protocol::L2tpIpsec),
        Some(_) => link.protocol,
        None => link
            .protocol
            .or_else(|| link.facts.client_ip.is_some().then_some(Protocol::Pptp)),
    }
}

fn finish(attempt: &mut Attempt, carrier: Option<&Carrier>, link: Option<&Link>, at_end: bool) {
    let is_up = attempt.up.is_some()
        || link.is_some_and(|link| {
            let moved = link.bytes.is_some_and(|(to, from)| to + from > 0);
            moved && !link.refused && link.facts.blame.is_none() && !was_too_short(link)
        });
    let is_over = !at_end
        || link.is_some_and(|link| link.exited || (link.ending && (link.terminated || link.up.is_none())))
        || carrier.is_some_and(|carrier| carrier.finished.is_some());
    if is_up {
        attempt.outcome = if is_over { Outcome::Established } else { Outcome::Open };
        end_session(attempt, carrier, link, is_over);
        return;
    }
    attempt.assigned_ip = None;
    attempt.end_reason = None;
    attempt.ended = Some(attempt.last_seen);
    let refused = link.is_some_and(|link| link.refused);
    attempt.outcome = if is_over || refused || attempt.cause.is_some() {
        Outcome::Failed
    } else {
        Outcome::Unfinished
    };
    if attempt.outcome == Outcome::Unfinished {
        return;
    }
    let blame = joined_blame(attempt, carrier, link);
    attempt.cause = Some(blame.cause);
    attempt.confidence = Some(blame.confidence);
    attempt.failed_at = Some(blame.layer);
}

/// A link that was seen to come up below, got no address, and was gone before pppd counted a tenth of a minute: what it
/// counted is its negotiation.
fn was_too_short(link: &Link) -> bool {
    link.served.is_none()
        && link.facts.reached >= Layer::Control
        && link.connect_time_s == Some(0.0)
        && !link.is_counted_in_bulk()
}

fn end_session(attempt: &mut Attempt, carrier: Option<&Carrier>, link: Option<&Link>, is_over: bool) {
    attempt.cause = None;
    attempt.confidence = None;
    if !is_over {
        attempt.end_reason = None;
        return;
    }
    attempt.ended = Some(attempt.last_seen);
    let measured = attempt.up.map(|up| (attempt.last_seen - up) as f64 / 1e6);
    let counted = link.and_then(|link| link.connect_time_s);
    // pppd's count is monotonic; where the clock was set they differ and pppd is right
    attempt.duration_s = match (measured, counted) {
        (Some(measured), Some(counted)) if (measured - counted).abs() <= 12.0 + counted * 0.02 => Some(measured),
        (_, Some(counted)) => Some(counted),
        (measured, None) => measured.filter(|seconds| *seconds >= 0.0),
    };
    let Some(link) = link else { return };
    let tunnel_first = carrier.is_some_and(|carrier| {
        carrier.facts.end_reason.is_some() && link.facts.end_reason.is_none() && (link.terminated || link.hung_up)
    });
    attempt.end_reason = match carrier.and_then(|carrier| carrier.facts.end_reason) {
        Some(reason) if tunnel_first => Some(reason),
        _ => Some(link.why_ended()),
    };
}

/// Why an attempt failed, from what was said or, last, from how far it came.
fn joined_blame(attempt: &Attempt, carrier: Option<&Carrier>, link: Option<&Link>) -> Blame {
    if let (Some(cause), Some(confidence)) = (attempt.cause, attempt.confidence) {
        let layer = [
            link.and_then(|link| link.facts.blame),
            carrier.and_then(|carrier| carrier.facts.blame),
        ];
        let layer = layer
            .into_iter()
            .flatten()
            .find(|blame| blame.cause == cause)
            .map_or(attempt.reached, |blame| blame.layer);
        return Blame {
            cause,
            confidence,
            layer,
        };
    }
    let guess = |cause, layer| Blame {
        cause,
        confidence: Confidence::Likely,
        layer,
    };
    let is_pptp = attempt.protocol == Some(Protocol::Pptp);
    match (carrier, link) {
        (_, Some(link)) if link.refused => guess("wrong-credentials", Layer::Auth),
        (_, Some(link)) if link.served.is_some() && !link.heard && !link.calling => unheard(attempt, link),
        (_, Some(link)) if link.served.is_some() && link.calling => Blame {
            cause: "unknown",
            confidence: Confidence::Possible,
            layer: attempt.reached.max(Layer::Control),
        },
        (_, Some(link)) if !link.heard && is_pptp && attempt.last_seen - attempt.started >= STARVED_MIN => {
            guess("gre-blocked", Layer::Gre)
        }
        (_, Some(link)) if !link.heard && is_pptp => Blame {
            cause: "gre-blocked",
            confidence: Confidence::Possible,
            layer: Layer::Gre,
        },
        (_, Some(link)) if !link.heard => guess("l2tp-unanswered", Layer::Lcp),
        (_, Some(link)) if link.authenticated && link.hung_up => guess("client-aborted", Layer::Ipcp),
        (_, Some(_)) => Blame {
            cause: "unknown",
            confidence: Confidence::Possible,
            layer: attempt.reached,
        },
        (Some(carrier), None) if carrier.call_started.is_some() => Blame {
            cause: "unknown",
            confidence: Confidence::Possible,
            layer: Layer::Lcp,
        },
        (Some(_), None) => guess("abandoned", Layer::Control),
        (None, None) => Blame {
            cause: "unknown",
            confidence: Confidence::Possible,
            layer: attempt.reached,
        },
    }
}

/// Why the client of a gateway that is one program was never heard on PPP.
fn unheard(attempt: &Attempt, link: &Link) -> Blame {
    let (cause, layer) = match attempt.protocol {
        _ if link.facts.reached < Layer::Control => ("abandoned", Layer::Control),
        Some(Protocol::Pptp) => ("gre-blocked", Layer::Gre),
        Some(Protocol::L2tp | Protocol::L2tpIpsec) => ("l2tp-unanswered", Layer::Lcp),
        None => ("unknown", Layer::Lcp),
    };
    let starved = cause == "abandoned" || attempt.last_seen - attempt.started >= STARVED_MIN;
    Blame {
        cause,
        confidence: if starved {
            Confidence::Likely
        } else {
            Confidence::Possible
        },
        layer,
    }
}

/// A refusal that names nobody.
pub fn refusal(facts: Facts) -> Attempt {
    failed(facts, None, Layer::Control, "resource-limit", Some(Protocol::Pptp))
}

/// An IKE negotiation that no tunnel followed.
pub fn negotiation(facts: Facts, established: bool, authenticated: bool, gateway: Option<Box<str>>) -> Attempt {
    let cause = match (established, authenticated) {
        (true, _) => "esp-blocked",
        (false, true) => "ike-proposal-mismatch",
        (false, false) => "unknown",
    };
    failed(facts, gateway, Layer::Ike, cause, Some(Protocol::L2tpIpsec))
}

/// Packets to a control port that a filter dropped.
pub fn unreachable(facts: Facts, protocol: Protocol, gateway: Option<Box<str>>) -> Attempt {
    failed(facts, gateway, Layer::Firewall, "control-unreachable", Some(protocol))
}

/// A RADIUS answer that no gateway line joins.
pub fn answer(answer: Answer, gateway: Option<Box<str>>) -> Attempt {
    if !answer.accepted {
        return Attempt {
            backend: Some("radius"),
            ..failed(answer.facts, gateway, Layer::Auth, "wrong-credentials", answer.protocol)
        };
    }
    let mut attempt = from_facts(answer.facts, gateway);
    attempt.protocol = answer.protocol;
    attempt.backend = Some("radius");
    attempt.reached = Layer::Auth;
    attempt.ended = Some(attempt.last_seen);
    attempt
}

/// A session that only accounting knows.
pub fn record(record: &Record, stopped: bool, gateway: Option<Box<str>>) -> Attempt {
    let mut attempt = from_facts(record.facts.clone(), gateway);
    attempt.protocol = record.protocol;
    attempt.backend = Some("radius");
    attempt.reached = Layer::Data;
    attempt.bytes_to_client = record.bytes.map(|(to, _)| to);
    attempt.bytes_from_client = record.bytes.map(|(_, from)| from);
    if stopped {
        attempt.outcome = Outcome::Established;
        attempt.ended = Some(attempt.last_seen);
        let measured = (attempt.last_seen - record.up.unwrap_or(attempt.started)) as f64 / 1e6;
        attempt.duration_s = record.duration_s.or(Some(measured).filter(|seconds| *seconds > 0.0));
        if let Some(seconds) = record.duration_s {
            // a stop whose start is not in the evidence tells when it began all the same
            attempt.started = attempt.started.min(attempt.last_seen - (seconds * 1e6) as i64);
        }
        attempt.end_reason = attempt.end_reason.or(Some(EndReason::Unknown));
    } else {
        attempt.outcome = Outcome::Open;
    }
    attempt.up = Some(record.up.unwrap_or(attempt.started));
    attempt
}

fn failed(
    facts: Facts,
    gateway: Option<Box<str>>,
    layer: Layer,
    otherwise: &'static str,
    protocol: Option<Protocol>,
) -> Attempt {
    let blame = facts.blame.unwrap_or(Blame {
        cause: otherwise,
        confidence: Confidence::Likely,
        layer,
    });
    let mut attempt = from_facts(facts, gateway);
    attempt.protocol = protocol;
    attempt.outcome = Outcome::Failed;
    attempt.ended = Some(attempt.last_seen);
    attempt.cause = Some(blame.cause);
    attempt.confidence = Some(blame.confidence);
    attempt.failed_at = Some(layer);
    attempt.assigned_ip = None;
    attempt
}
