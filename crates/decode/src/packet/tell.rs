//! Events of packets: fields that all have, and the line that stands for the packet in evidence.

use std::fmt::Write as _;
use std::net::IpAddr;

use tunlog_model::{EventBatch, EventParts, Field, Flaw, Span, Stamp, Value};

use super::exposed::Watch;
use super::messages::{Id, Messages};

/// Bytes of a peer's text that are kept.
const TEXT_BYTES_MAX: usize = 256;

/// An end of a packet's way.
pub(super) type End = (IpAddr, Option<u16>);

/// Who of the two is the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub client: IpAddr,
    pub server: IpAddr,
    pub from_client: bool,
}

impl Way {
    /// The way of a packet whose sender is the client, or is not.
    pub fn of(from: IpAddr, to: IpAddr, from_client: bool) -> Way {
        let (client, server) = if from_client { (from, to) } else { (to, from) };
        Way {
            client,
            server,
            from_client,
        }
    }
}

/// What a PPP frame came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// Nothing that is told apart.
    None,
    /// A PPTP call, by the key of the GRE packet: the call id that its receiver chose.
    Gre(u16),
    /// An L2TP session: the tunnel and session id that its receiver chose.
    L2tp(u16, u16),
}

/// Where a packet belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    pub ends: Option<(End, End)>,
    pub way: Option<Way>,
    pub client_port: Option<u16>,
    pub carrier: Carrier,
}

impl Context {
    /// A packet of which nothing is known.
    pub const NOWHERE: Context = Context {
        ends: None,
        way: None,
        client_port: None,
        carrier: Carrier::None,
    };

    /// A packet between two addresses.
    pub fn between(from: End, to: End) -> Context {
        Context {
            ends: Some((from, to)),
            ..Context::NOWHERE
        }
    }
}

/// Writes events of one packet into a batch.
pub(super) struct Teller<'t> {
    pub batch: &'t mut EventBatch,
    pub messages: &'t Messages,
    pub stamp: Stamp,
    pub number: u64,
    pub watch: &'t mut Watch,
    /// For the line; only its room is kept between events.
    pub scratch: &'t mut String,
}

impl Teller<'_> {
    /// Begins an event; the fields that every packet has come first. `line`: what the packet says.
    pub fn event(&mut self, id: Id, context: &Context, line: &str) -> Option<Draft<'_>> {
        let message = self.messages.get(id)?;
        let raw = self.line(context, line);
        let mut draft = Draft {
            batch: self.batch,
            parts: EventParts {
                message,
                stamp: self.stamp,
                line: self.number,
                raw,
                host: Span::default(),
                app: Span::default(),
                cmdline: Span::default(),
                pid: 0,
                severity: message.severity,
                trusted: true,
            },
        };
        draft.context(context);
        Some(draft)
    }

    /// An event without fields of its own.
    pub fn plain(&mut self, id: Id, context: &Context, line: &str) {
        if let Some(draft) = self.event(id, context, line) {
            draft.end();
        }
    }

    /// A packet that contradicts its protocol.
    pub fn malformed(&mut self, id: Id, context: &Context, flaw: &Flaw) {
        let line = format!("malformed {} at byte {}: {}", flaw.protocol, flaw.offset, flaw.reason);
        if let Some(draft) = self.event(id, context, &line) {
            draft
                .word(Field::Protocol, flaw.protocol)
                .int(Field::Offset, flaw.offset as i64)
                .text(Field::Reason, flaw.reason.as_bytes())
                .end();
        }
    }

    /// The packet in one line, with its addresses in front as tcpdump shows them.
    fn line(&mut self, context: &Context, line: &str) -> Span {
        let text = &mut *self.scratch;
        text.clear();
        if let Some((from, to)) = context.ends {
            text.push_str(if from.0.is_ipv4() { "IP " } else { "IP6 " });
            end(text, from);
            text.push_str(" > ");
            end(text, to);
            text.push_str(": ");
        }
        text.push_str(line);
        self.batch.keep(text.as_bytes())
    }
}

fn end(text: &mut String, (address, port): End) {
    let _ = match port {
        Some(port) => write!(text, "{address}.{port}"),
        None => write!(text, "{address}"),
    };
}

/// An event that gets its fields; nothing is told until `end`.
pub(super) struct Draft<'b> {
    batch: &'b mut EventBatch,
    parts: EventParts,
}

impl Draft<'_> {
    fn context(&mut self, context: &Context) {
        let Some(way) = context.way else { return };
        self.add(Field::ClientIp, Value::Ip(way.client));
        self.add(Field::ServerIp, Value::Ip(way.server));
        if let Some(port) = context.client_port {
            self.add(Field::ClientPort, Value::Int(port.into()));
        }
        let direction = if way.from_client { "from-client" } else { "to-client" };
        self.add(Field::Direction, Value::Word(direction));
        match (context.carrier, way.from_client) {
            (Carrier::None, _) => {}
            (Carrier::Gre(key), true) => self.add(Field::CallId, Value::Int(key.into())),
            (Carrier::Gre(key), false) => self.add(Field::PeerCallId, Value::Int(key.into())),
            (Carrier::L2tp(tunnel, session), true) => {
                self.add(Field::TunnelId, Value::Int(tunnel.into()));
                if session != 0 {
                    self.add(Field::SessionId, Value::Int(session.into()));
                }
            }
            (Carrier::L2tp(tunnel, session), false) => {
                self.add(Field::PeerTunnelId, Value::Int(tunnel.into()));
                if session != 0 {
                    self.add(Field::PeerCallId, Value::Int(session.into()));
                }
            }
        }
    }

    fn add(&mut self, field: Field, value: Value) {
        self.batch.add_value(field, value);
    }

    pub fn int(mut self, field: Field, number: i64) -> Self {
        self.add(field, Value::Int(number));
        self
    }

    pub fn ip(mut self, field: Field, address: IpAddr) -> Self {
        self.add(field, Value::Ip(address));
        self
    }

    pub fn word(mut self, field: Field, word: &'static str) -> Self {
        self.add(field, Value::Word(word));
        self
    }

    pub fn flag(mut self, field: Field, flag: bool) -> Self {
        self.add(field, Value::Bool(flag));
        self
    }

    pub fn seconds(mut self, field: Field, seconds: f64) -> Self {
        self.add(field, Value::Seconds(seconds));
        self
    }

    /// Bytes that a peer chose, as they are; what is longer than any name is cut.
    pub fn text(mut self, field: Field, text: &[u8]) -> Self {
        let span = self.batch.keep(&text[..text.len().min(TEXT_BYTES_MAX)]);
        self.add(field, Value::Text(span));
        self
    }

    /// `text`, unless it is empty.
    pub fn some_text(self, field: Field, text: &[u8]) -> Self {
        if text.is_empty() { self } else { self.text(field, text) }
    }

    pub fn end(self) {
        self.batch.push(self.parts);
    }
}

/// Bytes that a peer chose, for a line: cut, and what is no text shown as `\xNN`.
pub(super) fn shown(text: &[u8]) -> String {
    tunlog_model::text::lossy(&text[..text.len().min(TEXT_BYTES_MAX)]).into_owned()
}

/// Text in a field of fixed length, padded with NULs.
pub(super) fn padded(field: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, field).unwrap_or(field.len());
    &field[..end]
}

/// A 16-bit number of the network's byte order; 0 behind the end.
pub(super) fn word(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => 0,
    }
}

/// A 32-bit number of the network's byte order; 0 behind the end.
pub(super) fn long(bytes: &[u8], at: usize) -> u32 {
    match bytes.get(at..at + 4) {
        Some(&[a, b, c, d]) => u32::from_be_bytes([a, b, c, d]),
        _ => 0,
    }
}
