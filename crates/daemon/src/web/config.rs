//! Section `[http]`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Connections at a time unless somebody says otherwise.
const CONNECTIONS_DEFAULT: usize = 128;
/// More connections than this cost more memory (16 KiB each and more) than a log reader should.
const CONNECTIONS_MOST: usize = 4096;

/// Section `[http]`: metrics and the read-only interface.
#[derive(Deserialize, Serialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Where to listen, besides the socket `http.sock` in the store's folder, which is always there: `127.0.0.1:9100`, `[::1]:9100`,
    /// `unix:/run/tunlog/http.sock`.
    pub listen: Option<Vec<String>>,
    /// File with the token that `/api/v1` asks for; it is made at random if it is not there. Without this key: `http-token` in the
    /// store's folder.
    pub token_file: Option<PathBuf>,
    /// Certificate chain (PEM) for TLS on every TCP address.
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub key: Option<PathBuf>,
    /// Names under which clients may ask, besides `localhost` and the addresses themselves: what stands in `Host`.
    pub hosts: Vec<String>,
    /// Listen on addresses that others can reach without TLS: whoever is on the way reads token and answers.
    pub insecure: bool,
    /// Connections at a time.
    pub connections_max: usize,
    /// Connections of one client at a time: of an address (of IPv6 a /64), or of a user at a Unix socket.
    pub client_connections_max: usize,
    /// Seconds that a connection may be kept for further requests; at most a thousand of them.
    pub connection_s: u64,
    /// Seconds that a client has for a request's head, and for taking up an answer.
    pub timeout_s: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: None,
            token_file: None,
            certificate: None,
            key: None,
            hosts: Vec::new(),
            insecure: false,
            connections_max: CONNECTIONS_DEFAULT,
            client_connections_max: CONNECTIONS_DEFAULT / 2,
            connection_s: 600,
            timeout_s: 10,
        }
    }
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// An address as people write it.
    ///
    /// # Errors
    /// What would have been understood.
    pub fn parse(typed: &str) -> Result<Address, String> {
        if let Some(path) = typed.strip_prefix("unix:") {
            return match path.starts_with('/') {
                true => Ok(Address::Unix(PathBuf::from(path))),
                false => Err(format!("`{typed}`: the path of a socket begins with /")),
            };
        }
        let local = typed.strip_prefix("localhost:").and_then(|port| port.parse().ok());
        if let Some(port) = local {
            return Ok(Address::Tcp((Ipv4Addr::LOCALHOST, port).into()));
        }
        typed.parse().map(Address::Tcp).map_err(|_| {
            format!(
                "`{typed}` is no address to listen on; write 127.0.0.1:9100, [::1]:9100 or unix:/run/tunlog/http.sock"
            )
        })
    }

    /// Whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        match self {
            Address::Tcp(address) => is_loopback(address.ip()),
            Address::Unix(_) => true,
        }
    }
}

/// Whether an address is this machine's loopback, IPv4 within IPv6 too.
pub fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

impl Config {
    /// Judges the values; files are looked at when the server starts.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let addresses: Vec<Address> = self
            .listen
            .iter()
            .flatten()
            .map(|typed| Address::parse(typed))
            .collect::<Result<_, _>>()
            .map_err(|why| ("listen", why))?;
        let pair = match (&self.certificate, &self.key) {
            (Some(_), None) => Err(("key", "a certificate needs its key".to_owned())),
            (None, Some(_)) => Err(("certificate", "a key needs its certificate".to_owned())),
            _ => Ok(()),
        };
        pair?;
        for (at, address) in addresses.iter().enumerate() {
            let is_free = matches!(address, Address::Tcp(tcp) if tcp.port() == 0);
            if addresses[..at].contains(address) && !is_free {
                return Err(("listen", format!("`{}` stands there twice", self.typed(at))));
            }
            if !address.is_local() && self.certificate.is_none() && !self.insecure {
                let why = format!(
                    "`{}` can be reached by others: set `certificate` and `key`, or listen on 127.0.0.1, or say `insecure = true`",
                    self.typed(at)
                );
                return Err(("listen", why));
            }
        }
        if let Some(host) = self.hosts.iter().find(|host| !is_host(host)) {
            return Err(("hosts", format!("`{host}` is no name of a host (without port)")));
        }
        if self.connections_max == 0 || self.connections_max > CONNECTIONS_MOST {
            return Err(("connections-max", format!("must be 1 to {CONNECTIONS_MOST}")));
        }
        if self.client_connections_max == 0 {
            return Err(("client-connections-max", "must be 1 or more".to_owned()));
        }
        if self.connection_s == 0 || self.connection_s > 86_400 {
            return Err(("connection-s", "must be 1 to 86400".to_owned()));
        }
        if self.timeout_s == 0 || self.timeout_s > 3600 {
            return Err(("timeout-s", "must be 1 to 3600".to_owned()));
        }
        Ok(())
    }

    fn typed(&self, at: usize) -> &str {
        self.listen
            .as_ref()
            .and_then(|all| all.get(at))
            .map_or("", String::as_str)
    }
}

fn is_host(name: &str) -> bool {
    let is_label = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= 253 && name.chars().all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(listen: &[&str]) -> Config {
        Config {
            listen: Some(listen.iter().map(|typed| (*typed).to_owned()).collect()),
            ..Config::default()
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(
            Address::parse("unix:/run/x.sock"),
            Ok(Address::Unix("/run/x.sock".into()))
        );
        assert!(Address::parse("127.0.0.1:80").expect("an address").is_local());
        assert!(Address::parse("localhost:80").expect("an address").is_local());
        assert!(Address::parse("[::ffff:127.0.0.1]:80").expect("an address").is_local());
        assert!(!Address::parse("0.0.0.0:80").expect("an address").is_local());
        assert!(!Address::parse("[::]:80").expect("an address").is_local());
        for typed in ["", "unix:x", "127.0.0.1", ":80", "127.0.0.1:70000", "vpn.example:80"] {
            assert!(Address::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn nobody_else_is_let_in_by_accident() {
        let refused = |config: &Config| config.check().map_err(|(key, _)| key);
        assert_eq!(refused(&listening(&["0.0.0.0:9100"])), Err("listen"));
        assert_eq!(refused(&listening(&["192.0.2.1:9100"])), Err("listen"));
        assert_eq!(refused(&listening(&["127.0.0.1:9100", "unix:/a"])), Ok(()));
        assert_eq!(refused(&listening(&["127.0.0.1:0", "127.0.0.1:0"])), Ok(()));
        assert_eq!(refused(&listening(&["127.0.0.1:1", "127.0.0.1:1"])), Err("listen"));
        let insecure = Config {
            insecure: true,
            ..listening(&["0.0.0.0:9100"])
        };
        assert_eq!(refused(&insecure), Ok(()));
        let tls = Config {
            certificate: Some("/c".into()),
            key: Some("/k".into()),
            ..listening(&["0.0.0.0:9100"])
        };
        assert_eq!(refused(&tls), Ok(()));
        let half = Config { key: None, ..tls };
        assert_eq!(refused(&half), Err("key"));
        let named = Config {
            hosts: vec!["vpn.example:9100".to_owned()],
            ..Config::default()
        };
        assert_eq!(refused(&named), Err("hosts"));
    }

    #[test]
    fn the_section_as_it_is_written() {
        let config: Config =
            toml::from_str("listen = [\"127.0.0.1:9100\"]\nhosts = [\"vpn.example\"]\ntimeout-s = 5\n")
                .expect("a section");
        assert_eq!(config.timeout_s, 5);
        let again: Config = toml::from_str(&toml::to_string(&config).expect("text")).expect("a section");
        assert_eq!(again, config);
        assert!(toml::from_str::<Config>("lisen = []").is_err());
    }
}
