//! Leaky buckets: what is poured in runs out at a constant rate, so a level says how much came lately without keeping it.

/// How much a bucket holds and how fast it leaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The level above which it overflows.
    pub capacity: f64,
    /// Seconds in which one unit runs out.
    pub leak_s: f64,
}

/// A bucket. It does not know its scale: a thousand of them share one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bucket {
    level: f64,
    /// Microseconds of event time.
    filled: i64,
}

impl Bucket {
    /// The level at a time.
    pub fn level(&self, now: i64, scale: Scale) -> f64 {
        let seconds = now.saturating_sub(self.filled).max(0) as f64 / 1e6;
        (self.level - seconds / scale.leak_s).max(0.0)
    }

    /// Pours `weight` in; whether the bucket overflows.
    pub fn pour(&mut self, now: i64, weight: f64, scale: Scale) -> bool {
        self.level = self.level(now, scale) + weight;
        self.filled = self.filled.max(now);
        self.level > scale.capacity
    }

    /// Takes out what turned out to be harmless.
    pub fn take(&mut self, weight: f64) {
        self.level = (self.level - weight).max(0.0);
    }

    /// Empties it.
    pub fn empty(&mut self) {
        self.level = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCALE: Scale = Scale {
        capacity: 6.0,
        leak_s: 60.0,
    };

    #[test]
    fn seven_at_once_overflow_and_one_a_minute_never_does() {
        let mut bucket = Bucket::default();
        assert!((0..6).all(|_| !bucket.pour(0, 1.0, SCALE)));
        assert!(bucket.pour(0, 1.0, SCALE));
        let mut slow = Bucket::default();
        assert!((0..1000).all(|minute| !slow.pour(minute * 60_000_000, 1.0, SCALE)));
    }

    proptest! {
        #[test]
        fn a_level_is_never_negative_and_never_above_what_was_poured(steps in proptest::collection::vec((0i64..200_000_000, 0f64..3.0), 1..60)) {
            let mut bucket = Bucket::default();
            let (mut now, mut poured) = (0, 0.0);
            for (wait, weight) in steps {
                now += wait;
                poured += weight;
                bucket.pour(now, weight, SCALE);
                let level = bucket.level(now, SCALE);
                prop_assert!(level >= 0.0 && level <= poured + 1e-9);
                prop_assert!(bucket.level(now + 1_000_000, SCALE) <= level);
            }
        }
    }
}
