//! Sizes and durations for people.

use std::fmt::Write as _;

/// Bytes in IEC units: `0 B`, `1.4 MiB`.
pub fn bytes_iec(bytes: u64) -> String {
    let mut out = String::new();
    write_bytes_iec(&mut out, bytes);
    out
}

/// Adds what `bytes_iec` gives. In whole numbers, because to format a fraction costs as much as the rest of a row: the tenths are
/// those nearest to the number, and the even ones if two are.
pub(crate) fn write_bytes_iec(out: &mut String, bytes: u64) {
    const UNITS: [&str; 6] = [" KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];
    if bytes < 1024 {
        push_small(out, bytes as u32);
        out.push_str(" B");
        return;
    }
    let mut unit = 0;
    // What would round to 1024.0 is one of the next unit.
    while unit + 1 < UNITS.len() && tenths(bytes, unit) >= 10_240 {
        unit += 1;
    }
    let tenths = tenths(bytes, unit);
    push_small(out, tenths / 10);
    out.push('.');
    push_small(out, tenths % 10);
    out.push_str(UNITS[unit]);
}

/// Tenths of a unit, of which the first has 1024 bytes; many, if the unit is too small.
fn tenths(bytes: u64, unit: usize) -> u32 {
    let shift = 10 * (unit as u32 + 1);
    let all = u128::from(bytes) * 10;
    let (whole, rest, half) = (all >> shift, all & ((1 << shift) - 1), 1 << (shift - 1));
    let up = rest > half || (rest == half && whole & 1 == 1);
    u32::try_from(whole + u128::from(up)).unwrap_or(u32::MAX)
}

/// Adds a number below 10,000.
fn push_small(out: &mut String, number: u32) {
    for (least, unit) in [(1000, 1000), (100, 100), (10, 10), (0, 1)] {
        if number >= least {
            out.push(char::from(b'0' + (number / unit % 10) as u8));
        }
    }
}

/// Bytes as pptpd-monitor prints them: `0.0b`, `1.4MB`, and `1024.0KB` just below the next unit.
pub fn bytes_compat(bytes: u64) -> String {
    const UNITS: [&str; 9] = ["b", "KB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:3.1}{}", UNITS[unit])
}

/// Seconds as `H:MM:SS`, with days in front: `1 day, 4:12:51`.
pub fn duration(seconds: f64) -> String {
    let mut out = String::new();
    write_duration(&mut out, seconds);
    out
}

/// Adds what `duration` gives.
pub(crate) fn write_duration(out: &mut String, seconds: f64) {
    let whole = if seconds.is_finite() {
        seconds.max(0.0) as u64
    } else {
        0
    };
    match whole / 86_400 {
        0 => {}
        1 => out.push_str("1 day, "),
        days => {
            let _ = write!(out, "{days} days, "); // writing to a text cannot fail
        }
    }
    push_small(out, (whole / 3600 % 24) as u32);
    for part in [whole / 60 % 60, whole % 60] {
        let [tens, ones] = [part / 10, part % 10].map(|digit| char::from(b'0' + digit as u8));
        out.extend([':', tens, ones]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn tenths_are_those_that_the_library_prints(bits in 0_u32..53, bytes: u64) {
            let bytes = (bytes >> (63 - bits)).max(1024);
            let mut value = bytes as f64 / 1024.0;
            let mut unit = 0;
            while value >= 1023.95 {
                value /= 1024.0;
                unit += 1;
            }
            let shown = format!("{value:.1} {}", ["KiB", "MiB", "GiB", "TiB", "PiB"][unit]);
            proptest::prop_assert_eq!(bytes_iec(bytes), shown);
        }
    }

    #[test]
    fn bytes_as_pptpd_monitor_prints_them() {
        let shown = [0, 1023, 1024, 1_048_524, 1_048_525, 1_048_576, u64::MAX].map(bytes_compat);
        assert_eq!(
            shown,
            ["0.0b", "1023.0b", "1.0KB", "1023.9KB", "1024.0KB", "1.0MB", "16.0EB"]
        );
    }

    #[test]
    fn bytes_in_iec_never_show_1024_of_a_unit() {
        let shown = [0, 1023, 1024, 1_500_000, 1_048_525, 1_048_576, u64::MAX].map(bytes_iec);
        assert_eq!(
            shown,
            ["0 B", "1023 B", "1.0 KiB", "1.4 MiB", "1.0 MiB", "1.0 MiB", "16.0 EiB"]
        );
    }

    #[test]
    fn durations() {
        let shown = [0.0, 59.9, 15_171.0, 86_400.0, 187_200.0, f64::NAN, -3.0].map(duration);
        assert_eq!(
            shown,
            [
                "0:00:00",
                "0:00:59",
                "4:12:51",
                "1 day, 0:00:00",
                "2 days, 4:00:00",
                "0:00:00",
                "0:00:00"
            ]
        );
    }
}
