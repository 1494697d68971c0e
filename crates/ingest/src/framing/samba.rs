//! Samba's own log files: a line with time, level and place of the source, then the message, every line of it two blanks in.
//!
//! `[2026/11/21 10:00:00.123456,  2, pid=4711] ../../source3/winbindd/winbindd_pam.c:2345(winbind_dual_SamLogon)`
//!
//! A message holds what clients send, line ends too, and Samba puts its two blanks before each line of it. So only the first
//! line is a message; what follows belongs to it, whatever it looks like.

use tunlog_model::{Civil, Severity, Stamp};

/// A message that is being read.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub stamp: Stamp,
    pub severity: Option<Severity>,
    pub app: &'a [u8],
    pub pid: u32,
    /// Where its first line begins in the chunk, and that line's number.
    pub start: usize,
    pub line: u64,
    /// Its message was handed out.
    pub told: bool,
}

/// The longest head: it is written by Samba alone, and holds a path and the name of a function.
const HEAD_MAX: usize = 512;

/// Whether a line is the head of a message and nothing else.
pub(crate) fn is_head(line: &[u8]) -> bool {
    head(line).is_some()
}

/// Whether a line goes on with the message of a head.
pub(crate) fn continues(line: &[u8]) -> bool {
    line.starts_with(b"  ")
}

impl<'a> Block<'a> {
    /// Begins a block with a line at `start`.
    pub(crate) fn begin(line: &'a [u8], start: usize, number: u64) -> Option<Block<'a>> {
        Some(Block {
            start,
            line: number,
            ..head(line)?
        })
    }
}

fn head(line: &[u8]) -> Option<Block<'_>> {
    // nearly every line is told apart by its first byte
    let inner = line.strip_prefix(b"[").filter(|_| line.len() <= HEAD_MAX)?;
    let close = memchr::memchr(b']', inner)?;
    let mut parts = inner[..close].split(|byte| *byte == b',');
    let stamp = stamp(parts.next()?)?;
    let level = number(parts.next()?.trim_ascii())?;
    let pid = parts
        .filter_map(|part| part.trim_ascii().strip_prefix(b"pid="))
        .find_map(number);
    Some(Block {
        stamp: Stamp::Civil(stamp),
        severity: Some(severity(level)),
        app: program(inner[close + 1..].strip_prefix(b" ")?)?,
        pid: pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default(),
        start: 0,
        line: 0,
        told: false,
    })
}

/// `2026/11/21 10:00:00`, since 3.4 with a fraction.
fn stamp(text: &[u8]) -> Option<Civil> {
    let (whole, fraction) = text.split_at_checked(19)?;
    let part = |from: usize, len: usize| number(whole.get(from..from + len)?);
    let marks = [(4, b'/'), (7, b'/'), (10, b' '), (13, b':'), (16, b':')];
    let marked = marks.iter().all(|(at, mark)| whole[*at] == *mark);
    let (month, day) = (part(5, 2)?, part(8, 2)?);
    let (hour, minute, second) = (part(11, 2)?, part(14, 2)?, part(17, 2)?);
    let valid =
        marked && (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    let micros = match fraction.split_first() {
        None => Some(0),
        Some((b'.', digits)) if digits.len() == 6 => number(digits),
        Some(_) => None,
    };
    Some(Civil {
        year: Some(i16::try_from(part(0, 4)?).ok()?),
        month: u8::try_from(month).ok()?,
        day: u8::try_from(day).ok()?,
        second: u32::try_from(hour * 3600 + minute * 60 + second).ok()?,
        micros: u32::try_from(micros?).ok()?,
    })
    .filter(|_| valid)
}

/// Who writes, as far as `../../source3/winbindd/winbindd_pam.c:2345(function)` tells: the file's name is not in it, and what
/// several programs share is Samba's.
fn program(place: &[u8]) -> Option<&'static [u8]> {
    let colon = memchr::memchr(b':', place)?;
    let (path, rest) = place.split_at(colon);
    let open = memchr::memchr(b'(', rest)?;
    number(rest.get(1..open)?)?;
    let whole = rest.trim_ascii_end().ends_with(b")") && !path.contains(&b' ') && path.ends_with(b".c");
    let winbind = path.split(|byte| *byte == b'/').any(|folder| folder == b"winbindd");
    whole.then_some(if winbind { b"winbindd" } else { b"samba" })
}

/// A number of at most nine digits.
fn number(text: &[u8]) -> Option<u64> {
    let fits = !text.is_empty() && text.len() <= 9 && text.iter().all(u8::is_ascii_digit);
    fits.then(|| text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// Samba's levels as syslog's, by its own table (lib/util/debug.c).
fn severity(level: u64) -> Severity {
    match level {
        0 => Severity::Error,
        1 => Severity::Warning,
        2 => Severity::Notice,
        3 => Severity::Info,
        _ => Severity::Debug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: &str = "../../source3/winbindd/winbindd_pam.c:2345(winbind_dual_SamLogon)";

    #[test]
    fn heads_of_all_settings_are_read() {
        let cases = [
            (format!("[2026/11/21 10:00:00.123456,  2] {PLACE}"), 123_456, 0),
            (format!("[2026/11/21 10:00:00,  2] {PLACE}"), 0, 0),
            (
                format!(
                    "[2026/11/21 10:00:00.000001,  2, pid=4711, effective(0, 0), real(0, 0), class=winbind] {PLACE} "
                ),
                1,
                4711,
            ),
        ];
        for (line, micros, pid) in &cases {
            let block = head(line.as_bytes()).expect("a head");
            let Stamp::Civil(stamp) = block.stamp else {
                unreachable!("a head has a civil time")
            };
            assert_eq!(
                (stamp.year, stamp.month, stamp.day, stamp.second),
                (Some(2026), 11, 21, 36_000)
            );
            assert_eq!((stamp.micros, block.pid, block.app), (*micros, *pid, &b"winbindd"[..]));
            assert_eq!(block.severity, Some(Severity::Notice));
        }
        let other = head(b"[2026/11/21 10:00:00,  3] ../../auth/auth_log.c:653(log_it)").expect("a head");
        assert_eq!(other.app, b"samba");
    }

    #[test]
    fn what_only_looks_like_a_head_is_none() {
        for line in [
            "[2026-11-21 10:00:00] EFW: x",
            "[2026/13/21 10:00:00,  2] a.c:1(f)",
            "[2026/11/21 10:00:00.12,  2] a.c:1(f)",
            "[2026/11/21 10:00:00] a.c:1(f)",
            "[2026/11/21 10:00:00,  2] a.c:x(f)",
            "[2026/11/21 10:00:00,  2] some words: a.c:1(f)",
            "[2026/11/21 10:00:00,  2] a.c:1(f) and more",
            "[2026/11/21 10:00:00,  2]",
            "[",
            "",
        ] {
            assert!(!is_head(line.as_bytes()), "{line}");
        }
    }
}
