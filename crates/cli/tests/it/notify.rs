//! Whether notifications arrive, asked from the command line.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::thread::JoinHandle;

use crate::harness::Folder;

/// Takes one request and answers it: its URL, and what will be the body.
fn receiver(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!(
        "http://{}/hook?key=hunter2",
        listener.local_addr().expect("its address")
    );
    let taken = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a header");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes()).expect("answered");
        String::from_utf8(body).expect("UTF-8")
    });
    (url, taken)
}

#[test]
fn a_test_message_arrives_or_it_is_said_why_not() {
    let folder = Folder::new();
    let (url, taken) = receiver("204 No Content");
    let ran = folder.run(&["notify", "test", "--webhook", &url]);
    assert!(ran.out.starts_with("webhook-1 (webhook): arrived within "), "{ran:?}");
    assert_eq!(ran.code, Some(0));
    assert!(taken.join().expect("a request").starts_with("{\"type\":\"test\","));

    let (url, taken) = receiver("403 Forbidden");
    let file = format!(
        "[[notify.webhook]]\nname = \"chat\"\ntemplate = \"slack\"\nurl = \"{url}\"\n[[notify.syslog]]\nto = \"unix:/nonexistent/log\"\n"
    );
    folder.log("tunlog.toml", &file);
    let ran = folder.run(&["notify", "test", "--config", "tunlog.toml"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "chat (webhook): did not arrive: 403", "{ran:?}");
    assert!(lines[1].starts_with("syslog-1 (syslog): did not arrive: "), "{ran:?}");
    assert_eq!(ran.code, Some(2));
    assert!(taken.join().expect("a request").contains("\"blocks\""));
    assert!(!format!("{ran:?}").contains("hunter2"));

    let ran = folder.run(&["notify", "test", "caht", "--config", "tunlog.toml"]);
    assert!(
        ran.err.contains("there is no channel `caht`: chat, syslog-1"),
        "{ran:?}"
    );
    assert_eq!(ran.code, Some(2));
}
