//! Log servers as witnesses: what they are told is read back out of their files.

use std::io::Read as _;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Folder, NOW, add, against, copy, three};
use crate::error::StoreError;
use crate::options::Options;
use crate::store::Store;
use crate::verify::{Against, Answer, Report, verify};

const PATIENCE: Duration = Duration::from_secs(20);

/// What a TCP server takes in until its clients are gone: messages, cut as their lengths say.
fn frames(bytes: &[u8]) -> Vec<String> {
    let mut rest = std::str::from_utf8(bytes).expect("text");
    let mut found = Vec::new();
    while let Some((len, behind)) = rest.split_once(' ') {
        let (message, next) = behind.split_at(len.parse().expect("a length"));
        found.push(message.to_owned());
        rest = next;
    }
    assert_eq!(rest, "", "nothing is left over");
    found
}

/// Takes one connection to its end.
fn serve(listener: TcpListener) -> std::thread::JoinHandle<Vec<String>> {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("messages");
        frames(&bytes)
    })
}

fn with(path: &Path, key: &str, witness: &Path) -> Report {
    let against = Against {
        witnesses: vec![witness.to_owned()],
        require_witness: true,
        ..against(key)
    };
    verify(path, &against).expect("a report")
}

fn written(folder: &Folder, lines: &[String]) -> PathBuf {
    let path = folder.join("received.log");
    let text: String = lines
        .iter()
        .map(|line| format!("Nov 20 10:00:00 siem1 {line}\n"))
        .collect();
    let other = "Nov 20 10:00:00 siem1 sshd[7]: Accepted password for anna\n";
    std::fs::write(&path, format!("{other}{text}{other}")).expect("a file");
    path
}

/// A store, and what a server was told of its four checkpoints and of one more under a new key.
fn told(folder: &Folder) -> (PathBuf, String, Vec<String>) {
    let path = folder.join("store");
    let options = Options {
        epoch_checkpoints: 2,
        ..Options::default()
    };
    let key = three(&path, options);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("tcp://{}", listener.local_addr().expect("an address"));
    let mut store = Store::open(&path, options).expect("the store");
    store.add_witness(Path::new(&address)).expect("a witness");
    store.add_witness(Path::new(&address)).expect("the same one");
    let server = serve(listener.try_clone().expect("a listener"));
    assert_eq!(store.show_witnesses_within(PATIENCE), Ok(Vec::new()));
    let mut lines = server.join().expect("a server");
    assert_eq!(lines.len(), 4, "{lines:?}");
    add(&mut store, 300..310);
    store.close(NOW, false).expect("a close");
    let server = serve(listener);
    assert_eq!(store.show_witnesses_within(PATIENCE), Ok(Vec::new()));
    let more = server.join().expect("a server");
    assert_eq!(more.len(), 1, "what was told once is not told again: {more:?}");
    lines.extend(more);
    assert!(
        lines
            .iter()
            .all(|line| line.len() < 600 && line.starts_with("<133>1 2026-")),
        "{lines:?}"
    );
    (path, key, lines)
}

#[test]
fn what_a_log_server_was_told_is_a_witness() {
    let folder = Folder::new();
    let (path, key, lines) = told(&folder);
    let file = written(&folder, &lines);
    let report = with(&path, &key, &file);
    assert_eq!(report.answer(), Answer::Intact, "{report:?}");
    assert!(report.witnesses[0].ends_with("same note at checkpoint 5"), "{report:?}");
    // anybody can send lines, and only those that the log signed count
    let forged: Vec<String> = lines.iter().map(|line| line.replace("number=3", "number=2")).collect();
    let all = [lines.clone(), forged].concat();
    let report = with(&path, &key, &written(&folder, &all));
    assert_eq!(report.answer(), Answer::Intact, "{report:?}");
    assert!(
        report.notes.iter().any(|note| note.contains("1 lines about this log")),
        "{report:?}"
    );
    // another log's lines are none about this one
    let others: Vec<String> = lines
        .iter()
        .map(|line| line.replace("origin=vpn1", "origin=vpn9"))
        .collect();
    assert_eq!(with(&path, &key, &written(&folder, &others)).answer(), Answer::Unjudged);
    let none = folder.join("none.log");
    std::fs::write(&none, "Nov 20 10:00:00 siem1 sshd[7]: nothing of ours\n").expect("a file");
    assert_eq!(with(&path, &key, &none).answer(), Answer::Unjudged);
}

#[test]
fn a_store_that_was_cut_back_is_found_by_a_log_server() {
    let folder = Folder::new();
    let old = folder.join("old");
    let (path, key, lines) = told(&folder);
    let file = written(&folder, &lines);
    copy(&path, &old);
    std::fs::remove_file(old.join("seal/checkpoints/00000005.note")).expect("a note");
    let report = with(&old, &key, &file);
    assert_eq!(report.answer(), Answer::Incomplete, "{report:?}");
    let said = report.missing.iter().any(|what| what.contains("saw checkpoint 5"));
    assert!(said, "{report:?}");
}

#[test]
fn a_server_that_is_away_is_told_later_and_nobody_waits_for_it() {
    let folder = Folder::new();
    let path = folder.join("store");
    three(&path, Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let mut store = Store::open(&path, Options::default()).expect("the store");
    store
        .add_witness(Path::new(&format!("tcp://{address}")))
        .expect("a witness");
    let failed = store.show_witnesses_within(PATIENCE).expect("an answer");
    assert_eq!(failed.len(), 1);
    assert!(
        failed[0].to_string().starts_with(&format!("tcp://{address}: ")),
        "{failed:?}"
    );
    let Ok(listener) = TcpListener::bind(address) else {
        return println!("skipped: somebody else took the port");
    };
    let server = serve(listener);
    assert_eq!(store.show_witnesses_within(PATIENCE), Ok(Vec::<StoreError>::new()));
    assert_eq!(server.join().expect("a server").len(), 4);
    // one that takes connections and says nothing holds nobody up
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let place = format!("tcp://{}", silent.local_addr().expect("an address"));
    store.add_witness(Path::new(&place)).expect("a witness");
    let began = std::time::Instant::now();
    store.show_witnesses().expect("an answer");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn datagrams_tell_the_same() {
    let folder = Folder::new();
    let path = folder.join("store");
    three(&path, Options::default());
    let mut store = Store::open(&path, Options::default()).expect("the store");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port");
    udp.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    let place = format!("udp://{}", udp.local_addr().expect("an address"));
    store.add_witness(Path::new(&place)).expect("a witness");
    assert_eq!(store.show_witnesses_within(PATIENCE), Ok(Vec::new()));
    let mut buffer = [0; 2048];
    for number in 1..=4 {
        let len = udp.recv(&mut buffer).expect("a message");
        let line = std::str::from_utf8(&buffer[..len]).expect("text");
        assert!(line.contains(&format!(" number={number} ")), "{line}");
    }
    #[cfg(unix)]
    {
        let socket = folder.join("log");
        let unix = std::os::unix::net::UnixDatagram::bind(&socket).expect("a socket");
        unix.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let place = format!("unix:{}", socket.display());
        store.add_witness(Path::new(&place)).expect("a witness");
        assert_eq!(store.show_witnesses_within(PATIENCE), Ok(Vec::new()));
        let len = unix.recv(&mut buffer).expect("a message");
        assert!(buffer[..len].ends_with(b"=") || len > 200, "{len}");
    }
    assert!(store.add_witness(Path::new("tcp://")).is_err(), "that is no place");
}
