//! What a configuration names outside of itself: files that must be there, ports that only one can have. Looked at before
//! anything is begun, so that a configuration which cannot work is refused as a whole.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use super::Config;
use crate::listen::{self, Door};
use crate::notify::secret::Secret;
use crate::reach::{self, Trust};
use crate::{secret, web};

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
        for (key, path) in self.guarded() {
            if let Err(why) = secret::judge_file(path) {
                wrong.push((key.to_owned(), format!("{}: {why}", path.display())));
            }
        }
        // only what can be read can be a certificate
        if wrong.is_empty() {
            wrong.extend(self.certificates());
        }
        for (key, secret) in self.secrets() {
            if let Err(why) = secret.read() {
                wrong.push((key, why));
            }
        }
        if let Some(Err(why)) = self.store.dir.as_deref().map(keeps_store) {
            wrong.push(("store.dir".to_owned(), why));
        }
        wrong.extend(doubled(&self.ports()));
        for path in &self.store.witness {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            if !tunlog_store::is_witness_server(path) && folder.is_some_and(|folder| !folder.is_dir()) {
                let words = format!("{}: its folder is not there", path.display());
                wrong.push(("store.witness".to_owned(), words));
            }
        }
        wrong
    }

    /// Files with secrets that others than their owner can read: `section.key`, and what helps.
    pub(crate) fn loose_files(&self) -> Vec<(String, String)> {
        let guarded = self.guarded().into_iter();
        let named = guarded.map(|(key, path)| (key.to_owned(), path.to_owned()));
        let told = self
            .secrets()
            .into_iter()
            .filter_map(|(key, secret)| Some((key, secret.file()?)));
        let mut all: Vec<(String, String)> = named
            .chain(told)
            .filter_map(|(key, path)| {
                let words = secret::judge_file(&path).ok()??;
                Some((key, format!("{}: {words}", path.display())))
            })
            .collect();
        all.dedup_by(|(_, one), (_, other)| one == other);
        all
    }

    /// Files with secrets that are named by themselves.
    fn guarded(&self) -> Vec<(&'static str, &Path)> {
        let named = [
            ("store.witness-key", &self.store.witness_key),
            ("http.token-file", &self.http.token_file),
            ("http.key", &self.http.key),
            ("listen.tls-key", &self.listen.tls_key),
        ];
        let named = named.into_iter();
        named.filter_map(|(key, path)| Some((key, path.as_deref()?))).collect()
    }

    /// Files that are read at the start.
    fn files(&self) -> Vec<(&'static str, &Path)> {
        let (http, listen, store) = (&self.http, &self.listen, &self.store);
        let named = [
            ("store.witness-ca", &store.witness_ca),
            ("store.witness-certificate", &store.witness_certificate),
            ("store.witness-key", &store.witness_key),
            ("http.certificate", &http.certificate),
            ("http.key", &http.key),
            ("listen.tls-certificate", &listen.tls_certificate),
            ("listen.tls-key", &listen.tls_key),
            ("listen.tls-client-ca", &listen.tls_client_ca),
        ];
        let named = named
            .into_iter()
            .filter_map(|(key, path)| Some((key, path.as_deref()?)));
        let webhooks = self.notify.webhook.iter().filter_map(|channel| channel.ca.as_deref());
        let mail = self.notify.mail.iter().filter_map(|channel| channel.ca.as_deref());
        let places = self.detect.mmdb.iter().map(|path| ("detect.mmdb", path.as_path()));
        let authorities = webhooks.map(|path| ("notify.webhook.ca", path));
        named
            .chain(authorities)
            .chain(mail.map(|path| ("notify.mail.ca", path)))
            .chain(places)
            .collect()
    }

    fn certificates(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        if let (Some(chain), Some(key)) = (&self.http.certificate, &self.http.key)
            && let Err(why) = web::tls::Certificate::load(chain, key)
        {
            wrong.push(("http.certificate".to_owned(), why));
        }
        let trust = self.store.trust();
        if trust != Trust::default()
            && let Err(why) = reach::config(&trust)
        {
            wrong.push(("store.witness-ca".to_owned(), why));
        }
        if !self.listen.tls.is_empty()
            && let Err(problem) = listen::tls::Certificates::read(&self.listen)
        {
            wrong.push(("listen.tls-certificate".to_owned(), problem.to_string()));
        }
        wrong
    }

    /// Every secret that stands elsewhere: in a file, a variable, a credential.
    fn secrets(&self) -> Vec<(String, &Secret)> {
        let notify = &self.notify;
        let mut all = Vec::new();
        for (at, channel) in notify.webhook.iter().enumerate() {
            let key = |key: &str| format!("notify.webhook[{}].{key}", at + 1);
            all.extend([
                (key("url"), &channel.url),
                (key("token"), &channel.token),
                (key("proxy"), &channel.proxy),
            ]);
            let headers = channel.headers.iter();
            all.extend(headers.map(|(name, value)| (key(&format!("headers.{name}")), value)));
        }
        for (at, channel) in notify.mail.iter().enumerate() {
            all.push((format!("notify.mail[{}].password", at + 1), &channel.password));
        }
        for (at, channel) in notify.command.iter().enumerate() {
            let variables = channel.environment.iter();
            all.extend(
                variables.map(|(name, value)| (format!("notify.command[{}].environment.{name}", at + 1), value)),
            );
        }
        all.retain(|(_, secret)| !secret.is_absent());
        all
    }

    fn ports(&self) -> Vec<Port> {
        let http = self
            .http
            .listen
            .iter()
            .flatten()
            .filter_map(|typed| match web::Address::parse(typed) {
                Ok(web::Address::Tcp(address)) => Some(Port {
                    udp: false,
                    address,
                    key: "http.listen",
                }),
                _ => None,
            });
        // names that cannot be looked up were told by `check`
        let doors = self.listen.doors().unwrap_or_default();
        let listened = doors.into_iter().filter_map(|door| {
            let (udp, address, key) = match door {
                Door::Udp(address) => (true, address, "listen.udp"),
                Door::Tcp(address) => (false, address, "listen.tcp"),
                Door::Tls(address) => (false, address, "listen.tls"),
                Door::Unix(_) | Door::UnixStream(_) => return None,
            };
            Some(Port { udp, address, key })
        });
        listened.chain(http).collect()
    }
}

fn readable(path: &Path) -> Result<(), String> {
    let data = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if data.is_dir() {
        return Err("is a folder".to_owned());
    }
    std::fs::File::open(path).map(|_| ()).map_err(|error| error.to_string())
}

/// Whether a store can be kept in a directory: it is one or can be made, by whoever asks.
fn keeps_store(folder: &Path) -> Result<(), String> {
    let is_there = folder.exists();
    // what is not there is made in the nearest one that is
    let nearest = folder.ancestors().find(|above| above.exists());
    let nearest = nearest
        .filter(|above| !above.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let refused = |why: &str| Err(format!("{}: {why}", nearest.display()));
    if !nearest.is_dir() {
        return refused("is no directory");
    }
    let needed = AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK;
    if let Err(errno) = access(nearest, needed) {
        let why = std::io::Error::from(errno).to_string();
        let why = why.split(" (os error").next().unwrap_or_default().to_lowercase();
        return match is_there {
            true => refused(&format!("no store can be kept here by this user: {why}")),
            false => refused(&format!(
                "`{}` cannot be made in it by this user: {why}",
                folder.display()
            )),
        };
    }
    let holds_others = || std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
    match is_there && !tunlog_store::is_store(folder) && holds_others() {
        true => refused("holds other files: a store needs a directory of its own"),
        false => Ok(()),
    }
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
    use std::os::unix::fs::PermissionsExt as _;

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
    fn a_store_has_a_directory_that_can_be_written() {
        let folder = std::env::temp_dir().join(format!("tunlog-outside-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("others")).expect("a folder");
        std::fs::write(folder.join("others/notes.txt"), "mine").expect("a file");
        let wrong = |dir: &Path| {
            let mut config = Config::default();
            config.store.dir = Some(dir.to_owned());
            let mut wrong = config.outside();
            wrong
                .pop()
                .map(|(key, words)| format!("{key}: {}", words.replace(&folder.display().to_string(), "F")))
        };
        assert_eq!(wrong(&folder.join("new/and/below")), None);
        std::fs::create_dir(folder.join("empty")).expect("a folder");
        assert_eq!(wrong(&folder.join("empty")), None);
        assert_eq!(wrong(Path::new("tunlog-here")), None);
        let others = "store.dir: F/others: holds other files: a store needs a directory of its own";
        assert_eq!(wrong(&folder.join("others")).as_deref(), Some(others));
        let file = "store.dir: F/others/notes.txt: is no directory";
        assert_eq!(wrong(&folder.join("others/notes.txt")).as_deref(), Some(file));
        assert_eq!(wrong(&folder.join("others/notes.txt/store")).as_deref(), Some(file));
        let closed = std::fs::Permissions::from_mode(0o555);
        std::fs::set_permissions(folder.join("empty"), closed).expect("our own folder");
        let here = "store.dir: F/empty: no store can be kept here by this user: permission denied";
        let below = "store.dir: F/empty: `F/empty/store` cannot be made in it by this user: permission denied";
        for (dir, words) in [("empty", here), ("empty/store", below)] {
            // root may write everywhere
            let want = (!nix::unistd::geteuid().is_root()).then_some(words);
            assert_eq!(wrong(&folder.join(dir)).as_deref(), want);
        }
        std::fs::remove_dir_all(&folder).expect("our own folder");
    }

    #[test]
    fn what_is_listened_on_is_compared_with_the_interface() {
        let mut config = Config::default();
        config.listen.tcp = vec!["127.0.0.1:5514".to_owned()];
        config.listen.udp = vec!["127.0.0.1:5514".to_owned()];
        config.http.listen = Some(vec!["127.0.0.1:5514".to_owned()]);
        let wrong = config.outside();
        assert_eq!(
            wrong,
            [(
                "http.listen".to_owned(),
                "TCP port 5514 is taken by `listen.tcp` already".to_owned()
            )]
        );
    }

    #[test]
    fn files_that_are_not_there_are_named() {
        let mut config = Config::default();
        assert_eq!(config.outside(), []);
        config.http.certificate = Some("/nonexistent/cert.pem".into());
        config.http.key = Some("/".into());
        config.store.witness = vec!["/nonexistent/witness".into()];
        config.notify.add_webhook("http://127.0.0.1:1/");
        config.notify.webhook[0].token = Secret::File("/nonexistent/token".into());
        let keys: Vec<String> = config.outside().into_iter().map(|(key, _)| key).collect();
        assert_eq!(
            keys,
            [
                "http.certificate",
                "http.key",
                "notify.webhook[1].token",
                "store.witness"
            ]
        );
    }
}
