//! The certificates of TLS listeners, which can be read anew while they are used.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tunlog_ingest::Problem;

use super::config::Config;
use crate::secret;

/// What TLS listeners show and ask for.
pub(crate) struct Certificates {
    current: RwLock<Loaded>,
}

#[derive(Clone)]
struct Loaded {
    server: Arc<ServerConfig>,
    /// Who judges what peers show; None: they need show nothing.
    judge: Option<Arc<dyn ClientCertVerifier>>,
}

impl Certificates {
    /// Reads the files that the configuration names; None if no listener needs them.
    ///
    /// # Errors
    /// The file that cannot be used, and why.
    pub fn read(config: &Config) -> Result<Option<Certificates>, Problem> {
        let read = (!config.tls.is_empty()).then(|| load(config));
        Ok(read.transpose()?.map(|current| Certificates {
            current: RwLock::new(current),
        }))
    }

    /// Reads the files anew: connections from now on see them, those that are open go on.
    ///
    /// # Errors
    /// The file that cannot be used, and why; everything stays as it was.
    pub fn reload(&self, config: &Config) -> Result<(), Problem> {
        let new = load(config)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// For the next connection.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.loaded().server
    }

    /// Whether a peer that has shown these certificates might come now: the authorities may have changed since, and time goes by.
    pub fn trusts(&self, shown: &[CertificateDer<'static>]) -> bool {
        let Some(judge) = self.loaded().judge else { return true };
        let judged = shown
            .split_first()
            .map(|(own, above)| judge.verify_client_cert(own, above, UnixTime::now()));
        judged.is_some_and(|judged| judged.is_ok())
    }

    fn loaded(&self) -> Loaded {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn load(config: &Config) -> Result<Loaded, Problem> {
    let certificate = config.tls_certificate.as_deref().unwrap_or(Path::new(""));
    let key = config.tls_key.as_deref().unwrap_or(Path::new(""));
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| problem(key, &error))?;
    secret::judge_file(key).map_err(|why| problem(key, &why))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| problem(certificate, &error))?;
    let judge = config
        .tls_client_ca
        .as_deref()
        .map(|path| judge(path, provider))
        .transpose()?;
    let builder = match &judge {
        None => builder.with_no_client_auth(),
        Some(judge) => builder.with_client_cert_verifier(Arc::clone(judge)),
    };
    let server = builder.with_single_cert(chain, private);
    let server = Arc::new(server.map_err(|error| problem(certificate, &error))?);
    Ok(Loaded { server, judge })
}

/// Who takes the certificates that authorities have signed.
fn judge(path: &Path, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, Problem> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(path)? {
        roots.add(authority).map_err(|error| problem(path, &error))?;
    }
    let built = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    built.map(|judge| judge as _).map_err(|error| problem(path, &error))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Problem> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|error| problem(path, &error))?;
    if read.is_empty() {
        return Err(Problem::error(
            path.display().to_string(),
            "there is no certificate in it (PEM)",
        ));
    }
    Ok(read)
}

fn problem(path: &Path, error: &dyn std::fmt::Display) -> Problem {
    Problem::error(path.display().to_string(), error.to_string())
}
