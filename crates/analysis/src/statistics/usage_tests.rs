use tunlog_model::Layer;

use super::*;
use crate::statistics::sample::attempt;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Days of UTC.
struct Days;

impl Calendar for Days {
    fn period(&self, time: i64) -> (i64, i64) {
        let begins = time.div_euclid(DAY) * DAY;
        (begins, begins + DAY)
    }

    fn name(&self, begins: i64) -> String {
        format!("day {}", begins / DAY)
    }
}

/// A session of a user between two hours, with bytes in each direction.
fn session(user: &str, from: i64, until: i64, bytes: u64) -> Attempt {
    Attempt {
        started: from * HOUR - 5,
        up: Some(from * HOUR),
        ended: Some(until * HOUR),
        last_seen: until * HOUR,
        duration_s: Some(((until - from) * 3600) as f64),
        bytes_to_client: Some(bytes),
        bytes_from_client: Some(bytes.saturating_mul(2)),
        reached: Layer::Ipcp,
        ..attempt(Some(user), Outcome::Established, 0)
    }
}

fn shown(usage: &Usage<impl Calendar>) -> Vec<String> {
    usage
        .rows()
        .map(|row| {
            let who = match row.who {
                None => "all".to_owned(),
                Some(Who::Named(name)) => name.into_string(),
                Some(other) => format!("{other:?}"),
            };
            let hours = row.sums.duration_s() / 3600.0;
            format!(
                "{} {who}: {} up {hours} h, {:?}",
                row.period,
                row.sums.sessions,
                row.sums.bytes_both()
            )
        })
        .collect()
}

#[test]
fn a_session_over_midnight_counts_on_both_days_and_its_bytes_where_it_ended() {
    let mut usage = Usage::new(Days, true, None, None);
    usage.add(&session("anna", 22, 26, 10));
    usage.add(&session("anna", 30, 31, 1));
    usage.add(&session("berta", 20, 24, 5));
    usage.add(&attempt(Some("carl"), Outcome::Failed, 0));
    let days = [
        "day 0 anna: 1 up 2 h, None",
        "day 0 berta: 1 up 4 h, Some(15)",
        "day 1 anna: 2 up 3 h, Some(33)",
    ];
    assert_eq!(shown(&usage), days);
    assert_eq!(usage.total().sessions, 3, "each is counted once in the total");
    assert_eq!(usage.total().duration_s(), 9.0 * 3600.0);
    assert_eq!(usage.total().bytes_both(), Some(48));
}

#[test]
fn only_what_lies_within_the_times_asked_for_counts() {
    let mut usage = Usage::new(Whole, false, Some(10 * HOUR), Some(20 * HOUR));
    usage.add(&session("anna", 8, 12, 10));
    usage.add(&session("anna", 18, 22, 10));
    usage.add(&session("anna", 1, 2, 10));
    usage.add(&session("anna", 9, 23, 10));
    assert_eq!(shown(&usage), [" all: 3 up 14 h, Some(30)"]);
}

#[test]
fn a_session_that_is_up_counts_until_now() {
    let mut usage = Usage::new(Days, false, None, None);
    let open = Attempt {
        ended: None,
        duration_s: None,
        last_seen: 23 * HOUR,
        outcome: Outcome::Open,
        ..session("anna", 22, 22, 7)
    };
    usage.add(&open);
    assert_eq!(usage.rows().count(), 0);
    usage.close(25 * HOUR);
    assert_eq!(
        shown(&usage),
        ["day 0 all: 1 up 2 h, Some(21)", "day 1 all: 1 up 1 h, None"]
    );
}

/// pppd counts with a clock that is never set.
#[test]
fn where_the_clock_was_set_the_daemons_count_is_right() {
    let mut usage = Usage::new(Whole, false, None, None);
    let set = Attempt {
        duration_s: Some(600.0),
        ..session("anna", 0, 20_000, 1)
    };
    usage.add(&set);
    let unknown = Attempt {
        duration_s: None,
        ..session("anna", 5, 6, 1)
    };
    usage.add(&unknown);
    assert_eq!(usage.total().duration_s(), 600.0, "what is not known is not made up");
    assert_eq!(usage.total().sessions, 2);
}

#[test]
fn who_is_over_a_quota_and_by_how_much() {
    let mut usage = Usage::new(Days, true, None, None);
    for (user, bytes) in [("anna", 10), ("berta", 40), ("carl", 33), ("dora", 34)] {
        usage.add(&session(user, 1, 2, bytes));
    }
    usage.add(&session("anna", 3, 4, 30));
    let over = usage.over(Quota::Bytes(99));
    let names: Vec<_> = over.iter().map(|row| row.who.clone()).collect();
    let named = |name: &str| Some(Who::Named(name.into()));
    assert_eq!(names, [named("anna"), named("berta"), named("dora")]);
    let cells: Vec<Cell> = COLUMNS
        .iter()
        .rev()
        .take(2)
        .map(|column| (column.value)(&over[0]))
        .collect();
    assert_eq!(cells, [Cell::Bytes(21), Cell::Bytes(99)]);
    assert_eq!(usage.over(Quota::Seconds(3600)).len(), 1);
    assert_eq!(usage.over(Quota::Seconds(7200)), []);
}

#[test]
fn absurd_times_cost_no_more_than_sane_ones() {
    let mut usage = Usage::new(Days, true, None, None);
    let endless = Attempt {
        up: Some(i64::MIN / 4),
        started: i64::MIN / 4,
        ended: Some(i64::MAX / 4),
        last_seen: i64::MAX / 4,
        duration_s: Some(1e18),
        ..session("anna", 1, 2, u64::MAX)
    };
    usage.add(&endless);
    usage.add(&endless);
    assert!(usage.rows().count() <= 2 * PARTS_MAX + 2);
    assert_eq!(usage.total().bytes_both(), Some(u64::MAX));
}
