use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::*;

/// An authority, and what it has signed.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Authority { issuer }
    }

    /// Writes `NAME.pem` and `NAME.key`.
    pub fn sign(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let paths = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        std::fs::write(&paths.0, certificate.pem()).unwrap();
        write_secret(&paths.1, &key.serialize_pem());
        paths
    }

    pub fn write(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(format!("{name}.pem"));
        std::fs::write(&path, self.issuer.pem()).unwrap();
        path
    }
}

/// Nobody else may read it.
fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt as _;
    let _ = std::fs::remove_file(path);
    let mut file = std::fs::OpenOptions::new();
    let mut file = file.write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// A syslog client's connection.
fn connect(to: SocketAddr, trust: &Authority, own: Option<&(PathBuf, PathBuf)>) -> std::io::Result<Client> {
    let config = client(trust, own);
    let socket = TcpStream::connect(to)?;
    socket.set_read_timeout(Some(LONG))?;
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    Ok(StreamOwned::new(connection, socket))
}

fn client(trust: &Authority, own: Option<&(PathBuf, PathBuf)>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trust.issuer.pem().as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = builder.with_root_certificates(roots);
    match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
            builder
                .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap())
                .unwrap()
        }
    }
}

type Client = StreamOwned<ClientConnection, TcpStream>;

/// Sends as a syslog client does; the answer is whether the connection was good to its end.
fn send(to: SocketAddr, trust: &Authority, own: Option<&(PathBuf, PathBuf)>, text: &str) -> std::io::Result<()> {
    let mut stream = connect(to, trust, own)?;
    stream.write_all(text.as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()?;
    // a refusal of our certificate comes after the handshake
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).map(|_| ())
}

#[test]
fn messages_by_tls_and_a_new_certificate() {
    let folder = Folder::new();
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let (certificate, key) = first.sign(&folder.0, "gateway");
    let mut bench = Bench::start(|config| {
        config.tls = vec!["127.0.0.1:0".into()];
        (config.tls_certificate, config.tls_key) = (Some(certificate.clone()), Some(key.clone()));
    });
    let to = bench.address("tls:");
    send(to, &first, None, "7 <30>one8 <30>line").unwrap();
    bench.until_has(&format!("tls:{to}/127.0.0.1: <30>line"));
    assert!(send(to, &second, None, "7 <30>one").is_err());
    bench.until_has("TLS handshake failed");
    // certificates are renewed
    second.sign(&folder.0, "gateway");
    bench.receivers.reload_certificates().unwrap();
    send(to, &second, None, "<30>after the renewal\n").unwrap();
    bench.until_has("after the renewal");
    // a broken file changes nothing
    write_secret(&key, "no key");
    let problem = bench.receivers.reload_certificates().unwrap_err();
    assert_eq!(problem.path, key.display().to_string());
    send(to, &second, None, "<30>as before\n").unwrap();
    bench.until_has("as before");
}

#[test]
fn who_must_show_a_certificate() {
    let folder = Folder::new();
    let (ours, other) = (Authority::new("ours"), Authority::new("another"));
    let (certificate, key) = ours.sign(&folder.0, "gateway");
    let authority = ours.write(&folder.0, "ca");
    let client = ours.sign(&folder.0, "client");
    let stranger = other.sign(&folder.0, "stranger");
    let mut bench = Bench::start(|config| {
        config.tls = vec!["127.0.0.1:0".into()];
        (config.tls_certificate, config.tls_key) = (Some(certificate), Some(key));
        config.tls_client_ca = Some(authority);
    });
    let to = bench.address("tls:");
    send(to, &ours, Some(&client), "10 <30>friend").unwrap();
    bench.until_has("<30>friend");
    assert!(send(to, &ours, None, "12 <30>nobody!!").is_err());
    bench.until_has("TLS handshake failed: peer sent no certificates");
    assert!(send(to, &ours, Some(&stranger), "12 <30>stranger").is_err());
    bench.until_has("UnknownIssuer");
    // nor does who speaks no TLS get in
    let mut plain = TcpStream::connect(to).unwrap();
    plain.write_all(b"<30>plain text\n").unwrap();
    let failures = |log: &[String]| log.iter().filter(|line| line.contains("TLS handshake failed")).count();
    bench.until(|log| failures(log) == 3);
    assert_eq!(messages(&bench.finish(), "tls:"), 1);
}

/// Strangers hold no place that a peer with a certificate needs, and no name.
#[test]
fn strangers_take_no_seat() {
    let folder = Folder::new();
    let ours = Authority::new("ours");
    let (certificate, key) = ours.sign(&folder.0, "gateway");
    let authority = ours.write(&folder.0, "ca");
    let friend = ours.sign(&folder.0, "client");
    let mut bench = Bench::start(|config| {
        config.tls = vec!["127.0.0.1:0".into()];
        (config.tls_certificate, config.tls_key) = (Some(certificate), Some(key));
        config.tls_client_ca = Some(authority);
        (config.connections_max, config.handshakes_max, config.handshake_s) = (1, 8, 60);
    });
    let to = bench.address("tls:");
    let strangers: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(to).unwrap()).collect();
    bench.until_has("a connection was refused: 8 are open (`handshakes-max`)");
    let health = bench.health("tls:");
    assert_eq!(
        (health.connections, health.connected, health.peers),
        (0, 0, 0),
        "{health:?}"
    );
    // one address holds a quarter of the handshakes, so another one comes in
    let socket = socket_of("127.0.0.2:0", to);
    let connection = ClientConnection::new(
        Arc::new(client(&ours, Some(&friend))),
        ServerName::try_from("localhost").unwrap(),
    );
    let mut stream = StreamOwned::new(connection.unwrap(), socket);
    stream.write_all(b"10 <30>friend").unwrap();
    bench.until_has(&format!("tls:{to}/127.0.0.2: <30>friend"));
    let health = bench.health("tls:");
    assert_eq!(
        (health.connections, health.connected, health.peers),
        (1, 1, 1),
        "{health:?}"
    );
    drop(strangers);
    // connections of an address count from the moment they are accepted
    let mut bench = Bench::start(|config| {
        config.tls = vec!["127.0.0.1:0".into()];
        let (certificate, key) = ours.sign(&folder.0, "gateway");
        (config.tls_certificate, config.tls_key) = (Some(certificate), Some(key));
        (config.peer_connections_max, config.handshakes_max, config.handshake_s) = (2, 100, 60);
    });
    let to = bench.address("tls:");
    let _held: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(to).unwrap()).collect();
    bench.until_has("a connection was refused: 2 are open (`peer-connections-max`)");
}

/// A connection from an address of ours.
fn socket_of(from: &str, to: SocketAddr) -> TcpStream {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
    use std::os::fd::AsRawFd as _;
    let made = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None).unwrap();
    let address = |text: &str| SockaddrIn::from(text.parse::<std::net::SocketAddrV4>().unwrap());
    bind(made.as_raw_fd(), &address(from)).unwrap();
    connect(made.as_raw_fd(), &address(&to.to_string())).unwrap();
    let stream = TcpStream::from(made);
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// A configuration that was read again is for those who are connected, too.
#[test]
fn who_is_not_trusted_any_longer_is_put_out() {
    let folder = Folder::new();
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let (certificate, key) = old.sign(&folder.0, "gateway");
    let authority = old.write(&folder.0, "ca");
    let (first, second) = (old.sign(&folder.0, "first"), new.sign(&folder.0, "second"));
    let both = old.issuer.pem() + &new.issuer.pem();
    std::fs::write(&authority, both).unwrap();
    let mut bench = Bench::start(|config| {
        config.tls = vec!["127.0.0.1:0".into()];
        (config.tls_certificate, config.tls_key) = (Some(certificate), Some(key));
        config.tls_client_ca = Some(authority.clone());
    });
    let to = bench.address("tls:");
    let mut clients = [&first, &second].map(|own| connect(to, &old, Some(own)).unwrap());
    for (number, client) in clients.iter_mut().enumerate() {
        client.write_all(format!("<30>client {number}\n").as_bytes()).unwrap();
        bench.until_has(&format!("<30>client {number}"));
    }
    // nothing changed for them
    bench.receivers.reload_certificates().unwrap();
    clients[0].write_all(b"<30>still here\n").unwrap();
    bench.until_has("still here");
    // the old authority is trusted no longer
    new.write(&folder.0, "ca");
    bench.receivers.reload_certificates().unwrap();
    bench.until_has("not allowed any longer: the connection was closed");
    let mut rest = Vec::new();
    let _ = clients[0].read_to_end(&mut rest);
    clients[1].write_all(b"<30>the other one stays\n").unwrap();
    bench.until_has("the other one stays");
    assert_eq!(bench.health("tls:").connections, 1);
}

#[test]
fn a_handshake_has_a_time() {
    let folder = Folder::new();
    let (certificate, key) = Authority::new("ours").sign(&folder.0, "gateway");
    let mut bench = Bench::start(|config| {
        config.tls = vec!["127.0.0.1:0".into()];
        (config.tls_certificate, config.tls_key) = (Some(certificate), Some(key));
        config.handshake_s = 1;
    });
    let mut slow = TcpStream::connect(bench.address("tls:")).unwrap();
    bench.until_has("TLS handshake not done within 1 s: the connection was closed");
    assert_eq!(slow.read(&mut [0; 10]).unwrap_or_default(), 0);
}

#[test]
fn a_certificate_that_cannot_be_read_is_named() {
    let folder = Folder::new();
    let (certificate, key) = Authority::new("ours").sign(&folder.0, "gateway");
    let start = |change: &dyn Fn(&mut Config)| {
        Bench::with(1 << 20, Inherited::none(), |config| {
            config.tls = vec!["127.0.0.1:0".into()];
            (config.tls_certificate, config.tls_key) = (Some(certificate.clone()), Some(key.clone()));
            change(config);
        })
        .map(|_| ())
        .unwrap_err()
    };
    let missing = folder.0.join("missing.pem");
    assert_eq!(
        start(&|config| config.tls_certificate = Some(missing.clone())).path,
        missing.display().to_string()
    );
    assert_eq!(
        start(&|config| config.tls_key = Some(certificate.clone())).path,
        certificate.display().to_string()
    );
    let empty = start(&|config| config.tls_client_ca = Some(key.clone()));
    assert_eq!(empty.cause, "there is no certificate in it (PEM)");
}
