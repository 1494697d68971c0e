//! A chart of cumulative sums (Page 1954) over event time: it adds what comes, takes away what is usual, and crosses its
//! bar when there is more than usual for long enough. Used for attacks that no single source gives away.

use std::collections::VecDeque;

/// Microseconds of one bin, the unit of the baseline.
pub const BIN: i64 = 600_000_000;
const HOUR: i64 = 3_600_000_000;
/// Hours that the baseline remembers: 14 days.
const HOURS: usize = 336;

/// A chart.
#[derive(Clone, Debug, Default)]
pub struct Cusum {
    sum: f64,
    /// Event time of the last change.
    at: i64,
    /// When the sum began to rise from nothing.
    since: i64,
    /// Totals of full hours, oldest first.
    hours: VecDeque<f32>,
    hour: i64,
    total: f32,
    /// What is usual in one bin; it changes with the hours only.
    usual: f64,
}

impl Cusum {
    /// Adds `weight`; the sum then, in standard deviations of what is usual. `learn`: it is part of what is usual, not of an
    /// attack that is known.
    pub fn add(&mut self, now: i64, weight: f64, slack: f64, learn: bool) -> f64 {
        self.turn(now);
        let bins = now.saturating_sub(self.at).max(0) as f64 / BIN as f64;
        self.at = now.max(self.at);
        let rest = (self.sum - bins * (self.usual + slack * self.deviation())).max(0.0);
        if rest == 0.0 {
            self.since = now;
        }
        self.sum = rest + weight;
        if learn {
            self.total += weight as f32;
        }
        self.sum / self.deviation()
    }

    /// When the rise began that the sum shows.
    pub fn since(&self) -> i64 {
        self.since
    }

    /// What is usual in ten minutes.
    pub fn usual(&self) -> f64 {
        self.usual
    }

    /// Begins anew after an alarm; the hour that gave it is no part of what is usual.
    pub fn reset(&mut self) {
        self.sum = 0.0;
        self.total = 0.0;
    }

    fn deviation(&self) -> f64 {
        self.usual.sqrt().max(1.0)
    }

    /// Closes hours that are over.
    fn turn(&mut self, now: i64) {
        let hour = now.div_euclid(HOUR);
        if self.hour == 0 {
            self.hour = hour;
            (self.at, self.since) = (now, now);
        }
        let over = hour.saturating_sub(self.hour);
        if over <= 0 {
            return;
        }
        self.hours.push_back(self.total);
        for _ in 1..over.min(HOURS as i64) {
            self.hours.push_back(0.0);
        }
        while self.hours.len() > HOURS {
            self.hours.pop_front();
        }
        (self.hour, self.total) = (hour, 0.0);
        self.usual = usual_of(&self.hours);
    }
}

/// The mean of hours without the highest twentieth, for one bin. Below a day nothing is usual.
fn usual_of(hours: &VecDeque<f32>) -> f64 {
    if hours.len() < 24 {
        return 0.0;
    }
    let mut sorted: Vec<f32> = hours.iter().copied().collect();
    sorted.sort_by(f32::total_cmp);
    sorted.truncate(sorted.len() - sorted.len().div_ceil(20));
    let sum: f64 = sorted.iter().map(|total| f64::from(*total)).sum();
    sum / sorted.len() as f64 * (BIN as f64 / HOUR as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_burst_crosses_and_the_usual_does_not() {
        let mut chart = Cusum::default();
        // one in twenty minutes, for ten days: less than the slack
        for step in 1..720_i64 {
            assert!(chart.add(step * 2 * BIN, 1.0, 1.0, true) < 7.0, "{step}");
        }
        let end = 720 * 2 * BIN;
        let crossed = (1..40).find(|step| chart.add(end + step * 60_000_000, 1.0, 1.0, true) > 7.0);
        assert!(crossed.is_some_and(|step| step <= 12), "{crossed:?}");
    }

    proptest! {
        #[test]
        fn it_goes_on_over_any_gap(waits in proptest::collection::vec(0i64..100 * HOUR, 1..200)) {
            let mut chart = Cusum::default();
            let mut now = HOUR;
            for wait in waits {
                now += wait;
                let sum = chart.add(now, 1.0, 1.0, true);
                prop_assert!(sum.is_finite() && sum >= 0.0);
                prop_assert!(chart.hours.len() <= HOURS && chart.since() <= now);
            }
        }
    }
}
