//! What was said about an attempt, line by line: what a diagnosis is made of.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use crate::{Event, Field, Message, SourceId, Value, text};

/// Takes the secrets out of a record; given by the pipeline, because only the catalogue knows what is secret.
pub type Redact = for<'a> fn(&Message, &'a [u8]) -> Cow<'a, [u8]>;

/// What lines said, kept together: a text for each line and each of its fields would cost more than everything else that is
/// done for a diagnosis, and nobody asks for most of them.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// The lines, and the texts of facts, which are UTF-8.
    pub bytes: Vec<u8>,
    /// Facts of all lines, with the place of their texts.
    pub facts: Vec<(Field, Range<u32>)>,
}

impl Said {
    /// A part of the bytes; empty if there is no such part.
    pub fn part(&self, part: &Range<u32>) -> &[u8] {
        self.bytes
            .get(part.start as usize..part.end as usize)
            .unwrap_or_default()
    }

    /// The facts of a line, with their texts.
    pub fn facts(&self, of: &Range<u32>) -> impl Iterator<Item = (Field, &[u8])> {
        let facts = self.facts.get(of.start as usize..of.end as usize);
        let facts = facts.unwrap_or_default().iter();
        facts.map(|(field, part)| (*field, self.part(part)))
    }

    /// Adds what is kept of a line's fields, in the order of the line. Where they stand among the facts.
    pub fn add_facts(&mut self, event: &Event<'_>) -> Range<u32> {
        let first = self.facts.len() as u32;
        let fields = event.fields();
        for (at, (field, value)) in fields.iter().enumerate() {
            // a field that comes twice says what it says first
            if !Clue::KEPT.contains(field) || fields[..at].iter().any(|(known, _)| known == field) {
                continue;
            }
            let start = self.bytes.len() as u32;
            if self.add_value(event, value) {
                self.facts.push((*field, start..self.bytes.len() as u32));
            }
        }
        first..self.facts.len() as u32
    }

    /// Adds a value as text; whether it is one that has a text.
    fn add_value(&mut self, event: &Event<'_>, value: &Value) -> bool {
        match value {
            Value::Ip(IpAddr::V4(address)) => {
                for (place, octet) in address.octets().into_iter().enumerate() {
                    if place > 0 {
                        self.bytes.push(b'.');
                    }
                    text::push_number(&mut self.bytes, octet.into());
                }
            }
            Value::Ip(address) => self.add_shown(address),
            Value::Int(number) => {
                if *number < 0 {
                    self.bytes.push(b'-');
                }
                text::push_number(&mut self.bytes, number.unsigned_abs());
            }
            Value::Text(_) | Value::Bytes(_) | Value::Word(_) => {
                let shown = text::lossy(event.value_bytes(value).unwrap_or_default());
                self.bytes.extend_from_slice(shown.as_bytes());
            }
            Value::Seconds(_) | Value::Bool(_) => return false,
        }
        true
    }

    fn add_shown(&mut self, value: &dyn std::fmt::Display) {
        let mut shown = String::new();
        // writing to a text cannot fail
        let _ = write!(shown, "{value}");
        self.bytes.extend_from_slice(shown.as_bytes());
    }
}

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
    /// What was said, with other lines.
    pub said: Arc<Said>,
    /// Where the first line stands in it.
    pub raw: Range<u32>,
    /// Where what it names stands that an administrator wants to be told: option, file, rule.
    pub facts: Range<u32>,
    /// Takes the secrets out of the line; None if there are none, or the user asked for them.
    pub redact: Option<Redact>,
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

    /// The clue of one line, which may be shown as `shown`.
    pub fn of(event: &Event<'_>, shown: &str) -> Clue {
        let mut said = Said {
            bytes: shown.as_bytes().to_vec(),
            ..Said::default()
        };
        let facts = said.add_facts(event);
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
            said: Arc::new(said),
            raw: 0..shown.len() as u32,
            facts,
            redact: None,
        }
    }

    /// The first line as it may be shown.
    pub fn text(&self) -> Cow<'_, str> {
        let raw = self.said.part(&self.raw);
        match self.redact.map(|redact| redact(self.message, raw)) {
            Some(Cow::Owned(shown)) => Cow::Owned(text::lossy(&shown).into_owned()),
            Some(Cow::Borrowed(_)) | None => text::lossy(raw),
        }
    }

    /// What the line says in a field.
    pub fn fact(&self, field: Field) -> Option<&str> {
        let (_, text) = self.said.facts(&self.facts).find(|(known, _)| *known == field)?;
        std::str::from_utf8(text).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_nothing_where_nothing_was_said() {
        let said = Said::default();
        assert_eq!((said.part(&(3..9)), said.facts(&(0..2)).count()), (&b""[..], 0));
    }
}
