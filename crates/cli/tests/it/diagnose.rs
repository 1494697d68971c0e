//! `tunlog diagnose`, as people and programs see it.

use expect_test::expect;

use crate::harness::{Folder, Ran};

const GATEWAY: &str = "
    Nov 20 09:00:00 vpn1 pptpd[90]: CTRL: Client 203.0.113.5 control connection started
    Nov 20 09:00:00 vpn1 pptpd[90]: CTRL: Starting call (launching pppd, opening GRE)
    Nov 20 09:00:00 vpn1 pppd[91]: Connect: ppp0 <--> /dev/pts/1
    Nov 20 09:00:01 vpn1 pppd[91]: rcvd [CHAP Response id=0x1 <aabbccddeeff00112233>, name = \"bert\"]
    Nov 20 09:00:01 vpn1 pppd[91]: MPPE 128-bit stateless compression enabled
    Nov 20 09:00:01 vpn1 pppd[91]: remote IP address 192.168.0.10
    Nov 20 09:10:00 vpn1 pptpd[100]: CTRL: Client 203.0.113.9 control connection started
    Nov 20 09:10:00 vpn1 pptpd[100]: CTRL: Starting call (launching pppd, opening GRE)
    Nov 20 09:10:00 vpn1 pppd[101]: Connect: ppp1 <--> /dev/pts/2
    Nov 20 09:10:01 vpn1 pppd[101]: rcvd [CHAP Response id=0x1 <0123456789abcdef0123456789abcdef>, name = \"anna\"]
    Nov 20 09:10:02 vpn1 pppd[101]: Peer anna failed CHAP authentication
    Nov 20 09:10:02 vpn1 pppd[101]: Connection terminated.
    Nov 20 09:10:02 vpn1 pppd[101]: Exit.
    Nov 20 09:10:02 vpn1 pptpd[100]: CTRL: Client 203.0.113.9 control connection finished
    Nov 20 09:20:00 vpn1 pptpd[110]: CTRL: Client 203.0.113.7 control connection started
    Nov 20 09:20:00 vpn1 pptpd[110]: CTRL: Starting call (launching pppd, opening GRE)
    Nov 20 09:20:00 vpn1 pppd[111]: Connect: ppp2 <--> /dev/pts/3
    Nov 20 09:20:30 vpn1 pppd[111]: Modem hangup
    Nov 20 09:20:30 vpn1 pppd[111]: Exit.
    Nov 20 09:20:30 vpn1 pptpd[110]: CTRL: Client 203.0.113.7 control connection finished
    Nov 20 09:30:00 vpn1 pptpd[120]: CTRL: Client 203.0.113.7 control connection started
    Nov 20 09:30:00 vpn1 pptpd[120]: CTRL: Starting call (launching pppd, opening GRE)
    Nov 20 09:30:00 vpn1 pppd[121]: Connect: ppp2 <--> /dev/pts/3
    Nov 20 09:30:30 vpn1 pppd[121]: Modem hangup
    Nov 20 09:30:30 vpn1 pppd[121]: Exit.
    Nov 20 09:30:30 vpn1 pptpd[120]: CTRL: Client 203.0.113.7 control connection finished
    Nov 20 09:40:00 vpn1 pptpd[9]: MGR: initial packet length 18245 outside (0 - 220)
";

fn over(args: &[&str]) -> Ran {
    Folder::over(GATEWAY, args)
}

#[test]
fn causes_first_then_the_attempts() {
    expect![[r#"
        Count  Cause              Clients  Users  Last
            2  gre-blocked              1      0  2026-11-20 09:30:30
            1  not-vpn-traffic          0      0  2026-11-20 09:40:00
            1  wrong-credentials        1      1  2026-11-20 09:10:02

        Started              User  Remote IP    Protocol  Cause              Layer    Confidence
        2026-11-20 09:10:00  anna  203.0.113.9  pptp      wrong-credentials  auth     certain
        2026-11-20 09:20:00        203.0.113.7  pptp      gre-blocked        gre      likely
        2026-11-20 09:30:00        203.0.113.7  pptp      gre-blocked        gre      likely
        2026-11-20 09:40:00                               not-vpn-traffic    control  certain

        Whole, with evidence and what to do: --ip ADDR, --user NAME or --at TIME.
    "#]]
    .assert_eq(&over(&["diagnose"]).out);
}

#[test]
fn who_is_named_is_told_whole() {
    expect![[r#"
        2026-11-20 09:10:00  wrong-credentials  anna  from 203.0.113.9  pptp  at vpn1
        how far     ✓ TCP 1723
                    ✓ GRE
                    ✓ LCP
                    ✗ authentication  stopped here
                    · encryption
                    · IPCP
                    · traffic
        why         The login of “anna” was refused; the evidence does not say whether name or password is
                    wrong. A mistyped or expired password, a name with or without its domain, or a device
                    that keeps an old password are the usual reasons.
        to do       1. Gateway: there is a line for this name in /etc/ppp/chap-secrets; compare its
                    password, and its second column with the `name` of the PPP options. The line is `name
                    server password addresses`, quotes round what has blanks.
                    2. Client: enter name and password anew, the name once with and once without its domain
                    (`DOMAIN\user`, `user@domain`).
                    3. Ask for other devices of this user that still dial in with an old password, before
                    the account is locked.
        may also be wrong-password (likely), unknown-user (possible)
        decides     - /etc/ppp/chap-secrets: is there a line for exactly this name, the domain included
        evidence    syslog:7: Nov 20 09:10:00 vpn1 pptpd[100]: CTRL: Client 203.0.113.9 control connection started
                    syslog:8: Nov 20 09:10:00 vpn1 pptpd[100]: CTRL: Starting call (launching pppd, opening GRE)
                    syslog:9: Nov 20 09:10:00 vpn1 pppd[101]: Connect: ppp1 <--> /dev/pts/2
                    syslog:11: Nov 20 09:10:02 vpn1 pppd[101]: Peer anna failed CHAP authentication
                    syslog:12: Nov 20 09:10:02 vpn1 pppd[101]: Connection terminated.
                    syslog:13: Nov 20 09:10:02 vpn1 pppd[101]: Exit.
                    syslog:14: Nov 20 09:10:02 vpn1 pptpd[100]: CTRL: Client 203.0.113.9 control connection finished
    "#]]
    .assert_eq(&over(&["diagnose", "--user", "anna"]).out);
}

#[test]
fn programs_get_rows_and_nothing_else() {
    let ran = over(&["diagnose", "-o", "jsonl", "--ip", "203.0.113.9"]);
    expect![[r#"
        {"type":"diagnosis","attempt":"0c5387595e24200f","time":"2026-11-20T09:10:00Z","user":"anna","client_ip":"203.0.113.9","gateway":"vpn1","protocol":"pptp","outcome":"failed","cause":"wrong-credentials","layer":"auth","confidence":"certain","summary":"The login of “anna” was refused; the evidence does not say whether name or password is wrong. A mistyped or expired password, a name with or without its domain, or a device that keeps an old password are the usual reasons.","actions":["Gateway: there is a line for this name in /etc/ppp/chap-secrets; compare its password, and its second column with the `name` of the PPP options. The line is `name server password addresses`, quotes round what has blanks.","Client: enter name and password anew, the name once with and once without its domain (`DOMAIN\\user`, `user@domain`).","Ask for other devices of this user that still dial in with an old password, before the account is locked."],"alternatives":[{"cause":"wrong-password","confidence":"likely"},{"cause":"unknown-user","confidence":"possible"}],"decides":["/etc/ppp/chap-secrets: is there a line for exactly this name, the domain included"],"ladder":[{"step":"TCP 1723","state":"worked"},{"step":"GRE","state":"worked"},{"step":"LCP","state":"worked"},{"step":"authentication","state":"stopped"},{"step":"encryption","state":"not-reached"},{"step":"IPCP","state":"not-reached"},{"step":"traffic","state":"not-reached"}],"evidence":[{"source":"syslog","line":7,"text":"Nov 20 09:10:00 vpn1 pptpd[100]: CTRL: Client 203.0.113.9 control connection started"},{"source":"syslog","line":8,"text":"Nov 20 09:10:00 vpn1 pptpd[100]: CTRL: Starting call (launching pppd, opening GRE)"},{"source":"syslog","line":9,"text":"Nov 20 09:10:00 vpn1 pppd[101]: Connect: ppp1 <--> /dev/pts/2"},{"source":"syslog","line":11,"text":"Nov 20 09:10:02 vpn1 pppd[101]: Peer anna failed CHAP authentication"},{"source":"syslog","line":12,"text":"Nov 20 09:10:02 vpn1 pppd[101]: Connection terminated."},{"source":"syslog","line":13,"text":"Nov 20 09:10:02 vpn1 pppd[101]: Exit."},{"source":"syslog","line":14,"text":"Nov 20 09:10:02 vpn1 pptpd[100]: CTRL: Client 203.0.113.9 control connection finished"}]}
    "#]].assert_eq(&ran.out);
    assert_eq!(over(&["diagnose", "-o", "csv"]).out.lines().count(), 5);
    assert!(
        over(&["diagnose", "-o", "json"])
            .out
            .starts_with("[\n{\"type\":\"diagnosis\"")
    );
}

#[test]
fn a_time_picks_the_attempts_around_it() {
    let causes = |args: &[&str]| {
        let out = over(args).out;
        let causes = out
            .lines()
            .filter_map(|line| Some(line.split("\"cause\":\"").nth(1)?.split('"').next()?.to_owned()));
        causes.collect::<Vec<String>>().join(" ")
    };
    let at = |window| causes(&["diagnose", "--json", "--at", "2026-11-20 09:20", "--window", window]);
    assert_eq!(at("2m"), "gre-blocked");
    assert_eq!(at("10m"), "wrong-credentials gre-blocked gre-blocked");
    assert!(
        over(&["diagnose", "--at", "09:20", "--window", "soon"])
            .err
            .contains("no duration")
    );
}

#[test]
fn nothing_found_of_what_is_named_is_a_status() {
    assert_eq!(over(&["diagnose", "--user", "nobody"]).code, Some(1));
    assert_eq!(over(&["diagnose", "--at", "2026-11-01 00:00"]).code, Some(1));
    assert_eq!(over(&["diagnose"]).code, Some(0));
    let empty = Folder::over("Nov 20 09:00:00 vpn1 cron[1]: nothing", &["diagnose"]);
    assert_eq!(empty.code, Some(0));
    assert!(
        empty.out.starts_with("Nothing to diagnose: no attempt"),
        "{}",
        empty.out
    );
    let nobody = over(&["diagnose", "--at", "2026-11-01 00:00", "-o", "table"]).out;
    assert!(nobody.ends_with("is of whom and when you ask for.\n"), "{nobody}");
}

#[test]
fn a_healthy_log_says_so() {
    let log: String = GATEWAY.lines().take(7).map(|line| format!("{line}\n")).collect();
    let ran = Folder::over(&log, &["diagnose"]);
    assert!(ran.out.contains("healthy"), "{}", ran.out);
    assert!(
        ran.out.contains("One session came up and nothing in it went wrong."),
        "{}",
        ran.out
    );
}

#[test]
fn a_bundle_holds_what_concerns_the_client_and_no_secret() {
    let folder = Folder::new();
    folder.log("syslog", GATEWAY);
    let ran = folder.run(&[
        "diagnose",
        "syslog",
        "--year",
        "2026",
        "--ip",
        "203.0.113.9",
        "--bundle",
        "case.zip",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let bytes = std::fs::read(folder.path().join("case.zip")).expect("the bundle");
    let held = String::from_utf8_lossy(&bytes);
    assert!(held.contains("Peer anna failed CHAP authentication") && held.contains("diagnosis.jsonl"));
    assert!(
        !held.contains("0123456789abcdef") && !held.contains("bert") && !held.contains("203.0.113.7"),
        "{held}"
    );
    // it is a zip archive that we read ourselves, and it tells the same attempt
    let attempts = folder.run(&[
        "attempts",
        "case.zip",
        "--year",
        "2026",
        "--ip",
        "203.0.113.9",
        "--json",
    ]);
    assert!(
        attempts.out.contains("\"cause\":\"wrong-credentials\""),
        "{}{}",
        attempts.out,
        attempts.err
    );
    let shown = folder.run(&[
        "diagnose",
        "syslog",
        "--year",
        "2026",
        "--ip",
        "203.0.113.9",
        "--show-secrets",
        "--bundle",
        "open.zip",
    ]);
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    let bytes = std::fs::read(folder.path().join("open.zip")).expect("the bundle");
    assert!(String::from_utf8_lossy(&bytes).contains("0123456789abcdef"));
}

#[test]
fn a_bundle_needs_a_name_and_files() {
    let ran = over(&["diagnose", "--bundle", "case.zip"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("--ip ADDR, --user NAME or --at TIME"), "{}", ran.err);
    let ran = over(&["diagnose", "-", "--user", "anna", "--bundle", "case.zip"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("standard input"), "{}", ran.err);
}
