//! SoftEther VPN Server: local time with milliseconds and no program tag; and Windows' `pfirewall.log`, whose stamp looks
//! alike.

use super::header::Header;
use super::tag;

/// The name under which records of SoftEther go.
pub(crate) const APP: &[u8] = b"softether";

/// What follows `2025-11-19 10:00:00.123 ` or `2025-11-19 10:00:00 `; `digits` are those of the fraction.
pub(crate) fn after_stamp<'a>(text: &'a [u8], digits: usize, stamped: Header<'a>) -> Option<Header<'a>> {
    if digits == 0 {
        return pfirewall(text).then_some(Header {
            app: b"pfirewall",
            body: text,
            ..stamped
        });
    }
    if digits != 3 {
        return None;
    }
    let mut words = text.split(|byte| *byte == b' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let module = second == b"Module:"; // `IPsec Module: `, which is no host and tag
    let generic = tag::is_tag(first) || (tag::is_tag(second) && !module);
    (!generic
        && first
            .first()
            .is_some_and(|byte| byte.is_ascii_uppercase() || *byte == b'['))
    .then_some(Header {
        app: APP,
        body: text,
        ..stamped
    })
}

/// SoftEther's own syslog: `[server/VPN/hub] (2025-11-19 10:00:00.123) <SECURITY_LOG>: text` behind stamp and host.
pub(crate) fn via_syslog<'a>(text: &'a [u8], stamped: Header<'a>) -> Option<Header<'a>> {
    if text.first() != Some(&b'[') {
        return None;
    }
    let marks: [&[u8]; 3] = [b"<SECURITY_LOG>: ", b"<SERVER_LOG>: ", b"<PACKET_LOG>: "];
    let body = marks.iter().find_map(|mark| {
        let at = memchr::memmem::find(&text[..text.len().min(512)], mark)?;
        Some(&text[at + mark.len()..])
    })?;
    Some(Header {
        app: APP,
        body,
        ..stamped
    })
}

fn pfirewall(text: &[u8]) -> bool {
    let actions: [&[u8]; 6] = [
        b"DROP ",
        b"ALLOW ",
        b"OPEN ",
        b"CLOSE ",
        b"OPEN-INBOUND ",
        b"INFO-EVENTS-LOST ",
    ];
    actions.iter().any(|action| text.starts_with(action))
}
