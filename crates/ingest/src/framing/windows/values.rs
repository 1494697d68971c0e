//! One spelling for what the forms write differently.

use std::io::Write as _;

use tunlog_model::{Civil, Stamp};

use super::System;
use crate::framing::stamp;
use crate::time::seconds_of;

/// Writes a value as it is to stand in the record; false if it is none of its kind.
pub(super) fn plain(what: System, value: &[u8], out: &mut Vec<u8>) -> bool {
    match what {
        System::EventId => match number(value) {
            // the upper half are qualifiers, in forms that do not keep them apart
            Some(id) => write!(out, "{}", id & 0xffff).is_ok(),
            None => false,
        },
        System::Version | System::RecordId | System::Level | System::ProcessId => match number(value) {
            Some(number) => write!(out, "{number}").is_ok(),
            None => false,
        },
        System::Keywords => match keywords(value) {
            Some(bits) => write!(out, "{bits:#x}").is_ok(),
            None => false,
        },
        System::ActivityId => {
            let id = value.strip_prefix(b"{").unwrap_or(value);
            let id = id.strip_suffix(b"}").unwrap_or(id);
            let is_guid = id.len() == 36 && id.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
            if is_guid {
                out.push(b'{');
                out.extend(id.iter().map(u8::to_ascii_lowercase));
                out.push(b'}');
            }
            is_guid
        }
        System::Channel | System::SourceName | System::Provider | System::Computer => {
            out.extend_from_slice(value);
            !value.is_empty()
        }
    }
}

fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Hexadecimal, or decimal with or without sign: the uppermost bit is set in every audit.
fn keywords(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok();
    }
    text.parse::<i64>()
        .map(i64::cast_unsigned)
        .or_else(|_| text.parse())
        .ok()
}

/// A time of a form that writes UTC whether it says so or not.
pub(super) fn utc(text: &[u8]) -> Stamp {
    let stamp = local(text);
    match stamp {
        Stamp::Civil(Civil {
            year: Some(year),
            month,
            day,
            second,
            micros,
        }) => Stamp::Instant(seconds_of(year, month, day, second) * 1_000_000 + i64::from(micros)),
        other => other,
    }
}

/// A time as written, whose zone is the machine's if it names none.
pub(super) fn local(text: &[u8]) -> Stamp {
    stamp::at_start(text.trim_ascii()).map_or(Stamp::Missing, |hit| hit.stamp)
}

/// `/Date(1718721696317)/`, milliseconds, as Windows PowerShell writes it.
pub(super) fn date(text: &[u8]) -> Option<Stamp> {
    let inner = text.strip_prefix(b"/Date(")?;
    let end = inner
        .iter()
        .position(|byte| !(byte.is_ascii_digit() || *byte == b'-'))?;
    let millis: i64 = std::str::from_utf8(&inner[..end]).ok()?.parse().ok()?;
    Some(Stamp::Instant(millis.checked_mul(1000)?))
}

/// UTF-16LE as UTF-8; halves of pairs become U+FFFD.
pub(super) fn write_utf16(bytes: &[u8], out: &mut Vec<u8>) {
    let (units, _) = bytes.as_chunks::<2>();
    let (ascii, rest) = units.split_at(ascii_len(units));
    out.extend(ascii.iter().map(|unit| unit[0]));
    for letter in char::decode_utf16(rest.iter().map(|unit| u16::from_le_bytes(*unit))) {
        let letter = letter.unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// How many units from the beginning are ASCII. Eight are looked at together: nearly all of what events say is so.
fn ascii_len(units: &[[u8; 2]]) -> usize {
    let is_ascii = |unit: &[u8; 2]| (unit[0] < 0x80) & (unit[1] == 0);
    let whole = 8 * units
        .chunks_exact(8)
        .take_while(|block| block.iter().fold(true, |all, unit| all & is_ascii(unit)))
        .count();
    let rest = &units[whole..];
    whole + rest.iter().position(|unit| !is_ascii(unit)).unwrap_or(rest.len())
}

/// A number in decimal.
pub(super) fn write_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Bytes in lower-case hexadecimal.
pub(super) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// A security identifier: revision, count, authority (big-endian), sub-authorities (little-endian).
pub(super) fn write_sid(bytes: &[u8], out: &mut Vec<u8>) {
    let authority = bytes[2..8].iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    out.extend_from_slice(b"S-");
    write_number(u64::from(bytes[0]), out);
    out.push(b'-');
    write_number(authority, out);
    for part in bytes[8..].chunks_exact(4) {
        out.push(b'-');
        write_number(part.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), out);
    }
}

/// Days from 1970-01-01 to year, month, day of the Gregorian calendar.
fn date_of(days: i64) -> (i64, i64, i64) {
    // Howard Hinnant's `civil_from_days`: years begin in March, eras have 400 years
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Writes a time as RFC 3339 in UTC.
pub(super) fn write_time(micros: i64, out: &mut Vec<u8>) {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (year, month, day) = date_of(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let mut put = |end: usize, digits: usize, mut value: i64| {
        for place in (end - digits..end).rev() {
            text[place] = b'0' + (value % 10) as u8;
            value /= 10;
        }
    };
    put(4, 4, year.clamp(0, 9999));
    put(7, 2, month);
    put(10, 2, day);
    put(13, 2, hour);
    put(16, 2, minute);
    put(19, 2, second);
    put(26, 6, fraction);
    out.extend_from_slice(&text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(what: System, value: &str) -> Option<String> {
        let mut out = Vec::new();
        plain(what, value.as_bytes(), &mut out).then(|| String::from_utf8(out).expect("ASCII"))
    }

    #[test]
    fn values_of_all_forms_are_spelled_alike() {
        assert_eq!(spelled(System::EventId, "20271"), Some("20271".into()));
        assert_eq!(spelled(System::EventId, "1073762095"), Some("20271".into()));
        assert_eq!(spelled(System::EventId, "zwei"), None);
        let failure = Some("0x8010000000000000".to_string());
        assert_eq!(spelled(System::Keywords, "0x8010000000000000"), failure);
        assert_eq!(spelled(System::Keywords, "-9218868437227405312"), failure);
        assert_eq!(spelled(System::Keywords, "9227875636482146304"), failure);
        assert_eq!(spelled(System::Keywords, "Audit Failure"), None);
        let id = Some("{5fcf3806-a56a-4a4e-bf50-2bde9124e3bc}".to_string());
        assert_eq!(
            spelled(System::ActivityId, "{5FCF3806-A56A-4A4E-BF50-2BDE9124E3BC}"),
            id
        );
        assert_eq!(spelled(System::ActivityId, "5fcf3806-a56a-4a4e-bf50-2bde9124e3bc"), id);
        assert_eq!(spelled(System::ActivityId, "none"), None);
    }

    #[test]
    fn times() {
        let known = Stamp::Instant(1_718_721_696_317_952);
        assert_eq!(utc(b"2024-06-18T14:41:36.317952200Z"), known);
        assert_eq!(utc(b"2024-06-18 14:41:36.317952 UTC"), known);
        assert_eq!(utc(b"2024-06-18T14:41:36.317952"), known);
        assert_eq!(
            date(b"/Date(1718721696317)/"),
            Some(Stamp::Instant(1_718_721_696_317_000))
        );
        assert_eq!(date(b"/Date(99999999999999999999)/"), None);
        let written = |micros| {
            let mut out = Vec::new();
            write_time(micros, &mut out);
            String::from_utf8(out).expect("ASCII")
        };
        assert_eq!(written(1_718_721_696_317_952), "2024-06-18T14:41:36.317952Z");
        assert_eq!(written(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(written(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(written(1_709_164_800_000_000), "2024-02-29T00:00:00.000000Z");
    }

    #[test]
    fn letters_of_all_alphabets_wherever_they_stand() {
        for at in 0..20 {
            for letter in ["", "ü", "利", "\u{1f600}", "\u{100}"] {
                let text = format!("{}{letter}{}{letter}", "x".repeat(at), "y".repeat(9));
                let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
                let mut out = Vec::new();
                write_utf16(&bytes, &mut out);
                assert_eq!(String::from_utf8(out).expect("UTF-8"), text);
            }
        }
        let mut out = Vec::new();
        write_utf16(b"a\0\x3d\xd8b\0", &mut out);
        assert_eq!(out, "a\u{fffd}b".as_bytes());
    }
}
