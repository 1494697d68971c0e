//! Metrics: what is counted of what is told, and how it is written for Prometheus.
//!
//! [`Counting`] listens on the watching thread; [`Metrics::render`] is called by whoever answers a scrape. What is not told to
//! listeners (how sources, store and notifications do) is asked for when it is written, see [`Health`].

mod counts;
mod families;
mod file;
mod health;
mod open;
mod process;
mod render;
mod text;
mod users;
mod words;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

pub use counts::SOURCES_MAX;
pub use families::process::ALL as PROCESS;
pub use families::{ALL, Family, Kind};
pub use file::MetricsFile;
pub use health::{ChannelHealth, Health, InterfaceBytes, SourceHealth, StoreHealth};
pub use text::Form;

use crate::secret;
use crate::told::{Hearing, Listener, Told};
use counts::Counts;

/// Section `[metrics]`: what of the metrics is told, and where else.
#[derive(Deserialize, Serialize, Clone, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Figures per user: bytes and sessions under the user's name. Names are personal data, so they are told only on request.
    pub per_user: bool,
    /// Users with figures of their own; those of the others are summed up as `__other__`.
    pub per_user_max: usize,
    /// Tell a keyed hash of the name instead of the name. The key is made at random in the store's folder and never leaves it.
    pub hash_users: bool,
    /// Also write the metrics into this file, for the textfile collector of node_exporter; its name must end in `.prom`.
    pub file: Option<std::path::PathBuf>,
    /// Seconds between two writings of that file, if anything has changed.
    pub file_interval_s: u64,
    /// Seconds after which a session that nothing was heard of is told as `stale`: its end was probably never logged.
    pub stale_after_s: u64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            per_user: false,
            per_user_max: USERS_DEFAULT,
            hash_users: false,
            file: None,
            file_interval_s: 15,
            stale_after_s: 7 * 86_400,
        }
    }
}

/// The key of users' hashes in the store's folder.
const HASH_KEY_FILE: &str = "metrics-key";
/// Users with figures of their own unless somebody says otherwise.
const USERS_DEFAULT: usize = 2000;
/// More series than this are a burden for Prometheus, not a help.
const USERS_MOST: usize = 20_000;

impl Config {
    /// Judges the values.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.per_user_max == 0 || self.per_user_max > USERS_MOST {
            return Err(("per-user-max", format!("must be 1 to {USERS_MOST}")));
        }
        if self.file_interval_s == 0 {
            return Err(("file-interval-s", "must be 1 or more".to_owned()));
        }
        if self.stale_after_s == 0 {
            return Err(("stale-after-s", "must be 1 or more".to_owned()));
        }
        let is_prom = |path: &std::path::PathBuf| path.extension().is_some_and(|suffix| suffix == "prom");
        match &self.file {
            Some(path) if !is_prom(path) => Err((
                "file",
                format!("{} must end in .prom: node_exporter reads no others", path.display()),
            )),
            _ => Ok(()),
        }
    }
}

/// Who tells how sources, store and notifications do; called at each writing.
pub type AskHealth = Box<dyn Fn() -> Health + Send + Sync>;
/// What stands for a user's name.
pub type HashUser = Box<dyn Fn(&str) -> String + Send + Sync>;

/// The metrics of one daemon, shared by who counts and who writes.
pub struct Metrics {
    config: Config,
    version: &'static str,
    revision: &'static str,
    /// Seconds since 1970.
    started: f64,
    counts: Mutex<Counts>,
    health: OnceLock<AskHealth>,
    hash: Option<HashUser>,
    told: Mutex<render::Reported>,
    change: Change,
}

impl Metrics {
    /// Nothing counted yet. `started` is when the program was started, microseconds UTC. `hash` makes something else of users' names, where
    /// the configuration asks for it; without it a key is used that is forgotten at the end.
    pub fn new(
        config: Config,
        version: &'static str,
        revision: &'static str,
        started: i64,
        hash: Option<HashUser>,
    ) -> Arc<Metrics> {
        let users = config.per_user.then_some(config.per_user_max);
        let hash = match (config.hash_users, hash) {
            (false, _) => None,
            (true, Some(hash)) => Some(hash),
            // nobody keeps a key: one that holds until the end, and never the names themselves
            (true, None) => Some(match secret::random() {
                Ok(key) => hash_with(&key),
                Err(_) => Box::new(|_: &str| users::OTHER.to_owned()) as HashUser,
            }),
        };
        Arc::new(Metrics {
            config,
            version,
            revision,
            started: started as f64 / 1e6,
            counts: Mutex::new(Counts::new(users)),
            health: OnceLock::new(),
            hash,
            told: Mutex::default(),
            change: Change::default(),
        })
    }

    /// Says whom to ask how sources, store and notifications do; only the first time counts.
    pub fn ask_health(&self, ask: AskHealth) {
        let _ = self.health.set(ask);
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // a count is never half made, so one after a panic is as good as any
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything as an exposition. `now`: the present, microseconds UTC.
    pub fn render(&self, form: Form, now: i64) -> String {
        self.render_parts(form, now, true)
    }

    /// The part that listens.
    pub fn listener(self: &Arc<Self>) -> Counting {
        Counting {
            metrics: Arc::clone(self),
        }
    }
}

/// Counts what is told.
pub struct Counting {
    metrics: Arc<Metrics>,
}

impl Listener for Counting {
    fn hear(&mut self, told: Told<'_>, hearing: &Hearing<'_>) {
        if matches!(told, Told::Tick) {
            return;
        }
        self.metrics.counts().hear(&told, hearing);
        self.metrics.change.note();
    }
}

/// Whether anything was counted since somebody looked.
#[derive(Default)]
struct Change {
    state: Mutex<Noted>,
    wake: Condvar,
}

#[derive(Default)]
struct Noted {
    changed: bool,
    ended: bool,
}

impl Change {
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self) {
        let mut noted = self.lock();
        if !noted.changed {
            noted.changed = true;
            self.wake.notify_all();
        }
    }

    fn end(&self) {
        self.lock().ended = true;
        self.wake.notify_all();
    }
}

/// A keyed hash in place of a name: the same for the same name, and of no use to who does not have the key (HMAC-SHA-256, its first
/// 64 bits).
pub fn hash_with(key: &str) -> HashUser {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key.as_bytes());
    Box::new(move |name| {
        let tag = ring::hmac::sign(&key, name.as_bytes());
        tag.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    })
}

/// The same with a key that is kept in this folder, made at random if it is not there: a name has the same hash after a restart.
///
/// # Errors
/// If the key cannot be read or written.
pub fn hash_kept_in(folder: &std::path::Path) -> Result<HashUser, String> {
    secret::load_or_make(&folder.join(HASH_KEY_FILE)).map(|key| hash_with(&key))
}
