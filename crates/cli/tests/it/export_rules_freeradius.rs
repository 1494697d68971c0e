//! The policy for FreeRADIUS, asked of the real one where it is installed.

use std::io::Write as _;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::harness::Folder;

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A copy of the installed configuration, with a user, the policy, and a bar of three.
fn configured(folder: &Folder, port: u16) -> Option<()> {
    let installed = Path::new("/etc/freeradius/3.0");
    let tools = ["/usr/sbin/freeradius", "/usr/bin/radclient"];
    if !installed.is_dir() || !tools.iter().all(|tool| Path::new(tool).is_file()) {
        eprintln!("skipped: freeradius is not here");
        return None;
    }
    let root = folder.path().join("conf");
    let copied = Command::new("cp").arg("-r").arg(installed).arg(&root).status().ok()?;
    assert!(copied.success());
    folder.run(&["export-rules", "freeradius", "--to", "conf", "-q"]).good();
    std::os::unix::fs::symlink(
        "../mods-available/tunlog_refused",
        root.join("mods-enabled/tunlog_refused"),
    )
    .ok()?;
    let edit = |name: &str, from: &str, to: &str| {
        let path = root.join(name);
        let text = std::fs::read_to_string(&path).expect(name);
        assert!(text.contains(from), "{name}: {from}");
        // an empty text stands at the beginning
        let edited = if from.is_empty() {
            to.to_owned() + &text
        } else {
            text.replace(from, to)
        };
        std::fs::write(&path, edited).expect(name);
    };
    edit("policy.d/tunlog", ">= 10", ">= 3");
    edit(
        "mods-config/files/authorize",
        "",
        "bob Cleartext-Password := \"hello\"\n",
    );
    edit("radiusd.conf", "auth = no", "auth = yes");
    edit("radiusd.conf", "reject_delay = 1", "reject_delay = 0");
    edit("radiusd.conf", "/etc/freeradius/3.0", &root.display().to_string());
    for owner in ["user = freerad", "group = freerad"] {
        edit("radiusd.conf", &format!("\t{owner}"), "");
    }
    std::fs::remove_file(root.join("sites-enabled/default")).ok()?;
    std::fs::write(
        root.join("sites-enabled/default"),
        SITE.replace("PORT", &port.to_string()),
    )
    .ok()
}

const SITE: &str = "server default {
	listen {
		type = auth
		ipaddr = 127.0.0.1
		port = PORT
	}
	authorize {
		tunlog_check
		files
		pap
	}
	authenticate {
		Auth-Type PAP {
			pap
		}
	}
	post-auth {
		Post-Auth-Type REJECT {
			tunlog_count
		}
	}
}
";

fn log_in(port: u16, password: &str, from: &str) -> bool {
    let mut client = Command::new("radclient")
        .args([
            "-q",
            "-r",
            "1",
            "-t",
            "3",
            &format!("127.0.0.1:{port}"),
            "auth",
            "testing123",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("radclient");
    let request = format!("User-Name = \"bob\"\nUser-Password = \"{password}\"\nCalling-Station-Id = \"{from}\"\n");
    client
        .stdin
        .take()
        .expect("a pipe")
        .write_all(request.as_bytes())
        .expect("a pipe");
    client.wait().expect("radclient").success()
}

#[test]
fn who_is_refused_too_often_is_refused_for_a_while() {
    let folder = Folder::new();
    // a port that is free now
    let port = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let port = port.expect("a port").port();
    if configured(&folder, port).is_none() {
        return;
    }
    let root = folder.path().join("conf");
    let log = folder.path().join("log");
    let server = Command::new("freeradius")
        .args(["-f", "-d"])
        .arg(&root)
        .arg("-l")
        .arg(&log)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(Server)
        .expect("freeradius");
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(100));
        if said().contains("Ready to process requests") {
            break;
        }
    }
    let (guesser, other) = ("203.0.113.66", "203.0.113.67");
    for _ in 0..2 {
        assert!(!log_in(port, "wrong", guesser), "{}", said());
    }
    assert!(log_in(port, "hello", guesser), "two mistakes are human: {}", said());
    assert!(!log_in(port, "wrong", guesser));
    assert!(!log_in(port, "hello", guesser), "three are enough: {}", said());
    assert!(log_in(port, "hello", other), "nobody else is meant: {}", said());
    assert!(
        said().contains("too many refused logins from this address"),
        "{}",
        said()
    );
    drop(server);
}

#[test]
fn an_outage_is_no_guess() {
    let folder = Folder::new();
    let policy = folder.run(&["export-rules", "freeradius"]).good();
    let count = policy.split("tunlog_count {").nth(1).expect("a policy");
    let then = |reason: &str| {
        let behind = count
            .split(reason)
            .nth(1)
            .unwrap_or_else(|| panic!("{reason}: {count}"));
        behind.lines().nth(1).unwrap_or_default().trim().to_owned()
    };
    for guess in ["MS-CHAP2-Response is incorrect", "NT\\/LM-Password", "0xc000006a"] {
        assert_eq!(then(guess), "tunlog_count_one", "{guess}");
    }
    for other in ["0xc000005e", "0xc0000071"] {
        assert_eq!(then(other), "noop", "{other}");
    }
    // what is told apart is told apart first
    let place = |text: &str| count.find(text).expect(text);
    assert!(place("0xc000005e") < place("External script says: .+"));
    assert!(
        !policy.contains("(?:") && !policy.contains("\\S"),
        "any library of regular expressions reads it"
    );
}
