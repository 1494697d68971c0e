//! Sockets that are bound before anything runs: an address that cannot be had is an error at the start.

use std::fmt;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::config::Address;
use super::connection::Listener;
use super::tls::Certificate;

/// Bytes of the path of a Unix socket, with the NUL at its end (unix(7)).
const PATH_MAX: usize = 108;

/// A socket that is bound.
#[derive(Debug)]
pub enum Bound {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket; its file goes with it.
    Unix(UnixListener, SocketFile),
}

/// The file of a socket, removed when it is dropped.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Whether a path is short enough for a socket.
pub fn fits(path: &Path) -> bool {
    path.as_os_str().len() < PATH_MAX
}

/// Takes an address.
///
/// # Errors
/// The address, and why it cannot be had.
pub fn bind(address: &Address) -> Result<Bound, String> {
    match address {
        Address::Tcp(tcp) => TcpListener::bind(tcp)
            .and_then(|listener| {
                listener.set_nonblocking(true)?;
                Ok(Bound::Tcp(listener))
            })
            .map_err(|error| format!("cannot listen on {tcp}: {error}")),
        Address::Unix(path) => {
            let failed = |error: &dyn fmt::Display| format!("cannot listen on unix:{}: {error}", path.display());
            if !fits(path) {
                return Err(failed(&format!("the path is longer than {} bytes", PATH_MAX - 1)));
            }
            make_way(path).map_err(|error| failed(&error))?;
            let listener = UnixListener::bind(path).map_err(|error| failed(&error))?;
            let file = SocketFile(path.clone());
            let made = listener
                .set_nonblocking(true)
                .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o660)));
            made.map_err(|error| failed(&error))?;
            Ok(Bound::Unix(listener, file))
        }
    }
}

/// Removes a socket that nobody listens on any more: it was left by a daemon that was killed.
fn make_way(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "there is a file of that name",
        ));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "another program listens there",
        )),
        Err(error) => Err(error),
    }
}

impl Bound {
    /// The TCP address.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Bound::Tcp(listener) => listener.local_addr().ok(),
            Bound::Unix(..) => None,
        }
    }

    /// Hands it to the runtime that this is called on; the file of a Unix socket is to be kept until the end.
    pub fn into_listener(self, certificate: Option<Arc<Certificate>>) -> io::Result<(Listener, Option<SocketFile>)> {
        Ok(match self {
            Bound::Tcp(listener) => {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                (Listener::Tcp(listener, certificate), None)
            }
            Bound::Unix(listener, file) => {
                let listener = tokio::net::UnixListener::from_std(listener)?;
                (Listener::Unix(listener), Some(file))
            }
        })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Tcp(listener) => match listener.local_addr() {
                Ok(address) => write!(out, "{address}"),
                Err(_) => out.write_str("tcp"),
            },
            Bound::Unix(_, file) => write!(out, "unix:{}", file.0.display()),
        }
    }
}
