//! The defects of pptpd-monitor (pptpd-monitor.md §6), by their numbers: none of them may be here.

use std::os::unix::fs::PermissionsExt as _;

use crate::compat::{GOLDEN_5_1, gz, session};
use crate::harness::{Folder, Ran};

fn clients(log: &str) -> Ran {
    Folder::over(log, &["clients"])
}

fn rows(log: &str) -> Ran {
    Folder::over(log, &["clients", "-o", "jsonl"])
}

#[test]
fn defect_01_one_open_session_does_not_crash() {
    let ran = clients(GOLDEN_5_1);
    assert!(ran.line("sally").starts_with("* sally             1/0"), "{}", ran.out);
    ran.good();
}

#[test]
fn defect_02_a_failed_login_beside_a_good_one_does_not_crash() {
    let ran = rows(GOLDEN_5_1);
    assert!(ran.line("\"joe\"").contains("\"failures\":1"));
    assert!(ran.line("\"mark\"").contains("\"sessions\":1"));
    ran.good();
}

#[test]
fn defect_03_rotate_reads_gz() {
    let folder = Folder::new();
    folder.log("syslog", &session("anna", 2, 11));
    folder.bytes("syslog.1.gz", &gz(&session("bert", 1, 10)));
    let ran = folder.run(&["clients", "-r", "-f", "syslog", "--year", "2026"]);
    ran.line("bert");
    ran.good();
}

// Defect 4 (`--watch` without `--delay` crashes), 11, 12 and 13 are in watch.rs: they need a run that goes on.

#[test]
fn defect_05_tx_is_what_was_sent_to_the_client() {
    let ran = clients(GOLDEN_5_1);
    let mark = ran.line("mark");
    let (tx, rx) = (mark.find("1.4 MiB").expect("TX"), mark.find("244.1 KiB").expect("RX"));
    assert!(tx < rx, "{mark}");
    assert!(
        rows(GOLDEN_5_1)
            .line("\"mark\"")
            .contains("\"bytes_to_client\":1500000,\"bytes_from_client\":250000")
    );
}

#[test]
fn defect_06_online_users_show_a_duration() {
    let log = format!("{GOLDEN_5_1}\nNov 20 15:12:54 vpn pppd[1301]: pppd 2.4.7 started by root, uid 0");
    let ran = clients(&log);
    assert!(ran.line("sally").ends_with(" 4:12:51"), "{}", ran.out);
    assert!(ran.line("mark").ends_with("2026-11-20 09:30:03"), "{}", ran.out);
}

#[test]
fn defect_07_counters_of_live_interfaces_need_no_ifconfig() {
    let ran = Folder::over(GOLDEN_5_1, &["clients", "--here", "-o", "jsonl"]);
    assert!(
        ran.line("\"sally\"").contains("\"open_bytes_to_client\":"),
        "{}",
        ran.out
    );
    let ran = rows(GOLDEN_5_1);
    assert!(
        !ran.line("\"sally\"").contains("open_bytes"),
        "another machine's log says nothing of our interfaces"
    );
}

#[test]
fn defect_08_rotate_reads_every_file_and_the_live_one() {
    let folder = Folder::new();
    folder.log("syslog", &session("live", 3, 12));
    folder.log("syslog.1", &session("older", 2, 11));
    folder.bytes("syslog.7.gz", &gz(&session("oldest", 1, 10)));
    let ran = folder.run(&["clients", "-r", "-f", "syslog", "--year", "2026"]);
    for user in ["live", "older", "oldest"] {
        ran.line(user);
    }
    ran.good();
}

#[test]
fn defect_09_rotate_takes_rotations_only_and_all_compressions() {
    let folder = Folder::new();
    folder.log("syslog", &session("live", 3, 12));
    let zst = zstd::encode_all(session("dated", 1, 10).as_bytes(), 0).expect("a vector takes everything");
    folder.bytes("syslog-20261119.zst", &zst);
    folder.log("syslog-ng.log", &session("stranger", 4, 12));
    folder.log("syslog.bak", &session("copy", 5, 12));
    let ran = folder.run(&["clients", "-r", "-f", "syslog", "--year", "2026"]);
    for user in ["live", "dated"] {
        ran.line(user);
    }
    assert!(
        !ran.out.contains("stranger") && !ran.out.contains("copy"),
        "{}",
        ran.out
    );
}

#[test]
fn defect_10_more_than_nine_rotations_are_read_in_order() {
    let folder = Folder::new();
    folder.log("syslog", &session("live", 9, 20));
    // The session begins in .10 and ends in .9; lexicographic order would see its end first.
    folder.log(
        "syslog.10",
        "Nov 20 09:00:03 vpn pppd[7]: pptpd-logwtmp.so ip-up ppp0 anna 203.0.113.15",
    );
    folder.log(
        "syslog.9",
        "Nov 20 10:00:03 vpn pppd[7]: Sent 1024 bytes, received 2048 bytes.
         Nov 20 10:00:03 vpn pppd[7]: Exit.",
    );
    let ran = folder.run(&["clients", "-r", "-f", "syslog", "--year", "2026", "-o", "jsonl"]);
    let anna = ran.line("\"anna\"");
    assert!(
        anna.contains("\"sessions\":1,\"sessions_open\":0") && anna.contains("\"duration_s\":3600"),
        "{anna}"
    );
}

#[test]
fn defect_14_rfc_3339_stamps() {
    let ran = rows(
        "2026-11-20T09:00:03.123456+01:00 vpn pppd[7]: pptpd-logwtmp.so ip-up ppp0 anna 203.0.113.15
         2026-11-20T09:00:13.123456+01:00 vpn pppd[7]: Exit.",
    );
    assert!(
        ran.line("\"anna\"")
            .contains("\"last_seen\":\"2026-11-20T08:00:13.123456Z\""),
        "{}",
        ran.out
    );
}

#[test]
fn defect_15_the_29th_of_february() {
    let folder = Folder::new();
    folder.log(
        "syslog",
        "Feb 29 09:00:03 vpn pppd[7]: pptpd-logwtmp.so ip-up ppp0 anna 203.0.113.15",
    );
    let ran = folder.run(&["clients", "--year", "2024", "syslog", "-o", "jsonl"]);
    assert!(
        ran.line("\"anna\"").contains("\"since\":\"2024-02-29T09:00:03Z\""),
        "{}",
        ran.out
    );
    let ran = folder.run(&["clients", "--year", "2025", "syslog", "-o", "jsonl"]);
    ran.line("\"anna\"");
}

#[test]
fn defect_16_december_read_in_another_month_is_not_in_the_future() {
    let folder = Folder::new();
    folder.log(
        "syslog",
        "Dec 31 23:00:03 vpn pppd[7]: pptpd-logwtmp.so ip-up ppp0 anna 203.0.113.15",
    );
    // Written in November; the year of the file's time decides, not that of the clock.
    let november = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_795_165_200);
    let file = std::fs::File::options()
        .write(true)
        .open(folder.path().join("syslog"))
        .expect("the log");
    file.set_modified(november).expect("our own file");
    let ran = folder.run(&["clients", "syslog", "-o", "jsonl"]);
    assert!(
        ran.line("\"anna\"").contains("\"since\":\"2025-12-31T23:00:03Z\""),
        "{}",
        ran.out
    );
}

#[test]
fn defect_17_an_invalid_byte_anywhere_does_not_abort() {
    let folder = Folder::new();
    let mut log = b"Nov 20 08:00:00 vpn cron[1]: j\xfcrgen\n".to_vec();
    log.extend_from_slice(b"Nov 20 09:00:03 vpn pppd[7]: pptpd-logwtmp.so ip-up ppp0 j\xfcrgen 203.0.113.15\n");
    folder.bytes("syslog", &log);
    folder.run(&["clients", "syslog"]).line("j\\xfcrgen");
}

#[test]
fn defect_18_host_names_with_any_character() {
    for host in ["vpn_1", "vpn-1.example.org", "192.0.2.1", "fe80::1"] {
        let ran = clients(&format!(
            "Nov 20 09:00:03 {host} pppd[7]: pptpd-logwtmp.so ip-up ppp0 anna 203.0.113.15"
        ));
        ran.line("anna");
    }
}

#[test]
fn defect_19_user_names_with_blanks() {
    let log = "Nov 20 09:00:03 vpn pppd[7]: pptpd-logwtmp.so ip-up ppp0 anna of the blanks 203.0.113.15
               Nov 20 09:10:03 vpn pppd[8]: Peer bert 192.0.2.1 failed CHAP authentication
               Nov 20 09:10:03 vpn pppd[8]: Exit.";
    let ran = rows(log);
    assert!(
        ran.line("\"anna of the blanks\"")
            .contains("\"client_ip\":\"203.0.113.15\"")
    );
    assert!(!ran.line("\"bert 192.0.2.1\"").contains("client_ip"));
}

#[test]
fn defect_20_no_escape_sequence_reaches_the_terminal() {
    let log = "Nov 20 09:00:03 vpn pppd[7]: pptpd-logwtmp.so ip-up ppp0 \x1b[31mred\x1b[2J\x07\u{9b}5A 203.0.113.15
               Nov 20 09:00:04 vpn pppd[8]: Peer ^[[31m\u{202e} failed CHAP authentication
               Nov 20 09:00:05 vpn pppd[9]: nobody knows this \x1b]0;title\x07 line";
    for command in [
        "clients", "attempts", "sessions", "who", "last", "lastb", "decode", "unknown",
    ] {
        for form in ["table", "json", "jsonl", "csv", "logfmt"] {
            let ran = Folder::over(log, &[command, "-o", form, "--color", "never"]);
            for text in [&ran.out, &ran.err] {
                let harmful = |c: char| !matches!(c, '\n' | '\r') && (c.is_control() || c == '\u{202e}');
                assert!(!text.contains(harmful), "{command} -o {form}: {text:?}");
            }
        }
    }
    let ran = Folder::over(log, &["clients", "--compat"]);
    assert!(!ran.out.contains(['\x1b', '\u{9b}']), "{:?}", ran.out);
}

#[test]
fn defect_21_exit_inside_a_text_ends_nothing() {
    let ran = rows(
        "Nov 20 09:00:03 vpn pppd[7]: remote IP address 192.168.0.10
         Nov 20 09:00:03 vpn pppd[7]: pptpd-logwtmp.so ip-up ppp0 anna 203.0.113.15
         Nov 20 09:10:03 vpn pppd[7]: LCP terminated by peer (Exit requested)
         Nov 20 09:10:03 vpn pppd[7]: Connect time 10.0 minutes.
         Nov 20 09:10:03 vpn pppd[7]: Sent 1500 bytes, received 250 bytes.
         Nov 20 09:10:03 vpn pppd[7]: Exit.",
    );
    let anna = ran.line("\"anna\"");
    assert!(
        anna.contains("\"online\":false") && anna.contains("\"bytes_to_client\":1500"),
        "{anna}"
    );
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
}

#[test]
fn defect_22_a_restart_of_the_machine_ends_its_sessions() {
    let ran = rows(
        "Nov 20 09:00:03 vpn pppd[7]: pptpd-logwtmp.so ip-up ppp0 anna 203.0.113.15
         Nov 20 12:00:00 vpn kernel: [    0.000000] Linux version 6.1.0-30-amd64 (debian-kernel@lists.debian.org) #1 SMP
         Nov 20 12:00:09 vpn pptpd[500]: MGR: Manager process started",
    );
    assert!(ran.line("\"anna\"").contains("\"online\":false"), "{}", ran.out);
}

#[test]
fn defect_23_failures_and_l2tp_are_not_merged_into_one_row() {
    let ran = rows(
        "Nov 20 09:00:01 vpn xl2tpd[500]: Connection established to 203.0.113.7, 1701.  Local: 1, Remote: 2 (ref=0/0).  LNS session is 'default'
         Nov 20 09:00:01 vpn xl2tpd[500]: Call established with 203.0.113.7, PID: 70, Local: 3, Remote: 4, Serial: 5
         Nov 20 09:00:01 vpn pppd[70]: pppd 2.4.9 started by root, uid 0
         Nov 20 09:00:04 vpn pppd[70]: Peer joe failed CHAP authentication
         Nov 20 09:00:04 vpn pppd[70]: Exit.
         Nov 20 10:00:04 vpn pppd[80]: Peer ann failed CHAP authentication
         Nov 20 10:00:04 vpn pppd[80]: Exit.",
    );
    assert!(
        ran.line("\"joe\"").contains("\"client_ip\":\"203.0.113.7\""),
        "{}",
        ran.out
    );
    assert!(ran.line("\"ann\"").contains("\"failures\":1"), "{}", ran.out);
}

#[test]
fn defect_24_no_shell_and_no_ifconfig_is_run() {
    let folder = Folder::new();
    folder.log("syslog", GOLDEN_5_1);
    for tool in ["ifconfig", "sh", "ip"] {
        let path = folder.bytes(
            tool,
            format!("#!/bin/sh\n: > {}/canary\n", folder.path().display()).as_bytes(),
        );
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("our own file");
    }
    let mut command = folder.command(&["clients", "--here", "syslog"]);
    let ran = Ran::of(command.env("PATH", folder.path()).output().expect("the binary runs"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(!folder.path().join("canary").exists());
}

#[test]
fn defect_25_two_sessions_of_one_user_both_show() {
    let log = "Nov 20 09:00:03 vpn pppd[7]: remote IP address 192.168.0.10
               Nov 20 09:00:03 vpn pppd[7]: pptpd-logwtmp.so ip-up ppp0 anna 203.0.113.15
               Nov 20 09:10:03 vpn pppd[8]: remote IP address 192.168.0.11
               Nov 20 09:10:03 vpn pppd[8]: pptpd-logwtmp.so ip-up ppp1 anna 198.51.100.9";
    let ran = clients(log);
    assert!(
        ran.line("198.51.100.9").contains("ppp1") && ran.line("203.0.113.15").contains("ppp0"),
        "{}",
        ran.out
    );
    assert!(
        rows(log)
            .line("\"anna\"")
            .contains("\"open\":[{\"client_ip\":\"203.0.113.15\"")
    );
}

#[test]
fn defect_26_nothing_is_said_that_is_no_news() {
    let ran = Folder::over(GOLDEN_5_1, &["clients"]);
    assert_eq!((ran.err.as_str(), ran.code), ("", Some(0)));
}

#[test]
fn l2tp_fills_the_same_table_with_its_remote_ip() {
    let ran = clients(
        "Nov 20 09:00:01 vpn xl2tpd[500]: Connection established to 203.0.113.7, 1701.  Local: 1, Remote: 2 (ref=0/0).  LNS session is 'default'
         Nov 20 09:00:01 vpn xl2tpd[500]: Call established with 203.0.113.7, PID: 70, Local: 3, Remote: 4, Serial: 5
         Nov 20 09:00:01 vpn pppd[70]: pppd 2.4.9 started by root, uid 0
         Nov 20 09:00:01 vpn pppd[70]: Using interface ppp0
         Nov 20 09:00:01 vpn pppd[70]: Connect: ppp0 <--> /dev/pts/0
         Nov 20 09:00:02 vpn pppd[70]: rcvd [CHAP Response id=0x1 <00>, name = \"joe\"]
         Nov 20 09:00:02 vpn pppd[70]: peer from calling number 203.0.113.7 authorized
         Nov 20 09:00:03 vpn pppd[70]: remote IP address 192.168.42.10",
    );
    let joe = ran.line("203.0.113.7");
    assert!(
        joe.starts_with("* joe") && joe.contains("192.168.42.10") && joe.contains("ppp0"),
        "{joe}"
    );
}
