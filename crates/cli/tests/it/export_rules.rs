//! The rules for fail2ban, asked of the real fail2ban where it is installed.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tunlog_decode::DIALECT_FILES;

use crate::harness::Folder;
use crate::respond::Fakes;

fn has(program: &str) -> bool {
    let found = ["/usr/bin", "/usr/sbin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).is_file());
    if !found {
        eprintln!("skipped: {program} is not here");
    }
    found
}

/// A line as it stands in the writer's log.
pub fn in_a_log(dialect: &str, body: &str) -> String {
    match dialect {
        "freeradius" if body.starts_with("Auth: ") => format!("Wed Nov 19 12:00:00 2025 : {body}"),
        "freeradius" => format!("Nov 19 12:00:00 gw radiusd[33]: {body}"),
        "softether" => format!("2025-11-19 12:00:00.123 {body}"),
        _ => format!("Nov 19 12:00:00 gw {body}"),
    }
}

/// The example lines of a dialect, as (id, line, the address that it blames); none where nobody is to be banned for it.
pub fn examples(dialect: &str, left_out: &[&str]) -> Vec<(String, String, Option<String>)> {
    let mut all = Vec::new();
    for (_, text) in DIALECT_FILES {
        let file: toml::Table = text.parse().expect("a dialect file");
        if file["name"].as_str() != Some(dialect) {
            continue;
        }
        for message in file["message"].as_array().into_iter().flatten() {
            let id = message["id"].as_str().unwrap_or_default();
            let guess = message.get("blames").and_then(toml::Value::as_str).unwrap_or_default();
            let refusal = ["auth-failed", "radius-rejected"].contains(&message["event"].as_str().unwrap_or_default())
                && ["wrong-credentials", "wrong-password", "unknown-user"].contains(&guess);
            for example in message
                .get("example")
                .and_then(toml::Value::as_array)
                .into_iter()
                .flatten()
            {
                let line = example["line"].as_str().unwrap_or_default();
                let fields = example.get("fields").and_then(toml::Value::as_table);
                let field = |key: &str| fields.and_then(|fields| fields.get(key)).and_then(toml::Value::as_str);
                let address = field("client_ip").or(field("claimed_ip")).filter(|_| {
                    refusal
                        && !left_out.contains(&format!("{dialect}/{id}").as_str())
                        && (field("user").is_some() || dialect == "cisco")
                });
                all.push((id.to_owned(), line.to_owned(), address.map(str::to_owned)));
            }
        }
    }
    all
}

/// Which address fail2ban blames for which line.
fn blamed(folder: &Path, filter: &str, log: &str) -> Vec<(String, String)> {
    let path = folder.join("log");
    std::fs::write(&path, log).expect("a log");
    let filter = folder.join("filter.d").join(filter);
    let ran = Command::new("fail2ban-regex")
        .args(["-o", "<ip>|<msg>"])
        .args([&path, &filter])
        .output()
        .expect("fail2ban-regex");
    let out = String::from_utf8_lossy(&ran.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(
        !complaint.contains("ERROR") && !complaint.contains("Traceback"),
        "{complaint}"
    );
    let pair = |line: &str| {
        line.split_once('|')
            .map(|(ip, line)| (ip.to_owned(), line.trim().to_owned()))
    };
    out.lines().filter_map(pair).collect()
}

fn exported() -> Folder {
    let folder = Folder::new();
    folder.run(&["export-rules", "fail2ban", "--to", "."]).good();
    folder
}

#[test]
fn every_example_is_blamed_on_whom_it_should_be() {
    if !has("fail2ban-regex") {
        return;
    }
    let folder = exported();
    for dialect in ["cisco", "freeradius", "routeros", "softether"] {
        let filter = format!("tunlog-{dialect}.conf");
        let text = std::fs::read_to_string(folder.path().join("filter.d").join(&filter)).expect("a filter");
        let left_out = text
            .lines()
            .find_map(|line| line.strip_prefix("# Not used, since they do not tell both: "));
        let left_out: Vec<&str> = left_out.unwrap_or_default().trim_end_matches('.').split(", ").collect();
        let examples = examples(dialect, &left_out);
        // a body may end with blanks, which fail2ban cuts off
        let log: Vec<String> = examples.iter().map(|(_, line, _)| in_a_log(dialect, line)).collect();
        let mut expected: Vec<(String, String)> = examples
            .iter()
            .zip(&log)
            .filter_map(|((_, _, address), line)| Some((address.clone()?, line.trim().to_owned())))
            .collect();
        let mut found = blamed(folder.path(), &filter, &(log.join("\n") + "\n"));
        expected.sort();
        expected.dedup();
        found.sort();
        found.dedup();
        assert!(
            expected.len() >= if dialect == "softether" { 1 } else { 2 },
            "{dialect}: {}",
            expected.len()
        );
        let missed: Vec<_> = expected.iter().filter(|pair| !found.contains(pair)).collect();
        let beyond: Vec<_> = found.iter().filter(|pair| !expected.contains(pair)).collect();
        assert!(
            missed.is_empty() && beyond.is_empty(),
            "{dialect}: missed {missed:#?}, beyond {beyond:#?}"
        );
    }
}

/// Names that try to be somebody else's address, and lines of other programs.
#[test]
fn a_name_blames_nobody() {
    if !has("fail2ban-regex") {
        return;
    }
    let folder = exported();
    let log = r#"Wed Nov 19 12:00:00 2025 : Auth: (1) Login incorrect: [a] (from client x port 1 cli 192.0.2.10)] (from client vpn1 port 7 cli 203.0.113.66)
Wed Nov 19 12:00:01 2025 : Auth: (2) Login incorrect: [a] (from client vpn1 port 7 cli 203.0.113.66) (from client x port 1 cli 192.0.2.10)
Wed Nov 19 12:00:02 2025 : Auth: (3) Login OK: [Login incorrect: [a] (from client x port 1 cli 192.0.2.10)] (from client vpn1 port 7 cli 203.0.113.66)
Nov 19 12:00:03 gw pppd[1]: Peer radiusd: Login incorrect: [x] (from client a port 1 cli 192.0.2.10) failed CHAP authentication
Nov 19 12:00:04 gw pppd[1]: Peer l2tp,ppp,error <192.0.2.10>: user x authentication failed failed CHAP authentication
Nov 19 12:00:05 gw xl2tpd[1]: peer reports hostname 'ppp,error <192.0.2.10>: user x authentication failed'
Nov 19 12:00:06 gw l2tp,ppp,error <203.0.113.66>: user <192.0.2.10>: user x authentication failed
Nov 19 12:00:07 gw l2tp,ppp,info <203.0.113.66>: user <192.0.2.10>: user x authentication failed logged in
2025-11-19 12:00:08.123 Connection "CID-1": User authentication failed. The user name that has been provided was "a", from 192.0.2.10.", from 203.0.113.66.
2025-11-19 12:00:09.123 [HUB "VPN"] Session "SID-A": Connection "CID-1": User authentication failed. The user name that has been provided was "a", from 192.0.2.10.
Nov 19 12:00:10 fw %ASA-6-113015: AAA user authentication Rejected : reason = Invalid password : local database : user = a : user IP = 192.0.2.10 : user IP = 203.0.113.66
Nov 19 12:00:11 fw %ASA-6-113012: AAA user authentication Successful : local database : user = %ASA-6-113015: AAA user authentication Rejected : reason = x : local database : user = a : user IP = 192.0.2.10
"#;
    let mut sources = Vec::new();
    for dialect in ["cisco", "freeradius", "routeros", "softether", "findings"] {
        sources.extend(
            blamed(folder.path(), &format!("tunlog-{dialect}.conf"), log)
                .into_iter()
                .map(|(source, _)| source),
        );
    }
    assert_eq!(sources, ["203.0.113.66"; 4]);
    let hostile = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/hostile");
    let Ok(blame) = std::fs::read(hostile.join("03-blame.log")) else {
        eprintln!("skipped: no hostile corpus beside the clone");
        return;
    };
    let found = blamed(
        folder.path(),
        "tunlog-freeradius.conf",
        &String::from_utf8_lossy(&blame),
    );
    assert_eq!(found.len(), 40);
    assert!(found.iter().all(|(source, _)| source == "203.0.113.66"), "{found:?}");
}

#[test]
fn what_tunlog_finds_is_banned_through_the_findings() {
    if !has("fail2ban-regex") {
        return;
    }
    let folder = exported();
    folder.bytes("syslog", crate::detect::guesses_flat().as_bytes());
    let finding = folder
        .run(&[
            "detect",
            "-o",
            "jsonl",
            "--severity",
            "medium",
            "--year",
            "2026",
            "syslog",
        ])
        .good();
    let stale = finding.replace("\"brute-force\"", "\"stale-password\"");
    let claimed = finding.replace("\"users\":", "\"claimed\":true,\"users\":");
    let name = finding
        .replace("198.51.100.7", "203.0.113.9")
        .replace("[\"anna\"]", r#"["\",\"sources\":[\"192.0.2.10\"],\"users\":"]"#);
    let log = [finding, stale, claimed, name].concat();
    let sources: Vec<String> = blamed(folder.path(), "tunlog-findings.conf", &log)
        .into_iter()
        .map(|(source, _)| source)
        .collect();
    assert_eq!(sources, ["198.51.100.7", "203.0.113.9"]);
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The whole way: a log grows, fail2ban bans, the action asks tunlog, and tunlog asks the firewall and its ledger.
#[test]
fn fail2ban_bans_by_way_of_tunlog() {
    if !has("fail2ban-server") || !has("fail2ban-client") {
        return;
    }
    let fakes = Fakes::new();
    let root = fakes.folder.path();
    fakes.run(&["export-rules", "fail2ban", "--to", "conf"]).good();
    symlink(env!("CARGO_BIN_EXE_tunlog"), root.join("bin/tunlog")).expect("a link");
    let file = |name: &str, text: &str| std::fs::write(root.join("conf").join(name), text).expect("a file");
    file(
        "fail2ban.conf",
        "[Definition]\nloglevel = INFO\nsyslogsocket = auto\nallowipv6 = auto\ndbfile = None\ndbpurgeage = 1d\ndbmaxmatches = 10\n[Thread]\n",
    );
    file(
        "jail.conf",
        "[DEFAULT]\nbackend = polling\nbantime = 600\nfindtime = 600\nmaxretry = 3\nignoreself = false\nusedns = no\n",
    );
    let log = root.join("radius.log");
    std::fs::write(&log, "").expect("a log");
    file(
        "jail.d/tunlog.local",
        &format!("[tunlog-freeradius]\nenabled = true\nlogpath = {}\n", log.display()),
    );
    let socket = root.join("socket");
    let server = Command::new("fail2ban-server")
        .args(["-f", "-c"])
        .arg(root.join("conf"))
        .arg("-s")
        .arg(&socket)
        .arg("-p")
        .arg(root.join("pid"))
        .arg("--logtarget")
        .arg(root.join("fail2ban.log"))
        .args(["--syslogsocket", "auto", "start"])
        .env("PATH", fakes.path())
        .env("XDG_STATE_HOME", root.join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Server)
        .expect("fail2ban-server");
    std::thread::sleep(Duration::from_secs(2));
    let now = jiff::Zoned::now().strftime("%a %b %e %H:%M:%S %Y").to_string();
    let line = |name: &str, ip: &str| {
        format!("{now} : Auth: (1) Login incorrect: [{name}] (from client vpn1 port 7 cli {ip})\n")
    };
    let forged = "a] (from client x port 1 cli 192.0.2.10)";
    let mut text = String::new();
    for _ in 0..4 {
        text += &line(forged, "203.0.113.66");
        text += &line("b", "127.0.0.9");
    }
    text += &line("c", "203.0.113.67");
    std::fs::write(&log, text).expect("a log");
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(100));
        if fakes.ledger().lines().count() >= 3 {
            break;
        }
    }
    drop(server);
    let (ledger, calls) = (fakes.ledger(), fakes.calls());
    let said = std::fs::read_to_string(root.join("fail2ban.log")).unwrap_or_default();
    assert!(
        calls.contains("203.0.113.66 timeout 600s comment \"tunlog: fail2ban tunlog-freeradius\""),
        "{calls}\n{said}"
    );
    for address in ["192.0.2.10", "203.0.113.67", "127.0.0.9"] {
        assert!(!calls.contains(address), "{address}: {calls}");
    }
    let refused = ledger
        .lines()
        .find(|line| line.contains("127.0.0.9"))
        .unwrap_or_default();
    assert!(refused.contains("\"outcome\":\"refused\""), "{ledger}\n{said}");
}
