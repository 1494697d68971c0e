//! Which logs are followed: what patterns name, and since when.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::FollowConfig;
use super::files::Files;
use super::pattern::Pattern;
use super::print::FileId;
use super::saved::{SINCE_KEY, Saved, Since};
use super::scan::{self, Found};
use crate::arrival::Position;

/// Names that FreeRADIUS' detail reader works with (rlm_detail, radrelay): they are gone in a moment.
const DETAIL_WORK: &[&str] = &["detail.work", "detail.tmp", "detail.lock"];

/// A log: the files in one folder whose names are those of its rotations.
pub(super) struct Log {
    pub folder: PathBuf,
    pub base: String,
    pub set: String,
    /// Paths that patterns name.
    pub named: BTreeSet<PathBuf>,
    /// It is looked at for the first time ever: what is there was there before.
    pub fresh: bool,
    /// Since when it is followed, microseconds UTC.
    pub since: i64,
}

impl Files {
    /// The files of a log, and those of its generations that lie elsewhere by now.
    pub(super) fn files_of(&self, at: usize) -> Vec<Found> {
        let log = &self.logs[at];
        let unfinished: Vec<&Saved> = self
            .known
            .iter()
            .filter(|known| known.set == log.set && !known.over && known.file.is_some())
            .collect();
        let mut others: Vec<PathBuf> = Vec::new();
        for known in unfinished {
            let is_it = |path: &Path| fs::metadata(path).is_ok_and(|data| Some(FileId::of(&data)) == known.file);
            let path = PathBuf::from(&known.path);
            if is_it(&path) {
                others.push(path);
                continue;
            }
            let inside = fs::read_dir(&log.folder).into_iter().flatten().flatten();
            others.extend(inside.map(|entry| entry.path()).find(|path| is_it(path)));
        }
        scan::files(&log.folder, &log.base, &log.named, &others)
    }

    /// Logs that patterns name now, or that something unfinished belongs to.
    pub(super) fn update_logs(&mut self, expanded: scan::Expanded, first: bool) {
        let mut logs: Vec<Log> = Vec::new();
        for ((folder, base), (named, numbers)) in expanded.logs {
            let set = set_of(&folder, &base);
            let followed = |number: &usize| self.since.get(*number).copied().flatten();
            let since = numbers
                .iter()
                .filter_map(followed)
                .min()
                .unwrap_or_else(crate::time::now);
            logs.push(Log {
                fresh: first && numbers.iter().all(|number| self.is_new(*number)),
                folder,
                base,
                set,
                named,
                since,
            });
        }
        let open = self.open.iter().map(|open| &open.generation.records.saved);
        for saved in self.known.iter().filter(|known| !known.over).chain(open) {
            if logs.iter().any(|log| log.set == saved.set) || !self.is_meant(saved) {
                continue;
            }
            let (folder, base) = saved.set.rsplit_once('/').unwrap_or(("", &saved.set));
            logs.push(Log {
                folder: PathBuf::from(if folder.is_empty() { "/" } else { folder }),
                base: base.to_string(),
                set: saved.set.clone(),
                named: BTreeSet::new(),
                fresh: false,
                since: i64::MAX,
            });
        }
        self.logs = logs;
    }

    /// Whether what is followed includes this one: patterns change between runs.
    pub(super) fn is_meant(&self, saved: &Saved) -> bool {
        let named = |pattern: &Pattern| pattern.names(&saved.set) || pattern.names(&saved.name);
        self.patterns.iter().any(named)
    }

    /// Whether a pattern is followed for the first time by this run.
    fn is_new(&self, number: usize) -> bool {
        self.unsent
            .iter()
            .any(|position| position.key == format!("{SINCE_KEY}{}", self.patterns[number].text))
    }

    /// From now on these patterns are followed.
    pub(super) fn begin_patterns(&mut self) {
        let now = crate::time::now();
        for (pattern, since) in self.patterns.iter().zip(&mut self.since) {
            if since.is_none() {
                *since = Some(now);
                let value = serde_json::to_vec(&Since { since: now }).unwrap_or_default();
                self.unsent.push(Position {
                    key: format!("{SINCE_KEY}{}", pattern.text),
                    value: Some(value),
                });
            }
        }
    }
}

/// What a configuration follows, as patterns.
pub(super) fn patterns(config: &FollowConfig) -> Vec<Pattern> {
    let mut patterns: Vec<Pattern> = Vec::new();
    let mut add = |whole: String, not| {
        let text = match whole.trim_end_matches('/') {
            "" => "/",
            text => text,
        };
        let of_folders = text.len() < whole.len();
        let is_known = |pattern: &Pattern| pattern.text == text && pattern.of_folders == of_folders;
        if !patterns.iter().any(is_known) {
            patterns.push(Pattern {
                text: text.to_string(),
                of_folders,
                not,
            });
        }
    };
    for text in &config.globs {
        add(text.clone(), &[]);
    }
    for folder in &config.detail_folders {
        let folder = glob::Pattern::escape(&folder.to_string_lossy());
        for inside in ["*detail*", "*/*detail*"] {
            add(format!("{}/{inside}", folder.trim_end_matches('/')), DETAIL_WORK);
        }
    }
    patterns
}

/// Since when something is followed.
pub(super) fn since_of(saved: &[Position], text: &str) -> Option<i64> {
    let key = format!("{SINCE_KEY}{text}");
    let position = saved.iter().find(|position| position.key == key)?;
    let since: Since = serde_json::from_slice(position.value.as_deref()?).ok()?;
    Some(since.since)
}

/// The name of a log's set.
pub(super) fn set_of(folder: &Path, base: &str) -> String {
    let folder = folder.to_string_lossy();
    match folder.as_ref() {
        "/" => format!("/{base}"),
        folder => format!("{folder}/{base}"),
    }
}
