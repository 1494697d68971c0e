//! What the section `[listen]` of the configuration says.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::allow::Allow;

/// Ports where an address names none: RFC 5426, and RFC 5425.
const PORT: u16 = 514;
const TLS_PORT: u16 = 6514;

/// Section `[listen]`: where records are received.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Addresses on which syslog is received by UDP: `0.0.0.0:514`, `[::]:514`, `localhost:5514`. Port 514 if none is named.
    pub udp: Vec<String>,
    /// Addresses on which syslog is received by TCP, each message on a line or behind its length. Port 514 if none is named.
    pub tcp: Vec<String>,
    /// Addresses on which syslog is received by TLS (RFC 5425). Port 6514 if none is named.
    pub tls: Vec<String>,
    /// PEM file with the certificate that TLS listeners show, and those that lead to its authority. Read anew on SIGHUP.
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with the key of that certificate; nobody but the daemon should be able to read it.
    pub tls_key: Option<PathBuf>,
    /// PEM file with the authorities whose certificates peers must show. Without it any peer that `allow` names may send.
    pub tls_client_ca: Option<PathBuf>,
    /// Unix sockets for datagrams, as `/dev/log` is one.
    pub unix: Vec<PathBuf>,
    /// Unix sockets for streams.
    pub unix_stream: Vec<PathBuf>,
    /// Who may write to Unix sockets of ours, as with chmod.
    pub unix_mode: String,
    /// A packet capture that is read while it is written: `-` for standard input, or a named pipe.
    pub capture: Option<String>,
    /// Who may send: networks such as `192.0.2.0/24`, and the words `loopback`, `private` and `any`. If it is not set: loopback
    /// and private networks; by TLS with `tls-client-ca` everybody whose certificate is good.
    pub allow: Option<Vec<String>>,
    /// Peers of a listener that are told apart by their address; what later ones send is kept under one name.
    pub peers_max: usize,
    /// Connections of a listener that are open at once.
    pub connections_max: usize,
    /// Connections of one peer that are open at once.
    pub peer_connections_max: usize,
    /// TLS handshakes of a listener that are under way at once, a quarter of them of one address.
    pub handshakes_max: usize,
    /// Messages a second that are taken of one peer; 0 is no limit. What comes faster by UDP is not kept, and counted as lost;
    /// a connection is read that slowly, and loses nothing.
    pub peer_rate: u32,
    /// Messages that a peer may send at once before `peer-rate` holds.
    pub peer_burst: u32,
    /// Bytes of a message that are kept; the rest of a longer one is left out.
    pub message_bytes_max: usize,
    /// Bytes that the kernel may hold for a UDP listener until they are read.
    pub receive_buffer_bytes: usize,
    /// Seconds that a TLS handshake may take.
    pub handshake_s: u64,
    /// Seconds that a connection may be open before its first message, or rest in the middle of one.
    pub stalled_s: u64,
    /// Zone of stamps that name none: a name such as `Europe/Berlin`, `UTC`, or an offset. If it is not set, that of the other
    /// sources.
    pub tz: Option<String>,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            udp: Vec::new(),
            tcp: Vec::new(),
            tls: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            tls_client_ca: None,
            unix: Vec::new(),
            unix_stream: Vec::new(),
            unix_mode: "0660".to_owned(),
            capture: None,
            allow: None,
            peers_max: 1024,
            connections_max: 1000,
            peer_connections_max: 200,
            handshakes_max: 100,
            peer_rate: 0,
            peer_burst: 10_000,
            message_bytes_max: tunlog_ingest::LINE_BYTES_MAX,
            receive_buffer_bytes: 8 * 1024 * 1024,
            handshake_s: 10,
            stalled_s: 300,
            tz: None,
        }
    }
}

/// A key that is used after a restart only.
struct Fixed {
    key: &'static str,
    differs: fn(&Config, &Config) -> bool,
    keep: fn(&mut Config, &Config),
}

macro_rules! fixed {
    ($($key:literal = $field:ident),*) => {
        &[$(Fixed {
            key: $key,
            differs: |one, other| one.$field != other.$field,
            keep: |config, running| config.$field.clone_from(&running.$field),
        }),*]
    };
}

/// All of them. Every other key holds as soon as the configuration is read again: sockets come and go with their addresses,
/// certificates are loaded, and limits are asked for with each message and connection.
const FIXED: &[Fixed] = fixed![
    "unix-mode" = unix_mode,
    "capture" = capture,
    "message-bytes-max" = message_bytes_max,
    "receive-buffer-bytes" = receive_buffer_bytes,
    "tz" = tz
];

/// A socket that is listened on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Door {
    /// Syslog by UDP.
    Udp(SocketAddr),
    /// Syslog by TCP.
    Tcp(SocketAddr),
    /// Syslog by TLS.
    Tls(SocketAddr),
    /// A Unix socket for datagrams.
    Unix(PathBuf),
    /// A Unix socket for streams.
    UnixStream(PathBuf),
}

impl std::fmt::Display for Door {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Door::Udp(address) => write!(out, "udp:{address}"),
            Door::Tcp(address) => write!(out, "tcp:{address}"),
            Door::Tls(address) => write!(out, "tls:{address}"),
            Door::Unix(path) => write!(out, "unix:{}", path.display()),
            Door::UnixStream(path) => write!(out, "unix-stream:{}", path.display()),
        }
    }
}

/// What makes a socket of its address.
type Make<Address> = fn(Address) -> Door;

impl Config {
    /// Whether anything is received.
    pub fn is_used(&self) -> bool {
        self.has_doors() || self.capture.is_some()
    }

    /// Whether syslog is received.
    pub fn has_doors(&self) -> bool {
        let addresses = [&self.udp, &self.tcp, &self.tls];
        let sockets = [&self.unix, &self.unix_stream];
        addresses.iter().any(|list| !list.is_empty()) || sockets.iter().any(|list| !list.is_empty())
    }

    /// Whether it can be done.
    ///
    /// # Errors
    /// The key whose value cannot be, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        self.doors()?;
        self.networks()?;
        self.mode()?;
        if !self.tls.is_empty() {
            let missing = |key| (key, "`tls` needs it: a PEM file".to_owned());
            self.tls_certificate
                .as_ref()
                .ok_or_else(|| missing("tls-certificate"))?;
            self.tls_key.as_ref().ok_or_else(|| missing("tls-key"))?;
        }
        if let Some(zone) = &self.tz {
            tunlog_ingest::check_zone(zone).map_err(|cause| ("tz", cause))?;
        }
        let least = [
            ("peers-max", self.peers_max, 1),
            ("connections-max", self.connections_max, 1),
            ("peer-connections-max", self.peer_connections_max, 1),
            ("handshakes-max", self.handshakes_max, 1),
            ("message-bytes-max", self.message_bytes_max, 480), // RFC 5424 §6.1
            ("receive-buffer-bytes", self.receive_buffer_bytes, 4096),
            ("handshake-s", self.handshake_s as usize, 1),
            ("stalled-s", self.stalled_s as usize, 1),
        ];
        for (key, value, least) in least {
            if value < least {
                return Err((key, format!("{value} is too little: at least {least}")));
            }
        }
        if self.message_bytes_max > 9_999_999 {
            return Err((
                "message-bytes-max",
                "more than 9999999, which no count of RFC 6587 can announce".to_owned(),
            ));
        }
        if self.peer_rate > 0 && self.peer_burst == 0 {
            return Err(("peer-burst", "0 lets nothing through: at least 1".to_owned()));
        }
        Ok(())
    }

    /// The keys that are used after a restart only, because what is open was made with them: those of which another configuration
    /// says something else.
    pub fn fixed_that_differ(&self, other: &Config) -> Vec<&'static str> {
        let differ = FIXED.iter().filter(|fixed| (fixed.differs)(self, other));
        differ.map(|fixed| fixed.key).collect()
    }

    /// This configuration as far as it can be used while the daemon runs: what is fixed is as it was at the start.
    #[must_use]
    pub fn with_fixed_of(mut self, running: &Config) -> Config {
        FIXED.iter().for_each(|fixed| (fixed.keep)(&mut self, running));
        self
    }

    /// The sockets, each once.
    pub(crate) fn doors(&self) -> Result<Vec<Door>, (&'static str, String)> {
        let mut doors = Vec::new();
        let nets: [(_, _, _, Make<SocketAddr>); 3] = [
            ("udp", &self.udp, PORT, Door::Udp),
            ("tcp", &self.tcp, PORT, Door::Tcp),
            ("tls", &self.tls, TLS_PORT, Door::Tls),
        ];
        for (key, texts, port, door) in nets {
            for text in texts {
                doors.push(door(address(text, port).map_err(|cause| (key, cause))?));
            }
        }
        let paths: [(_, _, Make<PathBuf>); 2] = [
            ("unix", &self.unix, Door::Unix),
            ("unix-stream", &self.unix_stream, Door::UnixStream),
        ];
        for (key, paths, door) in paths {
            for path in paths {
                if !path.is_absolute() {
                    return Err((key, format!("`{}` is no absolute path", path.display())));
                }
                doors.push(door(path.clone()));
            }
        }
        doors.sort();
        doors.dedup();
        Ok(doors)
    }

    /// Who may send by a door.
    pub(super) fn allowed(&self, door: &Door) -> Allow {
        let by_certificate = matches!(door, Door::Tls(_)) && self.tls_client_ca.is_some();
        match self.networks() {
            Ok(Some(allow)) => allow,
            // a list that cannot be read was refused by `check`
            _ if by_certificate => Allow::any(),
            _ => Allow::near(),
        }
    }

    fn networks(&self) -> Result<Option<Allow>, (&'static str, String)> {
        let allow = self.allow.as_ref().map(|words| Allow::read(words));
        allow.transpose().map_err(|cause| ("allow", cause))
    }

    /// The mode of Unix sockets.
    pub(super) fn mode(&self) -> Result<u32, (&'static str, String)> {
        let mode = u32::from_str_radix(&self.unix_mode, 8)
            .ok()
            .filter(|mode| *mode <= 0o777);
        mode.ok_or_else(|| ("unix-mode", format!("`{}` is no mode such as 0660", self.unix_mode)))
    }
}

/// An address to listen on.
fn address(text: &str, port: u16) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, port));
    }
    let (host, named) = text.split_once(':').unwrap_or((text, ""));
    let port = match named {
        "" if !text.ends_with(':') => Ok(port),
        named => named.parse().map_err(|_| format!("`{text}`: `{named}` is no port")),
    };
    match host {
        "localhost" => Ok(SocketAddr::from(([127, 0, 0, 1], port?))),
        // every address of the machine, of both families
        "*" | "" if !text.is_empty() => Ok(SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port?))),
        _ => Err(format!(
            "`{text}` is no address to listen on, such as `0.0.0.0:{}` or `[::]:{0}`",
            port.unwrap_or(PORT)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let read = |text| address(text, 514).map(|address| address.to_string());
        for (text, meant) in [
            ("0.0.0.0:1514", "0.0.0.0:1514"),
            ("192.0.2.1", "192.0.2.1:514"),
            ("::1", "[::1]:514"),
            ("[2001:db8::1]", "[2001:db8::1]:514"),
            ("[::]:6514", "[::]:6514"),
            ("localhost", "127.0.0.1:514"),
            ("localhost:7", "127.0.0.1:7"),
            (":514", "[::]:514"),
            ("*:515", "[::]:515"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(meant), "{text}");
        }
        for text in ["", ":", "gw:514", "127.0.0.1:99999", "1.2.3:5", "localhost:x", "[::1"] {
            assert!(read(text).is_err(), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn each_key_is_fixed_or_used_at_once() {
        let used = [
            "udp",
            "tcp",
            "tls",
            "tls-certificate",
            "tls-key",
            "tls-client-ca",
            "unix",
            "unix-stream",
            "allow",
            "peers-max",
            "connections-max",
            "peer-connections-max",
            "handshakes-max",
            "peer-rate",
            "peer-burst",
            "handshake-s",
            "stalled-s",
        ];
        let mut known: Vec<&str> = FIXED.iter().map(|fixed| fixed.key).chain(used).collect();
        let mut keys: Vec<&str> = crate::config::keys_of("listen").collect();
        known.sort_unstable();
        keys.sort_unstable();
        assert_eq!(known, keys, "say of a new key whether a reload uses it");
        let start = Config::default();
        let text = "udp = [\"::1\"]\nunix-mode = \"0600\"\ncapture = \"-\"\nmessage-bytes-max = 999\npeer-rate = 7\n\
                    receive-buffer-bytes = 5000\ntz = \"UTC\"\n";
        let next: Config = toml::from_str(text).expect("a section");
        let differ = start.fixed_that_differ(&next);
        assert_eq!(differ, FIXED.iter().map(|fixed| fixed.key).collect::<Vec<_>>());
        let used = next.clone().with_fixed_of(&start);
        assert_eq!((&used.udp, used.peer_rate), (&next.udp, 7));
        assert_eq!(start.fixed_that_differ(&used), <[&str; 0]>::default());
    }

    #[test]
    fn what_cannot_be_names_its_key() {
        let key = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().map_err(|(key, _)| key)
        };
        assert_eq!(key(|_| ()), Ok(()));
        assert_eq!(key(|config| config.udp = vec!["x:y".into()]), Err("udp"));
        assert_eq!(key(|config| config.tls = vec!["::1".into()]), Err("tls-certificate"));
        assert_eq!(key(|config| config.unix = vec!["log".into()]), Err("unix"));
        assert_eq!(key(|config| config.unix_mode = "rw".into()), Err("unix-mode"));
        assert_eq!(
            key(|config| config.allow = Some(vec!["10.0.0.0/33".into()])),
            Err("allow")
        );
        assert_eq!(key(|config| config.tz = Some("Mars".into())), Err("tz"));
        assert_eq!(key(|config| config.message_bytes_max = 1), Err("message-bytes-max"));
        assert_eq!(
            key(|config| (config.peer_rate, config.peer_burst) = (1, 0)),
            Err("peer-burst")
        );
    }
}
