//! Clavister cOS Core (NetDefendOS, D-Link DFL): its datagram `<134>[2014-09-01 13:04:11] EFW: CATEGORY: …` has neither host
//! nor zone, and receivers put headers of their own in front of it. What its manager InControl exports looks like RFC 5424 as
//! far as the host.

use tunlog_model::Stamp;

use super::header::trim_start;
use super::stamp::{self, Kind};

/// The name under which its records go.
pub(crate) const APP: &[u8] = b"EFW";

const TAG: &[u8] = b"] EFW: ";

/// `[2014-09-01 13:04:11] EFW: text`: the stamp, and the text. A relay may have taken the date for a tag and cut it off
/// (`13:04:11] EFW: text`); then there is no stamp.
pub(crate) fn stamped(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let text = trim_start(text);
    let is = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'[' | b'-' | b':' | b' ' | b'.');
    let len = text.iter().take(32).take_while(|byte| is(byte)).count();
    let body = text.get(len..)?.strip_prefix(TAG)?;
    let hit = stamp::at_start(text).filter(|hit| hit.kind == Kind::Bracketed && hit.len == len + 1);
    Some((hit.map_or(Stamp::Missing, |hit| hit.stamp), trim_start(body)))
}

/// `<134[2014-09-01 13:04:11] EFW: …`: a priority whose end was lost.
pub(crate) fn behind_damaged_priority(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"<")?;
    let digits = rest.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &rest[digits..];
    rest.starts_with(b"[").then_some(rest)
}

/// `CATEGORY : id=7 …`, which InControl writes behind time and device.
pub(crate) fn is_incontrol(text: &[u8]) -> bool {
    let category = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let len = text.iter().take(40).take_while(|byte| category(byte)).count();
    let key = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
    let Some(pairs) = text.get(len..).and_then(|rest| rest.strip_prefix(b" : ")) else {
        return false;
    };
    let key = pairs.iter().take(40).take_while(|byte| key(byte)).count();
    len > 0 && key > 0 && pairs.get(key) == Some(&b'=')
}
