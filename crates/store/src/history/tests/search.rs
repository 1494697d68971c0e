//! A search finds what a look at all finds, in slices; and no question takes longer than it may.

use std::time::{Duration, Instant};

use super::*;

/// Far more time than any of these needs.
const LONG: Duration = Duration::from_secs(60);

/// What the slices of a search find, and how many they were.
fn slices(reader: &HistoryReader, query: &AttemptQuery, limit: u32, digit: &str) -> (Vec<u64>, usize) {
    let (mut found, mut after, mut count) = (Vec::new(), None, 0);
    loop {
        reader.answer_within(LONG);
        let mut is_wanted = |line: &str| number_of(line).to_string().contains(digit);
        let page = reader.search(query, after, limit, &mut is_wanted).expect("a page");
        assert!(page.rows.len() <= limit as usize);
        found.extend(page.rows.iter().map(|row| number_of(row)));
        count += 1;
        after = page.next;
        if after.is_none() {
            return (found, count);
        }
    }
}

#[test]
fn a_search_finds_what_a_look_at_all_finds() {
    let folder = Folder::new();
    let mut history = History::open(&folder.join("")).expect("a history");
    put(&mut history, 0..1000);
    history.commit(1, None).expect("committed");
    let reader = HistoryReader::open(&folder.join(""))
        .expect("opened")
        .expect("a history");
    let failed = AttemptQuery {
        outcome: Some(Outcome::Failed),
        ..AttemptQuery::default()
    };
    for (query, digit) in [
        (AttemptQuery::default(), "99"),
        (AttemptQuery::default(), "5"),
        (AttemptQuery::default(), "x"),
        (failed, "7"),
    ] {
        let expected: Vec<u64> = all(&reader, &query, 100)
            .into_iter()
            .filter(|number| number.to_string().contains(digit))
            .collect();
        for limit in [1, 7, 1000] {
            let (found, count) = slices(&reader, &query, limit, digit);
            assert_eq!(found, expected, "{digit} by {limit}");
            assert!(count <= expected.len() / limit as usize + 1, "{count} slices");
        }
    }
}

#[test]
fn a_search_that_is_late_says_where_to_go_on() {
    let folder = Folder::new();
    let mut history = History::open(&folder.join("")).expect("a history");
    put(&mut history, 0..600);
    history.commit(1, None).expect("committed");
    let reader = HistoryReader::open(&folder.join(""))
        .expect("opened")
        .expect("a history");
    let (mut looked, mut after, mut slices) = (0, None, 0);
    loop {
        reader.answer_within(Duration::from_secs(2));
        let mut is_wanted = |_: &str| {
            looked += 1;
            // a pattern that takes long: each slice ends in the middle of what was asked for
            if looked % 200 == 0 {
                std::thread::sleep(Duration::from_millis(1100));
            }
            false
        };
        let page = reader
            .search(&AttemptQuery::default(), after, 100, &mut is_wanted)
            .expect("a page");
        assert!(page.rows.is_empty());
        slices += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(looked, 600, "each row once");
    assert!(slices >= 3, "{slices}");
}

#[test]
fn a_question_that_takes_too_long_is_ended() {
    let folder = Folder::new();
    let mut history = History::open(&folder.join("")).expect("a history");
    put(&mut history, 0..5000);
    for number in 0..5000 {
        history.put_finding(FindingRow {
            id: number,
            alarm_time: NOW,
            rule: "brute-force".to_owned(),
            severity: FindingSeverity::High,
            json: "{\"users\":[\"a\",\"b\"]}".to_owned(),
        });
    }
    history.commit(1, None).expect("committed");
    let reader = HistoryReader::open(&folder.join(""))
        .expect("opened")
        .expect("a history");
    let nobody = FindingQuery {
        user: Some("nobody".to_owned()),
        ..FindingQuery::default()
    };
    let began = Instant::now();
    reader.answer_within(Duration::ZERO);
    let late = |error: StoreError| assert_eq!(error.kind, Kind::TooLong, "{error}");
    late(reader.findings(&nobody, None, 10).expect_err("it is late"));
    late(
        reader
            .walk(&AttemptQuery::default(), &mut |_| true)
            .expect_err("it is late"),
    );
    assert!(began.elapsed() < Duration::from_secs(20));
    // and the next one has its own time
    reader.answer_within(LONG);
    assert_eq!(reader.findings(&nobody, None, 10).expect("a page"), Page::default());
    assert_eq!(reader.counts().expect("counts").findings, 5000);
}
