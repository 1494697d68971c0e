//! `[detect]`: tables of places, and for each rule its thresholds and whether it is on. Batch commands and the daemon read the
//! same section.

use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use tunlog_analysis::detect;
use tunlog_model::near::nearest;

use super::document::Document;

/// `[detect]`: attacks and abuse.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Thresholds, and rules that are off.
    pub options: detect::Options,
    /// Tables of places.
    pub mmdb: Vec<PathBuf>,
}

impl Config {
    /// Takes in `[detect]` (`mmdb`), and the `[detect.RULE]` tables: `enabled` and the rule's thresholds.
    pub fn take(&mut self, document: &mut Document<'_>) {
        let folder = document.folder().to_path_buf();
        for (key, value) in document.table("detect").unwrap_or_default() {
            let key = key.get_ref().as_ref();
            match (key, value.get_ref()) {
                ("mmdb", _) => match paths(value, &folder) {
                    Some(paths) => self.mmdb = paths,
                    None => document.mistake("detect.mmdb", "is a path, or a list of paths"),
                },
                (rule, DeValue::Table(keys)) => self.take_rule(rule, keys, document),
                (key, _) => document.mistake(&format!("detect.{key}"), format!("must be a table: [detect.{key}]")),
            }
        }
    }

    fn take_rule(&mut self, rule: &str, keys: &DeTable<'_>, document: &mut Document<'_>) {
        if detect::rule(rule).is_none() {
            let words = match nearest(rule, detect::ALL.iter().map(|rule| rule.name)) {
                Some(meant) => format!("there is no rule `{rule}`; did you mean `{meant}`?"),
                None => format!("there is no rule `{rule}`: `tunlog explain --list rules` names all"),
            };
            return document.mistake(&format!("detect.{rule}"), words);
        }
        for (key, value) in keys {
            let key = key.get_ref().as_ref();
            if let Err(words) = set(rule, key, value, &mut self.options) {
                document.mistake(&format!("detect.{rule}.{key}"), words);
            }
        }
    }

    /// Every rule with its thresholds as they are, in TOML.
    pub(super) fn value(&self) -> toml::Table {
        let rule = |rule: &&'static detect::Rule| {
            let threshold = |threshold: &detect::Threshold| {
                let value = self.options.threshold(rule, threshold.key);
                // whole numbers are written as such
                let whole = value as i64;
                let value = match whole as f64 == value {
                    true => toml::Value::Integer(whole),
                    false => toml::Value::Float(value),
                };
                (threshold.key.to_owned(), value)
            };
            let mut keys: toml::Table = rule.thresholds.iter().map(threshold).collect();
            keys.insert("enabled".to_owned(), (!self.options.is_off(rule)).into());
            (rule.name.to_owned(), toml::Value::Table(keys))
        };
        let mut section: toml::Table = detect::ALL.iter().map(rule).collect();
        let mmdb = self.mmdb.iter().map(|path| path.display().to_string().into());
        section.insert("mmdb".to_owned(), toml::Value::Array(mmdb.collect()));
        section
    }
}

/// A path or several, from the folder of the configuration.
fn paths(value: Spanned<DeValue<'_>>, folder: &Path) -> Option<Vec<PathBuf>> {
    let all = match toml::Value::deserialize(ValueDeserializer::from(value)).ok()? {
        toml::Value::Array(all) => all,
        one => vec![one],
    };
    all.iter().map(|value| Some(folder.join(value.as_str()?))).collect()
}

fn set(rule: &str, key: &str, value: &Spanned<DeValue<'_>>, options: &mut detect::Options) -> Result<(), String> {
    let value = toml::Value::deserialize(ValueDeserializer::from(value.clone()));
    match (key, value.map_err(|error| error.message().to_owned())?) {
        ("enabled", toml::Value::Boolean(true)) => Ok(()),
        ("enabled", toml::Value::Boolean(false)) => options.switch_off(rule),
        ("enabled", _) => Err("is true or false".to_owned()),
        (key, toml::Value::Integer(value)) => options.set(rule, key, value as f64),
        (key, toml::Value::Float(value)) => options.set(rule, key, value),
        (_, _) => Err("must be a number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> (Config, Vec<String>) {
        let mut document = Document::parse("/etc/tunlog/tunlog.toml", text);
        let mut config = Config::default();
        config.take(&mut document);
        let mistakes = document.finish();
        (config, mistakes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn tables_lie_beside_the_configuration_unless_their_path_is_whole() {
        let (config, mistakes) =
            taken("[detect]\nmmdb = [\"city.mmdb\", \"/srv/asn.mmdb\"]\n[detect.brute-force]\nminute = 9");
        assert_eq!(mistakes, Vec::<String>::new());
        let expected = [Path::new("/etc/tunlog/city.mmdb"), Path::new("/srv/asn.mmdb")];
        assert_eq!(config.mmdb, expected);
        let rule = detect::rule("brute-force").expect("a rule");
        assert_eq!(config.options.threshold(rule, "minute"), 9.0);
    }

    #[test]
    fn thresholds_are_taken_and_mistakes_are_named() {
        let (config, mistakes) =
            taken("[detect.brute-force]\nminute = 9\nten_minutes = 12.5\n[detect.log-gap]\nenabled = false\n");
        assert_eq!(mistakes, Vec::<String>::new());
        assert!(config.options.is_off(detect::rule("log-gap").expect("a rule")));
        for (text, words) in [
            (
                "[detect.brute-farce]\nminute = 9",
                "tunlog.toml:1: `detect.brute-farce`: there is no rule `brute-farce`; did you mean `brute-force`?",
            ),
            (
                "[detect.brute-force]\nhour = 9",
                "tunlog.toml:2: `detect.brute-force.hour`: the rule `brute-force` has no threshold `hour`: minute, ten_minutes",
            ),
            ("[detect.brute-force]\nminute = -1", "a number above 0"),
            ("[detect.brute-force]\nminute = \"9\"", "must be a number"),
            ("[detect]\nminute = 1", "must be a table"),
            ("[detect]\nmmdb = 1", "`detect.mmdb`: is a path"),
            ("detect = 1", "must be a table"),
        ] {
            let (_, mistakes) = taken(text);
            assert!(
                mistakes.len() == 1 && mistakes[0].contains(words),
                "{text}: {mistakes:?}"
            );
        }
    }
}
