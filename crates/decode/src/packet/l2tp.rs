//! L2TPv2 on UDP 1701 (RFC 2661): control messages with their AVPs, and the PPP frames of sessions.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use tunlog_model::{Datagram, Field, Flaw};

use super::messages::Id;
use super::ppp::{self, Frame};
use super::sides::Sides;
use super::tell::{Carrier, Context, Draft, Teller, Way, shown, word};

/// The port on which a gateway listens; clients mostly send from it too.
pub(super) const PORT: u16 = 1701;

/// Sessions' directions that are counted at once.
const DIRECTIONS_MAX: usize = 16_384;

/// AVPs of one message that are read.
const AVPS_MAX: usize = 256;

/// Sender, receiver, tunnel, session.
type Key = (IpAddr, IpAddr, u16, u16);

#[derive(Clone, Copy, Default)]
struct Direction {
    packets: u64,
    data: u64,
    data_packets: u64,
    age: u64,
}

/// The sessions of a capture, each direction counted.
#[derive(Default)]
pub(super) struct Sessions {
    /// In order, so that those of a tunnel stand together.
    directions: BTreeMap<Key, Direction>,
    age: u64,
}

/// What a control message says.
#[derive(Default)]
struct Message<'a> {
    kind: Option<u16>,
    tunnel: Option<u16>,
    session: Option<u16>,
    result: Option<u16>,
    error: Option<u16>,
    reason: &'a [u8],
    host: &'a [u8],
    vendor: &'a [u8],
    calling: &'a [u8],
    serial: Option<u32>,
    window: Option<u16>,
    challenge: bool,
}

impl Sessions {
    pub fn datagram(
        &mut self,
        teller: &mut Teller<'_>,
        sides: &mut Sides,
        (from, to): (IpAddr, IpAddr),
        datagram: &Datagram<'_>,
        missing: u32,
    ) {
        if datagram.destination_port == PORT && datagram.source_port != PORT {
            sides.learn(from, to);
        }
        let ends = (
            (from, Some(datagram.source_port)),
            (to, Some(datagram.destination_port)),
        );
        let mut context = Context::between(ends.0, ends.1);
        match self.read(teller, sides, &mut context, datagram, missing) {
            Err(flaw) if missing == 0 => {
                context.way = context.way.or(Some(sides.way(from, to)));
                teller.malformed(Id::MalformedL2tp, &context, &flaw);
            }
            _ => {}
        }
    }

    fn read(
        &mut self,
        teller: &mut Teller<'_>,
        sides: &mut Sides,
        context: &mut Context,
        datagram: &Datagram<'_>,
        missing: u32,
    ) -> Result<(), Flaw> {
        let bytes = datagram.bytes;
        let flaw = |at: usize, reason: String| Err(Flaw::at("L2TP", at, reason));
        let Some(((from, _), (to, _))) = context.ends else {
            return Ok(());
        };
        let flags = word(bytes, 0);
        match (bytes.len(), flags & 15) {
            (0 | 1, _) => return flaw(bytes.len(), "the packet ends within its flags".into()),
            (_, 2) => {}
            (_, 3) => return Ok(()), // L2TPv3 is no remote access
            (_, version) => return flaw(1, format!("version {version}")),
        }
        let (has_length, has_sequence, has_offset) = (flags & 0x4000 != 0, flags & 0x0800 != 0, flags & 0x0200 != 0);
        let mut header = 6 + 2 * usize::from(has_length) + 4 * usize::from(has_sequence);
        let ids = if has_length { 4 } else { 2 };
        let whole = bytes.len() + missing as usize;
        let len = if has_length { usize::from(word(bytes, 2)) } else { whole };
        if has_offset {
            header += 2 + usize::from(word(bytes, header));
        }
        if len < header || len > whole {
            return flaw(
                2,
                format!("a length of {len} bytes in a datagram that has {whole}, header of {header}"),
            );
        }
        let Some(body) = bytes.get(header..len.min(bytes.len())) else {
            return flaw(bytes.len(), "the packet ends within its header".into());
        };
        let (tunnel, session) = (word(bytes, ids), word(bytes, ids + 2));
        let is_control = flags & 0x8000 != 0;
        if is_control && !(has_length && has_sequence) {
            return flaw(0, "a control message without length or sequence number".into());
        }
        context.carrier = Carrier::L2tp(tunnel, session);
        if is_control {
            let (ns, nr) = (word(bytes, 8), word(bytes, 10));
            return self.control(teller, sides, context, datagram, body, (ns, nr));
        }
        let way = sides.way(from, to);
        set_way(context, way, datagram);
        self.age += 1;
        let age = self.age;
        if self.directions.len() >= DIRECTIONS_MAX {
            self.finish(teller, &mut |from, to| sides.way(from, to));
        }
        let direction = self.directions.entry((from, to, tunnel, session)).or_default();
        direction.packets += 1;
        direction.age = age;
        if let Frame::Data(len) = ppp::frame(teller, context, body, missing) {
            direction.data += len as u64;
            direction.data_packets += 1;
        }
        Ok(())
    }

    fn control(
        &mut self,
        teller: &mut Teller<'_>,
        sides: &mut Sides,
        context: &mut Context,
        datagram: &Datagram<'_>,
        body: &[u8],
        (ns, nr): (u16, u16),
    ) -> Result<(), Flaw> {
        let Some(((from, _), (to, _))) = context.ends else {
            return Ok(());
        };
        if body.is_empty() {
            return Ok(()); // an acknowledgement alone
        }
        let mut message = Message::default();
        let mut line = String::new();
        let broken = avps(body, &mut message, &mut line).err();
        match message.kind {
            Some(1) => sides.learn(from, to),
            Some(2) => sides.learn(to, from),
            _ => {}
        }
        set_way(context, sides.way(from, to), datagram);
        let kind = message.kind.unwrap_or(0);
        let (id, name) = message_of(kind);
        if message.kind.is_some() {
            let line = format!("L2TP {name} ns {ns} nr {nr}{line}");
            if let Some(draft) = teller.event(id, context, &line) {
                message.tell(draft, context, kind).end();
            }
        }
        if matches!(kind, 4 | 14) {
            self.end(teller, context, &message, kind == 4);
        }
        match (broken, message.kind) {
            (Some(flaw), _) => Err(flaw),
            (None, None) => Err(Flaw::at("L2TP", 12, "the first AVP is no message type")),
            (None, Some(_)) => Ok(()),
        }
    }

    /// Tells what the sessions carried that a message ends: of the whole tunnel, or of the session that it names.
    fn end(&mut self, teller: &mut Teller<'_>, context: &Context, message: &Message<'_>, tunnel_ends: bool) {
        let (Some(way), Carrier::L2tp(tunnel, session)) = (context.way, context.carrier) else {
            return;
        };
        let Some(((from, _), (to, _))) = context.ends else {
            return;
        };
        // the header names the receiver's ids, the AVPs the sender's
        let there = (from, to, tunnel, 0)..=(from, to, tunnel, u16::MAX);
        let back = match message.tunnel {
            Some(own) => (to, from, own, 0)..=(to, from, own, u16::MAX),
            None => (to, from, 0, 0)..=(to, from, u16::MAX, u16::MAX),
        };
        let fits = |own: Option<u16>, key: &Key| tunnel_ends || own.is_none_or(|own| own == key.3);
        let their = Some(session).filter(|session| *session != 0);
        let there = self.directions.range(there).filter(|(key, _)| fits(their, key));
        let back = self
            .directions
            .range(back)
            .filter(|(key, _)| fits(message.session, key));
        let gone: Vec<Key> = there.chain(back).map(|(key, _)| *key).collect();
        for key in gone {
            if let Some(direction) = self.directions.remove(&key) {
                tell_counted(teller, key, Way::of(key.0, key.1, key.0 == way.client), direction);
            }
        }
    }

    /// Tells everything that is left.
    pub fn finish(&mut self, teller: &mut Teller<'_>, way: &mut dyn FnMut(IpAddr, IpAddr) -> Way) {
        let mut all: Vec<(Key, Direction)> = std::mem::take(&mut self.directions).into_iter().collect();
        all.sort_by_key(|(_, direction)| direction.age);
        for (key, direction) in all {
            tell_counted(teller, key, way(key.0, key.1), direction);
        }
    }
}

fn set_way(context: &mut Context, way: Way, datagram: &Datagram<'_>) {
    context.way = Some(way);
    context.client_port = Some(if way.from_client {
        datagram.source_port
    } else {
        datagram.destination_port
    });
}

fn tell_counted(teller: &mut Teller<'_>, (from, to, tunnel, session): Key, way: Way, direction: Direction) {
    let context = Context {
        way: Some(way),
        carrier: Carrier::L2tp(tunnel, session),
        ..Context::between((from, None), (to, None))
    };
    let line = format!(
        "L2TP tunnel {tunnel} session {session} in all: {} packets, {} with data of {} bytes",
        direction.packets, direction.data_packets, direction.data
    );
    let (packets, bytes) = if way.from_client {
        (Field::PacketsFromClient, Field::BytesFromClient)
    } else {
        (Field::PacketsToClient, Field::BytesToClient)
    };
    if let Some(draft) = teller.event(Id::L2tpCounted, &context, &line) {
        draft
            .int(packets, direction.packets as i64)
            .int(bytes, direction.data as i64)
            .int(Field::Count, direction.data_packets as i64)
            .end();
    }
}

/// Reads the AVPs of a message (RFC 2661 §4.1): flags and length, vendor, type, value.
fn avps<'a>(body: &'a [u8], message: &mut Message<'a>, line: &mut String) -> Result<(), Flaw> {
    let mut at = 0;
    for _ in 0..AVPS_MAX {
        if at >= body.len() {
            return Ok(());
        }
        let (flags, vendor, kind) = (word(body, at), word(body, at + 2), word(body, at + 4));
        let len = usize::from(flags & 0x3ff);
        let Some(value) = body.get(at + 6..at + len).filter(|_| len >= 6) else {
            let reason = format!("an AVP has a length of {len} bytes where {} are left", body.len() - at);
            return Err(Flaw::at("L2TP", 12 + at, reason));
        };
        let is_hidden = flags & 0x4000 != 0;
        match (vendor, is_hidden) {
            (0, false) => avp(kind, value, message, line),
            // hidden with the tunnel's secret (§4.3): only that it is there can be said
            (0, true) => {
                let _ = write!(line, ", {} hidden", avp_name(kind));
            }
            (vendor, _) => {
                let _ = write!(line, ", AVP {kind} of vendor {vendor}");
            }
        }
        at += len;
    }
    Err(Flaw::at("L2TP", 12 + at, format!("more than {AVPS_MAX} AVPs")))
}

fn avp<'a>(kind: u16, value: &'a [u8], message: &mut Message<'a>, line: &mut String) {
    let number = word(value, 0);
    let _ = match kind {
        0 => {
            message.kind = Some(number);
            Ok(())
        }
        1 => {
            message.result = Some(number);
            message.error = (value.len() >= 4).then(|| word(value, 2));
            message.reason = value.get(4..).unwrap_or(b"");
            write!(line, " result {number}").and_then(|()| match message.error {
                Some(error) => write!(line, " error {error} \"{}\"", shown(message.reason)),
                None => Ok(()),
            })
        }
        7 => {
            message.host = value;
            write!(line, ", host \"{}\"", shown(value))
        }
        8 => {
            message.vendor = value;
            write!(line, ", vendor \"{}\"", shown(value))
        }
        9 => {
            message.tunnel = Some(number);
            write!(line, ", tunnel {number}")
        }
        10 => {
            message.window = Some(number);
            write!(line, ", window {number}")
        }
        // challenge and response of tunnel authentication: that they are there, not what they are
        11 | 13 => {
            message.challenge = true;
            write!(line, ", {}", avp_name(kind))
        }
        12 => write!(line, ", cause {number} \"{}\"", shown(value.get(3..).unwrap_or(b""))),
        14 => {
            message.session = Some(number);
            write!(line, ", session {number}")
        }
        15 => {
            let serial = super::tell::long(value, 0);
            message.serial = Some(serial);
            write!(line, ", serial {serial}")
        }
        22 => {
            message.calling = value;
            write!(line, ", calling \"{}\"", shown(value))
        }
        2..=6 | 16..=19 | 21 | 23..=28 | 34..=39 => Ok(()), // what no diagnosis needs
        29..=33 => write!(line, ", {}", avp_name(kind)),
        other => write!(line, ", AVP {other}"),
    };
}

/// Names of the AVPs that may be hidden or hold secrets (RFC 2661 §4.4).
fn avp_name(kind: u16) -> &'static str {
    match kind {
        7 => "host name",
        9 => "tunnel id",
        11 => "challenge",
        13 => "challenge response",
        14 => "session id",
        15 => "call serial number",
        21 => "called number",
        22 => "calling number",
        23 => "sub-address",
        26..=28 => "LCP request",
        29 => "proxy authentication type",
        30 => "proxy authentication name",
        31 => "proxy authentication challenge",
        32 => "proxy authentication id",
        33 => "proxy authentication response",
        37 => "private group id",
        _ => "AVP",
    }
}

/// The message of a type (RFC 2661 §3.2).
fn message_of(kind: u16) -> (Id, &'static str) {
    match kind {
        1 => (Id::L2tpSccrq, "SCCRQ"),
        2 => (Id::L2tpSccrp, "SCCRP"),
        3 => (Id::L2tpScccn, "SCCCN"),
        4 => (Id::L2tpStop, "StopCCN"),
        6 => (Id::L2tpHello, "HELLO"),
        7 => (Id::L2tpOcrq, "OCRQ"),
        8 => (Id::L2tpOcrp, "OCRP"),
        9 => (Id::L2tpOccn, "OCCN"),
        10 => (Id::L2tpIcrq, "ICRQ"),
        11 => (Id::L2tpIcrp, "ICRP"),
        12 => (Id::L2tpIccn, "ICCN"),
        14 => (Id::L2tpCdn, "CDN"),
        15 => (Id::L2tpErrors, "WEN"),
        16 => (Id::L2tpLinkInfo, "SLI"),
        _ => (Id::L2tpUnknown, "message of unknown type"),
    }
}

impl Message<'_> {
    fn tell<'b>(&self, mut draft: Draft<'b>, context: &Context, kind: u16) -> Draft<'b> {
        let from_client = context.way.is_some_and(|way| way.from_client);
        if let Some(tunnel) = self.tunnel {
            let field = if from_client {
                Field::PeerTunnelId
            } else {
                Field::TunnelId
            };
            draft = draft.int(field, tunnel.into());
        }
        if let Some(session) = self.session {
            let field = if from_client {
                Field::PeerCallId
            } else {
                Field::SessionId
            };
            draft = draft.int(field, session.into());
        }
        draft = draft
            .some_text(Field::Host, self.host)
            .some_text(Field::Name, self.vendor);
        if let Some(result) = self.result {
            draft = draft.int(Field::Code, result.into());
        }
        if let Some(error) = self.error {
            draft = draft.int(Field::Status, error.into());
        }
        draft = draft.some_text(Field::Reason, self.reason);
        if let Some(serial) = self.serial {
            draft = draft.int(Field::Serial, serial.into());
        }
        // what the client says of itself
        let claimed = std::str::from_utf8(self.calling)
            .ok()
            .and_then(|text| text.parse().ok());
        if let Some(address) = claimed {
            draft = draft.ip(Field::ClaimedIp, address);
        }
        if message_of(kind).0 == Id::L2tpUnknown {
            draft = draft.int(Field::Type, kind.into());
        }
        draft
    }
}
