//! What is told of names that lead nowhere, or to nothing that can be followed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::files::Files;
use super::pattern::Named;
use super::records::Out;
use super::scan::Found;
use crate::Problem;
use crate::arrival::{Arrival, Feed, What};

/// How long after a refusal a file is tried again.
const RETRY_WAIT: Duration = Duration::from_secs(5);

impl Files {
    /// A pattern that names no file is told once, and again when it does: it may be a mistake, or ahead of its time.
    pub(super) fn tell_patterns(&mut self, named: &[Named], out: Out<'_>) {
        let mut told = Vec::new();
        for (pattern, named) in self.patterns.iter().zip(named) {
            // the detail files of FreeRADIUS are looked for in two depths; one of them usually has none
            if !pattern.not.is_empty() || pattern.is_literal() && !pattern.is_of_folders() {
                continue;
            }
            let cause = match (&named.files[..], &named.passed) {
                ([], _) if pattern.is_of_folders() => Some("no log in this folder yet: waiting for one".to_string()),
                ([], Some(folder)) => Some(format!(
                    "matches no file, but folders ({}): to follow the logs in them, let it end with /",
                    folder.display()
                )),
                ([], None) => Some("matches no file yet: waiting for one".to_string()),
                (_, _) => None,
            };
            let known = self.unmatched.get(&pattern.text);
            match cause {
                Some(cause) if known != Some(&cause) => {
                    self.unmatched.insert(pattern.text.clone(), cause.clone());
                    told.push(Problem::warning(pattern.text.as_str(), cause));
                }
                None if known.is_some() => {
                    self.unmatched.remove(&pattern.text);
                    told.push(Problem::note(pattern.text.as_str(), "there is something to follow now"));
                }
                _ => {}
            }
        }
        for problem in told {
            self.tell(problem, out);
        }
    }

    /// A file cannot be read: told once, tried again.
    pub(super) fn refuse(&mut self, path: &Path, error: &std::io::Error, out: Out<'_>) {
        self.remind(Instant::now() + RETRY_WAIT);
        if self.refused.insert(path.to_path_buf()) {
            let problem = Problem::io(path.display().to_string(), error);
            self.tell(problem, out);
        }
    }

    /// A file can be read again after it could not.
    pub(super) fn recovered(&mut self, path: &Path, out: Out<'_>) {
        if self.refused.remove(path) {
            self.tell(Problem::note(path.display().to_string(), "can be read now"), out);
        }
    }

    /// A path without wildcards that leads nowhere is told once; it may appear.
    pub(super) fn tell_missing(&mut self, at: usize, found: &[Found], out: Out<'_>) {
        let missing: Vec<PathBuf> = self.logs[at]
            .named
            .iter()
            .filter(|path| !found.iter().any(|file| file.path == **path))
            .cloned()
            .collect();
        for path in missing {
            if self.refused.insert(path.clone()) {
                let cause = match fs::metadata(&path) {
                    Ok(_) => "not a regular file: it cannot be followed".to_string(),
                    Err(error) => format!("{}: waiting for it", crate::error::io_cause(&error)),
                };
                self.tell(Problem::warning(path.display().to_string(), cause), out);
            }
        }
    }

    /// Tells something of what it names: that is shown as a source, whether there are records of it or not.
    pub(super) fn tell(&self, problem: Problem, out: Out<'_>) {
        out(Arrival {
            feed: Arc::new(Feed {
                name: problem.path.as_str().into(),
                ..Feed::clone(&self.feed)
            }),
            what: What::Problem(problem),
            positions: Vec::new(),
        });
    }
}
