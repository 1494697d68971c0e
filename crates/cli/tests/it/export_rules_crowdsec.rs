//! The rules for CrowdSec, asked of the real one where it is installed; its local API is a listener that agrees to everything.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::harness::Folder;

/// Answers every request, so that the agent may work.
fn local_api() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || agree(stream));
        }
    });
    format!("http://{address}")
}

fn agree(mut stream: TcpStream) {
    let mut bytes = [0; 65_536];
    while let Ok(read) = stream.read(&mut bytes) {
        if read == 0 {
            return;
        }
        let login = bytes[..read].windows(5).any(|word| word == b"login");
        let body = match login {
            true => r#"{"code":200,"expire":"2099-01-01T00:00:00Z","token":"eyJhbGciOiJIUzI1NiJ9.e30.x"}"#,
            false => r#"["1"]"#,
        };
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

const CONFIG: &str = "common:
  daemonize: false
  log_media: stdout
  log_level: info
  working_dir: .
config_paths:
  config_dir: ROOT/conf/
  data_dir: ROOT/data/
  simulation_path: ROOT/conf/simulation.yaml
  hub_dir: ROOT/hub/
  index_path: ROOT/hub/.index.json
crowdsec_service:
  parser_routines: 1
api:
  client:
    credentials_path: ROOT/credentials.yaml
prometheus:
  enabled: false
db_config:
  type: sqlite
  db_path: ROOT/data/x.db
";

/// What CrowdSec's own collection brings along: the line becomes the message, and the time is read.
const FIRST: &str = "filter: \"true\"\nonsuccess: next_stage\nname: test/raw\nstatics:\n  - parsed: message\n    expression: evt.Line.Raw\n";
const LAST: &str = "filter: \"evt.StrTime != ''\"\nname: test/date\nstatics:\n  - method: ParseDate\n    expression: evt.StrTime\n  - target: MarshaledTime\n    expression: evt.Enriched.MarshaledTime\n";

/// Who, by CrowdSec's word, did what.
fn performed(kind: &str, log: &str) -> Option<Vec<String>> {
    judged(kind, log).map(|(performed, _)| performed)
}

/// The same, and every address that its parsers took from a line.
fn judged(kind: &str, log: &str) -> Option<(Vec<String>, Vec<String>)> {
    let patterns = Path::new("/etc/crowdsec/patterns");
    if !Path::new("/usr/bin/crowdsec").is_file() || !patterns.is_dir() {
        eprintln!("skipped: crowdsec is not here");
        return None;
    }
    let folder = Folder::new();
    folder.run(&["export-rules", "crowdsec", "--to", "conf"]).good();
    let root = folder.path();
    for name in ["conf/parsers/s00-raw", "conf/parsers/s02-enrich", "data", "hub", "dump"] {
        std::fs::create_dir_all(root.join(name)).expect("a folder");
    }
    std::os::unix::fs::symlink(patterns, root.join("conf/patterns")).expect("a link");
    let file = |name: &str, text: &str| folder.bytes(name, text.as_bytes());
    file("config.yaml", &CONFIG.replace("ROOT", &root.display().to_string()));
    file("conf/simulation.yaml", "simulation: off\n");
    file(
        "hub/.index.json",
        r#"{"parsers":{},"scenarios":{},"postoverflows":{},"collections":{}}"#,
    );
    file(
        "credentials.yaml",
        &format!("url: {}\nlogin: x\npassword: x\n", local_api()),
    );
    file("conf/parsers/s00-raw/raw.yaml", FIRST);
    file("conf/parsers/s02-enrich/date.yaml", LAST);
    let log = file("log", log);
    let mut command = Command::new("/usr/bin/crowdsec");
    command
        .arg("-c")
        .arg(root.join("config.yaml"))
        .arg("-dsn")
        .arg(format!("file://{}", log.display()));
    command.arg("-dump-data").arg(root.join("dump"));
    let ran = command
        .args(["-type", kind, "-no-api", "-no-capi"])
        .output()
        .expect("crowdsec");
    let said = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
    let mut found: Vec<String> = said
        .lines()
        .filter_map(|line| line.split("msg=\"Ip ").nth(1)?.split(" (").next().map(str::to_owned))
        .collect();
    found.sort();
    found.dedup();
    assert!(said.contains("Starting processing data"), "{said}");
    let dump = std::fs::read_to_string(root.join("dump/parser-dump.yaml")).unwrap_or_default();
    let mut sources: Vec<String> = dump
        .lines()
        .filter_map(|line| line.trim().strip_prefix("source_ip: ").map(str::to_owned))
        .collect();
    sources.sort();
    sources.dedup();
    Some((found, sources))
}

/// Each example line of the catalogue, with an address of its own: none but addresses is taken for one, and of those that count none is missed.
#[test]
fn every_spelling_gives_the_address() {
    for (dialect, least) in [("freeradius", 100), ("routeros", 2), ("softether", 1)] {
        let (mut log, mut expected) = (String::new(), Vec::new());
        let examples = crate::export_rules::examples(dialect, &[]);
        for (number, (_, line, address)) in examples.iter().enumerate() {
            let own = format!("198.18.{}.{}", number / 250, number % 250);
            let Some(address) = address
                .as_ref()
                .filter(|address| line.matches(address.as_str()).count() == 1)
            else {
                continue;
            };
            log += &crate::export_rules::in_a_log(dialect, &line.replace(address, &own))
                .replace("Nov 19 12:00:00 gw radiusd[33]: ", "");
            log += "\n";
            expected.push(own);
        }
        expected.sort();
        assert!(expected.len() >= least, "{dialect}: {}", expected.len());
        let Some((_, sources)) = judged(dialect, &log) else {
            return;
        };
        assert_eq!(sources, expected, "{dialect}");
    }
}

#[test]
fn names_blame_nobody_and_outages_are_no_guesses() {
    let mut log = String::new();
    for second in 0..8 {
        log += &format!(
            "Wed Nov 19 12:00:0{second} 2025 : Auth: (1) Login incorrect (mschap: MS-CHAP2-Response is incorrect): [a{second}] (from client x port 1 cli 192.0.2.10)] (from client vpn1 port 7 cli 203.0.113.66)\n"
        );
        log += &format!(
            "Wed Nov 19 12:00:0{second} 2025 : Auth: (2) Login incorrect (mschap: External script says: No logon servers (0xc000005e)): [b{second}] (from client vpn1 port 7 cli 203.0.113.67)\n"
        );
        log += &format!(
            "Wed Nov 19 12:00:0{second} 2025 : Auth: (3) Login OK: [Login incorrect: [c] (from client x port 1 cli 192.0.2.10)] (from client vpn1 port 7 cli 203.0.113.68)\n"
        );
        log += &format!(
            "Wed Nov 19 12:00:0{second} 2025 : Auth: (4) Login incorrect: [anna] (from client vpn1 port 7 cli 203.0.113.69)\n"
        );
    }
    if let Some(found) = performed("freeradius", &log) {
        assert_eq!(
            found,
            [
                "203.0.113.66 performed 'tunlog/vpn-bf'",
                "203.0.113.66 performed 'tunlog/vpn-user-enum'",
                "203.0.113.69 performed 'tunlog/vpn-bf'",
            ]
        );
    }
}

#[test]
fn files_of_softether_are_read() {
    let mut log = String::new();
    for second in 0..8 {
        log += &format!(
            "2025-11-19 12:00:0{second}.123 [HUB \"VPN\"] Connection \"CID-1\": User authentication failed. The user name that has been provided was \"a\", from 192.0.2.10.\", from 203.0.113.66.\n"
        );
    }
    if let Some(found) = performed("softether", &log) {
        assert_eq!(found, ["203.0.113.66 performed 'tunlog/vpn-bf'"]);
    }
}

/// What a syslog server writes of routers has a host's name behind the time.
#[test]
fn lines_of_appliances_are_read() {
    let mut router = String::new();
    for second in 0..8 {
        router += &format!(
            "2025-11-19T12:00:0{second} router l2tp,ppp,error <203.0.113.66>: user <192.0.2.10>: user x authentication failed\n"
        );
        router += &format!(
            "2025-11-19T12:00:0{second} router l2tp,ppp,error <203.0.113.67>: user a authentication failed - radius timeout\n"
        );
        router += &format!(
            "2025-11-19T12:00:0{second} gw pppd[1]: Peer l2tp,ppp,error <192.0.2.10>: user x authentication failed\n"
        );
    }
    if let Some(found) = performed("routeros", &router) {
        assert_eq!(found, ["203.0.113.66 performed 'tunlog/vpn-bf'"]);
    }
}
