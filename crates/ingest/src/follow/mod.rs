//! Following sources while they are written, over every way of rotating them, over restarts and crashes.
//!
//! A [`Follower`] hands out [`Arrival`]s, each with the positions that are to be committed together with its records. Given
//! the committed positions, the next follower goes on behind the last record of them: none is lost that the source still
//! has, and none comes twice.

mod files;
mod generation;
mod journal;
mod judge;
mod logs;
mod packed;
mod pattern;
mod print;
mod records;
mod saved;
mod scan;
mod settle;
mod tell;
mod unpack;
mod watch;

use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::arrival::{Arrival, Position};
use crate::{Options, Problem};
use files::Files;
use journal::Journal;
pub use saved::check_position;

/// The shortest time between two wakings.
const BREATH: Duration = Duration::from_millis(2);

/// What is followed.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct FollowConfig {
    /// Files to follow; `*`, `?` and `[…]` stand for parts of names, and files that appear later are taken in. Rotations
    /// beside a file (`vpn.log.1`, `vpn.log-20251119.gz`) belong to it and need not be named. A folder stands for the logs in
    /// it and in those below; with wildcards, what ends with `/` means folders, anything else files.
    pub globs: Vec<String>,
    /// Follow the machine's journal.
    pub journal: bool,
    /// The program that reads the journal.
    pub journal_program: String,
    /// Where the journal's files lie: after they were rotated, a reader that stays silent is started again.
    pub journal_folders: Vec<PathBuf>,
    /// Folders of FreeRADIUS detail files (`radacct`), with or without a folder for each client.
    pub detail_folders: Vec<PathBuf>,
    /// What is there already when a file is followed for the first time is read, too; else only what comes from then on.
    pub from_start: bool,
    /// Seconds for which a renamed or deleted file is kept open after its last new line: writers notice a rotation late.
    pub rotate_wait: f64,
}

impl Default for FollowConfig {
    fn default() -> FollowConfig {
        FollowConfig {
            globs: Vec::new(),
            journal: false,
            journal_program: "journalctl".to_string(),
            journal_folders: ["/var/log/journal", "/run/log/journal"].map(PathBuf::from).to_vec(),
            detail_folders: Vec::new(),
            from_start: true,
            rotate_wait: 5.0,
        }
    }
}

impl FollowConfig {
    /// Follows these files, whatever signs stand in their names.
    pub fn of_files<'p>(paths: impl IntoIterator<Item = &'p Path>) -> FollowConfig {
        let literal = |path: &Path| {
            let text = path.to_string_lossy();
            match text.contains(['*', '?', '[', ']']) {
                true => glob::Pattern::escape(&text),
                false => text.into_owned(),
            }
        };
        FollowConfig {
            globs: paths.into_iter().map(literal).collect(),
            ..FollowConfig::default()
        }
    }

    /// Whether the values can be used.
    ///
    /// # Errors
    /// The key, and what is wrong with its value.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        for text in &self.globs {
            if text.is_empty() {
                return Err(("globs", "an empty path".to_string()));
            }
            glob::Pattern::new(text).map_err(|error| ("globs", format!("{text}: {}", error.msg)))?;
        }
        if self.detail_folders.iter().any(|folder| folder.as_os_str().is_empty()) {
            return Err(("detail-folders", "an empty path".to_string()));
        }
        if !(0.0..=3600.0).contains(&self.rotate_wait) {
            return Err(("rotate-wait", "not a number of seconds up to 3600".to_string()));
        }
        if self.journal_program.is_empty() {
            return Err(("journal-program", "the name of a program is missing".to_string()));
        }
        Ok(())
    }
}

/// Follows files and the journal, on one thread: `loop { poll; wait }`.
pub struct Follower {
    files: Files,
    journal: Option<Journal>,
    /// When it last woke up.
    woken: Instant,
}

impl Follower {
    /// Follows what `config` says, from where `saved` ends. Positions of others are passed over.
    ///
    /// # Errors
    /// If a pattern or the zone of `options` is none.
    pub fn new(config: &FollowConfig, options: &Options, saved: Vec<Position>) -> Result<Follower, Problem> {
        if let Err((key, cause)) = config.check() {
            return Err(Problem::error(key, cause));
        }
        let files = Files::new(config, options, &saved)?;
        Ok(Follower {
            journal: config.journal.then(|| Journal::new(config, &files.context, &saved)),
            files,
            woken: Instant::now(),
        })
    }

    /// Hands out what is there now, in whole records and bounded parts. True if there is more at once: call again before
    /// waiting (it returns now and then, so that the caller can stop).
    pub fn poll(&mut self, out: &mut dyn FnMut(Arrival)) -> bool {
        let more = self.files.poll(out);
        let journal = self.journal.as_mut().is_some_and(|journal| journal.poll(out));
        more || journal
    }

    /// Sleeps until something may have come, `until` is reached or `wake` can be read (its bytes are the caller's to take).
    /// Without anything due no timer runs.
    ///
    /// # Errors
    /// If the system cannot wait.
    pub fn wait(&mut self, until: Option<Instant>, wake: BorrowedFd<'_>) -> std::io::Result<()> {
        if self.files.has_more() || self.journal.as_ref().is_some_and(Journal::has_more) {
            return Ok(());
        }
        let journal = self.journal.as_ref();
        let due = journal.and_then(Journal::due).into_iter().chain(self.files.due());
        let until = until.into_iter().chain(due).min();
        let mut wakers = vec![wake];
        wakers.extend(journal.into_iter().flat_map(Journal::wakers));
        self.files.watcher().wait(until, &wakers)?;
        // a writer that never rests is looked at in portions, not line by line; who was idle is looked at in an instant
        let since = self.woken.elapsed();
        if since < BREATH {
            std::thread::sleep(BREATH - since);
        }
        self.woken = Instant::now();
        Ok(())
    }

    /// The files that are open, and how many bytes of each were seen and not handed out yet: a half line, or what is left of a
    /// long file.
    pub fn unread(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.unread()
    }

    /// Files that are open, and of these how many have been deleted and are held until they are quiet.
    pub fn open_files(&self) -> (usize, usize) {
        self.files.open_files()
    }
}
