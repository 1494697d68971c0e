//! Stories: attempts in, what became of accounts out.

use super::*;
use crate::case::{Account, Named, Opener, open};
use crate::network;

const T0: i64 = 1_793_000_000_000_000;
const MINUTE: i64 = 60_000_000;

fn case(accounts: &[(&str, AccountRole)]) -> Case {
    let opener = Opener {
        by: "a@b".to_owned(),
        now: T0,
    };
    let named = Named {
        networks: vec![network::parse("203.0.113.0/24").expect("network")],
        since: Some(T0),
        until: Some(T0 + 600 * MINUTE),
        ..Named::default()
    };
    let mut case = open(&[], &named, &opener);
    case.addresses[0].role = AddressRole::Attacker;
    let account = |(name, role): &(&str, AccountRole)| Account {
        name: (*name).to_owned(),
        role: *role,
    };
    case.accounts = accounts.iter().map(account).collect();
    case
}

fn attempt(id: u64, user: &str, ip: &str, minute: i64, outcome: Outcome) -> Attempt {
    let started = T0 + minute * MINUTE;
    let is_session = matches!(outcome, Outcome::Established | Outcome::Open);
    Attempt {
        id,
        protocol: None,
        gateway: None,
        client_ip: ip.parse().ok(),
        client_port: None,
        claimed_ip: None,
        user: Some(user.into()),
        started,
        up: is_session.then_some(started),
        ended: (outcome == Outcome::Established).then_some(started + 10 * MINUTE),
        duration_s: None,
        outcome,
        reached: tunlog_model::Layer::Auth,
        failed_at: None,
        cause: None,
        confidence: None,
        assigned_ip: is_session.then(|| "10.0.0.5".parse().expect("ip")),
        server_ip: None,
        interface: None,
        auth_method: None,
        mppe_bits: None,
        bytes_to_client: None,
        bytes_from_client: None,
        end_reason: None,
        backend: None,
        exposed: None,
        last_seen: started + if is_session { 10 * MINUTE } else { 0 },
        times: 1,
        assumed: tunlog_model::Assumed::default(),
        evidence: Vec::new(),
        trail: Default::default(),
        heard: Default::default(),
    }
}

fn told(case: &Case, attempts: &[Attempt]) -> Known {
    let mut story = Story::new(case);
    for one in attempts {
        story.take(one);
    }
    story.finish()
}

fn verdict(known: &Known, user: &str) -> (Verdict, u64, u64) {
    let row = known.accounts.iter().find(|row| row.user == user).expect(user);
    (row.verdict, row.tried, row.succeeded)
}

#[test]
fn verdicts_rest_on_who_came_from_where() {
    use Outcome::{Established, Failed, Open};
    let case = case(&[
        ("bob", AccountRole::Tried),
        ("eve", AccountRole::Suspect),
        ("zoe", AccountRole::Tried),
    ]);
    let known = told(
        &case,
        &[
            // before the attack everybody comes from home
            attempt(1, "ann", "198.51.100.1", -500, Established),
            attempt(2, "bob", "198.51.100.2", -400, Established),
            attempt(3, "cat", "198.51.100.3", -300, Established),
            attempt(4, "ann", "203.0.113.9", 1, Failed),
            attempt(5, "bob", "203.0.113.9", 2, Failed),
            attempt(6, "cat", "203.0.113.9", 3, Failed),
            attempt(7, "dan", "203.0.113.9", 4, Failed),
            attempt(8, "ann", "203.0.113.9", 5, Open),
            // bob comes from home, cat from elsewhere, dan was never seen
            attempt(9, "bob", "198.51.100.2", 20, Established),
            attempt(10, "cat", "192.0.2.77", 30, Established),
            attempt(11, "dan", "192.0.2.78", 40, Established),
            // somebody else entirely
            attempt(12, "fay", "192.0.2.79", 50, Established),
        ],
    );
    assert_eq!(verdict(&known, "ann"), (Verdict::Compromised, 2, 1));
    assert_eq!(verdict(&known, "bob"), (Verdict::Tried, 1, 0));
    assert_eq!(verdict(&known, "cat"), (Verdict::Suspect, 1, 0));
    assert_eq!(verdict(&known, "dan"), (Verdict::Tried, 1, 0));
    assert_eq!(verdict(&known, "eve"), (Verdict::Unaffected, 0, 0));
    assert_eq!(verdict(&known, "zoe"), (Verdict::Tried, 0, 0));
    assert!(known.accounts.iter().all(|row| row.user != "fay"));
    let why = |user: &str| {
        known
            .accounts
            .iter()
            .find(|row| row.user == user)
            .expect(user)
            .why
            .clone()
    };
    assert!(why("dan").contains("ask its owner"), "{}", why("dan"));
    assert_eq!(known.stolen.iter().map(|one| one.id).collect::<Vec<_>>(), [8, 10]);
    assert_eq!(known.contact, Some((T0 + MINUTE, T0 + 15 * MINUTE)));
}

#[test]
fn an_address_that_was_only_named_makes_nobody_compromised() {
    let mut case = case(&[]);
    case.addresses[0].role = AddressRole::Suspect;
    let known = told(
        &case,
        &[
            attempt(1, "ann", "203.0.113.9", 1, Outcome::Failed),
            attempt(2, "ann", "203.0.113.9", 2, Outcome::Open),
            attempt(3, "bob", "203.0.113.9", 3, Outcome::Failed),
        ],
    );
    assert_eq!(verdict(&known, "ann"), (Verdict::Suspect, 2, 1));
    assert_eq!(verdict(&known, "bob"), (Verdict::Tried, 1, 0));
    assert_eq!(known.stolen.len(), 1);
}

#[test]
fn an_inner_address_belongs_to_one_session_at_a_time() {
    let case = case(&[]);
    let known = told(
        &case,
        &[
            attempt(1, "ann", "203.0.113.9", 0, Outcome::Open),
            attempt(2, "bob", "198.51.100.2", 30, Outcome::Established),
        ],
    );
    // no end was logged of the first: the second got the address and ends it
    assert_eq!((known.stolen[0].from, known.stolen[0].until), (T0, T0 + 30 * MINUTE));
}

#[test]
fn a_shared_address_is_told() {
    let case = case(&[]);
    let known = told(
        &case,
        &[
            attempt(1, "ann", "203.0.113.9", -5, Outcome::Established),
            attempt(2, "bob", "203.0.113.9", 5, Outcome::Failed),
        ],
    );
    assert_eq!(known.shared, []);
    let known = told(
        &case,
        &[
            attempt(1, "ann", "203.0.113.9", -50, Outcome::Established),
            attempt(2, "bob", "203.0.113.9", 5, Outcome::Failed),
        ],
    );
    assert_eq!(known.shared, [("203.0.113.9".parse().expect("ip"), "ann".to_owned())]);
}
