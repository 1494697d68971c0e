//! What all that comes in by one socket has in common: who may send, how much of it is taken, and how it is handed over.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustc_hash::{FxBuildHasher, FxHashSet};
use tokio::sync::{OnceCell, watch};
use tunlog_ingest::{Arrival, Chunk, Clock, Feed, Format, Framer, Options, Problem, What};

use super::allow::Allow;
use super::config::{Config, Door};
use super::rate::{Bucket, Telling};
use crate::crowd::Crowd;
use crate::intake::{Closed, Intake, Refused};

/// Bytes that are handed over at once, if they come fast enough.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;

/// After such a silence a peer makes room for another.
const SILENT: Duration = Duration::from_secs(3600);

/// How often it is looked for such peers.
const SWEEP: Duration = Duration::from_secs(60);

/// Peers that may not send of which it is known that they were told.
const STRANGERS_MAX: usize = 256;

/// What the configuration allows.
#[derive(Debug)]
pub(super) struct Limits {
    pub allow: Allow,
    pub peers_max: usize,
    pub connections_max: usize,
    pub peer_connections_max: usize,
    pub handshakes_max: usize,
    pub rate: u32,
    pub burst: u32,
    pub message_bytes_max: usize,
    pub receive_buffer_bytes: usize,
    pub handshake: Duration,
    pub stalled: Duration,
    pub mode: u32,
}

impl Limits {
    pub fn of(config: &Config, door: &Door) -> Limits {
        Limits {
            allow: config.allowed(door),
            peers_max: config.peers_max,
            connections_max: config.connections_max,
            peer_connections_max: config.peer_connections_max,
            handshakes_max: config.handshakes_max,
            rate: config.peer_rate,
            burst: config.peer_burst,
            message_bytes_max: config.message_bytes_max,
            receive_buffer_bytes: config.receive_buffer_bytes,
            handshake: Duration::from_secs(config.handshake_s),
            stalled: Duration::from_secs(config.stalled_s),
            mode: config.mode().unwrap_or(0o660),
        }
    }
}

/// What was counted at one socket since it was opened.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub messages: AtomicU64,
    pub bytes: AtomicU64,
    pub lost: AtomicU64,
    pub refused: AtomicU64,
    pub cut: AtomicU64,
    pub connected: AtomicU64,
    pub receive_buffer: AtomicUsize,
}

impl Tally {
    pub fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }
}

/// One socket, with all who send to it.
pub(super) struct Gate {
    pub name: String,
    /// The socket itself, for what belongs to no peer.
    pub own: Arc<Peer>,
    pub intake: Intake,
    pub tally: Tally,
    framer: Framer,
    clock: Clock,
    limits: RwLock<Arc<Limits>>,
    peers: Mutex<Peers>,
    telling: Mutex<Telling>,
    /// TLS handshakes under way, by address.
    pub handshakes: Arc<Crowd<IpAddr>>,
    /// Connections that are open, by the peer's feed.
    pub connections: Arc<Crowd<Box<str>>>,
    /// Counts how often the configuration changed; who is connected is judged anew then.
    pub changed: watch::Sender<u64>,
    /// Where connections read to: what of it is no whole message is copied before the next one reads.
    pub scratch: Mutex<Vec<u8>>,
}

/// Who sends.
pub(super) struct Peer {
    pub feed: Arc<Feed>,
    /// Its clock was handed over.
    begun: OnceCell<()>,
    /// Whole messages that came as datagrams and were not handed over.
    pub pending: Mutex<Vec<u8>>,
    pub bucket: Mutex<Bucket>,
    /// Messages beyond the rate since that was last told.
    pub dropped: AtomicU64,
    heard: Mutex<Instant>,
}

struct Peers {
    known: HashMap<IpAddr, Arc<Peer>, FxBuildHasher>,
    /// All who came when there was no room any more.
    other: Option<Arc<Peer>>,
    swept: Instant,
    strangers: FxHashSet<IpAddr>,
}

impl Peer {
    fn new(name: String) -> Arc<Peer> {
        let feed = Feed {
            key: name.as_str().into(),
            name: name.as_str().into(),
            set: name.into(),
        };
        Arc::new(Peer {
            feed: Arc::new(feed),
            begun: OnceCell::new(),
            pending: Mutex::default(),
            bucket: Mutex::new(Bucket::full()),
            dropped: AtomicU64::new(0),
            heard: Mutex::new(Instant::now()),
        })
    }

    /// Of one without a connection.
    fn is_silent(&self, now: Instant) -> bool {
        now.duration_since(*lock(&self.heard)) > SILENT
            && lock(&self.pending).is_empty()
            && self.dropped.load(Ordering::Relaxed) == 0
    }
}

/// A panic of another task leaves these values whole: each change is one assignment.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until it is to stop; whoever could say so may be gone.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Waits until then; for ever, if there is no such time.
pub(super) async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}

impl Gate {
    /// A socket of that name. The error says why the zone is none.
    pub fn new(name: String, limits: Limits, options: &Options, intake: Intake) -> Result<Gate, String> {
        let options = Options {
            line_bytes_max: limits.message_bytes_max,
            ..options.clone()
        };
        Ok(Gate {
            own: Peer::new(name.clone()),
            name,
            intake,
            tally: Tally::default(),
            framer: Framer::new(&options, Format::Lines),
            clock: Clock::receiving(&options)?,
            limits: RwLock::new(Arc::new(limits)),
            peers: Mutex::new(Peers {
                known: HashMap::default(),
                other: None,
                swept: Instant::now(),
                strangers: FxHashSet::default(),
            }),
            telling: Mutex::new(Telling::new()),
            handshakes: Arc::default(),
            connections: Arc::default(),
            changed: watch::Sender::new(0),
            scratch: Mutex::new(Vec::new()),
        })
    }

    /// What the configuration allows now.
    pub fn limits(&self) -> Arc<Limits> {
        self.limits.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The configuration allows something else from now on.
    pub fn set_limits(&self, limits: Limits) {
        let mut peers = lock(&self.peers);
        peers.known.retain(|address, _| limits.allow.allows(*address));
        peers.strangers.clear();
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(limits);
        drop(peers);
        self.changed.send_modify(|generation| *generation += 1);
    }

    /// Which configuration holds.
    pub fn generation(&self) -> u64 {
        *self.changed.borrow()
    }

    /// Connections that are open of the peer at an address.
    pub fn connections_of(&self, address: IpAddr) -> usize {
        let peers = lock(&self.peers);
        let peer = peers.known.get(&address);
        peer.map_or(0, |peer| self.connections.of(&peer.feed.key))
    }

    /// Whether anybody at an address may send. If not, that is counted and told once.
    pub fn admits(&self, address: IpAddr) -> bool {
        if self.limits().allow.allows(address) {
            return true;
        }
        Tally::add(&self.tally.refused, 1);
        let new = {
            let strangers = &mut lock(&self.peers).strangers;
            strangers.len() < STRANGERS_MAX && strangers.insert(address)
        };
        if new {
            let cause = "not taken: `allow` does not name this address";
            self.tell(Problem::warning(format!("{}/{address}", self.name), cause));
        }
        false
    }

    /// How many peers are told apart.
    pub fn peers(&self) -> usize {
        lock(&self.peers).known.len()
    }

    /// Whoever sends from an address; None if nobody there may.
    pub fn peer(&self, address: IpAddr) -> Option<Arc<Peer>> {
        let address = address.to_canonical();
        if let Some(peer) = lock(&self.peers).known.get(&address) {
            return Some(peer.clone());
        }
        if !self.admits(address) {
            return None;
        }
        let limits = self.limits();
        let mut peers = lock(&self.peers);
        if peers.known.len() >= limits.peers_max {
            self.sweep(&mut peers);
        }
        if peers.known.len() >= limits.peers_max {
            let other = peers
                .other
                .get_or_insert_with(|| Peer::new(format!("{}/other", self.name)));
            return Some(other.clone());
        }
        let peer = Peer::new(format!("{}/{address}", self.name));
        peers.known.insert(address, peer.clone());
        Some(peer)
    }

    /// Forgets peers that were silent for long.
    fn sweep(&self, peers: &mut Peers) {
        let now = Instant::now();
        if now.duration_since(peers.swept) < SWEEP {
            return;
        }
        peers.swept = now;
        peers.known.retain(|_, peer| {
            let silent = peer.is_silent(now) && self.connections.of(&peer.feed.key) == 0;
            if silent && peer.begun.initialized() {
                // if there is no room for it now, its clock is held for nothing: nothing else comes of it
                let _ = self.intake.try_send(arrival(peer, What::End));
            }
            !silent
        });
    }

    /// Hands over whole messages of a peer, as soon as there is room.
    pub async fn hand_over(&self, peer: &Peer, bytes: Vec<u8>) -> Result<(), Closed> {
        *lock(&peer.heard) = Instant::now();
        Tally::add(&self.tally.bytes, bytes.len() as u64);
        self.send(peer, What::Chunk(Chunk::new(bytes), self.framer)).await
    }

    /// Tells that messages of a peer were lost, as soon as there is room.
    pub async fn lost(&self, peer: &Peer, count: u64, cause: String) -> Result<(), Closed> {
        Tally::add(&self.tally.lost, count);
        self.send(peer, What::Lost(Some(count), cause)).await
    }

    async fn send(&self, peer: &Peer, what: What) -> Result<(), Closed> {
        let begin = || {
            self.intake
                .send_async(arrival(peer, What::Begin(Box::new(self.clock.clone()))))
        };
        // of several connections of a peer one hands over the clock, and the others wait for it
        peer.begun.get_or_try_init(begin).await?;
        self.intake.send_async(arrival(peer, what)).await
    }

    /// Hands over what came as datagrams, if there is room; false if there is none.
    pub fn try_pending(&self, peer: &Peer) -> Result<bool, Closed> {
        let bytes = std::mem::take(&mut *lock(&peer.pending));
        if bytes.is_empty() {
            return Ok(true);
        }
        let len = bytes.len() as u64;
        match self.try_send(peer, What::Chunk(Chunk::new(bytes), self.framer))? {
            None => {
                *lock(&peer.heard) = Instant::now();
                Tally::add(&self.tally.bytes, len);
                Ok(true)
            }
            Some(What::Chunk(chunk, _)) => {
                *lock(&peer.pending) = chunk.bytes;
                Ok(false)
            }
            Some(_) => Ok(false),
        }
    }

    /// Tells that messages of a peer were lost, if there is room; false if there is none.
    pub fn try_lost(&self, peer: &Peer, count: u64, cause: String) -> Result<bool, Closed> {
        let sent = self.try_send(peer, What::Lost(Some(count), cause))?.is_none();
        if sent {
            Tally::add(&self.tally.lost, count);
        }
        Ok(sent)
    }

    /// Gives back what there is no room for.
    fn try_send(&self, peer: &Peer, what: What) -> Result<Option<What>, Closed> {
        if !peer.begun.initialized() {
            match self
                .intake
                .try_send(arrival(peer, What::Begin(Box::new(self.clock.clone()))))
            {
                Ok(()) => peer.begun.set(()).unwrap_or_default(),
                Err(Refused::Full(_)) => return Ok(Some(what)),
                Err(Refused::Closed(_)) => return Err(Closed),
            }
        }
        match self.intake.try_send(arrival(peer, what)) {
            Ok(()) => Ok(None),
            Err(Refused::Full(back)) => Ok(Some(back.what)),
            Err(Refused::Closed(_)) => Err(Closed),
        }
    }

    /// Tells a problem, unless there were very many.
    pub fn tell(&self, mut problem: Problem) {
        let mut telling = lock(&self.telling);
        let Some(untold) = telling.may(Instant::now()) else {
            return;
        };
        if untold > 0 {
            problem.cause = format!("{} ({untold} more like it were not told)", problem.cause);
        }
        if self
            .intake
            .try_send(arrival(&self.own, What::Problem(problem)))
            .is_err()
        {
            telling.untold(untold + 1);
        }
    }
}

fn arrival(peer: &Peer, what: What) -> Arrival {
    Arrival {
        feed: peer.feed.clone(),
        what,
        positions: Vec::new(),
    }
}
