//! `tunlog serve`: the parts of the daemon put together, started, reloaded and ended in order.

mod begin;
mod health;
mod network;
mod threads;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use tunlog_analysis::detect::{self, Detector, Places};
use tunlog_decode::Catalogue;
use tunlog_ingest::Feed;
use tunlog_ingest::time::now;
use tunlog_pipeline::{Settings, Wants};
use tunlog_store::{FullPolicy, History, Store};

use crate::config::Config;
use crate::config::descriptors;
use crate::config::retention::Keeping;
use crate::engine::{Chronicle, Desk, Kit, Left, Mood, WAITING, follower, keep, watch};
use crate::intake::Intake;
use crate::listen::{Capture, Inherited};
use crate::log::{Log, value};
use crate::metrics::Metrics;
use crate::notify::{self, Notifier};
use crate::service::Service;
use crate::signals::Signals;
use crate::state::State;
use crate::told::Listener;
use crate::web::Explain;
pub use health::AskBanned;
use network::Network;
use threads::{EndsDaemon, FollowThread, Parts, named};

/// Bytes of arrivals that may wait to be taken in.
const QUEUE_BYTES: usize = 32 << 20;
/// How long the end may take before the service manager loses patience.
const GOODBYE: Duration = Duration::from_secs(60);
/// How long what is under way to those who are told has to arrive at the end.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// What waits to be told, in the store.
const OUTBOX: &str = "outbox.db";
/// How long the main thread sleeps when nobody watches it: until a signal comes.
const ASLEEP: Duration = Duration::from_secs(12 * 3600);

/// Makes tables of places, on the thread that asks them.
pub type MakePlaces<'a> = Box<dyn Fn() -> Option<Box<dyn Places>> + Send + Sync + 'a>;

/// What the daemon is started with, besides its configuration.
pub struct Setup<'a> {
    /// The messages.
    pub catalogue: &'a Catalogue,
    /// How lines are read.
    pub settings: Settings,
    /// Tables of places.
    pub places: MakePlaces<'a>,
    /// How many addresses are blocked.
    pub banned: AskBanned,
    /// The program's version.
    pub version: &'static str,
    /// Reads the configuration again; the words that say what is wrong with it.
    pub reload: Box<dyn Fn() -> Result<Config, String> + Send + Sync + 'a>,
}

/// Runs until somebody asks for the end.
///
/// # Errors
/// Words that say why it could not start, or had to end.
pub fn serve(mut config: Config, setup: Setup<'_>, explain: Explain) -> Result<(), String> {
    // what is kept is nobody else's, whoever starts us; what others may read is given to them where it is made
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let descriptors = descriptors::Limit::read().map_or(u64::MAX, descriptors::Limit::raised);
    // before there are threads: it takes what the environment says of sockets out of it
    let inherited = Inherited::take();
    let log = Log::new(&config.log);
    begin::tell_notes(&mut config, descriptors, &log);
    let signals = Signals::new().map_err(|error| format!("signals: {error}"))?;
    let service = Service::from_environment().map_err(|error| format!("the service manager: {error}"))?;
    let began = now();
    let state = Arc::new(State::new(began));
    begin::probe(&config)?;
    let store = begin::open_store(&config, &log)?;
    let history = match &store {
        Some(store) => Some(History::open(store.folder()).map_err(|error| error.to_string())?),
        None => None,
    };
    let folder = store.as_ref().map(|store| store.folder().to_path_buf());
    let hash = health::hash(&config.metrics, folder.as_deref())?;
    let metrics = Metrics::new(config.metrics.clone(), setup.version, "", began, hash);
    let (intake, arrivals) = Intake::channel(QUEUE_BYTES);
    let outbox = folder.as_ref().map(|folder| folder.join(OUTBOX));
    let (notifier, telling) = Notifier::new(&config.notify, outbox.as_deref(), log.clone())
        .map_err(|(key, why)| format!("[notify] {key}: {why}"))?;
    let counts = telling.reader();
    let channels = Box::new(move || counts.get());
    let banned = Arc::clone(&setup.banned);
    metrics.ask_health(health::asked(Arc::clone(&state), folder.clone(), channels, banned));
    let file = begin::metrics_file(&config, &metrics, &log)?;
    let shared = (&state, &metrics);
    let network = Network::bind(&config, folder.as_deref(), (&setup, explain, inherited), shared, &log)?;
    let daemon = Daemon {
        stop: signals.stop_flag(),
        caught_up: begin::ready_feed(),
        settings: Settings {
            wants: Wants::FindingsAndEvents,
            evidence: true,
            ..setup.settings.clone()
        },
        kept_settings: Settings {
            wants: Wants::Everything,
            ..setup.settings.clone()
        },
        config,
        setup,
        log,
        state,
        metrics,
        descriptors,
    };
    let ended = daemon.run(
        &signals,
        service,
        (store, history),
        (intake, arrivals),
        (network, notifier, &telling),
    );
    telling.stop(LAST_WORDS);
    drop(file);
    ended
}

/// What all threads share.
struct Daemon<'a> {
    config: Config,
    setup: Setup<'a>,
    settings: Settings,
    kept_settings: Settings,
    log: Log,
    state: Arc<State>,
    metrics: Arc<Metrics>,
    stop: Arc<AtomicBool>,
    caught_up: Arc<Feed>,
    /// How many the system gives us.
    descriptors: u64,
}

impl Daemon<'_> {
    fn run(
        &self,
        signals: &Signals,
        mut service: Service,
        (store, history): (Option<Store>, Option<History>),
        (intake, arrivals): (Intake, crate::intake::Arrivals),
        (network, notifier, telling): (Network, Notifier, &notify::Handle),
    ) -> Result<(), String> {
        let saved = begin::saved_positions(store.as_ref())?;
        let follower = follower(&self.config.follow, &self.setup.settings.ingest, &saved)
            .map_err(|problem| format!("[follow] {problem}"))?;
        let (out, deliveries) = sync_channel(WAITING);
        let ended = thread::scope(|scope| {
            let watcher = named(scope, "watch", move || {
                let _ends = EndsDaemon;
                let desk = self.desk(history, notifier);
                let captures_alone = self.config.is_capture_alone();
                watch(&deliveries, self.setup.catalogue, &self.settings, desk, captures_alone);
            })?;
            let keeper = named(scope, "keep", move || {
                let _ends = EndsDaemon;
                keep(Kit {
                    arrivals,
                    store,
                    full: self.full_policy(),
                    retention: Keeping::new(self.config.store.retention.clone(), now()),
                    keep_secrets: self.config.store.keep_secrets,
                    catalogue: self.setup.catalogue,
                    settings: &self.kept_settings,
                    caught_up: Arc::clone(&self.caught_up),
                    out,
                    state: &self.state,
                    log: &self.log,
                    stop: &self.stop,
                })
            })?;
            let (shutdown, network) = network.start(scope, intake.clone(), &self.log)?;
            let capture = self.capture(&intake, &saved)?;
            let left = Left {
                saved,
                caught_up: Some(Arc::clone(&self.caught_up)),
            };
            let last_good = self.config.follow.clone();
            let mut follow = FollowThread::start(scope, self, (follower, last_good), intake.clone(), left)?;
            let _ = service.ready("following its sources");
            let mut parts = (&mut follow, &shutdown, telling);
            let waited = self.wait(signals, &mut service, scope, &intake, &mut parts);
            let _ = service.stopping(GOODBYE);
            self.stop.store(true, Ordering::SeqCst);
            shutdown.stop();
            let followed = follow.end().map(drop);
            drop(capture);
            let networked = network.join();
            drop(intake);
            let kept = keeper.join();
            let watched = watcher.join();
            let fault = |what: &str| Err(format!("{what} failed: a fault of this program"));
            match kept {
                Ok(kept) => kept.map_err(|error| error.to_string())?,
                Err(_) => return fault("keeping records"),
            }
            if watched.is_err() {
                return fault("watching");
            }
            if networked.is_err() {
                return fault("the network");
            }
            followed.and(waited)
        });
        if ended.is_ok() {
            self.log.info("ended", &[]);
        }
        ended
    }

    /// Waits for signals, tells the service manager that all is well, and reloads.
    fn wait<'scope, 'env>(
        &'env self,
        signals: &Signals,
        service: &mut Service,
        scope: &'scope Scope<'scope, 'env>,
        intake: &Intake,
        parts: &mut Parts<'_, 'scope>,
    ) -> Result<(), String> {
        loop {
            let asked = signals.wait(service.alive_every().unwrap_or(ASLEEP));
            let _ = service.alive(Instant::now());
            if asked.stop {
                return Ok(());
            }
            if asked.reload {
                let _ = service.reloading();
                match (self.setup.reload)() {
                    Ok(config) => self.reload(config, scope, intake, parts)?,
                    Err(problem) => {
                        let words = "the new configuration is not used";
                        self.log.error(words, &[("problem", value(problem))]);
                    }
                }
                let _ = service.ready("following its sources");
            }
        }
    }

    /// Uses another configuration. What is followed changes without a line being lost; what cannot be used stays as it was, and
    /// what is used after a restart only is named.
    ///
    /// # Errors
    /// If nothing can be followed any more.
    fn reload<'scope, 'env>(
        &'env self,
        mut config: Config,
        scope: &'scope Scope<'scope, 'env>,
        intake: &Intake,
        (follow, shutdown, telling): &mut Parts<'_, 'scope>,
    ) -> Result<(), String> {
        begin::tell_notes(&mut config, self.descriptors, &self.log);
        if let Err((key, why)) = telling.reload(&config.notify) {
            let problem = format!("{key}: {why}");
            self.log
                .error("[notify] stays as it was", &[("problem", value(problem))]);
        }
        shutdown.apply(config.listen.clone());
        let left = follow.end()?;
        let options = &self.setup.settings.ingest;
        let next = match follower(&config.follow, options, &left.saved) {
            Ok(next) => (next, config.follow.clone()),
            Err(problem) => {
                self.log
                    .error("[follow] stays as it was", &[("problem", value(&problem))]);
                let last = follow.config.clone();
                let again = follower(&last, options, &left.saved);
                (again.map_err(|problem| format!("[follow] {problem}"))?, last)
            }
        };
        **follow = FollowThread::start(scope, self, next, intake.clone(), left)?;
        for key in self.config.restart_keys(&config) {
            let words = "changed: it is used after a restart";
            self.log.warning(words, &[("key", value(key))]);
        }
        self.log.info("the configuration was read again", &[]);
        Ok(())
    }

    /// Reads the capture that the configuration names.
    fn capture(&self, intake: &Intake, saved: &BTreeMap<String, Vec<u8>>) -> Result<Option<Capture>, String> {
        let Some(path) = &self.config.listen.capture else {
            return Ok(None);
        };
        let known: BTreeSet<String> = saved.keys().cloned().collect();
        let started = Capture::start(path, intake.clone(), move |key| known.contains(key));
        started.map(Some).map_err(|error| format!("capture {path}: {error}"))
    }

    fn full_policy(&self) -> FullPolicy {
        self.config.store.full.policy()
    }

    /// The watching thread's desk; made there, because a detector stays on its thread.
    fn desk(&self, history: Option<History>, notifier: Notifier) -> Desk<'_> {
        let mut options: detect::Options = self.config.detect.options.clone();
        options.keep_texts(Some(tunlog_decode::redact));
        let mut detector = Detector::new(&options);
        if let Some(places) = (self.setup.places)() {
            detector.know_places(places);
        }
        let known = |of: fn(&History) -> Result<Option<u64>, tunlog_store::StoreError>| {
            let known = history.as_ref().map(of).transpose();
            known.map(Option::flatten).unwrap_or_else(|error| {
                self.log
                    .error("the history cannot be read", &[("problem", value(error))]);
                // rather told too little than everything anew
                Some(u64::MAX)
            })
        };
        let (analysed, open_since) = (known(History::analysed_seq), known(History::open_since));
        let listeners: Vec<Box<dyn Listener>> = vec![Box::new(notifier), Box::new(self.metrics.listener())];
        Desk {
            detector,
            listeners,
            chronicle: history.map(Chronicle::new),
            analysed,
            open_since,
            state: &self.state,
            log: &self.log,
            read: Instant::now(),
            mood: Mood::Live,
            events: 0,
            findings: 0,
        }
    }
}
