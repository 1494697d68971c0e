//! The configuration of the daemon: one TOML file, shared with the batch commands, of which every section belongs to a module
//! and is judged there. A file with a mistake gives no configuration at all.

pub mod detect;
mod document;
pub mod machine;
mod print;
pub mod store;

pub use document::{Document, Mistake};

/// Sections that the daemon reads. `[detect]` is read by batch commands, too.
pub const SECTIONS: &[&str] = &["store", "log", "detect"];

/// Everything that may be chosen.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Where records are kept.
    pub store: store::Config,
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
        let judged = [("store", self.store.check())];
        let wrong = |(section, judged): (&str, Result<(), (&'static str, String)>)| {
            let (key, words) = judged.err()?;
            Some((format!("{section}.{key}"), words))
        };
        judged.into_iter().filter_map(wrong).collect()
    }

    /// The whole configuration as TOML, each key with what it means; secrets are `***`.
    pub fn to_toml(&self) -> String {
        print::whole(self)
    }
}
