//! The zone of stamps that name none.

use jiff::tz::{Offset, TimeZone};

/// Whether `name` is a zone that `--tz` may name; the error says why not.
pub fn check_zone(name: &str) -> Result<(), String> {
    named(name).map(|_| ())
}

/// The zone the user named, else `TZ`, else the system's, else UTC.
pub(super) fn chosen(name: Option<&str>) -> Result<TimeZone, String> {
    match name {
        Some(name) => named(name),
        None => Ok(TimeZone::try_system().unwrap_or(TimeZone::UTC)),
    }
}

fn named(name: &str) -> Result<TimeZone, String> {
    if matches!(name, "Z" | "z" | "utc") {
        return Ok(TimeZone::UTC);
    }
    if let Some(offset) = offset(name.as_bytes()) {
        return Ok(TimeZone::fixed(offset));
    }
    TimeZone::get(name).or_else(|_| TimeZone::posix(name)).map_err(|_| {
        format!("'{name}' is no time zone: give a name like Europe/Berlin, or UTC, or an offset like +02:00")
    })
}

/// `+02:00`, `-0530`, `+2`.
fn offset(text: &[u8]) -> Option<Offset> {
    let (sign, digits) = match text {
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let digits: Vec<i32> = digits
        .iter()
        .filter(|byte| **byte != b':')
        .map(|byte| byte.is_ascii_digit().then(|| i32::from(byte - b'0')))
        .collect::<Option<_>>()?;
    let (hours, minutes) = match digits[..] {
        [hour] => (hour, 0),
        [tens, hour] => (tens * 10 + hour, 0),
        [tens, hour, ten, minute] => (tens * 10 + hour, ten * 10 + minute),
        _ => return None,
    };
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}
