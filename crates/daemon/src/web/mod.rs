//! HTTP: metrics, and the read-only interface under `/api/v1`.
//!
//! Nothing can be changed through it. It listens on a Unix socket or on loopback unless TLS is set up, and asks for a token even
//! there; only `/metrics`, `/healthz` and `/readyz` are told to everybody on this machine. What a client may cost is bounded:
//! connections, bytes and seconds of a request, seconds of an answer, answers that are worked on at a time.

mod answers;
mod api;
mod client;
mod config;
mod connection;
mod guard;
mod kept;
mod openapi;
mod pattern;
mod problem;
mod question;
mod records;
mod socket;
mod status;
mod stream;
pub(crate) mod tls;
mod token;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::uri::Authority;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, timeout};

pub use answers::{Answers, Failure, Page};
pub use config::{Address, Config};
pub use kept::{Explain, Kept};
pub use question::{LIMIT_MAX, Question};

use crate::crowd::{Crowd, Most};
use crate::metrics::Metrics;
use crate::secret;
use client::Client;
use connection::Door;
use guard::Place;
use problem::Problem;
use socket::Bound;
use tls::Certificate;
use token::Token;

/// Answers that are worked on at a time: they wait for the disk, and the machine has other work.
const ANSWERS_MAX: usize = 2;
/// Threads on which answers are worked on: those, and one each for sums and searches, for metrics, and for the status.
pub(crate) const THREADS: usize = ANSWERS_MAX + 3;
/// How long a request waits for its answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);
/// How long answers that are under way at the end are waited for.
const GOODBYE: Duration = Duration::from_secs(3);
/// The token's file in the store's folder.
const TOKEN_FILE: &str = "http-token";
/// The socket in the store's folder.
const SOCKET_FILE: &str = "http.sock";

/// What all requests share.
struct Shared {
    metrics: Arc<Metrics>,
    answers: Arc<dyn Answers>,
    token: Option<Token>,
    hosts: Vec<String>,
    now: fn() -> i64,
    rooms: Rooms,
}

/// Where answers are worked on. What takes long holds up only its like, and a scrape waits for no question.
struct Rooms {
    pages: Arc<Semaphore>,
    /// For sums over many rows, and searches.
    long: Arc<Semaphore>,
    metrics: Arc<Semaphore>,
    status: Arc<Semaphore>,
}

impl Rooms {
    fn new() -> Rooms {
        let room = |places| Arc::new(Semaphore::new(places));
        Rooms {
            pages: room(ANSWERS_MAX),
            long: room(1),
            metrics: room(1),
            status: room(1),
        }
    }
}

impl Shared {
    /// Whether a name in `Host` means this server: an address of ours, `localhost`, or what the configuration names. Ports are
    /// not compared: they differ behind a forwarding, and a name that was made to point here is no better with the right one.
    fn is_our_name(&self, host: &Authority, place: Place) -> bool {
        let name = host.host();
        let bare = name
            .strip_prefix('[')
            .and_then(|name| name.strip_suffix(']'))
            .unwrap_or(name);
        match (bare.parse::<std::net::IpAddr>(), place.local) {
            (Ok(ip), Some(local)) => {
                ip.to_canonical() == local.to_canonical() || config::is_loopback(ip) && place.is_of_here()
            }
            // browsers cannot reach a Unix socket
            (Ok(_), None) => true,
            (Err(_), _) => {
                let known = self.hosts.iter().map(String::as_str).chain(["localhost"]);
                known.into_iter().any(|known| known.eq_ignore_ascii_case(name))
            }
        }
    }
}

/// Works where waiting hurts nobody else. Who has given up waiting leaves the work behind, and its place is taken until it is done.
async fn wait_for<T: Send + 'static>(
    room: &Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let busy = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too much is asked at once");
    let answer = async {
        let permit = Arc::clone(room).acquire_owned().await.map_err(|_| busy())?;
        let answer = spawn_blocking(move || {
            let answer = work();
            drop(permit);
            answer
        });
        let failed = |_| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this cannot be answered");
        answer.await.map_err(failed)
    };
    timeout(ANSWER_PATIENCE, answer).await.unwrap_or_else(|_| Err(busy()))
}

/// What the server is made of.
pub struct Parts {
    /// What `/metrics` tells.
    pub metrics: Arc<Metrics>,
    /// Who knows the answers.
    pub answers: Arc<dyn Answers>,
    /// The present, microseconds UTC.
    pub now: fn() -> i64,
}

/// A server that has its addresses and its token, and waits for [`Web::run`].
pub struct Web {
    shared: Arc<Shared>,
    bound: Vec<Bound>,
    certificate: Option<Arc<Certificate>>,
    crowd: Arc<Crowd<Client>>,
    most: Most,
    patience: Duration,
    age_max: Duration,
    notices: Vec<String>,
}

impl Web {
    /// Takes the addresses, reads certificate and token. `state` is the folder where a token and a socket may be made: the store's.
    /// There it listens in any case: `tunlog status` asks there. Without a store, and where the configuration says that nothing
    /// is to be listened on, [`Web::names`] is empty.
    ///
    /// # Errors
    /// What cannot be used, and why: then nothing is listened on.
    pub fn bind(config: &Config, state: Option<&Path>, parts: Parts) -> Result<Web, String> {
        config.check().map_err(|(key, why)| format!("[http] {key}: {why}"))?;
        let mut notices = Vec::new();
        let addresses: Vec<Address> = config
            .listen
            .iter()
            .flatten()
            .map(|typed| Address::parse(typed))
            .collect::<Result<_, _>>()?;
        let own = state.and_then(|state| own_socket(state, &addresses, &mut notices));
        let certificate = match (&config.certificate, &config.key) {
            (Some(chain), Some(key)) => Some(Arc::new(Certificate::load(chain, key)?)),
            _ => None,
        };
        let in_state = || state.map(|state| state.join(TOKEN_FILE));
        let token_file: Option<PathBuf> = config.token_file.clone().or_else(in_state);
        let is_open = own.is_some() || !addresses.is_empty();
        let token = token_file
            .filter(|_| is_open)
            .map(|path| secret::load_or_make(&path))
            .transpose()?;
        if token.is_none() && is_open {
            notices.push("/api/v1 is closed: there is neither a store nor a `token-file`".to_owned());
        }
        let mut bound: Vec<Bound> = addresses.iter().map(socket::bind).collect::<Result<_, _>>()?;
        bound.extend(own);
        Ok(Web {
            shared: Arc::new(Shared {
                metrics: parts.metrics,
                answers: parts.answers,
                token: token.as_deref().map(Token::new),
                hosts: config.hosts.clone(),
                now: parts.now,
                rooms: Rooms::new(),
            }),
            bound,
            certificate,
            crowd: Arc::default(),
            most: Most {
                all: config.connections_max,
                each: config.client_connections_max,
            },
            patience: Duration::from_secs(config.timeout_s),
            age_max: Duration::from_secs(config.connection_s),
            notices,
        })
    }

    /// The TCP addresses that were taken; a port 0 has become a real one.
    pub fn tcp_addresses(&self) -> Vec<SocketAddr> {
        self.bound.iter().filter_map(Bound::tcp_address).collect()
    }

    /// Where it listens, in words.
    pub fn names(&self) -> Vec<String> {
        self.bound.iter().map(ToString::to_string).collect()
    }

    /// What whoever starts it should be told.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// What reads the certificate again; None without TLS.
    pub fn reloader(&self) -> Option<impl Fn() -> Result<(), String> + Send + Sync + 'static> {
        let certificate = Arc::clone(self.certificate.as_ref()?);
        Some(move || certificate.reload())
    }

    /// Answers until `shutdown` says true; answers that are under way are waited for, for two seconds. On a tokio runtime with
    /// time and network.
    ///
    /// # Errors
    /// If the runtime cannot take a socket over.
    pub async fn run(self, shutdown: watch::Receiver<bool>) -> std::io::Result<()> {
        let door = Door {
            router: api::router(self.shared),
            crowd: Arc::clone(&self.crowd),
            most: self.most,
            patience: self.patience,
            age_max: self.age_max,
            shutdown,
        };
        let mut listeners = JoinSet::new();
        let mut sockets = Vec::new();
        for bound in self.bound {
            let (listener, socket) = bound.into_listener(self.certificate.clone())?;
            sockets.extend(socket);
            listeners.spawn(listener.run(door.clone()));
        }
        while listeners.join_next().await.is_some() {}
        // whoever is still connected has a moment to take its answer
        let until = Instant::now() + GOODBYE;
        while !self.crowd.is_empty() && Instant::now() < until {
            sleep(Duration::from_millis(20)).await;
        }
        drop(sockets);
        Ok(())
    }
}

/// The socket in the state folder, unless the configuration names it. Nobody asked for it, so what keeps it from being there is told
/// and ends nothing.
fn own_socket(state: &Path, named: &[Address], notices: &mut Vec<String>) -> Option<Bound> {
    let folder = state.canonicalize().unwrap_or_else(|_| state.to_owned());
    let own = Address::Unix(folder.join(SOCKET_FILE));
    if named.contains(&own) {
        return None;
    }
    let bound = socket::bind(&own);
    bound
        .map_err(|why| notices.push(format!("{why}: `tunlog status` sees only what is stored")))
        .ok()
}
