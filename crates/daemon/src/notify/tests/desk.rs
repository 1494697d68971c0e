//! What goes out when, with a clock of our own and without threads.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use tunlog_analysis::detect::Severity;
use tunlog_store::{Outbox, OutboxLimits, Which};

use super::samples::{NOW, connected, log, notice};
use crate::notify::Setup;
use crate::notify::channel::channels;
use crate::notify::config::{Config, Pace, Webhook};
use crate::notify::courier::Failed;
use crate::notify::desk::{Desk, Job};
use crate::notify::notice::Notice;
use crate::notify::secret::Secret;
use crate::notify::span::Span;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

fn setup(paces: &[Pace], zone: &str) -> Arc<Setup> {
    let webhook = |(number, pace): (usize, &Pace)| Webhook {
        name: format!("c{number}"),
        url: Secret::Text("http://127.0.0.1:9/".to_owned()),
        pace: pace.clone(),
        ..Webhook::default()
    };
    let config = Config {
        webhook: paces.iter().enumerate().map(webhook).collect(),
        ..Config::default()
    };
    Arc::new(Setup {
        channels: channels(&config).expect("channels"),
        zone: TimeZone::get(zone).expect("a zone"),
        keep: 86_400 * SECOND,
    })
}

fn limits(messages_max: u64) -> OutboxLimits {
    OutboxLimits {
        messages_max,
        bytes_max: 1 << 24,
    }
}

/// A desk whose couriers do at once what the test says.
struct Trial {
    desk: Desk,
    now: i64,
    under_way: Vec<Job>,
    /// Ids and counts of what arrived.
    arrived: Vec<(String, u64, Vec<String>)>,
}

impl Trial {
    fn new(pace: Pace) -> Trial {
        let outbox = Outbox::in_memory(limits(10_000)).expect("an outbox");
        Trial {
            desk: Desk::new(setup(&[pace], "UTC"), outbox, log(), NOW),
            now: NOW,
            under_way: Vec::new(),
            arrived: Vec::new(),
        }
        .turned()
    }

    fn turned(mut self) -> Trial {
        self.turn();
        self
    }

    fn turn(&mut self) {
        self.desk.flush(self.now);
        let ready = self.desk.ready(self.now);
        self.under_way.extend(ready.into_iter().map(|(_, job)| job));
    }

    fn hear(&mut self, notice: &Notice) {
        let job = self.desk.accept(0, notice, self.now);
        self.under_way.extend(job);
        self.turn();
    }

    /// What is under way ends so.
    fn end(&mut self, result: &Result<(), Failed>) {
        for job in std::mem::take(&mut self.under_way) {
            if result.is_ok() {
                let titles = job.message.notices.iter().map(|notice| notice.title.clone()).collect();
                self.arrived.push((job.message.id.clone(), job.message.count(), titles));
            }
            self.desk.settle("c0", job.which, result.clone(), self.now);
        }
        self.turn();
    }

    /// Time passes, and everything arrives.
    fn pass(&mut self, until: i64) {
        for _ in 0..10_000 {
            while !self.under_way.is_empty() {
                self.end(&Ok(()));
            }
            match self.desk.next(self.now) {
                Some(next) if next <= until => self.now = next.max(self.now + 1),
                _ => break,
            }
            self.turn();
        }
        self.now = until;
        self.turn();
    }

    fn counts(&self) -> Vec<u64> {
        self.arrived.iter().map(|(_, count, _)| *count).collect()
    }
}

fn nth(number: i64) -> Notice {
    notice("203.0.113.7", "alice", Severity::High, NOW + number)
}

#[test]
fn the_first_of_a_kind_is_told_at_once_and_what_follows_together() {
    let mut trial = Trial::new(Pace {
        group: Some(Span::seconds(300)),
        ..Pace::default()
    });
    for number in 0..15 {
        trial.hear(&nth(number));
        assert_eq!(trial.under_way.len(), usize::from(number == 0));
        trial.end(&Ok(()));
    }
    // another source is another matter, and so is what is worse
    trial.hear(&notice("198.51.100.9", "alice", Severity::High, NOW));
    trial.end(&Ok(()));
    trial.hear(&notice("203.0.113.7", "alice", Severity::Critical, NOW + 100));
    trial.end(&Ok(()));
    assert_eq!(trial.counts(), [1, 1, 1]);
    trial.pass(NOW + 299 * SECOND);
    assert_eq!(trial.counts(), [1, 1, 1]);
    trial.pass(NOW + 301 * SECOND);
    assert_eq!(trial.counts(), [1, 1, 1, 14]);
    // it goes on: it is held back again
    trial.hear(&nth(200));
    assert_eq!(trial.under_way.len(), 0);
    trial.pass(NOW + 700 * SECOND);
    assert_eq!(trial.counts(), [1, 1, 1, 14, 1]);
    trial.pass(NOW + 2000 * SECOND);
    trial.hear(&nth(300));
    assert_eq!(trial.under_way.len(), 1, "long after it is the first again");
}

#[test]
fn more_than_a_channel_bears_comes_together_and_what_is_critical_does_not_wait() {
    let mut trial = Trial::new(Pace {
        per_minute: Some(6),
        ..Pace::default()
    });
    for number in 0..30 {
        trial.hear(&nth(number));
        trial.end(&Ok(()));
    }
    assert_eq!(trial.counts(), [1, 1], "a burst of two");
    trial.hear(&notice("203.0.113.8", "root", Severity::Critical, NOW));
    trial.end(&Ok(()));
    assert_eq!(trial.counts(), [1, 1, 1]);
    trial.pass(NOW + MINUTE);
    assert_eq!(trial.counts(), [1, 1, 1, 28]);
}

#[test]
fn quiet_hours_hold_back_all_but_what_is_critical() {
    // NOW is 11:06:40
    let mut trial = Trial::new(Pace {
        quiet: vec!["11:00-11:30".to_owned()],
        ..Pace::default()
    });
    trial.hear(&nth(0));
    trial.hear(&connected(1, "alice"));
    assert!(trial.under_way.is_empty());
    trial.hear(&notice("203.0.113.8", "root", Severity::Critical, NOW));
    trial.end(&Ok(()));
    assert_eq!(trial.counts(), [1]);
    trial.pass(NOW + 23 * MINUTE);
    assert_eq!(trial.counts(), [1]);
    trial.pass(NOW + 24 * MINUTE);
    assert_eq!(trial.counts(), [1, 2], "one message of both");
    assert_eq!(trial.arrived[1].2, ["brute-force", "connected"], "the worst first");
}

#[test]
fn a_receiver_that_is_away_is_tried_again_ever_more_seldom_with_the_same_id() {
    let mut trial = Trial::new(Pace {
        retry_first: Span::seconds(2),
        retry_longest: Span::seconds(60),
        ..Pace::default()
    });
    trial.hear(&nth(0));
    let mut tries = Vec::new();
    let mut ids = HashSet::new();
    for _ in 0..8 {
        assert_eq!(trial.under_way.len(), 1);
        tries.push(trial.now);
        ids.insert(trial.under_way[0].message.id.clone());
        trial.end(&Err(Failed::for_now("away")));
        assert!(trial.under_way.is_empty(), "not at once");
        // a second message does not lead to more tries
        trial.hear(&nth(tries.len() as i64));
        assert!(trial.under_way.is_empty());
        trial.now = trial.desk.next(trial.now).expect("a next try");
        trial.turn();
    }
    assert_eq!(ids.len(), 1);
    let waits: Vec<i64> = tries.windows(2).map(|pair| (pair[1] - pair[0]) / SECOND).collect();
    assert!(waits[0] <= 2 && (45..=75).contains(&waits[6]), "{waits:?}");
    // the receiver asks for longer
    let asks = Failed {
        after: Some(Duration::from_secs(1000)),
        ..Failed::for_now("429")
    };
    trial.end(&Err(asks));
    trial.now += 990 * SECOND;
    trial.turn();
    assert!(trial.under_way.is_empty(), "it is left alone");
    trial.pass(trial.now + 11 * SECOND);
    assert_eq!(trial.counts().iter().sum::<u64>(), 9, "everything arrives");
    let counts = trial.desk.counts().next().expect("a channel").clone();
    assert_eq!(
        (counts.failed, counts.given_up, counts.waiting, counts.problem),
        (9, 0, 0, None)
    );
}

#[test]
fn a_refused_message_is_given_up_and_the_next_one_goes() {
    let mut trial = Trial::new(Pace::default());
    trial.hear(&nth(0));
    trial.end(&Err(Failed {
        refused: true,
        ..Failed::for_now("400")
    }));
    trial.hear(&nth(1));
    trial.end(&Ok(()));
    let counts = trial.desk.counts().next().expect("a channel").clone();
    assert_eq!(
        (counts.sent, counts.failed, counts.given_up, counts.waiting),
        (1, 1, 1, 0)
    );
}

#[test]
fn what_is_too_old_or_too_much_is_given_up_and_counted() {
    let outbox = Outbox::in_memory(limits(100)).expect("an outbox");
    let mut trial = Trial::new(Pace::default());
    trial.desk = Desk::new(setup(&[Pace::default()], "UTC"), outbox, log(), NOW);
    trial.turn();
    trial.hear(&nth(0));
    trial.end(&Err(Failed::for_now("away")));
    for number in 1..500 {
        trial.hear(&nth(number));
    }
    let counts = trial.desk.counts().next().expect("a channel").clone();
    assert_eq!((counts.waiting, counts.given_up), (100, 400));
    trial.now += 86_401 * SECOND;
    trial.under_way.clear();
    trial.desk.flush(trial.now);
    let counts = trial.desk.counts().next().expect("a channel").clone();
    assert_eq!((counts.waiting, counts.given_up), (0, 500));
}

#[test]
fn a_refused_message_of_several_gives_all_of_them_up() {
    let mut trial = Trial::new(Pace {
        group: Some(Span::seconds(300)),
        ..Pace::default()
    });
    for number in 0..6 {
        trial.hear(&nth(number));
        trial.end(&Ok(()));
    }
    trial.now = NOW + 301 * SECOND;
    trial.turn();
    assert_eq!(trial.under_way[0].message.count(), 5);
    trial.end(&Err(Failed {
        refused: true,
        ..Failed::for_now("400")
    }));
    let counts = trial.desk.counts().next().expect("a channel").clone();
    assert_eq!(
        (counts.sent, counts.failed, counts.given_up, counts.waiting),
        (1, 1, 5, 0)
    );
}

#[test]
fn what_is_under_way_is_not_given_up_for_what_is_worse() {
    let outbox = Outbox::in_memory(limits(3)).expect("an outbox");
    let mut trial = Trial::new(Pace::default());
    trial.desk = Desk::new(setup(&[Pace::default()], "UTC"), outbox, log(), NOW);
    trial.turn();
    trial.hear(&notice("203.0.113.9", "bob", Severity::Low, NOW));
    assert_eq!(trial.under_way.len(), 1);
    for number in 0..5 {
        trial.hear(&nth(number));
    }
    let counts = trial.desk.counts().next().expect("a channel").clone();
    assert_eq!((counts.waiting, counts.given_up), (3, 3));
    // it is still there, to be tried again
    trial.end(&Err(Failed::for_now("away")));
    trial.pass(NOW + 3600 * SECOND);
    assert_eq!(trial.counts(), [1; 3]);
    let severities = |id: &str| trial.arrived.iter().filter(|(known, ..)| known == id).count();
    let low = notice("203.0.113.9", "bob", Severity::Low, NOW).id;
    assert_eq!(severities(&low), 1);
}

#[test]
fn a_job_that_nobody_took_comes_again() {
    let mut trial = Trial::new(Pace::default());
    trial.hear(&nth(0));
    assert!(matches!(
        trial.under_way.pop(),
        Some(Job {
            which: Which::Id(_),
            ..
        })
    ));
    trial.desk.put_back(0, trial.now);
    trial.pass(NOW + MINUTE);
    assert_eq!(trial.counts(), [1]);
}

#[test]
fn a_disk_that_takes_nothing_delays_no_alarm() {
    let mut trial = Trial::new(Pace::default());
    let later = NOW + 3600 * SECOND;
    trial.desk.lose_disk(later);
    for number in 0..5 {
        trial.hear(&nth(number));
    }
    trial.hear(&notice("203.0.113.8", "root", Severity::Critical, NOW));
    // the receiver is away for a moment, too
    trial.end(&Err(Failed::for_now("away")));
    assert!(trial.under_way.is_empty());
    trial.now += 10 * SECOND;
    trial.turn();
    assert_eq!(
        trial.under_way[0].message.notices[0].severity, "critical",
        "the worst first"
    );
    for _ in 0..6 {
        trial.end(&Ok(()));
    }
    assert_eq!(trial.counts(), [1; 6]);
    trial.pass(later + MINUTE);
    assert_eq!(trial.counts(), [1; 6], "and none again");
    assert_eq!(trial.desk.counts().next().map(|counts| counts.waiting), Some(0));
    // what the memory holds is bounded
    trial.desk.lose_disk(later + 3600 * SECOND);
    for number in 0..3000 {
        trial.hear(&nth(10_000 + number));
    }
    assert_eq!(trial.desk.counts().next().map(|counts| counts.given_up), Some(2000));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever comes when, and however often the receiver is away: each notice arrives once, alone or in a message of several,
    /// and messages to people are few.
    #[test]
    fn nothing_is_lost_and_nothing_is_twice(
        steps in prop::collection::vec((0_u8..4, 0_u8..5, 0_i64..200, any::<bool>()), 1..120),
        group in 0_u64..600,
        rate in 0_u32..20,
        quiet in any::<bool>(),
    ) {
        let mut trial = Trial::new(Pace {
            per_minute: Some(rate),
            group: Some(Span::seconds(group)),
            quiet: if quiet { vec!["11:10-12:00".to_owned()] } else { Vec::new() },
            ..Pace::default()
        });
        for (number, (source, level, wait, works)) in steps.iter().enumerate() {
            let severity = Severity::ALL[usize::from(*level)].0;
            trial.hear(&notice(&format!("203.0.113.{source}"), "alice", severity, NOW + number as i64));
            let result = if *works { Ok(()) } else { Err(Failed::for_now("away")) };
            trial.end(&result);
            trial.now += wait * SECOND;
            trial.turn();
        }
        let messages = trial.arrived.len();
        trial.pass(trial.now + 86_000 * SECOND);
        let total: u64 = trial.counts().iter().sum();
        prop_assert_eq!(total, steps.len() as u64);
        let ids: HashSet<_> = trial.arrived.iter().map(|(id, ..)| id).collect();
        prop_assert_eq!(ids.len(), trial.arrived.len(), "an id is one message's");
        prop_assert!(trial.desk.counts().all(|counts| counts.waiting == 0 && counts.given_up == 0));
        if rate > 0 {
            let minutes = (trial.now - NOW) / MINUTE + 1;
            let urgent = steps.iter().filter(|(_, level, ..)| *level == 4).count() as i64;
            let most = minutes * i64::from(rate) + i64::from(rate / 3) + 1 + urgent;
            prop_assert!((messages as i64) <= most);
        }
    }
}
