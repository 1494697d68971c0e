//! What some writers put before every message. It is cut off, and its facts kept, before templates are tried.

use tunlog_model::Field;

use crate::template::{Caught, Fields, parse_int, parse_ip};

/// What stands before a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prelude {
    /// Nothing.
    None,
    /// The kernel's `[12345.678901] `.
    Uptime,
    /// charon's thread number: `09[IKE] `; with `ike_name` the connection too: `09[IKE] <work|1> `, with `log_level` the
    /// level: `09[IKE1] `.
    Thread,
    /// pluto's `"name"[instance] peer #state: ` or `packet from peer:port: `, after whack's three digits.
    Connection,
}

impl Prelude {
    /// Every prelude with its word in dialect files.
    pub const ALL: &[(Prelude, &str)] = &[
        (Prelude::None, "none"),
        (Prelude::Uptime, "uptime"),
        (Prelude::Thread, "thread"),
        (Prelude::Connection, "connection"),
    ];

    /// The body after the prelude; its facts are added to `fields`.
    pub fn cut<'a>(self, body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
        match self {
            Prelude::None => body,
            Prelude::Uptime => uptime(body).unwrap_or(body),
            Prelude::Thread => thread(body, fields),
            Prelude::Connection => connection(body, fields),
        }
    }
}

fn uptime(body: &[u8]) -> Option<&[u8]> {
    let inner = body.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', inner)?;
    let number = inner[..end].trim_ascii();
    let is_uptime = !number.is_empty() && number.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    is_uptime.then(|| inner[end + 1..].trim_ascii_start())
}

/// From the group on; after it where more stands between group and text.
fn thread<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
    let digits = body.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let body = if body.get(digits) == Some(&b'[') {
        &body[digits..]
    } else {
        body
    };
    let Some(end) = group_end(body) else { return body };
    let rest = &body[end..];
    match named_in_angles(rest) {
        Some((name, rest)) => {
            if !name.is_empty() {
                fields.push((Field::Connection, Caught::Text(name)));
            }
            rest
        }
        None if end == GROUP_MAX => rest,
        None => body,
    }
}

/// Length of a group with its level, `[IKE1] `.
const GROUP_MAX: usize = 7;

/// Where charon's group, `[IKE] ` or `[IKE1] `, ends.
pub fn group_end(body: &[u8]) -> Option<usize> {
    match body {
        [b'[', a, b, c, b']', b' ', ..] if [a, b, c].iter().all(|byte| byte.is_ascii_uppercase()) => Some(6),
        [b'[', a, b, c, b'0'..=b'5', b']', b' ', ..] if [a, b, c].iter().all(|byte| byte.is_ascii_uppercase()) => {
            Some(GROUP_MAX)
        }
        _ => None,
    }
}

/// `<work|1> ` or, before the connection is known, `<1> `: the name and what follows.
fn named_in_angles(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"<")?;
    let end = memchr::memmem::find(inner, b"> ")?;
    let (name, number) = match memchr::memrchr(b'|', &inner[..end]) {
        Some(bar) => (&inner[..bar], &inner[bar + 1..end]),
        None => (&inner[..0], &inner[..end]),
    };
    let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    is_number.then(|| (name, &inner[end + 2..]))
}

fn connection<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preludes_are_cut() {
        let mut fields = Vec::new();
        assert_eq!(Prelude::Uptime.cut(b"[   28.32] xt_CT", &mut fields), b"xt_CT");
        assert_eq!(Prelude::Uptime.cut(b"[UFW BLOCK] IN=", &mut fields), b"[UFW BLOCK] IN=");
        assert_eq!(Prelude::Thread.cut(b"09[IKE] x", &mut fields), b"[IKE] x");
        assert_eq!(Prelude::Thread.cut(b"09[IKE1] x", &mut fields), b"x");
        assert_eq!(Prelude::Thread.cut(b"09[IKE] <3> x", &mut fields), b"x");
        assert_eq!(Prelude::Thread.cut(b"09[CFG] <a> b", &mut fields), b"[CFG] <a> b");
        assert!(fields.is_empty());
        assert_eq!(Prelude::Thread.cut(b"[IKE] <work|3> x", &mut fields), b"x");
        assert_eq!(fields.pop(), Some((Field::Connection, Caught::Text(b"work"))));
        assert_eq!(
            Prelude::Connection.cut(br#"003 "XXX"[2] 203.0.113.9 #1: STATE_MAIN_I1: initiate"#, &mut fields),
            b"STATE_MAIN_I1: initiate"
        );
        assert_eq!(fields.len(), 3);
        assert_eq!(
            Prelude::Connection.cut(b"packet from 203.0.113.9:500: received", &mut fields),
            b"received"
        );
        assert_eq!(
            Prelude::Connection.cut(br#""l2tp"[1] 203.0.113.9: deleting"#, &mut fields),
            b"deleting"
        );
    }
}
