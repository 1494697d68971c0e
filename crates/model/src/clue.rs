//! What was said about an attempt, line by line: what a diagnosis is made of.

use std::fmt::Write as _;
use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::{Event, Field, Message, SourceId, Value, text};

/// A part of a text that many share: the lines of a trail are kept as one text, because a text for each line and each of its
/// fields costs more than everything else that is done for a diagnosis.
#[derive(Clone, Debug)]
pub struct SharedText {
    whole: Arc<str>,
    start: u32,
    end: u32,
}

impl SharedText {
    /// A part of a text; empty if there is no such part.
    pub fn part(whole: &Arc<str>, part: Range<u32>) -> SharedText {
        SharedText {
            whole: Arc::clone(whole),
            start: part.start,
            end: part.end,
        }
    }
}

impl From<&str> for SharedText {
    /// The first 4 GiB of a text.
    fn from(text: &str) -> SharedText {
        let end = u32::try_from(text.len()).unwrap_or_default();
        SharedText::part(&text.into(), 0..end)
    }
}

impl Deref for SharedText {
    type Target = str;

    fn deref(&self) -> &str {
        self.whole
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

impl PartialEq for SharedText {
    fn eq(&self, other: &SharedText) -> bool {
        **self == **other
    }
}

impl Eq for SharedText {}

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
    pub text: SharedText,
    /// What it names and an administrator wants to be told: option, file, rule.
    pub facts: Box<[(Field, SharedText)]>,
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
        let mut whole = shown.to_owned();
        let mut parts: Vec<(Field, Range<u32>)> = Vec::new();
        Clue::write_facts(event, &mut whole, |field, part| parts.push((field, part)));
        let whole: Arc<str> = whole.into();
        let facts = parts
            .into_iter()
            .map(|(field, part)| (field, SharedText::part(&whole, part)));
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
            text: SharedText::part(&whole, 0..shown.len() as u32),
            facts: facts.collect(),
        }
    }

    /// Adds what is kept of a line's fields to `whole`, in the order of the line, and tells where each of them stands.
    pub fn write_facts(event: &Event<'_>, whole: &mut String, mut each: impl FnMut(Field, Range<u32>)) {
        let fields = event.fields();
        for (at, (field, value)) in fields.iter().enumerate() {
            // a field that comes twice says what it says first
            if !Clue::KEPT.contains(field) || fields[..at].iter().any(|(known, _)| known == field) {
                continue;
            }
            let start = whole.len() as u32;
            if write_value(event, value, whole) {
                each(*field, start..whole.len() as u32);
            }
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

/// Adds a value as text; whether it is one that has a text.
fn write_value(event: &Event<'_>, value: &Value, whole: &mut String) -> bool {
    // writing to a text cannot fail
    match value {
        Value::Ip(ip) => {
            let _ = write!(whole, "{ip}");
        }
        Value::Int(number) => {
            let _ = write!(whole, "{number}");
        }
        Value::Text(_) | Value::Bytes(_) | Value::Word(_) => {
            whole.push_str(&text::lossy(event.value_bytes(value).unwrap_or_default()));
        }
        Value::Seconds(_) | Value::Bool(_) => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_text_is_that_part_and_one_that_is_none_is_empty() {
        let whole: Arc<str> = "eins zwei äh".into();
        assert_eq!(&*SharedText::part(&whole, 5..9), "zwei");
        assert_eq!(&*SharedText::part(&whole, 9..99), "");
        assert_eq!(&*SharedText::part(&whole, 0..11), "", "within a character");
        assert_eq!(SharedText::from("zwei"), SharedText::part(&whole, 5..9));
    }
}
