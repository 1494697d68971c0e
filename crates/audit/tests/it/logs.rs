//! What logs show of a gateway's safety. Events are read from text; attempts are made by hand, because joining is another
//! crate's work: `tunlog audit` over whole logs is tested with the program.

use expect_test::{Expect, expect};
use tunlog_audit::logs::{Account, Beside, LogFile, Logs};
use tunlog_audit::{Check, Report};
use tunlog_model::{Attempt, Outcome, Protocol};
use tunlog_testkit::{Log, NOW, Told, redact, session};

const DAY: i64 = 86_400_000_000;

fn report(log: &str, attempts: &[Attempt], beside: Beside) -> Report {
    let mut logs = Logs::new(beside, redact);
    Log::default().tell(log, &mut |told| {
        if let Told::Event(event) = told {
            logs.event(&event, true);
        }
    });
    for attempt in attempts {
        logs.attempt(attempt);
    }
    let mut report = Report::default();
    logs.finish(NOW, &|_| "vpn.log".to_owned(), &mut report);
    report.sort();
    report
}

fn line(check: &Check) -> String {
    let place = check.place().unwrap_or_default();
    format!("{} {} {place} | {}\n", check.severity.word(), check.id, check.summary)
}

fn check(log: &str, attempts: &[Attempt], expected: &Expect) {
    let report = report(log, attempts, Beside::default());
    let told: String = report.checks.iter().map(line).collect();
    expected.assert_eq(&told);
}

/// pppd's lines of a session that came up when `session` did.
const HEARD: &str = "\
Nov 20 23:00:00 vpn1 pppd[9]: Connect: ppp0 <--> /dev/pts/1
Nov 20 23:00:01 vpn1 pppd[9]: remote IP address 192.168.0.10
";

#[test]
fn a_good_session_over_ipsec_gives_nothing() {
    let mut good = session("anna");
    good.protocol = Some(Protocol::L2tpIpsec);
    good.mppe_bits = None;
    check(HEARD, &[good], &expect![""]);
}

#[test]
fn pptp_is_told_even_if_it_is_encrypted() {
    check(
        HEARD,
        &[session("anna"), session("bob"), session("anna")],
        &expect![[r#"
        critical pptp-sessions  | PPTP is in use: 3 sessions of 2 users (anna, bob), the last on 2026-11-20.
    "#]],
    );
}

#[test]
fn a_failed_attempt_is_no_session() {
    let mut failed = session("anna");
    failed.outcome = Outcome::Failed;
    failed.cause = Some("wrong-credentials");
    check(HEARD, &[failed], &expect![""]);
}

#[test]
fn sessions_without_or_with_weak_mppe() {
    let mut none = session("anna");
    none.mppe_bits = None;
    let mut weak = session("bob");
    weak.mppe_bits = Some(40);
    check(
        HEARD,
        &[none.clone(), weak],
        &expect![[r#"
            critical pptp-sessions  | PPTP is in use: 2 sessions of 2 users (anna, bob), the last on 2026-11-20.
            critical session-unencrypted  | PPTP without MPPE: 1 session of anna, on 2026-11-20.
            high weak-mppe  | MPPE of 40 bits: 1 session of bob, on 2026-11-20.
        "#]],
    );
    // pppd was not heard from the start: nobody knows
    let late = HEARD.lines().skip(1).collect::<Vec<_>>().join("\n");
    check(
        &late,
        &[none],
        &expect![[r#"
        critical pptp-sessions  | PPTP is in use: 1 session of anna, on 2026-11-20.
    "#]],
    );
}

#[test]
fn l2tp_in_the_clear_is_told_with_what_is_known() {
    let mut plain = session("anna");
    (plain.protocol, plain.mppe_bits) = (Some(Protocol::L2tp), None);
    let mut with_mppe = session("bob");
    with_mppe.protocol = Some(Protocol::L2tp);
    let xl2tpd = "Nov 20 23:00:00 vpn1 xl2tpd[5]: Connection established to 203.0.113.9, 1701.  Local: 31873, Remote: 60607 (ref=0/0).  LNS session is 'default'\n";
    check(
        xl2tpd,
        &[plain.clone()],
        &expect![[r#"
            medium l2tp-sessions-in-clear  | L2TP, outside IPsec unless the IKE daemon's log was left out (none speaks in these logs): 1 session of anna, on 2026-11-20.
        "#]],
    );
    let charon = format!(
        "{xl2tpd}Nov 20 23:00:00 vpn1 charon: 00[DMN] Starting IKE charon daemon (strongSwan 6.1.0, Linux 6.1.0-50-amd64, x86_64)\n"
    );
    check(
        &charon,
        &[plain, with_mppe],
        &expect![[r#"
            critical l2tp-sessions-in-clear  | L2TP outside IPsec: 1 session of anna, on 2026-11-20.
            high l2tp-sessions-in-clear  | L2TP outside IPsec, with MPPE of 128 bits as its only protection: 1 session of bob, on 2026-11-20.
        "#]],
    );
}

#[test]
fn weak_methods_of_logging_in() {
    let by = |user: &str, method: &'static str, protocol: Protocol| {
        let mut attempt = session(user);
        (attempt.auth_method, attempt.protocol) = (Some(method), Some(protocol));
        attempt
    };
    let mut refused = by("eve", "ms-chap", Protocol::L2tpIpsec);
    (refused.outcome, refused.cause) = (Outcome::Failed, Some("wrong-credentials"));
    let mut broken = by("mallory", "pap", Protocol::Pptp);
    (broken.outcome, broken.cause) = (Outcome::Failed, Some("peer-gone"));
    let attempts = [
        by("anna", "pap", Protocol::L2tpIpsec),
        by("bob", "pap", Protocol::L2tpIpsec),
        by("carl", "chap-md5", Protocol::L2tpIpsec),
        by("dora", "chap-md5", Protocol::Pptp),
        by("emil", "eap", Protocol::L2tpIpsec),
        refused,
        broken,
    ];
    check(
        "",
        &attempts,
        &expect![[r#"
            critical pptp-sessions  | PPTP is in use: 1 session of dora, on 2026-11-20.
            high login-chap-md5  | CHAP with MD5: 2 log-ins of 2 users (carl, dora), the last on 2026-11-20.
            medium login-ms-chap-v1  | MS-CHAP version 1, all inside IPsec: 1 log-in of eve, on 2026-11-20.
            medium login-pap  | PAP, all inside IPsec: 2 log-ins of 2 users (anna, bob), the last on 2026-11-20.
        "#]],
    );
}

const SECRETS: &str = r#"Nov 19 18:00:00 vpn1 pppd[1]: rcvd [CHAP Response id=0x4a <aaaabbbbccccdddd>, name = "anna"]
Nov 19 18:00:01 vpn1 pppd[2]: rcvd [PAP AuthReq id=0x1 user="bob" password="S3cretWord"]
Nov 19 18:00:02 vpn1 pppd[2]: rcvd [PAP AuthReq id=0x2 user="carl" password=<hidden>]
Nov 19 18:00:03 vpn1 radiusd[3]: Auth: (9) Login incorrect (pap: Cleartext password does not match): [dora/S3cretWord] (from client vpn1 port 7 cli 203.0.113.5)
Nov 19 18:00:04 vpn1 radiusd[3]: Auth: (9) Login OK: [emil/<via Auth-Type = mschap>] (from client vpn1 port 7 cli 203.0.113.5)
Nov 19 18:00:05 vpn1 radiusd[3]: Auth: (9) Login OK: [frida] (from client vpn1 port 7 cli 203.0.113.5)
"#;

#[test]
fn secrets_are_found_and_not_told() {
    check(
        SECRETS,
        &[],
        &expect![[r#"
            critical password-in-log vpn.log:4 | Passwords stand in the log: 2 lines of 2 users (bob, dora), the last on 2026-11-19.
            high crackable-login-in-log vpn.log:1 | Log-ins that can be cracked stand in the log: 1 line of anna, on 2026-11-19.
        "#]],
    );
    let report = report(SECRETS, &[], Beside::default());
    let everything = format!("{report:?}");
    assert!(
        !everything.contains("S3cretWord") && !everything.contains("aaaabbbb"),
        "{everything}"
    );
}

#[test]
fn names_that_look_like_lines_are_names() {
    let forged = "Nov 19 11:10:00 vpn1 pppd[930]: Peer rcvd [PAP AuthReq id=0x1 user=\"bob\" password=\"x\"] failed CHAP authentication\n\
                  Nov 19 11:10:01 vpn1 pppd[930]: Peer Warning - secret file /etc/x has world and/or group access failed CHAP authentication\n\
                  Nov 19 11:10:02 vpn1 radiusd[3]: Auth: (9) Login incorrect: [UPGRADE CLIENT vpn9 AS YOUR NETWORK IS VULNERABLE TO THE BLASTRADIUS ATTACK.] (from client vpn1 port 7)\n";
    check(forged, &[], &expect![""]);
}

#[test]
fn daemons_warnings_are_told_with_whom_they_name() {
    let log = "Nov 19 18:00:00 vpn1 radiusd[3]: Error: BlastRADIUS check: Received packet without Message-Authenticator.\n\
               Nov 19 18:00:00 vpn1 radiusd[3]: Error: Setting \"require_message_authenticator = false\" for client vpn1\n\
               Nov 19 18:00:00 vpn1 radiusd[3]: Error: UPGRADE CLIENT vpn1 AS YOUR NETWORK IS VULNERABLE TO THE BLASTRADIUS ATTACK.\n\
               Nov 19 18:00:00 vpn1 radiusd[3]: Error: (5) UPGRADE HOME SERVER ad1 AS YOUR NETWORK IS VULNERABLE TO THE BLASTRADIUS ATTACK.\n\
               Nov 19 18:00:00 vpn1 radiusd[3]: Error: Setting \"require_message_authenticator = true\" for client vpn2\n\
               Nov 19 18:00:01 vpn1 pppd[9]: Warning - secret file /etc/ppp/chap-secrets has world and/or group access\n\
               Nov 19 18:00:02 vpn1 pptpd[4]: MGR: Maximum of 100 connections reduced to 51, not enough IP addresses given\n\
               Nov 19 18:00:02 vpn1 pptpd[4]: MGR: connections limit (2) reached, extra IP addresses ignored\n\
               Nov 19 18:00:03 vpn1 pptpd[4]: MGR: No free connection slots or IPs - no more clients can connect!\n";
    check(
        log,
        &[],
        &expect![[r#"
            high blastradius-warning vpn.log:3 | RADIUS packets of vpn1 come without a Message-Authenticator: 2 lines, the last on 2026-11-19.
            high blastradius-warning vpn.log:4 | RADIUS packets of ad1 come without a Message-Authenticator: 1 line, on 2026-11-19.
            high secrets-file-warning vpn.log:6 | pppd says that others can read /etc/ppp/chap-secrets: 1 line, on 2026-11-19.
            low limit-reached vpn.log:9 | The gateway ran out of connections or addresses: 1 line, on 2026-11-19.
            info connections-mismatch vpn.log:8 | pptpd's connections and addresses do not match: 2 lines, the last on 2026-11-19.
        "#]],
    );
}

#[test]
fn gaps_are_counted() {
    let mut logs = Logs::new(Beside::default(), redact);
    logs.lost(Some(40), NOW);
    logs.lost(None, NOW + DAY);
    let mut report = Report::default();
    logs.finish(NOW, &|_| String::new(), &mut report);
    assert_eq!(
        line(&report.checks[0]),
        "medium log-lines-lost  | Lines were lost (40 lines): 2 gaps, the last on 2026-11-22.\n"
    );
}

fn accounts() -> Vec<Account> {
    let account = |(name, line): (&str, u32)| Account {
        name: name.to_owned(),
        file: "/etc/ppp/chap-secrets".to_owned(),
        line,
    };
    [("anna", 3), ("bob", 4), ("carl", 7)].map(account).to_vec()
}

#[test]
fn accounts_that_nobody_uses() {
    let covered = "Aug  1 00:00:00 vpn1 pptpd[4]: MGR: Manager process started\nNov 20 18:00:00 vpn1 pptpd[4]: MGR: Manager process started\n";
    let mut old = session("bob");
    old.last_seen = NOW - 100 * DAY;
    let mut refused = session("carl");
    (refused.outcome, refused.protocol) = (Outcome::Failed, None);
    let mut attempts = [session("anna"), old, refused];
    for attempt in &mut attempts {
        attempt.protocol = Some(Protocol::L2tpIpsec);
    }
    let beside = || Beside {
        accounts: accounts(),
        ..Beside::default()
    };
    let told = |log: &str, attempts: &[Attempt]| {
        let report = report(log, attempts, beside());
        (
            report.checks.iter().map(line).collect::<String>(),
            report.remarks.join("\n"),
        )
    };
    let (checks, _) = told(covered, &attempts);
    expect![[r#"
        low unused-account /etc/ppp/chap-secrets:4 | bob has not logged in since 2026-08-13.
        low unused-account /etc/ppp/chap-secrets:7 | carl has not logged in once in the 111 days of the logs.
    "#]]
    .assert_eq(&checks);
    // a log that is too short says nothing, and says so
    let short = covered.replace("Aug  1", "Nov  1");
    let (checks, notes) = told(&short, &attempts);
    assert!(checks.is_empty() && notes.contains("cover 19 days"), "{checks}{notes}");
    // the logs of another gateway
    let (checks, notes) = told(covered, &[]);
    assert!(
        checks.is_empty() && notes.contains("of any of the 3 accounts"),
        "{checks}{notes}"
    );
}

#[test]
fn logs_that_everybody_can_read() {
    let beside = Beside {
        log_files: vec![
            LogFile {
                path: "/var/log/syslog".to_owned(),
                mode: 0o100_644,
            },
            LogFile {
                path: "/var/log/ppp.log".to_owned(),
                mode: 0o100_640,
            },
        ],
        ..Beside::default()
    };
    let report = report("", &[], beside);
    let told: String = report.checks.iter().map(line).collect();
    assert_eq!(
        told,
        "medium log-readable-by-all /var/log/syslog | Its mode is 0644: every account of the machine can read it.\n"
    );
}

#[test]
fn memory_is_bounded_whatever_the_names() {
    let mut logs = Logs::new(Beside::default(), redact);
    for number in 0..20_000 {
        let mut attempt = session(&format!("user{number}"));
        attempt.mppe_bits = Some(40);
        logs.attempt(&attempt);
    }
    let mut report = Report::default();
    logs.finish(NOW, &|_| String::new(), &mut report);
    for check in &report.checks {
        let seen = check.seen.as_deref().unwrap_or_else(|| panic!("{check:?}"));
        assert_eq!((seen.count, seen.users.len()), (20_000, 500));
        assert!(check.summary.contains("more than 500 users"), "{}", check.summary);
    }
}

#[test]
fn an_ike_daemon_that_speaks_after_the_session_is_heard_too() {
    let lines = "Nov 20 22:59:59 vpn1 xl2tpd[5]: Connection established to 203.0.113.9, 1701.  Local: 31873, Remote: 60607 (ref=0/0).  LNS session is 'default'\n\
                 Nov 20 23:30:00 vpn1 charon: 00[DMN] Starting IKE charon daemon (strongSwan 6.1.0, Linux 6.1.0-50-amd64, x86_64)\n";
    let mut plain = session("anna");
    (plain.protocol, plain.mppe_bits) = (Some(Protocol::L2tp), None);
    let mut logs = Logs::new(Beside::default(), redact);
    let mut migration = tunlog_audit::migration::Migration::default();
    logs.attempt(&plain);
    migration.attempt(&plain);
    Log::default().tell(lines, &mut |told| {
        if let Told::Event(event) = told {
            logs.event(&event, true);
            migration.event(&event);
        }
    });
    let mut report = Report::default();
    logs.finish(NOW, &|_| "vpn.log".to_owned(), &mut report);
    assert_eq!(
        report.checks.iter().map(line).collect::<String>(),
        "critical l2tp-sessions-in-clear  | L2TP outside IPsec: 1 session of anna, on 2026-11-20.\n"
    );
    assert_eq!(migration.rows().first().map(|row| row.unencrypted), Some(1));
}
