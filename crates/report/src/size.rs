//! Sizes and durations for people.

/// Bytes in IEC units: `0 B`, `1.4 MiB`.
pub fn bytes_iec(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would round to 1024.0 is one of the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
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
    let whole = if seconds.is_finite() {
        seconds.max(0.0) as u64
    } else {
        0
    };
    let mut clock = String::with_capacity(8);
    let hours = (whole / 3600 % 24) as u8;
    if hours >= 10 {
        clock.push(char::from(b'0' + hours / 10));
    }
    clock.push(char::from(b'0' + hours % 10));
    for part in [whole / 60 % 60, whole % 60] {
        let [tens, ones] = [part / 10, part % 10].map(|digit| char::from(b'0' + digit as u8));
        clock.extend([':', tens, ones]);
    }
    match whole / 86_400 {
        0 => clock,
        1 => format!("1 day, {clock}"),
        days => format!("{days} days, {clock}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
