//! The configuration of the daemon: one TOML file, shared with the batch commands, of which every section belongs to a module
//! and is judged there. A file with a mistake gives no configuration at all.

pub mod detect;
mod document;
pub mod machine;
mod outside;
mod print;
pub mod store;

pub use document::{Document, Mistake};
use machine::Found;
use tunlog_ingest::FollowConfig;

use crate::{metrics, web};

/// Sections that the daemon reads. `[detect]` is read by batch commands, too.
pub const SECTIONS: &[&str] = &["store", "follow", "http", "metrics", "log", "detect"];

/// Everything that may be chosen.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where records are kept.
    pub store: store::Config,
    /// Files, the journal and folders that are followed.
    pub follow: FollowConfig,
    /// Metrics and the read-only interface.
    pub http: web::Config,
    /// What of the metrics is told, and where else.
    pub metrics: metrics::Config,
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
            http: document.section("http").unwrap_or_default(),
            metrics: document.section("metrics").unwrap_or_default(),
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
            ("http", self.http.check()),
            ("metrics", self.metrics.check()),
        ];
        let wrong = |(section, judged): (&str, Result<(), (&'static str, String)>)| {
            let (key, words) = judged.err()?;
            Some((format!("{section}.{key}"), words))
        };
        judged.into_iter().filter_map(wrong).collect()
    }

    /// Whether it names anything that records come from.
    pub fn has_sources(&self) -> bool {
        !(self.follow.globs.is_empty() && self.follow.detail_folders.is_empty()) || self.follow.journal
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

    /// The whole configuration as TOML, each key with what it means; secrets are `***`.
    pub fn to_toml(&self) -> String {
        print::whole(self)
    }
}
