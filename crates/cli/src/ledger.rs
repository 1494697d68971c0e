//! The ledger's file: one line of JSON for each action, appended, of its owner alone.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tunlog_model::Cell;
use tunlog_respond::{Entry, Ledger};

use crate::output::{Failure, cause, tell};

/// Bytes of a line; a longer one is none of ours.
const LINE_MAX: u64 = 1 << 20;
/// How long another tunlog may hold the ledger.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where actions are written down, unless somebody says otherwise.
pub fn default_path() -> PathBuf {
    let is_root = std::fs::metadata("/proc/self").map_or_else(
        |_| std::env::var_os("USER").is_some_and(|user| user == "root"),
        |found| found.uid() == 0,
    );
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/state"));
    let state = std::env::var_os("XDG_STATE_HOME").filter(|value| !value.is_empty());
    match state.map(PathBuf::from).filter(|path| path.is_absolute()) {
        Some(state) => state.join("tunlog/actions.jsonl"),
        None if is_root => PathBuf::from("/var/lib/tunlog/actions.jsonl"),
        None => home()
            .unwrap_or_else(|| PathBuf::from("/var/tmp"))
            .join("tunlog/actions.jsonl"),
    }
}

/// The ledger as it stands, read only. One that is not there is empty.
///
/// # Errors
/// If it cannot be read.
pub fn read(path: &Path) -> Result<Ledger, Failure> {
    match File::open(path) {
        Ok(file) => replay(path, &file),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Ledger::new()),
        Err(error) => Err(failure(path, "cannot read", &error)),
    }
}

/// The ledger of a machine whose administrator blocks.
const OF_THE_MACHINE: &str = "/var/lib/tunlog/actions.jsonl";

/// Counts the addresses and networks that are blocked now, by the ledger: the machine's where it can be read, else the user's own.
/// None where there is none. The file is read again only when it has changed.
pub fn counter() -> impl Fn() -> Option<u64> + Send + Sync {
    let known: Mutex<Option<(Stamp, Ledger)>> = Mutex::new(None);
    move || {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let machine = PathBuf::from(OF_THE_MACHINE);
        let path = [machine, default_path()]
            .into_iter()
            .find(|path| File::open(path).is_ok())?;
        let found = std::fs::metadata(&path).ok()?;
        let stamp = (found.ino(), found.size(), found.mtime(), found.mtime_nsec());
        if known.as_ref().is_none_or(|(read, _)| *read != stamp) {
            *known = Some((stamp, read(&path).ok()?));
        }
        let (_, ledger) = known.as_ref()?;
        let now = jiff::Timestamp::now().as_microsecond();
        let held = ledger.blocked().into_iter().filter(|block| !block.is_expired(now));
        let prefixes: std::collections::BTreeSet<_> = held.map(|block| block.prefix).collect();
        Some(prefixes.len() as u64)
    }
}

/// What tells that a file has changed: number, size, time.
type Stamp = (u64, u64, i64, i64);

fn failure(path: &Path, what: &str, error: &std::io::Error) -> Failure {
    Failure::Message(format!("{}: {what}: {}", path.display(), cause(error)))
}

fn replay(path: &Path, file: &File) -> Result<Ledger, Failure> {
    let mut ledger = Ledger::new();
    let mut reader = BufReader::new(file);
    let (mut line, mut number, mut bad) = (Vec::new(), 0_u64, 0_u64);
    loop {
        line.clear();
        let read = reader
            .by_ref()
            .take(LINE_MAX)
            .read_until(b'\n', &mut line)
            .map_err(|error| failure(path, "cannot read", &error))?;
        if read == 0 {
            break;
        }
        number += 1;
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        if let Err(problem) = ledger.take(&text) {
            bad += 1;
            if bad == 1 {
                tell(&format!("{}:{number}: not understood: {problem}", path.display()));
            }
        }
    }
    if bad > 1 {
        tell(&format!(
            "{}: {bad} lines are not understood and were passed over",
            path.display()
        ));
    }
    Ok(ledger)
}

/// A ledger that is held: nobody else writes to it until this is gone.
pub struct Held {
    path: PathBuf,
    file: File,
    /// What it held when it was opened.
    pub ledger: Ledger,
}

impl Held {
    /// Opens the ledger for writing, makes it if it is not there, and waits for whoever holds it.
    ///
    /// # Errors
    /// If it cannot be written: then nothing must be done either.
    pub fn open(path: &Path) -> Result<Held, Failure> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|error| failure(folder, "cannot make the ledger's folder", &error))?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| failure(path, "cannot write the ledger, so nothing is done", &error))?;
        lock(path, &file)?;
        let ledger = replay(path, &file)?;
        mend(&mut file).map_err(|error| failure(path, "cannot write the ledger, so nothing is done", &error))?;
        Ok(Held {
            path: path.to_owned(),
            file,
            ledger,
        })
    }

    /// Appends an action.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&mut self, entry: &Entry) -> Result<(), Failure> {
        self.write_all(std::slice::from_ref(entry))
    }

    /// Appends actions, and waits for the disk once.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write_all(&mut self, entries: &[Entry]) -> Result<(), Failure> {
        if entries.is_empty() {
            return Ok(());
        }
        let problem = |error| failure(&self.path, "the action could not be written down", &error);
        for entry in entries {
            let mut line = Vec::new();
            let cells: Vec<(&'static str, Cell)> = Entry::COLUMNS
                .iter()
                .map(|column| (column.key, (column.value)(entry)))
                .collect();
            tunlog_report::json::row(&mut line, "action", &cells);
            line.push(b'\n');
            // one write: a line is there as a whole or not at all
            (&self.file).write_all(&line).map_err(problem)?;
        }
        self.file.sync_data().map_err(problem)
    }

    /// Does something during which another tunlog may write to the ledger, and holds it again.
    ///
    /// # Errors
    /// If it cannot be held again.
    pub fn let_others<T>(&mut self, act: impl FnOnce() -> T) -> Result<T, Failure> {
        let problem = |error| failure(&self.path, "cannot unlock the ledger", &error);
        self.file.unlock().map_err(problem)?;
        let done = act();
        lock(&self.path, &self.file)?;
        Ok(done)
    }
}

fn lock(path: &Path, file: &File) -> Result<(), Failure> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(TryLockError::WouldBlock) => {
                let told = format!("{}: another tunlog holds the ledger: try again", path.display());
                return Err(Failure::Message(told));
            }
            Err(TryLockError::Error(error)) => return Err(failure(path, "cannot lock the ledger", &error)),
        }
    }
}

/// Ends a last line that was cut short, so that the next one is a line of its own.
fn mend(file: &mut File) -> std::io::Result<()> {
    if file.metadata()?.len() == 0 {
        return Ok(());
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    if last != *b"\n" { file.write_all(b"\n") } else { Ok(()) }
}
