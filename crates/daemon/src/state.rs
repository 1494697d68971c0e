//! What the daemon shows of itself while it runs: how each source does, what the store has, what waits. Written by the
//! threads that know, read by metrics, status and the HTTP interface.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use serde::Serialize;
use tunlog_model::Protocol;
use tunlog_store::Counts;

use crate::validity::Validity;

/// Sources that are shown by themselves; what comes of later ones is shown under [`OTHER`].
pub const SOURCES_MAX: usize = 2048;
/// The name under which sources beyond the limit are shown.
pub const OTHER: &str = "other";

/// How a source does. Times are microseconds UTC.
#[derive(Clone, Debug, Default)]
pub struct SourceState {
    /// What was counted of it since the daemon started.
    pub counts: Counts,
    /// When something came of it last.
    pub heard: Option<i64>,
    /// Event time of its newest record.
    pub newest: Option<i64>,
    /// How much later than its own time the newest record was read, microseconds; the clock of the writer may be wrong.
    pub lag: Option<i64>,
    /// What is wrong with it at present.
    pub problem: Option<String>,
    /// It is over: nothing will come any more.
    pub ended: bool,
}

/// How keeping does.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Keeping {
    /// Records that are on the disk, over the life of the store.
    pub records: u64,
    /// Commits since the start.
    pub commits: u64,
    /// Microseconds that the last commit took.
    pub commit_micros: u64,
    /// Checkpoints over the life of the store.
    pub checkpoints: u64,
    /// Records given up because the disk was full.
    pub dropped: u64,
    /// How often the system refused something that the store asked of it since the start.
    pub refused: u64,
    /// Why nothing can be kept at present.
    pub problem: Option<String>,
}

/// How watching does.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Watching {
    /// Everything that was there at the start is taken in.
    pub caught_up: bool,
    /// Events joined since the start.
    pub events: u64,
    /// Connection attempts that have no outcome yet.
    pub starting: u64,
    /// The same by protocol, for metrics.
    #[serde(skip)]
    pub starting_of: Vec<(Option<Protocol>, u64)>,
    /// Findings told since the start.
    pub findings: u64,
}

#[derive(Debug, Default)]
struct Inner {
    sources: BTreeMap<String, SourceState>,
    keeping: Keeping,
    watching: Watching,
    certificates: Vec<Validity>,
}

/// What is shown.
#[derive(Debug, Default)]
pub struct State {
    inner: Mutex<Inner>,
    started: i64,
}

impl State {
    /// Of a daemon that started now, microseconds UTC.
    pub fn new(now: i64) -> State {
        State {
            started: now,
            ..State::default()
        }
    }

    /// When the daemon started, microseconds UTC.
    pub fn started(&self) -> i64 {
        self.started
    }

    /// Every source with its name.
    pub fn sources(&self) -> Vec<(String, SourceState)> {
        let inner = self.inner();
        let all = inner.sources.iter();
        all.map(|(name, state)| (name.clone(), state.clone())).collect()
    }

    /// How keeping does.
    pub fn keeping(&self) -> Keeping {
        self.inner().keeping.clone()
    }

    /// How watching does.
    pub fn watching(&self) -> Watching {
        self.inner().watching.clone()
    }

    /// The certificates that are shown to peers, and those by which peers are judged.
    pub fn certificates(&self) -> Vec<Validity> {
        self.inner().certificates.clone()
    }

    /// Other certificates are used from now on.
    pub fn set_certificates(&self, all: Vec<Validity>) {
        self.inner().certificates = all;
    }

    /// Changes what is shown of a source.
    pub fn source(&self, name: &str, change: impl FnOnce(&mut SourceState)) {
        let mut inner = self.inner();
        let name = match inner.sources.contains_key(name) || inner.sources.len() < SOURCES_MAX {
            true => name,
            false => OTHER,
        };
        if let Some(known) = inner.sources.get_mut(name) {
            return change(known);
        }
        change(inner.sources.entry(name.to_owned()).or_default());
    }

    /// What was wrong with a source is so no more. One that nothing ever came of is shown again when something does: it may have
    /// been the name of many.
    pub fn mended(&self, name: &str) {
        let mut inner = self.inner();
        if let Some(source) = inner.sources.get_mut(name) {
            source.problem = None;
            if source.heard.is_none() {
                inner.sources.remove(name);
            }
        }
    }

    /// Changes what is shown of keeping.
    pub fn keep(&self, change: impl FnOnce(&mut Keeping)) {
        change(&mut self.inner().keeping);
    }

    /// Changes what is shown of watching.
    pub fn watch(&self, change: impl FnOnce(&mut Watching)) {
        change(&mut self.inner().watching);
    }

    /// A panic elsewhere leaves nothing half done here.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|held| held.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waited_only_is_shown_no_more() {
        let state = State::new(0);
        for name in ["/var/log/*.log", "/var/log/syslog"] {
            state.source(name, |source| source.problem = Some("waits".to_owned()));
        }
        state.source("/var/log/syslog", |source| source.heard = Some(1));
        state.mended("/var/log/*.log");
        state.mended("/var/log/syslog");
        state.mended("never heard of");
        let sources = state.sources();
        assert_eq!(sources.len(), 1);
        assert_eq!(sources[0].0, "/var/log/syslog");
        assert!(sources[0].1.problem.is_none());
    }

    #[test]
    fn sources_beyond_the_limit_share_a_name() {
        let state = State::new(0);
        for number in 0..SOURCES_MAX + 10 {
            state.source(&format!("peer {number}"), |source| source.counts.read += 1);
        }
        let sources = state.sources();
        assert_eq!(sources.len(), SOURCES_MAX + 1);
        let other = sources
            .iter()
            .find(|(name, _)| name == OTHER)
            .map(|(_, state)| state.counts.read);
        assert_eq!(other, Some(10));
    }
}
