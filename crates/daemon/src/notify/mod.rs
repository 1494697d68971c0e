//! Notifications: findings, and who connects and disconnects, told to people and other programs.
//!
//! [`Notifier`] hears what the watching thread tells, picks what somebody wants to know, and puts it into a queue in memory;
//! that is all it does there. One thread, the *desk*, decides what goes out when ([`desk`]) and keeps what waits in the outbox
//! of the store. Each channel has a *courier*, a thread that waits for its receiver: one that is away or hangs delays nobody
//! else. Nothing wakes up without a reason.

pub mod channel;
mod command;
pub mod config;
mod courier;
mod desk;
mod filter;
mod mail;
mod message;
mod notice;
mod own;
mod pace;
mod quiet;
pub mod secret;
pub mod span;
mod syslog;
mod template;
mod threads;
mod webhook;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use serde::Serialize;
use tunlog_model::{Attempt, Outcome};
use tunlog_store::{ErrorKind, Outbox, OutboxLimits, StoreError};

pub use config::Config;
pub use threads::Handle;

use crate::log::{Log, value};
use crate::told::{Hearing, Listener, Told};
use channel::{Channel, Wrong, channels, zone};
use courier::Courier;
use filter::Gateways;
use message::Message;
use notice::{Kind, Notice};
use threads::Shared;

/// The outbox in a store's directory.
pub const OUTBOX: &str = "outbox.db";
/// Bytes of messages that wait, in a store and in memory.
const BYTES_MAX: u64 = 64 << 20;
const MEMORY_BYTES_MAX: u64 = 8 << 20;

/// The channels, as they are configured.
#[derive(Debug)]
pub struct Setup {
    channels: Vec<Channel>,
    zone: TimeZone,
    /// Microseconds after which a message is given up.
    keep: i64,
}

/// What became of the messages of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChannelCounts {
    /// Its name.
    pub name: String,
    /// webhook, mail, syslog or command.
    pub way: &'static str,
    /// Messages that arrived since the start.
    pub sent: u64,
    /// Tries that failed since the start.
    pub failed: u64,
    /// Messages that were given up since the start: refused, too old, or too many.
    pub given_up: u64,
    /// Messages that wait.
    pub waiting: u64,
    /// When the last one arrived, microseconds UTC.
    pub last_sent: Option<i64>,
    /// Why the last try failed, if the last try failed.
    pub problem: Option<String>,
}

/// Hears what happens, and has it told.
pub struct Notifier {
    shared: Arc<Shared>,
    setup: Arc<Setup>,
    generation: u64,
    gateways: Gateways,
    /// The number of the last notice that was made.
    last: u64,
}

impl Notifier {
    /// Starts telling. What waits is kept in the file `outbox`; without one in memory, until the process ends.
    ///
    /// # Errors
    /// The key of the configuration that is wrong (a secret or a certificate cannot be read, too), or `store` if the outbox
    /// cannot be opened; and why. Nothing runs then.
    pub fn new(config: &Config, outbox: Option<&Path>, log: Log) -> Result<(Notifier, Handle), (String, String)> {
        let (setup, couriers) = open(config)?;
        let outbox = open_outbox(outbox, config, &log).map_err(|error| ("store".to_owned(), error.to_string()))?;
        let handle = threads::start(setup, couriers, outbox, log)?;
        let shared = Arc::clone(handle.shared());
        let (generation, setup) = shared.setup();
        let notifier = Notifier {
            shared,
            setup,
            generation,
            gateways: Gateways::default(),
            last: 0,
        };
        Ok((notifier, handle))
    }

    /// Tells those who want it; the bits of `wanted` are channels.
    fn tell(&mut self, wanted: u64, make: impl FnOnce() -> Notice) {
        if wanted != 0 {
            self.last = self.shared.hear(&self.setup, wanted, make());
        }
    }

    fn wanted(&self, wants: impl Fn(&Channel) -> bool) -> u64 {
        let channels = self.setup.channels.iter().enumerate();
        channels.fold(0, |bits, (at, channel)| bits | u64::from(wants(channel)) << at)
    }

    fn session(&mut self, kind: Kind, attempt: &Attempt, hearing: &Hearing<'_>) {
        let wanted = self.wanted(|channel| channel.filter.wants_session(kind, attempt));
        self.tell(wanted, || Notice::of_attempt(kind, attempt, hearing.sources));
    }
}

impl Listener for Notifier {
    fn hear(&mut self, told: Told<'_>, hearing: &Hearing<'_>) {
        let attempt = match told {
            Told::Opened(attempt) | Told::Closed(attempt) => Some(attempt),
            Told::Found(_) => None,
            Told::Settled(_) | Told::Event(_) | Told::Lost(..) | Told::Tick => return,
        };
        if let Some((generation, setup)) = self.shared.setup_after(self.generation) {
            (self.generation, self.setup) = (generation, setup);
        }
        // what was before the start is known of gateways, too
        if let Some(attempt) = attempt.filter(|_| self.setup.channels.iter().any(|one| one.filter.wants_gateways())) {
            self.gateways.learn(attempt);
        }
        if hearing.replayed {
            return;
        }
        match told {
            Told::Found(finding) => {
                let wanted = self.wanted(|channel| channel.filter.wants_finding(finding, &self.gateways));
                self.tell(wanted, || Notice::of_finding(finding, hearing.sources));
            }
            Told::Opened(attempt) => self.session(Kind::Connected, attempt, hearing),
            Told::Closed(attempt) => match attempt.outcome {
                Outcome::Established => self.session(Kind::Disconnected, attempt, hearing),
                Outcome::Failed => self.session(Kind::Failed, attempt, hearing),
                Outcome::Open | Outcome::Unfinished => {}
            },
            Told::Settled(_) | Told::Event(_) | Told::Lost(..) | Told::Tick => {}
        }
    }

    fn has_kept(&self) -> bool {
        self.shared.has_kept(self.last)
    }
}

/// Judges the configuration, and gets couriers ready.
fn open(config: &Config) -> Result<(Setup, Vec<Box<dyn Courier>>), Wrong> {
    let channels = channels(config)?;
    let zone = zone(config)?;
    let couriers = channels
        .iter()
        .map(|channel| courier::open(channel, &zone).map_err(|wrong| named(channel, wrong)))
        .collect::<Result<_, _>>()?;
    let setup = Setup {
        channels,
        zone,
        keep: config.keep.micros(),
    };
    Ok((setup, couriers))
}

fn named(channel: &Channel, (key, why): (&'static str, String)) -> Wrong {
    (
        format!("notify.{}: channel `{}`: {key}", channel.way.word(), channel.name),
        why,
    )
}

fn open_outbox(path: Option<&Path>, config: &Config, log: &Log) -> Result<Outbox, StoreError> {
    let mut limits = OutboxLimits {
        messages_max: config.waiting_max.into(),
        bytes_max: BYTES_MAX,
    };
    let Some(path) = path else {
        limits.bytes_max = MEMORY_BYTES_MAX;
        return Outbox::in_memory(limits);
    };
    match Outbox::open(path, limits) {
        Err(error) if error.kind == ErrorKind::Corrupt => {
            // what waits to be told is not worth staying silent from now on
            let aside = path.with_added_extension(format!("damaged-{}", jiff::Timestamp::now().as_second()));
            std::fs::rename(path, &aside).map_err(|error| StoreError::io(path, &error))?;
            for suffix in ["-wal", "-shm"] {
                let mut name = path.as_os_str().to_owned();
                name.push(suffix);
                // they are of no use to a new database, and may not be there
                let _ = std::fs::remove_file(PathBuf::from(name));
            }
            let values = [("file", value(aside.display())), ("why", value(error))];
            log.error(
                "the outbox is damaged and was put aside: what waited is not told",
                &values,
            );
            Outbox::open(path, limits)
        }
        opened => opened,
    }
}

/// What came of trying a channel.
#[derive(Clone, Debug)]
pub struct Tested {
    /// Its name.
    pub name: String,
    /// By which way.
    pub way: &'static str,
    /// How long it took, or why it did not arrive.
    pub result: Result<Duration, String>,
}

/// Sends a message to the channel of a name, or to all, and waits for what comes of it. Filters, quiet hours and limits do not
/// count.
///
/// # Errors
/// The key of the configuration that is wrong, and why; or that there is no such channel.
pub fn test(config: &Config, name: Option<&str>) -> Result<Vec<Tested>, (String, String)> {
    let channels = channels(config)?;
    let zone = zone(config)?;
    let chosen: Vec<&Channel> = channels
        .iter()
        .filter(|channel| name.is_none_or(|name| channel.name == name))
        .collect();
    if chosen.is_empty() {
        return Err(unknown(&channels, name));
    }
    let message = Message::one(Notice::of_test(jiff::Timestamp::now().as_microsecond()));
    let tested = chosen.into_iter().map(|channel| {
        let start = Instant::now();
        let sent = courier::open(channel, &zone)
            .map_err(|(key, why)| format!("{key}: {why}"))
            .and_then(|mut courier| courier.deliver(&message).map_err(|failed| failed.why));
        Tested {
            name: channel.name.clone(),
            way: channel.way.word(),
            result: sent.map(|()| start.elapsed()),
        }
    });
    Ok(tested.collect())
}

/// Whether there is a channel of a name.
///
/// # Errors
/// The key of the configuration that is wrong, and why; or that there is no such channel, and which there are.
pub fn known(config: &Config, name: &str) -> Result<(), (String, String)> {
    let channels = channels(config)?;
    match channels.iter().any(|channel| channel.name == name) {
        true => Ok(()),
        false => Err(unknown(&channels, Some(name))),
    }
}

fn unknown(channels: &[Channel], name: Option<&str>) -> Wrong {
    let known: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
    let why = match name {
        Some(name) if !known.is_empty() => format!("there is no channel `{name}`: {}", known.join(", ")),
        _ => "no channel is configured".to_owned(),
    };
    ("notify".to_owned(), why)
}
