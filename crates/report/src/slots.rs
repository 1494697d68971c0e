//! The columns of a chart over time: whole days of a zone, cut so that a chart has a readable number of columns.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};
use tunlog_analysis::statistics::report::timeline::{Slot, Timeline};

/// Columns of a chart.
const SLOTS_MAX: i64 = 240;
/// Hours of a column that divide a day, as long as there are not too many days.
const HOURS: [i64; 4] = [1, 3, 6, 12];
const HOUR: i64 = 3_600_000_000;

/// Columns of one length.
#[derive(Clone, Debug, PartialEq)]
pub struct Slots {
    /// Hours of a column. A day on which the clock is changed has an hour more or less.
    pub hours: i64,
    /// The columns.
    pub slots: Vec<Slot>,
}

impl Slots {
    /// Of everything counted, up to the end of the evidence; none if nothing was counted.
    pub fn of(timeline: &Timeline, last: Option<i64>, zone: &TimeZone) -> Option<Slots> {
        let (first, counted) = timeline.range()?;
        let last = last.map_or(counted, |last| last.max(counted));
        let (from, until) = (midnight(first, zone)?, midnight(last, zone)?);
        let days = (until.date() - from.date()).get_days().unsigned_abs();
        let days = i64::from(days) + 1;
        let fits = |hours: &i64| {
            days * 24 / hours <= SLOTS_MAX && timeline.width() <= hours * HOUR && (hours * HOUR) % timeline.width() == 0
        };
        let hours = HOURS.into_iter().find(fits).unwrap_or_else(|| match days {
            ..=SLOTS_MAX => 24,
            days if days <= 7 * SLOTS_MAX => 7 * 24,
            days => (days + SLOTS_MAX - 1) / SLOTS_MAX * 24,
        });
        let starts = starts(from, &until, hours);
        let mut slots = timeline.slots(&starts);
        // what is still up at the end of the evidence is not known to be up later
        slots
            .iter_mut()
            .filter(|slot| slot.start > last)
            .for_each(|slot| slot.up = 0);
        Some(Slots { hours, slots })
    }

    /// The length of a column in words.
    pub fn each(&self) -> String {
        match self.hours {
            1 => "hour".to_owned(),
            24 => "day".to_owned(),
            168 => "week".to_owned(),
            hours if hours < 24 => format!("{hours} hours"),
            hours => format!("{} days", hours / 24),
        }
    }
}

fn midnight(micros: i64, zone: &TimeZone) -> Option<Zoned> {
    let time = Timestamp::from_microsecond(micros).ok()?;
    time.to_zoned(zone.clone()).start_of_day().ok()
}

/// The beginnings of columns from one midnight to the end of another day.
fn starts(from: Zoned, until: &Zoned, hours: i64) -> Vec<i64> {
    let step = (hours / 24).max(1);
    let mut starts = Vec::new();
    let mut day = from;
    while day <= *until {
        let start = day.timestamp().as_microsecond();
        // the calendar ends somewhere: so does the chart
        let next = day.checked_add(step.days()).and_then(|next| next.start_of_day()).ok();
        let Some(next) = next else {
            starts.push(start);
            break;
        };
        let end = next.timestamp().as_microsecond();
        if hours < 24 {
            let width = usize::try_from(hours * HOUR).unwrap_or(usize::MAX);
            starts.extend((start..end).step_by(width));
        } else {
            starts.push(start);
        }
        day = next;
    }
    starts
}

/// The hour of the day of a time.
pub(crate) fn hour_of_day(micros: i64, zone: &TimeZone) -> usize {
    let time = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
    usize::try_from(zone.to_datetime(time).hour()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20T09:00:00Z.
    const MORNING: i64 = 1_795_165_200_000_000;
    const DAY: i64 = 24 * HOUR;

    fn slots(times: &[i64], zone: &str) -> Slots {
        let mut timeline = Timeline::default();
        times.iter().for_each(|time| timeline.session(*time, Some(*time)));
        let zone = TimeZone::get(zone).expect("a zone");
        Slots::of(&timeline, None, &zone).expect("columns")
    }

    #[test]
    fn a_morning_is_a_day_of_hours() {
        let found = slots(&[MORNING, MORNING + HOUR / 2], "Europe/Berlin");
        assert_eq!((found.hours, found.slots.len()), (1, 24));
        assert_eq!((found.slots[10].begun, found.slots[10].start), (2, MORNING));
        assert_eq!(found.each(), "hour");
    }

    #[test]
    fn longer_times_have_longer_columns_and_lose_nothing() {
        let cases = [
            (9, 1, 240, "hour"),
            (10, 3, 88, "3 hours"),
            (59, 6, 240, "6 hours"),
            (119, 12, 240, "12 hours"),
            (200, 24, 201, "day"),
            (1000, 168, 143, "week"),
            (100_000, 417 * 24, 240, "417 days"),
        ];
        for (days, hours, count, each) in cases {
            let found = slots(&[MORNING, MORNING + days * DAY], "UTC");
            let begun: u64 = found.slots.iter().map(|slot| slot.begun).sum();
            assert_eq!(
                (found.hours, found.slots.len(), found.each().as_str(), begun),
                (hours, count, each, 2),
                "{days}"
            );
        }
    }

    #[test]
    fn the_day_on_which_the_clock_is_set_back_has_25_hours() {
        // 2026-10-25 in Berlin
        let found = slots(&[1_792_900_000_000_000], "Europe/Berlin");
        assert_eq!(found.slots.len(), 25);
    }

    #[test]
    fn what_is_open_is_not_shown_beyond_the_evidence() {
        let mut timeline = Timeline::default();
        timeline.session(MORNING, None);
        let found = Slots::of(&timeline, Some(MORNING + 2 * HOUR), &TimeZone::UTC).expect("columns");
        let up: Vec<u64> = found.slots.iter().map(|slot| slot.up).collect();
        assert_eq!(up[8..13], [0, 1, 1, 1, 0]);
    }

    #[test]
    fn times_beyond_the_calendar_give_no_chart() {
        let mut timeline = Timeline::default();
        timeline.failed(i64::MAX, 1);
        assert_eq!(Slots::of(&timeline, None, &TimeZone::UTC), None);
        assert_eq!(Slots::of(&Timeline::default(), None, &TimeZone::UTC), None);
        let mut timeline = Timeline::default();
        timeline.failed(253_402_207_000_000_000, 1);
        timeline.failed(0, 1);
        let found = Slots::of(&timeline, None, &TimeZone::UTC).expect("columns");
        assert!(found.slots.len() <= 241, "{}", found.slots.len());
    }
}
