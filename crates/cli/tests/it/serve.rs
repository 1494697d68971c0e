//! The daemon as its users run it: what comes is kept once, whatever happens to the daemon, and told at once.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Folder, Ran};

const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon that is gone when the test is.
struct Daemon(Child);

impl Daemon {
    fn start(folder: &Folder, args: &[&str]) -> Daemon {
        let child = folder
            .command(&[&["serve"], args].concat())
            .stderr(Stdio::from(log_of(folder)))
            .spawn();
        Daemon(child.expect("it runs"))
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.0.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Ends it as a service manager does.
    fn end(mut self) {
        self.signal("-TERM");
        let status = self.0.wait().expect("it ends");
        assert_eq!(status.code(), Some(0));
    }

    fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn log_of(folder: &Folder) -> std::fs::File {
    let path = folder.path().join("daemon.log");
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true).open(path).expect("a file")
}

fn said(folder: &Folder) -> String {
    std::fs::read_to_string(folder.path().join("daemon.log")).unwrap_or_default()
}

/// Waits until something is so.
fn until(folder: &Folder, what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what} never came: {}", said(folder));
        thread::sleep(Duration::from_millis(50));
    }
}

fn stored(folder: &Folder) -> u64 {
    let ran = folder.run(&["status", "--store", "store", "-o", "json", "-q"]);
    number_of(&ran, "stored").unwrap_or_default()
}

fn number_of(ran: &Ran, key: &str) -> Option<u64> {
    let (_, rest) = ran.out.split_once(&format!("\"{key}\":"))?;
    let digits = rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn refusal(number: usize) -> String {
    format!(
        "Nov 20 10:{:02}:{:02} vpn1 pppd[77]: Peer seq{number:06} failed CHAP authentication\n",
        number / 60 % 60,
        number % 60
    )
}

/// How often each numbered line is in the store.
fn numbers(folder: &Folder) -> BTreeMap<String, usize> {
    let ran = folder.run(&["decode", "store", "-o", "jsonl", "-q"]);
    let mut numbers = BTreeMap::new();
    for line in ran.out.lines() {
        if let Some((_, rest)) = line.split_once("\"user\":\"seq") {
            *numbers.entry(rest[..6].to_owned()).or_default() += 1;
        }
    }
    numbers
}

/// What a webhook is sent, one body after the other.
fn webhook() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let (sender, bodies) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let sender = sender.clone();
            thread::spawn(move || while answer(&stream).is_some_and(|body| sender.send(body).is_ok()) {});
        }
    });
    (url, bodies)
}

/// Takes one request and says that all is well.
fn answer(mut stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    stream
        .write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
        .ok()?;
    String::from_utf8(body).ok()
}

const SESSION: &str = "
    Nov 20 10:00:00 vpn1 pptpd[10]: CTRL: Client 192.0.2.9 control connection started
    Nov 20 10:00:00 vpn1 pptpd[10]: CTRL: Starting call (launching pppd, opening GRE)
    Nov 20 10:00:00 vpn1 pppd[11]: pppd 2.4.9 started by root, uid 0
    Nov 20 10:00:01 vpn1 pppd[11]: Connect: ppp0 <--> /dev/pts/1
    Nov 20 10:00:02 vpn1 pppd[11]: peer from calling number 192.0.2.9 authorized
    Nov 20 10:00:03 vpn1 pppd[11]: local  IP address 192.168.0.1
    Nov 20 10:00:03 vpn1 pppd[11]: remote IP address 192.168.1.10
    Nov 20 10:00:03 vpn1 pppd[11]: pptpd-logwtmp.so ip-up ppp0 anna 192.0.2.9
";

#[test]
fn what_is_written_is_told_kept_and_answered() {
    let folder = Folder::new();
    let (url, bodies) = webhook();
    folder.bytes("vpn.log", b"");
    folder.bytes(
        "tunlog.toml",
        format!(
            "[follow]\nglobs = [\"vpn.log\"]\n[store]\ndir = \"store\"\n[[notify.webhook]]\nurl = \"{url}\"\nonly = {{ sessions = [\"connected\"] }}\n"
        )
        .as_bytes(),
    );
    let daemon = Daemon::start(&folder, &["--config", "tunlog.toml"]);
    until(&folder, "the start", || said(&folder).contains("read back"));
    folder.append("vpn.log", &format!("{SESSION}\n"));
    let told = bodies.recv_timeout(PATIENCE).expect("a notification");
    assert!(told.contains("\"user\":\"anna\""), "{told}");
    assert!(told.contains("192.0.2.9"), "{told}");
    until(&folder, "what was written", || stored(&folder) == 8);
    daemon.end();
    // the store answers as the log does, but for the name of the source
    let of_log = folder.run(&["sessions", "vpn.log", "--utc", "-q"]);
    let of_store = folder.run(&["sessions", "store", "--utc", "-q"]);
    assert_eq!(of_log.out, of_store.out);
    assert!(of_store.out.contains("anna"), "{}", of_store.out);
    // started again, it tells nothing twice, and adds nothing
    let daemon = Daemon::start(&folder, &["--config", "tunlog.toml"]);
    folder.append(
        "vpn.log",
        "Nov 20 10:05:00 vpn1 pppd[12]: Peer eve failed CHAP authentication\n\n",
    );
    until(&folder, "the next line", || stored(&folder) == 9);
    daemon.end();
    assert!(bodies.try_recv().is_err());
}

#[test]
fn killed_again_and_again_it_loses_and_doubles_nothing() {
    const ROUNDS: usize = 50;
    const LINES: usize = 200;
    let folder = Folder::new();
    folder.bytes("vpn.log", b"");
    let args = ["--store", "store", "--follow", "vpn.log"];
    let mut random: u64 = 42;
    for round in 0..ROUNDS {
        let daemon = Daemon::start(&folder, &args);
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let part = Duration::from_micros((random >> 33) % 60_000);
        for number in round * LINES..(round + 1) * LINES {
            if number % (LINES / 4) == 0 {
                thread::sleep(part);
            }
            // in two writes: a line may be read while it is written
            let line = refusal(number);
            let (begin, end) = line.split_at(30);
            for piece in [begin, end] {
                append(&folder, piece);
            }
        }
        if round % 10 == 5 {
            std::fs::rename(
                folder.path().join("vpn.log"),
                folder.path().join(format!("vpn.log.{}", 9 - round / 10)),
            )
            .expect("a rotation");
            folder.bytes("vpn.log", b"");
        }
        daemon.kill();
    }
    let daemon = Daemon::start(&folder, &args);
    let all = (ROUNDS * LINES) as u64;
    until(&folder, "every line", || stored(&folder) >= all);
    daemon.end();
    let numbers = numbers(&folder);
    assert_eq!(numbers.len(), ROUNDS * LINES);
    assert_eq!(numbers.values().copied().max(), Some(1));
    let verified = folder.run(&["store", "verify", "store"]);
    // nobody gave a key
    assert_eq!(verified.code, Some(3), "{}", verified.out);
}

fn append(folder: &Folder, text: &str) {
    let path = folder.path().join("vpn.log");
    let file = std::fs::OpenOptions::new().append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .expect("room on the disk");
}

#[test]
fn reading_the_configuration_again_loses_nothing() {
    let folder = Folder::new();
    folder.bytes("a.log", b"");
    let config = |globs: &str| {
        let text = format!("[follow]\nglobs = [{globs}]\n[store]\ndir = \"store\"\n");
        folder.bytes("tunlog.toml", text.as_bytes());
    };
    config("\"a.log\"");
    let daemon = Daemon::start(&folder, &["--config", "tunlog.toml"]);
    until(&folder, "the start", || said(&folder).contains("read back"));
    let write = |name: &str, numbers: std::ops::Range<usize>| {
        let path = folder.path().join(name);
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .expect("a file");
        for number in numbers {
            file.write_all(refusal(number).as_bytes()).expect("room on the disk");
        }
    };
    write("a.log", 0..500);
    config("\"a.log\", \"b.log\"");
    daemon.signal("-HUP");
    write("a.log", 500..1000);
    write("b.log", 1000..1500);
    until(&folder, "every line", || stored(&folder) >= 1500);
    // a mistake changes nothing
    config("\"c.log\"]\nglobz = [");
    daemon.signal("-HUP");
    until(&folder, "the mistake", || said(&folder).contains("globz"));
    write("b.log", 1500..1600);
    until(&folder, "the last lines", || stored(&folder) >= 1600);
    daemon.end();
    let numbers = numbers(&folder);
    assert_eq!(numbers.len(), 1600);
    assert_eq!(numbers.values().copied().max(), Some(1));
}

#[test]
fn with_a_mistake_in_its_configuration_nothing_begins() {
    let folder = Folder::new();
    folder.log(
        "tunlog.toml",
        "[follow]\nglobs = [\"vpn.log\"]\n[listen]\nudpp = [\"127.0.0.1:0\"]\n",
    );
    let ran = folder.run(&["serve", "--config", "tunlog.toml", "--store", "store"]);
    assert_eq!(ran.code, Some(2));
    assert!(
        ran.err.contains("tunlog.toml:4") && ran.err.contains("`udp`"),
        "{}",
        ran.err
    );
    assert!(!folder.path().join("store").exists());
}

/// A log that is rotated within a second, while nobody watches: what it says again is said again.
#[test]
fn equal_lines_on_both_sides_of_a_rotation_are_two() {
    let folder = Folder::new();
    let args = ["--store", "store", "--follow", "vpn.log"];
    let lines = refusal(7).repeat(3);
    folder.bytes("vpn.log", lines.as_bytes());
    let daemon = Daemon::start(&folder, &args);
    until(&folder, "the first lines", || stored(&folder) == 3);
    daemon.end();
    std::fs::rename(folder.path().join("vpn.log"), folder.path().join("vpn.log.1")).expect("a rotation");
    // a file with nothing but the same bytes would be a copy of the first one
    let more = format!("{}{lines}", refusal(6));
    folder.bytes("vpn.log", more.as_bytes());
    let daemon = Daemon::start(&folder, &args);
    until(&folder, "the same lines again", || stored(&folder) == 7);
    daemon.end();
}
