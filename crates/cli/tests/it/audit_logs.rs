//! `audit` over logs: what they show, versions, exceptions, and who has to be moved.

use expect_test::expect;

use crate::harness::{Folder, Ran};

/// A PPTP session of a user, from the control connection to its end.
fn session(hour: u32, user: &str, client: &str, mppe: &str) -> String {
    let mut log = String::new();
    for line in [
        format!("pptpd[{hour}00]: CTRL: Client {client} control connection started"),
        format!("pptpd[{hour}00]: CTRL: Starting call (launching pppd, opening GRE)"),
        format!("pppd[{hour}01]: pppd 2.4.7 started by root, uid 0"),
        format!("pppd[{hour}01]: Connect: ppp0 <--> /dev/pts/1"),
        format!("pppd[{hour}01]: rcvd [CHAP Response id=0x4a <34310f577bab6882>, name = \"{user}\"]"),
        format!("pppd[{hour}01]: CHAP peer authentication succeeded for {user}"),
        mppe.replace("MPPE", &format!("pppd[{hour}01]: MPPE")),
        format!("pppd[{hour}01]: local  IP address 192.168.0.1"),
        format!("pppd[{hour}01]: remote IP address 192.168.0.10"),
        format!("pppd[{hour}01]: LCP terminated by peer"),
        format!("pppd[{hour}01]: Connect time 1.0 minutes."),
        format!("pppd[{hour}01]: Sent 4096 bytes, received 8192 bytes."),
        format!("pppd[{hour}01]: Exit."),
        format!("pptpd[{hour}00]: CTRL: Client {client} control connection finished"),
    ] {
        if !line.is_empty() {
            log += &format!("Nov 20 {hour}:00:00 vpn1 {line}\n");
        }
    }
    log
}

const STRONG: &str = "MPPE 128-bit stateless compression enabled";

fn log() -> String {
    [
        session(10, "anna", "203.0.113.9", STRONG),
        session(11, "bob", "203.0.113.10", ""),
        session(12, "=cmd|' /C calc'!A0", "203.0.113.11", STRONG),
    ]
    .concat()
}

fn run(args: &[&str]) -> Ran {
    Folder::over(&log(), args)
}

/// The ids and places of checks, as CSV has them.
fn checks(out: &str) -> String {
    let rows = out.lines().skip(1).map(|row| {
        let cells: Vec<&str> = row.splitn(6, ',').collect();
        format!("{}\n", cells[..cells.len().min(5)].join(" ").trim_end())
    });
    rows.collect()
}

#[test]
fn sessions_secrets_and_versions_are_told() {
    let out = run(&["audit", "-o", "csv", "-q"]).good();
    expect![[r#"
        session-unencrypted critical syslog 15
        pptp-sessions critical syslog 28
        known-vulnerability critical syslog 30 CVE-2020-8597
        crackable-login-in-log high syslog 32
        known-vulnerability low syslog 30 CVE-2024-58250
        version-not-logged info syslog 1 CVE-2003-0213
        known-vulnerability info syslog 30 CVE-2018-11574
        known-vulnerability info syslog 30 pppd-2.5.3
    "#]]
    .assert_eq(&checks(&out));
    assert!(!out.contains("34310f577bab6882"), "a response is never shown: {out}");
}

#[test]
fn a_check_of_a_log_has_the_contracts_keys_and_what_was_seen() {
    let out = run(&["audit", "-o", "jsonl", "--check", "session-unencrypted", "-q"]).good();
    for part in [
        r#"{"type":"check","check":"session-unencrypted","severity":"critical","file":"syslog","line":15,"#,
        r#""summary":"PPTP without MPPE: 1 session of bob, on 2026-11-20.","#,
        r#""count":1,"first":"2026-11-20T11:00:00Z","last":"2026-11-20T11:00:00Z","users":["bob"],"sources":["203.0.113.10"],"gateways":["vpn1"]"#,
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    let table = run(&["audit", "--check", "pptp-sessions"]);
    assert!(table.out.contains("3 sessions of 3 users"), "{}", table.out);
    assert!(table.err.contains("1 check: 1 critical"), "{}", table.err);
}

#[test]
fn only_what_was_asked_for_counts() {
    let out = run(&["audit", "-o", "csv", "-q", "--user", "anna"]).good();
    assert!(
        !out.contains("session-unencrypted") && out.contains("1 session of anna") && out.contains("1 line of anna"),
        "{out}"
    );
    let out = run(&["audit", "-o", "csv", "-q", "--user", "bob"]).good();
    assert!(
        out.contains("PPTP without MPPE: 1 session of bob"),
        "what was heard of the link counts: {out}"
    );
    let out = run(&["audit", "-o", "csv", "-q", "--since", "2026-11-20 10:30"]).good();
    assert!(out.contains("2 sessions of 2 users"), "{out}");
    let out = run(&["audit", "-o", "csv", "-q", "--gateway", "vpn2"]);
    assert!(!out.out.contains("pptp-sessions"), "{}", out.out);
}

#[test]
fn configuration_and_logs_are_judged_together() {
    let folder = Folder::new();
    folder.log("syslog", &log());
    folder.log(
        "pptpd-options",
        "name pptpd\nrequire-mschap-v2\nrequire-mppe-128\nnodefaultroute\nlock\nnologfd\ndebug\n",
    );
    folder.log("chap-secrets", "anna * an-excellent-secret-0123 192.168.0.10\n");
    let ran = folder.run(&[
        "audit",
        "--year",
        "2026",
        "-o",
        "csv",
        "syslog",
        "pptpd-options",
        "chap-secrets",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for (id, file) in [("ppp-debug,", "pptpd-options,7"), ("pptp-sessions,", "syslog,28")] {
        assert!(ran.line(id).contains(file), "{}", ran.out);
    }
    assert!(ran.err.contains("the logs cover 0 days"), "{}", ran.err);
    assert!(!ran.out.contains("excellent"), "{}", ran.out);
    // a folder with both
    let ran = folder.run(&["audit", "--year", "2026", "-o", "csv", "."]);
    assert!(
        ran.out.contains("ppp-debug,") && ran.out.contains("pptp-sessions,"),
        "{}{}",
        ran.out,
        ran.err
    );
}

#[test]
fn a_log_comes_by_standard_input_too() {
    let folder = Folder::new();
    folder.log("syslog", &log());
    let file = std::fs::File::open(folder.path().join("syslog")).expect("a file");
    let mut command = folder.command(&["audit", "--year", "2026", "-o", "csv", "-q", "-"]);
    let ran = Ran::of(command.stdin(file).output().expect("the binary runs"));
    assert!(
        ran.line("pptp-sessions").contains("3 sessions"),
        "{}{}",
        ran.out,
        ran.err
    );
}

#[test]
fn what_is_neither_log_nor_configuration_is_told() {
    let folder = Folder::new();
    folder.log("notes.txt", "buy milk\n");
    let ran = folder.run(&["audit", "notes.txt"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("notes.txt: neither configuration"), "{}", ran.err);
    assert!(!ran.err.contains("nothing to say"), "{}", ran.err);
}

#[test]
fn what_a_distribution_mended_is_left_out() {
    let folder = Folder::new();
    folder.log("syslog", "Nov 20 10:00:00 vpn1 charon: 00[DMN] Starting IKE charon daemon (strongSwan 5.9.8, Linux 6.1.0-50-amd64, x86_64)\n");
    let cves = |ran: &Ran| -> usize { ran.out.matches("known-vulnerability").count() };
    let bare = folder.run(&["audit", "--year", "2026", "-o", "csv", "syslog"]);
    assert_eq!(cves(&bare), 15, "{}", bare.out);
    assert!(
        bare.out.contains("affected unless patched by the distribution"),
        "{}",
        bare.out
    );
    for list in [
        "Package: strongswan-charon\nStatus: install ok installed\nVersion: 5.9.8-5+deb12u6\n",
        "ii  strongswan-charon 5.9.8-5+deb12u6 amd64 IKE\n",
        "strongswan-charon\t5.9.8-5+deb12u6\n",
    ] {
        folder.bytes("status", list.as_bytes());
        let ran = folder.run(&[
            "audit",
            "--year",
            "2026",
            "-o",
            "csv",
            "--dpkg-status",
            "status",
            "syslog",
        ]);
        assert_eq!(cves(&ran), 1, "{list}{}", ran.out);
        assert!(ran.out.contains("CVE-2025-9615"), "{}", ran.out);
    }
    let ran = folder.run(&["audit", "--dpkg-status", "syslog", "syslog"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("syslog: no list of packages"), "{}", ran.err);
}

#[test]
fn a_newer_list_of_advisories_is_taken() {
    let folder = Folder::new();
    folder.log("syslog", &log());
    folder.log("new.toml", "date = \"2026-12-01\"\n[[advisory]]\nid = \"CVE-2026-99999\"\nproduct = \"pppd\"\nfixed = \"2.6.0\"\nseverity = \"high\"\nsummary = \"something new\"\nreference = \"https://example.com\"\nseen = \"2026-12-01\"\n");
    let ran = folder.run(&[
        "audit",
        "--year",
        "2026",
        "-o",
        "csv",
        "--advisories",
        "new.toml",
        "syslog",
    ]);
    assert!(
        ran.line("known-vulnerability").contains("CVE-2026-99999"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("list of advisories of 2026-12-01"), "{}", ran.err);
    folder.log("new.toml", "date = \"2026-12-01\"\n[[advisory]]\nid = \"X\"\n");
    let ran = folder.run(&["audit", "--advisories", "new.toml", "syslog"]);
    assert!(ran.code == Some(2) && ran.err.contains("new.toml: "), "{}", ran.err);
}

const EXCEPTION: &str =
    "[[exception]]\ncheck = \"pptp-sessions\"\nreason = \"until March\"\nowner = \"walt\"\nexpires = \"2999-01-01\"\n";

#[test]
fn what_is_accepted_is_told_as_such_and_does_not_fail() {
    let folder = Folder::new();
    folder.log("syslog", &session(10, "anna", "203.0.113.9", STRONG));
    folder.log("accepted.toml", EXCEPTION);
    let args = [
        "audit",
        "--year",
        "2026",
        "--check",
        "pptp-sessions",
        "--fail-on",
        "critical",
        "syslog",
    ];
    assert_eq!(folder.run(&args).code, Some(1), "nobody accepted it");
    let ran = folder.run(&[&args[..], &["--exceptions", "accepted.toml", "-o", "jsonl"]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for part in [
        r#""severity":"critical""#,
        r#""exception":{"reason":"until March","owner":"walt","expires":"2999-01-01"}"#,
    ] {
        assert!(ran.out.contains(part), "{part}\n{}", ran.out);
    }
    // where exceptions usually lie
    std::fs::create_dir_all(folder.path().join("config/tunlog")).expect("a folder");
    folder.log("config/tunlog/exceptions.toml", EXCEPTION);
    let mut command = folder.command(&args);
    let ran = Ran::of(
        command
            .env("XDG_CONFIG_HOME", folder.path().join("config"))
            .output()
            .expect("the binary runs"),
    );
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.out.contains("walt"), "{}", ran.out);
}

#[test]
fn exceptions_that_are_over_unused_or_incomplete_are_told() {
    let folder = Folder::new();
    folder.log("syslog", &session(10, "anna", "203.0.113.9", STRONG));
    let run = |exceptions: &str| {
        folder.log("e.toml", exceptions);
        folder.run(&[
            "audit",
            "--year",
            "2026",
            "-o",
            "csv",
            "--exceptions",
            "e.toml",
            "syslog",
        ])
    };
    let over = run(&EXCEPTION.replace("2999", "2020"));
    assert!(over.line("exception-expired").contains("e.toml,1"), "{}", over.out);
    let unused = run(&EXCEPTION.replace("pptp-sessions", "login-pap"));
    assert!(unused.line("exception-unused").contains("e.toml,1"), "{}", unused.out);
    let incomplete = run(&format!(
        "\n{}\n{}",
        EXCEPTION.replace("owner = \"walt\"\n", ""),
        EXCEPTION
    ));
    assert_eq!(incomplete.code, Some(2));
    assert!(
        incomplete.err.contains("e.toml:1: `owner` is missing"),
        "{}",
        incomplete.err
    );
    assert!(
        incomplete.line("pptp-sessions").contains("walt"),
        "the other one counts: {}",
        incomplete.out
    );
}

#[test]
fn accept_prints_what_to_paste() {
    let folder = Folder::new();
    folder.log("syslog", &session(10, "anna", "203.0.113.9", STRONG));
    let printed = folder
        .run(&[
            "audit",
            "--year",
            "2026",
            "--accept",
            "pptp-sessions,known-vulnerability",
            "syslog",
        ])
        .good();
    assert_eq!(printed.matches("[[exception]]").count(), 5, "{printed}");
    let filled = printed
        .replace("reason  = \"\"", "reason = \"r\"")
        .replace("owner   = \"\"", "owner = \"o\"");
    folder.bytes("e.toml", filled.as_bytes());
    let ran = folder.run(&[
        "audit",
        "--year",
        "2026",
        "-o",
        "jsonl",
        "--exceptions",
        "e.toml",
        "syslog",
    ]);
    assert_eq!(ran.out.matches("\"exception\":{").count(), 5, "{}", ran.out);
    assert!(!ran.out.contains("exception-unused"), "{}", ran.out);
    assert_eq!(
        folder
            .run(&["audit", "--year", "2026", "--accept", "login-pap", "syslog"])
            .code,
        Some(1)
    );
    let unknown = folder.run(&["audit", "--accept", "pap", "syslog"]);
    assert!(
        unknown.code == Some(2) && unknown.err.contains("no check `pap`"),
        "{}",
        unknown.err
    );
}

#[test]
fn who_has_to_be_moved() {
    let table = run(&["audit", "--migration", "--utc"]).good();
    expect![[r#"
        #  User                Step          Protocols  Sessions  Last                 Log-in  MPPE  Clients  From
        1  bob                 in-the-clear  pptp              1  2026-11-20 11:00:00                         203.0.113.10
          to do       At once: sessions cross the network in the clear. Move, and have the password changed.
        2  =cmd|' /C calc'!A0  active        pptp              1  2026-11-20 12:00:00          128            203.0.113.11
          to do       Next, those with most sessions first: move to IKEv2 or L2TP inside IPsec, then change
                      the password.
        3  anna                active        pptp              1  2026-11-20 10:00:00          128            203.0.113.9
    "#]].assert_eq(&table);
    let json = run(&["audit", "--migration", "-o", "jsonl"]).good();
    let first =
        r#"{"type":"migration","order":1,"step":"in-the-clear","user":"bob","protocols":["pptp"],"sessions":1,"#;
    assert!(json.starts_with(first), "{json}");
    let csv = run(&["audit", "--migration", "-o", "csv"]).good();
    assert!(csv.contains("'=cmd"), "{csv}");
    let html = run(&["audit", "--migration", "-o", "html"]).good();
    assert!(
        html.starts_with("<!DOCTYPE html>") && html.contains("In the clear") && html.contains("203.0.113.10"),
        "{html}"
    );
    let sarif = run(&["audit", "--migration", "-o", "sarif"]);
    assert!(sarif.code == Some(2) && sarif.err.contains("no sarif"), "{}", sarif.err);
    let folder = Folder::new();
    folder.log("pptpd-options", "require-mschap-v2\nrequire-mppe-128\n");
    let ran = folder.run(&["audit", "--migration", "pptpd-options"]);
    assert!(
        ran.code == Some(2) && ran.err.contains("there is no log"),
        "{}",
        ran.err
    );
}

#[test]
fn accounts_that_nobody_uses_are_told() {
    let folder = Folder::new();
    let old = session(10, "bob", "203.0.113.9", STRONG).replace("Nov 20", "Jun 20");
    folder.log(
        "syslog",
        &format!("{old}{}", session(11, "anna", "203.0.113.9", STRONG)),
    );
    folder.log("accounts", "# of the gateway\nanna\nbob\ncarl\n");
    let ran = folder.run(&[
        "audit",
        "--year",
        "2026",
        "-o",
        "csv",
        "--accounts",
        "accounts",
        "syslog",
    ]);
    let told = checks(&ran.out);
    let unused: Vec<&str> = told.lines().filter(|line| line.starts_with("unused")).collect();
    assert_eq!(
        unused,
        [
            "unused-account low accounts 3 bob",
            "unused-account low accounts 4 carl"
        ]
    );
}

/// Log-ins by MS-CHAPv2, some with names that look like lines of logs; captured in a lab between gateway and RADIUS server.
const RADIUS: &[u8] = include_bytes!("../fixtures/radius.pcap");

#[test]
fn a_capture_shows_what_radius_gives_away() {
    let folder = Folder::new();
    folder.bytes("radius.pcap", RADIUS);
    let ran = folder.run(&["audit", "-q", "-o", "csv", "radius.pcap"]);
    expect![[r#"
        radius-login-on-the-wire high radius.pcap 15 10.20.0.1
        radius-unsigned high radius.pcap 16 10.20.0.1
    "#]]
    .assert_eq(&checks(&ran.out));
    let one = folder.run(&[
        "audit",
        "-q",
        "-o",
        "jsonl",
        "--check",
        "radius-login-on-the-wire",
        "radius.pcap",
    ]);
    assert!(
        one.out.contains(r#""count":8,"first":"2026-10-30T12:20:05.041077Z""#),
        "{}",
        one.out
    );
    assert!(one.out.contains(r#""nobody","rick","rita"]"#), "{}", one.out);
}
