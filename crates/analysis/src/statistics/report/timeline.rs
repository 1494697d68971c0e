//! How many sessions began, ended and failed in each stretch of time.

use std::collections::BTreeMap;

/// The finest stretch, microseconds: every zone of the world is a multiple of a quarter of an hour from UTC.
const WIDTH_MIN: i64 = 900_000_000;
/// Stretches held; with more, each becomes twice as long. At the finest they last 22 months without a pause.
const STRETCHES_MAX: usize = 1 << 16;

#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    begun: u64,
    ended: u64,
    failed: u64,
}

/// One column of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// When it begins, microseconds UTC.
    pub start: i64,
    /// Sessions that were up at some time in it.
    pub up: u64,
    /// Sessions that came up in it.
    pub begun: u64,
    /// Failed attempts that began in it.
    pub failed: u64,
}

/// Counts over time, in memory that does not grow with the length of the log.
#[derive(Clone, Debug)]
pub struct Timeline {
    width: i64,
    stretches: BTreeMap<i64, Stretch>,
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline {
            width: WIDTH_MIN,
            stretches: BTreeMap::new(),
        }
    }
}

impl Timeline {
    /// Counts a session; `ended` is absent while it is up.
    pub fn session(&mut self, began: i64, ended: Option<i64>) {
        self.at(began).begun += 1;
        if let Some(ended) = ended {
            // a clock that was set back must not end a session before it began
            self.at(ended.max(began)).ended += 1;
        }
    }

    /// Counts failed attempts.
    pub fn failed(&mut self, time: i64, times: u64) {
        let stretch = self.at(time);
        stretch.failed = stretch.failed.saturating_add(times);
    }

    /// Length of what is held, microseconds.
    pub fn width(&self) -> i64 {
        self.width
    }

    /// The first and the last time of anything counted, to the stretch.
    pub fn range(&self) -> Option<(i64, i64)> {
        let (first, _) = self.stretches.first_key_value()?;
        let (last, _) = self.stretches.last_key_value()?;
        Some((first.saturating_mul(self.width), last.saturating_mul(self.width)))
    }

    /// The counts between each of the given times, which ascend, and the next; the last goes to the end.
    pub fn slots(&self, starts: &[i64]) -> Vec<Slot> {
        let empty = |&start: &i64| Slot {
            start,
            up: 0,
            begun: 0,
            failed: 0,
        };
        let mut slots: Vec<Slot> = starts.iter().map(empty).collect();
        let mut ended = vec![0_u64; slots.len()];
        for (number, stretch) in &self.stretches {
            let start = number.saturating_mul(self.width);
            let at = starts.partition_point(|&other| other <= start);
            if let Some(at) = at.checked_sub(1) {
                slots[at].begun += stretch.begun;
                slots[at].failed = slots[at].failed.saturating_add(stretch.failed);
                ended[at] += stretch.ended;
            }
        }
        let mut before = 0_u64;
        for (slot, ended) in slots.iter_mut().zip(ended) {
            slot.up = before + slot.begun;
            before = slot.up.saturating_sub(ended);
        }
        slots
    }

    /// Sessions begun by the hour of the day, which `hour` tells of a time; absent where what is held is too coarse.
    pub fn hours_of_day(&self, hour: impl Fn(i64) -> usize) -> Option<[u64; 24]> {
        if self.width > 4 * WIDTH_MIN {
            return None;
        }
        let mut hours = [0; 24];
        for (number, stretch) in &self.stretches {
            if let Some(count) = hours.get_mut(hour(number.saturating_mul(self.width))) {
                *count += stretch.begun;
            }
        }
        Some(hours)
    }

    fn at(&mut self, time: i64) -> &mut Stretch {
        let mut number = time.div_euclid(self.width);
        while self.stretches.len() >= STRETCHES_MAX && !self.stretches.contains_key(&number) {
            self.coarsen();
            number = time.div_euclid(self.width);
        }
        self.stretches.entry(number).or_default()
    }

    fn coarsen(&mut self) {
        self.width = self.width.saturating_mul(2);
        for (number, stretch) in std::mem::take(&mut self.stretches) {
            let kept = self.stretches.entry(number.div_euclid(2)).or_default();
            kept.begun += stretch.begun;
            kept.ended += stretch.ended;
            kept.failed = kept.failed.saturating_add(stretch.failed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 4 * WIDTH_MIN;

    #[test]
    fn a_session_is_up_in_every_hour_that_it_touches() {
        let mut timeline = Timeline::default();
        timeline.session(HOUR / 2, Some(2 * HOUR + HOUR / 2));
        timeline.session(2 * HOUR, None);
        timeline.session(3 * HOUR, Some(2 * HOUR)); // the clock was set back
        timeline.failed(HOUR, 3);
        let slots = timeline.slots(&[0, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR]);
        let shown: Vec<_> = slots.iter().map(|slot| (slot.up, slot.begun, slot.failed)).collect();
        assert_eq!(shown, [(1, 1, 0), (1, 0, 3), (2, 1, 0), (2, 1, 0), (1, 0, 0)]);
        assert_eq!(timeline.range(), Some((HOUR / 2, 3 * HOUR)));
    }

    #[test]
    fn what_lies_before_the_first_slot_is_in_none() {
        let mut timeline = Timeline::default();
        timeline.failed(0, 1);
        assert_eq!(timeline.slots(&[HOUR])[0].failed, 0);
        assert_eq!(timeline.slots(&[]), []);
    }

    #[test]
    fn memory_is_bounded_and_nothing_is_lost() {
        let mut timeline = Timeline::default();
        let count = 3 * STRETCHES_MAX as i64;
        for number in 0..count {
            timeline.session(number * WIDTH_MIN, Some(number * WIDTH_MIN));
        }
        assert!(timeline.stretches.len() <= STRETCHES_MAX);
        assert_eq!(timeline.width(), 4 * WIDTH_MIN);
        let slots = timeline.slots(&[0]);
        assert_eq!((slots[0].begun, slots[0].up), (count as u64, count as u64));
        for time in [i64::MIN, i64::MAX, 0] {
            timeline.failed(time, u64::MAX);
            timeline.failed(time, 1);
        }
        assert_eq!(timeline.slots(&[i64::MIN])[0].failed, u64::MAX);
    }

    #[test]
    fn by_the_hour_of_the_day_as_the_zone_has_it() {
        let mut timeline = Timeline::default();
        timeline.session(HOUR + HOUR / 2, None); // 01:30 UTC
        let india = |time: i64| ((time + 5 * HOUR + HOUR / 2).div_euclid(HOUR) % 24) as usize;
        assert_eq!(timeline.hours_of_day(india).map(|hours| hours[7]), Some(1));
        timeline.width = 8 * WIDTH_MIN;
        assert_eq!(timeline.hours_of_day(india), None);
    }
}
