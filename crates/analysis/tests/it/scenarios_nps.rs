//! Stories of NPS's log files, alone and beside a gateway's own log, and of Windows Firewall's.

use expect_test::{Expect, expect};
use tunlog_model::Attempt;
use tunlog_testkit::lines_of;

use crate::attempts_of;

const FIREWALL: &str = "#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\n";

/// A record of the DTS form at a second of 2026-03-07, 08:00.
fn dts(second: f64, elements: &[(&str, &str)]) -> String {
    let (minute, second) = ((second / 60.0) as u32, second % 60.0);
    let mut line = format!(
        r#"<Event><Timestamp data_type="4">03/07/2026 08:{minute:02}:{second:06.3}</Timestamp><Computer-Name data_type="1">NPS1</Computer-Name>"#
    );
    for (name, value) in elements {
        line += &format!(r#"<{name} data_type="1">{value}</{name}>"#);
    }
    line + "</Event>\n"
}

fn class(number: u32) -> String {
    format!("311 1 192.0.2.10 03/07/2026 06:00:00 {number}")
}

fn request(second: f64, number: u32, user: &str, from: &str, tunnel: &str) -> String {
    let class = class(number);
    let elements = [
        ("User-Name", user),
        ("Calling-Station-Id", from),
        ("NAS-IP-Address", "192.0.2.1"),
        ("NAS-Port-Type", "5"),
        ("Tunnel-Type", tunnel),
        ("Authentication-Type", "4"),
        ("Class", &class),
        ("Packet-Type", "1"),
        ("Reason-Code", "0"),
    ];
    dts(second, &elements)
}

fn answer(second: f64, number: u32, account: &str, kind: &str, reason: &str) -> String {
    let class = class(number);
    let elements = [
        ("Class", class.as_str()),
        ("Fully-Qualifed-User-Name", account),
        ("Packet-Type", kind),
        ("Reason-Code", reason),
    ];
    dts(second, &elements)
}

fn accounting(second: f64, number: u32, user: &str, status: &str, more: &[(&str, &str)]) -> String {
    let class = class(number);
    let session = number.to_string();
    let mut elements = vec![
        ("User-Name", user),
        ("Calling-Station-Id", "203.0.113.7"),
        ("Framed-IP-Address", "10.8.0.7"),
        ("NAS-Port-Type", "5"),
        ("Tunnel-Type", "1"),
        ("Acct-Session-Id", &session),
        ("Acct-Status-Type", status),
        ("Class", &class),
        ("Packet-Type", "4"),
    ];
    elements.extend(more);
    dts(second, &elements)
}

fn check(log: &str, want: Expect) -> Vec<Attempt> {
    let attempts = attempts_of(log);
    want.assert_eq(&lines_of(&attempts));
    attempts
}

#[test]
fn a_login_and_its_session_are_one_attempt() {
    let stop = [
        ("Acct-Session-Time", "61"),
        ("Acct-Output-Octets", "1000"),
        ("Acct-Output-Gigawords", "1"),
        ("Acct-Input-Octets", "500"),
        ("Acct-Terminate-Cause", "4"),
    ];
    let log = [
        request(0.0, 7, r"EXAMPLE\anna", "203.0.113.7", "1"),
        answer(0.1, 7, r"EXAMPLE\Anna Meier", "2", "0"),
        accounting(14.0, 7, r"EXAMPLE\anna", "1", &[]),
        accounting(75.0, 7, r"EXAMPLE\anna", "2", &stop),
    ];
    let attempts = check(
        &log.concat(),
        expect![[r#"
            pptp established user="EXAMPLE\\anna" claims=203.0.113.7 gets=10.8.0.7 to=4294968296 received=500 end=idle-timeout
        "#]],
    );
    let [attempt] = &attempts[..] else {
        panic!("one attempt")
    };
    assert_eq!(attempt.duration_s, Some(61.0));
    assert_eq!(attempt.up.map(|up| up - attempt.started), Some(14_000_000));
    assert_eq!(attempt.auth_method, Some("ms-chap-v2"));
    assert_eq!(attempt.backend, Some("radius"));
}

#[test]
fn a_session_that_has_not_ended_is_open() {
    let log = [
        request(0.0, 7, "anna", "203.0.113.7", "1"),
        answer(0.1, 7, "anna", "2", "0"),
        accounting(2.0, 7, "anna", "1", &[]),
        accounting(
            62.0,
            7,
            "anna",
            "3",
            &[("Acct-Output-Octets", "9"), ("Acct-Input-Octets", "4")],
        ),
    ];
    check(
        &log.concat(),
        expect![[r#"
            pptp open user="anna" claims=203.0.113.7 gets=10.8.0.7 to=9 received=4
        "#]],
    );
}

#[test]
fn a_refusal_has_the_name_that_was_asked_for_and_the_answers_reason() {
    let mut log = String::new();
    for (number, reason) in [
        (1, "16"),
        (2, "8"),
        (3, "36"),
        (4, "66"),
        (5, "5"),
        (6, "49"),
        (7, "264"),
        (8, "21"),
    ] {
        let user = format!("anna{number}");
        let second = f64::from(number) * 30.0;
        log += &request(second, number, &user, "203.0.113.7", "3");
        log += &answer(second + 0.2, number, "EXAMPLE\\somebody", "3", reason);
    }
    check(
        &log,
        expect![[r#"
            l2tp failed user="anna1" claims=203.0.113.7 at=auth cause=wrong-credentials
            l2tp failed user="anna2" claims=203.0.113.7 at=auth cause=unknown-user
            l2tp failed user="anna3" claims=203.0.113.7 at=auth cause=account-restricted
            l2tp failed user="anna4" claims=203.0.113.7 at=auth cause=auth-method-refused
            l2tp failed user="anna5" claims=203.0.113.7 at=auth cause=auth-backend-unreachable
            l2tp failed user="anna6" claims=203.0.113.7 at=auth cause=auth-backend-misconfigured
            l2tp failed user="anna7" claims=203.0.113.7 at=auth cause=clock-skew
            l2tp failed user="anna8" claims=203.0.113.7 at=auth cause=wrong-credentials
        "#]],
    );
}

#[test]
fn the_reason_of_a_question_means_nothing() {
    let log = request(0.0, 7, "anna", "203.0.113.7", "1")
        .replace(r#"<Reason-Code data_type="1">0"#, r#"<Reason-Code data_type="1">16"#);
    assert!(log.contains(">16<"));
    check(&log, expect![""]);
}

#[test]
fn switches_wireless_networks_and_other_tunnels_are_no_attempts() {
    let mut log = String::new();
    for (number, port, tunnel) in [(1, "19", ""), (2, "15", "13"), (3, "5", "13")] {
        let second = f64::from(number);
        let asked = request(second, number, "anna", "00-00-5e-00-53-01", tunnel);
        log += &asked.replace(
            r#"<NAS-Port-Type data_type="1">5"#,
            &format!(r#"<NAS-Port-Type data_type="1">{port}"#),
        );
        log += &answer(second + 0.1, number, "anna", "3", "16");
        log += &accounting(second + 0.2, number, "anna", "1", &[])
            .replace(r#"<Tunnel-Type data_type="1">1"#, r#"<Tunnel-Type data_type="1">13"#);
    }
    check(&log, expect![""]);
}

#[test]
fn logins_at_one_moment_are_told_apart_by_their_class() {
    let log = [
        request(0.0, 1, "anna", "203.0.113.7", "1"),
        request(0.0, 2, "bert", "203.0.113.8", "1"),
        answer(0.1, 2, "x", "3", "16"),
        answer(0.1, 1, "x", "2", "0"),
        accounting(1.0, 1, "anna", "1", &[]),
    ];
    check(
        &log.concat(),
        expect![[r#"
            pptp failed user="bert" claims=203.0.113.8 at=auth cause=wrong-credentials
            pptp open user="anna" claims=203.0.113.7 gets=10.8.0.7
        "#]],
    );
}

#[test]
fn without_a_class_the_account_ties_question_and_answer() {
    let row = |time: &str, cells: &[(usize, &str)]| {
        let mut row = vec![""; 60];
        (row[0], row[1], row[2], row[3]) = ("\"NPS1\"", "\"IAS\"", "03/07/2026", time);
        cells.iter().for_each(|(at, text)| row[*at] = text);
        row.join(",") + "\n"
    };
    let log = [
        row(
            "08:00:00",
            &[
                (4, "1"),
                (5, r#""anna@example.org""#),
                (8, r#""203.0.113.7""#),
                (44, "1"),
            ],
        ),
        row(
            "08:00:00",
            &[(4, "1"), (5, r#""bert""#), (8, r#""203.0.113.8""#), (44, "1")],
        ),
        row("08:00:01", &[(4, "3"), (6, r#""example.org/Users/anna""#), (25, "34")]),
    ];
    check(
        &log.concat(),
        expect![[r#"
            pptp failed user="anna@example.org" claims=203.0.113.7 at=auth cause=account-restricted
        "#]],
    );
}

#[test]
fn a_login_of_which_no_session_is_told_is_unfinished() {
    let log = request(0.0, 7, "anna", "203.0.113.7", "1") + &answer(0.1, 7, "anna", "2", "0");
    check(
        &log,
        expect![[r#"
            pptp unfinished user="anna" claims=203.0.113.7
        "#]],
    );
}

#[test]
fn the_gateways_own_log_tells_when_and_nps_why() {
    let gateway = "\
2026-03-07T08:00:00Z gw pptpd[100]: CTRL: Client 203.0.113.7 control connection started
2026-03-07T08:00:00Z gw pptpd[100]: CTRL: Starting call (launching pppd, opening GRE)
2026-03-07T08:00:01Z gw pppd[101]: Connect: ppp0 <--> /dev/pts/1
2026-03-07T08:00:04Z gw pppd[101]: Peer anna failed CHAP authentication
2026-03-07T08:00:04Z gw pppd[101]: Connection terminated.
2026-03-07T08:00:04Z gw pppd[101]: Exit.
2026-03-07T08:00:04Z gw pptpd[100]: CTRL: Client 203.0.113.7 control connection finished
";
    let log = request(3.0, 7, "anna", "203.0.113.7", "1") + &answer(3.1, 7, "anna", "3", "34") + gateway;
    let attempts = check(
        &log,
        expect![[r#"
            pptp failed user="anna" from=203.0.113.7 claims=203.0.113.7 on=ppp0 at=radius cause=account-restricted
        "#]],
    );
    assert_eq!(
        attempts.iter().map(|attempt| attempt.backend).collect::<Vec<_>>(),
        [Some("radius")]
    );
}

#[test]
fn a_firewall_that_drops_gre_or_the_control_port_is_the_cause() {
    let rows = "\
2026-03-07 08:00:05 DROP 47 203.0.113.7 192.0.2.1 - - 60 - - - - - - - RECEIVE
2026-03-07 08:10:00 DROP TCP 203.0.113.9 192.0.2.1 50000 1723 52 S 1 0 65535 - - - RECEIVE
2026-03-07 08:10:03 DROP TCP 203.0.113.9 192.0.2.1 50000 1723 52 S 1 0 65535 - - - RECEIVE
2026-03-07 08:20:00 DROP UDP 203.0.113.8 192.0.2.1 500 500 300 - - - - - - - RECEIVE
2026-03-07 08:30:00 DROP TCP 203.0.113.8 192.0.2.1 50000 445 52 S 1 0 65535 - - - RECEIVE
2026-03-07 08:30:00 ALLOW TCP 203.0.113.8 192.0.2.1 50001 1723 0 - 0 0 0 - - - RECEIVE
";
    let gateway = "\
2026-03-07T08:00:00Z gw pptpd[100]: CTRL: Client 203.0.113.7 control connection started
2026-03-07T08:00:00Z gw pptpd[100]: CTRL: Starting call (launching pppd, opening GRE)
2026-03-07T08:00:01Z gw pppd[101]: Connect: ppp0 <--> /dev/pts/1
";
    let end = "\
2026-03-07T08:00:31Z gw pppd[101]: LCP: timeout sending Config-Requests
2026-03-07T08:00:31Z gw pppd[101]: Connection terminated.
2026-03-07T08:00:31Z gw pppd[101]: Exit.
";
    let (first, rest) = rows.split_at(rows.find('\n').map_or(0, |at| at + 1));
    check(
        &[gateway, FIREWALL, first, end, rest].concat(),
        expect![[r#"
            l2tp failed from=203.0.113.8 at=firewall cause=control-unreachable
            pptp failed from=203.0.113.7 on=ppp0 at=firewall cause=gre-blocked
            pptp failed from=203.0.113.9 at=firewall cause=control-unreachable
        "#]],
    );
}
