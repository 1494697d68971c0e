//! What was said about an attempt, line by line: what a diagnosis is made of.

use crate::{Event, Field, Message, SourceId};

/// One line about an attempt, or equal lines that followed each other.
#[derive(Clone, Debug)]
pub struct Clue {
    /// Time of the first line, microseconds UTC.
    pub time: i64,
    /// Time of the last line, microseconds UTC.
    pub last: i64,
    /// The catalogue's entry.
    pub message: &'static Message,
    /// How many lines it stands for.
    pub times: u32,
    /// How many of them had the packet identifier of the one before: the same packet, sent again (RFC 1661 §4.6).
    pub resent: u32,
    /// The identifier of the last packet, if the lines tell of packets.
    pub packet_id: Option<i64>,
    /// Process that wrote it.
    pub pid: u32,
    /// Which source.
    pub source: SourceId,
    /// 1-based number of the first line.
    pub line: u64,
    /// 1-based number of the last line.
    pub last_line: u64,
    /// The first line; its secrets are redacted unless the user asked for them.
    pub text: Box<str>,
    /// What it names and an administrator wants to be told: option, file, rule.
    pub facts: Box<[(Field, Box<str>)]>,
}

impl Clue {
    /// The fields that are kept of a line.
    pub const KEPT: &[Field] = &[
        Field::Reason,
        Field::Error,
        Field::Option,
        Field::Path,
        Field::LineNumber,
        Field::Plugin,
        Field::Module,
        Field::Prefix,
        Field::Server,
        Field::Proposal,
        Field::Code,
        Field::Protocol,
        Field::InInterface,
        Field::OutInterface,
        Field::SourcePort,
        Field::DestinationPort,
        Field::Value,
        Field::AssignedIp,
        Field::Address,
        Field::User,
        Field::Limit,
        Field::Count,
    ];

    /// The clue of one line, which may be shown as `text`.
    pub fn of(event: &Event<'_>, text: Box<str>) -> Clue {
        let kept = Clue::KEPT.iter();
        Clue {
            time: event.time.micros,
            last: event.time.micros,
            message: event.message(),
            times: 1,
            resent: 0,
            packet_id: event.int(Field::PacketId),
            pid: event.pid(),
            source: event.source,
            line: event.line(),
            last_line: event.line(),
            text,
            facts: kept.filter_map(|field| Some((*field, shown(event, *field)?))).collect(),
        }
    }

    /// What the line says in a field.
    pub fn fact(&self, field: Field) -> Option<&str> {
        let found = self.facts.iter().find(|(known, _)| *known == field);
        found.map(|(_, text)| &**text)
    }

    /// Whether the line tells of a PPP control packet of this protocol and code, and which way it went: `rcvd`, `LCP`, `ConfReq`.
    pub fn is_packet(&self, way: &str, protocol: &str, code: &str) -> bool {
        self.message.packet.is_some_and(|packet| {
            packet.sent == (way == "sent")
                && packet.protocol.eq_ignore_ascii_case(protocol)
                && (code.is_empty() || packet.code.eq_ignore_ascii_case(code))
        })
    }
}

/// A field as text, unless it is absent.
fn shown(event: &Event<'_>, field: Field) -> Option<Box<str>> {
    event.value(field)?;
    if let Some(ip) = event.ip(field) {
        return Some(ip.to_string().into());
    }
    if let Some(number) = event.int(field) {
        return Some(number.to_string().into());
    }
    event.text(field).map(|text| text.into())
}
