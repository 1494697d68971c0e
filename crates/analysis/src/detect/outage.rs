//! Whether what decides logins is down: then refusals say nothing about who tries, and nothing is counted against anybody.

use std::collections::VecDeque;

use super::rule::Refusal;

/// How far back signs count, microseconds.
const WINDOW: i64 = 900_000_000;
/// How long after the last sign an outage goes on.
const AFTER: i64 = 900_000_000;
/// Most signs that are kept.
const SIGNS_MAX: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// The gateway says that its back end does not answer.
    Silent,
    /// Somebody who has logged in before is not known any more.
    Forgotten,
    /// Somebody failed from where he usually logs in.
    Failed,
    /// Somebody logged in from where he usually does.
    Worked,
}

/// Watches for an outage.
#[derive(Debug, Default)]
pub struct Outage {
    signs: VecDeque<(i64, u64, Sign)>,
    until: Option<i64>,
    /// Users that the present outage has met.
    pub since: i64,
}

impl Outage {
    /// Whether it is going on.
    pub fn is_on(&self, now: i64) -> bool {
        self.until.is_some_and(|until| now <= until)
    }

    /// A back end that does not answer; whether that begins an outage.
    pub fn silent(&mut self, now: i64, user: u64) -> bool {
        self.note(now, user, Sign::Silent)
    }

    /// A login that worked.
    pub fn worked(&mut self, now: i64, user: u64) {
        self.note(now, user, Sign::Worked);
    }

    /// A refusal; whether it begins an outage.
    pub fn refused(&mut self, refusal: &Refusal) -> bool {
        let sign = match (refusal.user_good, refusal.unknown, refusal.known_pair) {
            (true, true, _) => Sign::Forgotten,
            (true, false, true) => Sign::Failed,
            _ => return false,
        };
        self.note(refusal.time, refusal.hash, sign)
    }

    fn note(&mut self, now: i64, user: u64, sign: Sign) -> bool {
        self.signs.push_back((now, user, sign));
        while self.signs.len() > SIGNS_MAX || self.signs.front().is_some_and(|(time, ..)| now - time > WINDOW) {
            self.signs.pop_front();
        }
        // most signs are good ones, and they are not asked
        if sign == Sign::Worked || !self.speaks(now) {
            return false;
        }
        let begins = !self.is_on(now);
        if begins {
            self.since = self.signs.front().map_or(now, |(time, ..)| *time);
        }
        self.until = Some(now + AFTER);
        begins
    }

    /// Two whom it forgot, three tries of two users that it did not answer, or nearly all of at least six who usually get in: on a
    /// morning when a third of the passwords expired half of those who try may fail.
    fn speaks(&self, now: i64) -> bool {
        let users = |wanted: Sign, since: i64| {
            let fits = |(time, _, sign): &&(i64, u64, Sign)| *sign == wanted && *time >= since;
            let mut users: Vec<u64> = self.signs.iter().filter(fits).map(|(_, user, _)| *user).collect();
            let count = users.len();
            users.sort_unstable();
            users.dedup();
            (users.len(), count)
        };
        let ten = now - 600_000_000;
        let (failed, worked) = (users(Sign::Failed, ten).0, users(Sign::Worked, ten).0);
        let silent = users(Sign::Silent, ten);
        users(Sign::Forgotten, i64::MIN).0 >= 2
            || (silent.0 >= 2 && silent.1 >= 3)
            || (failed >= 6 && failed * 10 >= (failed + worked) * 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_who_usually_get_in_fail_at_once() {
        let mut outage = Outage::default();
        assert!((0..5).all(|user| !outage.note(0, user, Sign::Failed)));
        assert!(outage.note(1, 5, Sign::Failed), "the sixth");
        assert!(outage.is_on(AFTER) && !outage.is_on(AFTER + 2));
    }

    #[test]
    fn a_morning_on_which_a_third_fails_is_none() {
        let mut outage = Outage::default();
        let mut begun = false;
        for user in 0..60 {
            let sign = if user % 3 == 0 { Sign::Failed } else { Sign::Worked };
            begun |= outage.note(i64::try_from(user).unwrap_or(0) * 1_000_000, user, sign);
        }
        assert!(!begun);
    }

    #[test]
    fn one_user_alone_is_no_outage() {
        let mut outage = Outage::default();
        assert!((0..50).all(|at| !outage.silent(at, 1) && !outage.note(at, 1, Sign::Forgotten)));
        assert!(outage.silent(51, 2));
    }
}
