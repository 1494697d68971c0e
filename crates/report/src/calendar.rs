//! Days, weeks, months and years on the wall clock of a zone.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};
use tunlog_analysis::statistics::usage::{Calendar, Whole};

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// From midnight to midnight; 23 or 25 hours where the clocks are changed.
    Day,
    /// ISO 8601: from Monday on.
    Week,
    /// From the first of the month on.
    Month,
    /// From 1 January on.
    Year,
    /// All time.
    Whole,
}

impl Step {
    /// Every step with its word.
    pub const ALL: &[(Step, &str)] = &[
        (Step::Day, "day"),
        (Step::Week, "week"),
        (Step::Month, "month"),
        (Step::Year, "year"),
        (Step::Whole, "all"),
    ];
}

/// The periods of a zone.
#[derive(Debug)]
pub struct WallCalendar {
    zone: TimeZone,
    step: Step,
    /// Periods that were asked for, by their beginnings: a log asks for the same ones again and again.
    known: RefCell<BTreeMap<i64, i64>>,
}

/// Periods that are remembered.
const KNOWN_MAX: usize = 10_000;

impl WallCalendar {
    /// Of a zone, in steps.
    pub fn new(zone: TimeZone, step: Step) -> WallCalendar {
        WallCalendar {
            zone,
            step,
            known: RefCell::default(),
        }
    }

    fn local(&self, time: i64) -> Option<Zoned> {
        Some(Timestamp::from_microsecond(time).ok()?.to_zoned(self.zone.clone()))
    }

    /// The first day of the period of a moment, and that of the next one.
    fn days(&self, time: i64) -> Option<(Date, Date)> {
        let today = self.local(time)?.date();
        let begins = match self.step {
            Step::Whole => return None,
            Step::Day => today,
            Step::Week => today
                .checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days())
                .ok()?,
            Step::Month => today.first_of_month(),
            Step::Year => today.first_of_year(),
        };
        let step = match self.step {
            Step::Whole | Step::Day => 1.day(),
            Step::Week => 1.week(),
            Step::Month => 1.month(),
            Step::Year => 1.year(),
        };
        Some((begins, begins.checked_add(step).ok()?))
    }

    fn midnight(&self, day: Date) -> Option<i64> {
        // the first moment of the day, also where the clocks are set forward at midnight
        Some(day.to_zoned(self.zone.clone()).ok()?.timestamp().as_microsecond())
    }
}

impl Calendar for WallCalendar {
    fn period(&self, time: i64) -> (i64, i64) {
        if let Some((begins, ends)) = self.known.borrow().range(..=time).next_back()
            && time < *ends
        {
            return (*begins, *ends);
        }
        let found = self
            .days(time)
            .and_then(|(begins, ends)| Some((self.midnight(begins)?, self.midnight(ends)?)))
            .filter(|(begins, ends)| (*begins..*ends).contains(&time));
        let Some((begins, ends)) = found else {
            return Whole.period(time); // beyond the calendar
        };
        let mut known = self.known.borrow_mut();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(begins, ends);
        (begins, ends)
    }

    fn name(&self, begins: i64) -> String {
        let Some(day) = self.local(begins).map(|local| local.date()) else {
            return String::new();
        };
        match self.step {
            Step::Whole => String::new(),
            Step::Day => day.to_string(),
            Step::Week => {
                let week = day.iso_week_date();
                format!("{}-W{:02}", week.year(), week.week())
            }
            Step::Month => day.strftime("%Y-%m").to_string(),
            Step::Year => day.strftime("%Y").to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a time").as_microsecond()
    }

    fn shown(zone: &str, step: Step, time: &str) -> String {
        let calendar = WallCalendar::new(TimeZone::get(zone).expect("a zone"), step);
        let (begins, ends) = calendar.period(at(time));
        for known in [begins, at(time), ends - 1] {
            assert_eq!(
                calendar.period(known),
                (begins, ends),
                "the same from any of its moments"
            );
        }
        assert_eq!(calendar.period(ends).0, ends, "the next one begins where it ends");
        let stamp = |time: i64| Timestamp::from_microsecond(time).expect("a time").to_string();
        format!("{} {} {}", calendar.name(begins), stamp(begins), stamp(ends))
    }

    #[test]
    fn periods_are_those_of_the_wall_clock() {
        let berlin = |step, time| shown("Europe/Berlin", step, time);
        assert_eq!(
            berlin(Step::Day, "2026-11-20T23:30:00Z"),
            "2026-11-21 2026-11-20T23:00:00Z 2026-11-21T23:00:00Z"
        );
        // the clocks go back at three: 25 hours
        assert_eq!(
            berlin(Step::Day, "2026-10-25T12:00:00Z"),
            "2026-10-25 2026-10-24T22:00:00Z 2026-10-25T23:00:00Z"
        );
        assert_eq!(
            berlin(Step::Month, "2026-02-28T22:59:59Z"),
            "2026-02 2026-01-31T23:00:00Z 2026-02-28T23:00:00Z"
        );
        // 1 January 2027 is a Friday: of the last week of 2026
        assert_eq!(
            berlin(Step::Week, "2027-01-01T10:00:00Z"),
            "2026-W53 2026-12-27T23:00:00Z 2027-01-03T23:00:00Z"
        );
        assert_eq!(
            berlin(Step::Year, "2026-12-31T23:00:00Z"),
            "2027 2026-12-31T23:00:00Z 2027-12-31T23:00:00Z"
        );
        // a day that begins at one o'clock
        assert_eq!(
            shown("Africa/Cairo", Step::Day, "2026-04-24T10:00:00Z"),
            "2026-04-24 2026-04-23T22:00:00Z 2026-04-24T21:00:00Z"
        );
    }

    #[test]
    fn beyond_the_calendar_all_time_is_one() {
        let calendar = WallCalendar::new(TimeZone::UTC, Step::Day);
        for time in [i64::MIN, i64::MAX] {
            assert_eq!(calendar.period(time), Whole.period(time));
        }
        assert_eq!(calendar.name(i64::MIN), "");
    }
}
