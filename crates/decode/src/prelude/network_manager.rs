//! What NetworkManager, its VPN services and glib put before a text.

use tunlog_model::Field;

use super::uptime;
use crate::template::{Caught, Fields};

/// The text; the connection's name, where the line has one, is kept.
pub(super) fn cut<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
    let body = after_labels(body);
    match connection(body) {
        Some((name, rest)) => {
            if let Some(name) = name {
                fields.push((Field::Connection, Caught::Text(name)));
            }
            rest
        }
        None => body,
    }
}

/// The text alone.
pub(super) fn peek(body: &[u8]) -> &[u8] {
    let body = after_labels(body);
    connection(body).map_or(body, |(_, rest)| rest)
}

fn after_labels(body: &[u8]) -> &[u8] {
    // NetworkManager's own lines begin with their level, and are nearly all
    let own = body.first() == Some(&b'<');
    let body = if own { body } else { glib(body).unwrap_or(body) };
    let after_service = if own { body } else { service(body).unwrap_or(body) };
    let Some(rest) = level(after_service) else { return body };
    let rest = uptime(rest).unwrap_or(rest);
    bracketed(rest, b"[helper-").unwrap_or(rest)
}

/// `nm-l2tp[77] `, `nm-pptp[77] `: how the services name themselves on their standard output.
fn service(body: &[u8]) -> Option<&[u8]> {
    bracketed(body, b"nm-l2tp[").or_else(|| bracketed(body, b"nm-pptp["))
}

/// What follows `open`, a number and `] `.
fn bracketed<'a>(body: &'a [u8], open: &[u8]) -> Option<&'a [u8]> {
    let inner = body.strip_prefix(open)?;
    let digits = inner.iter().take_while(|byte| byte.is_ascii_digit()).count();
    Some(inner[digits..].strip_prefix(b"] ")?.trim_ascii_start())
}

/// `<info>  `.
fn level(body: &[u8]) -> Option<&[u8]> {
    let inner = body.strip_prefix(b"<")?;
    let end = inner.iter().take(8).position(|byte| *byte == b'>')?;
    Some(inner[end + 1..].trim_ascii_start())
}

/// `** Message: `, `** (nm-l2tp-service:77): WARNING **: `, and the time that newer versions add.
fn glib(body: &[u8]) -> Option<&[u8]> {
    let rest = body.strip_prefix(b"** ")?;
    let rest = match rest.strip_prefix(b"Message: ") {
        Some(rest) => rest,
        None => {
            let inner = rest.strip_prefix(b"(")?;
            &inner[memchr::memmem::find(&inner[..inner.len().min(64)], b"**: ")? + 4..]
        }
    };
    let clock = rest
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'))
        .count();
    let after = rest[..clock].ends_with(b":").then(|| rest[clock..].trim_ascii_start());
    Some(after.unwrap_or(rest))
}

/// `vpn-connection[0x1f38110,uuid,"name",0]: ` and, since 1.36, `vpn[0x1f38110,uuid,"name",if:5,dev:2:(ppp0)]: `: the
/// name, and the text. Names are the laptop's own user's; what a server says stands behind.
fn connection(body: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let inner = body
        .strip_prefix(b"vpn-connection[")
        .or_else(|| body.strip_prefix(b"vpn["))?;
    let end = memchr::memmem::find(inner, b"]: ")?;
    let (first, last) = (
        memchr::memchr(b'"', &inner[..end]),
        memchr::memrchr(b'"', &inner[..end]),
    );
    let name = match (first, last) {
        (Some(first), Some(last)) if first < last => Some(&inner[first + 1..last]),
        _ => None,
    };
    Some((name, inner[end + 3..].trim_ascii_start()))
}
