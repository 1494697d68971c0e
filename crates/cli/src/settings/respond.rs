//! `[respond]`: how blocks are made, and what is never blocked.

use std::path::{Path, PathBuf};

use tunlog_daemon::config::Document;
use tunlog_model::near::nearest;
use tunlog_respond::{Limits, Prefix, backend, words};

use crate::when;

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

/// What the section may say.
const KEYS: &[&str] = &[
    "never_block",
    "default",
    "longest",
    "per_hour",
    "backend",
    "jail",
    "ledger",
];

impl Respond {
    /// Takes in the keys of the section.
    pub fn take(&mut self, document: &mut Document<'_>) {
        let path = document.place().to_path_buf();
        let Some(keys) = document.section::<toml::Table>("respond") else {
            return;
        };
        for (key, value) in &keys {
            if let Err(words) = self.set(&path, key, value) {
                document.mistake(&format!("respond.{key}"), words);
            }
        }
    }

    fn set(&mut self, path: &Path, key: &str, value: &toml::Value) -> Result<(), String> {
        let word = || value.as_str().ok_or_else(|| format!("`{key}` must be a text"));
        let seconds = || when::duration(word()?).map_err(|problem| format!("`{key}`: {problem}"));
        match key {
            "default" => self.limits.default_s = seconds()?,
            "longest" => self.limits.longest_s = seconds()?,
            "per_hour" => {
                let count = value.as_integer().and_then(|count| usize::try_from(count).ok());
                self.limits.per_hour = count.ok_or_else(|| format!("`{key}` must be a number, 0 or more"))?;
            }
            "backend" => self.backend = Some(backend::named(word()?)?.name().to_owned()),
            "jail" => self.options.jail = word().and_then(jail)?,
            "ledger" => self.ledger = Some(PathBuf::from(word()?)),
            "never_block" => {
                let all = value
                    .as_array()
                    .ok_or_else(|| format!("`{key}` must be a list of texts"))?;
                for one in all {
                    let typed = one.as_str().ok_or_else(|| format!("`{key}` must be a list of texts"))?;
                    let prefix: Prefix = typed.parse().map_err(|problem| format!("`{key}`: {problem}"))?;
                    let why = format!("is named in never_block of {}", path.display());
                    self.never_block.push((prefix, why));
                }
            }
            _ => {
                return Err(match nearest(key, KEYS.iter().copied()) {
                    Some(meant) => format!("there is no `{key}`; did you mean `{meant}`?"),
                    None => format!("there is no `{key}`: {}", KEYS.join(", ")),
                });
            }
        }
        Ok(())
    }
}

/// A jail's name is an argument of fail2ban-client.
fn jail(word: &str) -> Result<String, String> {
    match words::is_plain(word) {
        true => Ok(word.to_owned()),
        false => Err(format!("`jail`: `{word}` is no name of a jail")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{refused, taken};

    #[test]
    fn what_is_never_blocked_is_taken_and_mistakes_are_named() {
        let text =
            "[respond]\nnever_block = [\"198.51.100.0/24\"]\ndefault = \"1h\"\nper_hour = 0\nbackend = \"nft\"\n";
        assert_eq!(taken(text), Ok(()));
        refused(&[
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
            (
                "[respond]\nneverblock = []",
                "there is no `neverblock`; did you mean `never_block`?",
            ),
        ]);
    }
}
