//! Each way, to a receiver of ours: what it gets, and what is made of what it answers.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use tunlog_analysis::detect::Severity;

use super::receivers::{Answer, Got, Http, Identity, OK, PATIENCE, Smtp};
use super::samples::{NOW, notice};
use crate::notify::config::{Command, Mail, Syslog, SyslogForm, Template, Tls, Webhook};
use crate::notify::courier::{Courier, Failed};
use crate::notify::message::Message;
use crate::notify::secret::Secret;
use crate::notify::span::Span;
use crate::notify::{command, mail, syslog, webhook};

fn message(user: &str) -> Message {
    Message::one(notice("203.0.113.7", user, Severity::High, NOW))
}

fn hook(url: &str) -> Webhook {
    Webhook {
        url: Secret::Text(url.to_owned()),
        ..Webhook::default()
    }
}

fn requests(config: &Webhook) -> webhook::Requests {
    webhook::Requests::open(config, TimeZone::UTC).expect("a webhook")
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tunlog-notify-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

#[test]
fn a_webhook_keeps_its_connection_and_names_the_message() {
    let server = Http::start(|_, _| OK);
    let mut config = hook(&server.url());
    config.token = Secret::Text("t0ken".to_owned());
    config
        .headers
        .insert("X-Gateway".to_owned(), Secret::Text("vpn1".to_owned()));
    let mut courier = requests(&config);
    let message = message("alice");
    for _ in 0..3 {
        courier.deliver(&message).expect("delivered");
    }
    let got: Vec<Got> = (0..3).map(|_| server.next()).collect();
    assert!(
        got[0].head.starts_with("POST /hook?secret=hunter2 HTTP/1.1"),
        "{}",
        got[0].head
    );
    assert_eq!(got[0].header("content-type"), Some("application/json"));
    assert_eq!(got[0].header("authorization"), Some("Bearer t0ken"));
    assert_eq!(got[0].header("x-gateway"), Some("vpn1"));
    assert!(got.iter().all(|one| one.header("idempotency-key") == Some(&message.id)));
    assert!(got.iter().all(|one| one.connection == 0), "one connection");
    assert_eq!(got[0].body, message.json());
}

#[test]
fn a_connection_that_was_closed_meanwhile_costs_no_message() {
    let server = Http::start(|_, _| Answer::OkAndClose);
    let mut courier = requests(&hook(&server.url()));
    for _ in 0..3 {
        courier.deliver(&message("alice")).expect("delivered");
        server.next();
    }
}

fn failure(answer: Answer) -> Failed {
    let server = Http::start(move |_, _| answer.clone());
    let mut config = hook(&server.url());
    config.timeout = Span::seconds(1);
    let start = Instant::now();
    let failed = requests(&config).deliver(&message("alice")).expect_err("a failure");
    assert!(start.elapsed() < PATIENCE);
    assert!(
        !failed.why.contains("hunter2") && !failed.why.contains("127.0.0.1"),
        "{}",
        failed.why
    );
    failed
}

#[test]
fn what_a_webhook_answers_says_whether_to_try_again() {
    let status = |line, rest: &str| failure(Answer::Status(line, rest.to_owned()));
    let broken = status("500 Internal Server Error", "oops\u{1b}[2J\n");
    assert_eq!((broken.refused, broken.why.as_str()), (false, "500"));
    let refused = status("400 Bad Request", "invalid_blocks");
    assert_eq!((refused.refused, refused.why.as_str()), (true, "400 invalid_blocks"));
    // what may repeat the request is not repeated: its path may be a secret
    let echoed = status("404 Not Found", "Cannot POST /hooks/hunter2");
    assert_eq!(echoed.why, "404");
    assert!(!status("401 Unauthorized", "").refused);
    assert!(!status("404 Not Found", "").refused);
    let busy = status("429 Too Many Requests", "Retry-After: 30\n\n");
    assert_eq!((busy.refused, busy.after), (false, Some(Duration::from_secs(30))));
    let telegram = status(
        "429 Too Many Requests",
        "{\"ok\":false,\"parameters\":{\"retry_after\":7}}",
    );
    assert_eq!(telegram.after, Some(Duration::from_secs(7)));
    let far = status("503 Service Unavailable", "Retry-After: 99999999999\n\n");
    assert_eq!(far.after, Some(Duration::from_secs(3600)));
    let long = status("502 Bad Gateway", &"x".repeat(1 << 20));
    assert!(long.why.len() < 1000);
    for answer in [Answer::Close, Answer::Garbage, Answer::Hang] {
        assert!(!failure(answer).refused);
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Http::start(|_, _| OK);
    let location = format!("Location: {}\n\n", elsewhere.url());
    for line in [
        "301 Moved Permanently",
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let failed = failure(Answer::Status(line, location.clone()));
        assert!(!failed.refused && failed.why.contains("not followed"), "{}", failed.why);
    }
    assert!(elsewhere.got.try_recv().is_err(), "nobody was there");
}

#[test]
fn nobody_listens() {
    let port = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("its address");
    let failed = requests(&hook(&format!("http://{port}/")))
        .deliver(&message("alice"))
        .expect_err("nobody");
    assert!(!failed.refused);
}

#[test]
fn only_a_known_certificate_is_spoken_to() {
    let folder = folder("tls");
    let identity = Identity::new();
    let server = Http::start_tls(&identity, |_, _| OK);
    let url = format!("https://localhost:{}/", server.address.port());
    let path = folder.join("ca.pem");
    std::fs::write(&path, &identity.pem).expect("written");
    let known = Webhook {
        ca: Some(path.clone()),
        ..hook(&url)
    };
    requests(&known).deliver(&message("alice")).expect("delivered");
    server.next();
    // another one of the same name
    std::fs::write(&path, Identity::new().pem).expect("written");
    let failed = requests(&known).deliver(&message("alice")).expect_err("unknown");
    assert!(
        failed.why.starts_with("TLS: ") || failed.why.contains("certificate"),
        "{}",
        failed.why
    );
    assert!(server.got.try_recv().is_err(), "nothing was said to it");
    // plain HTTP where TLS is wanted
    let plain = Http::start(|_, _| OK);
    let other = Webhook {
        url: Secret::Text(format!("https://localhost:{}/", plain.address.port())),
        ..known
    };
    assert!(requests(&other).deliver(&message("alice")).is_err());
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn telegram_and_ntfy_get_what_they_want() {
    let server = Http::start(|_, _| OK);
    let telegram = Webhook {
        url: Secret::Text(format!("http://{}", server.address)),
        template: Template::Telegram,
        token: Secret::Text("12:secret".to_owned()),
        chat: "-100".to_owned(),
        ..Webhook::default()
    };
    requests(&telegram).deliver(&message("alice")).expect("delivered");
    let got = server.next();
    assert!(
        got.head.starts_with("POST /bot12:secret/sendMessage HTTP/1.1"),
        "{}",
        got.head
    );
    assert_eq!(got.header("authorization"), None);
    let ntfy = Webhook {
        template: Template::Ntfy,
        ..hook(&format!("http://{}/topic", server.address))
    };
    requests(&ntfy)
        .deliver(&message("alice\r\nX-Injected: yes"))
        .expect("delivered");
    let got = server.next();
    assert_eq!(got.header("title"), Some("brute-force (high)"));
    assert_eq!(got.header("priority"), Some("4"));
    assert_eq!(got.header("x-injected"), None);
    assert!(got.body.contains("alice\\x0d\\x0aX-Injected: yes"), "{}", got.body);
    let own = Webhook {
        template: Template::Own,
        method: "PUT".to_owned(),
        body: "{\"who\": \"{user}\", \"all\": {json}}".to_owned(),
        ..hook(&format!("http://{}/own", server.address))
    };
    requests(&own).deliver(&message("a\"b")).expect("delivered");
    let got = server.next();
    assert!(got.head.starts_with("PUT /own"), "{}", got.head);
    let value: serde_json::Value = serde_json::from_str(&got.body).expect("JSON");
    assert_eq!(
        (&value["who"], &value["all"]["type"]),
        (&"a\"b".into(), &"finding".into())
    );
}

fn letters(server: &Smtp, tls: Tls) -> Mail {
    Mail {
        server: "localhost".to_owned(),
        port: server.address.port(),
        tls,
        from: "VPN gateway <vpn@example.net>".to_owned(),
        to: vec!["admin@example.net".to_owned(), "night@example.net".to_owned()],
        subject: "[vpn] {severity} {rule} {user}".to_owned(),
        ..Mail::default()
    }
}

#[test]
fn a_letter_has_no_headers_of_strangers() {
    let server = Smtp::start(None, "250 taken");
    let mut mailer = mail::Mailer::open(&letters(&server, Tls::None), TimeZone::UTC).expect("a mailer");
    let message = message("x\r\nBcc: evil@evil.example\r\n\r\nä.\r\n.\r\nMAIL FROM:<evil@evil.example>");
    mailer.deliver(&message).expect("delivered");
    let letter = server.got.recv_timeout(PATIENCE).expect("a letter");
    let (head, body) = letter.text.split_once("\n\n").expect("head and body");
    let names: Vec<&str> = head
        .lines()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split(':').next())
        .collect();
    assert_eq!(
        names,
        [
            "From",
            "Subject",
            "Message-ID",
            "Date",
            "Content-Type",
            "To",
            "Auto-Submitted",
            "Importance",
            "Content-Transfer-Encoding"
        ]
    );
    assert!(
        head.contains(&format!("Message-ID: <{}@example.net>", message.id)),
        "{head}"
    );
    assert!(body.contains("brute-force (high)"), "{body}");
    let commands = letter.commands.join("\n");
    assert_eq!(commands.matches("MAIL FROM").count(), 1, "{commands}");
    assert_eq!(commands.matches("RCPT TO").count(), 2, "{commands}");
    assert!(!commands.contains("evil"), "{commands}");
}

#[test]
fn a_password_goes_over_tls_or_not_at_all() {
    let folder = folder("smtp");
    let identity = Identity::new();
    let path = folder.join("ca.pem");
    std::fs::write(&path, &identity.pem).expect("written");
    let config = |server: &Smtp| Mail {
        user: "vpn".to_owned(),
        password: Secret::Text("hunter2".to_owned()),
        ca: Some(path.clone()),
        ..letters(server, Tls::Starttls)
    };
    let server = Smtp::start(Some(&identity), "250 taken");
    let mut mailer = mail::Mailer::open(&config(&server), TimeZone::UTC).expect("a mailer");
    mailer.deliver(&message("alice")).expect("delivered");
    let letter = server.got.recv_timeout(PATIENCE).expect("a letter");
    assert!(letter.tls);
    let at = |word: &str| letter.commands.iter().position(|line| line.starts_with(word));
    assert!(
        at("STARTTLS") < at("AUTH") && at("AUTH") < at("MAIL"),
        "{:?}",
        letter.commands
    );
    // a server that offers no TLS, or another certificate, gets no password
    for server in [
        Smtp::start(None, "250 taken"),
        Smtp::start(Some(&Identity::new()), "250 taken"),
    ] {
        let mut mailer = mail::Mailer::open(&config(&server), TimeZone::UTC).expect("a mailer");
        let failed = mailer.deliver(&message("alice")).expect_err("no TLS");
        assert!(!failed.refused && !failed.why.contains("hunter2"), "{}", failed.why);
        assert!(server.got.try_recv().is_err());
    }
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn a_mail_server_s_no_is_for_now_or_for_ever() {
    for (answer, refused) in [
        ("451 later", false),
        ("550 no such user", false),
        ("554 spam", true),
        ("552 too large", true),
    ] {
        let server = Smtp::start(None, answer);
        let mut mailer = mail::Mailer::open(&letters(&server, Tls::None), TimeZone::UTC).expect("a mailer");
        let failed = mailer.deliver(&message("alice")).expect_err(answer);
        assert_eq!(failed.refused, refused, "{answer}: {}", failed.why);
    }
}

fn sender(to: String, format: SyslogForm) -> syslog::Sender {
    let config = Syslog {
        to,
        format,
        ..Syslog::default()
    };
    syslog::Sender::open(&config, TimeZone::UTC).expect("a sender")
}

#[test]
fn syslog_over_udp_is_one_rfc5424_message() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
    server.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let to = format!("udp:{}", server.local_addr().expect("its address"));
    let message = message("x\"] \\ y\n<0>1 - - - - - -");
    sender(to, SyslogForm::Auto).deliver(&message).expect("sent");
    let mut buffer = [0; 4096];
    let length = server.recv(&mut buffer).expect("a message");
    let text = std::str::from_utf8(&buffer[..length]).expect("UTF-8");
    // authpriv is 10, error is 3
    assert!(text.starts_with("<83>1 2026-11-18T11:06:40Z "), "{text}");
    let data = format!(
        " tunlog {} finding [tunlog@32473 id=\"{}\" severity=\"high\" count=\"1\" rule=\"brute-force\" \
         user=\"x\\\"\\] \\\\ y\\\\x0a<0>1 - - - - - -\" client_ip=\"203.0.113.7\"] \u{feff}brute-force (high): 203.0.113.7: 20",
        std::process::id(),
        message.id
    );
    assert!(text.contains(&data), "{text}\n{data}");
    assert!(!text.contains('\n') && length <= 2048);
}

#[test]
fn syslog_over_tcp_counts_octets_and_connects_again() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut sender = sender(
        format!("tcp:{}", server.local_addr().expect("its address")),
        SyslogForm::Auto,
    );
    for round in 0..2 {
        for _ in 0..2 {
            sender.deliver(&message("jürgen")).expect("sent");
        }
        let (stream, _) = server.accept().expect("a connection");
        let mut reader = BufReader::new(stream);
        for _ in 0..2 {
            let mut length = Vec::new();
            reader.read_until(b' ', &mut length).expect("a length");
            let length: usize = String::from_utf8(length)
                .expect("digits")
                .trim()
                .parse()
                .expect("a number");
            let mut text = vec![0; length];
            reader.read_exact(&mut text).expect("a message");
            let text = String::from_utf8(text).expect("UTF-8");
            assert!(text.starts_with("<83>1 ") && text.contains("jürgen"), "{round}: {text}");
        }
        // closed here; the next message must not be written into it
        drop(reader);
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn syslog_to_a_socket_looks_as_syslog_3_writes_it() {
    let folder = folder("syslog");
    let path = folder.join("log");
    let server = UnixDatagram::bind(&path).expect("a socket");
    server.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    sender(format!("unix:{}", path.display()), SyslogForm::Auto)
        .deliver(&message("alice"))
        .expect("sent");
    let mut buffer = [0; 4096];
    let length = server.recv(&mut buffer).expect("a message");
    let text = std::str::from_utf8(&buffer[..length]).expect("UTF-8");
    let begin = format!(
        "<83>Nov 18 11:06:40 tunlog[{}]: brute-force (high): 203.0.113.7: 20 passwords of alice",
        std::process::id()
    );
    assert!(text.starts_with(&begin), "{text}");
    drop(server);
    std::fs::remove_dir_all(&folder).expect("our own folder");
    let failed = sender(format!("unix:{}", path.display()), SyslogForm::Auto).deliver(&message("alice"));
    assert!(failed.is_err(), "nobody is there any more");
}

fn runner(script: &str, seconds: u64) -> command::Runner {
    let config = Command {
        run: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        timeout: Span::seconds(seconds),
        ..Command::default()
    };
    command::Runner::open(&config).expect("a runner")
}

#[test]
fn a_program_gets_json_and_next_to_no_environment() {
    let folder = folder("command");
    let out = folder.join("out");
    let script = format!("cat > {0}; env | sort | cut -d= -f1 >> {0}", out.display());
    let message = message("$(id); `id`");
    runner(&script, 20).deliver(&message).expect("delivered");
    let text = std::fs::read_to_string(&out).expect("written");
    let (json, environment) = text.split_once('\n').expect("a line");
    assert_eq!(json, message.json());
    let names: Vec<&str> = environment
        .lines()
        .filter(|name| !matches!(*name, "PWD" | "_" | "SHLVL" | "OLDPWD"))
        .collect();
    assert_eq!(names, ["LANG", "PATH", "TUNLOG_NOTIFICATION"]);
    std::fs::remove_dir_all(&folder).expect("our own folder");
}

#[test]
fn a_program_that_fails_says_why_and_one_that_does_not_read_may_succeed() {
    let failed = runner("echo 'no way\u{1b}[2J' >&2; exit 3", 20)
        .deliver(&message("alice"))
        .expect_err("a failure");
    assert!(
        failed.why.contains("exit status: 3") && failed.why.contains("no way\\x1b[2J"),
        "{}",
        failed.why
    );
    runner("exit 0", 20).deliver(&message("alice")).expect("it is content");
    let chatty = "i=0; while [ $i -lt 3000 ]; do echo 'a line that is a good deal longer than most of them are' >&2; i=$((i+1)); done; exit 1";
    let failed = runner(chatty, 30).deliver(&message("alice")).expect_err("a failure");
    assert!(
        failed.why.contains("exit status: 1") && failed.why.len() < 1000,
        "{}",
        failed.why
    );
    // more than a pipe holds, to one that never reads
    let mut large = message("alice");
    large.notices[0].object = format!("{{\"type\":\"finding\",\"x\":\"{}\"}}", "x".repeat(1 << 20));
    runner("exec 0<&-; exit 0", 20).deliver(&large).expect("it is content");
}

#[test]
fn a_program_that_hangs_is_killed_with_what_it_started() {
    let folder = folder("hang");
    let pids = folder.join("pids");
    let script = format!("sleep 300 & echo $! > {0}; echo $$ >> {0}; wait", pids.display());
    let start = Instant::now();
    let failed = runner(&script, 1).deliver(&message("alice")).expect_err("it hangs");
    assert!(failed.why.contains("took too long"), "{}", failed.why);
    assert!(start.elapsed() < PATIENCE);
    let text = std::fs::read_to_string(&pids).expect("written");
    for pid in text.lines() {
        let is_alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            // one that nobody has waited for yet is dead all the same
            !stat.is_empty() && !stat.contains(") Z ")
        };
        let until = Instant::now() + PATIENCE;
        while is_alive() && Instant::now() < until {
            std::thread::yield_now();
        }
        assert!(!is_alive(), "{pid} is alive");
    }
    std::fs::remove_dir_all(&folder).expect("our own folder");
}
