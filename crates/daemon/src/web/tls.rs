//! The server's certificate.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// The certificate and its key, which may be read again while connections are open.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<TlsAcceptor>,
}

impl Certificate {
    /// Reads both files.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn load(chain: &Path, key: &Path) -> Result<Certificate, String> {
        Ok(Certificate {
            chain: chain.to_owned(),
            key: key.to_owned(),
            current: RwLock::new(acceptor(chain, key)?),
        })
    }

    /// Reads both files again; connections that are open stay as they are.
    ///
    /// # Errors
    /// Why they cannot be used: the certificate that was read before stays.
    pub fn reload(&self) -> Result<(), String> {
        let acceptor = acceptor(&self.chain, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    /// What accepts a connection now.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn acceptor(chain: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let unusable = |path: &Path, why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(chain)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(chain, &error))?;
    if certificates.is_empty() {
        return Err(unusable(chain, &"there is no certificate in it (PEM is expected)"));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
    crate::secret::judge_file(key).map_err(|why| unusable(key, &why))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(chain, &error))?
        .with_no_client_auth()
        .with_single_cert(certificates, secret)
        .map_err(|error| unusable(chain, &format!("does not fit {}: {error}", key.display())))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
