//! `block`, `unblock`, `blocked`: what is shown, what is done, what is written down. The firewalls are scripts that write down
//! what they are asked; those of the machine are asked in `respond_real`.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::process::{Command, Stdio};

use expect_test::expect;

use crate::harness::{Folder, Ran};

/// Scripts in place of the programs that plans run; each writes its arguments and what it reads to `calls`.
pub struct Fakes {
    pub folder: Folder,
}

pub const PROGRAMS: [&str; 12] = [
    "nft",
    "ipset",
    "iptables",
    "iptables-restore",
    "ip6tables",
    "ip6tables-restore",
    "ufw",
    "fail2ban-client",
    "cscli",
    "pfctl",
    "accel-cmd",
    "npppctl",
];

impl Fakes {
    /// All of them succeed, but say that nothing is set up yet.
    pub fn new() -> Fakes {
        let fakes = Fakes { folder: Folder::new() };
        std::fs::create_dir(fakes.folder.path().join("bin")).expect("a folder");
        for program in PROGRAMS {
            fakes.program(program, "exit 0");
        }
        fakes
    }

    /// A program that ends as `ending` says, after writing down what it was asked. Questions fail.
    pub fn program(&self, name: &str, ending: &str) {
        let calls = self.folder.path().join("calls");
        let script = format!(
            "#!/bin/sh\n\
             case \"$*\" in *list*|*status*|*-C*|*show*) [ -f {answer} ] && exec cat {answer}; exit 1;; esac\n\
             {{ printf '%s' {name}; for word; do printf '|%s' \"$word\"; done; printf '\\n'; [ -p /dev/stdin ] || [ -f /dev/stdin ] && cat; }} >> {calls}\n\
             {ending}\n",
            answer = self.folder.path().join(format!("{name}.answer")).display(),
            calls = calls.display(),
        );
        let path = self.folder.path().join("bin").join(name);
        std::fs::write(&path, script).expect("a script");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a script");
    }

    pub fn path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.folder.path().join("bin").display())
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.folder.command(args);
        command
            .env("PATH", self.path())
            .env("XDG_STATE_HOME", self.folder.path().join("state"));
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().expect("the binary runs"))
    }

    /// What the programs were asked since the last time.
    pub fn calls(&self) -> String {
        let path = self.folder.path().join("calls");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(path);
        text
    }

    pub fn ledger(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("state/tunlog/actions.jsonl")).unwrap_or_default()
    }

    /// What a shell makes of the commands that were shown.
    pub fn paste(&self, shown: &str) {
        let mut shell = Command::new("/bin/sh");
        shell.env("PATH", self.path()).current_dir(self.folder.path());
        shell.stdin(Stdio::null()).arg("-c").arg(shown);
        assert!(shell.status().expect("a shell").success(), "{shown}");
    }

    pub fn has(&self, name: &str) -> bool {
        self.folder.path().join(name).exists()
    }
}

#[test]
fn what_is_shown_is_what_is_done_and_what_a_shell_makes_of_it() {
    for backend in ["nftables", "iptables", "ufw", "fail2ban", "crowdsec", "pf"] {
        let fakes = Fakes::new();
        let hostile = "$(touch canary) `touch canary`; touch canary \"' \n touch canary";
        let args = [
            "block",
            "198.51.100.7",
            "2001:db8::9",
            "198.51.101.0/24",
            "--no-log",
            "--reason",
            hostile,
        ];
        let args = [&args[..], &["--backend", backend]].concat();
        let shown = fakes.run(&args).good();
        assert_eq!(fakes.calls(), "", "{backend}: nothing is done");
        assert_eq!(fakes.ledger(), "", "{backend}: nothing is written down");
        fakes.paste(&shown);
        let pasted = fakes.calls();
        fakes.run(&[&args[..], &["--apply"]].concat()).good();
        assert_eq!(fakes.calls(), pasted, "{backend}");
        assert!(
            pasted.contains("198.51.100.7") && pasted.contains("198.51.101.0/24"),
            "{backend}: {pasted}"
        );
        assert!(!fakes.has("canary"), "{backend}");
        let blocked = fakes.run(&["blocked"]).good();
        assert_eq!(blocked.matches(" active ").count(), 3, "{backend}: {blocked}");
    }
}

#[test]
fn a_block_is_shown_to_people_and_to_programs() {
    let fakes = Fakes::new();
    let shown = fakes.run(&[
        "block",
        "198.51.100.7",
        "127.0.0.1",
        "--backend",
        "crowdsec",
        "--no-log",
        "--for",
        "2h",
    ]);
    expect![[r#"
        # by crowdsec: decisions of CrowdSec; its bouncers carry them out (as you said)
        # keeps 198.51.100.7 out of PPTP, L2TP and IPsec for 7200 s
        cscli decisions add --ip 198.51.100.7 --duration 7200s --type ban --reason 'tunlog: by hand'
        # to undo:
        #   cscli decisions delete --ip 198.51.100.7
        # note: a decision keeps nobody out where no bouncer runs: `cscli bouncers list`
        # 127.0.0.1: refused: it is the machine itself (loopback)
    "#]]
    .assert_eq(&shown.out);
    assert_eq!(shown.err, "tunlog: nothing was done: --apply does it\n");
    let rows = fakes
        .run(&[
            "block",
            "198.51.100.7",
            "127.0.0.1",
            "--backend",
            "crowdsec",
            "--no-log",
            "-o",
            "jsonl",
        ])
        .good();
    for part in [
        r#"{"type":"action","time":""#,
        r#""action":"block","target":"198.51.100.7","outcome":"planned","backend":"crowdsec","until":""#,
        r#""argv":["cscli","decisions","add","--ip","198.51.100.7","--duration","600s","#,
        r#""action":"block","target":"127.0.0.1","outcome":"refused","#,
    ] {
        assert!(rows.contains(part), "{part}\n{rows}");
    }
}

/// The list of what is to be refused always, and what is refused unless somebody insists.
#[test]
fn what_must_live_lives() {
    let fakes = Fakes::new();
    fakes.folder.log(
        "tunlog.toml",
        "[respond]\nnever_block = [\"198.51.100.53\", \"2001:db8:5::/48\", \"203.0.113.1\"]",
    );
    let block = |address: &str, options: &[&str]| {
        let args = [
            &["block", address, "--no-log", "--config", "tunlog.toml", "--apply"][..],
            options,
        ]
        .concat();
        let mut command = fakes.command(&args);
        command.env("SSH_CONNECTION", "192.0.2.77 50000 203.0.113.1 22");
        Ran::of(command.output().expect("the binary runs"))
    };
    for address in [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "0.0.0.0/0",
        "::/0",
        "203.0.113.1",
        "198.51.100.53",
        "198.51.100.0/24",
        "2001:db8:5::7",
        "192.0.2.77",
        "::ffff:192.0.2.77",
        "224.0.0.1",
    ] {
        let ran = block(address, &["--force", "--private"]);
        assert_eq!(ran.code, Some(1), "{address}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("refused"), "{address}: {}", ran.out);
    }
    for (address, option) in [
        ("198.51.102.0/23", "--force"),
        ("2001:db8:8::/47", "--force"),
        ("10.7.0.9", "--private"),
    ] {
        assert_eq!(block(address, &[]).code, Some(1), "{address}");
        assert_eq!(fakes.calls(), "", "{address}");
        assert_eq!(block(address, &[option]).code, Some(0), "{address} {option}");
        assert!(fakes.calls().contains(address), "{address}");
    }
    let refused = fakes.ledger().matches("\"outcome\":\"refused\"").count();
    assert_eq!(refused, 15, "refusals are written down");
}

#[test]
fn the_first_step_that_fails_ends_it() {
    let fakes = Fakes::new();
    fakes.program(
        "cscli",
        "case \"$4\" in 198.51.100.8) echo 'no such bouncer' >&2; exit 3;; esac",
    );
    let args = [
        "block",
        "198.51.100.7",
        "198.51.100.8",
        "198.51.100.9",
        "--backend",
        "crowdsec",
        "--no-log",
        "--apply",
    ];
    let ran = fakes.run(&args);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    for part in [
        "cscli failed, exit status 3: no such bouncer",
        "1 more stood behind it",
        "this undoes it: cscli decisions delete --ip 198.51.100.8",
        "`tunlog unblock 198.51.100.7 --apply` undoes it",
    ] {
        assert!(ran.err.contains(part), "{part}\n{}", ran.err);
    }
    assert_eq!(fakes.calls().lines().count(), 2);
    let outcomes: Vec<bool> = fakes
        .ledger()
        .lines()
        .map(|line| line.contains("\"outcome\":\"done\""))
        .collect();
    assert_eq!(outcomes, [true, false]);
    std::fs::remove_file(fakes.folder.path().join("bin/pfctl")).expect("a script");
    let missing = fakes.run(&["block", "198.51.100.7", "--backend", "pf", "--no-log", "--apply"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.err.contains("pfctl is not on this machine"), "{}", missing.err);
    let text = fakes.run(&["block", "198.51.100.7", "--backend", "routeros", "--no-log", "--apply"]);
    assert_eq!(text.code, Some(2));
    assert!(text.err.contains("text to paste elsewhere"), "{}", text.err);
}

#[test]
fn the_ledger_is_its_owners_and_grows_by_lines() {
    let fakes = Fakes::new();
    let block = |address: &str| {
        fakes
            .run(&["block", address, "--backend", "ufw", "--no-log", "--apply"])
            .good();
    };
    block("198.51.100.7");
    let path = fakes.folder.path().join("state/tunlog/actions.jsonl");
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("a file").mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().expect("a folder")), 0o700);
    // a crash cut the last line
    fakes
        .folder
        .append("state/tunlog/actions.jsonl", "{\"type\":\"action\",\"time\":\"20");
    let cut = std::fs::read_to_string(&path).expect("a file");
    std::fs::write(&path, cut.trim_end()).expect("a file");
    block("198.51.100.8");
    let blocked = fakes.run(&["blocked", "-o", "csv"]);
    assert!(
        blocked.err.contains("actions.jsonl:2: not understood"),
        "{}",
        blocked.err
    );
    assert_eq!(blocked.out.lines().count(), 3, "{}", blocked.out);
    assert_eq!(fakes.run(&["blocked", "198.51.100.8"]).code, Some(0));
    assert_eq!(fakes.run(&["blocked", "198.51.100.9"]).code, Some(1));
}

#[test]
fn so_many_in_an_hour_and_none_twice() {
    let fakes = Fakes::new();
    let block = |addresses: &[&str], options: &[&str]| {
        let args = [
            &["block"],
            addresses,
            &["--backend", "crowdsec", "--no-log", "--apply"],
            options,
        ]
        .concat();
        fakes.run(&args)
    };
    let ran = block(
        &["198.51.100.1", "198.51.100.2", "198.51.100.2", "198.51.100.3"],
        &["--per-hour", "2"],
    );
    assert_eq!(ran.code, Some(0));
    assert_eq!(fakes.calls().lines().count(), 2);
    assert!(ran.out.contains("look at what is happening first"), "{}", ran.out);
    let again = block(&["198.51.100.1"], &["--for", "1m"]);
    assert_eq!(again.code, Some(0));
    assert!(again.out.contains("unneeded"), "{}", again.out);
    assert_eq!(block(&["198.51.100.3"], &["--per-hour", "2"]).code, Some(1));
    assert_eq!(fakes.calls(), "");
    let longer = block(&["198.51.100.1"], &["--for", "1h", "--per-hour", "2"]);
    assert_eq!(longer.code, Some(0), "for longer is not one more: {}", longer.out);
    assert!(fakes.calls().contains("3600s"));
    assert_eq!(block(&["198.51.100.3"], &[]).code, Some(0));
}

/// A session of pptpd and pppd that comes up `minutes` ago from now, on the host `gw`.
pub fn session(user: &str, address: &str, (pptpd, pppd): (u32, u32), minutes: i64) -> String {
    let t = stamp(minutes);
    format!(
        "{t} gw pptpd[{pptpd}]: CTRL: Client {address} control connection started
         {t} gw pptpd[{pptpd}]: CTRL: Starting call (launching pppd, opening GRE)
         {t} gw pppd[{pppd}]: pppd 2.4.9 started by root, uid 0
         {t} gw pppd[{pppd}]: Using interface ppp{pptpd}
         {t} gw pppd[{pppd}]: Connect: ppp{pptpd} <--> /dev/pts/1
         {t} gw pppd[{pppd}]: peer from calling number {address} authorized
         {t} gw pppd[{pppd}]: local  IP address 10.9.0.1
         {t} gw pppd[{pppd}]: remote IP address 10.9.0.{host}
         {t} gw pppd[{pppd}]: pptpd-logwtmp.so ip-up ppp{pptpd} {user} {address}\n",
        host = pptpd % 200 + 2,
    )
}

/// The time so many minutes ago.
pub fn stamp(minutes: i64) -> String {
    let time = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() - minutes * 60);
    time.expect("a time").strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[test]
fn where_people_log_in_from_is_asked_twice() {
    let fakes = Fakes::new();
    let end = |pid: u32, minutes: i64| {
        let (next, time) = (pid + 1, stamp(minutes));
        format!("{time} gw pppd[{next}]: Exit.\n{time} gw pptpd[{pid}]: CTRL: Client x control connection finished\n")
    };
    let login = |user: &str, address: &str, pid: u32, minutes: i64| session(user, address, (pid, pid + 1), minutes);
    let log = [
        login("anna", "198.51.100.20", 100, 300),
        end(100, 290),
        login("anna", "198.51.100.20", 110, 60),
        login("eve", "198.51.100.66", 120, 30),
    ]
    .concat();
    fakes.folder.log("syslog", &log);
    let block = |options: &[&str]| {
        let args = [
            "block",
            "198.51.100.20",
            "198.51.100.66",
            "--backend",
            "crowdsec",
            "--log",
            "syslog",
        ];
        fakes.run(&[&args[..], options].concat()).good()
    };
    let shown = block(&[]);
    assert!(
        shown.contains("# 198.51.100.20: refused: anna, who has come from 198.51.100.20 before, logged in"),
        "{shown}"
    );
    assert!(
        shown.contains("--ip 198.51.100.66 "),
        "whoever is here for the first time protects nobody: {shown}"
    );
    assert!(block(&["--force"]).contains("--ip 198.51.100.20 "));
    let none = fakes.run(&["block", "198.51.100.20", "--log", "nowhere", "--backend", "crowdsec"]);
    assert_eq!(none.code, Some(2), "{}", none.out);
}

#[test]
fn findings_accuse_their_sources_and_nobody_else() {
    let fakes = Fakes::new();
    fakes.folder.bytes("syslog", crate::detect::guesses_flat().as_bytes());
    let findings = fakes.run(&["detect", "-o", "jsonl", "--year", "2026", "syslog"]).good();
    let stale = findings
        .replace("brute-force", "stale-password")
        .replace("198.51.100.7", "203.0.113.20");
    let low = findings
        .replace("\"high\"", "\"low\"")
        .replace("198.51.100.7", "203.0.113.21");
    let claimed = findings
        .replace("\"users\":", "\"claimed\":true,\"users\":")
        .replace("198.51.100.7", "203.0.113.22");
    fakes.folder.bytes(
        "findings.jsonl",
        [&findings, &stale, &low, &claimed, "nonsense\n"]
            .map(str::as_bytes)
            .concat()
            .as_slice(),
    );
    let ran = fakes.run(&["block", "--from", "findings.jsonl", "--no-log", "--backend", "crowdsec"]);
    assert_eq!(ran.code, Some(2), "a line is none: {}", ran.err);
    assert!(
        ran.err.contains("findings.jsonl:") && ran.err.contains("passed over"),
        "{}",
        ran.err
    );
    assert!(
        ran.out.contains("--ip 198.51.100.7 ") && ran.out.contains("brute-force"),
        "{}",
        ran.out
    );
    assert!(
        !ran.out.contains("203.0.113.20") && !ran.out.contains("203.0.113.21"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("# 203.0.113.22: refused: no socket reported it"),
        "{}",
        ran.out
    );
    fakes.folder.bytes("none.jsonl", stale.as_bytes());
    let none = fakes.run(&["block", "--from", "none.jsonl", "--no-log", "--backend", "crowdsec"]);
    assert_eq!((none.code, none.out.as_str()), (Some(1), ""), "{}", none.err);
}

/// What detection makes of the hostile corpus, blocked without asking twice: nobody that a name accuses, and no program but the one.
#[test]
fn nobody_is_blocked_by_a_name() {
    let hostile = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/hostile");
    if !hostile.is_dir() {
        eprintln!("skipped: no hostile corpus beside the clone");
        return;
    }
    let fakes = Fakes::new();
    let mut blocked = Vec::new();
    for name in [
        "01-escapes.log",
        "02-forged-session.log",
        "03-blame.log",
        "18-injection-names.log",
        "31-secrets.log",
    ] {
        let log = hostile.join(name);
        let log = log.to_str().expect("a path");
        let found = fakes.run(&["detect", "-q", "-o", "jsonl", "--year", "2025", log]);
        fakes.folder.bytes("found.jsonl", found.out.as_bytes());
        fakes.run(&[
            "block",
            "--from",
            "found.jsonl",
            "--force",
            "--no-log",
            "-q",
            "--apply",
            "--backend",
            "crowdsec",
        ]);
        let calls = fakes.calls();
        assert!(
            calls.lines().all(|line| line.starts_with("cscli|decisions|add|--ip|")),
            "{name}: {calls}"
        );
        blocked.extend(
            calls
                .lines()
                .filter_map(|line| line.split('|').nth(4))
                .map(str::to_owned),
        );
    }
    assert_eq!(blocked, ["203.0.113.66"]);
}

fn done(action: &str, target: &str, by: &str, until: &str) -> String {
    format!(
        "{{\"type\":\"action\",\"time\":\"2026-01-01T00:00:00Z\",\"action\":\"{action}\",\"target\":\"{target}\",\"outcome\":\"done\",\"backend\":\"{by}\",\"until\":\"{until}\"}}"
    )
}

#[test]
fn what_is_over_is_marked_and_taken_away_where_it_stays() {
    let fakes = Fakes::new();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let past = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    let lines = [
        done("block", "198.51.100.1", "nftables", &past.to_string()),
        done("block", "198.51.100.2", "ufw", &past.to_string()),
        done("block", "198.51.100.3", "ufw", &soon.to_string()),
        done("block", "198.51.100.4", "nftables", "2026-01-01T01:00:00Z"),
        done("block", "198.51.100.5", "nftables", &soon.to_string()),
        done("unblock", "198.51.100.5", "nftables", ""),
    ];
    fakes.folder.log("ledger", &lines.join("\n"));
    let states = |options: &[&str]| {
        let args = [&["blocked", "--ledger", "ledger", "-o", "csv"], options].concat();
        let shown = fakes.run(&args).good();
        let rows = shown
            .lines()
            .skip(1)
            .map(|row| row.split(',').skip(1).take(2).collect::<Vec<_>>().join(" "));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(
        states(&[]),
        ["198.51.100.1 expired", "198.51.100.2 overdue", "198.51.100.3 active"]
    );
    assert_eq!(states(&["--all"]).len(), 4);
    let over = fakes
        .run(&["unblock", "--expired", "--ledger", "ledger", "--apply"])
        .good();
    assert!(
        over.contains("198.51.100.2") && !over.contains("198.51.100.3"),
        "{over}"
    );
    assert_eq!(fakes.calls().lines().count(), 4, "ufw has a rule for each protocol");
    let again = fakes.run(&["unblock", "--expired", "--ledger", "ledger", "--apply"]);
    assert_eq!(again.code, Some(0), "a timer finds nothing, and that is well");
    fakes
        .run(&["unblock", "198.51.100.3", "--ledger", "ledger", "--apply"])
        .good();
    assert_eq!(states(&[]), ["198.51.100.1 expired"]);
    let unknown = fakes.run(&["unblock", "198.51.100.99", "--ledger", "ledger", "--apply"]);
    assert_eq!(unknown.code, Some(1), "{}", unknown.err);
    let by_hand = fakes
        .run(&[
            "unblock",
            "198.51.100.99",
            "--ledger",
            "ledger",
            "--backend",
            "crowdsec",
        ])
        .good();
    assert!(
        by_hand.contains("cscli decisions delete --ip 198.51.100.99"),
        "{by_hand}"
    );
}

#[test]
fn the_firewall_has_the_last_word() {
    let fakes = Fakes::new();
    fakes
        .run(&[
            "block",
            "198.51.100.7",
            "198.51.100.8",
            "--backend",
            "iptables",
            "--no-log",
            "--apply",
        ])
        .good();
    fakes.folder.bytes(
        "ipset.answer",
        b"Name: tunlog4\nMembers:\n198.51.100.7 timeout 500\n203.0.113.9 timeout 3\n",
    );
    let shown = fakes.run(&["blocked", "--live", "-o", "jsonl"]).good();
    for part in [
        r#""target":"198.51.100.7","state":"active""#,
        r#""live":true,"left_s":500"#,
        r#""target":"198.51.100.8","state":"active""#,
        r#""live":false"#,
        r#""target":"203.0.113.9","state":"unrecorded""#,
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    fakes.calls();
    let again = |more: &[&str]| {
        let args = [
            "block",
            "198.51.100.7",
            "198.51.100.8",
            "--backend",
            "iptables",
            "--no-log",
        ];
        fakes.run(&[&args[..], more].concat())
    };
    let by_ledger = again(&["--for", "1m"]);
    let words = "198.51.100.8: unneeded: by the ledger it is blocked already";
    assert!(by_ledger.out.contains(words), "{}", by_ledger.out);
    assert_eq!(fakes.calls(), "");
    // after a restart of the machine the set is empty, whatever the ledger says
    let asked = again(&["--for", "1m", "--apply"]);
    assert_eq!(asked.code, Some(0), "{}", asked.err);
    let calls = fakes.calls();
    assert!(
        calls.contains("198.51.100.8") && !calls.contains("198.51.100.7"),
        "{calls}"
    );
    assert!(!asked.out.contains("by the ledger"), "{}", asked.out);
}

/// A jail of fail2ban whose action is ours: the ledger is not held while fail2ban is asked.
#[test]
fn fail2ban_may_ask_tunlog_while_tunlog_asks_it() {
    let fakes = Fakes::new();
    let tunlog = fakes.command(&[]).get_program().to_string_lossy().into_owned();
    // programs are run with an environment of their own
    let ledger = fakes.folder.path().join("state/tunlog/actions.jsonl");
    let action = format!(
        "\"{tunlog}\" block \"$4\" --backend ufw --for 600s --no-log --quiet --apply --ledger \"{}\"",
        ledger.display()
    );
    fakes.program("fail2ban-client", &format!("[ \"$3\" = banip ] || exit 0\n{action}"));
    let begun = std::time::Instant::now();
    let ran = fakes.run(&["block", "198.51.100.7", "--backend", "fail2ban", "--no-log", "--apply"]);
    assert_eq!(ran.code, Some(0), "after {:?}: {}", begun.elapsed(), ran.err);
    let ledger = fakes.ledger();
    for part in [r#""backend":"ufw""#, r#""backend":"fail2ban""#] {
        assert!(ledger.contains(part), "{ledger}");
    }
    assert!(!ledger.contains("failed"), "{ledger}");
}

#[test]
fn what_is_typed_wrong_is_said() {
    let fakes = Fakes::new();
    for (args, words) in [
        (&["block"][..], "required"),
        (&["block", "gateway.example"], "is no address"),
        (&["block", "198.51.100.7/24"], "198.51.100.0/24"),
        (&["block", "198.51.100.7", "--for", "8d"], "at most 604800 s"),
        (&["block", "198.51.100.7", "--for", "soon"], "no duration"),
        (
            &["block", "198.51.100.7", "--backend", "firewalld"],
            "no backend `firewalld`",
        ),
        (&["block", "--from", "nowhere.jsonl"], "nowhere.jsonl: cannot read"),
        (&["unblock"], "required"),
        (&["unblock", "--all", "--expired"], "cannot be used"),
    ] {
        let ran = fakes.run(args);
        assert_eq!(ran.code, Some(2), "{args:?}");
        assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
    }
    assert_eq!(fakes.calls(), "");
}
