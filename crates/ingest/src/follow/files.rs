//! The files that are followed: those that are open, those that are known, and what becomes of each.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::inotify::WatchDescriptor;

use super::FollowConfig;
use super::generation::{Generation, Looked};
use super::logs::{Log, patterns, since_of};
use super::pattern::Pattern;
use super::print::{FileId, Print};
use super::records::{Context, Out};
use super::saved::Saved;
use super::scan::{self, Found};
use super::unpack::Packed;
use super::watch::{Stirred, Watcher};
use crate::arrival::{Arrival, Feed, Position, What};
use crate::source::rotated::{self, Rotation};
use crate::time::Clock;
use crate::{Options, Problem};

/// How much longer than a rotation a file must not have changed to count as old.
const OLD_SLACK: Duration = Duration::from_secs(60);

/// How long after the start the order of files is kept even if one of them is still being packed.
const START_WAIT: Duration = Duration::from_secs(3);

/// A file that is open, and what wakes us when it changes.
pub(super) struct Open {
    pub generation: Generation,
    pub watch: Option<WatchDescriptor>,
    /// It is to be looked at although nothing was told of it: at once, or then.
    pub again: Option<Instant>,
}

pub(super) struct Files {
    pub context: Arc<Context>,
    pub patterns: Vec<Pattern>,
    /// Since when each pattern is followed; None until that is handed out to be kept.
    pub since: Vec<Option<i64>>,
    pub from_start: bool,
    /// How long a renamed or deleted file is kept open after its last new line.
    pub rotate_wait: Duration,
    pub logs: Vec<Log>,
    pub open: Vec<Open>,
    pub known: Vec<Saved>,
    /// Files that were judged and need no other look until their size or time changes.
    pub looked: HashMap<FileId, (u64, i128)>,
    /// Files that look shorter than they were, since when.
    pub shrunk: HashMap<FileId, Instant>,
    /// Files that were found to hold other content, since when, and what they held.
    pub rewritten: HashMap<FileId, (Instant, Print)>,
    /// The compressed file that is compared or read.
    pub packed: Option<Packed>,
    /// A compressed file may still be written.
    pub settling: bool,
    pub watcher: Watcher,
    /// Names and identities are to be looked at.
    pub dirty: bool,
    begun: bool,
    more: bool,
    due: Option<Instant>,
    /// Paths of which a refusal was told.
    pub refused: HashSet<PathBuf>,
    /// What was told of patterns that name no file.
    pub unmatched: HashMap<String, String>,
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
            packed: None,
            settling: false,
            watcher: Watcher::new(),
            dirty: true,
            begun: false,
            more: false,
            due: None,
            refused: HashSet::new(),
            unmatched: HashMap::new(),
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

    /// The files that are open, and how many bytes of each are not handed out yet.
    pub(super) fn unread(&self) -> impl Iterator<Item = (&str, u64)> {
        self.open.iter().map(|open| {
            let generation = &open.generation;
            (generation.records.saved.name.as_str(), generation.unread())
        })
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
        self.advance_packed(out);
        if std::mem::take(&mut self.dirty) {
            self.look(out);
        }
        self.retire(out);
        if let Some(cause) = self.watcher.why_polling() {
            let cause = format!("files are looked at every 250 ms: {cause}");
            self.tell(Problem::warning("follow", cause), out);
        }
        let now = Instant::now();
        let again = |open: &Open| open.again.is_some_and(|again| again <= now);
        self.more = self.dirty || self.packed.is_some() || self.open.iter().any(again);
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
                    .any(|open| Path::new(&open.generation.records.saved.path) == folder.join(&*name))
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
                    let path = PathBuf::from(&generation.records.saved.name);
                    self.known.push(generation.records.saved);
                    self.refuse(&path, &error, out);
                }
            }
        }
    }

    /// The file of an open generation holds other content now: what it still had is looked for elsewhere.
    fn torn(&mut self, at: usize, out: Out<'_>) {
        let Open { mut generation, .. } = self.open.remove(at);
        if let Some(id) = generation.records.saved.file.take() {
            self.rewritten
                .insert(id, (Instant::now(), generation.records.saved.print.clone()));
        }
        let (offset, unread) = (generation.records.saved.print.offset, generation.unread());
        generation.records.saved.over = unread == 0;
        generation.records.saved.seen = if unread == 0 { 0 } else { offset + unread };
        generation.records.report(out);
        self.known.push(generation.records.saved);
        self.looked.clear();
        self.dirty = true;
    }

    /// Looks which files there are, and what each of them is.
    fn look(&mut self, out: Out<'_>) {
        let first = !std::mem::replace(&mut self.begun, true);
        let expanded = scan::expand(&self.patterns);
        self.watcher.set_folders(&expanded.folders);
        self.begin_patterns();
        self.tell_patterns(&expanded.named, out);
        self.update_logs(expanded, first);
        self.pass_over(out);
        let mut current = HashSet::new();
        let mut present = HashSet::new();
        self.settling = false;
        for at in 0..self.logs.len() {
            let found = self.files_of(at);
            self.tell_missing(at, &found, out);
            present.extend(found.iter().map(|file| file.id));
            let newest = found.last().map(|file| file.id);
            let is_current =
                |file: &Found| file.rotation == Rotation::Current || (file.wanted && Some(file.id) == newest);
            current.extend(found.iter().filter(|file| is_current(file)).map(|file| file.id));
            for file in &found {
                self.judge(at, file, is_current(file), &found, out);
                let starting = self.settling && self.context.started.elapsed() < START_WAIT;
                if starting || self.is_unpacking(at) {
                    break; // what is newer comes after it
                }
            }
            self.logs[at].fresh = false;
        }
        self.settle(&current, &present, out);
        self.send_positions(out);
    }

    /// What is passed over is kept as such before anything is read, together with since when patterns are followed: a crash in
    /// between must not make it new.
    fn pass_over(&mut self, out: Out<'_>) {
        for at in 0..self.logs.len() {
            if !self.logs[at].fresh {
                continue;
            }
            let found = self.files_of(at);
            for file in &found {
                if !(file.wanted && self.from_start) {
                    self.judge(at, file, file.rotation == Rotation::Current, &found, out);
                }
            }
        }
        self.send_positions(out);
    }

    /// Something is due then.
    pub(super) fn remind(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
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

    /// Takes a file in: it is watched from now on, and read. One that nobody is expected to write to any more, and has not for
    /// long, is closed again at once: there may be thousands.
    pub(super) fn begin(&mut self, file: File, saved: Saved, found: &Found, is_current: bool, out: Out<'_>) {
        let old = !is_current && age(found) > self.rotate_wait + OLD_SLACK;
        let watch = match old {
            true => None,
            false => self.watcher.watch_file(&file, &found.path),
        };
        let mut generation = Generation::resume(file, saved, &self.context);
        let real = fs::canonicalize(&found.path).unwrap_or_else(|_| found.path.clone());
        generation.records.saved.path = real.to_string_lossy().into_owned();
        generation.records.saved.over = false;
        let key = generation.records.saved.key.clone();
        if !old {
            // it is shown as followed before there is anything in it
            out(Arrival {
                feed: Arc::new(generation.records.saved.feed()),
                what: What::Position,
                positions: Vec::new(),
            });
        }
        self.open.push(Open {
            generation,
            watch,
            again: None,
        });
        self.advance(out, |open| open.generation.records.saved.key == key);
        let last = self.open.len().saturating_sub(1);
        let done = |open: &Open| {
            open.generation.records.saved.key == key && open.again.is_none() && open.generation.unread() == 0
        };
        if old && self.open.last().is_some_and(done) {
            self.close(last, out);
        }
    }
}

/// How long ago a file changed.
pub(super) fn age(found: &Found) -> Duration {
    let now = i128::from(crate::time::now()) * 1000;
    Duration::from_nanos(u64::try_from(now.saturating_sub(found.changed).max(0)).unwrap_or(u64::MAX))
}
