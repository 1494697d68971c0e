//! Lines by which syslog daemons and kernels speak of other lines: repeats and losses.

use memchr::memmem;

/// How a daemon says that a message came more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat<'a> {
    /// `last message repeated N times`: N more.
    Last(u64),
    /// rsyslog's `message repeated N times: [ text]`: N of `text`.
    Message(u64, &'a [u8]),
}

/// Reads a repeat marker; a count that is no natural number makes the line an ordinary one.
#[inline]
pub(crate) fn repeat(body: &[u8]) -> Option<Repeat<'_>> {
    match body.first()? {
        b'm' => {
            let rest = body.strip_prefix(b"message repeated ")?;
            let (count, rest) = number(rest)?;
            let rest = rest.strip_prefix(b" times: [")?;
            let text = rest.strip_prefix(b" ").unwrap_or(rest);
            Some(Repeat::Message(count, text.strip_suffix(b"]").unwrap_or(text)))
        }
        b'l' | b'-' | b'L' => {
            let rest = body.strip_prefix(b"--- ").unwrap_or(body);
            let rest = rest
                .strip_prefix(b"last message ")
                .or_else(|| rest.strip_prefix(b"Last message "))?;
            // FreeBSD may name the sender: `last message "…" repeated N times`.
            let rest = rest.strip_prefix(b"repeated ")?;
            let (count, rest) = number(rest)?;
            (rest.starts_with(b" time")).then_some(Repeat::Last(count))
        }
        _ => None,
    }
}

/// More than any log holds: what is counted is added up, and kept in signed words of 64 bits.
const COUNT_MAX: u64 = 1 << 48;

/// A natural number; too large a one is the largest.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let len = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = text[..len].iter().fold(0_u64, |sum, byte| {
        sum.saturating_mul(10).saturating_add(u64::from(byte - b'0'))
    });
    (len > 0).then_some((value.min(COUNT_MAX), &text[len..]))
}

/// Whether lines of this program may be loss markers.
#[inline]
pub(crate) fn may_tell_loss(app: &[u8]) -> bool {
    matches!(app.first(), Some(b'k' | b'r' | b's' | b'a' | b'j')) && tells_loss(app)
}

fn tells_loss(app: &[u8]) -> bool {
    matches!(
        app,
        b"kernel" | b"rsyslogd" | b"systemd-journald" | b"systemd-journal" | b"syslog-ng" | b"auditd" | b"journal"
    )
}

/// How many records a marker says were lost; the inner None: it does not say.
pub(crate) fn loss(app: &[u8], body: &[u8]) -> Option<Option<u64>> {
    match app {
        b"kernel" => kernel_loss(body),
        b"rsyslogd" => rsyslog_loss(body),
        b"systemd-journald" | b"systemd-journal" | b"journal" => {
            let rest = body
                .strip_prefix(b"Suppressed ")
                .or_else(|| body.strip_prefix(b"Missed "))?;
            let (count, rest) = number(rest)?;
            (rest.starts_with(b" messages") || rest.starts_with(b" kernel messages")).then_some(Some(count))
        }
        b"syslog-ng" => {
            let at = memmem::find(body, b"dropped=")?;
            let (count, _) = number(body[at + 8..].strip_prefix(b"'").unwrap_or(&body[at + 8..]))?;
            (count > 0).then_some(Some(count))
        }
        b"auditd" => memmem::find(body, b"queue is full").map(|_| None),
        _ => None,
    }
}

/// Looks at the end first: rsyslogd also writes many other lines.
fn rsyslog_loss(body: &[u8]) -> Option<Option<u64>> {
    let body = super::cutter::trim_end(body);
    if body.ends_with(b"begin to drop messages due to rate-limiting") {
        return Some(None);
    }
    if let Some(head) = body.strip_suffix(b" messages lost") {
        return Some(number_before(body, head.len()));
    }
    if !body.ends_with(b" seconds)") {
        return None;
    }
    let at = memmem::find(body, b" messages lost due to rate-limiting")?;
    Some(number_before(body, at))
}

/// No search through the line: this is asked of every line of a packet filter.
fn kernel_loss(body: &[u8]) -> Option<Option<u64>> {
    let body = super::cutter::trim_end(body);
    if let Some(head) = body.strip_suffix(b" callbacks suppressed") {
        return Some(number_before(body, head.len()));
    }
    let text = match body {
        [b'[', ..] => body
            .iter()
            .take(24)
            .position(|byte| *byte == b']')
            .map_or(body, |at| &body[at + 1..]),
        _ => body,
    };
    let text = text.strip_prefix(b" ").unwrap_or(text);
    if let Some(rest) = text.strip_prefix(b"** ") {
        let (count, rest) = number(rest)?;
        return rest.starts_with(b" printk messages dropped").then_some(Some(count));
    }
    let rest = text.strip_prefix(b"audit: audit_")?;
    if let Some(rest) = rest.strip_prefix(b"lost=") {
        return Some(number(rest).map(|(count, _)| count));
    }
    rest.starts_with(b"backlog=").then_some(None)
}

fn number_before(body: &[u8], at: usize) -> Option<u64> {
    let start = body[..at]
        .iter()
        .rposition(|byte| !byte.is_ascii_digit())
        .map_or(0, |at| at + 1);
    number(&body[start..at]).map(|(count, _)| count)
}
