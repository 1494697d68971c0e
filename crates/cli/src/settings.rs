//! The configuration file: `tunlog.toml`, of the machine and of the user, or the one that was named.

use std::path::{Path, PathBuf};

use tunlog_analysis::detect;

use crate::config::folders;
use crate::output::{Failure, cause};

/// The most bytes of a configuration file.
const BYTES_MAX: u64 = 1 << 20;

/// What the configuration says of detection.
#[derive(Clone, Debug, Default)]
pub struct Detection {
    /// Thresholds, and rules that are off.
    pub options: detect::Options,
    /// Tables of places.
    pub mmdb: Vec<PathBuf>,
}

/// The settings of detection: those of the machine's file, then the user's; or of the named file alone.
///
/// # Errors
/// If a file cannot be read, is no TOML, or names what does not exist.
pub fn detection(named: Option<&Path>) -> Result<Detection, Failure> {
    let mut options = Detection::default();
    if let Some(path) = named {
        take(path, &read(path)?, &mut options)?;
        return Ok(options);
    }
    for folder in folders() {
        let path: PathBuf = folder.join("tunlog.toml");
        if path.is_file() {
            take(&path, &read(&path)?, &mut options)?;
        }
    }
    Ok(options)
}

fn read(path: &Path) -> Result<String, Failure> {
    let failure = |words: String| Failure::Message(format!("{}: {words}", path.display()));
    let size = std::fs::metadata(path)
        .map_err(|error| failure(format!("cannot read: {}", cause(&error))))?
        .len();
    if size > BYTES_MAX {
        return Err(failure("is too large for a configuration file".to_owned()));
    }
    std::fs::read_to_string(path).map_err(|error| failure(format!("cannot read: {}", cause(&error))))
}

/// Takes `[detect]` in (`mmdb`), and the `[detect.RULE]` tables: `enabled` and the rule's thresholds.
fn take(path: &Path, text: &str, detection: &mut Detection) -> Result<(), Failure> {
    let failure = |words: String| Failure::Message(format!("{}: {words}", path.display()));
    let file: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| failure(error.to_string().trim_end().to_owned()))?;
    for (section, value) in &file {
        if section != "detect" {
            return Err(failure(format!("there is no section `{section}`: detect")));
        }
        let rules = value
            .as_table()
            .ok_or_else(|| failure("`detect` must be a table".to_owned()))?;
        for (rule, value) in rules {
            if rule == "mmdb" {
                let folder = path.parent().unwrap_or(Path::new(""));
                detection.mmdb = paths(value, folder).map_err(|words| failure(format!("[detect]: {words}")))?;
                continue;
            }
            let keys = value
                .as_table()
                .ok_or_else(|| failure(format!("`detect.{rule}` must be a table: [detect.{rule}]")))?;
            for (key, value) in keys {
                set(rule, key, value, &mut detection.options)
                    .map_err(|words| failure(format!("[detect.{rule}]: {words}")))?;
            }
        }
    }
    Ok(())
}

/// A path or several, from the folder of the configuration.
fn paths(value: &toml::Value, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let all = match value {
        toml::Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let path = |value: &toml::Value| value.as_str().map(|text| folder.join(text));
    all.iter()
        .map(|value| path(value).ok_or_else(|| "`mmdb` is a path, or a list of paths".to_owned()))
        .collect()
}

fn set(rule: &str, key: &str, value: &toml::Value, options: &mut detect::Options) -> Result<(), String> {
    match (key, value) {
        ("enabled", toml::Value::Boolean(true)) => detect::rule(rule)
            .map(|_| ())
            .ok_or(format!("there is no rule `{rule}`")),
        ("enabled", toml::Value::Boolean(false)) => options.switch_off(rule),
        ("enabled", _) => Err("`enabled` is true or false".to_owned()),
        (key, toml::Value::Integer(value)) => options.set(rule, key, *value as f64),
        (key, toml::Value::Float(value)) => options.set(rule, key, *value),
        (key, _) => Err(format!("`{key}` must be a number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_lie_beside_the_configuration_unless_their_path_is_whole() {
        let mut detection = Detection::default();
        let text = "[detect]\nmmdb = [\"city.mmdb\", \"/srv/asn.mmdb\"]\n[detect.brute-force]\nminute = 9";
        assert!(take(Path::new("/etc/tunlog/tunlog.toml"), text, &mut detection).is_ok());
        assert_eq!(
            detection.mmdb,
            [Path::new("/etc/tunlog/city.mmdb"), Path::new("/srv/asn.mmdb")]
        );
    }

    fn taken(text: &str) -> Result<(), String> {
        let mut options = Detection::default();
        match take(Path::new("t.toml"), text, &mut options) {
            Ok(()) => Ok(()),
            Err(Failure::Message(words)) => Err(words),
            Err(Failure::BrokenPipe) => Err(String::new()),
        }
    }

    #[test]
    fn thresholds_are_taken_and_mistakes_are_named() {
        assert_eq!(
            taken("[detect.brute-force]\nminute = 9\nten_minutes = 12.5\n[detect.log-gap]\nenabled = false\n"),
            Ok(())
        );
        for (text, words) in [
            ("[detect.brute-farce]\nminute = 9", "there is no rule `brute-farce`"),
            (
                "[detect.brute-force]\nhour = 9",
                "no threshold `hour`: minute, ten_minutes",
            ),
            ("[detect.brute-force]\nminute = -1", "a number above 0"),
            ("[detect.brute-force]\nminute = \"9\"", "must be a number"),
            ("[detect]\nminute = 1", "must be a table"),
            ("[detect]\nmmdb = 1", "[detect]: `mmdb` is a path"),
            ("[detekt.brute-force]\nminute = 1", "no section `detekt`"),
            ("[detect.brute-force", "t.toml"),
        ] {
            let found = taken(text).expect_err(text);
            assert!(found.contains(words), "{text}: {found}");
        }
    }
}
