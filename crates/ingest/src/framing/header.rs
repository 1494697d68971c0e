//! The header of one line in any of the spellings of syslog; slow, but called only for a line that does not begin like
//! the one before it.

use tunlog_model::{Civil, Severity, Stamp};

use super::stamp::{self, Hit, Kind};
use super::{accel_ppp, cisco, efw, kiwi, rfc5424, routeros, softether, tag};

/// What stands around a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub stamp: Stamp,
    pub host: &'a [u8],
    pub app: &'a [u8],
    pub pid: u32,
    pub severity: Option<Severity>,
    pub body: &'a [u8],
    /// Whether the line had a stamp (be it a damaged one).
    pub stamped: bool,
    /// For a line of the plain form stamp, blank, host, blank, tag: where the tag begins and how the stamp was written.
    pub plain: Option<(usize, Kind)>,
}

impl<'a> Header<'a> {
    pub(crate) fn of_body(body: &'a [u8]) -> Header<'a> {
        Header {
            stamp: Stamp::Missing,
            host: b"",
            app: b"",
            pid: 0,
            severity: None,
            body,
            stamped: false,
            plain: None,
        }
    }

    fn tagged(text: &'a [u8]) -> Header<'a> {
        let tag = tag::read(text);
        Header {
            app: tag.app,
            pid: tag.pid,
            ..Header::of_body(tag.body)
        }
    }
}

/// Prefixes in front of a header that are peeled, one after the other.
const PREFIXES_MAX: usize = 4;

/// Reads the header of a line; None if it has none.
pub(crate) fn read(line: &[u8]) -> Option<Header<'_>> {
    peeled(accel_ppp::uncoloured(line), 0)
}

fn peeled(line: &[u8], depth: usize) -> Option<Header<'_>> {
    if depth > PREFIXES_MAX {
        return None;
    }
    let blanks = line.iter().take_while(|byte| **byte == b' ').count();
    if blanks > 0 {
        return peeled(&line[blanks..], depth + 1);
    }
    if let Some(header) = cisco::read(line) {
        return Some(header);
    }
    if let Some((severity, rest)) = priority(line) {
        let header = rfc5424::read(rest)
            .map(|header| cisco_inside(header).unwrap_or(header))
            .or_else(|| peeled(rest, depth + 1))
            .unwrap_or_else(|| Header::tagged(rest));
        return Some(Header {
            severity: severity.or(header.severity),
            plain: None,
            ..header
        });
    }
    if let Some(header) = firewall(line) {
        return Some(header);
    }
    if let Some(hit) = stamp::at_start(line) {
        let header = after_stamp(line, hit, depth)?;
        return Some(if depth > 0 {
            Header { plain: None, ..header }
        } else {
            header
        });
    }
    if let Some(header) = rfc5424::read(line) {
        return Some(header);
    }
    if let Some(header) = routeros::topics(line).or_else(|| routeros::cef(line)) {
        return Some(header);
    }
    if let Some(rest) = compose_prefix(line) {
        return Some(peeled(rest, depth + 1).unwrap_or_else(|| Header::tagged(rest)));
    }
    if let Some(rest) = quoted_prefix(line).or_else(|| octet_count(line)) {
        return peeled(rest, depth + 1).filter(|header| header.stamped);
    }
    if let Some(rest) = path_prefix(line) {
        return peeled(rest, depth + 1).filter(|header| header.stamped);
    }
    bare_tag(line)
}

/// A firewall's own stamp and tag, perhaps behind a damaged priority.
fn firewall(line: &[u8]) -> Option<Header<'_>> {
    let text = efw::behind_damaged_priority(line).or_else(|| line.starts_with(b"[").then_some(line))?;
    let (stamp, body) = efw::stamped(text)?;
    Some(Header {
        stamp,
        app: efw::APP,
        stamped: true,
        ..Header::of_body(body)
    })
}

/// A Cisco device's message behind a header of RFC 5424 that names no program.
fn cisco_inside(header: Header<'_>) -> Option<Header<'_>> {
    let inner = cisco::read(header.body).filter(|_| header.app.is_empty())?;
    Some(Header {
        stamp: header.stamp,
        host: header.host,
        stamped: true,
        ..inner
    })
}

/// `<30>`: the severity and the rest. A number beyond 191 is no priority, but the line may still have a header.
fn priority(line: &[u8]) -> Option<(Option<Severity>, &[u8])> {
    let rest = line.strip_prefix(b"<")?;
    let digits = rest.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || rest.get(digits) != Some(&b'>') {
        return None;
    }
    let value = rest[..digits]
        .iter()
        .fold(0_u64, |sum, byte| sum * 10 + u64::from(byte - b'0'));
    let severity = (value <= 191 && digits <= 3).then(|| Severity::from_number((value % 8) as u8));
    Some((severity, &rest[digits + 1..]))
}

/// What follows a stamp: host, facility and level, tag, in the orders that daemons have found for them.
fn after_stamp(line: &[u8], hit: Hit, depth: usize) -> Option<Header<'_>> {
    let rest = &line[hit.len..];
    let stamped = Header {
        stamp: hit.stamp,
        stamped: true,
        ..Header::of_body(rest)
    };
    match hit.kind {
        Kind::Uptime => return after_uptime(rest, stamped),
        Kind::Bracketed if depth == 0 && !names_a_process(trim_start(rest)) => {
            return Some(accel_ppp::after_stamp(rest, stamped));
        }
        Kind::BracketedCtime => {
            return Some(Header {
                app: b"kernel",
                body: trim_start(rest),
                ..stamped
            });
        }
        Kind::RouterOs => return routeros::after_time(rest, stamped),
        Kind::Ctime => {
            if let Some(body) = rest.strip_prefix(b" : ").or_else(|| rest.strip_prefix(b": ")) {
                return Some(Header {
                    app: b"radiusd",
                    body,
                    ..stamped
                });
            }
        }
        _ => {}
    }
    let rest = match rest {
        [b':', b' ', ..] => &rest[1..],
        _ => rest,
    };
    if !matches!(rest.first(), None | Some(b' ' | b'\t')) {
        return None;
    }
    let text = trim_start(rest);
    if rest.starts_with(b"\t")
        && let Some((severity, host, message)) = kiwi::split(text)
    {
        return Some(Header {
            host,
            severity: Some(severity),
            ..inside(message, hit.stamp, depth)
        });
    }
    if let Some(written) = container(text) {
        return Some(inside(written, hit.stamp, depth));
    }
    if let Kind::Spaced { digits } = hit.kind
        && let Some(header) = softether::after_stamp(text, digits, stamped)
    {
        return Some(header);
    }
    if let Some(inner) = nested(text, depth) {
        return Some(Header {
            stamp: outer_or(hit.stamp, inner.stamp),
            plain: None,
            ..inner
        });
    }
    let text = if hit.kind == Kind::Full { skip_zone(text) } else { text };
    let single = rest.len() == text.len() + 1 && rest.starts_with(b" ");
    let header = after_blank(text, stamped);
    let plain = match header.plain {
        Some((at, _)) if single => Some((hit.len + 1 + at, hit.kind)),
        _ => None,
    };
    Some(Header { plain, ..header })
}

/// What a program wrote, behind the stamp of whoever took it from there.
fn inside(written: &[u8], outer: Stamp, depth: usize) -> Header<'_> {
    let inner = peeled(written, depth + 1).unwrap_or_else(|| Header::tagged(written));
    Header {
        plain: None,
        stamped: true,
        stamp: outer_or(outer, inner.stamp),
        ..inner
    }
}

/// `stdout F `, `stderr P `: what a container runtime writes between its stamp and what the container wrote (the log files of
/// Kubernetes: CRI).
fn container(text: &[u8]) -> Option<&[u8]> {
    let rest = text.strip_prefix(b"std")?;
    let rest = rest.strip_prefix(b"out ").or_else(|| rest.strip_prefix(b"err "))?;
    rest.strip_prefix(b"F ").or_else(|| rest.strip_prefix(b"P "))
}

/// A collector's stamp in front of the writer's own: the collector's says more if it knows zone or year.
fn outer_or(outer: Stamp, inner: Stamp) -> Stamp {
    let says_more = matches!(outer, Stamp::Instant(_) | Stamp::Civil(Civil { year: Some(_), .. }));
    match inner {
        Stamp::Missing => outer,
        inner if says_more && !matches!(inner, Stamp::Instant(_)) => outer,
        inner => inner,
    }
}

/// Host and tag. `plain` of the answer is where the tag begins, if a host and a tag is all there is.
fn after_blank<'a>(text: &'a [u8], stamped: Header<'a>) -> Header<'a> {
    let (text, severity) = facility_level(text);
    let stamped = Header { severity, ..stamped };
    let end = text
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\t'))
        .unwrap_or(text.len());
    let word = &text[..end];
    if is_address_with_colon(word) {
        let tag = tag::read(trim_start(&text[end..]));
        return Header {
            host: strip_angles(&word[..word.len() - 1]),
            app: tag.app,
            pid: tag.pid,
            body: tag.body,
            ..stamped
        };
    }
    if tag::is_tag(word) || text.starts_with(b"last message repeated ") || text.starts_with(b"-- ") {
        let tag = tag::read(text);
        return Header {
            app: tag.app,
            pid: tag.pid,
            body: tag.body,
            ..stamped
        };
    }
    if let Some(header) = routeros::topics(text).or_else(|| routeros::cef(text)) {
        return Header {
            app: header.app,
            body: header.body,
            ..stamped
        };
    }
    let after = trim_start(&text[end..]);
    for (host, text) in [(&b""[..], text), (word, after)] {
        if let Some((stamp, body)) = text.starts_with(b"[").then(|| efw::stamped(text)).flatten() {
            return Header {
                stamp: outer_or(stamped.stamp, stamp),
                host,
                app: efw::APP,
                body,
                ..stamped
            };
        }
    }
    if let Some(header) = softether::via_syslog(after, Header { host: word, ..stamped }) {
        return header;
    }
    if let Some(topics) = routeros::topics(after).or_else(|| routeros::cef(after)) {
        return Header {
            host: word,
            app: topics.app,
            body: topics.body,
            ..stamped
        };
    }
    let (behind, level) = facility_level(after);
    let tag = tag::read(behind);
    let plain =
        (level.is_none() && severity.is_none() && text.len() - after.len() == end + 1).then_some((end + 1, Kind::Bsd));
    Header {
        host: strip_angles(word),
        app: tag.app,
        pid: tag.pid,
        body: tag.body,
        severity: level.or(severity),
        plain,
        ..stamped
    }
}

/// Whether host and `tag[pid]`, or the tag alone, follow; accel-ppp's own log has neither.
fn names_a_process(text: &[u8]) -> bool {
    text.splitn(3, |byte| *byte == b' ')
        .take(2)
        .any(|word| word.contains(&b'[') && tag::is_tag(word))
}

/// Kernel ring buffer, or `journalctl -o short-monotonic`, which has host and tag behind the same stamp.
fn after_uptime<'a>(rest: &'a [u8], stamped: Header<'a>) -> Option<Header<'a>> {
    let text = rest.strip_prefix(b" ").unwrap_or(rest);
    let mut words = text.splitn(3, |byte| *byte == b' ');
    if let (Some(host), Some(word), Some(_)) = (words.next(), words.next(), words.next())
        && tag::is_tag(word)
        && !host.is_empty()
        && !host.ends_with(b":")
        && (word.contains(&b'[') || word == b"kernel:")
    {
        let tag = tag::read(&text[host.len() + 1..]);
        return Some(Header {
            host,
            app: tag.app,
            pid: tag.pid,
            body: tag.body,
            ..stamped
        });
    }
    Some(Header {
        app: b"kernel",
        body: text,
        ..stamped
    })
}

/// A whole header behind a stamp.
fn nested(text: &[u8], depth: usize) -> Option<Header<'_>> {
    let begins = matches!(text.first(), Some(b'<' | b'0'..=b'9' | b'A'..=b'Z'));
    if !begins || depth + 1 > PREFIXES_MAX || (text[0] != b'<' && stamp::at_start(text).is_none()) {
        return None;
    }
    peeled(text, depth + 1).filter(|inner| inner.stamped && !inner.app.is_empty())
}

/// `daemon.info `, `authpriv.warn `: the level, and what follows.
fn facility_level(text: &[u8]) -> (&[u8], Option<Severity>) {
    const FACILITIES: &[&[u8]] = &[
        b"kern",
        b"user",
        b"mail",
        b"daemon",
        b"auth",
        b"syslog",
        b"lpr",
        b"news",
        b"uucp",
        b"cron",
        b"authpriv",
        b"ftp",
        b"ntp",
        b"security",
        b"console",
        b"local0",
        b"local1",
        b"local2",
        b"local3",
        b"local4",
        b"local5",
        b"local6",
        b"local7",
        b"unknown",
    ];
    let end = text.iter().take(24).position(|byte| *byte == b' ');
    let found = end.and_then(|end| {
        let dot = text[..end].iter().position(|byte| *byte == b'.')?;
        let level = level(&text[dot + 1..end])?;
        FACILITIES
            .contains(&&text[..dot])
            .then(|| (trim_start(&text[end..]), Some(level)))
    });
    found.unwrap_or((text, None))
}

fn level(word: &[u8]) -> Option<Severity> {
    let number = match word {
        b"emerg" | b"panic" => 0,
        b"alert" => 1,
        b"crit" => 2,
        b"err" | b"error" => 3,
        b"warn" | b"warning" => 4,
        b"notice" => 5,
        b"info" => 6,
        b"debug" => 7,
        _ => return None,
    };
    Some(Severity::from_number(number))
}

/// `ipsec-vpn-server_1  | `: docker-compose.
fn compose_prefix(line: &[u8]) -> Option<&[u8]> {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let end = line.iter().take(128).take_while(|byte| name(byte)).count();
    let rest = trim_start(&line[end..]);
    let rest = rest.strip_prefix(b"|")?;
    (end > 0 && line.get(end) == Some(&b' ')).then(|| rest.strip_prefix(b" ").unwrap_or(rest))
}

/// `/var/log/syslog.1:Nov 19 …`, `syslog:17:Nov 19 …`, `syslog-Nov 19 …`: grep over several files. Only a line with a
/// stamp right behind it is taken for one.
fn path_prefix(line: &[u8]) -> Option<&[u8]> {
    let mut from = 0;
    while let Some(at) = line[from..]
        .iter()
        .take(256)
        .position(|byte| matches!(byte, b':' | b'-' | b' '))
    {
        let at = from + at;
        if line[at] == b' ' || at == 0 {
            return None;
        }
        let rest = &line[at + 1..];
        let number = rest.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
        let numbered = rest
            .get(number)
            .filter(|byte| number > 0 && **byte == line[at])
            .map(|_| &rest[number + 1..]);
        let begins = |text: &[u8]| text.first() == Some(&b'<') || is_full_stamp(text);
        if begins(rest) {
            return Some(rest);
        }
        if let Some(text) = numbered.filter(|text| begins(text)) {
            return Some(text);
        }
        from = at + 1;
        if from > 256 {
            return None;
        }
    }
    None
}

fn is_full_stamp(text: &[u8]) -> bool {
    stamp::at_start(text).is_some_and(|hit| hit.kind != Kind::RouterOs && hit.kind != Kind::Uptime)
}

/// `[B]`, `[COLOR="Red"]`, `> `: a forum's mark-up.
fn quoted_prefix(line: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = line.strip_prefix(b"> ") {
        return Some(rest);
    }
    let inner = line.strip_prefix(b"[")?;
    let end = inner.iter().take(40).position(|byte| *byte == b']')?;
    inner[0].is_ascii_uppercase().then(|| &inner[end + 1..])
}

/// `36 <30>…`: octet counting of a TCP stream that was written to a file.
fn octet_count(line: &[u8]) -> Option<&[u8]> {
    let digits = line.iter().take(6).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = line[digits..].strip_prefix(b" ")?;
    (digits > 0 && rest.first() == Some(&b'<')).then_some(rest)
}

/// Programs whose tag is believed where neither stamp nor host says that a header is there.
const KNOWN: &[&[u8]] = &[
    efw::APP,
    b"kernel",
    b"pppd",
    b"pptpd",
    b"xl2tpd",
    b"charon",
    b"pluto",
    b"pptpctrl",
];

/// A line that begins with a tag of which there is no doubt: a path, a known daemon, or a name with a pid.
fn bare_tag(line: &[u8]) -> Option<Header<'_>> {
    let end = line
        .iter()
        .take(80)
        .position(|byte| *byte == b' ')
        .unwrap_or(line.len().min(80));
    let word = &line[..end];
    if !tag::is_tag(word) {
        return host_and_tag(word, &line[end..]);
    }
    let header = Header::tagged(line);
    let sure = line[0] == b'/' || word.contains(&b'[') || KNOWN.contains(&header.app);
    (sure && !header.app.is_empty()).then_some(header)
}

/// `gw pptpd[77] text`, `gw last message repeated 3 times`: a line whose stamp was cut off where it was shown. Only the
/// tag of a known daemon, with its process id, tells such a line from prose (charon's `IKE_SA gw[1] established …`).
fn host_and_tag<'a>(host: &'a [u8], rest: &'a [u8]) -> Option<Header<'a>> {
    let text = rest.strip_prefix(b" ")?;
    if !is_host(host) {
        return None;
    }
    if text.starts_with(b"last message repeated ") {
        return Some(Header {
            host,
            ..Header::of_body(text)
        });
    }
    let end = text.iter().take(80).position(|byte| *byte == b' ')?;
    if !text[..end].contains(&b'[') || !tag::is_tag(&text[..end]) {
        return None;
    }
    let header = Header::tagged(text);
    KNOWN.contains(&header.app).then_some(Header { host, ..header })
}

/// Whether a word may be the name or address of a machine.
fn is_host(word: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
    word.first().is_some_and(u8::is_ascii_alphanumeric) && !word.ends_with(b":") && word.iter().all(letter)
}

/// The zone word of `journalctl -o short-full`.
fn skip_zone(text: &[u8]) -> &[u8] {
    let letters = text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    let signed = match text.first() {
        Some(b'+' | b'-') => {
            1 + text[1..]
                .iter()
                .take(4)
                .take_while(|byte| byte.is_ascii_digit())
                .count()
        }
        _ => letters,
    };
    match text.get(signed) {
        Some(b' ') if signed >= 3 => trim_start(&text[signed..]),
        _ => text,
    }
}

/// `<192.0.2.1>:` or `192.0.2.1:`, as collectors write it.
fn is_address_with_colon(word: &[u8]) -> bool {
    let Some(name) = word.strip_suffix(b":") else {
        return false;
    };
    let name = strip_angles(name);
    name.len() >= 7 && name.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

fn strip_angles(word: &[u8]) -> &[u8] {
    word.strip_prefix(b"<")
        .and_then(|word| word.strip_suffix(b">"))
        .unwrap_or(word)
}

pub(crate) fn trim_start(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[blanks..]
}
