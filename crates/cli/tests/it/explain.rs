//! `explain`, `-x`, and what becomes of a dialect file with a mistake.

use std::io::Write as _;
use std::process::Stdio;

use expect_test::expect;

use crate::compat::GOLDEN_5_1;
use crate::harness::{Folder, Ran};

fn explain(args: &[&str]) -> Ran {
    Folder::new().run(&[&["explain"], args].concat())
}

#[test]
fn a_message_reads_like_a_page() {
    expect![[r#"
        pppd/peer-failed-chap  warning · auth · auth-failed
            Peer <user> failed CHAP authentication
            CHAP peer authentication failed for remote host <user>

        meaning     The name or password of this client was refused (CHAP, MS-CHAP or MS-CHAPv2).
        cause       A mistyped password, or a name in another form than the gateway knows it (domain
                    prefix). Behind RADIUS or winbind an unreachable or misconfigured server looks the same.
        what to do  "No CHAP secret found" just before: the name is unknown in /etc/ppp/chap-secrets. RADIUS
                    lines just before: the server is the fault. Otherwise compare name, server column and
                    password with chap-secrets or the RADIUS server, and the domain prefix at the client.
        speaks for  wrong-credentials: Name or password was refused; the evidence does not say which.
        known from  pppd/chap-new.c
    "#]]
    .assert_eq(&explain(&["pppd/peer-failed-chap"]).good());
}

#[test]
fn a_cause_has_steps() {
    expect![[r#"
        unencrypted
            causes of failed attempts · layer ccp

        meaning     The session works without encryption: everybody on the way can read it.
        cause       Neither side requires MPPE, or L2TP is used without IPsec.
        what to do  Require it: `require-mppe-128` for PPTP, IPsec for L2TP, with a firewall rule that
                    accepts UDP 1701 only from inside IPsec (`-m policy --dir in --pol ipsec`).
    "#]]
    .assert_eq(&explain(&["unencrypted"]).good());
}

#[test]
fn what_is_not_known_is_told_with_what_it_may_have_meant() {
    let ran = explain(&["gre-blokced"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""));
    assert_eq!(
        ran.err,
        "tunlog: `gre-blokced` is not known; did you mean gre-blocked, ufw/gre-blocked?\n"
    );
    let ran = explain(&["Lost-Carier"]);
    assert!(ran.err.contains("did you mean Lost-Carrier?"), "{}", ran.err);
    let ran = explain(&["98765"]);
    assert!(ran.err.contains("--list"), "{}", ran.err);
}

#[test]
fn without_a_word_the_usage_is_shown() {
    let ran = explain(&[]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("tunlog explain 691"), "{}{}", ran.out, ran.err);
}

#[test]
fn everything_that_may_be_asked_for_is_listed() {
    let all = explain(&["--list"]).good();
    for name in ["ras ", "cause ", "pppd ", "l2tp "] {
        assert!(all.lines().any(|line| line.starts_with(name)), "{name} in\n{all}");
    }
    assert!(explain(&["--list", "mschap"]).good().contains("mschap/691"));
    assert!(explain(&["--list", "pppd"]).good().contains("pppd/peer-failed-chap"));
    assert!(explain(&["--list", "echo-timeout"]).good().contains("pppd/"));
    assert_eq!(explain(&["--list", "no-such-family"]).code, Some(1));
}

#[test]
fn options_may_stand_behind_the_words() {
    assert!(
        explain(&["-1073741715", "-o", "jsonl"])
            .good()
            .contains("ntstatus/0xC000006D")
    );
    assert!(
        explain(&["pppd", "exit", "19", "--json"])
            .good()
            .contains("pppd-exit-status/19")
    );
}

#[test]
fn programs_get_the_contracts_keys_and_actions_always() {
    let told = explain(&["gre-blocked", "--json"]).good();
    assert!(
        told.starts_with(r#"{"type":"explanation","id":"gre-blocked","#),
        "{told}"
    );
    let told = explain(&["outcome/open", "-o", "jsonl"]).good();
    assert!(told.contains(r#""actions":["None needed."]"#), "{told}");
    assert!(explain(&["outcome/open"]).good().contains("nothing to do"));
}

#[test]
fn lines_come_from_standard_input_and_secrets_stay_there() {
    let folder = Folder::new();
    let mut child = folder
        .command(&["explain", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let lines = "Nov 20 09:00:01 vpn pppd[7]: Peer anna failed CHAP authentication\n\
                 Nov 20 09:00:02 vpn pppd[7]: rcvd [PAP AuthReq id=0x1 user=\"anna\" password=\"hunter2\"]\n\
                 Nov 20 09:00:03 vpn pppd[7]: nobody knows this line\n";
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(lines.as_bytes()).expect("somebody reads");
    drop(input);
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, Some(1));
    assert!(ran.line("says").ends_with("user  anna"), "{}", ran.out);
    assert!(!ran.out.contains("hunter2"), "{}", ran.out);
    assert_eq!(
        ran.err,
        "tunlog: 1 line not known; `tunlog unknown` groups those of VPN daemons\n"
    );
}

#[test]
fn explanations_stand_under_lines() {
    let lastb = Folder::over(REFUSED, &["lastb", "-x"]).good();
    let mut lines = lastb.lines();
    assert!(lines.next().is_some_and(|line| line.starts_with("anna ")), "{lastb}");
    assert!(
        lines.next().is_some_and(|line| line.starts_with("  meaning     ")),
        "{lastb}"
    );
    for command in ["attempts", "sessions", "who", "last", "lastb", "decode"] {
        let log = format!("{GOLDEN_5_1}\n{REFUSED}");
        let plain = Folder::over(&log, &[command]).good();
        let told = Folder::over(&log, &[command, "-x"]).good();
        if plain.lines().count() > 1 {
            assert!(told.contains("  meaning     "), "{command}: {told}");
        }
        let kept: Vec<&str> = told
            .lines()
            .filter(|line| !line.starts_with("  ") || plain.contains(line))
            .collect();
        assert_eq!(kept, plain.lines().collect::<Vec<_>>(), "{command}");
    }
    let open =
        "Nov 20 09:00:01 vpn pppd[7]: Using interface ppp0\nNov 20 09:00:02 vpn pppd[7]: remote IP address 192.168.0.9";
    let last = Folder::over(open, &["last", "-x"]).good();
    assert!(last.contains("\n  outcome/open\n  meaning "), "{last}");
    let json = Folder::over(REFUSED, &["attempts", "-x", "--json"]).good();
    assert!(
        json.contains(r#""explanation":{"id":"wrong-credentials","meaning":""#),
        "{json}"
    );
    let csv = Folder::over(REFUSED, &["attempts", "-x", "-o", "csv"]).good();
    assert!(
        csv.lines().next().is_some_and(|head| head.ends_with(",explanation")),
        "{csv}"
    );
}

/// A login that was refused.
const REFUSED: &str = "Nov 20 09:00:01 vpn pppd[7]: Peer anna failed CHAP authentication
    Nov 20 09:00:02 vpn pppd[7]: Connection terminated.
    Nov 20 09:00:02 vpn pppd[7]: Exit.";

#[test]
fn an_entry_for_an_unknown_line_is_sound_as_it_stands() {
    let log = "Nov 20 09:00:01 vpn pppd[1]: nobody knows line 17 of \"anna's <list>\" from 192.0.2.7";
    let ran = Folder::over(log, &["unknown", "-x", "--json"]);
    let json = ran.good();
    let entry = json.split(r#""entry":""#).nth(1).expect("an entry");
    let entry = entry
        .trim_end()
        .trim_end_matches("\"}")
        .replace("\\n", "\n")
        .replace("\\\"", "\"")
        .replace("\\\\", "\\");
    let folder = Folder::new();
    folder.bytes(
        "own.toml",
        format!("name = \"own\"\napps = [\"own\"]\n{entry}").as_bytes(),
    );
    let ran = folder.run(&["dialect", "check", "own.toml"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "own.toml: ok\n"), "{entry}");
    let table = Folder::over(log, &["unknown", "-x"]).good();
    assert!(table.contains("    first at syslog:1\n    [[message]]\n"), "{table}");
    let note = Folder::over(log, &["unknown"]).err;
    assert!(note.contains("`tunlog unknown -x`"), "{note}");
}

/// A sound dialect of a user's own.
const OWN: &str = "name = 'own'\napps = ['ownd']\n[[message]]\nid = 'hello'\ntemplate = 'Hello <user:name>'\nseverity = 'info'\n\
    layer = 'auth'\nevent = 'auth-message'\nmeaning = 'A greeting.'\ncause = 'none'\naction = 'none'\n\
    [[message.example]]\nline = 'Hello anna'\nfrom = 'wild'\nfields = { user = 'anna' }\n";

#[test]
fn a_dialect_file_with_a_mistake_is_told_and_the_others_are_used() {
    let folder = Folder::new();
    let dialects = folder.path().join("tunlog/dialects.d");
    std::fs::create_dir_all(&dialects).expect("a folder");
    std::fs::write(dialects.join("own.toml"), OWN).expect("a file");
    std::fs::write(
        dialects.join("bad.toml"),
        OWN.replace("own", "bad").replace("event =", "evnt ="),
    )
    .expect("a file");
    std::fs::write(dialects.join("bytes.toml"), b"name = '\xff'").expect("a file");
    folder.log(
        "syslog",
        "Nov 20 09:00:01 vpn ownd[1]: Hello anna\nNov 20 09:00:02 vpn pppd[1]: Modem hangup",
    );
    let run = |args: &[&str]| {
        let mut command = folder.command(args);
        Ran::of(
            command
                .env("XDG_CONFIG_HOME", folder.path())
                .output()
                .expect("the binary runs"),
        )
    };
    let ran = run(&["decode", "--year", "2026", "syslog"]);
    assert!(
        ran.out.contains("own/hello") && ran.out.contains("pppd/modem-hangup"),
        "{}",
        ran.out
    );
    assert_eq!(ran.code, Some(2));
    let said = &ran.err;
    assert!(
        said.contains("bad.toml:8: ") && said.contains("evnt") && said.contains("did you mean `event`?"),
        "{said}"
    );
    assert!(said.contains("bytes.toml: cannot read"), "{said}");
    assert_eq!(said.matches("bad.toml:8").count(), 1, "{said}");
    let ran = run(&["explain", "own/hello"]);
    assert!(ran.out.contains("A greeting."), "{}{}", ran.out, ran.err);
    assert_eq!(ran.code, Some(2));
    std::fs::remove_file(dialects.join("bad.toml")).expect("it is there");
    std::fs::remove_file(dialects.join("bytes.toml")).expect("it is there");
    assert_eq!(run(&["explain", "own/hello"]).code, Some(0));
}
