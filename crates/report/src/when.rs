//! Times as people type them.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _, Zoned};

/// Microseconds UTC of a time as typed: RFC 3339, a date, a date and a time, a time of today, `-2h` or `2h` (both two hours
/// ago), `2 days ago`, `@1795176000` (seconds since 1970), `today`, `yesterday`, `tomorrow`, `now`. Wall-clock times are those of `zone`.
///
/// # Errors
/// What would have been understood, if the text was not.
pub fn parse(typed: &str, now: i64, zone: &TimeZone) -> Result<i64, String> {
    let text = typed.trim();
    let now = Timestamp::from_microsecond(now)
        .map_err(|error| error.to_string())?
        .to_zoned(zone.clone());
    let found = word(text, &now)
        .or_else(|| text.parse::<Timestamp>().ok())
        .or_else(|| civil(text, &now))
        .or_else(|| ago(text, &now))
        .or_else(|| seconds(text));
    found.map(|instant| instant.as_microsecond()).ok_or_else(|| {
        format!("`{typed}` is no time; write 2026-11-20, \"2026-11-20 09:30\", 2026-11-20T09:30:00Z, 09:30, -2h, \"2 days ago\", today or yesterday")
    })
}

/// Seconds of a duration as typed: `90s`, `10m`, `2h`, `1h30m`, `7 days`.
///
/// # Errors
/// What would have been understood, if the text was not.
pub fn duration(typed: &str) -> Result<u64, String> {
    let no_duration = || format!("`{typed}` is no duration; write 90s, 10m, 2h or 7d");
    let now = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    let text = typed.trim();
    let later = ago(&format!("+{text}"), &now).filter(|_| !text.starts_with(['+', '-']) && !text.ends_with("ago"));
    later
        .and_then(|later| u64::try_from(later.as_second()).ok())
        .ok_or_else(no_duration)
}

fn word(text: &str, now: &Zoned) -> Option<Timestamp> {
    let days = match text {
        "now" => return Some(now.timestamp()),
        "today" => 0,
        "yesterday" => -1,
        "tomorrow" => 1,
        _ => return None,
    };
    let day = now.checked_add(days.days()).ok()?;
    Some(day.start_of_day().ok()?.timestamp())
}

fn civil(text: &str, now: &Zoned) -> Option<Timestamp> {
    let moment = if !text.contains('-') {
        let time = text.parse::<Time>().or_else(|_| Time::strptime("%H:%M", text)).ok()?;
        now.date().to_datetime(time)
    } else if text.len() == 10 {
        text.parse::<Date>().ok()?.to_datetime(Time::midnight())
    } else {
        let text = text.replacen('T', " ", 1);
        let formats = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
        formats
            .iter()
            .find_map(|format| DateTime::strptime(format, &text).ok())?
    };
    Some(moment.to_zoned(now.time_zone().clone()).ok()?.timestamp())
}

/// `@1795176000`, as `date` and journalctl have it.
fn seconds(text: &str) -> Option<Timestamp> {
    Timestamp::from_second(text.strip_prefix('@')?.parse().ok()?).ok()
}

/// `-2h`, `-1h30m`, `2h`, `2 days ago`, `30 min ago`, `+1h`. A length alone is meant back: the logs have no other.
fn ago(text: &str, now: &Zoned) -> Option<Timestamp> {
    let (sign, rest) = match (text.strip_prefix('-'), text.strip_prefix('+'), text.strip_suffix("ago")) {
        (Some(rest), _, _) => (-1, rest),
        (_, Some(rest), _) => (1, rest),
        (_, _, Some(rest)) => (-1, rest),
        _ => (-1, text),
    };
    let mut rest = rest.trim();
    let mut moment = now.clone();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|end| *end > 0)?;
        let count: i64 = rest[..digits].parse().ok()?;
        let after = rest[digits..].trim_start();
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        moment = moment.checked_add(unit(&after[..letters], sign * count)?).ok()?;
        rest = after[letters..].trim_start();
    }
    Some(moment.timestamp())
}

fn unit(word: &str, count: i64) -> Option<Span> {
    let span = Span::new();
    match word {
        "s" | "sec" | "secs" | "second" | "seconds" => span.try_seconds(count),
        "m" | "min" | "mins" | "minute" | "minutes" => span.try_minutes(count),
        "h" | "hour" | "hours" => span.try_hours(count),
        "d" | "day" | "days" => span.try_days(count),
        "w" | "week" | "weeks" => span.try_weeks(count),
        "month" | "months" => span.try_months(count),
        "y" | "year" | "years" => span.try_years(count),
        _ => return None,
    }
    .ok()
}

/// The zone that a name, `UTC` or an offset like `+02:00` means.
///
/// # Errors
/// What would have been understood.
pub fn zone(typed: &str) -> Result<TimeZone, String> {
    if let Some(zone) = offset(typed) {
        return Ok(zone);
    }
    match typed {
        "UTC" | "utc" | "Z" => Ok(TimeZone::UTC),
        name => TimeZone::get(name).map_err(|_| {
            format!("`{typed}` is no time zone; write a name such as Europe/Berlin, UTC, or an offset such as +02:00")
        }),
    }
}

fn offset(typed: &str) -> Option<TimeZone> {
    let (sign, rest) = match typed.as_bytes().first()? {
        b'+' => (1, &typed[1..]),
        b'-' => (-1, &typed[1..]),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        1 | 2 => (digits.parse::<i32>().ok()?, 0),
        4 => (digits[..2].parse().ok()?, digits[2..].parse().ok()?),
        _ => return None,
    };
    let offset = jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
    (minutes < 60).then(|| TimeZone::fixed(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20T12:00:00Z, 13:00 in Berlin.
    const NOON: i64 = 1_795_176_000_000_000;

    fn shown(typed: &str) -> String {
        let zone = zone("Europe/Berlin").expect("a zone");
        match parse(typed, NOON, &zone) {
            Ok(micros) => Timestamp::from_microsecond(micros).expect("a time").to_string(),
            Err(_) => "no time".to_owned(),
        }
    }

    #[test]
    fn times_as_people_type_them() {
        let cases = [
            ("2026-11-20T09:30:00Z", "2026-11-20T09:30:00Z"),
            ("2026-11-20T09:30:00+02:00", "2026-11-20T07:30:00Z"),
            ("2026-11-20", "2026-11-19T23:00:00Z"),
            ("2026-11-20 09:30", "2026-11-20T08:30:00Z"),
            ("2026-11-20T09:30", "2026-11-20T08:30:00Z"),
            ("2026-07-20 09:30:15", "2026-07-20T07:30:15Z"),
            ("09:30", "2026-11-20T08:30:00Z"),
            ("09:30:15", "2026-11-20T08:30:15Z"),
            ("-2h", "2026-11-20T10:00:00Z"),
            ("-1h30m", "2026-11-20T10:30:00Z"),
            ("2 days ago", "2026-11-18T12:00:00Z"),
            ("30 min ago", "2026-11-20T11:30:00Z"),
            ("2h", "2026-11-20T10:00:00Z"),
            ("1 week", "2026-11-13T12:00:00Z"),
            ("+1h", "2026-11-20T13:00:00Z"),
            ("@1795176000", "2026-11-20T12:00:00Z"),
            ("today", "2026-11-19T23:00:00Z"),
            ("yesterday", "2026-11-18T23:00:00Z"),
            ("now", "2026-11-20T12:00:00Z"),
            ("", "no time"),
            ("-", "no time"),
            ("ago", "no time"),
            ("-2 fortnights", "no time"),
            ("2", "no time"),
            ("20261120", "no time"),
            ("@", "no time"),
            ("@99999999999999999999", "no time"),
            ("2026-13-01", "no time"),
            ("-99999999999999999999h", "no time"),
            ("-9999999y", "no time"),
        ];
        for (typed, expected) in cases {
            assert_eq!(shown(typed), expected, "{typed}");
        }
    }

    #[test]
    fn durations_as_people_type_them() {
        for (typed, seconds) in [
            ("90s", 90),
            ("10m", 600),
            ("1h30m", 5400),
            ("2 hours", 7200),
            ("7d", 604_800),
            ("0s", 0),
        ] {
            assert_eq!(duration(typed), Ok(seconds), "{typed}");
        }
        for typed in [
            "",
            "10",
            "-10m",
            "+10m",
            "10m ago",
            "ten minutes",
            "1e9s",
            "99999999999999999999d",
        ] {
            assert!(duration(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn zones() {
        for good in ["UTC", "Europe/Berlin", "+02:00", "-0330", "+2"] {
            assert!(zone(good).is_ok(), "{good}");
        }
        for bad in ["Mars/Base", "+99:00", "+1:2:3", "+0260", ""] {
            assert!(zone(bad).is_err(), "{bad}");
        }
    }
}
