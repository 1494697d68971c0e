//! PPTP's control connection on TCP 1723 (RFC 2637 §2).

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use tunlog_model::{Field, Flaw, Segment};

use super::messages::Id;
use super::sides::Sides;
use super::tell::{Context, Draft, Teller, Way, long, padded, shown, word};

/// The port on which a gateway listens.
pub(super) const PORT: u16 = 1723;

const MAGIC: u32 = 0x1a2b_3c4d;

/// The longest message is 220 bytes; what claims more than this is none.
const MESSAGE_BYTES_MAX: usize = 1024;

/// Control connections that are kept; more, and the oldest half is forgotten.
const CONNECTIONS_MAX: usize = 8192;

/// Calls that one segment can begin.
const NEW_CALLS_MAX: usize = 4;

/// Calls of one connection whose ids are kept.
const CALLS_MAX: usize = 64;

/// The ids of a call: the client's and the gateway's.
type Call = (Option<u16>, Option<u16>);

/// A client's end and its gateway.
type Key = (IpAddr, u16, IpAddr);

/// One control connection.
#[derive(Default)]
struct Connection {
    opened: bool,
    ended: bool,
    /// The beginning of a message in each direction: from the client, to the client.
    partial: [Vec<u8>; 2],
    /// A direction whose bytes are no messages (any more).
    lost: [bool; 2],
    /// A direction that had a good message.
    sound: [bool; 2],
    /// Call ids, the client's and the gateway's.
    calls: Vec<Call>,
    age: u64,
}

/// The control connections of a capture.
#[derive(Default)]
pub(super) struct Connections {
    open: FxHashMap<Key, Connection>,
    /// The ids that the GRE packets of two addresses may have, by their direction; the last ones.
    agreed: FxHashMap<(IpAddr, IpAddr, bool), VecDeque<u16>>,
    age: u64,
}

/// Calls that ended, or begin with ids that an earlier one may have had: those of the client and of the gateway.
pub(super) struct Ended {
    pub way: Way,
    pub calls: Vec<Call>,
}

impl Connections {
    /// Takes a piece of a connection; tells which calls ended with it.
    pub fn segment(
        &mut self,
        teller: &mut Teller<'_>,
        sides: &mut Sides,
        (from, to): (IpAddr, IpAddr),
        segment: &Segment<'_>,
    ) -> Option<Ended> {
        let from_client = segment.destination_port == PORT;
        let way = Way::of(from, to, from_client);
        let client_port = if from_client {
            segment.source_port
        } else {
            segment.destination_port
        };
        let context = Context {
            way: Some(way),
            client_port: Some(client_port),
            ..Context::between((from, Some(segment.source_port)), (to, Some(segment.destination_port)))
        };
        let key = (way.client, client_port, way.server);
        self.make_room();
        self.age += 1;
        let connection = self.open.entry(key).or_default();
        connection.age = self.age;
        if segment.syn && !segment.ack && !segment.again {
            *connection = Connection {
                age: self.age,
                ..Connection::default()
            };
        }
        if !segment.rst {
            sides.learn(way.client, way.server);
        }
        connection.flags(teller, &context, segment);
        let (mut ended, mut begun) = (Vec::new(), 0);
        if !segment.bytes.is_empty() {
            connection.bytes(teller, &context, segment, &mut ended);
            begun = connection.calls.len().min(NEW_CALLS_MAX);
        }
        // only a reply makes a call of what was asked for
        let calls: Vec<(u16, u16)> = connection.calls[connection.calls.len() - begun..]
            .iter()
            .filter_map(|call| call.0.zip(call.1))
            .collect();
        if (segment.fin || segment.rst) && !connection.calls.is_empty() {
            ended.append(&mut connection.calls);
        }
        if segment.rst {
            self.open.remove(&key);
        }
        for call in calls {
            self.agree(way, call);
        }
        (!ended.is_empty()).then_some(Ended { way, calls: ended })
    }

    /// Whether a call id was agreed between two addresses; None if no call of theirs is known.
    pub fn agreed(&self, way: Way, call: u16) -> Option<bool> {
        let ids = self.agreed.get(&(way.client, way.server, way.from_client))?;
        Some(ids.contains(&call))
    }

    /// Takes note of the ids of a call.
    fn agree(&mut self, way: Way, (client, server): (u16, u16)) {
        if self.agreed.len() >= CONNECTIONS_MAX {
            self.agreed.clear();
        }
        for (id, from_client) in [(server, true), (client, false)] {
            let ids = self.agreed.entry((way.client, way.server, from_client)).or_default();
            if ids.contains(&id) {
                continue;
            }
            if ids.len() == CALLS_MAX {
                ids.pop_front();
            }
            ids.push_back(id);
        }
    }

    fn make_room(&mut self) {
        if self.open.len() < CONNECTIONS_MAX {
            return;
        }
        let mut ages: Vec<u64> = self.open.values().map(|connection| connection.age).collect();
        let half = ages.len() / 2;
        let limit = *ages.select_nth_unstable(half).1;
        self.open.retain(|_, connection| connection.age > limit);
    }
}

impl Connection {
    /// What the flags of a segment tell: opening, refusal, end.
    fn flags(&mut self, teller: &mut Teller<'_>, context: &Context, segment: &Segment<'_>) {
        let from_client = context.way.is_some_and(|way| way.from_client);
        match () {
            () if segment.rst && !self.opened && !from_client && !self.ended => {
                self.ended = true;
                teller.plain(Id::TcpRefused, context, "TCP reset: the connection is refused");
            }
            () if segment.rst && !self.ended => {
                self.ended = true;
                teller.plain(Id::TcpReset, context, "TCP reset");
            }
            () if segment.syn && segment.ack && !self.opened => {
                self.opened = true;
                teller.plain(Id::TcpOpened, context, "TCP SYN+ACK");
            }
            () if segment.syn && !segment.ack => teller.plain(Id::TcpSyn, context, "TCP SYN"),
            () if segment.fin && !self.ended => {
                self.ended = true;
                teller.plain(Id::TcpClosed, context, "TCP FIN");
            }
            () => {}
        }
    }

    fn bytes(&mut self, teller: &mut Teller<'_>, context: &Context, segment: &Segment<'_>, ended: &mut Vec<Call>) {
        let side = usize::from(context.way.is_some_and(|way| !way.from_client));
        if segment.gap {
            // what is missing may have held the end of a message: one may begin here again
            self.partial[side].clear();
            self.lost[side] = false;
        }
        if self.lost[side] {
            return;
        }
        let mut partial = std::mem::take(&mut self.partial[side]);
        partial.extend_from_slice(segment.bytes);
        let mut rest = &partial[..];
        while !rest.is_empty() {
            match whole(rest) {
                Ok(Some(len)) => {
                    self.sound[side] = true;
                    self.message(teller, context, &rest[..len], ended);
                    rest = &rest[len..];
                }
                Ok(None) => break,
                Err(flaw) => {
                    self.lost[side] = true;
                    match flaw {
                        None if !self.sound[side] => not_pptp(teller, context, rest),
                        None => {
                            let flaw = Flaw::at("PPTP", 4, "no magic cookie where a message should begin");
                            teller.malformed(Id::MalformedPptp, context, &flaw);
                        }
                        Some(flaw) => teller.malformed(Id::MalformedPptp, context, &flaw),
                    }
                    return;
                }
            }
        }
        self.partial[side] = rest.to_vec();
    }

    fn message(&mut self, teller: &mut Teller<'_>, context: &Context, bytes: &[u8], ended: &mut Vec<Call>) {
        let from_client = context.way.is_some_and(|way| way.from_client);
        let kind = word(bytes, 8);
        let needed = needed(kind);
        if bytes.len() < needed {
            let flaw = Flaw::at(
                "PPTP",
                0,
                format!("a message of type {kind} has {needed} bytes, this one {}", bytes.len()),
            );
            return teller.malformed(Id::MalformedPptp, context, &flaw);
        }
        let (first, second) = (word(bytes, 12), word(bytes, 14));
        let result = bytes.get(16).copied().unwrap_or(0);
        match kind {
            7 => self.note_call(if from_client {
                (Some(first), None)
            } else {
                (None, Some(first))
            }),
            8 if result == 1 => {
                // the reply names both: the replier's own id, then the asker's
                let call = if from_client { (first, second) } else { (second, first) };
                let call = (Some(call.0), Some(call.1));
                ended.push(call);
                self.note_call(call);
            }
            12 | 13 => {
                // Call-Clear names the client's id, Disconnect the gateway's (RFC 2637 §2.12, 2.13)
                let is = |call: &Call| call.0 == Some(first) || call.1 == Some(first);
                if kind == 13 {
                    ended.extend(self.calls.iter().copied().filter(is));
                    self.calls.retain(|call| !is(call));
                }
            }
            _ => {}
        }
        tell(teller, context, kind, bytes);
    }

    /// Notes the ids of a call, completing one that is half known.
    fn note_call(&mut self, (client, server): Call) {
        let same = |known: Option<u16>, new: Option<u16>| known.is_none() || new.is_none() || known == new;
        let touches = |call: &Call| (client.is_some() && call.0 == client) || (server.is_some() && call.1 == server);
        let fits = |call: &Call| touches(call) && same(call.0, client) && same(call.1, server);
        match self.calls.iter().position(fits) {
            Some(at) => self.calls[at] = (self.calls[at].0.or(client), self.calls[at].1.or(server)),
            None if self.calls.len() < CALLS_MAX => self.calls.push((client, server)),
            None => {}
        }
    }
}

/// The length of the message that `bytes` begin with; None if it is not complete. An error without a flaw: these bytes are
/// something else.
fn whole(bytes: &[u8]) -> Result<Option<usize>, Option<Flaw>> {
    let flaw = |at, reason: String| Err(Some(Flaw::at("PPTP", at, reason)));
    let (len, kind) = (usize::from(word(bytes, 0)), word(bytes, 2));
    if bytes.len() >= 4 && kind != 1 && kind != 2 {
        return Err(None);
    }
    if bytes.len() >= 8 && long(bytes, 4) != MAGIC {
        return match len {
            12..=220 => flaw(
                4,
                format!("the magic cookie is {:#010x}, not {MAGIC:#010x}", long(bytes, 4)),
            ),
            _ => Err(None),
        };
    }
    if bytes.len() < 8 {
        return Ok(None);
    }
    match len {
        0..12 => flaw(0, format!("a length of {len} bytes, less than a header")),
        len if len > MESSAGE_BYTES_MAX => flaw(0, format!("a length of {len} bytes; the longest message has 220")),
        len if bytes.len() < len => Ok(None),
        len => Ok(Some(len)),
    }
}

/// Bytes of a type's fixed layout (RFC 2637 §2.1 to §2.15).
fn needed(kind: u16) -> usize {
    match kind {
        1 | 2 => 156,
        3 | 4 | 5 | 12 => 16,
        6 => 20,
        7 => 168,
        8 => 32,
        9 => 220,
        10 | 15 => 24,
        11 => 28,
        13 => 148,
        14 => 40,
        _ => 12,
    }
}

fn not_pptp(teller: &mut Teller<'_>, context: &Context, bytes: &[u8]) {
    let what = match bytes {
        [0x16, 3, ..] => "TLS",
        [b'S', b'S', b'H', b'-', ..] => "SSH",
        [b'G', b'E', b'T', b' ', ..] | [b'P', b'O', b'S', b'T', ..] | [b'H', b'E', b'A', b'D', ..] => "HTTP",
        [3, 0, ..] => "RDP",
        _ => "something else",
    };
    let line = format!("no PPTP: {what}, {} bytes", bytes.len());
    if let Some(draft) = teller.event(Id::NotPptp, context, &line) {
        draft
            .word(Field::Protocol, what)
            .int(Field::Length, bytes.len() as i64)
            .end();
    }
}

/// Tells a message whose length fits its type.
fn tell(teller: &mut Teller<'_>, context: &Context, kind: u16, bytes: &[u8]) {
    match kind {
        1 => start(teller, Id::PptpSccrq, context, bytes, "Request", None),
        2 => {
            let result = (bytes[14], bytes[15]);
            let id = if result.0 == 1 {
                Id::PptpSccrp
            } else {
                Id::PptpSccrpRefused
            };
            start(teller, id, context, bytes, "Reply", Some(result));
        }
        3..=6 => connection(teller, context, kind, bytes),
        8 => reply(teller, context, bytes),
        7 | 9..=13 => call(teller, context, kind, bytes),
        14 => {
            let (crc, framing, overruns) = (long(bytes, 16), long(bytes, 20), long(bytes, 24));
            let peer = word(bytes, 12);
            let line = format!("PPTP WAN-Error-Notify peer {peer} crc {crc} framing {framing} overruns {overruns}");
            teller.plain(Id::PptpErrors, context, &line);
        }
        15 => {
            let (peer, send, receive) = (word(bytes, 12), long(bytes, 16), long(bytes, 20));
            let line = format!("PPTP Set-Link-Info peer {peer} accm {send:#010x} {receive:#010x}");
            teller.plain(Id::PptpLinkInfo, context, &line);
        }
        _ => {
            let line = format!("PPTP message of type {kind}, {} bytes", bytes.len());
            with(teller, Id::PptpUnknown, context, &line, |draft| {
                draft.int(Field::Type, kind.into())
            });
        }
    }
}

/// Messages about the connection itself: stop and echo.
fn connection(teller: &mut Teller<'_>, context: &Context, kind: u16, bytes: &[u8]) {
    let (id, line, code) = match kind {
        3 => {
            let reason = bytes[12];
            let line = format!("PPTP Stop-Control-Connection-Request reason {reason}");
            (Id::PptpStopRequest, line, Some(reason))
        }
        4 => {
            let (result, error) = (bytes[12], bytes[13]);
            let line = format!("PPTP Stop-Control-Connection-Reply result {result} error {error}");
            (Id::PptpStopReply, line, Some(result))
        }
        5 => {
            let line = format!("PPTP Echo-Request id {}", long(bytes, 12));
            (Id::PptpEchoRequest, line, None)
        }
        _ => {
            let line = format!("PPTP Echo-Reply id {} result {}", long(bytes, 12), bytes[16]);
            (Id::PptpEchoReply, line, Some(bytes[16]))
        }
    };
    with(teller, id, context, &line, |draft| match code {
        Some(code) => draft.int(Field::Code, code.into()),
        None => draft,
    });
}

/// Messages about a call, whose id is the sender's.
fn call(teller: &mut Teller<'_>, context: &Context, kind: u16, bytes: &[u8]) {
    let (first, second) = (word(bytes, 12), word(bytes, 14));
    let (id, line) = match kind {
        7 => {
            let window = word(bytes, 32);
            let line = format!("PPTP Outgoing-Call-Request call {first} serial {second} window {window}");
            (Id::PptpOcrq, line)
        }
        9 => (Id::PptpIcrq, format!("PPTP Incoming-Call-Request call {first}")),
        10 => {
            let line = format!(
                "PPTP Incoming-Call-Reply call {first} peer {second} result {}",
                bytes[16]
            );
            (Id::PptpIcrp, line)
        }
        11 => {
            let line = format!("PPTP Incoming-Call-Connected peer {first}");
            return teller.plain(Id::PptpIccn, context, &line);
        }
        12 => (Id::PptpClear, format!("PPTP Call-Clear-Request call {first}")),
        _ => {
            let (result, error) = (bytes[14], bytes[15]);
            let line = format!("PPTP Call-Disconnect-Notify call {first} result {result} error {error}");
            (Id::PptpDisconnect, line)
        }
    };
    with(teller, id, context, &line, |draft| {
        let draft = own_call(draft, context, first);
        match kind {
            7 => draft.int(Field::Serial, second.into()),
            10 => draft.int(Field::Code, bytes[16].into()),
            13 => draft
                .int(Field::Code, bytes[14].into())
                .int(Field::Status, bytes[15].into()),
            _ => draft,
        }
    });
}

fn with<'b>(
    teller: &'b mut Teller<'_>,
    id: Id,
    context: &Context,
    line: &str,
    fields: impl FnOnce(Draft<'b>) -> Draft<'b>,
) {
    if let Some(draft) = teller.event(id, context, line) {
        fields(draft).end();
    }
}

/// The id that the sender gave the call: the client's is the gateway's peer's.
fn own_call<'b>(draft: Draft<'b>, context: &Context, call: u16) -> Draft<'b> {
    let from_client = context.way.is_some_and(|way| way.from_client);
    draft.int(if from_client { Field::PeerCallId } else { Field::CallId }, call.into())
}

fn start(teller: &mut Teller<'_>, id: Id, context: &Context, bytes: &[u8], name: &str, result: Option<(u8, u8)>) {
    let (host, vendor) = (padded(&bytes[28..92]), padded(&bytes[92..156]));
    let mut line = format!("PPTP Start-Control-Connection-{name}");
    if let Some((result, error)) = result {
        let _ = write!(line, " result {result} error {error}");
    }
    let _ = write!(line, " host \"{}\" vendor \"{}\"", shown(host), shown(vendor));
    with(teller, id, context, &line, |draft| {
        let draft = draft
            .text(Field::Version, format!("{}.{}", bytes[12], bytes[13]).as_bytes())
            .some_text(Field::Host, host)
            .some_text(Field::Name, vendor);
        match result {
            Some((result, error)) => draft.int(Field::Code, result.into()).int(Field::Status, error.into()),
            None => draft,
        }
    });
}

fn reply(teller: &mut Teller<'_>, context: &Context, bytes: &[u8]) {
    let (own, peer, result, error) = (word(bytes, 12), word(bytes, 14), bytes[16], bytes[17]);
    let line = format!(
        "PPTP Outgoing-Call-Reply call {own} peer {peer} result {result} error {error} window {}",
        word(bytes, 24)
    );
    let id = if result == 1 { Id::PptpOcrp } else { Id::PptpOcrpRefused };
    let from_client = context.way.is_some_and(|way| way.from_client);
    let (server, client) = if from_client { (peer, own) } else { (own, peer) };
    with(teller, id, context, &line, |draft| {
        draft
            .int(Field::CallId, server.into())
            .int(Field::PeerCallId, client.into())
            .int(Field::Code, result.into())
            .int(Field::Status, error.into())
            .int(Field::Speed, long(bytes, 20).into())
    });
}
