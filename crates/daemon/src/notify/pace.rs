//! How fast: messages a minute, and the waits between tries.

use std::hash::{BuildHasher as _, Hasher as _};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

/// So many messages a minute, some of them at once (a token bucket). Times are microseconds.
#[derive(Clone, Debug)]
pub struct Bucket {
    per_minute: u32,
    /// Tokens in units of 1 / `MINUTE`, so that nothing is lost to rounding. May be negative: what is urgent does not wait.
    filled: i64,
    last: i64,
}

impl Bucket {
    /// A full one; without a limit if `per_minute` is 0.
    pub fn new(per_minute: u32, now: i64) -> Bucket {
        let mut bucket = Bucket {
            per_minute,
            filled: 0,
            last: now,
        };
        bucket.filled = bucket.room();
        bucket
    }

    fn room(&self) -> i64 {
        // a burst is a third of a minute's messages
        i64::from((self.per_minute / 3).max(1)) * MINUTE
    }

    /// How many messages may go now.
    pub fn tokens(&mut self, now: i64) -> u64 {
        if self.per_minute == 0 {
            return u64::MAX;
        }
        // a clock that was set back fills nothing, and takes nothing
        let passed = now.saturating_sub(self.last).clamp(0, 3 * MINUTE);
        self.last = now;
        self.filled = (self.filled + passed * i64::from(self.per_minute)).min(self.room());
        u64::try_from(self.filled / MINUTE).unwrap_or(0)
    }

    /// One went.
    pub fn take(&mut self) {
        self.filled = (self.filled - MINUTE).max(-self.room());
    }

    /// When the next one may go.
    pub fn next(&mut self, now: i64) -> i64 {
        if self.tokens(now) > 0 {
            return now;
        }
        let missing = MINUTE - self.filled;
        now + (missing + i64::from(self.per_minute) - 1) / i64::from(self.per_minute)
    }
}

/// Microseconds until the next try after so many that failed: doubled each time from `first` to `longest`, and spread by a
/// quarter, so that many do not come back at once.
pub fn backoff(failed: u32, first: i64, longest: i64, random: u64) -> i64 {
    let doubled = first.saturating_mul(1_i64 << failed.saturating_sub(1).min(40));
    let wait = doubled.clamp(first.min(longest), longest).max(1);
    let spread = wait / 4;
    let offset = i64::try_from(random % u64::try_from(2 * spread + 1).unwrap_or(1)).unwrap_or(0);
    wait - spread + offset
}

/// A number that nobody can foresee well; not for keys.
pub fn random() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_a_burst_and_fills_again() {
        let mut bucket = Bucket::new(6, 0);
        assert_eq!(bucket.tokens(0), 2);
        bucket.take();
        bucket.take();
        assert_eq!(bucket.next(0), 10 * SECOND);
        assert_eq!(bucket.tokens(10 * SECOND - 1), 0);
        assert_eq!(bucket.tokens(10 * SECOND), 1);
        // a clock that was set back
        assert_eq!(bucket.tokens(0), 1);
        assert_eq!(bucket.tokens(1_000 * SECOND), 2);
        // what is urgent overdraws, to a limit
        for _ in 0..100 {
            bucket.take();
        }
        assert_eq!(bucket.next(1_000 * SECOND), 1_030 * SECOND);
        assert_eq!(Bucket::new(0, 0).tokens(0), u64::MAX);
    }

    #[test]
    fn waits_are_doubled_spread_and_bounded() {
        for random in [0, 1, 12_345, u64::MAX] {
            let mut last = 0;
            for failed in 1..100 {
                let wait = backoff(failed, 2 * SECOND, 600 * SECOND, random);
                let middle = (2 * SECOND).saturating_mul(1 << (failed - 1).min(20)).min(600 * SECOND);
                assert!((middle * 3 / 4..=middle * 5 / 4).contains(&wait), "{failed}: {wait}");
                assert!(wait >= last * 3 / 5, "{failed}");
                last = wait;
            }
        }
        assert!(backoff(1, 0, 0, 7) >= 0);
    }
}
