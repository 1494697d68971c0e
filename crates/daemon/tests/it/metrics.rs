//! What metrics say of whole logs, and what strangers cannot make of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use expect_test::{expect, expect_file};
use tunlog_daemon::metrics::{
    ALL, ChannelHealth, Config, Family, Form, Health, InterfaceBytes, Kind, Metrics, MetricsFile, PROCESS,
    SourceHealth, StoreHealth,
};
use tunlog_daemon::{Hearing, Listener as _, Told};
use tunlog_model::{Attempt, EndReason, Outcome, Protocol};
use tunlog_pipeline::Sources;

use crate::{Folder, hostile, project, replay};

/// 2026-11-20T12:00:00Z.
const NOON: i64 = 1_795_176_000_000_000;

fn metrics(config: Config) -> Arc<Metrics> {
    Metrics::new(config, "0.1.0", "test", NOON, None)
}

fn per_user() -> Config {
    Config {
        per_user: true,
        ..Config::default()
    }
}

fn of_logs(config: Config, paths: &[PathBuf]) -> Arc<Metrics> {
    let metrics = metrics(config);
    let mut counting = metrics.listener();
    replay::tell(paths, &mut |told, hearing| counting.hear(told, hearing));
    metrics
}

fn tell(metrics: &Arc<Metrics>, told: Told<'_>) {
    let sources = Sources::default();
    let hearing = Hearing {
        sources: &sources,
        now: NOON,
        read: Instant::now(),
        replayed: false,
    };
    metrics.listener().hear(told, &hearing);
}

/// A session as it is when it has ended.
fn ended(id: u64, user: &str) -> Attempt {
    Attempt {
        id,
        protocol: Some(Protocol::Pptp),
        outcome: Outcome::Established,
        duration_s: Some(90.0),
        bytes_from_client: Some(1000),
        bytes_to_client: Some(5000),
        end_reason: Some(EndReason::UserRequest),
        ..tunlog_testkit::session(user)
    }
}

/// A sample: name, labels, value.
type Sample = (String, BTreeMap<String, String>, f64);

/// Reads an exposition by the format's grammar; anything else is a failure.
fn read(text: &str) -> Vec<Sample> {
    let mut samples = Vec::new();
    for line in text.lines() {
        if line.starts_with("# HELP ") || line.starts_with("# TYPE ") || line == "# EOF" {
            continue;
        }
        let end = line.find(['{', ' ']).expect("a name");
        let (name, mut rest) = line.split_at(end);
        assert!(
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{line}"
        );
        let mut labels = BTreeMap::new();
        while let Some(after) = rest.strip_prefix(['{', ',']) {
            let (key, after) = after.split_once("=\"").expect("a label");
            let mut value = String::new();
            let mut chars = after.char_indices();
            let close = loop {
                match chars.next().expect("a quote") {
                    (at, '"') => break at,
                    (_, '\\') => match chars.next().expect("an escape").1 {
                        'n' => value.push('\n'),
                        c @ ('\\' | '"') => value.push(c),
                        c => panic!("no escape: {c} in {line}"),
                    },
                    (_, c) => value.push(c),
                }
            };
            assert!(labels.insert(key.to_owned(), value).is_none(), "{line}");
            rest = &after[close + 1..];
        }
        let rest = rest.strip_prefix('}').unwrap_or(rest);
        let value = rest.strip_prefix(' ').expect("a value").parse().expect("a number");
        samples.push((name.to_owned(), labels, value));
    }
    samples
}

/// Name of a sample without what a histogram adds.
fn family_of(name: &str) -> Option<&'static Family> {
    let families = || ALL.iter().chain(PROCESS);
    families().copied().find(|family| family.name == name).or_else(|| {
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))?;
        families()
            .copied()
            .find(|family| family.kind == Kind::Histogram && family.name == base)
    })
}

/// Everything that somebody else may know.
fn healthy() -> Health {
    Health {
        ready: Some(true),
        refused: 2,
        sources: vec![
            SourceHealth {
                name: "/var/log/syslog".to_owned(),
                up: true,
                parsed: 10,
                filtered: 5,
                unknown: 2,
                error: 1,
                lost: 0,
            },
            SourceHealth {
                name: "udp:0.0.0.0:514/192.0.2.1".to_owned(),
                up: true,
                parsed: 1,
                lost: 3,
                ..SourceHealth::default()
            },
            SourceHealth {
                name: "udp:0.0.0.0:514/192.0.2.2".to_owned(),
                up: false,
                parsed: 2,
                ..SourceHealth::default()
            },
        ],
        starting: Some(vec![(Some(Protocol::Pptp), 2), (None, 1)]),
        banned: Some(4),
        store: Some(StoreHealth {
            sealed: 100,
            open: 7,
            segments: 3,
            bytes: 4096,
            checkpoint: Some(NOON),
            ..StoreHealth::default()
        }),
        channels: vec![ChannelHealth {
            name: "ops".to_owned(),
            sent: 9,
            ..ChannelHealth::default()
        }],
        interfaces: vec![InterfaceBytes {
            name: "ppp0".to_owned(),
            received: 70,
            sent: 700,
        }],
        host: Some("vpn1".to_owned()),
    }
}

#[test]
fn the_example_gateways() {
    let metrics = of_logs(Config::default(), &[project("examples/gateway")]);
    metrics.ask_health(Box::new(healthy));
    let text = metrics.render(Form::Text, NOON);
    let shown: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.ends_with(" 0") && !line.starts_with("process_"))
        .filter(|line| {
            !line.contains("_bucket{") && !line.starts_with("vpn_log_lag") && !line.starts_with("vpn_last_event")
        })
        .collect();
    expect![[r#"
        vpn_build_info{version="0.1.0",revision="test"} 1
        vpn_ready 1
        vpn_sessions{protocol="pptp",state="starting"} 2
        vpn_sessions{protocol="l2tp",state="stale"} 1
        vpn_sessions{protocol="unknown",state="starting"} 1
        vpn_users_connected{protocol="l2tp"} 1
        vpn_sessions_unencrypted{protocol="l2tp"} 1
        vpn_received_bytes_total{protocol="l2tp"} 5563
        vpn_received_bytes_total{protocol="l2tp-ipsec"} 2359
        vpn_received_bytes_total{protocol="pptp"} 135709
        vpn_sent_bytes_total{protocol="l2tp"} 64040
        vpn_sent_bytes_total{protocol="l2tp-ipsec"} 25240
        vpn_sent_bytes_total{protocol="pptp"} 364228
        vpn_session_starts_total{protocol="l2tp"} 3
        vpn_session_starts_total{protocol="l2tp-ipsec"} 1
        vpn_session_starts_total{protocol="pptp"} 8
        vpn_session_ends_total{protocol="l2tp",reason="tunnel-closed"} 2
        vpn_session_ends_total{protocol="l2tp-ipsec",reason="user-request"} 1
        vpn_session_ends_total{protocol="pptp",reason="peer-gone"} 1
        vpn_session_ends_total{protocol="pptp",reason="user-request"} 7
        vpn_connection_attempts_total{protocol="l2tp",result="success"} 3
        vpn_connection_attempts_total{protocol="l2tp-ipsec",result="auth_rejected"} 1
        vpn_connection_attempts_total{protocol="l2tp-ipsec",result="ipsec_failed"} 1
        vpn_connection_attempts_total{protocol="l2tp-ipsec",result="success"} 1
        vpn_connection_attempts_total{protocol="pptp",result="auth_rejected"} 5
        vpn_connection_attempts_total{protocol="pptp",result="encryption_refused"} 1
        vpn_connection_attempts_total{protocol="pptp",result="no_data_channel"} 1
        vpn_connection_attempts_total{protocol="pptp",result="success"} 8
        vpn_auth_failures_total{protocol="l2tp-ipsec",method="chap-md5",cause="wrong-credentials"} 1
        vpn_auth_failures_total{protocol="pptp",method="ms-chap-v2",cause="unknown-user"} 1
        vpn_auth_failures_total{protocol="pptp",method="ms-chap-v2",cause="wrong-credentials"} 4
        vpn_session_duration_seconds_sum 98.847152
        vpn_session_duration_seconds_count 11
        vpn_detections_total{rule="log-gap",severity="low"} 1
        vpn_up{source="/var/log/syslog"} 1
        vpn_log_lines_total{source="/var/log/syslog",outcome="error"} 1
        vpn_log_lines_total{source="/var/log/syslog",outcome="filtered"} 5
        vpn_log_lines_total{source="/var/log/syslog",outcome="parsed"} 10
        vpn_log_lines_total{source="/var/log/syslog",outcome="unknown"} 2
        vpn_log_lines_total{source="udp:0.0.0.0:514",outcome="parsed"} 3
        vpn_log_lost_total{source="udp:0.0.0.0:514"} 3
        vpn_store_records{state="open"} 7
        vpn_store_records{state="sealed"} 100
        vpn_store_segments{state="kept"} 3
        vpn_store_size_bytes 4096
        vpn_store_checkpoint_timestamp_seconds 1795176000
        vpn_store_write_errors_total 2
        vpn_notifications_total{channel="ops",result="sent"} 9
        vpn_banned_addresses 4
    "#]]
    .assert_eq(&(shown.join("\n") + "\n"));
    let names: BTreeSet<&str> = read(&text)
        .iter()
        .filter_map(|(name, ..)| family_of(name))
        .map(|family| family.name)
        .collect();
    let missing: Vec<&str> = ALL
        .iter()
        .map(|family| family.name)
        .filter(|name| !names.contains(name) && !name.starts_with("vpn_user_"))
        .collect();
    assert_eq!(missing, Vec::<&str>::new(), "a metric of the list without a sample");
    for (name, labels, _) in read(&text) {
        let family = family_of(&name).unwrap_or_else(|| panic!("{name} is not in the list"));
        let keys: Vec<&str> = labels.keys().map(String::as_str).filter(|key| *key != "le").collect();
        let mut expected = family.labels.to_vec();
        expected.sort_unstable();
        assert_eq!(keys, expected, "{name}");
    }
}

#[test]
fn promtool_finds_nothing_to_say() {
    let metrics = of_logs(per_user(), &[project("examples/gateway")]);
    metrics.ask_health(Box::new(healthy));
    let started = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = started else {
        eprintln!("skipped: promtool is not installed");
        return;
    };
    let text = metrics.render(Form::Text, NOON);
    promtool
        .stdin
        .take()
        .expect("a pipe")
        .write_all(text.as_bytes())
        .expect("written");
    let output = promtool.wait_with_output().expect("ended");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    // `process_open_fds` is what every client library calls it
    let ours: Vec<&str> = said.lines().filter(|line| !line.contains("process_open_fds")).collect();
    assert!(
        ours.is_empty() && (output.status.success() || !said.is_empty()),
        "{said}"
    );
}

#[test]
fn a_name_is_a_label_and_nothing_else() {
    let names = [
        "bob\"} 1\nvpn_fake_total{a=\"b",
        "back\\slash",
        "",
        "line\nbreak",
        "\u{202e}turned",
        "{x=\"1\"}",
        "# TYPE vpn_up counter",
        "\u{1}\u{7f}",
        "Ünïcode",
    ];
    let metrics = metrics(per_user());
    for (id, name) in names.iter().enumerate() {
        tell(&metrics, Told::Closed(&ended(id as u64, name)));
    }
    for form in [Form::Text, Form::OpenMetrics] {
        let samples = read(&metrics.render(form, NOON));
        assert!(samples.iter().all(|(name, ..)| family_of(name).is_some()));
        let told: BTreeSet<&str> = samples
            .iter()
            .filter(|(name, ..)| name == "vpn_user_sent_bytes_total")
            .map(|(_, labels, _)| labels["user"].as_str())
            .collect();
        let expected: BTreeSet<&str> = names.iter().copied().chain(["__other__"]).collect();
        assert_eq!(told, expected);
    }
}

#[test]
fn hostile_names_make_no_series() {
    for name in ["18-injection-names.log", "18b-quoted-names.log", "01-escapes.log"] {
        let Some(path) = hostile(name) else { return };
        let samples = read(&of_logs(per_user(), &[path]).render(Form::Text, NOON));
        assert!(samples.iter().all(|(name, ..)| family_of(name).is_some()));
        let users = samples
            .iter()
            .filter(|(_, labels, _)| labels.contains_key("user"))
            .count();
        assert_eq!(users, 3, "{name}: nobody had a session: only `__other__` is there");
    }
}

#[test]
fn hostile_19_many_names() {
    let Some(path) = hostile("19-200k-users.log.gz") else {
        return;
    };
    let empty = read(&metrics(per_user()).render(Form::Text, NOON)).len();
    let samples = read(&of_logs(per_user(), &[path]).render(Form::Text, NOON));
    assert!(samples.len() - empty <= 50, "{} series more", samples.len() - empty);
    let failed: f64 = samples
        .iter()
        .filter(|(name, labels, _)| name == "vpn_connection_attempts_total" && labels["result"] == "auth_rejected")
        .map(|(.., value)| value)
        .sum();
    assert_eq!(failed, 200_000.0);
}

#[test]
fn users_are_capped_and_sums_stay() {
    let metrics = metrics(Config {
        per_user_max: 10,
        ..per_user()
    });
    for id in 0..5_000 {
        tell(&metrics, Told::Closed(&ended(id, &format!("user {id}"))));
    }
    let samples = read(&metrics.render(Form::Text, NOON));
    let of = |family: &str| {
        samples
            .iter()
            .filter(|(name, ..)| name == family)
            .map(|(.., value)| *value)
            .collect::<Vec<_>>()
    };
    assert_eq!(of("vpn_user_sent_bytes_total").len(), 11);
    assert_eq!(of("vpn_user_sent_bytes_total").iter().sum::<f64>(), 25_000_000.0);
    assert_eq!(of("vpn_sent_bytes_total").iter().sum::<f64>(), 25_000_000.0);
}

#[test]
fn names_may_be_hashed() {
    let hash = tunlog_daemon::metrics::hash_with("a key of this store");
    let hashing = Config {
        hash_users: true,
        ..per_user()
    };
    let metrics = Metrics::new(hashing, "0.1.0", "test", NOON, Some(hash));
    tell(&metrics, Told::Closed(&ended(1, "anna")));
    let text = metrics.render(Form::Text, NOON);
    assert!(!text.contains("anna"), "{text}");
    let again = tunlog_daemon::metrics::hash_with("a key of this store")("anna");
    assert_eq!(again.len(), 16);
    assert!(
        text.contains(&format!("vpn_user_sent_bytes_total{{user=\"{again}\"}} 5000")),
        "{text}"
    );
    assert_ne!(tunlog_daemon::metrics::hash_with("another key")("anna"), again);
}

#[test]
fn a_session_from_its_beginning_to_its_last_lines() {
    let metrics = metrics(per_user());
    let value = |name: &str, labels: &[(&str, &str)]| {
        let labels: BTreeMap<String, String> = labels
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect();
        let samples = read(&metrics.render(Form::Text, NOON));
        let found = samples
            .into_iter()
            .find(|(found, with, _)| found == name && *with == labels);
        found.map(|(.., value)| value)
    };
    let pptp = [("protocol", "pptp")];
    let up = Attempt {
        outcome: Outcome::Open,
        ended: None,
        duration_s: None,
        end_reason: None,
        bytes_from_client: None,
        bytes_to_client: None,
        mppe_bits: None,
        last_seen: NOON,
        interface: Some("ppp0".into()),
        gateway: Some("vpn1".into()),
        ..ended(7, "anna")
    };
    tell(&metrics, Told::Opened(&up));
    assert_eq!(
        value("vpn_sessions", &[("protocol", "pptp"), ("state", "active")]),
        Some(1.0)
    );
    assert_eq!(value("vpn_users_connected", &pptp), Some(1.0));
    assert_eq!(value("vpn_sessions_unencrypted", &pptp), Some(1.0));
    assert_eq!(value("vpn_session_starts_total", &pptp), Some(1.0));
    assert_eq!(value("vpn_sent_bytes_total", &pptp), Some(0.0));
    assert_eq!(value("vpn_user_connected", &[("user", "anna")]), Some(1.0));
    // the interface counts while the session is up
    metrics.ask_health(Box::new(healthy));
    assert_eq!(value("vpn_sent_bytes_total", &pptp), Some(700.0));
    // its end is told at once, what it moved a moment later; the counter does not go back in between
    let first = Attempt {
        bytes_to_client: None,
        bytes_from_client: None,
        duration_s: None,
        ..ended(7, "anna")
    };
    tell(&metrics, Told::Closed(&first));
    assert_eq!(value("vpn_sent_bytes_total", &pptp), Some(700.0));
    assert_eq!(
        value("vpn_sessions", &[("protocol", "pptp"), ("state", "active")]),
        Some(0.0)
    );
    assert_eq!(value("vpn_user_connected", &[("user", "anna")]), Some(0.0));
    tell(&metrics, Told::Settled(&ended(7, "anna")));
    tell(&metrics, Told::Settled(&ended(7, "anna")));
    assert_eq!(value("vpn_sent_bytes_total", &pptp), Some(5000.0));
    assert_eq!(value("vpn_user_sent_bytes_total", &[("user", "anna")]), Some(5000.0));
    assert_eq!(
        value(
            "vpn_session_ends_total",
            &[("protocol", "pptp"), ("reason", "user-request")]
        ),
        Some(1.0)
    );
    assert_eq!(value("vpn_session_starts_total", &pptp), Some(1.0));
    assert_eq!(value("vpn_session_duration_seconds_count", &[]), Some(1.0));
    assert_eq!(value("vpn_session_duration_seconds_sum", &[]), Some(90.0));
}

#[test]
fn what_a_session_moved_that_died_without_counts_stays_counted() {
    let metrics = metrics(Config::default());
    let sent = || {
        let samples = read(&metrics.render(Form::Text, NOON));
        let is_it = |name: &str, labels: &BTreeMap<String, String>| {
            name == "vpn_sent_bytes_total" && labels.get("protocol").is_some_and(|protocol| protocol == "pptp")
        };
        let found = samples.into_iter().find(|(name, labels, _)| is_it(name, labels));
        found.map(|(.., value)| value)
    };
    let of = |id: u64| Attempt {
        bytes_from_client: None,
        bytes_to_client: None,
        interface: Some("ppp0".into()),
        gateway: Some("vpn1".into()),
        last_seen: NOON,
        ..ended(id, "anna")
    };
    let up = |id: u64| Attempt {
        outcome: Outcome::Open,
        ended: None,
        ..of(id)
    };
    // each session finds the interface with the same 700 bytes, and dies with pppd
    metrics.ask_health(Box::new(healthy));
    for id in 1..=3 {
        tell(&metrics, Told::Opened(&up(id)));
        assert_eq!(sent(), Some(700.0 * id as f64), "up");
        tell(&metrics, Told::Closed(&of(id)));
        assert_eq!(sent(), Some(700.0 * id as f64), "over");
    }
}

/// A log of our own: one client vanishes and pppd notices by its echoes; RADIUS is silent for another.
#[test]
fn echoes_and_radius() {
    let folder = Folder::new("metrics-echo");
    let log = folder.0.join("syslog");
    std::fs::write(&log, include_str!("echo.log")).expect("written");
    let metrics = of_logs(Config::default(), &[log]);
    let text = metrics.render(Form::Text, NOON);
    for line in [
        "vpn_lcp_echo_failures_total{protocol=\"pptp\"} 1\n",
        "vpn_lcp_echo_failures_total{protocol=\"unknown\"} 0\n",
        "vpn_session_ends_total{protocol=\"pptp\",reason=\"peer-gone\"} 1\n",
        "vpn_radius_timeouts_total 1\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn stale_sessions_are_told_apart() {
    let metrics = metrics(Config::default());
    let up = Attempt {
        outcome: Outcome::Open,
        ended: None,
        last_seen: NOON - 8 * 86_400_000_000,
        ..ended(1, "anna")
    };
    tell(&metrics, Told::Opened(&up));
    let text = metrics.render(Form::Text, NOON);
    assert!(
        text.contains("vpn_sessions{protocol=\"pptp\",state=\"stale\"} 1\n"),
        "{text}"
    );
    assert!(
        text.contains("vpn_sessions{protocol=\"pptp\",state=\"active\"} 0\n"),
        "{text}"
    );
}

#[test]
fn the_file_is_written_when_something_changed() {
    let folder = Folder::new("metrics-file");
    let path = folder.0.join("tunlog.prom");
    let metrics = metrics(Config {
        file_interval_s: 1,
        ..Config::default()
    });
    let file = MetricsFile::start(&metrics, &path, || NOON, |problem| panic!("{problem}")).expect("written");
    let first = std::fs::read_to_string(&path).expect("a file");
    assert!(first.contains("vpn_build_info{version=\"0.1.0\",revision=\"test\"} 1\n"));
    assert!(!first.contains("process_"), "node_exporter has these itself");
    let began = Instant::now();
    tell(&metrics, Told::Closed(&ended(1, "anna")));
    while !std::fs::read_to_string(&path)
        .is_ok_and(|text| text.contains("vpn_session_starts_total{protocol=\"pptp\"} 1\n"))
    {
        assert!(began.elapsed() < Duration::from_secs(20), "the file was not written");
        std::thread::sleep(Duration::from_millis(20));
    }
    // what was counted last is there when it is over
    tell(&metrics, Told::Closed(&ended(2, "anna")));
    drop(file);
    let last = std::fs::read_to_string(&path).expect("a file");
    assert!(last.contains("vpn_session_starts_total{protocol=\"pptp\"} 2\n"));
    assert_eq!(
        std::fs::read_dir(&folder.0).expect("a folder").count(),
        1,
        "nothing else is left"
    );
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_at_once() {
    let metrics = metrics(Config::default());
    let path = PathBuf::from("/nonexistent/tunlog.prom");
    assert!(MetricsFile::start(&metrics, &path, || NOON, |_| {}).is_err());
}

/// The manual's page has the same list as the program.
#[test]
fn the_manual() {
    let path = project("docs/metrics.md");
    let page = std::fs::read_to_string(&path).expect("docs/metrics.md");
    let (begin, end) = ("<!-- metrics: generated -->\n", "<!-- metrics: end -->\n");
    let (head, rest) = page.split_once(begin).expect("where the table begins");
    let (_, tail) = rest.split_once(end).expect("where the table ends");
    let mut table = String::from("| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for family in ALL.iter().chain(PROCESS) {
        let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let row = format!(
            "| `{}` | {} | {} | {} |\n",
            family.name,
            family.kind.word(),
            labels.join(", "),
            family.help
        );
        table.push_str(&row);
    }
    expect_file![path].assert_eq(&format!("{head}{begin}{table}{end}{tail}"));
}
