//! What is told at the line that decides it, and what is left to tell when the attempt closes.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use tunlog_analysis::correlate::{Correlator, Options, Prompt};
use tunlog_model::{Attempt, Outcome};
use tunlog_testkit::{Log, Told, line_of};

use crate::scenarios::headed;
use crate::sessions::{Fate, in_sequence, interleaved, some_sessions, stamped};

fn correlator() -> Correlator {
    Correlator::new(Options {
        prompts: true,
        openings: true,
        ..Options::default()
    })
}

fn word(prompt: Prompt) -> &'static str {
    match prompt {
        Prompt::Up => "up",
        Prompt::Failed => "failed",
        Prompt::Ended => "ended",
    }
}

/// Takes what is told now: the number of the event, what is told, and of an attempt that closes what nobody heard of it yet.
fn take(correlator: &mut Correlator, at: &str, told: &mut String) {
    for (prompt, attempt) in correlator.prompts() {
        let _ = writeln!(told, "{at} {}: {}", word(prompt), line_of(&attempt));
    }
    for attempt in correlator.closed() {
        let session = attempt.outcome == Outcome::Established;
        let new = match (session, attempt.heard.up, attempt.heard.over) {
            (true, true, true) | (false, _, true) => "nothing new",
            (true, true, false) => "its end is new",
            (true, false, _) => "all is new",
            (false, _, false) => "new",
        };
        let _ = writeln!(told, "{at} closed, {new}: {}", line_of(&attempt));
    }
}

/// `pass N`: N seconds pass and nobody writes; all else is a line.
fn told(log: &str) -> String {
    let log = headed(log);
    let mut correlator = correlator();
    // one reader for all: a repetition belongs to the line before it
    let reader = Log::default();
    let (mut text, mut number, mut since) = (String::new(), 0, 0);
    for line in log.lines() {
        if let Some((_, seconds)) = line.split_once("pass ") {
            since += seconds.parse::<i64>().expect("seconds") * 1_000_000;
            correlator.pass(since);
            take(&mut correlator, &format!("{number}+{} s", since / 1_000_000), &mut text);
            continue;
        }
        number += 1;
        reader.tell(&format!("{line}\n"), &mut |told| match told {
            Told::Event(event) => {
                since = 0;
                correlator.observe(&event);
            }
            Told::Repeated(times) => correlator.repeated(times),
        });
        take(&mut correlator, &number.to_string(), &mut text);
    }
    correlator.finish();
    take(&mut correlator, "end", &mut text);
    text
}

fn check(log: &str, want: Expect) {
    want.assert_eq(&told(log));
}

#[test]
fn a_session_is_told_as_it_comes_up_and_as_it_ends() {
    check(
        "
        pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        pppd[11]: pppd 2.5.2 started by root, uid 0
        pppd[11]: Using interface ppp0
        pppd[11]: Connect: ppp0 <--> /dev/pts/1
        pppd[11]: Peer anna authenticated with CHAP
        pppd[11]: peer from calling number 203.0.113.7 authorized
        pppd[11]: MPPE 128-bit stateless compression enabled
        pppd[11]: local  IP address 192.168.0.1
        pppd[11]: remote IP address 192.168.0.10
        pppd[11]: LCP terminated by peer (User request)
        pppd[11]: Connect time 0.1 minutes.
        pppd[11]: Sent 700 bytes, received 70 bytes.
        pppd[11]: Connection terminated.
        pppd[11]: Exit.
        pptpd[10]: CTRL: Reaping child PPP[11]
        pptpd[10]: CTRL: Client 203.0.113.7 control connection finished
    ",
        expect![[r#"
            10 up: pptp open user="anna" from=203.0.113.7 gets=192.168.0.10 on=ppp0 mppe=128
            15 ended: pptp established user="anna" from=203.0.113.7 gets=192.168.0.10 on=ppp0 to=700 received=70 mppe=128 end=user-request
            17 closed, nothing new: pptp established user="anna" from=203.0.113.7 gets=192.168.0.10 on=ppp0 to=700 received=70 mppe=128 end=user-request
        "#]],
    );
}

/// After each line the seconds since the first at which the oldest began that is not told as it is.
fn undecided(log: &str) -> Vec<Option<i64>> {
    let (mut correlator, reader, mut first, mut since) = (correlator(), Log::default(), None, Vec::new());
    for line in headed(log).lines() {
        reader.tell(&format!("{line}\n"), &mut |told| {
            if let Told::Event(event) = told {
                first.get_or_insert(event.time.micros);
                correlator.observe(&event);
            }
        });
        let began = first.unwrap_or_default();
        since.push(correlator.undecided_since().map(|time| (time - began) / 1_000_000));
    }
    since
}

#[test]
fn what_is_not_told_as_it_is_begins_with_the_oldest_that_is_not_up_or_up_no_longer() {
    let log = "
        pptpd[10]: CTRL: Client 203.0.113.5 control connection started
        pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        pppd[11]: pppd 2.4.9 started by root, uid 0
        pppd[11]: Connect: ppp0 <--> /dev/pts/1
        pppd[11]: Peer anna authenticated with CHAP
        pppd[11]: peer from calling number 203.0.113.5 authorized
        pppd[11]: remote IP address 192.168.0.10
        pptpd[20]: CTRL: Client 203.0.113.6 control connection started
        pppd[11]: Exit.";
    let on_its_way = [Some(0); 6];
    let want = [on_its_way.as_slice(), &[None, Some(7), Some(0)]].concat();
    assert_eq!(undecided(log), want);
}

#[test]
fn a_refusal_is_told_at_its_line_and_the_rest_adds_nothing() {
    check(
        "
        pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        pppd[11]: pppd 2.5.2 started by root, uid 0
        pppd[11]: Connect: ppp0 <--> /dev/pts/1
        pppd[11]: Peer anna failed CHAP authentication
        last message repeated 3 times
        pppd[11]: Connection terminated.
        pppd[11]: Exit.
        pptpd[10]: CTRL: Reaping child PPP[11]
        pptpd[10]: CTRL: Client 203.0.113.7 control connection finished
    ",
        expect![[r#"
            5 failed: pptp failed user="anna" from=203.0.113.7 on=ppp0 at=auth cause=wrong-credentials
            6 failed: pptp failed user="anna" from=203.0.113.7 on=ppp0 at=auth cause=wrong-credentials times=3
            10 closed, nothing new: pptp failed user="anna" from=203.0.113.7 on=ppp0 at=auth cause=wrong-credentials times=4
        "#]],
    );
}

#[test]
fn calls_that_were_started_at_once_are_told_when_a_line_proves_whose_they_are() {
    check(
        "
        2026-10-24T09:00:00Z gw pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        2026-10-24T09:00:00Z gw pptpd[20]: CTRL: Client 203.0.113.8 control connection started
        2026-10-24T09:00:01Z gw pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        2026-10-24T09:00:01Z gw pptpd[20]: CTRL: Starting call (launching pppd, opening GRE)
        2026-10-24T09:00:01Z gw pppd[21]: pppd 2.5.2 started by root, uid 0
        2026-10-24T09:00:01Z gw pppd[22]: pppd 2.5.2 started by root, uid 0
        2026-10-24T09:00:02Z gw pppd[21]: Peer anna failed CHAP authentication
        2026-10-24T09:00:02Z gw pppd[22]: Peer bert failed CHAP authentication
        2026-10-24T09:00:02Z gw pptpd[10]: CTRL: Reaping child PPP[21]
        2026-10-24T09:00:02Z gw pppd[21]: Exit.
        2026-10-24T09:00:03Z gw pptpd[20]: CTRL: Reaping child PPP[22]
        2026-10-24T09:00:03Z gw pppd[22]: Exit.
        2026-10-24T09:00:03Z gw pptpd[10]: CTRL: Client 203.0.113.7 control connection finished
        2026-10-24T09:00:03Z gw pptpd[20]: CTRL: Client 203.0.113.8 control connection finished
    ",
        expect![[r#"
            10 failed: pptp failed user="anna" from=203.0.113.7 at=auth cause=wrong-credentials
            12 failed: pptp failed user="bert" from=203.0.113.8 at=auth cause=wrong-credentials
            13 closed, nothing new: pptp failed user="anna" from=203.0.113.7 at=auth cause=wrong-credentials
            14 closed, nothing new: pptp failed user="bert" from=203.0.113.8 at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn a_session_without_a_name_waits_a_moment_for_it_and_is_told_though_nobody_writes() {
    check(
        "
        2026-10-24T09:00:00Z gw pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        2026-10-24T09:00:00Z gw pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        2026-10-24T09:00:00Z gw pppd[11]: Connect: ppp0 <--> /dev/pts/1
        2026-10-24T09:00:01Z gw pppd[11]: remote IP address 192.168.0.10
        pass 2
        2026-10-24T09:09:00Z gw pppd[11]: Modem hangup
        2026-10-24T09:09:00Z gw pppd[11]: Exit.
        pass 1
        pass 70
    ",
        expect![[r#"
            4+2 s up: pptp open from=203.0.113.7 gets=192.168.0.10 on=ppp0
            6 ended: pptp established from=203.0.113.7 gets=192.168.0.10 on=ppp0 end=peer-gone
            6+71 s closed, nothing new: pptp established from=203.0.113.7 gets=192.168.0.10 on=ppp0 end=peer-gone
        "#]],
    );
}

#[test]
fn what_only_a_radius_server_tells_is_told_at_once_and_waits_for_the_gateway_where_one_writes() {
    let login = "2026-10-24T09:00:02Z radius freeradius[3]: (4) Login incorrect (mschap: MS-CHAP2-Response is incorrect): [anna] (from client gw port 0 cli 203.0.113.7)";
    check(
        login,
        expect![[r#"
        1 failed: ? failed user="anna" claims=203.0.113.7 at=auth cause=wrong-password
        end closed, nothing new: ? failed user="anna" claims=203.0.113.7 at=auth cause=wrong-password
    "#]],
    );
    check(
        &format!(
            "
        2026-10-24T09:00:00Z gw pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        2026-10-24T09:00:00Z gw pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        2026-10-24T09:00:00Z gw pppd[11]: Connect: ppp0 <--> /dev/pts/1
        {login}
        2026-10-24T09:00:03Z gw pppd[11]: Peer anna failed CHAP authentication
        2026-10-24T09:00:03Z gw pppd[11]: Exit.
        2026-10-24T09:00:04Z gw pptpd[10]: CTRL: Client 203.0.113.7 control connection finished
    "
        ),
        expect![[r#"
            5 failed: pptp failed user="anna" from=203.0.113.7 claims=203.0.113.7 on=ppp0 at=radius cause=wrong-password
            7 closed, nothing new: pptp failed user="anna" from=203.0.113.7 claims=203.0.113.7 on=ppp0 at=radius cause=wrong-password
        "#]],
    );
}

#[test]
fn a_connection_that_never_called_is_told_when_it_closes() {
    check(
        "
        pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        pptpd[10]: CTRL: Reaping child PPP[0]
        pptpd[10]: CTRL: Client 203.0.113.7 control connection finished
        pass 60
    ",
        expect![[r#"
            3 failed: pptp failed from=203.0.113.7 at=control cause=abandoned
            3+60 s closed, nothing new: pptp failed from=203.0.113.7 at=control cause=abandoned
        "#]],
    );
}

#[test]
fn time_that_passes_closes_what_waits_and_is_not_counted_twice() {
    let log = "
        2026-10-24T09:00:00Z gw pptpd[10]: CTRL: Client 203.0.113.7 control connection started
        2026-10-24T09:00:00Z gw pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
        2026-10-24T09:00:00Z gw pppd[11]: Connect: ppp0 <--> /dev/pts/1
        2026-10-24T09:00:01Z gw pppd[11]: Peer anna failed CHAP authentication
        2026-10-24T09:00:01Z gw pppd[11]: Exit.
    ";
    // its carrier may still speak for a minute
    let late = "2026-10-24T09:00:30Z gw pptpd[20]: CTRL: Client 203.0.113.8 control connection started";
    check(
        &format!("{log}\npass 35\n{late}\npass 28\npass 40"),
        expect![[r#"
        4 failed: pptp failed user="anna" from=203.0.113.7 on=ppp0 at=auth cause=wrong-credentials
        6+68 s closed, nothing new: pptp failed user="anna" from=203.0.113.7 on=ppp0 at=auth cause=wrong-credentials
        end closed, new: pptp unfinished from=203.0.113.8
    "#]],
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However sessions are interleaved: each is told once when it comes up and once when it is over, under the id and with
    /// the account and address with which it closes.
    #[test]
    fn what_is_told_early_is_what_closes(sessions in some_sessions(true), picks in prop::collection::vec(0usize..6, 1..200)) {
        let log = stamped(&interleaved(&sessions, &picks), 400_000);
        let mut correlator = correlator();
        let (mut told, mut closed): (Vec<(Prompt, Attempt)>, Vec<Attempt>) = (Vec::new(), Vec::new());
        Log::default().tell(&log, &mut |one| {
            if let Told::Event(event) = one {
                correlator.observe(&event);
            }
            told.extend(correlator.prompts());
            closed.extend(correlator.closed());
        });
        correlator.finish();
        closed.extend(correlator.closed());
        for attempt in &closed {
            let of = |wanted: Prompt| {
                let id = attempt.heard.id.unwrap_or(attempt.id);
                let own = told.iter().filter(|(prompt, one)| *prompt == wanted && (one.id == id || one.id == attempt.id));
                own.filter(|(_, one)| one.client_ip == attempt.client_ip && one.user == attempt.user).count()
            };
            if attempt.heard.up {
                prop_assert_eq!(of(Prompt::Up), 1, "{}", line_of(attempt));
            }
            match attempt.outcome {
                Outcome::Established if attempt.heard.over => prop_assert_eq!(of(Prompt::Ended), 1, "{}", line_of(attempt)),
                Outcome::Failed if attempt.heard.over => prop_assert_eq!(of(Prompt::Failed), 1, "{}", line_of(attempt)),
                _ => {}
            }
        }
    }

    /// One after the other nothing is in doubt: all is told before it closes.
    #[test]
    fn in_sequence_nothing_is_left_for_the_end(sessions in some_sessions(true)) {
        let mut correlator = correlator();
        let mut closed: Vec<Attempt> = Vec::new();
        Log::default().tell(&stamped(&in_sequence(&sessions), 400_000), &mut |one| {
            if let Told::Event(event) = one {
                correlator.observe(&event);
            }
            correlator.prompts().for_each(drop);
            closed.extend(correlator.closed());
        });
        for attempt in &closed {
            prop_assert!(attempt.heard.over && (attempt.outcome == Outcome::Failed || attempt.heard.up), "{}", line_of(attempt));
        }
        let over = sessions.iter().filter(|session| session.fate != Fate::StaysUp).count();
        prop_assert_eq!(closed.len(), over);
    }
}
