//! `kick`: which sessions are found, and how they end.

use std::process::{Child, Command};

use crate::harness::Ran;
use crate::respond::{Fakes, stamp};

/// An open session that has just begun.
fn session(user: &str, address: &str, pptpd: u32, pppd: u32) -> String {
    crate::respond::session(user, address, (pptpd, pppd), 0)
}

fn kick(fakes: &Fakes, args: &[&str]) -> Ran {
    fakes.run(&[&["kick"], args].concat())
}

#[test]
fn a_session_is_found_by_whatever_it_is_known_by() {
    let fakes = Fakes::new();
    let log = session("anna", "198.51.100.7", 100, 101) + &session("bert", "198.51.100.8", 110, 111);
    fakes.folder.log("syslog", &log);
    let id = fakes.run(&["who", "-o", "jsonl", "--user", "anna", "syslog"]).good();
    let id = id
        .split("\"id\":\"")
        .nth(1)
        .and_then(|rest| rest.get(..16))
        .expect("an id")
        .to_owned();
    for who in [
        "anna",
        "198.51.100.7",
        "::ffff:198.51.100.7",
        "10.9.0.102",
        "ppp100",
        &id,
    ] {
        let shown = kick(&fakes, &[who, "syslog"]).good();
        assert!(
            shown.contains("kill -TERM 101\n") && !shown.contains("111"),
            "{who}: {shown}"
        );
    }
    for who in ["ann", "ANNA", "198.51.100.9", "ppp1", "0000000000000000", ""] {
        let ran = kick(&fakes, &[who, "syslog"]);
        assert_eq!(ran.code, Some(1), "{who}: {}", ran.out);
    }
    let rows = kick(&fakes, &["anna", "syslog", "-o", "jsonl"]).good();
    assert!(
        rows.contains(r#""action":"kick""#) && rows.contains(r#""argv":["kill","-TERM","101"]"#),
        "{rows}"
    );
}

#[test]
fn several_are_shown_and_none_is_ended_by_chance() {
    let fakes = Fakes::new();
    let log = session("anna", "198.51.100.7", 100, 101) + &session("anna", "198.51.100.8", 110, 111);
    fakes.folder.log("syslog", &log);
    let ran = kick(&fakes, &["anna", "syslog", "--here", "--apply"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.out.contains("kill -TERM 101\n") && ran.out.contains("kill -TERM 111\n"),
        "{}",
        ran.out
    );
    assert!(
        ran.err
            .contains("2 open sessions fit: name one by its id, or end them with --all"),
        "{}",
        ran.err
    );
    assert_eq!(fakes.ledger(), "");
}

#[test]
fn a_session_of_another_host_is_only_shown() {
    let fakes = Fakes::new();
    fakes.folder.log("syslog", &session("anna", "198.51.100.7", 100, 101));
    let shown = kick(&fakes, &["anna", "syslog"]).good();
    assert!(shown.contains("# note: to be run on gw"), "{shown}");
    let ran = kick(&fakes, &["anna", "syslog", "--apply"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(ran.out.contains("it is on gw, and this is"), "{}", ran.out);
}

/// A process that is called pppd, as the kernel sees it.
struct Pppd(Child);

impl Pppd {
    fn new(fakes: &Fakes) -> Option<Pppd> {
        let path = fakes.folder.path().join("pppd");
        std::fs::copy("/bin/sleep", &path).ok()?;
        Command::new(path).arg("60").spawn().ok().map(Pppd)
    }

    fn is_up(&mut self) -> bool {
        self.0.try_wait().expect("a process").is_none()
    }
}

impl Drop for Pppd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn only_the_sessions_own_process_is_ended() {
    let fakes = Fakes::new();
    let Some(mut pppd) = Pppd::new(&fakes).filter(|_| std::path::Path::new("/proc/self/comm").exists()) else {
        eprintln!("skipped: no /proc, or no sleep to be pppd");
        return;
    };
    std::thread::sleep(std::time::Duration::from_millis(50));
    let pid = pppd.0.id();
    let log = session("anna", "198.51.100.7", 100, pid);
    fakes.folder.log("syslog", &log);
    // the same number, an hour ago: it was another process
    let hour_ago = log.replace(&stamp(0)[..13], &stamp(60)[..13]);
    fakes.folder.log("old", &hour_ago);
    let other = kick(&fakes, &["anna", "old", "--here", "--apply"]);
    assert_eq!(other.code, Some(2), "{}", other.out);
    assert!(
        other.err.contains("it is another one than the session's"),
        "{}",
        other.err
    );
    fakes
        .folder
        .log("shell", &session("anna", "198.51.100.7", 100, std::process::id()));
    let shell = kick(&fakes, &["anna", "shell", "--here", "--apply"]);
    assert!(shell.err.contains("not pppd"), "{}", shell.err);
    assert!(pppd.is_up());
    let ran = kick(
        &fakes,
        &["anna", "syslog", "--here", "--apply", "--reason", "left the firm"],
    );
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    for _ in 0..200 {
        if !pppd.is_up() {
            let ledger = fakes.ledger();
            assert!(
                ledger.contains("\"outcome\":\"done\"") && ledger.contains("left the firm"),
                "{ledger}"
            );
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it is still up");
}

/// Names that a client chose (the hostile corpus, 18): whatever they hold, a shell makes no more of them than a name.
#[test]
fn a_name_starts_no_program() {
    let names = [
        "$(touch canary)",
        "`touch canary`",
        "; touch canary",
        "| touch canary",
        "&& touch canary",
        "'; touch canary; '",
        "a\\\" touch canary \\\"",
        "-rf",
        "--help",
        "a^Jtouch canary",
        "${IFS}touch${IFS}canary",
        "../../../../etc/passwd",
        "<script>alert(1)</script>",
    ];
    for (at, name) in names.iter().enumerate() {
        let fakes = Fakes::new();
        let t = stamp(0);
        let log = format!(
            "{t} gw accel-pppd: pptp: new connection from 198.51.100.7
             {t} gw accel-pppd: ppp{at}: connect: ppp{at} <--> pptp(198.51.100.7)
             {t} gw accel-pppd: ppp{at}:{name}: {name}: authentication succeeded
             {t} gw accel-pppd: ppp{at}:{name}: pptp: ppp: session started over pptp session\n"
        );
        fakes
            .folder
            .log("syslog", &(log + &session(name, "198.51.100.9", 100, 4_000_000)));
        let shown = kick(&fakes, &["198.51.100.9", "syslog", "--here"]).good();
        fakes.folder.bytes("shown", shown.as_bytes());
        let pasted = shown.replace("kill -TERM 4000000", "accel-cmd asked");
        fakes.paste(&pasted);
        assert_eq!(fakes.calls(), "accel-cmd|asked\n", "{name}: {shown}");
        let ran = kick(&fakes, &["198.51.100.9", "syslog", "--here", "--apply"]);
        assert_eq!(ran.code, Some(2), "there is no such process: {}", ran.out);
        let as_rows = kick(&fakes, &["198.51.100.9", "syslog", "--here", "-o", "jsonl"]).good();
        assert!(
            as_rows.lines().all(|line| line.starts_with("{\"type\":\"action\"")),
            "{as_rows}"
        );
        assert!(!fakes.has("canary"), "{name}");
    }
}
