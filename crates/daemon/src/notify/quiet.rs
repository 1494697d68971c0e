//! Hours in which nobody is to be woken: `22:00-07:00`, `Sat,Sun 00:00-24:00`, on the wall clock of a time zone.
//!
//! An interval that ends before it begins ends on the next day. Where the wall clock jumps over a time the interval begins or
//! ends as much later, where it shows a time twice the first counts (RFC 5545 does the same).

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// Intervals that follow each other without a gap; no week has more that differ.
const JOINED_MAX: usize = 64;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// One interval of every day, or of some days of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Interval {
    /// Days on which it begins; none: every day.
    days: Vec<Weekday>,
    from: Time,
    /// Midnight is the end of the day.
    to: Time,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quiet(Vec<Interval>);

impl Quiet {
    /// Reads intervals.
    ///
    /// # Errors
    /// What is none.
    pub fn parse(all: &[String]) -> Result<Quiet, String> {
        all.iter()
            .map(|text| interval(text))
            .collect::<Result<_, _>>()
            .map(Quiet)
    }

    /// When it ends, if it is quiet at a time (microseconds UTC).
    pub fn until(&self, now: i64, zone: &TimeZone) -> Option<i64> {
        let mut end = None;
        let mut at = now;
        for _ in 0..JOINED_MAX {
            let Some(later) = self.0.iter().filter_map(|one| one.end(at, zone)).max() else {
                break;
            };
            at = later;
            end = Some(later);
        }
        end
    }
}

impl Interval {
    fn end(&self, now: i64, zone: &TimeZone) -> Option<i64> {
        let today = Timestamp::from_microsecond(now).ok()?.to_zoned(zone.clone()).date();
        [today.yesterday().ok()?, today]
            .into_iter()
            .filter(|day| self.days.is_empty() || self.days.contains(&day.weekday()))
            .filter_map(|day| self.on(day, zone))
            .find(|(from, to)| (*from..*to).contains(&now))
            .map(|(_, to)| to)
    }

    fn on(&self, day: Date, zone: &TimeZone) -> Option<(i64, i64)> {
        let next = day.checked_add(Span::new().days(1)).ok()?;
        let last = if self.to <= self.from { next } else { day };
        let moment = |day: Date, time: Time| {
            let zoned = day.to_datetime(time).to_zoned(zone.clone()).ok()?;
            Some(zoned.timestamp().as_microsecond())
        };
        Some((moment(day, self.from)?, moment(last, self.to)?))
    }
}

fn interval(text: &str) -> Result<Interval, String> {
    let wrong = |what: &str| format!("`{text}`: {what}: write \"22:00-07:00\" or \"Sat,Sun 00:00-24:00\"");
    let (days, times) = match text.trim().rsplit_once(char::is_whitespace) {
        Some((days, times)) => (days.trim(), times),
        None => ("", text.trim()),
    };
    let (from, to) = times.split_once('-').ok_or_else(|| wrong("no times"))?;
    let from = time(from, false).ok_or_else(|| wrong("no time to begin at"))?;
    let to = time(to, true).ok_or_else(|| wrong("no time to end at"))?;
    if from == to && from != Time::midnight() {
        return Err(wrong("it ends when it begins"));
    }
    let days = days.split(',').map(str::trim).filter(|day| !day.is_empty());
    let days = days
        .map(|day| weekday(day).ok_or_else(|| wrong("no day of the week")))
        .collect::<Result<_, _>>()?;
    Ok(Interval { days, from, to })
}

fn weekday(text: &str) -> Option<Weekday> {
    let text = text.to_ascii_lowercase();
    DAYS.iter().find(|(name, _)| *name == text).map(|(_, day)| *day)
}

fn time(text: &str, end: bool) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let number = |text: &str| match text.len() {
        1 | 2 if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse::<i8>().ok(),
        _ => None,
    };
    match (number(hour)?, number(minute)?) {
        (24, 0) if end => Some(Time::midnight()),
        (hour, minute) => Time::new(hour, minute, 0, 0).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(hours: &[&str], zone: &str, now: &str) -> Option<String> {
        let hours: Vec<String> = hours.iter().map(|text| (*text).to_owned()).collect();
        let quiet = Quiet::parse(&hours).expect("quiet hours");
        let zone = TimeZone::get(zone).expect("a zone");
        let now: Timestamp = now.parse().expect("a time");
        let end = quiet.until(now.as_microsecond(), &zone)?;
        Some(Timestamp::from_microsecond(end).expect("a time").to_string())
    }

    #[test]
    fn a_night_ends_on_the_next_day() {
        let night = |now| until(&["22:00-07:00"], "UTC", now);
        assert_eq!(night("2026-11-18T21:59:59Z"), None);
        assert_eq!(night("2026-11-18T22:00:00Z").as_deref(), Some("2026-11-19T07:00:00Z"));
        assert_eq!(night("2026-11-19T06:59:59Z").as_deref(), Some("2026-11-19T07:00:00Z"));
        assert_eq!(night("2026-11-19T07:00:00Z"), None);
    }

    #[test]
    fn a_weekend_is_one() {
        // 2026-11-21 is a Saturday
        let weekend = |now| until(&["22:00-07:00", "Sat,Sun 00:00-24:00"], "UTC", now);
        assert_eq!(weekend("2026-11-20T23:00:00Z").as_deref(), Some("2026-11-23T07:00:00Z"));
        assert_eq!(weekend("2026-11-22T12:00:00Z").as_deref(), Some("2026-11-23T07:00:00Z"));
        assert_eq!(weekend("2026-11-23T07:00:00Z"), None);
    }

    #[test]
    fn clocks_are_put_forward_and_back() {
        // 2026-03-29 at 02:00 it is 03:00 in Berlin; on 2026-10-25 it is 02:00 twice
        let berlin = |hours: &str, now| until(&[hours], "Europe/Berlin", now);
        assert_eq!(
            berlin("22:00-07:00", "2026-03-28T22:00:00Z").as_deref(),
            Some("2026-03-29T05:00:00Z"),
            "the night has eight hours"
        );
        assert_eq!(
            berlin("22:00-07:00", "2026-10-24T22:00:00Z").as_deref(),
            Some("2026-10-25T06:00:00Z"),
            "the night has ten hours"
        );
        assert_eq!(
            berlin("22:00-02:30", "2026-03-28T22:00:00Z").as_deref(),
            Some("2026-03-29T01:30:00Z"),
            "half past two does not come: half past three"
        );
        assert_eq!(
            berlin("22:00-02:30", "2026-10-24T22:00:00Z").as_deref(),
            Some("2026-10-25T00:30:00Z"),
            "half past two comes twice: the first"
        );
        assert_eq!(berlin("22:00-02:30", "2026-10-25T01:10:00Z"), None, "the second hour");
    }

    #[test]
    fn always_quiet_ends_and_nonsense_is_refused() {
        assert!(until(&["00:00-24:00"], "UTC", "2026-11-18T10:00:00Z").is_some());
        for text in [
            "",
            "22-7",
            "22:00",
            "25:00-07:00",
            "22:00-24:30",
            "07:00-07:00",
            "Sun 1:00 2:00",
            "Xyz 1:00-2:00",
            "24:00-1:00",
        ] {
            assert!(Quiet::parse(&[text.to_owned()]).is_err(), "{text}");
        }
    }
}
