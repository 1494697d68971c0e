//! `detect`: what is printed, chosen, configured and explained.

use expect_test::expect;

use crate::harness::Folder;

/// One source that guesses, and somebody who gets in.
fn guesses() -> String {
    let mut log = String::new();
    for step in 0..12_u32 {
        let (pid, second) = (100 + 2 * step, 4 * step);
        log += &format!(
            "Nov 20 10:00:{second:02} gw pptpd[{pid}]: CTRL: Client 198.51.100.7 control connection started
             Nov 20 10:00:{second:02} gw pptpd[{pid}]: CTRL: Starting call (launching pppd, opening GRE)
             Nov 20 10:00:{second:02} gw pppd[{next}]: Connect: ppp0 <--> /dev/pts/1
             Nov 20 10:00:{second:02} gw pppd[{next}]: Peer anna failed CHAP authentication
             Nov 20 10:00:{second:02} gw pppd[{next}]: Exit.
             Nov 20 10:00:{second:02} gw pptpd[{pid}]: CTRL: Client 198.51.100.7 control connection finished\n",
            next = pid + 1
        );
    }
    log
}

/// The same without indentation.
pub fn guesses_flat() -> String {
    crate::harness::flat(&guesses())
}

fn run(args: &[&str]) -> crate::harness::Ran {
    Folder::over(&guesses(), args)
}

#[test]
fn a_finding_has_its_keys() {
    let found = run(&["detect", "-o", "jsonl", "--rule", "brute-force"]).good();
    let found = found.replace("\\", "");
    for part in [
        r#"{"type":"finding","rule":"brute-force","severity":"high","techniques":["T1110.001"],"sources":["198.51.100.7"]"#,
        r#""users":["anna"],"first":"2026-11-20T10:00:00Z","last":"2026-11-20T10:00:24Z","attempts":7,"succeeded":[]"#,
        r#""alarm_time":"2026-11-20T10:00:24Z""#,
        r#""evidence":[{"source":"syslog","line":"#,
    ] {
        assert!(found.contains(part), "{part}\n{found}");
    }
    assert_eq!(found.lines().count(), 1, "{found}");
}

#[test]
fn people_see_a_line_and_why() {
    expect![[r#"
        Alarm                Severity  Rule         Sources       Users  Attempts
        2026-11-20 10:00:24  high      brute-force  198.51.100.7  anna          7
          why         198.51.100.7 was refused 7 times since it began. As these refusals count, that is more
                      than 6 at once, with one forgiven every 60 s; a person who mistypes stays below.
    "#]]
    .assert_eq(&run(&["detect", "--severity", "high"]).good());
}

#[test]
fn what_is_asked_for_is_chosen() {
    for (args, code) in [
        (&["--rule", "password-spray"][..], 1),
        (&["--severity", "critical"], 1),
        (&["--ip", "198.51.100.7"], 0),
        (&["--ip", "198.51.100.8"], 1),
        (&["--user", "anna"], 0),
        (&["--user", "bert"], 1),
        (&["--rule", "brute-farce"], 2),
        (&["--severity", "worst"], 2),
    ] {
        let ran = run(&[&["detect"], args].concat());
        assert_eq!(ran.code, Some(code), "{args:?}: {}{}", ran.out, ran.err);
    }
    let late = run(&["detect", "--rule", "brute-force", "--since", "2026-11-20T10:00:30Z"]);
    assert_eq!(late.code, Some(1), "{}", late.out);
}

#[test]
fn thresholds_come_from_a_file() {
    let folder = Folder::new();
    folder.log("syslog", &guesses());
    folder.log("strict.toml", "[detect.brute-force]\nminute = 3");
    folder.log("off.toml", "[detect.brute-force]\nenabled = false");
    folder.log("wrong.toml", "[detect.brute-force]\nminutes = 3");
    let with = |file: &str| {
        folder.run(&[
            "detect",
            "--config",
            file,
            "--rule",
            "brute-force",
            "-o",
            "jsonl",
            "--year",
            "2026",
            "syslog",
        ])
    };
    let strict = with("strict.toml").good();
    assert!(strict.contains("\"attempts\":4"), "{strict}");
    assert_eq!(with("off.toml").code, Some(1));
    let wrong = with("wrong.toml");
    assert_eq!(wrong.code, Some(2));
    assert!(
        wrong.err.contains("no threshold `minutes`: minute, ten_minutes"),
        "{}",
        wrong.err
    );
    assert_eq!(with("none.toml").code, Some(2));
}

#[test]
fn a_guesser_at_ssh_who_gets_into_the_vpn_is_told_with_lines_of_both_logs() {
    let folder = Folder::new();
    folder.log(
        "gw.log",
        "Nov 20 10:00:00 gw pptpd[100]: CTRL: Client 198.51.100.7 control connection started
         Nov 20 10:00:00 gw pptpd[100]: CTRL: Starting call (launching pppd, opening GRE)
         Nov 20 10:00:00 gw pppd[101]: Connect: ppp0 <--> /dev/pts/1
         Nov 20 10:00:01 gw pppd[101]: Peer anna authenticated with CHAP
         Nov 20 10:00:01 gw pppd[101]: local  IP address 10.99.0.1
         Nov 20 10:00:01 gw pppd[101]: remote IP address 10.99.1.3",
    );
    let refused = |time: &str, text: &str| format!("Nov 20 09:{time} gw sshd[900]: {text}\n");
    let auth = [
        refused(
            "40:03",
            "Failed password for invalid user admin from 198.51.100.7 port 40122 ssh2",
        ),
        refused(
            "40:05",
            "message repeated 2 times: [ Failed password for invalid user admin from 198.51.100.7 port 40122 ssh2]",
        ),
        refused("41:06", "Failed password for root from 198.51.100.7 port 40123 ssh2"),
        refused(
            "42:06",
            "Failed password for invalid user x from 192.0.2.10 port 1 ssh2 from 198.51.100.7 port 9 ssh2",
        ),
    ];
    folder.log("auth.log", &auth.concat());
    let both = ["--year", "2026", "gw.log", "auth.log"];
    let found = folder.run(&[&["detect", "-o", "jsonl"], &both[..]].concat()).good();
    for part in [
        "\"rule\":\"same-credentials-elsewhere\",\"severity\":\"high\"",
        "\"sources\":[\"198.51.100.7\"],\"users\":[\"anna\"]",
        "\"attempts\":6,",
        "\"source\":\"auth.log\",\"line\":3,\"text\":\"Nov 20 09:41:06 gw sshd[900]: Failed password for root",
        "\"source\":\"gw.log\",\"line\":4",
    ] {
        assert!(found.contains(part), "{part}\n{found}");
    }
    assert_eq!(found.lines().count(), 1, "{found}");
    // the other log changes no attempt, and is read by nobody else
    let attempts = |files: &[&str]| {
        folder
            .run(&[&["attempts", "--json", "--year", "2026"], files].concat())
            .good()
    };
    assert_eq!(attempts(&both[2..]), attempts(&both[2..3]));
    assert_eq!(folder.run(&["decode", "--json", "auth.log"]).out, "");
    let decoded = folder.run(&["decode", "--json", "--services", "auth.log"]).good();
    assert_eq!(
        decoded
            .lines()
            .filter(|line| line.contains("\"dialect\":\"sshd\""))
            .count(),
        4,
        "{decoded}"
    );
}

/// A session of anna's from an address on a day of November, some minutes long.
fn session(day: u32, hour: u32, address: &str) -> String {
    let pid = 1_000 + 100 * day + 2 * hour;
    let lines = [
        (
            0,
            format!("pptpd[{pid}]: CTRL: Client {address} control connection started"),
        ),
        (
            0,
            format!("pptpd[{pid}]: CTRL: Starting call (launching pppd, opening GRE)"),
        ),
        (0, format!("pppd[{}]: Connect: ppp0 <--> /dev/pts/1", pid + 1)),
        (1, format!("pppd[{}]: Peer anna authenticated with CHAP", pid + 1)),
        (1, format!("pppd[{}]: local  IP address 10.99.0.1", pid + 1)),
        (1, format!("pppd[{}]: remote IP address 10.99.1.3", pid + 1)),
        (9, format!("pppd[{}]: LCP terminated by peer (User request)", pid + 1)),
        (9, format!("pppd[{}]: Exit.", pid + 1)),
        (9, format!("pptpd[{pid}]: CTRL: Reaping child PPP[{}]", pid + 1)),
        (
            9,
            format!("pptpd[{pid}]: CTRL: Client {address} control connection finished"),
        ),
    ];
    lines
        .iter()
        .map(|(minute, line)| format!("Nov {day:2} {hour:02}:{minute:02}:00 gw {line}\n"))
        .collect()
}

#[test]
fn a_table_of_places_tells_of_countries_and_of_travel() {
    use tunlog_testkit::mmdb::{Value, table};
    let city = |country, latitude, longitude| {
        let location = vec![
            ("latitude", Value::Double(latitude)),
            ("longitude", Value::Double(longitude)),
        ];
        Value::Map(vec![
            ("country", Value::Map(vec![("iso_code", Value::Text(country))])),
            ("location", Value::Map(location)),
        ])
    };
    let file = table(
        "GeoLite2-City",
        &[
            ("203.0.113.0/24", city("DE", 52.5, 13.4)),
            ("198.51.100.0/24", city("AU", -33.9, 151.2)),
        ],
    )
    .expect("a table");
    let folder = Folder::new();
    folder.bytes("city.mmdb", &file);
    folder.bytes("cut.mmdb", &file[..file.len() / 2]);
    folder.log("t.toml", "[detect]\nmmdb = \"city.mmdb\"");
    let mut log: String = (1..9).map(|day| session(day, 9, "203.0.113.9")).collect();
    log += &session(9, 9, "203.0.113.9");
    log += &session(9, 10, "198.51.100.7");
    folder.log("syslog", &log);
    let run = |args: &[&str]| folder.run(&[&["detect", "--json", "--year", "2026", "syslog"], args].concat());
    assert_eq!(run(&[]).good(), "");
    for args in [&["--mmdb", "city.mmdb"][..], &["--config", "t.toml"]] {
        let found = run(args).good();
        for part in [
            "\"rule\":\"impossible-travel\",\"severity\":\"medium\",\"techniques\":[\"T1078\"],\"sources\":[\"198.51.100.7\",\"203.0.113.9\"]",
            "\"rule\":\"first-seen-country\",\"severity\":\"info\"",
            "(AU) 0.9 hours after being at 203.0.113.9 (DE), at least 15",
        ] {
            assert!(found.contains(part), "{part}\n{found}");
        }
        assert_eq!(found.lines().count(), 2, "{found}");
    }
    for (file, words) in [
        ("cut.mmdb", "cut.mmdb: is no table of places (MMDB)"),
        ("none.mmdb", "none.mmdb: cannot read"),
    ] {
        let ran = run(&["--mmdb", file]);
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""));
        assert!(ran.err.contains(words), "{}", ran.err);
    }
}

#[test]
fn sigma_rules_run_beside_ours_and_ours_are_written_for_others() {
    let folder = Folder::new();
    folder.log("syslog", &guesses());
    let written = folder.run(&["export-rules", "sigma", "--to", "rules"]);
    assert_eq!(written.code, Some(0), "{}", written.err);
    let run = |args: &[&str]| folder.run(&[&["detect", "--json", "--year", "2026", "syslog"], args].concat());
    let (ours, with) = (run(&[]).good(), run(&["--sigma", "rules"]).good());
    assert!(
        ours.contains("\"rule\":\"brute-force\"") && !ours.contains("sigma"),
        "{ours}"
    );
    let beside: String = with
        .lines()
        .filter(|line| !line.contains("\"sigma/"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(beside, ours);
    for part in [
        "\"rule\":\"sigma/tunlog_brute_force_minute\",\"severity\":\"high\",\"techniques\":[\"T1110.001\"],\"sources\":[\"198.51.100.7\"],\"users\":[\"anna\"]",
        "\"source\":\"syslog\",\"line\":4,\"text\":\"Nov 20 10:00:00 gw pppd[101]: Peer anna failed CHAP authentication\"",
    ] {
        assert!(with.contains(part), "{part}\n{with}");
    }
    let one = run(&["--sigma", "rules", "--rule", "sigma/tunlog_brute_force_minute"]).good();
    assert_eq!(one.lines().count(), 1, "{one}");
    folder.bytes(
        "bad.yml",
        b"title: B\nlogsource:\n  product: tunlog\ndetection:\n  s:\n    user|re: '('\n  condition: s\n",
    );
    for (file, words) in [("bad.yml", "bad.yml: B: "), ("none.yml", "none.yml: cannot read")] {
        let ran = run(&["--sigma", file]);
        assert_eq!(ran.code, Some(2));
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    assert_eq!(run(&["--sigma", "rules", "--rule", "sigma/nothing"]).code, Some(2));
}

#[test]
fn every_rule_is_explained() {
    let folder = Folder::new();
    let list = folder.run(&["explain", "--list", "detection"]).good();
    assert!(list.lines().count() >= 20, "{list}");
    for rule in list.lines().filter_map(|line| line.split_whitespace().next()) {
        let page = folder.run(&["explain", rule]).good();
        for label in ["meaning", "what to do", "matters", "wrong when"] {
            assert!(page.contains(label), "{rule}: {page}");
        }
    }
}
