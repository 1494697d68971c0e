//! The goldens of pptpd-monitor.md §5, from log to screen.

use expect_test::{Expect, expect};

use crate::harness::{Folder, flat};

pub const GOLDEN_5_1: &str = "
    Nov 20 09:00:03 vpn pppd[1001]: remote IP address 192.168.0.10
    Nov 20 09:00:03 vpn pppd[1001]: pptpd-logwtmp.so ip-up ppp0 mark 203.0.113.15
    Nov 20 09:30:03 vpn pppd[1001]: Connect time 30.0 minutes.
    Nov 20 09:30:03 vpn pppd[1001]: Sent 1500000 bytes, received 250000 bytes.
    Nov 20 09:30:03 vpn pppd[1001]: Exit.
    Nov 20 10:00:01 vpn pppd[1101]: pppd 2.4.7 started by root, uid 0
    Nov 20 10:00:04 vpn pppd[1101]: Peer joe failed CHAP authentication
    Nov 20 10:00:04 vpn pppd[1101]: Exit.
    Nov 20 11:00:01 vpn pppd[1201]: pppd 2.4.7 started by root, uid 0
    Nov 20 11:00:03 vpn pppd[1201]: remote IP address 192.168.0.11
    Nov 20 11:00:03 vpn pppd[1201]: pptpd-logwtmp.so ip-up lo sally 198.51.100.9";

fn check(log: &str, expected: Expect) {
    expected.assert_eq(&Folder::over(log, &["clients", "--compat"]).good());
}

#[test]
fn golden_5_1_closed_failed_and_open() {
    check(
        GOLDEN_5_1,
        expect![[r#"
            PPTPD Client Statistics

            Username              #      TX      RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
              None              0/1    0.0b    0.0b            (None)            (None) None    0.0b    0.0b                None
              mark              0/1 244.1KB   1.4MB    (203.0.113.15)    (192.168.0.10) None    0.0b    0.0b 2026-11-20 09:00:03
            * sally             1/1    0.0b    0.0b      198.51.100.9      192.168.0.11   lo    0.0b    0.0b 2026-11-20 11:00:03
        "#]],
    );
}

#[test]
fn golden_5_2_collision_sorting_and_reuse_of_a_pid() {
    check(
        "
        Nov 20 09:00:03 vpn pppd[10]: remote IP address 192.168.0.10
        Nov 20 09:00:03 vpn pppd[10]: pptpd-logwtmp.so ip-up ppp0 bob 203.0.113.1
        Nov 20 09:10:03 vpn pppd[11]: remote IP address 192.168.0.11
        Nov 20 09:10:03 vpn pppd[11]: pptpd-logwtmp.so ip-up ppp1 bob 203.0.113.2
        Nov 20 09:20:03 vpn pppd[11]: Sent 1048576 bytes, received 1047552 bytes.
        Nov 20 09:20:03 vpn pppd[11]: Exit.
        Nov 20 09:30:03 vpn pppd[12]: remote IP address 192.168.0.12
        Nov 20 09:30:03 vpn pppd[12]: pptpd-logwtmp.so ip-up ppp2 Alice 203.0.113.3
        Nov 20 09:40:03 vpn pppd[12]: Sent 1023 bytes, received 1048575 bytes.
        Nov 20 09:40:03 vpn pppd[12]: Exit.
        Nov 20 09:50:01 vpn pppd[10]: remote IP address 192.168.0.13
        Nov 20 09:50:01 vpn pppd[10]: pptpd-logwtmp.so ip-up ppp0 carol 203.0.113.4
        Nov 20 09:55:01 vpn pppd[10]: Sent 1 bytes, received 2 bytes.
        Nov 20 09:56:01 vpn pppd[77]: LCP: timeout sending Config-Requests
        Nov 20 09:56:01 vpn pppd[77]: Exit.",
        expect![[r#"
            PPTPD Client Statistics

            Username              #      TX      RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
              None              0/1    0.0b    0.0b            (None)            (None) None    0.0b    0.0b                None
              Alice             0/11024.0KB 1023.0b     (203.0.113.3)    (192.168.0.12) None    0.0b    0.0b 2026-11-20 09:30:03
              bob               0/11023.0KB   1.0MB     (203.0.113.2)    (192.168.0.11) None    0.0b    0.0b 2026-11-20 09:10:03
              carol             0/1    2.0b    1.0b     (203.0.113.4)    (192.168.0.13) None    0.0b    0.0b 2026-11-20 09:50:01
        "#]],
    );
}

#[test]
fn golden_5_3_a_long_name_moves_its_row() {
    check(
        "
        Nov 20 09:00:03 vpn pppd[1001]: remote IP address 192.168.0.10
        Nov 20 09:00:03 vpn pppd[1001]: pptpd-logwtmp.so ip-up ppp0 averyveryverylongusername 203.0.113.15
        Nov 20 09:30:03 vpn pppd[1001]: Sent 1500000 bytes, received 250000 bytes.
        Nov 20 09:30:03 vpn pppd[1001]: Exit.",
        expect![[r#"
            PPTPD Client Statistics

            Username              #      TX      RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
              averyveryverylongusername   0/1 244.1KB   1.4MB    (203.0.113.15)    (192.168.0.10) None    0.0b    0.0b 2026-11-20 09:00:03
        "#]],
    );
}

#[test]
fn golden_5_4_a_log_without_pppd_prints_the_heading() {
    check(
        "Nov 20 09:00:03 vpn sshd[7]: Server listening on 0.0.0.0 port 22.",
        expect![[r#"
            PPTPD Client Statistics

            Username              #      TX      RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
        "#]],
    );
}

#[test]
fn golden_5_5_without_logwtmp_everybody_is_none() {
    check(
        "
        Nov 20 09:00:03 vpn pppd[1]: remote IP address 192.168.0.10
        Nov 20 09:30:03 vpn pppd[1]: Sent 1000 bytes, received 200 bytes.
        Nov 20 09:30:03 vpn pppd[1]: Exit.
        Nov 20 10:00:03 vpn pppd[2]: remote IP address 192.168.0.11
        Nov 20 10:30:03 vpn pppd[2]: Sent 1000 bytes, received 200 bytes.
        Nov 20 10:30:03 vpn pppd[2]: Exit.",
        expect![[r#"
            PPTPD Client Statistics

            Username              #      TX      RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
              None              0/2  400.0b   2.0KB            (None)    (192.168.0.11) None    0.0b    0.0b                None
        "#]],
    );
}

/// A user that was up for a minute, in the hour given.
pub fn session(user: &str, pid: u32, hour: u32) -> String {
    flat(&format!(
        "Nov 20 {hour:02}:00:03 vpn pppd[{pid}]: remote IP address 192.168.0.10
         Nov 20 {hour:02}:00:03 vpn pppd[{pid}]: pptpd-logwtmp.so ip-up ppp0 {user} 203.0.113.15
         Nov 20 {hour:02}:01:03 vpn pppd[{pid}]: Sent 1024 bytes, received 2048 bytes.
         Nov 20 {hour:02}:01:03 vpn pppd[{pid}]: Exit."
    ))
}

pub fn gz(lines: &str) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut writer, lines.as_bytes()).expect("a vector takes everything");
    writer.finish().expect("a vector takes everything")
}

#[test]
fn golden_5_6_every_rotation_is_read() {
    let folder = Folder::new();
    folder.log("log", &session("delta", 4, 13));
    folder.log("log.1", &session("gamma", 3, 12));
    folder.bytes("log.2.gz", &gz(&session("beta", 2, 11)));
    folder.bytes("log.10.gz", &gz(&session("alpha", 1, 10)));
    let ran = folder.run(&["clients", "--compat", "--rotate", "--file", "log", "--year", "2026"]);
    expect![[r#"
        PPTPD Client Statistics

        Username              #      TX      RX         Remote IP          Local IP  Int     CTX     CRX  Duration/Last seen
          alpha             0/1   2.0KB   1.0KB    (203.0.113.15)    (192.168.0.10) None    0.0b    0.0b 2026-11-20 10:00:03
          beta              0/1   2.0KB   1.0KB    (203.0.113.15)    (192.168.0.10) None    0.0b    0.0b 2026-11-20 11:00:03
          delta             0/1   2.0KB   1.0KB    (203.0.113.15)    (192.168.0.10) None    0.0b    0.0b 2026-11-20 13:00:03
          gamma             0/1   2.0KB   1.0KB    (203.0.113.15)    (192.168.0.10) None    0.0b    0.0b 2026-11-20 12:00:03
    "#]]
    .assert_eq(&ran.good());
}
