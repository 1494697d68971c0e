//! The configuration of the daemon: one TOML file, shared with the batch commands, of which every section belongs to a module
//! and is judged there. A file with a mistake gives no configuration at all.

pub mod detect;
mod document;
pub mod machine;
mod outside;
mod print;
pub mod retention;
pub mod store;

pub use document::{Document, Mistake};
use machine::Found;
#[cfg(test)]
pub(crate) use print::keys_of;
use tunlog_ingest::FollowConfig;

use crate::{listen, metrics, notify, web};

/// Sections that the daemon reads. `[detect]` is read by batch commands, too.
pub const SECTIONS: &[&str] = &[
    "store", "follow", "listen", "http", "metrics", "notify", "log", "detect",
];

/// Everything that may be chosen.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where records are kept.
    pub store: store::Config,
    /// Files, the journal and folders that are followed.
    pub follow: FollowConfig,
    /// Where records are received.
    pub listen: listen::Config,
    /// Metrics and the read-only interface.
    pub http: web::Config,
    /// What of the metrics is told, and where else.
    pub metrics: metrics::Config,
    /// Who is told what.
    pub notify: notify::Config,
    /// What the daemon says of itself.
    pub log: crate::log::Config,
    /// Attacks and abuse.
    pub detect: detect::Config,
}

impl Config {
    /// Takes the daemon's sections out of a document; mistakes are noted there, and only without any may this be used.
    pub fn take(document: &mut Document<'_>) -> Config {
        let mut config = Config {
            store: document.section("store").unwrap_or_default(),
            follow: document.section("follow").unwrap_or_default(),
            listen: document.section("listen").unwrap_or_default(),
            http: document.section("http").unwrap_or_default(),
            metrics: document.section("metrics").unwrap_or_default(),
            notify: document.section("notify").unwrap_or_default(),
            log: document.section("log").unwrap_or_default(),
            detect: detect::Config::default(),
        };
        config.detect.take(document);
        for (path, words) in config.mistakes() {
            document.mistake(&path, words);
        }
        config
    }

    /// What is wrong with values that can be read: `section.key` and why. Flags and the environment may make mistakes, too, so
    /// this is asked again after them.
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let judged = [
            ("store", self.store.check()),
            ("follow", self.follow.check()),
            ("listen", self.listen.check()),
            ("http", self.http.check()),
            ("metrics", self.metrics.check()),
        ];
        let wrong = |(section, judged): (&str, Result<(), (&'static str, String)>)| {
            let (key, words) = judged.err()?;
            Some((format!("{section}.{key}"), words))
        };
        let mut all: Vec<(String, String)> = judged.into_iter().filter_map(wrong).collect();
        all.extend(self.notify.check().err());
        all
    }

    /// Whether it names anything that records come from.
    pub fn has_sources(&self) -> bool {
        let follows = !(self.follow.globs.is_empty() && self.follow.detail_folders.is_empty()) || self.follow.journal;
        follows || self.listen.is_used()
    }

    /// Where no source is named, those that this machine has. What was looked at and why is for the administrator to read.
    pub fn find_sources(&mut self) -> Option<Found> {
        if self.has_sources() {
            return None;
        }
        let found = machine::find(self.store.services);
        self.follow.globs.clone_from(&found.follow);
        self.follow.journal = found.journal;
        self.follow.detail_folders = found.detail.iter().map(Into::into).collect();
        Some(found)
    }

    /// Sections of another configuration that are used after a restart only, and differ.
    pub fn restart_sections(&self, other: &Config) -> Vec<&'static str> {
        let shown = |config: &Config| {
            [
                ("store", format!("{:?}", config.store)),
                ("http", format!("{:?}", config.http)),
                ("metrics", format!("{:?}", config.metrics)),
                ("log", format!("{:?}", config.log)),
                ("detect", format!("{:?}", config.detect)),
            ]
        };
        let pairs = shown(self).into_iter().zip(shown(other));
        pairs
            .filter(|((_, one), (_, other))| one != other)
            .map(|((section, _), _)| section)
            .collect()
    }

    /// The whole configuration as TOML, each key with what it means; secrets are `***`.
    pub fn to_toml(&self) -> String {
        print::whole(self)
    }
}
