//! Habits of the command line: exit statuses, forms, names of files.

use std::process::Stdio;

use expect_test::expect;

use crate::compat::GOLDEN_5_1;
use crate::harness::{Folder, Ran, flat};

#[test]
fn exit_statuses() {
    let code = |args: &[&str]| Folder::over(GOLDEN_5_1, args).code;
    assert_eq!(code(&["attempts"]), Some(0));
    assert_eq!(code(&["attempts", "--user", "mark"]), Some(0));
    assert_eq!(code(&["attempts", "--user", "nobody"]), Some(1));
    assert_eq!(code(&["clients", "--ip", "192.0.2.99"]), Some(1));
    assert_eq!(code(&["attempts", "--since", "nonsense"]), Some(2));
    assert_eq!(code(&["attempts", "--no-such-option"]), Some(2));
    assert_eq!(code(&["attempts", "--tz", "Mars/Base"]), Some(2));
    assert_eq!(code(&["clients", "-w", "-d", "-1"]), Some(2));
    assert_eq!(Folder::new().run(&["explain", "gre-blocked"]).code, Some(0));
    assert_eq!(Folder::new().run(&["explain", "no-such-thing"]).code, Some(1));
    assert_eq!(Folder::new().run(&["--help"]).code, Some(0));
}

#[test]
fn an_unreadable_input_is_an_error_and_the_rest_is_printed() {
    let ran = Folder::over(GOLDEN_5_1, &["clients", "missing.log"]);
    ran.line("mark");
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.starts_with("tunlog: missing.log: "), "{}", ran.err);
}

#[test]
fn a_log_of_strangers_is_told() {
    let log = "Nov 20 12:00:00 gw dnsmasq[9]: started\nNov 20 12:00:01 gw hostapd: wlan0";
    let ran = Folder::over(log, &["attempts"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""));
    assert_eq!(
        ran.err,
        "tunlog: no line of a program that is known; they begin with lines of dnsmasq, hostapd (`tunlog explain --list` names \
         the dialects that are known)\n"
    );
    assert_eq!(Folder::over(log, &["attempts", "-q"]).err, "");
    // lines that could be anybody's: a form that is not known must not look like peace
    let numbered = "  1| Nov 20 12:00:00 gw pppd[9]: Exit.\n  2| Nov 20 12:00:01 gw pppd[9]: Exit.";
    let ran = Folder::over(numbered, &["attempts"]);
    assert!(ran.err.contains("their lines name no program"), "{}", ran.err);
    // and lines that are known and tell nothing do not make it a foreign log
    assert_eq!(
        Folder::over("Nov 20 12:00:00 gw pppd[9]: rcvd [proto=0x81]", &["attempts"]).err,
        ""
    );
}

#[test]
fn quiet_silences_notes_but_not_errors() {
    let log = format!("{GOLDEN_5_1}\nNov 20 12:00:00 vpn pppd[9]: nobody knows this line");
    expect![[r#"
        tunlog: 1 line not understood, see `tunlog unknown`
    "#]]
    .assert_eq(&Folder::over(&log, &["clients"]).err);
    assert_eq!(Folder::over(&log, &["clients", "-q"]).err, "");
    assert!(!Folder::over(&log, &["clients", "-q", "missing.log"]).err.is_empty());
}

#[test]
fn standard_input() {
    let folder = Folder::new();
    for args in [["clients", "-f", "-"], ["clients", "-o", "table"]] {
        let mut command = folder.command(&args);
        if args[1] == "-o" {
            command.arg("-");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut input = child.stdin.take().expect("a pipe");
        std::io::Write::write_all(&mut input, flat(GOLDEN_5_1).as_bytes()).expect("it reads");
        drop(input);
        let ran = Ran::of(child.wait_with_output().expect("it ends"));
        ran.line("mark");
        ran.good();
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = Folder::new();
    folder.log("syslog", &GOLDEN_5_1.repeat(2000));
    let mut child = folder.command(&["decode", "-o", "jsonl", "syslog"]);
    let mut child = child
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut first = [0; 10];
    std::io::Read::read_exact(&mut child.stdout.take().expect("a pipe"), &mut first).expect("some output");
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

#[test]
fn the_suffix_of_the_file_is_its_format() {
    let folder = Folder::new();
    folder.log("syslog", GOLDEN_5_1);
    for (name, beginning) in [
        ("a.csv", "user,"),
        ("a.json", "[\n{\"type\":\"client\""),
        ("a.jsonl", "{\"type\""),
        ("a.txt", "VPN"),
    ] {
        assert_eq!(
            folder
                .run(&["clients", "--year", "2026", "syslog", "--to", name])
                .good(),
            ""
        );
        let text = std::fs::read_to_string(folder.path().join(name)).expect("the file");
        assert!(text.starts_with(beginning), "{name}: {text}");
    }
    assert_eq!(folder.run(&["clients", "syslog", "--to", "a.pdf"]).code, Some(2));
    assert_eq!(
        folder.run(&["clients", "syslog", "--to", "no/such/folder.csv"]).code,
        Some(2)
    );
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder").collect();
    assert_eq!(left.len(), 5, "{left:?}");
}

#[test]
fn who_last_and_lastb() {
    let show = |command| Folder::over(GOLDEN_5_1, &[command]).good();
    expect![[r#"
        sally     lo        2026-11-20 11:00  (198.51.100.9)
    "#]]
    .assert_eq(&show("who"));
    expect![[r#"
        sally     lo        198.51.100.9      Fri Nov 20 11:00    still logged in
        mark      ppp0      203.0.113.15      Fri Nov 20 09:00  - 09:30            (00:30)

        log begins Fri Nov 20 09:00:03 2026
    "#]]
    .assert_eq(&show("last"));
    expect![[r#"
        joe       -                 Fri Nov 20 10:00  wrong-credentials

        log begins Fri Nov 20 09:00:03 2026
    "#]]
    .assert_eq(&show("lastb"));
    let last = Folder::over(GOLDEN_5_1, &["last", "-n", "1"]).good();
    assert!(last.contains("sally") && !last.contains("mark"), "{last}");
}

#[test]
fn last_takes_the_options_of_unix() {
    let show = |args: &[&str]| Folder::over(GOLDEN_5_1, args).good();
    assert_eq!(show(&["last", "-1"]), show(&["last", "-n", "1"]));
    assert_eq!(
        show(&["last", "-s", "2026-11-20 10:30"]),
        show(&["last", "--since", "2026-11-20 10:30"])
    );
    expect![[r#"
        sally     lo        198.51.100.9      Fri Nov 20 11:00:03 2026    still logged in
        mark      ppp0      203.0.113.15      Fri Nov 20 09:00:03 2026  - Fri Nov 20 09:30:03 2026  (00:30)

        log begins Fri Nov 20 09:00:03 2026
    "#]]
    .assert_eq(&show(&["last", "-F"]));
    let folder = Folder::new();
    folder.log("here.log", GOLDEN_5_1);
    let named = folder.run(&["lastb", "-F", "-f", "here.log", "--year", "2026"]).good();
    assert!(
        named.starts_with("joe       -                 Fri Nov 20 10:00:01 2026  wrong"),
        "{named}"
    );
}

#[test]
fn a_time_range_in_local_time() {
    let run = |args: &[&str]| {
        Folder::over(GOLDEN_5_1, &[&["attempts", "-o", "jsonl"], args].concat())
            .out
            .lines()
            .count()
    };
    assert_eq!(run(&[]), 3);
    assert_eq!(run(&["--since", "2026-11-20 10:30"]), 1);
    assert_eq!(run(&["--until", "2026-11-20 09:59"]), 1);
    assert_eq!(
        run(&["--since", "2026-11-20T09:45:00Z", "--until", "2026-11-20 10:30"]),
        1
    );
    assert_eq!(run(&["--tz", "Europe/Berlin", "--until", "2026-11-20 09:59"]), 1);
    let turned = Folder::over(
        GOLDEN_5_1,
        &["attempts", "--since", "2026-11-21", "--until", "2026-11-20"],
    );
    assert_eq!((turned.code, turned.out.as_str()), (Some(2), ""));
    let want = "tunlog: --since 2026-11-21 00:00:00 is later than --until 2026-11-20 00:00:00\n";
    assert_eq!(turned.err, want);
}

#[test]
fn unknown_lines_are_grouped() {
    let log = "Nov 20 09:00:01 vpn pppd[1]: nobody knows line 17 of \"anna\"
               Nov 20 09:00:02 vpn pppd[2]: nobody knows line 4 of \"bert\"
               Nov 20 09:00:02 vpn sshd[2]: nobody asks";
    expect![[r#"
        {"type":"unknown","count":2,"dialect":"pppd","shape":"nobody knows line <n> of <text>","example":"nobody knows line 17 of \"anna\"","evidence":[{"source":"syslog","line":1,"text":"Nov 20 09:00:01 vpn pppd[1]: nobody knows line 17 of \"anna\""}]}
    "#]].assert_eq(&Folder::over(log, &["unknown", "-o", "jsonl"]).good());
}

#[test]
fn unknown_lines_have_no_user_to_choose_by() {
    let log = "Nov 20 09:00:01 vpn pppd[1]: nobody knows line 17 of \"anna\"";
    for choice in [["--user", "anna"], ["--ip", "192.0.2.1"], ["--gateway", "vpn"]] {
        let ran = Folder::over(log, &[&["unknown", "-o", "jsonl"], &choice[..]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
        assert!(ran.err.contains("no user, address or gateway"), "{}", ran.err);
    }
}

#[test]
fn a_code_is_explained_by_the_messages_that_carry_it() {
    let ran = Folder::new().run(&["explain", "691"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.out.contains("pppd/mschap-failed-691"), "{}", ran.out);
    assert_eq!(Folder::new().run(&["explain", "12345"]).code, Some(1));
}

#[test]
fn a_delay_without_watch_means_nothing() {
    let plain = Folder::over(GOLDEN_5_1, &["clients"]).good();
    assert_eq!(Folder::over(GOLDEN_5_1, &["clients", "-d", "5"]).good(), plain);
}

#[test]
fn who_prints_its_heading_though_nobody_is_on() {
    let log = "Nov 20 10:00:04 vpn pppd[1101]: Peer joe failed CHAP authentication";
    expect![[r#"
        NAME      LINE      TIME  COMMENT
    "#]]
    .assert_eq(&Folder::over(log, &["who", "-H"]).good());
    assert_eq!(Folder::over(log, &["who"]).good(), "");
    assert_eq!(Folder::over(log, &["attempts", "--ip", "192.0.2.1"]).out, "");
}

#[test]
fn a_table_of_sessions_has_no_columns_of_failures() {
    let heads = |command| Folder::over(GOLDEN_5_1, &[command]).line("Started");
    assert!(heads("attempts").contains("Failed at  Cause"));
    assert!(!heads("sessions").contains("Failed") && !heads("sessions").contains("Cause"));
}

#[test]
fn compat_rows_can_be_chosen_and_limited() {
    let run = |args: &[&str]| Folder::over(GOLDEN_5_1, &[&["clients", "--compat"], args].concat());
    let mark = run(&["--user", "mark"]).good();
    assert!(mark.contains("mark") && !mark.contains("sally"), "{mark}");
    assert!(!run(&["-n", "1"]).good().contains("mark"));
    assert_eq!(run(&["--user", "nobody"]).code, Some(1));
    assert_eq!(run(&["--ip", "192.0.2.1"]).code, Some(2));
}

#[test]
fn dialect_check() {
    let folder = Folder::new();
    folder.bytes("bad.toml", b"name = \x22x\x22\nnonsense = 1\n");
    let ran = folder.run(&["dialect", "check", "bad.toml", "missing.toml"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.out.contains("bad.toml:") && ran.out.contains("missing.toml: cannot read: no such file"),
        "{}",
        ran.out
    );
}

#[test]
fn a_link_named_pptpd_monitor_is_clients() {
    let folder = Folder::new();
    folder.log("syslog", GOLDEN_5_1);
    let link = folder.path().join("pptpd-monitor");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tunlog"), &link).expect("a link");
    let output = std::process::Command::new(link)
        .args(["-f", "syslog"])
        .current_dir(folder.path())
        .output();
    Ran::of(output.expect("it runs")).line("sally");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_with_the_place_that_is_full() {
    let folder = Folder::new();
    // more than what is buffered, so that it fails in the midst of the rows, too
    let line = "Nov 20 10:00:04 vpn pppd[1101]: Peer joe failed CHAP authentication\n";
    folder.bytes("syslog", line.repeat(1000).as_bytes());
    for form in ["table", "json", "jsonl", "csv", "logfmt"] {
        for command in ["clients", "attempts", "lastb", "decode", "diagnose"] {
            let to_file = folder.run(&[command, "syslog", "-o", form, "--to", "/dev/full"]);
            assert_eq!(to_file.code, Some(2), "{command} -o {form}");
            assert!(
                to_file.err.contains("/dev/full: cannot write: no space left"),
                "{command} -o {form}: {}",
                to_file.err
            );
        }
    }
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("the device");
    let mut command = folder.command(&["decode", "syslog"]);
    let ran = Ran::of(command.stdout(full).output().expect("the binary runs"));
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err.contains("standard output: cannot write: no space left"),
        "{}",
        ran.err
    );
}

#[test]
fn a_file_that_cannot_get_its_name_leaves_no_draft() {
    let folder = Folder::new();
    folder.log(
        "syslog",
        "Nov 20 10:00:04 vpn pppd[1101]: Peer joe failed CHAP authentication",
    );
    std::fs::create_dir(folder.path().join("a.csv")).expect("a folder");
    let ran = folder.run(&["attempts", "syslog", "--to", "a.csv"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("a.csv: cannot write: is a directory"), "{}", ran.err);
    let ran = folder.run(&["attempts", "syslog", "--since", "never", "--to", "b.csv"]);
    assert_eq!(ran.code, Some(2));
    let names = std::fs::read_dir(folder.path()).expect("the folder");
    let drafts = names.filter(|name| {
        name.as_ref()
            .is_ok_and(|name| name.file_name().to_string_lossy().ends_with(".part"))
    });
    assert_eq!(drafts.count(), 0);
}

#[test]
fn a_long_name_moves_its_own_row_only() {
    let long = "x".repeat(200);
    let log = format!(
        "Nov 20 10:00:04 vpn pppd[1101]: Peer anna failed CHAP authentication
         Nov 20 10:00:05 vpn pppd[1102]: Peer {long} failed CHAP authentication"
    );
    for command in ["clients", "attempts", "lastb"] {
        let ran = Folder::over(&log, &[command]);
        assert!(ran.line("anna").len() < 160, "{command}: {}", ran.out);
        ran.line(&long);
    }
}
