//! Users' Sigma rules: files are found and read here, the rest is `tunlog_sigma`'s.

use std::path::{Path, PathBuf};

use tunlog_analysis::correlate::Redact;
use tunlog_sigma::{Engine, Rules, Source};

use crate::output::{Failure, cause, tell};

/// The most bytes of a file of rules, the most files, and how deep folders lie within each other.
const BYTES_MAX: u64 = 1 << 20;
const FILES_MAX: usize = 20_000;
const DEPTH_MAX: usize = 16;

/// The rules of files and folders, ready to run. `Ok(None)`: none were asked for. The flag says that some cannot be run, which has
/// been told.
///
/// # Errors
/// If a file cannot be read, or none of the rules can be run.
pub fn engine(paths: &[PathBuf], redact: Option<Redact>) -> Result<Option<(Engine, bool)>, Failure> {
    if paths.is_empty() {
        return Ok(None);
    }
    let mut files = Vec::new();
    for path in paths {
        find(path, 0, &mut files)?;
    }
    let sources: Result<Vec<Source>, Failure> = files.iter().map(|path| read(path)).collect();
    let (rules, problems) = Rules::read(&sources?);
    problems.iter().for_each(|problem| tell(problem));
    if rules.foreign() > 0 {
        tell(&format!(
            "{} Sigma rules are about logs of other products (their `logsource`), and are not run",
            rules.foreign()
        ));
    }
    if rules.count() == 0 {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(Failure::Message(format!(
            "--sigma {}: there is no rule that can be run",
            names.join(" ")
        )));
    }
    let engine = Engine::new(&rules, redact).map_err(|words| Failure::Message(format!("--sigma: {words}")))?;
    Ok(Some((engine, !problems.is_empty())))
}

/// Adds a file, or the `.yml` and `.yaml` files of a folder and those within it, in the order of their names.
fn find(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failure = |words: String| Failure::Message(format!("{}: {words}", path.display()));
    if files.len() >= FILES_MAX || depth > DEPTH_MAX {
        return Err(failure(format!(
            "more than {FILES_MAX} files of rules, or folders too deep"
        )));
    }
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|error| failure(format!("cannot read: {}", cause(&error))))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| {
        let suffix = path.extension().and_then(std::ffi::OsStr::to_str);
        path.is_dir() || matches!(suffix, Some("yml" | "yaml"))
    });
    paths.sort();
    paths.iter().try_for_each(|path| find(path, depth + 1, files))
}

fn read(path: &Path) -> Result<Source, Failure> {
    let name = path.display().to_string();
    let failure = |words: String| Failure::Message(format!("{name}: {words}"));
    let unread = |error: &std::io::Error| failure(format!("cannot read: {}", cause(error)));
    if std::fs::metadata(path).map_err(|error| unread(&error))?.len() > BYTES_MAX {
        return Err(failure("is too large for a file of rules".to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unread(&error))?;
    Ok((name, text))
}
