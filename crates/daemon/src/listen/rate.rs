//! How often something may happen.

use std::time::{Duration, Instant};

/// Messages that a peer may send: a bucket that fills with the rate and holds the burst.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Messages that may come now; below zero, a debt. None: nothing was taken yet, it is full.
    level: Option<f64>,
    at: Instant,
}

impl Bucket {
    /// Nothing was taken.
    pub fn full() -> Bucket {
        Bucket {
            level: None,
            at: Instant::now(),
        }
    }

    /// Takes one message, if there is one. A `rate` of 0 has no limit.
    pub fn take(&mut self, rate: u32, burst: u32, now: Instant) -> bool {
        if rate == 0 {
            return true;
        }
        let level = self.fill(rate, burst, now);
        let taken = level >= 1.0;
        self.level = Some(if taken { level - 1.0 } else { level });
        taken
    }

    /// Takes messages that are there already; how long it takes until the debt is paid.
    pub fn spend(&mut self, messages: u64, rate: u32, burst: u32, now: Instant) -> Duration {
        if rate == 0 {
            return Duration::ZERO;
        }
        let level = self.fill(rate, burst, now) - messages as f64;
        self.level = Some(level);
        Duration::from_secs_f64((-level / f64::from(rate)).clamp(0.0, 3600.0))
    }

    fn fill(&mut self, rate: u32, burst: u32, now: Instant) -> f64 {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        let burst = f64::from(burst);
        self.level
            .map_or(burst, |level| (level + since * f64::from(rate)).min(burst))
    }
}

/// Things told at once, and how long it takes until another may be.
const TOLD_MAX: u32 = 20;
const TOLD_EACH: Duration = Duration::from_secs(5);

/// Keeps a peer from filling the log with what is wrong with it.
#[derive(Debug)]
pub(super) struct Telling {
    left: u32,
    at: Instant,
    untold: u64,
}

impl Telling {
    /// Nothing was told.
    pub fn new() -> Telling {
        Telling {
            left: TOLD_MAX,
            at: Instant::now(),
            untold: 0,
        }
    }

    /// Whether something may be told, and how much was not told before it.
    pub fn may(&mut self, now: Instant) -> Option<u64> {
        let earned = now.saturating_duration_since(self.at).as_secs() / TOLD_EACH.as_secs();
        if earned > 0 {
            self.left = TOLD_MAX.min(self.left.saturating_add(earned.min(u64::from(TOLD_MAX)) as u32));
            self.at = now;
        }
        if self.left == 0 {
            self.untold += 1;
            return None;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.untold))
    }

    /// It could not be told after all.
    pub fn untold(&mut self, count: u64) {
        self.untold += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_the_burst_and_fills_with_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::full();
        let taken = |bucket: &mut Bucket, at: Duration| (0..100).filter(|_| bucket.take(10, 20, start + at)).count();
        assert_eq!(taken(&mut bucket, Duration::ZERO), 20);
        assert_eq!(taken(&mut bucket, Duration::from_secs(1)), 10);
        assert_eq!(taken(&mut bucket, Duration::from_secs(100)), 20);
        assert!((0..1_000_000).all(|_| bucket.take(0, 0, start)));
    }

    #[test]
    fn a_debt_is_paid_by_waiting() {
        let start = Instant::now();
        let mut bucket = Bucket::full();
        assert_eq!(bucket.spend(20, 10, 20, start), Duration::ZERO);
        assert_eq!(bucket.spend(50, 10, 20, start), Duration::from_secs(5));
        assert_eq!(bucket.spend(0, 10, 20, start + Duration::from_secs(5)), Duration::ZERO);
    }

    #[test]
    fn what_is_not_told_is_counted() {
        let mut telling = Telling::new();
        let start = telling.at;
        let told = (0..100).filter(|_| telling.may(start).is_some()).count();
        assert_eq!(told, 20);
        assert_eq!(telling.may(start + TOLD_EACH), Some(80));
        assert_eq!(telling.may(start + TOLD_EACH), None);
    }
}
