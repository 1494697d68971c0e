//! What waits for the network: syslog by UDP, TCP, TLS and Unix sockets, a capture that comes through a pipe, and the
//! counters of interfaces.

mod allow;
pub mod capture;
mod config;
mod datagrams;
mod gate;
mod gather;
pub mod interfaces;
mod open;
mod rate;
mod seat;
mod stream;
pub(crate) mod tls;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::socket::Backlog;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tunlog_ingest::{Arrival, Feed, Options, Problem, What};

pub use capture::Capture;
pub use config::{Config, Door};
pub use open::Inherited;

use crate::intake::Intake;
use datagrams::{Datagrams, Origin};
use gate::{Gate, Limits, lock, stopped};
use open::SocketFile;
use stream::Connections;
use tls::Certificates;

/// How long it takes until a socket that cannot be opened is tried again, at first and at most.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// How long a socket may take to end, and hand over what it has.
const STOP: Duration = Duration::from_secs(15);

/// Every socket on which records are received. They live as tasks of a tokio runtime.
pub struct Receivers {
    shared: Arc<Shared>,
    doors: Mutex<BTreeMap<Door, Running>>,
}

/// What all sockets need.
struct Shared {
    config: Mutex<Config>,
    options: Mutex<Options>,
    intake: Intake,
    inherited: Inherited,
    certificates: Mutex<Option<Arc<Certificates>>>,
    runtime: Handle,
}

struct Running {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    shown: Arc<Mutex<Shown>>,
}

/// What is known of a socket.
#[derive(Default)]
struct Shown {
    gate: Option<Arc<Gate>>,
    address: Option<SocketAddr>,
    problem: Option<String>,
}

impl Shown {
    fn is_open(&mut self, gate: &Arc<Gate>, address: Option<SocketAddr>) {
        (self.gate, self.address) = (Some(gate.clone()), address);
    }
}

/// How a socket does. Counts are since it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// As in evidence: `udp:0.0.0.0:514`.
    pub name: String,
    /// Where it is bound, if it has an address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// Why it is not open; it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Peers that are told apart.
    pub peers: usize,
    /// Connections that are open, and those that were taken.
    pub connections: usize,
    /// Connections that were taken.
    pub connected: u64,
    /// Messages that were received.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Messages that are known to be lost.
    pub lost: u64,
    /// Datagrams and connections of whom `allow` does not name, and connections beyond the limits.
    pub refused: u64,
    /// Messages that were too long, and cut.
    pub cut: u64,
    /// Bytes that the kernel holds for a UDP socket.
    pub receive_buffer_bytes: usize,
}

impl Receivers {
    /// Opens the sockets of a configuration that was checked; each is a task of `runtime`. What cannot be opened is told as a
    /// [`What::Problem`] and tried again.
    ///
    /// # Errors
    /// If a certificate or key cannot be read, or a value of the configuration cannot be.
    pub fn start(
        config: Config,
        options: &Options,
        intake: Intake,
        inherited: Inherited,
        runtime: &Handle,
    ) -> Result<Receivers, Problem> {
        let certificates = Certificates::read(&config)?.map(Arc::new);
        let shared = Shared {
            config: Mutex::new(config),
            options: Mutex::new(options.clone()),
            intake,
            inherited,
            certificates: Mutex::new(certificates),
            runtime: runtime.clone(),
        };
        let receivers = Receivers {
            shared: Arc::new(shared),
            doors: Mutex::default(),
        };
        let config = lock(&receivers.shared.config).clone();
        receivers.open(&config)?;
        Ok(receivers)
    }

    /// Another configuration holds from now on: sockets that it does not name are closed when what they have is handed over, new
    /// ones are opened, the others go on without a gap, with its limits and its certificates; connections that it does not allow are
    /// ended. Keys that are fixed ([`Config::fixed_that_differ`]) stay as they were at the start.
    ///
    /// # Errors
    /// If it cannot be; then everything stays as it was.
    pub fn apply(&self, config: Config) -> Result<(), Problem> {
        config
            .check()
            .map_err(|(key, why)| Problem::error(format!("listen.{key}"), why))?;
        let mut certificates = lock(&self.shared.certificates);
        match &*certificates {
            Some(known) if !config.tls.is_empty() => known.reload(&config)?,
            _ => *certificates = Certificates::read(&config)?.map(Arc::new),
        }
        drop(certificates);
        let config = config.with_fixed_of(&lock(&self.shared.config));
        *lock(&self.shared.config) = config.clone();
        self.open(&config)
    }

    /// Reads certificates and keys anew, as after they were renewed.
    ///
    /// # Errors
    /// If they cannot be used; the earlier ones stay.
    pub fn reload_certificates(&self) -> Result<(), Problem> {
        let config = lock(&self.shared.config).clone();
        if let Some(certificates) = &*lock(&self.shared.certificates) {
            certificates.reload(&config)?;
        }
        self.open(&config)
    }

    /// How each socket does.
    pub fn health(&self) -> Vec<Health> {
        let doors = lock(&self.doors);
        doors
            .iter()
            .map(|(door, running)| health(door, &lock(&running.shown)))
            .collect()
    }

    /// Closes every socket; what was received is handed over before.
    pub async fn stop(&self) {
        let doors = std::mem::take(&mut *lock(&self.doors));
        for running in doors.values() {
            running.stop.send_replace(true);
        }
        for mut running in doors.into_values() {
            if tokio::time::timeout(STOP, &mut running.task).await.is_err() {
                running.task.abort();
            }
        }
    }

    /// Makes what is open what the configuration says.
    fn open(&self, config: &Config) -> Result<(), Problem> {
        let wanted = config
            .doors()
            .map_err(|(key, why)| Problem::error(format!("listen.{key}"), why))?;
        let mut doors = lock(&self.doors);
        doors.retain(|door, running| {
            let stays = wanted.contains(door);
            if stays {
                if let Some(gate) = &lock(&running.shown).gate {
                    gate.set_limits(Limits::of(config, door));
                }
            } else {
                running.stop.send_replace(true);
            }
            stays
        });
        for door in wanted {
            doors
                .entry(door.clone())
                .or_insert_with(|| self.shared.clone().spawn(door));
        }
        Ok(())
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        for running in lock(&self.doors).values() {
            running.stop.send_replace(true);
        }
    }
}

fn health(door: &Door, shown: &Shown) -> Health {
    let mut health = Health {
        name: door.to_string(),
        address: shown.address,
        problem: shown.problem.clone(),
        ..Health::default()
    };
    if let Some(gate) = &shown.gate {
        let tally = &gate.tally;
        health.name.clone_from(&gate.name);
        health.peers = gate.peers();
        health.connections = gate.connections.len();
        health.connected = tally.connected.load(Ordering::Relaxed);
        health.messages = tally.messages.load(Ordering::Relaxed);
        health.bytes = tally.bytes.load(Ordering::Relaxed);
        health.lost = tally.lost.load(Ordering::Relaxed);
        health.refused = tally.refused.load(Ordering::Relaxed);
        health.cut = tally.cut.load(Ordering::Relaxed);
        health.receive_buffer_bytes = tally.receive_buffer.load(Ordering::Relaxed);
    }
    health
}

/// A socket that is open.
struct Opened {
    socket: Socket,
    address: Option<SocketAddr>,
    buffer: usize,
    /// Goes when the socket is closed.
    _file: Option<SocketFile>,
}

enum Socket {
    Datagrams(Datagrams),
    Connections(Connections),
}

impl Shared {
    fn spawn(self: Arc<Shared>, door: Door) -> Running {
        let (stop, mut stopped) = watch::channel(false);
        let shown = Arc::new(Mutex::new(Shown::default()));
        let runtime = self.runtime.clone();
        let task = {
            let shown = shown.clone();
            runtime.spawn(async move { self.keep_open(&door, &shown, &mut stopped).await })
        };
        Running { stop, task, shown }
    }

    /// Opens a socket, and again if it fails, until it is to stop.
    async fn keep_open(&self, door: &Door, shown: &Mutex<Shown>, stop: &mut watch::Receiver<bool>) {
        let mut wait = RETRY;
        while !*stop.borrow() {
            let failed = match self.open(door) {
                Err(cause) => cause,
                Ok((opened, gate)) => {
                    if lock(shown).problem.take().is_some() {
                        self.tell(door, Problem::note(gate.name.as_str(), "is open now"));
                    }
                    wait = RETRY;
                    lock(shown).is_open(&gate, opened.address);
                    let ran = match &opened.socket {
                        Socket::Datagrams(socket) => datagrams::run(&gate, socket, stop).await,
                        Socket::Connections(socket) => stream::run(&gate, socket, stop).await,
                    };
                    match ran {
                        Ok(()) => return,
                        Err(error) => format!("failed: {error}"),
                    }
                }
            };
            let cause = format!("{failed}; tried again");
            let new = lock(shown).problem.replace(cause.clone()).as_ref() != Some(&cause);
            if new {
                self.tell(door, Problem::error(door.to_string(), cause));
            }
            let _ = tokio::time::timeout(wait, stopped(stop)).await;
            wait = (2 * wait).min(RETRY_MAX);
        }
    }

    fn open(&self, door: &Door) -> Result<(Opened, Arc<Gate>), String> {
        let config = lock(&self.config).clone();
        let limits = Limits::of(&config, door);
        let opened = self.socket(door, &limits).map_err(|error| refused(door, &error))?;
        let name = match (door, opened.address) {
            (Door::Udp(_), Some(address)) => Door::Udp(address).to_string(),
            (Door::Tcp(_), Some(address)) => Door::Tcp(address).to_string(),
            (Door::Tls(_), Some(address)) => Door::Tls(address).to_string(),
            _ => door.to_string(),
        };
        let mut options = lock(&self.options).clone();
        options.now = tunlog_ingest::time::now();
        options.tz = config.tz.or(options.tz);
        let gate = Gate::new(name, limits, &options, self.intake.clone())?;
        gate.tally.receive_buffer.store(opened.buffer, Ordering::Relaxed);
        Ok((opened, Arc::new(gate)))
    }

    fn socket(&self, door: &Door, limits: &Limits) -> io::Result<Opened> {
        let connections = |connections, address, file| Opened {
            socket: Socket::Connections(connections),
            address,
            buffer: 0,
            _file: file,
        };
        Ok(match door {
            Door::Udp(address) => {
                let (socket, origin) = match self.inherited.udp(*address) {
                    Some(socket) => (socket, Origin::Inherited),
                    None => (std::net::UdpSocket::bind(address)?, Origin::Own),
                };
                let address = socket.local_addr()?;
                let (socket, buffer) = Datagrams::udp(socket, origin, limits)?;
                Opened {
                    socket: Socket::Datagrams(socket),
                    address: Some(address),
                    buffer,
                    _file: None,
                }
            }
            Door::Tcp(address) => {
                let listener = self.tcp(*address)?;
                let address = listener.local_addr()?;
                connections(Connections::Tcp(listener), Some(address), None)
            }
            Door::Tls(address) => {
                let certificates = lock(&self.certificates).clone();
                let certificates = certificates.ok_or_else(|| io::Error::other("there is no certificate"))?;
                let listener = self.tcp(*address)?;
                let address = listener.local_addr()?;
                connections(Connections::Tls(listener, certificates), Some(address), None)
            }
            Door::Unix(path) => {
                let (socket, file) = match self.inherited.unix(path) {
                    Some(socket) => (socket, None),
                    None => {
                        let (socket, file) = SocketFile::make(path, limits.mode, |path| UnixDatagram::bind(path))?;
                        (socket, Some(file))
                    }
                };
                socket.set_nonblocking(true)?;
                Opened {
                    socket: Socket::Datagrams(Datagrams::Unix(tokio::net::UnixDatagram::from_std(socket)?)),
                    address: None,
                    buffer: 0,
                    _file: file,
                }
            }
            Door::UnixStream(path) => {
                let (listener, file) = match self.inherited.unix_stream(path) {
                    Some(listener) => (listener, None),
                    None => {
                        let (listener, file) = SocketFile::make(path, limits.mode, |path| UnixListener::bind(path))?;
                        (listener, Some(file))
                    }
                };
                listener.set_nonblocking(true)?;
                let listener = tokio::net::UnixListener::from_std(listener)?;
                connections(Connections::Unix(listener), None, file)
            }
        })
    }

    fn tcp(&self, address: SocketAddr) -> io::Result<tokio::net::TcpListener> {
        let listener = match self.inherited.tcp(address) {
            Some(listener) => listener,
            None => {
                // the standard library sets SO_REUSEADDR: a restart does not wait for connections that linger
                let listener = std::net::TcpListener::bind(address)?;
                // all peers may come at once, after a restart for instance; its 128 would make some wait for seconds
                nix::sys::socket::listen(&listener, Backlog::MAXALLOWABLE)?;
                listener
            }
        };
        listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(listener)
    }

    fn tell(&self, door: &Door, problem: Problem) {
        let name = door.to_string();
        let feed = Feed {
            key: name.as_str().into(),
            name: name.as_str().into(),
            set: name.into(),
        };
        let arrival = Arrival {
            feed: Arc::new(feed),
            what: What::Problem(problem),
            positions: Vec::new(),
        };
        // if there is no room now, it is shown by `health` all the same
        let _ = self.intake.try_send(arrival);
    }
}

/// Why a socket cannot be opened, and what may be done about it.
fn refused(door: &Door, error: &io::Error) -> String {
    let port = match door {
        Door::Udp(address) | Door::Tcp(address) | Door::Tls(address) => Some(address.port()),
        _ => None,
    };
    match (error.kind(), port) {
        (io::ErrorKind::PermissionDenied, Some(port)) if port < 1024 => format!(
            "cannot be opened: {error}; a port below 1024 needs CAP_NET_BIND_SERVICE, or a socket unit of systemd that opens it"
        ),
        _ => format!("cannot be opened: {error}"),
    }
}

#[cfg(test)]
pub(crate) mod tests;
