//! Rules over events and attempts.

use std::collections::BTreeSet;
use std::net::IpAddr;

use tunlog_analysis::detect::{Finding, Options, Severity};
use tunlog_model::Outcome;
use tunlog_sigma::{Engine, Rules};
use tunlog_testkit::{Log, Told, life};

const LOG: &str = "\
Nov 20 10:00:00 gw pptpd[100]: CTRL: Client 198.51.100.7 control connection started
Nov 20 10:00:00 gw pptpd[100]: CTRL: Starting call (launching pppd, opening GRE)
Nov 20 10:00:01 gw pppd[101]: Connect: ppp0 <--> /dev/pts/1
Nov 20 10:00:02 gw pppd[101]: Peer CORP\\\\anna failed CHAP authentication
Nov 20 10:00:03 gw pppd[101]: Exit.
Nov 20 10:00:09 gw pppd[103]: Sent 5000 bytes, received 700 bytes.
";

fn engine(text: &str) -> Engine {
    let (rules, problems) = Rules::read(&[("r.yml".into(), text.into())]);
    assert_eq!(problems, Vec::<String>::new(), "{text}");
    Engine::new(&rules, None).expect("rules that can be run")
}

fn findings(text: &str, log: &str) -> Vec<Finding> {
    let mut engine = engine(text);
    Log::default().heeding_services().tell_all(log, &mut |told| {
        if let Told::Event(event) = told {
            engine.event(&event);
        }
    });
    engine.finish();
    std::iter::from_fn(|| engine.ready()).collect()
}

/// A rule of one detection.
fn rule(detection: &str) -> String {
    format!(
        "title: T\nname: t\nlogsource:\n  product: tunlog\n  service: event\ndetection:\n{detection}level: high\ntags:\n  - attack.t1110.001\n"
    )
}

#[test]
fn selections_modifiers_and_conditions_are_those_of_the_specification() {
    let fits = "  s:\n    ";
    let alone = "\n  condition: s\n";
    for (detection, count) in [
        // a map is all of its keys, a list any of its values; case does not count, wildcards do
        (
            format!("{fits}event: auth-failed\n    fields.user: 'corp\\anna'{alone}"),
            1,
        ),
        (format!("{fits}event: [auth-failed, control-opened]{alone}"), 2),
        (format!("{fits}user: '*anna'{alone}"), 1),
        (format!("{fits}user|contains: ORP{alone}"), 1),
        (format!("{fits}user|contains|all: [corp, anna]{alone}"), 1),
        (format!("{fits}user|contains|all: [corp, bert]{alone}"), 0),
        (format!("{fits}user|startswith: anna{alone}"), 0),
        (format!("{fits}user|endswith: anna{alone}"), 1),
        (format!("{fits}user|re: '^CORP.anna$'{alone}"), 1),
        (format!("{fits}user|re: '^corp.anna$'{alone}"), 0),
        (format!("{fits}client_ip|cidr: 198.51.100.0/24{alone}"), 1),
        (format!("{fits}client_ip|cidr: 203.0.113.0/24{alone}"), 0),
        (format!("{fits}user|exists: true{alone}"), 1),
        (format!("{fits}fields.bytes_to_client|gt: 4999{alone}"), 1),
        (format!("{fits}fields.bytes_to_client|gte: 5001{alone}"), 0),
        (
            "  s:\n    layer: auth\n  n:\n    user|contains: anna\n  condition: s and not n\n".into(),
            0,
        ),
        (
            "  s:\n    layer: auth\n  n:\n    user|contains: bert\n  condition: s and not n\n".into(),
            1,
        ),
        (
            "  a1:\n    user|contains: anna\n  a2:\n    layer: auth\n  condition: all of a*\n".into(),
            1,
        ),
        (
            "  a1:\n    user|contains: bert\n  a2:\n    layer: auth\n  condition: 1 of a*\n".into(),
            1,
        ),
        (
            "  a1:\n    user|contains: bert\n  a2:\n    layer: auth\n  condition: all of them\n".into(),
            0,
        ),
        // keywords are looked for in all values, the line's text among them
        ("  k:\n    - 'failed CHAP'\n  condition: k\n".into(), 1),
    ] {
        let found = findings(&rule(&detection), LOG);
        assert_eq!(found.len(), count, "{detection}: {found:?}");
    }
}

#[test]
fn a_finding_has_the_rules_words_and_the_events_facts() {
    let found = findings(&rule("  s:\n    event: auth-failed\n  condition: s\n"), LOG);
    let [one] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (one.rule, one.severity, one.techniques),
        ("sigma/t", Severity::High, &["T1110.001"][..])
    );
    assert_eq!(one.users, ["CORP\\anna".into()]);
    assert_eq!((one.evidence.len(), one.evidence[0].line), (1, 4));
    assert!(one.evidence[0].text.ends_with("failed CHAP authentication"), "{one:?}");
    assert_eq!((one.first, one.last, one.attempts), (one.alarm_time, one.alarm_time, 1));
}

/// Refusals of SSH, each from its own or one address, at seconds of one minute.
fn refusals(list: &[(u32, &str, &str)]) -> String {
    list.iter()
        .map(|(second, user, address)| {
            format!("Nov 20 10:00:{second:02} gw sshd[{second}]: Failed password for {user} from {address} port 40000 ssh2\n")
        })
        .collect()
}

fn joined(correlation: &str) -> String {
    let refused = rule("  s:\n    event: auth-failed\n  condition: s\n");
    let accepted = refused
        .replace("name: t", "name: u")
        .replace("auth-failed", "auth-succeeded");
    format!("{refused}---\n{accepted}---\ntitle: C\nname: c\ncorrelation:\n{correlation}level: medium\n")
}

#[test]
fn correlations_count_within_a_window_of_event_time() {
    let three =
        "  type: event_count\n  rules: [t]\n  group-by: [client_ip]\n  timespan: 10s\n  condition:\n    gte: 3\n";
    let near = [
        (1, "a", "198.51.100.7"),
        (4, "b", "198.51.100.7"),
        (9, "c", "198.51.100.7"),
        (9, "c", "203.0.113.9"),
    ];
    let found = findings(&joined(three), &refusals(&near));
    let [one] = &found[..] else { panic!("{found:?}") };
    assert_eq!((one.rule, one.attempts, one.users.len()), ("sigma/c", 3, 3));
    assert_eq!(
        one.sources.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["198.51.100.7"]
    );
    assert_eq!(one.evidence.iter().map(|line| line.line).collect::<Vec<_>>(), [1, 2, 3]);
    let far = [
        (1, "a", "198.51.100.7"),
        (9, "b", "198.51.100.7"),
        (19, "c", "198.51.100.7"),
    ];
    assert_eq!(findings(&joined(three), &refusals(&far)).len(), 0);
    let names = "  type: value_count\n  rules: [t]\n  group-by: [client_ip]\n  timespan: 1m\n  condition:\n    gte: 3\n    field: user\n";
    assert_eq!(findings(&joined(names), &refusals(&near)).len(), 1);
    let same = near.map(|(second, _, address)| (second, "a", address));
    assert_eq!(findings(&joined(names), &refusals(&same)).len(), 0);
}

#[test]
fn order_counts_where_a_rule_says_so() {
    let refused = refusals(&[(1, "anna", "198.51.100.7")]);
    let accepted = |second: u32| {
        format!("Nov 20 10:00:{second:02} gw sshd[9]: Accepted password for anna from 198.51.100.7 port 40000 ssh2\n")
    };
    let of = |kind: &str| {
        joined(&format!(
            "  type: {kind}\n  rules: [t, u]\n  group-by: [client_ip]\n  timespan: 1m\n"
        ))
    };
    let (after, before) = (refused.clone() + &accepted(5), accepted(0) + &refused);
    for (kind, log, count) in [
        ("temporal", &after, 1),
        ("temporal", &before, 1),
        ("temporal_ordered", &after, 1),
        ("temporal_ordered", &before, 0),
    ] {
        let found = findings(&of(kind), log);
        assert_eq!(found.len(), count, "{kind}: {found:?}");
    }
}

#[test]
fn what_attackers_choose_does_not_fill_the_memory() {
    let three = "  type: event_count\n  rules: [t]\n  group-by: [user]\n  timespan: 7d\n  condition:\n    gte: 3\n";
    let mut engine = engine(&joined(three));
    let log: String = (0..60_000)
        .map(|number| {
            let (minute, second) = (number / 60 % 60, number % 60);
            format!("Nov 20 {:02}:{minute:02}:{second:02} gw sshd[9]: Failed password for u{number} from 198.51.100.7 port 4 ssh2\n", number / 3600)
        })
        .collect();
    Log::default().heeding_services().tell_all(&log, &mut |told| {
        if let Told::Event(event) = told {
            engine.event(&event);
        }
    });
    engine.finish();
    assert!(engine.groups() <= tunlog_sigma::caps::GROUPS, "{}", engine.groups());
    assert!(engine.ready().is_none());
}

/// Our shipped rules, fed back, over a made-up month: each finds the campaigns of its class.
#[test]
fn our_own_rules_find_their_campaigns() {
    let files = tunlog_sigma::export::files(&Options::default());
    let sources: Vec<_> = files
        .into_iter()
        .filter(|file| file.name.ends_with(".yml"))
        .map(|file| (file.name, file.text))
        .collect();
    let (rules, problems) = Rules::read(&sources);
    assert_eq!(problems, Vec::<String>::new());
    let mut engine = Engine::new(&rules, None).expect("rules that can be run");
    let life = life::month(1, 300, 30);
    let mut attempts: Vec<_> = life.attempts.iter().collect();
    attempts.sort_by_key(|attempt| (attempt.last_seen, attempt.id));
    let mut found: Vec<Finding> = Vec::new();
    for attempt in attempts
        .into_iter()
        .filter(|attempt| attempt.outcome != Outcome::Unfinished)
    {
        engine.pass(attempt.last_seen);
        engine.attempt(attempt);
        found.extend(std::iter::from_fn(|| engine.ready()));
    }
    engine.finish();
    found.extend(std::iter::from_fn(|| engine.ready()));
    // what is only counted by another rule is no finding of its own
    assert!(
        found
            .iter()
            .all(|one| one.rule != "sigma/tunlog_success_after_failures_guessing")
    );
    assert!(
        found
            .iter()
            .any(|one| one.rule == "sigma/tunlog_success_after_failures_success")
    );
    for (class, rule) in [
        ("a1", "sigma/tunlog_brute_force"),
        ("b1", "sigma/tunlog_slow_brute_force"),
        ("s1", "sigma/tunlog_password_spray"),
        ("e1", "sigma/tunlog_user_enumeration"),
        ("d1", "sigma/tunlog_distributed_brute_force"),
    ] {
        let campaigns: Vec<_> = life.campaigns.iter().filter(|one| one.class == class).collect();
        assert!(!campaigns.is_empty(), "{class}");
        for campaign in campaigns {
            let bad: BTreeSet<IpAddr> = campaign.sources.iter().copied().collect();
            let names_it = |one: &&Finding| {
                let hits = one
                    .sources
                    .iter()
                    .filter(|source| bad.contains(&source.address))
                    .count();
                one.rule.starts_with(rule) && hits * 2 >= one.sources.len() && hits > 0
            };
            assert!(found.iter().any(|one| names_it(&one)), "{class}: {rule}");
        }
    }
}
