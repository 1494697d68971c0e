//! Being woken when files change: inotify, and a look every 250 ms where there is none.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use nix::sys::statfs;

/// How often files are looked at where nobody tells that they change.
const POLL_EVERY: Duration = Duration::from_millis(250);

/// Most events that are taken in at once; more of them mean that everything is looked at.
const EVENTS_MAX: usize = 4096;

/// File systems whose files other machines change, which inotify does not tell: NFS, SMB, CIFS, SMB2, FUSE, 9P, Ceph, AFS
/// (statfs(2), magic.h).
const REMOTE: [i64; 8] = [
    0x6969,
    0x517b,
    0xff53_4d42,
    0xfe53_4d42,
    0x6573_5546,
    0x0102_1997,
    0x00c3_6400,
    0x5346_414f,
];

/// What happened since the last look.
#[derive(Default)]
pub(super) struct Stirred {
    /// Files that were written.
    pub files: HashSet<WatchDescriptor>,
    /// Names that came, went or changed in folders.
    pub names: Vec<(PathBuf, OsString)>,
    /// Nobody knows: look at everything.
    pub all: bool,
}

/// Watches folders and files.
pub(super) struct Watcher {
    inotify: Option<Inotify>,
    folders: HashMap<WatchDescriptor, PathBuf>,
    watched: HashMap<PathBuf, WatchDescriptor>,
    /// Why changes are looked for with a clock; told once.
    polling: Option<String>,
    told: bool,
    next_poll: Instant,
}

impl Watcher {
    pub(super) fn new() -> Watcher {
        let started = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC);
        Watcher {
            polling: started.as_ref().err().map(|error| format!("inotify: {}", error.desc())),
            inotify: started.ok(),
            folders: HashMap::new(),
            watched: HashMap::new(),
            told: false,
            next_poll: Instant::now(),
        }
    }

    /// Why files are looked at with a clock, the first time that it is asked after it began.
    pub(super) fn why_polling(&mut self) -> Option<String> {
        let cause = self.polling.clone()?;
        (!std::mem::replace(&mut self.told, true)).then_some(cause)
    }

    /// Watches these folders, and no others any longer.
    pub(super) fn set_folders(&mut self, folders: &BTreeSet<PathBuf>) {
        let gone: Vec<PathBuf> = self
            .watched
            .keys()
            .filter(|path| !folders.contains(*path))
            .cloned()
            .collect();
        for path in gone {
            if let (Some(watch), Some(inotify)) = (self.watched.remove(&path), &self.inotify) {
                self.folders.remove(&watch);
                let _ = inotify.rm_watch(watch);
            }
        }
        let flags = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        for path in folders {
            if self.watched.contains_key(path) {
                continue;
            }
            if is_remote(path) {
                self.poll_because("the file system is another machine's");
            }
            let Some(inotify) = &self.inotify else { return };
            match inotify.add_watch(path, flags) {
                Ok(watch) => {
                    self.folders.insert(watch, path.clone());
                    self.watched.insert(path.clone(), watch);
                }
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(error) => self.refused(error),
            }
        }
    }

    /// Watches an open file, whatever it is called now.
    pub(super) fn watch_file(&mut self, file: &File, path: &Path) -> Option<WatchDescriptor> {
        let flags = AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_DELETE_SELF;
        let inotify = self.inotify.as_ref()?;
        let exact = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        let watch = match inotify.add_watch(&exact, flags) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => inotify.add_watch(path, flags),
            other => other,
        };
        match watch {
            Ok(watch) => Some(watch),
            Err(error) => {
                self.refused(error);
                None
            }
        }
    }

    fn refused(&mut self, error: Errno) {
        match error {
            Errno::ENOSPC => self.poll_because("the limit of watches is reached (fs.inotify.max_user_watches)"),
            error => self.poll_because(error.desc()),
        }
    }

    fn poll_because(&mut self, cause: &str) {
        if self.polling.is_none() {
            self.polling = Some(cause.to_string());
            self.next_poll = Instant::now();
        }
    }

    /// What happened since the last call.
    pub(super) fn take(&mut self) -> Stirred {
        let mut stirred = Stirred::default();
        if self.polling.is_some() && Instant::now() >= self.next_poll {
            self.next_poll = Instant::now() + POLL_EVERY;
            stirred.all = true;
        }
        let Some(inotify) = &self.inotify else { return stirred };
        let mut count = 0;
        while let Ok(events) = inotify.read_events() {
            count += events.len();
            for event in events {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    stirred.all = true;
                } else if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                    if let Some(path) = self.folders.remove(&event.wd) {
                        self.watched.remove(&path);
                        stirred.all = true;
                    }
                } else if let Some(folder) = self.folders.get(&event.wd) {
                    match event.name {
                        Some(name) => stirred.names.push((folder.clone(), name)),
                        None => stirred.all = true,
                    }
                } else {
                    let moved = AddWatchFlags::IN_ATTRIB | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_DELETE_SELF;
                    stirred.files.insert(event.wd);
                    stirred.all |= event.mask.intersects(moved);
                }
            }
            if count > EVENTS_MAX {
                stirred.names.clear();
                stirred.all = true;
            }
        }
        stirred
    }

    /// What becomes readable when something happens.
    pub(super) fn waker(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Waits until something happens, `until` is reached or one of `others` can be read.
    ///
    /// # Errors
    /// If the system cannot wait.
    pub(super) fn wait(&self, until: Option<Instant>, others: &[BorrowedFd<'_>]) -> io::Result<()> {
        let poll = self.polling.as_ref().map(|_| self.next_poll);
        let until = until.into_iter().chain(poll).min();
        let mut fds: Vec<PollFd<'_>> = self
            .waker()
            .into_iter()
            .chain(others.iter().copied())
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
            .collect();
        let timeout = match until {
            None => PollTimeout::NONE,
            Some(until) => {
                // rounded up: a wait that ends too early would be another one
                let left = until.saturating_duration_since(Instant::now()) + Duration::from_micros(999);
                PollTimeout::try_from(left.min(Duration::from_secs(3600))).unwrap_or(PollTimeout::MAX)
            }
        };
        match nix::poll::poll(&mut fds, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn is_remote(path: &Path) -> bool {
    // the type's own width differs between machines
    statfs::statfs(path).is_ok_and(|data| {
        #[allow(clippy::unnecessary_cast)]
        let magic = data.filesystem_type().0 as i64;
        REMOTE.contains(&(magic & 0xffff_ffff))
    })
}
