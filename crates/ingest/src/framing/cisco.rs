//! Cisco: a message begins with its code, `%VPDN-6-CLOSE: …` or `%ASA-6-603104: …`. Before it stand, each only in some
//! settings, a collector's stamp and host, a sequence number, the device's name, and the device's own stamp with marks
//! (`*` the clock was never set, `.` it lost its time server), milliseconds and zone: `45: *Mar  1 18:46:11.123 UTC: `.
//! Source: Cisco IOS System Messages Guide, "How to read system messages"; ASA Series Syslog Messages, "Format".

use tunlog_model::{Civil, Severity, Stamp};

use super::header::{Header, trim_start};
use super::stamp;
use crate::time::seconds_of;

/// The name under which records of Cisco devices go.
const APP: &[u8] = b"cisco";

/// What may stand before a code, in bytes.
const BEFORE_MAX: usize = 160;

/// Longest facility, `SUBSCRIBER_POLICY` and its like, with a sub-facility.
const FACILITY_MAX: usize = 48;

/// A line whose message begins with a code.
pub(crate) fn read(line: &[u8]) -> Option<Header<'_>> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'%', &line[from..line.len().min(BEFORE_MAX)])?;
        let begins = at == 0 || matches!(line[at - 1], b' ' | b':');
        if let Some(severity) = code(&line[at..]).filter(|_| begins) {
            let before = Before::read(&line[..at])?;
            return Some(Header {
                app: APP,
                host: before.host,
                stamp: before.stamp(),
                stamped: before.outer.is_some() || before.inner.is_some(),
                severity: Some(severity),
                ..Header::of_body(&line[at..])
            });
        }
        from = at + 1;
        if from >= line.len().min(BEFORE_MAX) {
            return None;
        }
    }
}

/// The severity in `%FACILITY-6-MNEMONIC: `, `%FACILITY-SUB-6-MNEMONIC: ` (also with a blank before the colon).
fn code(text: &[u8]) -> Option<Severity> {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let end = 1 + text[1..].iter().take(FACILITY_MAX + 64).position(|byte| !name(byte))?;
    let colon = trim_start(&text[end..]).first() == Some(&b':');
    if !colon || !text.get(1)?.is_ascii_uppercase() {
        return None;
    }
    let mut parts = text[1..end].split(|byte| *byte == b'-').skip(1);
    let digit = parts.find_map(|part| match part {
        [digit @ b'0'..=b'7'] => Some(*digit),
        _ => None,
    })?;
    parts.next().filter(|mnemonic| !mnemonic.is_empty())?;
    Some(Severity::from_number(digit - b'0'))
}

/// What was found before a code.
#[derive(Default)]
struct Before<'a> {
    host: &'a [u8],
    /// The stamp that stands before the host: a collector's, or the device's where there is no other.
    outer: Option<Stamp>,
    /// The stamp next to the code, and whether its clock is known to be wrong.
    inner: Option<(Stamp, bool)>,
}

impl<'a> Before<'a> {
    /// Takes the text apart; None if something stands there that no Cisco device writes.
    fn read(text: &'a [u8]) -> Option<Before<'a>> {
        let mut before = Before::default();
        let mut rest = trim_start(text);
        let mut numbered = false;
        while !rest.is_empty() {
            rest = if let Some(after) = rest.strip_prefix(b":") {
                after
            } else if let Some(after) = sequence(rest) {
                numbered = true;
                after
            } else if let Some(after) = before.take_stamp(rest) {
                after
            } else {
                before.take_host(rest, numbered)?
            };
            rest = trim_start(rest);
        }
        Some(before)
    }

    fn take_stamp(&mut self, text: &'a [u8]) -> Option<&'a [u8]> {
        let (marked, text) = match text {
            [b'*' | b'.', rest @ ..] => (true, rest),
            text => (false, text),
        };
        if let Some(after) = uptime(text) {
            self.inner = self.inner.or(Some((Stamp::Missing, true)));
            return Some(after);
        }
        let hit = stamp::at_start(text)?;
        let (zone, after) = zone(&text[hit.len..]);
        let stamp = if is_utc(zone) { utc(hit.stamp) } else { hit.stamp };
        if self.outer.is_none() && self.host.is_empty() && !marked {
            self.outer = Some(stamp);
        } else {
            self.inner = Some((stamp, marked));
        }
        Some(after)
    }

    /// The device: behind the first stamp (`asa1 : `), or with a colon behind a sequence number (`logging origin-id`).
    fn take_host(&mut self, text: &'a [u8], numbered: bool) -> Option<&'a [u8]> {
        let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/');
        let address = text
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit() || **byte == b':')
            .count();
        let is_v6 =
            text[..address].iter().filter(|byte| **byte == b':').count() >= 2 && text.get(address) == Some(&b' ');
        let end = if is_v6 {
            address
        } else {
            text.iter().take_while(|byte| name(byte)).count()
        };
        let fits = match text.get(end) {
            Some(b':') => numbered,
            Some(b' ') => self.host.is_empty() && (self.outer.is_some() || numbered),
            _ => false,
        };
        if end == 0 || !fits {
            return None;
        }
        if self.host.is_empty() {
            self.host = &text[..end];
        }
        Some(&text[end..])
    }

    /// The stamp to believe: the device's own, unless its clock is wrong or the collector's says more.
    fn stamp(&self) -> Stamp {
        match (self.outer, self.inner) {
            (Some(outer), Some((inner, marked))) => {
                let says_more = matches!(outer, Stamp::Instant(_) | Stamp::Civil(Civil { year: Some(_), .. }));
                if marked || (says_more && !matches!(inner, Stamp::Instant(_))) {
                    outer
                } else {
                    inner
                }
            }
            (Some(stamp), None) | (None, Some((stamp, _))) => stamp,
            (None, None) => Stamp::Missing,
        }
    }
}

/// `45: `, `000123: `.
fn sequence(text: &[u8]) -> Option<&[u8]> {
    let digits = text.iter().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = text[digits..].strip_prefix(b":")?;
    (digits > 0 && !rest.first().is_some_and(u8::is_ascii_digit)).then_some(rest)
}

/// `1w2d: `, `5d03h: `, `00:12:33: `: time since the device started.
fn uptime(text: &[u8]) -> Option<&[u8]> {
    let word = text
        .iter()
        .take(12)
        .position(|byte| *byte == b' ')
        .unwrap_or(text.len());
    let inner = text[..word].strip_suffix(b":")?;
    let days = inner.len() >= 4
        && inner[0].is_ascii_digit()
        && inner
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'y' | b'w' | b'd' | b'h'))
        && inner.last().is_some_and(u8::is_ascii_lowercase);
    let clock = inner.len() == 8
        && inner.iter().enumerate().all(|(at, byte)| {
            if at % 3 == 2 {
                *byte == b':'
            } else {
                byte.is_ascii_digit()
            }
        });
    (days || clock).then(|| &text[word..])
}

/// A zone's name behind a stamp, ` UTC: `; it ends with a colon.
fn zone(text: &[u8]) -> (&[u8], &[u8]) {
    let inner = trim_start(text);
    let len = inner
        .iter()
        .take(8)
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-'))
        .count();
    let named = len >= 1 && inner.len() < text.len() && inner.get(len) == Some(&b':') && inner[0].is_ascii_uppercase();
    if named {
        (&inner[..len], &inner[len..])
    } else {
        (b"", text)
    }
}

fn is_utc(zone: &[u8]) -> bool {
    matches!(zone, b"UTC" | b"GMT" | b"Z")
}

/// A stamp that is known to be in UTC; without a year it stays what it is.
fn utc(stamp: Stamp) -> Stamp {
    match stamp {
        Stamp::Civil(Civil {
            year: Some(year),
            month,
            day,
            second,
            micros,
        }) => Stamp::Instant(seconds_of(year, month, day, second) * 1_000_000 + i64::from(micros)),
        stamp => stamp,
    }
}
