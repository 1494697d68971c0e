//! The configuration file: `tunlog.toml`, of the machine and of the user, or the one that was named. Batch commands take `[detect]`
//! and `[respond]` from it; the other sections are the daemon's, which reads the same file. Each section of ours has a file of
//! its own here.

mod respond;

use std::path::{Path, PathBuf};

pub use respond::Respond;
pub use tunlog_daemon::config::detect::Config as Detection;
use tunlog_daemon::config::{Document, Mistake, SECTIONS};

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
        take(path, &read(path)?, &mut said).map_err(all)?;
        return Ok(said);
    }
    for folder in folders() {
        let path: PathBuf = folder.join("tunlog.toml");
        if path.is_file() {
            take(&path, &read(&path)?, &mut said).map_err(all)?;
        }
    }
    Ok(said)
}

/// The text of a configuration file.
///
/// # Errors
/// If it cannot be read, or is too large to be one.
pub fn read(path: &Path) -> Result<String, Failure> {
    let failure = |words: String| Failure::Message(format!("{}: {words}", path.display()));
    let size = std::fs::metadata(path)
        .map_err(|error| failure(format!("cannot read: {}", cause(&error))))?
        .len();
    if size > BYTES_MAX {
        return Err(failure("is too large for a configuration file".to_owned()));
    }
    std::fs::read_to_string(path).map_err(|error| failure(format!("cannot read: {}", cause(&error))))
}

/// Takes in the sections of a file that batch commands know.
fn take(path: &Path, text: &str, said: &mut Said) -> Result<(), Vec<Mistake>> {
    let mut document = Document::parse(&path.display().to_string(), text);
    said.detect.take(&mut document);
    said.respond.take(&mut document);
    check_sections(&mut document);
    match document.finish() {
        mistakes if mistakes.is_empty() => Ok(()),
        mistakes => Err(mistakes),
    }
}

/// Looks at the sections that are of batch commands alone, and at the names of all.
pub fn check_sections(document: &mut Document<'_>) {
    let known = [SECTIONS, &["respond"]].concat();
    document.check_sections(&known);
}

/// All mistakes, one a line.
pub fn all(mistakes: Vec<Mistake>) -> Failure {
    let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    Failure::Message(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a file.
    pub(super) fn taken(text: &str) -> Result<(), String> {
        let taken = take(Path::new("t.toml"), text, &mut Said::default());
        taken.map_err(|mistakes| mistakes.iter().map(|mistake| format!("{mistake}\n")).collect())
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
            ("respond = 1", "t.toml:1: `respond`: must be a table"),
            (
                "[detekt.brute-force]\nminute = 1",
                "there is no section of this name; did you mean `detect`?",
            ),
            ("[detect.brute-force", "t.toml:1: is no TOML"),
        ]);
    }

    #[test]
    fn sections_of_the_daemon_are_not_looked_at_here() {
        assert_eq!(taken("[store]\ndir = 5\n[detect.brute-force]\nminute = 9\n"), Ok(()));
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let found = taken("[respond]\ndefault = 600\n\n[detect.brute-force]\nhour = 1\nminute = 0\n");
        let found = found.expect_err("mistakes");
        let lines: Vec<&str> = found.lines().filter_map(|line| line.split("`: ").next()).collect();
        assert_eq!(
            lines,
            [
                "t.toml:2: `respond.default",
                "t.toml:5: `detect.brute-force.hour",
                "t.toml:6: `detect.brute-force.minute"
            ]
        );
    }
}
