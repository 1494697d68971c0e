//! Times: RFC 3339 in UTC for machines, the wall clock of a zone for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// RFC 3339 in UTC with `Z`; a fraction only when there is one.
pub fn rfc3339(micros: i64) -> String {
    let mut out = Vec::with_capacity(27);
    write_rfc3339(&mut out, micros);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends what `rfc3339` gives. Without a calendar library: `decode` prints a time for each line that it reads.
pub(crate) fn write_rfc3339(out: &mut Vec<u8>, micros: i64) {
    let (year, month, day) = civil(micros.div_euclid(86_400_000_000));
    let rest = micros.rem_euclid(86_400_000_000);
    let (second, fraction) = (rest / 1_000_000, rest % 1_000_000);
    // RFC 3339 has four digits for a year; absurd times are cut to its first and last.
    let year = year.clamp(0, 9999);
    out.extend_from_slice(&stamp((year, month, day), second, b'T'));
    let digits = digits(fraction);
    match fraction {
        0 => {}
        _ if fraction % 1000 == 0 => {
            out.push(b'.');
            out.extend_from_slice(&digits[..3]);
        }
        _ => {
            out.push(b'.');
            out.extend_from_slice(&digits);
        }
    }
    out.push(b'Z');
}

/// `2026-11-20T09:00:03`; `between` stands between date and time.
fn stamp((year, month, day): (i64, i64, i64), second: i64, between: u8) -> [u8; 19] {
    let mut text = *b"0000-00-00 00:00:00";
    text[10] = between;
    let parts = [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, second / 3600),
        (14, second / 60 % 60),
        (17, second % 60),
    ];
    for (at, value) in parts {
        text[at..at + 2].copy_from_slice(&two_digits(value));
    }
    text
}

/// The six digits of a fraction of a second.
fn digits(micros: i64) -> [u8; 6] {
    let [a, b] = two_digits(micros / 10_000);
    let [c, d] = two_digits(micros / 100 % 100);
    let [e, f] = two_digits(micros % 100);
    [a, b, c, d, e, f]
}

/// A number below 100.
fn two_digits(value: i64) -> [u8; 2] {
    let value = value as u8;
    [b'0' + value / 10 % 10, b'0' + value % 10]
}

/// Year, month and day of a count of days since 1970-01-01 in the Gregorian calendar (years begin in March here, so that
/// the leap day is the last).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// What tables print, without going through the calendar library: a row is printed for each of a million attempts.
const PLAIN: &str = "%Y-%m-%d %H:%M:%S";

/// A time on the wall clock of `zone`, `strftime` style; empty if the time is beyond the calendar.
pub fn local(micros: i64, zone: &TimeZone, format: &str) -> String {
    let mut out = String::new();
    match Timestamp::from_microsecond(micros) {
        Ok(_) if format == PLAIN => write_local(&mut out, micros, zone),
        Ok(instant) => out = instant.to_zoned(zone.clone()).strftime(format).to_string(),
        Err(_) => {}
    }
    out
}

/// Adds what `local` gives in the form of tables.
pub(crate) fn write_local(out: &mut String, micros: i64, zone: &TimeZone) {
    let Ok(instant) = Timestamp::from_microsecond(micros) else {
        return;
    };
    let micros = micros + i64::from(zone.to_offset(instant).seconds()) * 1_000_000;
    let (year, month, day) = civil(micros.div_euclid(86_400_000_000));
    let second = micros.rem_euclid(86_400_000_000) / 1_000_000;
    let text = stamp((year.clamp(0, 9999), month, day), second, b' ');
    out.push_str(std::str::from_utf8(&text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        let shown = [0, -1, 951_782_400_000_000, 1_795_165_203_000_000, 1_795_165_203_250_000].map(rfc3339);
        assert_eq!(
            shown,
            [
                "1970-01-01T00:00:00Z",
                "1969-12-31T23:59:59.999999Z",
                "2000-02-29T00:00:00Z",
                "2026-11-20T09:00:03Z",
                "2026-11-20T09:00:03.250Z"
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_calendar_library(seconds in -62_135_596_800_i64..253_402_207_200) {
            let expected = Timestamp::from_second(seconds).map(|instant| instant.to_string()).unwrap_or_default();
            proptest::prop_assert_eq!(rfc3339(seconds * 1_000_000), expected);
        }

        #[test]
        fn the_plain_form_agrees_too(seconds in 0_i64..4_102_444_800) {
            let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
            let zoned = Timestamp::from_second(seconds).unwrap_or_default().to_zoned(zone.clone());
            let expected = zoned.strftime(PLAIN).to_string();
            proptest::prop_assert_eq!(local(seconds * 1_000_000, &zone, PLAIN), expected);
        }
    }
}
