//! How often something was seen, of whom, from where, and where it stands: bounded, whatever the logs hold.

use std::collections::BTreeSet;
use std::net::IpAddr;

use tunlog_model::{Attempt, Event, Field, SourceId, text};

use super::Scene;
use crate::day::day_of;
use crate::{Check, Rule, Seen};

/// Most users, addresses and gateways that one check lists.
pub const LISTED_MAX: usize = 500;
/// Users that a sentence names.
const NAMED_MAX: usize = 3;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How often.
    pub count: u64,
    first: i64,
    last: i64,
    users: BTreeSet<Box<str>>,
    addresses: BTreeSet<IpAddr>,
    gateways: BTreeSet<Box<str>>,
    /// There are more users than are listed.
    more: bool,
    /// The line that told of the last one.
    place: Option<(SourceId, u64)>,
}

fn insert<T: Ord>(set: &mut BTreeSet<T>, value: T) -> bool {
    let fits = set.len() < LISTED_MAX || set.contains(&value);
    if fits {
        set.insert(value);
    }
    fits
}

impl Tally {
    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// When it was seen last, microseconds UTC.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// Takes a session, or a log-in.
    pub fn attempt(&mut self, attempt: &Attempt) {
        let time = attempt.up.unwrap_or(attempt.started);
        let place = attempt.evidence.first().map(|line| (line.source, line.line));
        self.seen(time, attempt.times.max(1), place);
        if let Some(user) = attempt.user.as_deref().filter(|user| !user.is_empty()) {
            self.user(user);
        }
        if let Some(address) = attempt.client_ip {
            insert(&mut self.addresses, address);
        }
        if let Some(gateway) = attempt.gateway.as_deref() {
            self.gateway(gateway);
        }
    }

    /// Takes a line.
    pub fn event(&mut self, event: &Event<'_>) {
        self.seen(
            event.time.micros,
            event.times.max(1),
            Some((event.source, event.line())),
        );
        if let Some(user) = event.text(Field::User).filter(|user| !user.is_empty()) {
            self.user(&user);
        }
        if let Some(address) = event.ip(Field::ClientIp) {
            insert(&mut self.addresses, address);
        }
        if !event.host().is_empty() {
            self.gateway(&text::lossy(event.host()));
        }
    }

    /// Takes something that has no line.
    pub fn time(&mut self, time: i64) {
        self.seen(time, 1, None);
    }

    /// Takes in what another one has seen.
    pub fn merge(&mut self, other: Tally) {
        if other.is_empty() {
            return;
        }
        self.seen(other.first, 0, None);
        self.count = self.count.saturating_add(other.count);
        // an empty one has no first yet
        self.first = self.first.min(other.first);
        if other.last >= self.last {
            self.last = other.last;
            self.place = other.place.or(self.place);
        }
        self.more |= other.more;
        for user in &other.users {
            self.user(user);
        }
        for address in other.addresses {
            insert(&mut self.addresses, address);
        }
        for gateway in &other.gateways {
            self.gateway(gateway);
        }
    }

    fn seen(&mut self, time: i64, times: u64, place: Option<(SourceId, u64)>) {
        self.first = if self.is_empty() { time } else { self.first.min(time) };
        if self.is_empty() || time >= self.last {
            self.last = time;
            self.place = place.or(self.place);
        }
        self.count = self.count.saturating_add(times);
    }

    fn user(&mut self, user: &str) {
        if !self.users.contains(user) {
            self.more |= !insert(&mut self.users, user.into());
        }
    }

    fn gateway(&mut self, gateway: &str) {
        if !self.gateways.contains(gateway) {
            insert(&mut self.gateways, gateway.into());
        }
    }

    /// `12 sessions of 3 users (anna, bob, carl), the last on 2026-11-20`.
    pub fn words(&self, one: &str, many: &str) -> String {
        let last = day_of(self.last);
        match self.count {
            1 => format!("1 {one}{}, on {last}", self.of_whom()),
            count => format!("{count} {many}{}, the last on {last}", self.of_whom()),
        }
    }

    fn of_whom(&self) -> String {
        let shown = |user| text::visible(user).into_owned();
        let names: Vec<String> = self
            .users
            .iter()
            .take(NAMED_MAX)
            .map(|user| &**user)
            .map(shown)
            .collect();
        match self.users.len() {
            0 => String::new(),
            1 => format!(" of {}", names.join("")),
            count if count <= NAMED_MAX => format!(" of {count} users ({})", names.join(", ")),
            count if self.more => format!(" of more than {count} users ({}, …)", names.join(", ")),
            count => format!(" of {count} users ({}, …)", names.join(", ")),
        }
    }

    /// The check that it makes.
    pub fn check(&self, rule: &'static Rule, scene: &Scene<'_>, summary: String) -> Check {
        let mut check = Check::new(rule, summary);
        if let Some((source, line)) = self.place {
            check.file = Some(scene.name(source));
            // lines beyond that cannot be named
            check.line = u32::try_from(line).ok().filter(|line| *line > 0);
        }
        check.seen = Some(Box::new(Seen {
            count: self.count,
            first: self.first,
            last: self.last,
            users: self.users.iter().map(|user| user.to_string()).collect(),
            addresses: self.addresses.iter().copied().collect(),
            gateways: self.gateways.iter().map(|gateway| gateway.to_string()).collect(),
        }));
        check
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_and_name() {
        let mut tally = Tally::default();
        for user in ["anna", "b\u{1b}b", "carl", "dora"] {
            tally.seen(crate::day::DAY * 20_000, 1, None);
            tally.user(user);
        }
        assert_eq!(
            tally.words("session", "sessions"),
            "4 sessions of 4 users (anna, b\\x1bb, carl, …), the last on 2024-10-04"
        );
        for number in 0..100_000 {
            tally.user(&number.to_string());
        }
        assert_eq!(tally.users.len(), LISTED_MAX);
        assert!(tally.words("session", "sessions").contains("more than 500 users"));
    }
}
