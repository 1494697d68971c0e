//! How a value of an event becomes a field.

use tunlog_model::Field;

use super::Values;
use crate::shape::typed;
use crate::template::{Caught, Fields, parse_int, unknown, unknown_field};

/// How a value is read, besides what its field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// By the field alone.
    Plain,
    /// A value in `<…>` stands for nobody (`<Unauthenticated User>`, in the machine's language): no account has such a name.
    Somebody,
    /// Only a GUID in braces; `{NA}` is none.
    Guid,
    /// A name of the machine's own, a VPN port or a module: no GUID, no `{NA}`.
    Port,
    /// Minutes of a length of time; added up with `Seconds`.
    Minutes,
    /// Seconds of it.
    Seconds,
    /// The protocol in a tunnel device's name: `WAN Miniport (PPTP)`; what stands before it is translated.
    Tunnel,
    /// Text as the hexadecimal digits of its bytes.
    HexText,
    /// The sender of a packet: the client if `Direction` is inbound.
    Sender,
    /// Its receiver: the client if it is outbound.
    Receiver,
}

impl How {
    const ALL: &[(How, &str)] = &[
        (How::Plain, "plain"),
        (How::Somebody, "somebody"),
        (How::Guid, "guid"),
        (How::Port, "port"),
        (How::Minutes, "minutes"),
        (How::Seconds, "seconds"),
        (How::Tunnel, "tunnel"),
        (How::HexText, "hex-text"),
        (How::Sender, "sender"),
        (How::Receiver, "receiver"),
    ];
}

/// The direction of a packet that came in, as the filtering platform writes it.
const INBOUND: &[u8] = b"%%14592";
const OUTBOUND: &[u8] = b"%%14593";

/// Which field a value may be: the first that it fits.
#[derive(Debug)]
pub struct Slot {
    key: &'static [u8],
    readings: Vec<Reading>,
}

#[derive(Debug)]
struct Reading {
    field: Field,
    how: How,
}

impl Slot {
    /// `field`, `field:type`, or several of them with commas between.
    pub fn compile(key: &'static str, text: &'static str) -> Result<Slot, String> {
        let readings: Result<Vec<Reading>, String> = text.split(',').map(Reading::compile).collect();
        Ok(Slot {
            key: key.as_bytes(),
            readings: readings?,
        })
    }

    /// Adds the field, if the event has the value and no value before was that field.
    pub fn take<'a>(&self, event: &Values<'_, 'a>, caught: &mut Fields<'a>) {
        let Some(text) = event.said(self.key) else { return };
        let mut readings = self.readings.iter();
        while readings
            .next()
            .is_some_and(|reading| !reading.take(text, event, caught))
        {}
    }
}

impl Reading {
    fn compile(text: &'static str) -> Result<Reading, String> {
        let text = text.trim();
        let (word, how) = text.split_once(':').unwrap_or((text, "plain"));
        let field = Field::from_word(word).ok_or_else(|| unknown_field(word))?;
        let known = How::ALL.iter().find(|(_, word)| *word == how);
        let how = known.map(|(how, _)| *how).ok_or_else(|| {
            let words: Vec<&str> = How::ALL.iter().map(|(_, word)| *word).collect();
            unknown("type", how, &words)
        })?;
        Ok(Reading { field, how })
    }

    /// Whether the value can be read so; the field is added unless it is there.
    fn take<'a>(&self, text: &'a [u8], event: &Values<'_, 'a>, caught: &mut Fields<'a>) -> bool {
        let (field, value) = match self.how {
            How::Plain => (self.field, typed(self.field, text)),
            How::Somebody => (self.field, somebody(text).then_some(Caught::Text(text))),
            How::Port => (self.field, is_port(text).then_some(Caught::Text(text))),
            How::Guid => (self.field, is_guid(text).then_some(Caught::Text(text))),
            How::Minutes | How::Seconds => return self.add_time(text, caught),
            How::Tunnel => (self.field, tunnel(text).map(Caught::Text)),
            How::HexText => (self.field, Some(hex_text(text))),
            How::Sender | How::Receiver => {
                let field = far_end(event, self.how == How::Sender).unwrap_or(self.field);
                (field, typed(field, text))
            }
        };
        let Some(value) = value else { return false };
        if !caught.iter().any(|(known, _)| *known == field) {
            caught.push((field, value));
        }
        true
    }

    fn add_time(&self, text: &[u8], caught: &mut Fields<'_>) -> bool {
        let unit = if self.how == How::Minutes { 60.0 } else { 1.0 };
        let Some(count) = parse_int(text).filter(|count| *count >= 0) else {
            return false;
        };
        let seconds = count as f64 * unit;
        match caught.iter_mut().find(|(known, _)| *known == self.field) {
            Some((_, Caught::Seconds(sum))) => *sum += seconds,
            Some(_) => {}
            None => caught.push((self.field, Caught::Seconds(seconds))),
        }
        true
    }
}

/// Which end of a packet is whose: None where the event does not tell its direction.
fn far_end(event: &Values<'_, '_>, is_sender: bool) -> Option<Field> {
    let inbound = match event.get(b"Direction")? {
        INBOUND => true,
        OUTBOUND => false,
        _ => return None,
    };
    Some(if inbound == is_sender {
        Field::ClientIp
    } else {
        Field::ServerIp
    })
}

fn somebody(text: &[u8]) -> bool {
    !(text.starts_with(b"<") && text.ends_with(b">"))
}

fn is_port(text: &[u8]) -> bool {
    !text.starts_with(b"{")
}

/// `{AC09A421-BFB0-0007-50C4-2BACB0BFDA01}`.
fn is_guid(text: &[u8]) -> bool {
    let Some(inner) = text.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")) else {
        return false;
    };
    let dashes = [8, 13, 18, 23];
    inner.len() == 36
        && inner.iter().enumerate().all(|(at, byte)| match dashes.contains(&at) {
            true => *byte == b'-',
            false => byte.is_ascii_hexdigit(),
        })
}

/// `PPTP` of `WAN Miniport (PPTP)`: the name of a protocol is not translated.
fn tunnel(text: &[u8]) -> Option<&[u8]> {
    let inner = text.trim_ascii_end().strip_suffix(b")")?;
    let start = inner.iter().rposition(|byte| *byte == b'(')? + 1;
    let name = &inner[start..];
    let plain = !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric);
    plain.then_some(name)
}

/// The text, if these are the digits of one that can be read; else the digits.
fn hex_text(text: &[u8]) -> Caught<'_> {
    let digit = |byte: u8| (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    let bytes: Option<Vec<u8>> = pairs.collect();
    match bytes.filter(|bytes| !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_graphic())) {
        Some(bytes) => Caught::Bytes(bytes.into()),
        None => Caught::Text(text),
    }
}
