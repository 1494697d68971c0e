//! `tunlog incident` from its opening to its report, on the lab's attacks: one source that guesses, one that sprays, one that has a
//! list of stolen passwords and gets in.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::harness::{Folder, Ran};

/// A folder with the lab's logs, and a key of its own.
pub struct Lab {
    pub folder: Folder,
}

impl Lab {
    pub fn new() -> Lab {
        let lab = Lab { folder: Folder::new() };
        for (name, bytes) in [
            (
                "brute-force.log.gz",
                include_bytes!("../fixtures/incident/brute-force.log.gz").as_slice(),
            ),
            ("spray.log.gz", include_bytes!("../fixtures/incident/spray.log.gz")),
            (
                "stuffing.log.gz",
                include_bytes!("../fixtures/incident/stuffing.log.gz"),
            ),
            (
                "stuffing.pcap.gz",
                include_bytes!("../fixtures/incident/stuffing.pcap.gz"),
            ),
        ] {
            lab.folder.bytes(name, bytes);
        }
        // what the machine behind the gateway saw of the stolen session, and of others
        lab.folder.log(
            "files.log",
            "Oct 28 02:10:00 files sshd[70]: Accepted password for amy from 192.168.0.10 port 51724 ssh2
             Oct 28 03:50:48 files sshd[77]: Accepted password for bob from 192.168.0.10 port 51724 ssh2
             Oct 28 03:50:49 files app[78]: login from 192.168.0.10 password=hunter2
             Oct 28 03:50:49 files smbd[79]: connect from 192.168.0.100 refused
             Oct 28 03:50:58 files sshd[80]: Failed password for root from 203.0.113.104 port 51724 ssh2",
        );
        lab.folder.log(
            "access.log",
            "192.168.0.10 - - [28/Oct/2026:03:50:50 +0100] \"GET /payroll HTTP/1.1\" 200 5
             192.168.0.101 - - [28/Oct/2026:03:50:51 +0100] \"GET / HTTP/1.1\" 200 5",
        );
        std::fs::create_dir_all(lab.path("etc/ppp")).expect("a folder");
        lab.folder.log("etc/pptpd.conf", "option /etc/ppp/pptpd-options");
        lab.folder.log(
            "etc/ppp/chap-secrets",
            "user023 pptpd hunter2 *\n\"two words\" * \"hunter2 x\" *",
        );
        lab
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        let path = self.path(name);
        String::from_utf8(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
            .expect("UTF-8")
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_in("state", args)
    }

    /// On a machine with this state.
    pub fn run_in(&self, state: &str, args: &[&str]) -> Ran {
        let mut command = self.folder.command(&[&["incident"], args].concat());
        command
            .env("XDG_STATE_HOME", self.path(state))
            .env("XDG_CONFIG_HOME", self.path("config"));
        command.env("TZ", "Europe/Berlin").env("USER", "anna");
        Ran::of(command.output().expect("the binary runs"))
    }

    /// Opens the incident of the stolen password, with everything there is.
    pub fn stuffing(&self) -> &Lab {
        let sources = ["stuffing.log.gz", "stuffing.pcap.gz", "files.log", "access.log"];
        self.run(&[&["open", "case", "--year", "2026", "--quiet"], &sources[..]].concat())
            .good();
        self
    }

    /// And takes it to its report.
    pub fn whole(&self) -> &Lab {
        self.stuffing();
        for args in [
            &["isolate", "case"][..],
            &["collect", "case", "--config", "etc"],
            &["analyse", "case"],
            &["remediate", "case", "--done", "1", "--note", "by telephone"],
            &["report", "case"],
        ] {
            self.run(args).good();
        }
        self
    }

    /// Every file of the case with its path in it.
    pub fn files(&self, folder: &str) -> Vec<(String, Vec<u8>)> {
        let root = self.path(folder);
        let (mut folders, mut files) = (vec![root.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => {
                        let name = path.strip_prefix(&root).expect("inside").display().to_string();
                        files.push((name, std::fs::read(&path).expect("a file")));
                    }
                }
            }
        }
        files.sort();
        files
    }
}

/// A row of JSON Lines that holds a text.
fn row<'a>(rows: &'a str, with: &str) -> &'a str {
    rows.lines()
        .find(|row| row.contains(with))
        .unwrap_or_else(|| panic!("no row with {with} in\n{rows}"))
}

#[test]
fn who_attacked_whom_is_known_at_the_opening() {
    let lab = Lab::new();
    for (log, title, attacker) in [
        ("brute-force.log.gz", "brute-force from 203.0.113.101", "203.0.113.101"),
        ("spray.log.gz", "password-spray from 203.0.113.102", "203.0.113.102"),
        (
            "stuffing.log.gz",
            "success-after-failures from 203.0.113.104, 1 account taken",
            "203.0.113.104",
        ),
    ] {
        let case = log.split('.').next().expect("a name");
        let told = lab.run(&["open", case, log, "--year", "2026"]).good();
        assert!(told.contains(title), "{told}");
        assert!(told.contains("read aloud:") || told.contains("signed:"), "{told}");
        let toml = lab.read(&format!("{case}/incident.toml"));
        assert!(
            toml.contains(&format!("address = \"{attacker}\"\nrole = \"attacker\"")),
            "{toml}"
        );
        assert!(lab.read(&format!("{case}/findings.jsonl")).lines().count() > 0);
    }
    assert!(
        lab.read("stuffing/incident.toml")
            .contains("name = \"user023\"\nrole = \"compromised\"")
    );
}

#[test]
fn an_incident_from_findings_is_the_same() {
    let lab = Lab::new();
    let mut detect = lab.folder.command(&[
        "detect",
        "-o",
        "jsonl",
        "--year",
        "2026",
        "--tz",
        "Europe/Berlin",
        "stuffing.log.gz",
    ]);
    let findings = Ran::of(detect.output().expect("the binary runs")).good();
    lab.folder.log("findings.jsonl", &findings);
    lab.folder.append("findings.jsonl", "{\"type\":\"attempt\"}");
    let ran = lab.run(&[
        "open",
        "given",
        "--from",
        "findings.jsonl",
        "--year",
        "2026",
        "stuffing.log.gz",
        "-o",
        "jsonl",
    ]);
    assert!(
        ran.err.contains("findings.jsonl:") && ran.err.contains("is no finding"),
        "{}",
        ran.err
    );
    let given = ran.good();
    let found = lab
        .run(&["open", "found", "--year", "2026", "stuffing.log.gz", "-o", "jsonl"])
        .good();
    let from_title = |row: &str| row[row.find("\"title\"").expect("a title")..].to_owned();
    assert_eq!(from_title(&given), from_title(&found));
}

#[test]
fn subjects_that_are_named_belong_to_it_and_nobody_is_no_incident() {
    let lab = Lab::new();
    let open =
        |dir: &str, more: &[&str]| lab.run(&[&["open", dir, "--year", "2026", "stuffing.log.gz"], more].concat());
    // an account that no finding names by itself
    open("named", &["--user", "qli", "--title", "what of qli?"]).good();
    let toml = lab.read("named/incident.toml");
    assert!(
        toml.contains("title = \"what of qli?\"") && toml.contains("name = \"qli\""),
        "{toml}"
    );
    let nobody = open("nobody", &["--user", "zoe"]);
    assert_eq!(
        (nobody.code, lab.path("nobody").exists()),
        (Some(1), false),
        "{}",
        nobody.err
    );
    let quiet_year = open("late", &["--since", "2030-01-01"]);
    assert_eq!(quiet_year.code, Some(1));
    for (args, why) in [
        (&["--ip", "203.0.113"][..], "--ip"),
        (&["--severity", "awful"], "--severity"),
        (&["--rule", "x"], "--rule"),
        (&["-"], "standard input"),
    ] {
        let ran = open("bad", args);
        assert!(ran.code == Some(2) && ran.err.contains(why), "{}", ran.err);
    }
    let again = open("named", &[]);
    assert!(
        again.code == Some(2) && again.err.contains("not empty"),
        "{}",
        again.err
    );
}

#[test]
fn the_analysis_follows_the_thief() {
    let lab = Lab::new();
    lab.stuffing();
    let told = lab.run(&["analyse", "case"]).good();
    assert!(told.contains("1 account is in other hands: user023."), "{told}");
    assert!(
        told.contains("21 attempts to log in from 203.0.113.104, of which 1 succeeded"),
        "{told}"
    );
    let accounts = lab.read("case/analysis/accounts.jsonl");
    assert!(row(&accounts, "user023").contains("\"verdict\":\"compromised\""));
    assert_eq!(accounts.matches("\"why\":\"1 attempt in vain\"").count(), 20);
    let movement = lab.read("case/analysis/movement.jsonl");
    let inner: Vec<&str> = movement
        .lines()
        .filter(|row| row.contains("\"whose\":\"inner\""))
        .collect();
    // neither before the session nor of a neighbour's address
    assert_eq!(inner.len(), 3, "{movement}");
    assert!(
        !movement.contains("for amy") && !movement.contains("192.168.0.100 ") && !movement.contains("192.168.0.101"),
        "{movement}"
    );
    assert!(row(&movement, "for bob").contains("\"grade\":\"mentions\""));
    assert!(row(&movement, "login from").contains("password=…"), "{movement}");
    assert!(row(&movement, "for root").contains("\"whose\":\"attacker\""));
    let timeline = lab.read("case/analysis/timeline.jsonl");
    let moments = [
        "first-contact",
        "password-spray",
        "success-after-failures",
        "session-up",
        "session-down",
        "last-contact",
    ];
    for moment in moments {
        assert!(
            row(&timeline, &format!("\"what\":\"{moment}\"")).contains("\"key\":true"),
            "{moment}"
        );
    }
    assert!(
        row(&timeline, "pppd/peer-failed-chap").contains("\"count\":20"),
        "equal events are one row"
    );
    let times: Vec<&str> = timeline
        .lines()
        .filter_map(|row| Some(row.split('"').nth(7)?.trim_end_matches('Z')))
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(
        lab.read("case/analysis/timeline.csv")
            .starts_with("time,last,count,kind,key,layer,what")
    );
    // more logs are remembered
    lab.folder.log(
        "mail.log",
        "Oct 28 03:50:51 mail dovecot[1]: imap-login: Login: user=<bob>, rip=192.168.0.10",
    );
    lab.run(&["analyse", "case", "mail.log"]).good();
    assert!(lab.read("case/incident.toml").contains("mail.log"));
    assert!(
        lab.read("case/analysis/movement.jsonl")
            .contains("\"program\":\"dovecot\"")
    );
}

/// Times of a capture's packets in seconds, and how much of each was kept and there was.
fn packets(pcap: &[u8]) -> Vec<(u32, u32, u32)> {
    let word = |at: usize| u32::from_le_bytes(pcap[at..at + 4].try_into().expect("four bytes"));
    assert_eq!(word(0), 0xa1b2_c3d4);
    let (mut at, mut all) = (24, Vec::new());
    while at < pcap.len() {
        all.push((word(at), word(at + 8), word(at + 12)));
        at += 16 + word(at + 8) as usize;
    }
    assert_eq!(at, pcap.len(), "whole records");
    all
}

#[test]
fn what_is_collected_is_the_incidents_and_without_secrets() {
    let lab = Lab::new();
    lab.stuffing();
    lab.run(&["collect", "case", "--config", "etc"]).good();
    let slice = lab.read("case/evidence/sources/1-stuffing.log.gz.log");
    assert!(
        slice.contains("rcvd [CHAP Response id=0xbb <…>, name = \"amy@mail.example\"]"),
        "redacted"
    );
    let stamps: Vec<&str> = slice.lines().map(|line| &line[..15]).collect();
    assert!(stamps.is_sorted() && stamps.len() > 1200, "in the order of the file");
    assert_eq!(lab.read("case/evidence/sources/3-files.log").lines().count(), 3);
    assert!(
        lab.read("case/evidence/config/ppp/chap-secrets")
            .contains("user023 pptpd … *\n\"two words\" * … *")
    );
    for (name, bytes) in lab.files("case") {
        let text = String::from_utf8_lossy(&bytes);
        for secret in [
            "hunter2",
            "56152fa421278acdf843ee8953f31f3b",
            "738c7f662b2a3751b2babc15e262f575",
        ] {
            assert!(!text.contains(secret), "{name}: {secret}");
        }
    }
    let collection = lab.read("case/evidence/collection.jsonl");
    assert!(row(&collection, "\"what\":\"packets\"").contains("packets that log in were cut before the secret"));
    assert!(row(&collection, "stuffing.log.gz").contains("\"original_sha256\":\""));
    // other tools read it, and no log-in can be searched for in it
    let capture = "case/evidence/captures/2-stuffing.pcap.gz.pcap";
    let ran = Ran::of(
        lab.folder
            .command(&["decode", "-o", "jsonl", capture])
            .output()
            .expect("the binary runs"),
    );
    assert!(!ran.err.contains("exposed credentials") && ran.good().contains("pptp"));
    let cut = packets(&std::fs::read(lab.path(capture)).expect("a capture"));
    assert!(
        cut.iter().any(|(_, kept, original)| kept < original) && cut.iter().any(|(_, kept, original)| kept == original)
    );

    lab.run(&["collect", "case", "--config", "etc", "--show-secrets"])
        .good();
    assert!(lab.read("case/evidence/README.txt").contains("SECRETS WERE LEFT IN"));
    assert!(lab.read("case/evidence/config/ppp/chap-secrets").contains("hunter2"));
    let whole = packets(&std::fs::read(lab.path(capture)).expect("a capture"));
    assert!(whole.len() == cut.len() && whole.iter().all(|(_, kept, original)| kept == original));
}

#[test]
fn a_capture_is_cut_to_the_time_and_the_hosts() {
    let lab = Lab::new();
    let open = |dir: &str, more: &[&str]| {
        lab.run(
            &[
                &["open", dir, "--year", "2026", "stuffing.pcap.gz", "stuffing.log.gz"],
                more,
            ]
            .concat(),
        )
        .good();
        lab.run(&["collect", dir, "--config", "etc"]).good();
        let path = lab.path(&format!("{dir}/evidence/captures/1-stuffing.pcap.gz.pcap"));
        std::fs::read(path).map(|bytes| packets(&bytes)).unwrap_or_default()
    };
    let all = open("all", &[]);
    assert_eq!(all.len(), 130);
    let part = open(
        "part",
        &[
            "--ip",
            "203.0.113.104",
            "--since",
            "2026-10-28T02:50:04Z",
            "--until",
            "2026-10-28T02:50:05Z",
        ],
    );
    assert!(!part.is_empty() && part.len() < all.len());
    assert!(
        part.iter()
            .all(|(second, ..)| (1_793_155_804..=1_793_155_805).contains(second)),
        "{part:?}"
    );
    // nobody's packets
    let toml = lab
        .read("part/incident.toml")
        .replace("203.0.113.104", "192.0.2.77")
        .replace("since = \"2026-10-28T02:50:04Z\"", "since = \"2026-10-28T02:00:00Z\"");
    let toml: String = toml.split("[[account]]").next().expect("a head").to_owned();
    lab.folder.bytes("part/incident.toml", toml.as_bytes());
    lab.run(&["collect", "part", "--config", "etc"]).good();
    assert!(!lab.path("part/evidence/captures").exists());
}

#[test]
fn isolation_is_shown_and_written_down() {
    let lab = Lab::new();
    lab.stuffing();
    let told = lab
        .run(&["isolate", "case", "--backend", "nftables", "--for", "2h"])
        .good();
    assert!(told.contains("203.0.113.104 timeout 7200s"), "{told}");
    assert!(
        told.contains("1 block for 1 attacker's address, 0 sessions to end: shown"),
        "{told}"
    );
    assert!(
        lab.read("case/isolate/plan.txt")
            .contains("add element inet tunlog addresses4 { 203.0.113.104 timeout 7200s")
    );
    assert!(row(&lab.read("case/isolate/plan.jsonl"), "\"action\":\"block\"").contains("\"outcome\":\"planned\""));
    let settings = lab.read("case/isolate/settings/pppd-options");
    assert!(settings.contains("require-mschap-v2") && settings.contains("require-mppe-128"));
    assert!(
        !lab.path("case/isolate/settings/routeros").exists(),
        "only the daemons seen"
    );
    // an honest person's machine is left alone
    let toml = lab
        .read("case/incident.toml")
        .replace("role = \"attacker\"", "role = \"compromised-source\"");
    lab.folder.bytes("case/incident.toml", toml.as_bytes());
    let told = lab.run(&["isolate", "case", "--backend", "nftables"]).good();
    assert!(told.contains("0 blocks for 0 attackers' addresses"), "{told}");
    assert!(
        lab.read("case/isolate/plan.txt")
            .contains("203.0.113.104 is an honest person's machine")
    );
}

#[test]
fn steps_are_ticked_off_and_stay_so() {
    let lab = Lab::new();
    lab.stuffing();
    lab.run(&["analyse", "case"]).good();
    let told = lab.run(&["remediate", "case"]).good();
    assert!(
        told.contains("Give user023 a new secret in /etc/ppp/chap-secrets"),
        "{told}"
    );
    assert!(!told.contains("FreeRADIUS") && told.contains("tunlog kick "), "{told}");
    lab.run(&[
        "remediate",
        "case",
        "--done",
        "3",
        "--by",
        "bob",
        "--note",
        "handed over",
    ])
    .good();
    lab.run(&["remediate", "case", "--skip", "5", "--note", "no time"])
        .good();
    lab.run(&["analyse", "case"]).good();
    let rows = lab.run(&["remediate", "case", "--all", "-o", "jsonl"]).good();
    let third = rows.lines().nth(2).expect("a row");
    assert!(
        third.contains("\"state\":\"done\"") && third.contains("\"by\":\"bob@") && third.contains("handed over"),
        "{third}"
    );
    assert!(rows.lines().nth(4).expect("a row").contains("\"state\":\"skipped\""));
    assert!(lab.read("case/remediation.md").contains("- [x] **3.**"));
    assert_eq!(lab.run(&["remediate", "case", "--done", "999"]).code, Some(2));
    lab.run(&["remediate", "case", "--open", "3"]).good();
    assert!(
        lab.read("case/remediation.jsonl")
            .lines()
            .nth(2)
            .expect("a row")
            .contains("\"state\":\"open\"")
    );
}

#[test]
fn a_playbook_of_ones_own_and_lessons_change_the_next_list() {
    let lab = Lab::new();
    lab.stuffing();
    std::fs::create_dir_all(lab.path("config/tunlog")).expect("a folder");
    lab.folder.bytes(
        "config/tunlog/playbook.toml",
        b"[[step]]\nid = \"audit\"\nphase = \"contain\"\ntext = \"ours first\"\n",
    );
    lab.run(&["analyse", "case"]).good();
    assert!(lab.run(&["remediate", "case"]).good().contains("ours first"));
    lab.run(&["report", "case"]).good();
    let lesson = "[[lesson]]\ntext = \"nobody saw the alarm\"\nowner = \"anna\"\n[lesson.step]\nid = \"call-on-duty\"\nphase = \"contain\"\ntext = \"Call whoever is on duty\"\n";
    lab.folder.bytes("case/lessons.toml", lesson.as_bytes());
    let shown = lab.run(&["report", "case"]).good();
    assert!(shown.contains("--apply-lessons would put this"), "{shown}");
    assert!(
        !lab.read("config/tunlog/playbook.toml").contains("call-on-duty"),
        "only shown"
    );
    lab.run(&["report", "case", "--apply-lessons"]).good();
    lab.run(&["report", "case", "--apply-lessons"]).good();
    assert_eq!(
        lab.read("config/tunlog/playbook.toml").matches("call-on-duty").count(),
        1,
        "once"
    );
    assert!(
        lab.run(&["remediate", "case"])
            .good()
            .contains("Call whoever is on duty")
    );
    assert!(lab.read("case/report.html").contains("nobody saw the alarm"));
    lab.folder
        .bytes("config/tunlog/playbook.toml", b"[[step]]\nid = \"audit\"\n");
    let ran = lab.run(&["remediate", "case"]);
    assert!(ran.code == Some(2) && ran.err.contains("playbook.toml"), "{}", ran.err);
}

#[test]
fn the_report_tells_all_of_it() {
    let lab = Lab::new();
    lab.whole();
    let page = lab.read("case/report.html");
    for words in [
        "Key moments",
        "Who was affected",
        "What they did inside",
        "What was done",
        "How to verify",
        "user023",
        "by telephone",
        "sshd",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(page.contains("Content-Security-Policy") && !page.contains("http-equiv=\"refresh\""));
    let text = lab.read("case/report.md");
    assert!(
        text.contains("## Key moments") && text.contains("| user023 | compromised |"),
        "{text}"
    );
    let stix = lab.read("case/stix.json");
    assert!(
        stix.contains("\"[ipv4-addr:value = '203.0.113.104']\"") && stix.contains("\"account_login\": \"user023\"")
    );
    assert!(lab.read("case/misp.json").contains("authentication-failure-report"));
    let acts = lab.read("case/acts.jsonl");
    let names: Vec<&str> = acts
        .lines()
        .filter_map(|act| act.split("\"act\":\"").nth(1)?.split('"').next())
        .collect();
    assert_eq!(names, ["open", "isolate", "collect", "analyse", "remediate", "report"]);
    assert!(acts.lines().all(|act| act.contains("\"by\":\"anna@")), "{acts}");
    lab.run(&["verify", "case"]).good();
}

/// A zip archive of a folder, as people make one.
pub fn zipped(lab: &Lab, folder: &str, prefix: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in lab.files(folder) {
        writer.start_file(format!("{prefix}{name}"), options).expect("a member");
        writer.write_all(&bytes).expect("memory");
    }
    writer.finish().expect("an archive").into_inner()
}

/// Modes of everything in a folder.
pub fn modes(path: &Path) -> Vec<(PathBuf, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut all = vec![(
        path.to_owned(),
        std::fs::metadata(path).expect("there").permissions().mode() & 0o777,
    )];
    if path.is_dir() {
        for entry in std::fs::read_dir(path).expect("a folder") {
            all.extend(modes(&entry.expect("an entry").path()));
        }
    }
    all
}

#[test]
fn nobody_else_may_read_it() {
    let lab = Lab::new();
    lab.whole();
    for (path, mode) in modes(&lab.path("case")).into_iter().chain(modes(&lab.path("state"))) {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        let is_note = path.starts_with(lab.path("state/tunlog/incidents")) && path.is_file();
        assert!(
            mode == expected || is_note || path.ends_with("state"),
            "{}: {mode:o}",
            path.display()
        );
    }
}

#[test]
fn isolation_is_applied_as_block_and_kick_do() {
    use crate::respond::Fakes;
    let fakes = Fakes::new();
    fakes.folder.bytes(
        "stuffing.log.gz",
        include_bytes!("../fixtures/incident/stuffing.log.gz"),
    );
    fakes
        .run(&[
            "incident",
            "open",
            "case",
            "stuffing.log.gz",
            "--year",
            "2026",
            "--quiet",
        ])
        .good();
    fakes
        .run(&["incident", "isolate", "case", "--backend", "nftables"])
        .good();
    assert_eq!(
        (fakes.calls(), fakes.ledger()),
        (String::new(), String::new()),
        "nothing is done"
    );
    let told = fakes
        .run(&["incident", "isolate", "case", "--backend", "nftables", "--apply"])
        .good();
    assert!(
        told.contains("1 block for 1 attacker's address, 0 sessions to end: done"),
        "{told}"
    );
    assert!(fakes.calls().contains("203.0.113.104 timeout 86400s"));
    assert!(row(&fakes.ledger(), "\"target\":\"203.0.113.104\"").contains("\"outcome\":\"done\""));
    let acts = std::fs::read_to_string(fakes.folder.path().join("case/acts.jsonl")).expect("acts");
    assert!(
        acts.contains("\"arguments\":[\"case\",\"--backend\",\"nftables\",\"--apply\"]"),
        "{acts}"
    );
    // a step that fails is an error, and is written down as one
    fakes.program("nft", "exit 1");
    let ran = fakes.run(&[
        "incident",
        "isolate",
        "case",
        "--backend",
        "nftables",
        "--apply",
        "--for",
        "3d",
    ]);
    assert_eq!(ran.code, Some(2), "{}{}", ran.out, ran.err);
    let acts = std::fs::read_to_string(fakes.folder.path().join("case/acts.jsonl")).expect("acts");
    assert!(acts.contains("tried, and failed at a step"), "{acts}");
}

#[test]
fn a_stolen_session_that_is_open_is_to_be_ended() {
    let lab = Lab::new();
    let mut whole = String::new();
    let bytes = include_bytes!("../fixtures/incident/stuffing.log.gz").as_slice();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(bytes), &mut whole).expect("a log");
    let up = whole.find("remote IP address 192.168.0.10").expect("the session");
    let end = up + whole[up..].find('\n').expect("a line") + 1;
    lab.folder.bytes("open.log", &whole.as_bytes()[..end]);
    lab.run(&["open", "case", "open.log", "--year", "2026", "--quiet"])
        .good();
    let told = lab.run(&["isolate", "case", "--backend", "nftables"]).good();
    assert!(told.contains("1 session to end"), "{told}");
    assert!(
        lab.read("case/isolate/plan.txt").contains("user023")
            && lab.read("case/isolate/plan.jsonl").contains("\"action\":\"kick\"")
    );
    lab.run(&["analyse", "case"]).good();
    assert!(lab.read("case/analysis/facts.json").contains("\"open\":true"));
    assert!(!lab.read("case/analysis/timeline.jsonl").contains("session-down"));
}
