//! A log server as a witness: a line for each checkpoint, as RFC 5424 over TCP (octet counting, RFC 6587), TLS (RFC 5425), UDP
//! (RFC 5426) or a Unix socket. TLS itself is not in here: who opens the store brings it along ([`Reach`]). It has time-outs, and none of it happens on the thread that keeps records.

use std::fmt;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::checkpoint::stamp;
use crate::error::{Kind, Result, StoreError};

/// How long each step on the network may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long a server is given to say that it wants none of it.
const LINGER: Duration = Duration::from_millis(300);
/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 4;
/// The usual ports.
const PORT: u16 = 514;
const TLS_PORT: u16 = 6514;
/// Facility local0, severity notice.
const PRIORITY: u8 = 16 * 8 + 5;

/// A way to a log server on which messages go one after the other.
pub trait Connection: Read + Write + Send {
    /// Says that no more messages come.
    ///
    /// # Errors
    /// If that cannot be said.
    fn finish(&mut self) -> std::io::Result<()>;
}

impl Connection for TcpStream {
    fn finish(&mut self) -> std::io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }
}

/// Makes a TCP connection to the host of this name one that nobody reads or changes on its way: by TLS, with the host's certificate
/// judged. Time-outs are set already.
pub type Reach = Arc<dyn Fn(&str, TcpStream) -> std::io::Result<Box<dyn Connection>> + Send + Sync>;

/// Where a log server listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// `tcp://HOST:PORT`
    Tcp(String),
    /// `tls://HOST:PORT`
    Tls(String),
    /// `udp://HOST:PORT`
    Udp(String),
    /// `unix:PATH`
    Unix(PathBuf),
}

impl Address {
    /// What somebody wrote; None if it is no log server but a file.
    ///
    /// # Errors
    /// Why it cannot be one, although it looks like one.
    pub fn parse(typed: &str) -> Option<std::result::Result<Address, String>> {
        let host_at = |rest: &str, port: u16| {
            let has_port = rest.rsplit_once(':').is_some_and(|(host, port)| {
                port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']'))
            });
            let is_name = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()) && !rest.contains('/');
            match (is_name, has_port) {
                (false, _) => Err(format!(
                    "`{typed}` names no log server: write tcp://HOST:PORT or tls://HOST:PORT"
                )),
                (true, true) => Ok(rest.to_owned()),
                (true, false) => Ok(format!("{rest}:{port}")),
            }
        };
        let host = |rest: &str| host_at(rest, PORT);
        if let Some(rest) = typed.strip_prefix("tls://") {
            return Some(host_at(rest, TLS_PORT).map(Address::Tls));
        }
        if let Some(rest) = typed.strip_prefix("tcp://") {
            return Some(host(rest).map(Address::Tcp));
        }
        if let Some(rest) = typed.strip_prefix("udp://") {
            return Some(host(rest).map(Address::Udp));
        }
        let path = typed.strip_prefix("unix:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(match Path::new(path).is_absolute() && !path.contains('\n') {
            true => Ok(Address::Unix(PathBuf::from(path))),
            false => Err(format!("`{typed}` names no socket: write unix:/dev/log")),
        })
    }

    /// Sends lines, in order: how many are out, and why not the others. `time` is the present, microseconds UTC.
    pub fn send(&self, lines: &[String], origin: &str, time: i64, reach: Option<&Reach>) -> (usize, Result<()>) {
        let host = origin.split('/').next().unwrap_or("-");
        let host = if host.is_empty() || host.len() > 255 || !host.is_ascii() {
            "-"
        } else {
            host
        };
        let process = std::process::id();
        let messages: Vec<Vec<u8>> = lines
            .iter()
            .map(|line| {
                format!(
                    "<{PRIORITY}>1 {} {host} tunlog {process} checkpoint - {line}",
                    stamp(time)
                )
                .into_bytes()
            })
            .collect();
        let mut sent = 0;
        let done = match self {
            Address::Tcp(address) => connect(address).and_then(|stream| through(stream, &messages, &mut sent)),
            Address::Tls(address) => over_tls(address, reach, &messages, &mut sent),
            Address::Udp(address) => over_udp(address, &messages, &mut sent),
            Address::Unix(path) => over_unix(path, &messages, &mut sent),
        };
        let failed = |error: std::io::Error| StoreError::io(Path::new(&self.to_string()), &error);
        (sent, done.map_err(failed))
    }

    /// The store's error for it.
    pub fn error(&self, cause: &str) -> StoreError {
        StoreError::new(Kind::Io, Path::new(&self.to_string()), cause)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => write!(out, "tcp://{address}"),
            Address::Tls(address) => write!(out, "tls://{address}"),
            Address::Udp(address) => write!(out, "udp://{address}"),
            Address::Unix(path) => write!(out, "unix:{}", path.display()),
        }
    }
}

/// The error of the last of several addresses that were tried.
fn none_found() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address")
}

fn connect(address: &str) -> std::io::Result<TcpStream> {
    let mut failed = none_found();
    for address in address.to_socket_addrs()?.take(ADDRESSES_MAX) {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                stream.set_write_timeout(Some(PATIENCE))?;
                stream.set_read_timeout(Some(LINGER))?;
                return Ok(stream);
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn over_tls(address: &str, reach: Option<&Reach>, messages: &[Vec<u8>], sent: &mut usize) -> std::io::Result<()> {
    let Some(reach) = reach else {
        let words = "nobody has brought a way to reach it by TLS";
        return Err(std::io::Error::new(std::io::ErrorKind::Unsupported, words));
    };
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let stream = connect(address)?;
    // a handshake is an exchange: the other side has the time that a step may take
    stream.set_read_timeout(Some(PATIENCE))?;
    let timed = stream.try_clone()?;
    let connection = reach(bare.unwrap_or(host), stream)?;
    timed.set_read_timeout(Some(LINGER))?;
    through(connection, messages, sent)
}

impl<C: Connection + ?Sized> Connection for Box<C> {
    fn finish(&mut self) -> std::io::Result<()> {
        (**self).finish()
    }
}

/// TCP acknowledges bytes, syslog nothing: a server that is up and closes the connection at once has taken none of it, so what
/// it does after the last line is waited for a moment.
fn through(mut stream: impl Connection, messages: &[Vec<u8>], sent: &mut usize) -> std::io::Result<()> {
    for message in messages {
        let mut framed = format!("{} ", message.len()).into_bytes();
        framed.extend_from_slice(message);
        stream.write_all(&framed)?;
    }
    stream.finish()?;
    let mut answer = [0_u8; 64];
    match stream.read(&mut answer) {
        Err(error)
            if !matches!(
                error.kind(),
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    // TLS that ends without a word after it has heard ours
                    | std::io::ErrorKind::UnexpectedEof
            ) =>
        {
            Err(error)
        }
        _ => {
            *sent = messages.len();
            Ok(())
        }
    }
}

fn over_udp(address: &str, messages: &[Vec<u8>], sent: &mut usize) -> std::io::Result<()> {
    let mut failed = none_found();
    for address in address.to_socket_addrs()?.take(ADDRESSES_MAX) {
        let from = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let connected = UdpSocket::bind(from).and_then(|socket| socket.connect(address).map(|()| socket));
        match connected {
            Err(error) => failed = error,
            Ok(socket) => {
                socket.set_write_timeout(Some(PATIENCE))?;
                for message in messages {
                    socket.send(message)?;
                    *sent += 1;
                }
                // that nobody listens is told by an answer of the other host
                socket.set_read_timeout(Some(LINGER))?;
                let refused = socket.recv(&mut [0_u8; 16]).err().map(|error| error.kind());
                if refused == Some(std::io::ErrorKind::ConnectionRefused) {
                    *sent = 0;
                    return Err(std::io::Error::new(
                        std::io::ErrorKind::ConnectionRefused,
                        "nobody listens there",
                    ));
                }
                return Ok(());
            }
        }
    }
    Err(failed)
}

#[cfg(unix)]
fn over_unix(path: &Path, messages: &[Vec<u8>], sent: &mut usize) -> std::io::Result<()> {
    let socket = std::os::unix::net::UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(PATIENCE))?;
    for message in messages {
        socket.send_to(message, path)?;
        *sent += 1;
    }
    Ok(())
}

#[cfg(not(unix))]
fn over_unix(_path: &Path, _messages: &[Vec<u8>], _sent: &mut usize) -> std::io::Result<()> {
    Err(std::io::Error::from(std::io::ErrorKind::Unsupported))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_as_people_write_them() {
        let parse = |typed: &str| Address::parse(typed).map(|found| found.map(|address| address.to_string()));
        let good = |text: &str| Some(Ok(text.to_owned()));
        assert_eq!(parse("tcp://siem1"), good("tcp://siem1:514"));
        assert_eq!(parse("udp://192.0.2.1:5140"), good("udp://192.0.2.1:5140"));
        assert_eq!(parse("tcp://[2001:db8::1]"), good("tcp://[2001:db8::1]:514"));
        assert_eq!(parse("tcp://[2001:db8::1]:601"), good("tcp://[2001:db8::1]:601"));
        assert_eq!(parse("tls://siem1"), good("tls://siem1:6514"));
        assert_eq!(parse("tls://[2001:db8::1]:601"), good("tls://[2001:db8::1]:601"));
        assert_eq!(parse("unix:/dev/log"), good("unix:/dev/log"));
        assert_eq!(parse("unix:///dev/log"), good("unix:/dev/log"));
        assert_eq!(parse("/mnt/worm/witness"), None);
        assert_eq!(parse("witness"), None);
        for wrong in [
            "tls://",
            "tcp://",
            "tcp://a/b",
            "udp://a b",
            "unix:dev/log",
            "tcp://a\nb",
        ] {
            assert!(matches!(Address::parse(wrong), Some(Err(_))), "{wrong}");
        }
    }
}
