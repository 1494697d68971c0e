//! What must hold of every log of gateways that are one program, as `interleaving` has it for pppd.

use proptest::prelude::*;
use tunlog_analysis::correlate::Options;
use tunlog_model::{Attempt, Outcome};
use tunlog_testkit::lines_of;

use crate::gateway::{served, served_with};
use crate::sessions::stamped;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Ends,
    StaysUp,
    WrongPassword,
    NoEncryption,
}

/// How the gateway names what it speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Naming {
    Names,
    Interface,
    Numbers,
    Accounts,
}

#[derive(Clone, Debug)]
struct Session {
    number: u8,
    naming: Naming,
    fate: Fate,
    /// An earlier session's names come again where the writer gives names anew.
    named: u8,
}

impl Session {
    fn client(&self) -> String {
        format!("203.0.113.{}", 10 + self.number)
    }

    fn user(&self) -> String {
        // a name that is also how another session is called
        format!("C-{}", self.number + 1)
    }

    fn lines(&self) -> Vec<String> {
        let lines = match self.naming {
            Naming::Names => self.by_names(),
            Naming::Interface => self.by_interface(),
            Naming::Numbers => self.by_numbers(),
            Naming::Accounts => self.by_accounts(),
        };
        lines.into_iter().map(|line| format!("gwd: {line}")).collect()
    }

    fn by_names(&self) -> Vec<String> {
        let (n, user, client) = (self.named, self.user(), self.client());
        let mut lines = vec![
            format!("connection from {client}:500{} is C-{n}", self.number),
            format!("packet C-{n} seen"),
        ];
        match self.fate {
            Fate::WrongPassword => lines.push(format!("on C-{n} wrong password of {user}")),
            Fate::NoEncryption => {
                lines.push(format!("on C-{n} login of {user}"));
                lines.push(format!("on C-{n} MPPE refused"));
            }
            Fate::Ends | Fate::StaysUp => {
                lines.push(format!("on C-{n} login of {user}"));
                lines.push(format!("link C-{n} joins B-{n}"));
                lines.push(format!("on B-{n} address 10.0.0.{}", self.number));
            }
        }
        if self.fate == Fate::Ends {
            lines.push(format!("on B-{n} sent {} received 7", 1000 + u32::from(self.number)));
        }
        if self.fate != Fate::StaysUp {
            lines.push(format!("closed C-{n}"));
        }
        lines
    }

    fn by_interface(&self) -> Vec<String> {
        let (n, user, client) = (self.named, self.user(), self.client());
        let mut lines = vec![
            format!("new connection from {client}"),
            format!("connect: ppp{n} for {client}"),
        ];
        match self.fate {
            Fate::WrongPassword => lines.push(format!("login failure of {user} from {client}")),
            Fate::NoEncryption => lines.push(format!("ppp{n} logged in {user}")),
            Fate::Ends | Fate::StaysUp => {
                lines.push(format!("ppp{n} logged in {user}"));
                lines.push(format!("ppp{n} ppp started"));
            }
        }
        if self.fate != Fate::StaysUp {
            lines.push(format!("ppp{n} terminated by peer"));
        }
        lines
    }

    fn by_numbers(&self) -> Vec<String> {
        let (n, user, client) = (self.number, self.user(), self.client());
        let mut lines = vec![format!("event=request tunnel={n} gw={client}")];
        if matches!(self.fate, Fate::Ends | Fate::StaysUp) {
            lines.push(format!(
                "event=up iface=l2tp_server tunnel={n} session=1 ip=10.0.0.{n} user={user}"
            ));
        }
        if self.fate != Fate::StaysUp {
            lines.push(format!("event=closed iface=l2tp_server session=1 tunnel={n}"));
            lines.push(format!("event=tunnel_closed iface=l2tp_server tunnel={n}"));
        }
        lines
    }

    fn by_accounts(&self) -> Vec<String> {
        let (n, user, client) = (self.number, self.user(), self.client());
        let mut lines = vec![format!("first L2TP packet from {client}")];
        if !matches!(self.fate, Fate::Ends | Fate::StaysUp) {
            lines.push(format!("login failure of {user} from {client}"));
            return lines;
        }
        lines.push(format!("account {user} in with 10.0.0.{n} from {client}"));
        lines.push(format!("interface l2tp-{user} connected"));
        if self.fate == Fate::Ends {
            lines.push(format!("interface l2tp-{user} disconnected"));
            lines.push(format!("account out after 5 s, 1{n}/7: {user}"));
        }
        lines
    }
}

fn some_sessions(most: usize) -> impl Strategy<Value = Vec<Session>> {
    let fate = prop_oneof![
        3 => Just(Fate::Ends),
        1 => Just(Fate::StaysUp),
        2 => Just(Fate::WrongPassword),
        1 => Just(Fate::NoEncryption),
    ];
    let naming = prop_oneof![
        Just(Naming::Names),
        Just(Naming::Interface),
        Just(Naming::Numbers),
        Just(Naming::Accounts)
    ];
    prop::collection::vec((naming, fate), 2..=most).prop_map(|made| {
        let numbered = made.into_iter().enumerate().map(|(number, (naming, fate))| Session {
            number: number as u8,
            naming,
            fate,
            named: number as u8,
        });
        numbered.collect()
    })
}

fn interleaved(sessions: &[Session], picks: &[usize]) -> Vec<String> {
    let mut left: Vec<_> = sessions
        .iter()
        .map(|session| session.lines().into_iter().peekable())
        .collect();
    let mut out = Vec::new();
    let mut picks = picks.iter().cycle();
    loop {
        left.retain_mut(|lines| lines.peek().is_some());
        if left.is_empty() {
            return out;
        }
        let pick = picks.next().copied().unwrap_or(0) % left.len();
        out.extend(left[pick].next());
    }
}

fn each_alone(sessions: &[Session]) -> String {
    let mut lines: Vec<String> = sessions
        .iter()
        .map(|session| {
            let alone = served(&stamped(&session.lines(), 1000));
            assert_eq!(alone.len(), 1, "{session:?} is one attempt:\n{}", lines_of(&alone));
            lines_of(&alone)
        })
        .collect();
    lines.sort();
    lines.concat()
}

fn nothing_invented(sessions: &[Session], attempts: &[Attempt]) {
    let told = lines_of(attempts);
    assert!(attempts.len() <= sessions.len(), "{} sessions\n{told}", sessions.len());
    for attempt in attempts {
        let client = attempt.client_ip.map(|ip| ip.to_string());
        let session = sessions.iter().find(|session| Some(session.client()) == client);
        let Some(session) = session else {
            panic!("an attempt from {client:?}, whence nobody came:\n{told}");
        };
        assert!(
            attempt.user.as_deref().is_none_or(|user| user == session.user()),
            "{told}"
        );
        let up = matches!(attempt.outcome, Outcome::Established | Outcome::Open);
        assert!(
            !up || matches!(session.fate, Fate::Ends | Fate::StaysUp),
            "{session:?}\n{told}"
        );
    }
}

fn picks() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0usize..6, 1..100)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_gives_the_same_attempts(sessions in some_sessions(6), picks in picks(), step in prop_oneof![Just(1000u64), Just(50_000)]) {
        let log = stamped(&interleaved(&sessions, &picks), step);
        prop_assert_eq!(lines_of(&served(&log)), each_alone(&sessions), "{}", log);
    }

    #[test]
    fn the_same_evidence_gives_the_same_ids(sessions in some_sessions(6), picks in picks()) {
        let log = stamped(&interleaved(&sessions, &picks), 1000);
        let ids = |attempts: Vec<Attempt>| attempts.iter().map(|attempt| attempt.id).collect::<std::collections::BTreeSet<u64>>();
        let once = ids(served(&log));
        prop_assert_eq!(once.len(), sessions.len());
        prop_assert_eq!(once, ids(served(&log)));
    }

    #[test]
    fn a_cut_invents_nothing(sessions in some_sessions(6), picks in picks(), first in 0.0f64..1.0, last in 0.0f64..1.0) {
        let lines = interleaved(&sessions, &picks);
        let cut = |part: f64| (part * lines.len() as f64) as usize;
        nothing_invented(&sessions, &served(&stamped(&lines[..cut(last)], 1000)));
        for attempt in served(&stamped(&lines[cut(first)..], 1000)) {
            let known = |user: &str| sessions.iter().any(|session| session.user() == user);
            prop_assert!(attempt.user.as_deref().is_none_or(known));
        }
    }

    #[test]
    fn names_that_come_again_are_other_sessions(sessions in some_sessions(6)) {
        let again: Vec<Session> = sessions.into_iter().filter(|session| session.fate != Fate::StaysUp)
            .map(|session| Session { named: 1, ..session }).collect();
        let lines: Vec<String> = again.iter().flat_map(Session::lines).collect();
        prop_assert_eq!(lines_of(&served(&stamped(&lines, 1000))), each_alone(&again), "{}", stamped(&lines, 1000));
    }

    #[test]
    fn a_limit_of_open_attempts_holds(sessions in some_sessions(6), picks in picks()) {
        let log = stamped(&interleaved(&sessions, &picks), 1000);
        let options = Options { open_max: 2, ..Options::default() };
        for attempt in served_with(&log, options) {
            let known = |user: &str| sessions.iter().any(|session| session.user() == user);
            prop_assert!(attempt.user.as_deref().is_none_or(known));
        }
    }
}
