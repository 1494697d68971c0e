//! Days of the calendar, in UTC.

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// The number of a day, written `2026-12-31`, since 1970-01-01; none if there is no such day.
pub fn day(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut next = |digits: usize| -> Option<i64> {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse().ok()).flatten()
    };
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    if parts.next().is_some() {
        return None;
    }
    let number = number(year, month, day);
    // what is no day comes back as another one
    (civil(number) == (year, month, day)).then_some(number)
}

/// The day of a time in microseconds, as `2026-12-31`.
pub fn day_of(micros: i64) -> String {
    let (year, month, day) = civil(micros.div_euclid(DAY));
    format!("{year:04}-{month:02}-{day:02}")
}

/// Howard Hinnant's days_from_civil: years begin in March, so that the leap day is the last.
fn number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil(number: i64) -> (i64, i64, i64) {
    let shifted = number + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_and_what_is_none_is_refused() {
        assert_eq!(day("1970-01-01"), Some(0));
        assert_eq!(day("2024-02-29"), Some(19_782));
        assert_eq!(day("2026-11-21").map(|day| day * DAY), Some(1_795_219_200_000_000));
        for text in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-1-1",
            "26-01-01",
            "2026-01-01-",
            "2026-04-31",
            "today",
            "+026-01-01",
            "",
        ] {
            assert_eq!(day(text), None, "{text}");
        }
        for number in (-800_000..800_000).step_by(97) {
            let text = day_of(number * DAY + 1);
            if !text.starts_with('-') && text.len() == 10 {
                assert_eq!(day(&text), Some(number), "{text}");
            }
        }
    }
}
