//! Messages to a syslog server: RFC 5424 over UDP (RFC 5426) or TCP with octet counting (RFC 6587), or what syslog(3) writes to
//! the socket of this machine.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;
use tunlog_report::{local, rfc3339};

use super::config::{Syslog, SyslogForm};
use super::courier::{Courier, Failed, said};
use super::message::Message;

/// Bytes of a datagram: what every receiver should take (RFC 5424 §6.1).
const DATAGRAM_MAX: usize = 2048;
/// Bytes of a message over TCP: what common receivers take.
const STREAM_MAX: usize = 8192;

const FACILITIES: &[(&str, u8)] = &[
    ("user", 1),
    ("daemon", 3),
    ("auth", 4),
    ("authpriv", 10),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

type Wrong = (&'static str, String);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Udp(String),
    Tcp(String),
    Unix(PathBuf),
}

fn target(text: &str) -> Result<Target, String> {
    let wrong = || format!("`{text}`: udp:HOST:PORT, tcp:HOST:PORT or unix:PATH");
    let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
    let has_port = rest
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0));
    match kind {
        "udp" if has_port => Ok(Target::Udp(rest.to_owned())),
        "tcp" if has_port => Ok(Target::Tcp(rest.to_owned())),
        "unix" if rest.starts_with('/') => Ok(Target::Unix(PathBuf::from(rest))),
        _ => Err(wrong()),
    }
}

fn facility(word: &str) -> Result<u8, String> {
    let found = FACILITIES.iter().find(|(known, _)| *known == word);
    found.map(|(_, number)| *number).ok_or_else(|| {
        let known: Vec<&str> = FACILITIES.iter().map(|(known, _)| *known).collect();
        format!("`{word}` is no facility: {}", known.join(", "))
    })
}

/// Judges the configuration.
pub fn check(config: &Syslog) -> Result<(), Wrong> {
    target(&config.to).map_err(|why| ("to", why))?;
    facility(&config.facility).map_err(|why| ("facility", why))?;
    match config.timeout.is_zero() {
        true => Err(("timeout", "must be at least a second".to_owned())),
        false => Ok(()),
    }
}

enum Connection {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Datagram(UnixDatagram),
    Stream(UnixStream),
}

/// Sends messages.
pub struct Sender {
    target: Target,
    facility: u8,
    form: SyslogForm,
    timeout: Duration,
    host: String,
    zone: TimeZone,
    connection: Option<Connection>,
}

impl Sender {
    /// Connects with the first message only.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn open(config: &Syslog, zone: TimeZone) -> Result<Sender, Wrong> {
        let target = target(&config.to).map_err(|why| ("to", why))?;
        let form = match (config.format, &target) {
            (SyslogForm::Auto, Target::Unix(_)) => SyslogForm::Rfc3164,
            (SyslogForm::Auto, _) => SyslogForm::Rfc5424,
            (form, _) => form,
        };
        Ok(Sender {
            target,
            facility: facility(&config.facility).map_err(|why| ("facility", why))?,
            form,
            timeout: config.timeout.duration(),
            host: host(),
            zone,
            connection: None,
        })
    }

    fn connect(&self) -> io::Result<Connection> {
        match &self.target {
            Target::Udp(to) => {
                let to = address(to)?;
                let any: SocketAddr = match to.is_ipv4() {
                    true => (Ipv4Addr::UNSPECIFIED, 0).into(),
                    false => (Ipv6Addr::UNSPECIFIED, 0).into(),
                };
                let socket = UdpSocket::bind(any)?;
                socket.connect(to)?;
                socket.set_write_timeout(Some(self.timeout))?;
                Ok(Connection::Udp(socket))
            }
            Target::Tcp(to) => {
                let stream = TcpStream::connect_timeout(&address(to)?, self.timeout)?;
                stream.set_write_timeout(Some(self.timeout))?;
                stream.set_nodelay(true)?;
                Ok(Connection::Tcp(stream))
            }
            Target::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.set_write_timeout(Some(self.timeout))?;
                match socket.connect(path) {
                    Ok(()) => Ok(Connection::Datagram(socket)),
                    Err(datagram) => {
                        // some daemons listen for streams there, and syslog(3) tries both
                        let stream = UnixStream::connect(path).map_err(|_| datagram)?;
                        stream.set_write_timeout(Some(self.timeout))?;
                        Ok(Connection::Stream(stream))
                    }
                }
            }
        }
    }

    fn send(&mut self, message: &Message) -> io::Result<()> {
        if self.connection.as_ref().is_none_or(is_closed) {
            self.connection = Some(self.connect()?);
        }
        let bytes_max = match &self.connection {
            Some(Connection::Tcp(_)) => STREAM_MAX,
            _ => DATAGRAM_MAX,
        };
        let line = self.line(message, bytes_max);
        match &mut self.connection {
            Some(Connection::Udp(socket)) => socket.send(line.as_bytes()).map(drop),
            Some(Connection::Datagram(socket)) => socket.send(line.as_bytes()).map(drop),
            Some(Connection::Tcp(stream)) => stream.write_all(format!("{} {line}", line.len()).as_bytes()),
            // syslog(3) ends a message of a stream with NUL
            Some(Connection::Stream(stream)) => stream.write_all(format!("{line}\0").as_bytes()),
            None => Ok(()),
        }
    }

    /// The message, whole characters of it.
    fn line(&self, message: &Message, bytes_max: usize) -> String {
        let words = message.words(&self.zone);
        let priority = self.facility * 8 + severity(&words.severity);
        let time = message.worst().map_or(0, |notice| notice.time);
        let process = std::process::id();
        let mut line = match self.form {
            SyslogForm::Rfc3164 => {
                let stamp = local(time, &self.zone, "%b %e %H:%M:%S");
                let host = match self.target {
                    Target::Unix(_) => String::new(),
                    _ => format!("{} ", self.host),
                };
                format!("<{priority}>{stamp} {host}tunlog[{process}]: ")
            }
            _ => {
                let kind = message.worst().map_or("digest", |notice| notice.kind.word());
                let data = data(message, &words.severity);
                format!(
                    "<{priority}>1 {} {} tunlog {process} {kind} {data} \u{feff}",
                    rfc3339(time),
                    self.host
                )
            }
        };
        line.push_str(&words.headline());
        if !words.summary.is_empty() {
            line.push_str(&format!(": {}", words.summary));
        }
        let rows = words
            .facts
            .iter()
            .map(|(name, value)| format!("{name}: {value}"))
            .chain(words.lines);
        rows.for_each(|row| line.push_str(&format!("; {row}")));
        line.truncate(line.floor_char_boundary(bytes_max));
        line
    }
}

/// RFC 5424 §6.3. The enterprise number is the one that RFC 5612 keeps for examples: tunlog has none.
fn data(message: &Message, severity: &str) -> String {
    let mut out = "[tunlog@32473".to_owned();
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
            out.push_str(&format!(" {name}=\"{value}\""));
        }
    };
    add("id", &message.id);
    add("severity", severity);
    add("count", &message.count().to_string());
    if let Some(notice) = message.worst() {
        add("rule", &notice.rule);
        add("user", &notice.user);
        add("client_ip", &notice.client_ip);
        add("gateway", &notice.gateway);
    }
    out.push(']');
    out
}

fn severity(word: &str) -> u8 {
    match word {
        "critical" => 2,
        "high" => 3,
        "medium" => 4,
        "low" => 5,
        _ => 6,
    }
}

fn address(text: &str) -> io::Result<SocketAddr> {
    let none = || io::Error::new(io::ErrorKind::NotFound, "the host's name has no address");
    text.to_socket_addrs()?.next().ok_or_else(none)
}

/// A receiver that is gone is noticed before writing: what is written then is lost without a word.
fn is_closed(connection: &Connection) -> bool {
    let Connection::Tcp(stream) = connection else {
        return false;
    };
    let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
    let closed = match looked {
        Ok(0) => true,
        Ok(_) => false,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    };
    closed || stream.set_nonblocking(false).is_err()
}

/// This machine's name, as a header may hold it.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
    match name.is_empty() {
        true => "-".to_owned(),
        false => name,
    }
}

impl Courier for Sender {
    fn deliver(&mut self, message: &Message) -> Result<(), Failed> {
        self.send(message).map_err(|error| {
            self.connection = None;
            Failed::for_now(said(&error.to_string()))
        })
    }
}
