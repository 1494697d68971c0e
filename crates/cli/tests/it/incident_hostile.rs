//! Names and files that attackers choose do nothing in an incident but stand there.

use crate::incident::Lab;

/// User names as they come over the line, and a log in which they guess until one fits.
const NAMES: &[&str] = &[
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "x'; DROP TABLE radcheck; --",
    "$(touch canary)`touch canary`",
    "a|b|c](x)*_`~",
    "-rf",
    "{dir}{user}%s%n",
    "\\\"],\\\"role\\\":\\\"attacker",
];

fn hostile() -> Lab {
    let lab = Lab::new();
    let mut log = String::new();
    for (at, name) in NAMES.iter().enumerate() {
        let (minute, control, link) = (10 + at, 100 + at * 2, 101 + at * 2);
        let fits = *name == NAMES[3];
        log.push_str(&format!(
            "Nov 20 10:{minute}:00 vpn1 pptpd[{control}]: CTRL: Client 203.0.113.66 control connection started\n\
             Nov 20 10:{minute}:00 vpn1 pptpd[{control}]: CTRL: Starting call (launching pppd, opening GRE)\n\
             Nov 20 10:{minute}:01 vpn1 pppd[{link}]: pppd 2.4.9 started by root, uid 0\n\
             Nov 20 10:{minute}:01 vpn1 pppd[{link}]: Using interface ppp0\n\
             Nov 20 10:{minute}:01 vpn1 pppd[{link}]: Connect: ppp0 <--> /dev/pts/0\n"
        ));
        match fits {
            true => log.push_str(&format!(
                "Nov 20 10:{minute}:02 vpn1 pppd[{link}]: PAP peer authentication succeeded for {name}\n\
                 Nov 20 10:{minute}:02 vpn1 pppd[{link}]: peer from calling number 203.0.113.66 authorized\n\
                 Nov 20 10:{minute}:02 vpn1 pppd[{link}]: MPPE 128-bit stateless compression enabled\n\
                 Nov 20 10:{minute}:03 vpn1 pppd[{link}]: local  IP address 192.168.0.1\n\
                 Nov 20 10:{minute}:03 vpn1 pppd[{link}]: remote IP address 192.168.0.10\n"
            )),
            false => log.push_str(&format!(
                "Nov 20 10:{minute}:02 vpn1 pppd[{link}]: Peer {name} failed CHAP authentication\n\
                 Nov 20 10:{minute}:02 vpn1 pppd[{link}]: Connection terminated.\n\
                 Nov 20 10:{minute}:03 vpn1 pppd[{link}]: Exit.\n\
                 Nov 20 10:{minute}:03 vpn1 pptpd[{control}]: CTRL: Reaping child PPP[{link}]\n\
                 Nov 20 10:{minute}:03 vpn1 pptpd[{control}]: CTRL: Client 203.0.113.66 control connection finished\n"
            )),
        }
    }
    lab.folder.bytes("hostile.log", log.as_bytes());
    // a peer writes a line of another program's into a name, an address of somebody honest, a secret
    lab.folder.bytes(
        "web.log",
        "Nov 20 10:13:30 web app[7]: user \u{1b}[2J<img src=x onerror=alert(1)> from 192.168.0.10 token=hunter2\n"
            .as_bytes(),
    );
    lab.run(&[
        "open",
        "case",
        "hostile.log",
        "web.log",
        "--year",
        "2026",
        "--ip",
        "203.0.113.66",
        "--title",
        "<b>&\"'",
    ])
    .good();
    for args in [
        &["analyse", "case"][..],
        &["collect", "case", "--config", "etc"],
        &["isolate", "case", "--backend", "nftables"],
        &["remediate", "case"],
        &["report", "case"],
    ] {
        lab.run(args).good();
    }
    lab
}

/// The cells of a line (RFC 4180).
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cells.last_mut().expect("a cell").push(c),
        }
    }
    cells
}

#[test]
fn names_are_names_in_every_form() {
    let lab = hostile();
    assert!(!lab.path("canary").exists());
    for (name, bytes) in lab.files("case") {
        assert!(
            !bytes.contains(&0x1b) || name.starts_with("evidence/sources/"),
            "{name}: a raw escape"
        );
        assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "{name}: a secret");
    }
    let page = lab.read("case/report.html");
    assert!(
        !page.contains("<script>alert") && !page.contains("<img") && !page.contains("<b>&"),
        "HTML"
    );
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "shown as a name"
    );
    let text = lab.read("case/report.md");
    assert!(
        !text.contains("<script>") && text.contains("a\\|b\\|c\\](x)\\*\\_\\`\\~"),
        "Markdown"
    );
    // a spreadsheet takes no name for a formula
    for line in lab.read("case/analysis/timeline.csv").lines() {
        for cell in cells(line) {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{line}");
        }
    }
    for name in ["stix.json", "misp.json", "analysis/facts.json"] {
        let json: serde_json::Value = serde_json::from_str(&lab.read(&format!("case/{name}"))).expect(name);
        assert!(json.is_object());
    }
    let toml: toml::Table = lab.read("case/incident.toml").parse().expect("TOML");
    assert_eq!(toml["title"].as_str(), Some("<b>&\"'"));
    let accounts = lab.read("case/analysis/accounts.jsonl");
    let users: Vec<String> = accounts
        .lines()
        .map(|row| {
            serde_json::from_str::<serde_json::Value>(row).expect("JSON")["user"]
                .as_str()
                .expect("a user")
                .to_owned()
        })
        .collect();
    for name in NAMES {
        // pppd writes a quotation mark as two characters; which is undone
        let name = name.replace("\\\"", "\"");
        assert!(users.contains(&name), "{name} in {users:?}");
    }
    // the one that fitted is compromised, and in no command of a shell unquoted
    assert!(
        accounts.lines().next().expect("a row").contains("touch canary"),
        "{accounts}"
    );
    let steps = lab.read("case/remediation.md");
    assert!(steps.contains("--user '$(touch canary)`touch canary`'"), "{steps}");
    lab.run(&["verify", "case"]).good();
}

#[test]
fn nothing_is_written_outside() {
    let lab = Lab::new();
    lab.stuffing();
    // a folder of the case is replaced by a way out
    std::fs::create_dir_all(lab.path("outside")).expect("a folder");
    std::os::unix::fs::symlink(lab.path("outside"), lab.path("case/evidence")).expect("a link");
    let ran = lab.run(&["collect", "case", "--config", "etc"]);
    assert!(
        ran.code == Some(2) && ran.err.contains("evidence is a link"),
        "{}",
        ran.err
    );
    assert_eq!(std::fs::read_dir(lab.path("outside")).expect("a folder").count(), 0);
    std::fs::remove_file(lab.path("case/evidence")).expect("a link");
    // names of files that would lead out of it
    let odd = "etc/ppp/..\u{1b}[2J..";
    lab.folder.log(odd, "secret hunter2");
    lab.run(&["collect", "case", "--config", "etc"]).good();
    let names: Vec<String> = lab.files("case").into_iter().map(|(name, _)| name).collect();
    assert!(
        names.iter().any(|name| name.starts_with("evidence/config/ppp/__\\x1b")),
        "{names:?}"
    );
    lab.run(&["verify", "case"]).good();
}
