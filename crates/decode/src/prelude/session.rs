//! What accel-ppp puts before the text of a session. Three writers, three forms: syslog `ppp0:anna: text` (interface and
//! name, each perhaps empty), its own files and TCP `ppp0: text`, its `log-debug` file `ppp0: 0123456789abcdef: text`
//! (interface and session). Lines of no session have nothing, those of an L2TP tunnel or session its numbers.
//! Source: accel-pppd/logs/log_syslog.c, log_file.c, log_tcp.c, log.c; ctrl/l2tp/l2tp.c `log_tunnel`, `log_session`.

use memchr::memmem;
use tunlog_model::Field;

use crate::template::{Caught, Fields, parse_int, parse_ip};

/// What the daemon says of a name that stands before it. The name is the peer's, so it is told from the right; nothing
/// else of the daemon ends so.
const SAID_OF_NAMES: &[&[u8]] = &[
    b": authentication failed",
    b": authentication succeeded",
    b": second session denied",
];

/// First words of texts, which are no interface.
const MODULES: &[&[u8]] = &[
    b"CCP",
    b"IPCP",
    b"IPV6CP",
    b"LCP",
    b"PAP",
    b"arp",
    b"auth",
    b"backup",
    b"ccp",
    b"chap-md5",
    b"chap-secrets",
    b"cli",
    b"conf_file",
    b"connect",
    b"connlimit",
    b"dhcpv4",
    b"dhcpv6",
    b"dnsv6",
    b"dpado",
    b"ipcp",
    b"ipoe",
    b"ippool",
    b"ipv6",
    b"ipv6_dhcp",
    b"ipv6_nd",
    b"ipv6_pool",
    b"ipv6cp",
    b"ipv6pool",
    b"iprange",
    b"l2tp",
    b"lcp",
    b"limiter",
    b"log",
    b"log-pgsql",
    b"log-tcp",
    b"log_file",
    b"log_syslog",
    b"lua",
    b"main",
    b"metrics",
    b"mppe",
    b"mschap-v1",
    b"mschap-v2",
    b"net-snmp",
    b"pap",
    b"ppp",
    b"pppd_compat",
    b"pppoe",
    b"pptp",
    b"radius",
    b"sbin",
    b"session",
    b"shaper",
    b"sid-case",
    b"sigchld",
    b"snmp",
    b"sstp",
    b"tcp",
    b"telnet",
    b"tr101",
    b"triton",
    b"vlan-mon",
    b"vlan_mon",
];

/// The longest name of a Linux interface.
const INTERFACE_BYTES_MAX: usize = 15;

/// accel-ppp's session numbers are so many hexadecimal digits.
const SESSION_DIGITS: usize = 16;

/// What its coloured files have between interface and text.
const NORMAL_COLOUR: &[u8] = b"\x1b[0;39m";

pub(super) fn cut<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
    let said = SAID_OF_NAMES.iter().find_map(|said| body.strip_suffix(*said));
    if let Some(head) = said {
        named(head, fields);
        return &body[head.len() + 2..];
    }
    let body = session(body, fields).unwrap_or(body);
    tunnel(body, fields)
        .or_else(|| tunnel_session(body, fields))
        .unwrap_or(body)
}

/// Takes apart what stands before a verdict on a name: `ppp0:anna: anna`, `:anna: anna`, `ppp0: anna`, `anna`.
fn named<'a>(head: &'a [u8], fields: &mut Fields<'a>) {
    let Some((interface, after)) = interface(head) else {
        match is_usual_interface(head) {
            true => push(Field::Interface, head, fields),
            false => fields.push((Field::User, Caught::Text(head))),
        }
        return;
    };
    let likely = interface.is_empty() || has_digit(interface);
    let user = if after.is_empty() {
        None
    } else if let Some(name) = after.strip_prefix(b": ") {
        Some(name)
    } else if let Some(rest) = after.strip_prefix(b" ").filter(|_| likely) {
        push(Field::Interface, interface, fields);
        let name = numbered(without_colour(rest), fields);
        fields.push((Field::User, Caught::Text(name)));
        return;
    } else if let Some(name) = doubled(after) {
        Some(name)
    } else if likely {
        Some(after)
    } else {
        fields.push((Field::User, Caught::Text(head)));
        return;
    };
    push(Field::Interface, interface, fields);
    if let Some(user) = user {
        fields.push((Field::User, Caught::Text(user)));
    }
}

/// `anna: anna`: the name as the session has it and as the message says it.
fn doubled(text: &[u8]) -> Option<&[u8]> {
    let half = text.len().checked_sub(2)? / 2;
    let (first, rest) = text.split_at(half);
    (rest.strip_prefix(b": ") == Some(first)).then_some(first)
}

/// The text behind interface and name, or interface and session number.
fn session<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let (interface, after) = interface(body)?;
    if MODULES.contains(&interface) {
        return None;
    }
    if let Some(rest) = after.strip_prefix(b" ") {
        if !interface.is_empty() && !has_digit(interface) {
            return None;
        }
        push(Field::Interface, interface, fields);
        return Some(numbered(without_colour(rest), fields));
    }
    // A name that holds `: ` itself cannot be told from the text behind it; what is left then fits no message.
    let end = memmem::find(after, b": ")?;
    push(Field::Interface, interface, fields);
    push(Field::User, &after[..end], fields);
    Some(&after[end + 2..])
}

/// The text behind a session number, which is empty as long as there is no session.
fn numbered<'a>(text: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
    if let Some(rest) = text.strip_prefix(b": ") {
        return rest;
    }
    if let Some((number, rest)) = text.split_at_checked(SESSION_DIGITS)
        && let Some(rest) = rest.strip_prefix(b": ")
        && number.iter().all(u8::is_ascii_hexdigit)
    {
        fields.push((Field::Connection, Caught::Text(number)));
        return rest;
    }
    text
}

/// `l2tp tunnel 12-34 (203.0.113.9:1701): text`: our number, the peer's, its address.
fn tunnel<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let rest = body.strip_prefix(b"l2tp tunnel ")?;
    let (numbers, rest) = rest.split_at(memmem::find(rest, b" (")?);
    let (local, peer) = pair(numbers)?;
    let rest = &rest[2..];
    let end = memmem::find(rest, b"): ")?;
    let colon = memchr::memrchr(b':', &rest[..end])?;
    let facts = [
        (Field::TunnelId, Caught::Int(local)),
        (Field::PeerTunnelId, Caught::Int(peer)),
        (Field::ClientIp, Caught::Ip(parse_ip(&rest[..colon])?)),
        (Field::ClientPort, Caught::Int(parse_int(&rest[colon + 1..end])?)),
    ];
    fields.extend(facts);
    Some(&rest[end + 3..])
}

/// `l2tp session 12-34, 56-78: text`: the tunnel's numbers and the session's, ours first.
fn tunnel_session<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let rest = body.strip_prefix(b"l2tp session ")?;
    let end = memmem::find(rest, b": ")?;
    let comma = memmem::find(&rest[..end], b", ")?;
    let (tunnel, peer_tunnel) = pair(&rest[..comma])?;
    let (session, peer_session) = pair(&rest[comma + 2..end])?;
    let facts = [
        (Field::TunnelId, Caught::Int(tunnel)),
        (Field::PeerTunnelId, Caught::Int(peer_tunnel)),
        (Field::SessionId, Caught::Int(session)),
        (Field::PeerCallId, Caught::Int(peer_session)),
    ];
    fields.extend(facts);
    Some(&rest[end + 2..])
}

/// `12-34`.
fn pair(text: &[u8]) -> Option<(i64, i64)> {
    let dash = memchr::memchr(b'-', text)?;
    Some((parse_int(&text[..dash])?, parse_int(&text[dash + 1..])?))
}

/// A possibly empty interface name, and what follows its colon.
fn interface(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'@' | b'/');
    let end = text.iter().take_while(|byte| name(byte)).count();
    (end <= INTERFACE_BYTES_MAX && text.get(end) == Some(&b':')).then(|| (&text[..end], &text[end + 1..]))
}

/// `ppp0` and its kin, which nobody has for a name.
fn is_usual_interface(text: &[u8]) -> bool {
    const KINDS: &[&[u8]] = &[b"ipoe", b"l2tp", b"ppp", b"pppoe", b"pptp", b"sstp"];
    KINDS.iter().any(|kind| {
        let number = text.strip_prefix(*kind).unwrap_or_default();
        !number.is_empty() && number.iter().all(u8::is_ascii_digit)
    })
}

fn has_digit(text: &[u8]) -> bool {
    text.iter().any(u8::is_ascii_digit)
}

fn without_colour(text: &[u8]) -> &[u8] {
    text.strip_prefix(NORMAL_COLOUR).unwrap_or(text)
}

/// An empty interface or name is none.
fn push<'a>(field: Field, text: &'a [u8], fields: &mut Fields<'a>) {
    if !text.is_empty() {
        fields.push((field, Caught::Text(text)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> String {
        let mut fields = Vec::new();
        let rest = String::from_utf8_lossy(cut(body.as_bytes(), &mut fields)).into_owned();
        let facts = fields.iter().map(|(field, caught)| match caught {
            Caught::Text(text) => format!("{}={}", field.word(), String::from_utf8_lossy(text)),
            Caught::Ip(address) => format!("{}={address}", field.word()),
            Caught::Int(number) => format!("{}={number}", field.word()),
            other => format!("{}={other:?}", field.word()),
        });
        format!("{} | {rest}", facts.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn each_writer_has_its_form() {
        assert_eq!(read("ppp0:anna: terminate"), "interface=ppp0 user=anna | terminate");
        assert_eq!(read(":: terminate"), " | terminate");
        assert_eq!(read(":anna: terminate"), "user=anna | terminate");
        assert_eq!(read("ppp0: terminate"), "interface=ppp0 | terminate");
        assert_eq!(read(": terminate"), " | terminate");
        assert_eq!(
            read("ppp0: da66f165863aaaac: auth: x"),
            "interface=ppp0 connection=da66f165863aaaac | auth: x"
        );
        assert_eq!(read(": : recv [LCP]"), " | recv [LCP]");
        assert_eq!(read("ppp0: \x1b[0;39mterminate"), "interface=ppp0 | terminate");
        assert_eq!(
            read("l2tp tunnel 1-22 (203.0.113.9:1701): sending HELLO"),
            "tunnel_id=1 peer_tunnel_id=22 client_ip=203.0.113.9 client_port=1701 | sending HELLO"
        );
        assert_eq!(
            read("l2tp session 1-22, 3-44: handling ICCN"),
            "tunnel_id=1 peer_tunnel_id=22 session_id=3 peer_call_id=44 | handling ICCN"
        );
    }

    #[test]
    fn words_of_the_text_are_no_interface() {
        for body in [
            "pptp: new connection from 203.0.113.9",
            "mschap-v2: user not found",
            "IPV6CP: discarding packet",
            "radius:acct: no servers available, terminating session...",
            "l2tp tunnel without numbers: x",
        ] {
            assert_eq!(read(body), format!(" | {body}"));
        }
    }

    #[test]
    fn a_name_is_told_from_the_right() {
        let failed = "authentication failed";
        let all = [
            ("ppp0:anna: anna", "interface=ppp0 user=anna"),
            (":anna: anna", "user=anna"),
            (":: anna", "user=anna"),
            ("ppp7: bob 1: x", "interface=ppp7 user=bob 1: x"),
            (": 0123456789abcdef: anna", "connection=0123456789abcdef user=anna"),
            ("anna", "user=anna"),
            (
                ":x: connect: ppp9 <--> pptp(192.0.2.1): x: connect: ppp9 <--> pptp(192.0.2.1)",
                "user=x: connect: ppp9 <--> pptp(192.0.2.1)",
            ),
            ("connect: ppp9 <--> y", "user=connect: ppp9 <--> y"),
            (":: ", "user="),
            ("", "user="),
            (":", ""),
            ("ppp0:", "interface=ppp0"),
            ("ppp0", "interface=ppp0"),
        ];
        for (head, facts) in all {
            assert_eq!(read(&format!("{head}: {failed}")), format!("{facts} | {failed}"));
        }
        assert_eq!(
            read(":: anna: second session denied"),
            "user=anna | second session denied"
        );
    }
}
