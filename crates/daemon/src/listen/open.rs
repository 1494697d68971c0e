//! Sockets are opened: bound, or taken from whoever started us.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

use listenfd::ListenFd;

/// Sockets that systemd (or whoever does as it does, `LISTEN_FDS`) opened for us: ports below 1024 need no rights of ours then,
/// and what comes while we are restarted waits in them.
#[derive(Default)]
pub struct Inherited {
    pub(super) udp: Vec<UdpSocket>,
    pub(super) tcp: Vec<TcpListener>,
    pub(super) unix: Vec<UnixDatagram>,
    pub(super) unix_stream: Vec<UnixListener>,
}

impl Inherited {
    /// None.
    pub fn none() -> Inherited {
        Inherited::default()
    }

    /// Takes them from the environment, and out of it. To be called once, before there are other threads.
    pub fn take() -> Inherited {
        let mut given = ListenFd::from_env();
        let mut inherited = Inherited::default();
        for number in 0..given.len() {
            // each refuses what is of another kind
            inherited.udp.extend(given.take_udp_socket(number).ok().flatten());
            inherited.tcp.extend(given.take_tcp_listener(number).ok().flatten());
            inherited.unix.extend(given.take_unix_datagram(number).ok().flatten());
            inherited
                .unix_stream
                .extend(given.take_unix_listener(number).ok().flatten());
        }
        inherited
    }

    /// What they are bound to, for the configuration and for messages.
    pub fn names(&self) -> Vec<String> {
        let net = |name: &str, address: io::Result<SocketAddr>| address.ok().map(|address| format!("{name}:{address}"));
        let udp = self.udp.iter().filter_map(|socket| net("udp", socket.local_addr()));
        let tcp = self.tcp.iter().filter_map(|socket| net("tcp", socket.local_addr()));
        let path = |name: &str, path: Option<PathBuf>| path.map(|path| format!("{name}:{}", path.display()));
        let unix = self
            .unix
            .iter()
            .filter_map(|socket| path("unix", path_of(socket.local_addr())));
        let stream = self.unix_stream.iter();
        let stream = stream.filter_map(|socket| path("unix-stream", path_of(socket.local_addr())));
        udp.chain(tcp).chain(unix).chain(stream).collect()
    }

    /// A TCP listener on this address, if it was given to us: the HTTP interface may ask for one, too.
    pub fn tcp(&self, address: SocketAddr) -> Option<TcpListener> {
        let found = self
            .tcp
            .iter()
            .find(|socket| socket.local_addr().is_ok_and(|bound| bound == address));
        found.and_then(|socket| socket.try_clone().ok())
    }

    /// A listener on this Unix socket, if it was given to us.
    pub fn unix_stream(&self, path: &Path) -> Option<UnixListener> {
        let found = self
            .unix_stream
            .iter()
            .find(|socket| path_of(socket.local_addr()).as_deref() == Some(path));
        found.and_then(|socket| socket.try_clone().ok())
    }

    pub(super) fn udp(&self, address: SocketAddr) -> Option<UdpSocket> {
        let found = self
            .udp
            .iter()
            .find(|socket| socket.local_addr().is_ok_and(|bound| bound == address));
        found.and_then(|socket| socket.try_clone().ok())
    }

    pub(super) fn unix(&self, path: &Path) -> Option<UnixDatagram> {
        let found = self
            .unix
            .iter()
            .find(|socket| path_of(socket.local_addr()).as_deref() == Some(path));
        found.and_then(|socket| socket.try_clone().ok())
    }
}

fn path_of(address: io::Result<std::os::unix::net::SocketAddr>) -> Option<PathBuf> {
    address.ok()?.as_pathname().map(Path::to_owned)
}

/// A Unix socket's file that we made: it goes with us.
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and number of it: another one in its place is not ours.
    id: (u64, u64),
}

impl SocketFile {
    /// Takes away what a daemon that is gone has left, makes a socket by `bind`, and lets those write to it whom `mode` names.
    ///
    /// # Errors
    /// If something is there that is no socket, or somebody listens there, or it cannot be made.
    pub fn make<T>(path: &Path, mode: u32, bind: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<(T, SocketFile)> {
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(data) if !data.file_type().is_socket() => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "there is something that is no socket",
                ));
            }
            Ok(_) if is_alive(path) => {
                return Err(io::Error::new(
                    io::ErrorKind::AddrInUse,
                    "somebody listens there already",
                ));
            }
            Ok(_) => std::fs::remove_file(path)?,
        }
        let socket = bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        let data = std::fs::symlink_metadata(path)?;
        let file = SocketFile {
            path: path.to_owned(),
            id: (data.dev(), data.ino()),
        };
        Ok((socket, file))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path).is_ok_and(|data| (data.dev(), data.ino()) == self.id);
        if ours {
            // a file that stays is taken away by the next one who listens here
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Whether somebody listens at a socket, of whichever kind.
fn is_alive(path: &Path) -> bool {
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    let datagram = UnixDatagram::unbound().and_then(|socket| socket.connect(path));
    let stream = std::os::unix::net::UnixStream::connect(path);
    !(datagram.is_err_and(refused) || stream.is_err_and(refused))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_was_left_is_replaced_and_one_in_use_is_not() {
        let folder = std::env::temp_dir().join(format!("tunlog-open-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("log");
        for _ in 0..2 {
            // left behind: the socket is closed, its file stays
            drop(UnixDatagram::bind(&path).unwrap());
            let (_socket, file) = SocketFile::make(&path, 0o620, |path| UnixDatagram::bind(path)).unwrap();
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o620);
            let second = SocketFile::make(&path, 0o600, |path| UnixListener::bind(path)).map(|_| ());
            assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
            drop(file);
            assert!(!path.exists());
        }
        let (_listener, file) = SocketFile::make(&path, 0o600, |path| UnixListener::bind(path)).unwrap();
        let second = SocketFile::make(&path, 0o600, |path| UnixDatagram::bind(path)).map(|_| ());
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "precious").unwrap();
        drop(file);
        assert!(SocketFile::make(&path, 0o600, |path| UnixDatagram::bind(path)).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
