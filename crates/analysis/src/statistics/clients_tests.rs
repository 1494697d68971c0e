use super::*;
use crate::statistics::sample::attempt;

fn rows(attempts: &[Attempt]) -> Vec<ClientRow> {
    let mut clients = Clients::new();
    attempts.iter().for_each(|attempt| clients.add(attempt));
    clients.rows(1_000_000_000).collect()
}

#[test]
fn bytes_of_open_and_failed_attempts_stand_apart_from_the_totals() {
    let rows = rows(&[
        attempt(Some("anna"), Outcome::Established, 10),
        attempt(Some("anna"), Outcome::Open, 900),
        attempt(Some("anna"), Outcome::Failed, 20),
        attempt(Some("anna"), Outcome::Unfinished, 950),
    ]);
    let [anna] = rows.as_slice() else {
        panic!("one row, not {}", rows.len())
    };
    assert_eq!((anna.sessions, anna.open.len(), anna.failures), (2, 1, 1));
    assert_eq!((anna.bytes_to_client, anna.bytes_from_client), (10, 3));
    assert_eq!(anna.open_sum(|session| session.bytes_to_client), Some(10));
    assert_eq!(anna.duration_s(), Some(100.0));
    assert_eq!(anna.last_seen, 950_000_000);
}

#[test]
fn every_open_session_keeps_its_own_addresses() {
    let mut second = attempt(Some("anna"), Outcome::Open, 5);
    second.client_ip = Some("203.0.113.8".parse().expect("an address"));
    let rows = rows(&[attempt(Some("anna"), Outcome::Open, 10), second]);
    let since: Vec<i64> = rows[0].open.iter().map(|session| session.since).collect();
    assert_eq!(since, [5_000_000, 10_000_000]);
    assert_eq!(rows[0].client_ip, rows[0].open[1].client_ip);
}

#[test]
fn nobody_first_then_by_code_point() {
    let names = [Some("bob"), None, Some("Alice"), Some("")];
    let rows = rows(&names.map(|name| attempt(name, Outcome::Failed, 1)));
    let names: Vec<Who> = rows.into_iter().map(|row| row.who).collect();
    let named = |name: &str| Who::Named(name.into());
    assert_eq!(names, [Who::Nobody, named(""), named("Alice"), named("bob")]);
}

#[test]
fn names_beyond_the_limit_share_a_row() {
    let mut clients = Clients::new();
    for number in 0..NAMES_MAX + 3 {
        clients.add(&attempt(Some(&number.to_string()), Outcome::Failed, 1));
    }
    let rows: Vec<ClientRow> = clients.rows(0).collect();
    assert_eq!(rows.len(), NAMES_MAX + 1);
    assert_eq!(
        rows.last().map(|row| (row.who.clone(), row.failures)),
        Some((Who::Others, 3))
    );
}

#[test]
fn a_repeated_line_counts_as_often_as_it_came() {
    let mut repeated = attempt(Some("anna"), Outcome::Failed, 1);
    repeated.times = 5;
    assert_eq!(rows(&[repeated])[0].failures, 5);
}
