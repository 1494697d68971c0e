//! What logs themselves show of a gateway's safety: sessions, log-ins, secrets, warnings of the daemons, lost lines, accounts.
//!
//! Events and attempts go in, checks come out at the end. Each thing that is looked for is a `Watch`, one family a file, and
//! what it keeps is bounded. Nothing is searched inside a text that a peer chose: a watch asks for messages of the catalogue
//! and for their fields.

mod accounts;
mod files;
mod lately;
mod losses;
mod protection;
mod radius_packets;
mod secrets;
mod sessions;
mod tally;
mod warnings;

use std::borrow::Cow;

use tunlog_model::{Attempt, Event, Message, SourceId};

pub use accounts::{Account, accounts};
pub use files::LogFile;
pub use lately::Lately;
pub use protection::{Protection, gateway_of, host_of, is_up};
pub use tally::{LISTED_MAX, Tally};

use crate::versions::{Advisories, Package, Versions};
use crate::{Family, Report};

/// The families that look at logs, in the order of the manual.
pub const FAMILIES: &[&Family] = &[
    &sessions::FAMILY,
    &secrets::FAMILY,
    &warnings::FAMILY,
    &radius_packets::FAMILY,
    &losses::FAMILY,
    &accounts::FAMILY,
    &files::FAMILY,
    &crate::versions::FAMILY,
];

/// Takes secrets out of a line; what comes back owned held some.
pub type Redact = for<'a> fn(&Message, &'a [u8]) -> Cow<'a, [u8]>;

/// What belongs to the logs and is not in them.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// What is known of versions.
    pub advisories: Advisories,
    /// The package list: its name, and the packages of ours in it.
    pub packages: Option<(String, Vec<Package>)>,
    /// The accounts of the gateway.
    pub accounts: Vec<Account>,
    /// The files that logs lie in, where their rights are those of the gateway.
    pub log_files: Vec<LogFile>,
}

/// Where a watch tells what it found.
pub struct Scene<'a> {
    /// The present, microseconds UTC.
    pub now: i64,
    /// What belongs to the logs.
    pub beside: &'a Beside,
    /// Time of the first and last event.
    pub covered: Option<(i64, i64)>,
    names: &'a dyn Fn(SourceId) -> String,
}

impl Scene<'_> {
    /// The name of a source.
    pub fn name(&self, source: SourceId) -> String {
        (self.names)(source)
    }
}

/// Looks for one thing.
pub trait Watch {
    /// Any event, in the order of time.
    fn event(&mut self, event: &Event<'_>) {
        let _ = event;
    }

    /// An event of somebody who was not asked for: it counts for nothing, and may tell what becomes of those who were.
    fn context(&mut self, event: &Event<'_>) {
        let _ = event;
    }

    /// An attempt that closed.
    fn attempt(&mut self, attempt: &Attempt) {
        let _ = attempt;
    }

    /// Lines were lost.
    fn lost(&mut self, count: Option<u64>, time: i64) {
        let _ = (count, time);
    }

    /// The logs end.
    fn finish(&mut self, scene: &Scene<'_>, report: &mut Report);
}

/// Looks for everything.
pub struct Logs {
    watches: Vec<Box<dyn Watch>>,
    beside: Beside,
    covered: Option<(i64, i64)>,
}

impl Logs {
    /// Nothing is known yet.
    pub fn new(beside: Beside, redact: Redact) -> Logs {
        Logs {
            watches: vec![
                Box::new(sessions::Sessions::default()),
                Box::new(secrets::Secrets::new(redact)),
                Box::new(warnings::Warnings::default()),
                Box::new(radius_packets::RadiusPackets::default()),
                Box::new(losses::Losses::default()),
                Box::new(accounts::Accounts::new(&beside.accounts)),
                Box::new(files::Files),
                Box::new(Versions::default()),
            ],
            beside,
            covered: None,
        }
    }

    /// Every event, in the order in which it is told; `meant`: it is of those who were asked for.
    pub fn event(&mut self, event: &Event<'_>, meant: bool) {
        let time = event.time.micros;
        let (first, last) = self.covered.unwrap_or((time, time));
        self.covered = Some((first.min(time), last.max(time)));
        // another program can have written it in a daemon's name
        if !event.trusted() {
            return;
        }
        for watch in &mut self.watches {
            match meant {
                true => watch.event(event),
                false => watch.context(event),
            }
        }
    }

    /// Every attempt.
    pub fn attempt(&mut self, attempt: &Attempt) {
        for watch in &mut self.watches {
            watch.attempt(attempt);
        }
    }

    /// Lines were lost.
    pub fn lost(&mut self, count: Option<u64>, time: i64) {
        for watch in &mut self.watches {
            watch.lost(count, time);
        }
    }

    /// Tells what was found; `names` tells the names of sources.
    pub fn finish(&mut self, now: i64, names: &dyn Fn(SourceId) -> String, report: &mut Report) {
        let scene = Scene {
            now,
            beside: &self.beside,
            covered: self.covered,
            names,
        };
        for watch in &mut self.watches {
            watch.finish(&scene, report);
        }
    }
}
