//! pluto's connection, peer and state.

use tunlog_model::Field;

use crate::template::{Caught, Fields, parse_int, parse_ip};

pub(super) fn cut<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
    let body = match body {
        [a, b, c, b' ', rest @ ..] if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit() => rest,
        _ => body,
    };
    named(body, fields)
        .or_else(|| packet_from(body, fields))
        .unwrap_or(body)
}

/// `"name"[2] 203.0.113.9:500 #3: rest`; connection names are the administrator's and hold no quotation mark.
fn named<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let inner = body.strip_prefix(b"\"")?;
    let quote = memchr::memchr(b'"', inner)?;
    let mut rest = &inner[quote + 1..];
    let mut found: Fields<'a> = vec![(Field::Connection, Caught::Text(&inner[..quote]))];
    while rest.first() == Some(&b'[') {
        rest = &rest[memchr::memchr(b']', rest)? + 1..];
    }
    if let Some(after) = rest.strip_prefix(b" ").filter(|after| !after.starts_with(b"#")) {
        let end = after
            .iter()
            .position(|byte| *byte == b' ')
            .or_else(|| memchr::memmem::find(after, b": "))?;
        peer(after[..end].trim_ascii_end().trim_suffix_colon(), &mut found)?;
        rest = if after[..end].ends_with(b":") {
            &after[end - 1..]
        } else {
            &after[end..]
        };
    }
    if let Some(after) = rest.strip_prefix(b" #") {
        let end = after.iter().position(|byte| !byte.is_ascii_digit())?;
        found.push((Field::State, Caught::Text(&after[..end])));
        rest = &after[end..];
    }
    let rest = rest.strip_prefix(b":")?.trim_ascii_start();
    fields.append(&mut found);
    Some(rest)
}

fn packet_from<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let after = body.strip_prefix(b"packet from ")?;
    let end = memchr::memmem::find(after, b": ")?;
    peer(&after[..end], fields)?;
    Some(&after[end + 2..])
}

/// `203.0.113.9`, `203.0.113.9:500`, `[2001:db8::1]:500`, `203.0.113.9[id]`.
fn peer<'a>(text: &'a [u8], fields: &mut Fields<'a>) -> Option<()> {
    let text = &text[..memchr::memchr(b'[', text).filter(|at| *at > 0).unwrap_or(text.len())];
    if let Some(address) = parse_ip(text) {
        fields.push((Field::ClientIp, Caught::Ip(address)));
        return Some(());
    }
    let colon = memchr::memrchr(b':', text)?;
    let host = text[..colon]
        .strip_prefix(b"[")
        .and_then(|host| host.strip_suffix(b"]"))
        .unwrap_or(&text[..colon]);
    fields.push((Field::ClientIp, Caught::Ip(parse_ip(host)?)));
    fields.push((Field::ClientPort, Caught::Int(parse_int(&text[colon + 1..])?)));
    Some(())
}

trait TrimColon {
    fn trim_suffix_colon(&self) -> &[u8];
}

impl TrimColon for [u8] {
    fn trim_suffix_colon(&self) -> &[u8] {
        self.strip_suffix(b":").unwrap_or(self)
    }
}
