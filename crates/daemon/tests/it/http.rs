//! HTTP as clients speak it, well and badly: `29-http-cases.txt` of the hostile files, and what else a server on a gateway must bear.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tunlog_daemon::metrics::{self, Metrics};
use tunlog_daemon::web::{Answers, Config, Failure, Page, Parts, Question, Web};

use crate::Folder;

/// What a client writes to and reads from.
trait Stream: std::io::Read + std::io::Write {}
impl<S: std::io::Read + std::io::Write> Stream for S {}

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Searches that take long and have begun.
static SEARCHING: AtomicU32 = AtomicU32::new(0);

/// Rows that were made up, and an answer that is large.
struct Made;

impl Answers for Made {
    fn attempts(&self, question: &Question) -> Result<Page, Failure> {
        match question.cursor.as_deref() {
            None => Ok(Page {
                items: vec!["{\"n\":1}".to_owned(), "{\"n\":2}".to_owned()],
                next: Some("a\"b".to_owned()),
            }),
            Some("a\"b") => Ok(Page::default()),
            Some(_) => Err(Failure::Cursor),
        }
    }

    fn sessions(&self, _: &Question) -> Result<Page, Failure> {
        Ok(Page {
            items: vec![format!("\"{}\"", "x".repeat(32 << 20))],
            next: None,
        })
    }

    fn clients(&self, _: &Question) -> Result<Page, Failure> {
        panic!("a fault of ours")
    }

    fn findings(&self, _: &Question) -> Result<Page, Failure> {
        Err(Failure::Unavailable("there is no history yet".to_owned()))
    }

    fn search(&self, question: &Question) -> Result<Page, Failure> {
        if question.limit == 7 {
            SEARCHING.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_secs(4));
        }
        Err(Failure::TooLong(Duration::from_secs(5)))
    }

    fn records(&self, _: &Question) -> Result<Page, Failure> {
        Ok(Page::default())
    }

    fn explain(&self, asked: &str) -> Vec<String> {
        match asked {
            "pppd/x" => vec!["{}".to_owned()],
            _ => Vec::new(),
        }
    }

    fn status(&self) -> String {
        "{}".to_owned()
    }

    fn is_ready(&self) -> bool {
        false
    }
}

type Reload = Box<dyn Fn() -> Result<(), String>>;

/// A server that runs until it is dropped.
pub struct Server {
    pub address: SocketAddr,
    pub token: String,
    /// Reads the certificate again.
    reload: Option<Reload>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    _folder: Folder,
}

impl Server {
    /// With these answers. The folder has its token in it.
    pub fn start(name: &str, config: &Config, answers: Arc<dyn Answers>) -> Server {
        let folder = Folder::new(name);
        let web = bind(config, &folder.0, answers).expect("a server");
        let address = web
            .tcp_addresses()
            .first()
            .copied()
            .unwrap_or(([127, 0, 0, 1], 0).into());
        let token = std::fs::read_to_string(folder.0.join("http-token")).expect("a token");
        let reload = web.reloader().map(|reload| Box::new(reload) as Reload);
        let (stop, shutdown) = watch::channel(false);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(web.run(shutdown)).expect("run");
        });
        Server {
            address,
            token: token.trim().to_owned(),
            reload,
            stop,
            thread: Some(thread),
            _folder: folder,
        }
    }

    fn made(name: &str, config: Config) -> Server {
        Server::start(name, &config, Arc::new(Made))
    }

    /// The whole answer to some bytes.
    fn answer(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).expect("connected");
        talk(&mut stream, request)
    }

    /// The answer to a GET with the token.
    pub fn get(&self, path: &str) -> String {
        let Server { address, token, .. } = self;
        self.answer(
            format!(
                "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
            )
            .as_bytes(),
        )
    }

    /// The status of a GET without.
    fn status_of(&self, path: &str) -> u16 {
        let address = self.address;
        status(&self.answer(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes()))
    }

    fn stop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("ended");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn bind(config: &Config, folder: &Path, answers: Arc<dyn Answers>) -> Result<Web, String> {
    let metrics = Metrics::new(metrics::Config::default(), "0.1.0", "test", 0, None);
    let parts = Parts {
        metrics,
        answers,
        now: || 1_795_176_000_000_000,
    };
    Web::bind(config, Some(folder), parts)
}

fn on_loopback() -> Config {
    Config {
        listen: Some(vec!["127.0.0.1:0".to_owned()]),
        ..Config::default()
    }
}

fn talk(stream: &mut TcpStream, request: &[u8]) -> String {
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    // who refuses early closes before everything is written
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> u16 {
    let words = answer
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| answer.strip_prefix("HTTP/1.0 "));
    words.and_then(|words| words.get(..3)?.parse().ok()).unwrap_or(0)
}

pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// What stands in the file of hostile cases and concerns this server; `~` is the server's address.
#[test]
fn hostile_29() {
    let server = Server::made("http-29", on_loopback());
    let cases = [
        ("GET / HTTP/1.1|Host: rebind.example.net:9100", 403),
        ("GET /metrics HTTP/1.1|Host: ~", 200),
        (
            "POST /api/v1/block HTTP/1.1|Host: ~|Origin: http://evil.example|Content-Type: text/plain|Cookie: session=VALID|Content-Length: 19||{\"ip\":\"192.0.2.10\"}",
            403,
        ),
        (
            "POST /api/v1/block HTTP/1.1|Host: ~|Content-Type: application/json|Cookie: session=VALID|Content-Length: 19||{\"ip\":\"192.0.2.10\"}",
            403,
        ),
        (
            "GET /api/v1/block?ip=192.0.2.10 HTTP/1.1|Host: ~|Cookie: session=VALID",
            405,
        ),
        ("GET /static/..%2f..%2f..%2fetc/passwd HTTP/1.1|Host: ~", 404),
        ("GET /static/..%5c..%5cetc/passwd HTTP/1.1|Host: ~", 404),
        ("GET /static/%2e%2e/%2e%2e/etc/passwd HTTP/1.1|Host: ~", 404),
        ("GET /static/....//....//etc/passwd HTTP/1.1|Host: ~", 404),
        ("GET /static/%252e%252e/etc/passwd HTTP/1.1|Host: ~", 404),
        ("GET /static//etc/passwd HTTP/1.1|Host: ~", 404),
        ("GET /../../etc/passwd HTTP/1.1|Host: ~", 404),
        ("GET /api/v1/reports/..%2f..%2fetc%2fpasswd HTTP/1.1|Host: ~", 404),
        ("GET /api/v1/search?re=(a%2B)%2B%24 HTTP/1.1|Host: ~", 401),
        ("GET /?x=%0d%0aSet-Cookie:a=b HTTP/1.1|Host: ~", 200),
        ("TRACE / HTTP/1.1|Host: ~", 405),
        // and more of the kind
        ("GET / HTTP/1.1|Host: localhost", 200),
        ("GET / HTTP/1.1|Host: 127.0.0.1:1", 200),
        ("GET / HTTP/1.1|Host: [::1]:9100", 200),
        ("GET / HTTP/1.1|Host: 192.0.2.1", 403),
        ("GET / HTTP/1.1|Host: localhost.evil.example", 403),
        ("GET / HTTP/1.1|Host: ~|Host: ~", 400),
        ("GET / HTTP/1.1|Host: user@~", 400),
        ("GET / HTTP/1.1|Host:", 400),
        ("GET / HTTP/1.1", 400),
        ("GET http://rebind.example.net/ HTTP/1.1|Host: ~", 400),
        ("GET http://rebind.example.net/ HTTP/1.1|Host: rebind.example.net", 403),
        ("GET /metrics HTTP/1.1|Host: ~|Origin: null", 403),
        ("GET /metrics HTTP/1.1|Host: ~|Origin: http://~", 200),
        ("DELETE /metrics HTTP/1.1|Host: ~", 405),
        ("OPTIONS / HTTP/1.1|Host: ~", 405),
        ("CONNECT evil.example:443 HTTP/1.1|Host: ~", 400),
        ("GET / HTTP/9.9|Host: ~", 400),
        ("GET /%ff HTTP/1.1|Host: ~", 404),
        ("GET /healthz HTTP/1.0", 200),
        ("HEAD /healthz HTTP/1.1|Host: ~", 200),
    ];
    for (case, expected) in cases {
        let (head, rest) = case.split_once("||").unwrap_or((case, ""));
        let head = head.replace('~', &server.address.to_string()).replace('|', "\r\n");
        let answer = server.answer(format!("{head}\r\nConnection: close\r\n\r\n{rest}").as_bytes());
        assert_eq!(status(&answer), expected, "{case}\n{answer}");
        let headers = answer.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase();
        assert!(
            !headers.contains("set-cookie") && !headers.contains("access-control-"),
            "{case}\n{answer}"
        );
        if expected < 500 && !matches!(expected, 400) {
            assert!(headers.contains("x-content-type-options: nosniff"), "{case}\n{answer}");
        }
        let allow = headers.lines().find_map(|line| line.strip_prefix("allow: "));
        let is_act = case.contains("/api/v1/block");
        let wanted = if is_act { "post" } else { "get, head" };
        assert_eq!(allow, (expected == 405).then_some(wanted), "{case}\n{answer}");
        assert!(!answer.contains("root:"), "{case}");
    }
}

#[test]
fn what_is_no_request_is_refused_and_costs_nothing() {
    let server = Server::made("http-bad", on_loopback());
    let mut huge_method = vec![b'A'; 1 << 20];
    huge_method.extend_from_slice(b" / HTTP/1.1\r\n\r\n");
    let websocket = [0x81, 0x7f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for (what, bytes) in [
        ("a huge method", &huge_method[..]),
        ("a frame", &websocket),
        ("TLS", tls),
        ("blanks", b"   \r\n\r\n"),
    ] {
        let answer = server.answer(bytes);
        assert_eq!(status(&answer), 400, "{what}: {answer}");
    }
    let Server { address, .. } = server;
    let many: String = (0..100).map(|number| format!("x-{number}: y\r\n")).collect();
    let long = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nx: {}\r\n\r\n",
        "y".repeat(64 << 10)
    );
    let path = format!("GET /{} HTTP/1.1\r\nHost: {address}\r\n\r\n", "y".repeat(64 << 10));
    for (what, request) in [
        ("many lines", format!("GET / HTTP/1.1\r\nHost: {address}\r\n{many}\r\n")),
        ("a long line", long),
        ("a long path", path),
    ] {
        let answer = server.answer(request.as_bytes());
        assert!(matches!(status(&answer), 414 | 431), "{what}: {answer}");
    }
    let text = server.get("/metrics");
    assert!(!text.contains("AAAA"), "no label is made of a method");
}

#[test]
fn the_token_is_needed_even_here() {
    let server = Server::made("http-token", on_loopback());
    let Server { address, token, .. } = &server;
    for path in [
        "attempts",
        "sessions",
        "clients",
        "findings",
        "search?q=x",
        "records",
        "explain/pppd%2Fx",
        "status",
        "openapi.json",
    ] {
        assert_eq!(server.status_of(&format!("/api/v1/{path}")), 401, "{path}");
    }
    let with = |header: &str| {
        let request =
            format!("GET /api/v1/attempts HTTP/1.1\r\nHost: {address}\r\n{header}\r\nConnection: close\r\n\r\n");
        server.answer(request.as_bytes())
    };
    assert_eq!(status(&with(&format!("Authorization: Bearer {token}"))), 200);
    for header in [
        "Authorization: Bearer x".to_owned(),
        format!("Authorization: Basic {token}"),
        format!("Authorization: Bearer {token}0"),
        format!("Authorization: Bearer {token}\r\nAuthorization: Bearer x"),
        format!("Cookie: token={token}"),
    ] {
        let answer = with(&header);
        assert_eq!(status(&answer), 401, "{answer}");
        assert!(answer.contains("www-authenticate: Bearer"), "{answer}");
        assert!(!answer.contains(token.as_str()), "{answer}");
    }
    assert_eq!(server.status_of(&format!("/api/v1/attempts?token={token}")), 401);
    for open in ["/", "/metrics", "/healthz"] {
        assert_eq!(server.status_of(open), 200, "{open}");
    }
    assert_eq!(server.status_of("/readyz"), 503);
}

#[test]
fn answers_and_problems_are_json() {
    let server = Server::made("http-json", on_loopback());
    let answer = server.get("/api/v1/attempts");
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    assert_eq!(
        body(&answer),
        "{\"items\":[\n{\"n\":1},\n{\"n\":2}\n],\"next\":\"a\\\"b\"}\n"
    );
    assert_eq!(body(&server.get("/api/v1/attempts?cursor=a%22b")), "{\"items\":[\n]}\n");
    assert_eq!(status(&server.get("/api/v1/explain/pppd/x")), 200);
    assert_eq!(status(&server.get("/api/v1/explain/pppd%2Fx")), 200);
    for (path, expected, detail) in [
        ("/api/v1/attempts?cursor=x", 400, "cursor: take `next`"),
        ("/api/v1/attempts?usr=x", 400, "`usr` is none of since"),
        ("/api/v1/attempts?limit=5000", 400, "limit: `5000`"),
        ("/api/v1/attempts?user=%ff", 200, ""),
        ("/api/v1/findings", 503, "no history yet"),
        ("/api/v1/search?q=x", 503, "longer than 5 s"),
        ("/api/v1/search", 400, "say what to look for"),
        ("/api/v1/search?q=", 400, "q: is empty"),
        ("/api/v1/search?re=(", 400, "re: no regular expression: unclosed group"),
        ("/api/v1/explain/%2e%2e%2fetc%2fpasswd", 404, "nothing is known"),
        ("/api/v1/clients", 500, "cannot be answered"),
        ("/api/v1/nothing", 404, "nothing here"),
    ] {
        let answer = server.get(path);
        assert_eq!(status(&answer), expected, "{answer}");
        if expected != 200 {
            assert!(
                answer.contains("content-type: application/problem+json\r\n"),
                "{answer}"
            );
            let problem: serde_json::Value = serde_json::from_str(body(&answer)).expect("JSON");
            assert_eq!(problem["status"], expected, "{answer}");
            assert!(
                problem["detail"].as_str().is_some_and(|text| text.contains(detail)),
                "{answer}"
            );
        }
    }
}

#[test]
fn both_formats_of_metrics() {
    let server = Server::made("http-metrics", on_loopback());
    let Server { address, .. } = &server;
    let with = |accept: &str| {
        server.answer(
            format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        )
    };
    let answer = with("*/*");
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
        "{answer}"
    );
    let answer = with("application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    assert!(
        answer.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"),
        "{answer}"
    );
    assert!(answer.contains("# EOF"), "{answer}");
}

#[test]
fn slow_clients_are_let_go_and_hurt_nobody() {
    let mut config = on_loopback();
    config.timeout_s = 1;
    let server = Server::made("http-slow", config);
    let began = Instant::now();
    let mut slow: Vec<TcpStream> = (0..20)
        .map(|number| {
            let mut stream = TcpStream::connect(server.address).expect("connected");
            // some say nothing at all, some begin
            let begin: &[u8] = [&b""[..], b"G", b"GET / HTTP/1.1\r\nHo"][number % 3];
            stream.write_all(begin).expect("written");
            stream
        })
        .collect();
    assert_eq!(server.status_of("/healthz"), 200);
    for stream in &mut slow {
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{answer:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "they were not let go");
    // a byte now and then is no request either
    let mut drip = TcpStream::connect(server.address).expect("connected");
    let began = Instant::now();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nx: {}\r\n\r\n",
        server.address,
        "y".repeat(200)
    );
    let mut open = true;
    for byte in request.as_bytes() {
        open = open && drip.write_all(&[*byte]).is_ok();
        if !open {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(
        !open && began.elapsed() < Duration::from_secs(15),
        "dripping went on for {:?}",
        began.elapsed()
    );
}

#[test]
fn who_takes_no_answer_gives_the_room_back() {
    let mut config = on_loopback();
    (config.timeout_s, config.connections_max) = (1, 1);
    let server = Server::made("http-stall", config);
    let mut stalled = TcpStream::connect(server.address).expect("connected");
    let Server { address, token, .. } = &server;
    let request = format!("GET /api/v1/sessions HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n");
    stalled.write_all(request.as_bytes()).expect("written");
    let began = Instant::now();
    // the only place is taken until the server has had enough
    loop {
        match server.status_of("/healthz") {
            200 => break,
            other => assert!(matches!(other, 503 | 0), "{other}"),
        }
        assert!(began.elapsed() < PATIENCE, "the place is still taken");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(stalled);
}

#[test]
fn many_connections_are_bounded() {
    let mut config = on_loopback();
    config.connections_max = 4;
    let server = Server::made("http-many", config);
    let held: Vec<TcpStream> = (0..4)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address).expect("connected");
            let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
            stream.write_all(request.as_bytes()).expect("written");
            // answered, and kept open
            let mut first = [0; 12];
            stream.read_exact(&mut first).expect("an answer");
            stream
        })
        .collect();
    assert_eq!(server.status_of("/healthz"), 503);
    drop(held);
    let began = Instant::now();
    while server.status_of("/healthz") != 200 {
        assert!(began.elapsed() < PATIENCE, "no place became free");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_unix_socket() {
    let folder = Folder::new("http-unix-dir");
    let path = folder.0.join("x.sock");
    let config = Config {
        listen: Some(vec![format!("unix:{}", path.display())]),
        ..Config::default()
    };
    // one that a killed daemon left behind is in nobody's way
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    let mut server = Server::made("http-unix", config.clone());
    let other = Folder::new("http-unix-other");
    let refused = bind(&config, &other.0, Arc::new(Made)).err().expect("refused");
    assert!(refused.contains("another program listens there"), "{refused}");
    let mode = std::fs::metadata(&path).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let ask = |request: String| {
        let mut stream = UnixStream::connect(&path).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream.write_all(request.as_bytes()).expect("written");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        status(&answer)
    };
    let token = &server.token;
    assert_eq!(
        ask("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned()),
        200
    );
    assert_eq!(
        ask("GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_owned()),
        401
    );
    let asked = format!(
        "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(ask(asked), 200);
    server.stop();
    assert!(!path.exists(), "the socket is removed at the end");
}

#[test]
fn without_a_word_it_is_a_socket_in_the_store() {
    let folder = Folder::new("http-default");
    let web = bind(&Config::default(), &folder.0, Arc::new(Made)).expect("a server");
    assert_eq!(web.names().len(), 1);
    assert!(web.names()[0].ends_with("/http.sock"), "{:?}", web.names());
    drop(web);
    // and with any word: `tunlog status` asks there
    let own = format!(
        "unix:{}",
        folder.0.canonicalize().expect("a path").join("http.sock").display()
    );
    for listen in [vec![], vec!["127.0.0.1:0".to_owned()], vec![own.clone()]] {
        let config = Config {
            listen: Some(listen.clone()),
            ..Config::default()
        };
        let web = bind(&config, &folder.0, Arc::new(Made)).expect("a server");
        assert_eq!(web.names().iter().filter(|name| **name == own).count(), 1, "{listen:?}");
        assert_eq!(
            web.names().len(),
            listen.len().max(1) + usize::from(listen == ["127.0.0.1:0"])
        );
        assert_eq!(web.notices(), <[String; 0]>::default());
    }
    // one that cannot be had is told
    std::fs::write(folder.0.join("http.sock"), "x").expect("written");
    let web = bind(&on_loopback(), &folder.0, Arc::new(Made)).expect("a server");
    assert_eq!(web.names().len(), 1);
    assert!(
        web.notices()[0].contains("there is a file of that name"),
        "{:?}",
        web.notices()
    );
}

#[test]
fn one_client_does_not_get_all_connections() {
    let mut config = on_loopback();
    (config.connections_max, config.client_connections_max) = (10, 3);
    let server = Server::made("http-crowd", config);
    let hold = |stream: &mut dyn Stream| {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
        stream.write_all(request.as_bytes()).expect("written");
        let mut first = [0; 12];
        stream.read_exact(&mut first).expect("an answer");
        first.starts_with(b"HTTP/1.1 200")
    };
    let mut held: Vec<TcpStream> = (0..3)
        .map(|_| TcpStream::connect(server.address).expect("connected"))
        .collect();
    assert!(held.iter_mut().all(|stream| hold(stream)));
    assert_eq!(server.status_of("/healthz"), 503);
    // users of this machine come by the socket, and are counted by themselves
    let path = server._folder.0.join("http.sock");
    let mut local: Vec<UnixStream> = (0..3).map(|_| UnixStream::connect(&path).expect("connected")).collect();
    assert!(local.iter_mut().all(|stream| hold(stream)));
    assert!(!hold(&mut UnixStream::connect(&path).expect("connected")));
    drop((held, local));
    let began = Instant::now();
    while server.status_of("/healthz") != 200 {
        assert!(began.elapsed() < PATIENCE, "no place became free");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_connection_is_not_kept_for_ever() {
    let mut config = on_loopback();
    (config.connection_s, config.timeout_s) = (1, 5);
    let server = Server::made("http-age", config);
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    // asks again and again, each time within the time of a request's head
    let asked = |pause: Duration| {
        let mut stream = TcpStream::connect(server.address).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        let mut answers = 0;
        let mut buffer = [0; 4096];
        while stream.write_all(request.as_bytes()).is_ok() {
            match stream.read(&mut buffer) {
                Ok(read) if read > 0 => answers += 1,
                _ => break,
            }
            std::thread::sleep(pause);
        }
        answers
    };
    let began = Instant::now();
    let slowly = asked(Duration::from_millis(200));
    assert!(
        (1..100).contains(&slowly) && began.elapsed() < Duration::from_secs(15),
        "{slowly}"
    );
}

#[test]
fn a_connection_that_rests_is_closed() {
    let mut config = on_loopback();
    config.timeout_s = 1;
    let server = Server::made("http-idle", config);
    let mut idle = TcpStream::connect(server.address).expect("connected");
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    let began = Instant::now();
    // answered, and then kept for the next request no longer than for a head
    let answer = talk(&mut idle, request.as_bytes());
    assert_eq!(status(&answer), 200);
    assert!(!answer.contains("connection: close"), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

/// What takes long holds up only its like.
#[test]
fn a_slow_question_holds_up_no_other_kind() {
    let server = Server::made("http-rooms", on_loopback());
    let Server { address, token, .. } = &server;
    let request = format!(
        "GET /api/v1/search?q=x&limit=7 HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    let slow: Vec<JoinHandle<u16>> = (0..2)
        .map(|_| {
            let (address, request) = (*address, request.clone());
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(address).expect("connected");
                status(&talk(&mut stream, request.as_bytes()))
            })
        })
        .collect();
    let began = Instant::now();
    while SEARCHING.load(Ordering::SeqCst) == 0 {
        assert!(began.elapsed() < PATIENCE, "no search began");
        std::thread::sleep(Duration::from_millis(5));
    }
    for path in [
        "/api/v1/attempts",
        "/api/v1/explain/pppd/x",
        "/api/v1/status",
        "/metrics",
    ] {
        assert_eq!(status(&server.get(path)), 200, "{path}");
    }
    assert!(slow.iter().any(|slow| !slow.is_finished()), "they were waited for");
    for slow in slow {
        assert_eq!(slow.join().expect("an answer"), 503);
    }
}

#[test]
fn a_thousand_requests_are_enough_of_one_connection() {
    let server = Server::made("http-thousand", on_loopback());
    let mut stream = TcpStream::connect(server.address).expect("connected");
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
    let mut writing = stream.try_clone().expect("the same");
    let thousand = request.repeat(1000);
    let writer = std::thread::spawn(move || writing.write_all(thousand.as_bytes()));
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    let (mut answers, mut more) = (Vec::new(), [0; 4096]);
    let count = |answers: &[u8]| String::from_utf8_lossy(answers).matches("HTTP/1.1 200").count();
    // all are read before another is asked for: what is under way to a closed socket takes answers with it
    while count(&answers) < 1000 {
        let read = stream.read(&mut more).expect("an answer");
        assert!(read > 0, "closed after {}", count(&answers));
        answers.extend_from_slice(&more[..read]);
    }
    writer.join().expect("a thread").expect("written");
    let _ = stream.write_all(request.as_bytes());
    let _ = stream.read_to_end(&mut answers);
    assert_eq!(count(&answers), 1000);
}

#[test]
fn what_cannot_be_had_is_an_error_at_the_start() {
    let folder = Folder::new("http-errors");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let file = folder.0.join("file");
    std::fs::write(&file, "x").expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    let listening = |listen: &str| Config {
        listen: Some(vec![listen.to_owned()]),
        ..Config::default()
    };
    let with_certificate = Config {
        certificate: Some(file.clone()),
        key: Some(file.clone()),
        ..on_loopback()
    };
    let with_token = Config {
        token_file: Some(file.clone()),
        ..on_loopback()
    };
    for (config, why) in [
        (listening(&address), "cannot listen on 127.0.0.1"),
        (
            listening(&format!("unix:{}", file.display())),
            "there is a file of that name",
        ),
        (
            listening(&format!("unix:/{}", "x".repeat(200))),
            "longer than 107 bytes",
        ),
        (listening("0.0.0.0:0"), "can be reached by others"),
        (listening("nonsense"), "is no address to listen on"),
        (with_certificate, "there is no certificate in it"),
        (with_token, "the first line must be a secret"),
    ] {
        let error = bind(&config, &folder.0, Arc::new(Made)).err().expect("refused");
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn with_tls() {
    use rustls::pki_types::ServerName;
    let folder = Folder::new("http-tls-files");
    let made = rcgen::generate_simple_self_signed(vec!["vpn.example".to_owned()]).expect("a certificate");
    let (chain, key) = (folder.0.join("chain.pem"), folder.0.join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    // what everybody can read is no key
    let mode = |mode| std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).expect("a mode");
    mode(0o600);
    let config = Config {
        listen: Some(vec!["0.0.0.0:0".to_owned()]),
        certificate: Some(chain),
        key: Some(key.clone()),
        hosts: vec!["vpn.example".to_owned()],
        ..Config::default()
    };
    mode(0o644);
    let refused = bind(&config, &folder.0, Arc::new(Made)).err().expect("refused");
    assert!(
        refused.contains("everybody on this machine can read") && refused.contains("chmod 600"),
        "{refused}"
    );
    mode(0o600);
    let server = Server::made("http-tls", config);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = Arc::new(client);
    let ask = |request: String| {
        let name = ServerName::try_from("vpn.example").expect("a name");
        let connection = rustls::ClientConnection::new(Arc::clone(&client), name).expect("a client");
        let tcp = TcpStream::connect(("127.0.0.1", server.address.port())).expect("connected");
        tcp.set_read_timeout(Some(PATIENCE)).expect("set");
        let mut stream = rustls::StreamOwned::new(connection, tcp);
        stream.write_all(request.as_bytes()).expect("written");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        status(&String::from_utf8_lossy(&answer))
    };
    let token = &server.token;
    // it came over loopback, so metrics are told as there
    assert_eq!(
        ask("GET /metrics HTTP/1.1\r\nHost: vpn.example\r\nConnection: close\r\n\r\n".to_owned()),
        200
    );
    assert_eq!(
        ask("GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".to_owned()),
        403
    );
    let asked = format!(
        "GET /api/v1/status HTTP/1.1\r\nHost: vpn.example:1\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(ask(asked), 200);
    // in the clear nothing is said
    let mut plain = TcpStream::connect(("127.0.0.1", server.address.port())).expect("connected");
    let answer = talk(&mut plain, b"GET /metrics HTTP/1.1\r\nHost: vpn.example\r\n\r\n");
    assert!(!answer.contains("HTTP/1.1"), "{answer}");
}

/// A certificate is renewed: who is connected stays, who comes sees the new one, and a broken one changes nothing.
#[test]
fn a_new_certificate_is_used_at_once() {
    use rustls::pki_types::ServerName;
    let folder = Folder::new("http-renewed-files");
    let (chain, key) = (folder.0.join("chain.pem"), folder.0.join("key.pem"));
    let write = || {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        std::fs::write(&chain, made.cert.pem()).expect("written");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        made.cert.der().clone()
    };
    let first = write();
    let config = Config {
        certificate: Some(chain.clone()),
        key: Some(key.clone()),
        ..on_loopback()
    };
    let server = Server::made("http-renewed", config);
    let reload = server.reload.as_ref().expect("TLS");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let connect = |trusted: &rustls::pki_types::CertificateDer<'static>| {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(trusted.clone()).expect("a root");
        let client = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let connection = rustls::ClientConnection::new(Arc::new(client), name).expect("a client");
        let tcp = TcpStream::connect(server.address).expect("connected");
        tcp.set_read_timeout(Some(PATIENCE)).expect("set");
        rustls::StreamOwned::new(connection, tcp)
    };
    let ask = |stream: &mut dyn Stream| {
        let written = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let mut answer = [0; 4096];
        let read = written.and_then(|()| stream.read(&mut answer));
        read.is_ok_and(|read| answer[..read].starts_with(b"HTTP/1.1 200"))
    };
    let mut kept = connect(&first);
    assert!(ask(&mut kept));
    let second = write();
    reload().expect("the new one");
    assert!(ask(&mut kept), "who was connected stays");
    assert!(ask(&mut connect(&second)) && !ask(&mut connect(&first)));
    std::fs::write(&chain, "broken").expect("written");
    assert!(reload().is_err());
    assert!(ask(&mut connect(&second)) && ask(&mut kept));
}

#[test]
fn it_ends_while_clients_are_connected() {
    let mut server = Server::made("http-end", on_loopback());
    let mut idle = TcpStream::connect(server.address).expect("connected");
    idle.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes())
        .expect("written");
    let mut first = [0; 12];
    idle.read_exact(&mut first).expect("an answer");
    let silent = TcpStream::connect(server.address).expect("connected");
    let began = Instant::now();
    server.stop();
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "it took {:?}",
        began.elapsed()
    );
    drop((idle, silent));
}
