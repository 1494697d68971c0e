//! The files that are followed: those that are open, those that are known, and what becomes of each.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::inotify::WatchDescriptor;

use super::FollowConfig;
use super::generation::{Context, Generation, Looked, Out};
use super::print::{FileId, Print};
use super::saved::{SINCE_KEY, Saved, Since};
use super::scan::{self, Found, Pattern};
use super::watch::{Stirred, Watcher};
use crate::arrival::{Arrival, Feed, Position, What};
use crate::source::rotated;
use crate::time::Clock;
use crate::{Options, Problem};

/// How many times longer than a rotation a line without an end is waited for in a file that was renamed.
const PARTIAL_FACTOR: u32 = 12;

/// How long after a refusal a file is tried again.
const RETRY_WAIT: Duration = Duration::from_secs(5);

/// Most generations of one log that are remembered after they were read.
const KNOWN_MAX: usize = 1000;

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

/// A file that is open, and what wakes us when it changes.
pub(super) struct Open {
    pub generation: Generation,
    pub watch: Option<WatchDescriptor>,
    /// It is to be looked at although nothing was told of it: at once, or then.
    pub again: Option<Instant>,
}

pub(super) struct Files {
    pub context: Arc<Context>,
    patterns: Vec<Pattern>,
    /// Since when each pattern is followed; None until that is handed out to be kept.
    since: Vec<Option<i64>>,
    pub from_start: bool,
    /// How long a renamed or deleted file is kept open after its last new line.
    rotate_wait: Duration,
    pub logs: Vec<Log>,
    pub open: Vec<Open>,
    pub known: Vec<Saved>,
    /// Files that were judged and need no other look until their size or time changes.
    pub looked: HashMap<FileId, (u64, i128)>,
    /// Files that look shorter than they were, since when.
    pub shrunk: HashMap<FileId, Instant>,
    /// Files that were found to hold other content, since when, and what they held.
    pub rewritten: HashMap<FileId, (Instant, Print)>,
    pub watcher: Watcher,
    /// Names and identities are to be looked at.
    pub dirty: bool,
    begun: bool,
    more: bool,
    due: Option<Instant>,
    /// Paths of which a refusal was told.
    pub refused: HashSet<PathBuf>,
    /// Positions that wait to be handed out.
    pub unsent: Vec<Position>,
    pub feed: Arc<Feed>,
    pub last_key: i64,
}

impl Files {
    pub(super) fn new(config: &FollowConfig, options: &Options, saved: &[Position]) -> Result<Files, Problem> {
        let clock = Clock::fixed(options, options.now).map_err(|cause| Problem::error("follow", cause))?;
        let patterns = patterns(config);
        let since = patterns.iter().map(|pattern| since_of(saved, &pattern.text)).collect();
        let known: Vec<Saved> = saved
            .iter()
            .filter_map(|position| Saved::decode(&position.key, position.value.as_deref()?))
            .collect();
        Ok(Files {
            context: Arc::new(Context {
                options: options.clone(),
                started: Instant::now(),
                clock,
            }),
            patterns,
            since,
            from_start: config.from_start,
            rotate_wait: Duration::from_secs_f64(config.rotate_wait),
            logs: Vec::new(),
            open: Vec::new(),
            known,
            looked: HashMap::new(),
            shrunk: HashMap::new(),
            rewritten: HashMap::new(),
            watcher: Watcher::new(),
            dirty: true,
            begun: false,
            more: false,
            due: None,
            refused: HashSet::new(),
            unsent: Vec::new(),
            feed: Arc::new(Feed {
                key: "follow".into(),
                name: "follow".into(),
                set: "follow".into(),
            }),
            last_key: 0,
        })
    }

    pub(super) fn watcher(&self) -> &Watcher {
        &self.watcher
    }

    pub(super) fn has_more(&self) -> bool {
        self.more
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn open_files(&self) -> (usize, usize) {
        let deleted = self.open.iter().filter(|open| open.generation.is_deleted()).count();
        (self.open.len(), deleted)
    }

    pub(super) fn poll(&mut self, out: Out<'_>) -> bool {
        if self.patterns.is_empty() {
            return false;
        }
        let stirred = self.watcher.take();
        let now = Instant::now();
        let due = self.due.take_if(|due| *due <= now).is_some();
        self.dirty |= due || stirred.all || self.concern(&stirred);
        let everything = self.dirty;
        self.advance(out, |open| {
            everything
                || open.again.is_some_and(|again| again <= now)
                || open.watch.is_some_and(|watch| stirred.files.contains(&watch))
        });
        if std::mem::take(&mut self.dirty) {
            self.look(out);
        }
        self.retire(out);
        if let Some(cause) = self.watcher.why_polling() {
            let cause = format!("files are looked at every 250 ms: {cause}");
            self.tell(Problem::warning("follow", cause), out);
        }
        let now = Instant::now();
        self.more = self.dirty
            || self
                .open
                .iter()
                .any(|open| open.again.is_some_and(|again| again <= now));
        self.more
    }

    /// Whether what was told concerns names and identities, not only the content of what is open.
    fn concern(&self, stirred: &Stirred) -> bool {
        let is_open = |watch: &WatchDescriptor| self.open.iter().any(|open| open.watch == Some(*watch));
        let named = |(folder, name): &(PathBuf, std::ffi::OsString)| {
            let name = name.to_string_lossy();
            let base = rotated::parse(&name).0;
            let mut here = self.logs.iter().filter(|log| log.folder == *folder);
            here.clone().next().is_none()
                || here.any(|log| log.base == base)
                || self.patterns.iter().any(|pattern| pattern.may_name(&name))
                || folder.join(&*name).is_dir()
                || self
                    .open
                    .iter()
                    .any(|open| Path::new(&open.generation.saved.path) == folder.join(&*name))
        };
        stirred.files.iter().any(|watch| !is_open(watch)) || stirred.names.iter().any(named)
    }

    /// Reads on in the open files that `wanted` picks.
    pub(super) fn advance(&mut self, out: Out<'_>, wanted: impl Fn(&Open) -> bool) {
        let mut at = 0;
        while at < self.open.len() {
            let open = &mut self.open[at];
            at += 1;
            if !wanted(open) {
                continue;
            }
            open.again = None;
            match open.generation.advance(out) {
                Ok(Looked::Quiet) => {}
                Ok(Looked::More) => open.again = Some(Instant::now()),
                Ok(Looked::Shrunk(until)) => {
                    open.again = Some(until);
                    self.remind(until);
                }
                Ok(Looked::Rewritten) => {
                    at -= 1;
                    self.torn(at, out);
                }
                Err(error) => {
                    at -= 1;
                    let Open { generation, .. } = self.open.remove(at);
                    let path = PathBuf::from(&generation.saved.name);
                    self.known.push(generation.saved);
                    self.refuse(&path, &error, out);
                }
            }
        }
    }

    /// The file of an open generation holds other content now: what it still had is looked for elsewhere.
    fn torn(&mut self, at: usize, out: Out<'_>) {
        let Open { mut generation, .. } = self.open.remove(at);
        if let Some(id) = generation.saved.file.take() {
            self.rewritten
                .insert(id, (Instant::now(), generation.saved.print.clone()));
        }
        generation.saved.over = generation.unread() == 0;
        generation.report(out);
        self.known.push(generation.saved);
        self.looked.clear();
        self.dirty = true;
    }

    /// Looks which files there are, and what each of them is.
    fn look(&mut self, out: Out<'_>) {
        let first = !std::mem::replace(&mut self.begun, true);
        let expanded = scan::expand(&self.patterns);
        self.watcher.set_folders(&expanded.folders);
        self.begin_patterns();
        self.update_logs(expanded, first);
        let mut current = HashSet::new();
        let mut present = HashSet::new();
        for at in 0..self.logs.len() {
            let found = self.files_of(at);
            self.tell_missing(at, &found, out);
            present.extend(found.iter().map(|file| file.id));
            let newest = found.last().map(|file| file.id);
            for file in &found {
                let is_current =
                    file.rotation == rotated::Rotation::Current || (file.wanted && Some(file.id) == newest);
                if is_current {
                    current.insert(file.id);
                }
                self.judge(at, file, is_current, &found, out);
            }
            self.logs[at].fresh = false;
        }
        self.settle(&current, &present, out);
        self.send_positions(out);
    }

    /// The files of a log, and those of its generations that lie elsewhere by now.
    fn files_of(&self, at: usize) -> Vec<Found> {
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
    fn update_logs(&mut self, expanded: scan::Expanded, first: bool) {
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
        let open = self.open.iter().map(|open| &open.generation.saved);
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
    fn is_meant(&self, saved: &Saved) -> bool {
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
    fn begin_patterns(&mut self) {
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

    /// After every file was judged: who is retired, who was lost, who is forgotten.
    fn settle(&mut self, current: &HashSet<FileId>, present: &HashSet<FileId>, out: Out<'_>) {
        let now = Instant::now();
        for open in &mut self.open {
            let generation = &mut open.generation;
            generation.retired = match generation.id().is_some_and(|id| current.contains(&id)) {
                true => None,
                false => Some(generation.retired.unwrap_or(now)),
            };
        }
        self.looked.retain(|id, _| present.contains(id));
        self.shrunk.retain(|id, _| present.contains(id));
        self.rewritten.retain(|id, _| present.contains(id));
        if !self.is_unsettled() {
            self.tell_lost(present, out);
        }
        self.forget(present);
    }

    /// Whether files are still being judged that may be what something unfinished is looked for in.
    fn is_unsettled(&self) -> bool {
        !self.shrunk.is_empty() || !self.rewritten.is_empty()
    }

    /// What is found nowhere any more, and was not read to its end as far as we know.
    fn tell_lost(&mut self, present: &HashSet<FileId>, out: Out<'_>) {
        for at in 0..self.known.len() {
            let known = &self.known[at];
            if known.over || known.file.is_some_and(|id| present.contains(&id)) || !self.is_meant(known) {
                continue;
            }
            self.known[at].over = true;
            let saved = self.known[at].clone();
            let cause = format!(
                "{}: was cut off, written anew or removed before it was read to its end: lines that stood after byte {} are lost, if there were any",
                saved.name, saved.print.offset
            );
            let feed = Arc::new(Feed {
                key: saved.key.as_str().into(),
                name: saved.name.as_str().into(),
                set: saved.set.as_str().into(),
            });
            out(Arrival {
                feed: Arc::clone(&feed),
                what: What::Begin(Box::new(self.context.clock.clone().live())),
                positions: Vec::new(),
            });
            let position = Position {
                key: saved.key.clone(),
                value: Some(saved.encode()),
            };
            out(Arrival {
                feed,
                what: What::Lost(None, cause),
                positions: vec![position],
            });
        }
    }

    /// Drops the oldest of those that are gone, where a log has too many.
    fn forget(&mut self, present: &HashSet<FileId>) {
        if self.known.len() <= KNOWN_MAX {
            return;
        }
        let mut counts: HashMap<String, usize> = HashMap::new();
        for known in &self.known {
            *counts.entry(known.set.clone()).or_default() += 1;
        }
        let unsent = &mut self.unsent;
        self.known.retain(|known| {
            let count = counts.entry(known.set.clone()).or_default();
            let there = known.file.is_some_and(|id| present.contains(&id))
                || known.copies.iter().any(|(id, _)| present.contains(id));
            let keep = *count <= KNOWN_MAX || there || !known.over;
            if !keep {
                *count -= 1;
                unsent.push(Position {
                    key: known.key.clone(),
                    value: None,
                });
            }
            keep
        });
    }

    /// Closes files that were renamed or deleted and are quiet.
    fn retire(&mut self, out: Out<'_>) {
        let now = Instant::now();
        let mut at = 0;
        while at < self.open.len() {
            let Open { generation, again, .. } = &mut self.open[at];
            at += 1;
            let Some(since) = generation.retired else { continue };
            let deleted = generation.is_deleted();
            let wait = match generation.unread() > 0 && !deleted {
                true => self.rotate_wait * PARTIAL_FACTOR,
                false => self.rotate_wait,
            };
            let until = since.max(generation.active) + wait;
            if until > now || again.is_some() {
                self.remind(until.max(now));
                continue;
            }
            // nobody will finish a half line now
            generation.flush(out);
            generation.saved.over = true;
            if deleted {
                generation.saved.file = None;
            }
            let position = generation.position();
            generation.tell(What::End, vec![position], out);
            at -= 1;
            let Open { generation, .. } = self.open.remove(at);
            self.known.push(generation.saved);
            self.looked.clear();
        }
    }

    /// Something is due then.
    pub(super) fn remind(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
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
    fn tell_missing(&mut self, at: usize, found: &[Found], out: Out<'_>) {
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

    fn tell(&self, problem: Problem, out: Out<'_>) {
        out(Arrival {
            feed: Arc::clone(&self.feed),
            what: What::Problem(problem),
            positions: Vec::new(),
        });
    }

    /// Hands out positions that belong to no records.
    fn send_positions(&mut self, out: Out<'_>) {
        if !self.unsent.is_empty() {
            out(Arrival {
                feed: Arc::clone(&self.feed),
                what: What::Position,
                positions: std::mem::take(&mut self.unsent),
            });
        }
    }

    /// Takes a file in: it is watched from now on, and read.
    pub(super) fn begin(&mut self, file: File, saved: Saved, path: &Path, out: Out<'_>) {
        let watch = self.watcher.watch_file(&file, path);
        let mut generation = Generation::resume(file, saved, &self.context);
        let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        generation.saved.path = real.to_string_lossy().into_owned();
        generation.saved.over = false;
        let key = generation.saved.key.clone();
        self.open.push(Open {
            generation,
            watch,
            again: None,
        });
        self.advance(out, |open| open.generation.saved.key == key);
    }
}

fn patterns(config: &FollowConfig) -> Vec<Pattern> {
    let mut patterns: Vec<Pattern> = Vec::new();
    let mut add = |text: String, not| {
        if !patterns.iter().any(|pattern| pattern.text == text) {
            patterns.push(Pattern { text, not });
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

fn since_of(saved: &[Position], text: &str) -> Option<i64> {
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
