//! Kiwi Syslog and WinSyslog on Windows: `2010-12-15 15:00:25<tab>Local0.Info<tab>192.0.2.1<tab>message`.

use tunlog_model::Severity;

/// What stands behind the stamp's tab: level, host, and the message as it came.
pub(crate) fn split(text: &[u8]) -> Option<(Severity, &[u8], &[u8])> {
    let mut parts = text.splitn(3, |byte| *byte == b'\t');
    let (priority, host, message) = (parts.next()?, parts.next()?, parts.next()?);
    let dot = priority.iter().take(16).position(|byte| *byte == b'.')?;
    let number = match &*priority[dot + 1..].to_ascii_lowercase() {
        b"emerg" | b"emergency" => 0,
        b"alert" => 1,
        b"crit" | b"critical" => 2,
        b"err" | b"error" => 3,
        b"warn" | b"warning" => 4,
        b"notice" => 5,
        b"info" => 6,
        b"debug" => 7,
        _ => return None,
    };
    let is_facility = dot > 0 && priority[..dot].iter().all(u8::is_ascii_alphanumeric);
    is_facility.then(|| {
        (
            Severity::from_number(number),
            host.trim_ascii(),
            message.trim_ascii_start(),
        )
    })
}
