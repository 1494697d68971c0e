//! Stamps of logs that are no syslog and that nobody here understands otherwise: web servers, mostly. They are only asked when
//! something happened, never what.

use tunlog_model::{Civil, Stamp};

use super::months;
use super::stamp::{second_of_day, two};
use crate::time::{days_in_month, seconds_of};

/// How far into a line its stamp is looked for.
const HEAD_BYTES: usize = 1024;

/// The stamp of a line without a header that we know; missing if it has none of the forms below.
///
/// * common log format (Apache, nginx, many others): `ADDRESS - USER [28/Oct/2026:03:50:00 +0100] "GET …`
/// * nginx's error log and Go programs: `2026/10/28 03:50:00 …`
pub fn stamp(line: &[u8]) -> Stamp {
    let head = &line[..line.len().min(HEAD_BYTES)];
    slashed(head).or_else(|| common_log(head)).unwrap_or_default()
}

fn year(bytes: &[u8]) -> Option<i16> {
    let (high, low) = (two(bytes)?, two(bytes.get(2..)?)?);
    i16::try_from(high * 100 + low).ok().filter(|year| *year >= 1970)
}

fn clock(bytes: &[u8]) -> Option<u32> {
    let [_, _, b':', _, _, b':', _, _, ..] = bytes else {
        return None;
    };
    second_of_day(two(bytes)?, two(&bytes[3..])?, two(&bytes[6..])?)
}

fn slashed(line: &[u8]) -> Option<Stamp> {
    let [_, _, _, _, b'/', _, _, b'/', _, _, b' ', rest @ ..] = line else {
        return None;
    };
    let (year, month, day) = (year(line)?, two(&line[5..])? as u8, two(&line[8..])? as u8);
    let second = clock(rest)?;
    ((1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day)).then_some(Stamp::Civil(Civil {
        year: Some(year),
        month,
        day,
        second,
        micros: 0,
    }))
}

/// The last bracket before the request: the user's name stands before it, the request, which the client chose too, behind.
fn common_log(line: &[u8]) -> Option<Stamp> {
    let quote = memchr::memchr(b'"', line).unwrap_or(line.len());
    let open = memchr::memrchr(b'[', &line[..quote])?;
    let inner = line.get(open + 1..open + 27)?;
    let [
        _,
        _,
        b'/',
        _,
        _,
        _,
        b'/',
        _,
        _,
        _,
        _,
        b':',
        _,
        _,
        b':',
        _,
        _,
        b':',
        _,
        _,
        b' ',
        sign @ (b'+' | b'-'),
        _,
        _,
        _,
        _,
    ] = inner
    else {
        return None;
    };
    let (day, month, year) = (
        two(inner)? as u8,
        months::english(&inner[3..6])? as u8,
        year(&inner[7..])?,
    );
    let second = clock(&inner[12..])?;
    (1..=days_in_month(year, month)).contains(&day).then_some(())?;
    let zone = i64::from(two(&inner[22..])? * 3600 + two(&inner[24..])? * 60);
    let zone = if *sign == b'-' { -zone } else { zone };
    Some(Stamp::Instant(
        (seconds_of(year, month, day, second) - zone) * 1_000_000,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_web_servers() {
        // 2026-10-28T02:50:00Z
        let instant = Stamp::Instant(1_793_155_800_000_000);
        let line = br#"192.168.0.10 - anna [28/Oct/2026:03:50:00 +0100] "GET / HTTP/1.1" 200 5 "-" "[01/Jan/1999:00:00:00 +0000]""#;
        assert_eq!(stamp(line), instant);
        let forged =
            br#"192.168.0.10 - a[01/Jan/1999:00:00:00 +0000] [28/Oct/2026:03:50:00 +0100] "GET / HTTP/1.1" 200 5"#;
        assert_eq!(stamp(forged), instant);
        let Stamp::Civil(civil) = stamp(b"2026/10/28 03:50:00 [error] 17#17: *1 open() failed, client: 192.168.0.10")
        else {
            panic!("no stamp");
        };
        assert_eq!(
            (civil.year, civil.month, civil.day, civil.second),
            (Some(2026), 10, 28, 3 * 3600 + 50 * 60)
        );
    }

    #[test]
    fn what_has_none_has_none() {
        for line in [
            "",
            "[",
            "2026/13/28 03:50:00 x",
            "2026/02/30 03:50:00 x",
            "2026/10/28 25:50:00 x",
            "a [28/Oct/2026:03:50:00 0100] \"GET\"",
            "a [31/Feb/2026:03:50:00 +0100] \"GET\"",
            "client said \"[28/Oct/2026:03:50:00 +0100]\"",
        ] {
            assert_eq!(stamp(line.as_bytes()), Stamp::Missing, "{line}");
        }
    }
}
