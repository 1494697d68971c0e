//! Patterns: paths with wildcards, and folders whose logs are followed.

use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::source::discover::{self, DEPTH_MAX, STORE_MARK};

/// Most files that one pattern may name, and most that one folder's listing is looked at for.
pub(super) const FILES_MAX: usize = 20_000;

/// A path that may have `*`, `?` and `[…]` in its parts. One that leads to a folder, or that has wildcards and ends with `/`,
/// stands for the logs in it, however deep.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// As it was written, without a `/` at its end.
    pub text: String,
    /// It ended with one.
    pub of_folders: bool,
    /// Names that are never meant (radrelay's working file).
    pub not: &'static [&'static str],
}

/// What a pattern names now.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    pub files: Vec<PathBuf>,
    /// Folders whose logs are followed, and the folders in them.
    pub inside: Vec<PathBuf>,
    /// A folder that a wildcard matched, and whose files are not meant.
    pub passed: Option<PathBuf>,
}

impl Pattern {
    /// Without wildcards, or a name that has such signs and is there.
    pub(super) fn is_literal(&self) -> bool {
        !self.text.contains(['*', '?', '[']) || fs::symlink_metadata(&self.text).is_ok()
    }

    /// Whether files in folders are meant, whatever their names are.
    pub(super) fn is_of_folders(&self) -> bool {
        self.of_folders || self.is_literal() && Path::new(&self.text).is_dir()
    }

    /// Whether a name in some folder may be one that is meant.
    pub(super) fn may_name(&self, name: &str) -> bool {
        if self.is_of_folders() {
            return true;
        }
        let last = self.text.rsplit('/').next().unwrap_or(&self.text);
        glob::Pattern::new(last).map_or(true, |pattern| pattern.matches(name))
    }

    /// Whether it names this path.
    pub(super) fn names(&self, path: &str) -> bool {
        let is_of_folders = self.is_of_folders();
        let mut upwards = Path::new(path).ancestors();
        match is_of_folders {
            true => upwards.any(|folder| self.names_exactly(&folder.to_string_lossy())),
            false => self.names_exactly(path),
        }
    }

    fn names_exactly(&self, path: &str) -> bool {
        let text = absolute(Path::new(&self.text));
        if self.is_literal() {
            return text.as_path() == Path::new(path);
        }
        let options = glob::MatchOptions {
            require_literal_separator: true,
            ..glob::MatchOptions::default()
        };
        glob::Pattern::new(&text.to_string_lossy()).is_ok_and(|pattern| pattern.matches_with(path, options))
    }

    /// Looks what it names.
    pub(super) fn look(&self) -> Named {
        let path = absolute(Path::new(&self.text));
        let mut named = Named::default();
        if self.is_literal() {
            match path.is_dir() {
                true => logs_in(&path, 0, &mut named),
                false => named.files.push(path),
            }
            return named;
        }
        let matches = glob::glob(&path.to_string_lossy()).into_iter().flatten().flatten();
        for path in matches {
            if named.files.len() >= FILES_MAX {
                break;
            }
            let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            match fs::metadata(&path) {
                Ok(data) if data.is_dir() && self.of_folders => logs_in(&path, 0, &mut named),
                Ok(data) if data.is_dir() => named.passed = named.passed.take().or(Some(path)),
                Ok(data) if data.is_file() && !self.of_folders && !self.not.iter().any(|not| *not == name) => {
                    named.files.push(path);
                }
                _ => {}
            }
        }
        named
    }

    /// The folders in which a match, or a folder on the way to one, may appear: those that are there.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let whole = absolute(Path::new(&self.text));
        let parts: Vec<Component<'_>> = whole.components().collect();
        let mut folders = Vec::new();
        let mut front = vec![PathBuf::new()];
        for part in parts.iter().take(parts.len().saturating_sub(1)) {
            let text = part.as_os_str().to_string_lossy();
            let wild = text.contains(['*', '?', '[']);
            let mut next = Vec::new();
            for folder in &front {
                let path = folder.join(part);
                if wild {
                    folders.push(folder.clone());
                    let inside = glob::glob(&path.to_string_lossy()).into_iter().flatten().flatten();
                    next.extend(inside.filter(|path| path.is_dir()).take(FILES_MAX));
                } else if path.is_dir() {
                    next.push(path);
                } else {
                    folders.push(folder.clone()); // where it may appear
                }
            }
            front = next;
        }
        folders.extend(front);
        folders
    }
}

/// The logs in a folder and in those below, as batch commands find them; besides, empty files: what comes into them is seen
/// when it comes. Links are not gone along: they may lead out of the folder or back into it.
fn logs_in(folder: &Path, depth: usize, named: &mut Named) {
    let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => return, // told of as a folder without logs
    };
    paths.sort();
    named.inside.push(folder.to_path_buf());
    for path in paths {
        if named.files.len() >= FILES_MAX {
            return;
        }
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_dir() => {
                if depth < DEPTH_MAX && !path.join(STORE_MARK).is_file() {
                    logs_in(&path, depth + 1, named);
                }
            }
            Ok(data) if data.is_file() && (data.len() == 0 || discover::is_log(&path)) => named.files.push(path),
            _ => {}
        }
    }
}

pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}
