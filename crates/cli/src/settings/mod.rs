//! The configuration file: `tunlog.toml`, of the machine and of the user, or the one that was named. Each section has a file of
//! its own here.

mod detection;
mod respond;

use std::path::{Path, PathBuf};

pub use detection::Detection;
pub use respond::Respond;

use crate::config::folders;
use crate::output::{Failure, cause};

/// The most bytes of a configuration file.
const BYTES_MAX: u64 = 1 << 20;

/// What the files say.
#[derive(Clone, Debug, Default)]
struct Said {
    detect: Detection,
    respond: Respond,
}

/// The settings of `[detect]`: those of the machine's file, then the user's; or of the named file alone.
///
/// # Errors
/// If a file cannot be read, is no TOML, or names what does not exist.
pub fn detection(named: Option<&Path>) -> Result<Detection, Failure> {
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

/// Takes in the sections of a file.
fn take(path: &Path, text: &str, said: &mut Said) -> Result<(), Failure> {
    let failure = |words: String| Failure::Message(format!("{}: {words}", path.display()));
    let file: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| failure(error.to_string().trim_end().to_owned()))?;
    for (section, value) in &file {
        let keys = value.as_table().ok_or_else(|| format!("`{section}` must be a table"));
        let taken = keys.and_then(|keys| match section.as_str() {
            "detect" => said.detect.take(path, keys),
            "respond" => said.respond.take(path, keys),
            _ => Err(format!("there is no section `{section}`: detect, respond")),
        });
        taken.map_err(failure)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a file.
    pub(super) fn taken(text: &str) -> Result<(), String> {
        match take(Path::new("t.toml"), text, &mut Said::default()) {
            Ok(()) => Ok(()),
            Err(Failure::Message(words)) => Err(words),
            Err(Failure::BrokenPipe) => Err(String::new()),
        }
    }

    /// Texts with the words of what is wrong with them.
    pub(super) fn refused(cases: &[(&str, &str)]) {
        for (text, words) in cases {
            let found = taken(text).expect_err(text);
            assert!(found.contains(words), "{text}: {found}");
        }
    }

    #[test]
    fn what_is_no_configuration_is_named() {
        refused(&[
            ("respond = 1", "must be a table"),
            ("[detekt.brute-force]\nminute = 1", "no section `detekt`"),
            ("[detect.brute-force", "t.toml"),
        ]);
    }
}
