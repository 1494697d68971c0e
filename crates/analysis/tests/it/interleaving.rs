//! What must hold of every log: order between sessions does not matter, a cut invents nothing.

use std::collections::BTreeSet;

use proptest::prelude::*;
use tunlog_model::Outcome;
use tunlog_testkit::lines_of;

use crate::attempts_of;
use crate::sessions::{Fate, Session, in_sequence, interleaved, some_sessions, stamped};

fn picks() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0usize..6, 1..200)
}

/// What the log of one session alone tells, for all sessions.
fn each_alone(sessions: &[Session]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for session in sessions {
        let alone = attempts_of(&stamped(&session.lines(), 1000));
        assert_eq!(alone.len(), 1, "{session:?} is one attempt");
        lines.push(lines_of(&alone));
    }
    lines.sort();
    lines.concat()
}

/// Nothing is told that the sessions do not hold.
fn nothing_invented(sessions: &[Session], log: &str) {
    let attempts = attempts_of(log);
    assert!(
        attempts.len() <= sessions.len(),
        "{} attempts of {} sessions",
        attempts.len(),
        sessions.len()
    );
    let mut clients = BTreeSet::new();
    for attempt in &attempts {
        let client = attempt.client_ip.map(|ip| ip.to_string()).unwrap_or_default();
        let Some(session) = sessions.iter().find(|session| session.client() == client) else {
            panic!(
                "an attempt from {client:?}, whence nobody came:\n{}",
                lines_of(&attempts)
            );
        };
        assert!(
            clients.insert(client),
            "two attempts of one session:\n{}",
            lines_of(&attempts)
        );
        assert!(
            attempt.user.as_deref().is_none_or(|user| user == session.user()),
            "{session:?}\n{}",
            lines_of(&attempts)
        );
        assert!(
            attempt
                .bytes_to_client
                .is_none_or(|bytes| bytes == u64::from(session.sent) || bytes == 0)
        );
        assert!(
            attempt
                .assigned_ip
                .is_none_or(|ip| ip.to_string() == session.assigned())
        );
        let up = matches!(attempt.outcome, Outcome::Established | Outcome::Open);
        assert!(
            !up || matches!(session.fate, Fate::Ends | Fate::StaysUp),
            "{session:?} is no session"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_gives_the_same_attempts(sessions in some_sessions(true), picks in picks(), step in prop_oneof![Just(1000u64), Just(50_000)]) {
        let log = stamped(&interleaved(&sessions, &picks), step);
        prop_assert_eq!(lines_of(&attempts_of(&log)), each_alone(&sessions), "{}", log);
    }

    #[test]
    fn process_ids_in_any_order_change_nothing(sessions in some_sessions(false), picks in picks()) {
        let ended: Vec<Session> = sessions.into_iter().filter(|session| session.fate != Fate::StaysUp).collect();
        let log = stamped(&interleaved(&ended, &picks), 1000);
        prop_assert_eq!(lines_of(&attempts_of(&log)), each_alone(&ended), "{}", log);
    }

    #[test]
    fn a_cut_invents_nothing(sessions in some_sessions(true), picks in picks(), first in 0.0f64..1.0, last in 0.0f64..1.0) {
        let lines = interleaved(&sessions, &picks);
        let cut = |part: f64| (part * lines.len() as f64) as usize;
        nothing_invented(&sessions, &stamped(&lines[..cut(last)], 1000));
        // the beginning may be missing too: then there may be sides that nobody can join, but no panic and no new name
        let attempts = attempts_of(&stamped(&lines[cut(first)..], 1000));
        for attempt in attempts {
            let known = |user: &str| sessions.iter().any(|session| session.user() == user);
            prop_assert!(attempt.user.as_deref().is_none_or(known));
        }
    }

    #[test]
    fn a_process_id_that_comes_again_is_another_session(sessions in some_sessions(true)) {
        let again: Vec<Session> = sessions.iter().filter(|session| session.fate != Fate::StaysUp).cloned().enumerate()
            .map(|(number, session)| Session { number: number as u8, control: 1000, link: 1001, ..session }).collect();
        let log = stamped(&in_sequence(&again), 1_000_000);
        prop_assert_eq!(lines_of(&attempts_of(&log)), each_alone(&again), "{}", log);
    }
}
