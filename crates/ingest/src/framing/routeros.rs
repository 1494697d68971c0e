//! RouterOS: `topic,topic message`, `topic, topic | message`, exports of two lines, `time=… topics=…` and `message=…`, and
//! the Common Event Format that its remote logging offers since 7.18.

use super::header::{Header, trim_start};
use super::stamp;
use tunlog_model::Stamp;

/// The name under which records of RouterOS go that a VPN may concern.
const APP: &[u8] = b"routeros";

/// The name of its other records: most of a router's log is of other things.
const OTHER: &[u8] = b"routeros-other";

/// The name of records of other tunnels and services, which say the same words as PPTP and L2TP.
const ELSEWHERE: &[u8] = b"routeros-elsewhere";

/// The name for a line of these topics (with commas between them).
pub(crate) fn app_of(topics: &[u8]) -> &'static [u8] {
    const OURS: &[&[u8]] = &[b"firewall", b"ipsec", b"l2tp", b"ppp", b"pptp", b"radius"];
    const FOREIGN: &[&[u8]] = &[b"async", b"hotspot", b"ovpn", b"pppoe", b"sstp", b"wireless"];
    let mut app = OTHER;
    for topic in topics.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        if FOREIGN.contains(&topic) {
            return ELSEWHERE;
        }
        if OURS.contains(&topic) {
            app = APP;
        }
    }
    app
}

const TOPICS: &[&[u8]] = &[
    b"account",
    b"async",
    b"backup",
    b"bfd",
    b"bgp",
    b"bridge",
    b"calc",
    b"caps",
    b"certificate",
    b"container",
    b"critical",
    b"ddns",
    b"debug",
    b"dhcp",
    b"dns",
    b"dot1x",
    b"dude",
    b"e-mail",
    b"error",
    b"event",
    b"fetch",
    b"firewall",
    b"gsm",
    b"health",
    b"hotspot",
    b"igmp-proxy",
    b"info",
    b"interface",
    b"ipsec",
    b"iscsi",
    b"isdn",
    b"kvm",
    b"l2tp",
    b"ldp",
    b"lora",
    b"lte",
    b"manager",
    b"mme",
    b"mpls",
    b"mqtt",
    b"ntp",
    b"ospf",
    b"ovpn",
    b"packet",
    b"pim",
    b"poe-out",
    b"ppp",
    b"pppoe",
    b"pptp",
    b"ptp",
    b"queue",
    b"radius",
    b"radvd",
    b"raw",
    b"read",
    b"rip",
    b"route",
    b"rpki",
    b"rsvp",
    b"script",
    b"sertcp",
    b"simulator",
    b"smb",
    b"snmp",
    b"ssh",
    b"ssld",
    b"sstp",
    b"state",
    b"store",
    b"stp",
    b"system",
    b"telephony",
    b"tftp",
    b"timer",
    b"tr069",
    b"update",
    b"ups",
    b"vpls",
    b"vrrp",
    b"warning",
    b"watchdog",
    b"web-proxy",
    b"wireguard",
    b"wireless",
    b"write",
    b"zerotier",
];

/// A line that begins with topics. The body is topics and message with one blank between, whatever the form.
pub(crate) fn topics(text: &[u8]) -> Option<Header<'_>> {
    let mut at = 0;
    let mut count = 0;
    loop {
        let len = text[at..]
            .iter()
            .take(16)
            .take_while(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'0'..=b'9'))
            .count();
        // nearly every line that is asked about begins with another word than a topic: look behind it first
        let alone = count == 0 && !matches!(&text[at + len..], [b',', ..] | [b' ', b'|', b' ', ..]);
        if len == 0 || alone || !TOPICS.contains(&&text[at..at + len]) {
            return None;
        }
        count += 1;
        at += len;
        match &text[at..] {
            [b',', b' ', ..] => at += 2,
            [b',', ..] => at += 1,
            [b' ', b'|', b' ', ..] => break,
            [b' ' | b'\t', ..] | [b':', b' ', ..] if count > 1 => break,
            _ => return None,
        }
    }
    Some(Header {
        app: app_of(&text[..at]),
        ..Header::of_body(text)
    })
}

/// `CEF:0|MikroTik|RB5009|7.18.2 (stable)|23|l2tp,ppp,info|Low|dvchost=gw dvc=192.0.2.1 msg=…`: the message, which stands
/// last, and the topics, which are the event's name.
pub(crate) fn cef(text: &[u8]) -> Option<Header<'_>> {
    let rest = text.strip_prefix(b"CEF:0|MikroTik|")?;
    let mut parts = rest.splitn(6, |byte| *byte == b'|');
    let (topics, extension) = (parts.nth(3)?, parts.nth(1)?);
    let at = memchr::memmem::find(extension, b"msg=")?;
    let host = memchr::memmem::find(&extension[..at], b"dvchost=").map_or(&b""[..], |name| {
        extension[name + 8..at]
            .split(|byte| *byte == b' ')
            .next()
            .unwrap_or_default()
    });
    Some(Header {
        app: app_of(topics),
        host,
        ..Header::of_body(&extension[at + 4..])
    })
}

/// What follows a RouterOS time.
pub(crate) fn after_time<'a>(rest: &'a [u8], stamped: Header<'a>) -> Option<Header<'a>> {
    let text = trim_start(rest);
    if text.len() == rest.len() {
        return None;
    }
    // WinBox names the buffer between time and topics
    let buffers: [&[u8]; 3] = [b"memory", b"disk", b"echo"];
    let buffer = buffers.into_iter().find_map(|name| text.strip_prefix(name));
    let text = buffer
        .map(trim_start)
        .filter(|after| topics(after).is_some())
        .unwrap_or(text);
    let header = topics(text)?;
    Some(Header {
        app: header.app,
        body: header.body,
        ..stamped
    })
}

/// The first line of a pair: `time=nov/19 10:00:00 topics=l2tp,info`, with the message behind or on the next line.
pub(crate) struct Pair<'a> {
    pub stamp: Stamp,
    pub topics: &'a [u8],
    pub message: &'a [u8],
}

/// Reads the first line of a pair.
pub(crate) fn pair(line: &[u8]) -> Option<Pair<'_>> {
    let text = trim_start(line);
    let rest = text.strip_prefix(b"time=")?;
    let at = memchr::memmem::find(rest, b" topics=")?;
    let time = unquoted(&rest[..at]);
    let stamp = stamp::at_start(time).map_or(Stamp::Missing, |hit| hit.stamp);
    let rest = &rest[at + 8..];
    let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
    let message = message(&rest[end..]).unwrap_or_default();
    Some(Pair {
        stamp,
        topics: unquoted(&rest[..end]),
        message,
    })
}

/// `message="…"`.
pub(crate) fn message(line: &[u8]) -> Option<&[u8]> {
    Some(unquoted(trim_start(line).strip_prefix(b"message=")?))
}

fn unquoted(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii_end();
    text.strip_prefix(b"\"")
        .map_or(text, |text| text.strip_suffix(b"\"").unwrap_or(text))
}
