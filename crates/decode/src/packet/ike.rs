//! IKE on UDP 500 and 4500 (RFC 2408, RFC 2409, RFC 7296), as far as it is in the clear: the exchange, who speaks, and the
//! notifications; and ESP (RFC 4303, RFC 3948), which is only counted.

use std::fmt::Write as _;
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use tunlog_model::{Datagram, Field, Flaw};

use super::messages::Id;
use super::sides::Sides;
use super::tell::{Context, Teller, Way, long, word};

/// The ports: plain, and behind address translation.
pub(super) const PORT: u16 = 500;
/// See `PORT`.
pub(super) const NAT_PORT: u16 = 4500;

/// Directions of ESP that are counted at once.
const DIRECTIONS_MAX: usize = 16_384;

/// Payloads of one message that are read.
const PAYLOADS_MAX: usize = 64;

#[derive(Clone, Copy, Default)]
struct Direction {
    packets: u64,
    bytes: u64,
    age: u64,
    from_client: bool,
}

/// ESP of a capture: packets between two addresses, either way.
#[derive(Default)]
pub(super) struct Encrypted {
    directions: FxHashMap<(IpAddr, IpAddr), Direction>,
    age: u64,
}

impl Encrypted {
    /// Counts an ESP packet.
    pub fn packet(&mut self, teller: &mut Teller<'_>, context: &Context, way: Way, bytes: &[u8]) {
        let (from, to) = if way.from_client {
            (way.client, way.server)
        } else {
            (way.server, way.client)
        };
        if self.directions.len() >= DIRECTIONS_MAX {
            self.finish(teller);
        }
        self.age += 1;
        let direction = self.directions.entry((from, to)).or_default();
        direction.packets += 1;
        direction.bytes += bytes.len() as u64;
        direction.age = self.age;
        direction.from_client = way.from_client;
        if direction.packets == 1 {
            let line = format!("ESP spi {:#010x}", long(bytes, 0));
            if let Some(draft) = teller.event(Id::EspStarted, context, &line) {
                draft
                    .text(Field::Spi, format!("{:#010x}", long(bytes, 0)).as_bytes())
                    .end();
            }
        }
    }

    /// Tells what was counted.
    pub fn finish(&mut self, teller: &mut Teller<'_>) {
        let mut all: Vec<((IpAddr, IpAddr), Direction)> = self.directions.drain().collect();
        all.sort_by_key(|(_, direction)| direction.age);
        for ((from, to), direction) in all {
            let way = Way::of(from, to, direction.from_client);
            let context = Context {
                way: Some(way),
                ..Context::between((from, None), (to, None))
            };
            let line = format!("ESP in all: {} packets of {} bytes", direction.packets, direction.bytes);
            let field = if way.from_client {
                Field::PacketsFromClient
            } else {
                Field::PacketsToClient
            };
            if let Some(draft) = teller.event(Id::EspCounted, &context, &line) {
                draft
                    .int(field, direction.packets as i64)
                    .int(Field::Length, direction.bytes as i64)
                    .end();
            }
        }
    }
}

/// Reads a datagram of either port.
pub(super) fn datagram(
    teller: &mut Teller<'_>,
    sides: &mut Sides,
    encrypted: &mut Encrypted,
    (from, to): (IpAddr, IpAddr),
    datagram: &Datagram<'_>,
    missing: u32,
) {
    let ends = (
        (from, Some(datagram.source_port)),
        (to, Some(datagram.destination_port)),
    );
    let mut context = Context::between(ends.0, ends.1);
    let behind_nat = datagram.source_port == NAT_PORT || datagram.destination_port == NAT_PORT;
    let message = match datagram.bytes {
        // RFC 3948 §2.3: a byte that keeps the translation alive
        [0xff] if behind_nat => return,
        [0, 0, 0, 0, rest @ ..] if behind_nat => rest,
        bytes if behind_nat => {
            let way = sides.way(from, to);
            context.way = Some(way);
            context.client_port = Some(client_port(way, datagram));
            return encrypted.packet(teller, &context, way, bytes);
        }
        bytes => bytes,
    };
    if let Err(flaw) = exchange(teller, sides, &mut context, datagram, message, missing)
        && missing == 0
    {
        context.way = Some(sides.way(from, to));
        teller.malformed(Id::MalformedIke, &context, &flaw);
    }
}

fn client_port(way: Way, datagram: &Datagram<'_>) -> u16 {
    if way.from_client {
        datagram.source_port
    } else {
        datagram.destination_port
    }
}

/// A message in the clear, as far as it is.
#[derive(Default)]
struct Clear {
    notify: Option<u16>,
    vendors: u32,
    /// A Delete payload.
    deletes: bool,
}

fn exchange(
    teller: &mut Teller<'_>,
    sides: &mut Sides,
    context: &mut Context,
    datagram: &Datagram<'_>,
    bytes: &[u8],
    missing: u32,
) -> Result<(), Flaw> {
    let Some(((from, _), (to, _))) = context.ends else {
        return Ok(());
    };
    if bytes.len() < 28 {
        return Err(Flaw::at("IKE", bytes.len(), "the message ends within its header"));
    }
    let (version, exchange, flags) = (bytes[17] >> 4, bytes[18], bytes[19]);
    let len = long(bytes, 24) as usize;
    if len < 28 || len > bytes.len() + missing as usize {
        let reason = format!(
            "a length of {len} bytes in a datagram that has {}",
            bytes.len() + missing as usize
        );
        return Err(Flaw::at("IKE", 24, reason));
    }
    let is_first = bytes[8..16].iter().all(|byte| *byte == 0);
    // the first message goes to whoever listens; an answer from there may be in the capture before it is
    if is_first && datagram.destination_port != PORT.wrapping_add(1) {
        sides.learn(from, to);
    }
    let way = sides.way(from, to);
    context.way = Some(way);
    context.client_port = Some(client_port(way, datagram));
    let is_v1 = version == 1;
    let is_encrypted = if is_v1 {
        flags & 1 != 0
    } else {
        bytes[16] == 46 || bytes[16] == 53
    };
    let mut clear = Clear::default();
    let read = match is_encrypted {
        true => Ok(()),
        false => payloads(&bytes[28..len.min(bytes.len())], bytes[16], is_v1, &mut clear),
    };
    let (id, name) = message_of(version, exchange, is_encrypted, clear.notify);
    let mut line = format!("IKEv{version} {name}");
    if !is_v1 {
        line.push_str(if flags & 0x20 != 0 { " response" } else { " request" });
        let _ = write!(line, " id {}", long(bytes, 20));
    }
    if is_encrypted {
        line.push_str(", encrypted");
    }
    if clear.deletes {
        line.push_str(", delete");
    }
    let notify = clear.notify.map(|code| (code, notify_name(is_v1, code)));
    if let Some((code, name)) = notify {
        let _ = write!(line, ", notify {code} {name}");
    }
    if let Some(draft) = teller.event(id, context, &line) {
        let mut draft = draft
            .text(Field::Version, format!("{version}").as_bytes())
            .word(Field::Type, name)
            .word(Field::State, if is_encrypted { "encrypted" } else { "clear" })
            // the initiator's cookie: what belongs to one negotiation
            .text(
                Field::Connection,
                format!("{:08x}{:08x}", long(bytes, 0), long(bytes, 4)).as_bytes(),
            );
        if let Some((code, name)) = notify {
            draft = draft.int(Field::Code, code.into()).word(Field::Reason, name);
        }
        draft.end();
    }
    read
}

/// Walks payloads (RFC 2408 §3.2, RFC 7296 §3.2): next, reserved, length.
fn payloads(bytes: &[u8], first: u8, is_v1: bool, clear: &mut Clear) -> Result<(), Flaw> {
    let (mut kind, mut at) = (first, 0);
    for _ in 0..PAYLOADS_MAX {
        if kind == 0 || kind == 46 {
            return Ok(());
        }
        let len = usize::from(word(bytes, at + 2));
        let Some(body) = bytes.get(at + 4..at + len).filter(|_| len >= 4) else {
            let reason = format!(
                "a payload has a length of {len} bytes where {} are left",
                bytes.len().saturating_sub(at)
            );
            return Err(Flaw::at("IKE", 28 + at, reason));
        };
        match (is_v1, kind) {
            // interpretation (4), protocol, length of the index, type
            (true, 11) if body.len() >= 8 => clear.notify = Some(word(body, 6)),
            (true, 12) | (false, 42) => clear.deletes = true,
            // protocol, length of the index, type; NAT detection and the like are no complaint
            (false, 41) if body.len() >= 4 && word(body, 2) < 16_384 => clear.notify = Some(word(body, 2)),
            (true, 13) | (false, 43) => clear.vendors += 1,
            _ => {}
        }
        kind = bytes[at];
        at += len;
    }
    Err(Flaw::at("IKE", 28 + at, format!("more than {PAYLOADS_MAX} payloads")))
}

fn message_of(version: u8, exchange: u8, is_encrypted: bool, notify: Option<u16>) -> (Id, &'static str) {
    match (version, exchange, notify) {
        (1, 2, _) => (Id::Ikev1Main, "main mode"),
        (1, 4, _) => (Id::Ikev1Aggressive, "aggressive mode"),
        (1, 32, _) => (Id::Ikev1Quick, "quick mode"),
        (1, 5, Some(14)) => (Id::Ikev1Proposal, "informational"),
        // what a responder says that cannot read the first encrypted message: its key is another one (RFC 2408 §3.14.1)
        (1, 5, Some(16 | 23 | 24)) => (Id::Ikev1Secret, "informational"),
        (1, 5, Some(_)) => (Id::Ikev1Notify, "informational"),
        (1, 5, None) => (Id::Ikev1Informational, "informational"),
        (1, ..) => (Id::Ikev1Other, "other exchange"),
        (2, 34, Some(14)) => (Id::Ikev2Proposal, "SA_INIT"),
        (2, 34, Some(_)) => (Id::Ikev2Notify, "SA_INIT"),
        (2, 34, None) => (Id::Ikev2Init, "SA_INIT"),
        (2, 35, _) => (Id::Ikev2Auth, "AUTH"),
        (2, 36, _) => (Id::Ikev2Child, "CREATE_CHILD_SA"),
        (2, 37, Some(_)) if !is_encrypted => (Id::Ikev2Notify, "INFORMATIONAL"),
        (2, 37, _) => (Id::Ikev2Informational, "INFORMATIONAL"),
        _ => (Id::IkeOther, "unknown exchange"),
    }
}

/// Names of the notifications that are errors (RFC 2408 §3.14.1; RFC 7296 §3.10.1).
fn notify_name(is_v1: bool, code: u16) -> &'static str {
    match (is_v1, code) {
        (_, 1) => {
            if is_v1 {
                "INVALID-PAYLOAD-TYPE"
            } else {
                "UNSUPPORTED_CRITICAL_PAYLOAD"
            }
        }
        (_, 4) => {
            if is_v1 {
                "INVALID-COOKIE"
            } else {
                "INVALID_IKE_SPI"
            }
        }
        (_, 5) => {
            if is_v1 {
                "INVALID-MAJOR-VERSION"
            } else {
                "INVALID_MAJOR_VERSION"
            }
        }
        (_, 7) => {
            if is_v1 {
                "INVALID-EXCHANGE-TYPE"
            } else {
                "INVALID_SYNTAX"
            }
        }
        (_, 9) => {
            if is_v1 {
                "INVALID-MESSAGE-ID"
            } else {
                "INVALID_MESSAGE_ID"
            }
        }
        (_, 11) => {
            if is_v1 {
                "INVALID-SPI"
            } else {
                "INVALID_SPI"
            }
        }
        (true, 14) => "NO-PROPOSAL-CHOSEN",
        (false, 14) => "NO_PROPOSAL_CHOSEN",
        (true, 16) => "PAYLOAD-MALFORMED",
        (true, 17) => "INVALID-KEY-INFORMATION",
        (false, 17) => "INVALID_KE_PAYLOAD",
        (true, 18) => "INVALID-ID-INFORMATION",
        (true, 23) => "INVALID-HASH-INFORMATION",
        (true, 24) => "AUTHENTICATION-FAILED",
        (false, 24) => "AUTHENTICATION_FAILED",
        (true, 25) => "INVALID-SIGNATURE",
        (false, 38) => "TS_UNACCEPTABLE",
        (true, 24_576) => "RESPONDER-LIFETIME",
        (true, 24_578) => "INITIAL-CONTACT",
        (true, 36_136 | 36_137) => "DPD",
        _ => "other",
    }
}
