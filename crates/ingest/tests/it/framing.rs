use tunlog_ingest::Place;
use tunlog_model::{AppFilter, Civil, Stamp};

use crate::{cut, cut_with};

const CIVIL: Stamp = Stamp::Civil(Civil {
    year: None,
    month: 11,
    day: 9,
    second: 36_061,
    micros: 0,
});
const DATED: Stamp = Stamp::Civil(Civil {
    year: Some(2025),
    month: 11,
    day: 9,
    second: 36_061,
    micros: 0,
});
/// 2025-11-09T10:01:01Z
const INSTANT: Stamp = Stamp::Instant(1_762_682_461_000_000);

/// Line, stamp, host, program, pid, body.
type Row = (&'static str, Stamp, &'static str, &'static str, u32, &'static str);

fn check(rows: &[Row]) {
    for (line, stamp, host, app, pid, body) in rows {
        let seen = cut(line);
        assert_eq!(seen.len(), 1, "{line}: {seen:?}");
        let seen = &seen[0];
        let got = (
            seen.stamp,
            seen.host.as_str(),
            seen.app.as_str(),
            seen.pid,
            seen.body.as_str(),
        );
        assert_eq!(got, (*stamp, *host, *app, *pid, *body), "{line}");
        assert_eq!(seen.raw, line.as_bytes(), "{line}");
    }
}

#[test]
fn bsd_syslog_in_its_variants() {
    check(&[
        ("Nov  9 10:01:01 gw pppd[7]: LCP up", CIVIL, "gw", "pppd", 7, "LCP up"),
        ("Nov 9 10:01:01 gw pppd[7]: LCP up", CIVIL, "gw", "pppd", 7, "LCP up"),
        ("Nov  9 10:01:01 pppd[7]: LCP up", CIVIL, "", "pppd", 7, "LCP up"),
        ("Nov  9 10:01:01 wan: connected", CIVIL, "", "wan", 0, "connected"),
        (
            "Nov  9 10:01:01  daemon.notice pppd[7]: LCP up",
            CIVIL,
            "",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "Nov  9 10:01:01 gw daemon.info pppd[7]: LCP up",
            CIVIL,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "Nov  9 10:01:01 gw /usr/sbin/pppd[7]: LCP up",
            CIVIL,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "Nov  9 10:01:01 gw pptpd[7] CTRL: up",
            CIVIL,
            "gw",
            "pptpd",
            7,
            "CTRL: up",
        ),
        ("Nov  9 10:01:01 gw pppd(7): LCP up", CIVIL, "gw", "pppd", 7, "LCP up"),
        ("Nov  9 10:01:01 gw pppd[7:8]: LCP up", CIVIL, "gw", "pppd", 7, "LCP up"),
        ("Nov  9 10:01:01 gw su(pam_unix)[7]: open", CIVIL, "gw", "su", 7, "open"),
        (
            "Nov  9 2025 10:01:01 gw pppd[7]: LCP up",
            DATED,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "Nov  9 10:01:01 2025 gw pppd[7]: LCP up",
            DATED,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "Sun Nov  9 10:01:01 2025 daemon.info pppd[7]: LCP up",
            DATED,
            "",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "Sun Nov  9 10:01:01 2025 gw pppd[7]: LCP up",
            DATED,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "<30>Nov  9 10:01:01 gw pppd[7]: LCP up",
            CIVIL,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "<999>Nov  9 10:01:01 gw pppd[7]: LCP up",
            CIVIL,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        ("<30>pppd[7]: LCP up", Stamp::Missing, "", "pppd", 7, "LCP up"),
        (
            "46 <30>Nov  9 10:01:01 gw pppd[7]: LCP up",
            CIVIL,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "   Nov  9 10:01:01 gw pppd[7]: LCP up",
            CIVIL,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        ("ov  9 10:01:01 gw pppd[7]: LCP up", CIVIL, "gw", "pppd", 7, "LCP up"),
        ("nov. 09 10:01:01 gw pppd[7]: LCP up", CIVIL, "gw", "pppd", 7, "LCP up"),
        ("ноя 09 10:01:01 gw pppd[7]: LCP up", CIVIL, "gw", "pppd", 7, "LCP up"),
        ("11月  9 10:01:01 gw pppd[7]: LCP up", CIVIL, "gw", "pppd", 7, "LCP up"),
        (
            "11&#26376;  9 10:01:01 gw pppd[7]: LCP up",
            CIVIL,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        ("9 Nov 10:01:01 gw pppd[7]: LCP up", CIVIL, "gw", "pppd", 7, "LCP up"),
        (
            "vpn_1  | Nov  9 10:01:01 gw pppd[7]: LCP up",
            CIVIL,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        ("vpn-1 | xl2tpd[7]: up", Stamp::Missing, "", "xl2tpd", 7, "up"),
        ("vpn_1  | /usr/sbin/pppd: up", Stamp::Missing, "", "pppd", 0, "up"),
        (
            "/var/log/syslog.1:Nov  9 10:01:01 gw pppd[7]: LCP up",
            CIVIL,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "syslog:12:Nov  9 10:01:01 gw pppd[7]: LCP up",
            CIVIL,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "syslog-Nov  9 10:01:01 gw pppd[7]: LCP up",
            CIVIL,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "Nov  9 10:01:01 gw charon: 09[IKE] up",
            CIVIL,
            "gw",
            "charon",
            0,
            "09[IKE] up",
        ),
        (
            "Nov  9 10:01:01 gw kernel: [ 12.5] gre up",
            CIVIL,
            "gw",
            "kernel",
            0,
            "[ 12.5] gre up",
        ),
        (
            "Nov 99 99:01:01 gw pppd[7]: LCP up",
            Stamp::Missing,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "Xyz  9 10:01:01 gw pppd[7]: LCP up",
            Stamp::Missing,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
    ]);
}

#[test]
fn iso_and_rfc_5424() {
    check(&[
        (
            "2025-11-09T10:01:01+00:00 gw pppd[7]: LCP up",
            INSTANT,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "2025-11-09T11:01:01+0100 gw pppd[7]: LCP up",
            INSTANT,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "2025-11-09T10:01:01.000000Z gw pppd[7]: LCP up",
            INSTANT,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        ("2025-11-09T10:01:01Z pppd[7]: LCP up", INSTANT, "", "pppd", 7, "LCP up"),
        (
            "2025-11-09T10:01:01.000000000Z stderr F pppd[7]: LCP up",
            INSTANT,
            "",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "2025-11-09T10:01:01.000000000Z stdout P Nov  9 11:01:01 gw pppd[7]: LCP up",
            INSTANT,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "2025-11-09T10:01:01Z stdout pppd[7]: F LCP up",
            INSTANT,
            "stdout",
            "pppd",
            7,
            "F LCP up",
        ),
        (
            "2025-11-09 10:01:01 gw pppd[7]: LCP up",
            DATED,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "2025/11/09 10:01:01 gw pppd[7]: LCP up",
            DATED,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "025-11-09T10:01:01Z gw pppd[7]: LCP up",
            INSTANT,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "2025.11.09-10:01:01 <192.0.2.7>: pppd[7]: LCP up",
            DATED,
            "192.0.2.7",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "[2025-11-09 10:01:01] gw pppd[7]: LCP up",
            DATED,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "2025-11-09T10:01:01Z Nov  9 11:01:01 gw pppd[7]: LCP up",
            INSTANT,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "2025-13-45T99:99:99Z gw pppd[7]: LCP up",
            Stamp::Missing,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "<30>1 2025-11-09T10:01:01Z gw pppd 7 - - LCP up",
            INSTANT,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            r#"<30>1 2025-11-09T10:01:01Z gw pppd 7 - [a@1 x="\]\""][b y="]"] LCP up"#,
            INSTANT,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            r#"<30>1 2025-11-09T10:01:01Z gw ppp 7 - [meta n="1"] [link0] up"#,
            INSTANT,
            "gw",
            "ppp",
            7,
            "[link0] up",
        ),
        ("<30>1 - - pppd - - - LCP up", Stamp::Missing, "", "pppd", 0, "LCP up"),
        (
            "1762682461.000000 gw pppd[7]: LCP up",
            INSTANT,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "Sun 2025-11-09 10:01:01 UTC gw pppd[7]: LCP up",
            DATED,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
    ]);
    assert_eq!(
        cut("<27>Nov  9 10:01:01 gw pppd[7]: x")[0].severity.as_deref(),
        Some("Error")
    );
    assert_eq!(
        cut("Nov  9 10:01:01 daemon.warn pppd[7]: x")[0].severity.as_deref(),
        Some("Warning")
    );
}

#[test]
fn other_writers() {
    check(&[
        (
            "[   12.500000] gre: up",
            Stamp::SinceBoot(12_500_000),
            "",
            "kernel",
            0,
            "gre: up",
        ),
        (
            "<6>[   12.500000] gre: up",
            Stamp::SinceBoot(12_500_000),
            "",
            "kernel",
            0,
            "gre: up",
        ),
        (
            "[   12.500000] gw pppd[7]: LCP up",
            Stamp::SinceBoot(12_500_000),
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        ("[Sun Nov  9 10:01:01 2025] gre: up", DATED, "", "kernel", 0, "gre: up"),
        (
            "Sun Nov  9 10:01:01 2025 : Auth: (1) Login OK",
            DATED,
            "",
            "radiusd",
            0,
            "Auth: (1) Login OK",
        ),
        (
            "Sun Nov  9 10:01:01 2025: Auth: Login OK",
            DATED,
            "",
            "radiusd",
            0,
            "Auth: Login OK",
        ),
        (
            "nov/09/2025 10:01:01 l2tp,info up",
            DATED,
            "",
            "routeros",
            0,
            "l2tp,info up",
        ),
        (
            "nov/09 10:01:01 l2tp,ppp,info up",
            CIVIL,
            "",
            "routeros",
            0,
            "l2tp,ppp,info up",
        ),
        (
            "10:01:01 l2tp,info up",
            Stamp::Missing,
            "",
            "routeros",
            0,
            "l2tp,info up",
        ),
        (
            "2025-11-09 10:01:01 l2tp,info up",
            DATED,
            "",
            "routeros",
            0,
            "l2tp,info up",
        ),
        (
            "Nov  9 10:01:01 gw l2tp,info up",
            CIVIL,
            "gw",
            "routeros",
            0,
            "l2tp,info up",
        ),
        ("l2tp, info | up", Stamp::Missing, "", "routeros", 0, "l2tp, info | up"),
        (
            "2025-11-09 10:01:01.000 IPsec Client 3: created",
            DATED,
            "",
            "softether",
            0,
            "IPsec Client 3: created",
        ),
        (
            "2025-11-09 10:01:01.000 Connection \"CID-1\": failed",
            DATED,
            "",
            "softether",
            0,
            "Connection \"CID-1\": failed",
        ),
        (
            "2025-11-09 10:01:01.000 IPsec Module: started",
            DATED,
            "",
            "softether",
            0,
            "IPsec Module: started",
        ),
        (
            "2025-11-09 10:01:01.000 gw pppd[7]: LCP up",
            DATED,
            "gw",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "Connect: ppp0 <--> /dev/pts/0",
            Stamp::Missing,
            "",
            "",
            0,
            "Connect: ppp0 <--> /dev/pts/0",
        ),
        (
            "LCP: timeout sending",
            Stamp::Missing,
            "",
            "",
            0,
            "LCP: timeout sending",
        ),
        (
            "[2025-11-09 10:01:01.000] ppp0: up",
            DATED,
            "",
            "accel-pppd",
            0,
            "ppp0: up",
        ),
        (
            "[2025-11-09 10:01:01]:  info: ppp0: up",
            DATED,
            "",
            "accel-pppd",
            0,
            "ppp0: up",
        ),
        (
            "\x1b[1;31m[2025-11-09 10:01:01]: error: \x1b[0;39mpptp: no socket",
            DATED,
            "",
            "accel-pppd",
            0,
            "pptp: no socket",
        ),
        (
            "[2025-11-09 10:01:01.000] : 0123456789abcdef: up",
            DATED,
            "",
            "accel-pppd",
            0,
            ": 0123456789abcdef: up",
        ),
        ("/usr/sbin/pppd: no right", Stamp::Missing, "", "pppd", 0, "no right"),
        ("xl2tpd[7]: up", Stamp::Missing, "", "xl2tpd", 7, "up"),
    ]);
    let pair = cut("  time=nov/09/2025 10:01:01 topics=l2tp,info\n  message=\"user up\"\nnext");
    assert_eq!(
        (pair[0].app.as_str(), pair[0].body.as_str(), pair[0].stamp),
        ("routeros", "l2tp,info user up", DATED)
    );
    assert_eq!(pair[1].line, 3);
}

#[test]
fn a_stamp_that_was_cut_off_leaves_host_and_tag() {
    check(&[
        (
            "gw pptpd[77] CTRL: Exiting now",
            Stamp::Missing,
            "gw",
            "pptpd",
            77,
            "CTRL: Exiting now",
        ),
        (
            "gw.example.org pppd[7]: LCP up",
            Stamp::Missing,
            "gw.example.org",
            "pppd",
            7,
            "LCP up",
        ),
        (
            "198.51.100.1 xl2tpd[9]: Closing",
            Stamp::Missing,
            "198.51.100.1",
            "xl2tpd",
            9,
            "Closing",
        ),
        (
            "pptpd[77] CTRL: Exiting now",
            Stamp::Missing,
            "",
            "pptpd",
            77,
            "CTRL: Exiting now",
        ),
        (
            "Nov  9 10:01:01 gw pptpd[77] CTRL: Exiting now",
            CIVIL,
            "gw",
            "pptpd",
            77,
            "CTRL: Exiting now",
        ),
        // bodies of lines without any header
        (
            "IKE_SA work[1] established between 198.51.100.10[gw]...203.0.113.7[anna]",
            Stamp::Missing,
            "",
            "",
            0,
            "IKE_SA work[1] established between 198.51.100.10[gw]...203.0.113.7[anna]",
        ),
        (
            "child PPP[31808] gone",
            Stamp::Missing,
            "",
            "",
            0,
            "child PPP[31808] gone",
        ),
        (
            "gw: pptpd[77] CTRL: x",
            Stamp::Missing,
            "",
            "",
            0,
            "gw: pptpd[77] CTRL: x",
        ),
        ("see pptpd: it says", Stamp::Missing, "", "", 0, "see pptpd: it says"),
    ]);
}

#[test]
fn routeros_is_told_by_its_topics() {
    check(&[
        (
            "<30>l2tp,ppp,info up",
            Stamp::Missing,
            "",
            "routeros",
            0,
            "l2tp,ppp,info up",
        ),
        (
            "Nov  9 10:01:01 gw l2tp,info: up",
            CIVIL,
            "gw",
            "routeros",
            0,
            "l2tp,info: up",
        ),
        (
            "nov/09/2025 10:01:01\tmemory\tl2tp, info\tup",
            DATED,
            "",
            "routeros",
            0,
            "l2tp, info\tup",
        ),
        (
            "Nov  9 10:01:01 gw system,info up",
            CIVIL,
            "gw",
            "routeros-other",
            0,
            "system,info up",
        ),
        (
            "Nov  9 10:01:01 gw pppoe,ppp,info up",
            CIVIL,
            "gw",
            "routeros-elsewhere",
            0,
            "pppoe,ppp,info up",
        ),
        (
            "Nov  9 10:01:01 gw CEF:0|MikroTik|RB5009|7.18.2 (stable)|23|l2tp,ppp,info|Low|dvchost=r1 dvc=192.0.2.1 msg=up",
            CIVIL,
            "gw",
            "routeros",
            0,
            "up",
        ),
    ]);
}

#[test]
fn a_cisco_message_begins_with_its_code() {
    let body = "%VPDN-6-CLOSE: x";
    check(&[
        (
            "<189>45: *Nov  9 10:01:01: %VPDN-6-CLOSE: x",
            CIVIL,
            "",
            "cisco",
            0,
            body,
        ),
        (
            "<189>45: gw: Nov  9 2025 10:01:01: %VPDN-6-CLOSE: x",
            DATED,
            "gw",
            "cisco",
            0,
            body,
        ),
        (
            "000045: Nov  9 10:01:01 CET: %VPDN-6-CLOSE: x",
            CIVIL,
            "",
            "cisco",
            0,
            body,
        ),
        (
            "Nov  9 10:01:01 gw 45: .Nov  8 07:00:00.5: %VPDN-6-CLOSE: x",
            CIVIL,
            "gw",
            "cisco",
            0,
            body,
        ),
        (
            "Nov  9 10:01:07 gw 45: Nov  9 10:01:01: %VPDN-6-CLOSE: x",
            CIVIL,
            "gw",
            "cisco",
            0,
            body,
        ),
        ("45: 1w2d: %VPDN-6-CLOSE: x", Stamp::Missing, "", "cisco", 0, body),
        (
            "<189>45: 00:12:33: %VPDN-6-CLOSE: x",
            Stamp::Missing,
            "",
            "cisco",
            0,
            body,
        ),
        (
            "<166>Nov  9 2025 10:01:01 gw : %ASA-6-603104: x",
            DATED,
            "gw",
            "cisco",
            0,
            "%ASA-6-603104: x",
        ),
        (
            "<166>:Nov  9 10:01:01 UTC: %ASA-vpn-6-603104: x",
            CIVIL,
            "",
            "cisco",
            0,
            "%ASA-vpn-6-603104: x",
        ),
        (
            "<166>%ASA-6-603104: x",
            Stamp::Missing,
            "",
            "cisco",
            0,
            "%ASA-6-603104: x",
        ),
        (
            "Nov  9 10:01:01 gw pppd[7]: Peer %VPDN-6-CLOSE: x failed CHAP authentication",
            CIVIL,
            "gw",
            "pppd",
            7,
            "Peer %VPDN-6-CLOSE: x failed CHAP authentication",
        ),
    ]);
}

#[test]
fn a_body_that_looks_like_a_header_stays_a_body() {
    check(&[
        (
            "Nov  9 10:01:01 gw NetworkManager[1]: xl2tpd[2]: up",
            CIVIL,
            "gw",
            "NetworkManager",
            1,
            "xl2tpd[2]: up",
        ),
        (
            "Nov  9 10:01:01 gw pppd[7]: Peer Nov  9 10:01:02 gw pppd[8]: x failed",
            CIVIL,
            "gw",
            "pppd",
            7,
            "Peer Nov  9 10:01:02 gw pppd[8]: x failed",
        ),
        (
            "Nov  9 10:01:01 gw pppd[7]: a | b {\"MESSAGE\":1}",
            CIVIL,
            "gw",
            "pppd",
            7,
            "a | b {\"MESSAGE\":1}",
        ),
        (
            "Nov  9 10:01:01 gw pppd[7]: l2tp,info up",
            CIVIL,
            "gw",
            "pppd",
            7,
            "l2tp,info up",
        ),
    ]);
    // A lone carriage return ends no record.
    assert_eq!(
        cut("Nov  9 10:01:01 gw pppd[7]: a\rNov  9 10:01:02 gw pppd[8]: b\r\n").len(),
        1
    );
}

#[test]
fn json_lines() {
    let seen = cut(
        "{\"__REALTIME_TIMESTAMP\":\"1\",\"_SOURCE_REALTIME_TIMESTAMP\":\"1762682461000000\",\"_HOSTNAME\":\"gw\",\"SYSLOG_IDENTIFIER\":[\"pppd\",\"x\"],\
         \"_PID\":\"7\",\"PRIORITY\":\"4\",\"_CMDLINE\":\"/usr/sbin/pppd local\",\"MESSAGE\":\"a\\nb \\u00e9\\ud83d\\ude00\"}\n\
         {\"MESSAGE\":[76,67,80],\"SYSLOG_IDENTIFIER\":\"pppd\",\"_COMM\":\"logger\"}\n\
         {\"MESSAGE\":null,\"SYSLOG_IDENTIFIER\":\"pppd\",\"_COMM\":\"pptpd\"}\n\
         {\"log\":\"xl2tpd[7]: up\\n\",\"stream\":\"stdout\",\"time\":\"2025-11-09T10:01:01.000000000Z\"}\n\
         {\"version\":\"1.1\",\"host\":\"gw\",\"short_message\":\"LCP up\",\"timestamp\":1762682461.000,\"level\":5,\"_application_name\":\"pppd\"}\n",
    );
    let first = &seen[0];
    assert_eq!(
        (first.stamp, first.host.as_str(), first.app.as_str(), first.pid),
        (INSTANT, "gw", "pppd", 7)
    );
    assert_eq!(
        (first.body.as_str(), first.cmdline.as_str()),
        ("a\nb é😀", "/usr/sbin/pppd local")
    );
    assert_eq!(first.severity.as_deref(), Some("Warning"));
    assert_eq!((seen[1].body.as_str(), seen[1].trusted), ("LCP", false));
    assert_eq!((seen[2].body.as_str(), seen[2].trusted), ("", true));
    assert_eq!(
        (seen[3].stamp, seen[3].app.as_str(), seen[3].body.as_str()),
        (INSTANT, "xl2tpd", "up")
    );
    assert_eq!(
        (
            seen[4].stamp,
            seen[4].host.as_str(),
            seen[4].app.as_str(),
            seen[4].body.as_str()
        ),
        (INSTANT, "gw", "pppd", "LCP up")
    );
    assert_eq!(seen.len(), 5);
}

#[test]
fn json_of_shippers_names_the_program_in_several_ways() {
    let records = [
        r#"{"@timestamp":"2025-11-09T10:01:01+00:00","host":"gw","syslogtag":"pppd[7]:","message":"LCP up"}"#,
        r#"{"PROGRAM":"pppd","PID":"7","HOST":"gw","MESSAGE":"LCP up","ISODATE":"2025-11-09T10:01:01+00:00"}"#,
        r#"{"version":"1.1","host":"gw","short_message":"LCP up","timestamp":1762682461,"_app_name":"pppd","_pid":7}"#,
    ];
    for record in records {
        let seen = cut(format!("{record}\n"));
        assert_eq!(seen.len(), 1, "{record}");
        let seen = &seen[0];
        let read = (
            seen.stamp,
            seen.host.as_str(),
            seen.app.as_str(),
            seen.pid,
            seen.body.as_str(),
        );
        assert_eq!(read, (INSTANT, "gw", "pppd", 7, "LCP up"), "{record}");
    }
}

#[test]
fn radius_detail_blocks() {
    let seen = cut(
        "Sun Nov  9 10:01:01 2025\n\tUser-Name = \"ann\"\n\tNAS-Port = 3\n\nSun Nov  9 10:01:01 2025\n\tA := 'b c'\n",
    );
    assert_eq!(seen.len(), 2);
    assert_eq!(
        (seen[0].app.as_str(), seen[0].stamp, seen[0].line),
        ("radius-detail", DATED, 1)
    );
    assert_eq!(seen[0].body, "User-Name=ann;NAS-Port=3;");
    assert_eq!((seen[1].body.as_str(), seen[1].line), ("A=b c;", 5));
}

struct Only(&'static [u8]);

impl AppFilter for Only {
    fn wants(&self, app: &[u8]) -> bool {
        app == self.0
    }
}

#[test]
fn repeats_belong_to_the_line_before_of_the_same_host() {
    let log = "Nov  9 10:01:01 a pppd[7]: x\nNov  9 10:01:01 b sshd[1]: y\nNov  9 10:01:02 a last message repeated 3 times\n\
               Nov  9 10:01:02 b last message repeated 5 times\nNov  9 10:01:03 a pppd[7]: message repeated 4 times: [ z]\n\
               Nov  9 10:01:03 a pppd[7]: last message repeated 2 times\nNov  9 10:01:03 a pppd[7]: message repeated -4 times: [ z]\n";
    let (seen, _) = cut_with(log.as_bytes(), &Only(b"pppd"));
    let bodies: Vec<&str> = seen.iter().map(|seen| seen.body.as_str()).collect();
    assert_eq!(
        bodies,
        [
            "x",
            "<repeated 3>",
            "z",
            "<repeated 3>",
            "<repeated 2>",
            "message repeated -4 times: [ z]"
        ]
    );
    let (seen, cut) = cut_with(
        b"Nov  9 10:01:03 a pppd[7]: last message repeated 99999999999999999999999 times",
        &Only(b"pppd"),
    );
    assert_eq!((seen.len(), cut.notes.len()), (0, 1));
}

#[test]
fn losses_are_told_whoever_was_asked_for() {
    let log = "Nov  9 10:01:01 a rsyslogd: imjournal: 5 messages lost due to rate-limiting (20 allowed within 6 seconds)\n\
               Nov  9 10:01:01 a rsyslogd: x from <pppd:9>: begin to drop messages due to rate-limiting\n\
               Nov  9 10:01:01 a systemd-journald[2]: Suppressed 7 messages from pptpd.service\n\
               Nov  9 10:01:01 a kernel: [1.0] net_ratelimit: 9 callbacks suppressed\n\
               Nov  9 10:01:01 a kernel: [1.0] audit: audit_lost=3 audit_rate_limit=0\n\
               Nov  9 10:01:01 a rsyslogd: start\n";
    let (seen, _) = cut_with(log.as_bytes(), &Only(b"pppd"));
    let bodies: Vec<&str> = seen.iter().map(|seen| seen.body.as_str()).collect();
    assert_eq!(
        bodies,
        [
            "<lost Some(5)>",
            "<lost None>",
            "<lost Some(7)>",
            "<lost Some(9)>",
            "<lost Some(3)>"
        ]
    );
}

#[test]
fn holes_and_lines_without_end() {
    let mut log = b"Nov  9 10:01:01 gw pppd[7]: a\n".to_vec();
    log.extend(vec![0; 500]);
    log.extend_from_slice(b"Nov  9 10:01:02 gw pppd[7]: b\nNov  9 10:01:03 gw pppd[7]: ");
    log.extend(vec![b'c'; 70_000]);
    let (seen, cut) = cut_with(&log, &Only(b"pppd"));
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[1].body, "b");
    assert_eq!(seen[2].raw.len(), 65_536);
    let notes: Vec<(Place, &str)> = cut
        .notes
        .iter()
        .map(|note| (note.place.clone(), note.cause.as_str()))
        .collect();
    assert_eq!(
        notes,
        [
            (Place::Line(2), "a hole of 500 NUL bytes was skipped"),
            (Place::Line(3), "longer than 65536 bytes: cut")
        ]
    );
}

#[test]
fn samba_messages() {
    const HEAD: &str = "[2025/11/09 10:01:01,  2, pid=7, effective(0, 0), real(0, 0), class=winbind] ../../source3/winbindd/winbindd_pam.c:23(f)";
    let log = format!(
        "{HEAD}\n  NTLM CRAP authentication for user [CORP]\\[x\n  Auth: [winbind,NTLM_AUTH, forged\n  pppd[7]: Peer anna failed CHAP authentication\n\
         [2025/11/09 10:01:01,  3] ../../auth/auth_log.c:653(g)\n  {{\"timestamp\": \"x\"}}\n{HEAD}\nNov  9 10:01:01 gw pppd[7]: LCP up\n"
    );
    let seen = cut(&log);
    let rows: Vec<_> = seen
        .iter()
        .map(|seen| (seen.app.as_str(), seen.pid, seen.body.as_str(), seen.line))
        .collect();
    // what a client put behind a line end is part of its message, and no message of its own
    assert_eq!(
        rows,
        [
            ("winbindd", 7, "NTLM CRAP authentication for user [CORP]\\[x", 1),
            ("samba", 0, "{\"timestamp\": \"x\"}", 5),
            ("pppd", 7, "LCP up", 8),
        ]
    );
    assert_eq!((seen[0].stamp, seen[1].stamp), (DATED, DATED));
    assert!(seen[0].raw.starts_with(HEAD.as_bytes()) && seen[0].raw.ends_with(b"[x"));
}
