//! Captures as a source: alone, and together with the log of the same connections (lab captures with known truth).
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tunlog_model::{Attempt, Outcome};
use tunlog_pipeline::Wants;

use crate::{Reading, Seen, repository, scratch};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/capture")
        .join(name)
}

fn attempts(names: &[&str]) -> Vec<String> {
    let paths: Vec<PathBuf> = names.iter().map(|name| fixture(name)).collect();
    attempts_of(&paths)
}

/// A capture is said to hold logins, and of every attempt, also one that came up, whose it is; the logins are not told.
#[test]
fn exposed_credentials_are_told() {
    let reading = |wants| Reading {
        tz: "Europe/Berlin",
        year: Some(2026),
        wants,
    };
    let path = [fixture("mppe-refused.pcap")];
    for wants in [Wants::Events, Wants::Attempts, Wants::Diagnoses] {
        let seen = reading(wants).of(&path);
        assert!(
            seen.says("holds exposed credentials: a login with challenge and response"),
            "{wants:?}: {:?}",
            seen.problems()
        );
        assert!(!seen.says("in the clear"), "{:?}", seen.problems());
        if wants != Wants::Events {
            let exposed: Vec<_> = seen.attempts.iter().map(|attempt| attempt.exposed).collect();
            assert_eq!(exposed, [Some("ms-chap-v2")]);
        }
    }
    for none in ["gre-dropped.pcap", "gre-dropped.log"] {
        let seen = reading(Wants::Attempts).of(&[fixture(none)]);
        assert!(!seen.says("exposed"), "{:?}", seen.problems());
        assert!(seen.attempts.iter().all(|attempt| attempt.exposed.is_none()));
    }
}

fn attempts_of(paths: &[PathBuf]) -> Vec<String> {
    let reading = Reading {
        tz: "Europe/Berlin",
        year: Some(2026),
        wants: Wants::Attempts,
    };
    let mut all = reading.of(paths).attempts;
    all.sort_by_key(|attempt| attempt.started);
    all.iter().map(shown).collect()
}

fn shown(attempt: &Attempt) -> String {
    let ip = |ip: Option<std::net::IpAddr>| ip.map_or("-".to_string(), |ip| ip.to_string());
    let how = match attempt.outcome {
        Outcome::Failed => attempt.cause.unwrap_or("-"),
        outcome => outcome.word(),
    };
    format!(
        "{} {} {} {} {} {}",
        attempt.protocol.map_or("-", tunlog_model::Protocol::word),
        ip(attempt.client_ip),
        attempt.user.as_deref().unwrap_or("-"),
        how,
        ip(attempt.assigned_ip),
        attempt.auth_method.unwrap_or("-")
    )
}

#[test]
fn a_capture_alone_tells_who_failed_and_why() {
    assert_eq!(
        attempts(&["mppe-refused.pcap"]),
        ["pptp 203.0.113.11 john encryption-refused-by-client - ms-chap-v2"]
    );
    assert_eq!(attempts(&["gre-dropped.pcap"]), ["pptp 203.0.113.11 - gre-blocked - -"]);
    assert_eq!(
        attempts(&["bad-option.pcap"]),
        ["pptp 203.0.113.11 - daemon-config-error - -"]
    );
    assert_eq!(
        attempts(&["ipsec-failures.pcap"]),
        [
            "l2tp-ipsec 203.0.113.12 - ike-psk-mismatch - -",
            "l2tp 203.0.113.13 sally open 192.168.0.100 chap-md5",
            "l2tp-ipsec 203.0.113.14 - unfinished - -",
        ]
    );
}

/// What is told of captures before their attempts close, and how many of those nothing new is left of.
fn prompts(names: &[&str]) -> Vec<String> {
    let reading = Reading {
        tz: "Europe/Berlin",
        year: Some(2026),
        wants: Wants::Findings,
    };
    let seen = reading.of(&names.iter().map(|name| fixture(name)).collect::<Vec<_>>());
    let told = seen.prompts.iter();
    let mut lines: Vec<String> = told
        .map(|(prompt, attempt)| format!("{prompt:?} {}", shown(attempt)))
        .collect();
    let heard = seen
        .attempts
        .iter()
        .filter(|attempt| attempt.heard.over || attempt.heard.up);
    lines.push(format!("{} of {} heard", heard.count(), seen.attempts.len()));
    lines
}

/// The log is in local time; taken for UTC, it is two hours from the capture in summer, one in winter.
#[test]
fn a_log_in_another_zone_is_suspected() {
    let told = |tz| {
        let paths = [fixture("gre-dropped.log"), fixture("gre-dropped.pcap")];
        let wants = Wants::Attempts;
        let year = Some(2026);
        let seen = Reading { tz, year, wants }.of(&paths);
        (seen.says("--tz ZONE says which"), seen.attempts.len())
    };
    assert_eq!(told("Europe/Berlin"), (false, 1));
    assert_eq!(told("UTC"), (true, 2));
    assert_eq!(told("Asia/Kathmandu"), (true, 2));
}

#[test]
fn a_capture_alone_tells_at_the_packet_that_decides() {
    assert_eq!(
        prompts(&["radius-secret.pcap"]),
        [
            "Failed pptp 203.0.113.11 rita wrong-credentials - ms-chap-v2",
            "1 of 1 heard"
        ]
    );
    let told = prompts(&["pool-exhausted.pcap"]);
    let [first, .., last] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(first, "Up pptp 203.0.113.11 john open 192.168.0.10 ms-chap-v2");
    assert!(last.ends_with("of 3 heard") && !last.starts_with('0'), "{told:?}");
}

#[test]
fn radius_tells_a_wrong_secret_from_a_wrong_password() {
    assert_eq!(
        attempts(&["radius-secret.pcap"]),
        ["pptp 203.0.113.11 rita wrong-credentials - ms-chap-v2"]
    );
    assert_eq!(
        attempts(&["radius-secret.pcap", "radius-secret-server.pcap"]),
        ["pptp 203.0.113.11 rita auth-backend-misconfigured - ms-chap-v2"]
    );
}

#[test]
fn a_log_and_a_capture_of_the_same_connections_are_one_story() {
    // three tries of the third client within ten seconds are one refusal; only the log says that addresses ran out
    assert_eq!(
        attempts(&["pool-exhausted.pcap", "pool-exhausted.log"]),
        [
            "pptp 203.0.113.11 john established 192.168.0.10 ms-chap-v2",
            "pptp 203.0.113.12 steven established 192.168.0.11 ms-chap-v2",
            "pptp 203.0.113.13 - no-address - -",
        ]
    );
    assert_eq!(
        attempts(&["gre-dropped.log", "gre-dropped.pcap"]),
        attempts(&["gre-dropped.pcap", "gre-dropped.log"])
    );
}

/// A log whose clock is ahead is joined all the same, and the difference is told.
#[test]
fn the_clocks_of_log_and_capture_may_differ() {
    let folder = scratch("skew");
    let log = std::fs::read_to_string(fixture("gre-dropped.log")).expect("a file of the test");
    assert!(log.contains(" 10:20:"));
    std::fs::write(folder.join("late.log"), log.replace(" 10:20:", " 10:21:")).expect("a file of the test");
    let paths = [folder.join("late.log"), fixture("gre-dropped.pcap")];
    let reading = Reading {
        tz: "Europe/Berlin",
        year: Some(2026),
        wants: Wants::Attempts,
    };
    let seen = reading.of(&paths);
    let _ = std::fs::remove_dir_all(&folder);
    assert_eq!(
        seen.attempts.len(),
        1,
        "{:#?}",
        seen.attempts.iter().map(shown).collect::<Vec<_>>()
    );
    assert!(seen.says("60 s ahead"), "{:?}", seen.problems());
}

#[test]
fn the_same_bytes_packed_or_from_an_archive_give_the_same() {
    use std::io::Write as _;
    let folder = scratch("packed");
    let plain = std::fs::read(fixture("mppe-refused.pcap")).expect("a file of the test");
    let path = folder.join("c.gz");
    let gzip = Command::new("gzip")
        .arg("-c")
        .arg(fixture("mppe-refused.pcap"))
        .output();
    let Ok(gzip) = gzip else { return };
    std::fs::File::create(&path)
        .expect("a file of the test")
        .write_all(&gzip.stdout)
        .expect("a file of the test");
    assert!(gzip.stdout.len() < plain.len());
    let packed = attempts_of(&[path]);
    let _ = std::fs::remove_dir_all(&folder);
    assert_eq!(packed, attempts(&["mppe-refused.pcap"]));
}

#[test]
fn packet_numbers_are_those_of_the_file_and_order_is_kept() {
    let reading = Reading {
        wants: Wants::Events,
        ..Reading::default()
    };
    let seen = reading.of(&[fixture("mppe-refused.pcap")]);
    assert_eq!(
        seen.events.first().map(|(line, id, _)| (*line, id.as_str())),
        Some((1, "pcap/tcp-syn"))
    );
    let user = seen.events.iter().find(|(_, id, _)| id == "pcap/chap-response");
    assert!(user.is_some_and(|(line, ..)| *line > 10), "{user:?}");
}

/// Counts of message types, ours and tshark's; without tshark, or without the captures beside the clone, it says so.
#[test]
fn counts_agree_with_tshark() {
    let folder = repository("../shared/corpus/lab");
    let has_tshark = Command::new("tshark")
        .arg("-v")
        .output()
        .is_ok_and(|out| out.status.success());
    if !has_tshark || !folder.is_dir() {
        println!("skipped: no tshark here, or no lab captures beside the clone");
        return;
    }
    for name in [
        "01i-nat-with-helper",
        "03d-weak-server",
        "06h-pppd-kill-9",
        "07a-radius-accept",
        "08c-password-spray",
        "09g-l2tp-max-and-pool",
    ] {
        for file in ["capture.pcap", "radius.pcap"] {
            let path = folder.join(name).join(file);
            if path.is_file() {
                assert_eq!(our_counts(&path), tshark_counts(&path), "{name}/{file}");
            }
        }
    }
}

/// What is compared: tshark's field with its values, and our messages for them.
const COMPARED: &[(&str, &[(&str, &str)])] = &[
    (
        "pptp.control_message_type",
        &[
            ("1", "pptp-start-request"),
            ("2", "pptp-start-reply"),
            ("3", "pptp-stop-request"),
            ("4", "pptp-stop-reply"),
            ("5", "pptp-echo-request"),
            ("6", "pptp-echo-reply"),
            ("7", "pptp-call-request"),
            ("8", "pptp-call-reply"),
            ("12", "pptp-call-clear"),
            ("13", "pptp-call-disconnect"),
            ("15", "pptp-set-link-info"),
        ],
    ),
    (
        "l2tp.avp.message_type",
        &[
            ("1", "l2tp-start-request"),
            ("2", "l2tp-start-reply"),
            ("3", "l2tp-start-connected"),
            ("4", "l2tp-stop"),
            ("6", "l2tp-hello"),
            ("10", "l2tp-call-request"),
            ("11", "l2tp-call-reply"),
            ("12", "l2tp-call-connected"),
            ("14", "l2tp-call-disconnect"),
        ],
    ),
    (
        "chap.code",
        &[
            ("1", "chap-challenge"),
            ("2", "chap-response"),
            ("3", "chap-success"),
            ("4", "chap-failure"),
        ],
    ),
    ("pap.code", &[("1", "pap-request"), ("2", "pap-ack"), ("3", "pap-nak")]),
    (
        "radius.code",
        &[
            ("1", "radius-access-request"),
            ("2", "radius-access-accept"),
            ("3", "radius-access-reject"),
            ("5", "radius-accounting-response"),
        ],
    ),
];

fn our_counts(path: &Path) -> BTreeMap<String, u64> {
    let reading = Reading {
        wants: Wants::Events,
        ..Reading::default()
    };
    let seen: Seen = reading.of(&[path.to_path_buf()]);
    let mut counts = BTreeMap::new();
    for (_, id, _) in &seen.events {
        let slug = id.trim_start_matches("pcap/");
        if COMPARED
            .iter()
            .any(|(_, values)| values.iter().any(|(_, known)| *known == slug))
        {
            *counts.entry(slug.to_string()).or_default() += 1;
        }
    }
    counts
}

fn tshark_counts(path: &Path) -> BTreeMap<String, u64> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(path).args(["-T", "fields", "-E", "occurrence=a"]);
    for (field, _) in COMPARED {
        command.args(["-e", field]);
    }
    let out = command.output().expect("tshark runs");
    let mut counts = BTreeMap::new();
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        for ((_, values), column) in COMPARED.iter().zip(line.split('\t')) {
            for value in column.split(',') {
                if let Some((_, slug)) = values.iter().find(|(known, _)| *known == value) {
                    *counts.entry((*slug).to_string()).or_default() += 1;
                }
            }
        }
    }
    counts
}
