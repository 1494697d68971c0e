//! Which files there are: patterns to paths, paths to logs with their rotations.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::print::FileId;
use crate::source::rotated::{self, Rotation};

/// Most files that one pattern may name, and most that one folder's listing is looked at for.
const FILES_MAX: usize = 20_000;

/// A file that belongs to a log.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub path: PathBuf,
    pub id: FileId,
    pub size: u64,
    /// When content or state last changed, nanoseconds.
    pub changed: i128,
    /// When content last changed, microseconds UTC.
    pub modified: i64,
    pub rotation: Rotation,
    /// A pattern names it.
    pub wanted: bool,
}

/// The files that a log's name stands for, and what else patterns told.
#[derive(Default)]
pub(super) struct Expanded {
    /// Folder and log name to the paths that patterns name, and the numbers of these patterns.
    pub logs: BTreeMap<(PathBuf, String), (BTreeSet<PathBuf>, BTreeSet<usize>)>,
    /// Folders in which something may appear that patterns name.
    pub folders: BTreeSet<PathBuf>,
}

/// Looks which paths the patterns name now.
pub(super) fn expand(patterns: &[Pattern]) -> Expanded {
    let mut expanded = Expanded::default();
    for (number, pattern) in patterns.iter().enumerate() {
        for path in pattern.paths() {
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
                continue;
            };
            let base = rotated::parse(&name.to_string_lossy()).0;
            let folder = folder.to_path_buf();
            if let Ok(real) = fs::canonicalize(&path)
                && let Some(real) = real.parent()
            {
                expanded.folders.insert(real.to_path_buf());
            }
            let log = expanded.logs.entry((folder, base)).or_default();
            log.0.insert(path);
            log.1.insert(number);
        }
        expanded.folders.extend(pattern.folders());
    }
    expanded
}

/// A path that may have `*`, `?` and `[…]` in its parts.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// As it was written.
    pub text: String,
    /// Names that are never meant (radrelay's working file).
    pub not: &'static [&'static str],
}

impl Pattern {
    /// Without wildcards, or a name that has such signs and is there.
    fn is_literal(&self) -> bool {
        !self.text.contains(['*', '?', '[']) || fs::symlink_metadata(&self.text).is_ok()
    }

    /// Whether a name in some folder may be one that is meant.
    pub(super) fn may_name(&self, name: &str) -> bool {
        let last = self.text.rsplit('/').next().unwrap_or(&self.text);
        glob::Pattern::new(last).map_or(true, |pattern| pattern.matches(name))
    }

    /// Whether it names this path.
    pub(super) fn names(&self, path: &str) -> bool {
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

    fn paths(&self) -> Vec<PathBuf> {
        if self.is_literal() {
            let path = absolute(Path::new(&self.text));
            return vec![path];
        }
        let text = absolute(Path::new(&self.text));
        let Ok(paths) = glob::glob(&text.to_string_lossy()) else {
            return Vec::new();
        };
        let meant = |path: &PathBuf| {
            let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            !self.not.iter().any(|not| *not == name) && path.is_file()
        };
        paths.flatten().filter(meant).take(FILES_MAX).collect()
    }

    /// The folders in which a match, or a folder on the way to one, may appear: those that are there.
    fn folders(&self) -> Vec<PathBuf> {
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

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// The files of a log, oldest first: what is named, and its rotations beside it.
pub(super) fn files(folder: &Path, base: &str, named: &BTreeSet<PathBuf>, others: &[PathBuf]) -> Vec<Found> {
    let mut paths: BTreeSet<PathBuf> = named.iter().chain(others).cloned().collect();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().take(FILES_MAX) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if rotated::parse(&name).0 == base {
            paths.insert(entry.path());
        }
    }
    let mut found: Vec<Found> = paths
        .into_iter()
        .filter_map(|path| {
            let wanted = named.contains(&path);
            of(path, base, wanted)
        })
        .collect();
    rotated::order(&mut found, |file| &file.rotation, |file| first_stamp(&file.path));
    found
}

/// A file as it is now; None if it is none.
fn of(path: PathBuf, base: &str, wanted: bool) -> Option<Found> {
    let data = fs::metadata(&path).ok().filter(|data| data.is_file())?;
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let (log, rotation) = rotated::parse(&name);
    let rotation = match log == base {
        true => rotation,
        // a file that has left its log's names is older than what has one
        false => Rotation::Numbered(std::cmp::Reverse(u32::MAX)),
    };
    Some(Found {
        id: FileId::of(&data),
        size: data.len(),
        changed: i128::from(data.ctime()) * 1_000_000_000 + i128::from(data.ctime_nsec()),
        modified: crate::source::modified(&data).unwrap_or(i64::MAX),
        path,
        rotation,
        wanted,
    })
}

fn first_stamp(path: &Path) -> Option<tunlog_model::Stamp> {
    let file = fs::File::open(path).ok()?;
    let head = super::print::read_up_to(&file, 0, super::print::HEAD_BYTES);
    let mut first = None;
    crate::framing::stamps(&head, &mut |stamp| {
        first = (stamp != tunlog_model::Stamp::Missing).then_some(stamp);
        first.is_none()
    });
    first
}
