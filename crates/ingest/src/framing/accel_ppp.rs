//! accel-ppp's own files: `[2025-11-19 10:00:00]:  info: ppp0: text` (log-file, per-session and per-user files, log-fail-file,
//! log-tcp), perhaps coloured, and `[2025-11-19 10:00:00.123] ppp0: 0123456789abcdef: text` (log-debug).
//! Source: accel-pppd/logs/log_file.c, log_tcp.c, log.c `write_msg`.

use tunlog_model::Severity;

use super::header::{Header, trim_start};

/// The name under which its records go: what it calls itself in syslog.
const APP: &[u8] = b"accel-pppd";

/// Its levels as they stand in a file, and syslog's numbers of them.
const LEVELS: &[(&[u8], u8)] = &[
    (b"  msg: ", 5),
    (b"error: ", 3),
    (b" warn: ", 4),
    (b" info: ", 6),
    (b"debug: ", 7),
];

/// What a coloured file has behind the level where no interface follows.
const NORMAL_COLOUR: &[u8] = b"\x1b[0;39m";

/// What follows the stamp in brackets.
pub(crate) fn after_stamp<'a>(rest: &'a [u8], stamped: Header<'a>) -> Header<'a> {
    let level = rest.strip_prefix(b": ").and_then(|text| {
        let known = |(word, number): &(&[u8], u8)| Some((text.strip_prefix(*word)?, *number));
        LEVELS.iter().find_map(known)
    });
    let (body, severity) = match level {
        Some((text, number)) => (text, Some(Severity::from_number(number))),
        None => (trim_start(rest), None),
    };
    Header {
        app: APP,
        body: body.strip_prefix(NORMAL_COLOUR).unwrap_or(body),
        severity,
        ..stamped
    }
}

/// A line without the colour in front of its stamp.
pub(crate) fn uncoloured(line: &[u8]) -> &[u8] {
    let [0x1b, b'[', rest @ ..] = line else { return line };
    let digits = rest
        .iter()
        .take_while(|byte| byte.is_ascii_digit() || **byte == b';')
        .count();
    match &rest[digits..] {
        [b'm', stamped @ ..] if stamped.first() == Some(&b'[') => stamped,
        _ => line,
    }
}
