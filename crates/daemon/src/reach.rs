//! The way to log servers that want TLS (RFC 5425), for witnesses of the store.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tunlog_store::{Connection, Reach};

use crate::secret;

/// Whom log servers have to be, and who we are to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Authorities (PEM) that are trusted instead of the system's.
    pub ca: Option<PathBuf>,
    /// The certificate (PEM) that is shown, if one is asked for, and its key.
    pub own: Option<(PathBuf, PathBuf)>,
}

/// By TLS. Files are read with each connection, so that certificates may be renewed.
pub fn by_tls(trust: Trust) -> Reach {
    Arc::new(move |host, stream| {
        let config = Arc::new(config(&trust).map_err(io::Error::other)?);
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let mut secured = StreamOwned::new(connection, stream);
        while secured.conn.is_handshaking() {
            secured.conn.complete_io(&mut secured.sock)?;
        }
        Ok(Box::new(Secured(secured)))
    })
}

/// What the handshake is made with.
///
/// # Errors
/// Which file cannot be used, and why.
pub fn config(trust: &Trust) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match &trust.ca {
        Some(path) => {
            for authority in certificates(path)? {
                roots.add(authority).map_err(|error| unusable(path, &error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        let words = "this system has no list of trusted certificates: install ca-certificates, or set `witness-ca`";
        return Err(words.to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let Some((chain, key)) = &trust.own else {
        return Ok(builder.with_no_client_auth());
    };
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
    secret::judge_file(key).map_err(|why| unusable(key, &why))?;
    let built = builder.with_client_auth_cert(certificates(chain)?, private);
    built.map_err(|error| unusable(chain, &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(all) if all.is_empty() => Err(unusable(path, &"there is no certificate in it (PEM)")),
        read => read.map_err(|error| unusable(path, &error)),
    }
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> String {
    format!("{}: {why}", path.display())
}

struct Secured(StreamOwned<ClientConnection, TcpStream>);

impl Read for Secured {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Secured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Connection for Secured {
    fn finish(&mut self) -> io::Result<()> {
        // who sends says that it ends (RFC 5425 §4.4)
        self.0.conn.send_close_notify();
        self.0.flush()
    }
}

#[cfg(test)]
mod tests;
