//! The configuration file: `tunlog.toml`, of the machine and of the user, or the one that was named.

use std::path::{Path, PathBuf};

use tunlog_analysis::detect;
use tunlog_respond::{Limits, Prefix, backend, words};

use crate::config::folders;
use crate::output::{Failure, cause};
use crate::when;

/// The most bytes of a configuration file.
const BYTES_MAX: u64 = 1 << 20;

/// What the files say.
#[derive(Clone, Debug, Default)]
struct Said {
    detect: detect::Options,
    respond: Respond,
}

/// `[respond]`: how blocks are made, and what is never blocked.
#[derive(Clone, Debug, Default)]
pub struct Respond {
    /// How long, and how many.
    pub limits: Limits,
    /// What is never blocked besides what always is, and which file says so.
    pub never_block: Vec<(Prefix, String)>,
    /// Who blocks.
    pub backend: Option<String>,
    /// What backends are told.
    pub options: backend::Options,
    /// Where actions are written down.
    pub ledger: Option<PathBuf>,
}

/// The thresholds of detection: those of the machine's file, then the user's; or of the named file alone.
///
/// # Errors
/// If a file cannot be read, is no TOML, or names what does not exist.
pub fn detection(named: Option<&Path>) -> Result<detect::Options, Failure> {
    Ok(said(named)?.detect)
}

/// The settings of `[respond]`, from the same files.
///
/// # Errors
/// As for `detection`.
pub fn respond(named: Option<&Path>) -> Result<Respond, Failure> {
    Ok(said(named)?.respond)
}

fn said(named: Option<&Path>) -> Result<Said, Failure> {
    let mut said = Said::default();
    if let Some(path) = named {
        take(path, &read(path)?, &mut said)?;
        return Ok(said);
    }
    for folder in folders() {
        let path: PathBuf = folder.join("tunlog.toml");
        if path.is_file() {
            take(&path, &read(&path)?, &mut said)?;
        }
    }
    Ok(said)
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

/// Takes in `[detect.RULE]` tables (`enabled` and the rule's thresholds) and `[respond]`.
fn take(path: &Path, text: &str, said: &mut Said) -> Result<(), Failure> {
    let failure = |words: String| Failure::Message(format!("{}: {words}", path.display()));
    let file: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| failure(error.to_string().trim_end().to_owned()))?;
    for (section, value) in &file {
        let keys = value.as_table();
        let keys = keys.ok_or_else(|| failure(format!("`{section}` must be a table")));
        match section.as_str() {
            "detect" => rules(keys?, &mut said.detect).map_err(failure)?,
            "respond" => {
                for (key, value) in keys? {
                    response(path, key, value, &mut said.respond)
                        .map_err(|words| failure(format!("[respond]: {words}")))?;
                }
            }
            _ => return Err(failure(format!("there is no section `{section}`: detect, respond"))),
        }
    }
    Ok(())
}

fn rules(rules: &toml::Table, options: &mut detect::Options) -> Result<(), String> {
    for (rule, value) in rules {
        let keys = value
            .as_table()
            .ok_or_else(|| format!("`detect.{rule}` must be a table: [detect.{rule}]"))?;
        for (key, value) in keys {
            set(rule, key, value, options).map_err(|words| format!("[detect.{rule}]: {words}"))?;
        }
    }
    Ok(())
}

fn response(path: &Path, key: &str, value: &toml::Value, said: &mut Respond) -> Result<(), String> {
    let word = || value.as_str().ok_or_else(|| format!("`{key}` must be a text"));
    let seconds = || when::duration(word()?).map_err(|problem| format!("`{key}`: {problem}"));
    match key {
        "default" => said.limits.default_s = seconds()?,
        "longest" => said.limits.longest_s = seconds()?,
        "per_hour" => {
            let count = value.as_integer().and_then(|count| usize::try_from(count).ok());
            said.limits.per_hour = count.ok_or_else(|| format!("`{key}` must be a number, 0 or more"))?;
        }
        "backend" => said.backend = Some(backend::named(word()?)?.name().to_owned()),
        "jail" => said.options.jail = word().and_then(jail)?,
        "ledger" => said.ledger = Some(PathBuf::from(word()?)),
        "never_block" => {
            let all = value
                .as_array()
                .ok_or_else(|| format!("`{key}` must be a list of texts"))?;
            for one in all {
                let typed = one.as_str().ok_or_else(|| format!("`{key}` must be a list of texts"))?;
                let prefix: Prefix = typed.parse().map_err(|problem| format!("`{key}`: {problem}"))?;
                let why = format!("is named in never_block of {}", path.display());
                said.never_block.push((prefix, why));
            }
        }
        _ => {
            return Err(format!(
                "there is no `{key}`: never_block, default, longest, per_hour, backend, jail, ledger"
            ));
        }
    }
    Ok(())
}

/// A jail's name is an argument of fail2ban-client.
fn jail(word: &str) -> Result<String, String> {
    match words::is_plain(word) {
        true => Ok(word.to_owned()),
        false => Err(format!("`jail`: `{word}` is no name of a jail")),
    }
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

    fn taken(text: &str) -> Result<(), String> {
        match take(Path::new("t.toml"), text, &mut Said::default()) {
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
        assert_eq!(
            taken(
                "[respond]\nnever_block = [\"198.51.100.0/24\"]\ndefault = \"1h\"\nper_hour = 0\nbackend = \"nft\"\n"
            ),
            Ok(())
        );
        for (text, words) in [
            (
                "[respond]\nnever_block = [\"198.51.100.7/24\"]",
                "is inside 198.51.100.0/24",
            ),
            ("[respond]\nnever_block = \"198.51.100.7\"", "must be a list"),
            ("[respond]\ndefault = 600", "must be a text"),
            ("[respond]\ndefault = \"10\"", "no duration"),
            ("[respond]\nper_hour = -1", "0 or more"),
            ("[respond]\nbackend = \"firewalld\"", "no backend `firewalld`"),
            ("[respond]\njail = \"-x\"", "no name of a jail"),
            ("[respond]\nneverblock = []", "there is no `neverblock`: never_block"),
            ("respond = 1", "must be a table"),
            ("[detect.brute-farce]\nminute = 9", "there is no rule `brute-farce`"),
            (
                "[detect.brute-force]\nhour = 9",
                "no threshold `hour`: minute, ten_minutes",
            ),
            ("[detect.brute-force]\nminute = -1", "a number above 0"),
            ("[detect.brute-force]\nminute = \"9\"", "must be a number"),
            ("[detect]\nminute = 1", "must be a table"),
            ("[detekt.brute-force]\nminute = 1", "no section `detekt`"),
            ("[detect.brute-force", "t.toml"),
        ] {
            let found = taken(text).expect_err(text);
            assert!(found.contains(words), "{text}: {found}");
        }
    }
}
