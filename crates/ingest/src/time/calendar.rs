//! Arithmetic of the Gregorian calendar.

/// Whether a year has a 29 February.
pub(crate) fn is_leap(year: i16) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a month, 1 to 12; 0 for other months.
pub(crate) fn days_in_month(year: i16, month: u8) -> u8 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 0,
    }
}

/// Whether such a day exists.
pub(crate) fn is_date(year: i16, month: u8, day: u8) -> bool {
    (1..=9999).contains(&year) && day >= 1 && day <= days_in_month(year, month)
}

/// Days from 1970-01-01 to the day. A day beyond its month's end counts on into the next month.
pub(crate) fn days_of(year: i16, month: u8, day: u8) -> i64 {
    // Years that begin in March put the leap day at their end (Hinnant, "chrono-compatible low-level date algorithms").
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let month_from_march = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Seconds from 1970-01-01T00:00:00 to the second of the day, in a zone without offset.
pub(crate) fn seconds_of(year: i16, month: u8, day: u8, second: u32) -> i64 {
    days_of(year, month, day) * 86_400 + i64::from(second)
}

/// The year of a time, microseconds UTC.
pub(crate) fn year_of(micros: i64) -> i16 {
    let days = micros.div_euclid(super::DAY);
    let mut year = (1970 + days.div_euclid(365).clamp(-9000, 8000)) as i16;
    while days_of(year, 1, 1) > days {
        year -= 1;
    }
    year
}
