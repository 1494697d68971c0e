//! The configuration of the daemon: one TOML file, shared with the batch commands, of which every section belongs to a module
//! and is judged there. A file with a mistake gives no configuration at all.

pub mod descriptors;
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

/// Sections that are used as a whole when the configuration is read again; of `[listen]` its own list says what is not.
const USED_AT_ONCE: &[&str] = &["follow", "listen", "notify"];

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
        self.follows() || self.listen.is_used()
    }

    fn follows(&self) -> bool {
        !(self.follow.globs.is_empty() && self.follow.detail_folders.is_empty()) || self.follow.journal
    }

    /// Whether packets are all that comes.
    pub fn is_capture_alone(&self) -> bool {
        self.listen.capture.is_some() && !self.listen.has_doors() && !self.follows()
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

    /// Keys of another configuration that are used after a restart only, and differ: `section.key`. This is the one place that knows;
    /// what is not named here is used as soon as the configuration is read again.
    pub fn restart_keys(&self, other: &Config) -> Vec<String> {
        let fixed = self.listen.fixed_that_differ(&other.listen);
        let listen = fixed.into_iter().map(|key| format!("listen.{key}"));
        let (ours, others) = (print::sections(self), print::sections(other));
        let sections = ours.iter().zip(&others);
        let at_start = sections.filter(|((name, _), _)| !USED_AT_ONCE.contains(name));
        listen
            .chain(at_start.flat_map(|((name, one), (_, other))| differing(name, one, other)))
            .collect()
    }

    /// What somebody should know before the daemon is started, and what does not keep it from starting: `section.key` and why.
    pub fn notes(&self) -> Vec<(String, String)> {
        let mut notes = self.loose_files();
        let attainable = descriptors::Limit::read().map(descriptors::Limit::attainable);
        let words = attainable.and_then(|limit| self.clone().fit_descriptors(limit));
        notes.extend(words.map(|words| ("listen.connections-max".to_owned(), words)));
        notes
    }

    /// The whole configuration as TOML, each key with what it means; secrets are `***`.
    pub fn to_toml(&self) -> String {
        print::whole(self)
    }
}

/// The keys below a table that are not the same in another one.
fn differing(path: &str, one: &toml::Table, other: &toml::Table) -> Vec<String> {
    let mut keys: Vec<&String> = one.keys().chain(other.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .flat_map(|key| {
            let path = format!("{path}.{key}");
            match (one.get(key), other.get(key)) {
                (one, other) if one == other => Vec::new(),
                (Some(toml::Value::Table(one)), Some(toml::Value::Table(other))) => differing(&path, one, other),
                _ => vec![path],
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Config {
        let mut document = Document::parse("t.toml", text);
        let config = Config::take(&mut document);
        assert_eq!(document.finish(), []);
        config
    }

    #[test]
    fn what_waits_for_a_restart_is_named_key_by_key() {
        let start = Config::default();
        assert_eq!(start.restart_keys(&Config::default()), <[String; 0]>::default());
        let next = read(
            "[store]\nsegment-bytes = 9000000\nretention = { keep = \"90d\" }\n[listen]\nudp = [\"127.0.0.1:5514\"]\n\
             unix-mode = \"0600\"\nallow = [\"any\"]\n[http]\nhosts = [\"vpn.example\"]\n[follow]\njournal = true\n\
             [detect.brute-force]\nenabled = false\n[log]\nformat = \"json\"\n[metrics]\nper-user = true\n",
        );
        assert_eq!(
            start.restart_keys(&next),
            [
                "listen.unix-mode",
                "store.retention.keep",
                "store.segment-bytes",
                "http.hosts",
                "metrics.per-user",
                "log.format",
                "detect.brute-force.enabled",
            ]
        );
        assert_eq!(next.restart_keys(&next.clone()), <[String; 0]>::default());
    }
}
