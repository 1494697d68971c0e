//! Receivers of our own on this machine: an HTTP server that does what it is told to, and an SMTP server.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// How long anything is waited for; a loaded machine is slow.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A request.
#[derive(Clone, Debug)]
pub struct Got {
    pub head: String,
    pub body: String,
    pub at: Instant,
    /// Which connection it came on.
    pub connection: usize,
}

impl Got {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A status line, headers and a body.
    Status(&'static str, String),
    /// Nothing, for long.
    Hang,
    /// The connection is closed at once.
    Close,
    /// It is told, and the connection is closed without a word that it will be.
    OkAndClose,
    /// Something that is no HTTP.
    Garbage,
}

pub const OK: Answer = Answer::Status("200 OK", String::new());

/// An HTTP server.
pub struct Http {
    pub address: SocketAddr,
    pub got: Receiver<Got>,
}

type Handler = Arc<dyn Fn(usize, &Got) -> Answer + Send + Sync>;

impl Http {
    /// One that answers the n-th request (from 0) as it is told.
    pub fn start(answer: impl Fn(usize, &Got) -> Answer + Send + Sync + 'static) -> Http {
        Http::over(None, answer)
    }

    /// The same over TLS.
    pub fn start_tls(tls: &Identity, answer: impl Fn(usize, &Got) -> Answer + Send + Sync + 'static) -> Http {
        Http::over(Some(Arc::clone(&tls.config)), answer)
    }

    fn over(tls: Option<Arc<ServerConfig>>, answer: impl Fn(usize, &Got) -> Answer + Send + Sync + 'static) -> Http {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let (sender, got) = channel();
        let handler: Handler = Arc::new(answer);
        let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let Ok(stream) = stream else { return };
                let _ = stream.set_nodelay(true);
                let (sender, handler, count, tls) =
                    (sender.clone(), Arc::clone(&handler), Arc::clone(&count), tls.clone());
                std::thread::spawn(move || {
                    let next = move || count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    match tls {
                        None => _ = serve(stream, number, &sender, &handler, next),
                        Some(config) => {
                            let connection = ServerConnection::new(config).expect("TLS");
                            let _ = serve(StreamOwned::new(connection, stream), number, &sender, &handler, next);
                        }
                    }
                });
            }
        });
        Http { address, got }
    }

    /// Where to send requests.
    pub fn url(&self) -> String {
        format!("http://{}/hook?secret=hunter2", self.address)
    }

    /// The next request.
    pub fn next(&self) -> Got {
        self.got.recv_timeout(PATIENCE).expect("a request")
    }
}

fn serve(
    mut stream: impl Read + Write,
    connection: usize,
    sender: &Sender<Got>,
    handler: &Handler,
    next: impl Fn() -> usize,
) -> io::Result<()> {
    while let Some(head) = head(&mut stream)? {
        let at = Instant::now();
        let length = head.lines().find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")?
                .trim()
                .parse()
                .ok()
        });
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body)?;
        let body = String::from_utf8(body).expect("UTF-8");
        let got = Got {
            head,
            body,
            at,
            connection,
        };
        let answer = handler(next(), &got);
        let _ = sender.send(got);
        match answer {
            Answer::Status(status, rest) => {
                // what comes before an empty line are headers
                let (headers, body) = rest.split_once("\n\n").unwrap_or(("", &rest));
                let headers: String = headers.lines().map(|line| format!("{line}\r\n")).collect();
                let length = body.len();
                stream.write_all(
                    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}").as_bytes(),
                )?;
                stream.flush()?;
            }
            Answer::Hang => std::thread::sleep(PATIENCE * 4),
            Answer::Close => return Ok(()),
            Answer::OkAndClose => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
                return Ok(());
            }
            Answer::Garbage => {
                stream.write_all(b"220 smtp.example.net ESMTP\r\n\r\n")?;
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Up to the empty line; None at the end.
fn head(stream: &mut impl Read) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        bytes.push(byte[0]);
    }
    Ok(Some(String::from_utf8(bytes).expect("UTF-8")))
}

/// A certificate that nobody knows, for `localhost`.
pub struct Identity {
    config: Arc<ServerConfig>,
    /// The certificate as PEM.
    pub pem: String,
}

impl Identity {
    /// A new one.
    pub fn new() -> Identity {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("a key of its own");
        Identity {
            config: Arc::new(config),
            pem: made.cert.pem(),
        }
    }
}

/// What an SMTP server got: commands, and the letter.
#[derive(Clone, Debug)]
pub struct Letter {
    pub commands: Vec<String>,
    pub text: String,
    /// Whether it came over TLS.
    pub tls: bool,
}

/// An SMTP server.
pub struct Smtp {
    pub address: SocketAddr,
    pub got: Receiver<Letter>,
}

impl Smtp {
    /// One that offers STARTTLS if it has an identity, and answers the end of a letter as it is told.
    pub fn start(tls: Option<&Identity>, answer: &'static str) -> Smtp {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let (sender, got) = channel();
        let config = tls.map(|identity| Arc::clone(&identity.config));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let (sender, config) = (sender.clone(), config.clone());
                std::thread::spawn(move || Smtp::talk(stream, config, answer, &sender));
            }
        });
        Smtp { address, got }
    }

    fn talk(
        mut stream: TcpStream,
        config: Option<Arc<ServerConfig>>,
        answer: &str,
        sender: &Sender<Letter>,
    ) -> io::Result<()> {
        stream.write_all(b"220 smtp.example.net ESMTP\r\n")?;
        let mut commands = Vec::new();
        let upgrade = session(&mut stream, config.is_some(), false, answer, &mut commands, sender)?;
        if let Some(config) = config.filter(|_| upgrade) {
            let connection = ServerConnection::new(config).expect("TLS");
            let mut stream = StreamOwned::new(connection, stream);
            session(&mut stream, false, true, answer, &mut commands, sender)?;
        }
        Ok(())
    }
}

/// True if TLS is to begin.
fn session(
    stream: &mut (impl Read + Write),
    offers: bool,
    tls: bool,
    answer: &str,
    commands: &mut Vec<String>,
    sender: &Sender<Letter>,
) -> io::Result<bool> {
    while let Some(line) = line(stream)? {
        commands.push(line.clone());
        let word = line.split_whitespace().next().unwrap_or("").to_ascii_uppercase();
        match word.as_str() {
            "EHLO" if offers => stream.write_all(b"250-smtp.example.net\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n")?,
            "EHLO" => stream.write_all(b"250-smtp.example.net\r\n250 AUTH PLAIN\r\n")?,
            "STARTTLS" => {
                stream.write_all(b"220 go on\r\n")?;
                return Ok(true);
            }
            "AUTH" => stream.write_all(b"235 welcome\r\n")?,
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mut text = String::new();
                while let Some(line) = self::line(stream)? {
                    if line == "." {
                        break;
                    }
                    text.push_str(&line);
                    text.push('\n');
                }
                let letter = Letter {
                    commands: commands.clone(),
                    text,
                    tls,
                };
                stream.write_all(format!("{answer}\r\n").as_bytes())?;
                let _ = sender.send(letter);
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n")?;
                return Ok(false);
            }
            _ => stream.write_all(b"250 fine\r\n")?,
        }
    }
    Ok(false)
}

fn line(stream: &mut impl Read) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        bytes.push(byte[0]);
    }
    bytes.truncate(bytes.len() - 2);
    Ok(Some(String::from_utf8(bytes).expect("UTF-8")))
}
