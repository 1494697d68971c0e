//! Times as writers of logs put them down. A stamp is recognised by its shape; if its numbers are no time, the record
//! still has a header and `Stamp::Missing`.

use tunlog_model::{Civil, Stamp};

use super::months;
use crate::time::{days_in_month, seconds_of};

/// How a stamp was written, as far as it tells what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `Nov 19 10:00:00`, fifteen bytes.
    Classic,
    /// Another spelling of it.
    Bsd,
    /// `Wed Nov 19 10:00:00 2025`.
    Ctime,
    /// `2025-11-19T10:00:00+01:00`; where the zone begins.
    Iso { zone_at: usize },
    /// `2025-11-19 10:00:00.123`; number of digits of the fraction.
    Spaced { digits: usize },
    /// `[2025-11-19 10:00:00.123]`.
    Bracketed,
    /// `[Wed Nov 19 10:00:00 2025]`: `dmesg -T`.
    BracketedCtime,
    /// `[   12.345678]`.
    Uptime,
    /// `1763546400.123456`.
    Epoch,
    /// `Wed 2025-11-19 10:00:00 CET`.
    Full,
    /// `nov/19 10:00:00`, or a bare `10:00:00`.
    RouterOs,
}

/// A stamp at the beginning of some bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    pub stamp: Stamp,
    pub len: usize,
    pub kind: Kind,
}

/// The stamp that `bytes` begin with.
pub(crate) fn at_start(bytes: &[u8]) -> Option<Hit> {
    match bytes.first()? {
        b'0'..=b'9' => iso(bytes)
            .or_else(|| epoch(bytes))
            .or_else(|| east_asian(bytes))
            .or_else(|| day_first(bytes))
            .or_else(|| bare_time(bytes))
            .or_else(|| damaged_iso(bytes)),
        b'[' => bracketed(bytes),
        b'A'..=b'Z' | b'a'..=b'z' | 0x80.. => classic(bytes)
            .or_else(|| worded(bytes))
            .or_else(|| damaged_classic(bytes)),
        _ => None,
    }
}

/// Two digits.
pub(crate) fn two(bytes: &[u8]) -> Option<u32> {
    match bytes {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9', ..] => Some(u32::from(tens - b'0') * 10 + u32::from(ones - b'0')),
        _ => None,
    }
}

/// A run of digits at the beginning, at most `most`: its value and length.
fn digits(bytes: &[u8], most: usize) -> Option<(u32, usize)> {
    let len = bytes.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    (len > 0).then(|| {
        (
            bytes[..len]
                .iter()
                .fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0')),
            len,
        )
    })
}

fn spaces(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte == b' ').count()
}

/// Second of the day, if `hh:mm:ss` is one. The leap second 60 is.
pub(crate) fn second_of_day(hour: u32, minute: u32, second: u32) -> Option<u32> {
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

/// The first six digits of a fraction, as microseconds.
pub(crate) fn fraction(bytes: &[u8]) -> u32 {
    let given = bytes.iter().take(6).fold((0, 0), |(sum, count), byte| {
        (sum * 10 + u32::from(byte - b'0'), count + 1)
    });
    given.0 * 10_u32.pow(6 - given.1)
}

/// A time of day: its shape's length, the digits of its fraction, and its value if it is a time.
struct TimeOfDay {
    len: usize,
    digits: usize,
    value: Option<(u32, u32)>,
}

fn time_of_day(bytes: &[u8]) -> Option<TimeOfDay> {
    let (hour, at) = digits(bytes, 2)?;
    let rest = bytes.get(at..)?;
    let [b':', _, _, b':', _, _, after @ ..] = rest else {
        return None;
    };
    let (minute, second) = (two(&rest[1..])?, two(&rest[4..])?);
    let mut len = at + 6;
    let (mut count, mut micros) = (0, 0);
    if let [b'.' | b',', after @ ..] = after {
        count = after.iter().take(12).take_while(|byte| byte.is_ascii_digit()).count();
        if count > 0 {
            micros = fraction(&after[..count]);
            len += 1 + count;
        }
    }
    let value = second_of_day(hour, minute, second).map(|second| (second, micros));
    Some(TimeOfDay {
        len,
        digits: count,
        value,
    })
}

fn civil(year: Option<u32>, month: u32, day: u32, time: &TimeOfDay) -> Stamp {
    let longest = days_in_month(year.unwrap_or(2000) as i16, month.min(13) as u8);
    match time.value {
        Some((second, micros)) if day >= 1 && day <= u32::from(longest) => {
            let year = year.map(|year| year as i16);
            Stamp::Civil(Civil {
                year,
                month: month as u8,
                day: day as u8,
                second,
                micros,
            })
        }
        _ => Stamp::Missing,
    }
}

/// `Nov 19 10:00:00`.
fn classic(bytes: &[u8]) -> Option<Hit> {
    let [
        _,
        _,
        _,
        b' ',
        d1 @ (b' ' | b'0'..=b'9'),
        d2 @ b'0'..=b'9',
        b' ',
        rest @ ..,
    ] = bytes
    else {
        return None;
    };
    let month = months::english(&bytes[..3])?;
    let time = time_of_day(rest)?;
    let day = u32::from(d1.saturating_sub(b'0')) * 10 + u32::from(d2 - b'0');
    let stamp = civil(None, month, day, &time);
    let year = trailing_year(&bytes[7 + time.len..]);
    if year.is_some() || time.len != 8 {
        return worded(bytes);
    }
    Some(Hit {
        stamp,
        len: 15,
        kind: Kind::Classic,
    })
}

/// `Nov 19 1x:00:00`: the shape of a stamp, but for its digits.
fn damaged_classic(bytes: &[u8]) -> Option<Hit> {
    let [_, _, _, b' ', _, _, b' ', _, _, b':', _, _, b':', _, _, b' ', ..] = bytes else {
        return None;
    };
    months::english(&bytes[..3])?;
    Some(Hit {
        stamp: Stamp::Missing,
        len: 15,
        kind: Kind::Bsd,
    })
}

/// `2025-11-19T1x:00:00.5Z`: the shape of a stamp, but for its digits.
fn damaged_iso(bytes: &[u8]) -> Option<Hit> {
    let [
        _,
        _,
        _,
        _,
        b'-',
        _,
        _,
        b'-',
        _,
        _,
        between @ (b'T' | b' '),
        _,
        _,
        b':',
        _,
        _,
        b':',
        _,
        _,
        ..,
    ] = bytes
    else {
        return None;
    };
    let len = if *between == b'T' {
        memchr::memchr(b' ', bytes)?
    } else {
        19
    };
    Some(Hit {
        stamp: Stamp::Missing,
        len,
        kind: Kind::Bsd,
    })
}

/// Month in any language, day, perhaps a year, time, perhaps a year; a weekday before it all.
fn worded(bytes: &[u8]) -> Option<Hit> {
    let word = word_len(bytes)?;
    if let Some(hit) = routeros_date(bytes, word) {
        return Some(hit);
    }
    let dot = usize::from(bytes.get(word) == Some(&b'.'));
    let at = word + dot;
    let blanks = spaces(bytes.get(at..)?);
    if blanks > 0 && blanks <= 2 && bytes.get(at + blanks).is_some_and(u8::is_ascii_digit) {
        if let Some(hit) = iso(&bytes[at + blanks..]) {
            return Some(Hit {
                len: at + blanks + hit.len,
                kind: Kind::Full,
                ..hit
            });
        }
        return month_first(bytes, word, at + blanks);
    }
    // A weekday: the month follows.
    let comma = usize::from(bytes.get(at) == Some(&b','));
    let at = at + comma + spaces(bytes.get(at + comma..)?);
    let month = word_len(bytes.get(at..)?)?;
    let dot = usize::from(bytes.get(at + month) == Some(&b'.'));
    let day_at = at + month + dot;
    let blanks = spaces(bytes.get(day_at..)?);
    if blanks == 0 || blanks > 2 {
        return None;
    }
    let hit = month_first(&bytes[at..], month, day_at + blanks - at)?;
    let with_year = matches!(hit.stamp, Stamp::Civil(Civil { year: Some(_), .. }));
    Some(Hit {
        len: hit.len + at,
        kind: if with_year { Kind::Ctime } else { Kind::Bsd },
        ..hit
    })
}

/// A word of letters (of any script) that may name a month or weekday.
fn word_len(bytes: &[u8]) -> Option<usize> {
    let len = bytes
        .iter()
        .take(24)
        .take_while(|byte| byte.is_ascii_alphabetic() || **byte >= 0x80)
        .count();
    (len >= 2).then_some(len)
}

fn month_first(bytes: &[u8], word: usize, day_at: usize) -> Option<Hit> {
    let (day, len) = digits(bytes.get(day_at..)?, 2)?;
    let mut at = day_at + len;
    at += usize::from(bytes.get(at) == Some(&b','));
    at += spaces(bytes.get(at..)?);
    let mut year = None;
    if let Some((value, 4)) = digits(&bytes[at..], 5)
        && bytes.get(at + 4) == Some(&b' ')
    {
        year = Some(value);
        at += 5;
    }
    let time = time_of_day(bytes.get(at..)?)?;
    at += time.len;
    if year.is_none()
        && let Some((value, len)) = trailing_year(&bytes[at..])
    {
        year = Some(value);
        at += len;
    }
    let stamp = months::any(&bytes[..word]).map_or(Stamp::Missing, |month| civil(year, month, day, &time));
    Some(Hit {
        stamp,
        len: at,
        kind: Kind::Bsd,
    })
}

/// ` 2025`, or ` CET 2025`, behind a time.
fn trailing_year(bytes: &[u8]) -> Option<(u32, usize)> {
    let rest = bytes.strip_prefix(b" ")?;
    let letters = rest.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count();
    let skip = if letters >= 2 && rest.get(letters) == Some(&b' ') {
        letters + 1
    } else {
        0
    };
    let (year, len) = digits(&rest[skip..], 5)?;
    let ends = matches!(rest.get(skip + len), None | Some(b' ' | b':' | b']' | b'\r'));
    (len == 4 && (1970..2200).contains(&year) && ends).then_some((year, 1 + skip + len))
}

/// `2025-11-19T10:00:00.5+01:00` and its kin.
fn iso(bytes: &[u8]) -> Option<Hit> {
    let (mut year, len) = digits(bytes, 5)?;
    if len == 3 {
        year = 2000 + year % 100; // the first digit was lost by copying
    } else if len != 4 {
        return None;
    }
    let [
        a @ (b'-' | b'/' | b'.'),
        _,
        _,
        b,
        _,
        _,
        between @ (b'T' | b't' | b' ' | b'-' | b'_'),
        rest @ ..,
    ] = &bytes[len..]
    else {
        return None;
    };
    let (month, day) = (two(&bytes[len + 1..])?, two(&bytes[len + 4..])?);
    if a != b {
        return None;
    }
    let time = time_of_day(rest)?;
    let zone_at = len + 7 + time.len;
    let stamp = civil(Some(year), month, day, &time);
    let (offset, zone) = zone(&bytes[zone_at..]);
    let len = zone_at + zone;
    let stamp = match (stamp, offset) {
        (Stamp::Civil(civil), Some(offset)) => {
            let second = seconds_of(year as i16, civil.month, civil.day, civil.second) - offset;
            Stamp::Instant(second * 1_000_000 + i64::from(civil.micros))
        }
        (stamp, _) => stamp,
    };
    let kind = if *between == b' ' && zone == 0 {
        Kind::Spaced { digits: time.digits }
    } else {
        Kind::Iso { zone_at }
    };
    Some(Hit { stamp, len, kind })
}

/// A zone's offset in seconds and the length of its text.
fn zone(bytes: &[u8]) -> (Option<i64>, usize) {
    let (sign, rest) = match bytes {
        [b'Z' | b'z', ..] => return (Some(0), 1),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return (None, 0),
    };
    let Some(hours) = two(rest) else { return (None, 0) };
    let (minutes, len) = match &rest[2..] {
        [b':', more @ ..] if two(more).is_some() => (two(more), 6),
        more if two(more).is_some() => (two(more), 5),
        _ => (Some(0), 3),
    };
    (
        minutes.map(|minutes| sign * i64::from(hours * 3600 + minutes * 60)),
        len,
    )
}

/// `1763546400.123456`, as `journalctl -o short-unix` writes it.
fn epoch(bytes: &[u8]) -> Option<Hit> {
    let seconds = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = bytes.get(seconds..)?.strip_prefix(b".")?;
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(9..=10).contains(&seconds) || !(3..=6).contains(&count) || rest.get(count) != Some(&b' ') {
        return None;
    }
    let value = bytes[..seconds]
        .iter()
        .fold(0_i64, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    let micros = value * 1_000_000 + i64::from(fraction(&rest[..count]));
    Some(Hit {
        stamp: Stamp::Instant(micros),
        len: seconds + 1 + count,
        kind: Kind::Epoch,
    })
}

/// `12月 14 10:00:00`, also with the sign as an HTML entity.
fn east_asian(bytes: &[u8]) -> Option<Hit> {
    let (month, len) = digits(bytes, 2)?;
    let signs: [&[u8]; 4] = ["月".as_bytes(), "월".as_bytes(), b"&#26376;", b"&#50900;"];
    let sign = signs.into_iter().find(|sign| bytes[len..].starts_with(sign))?;
    let mut at = len + sign.len();
    at += spaces(bytes.get(at..)?);
    let (day, len) = digits(bytes.get(at..)?, 2)?;
    at += len;
    let day_signs: [&[u8]; 2] = ["日".as_bytes(), "일".as_bytes()];
    at += day_signs
        .into_iter()
        .find(|sign| bytes[at..].starts_with(sign))
        .map_or(0, <[u8]>::len);
    at += spaces(bytes.get(at..)?);
    let time = time_of_day(bytes.get(at..)?)?;
    Some(Hit {
        stamp: civil(None, month, day, &time),
        len: at + time.len,
        kind: Kind::Bsd,
    })
}

/// `19 Nov 10:00:00`, `19 Nov 2025 10:00:00`.
fn day_first(bytes: &[u8]) -> Option<Hit> {
    let (day, len) = digits(bytes, 3)?;
    let at = len + usize::from(bytes.get(len) == Some(&b'.'));
    let rest = bytes.get(at..)?.strip_prefix(b" ")?;
    let word = word_len(rest)?;
    let month = months::any(&rest[..word])?;
    let mut after = word + usize::from(rest.get(word) == Some(&b'.'));
    after += spaces(rest.get(after..)?);
    let mut year = None;
    if let Some((value, 4)) = digits(&rest[after..], 5) {
        year = Some(value);
        after += 4 + spaces(rest.get(after + 4..)?);
    }
    let time = time_of_day(rest.get(after..)?)?;
    Some(Hit {
        stamp: civil(year, month, day, &time),
        len: at + 1 + after + time.len,
        kind: Kind::Bsd,
    })
}

/// `10:00:00` alone: RouterOS leaves out today's date.
fn bare_time(bytes: &[u8]) -> Option<Hit> {
    let time = time_of_day(bytes)?;
    Some(Hit {
        stamp: Stamp::Missing,
        len: time.len,
        kind: Kind::RouterOs,
    })
}

/// `nov/19 10:00:00`, `nov/19/2025 10:00:00`.
fn routeros_date(bytes: &[u8], word: usize) -> Option<Hit> {
    let month = months::english(bytes.get(..word)?)?;
    let rest = bytes.get(word..)?.strip_prefix(b"/")?;
    let day = two(rest)?;
    let (year, at) = match rest.get(2) {
        Some(b'/') => (Some(digits(rest.get(3..)?, 4)?.0), 7),
        _ => (None, 2),
    };
    let rest = rest.get(at..)?.strip_prefix(b" ")?;
    let time = time_of_day(rest)?;
    Some(Hit {
        stamp: civil(year, month, day, &time),
        len: word + 2 + at + time.len,
        kind: Kind::RouterOs,
    })
}

/// Stamps in square brackets.
fn bracketed(bytes: &[u8]) -> Option<Hit> {
    let inner = &bytes[1..];
    let blanks = spaces(inner);
    let inside = &inner[blanks..];
    if blanks == 0
        && let Some(hit) = iso(inside).or_else(|| worded(inside))
        && inside.get(hit.len) == Some(&b']')
    {
        let kind = if inside[0].is_ascii_digit() {
            Kind::Bracketed
        } else {
            Kind::BracketedCtime
        };
        return Some(Hit {
            len: hit.len + 2,
            kind,
            ..hit
        });
    }
    let seconds = inside.iter().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    let rest = inside.get(seconds..)?.strip_prefix(b".")?;
    let count = rest.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
    if seconds == 0 || count == 0 || rest.get(count) != Some(&b']') {
        return None;
    }
    let value = inside[..seconds]
        .iter()
        .fold(0_i64, |sum, byte| sum * 10 + i64::from(byte - b'0'));
    let micros = value * 1_000_000 + i64::from(fraction(&rest[..count]));
    Some(Hit {
        stamp: Stamp::SinceBoot(micros),
        len: 1 + blanks + seconds + 1 + count + 1,
        kind: Kind::Uptime,
    })
}
