//! What is put is found, in pages that hold still; what a crash, a full disk or a damaged file leaves is told again.

mod search;

use std::net::IpAddr;

use tunlog_model::{Assumed, Attempt, FindingSeverity, Layer, Outcome};

use super::query::Question;
use super::*;
use crate::checkpoint::PrunedLine;
use crate::tests::{Folder, NOW};

const MINUTE: i64 = 60_000_000;

/// An attempt of a number, one a minute: every third fails, every hundredth session is up for a day.
fn attempt(number: u64) -> Attempt {
    let started = NOW + number as i64 * MINUTE;
    let outcome = match number % 3 {
        0 => Outcome::Failed,
        _ => Outcome::Established,
    };
    let minutes = if number % 100 == 50 { 24 * 60 } else { 5 };
    let last_seen = started + minutes * MINUTE;
    let ip = |net: &str| format!("{net}.{}", number % 50).parse::<IpAddr>().ok();
    Attempt {
        heard: Default::default(),
        id: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        protocol: None,
        gateway: Some(format!("vpn{}", number % 2).into()),
        client_ip: ip("192.0.2"),
        client_port: None,
        claimed_ip: ip("198.51.100"),
        user: Some(format!("user{}", number % 10).into()),
        started,
        up: Some(started),
        ended: Some(last_seen),
        duration_s: Some(minutes as f64 * 60.0),
        outcome,
        reached: Layer::Ipcp,
        failed_at: None,
        cause: (outcome == Outcome::Failed).then_some("wrong-password"),
        confidence: None,
        assigned_ip: ip("203.0.113"),
        server_ip: None,
        interface: Some("ppp0".into()),
        auth_method: None,
        mppe_bits: None,
        bytes_to_client: Some(number),
        bytes_from_client: Some(u64::MAX),
        end_reason: None,
        backend: None,
        exposed: None,
        last_seen,
        times: 1,
        assumed: Assumed::default(),
        evidence: Vec::new(),
        trail: Default::default(),
    }
}

fn line(number: u64) -> String {
    format!("{{\"type\":\"attempt\",\"number\":{number}}}")
}

fn put(history: &mut History, numbers: std::ops::Range<u64>) {
    for number in numbers {
        history.put_attempt(AttemptRow::of(&attempt(number), line(number)));
    }
}

/// The numbers of all pages, in their order.
fn all(reader: &HistoryReader, query: &AttemptQuery, limit: u32) -> Vec<u64> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = reader.attempts(query, after, limit).expect("a page");
        assert!(page.rows.len() <= limit as usize);
        found.extend(page.rows.iter().map(|row| number_of(row)));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

fn number_of(line: &str) -> u64 {
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

#[test]
fn each_question_finds_what_a_look_at_all_finds() {
    let folder = Folder::new();
    let mut history = History::open(&folder.join("")).expect("a history");
    put(&mut history, 0..1500);
    history.commit(1500, None).expect("a commit");
    let reader = HistoryReader::open(&folder.join(""))
        .expect("a history")
        .expect("a file");
    let minute = |number: i64| Some(NOW + number * MINUTE);
    let ip = |text: &str| text.parse().ok();
    let queries = [
        AttemptQuery::default(),
        AttemptQuery {
            user: Some("user3".to_owned()),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            ip: ip("192.0.2.7"),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            ip: ip("198.51.100.7"),
            since: minute(300),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            ip: ip("203.0.113.7"),
            until: minute(700),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            gateway: Some("vpn1".to_owned()),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            outcome: Some(Outcome::Failed),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            cause: Some("wrong-password".to_owned()),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            sessions_only: true,
            since: minute(900),
            until: minute(1000),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            since: minute(1000),
            until: minute(1000),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            since: minute(1000),
            user: Some("user0".to_owned()),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            user: Some("nobody' OR 1 --".to_owned()),
            ..AttemptQuery::default()
        },
    ];
    for query in queries {
        let meant = |attempt: &Attempt| {
            let addresses = [attempt.client_ip, attempt.claimed_ip, attempt.assigned_ip];
            query.since.is_none_or(|since| attempt.last_seen >= since)
                && query.until.is_none_or(|until| attempt.started <= until)
                && query
                    .user
                    .as_deref()
                    .is_none_or(|user| attempt.user.as_deref() == Some(user))
                && query
                    .gateway
                    .as_deref()
                    .is_none_or(|gateway| attempt.gateway.as_deref() == Some(gateway))
                && query.cause.as_deref().is_none_or(|cause| attempt.cause == Some(cause))
                && query.outcome.is_none_or(|outcome| attempt.outcome == outcome)
                && (!query.sessions_only || attempt.outcome == Outcome::Established)
                && query.ip.is_none_or(|ip| addresses.contains(&Some(ip)))
        };
        let mut expected: Vec<u64> = (0..1500).filter(|number| meant(&attempt(*number))).collect();
        let mut walked = Vec::new();
        let mut each = |found: Attempt| {
            let known = attempt((found.started - NOW) as u64 / MINUTE as u64);
            assert_eq!((found.id, found.up, found.ended), (known.id, known.up, known.ended));
            assert_eq!(
                (found.user, found.client_ip, found.outcome),
                (known.user, known.client_ip, known.outcome)
            );
            assert_eq!(
                (found.bytes_to_client, found.duration_s),
                (known.bytes_to_client, known.duration_s)
            );
            assert_eq!(
                found.bytes_from_client,
                Some(i64::MAX as u64),
                "what no column holds is as much as it holds"
            );
            walked.push((found.started - NOW) as u64 / MINUTE as u64);
            true
        };
        reader.walk(&query, &mut each).expect("a walk");
        assert_eq!(walked, expected, "{query:?}");
        expected.reverse();
        for limit in [1, 7, 10_000] {
            if limit > 1 || expected.len() < 100 {
                assert_eq!(all(&reader, &query, limit), expected, "{query:?} by {limit}");
            }
        }
    }
}

#[test]
fn pages_hold_still_while_rows_come() {
    let folder = Folder::new();
    let mut history = History::open(&folder.join("")).expect("a history");
    put(&mut history, 0..100);
    history.commit(1, None).expect("a commit");
    let reader = HistoryReader::open(&folder.join(""))
        .expect("a history")
        .expect("a file");
    let query = AttemptQuery::default();
    let first = reader.attempts(&query, None, 30).expect("a page");
    put(&mut history, 100..140);
    history.commit(2, None).expect("a commit");
    let second = reader.attempts(&query, first.next, 30).expect("a page");
    let numbers: Vec<u64> = first
        .rows
        .iter()
        .chain(&second.rows)
        .map(|row| number_of(row))
        .collect();
    assert_eq!(numbers, (40..100).rev().collect::<Vec<_>>());
    assert_eq!(reader.attempts(&query, None, 1).expect("a page").rows, [line(139)]);
    assert_eq!(reader.attempt(attempt(7).id), Ok(Some(line(7))));
    assert_eq!(reader.attempt(12345), Ok(None));
}

#[test]
fn a_row_told_again_stands_once_as_it_was_told_last() {
    let folder = Folder::new();
    let mut history = History::open(&folder.join("")).expect("a history");
    let open = Attempt {
        outcome: Outcome::Open,
        ended: None,
        ..attempt(4)
    };
    history.put_attempt(AttemptRow::of(&open, "open".to_owned()));
    history.put_attempt(AttemptRow::of(&attempt(5), "gone".to_owned()));
    history.commit(10, Some(3)).expect("a commit");
    assert_eq!(
        (history.analysed_seq(), history.open_since()),
        (Ok(Some(10)), Ok(Some(3)))
    );
    let reader = HistoryReader::open(&folder.join(""))
        .expect("a history")
        .expect("a file");
    assert_eq!(reader.counts().expect("figures").open, 1);
    history.put_attempt(AttemptRow::of(&attempt(4), line(4)));
    history.forget_attempt(attempt(5).id);
    history.commit(11, None).expect("a commit");
    assert_eq!((history.analysed_seq(), history.open_since()), (Ok(Some(11)), Ok(None)));
    assert_eq!(all(&reader, &AttemptQuery::default(), 10), [4]);
    let counts = reader.counts().expect("figures");
    assert_eq!((counts.attempts, counts.open, counts.analysed_seq), (1, 0, Some(11)));
    drop(history);
    let again = History::open(&folder.join("")).expect("a history");
    assert_eq!(again.analysed_seq(), Ok(Some(11)), "and a restart knows it");
}

#[test]
fn findings_are_chosen_by_what_their_lines_name() {
    let folder = Folder::new();
    let mut history = History::open(&folder.join("")).expect("a history");
    for number in 0..20_u64 {
        let (rule, severity) = match number % 2 {
            0 => ("brute-force", FindingSeverity::High),
            _ => ("log-gap", FindingSeverity::Low),
        };
        let json = format!(
            "{{\"n\":{number},\"sources\":[\"192.0.2.{number}\"],\"users\":[\"u{}\",\"x\"]}}",
            number % 5
        );
        let alarm_time = NOW + number as i64;
        history.put_finding(FindingRow {
            id: number,
            alarm_time,
            rule: rule.to_owned(),
            severity,
            json,
        });
    }
    history.commit(1, None).expect("a commit");
    let reader = HistoryReader::open(&folder.join(""))
        .expect("a history")
        .expect("a file");
    let count = |query: FindingQuery| reader.findings(&query, None, 100).expect("a page").rows.len();
    assert_eq!(count(FindingQuery::default()), 20);
    assert_eq!(
        count(FindingQuery {
            rule: Some("log-gap".to_owned()),
            ..FindingQuery::default()
        }),
        10
    );
    assert_eq!(
        count(FindingQuery {
            severity: Some(FindingSeverity::Medium),
            ..FindingQuery::default()
        }),
        10
    );
    assert_eq!(
        count(FindingQuery {
            user: Some("u2".to_owned()),
            ..FindingQuery::default()
        }),
        4
    );
    assert_eq!(
        count(FindingQuery {
            ip: "192.0.2.13".parse().ok(),
            ..FindingQuery::default()
        }),
        1
    );
    let between = FindingQuery {
        since: Some(NOW + 3),
        until: Some(NOW + 5),
        ..FindingQuery::default()
    };
    assert_eq!(count(between), 3);
    let page = reader.findings(&FindingQuery::default(), None, 5).expect("a page");
    let next = reader.findings(&FindingQuery::default(), page.next, 5).expect("a page");
    assert!(
        page.rows[0].contains("\"n\":19") && next.rows[0].contains("\"n\":14"),
        "{page:?} {next:?}"
    );
}

#[test]
fn what_is_old_goes_and_sessions_that_are_up_stay() {
    let folder = Folder::new();
    let mut history = History::open(&folder.join("")).expect("a history");
    put(&mut history, 0..5000);
    let open = Attempt {
        outcome: Outcome::Open,
        ended: None,
        ..attempt(1)
    };
    history.put_attempt(AttemptRow::of(&open, line(1)));
    history.commit(1, None).expect("a commit");
    let before = NOW + 3000 * MINUTE;
    let expired = history.expired(Some(before), Some(before)).expect("figures");
    let old = |number: &u64| *number != 1 && attempt(*number).last_seen < before;
    let count = (0..5000).filter(old).count() as u64;
    assert_eq!(
        expired,
        [PrunedLine {
            kind: "attempts".to_owned(),
            rows: count,
            before
        }]
    );
    history.prune(&expired).expect("they go");
    assert_eq!(history.expired(Some(before), Some(before)), Ok(Vec::new()));
    let reader = HistoryReader::open(&folder.join(""))
        .expect("a history")
        .expect("a file");
    let mut left = all(&reader, &AttemptQuery::default(), 10_000);
    left.reverse();
    assert_eq!(left, (0..5000).filter(|number| !old(number)).collect::<Vec<_>>());
}

#[test]
fn a_file_that_cannot_be_read_is_put_aside_and_begun_anew() {
    let folder = Folder::new();
    let path = folder.join("history.db");
    std::fs::write(&path, vec![b'x'; 8192]).expect("a file");
    let history = History::open(&folder.join("")).expect("a history");
    let aside = history.damaged().expect("it was damaged");
    assert_eq!(std::fs::read(aside).expect("a file"), vec![b'x'; 8192]);
    assert_eq!(history.analysed_seq(), Ok(None), "everything is to be told again");
}

#[test]
fn rows_beyond_what_memory_may_hold_are_told_again_after_the_next_start() {
    let folder = Folder::new();
    let mut history = History::open(&folder.join("")).expect("a history");
    history.commit(7, None).expect("a commit");
    put(&mut history, 0..PENDING_MAX as u64 + 5);
    assert_eq!(history.pending(), PENDING_MAX);
    history.commit(100, None).expect("a commit");
    assert!(history.is_short());
    history.put_attempt(AttemptRow::of(&attempt(900_000), line(900_000)));
    history.commit(200, None).expect("a commit");
    assert_eq!(history.analysed_seq(), Ok(Some(7)));
}

/// No page sorts the table or walks it without an index.
#[test]
fn every_question_has_an_index() {
    let folder = Folder::new();
    let history = History::open(&folder.join("")).expect("a history");
    let text = |text: &str| Some(text.to_owned());
    let after = Some(Cursor { time: NOW, id: 5 });
    let queries = [
        AttemptQuery::default(),
        AttemptQuery {
            user: text("a"),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            ip: "192.0.2.1".parse().ok(),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            gateway: text("a"),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            outcome: Some(Outcome::Failed),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            sessions_only: true,
            ..AttemptQuery::default()
        },
    ];
    for query in queries {
        for since in [None, Some(NOW - 1)] {
            let query = AttemptQuery {
                since,
                until: Some(NOW),
                ..query.clone()
            };
            let Question { sql, values } = query.page(after, 10);
            let plan: Vec<String> = history
                .working
                .ask(|db| {
                    let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                    let plan = plan.query_map(rusqlite::params_from_iter(values), |row| row.get(3))?;
                    plan.collect()
                })
                .expect("a plan");
            let whole = plan.iter().find(|step| step.starts_with("SCAN attempt"));
            assert_eq!(whole, None, "{query:?} walks the table: {plan:?}");
            let by_key = query.user.is_some() || query.ip.is_some();
            let by_length = plan.iter().any(|step| step.contains("attempt_long"));
            assert_eq!(by_length, since.is_some() && !by_key, "{query:?}: {plan:?}");
        }
    }
}

#[test]
fn a_history_whose_rows_lay_by_their_numbers_is_brought_up_to_date() {
    let folder = Folder::new();
    let path = folder.join("history.db");
    let earlier = Tables {
        steps: &MIGRATIONS[..1],
        synchronous: "NORMAL",
        shrinks: true,
    };
    let mut old = Working::open_as(&path, &earlier).expect("an old history");
    old.write(|db| {
        for number in 0..50_i64 {
            db.execute(
                "INSERT INTO attempt (id, started, last_seen, outcome, session, reached, times, json)
                 VALUES (?1, ?2, ?2, 'failed', 0, 'auth', 1, ?3)",
                params![
                    (number * 31 + 7) % 50,
                    NOW + number,
                    format!("{{\"type\":\"attempt\",\"number\":{number}}}")
                ],
            )?;
        }
        set_meta(db, "analysed_seq", 50)
    })
    .expect("rows");
    drop(old);
    let mut history = History::open(&folder.join("")).expect("a history");
    assert_eq!(history.analysed_seq(), Ok(Some(50)));
    put(&mut history, 100..101);
    history.commit(51, None).expect("a commit");
    let reader = HistoryReader::open(&folder.join(""))
        .expect("a history")
        .expect("a file");
    let mut expected: Vec<u64> = (0..50).rev().collect();
    expected.insert(0, 100);
    assert_eq!(all(&reader, &AttemptQuery::default(), 7), expected);
}

/// `cargo test -p tunlog-store --release -- --ignored --nocapture a_hundred_thousand`
#[test]
#[ignore = "measures"]
fn a_hundred_thousand_attempts_answer_at_once() {
    let folder = Folder::new();
    let mut history = History::open(&folder.join("")).expect("a history");
    let began = std::time::Instant::now();
    for part in 0..100 {
        put(&mut history, part * 1000..part * 1000 + 1000);
        history.commit(part, None).expect("a commit");
    }
    println!("100,000 rows in 100 commits: {:?}", began.elapsed());
    let reader = HistoryReader::open(&folder.join(""))
        .expect("a history")
        .expect("a file");
    let since = Some(NOW + 50_000 * MINUTE);
    for query in [
        AttemptQuery::default(),
        AttemptQuery {
            user: Some("user3".to_owned()),
            ..AttemptQuery::default()
        },
        AttemptQuery {
            ip: "192.0.2.7".parse().ok(),
            since,
            ..AttemptQuery::default()
        },
        AttemptQuery {
            since,
            until: since,
            ..AttemptQuery::default()
        },
        AttemptQuery {
            user: Some("nobody".to_owned()),
            since,
            ..AttemptQuery::default()
        },
        AttemptQuery {
            outcome: Some(Outcome::Failed),
            gateway: Some("vpn1".to_owned()),
            ..AttemptQuery::default()
        },
    ] {
        let began = std::time::Instant::now();
        let rows = reader.attempts(&query, None, 100).expect("a page").rows.len();
        println!("{rows} rows in {:?}: {query:?}", began.elapsed());
    }
    let began = std::time::Instant::now();
    println!("{:?} in {:?}", reader.counts(), began.elapsed());
    let (began, mut count) = (std::time::Instant::now(), 0);
    let mut each = |_: Attempt| {
        count += 1;
        true
    };
    reader.walk(&AttemptQuery::default(), &mut each).expect("a walk");
    println!("{count} walked in {:?}", began.elapsed());
}
