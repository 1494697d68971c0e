//! What a configuration names outside of itself: files that must be there, ports that only one can have. Looked at before
//! anything is begun, so that a configuration which cannot work is refused as a whole.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use super::Config;
use crate::web;

/// A port that is listened on.
struct Port {
    /// UDP, or TCP of any kind.
    udp: bool,
    address: SocketAddr,
    key: &'static str,
}

impl Config {
    /// What of the world outside does not fit: `section.key` and why.
    pub fn outside(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        for (key, path) in self.files() {
            if let Err(why) = readable(path) {
                wrong.push((key.to_owned(), format!("{}: {why}", path.display())));
            }
        }
        wrong.extend(doubled(&self.ports()));
        for path in &self.store.witness {
            if path
                .parent()
                .is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
            {
                wrong.push((
                    "store.witness".to_owned(),
                    format!("{}: its folder is not there", path.display()),
                ));
            }
        }
        wrong
    }

    /// Files that are read at the start.
    fn files(&self) -> Vec<(&'static str, &Path)> {
        let mut files: Vec<(&'static str, &Path)> = Vec::new();
        let named = [
            ("http.certificate", &self.http.certificate),
            ("http.key", &self.http.key),
        ];
        for (key, path) in named {
            files.extend(path.as_deref().map(|path| (key, path)));
        }
        files.extend(self.detect.mmdb.iter().map(|path| ("detect.mmdb", path.as_path())));
        files
    }

    fn ports(&self) -> Vec<Port> {
        let mut ports = Vec::new();
        for typed in self.http.listen.iter().flatten() {
            if let Ok(web::Address::Tcp(address)) = web::Address::parse(typed) {
                ports.push(Port {
                    udp: false,
                    address,
                    key: "http.listen",
                });
            }
        }
        ports
    }
}

fn readable(path: &Path) -> Result<(), String> {
    let data = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if data.is_dir() {
        return Err("is a folder".to_owned());
    }
    std::fs::File::open(path).map(|_| ()).map_err(|error| error.to_string())
}

/// Ports that two want: also one on every address and one on a single one.
fn doubled(ports: &[Port]) -> Vec<(String, String)> {
    let mut taken: BTreeMap<(bool, u16), Vec<(IpAddr, &'static str)>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for port in ports.iter().filter(|port| port.address.port() != 0) {
        let ip = port.address.ip();
        let others = taken.entry((port.udp, port.address.port())).or_default();
        let meets = |other: &IpAddr| {
            *other == ip || (other.is_ipv4() == ip.is_ipv4() && (other.is_unspecified() || ip.is_unspecified()))
        };
        if let Some((_, key)) = others.iter().find(|(other, _)| meets(other)) {
            let kind = if port.udp { "UDP" } else { "TCP" };
            wrong.push((
                port.key.to_owned(),
                format!("{kind} port {} is taken by `{key}` already", port.address.port()),
            ));
        }
        others.push((ip, port.key));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(udp: bool, address: &str, key: &'static str) -> Port {
        Port {
            udp,
            address: address.parse().expect("an address"),
            key,
        }
    }

    #[test]
    fn a_port_has_one_owner() {
        let wrong = |ports: &[Port]| doubled(ports).iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        let tcp = |address, key| port(false, address, key);
        assert_eq!(wrong(&[tcp("127.0.0.1:514", "a"), tcp("127.0.0.1:514", "b")]), ["b"]);
        assert_eq!(wrong(&[tcp("0.0.0.0:514", "a"), tcp("127.0.0.1:514", "b")]), ["b"]);
        assert_eq!(wrong(&[tcp("127.0.0.1:514", "a"), tcp("0.0.0.0:514", "b")]), ["b"]);
        let none: [String; 0] = [];
        assert_eq!(
            wrong(&[tcp("127.0.0.1:514", "a"), port(true, "127.0.0.1:514", "b")]),
            none
        );
        assert_eq!(wrong(&[tcp("127.0.0.1:514", "a"), tcp("127.0.0.2:514", "b")]), none);
        assert_eq!(wrong(&[tcp("127.0.0.1:0", "a"), tcp("127.0.0.1:0", "b")]), none);
        assert_eq!(wrong(&[tcp("0.0.0.0:514", "a"), tcp("[::1]:514", "b")]), none);
    }

    #[test]
    fn files_that_are_not_there_are_named() {
        let mut config = Config::default();
        assert_eq!(config.outside(), []);
        config.http.certificate = Some("/nonexistent/cert.pem".into());
        config.http.key = Some("/".into());
        config.store.witness = vec!["/nonexistent/witness".into()];
        let keys: Vec<String> = config.outside().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["http.certificate", "http.key", "store.witness"]);
    }
}
