//! Which files there are: patterns to paths, paths to logs with their rotations.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::pattern::{FILES_MAX, Named, Pattern};
use super::print::FileId;
use crate::source::rotated::{self, Rotation};

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
    /// What each pattern names.
    pub named: Vec<Named>,
}

/// Looks which paths the patterns name now.
pub(super) fn expand(patterns: &[Pattern]) -> Expanded {
    let mut expanded = Expanded::default();
    for (number, pattern) in patterns.iter().enumerate() {
        let named = pattern.look();
        for path in &named.files {
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
                continue;
            };
            let base = rotated::parse(&name.to_string_lossy()).0;
            let folder = folder.to_path_buf();
            if let Ok(real) = fs::canonicalize(path)
                && let Some(real) = real.parent()
            {
                expanded.folders.insert(real.to_path_buf());
            }
            let log = expanded.logs.entry((folder, base)).or_default();
            log.0.insert(path.clone());
            log.1.insert(number);
        }
        expanded.folders.extend(named.inside.iter().cloned());
        expanded.folders.extend(pattern.folders());
        expanded.named.push(named);
    }
    expanded
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
