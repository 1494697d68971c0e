//! The scenarios that stand beside each rule: logs that it must know, logs that it must leave alone.
//!
//! A scenario is a name (`# …`), a log, the diagnoses in their order (`=> cause confidence`), all of them, and words that
//! they must say (`says …`).

use std::collections::BTreeSet;

use tunlog_analysis::correlate::{Correlator, Options};
use tunlog_analysis::diagnose::{ALL, CauseText, Diagnoser, Diagnosis, State};
use tunlog_testkit::{Log, Told};

macro_rules! scenarios {
    ($($rule:literal,)*) => {
        &[$(($rule, include_str!(concat!("../../src/diagnose/rules/", $rule, ".scenarios"))),)*]
    };
}

const SCENARIOS: &[(&str, &str)] = scenarios![
    "addresses",
    "auth_backend",
    "auth_method_refused",
    "auth_reply_mismatch",
    "control_unreachable",
    "credentials",
    "encryption_failed",
    "encryption_refused",
    "endings",
    "gre_blocked",
    "ike",
    "l2tp_unanswered",
    "no_secret",
    "peer_authentication_demanded",
    "system",
    "traffic",
    "unencrypted",
    "unknown",
];

fn no_texts(_: &str) -> Option<CauseText> {
    None
}

/// The diagnoses of a log.
fn diagnoses_of(log: &str) -> Vec<Diagnosis> {
    thread_local!(static LOG: Log = Log::default());
    let mut correlator = Correlator::new(Options {
        trail: true,
        ..Options::default()
    });
    let mut diagnoser = Diagnoser::new(no_texts, None);
    LOG.with(|reader| {
        reader.tell_all(log, &mut |told| {
            match told {
                Told::Event(event) => {
                    diagnoser.event(&event);
                    correlator.observe(&event);
                }
                Told::Repeated(times) => correlator.repeated(times),
            }
            correlator.closed().for_each(|attempt| diagnoser.attempt(&attempt));
        });
    });
    correlator.finish();
    correlator.closed().for_each(|attempt| diagnoser.attempt(&attempt));
    diagnoser.finish();
    std::iter::from_fn(|| diagnoser.rest()).collect()
}

/// Everything that a diagnosis says.
fn words(diagnosis: &Diagnosis) -> String {
    let actions = diagnosis.actions.iter().map(|action| &**action);
    let lists = actions.chain(diagnosis.decides.iter().map(String::as_str));
    lists.fold(diagnosis.summary.clone(), |all, line| all + "\n" + line)
}

#[test]
fn every_scenario_has_its_diagnoses() {
    let mut wrong = String::new();
    for (rule, text) in SCENARIOS {
        for scenario in text.split("# ").skip(1) {
            let (name, rest) = scenario.split_once('\n').expect("a name");
            let (mut log, mut expected, mut says) = (String::new(), Vec::new(), Vec::new());
            for line in rest.lines() {
                match (line.strip_prefix("=> "), line.strip_prefix("says ")) {
                    (Some(diagnosis), _) => expected.push(diagnosis.to_string()),
                    (_, Some(words)) => says.push(words),
                    _ => {
                        log.push_str(line);
                        log.push('\n');
                    }
                }
            }
            let found = diagnoses_of(&log);
            let causes: Vec<String> = found
                .iter()
                .map(|diagnosis| format!("{} {}", diagnosis.cause, diagnosis.confidence.word()))
                .collect();
            if causes != expected {
                wrong += &format!("{rule}: {name}: found {causes:?}, expected {expected:?}\n");
            }
            let all: String = found.iter().map(words).collect();
            for part in says.iter().filter(|part| !all.contains(**part)) {
                wrong += &format!("{rule}: {name}: does not say `{part}`: {all}\n");
            }
            for diagnosis in found.iter().filter(|diagnosis| diagnosis.evidence.is_empty()) {
                wrong += &format!("{rule}: {name}: {} has no evidence\n", diagnosis.cause);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_rule_has_scenarios_of_both_kinds_and_an_explanation() {
    let listed: BTreeSet<&str> = SCENARIOS.iter().map(|(name, _)| *name).collect();
    let rules: BTreeSet<&str> = ALL.iter().map(|rule| rule.name).collect();
    assert_eq!(listed, rules);
    for rule in ALL {
        let text = SCENARIOS
            .iter()
            .find(|(name, _)| *name == rule.name)
            .map_or("", |(_, text)| text);
        let own = |scenario: &&str| {
            rule.causes
                .iter()
                .any(|cause| scenario.contains(&format!("=> {cause} ")))
        };
        let all: Vec<&str> = text.split("# ").skip(1).collect();
        assert!(all.iter().any(own), "{}: no scenario that it knows", rule.name);
        assert!(all.len() >= 2, "{}: one scenario only", rule.name);
        assert!(rule.explanation.len() > 80, "{}: no explanation", rule.name);
    }
}

#[test]
fn every_cause_has_one_rule_or_the_words_of_its_message() {
    let mut seen = BTreeSet::new();
    for cause in ALL.iter().flat_map(|rule| rule.causes) {
        assert!(seen.insert(cause), "{cause} is told by two rules");
    }
}

#[test]
fn the_ladder_stops_where_it_broke() {
    let log = "\
Nov 20 10:00:00 gw pptpd[100]: CTRL: Client 203.0.113.9 control connection started
Nov 20 10:00:01 gw pptpd[100]: CTRL: Starting call (launching pppd, opening GRE)
Nov 20 10:00:01 gw pppd[101]: Connect: ppp0 <--> /dev/pts/1
Nov 20 10:00:02 gw pppd[101]: Peer anna failed CHAP authentication
Nov 20 10:00:02 gw pppd[101]: Exit.
Nov 20 10:00:02 gw pptpd[100]: CTRL: Client 203.0.113.9 control connection finished
";
    let found = diagnoses_of(log);
    let states: Vec<(&str, State)> = found[0].ladder.iter().map(|step| (step.name, step.state)).collect();
    assert_eq!(
        states,
        [
            ("TCP 1723", State::Worked),
            ("GRE", State::Worked),
            ("LCP", State::Worked),
            ("authentication", State::Stopped),
            ("encryption", State::NotReached),
            ("IPCP", State::NotReached),
            ("traffic", State::NotReached),
        ]
    );
}

#[test]
fn both_ends_of_one_try_share_their_lines() {
    let log = "\
Nov 20 10:00:00 laptop pptp[50]: anon log[ctrlp_disp:pptp_ctrl.c:773]: Client connection established.
Nov 20 10:00:00 gw pptpd[100]: CTRL: Client 203.0.113.9 control connection started
Nov 20 10:00:01 gw pptpd[100]: CTRL: Starting call (launching pppd, opening GRE)
Nov 20 10:00:01 gw pppd[101]: Connect: ppp0 <--> /dev/pts/1
Nov 20 10:00:01 laptop pptp[50]: anon log[ctrlp_disp:pptp_ctrl.c:897]: Outgoing call established (call ID 0, peer's call ID 37612).
Nov 20 10:00:01 laptop pppd[49]: Connect: ppp0 <--> /dev/pts/1
Nov 20 10:00:02 laptop pppd[49]: sent [CHAP Response id=0x10 <aa>, name = \"anna\"]
Nov 20 10:00:02 gw pppd[101]: No CHAP secret found for authenticating anna
Nov 20 10:00:02 gw pppd[101]: Peer anna failed CHAP authentication
Nov 20 10:00:02 gw pppd[101]: Exit.
Nov 20 10:00:02 laptop pppd[49]: CHAP authentication failed
Nov 20 10:00:02 laptop pppd[49]: Exit.
Nov 20 10:00:02 gw pptpd[100]: CTRL: Client 203.0.113.9 control connection finished
";
    let found = diagnoses_of(log);
    assert_eq!(found.len(), 2, "{found:?}");
    for diagnosis in &found {
        let of = |host: &str| {
            diagnosis
                .evidence
                .iter()
                .filter(|item| item.text.contains(host))
                .count()
        };
        assert!(of(" gw ") > 2 && of(" laptop ") > 2, "{:?}", diagnosis.evidence);
    }
}

#[test]
fn what_a_diagnosis_calls_an_attempt_is_what_attempts_are_called() {
    let log = SCENARIOS
        .iter()
        .map(|(_, text)| text.lines().filter(|line| line.starts_with("Nov")));
    let log: String = log.flatten().map(|line| format!("{line}\n")).collect();
    let known: BTreeSet<u64> = super::attempts_of(&log).iter().map(|attempt| attempt.id).collect();
    for diagnosis in diagnoses_of(&log) {
        assert!(diagnosis.attempt.is_none_or(|id| known.contains(&id)), "{diagnosis:?}");
    }
}
