//! Witnesses: places that this machine cannot rewrite, to which every checkpoint goes. What a witness has seen cannot be cut
//! off behind it, not even by who has all keys.

mod compare;
mod statement;
mod syslog;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use tunlog_seal::Digest;
use tunlog_seal::note::Note;

pub(crate) use compare::compare;
pub use statement::Statement;
pub use syslog::{Address, Connection, Reach};

use crate::checkpoint::Checkpoint;
use crate::error::{Result, StoreError};
use crate::files;
use crate::store::Store;

/// How long whoever keeps records waits for a log server.
const BRIEFLY: Duration = Duration::from_millis(200);
/// Checkpoints that a log server is told of at once.
const AT_ONCE: usize = 1000;

/// Log servers that are being told, with where each try says what came of it: the last number that is out.
#[derive(Default)]
pub struct Showing {
    under_way: BTreeMap<Address, Receiver<(u64, Result<()>)>>,
    /// The way to those that want TLS.
    reach: Option<Reach>,
}

/// Somebody who is shown checkpoints.
pub trait Witness {
    /// Its name, for messages.
    fn name(&self) -> String;
    /// Shows a checkpoint.
    ///
    /// # Errors
    /// If it could not be shown; it will be shown again.
    fn show(&mut self, number: u64, note: &[u8]) -> Result<()>;
}

/// A file that is only ever appended to: on a medium that is written once, or on another machine's disk.
#[derive(Clone, Debug)]
pub struct FileWitness {
    path: PathBuf,
}

impl FileWitness {
    /// At a path; the file is made when the first checkpoint comes.
    pub fn new(path: &Path) -> FileWitness {
        FileWitness {
            path: path.to_path_buf(),
        }
    }
}

impl Witness for FileWitness {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn show(&mut self, number: u64, note: &[u8]) -> Result<()> {
        let head = format!("note {number} {}\n", note.len());
        let text = [head.as_bytes(), note].concat();
        let mut options = File::options();
        let written = options.append(true).create(true).open(&self.path).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        });
        written.map_err(|error| StoreError::io(&self.path, &error))
    }
}

/// What a witness has seen of one checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Its note.
    Note(u64, Digest),
    /// What a log server was told of it.
    Told(Statement),
}

/// Longest line of a log server's file that is looked at, bytes.
const LINE_MAX: u64 = 64 << 10;
/// Largest file that may be one note.
const NOTE_MAX: u64 = 64 << 20;

/// What a witness has seen: the file of one, a log server's file that holds what it was told, or a checkpoint that somebody
/// kept, alone in a file.
///
/// # Errors
/// If it cannot be read, or is no such file.
pub fn seen(path: &Path) -> Result<Vec<Seen>> {
    let failed = |error: std::io::Error| StoreError::io(path, &error);
    let file = File::open(path).map_err(failed)?;
    let len = file.metadata().map_err(failed)?.len();
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let begins = reader.fill_buf().map_err(failed)?;
    if begins.is_empty() || begins.starts_with(b"note ") {
        return notes(path, &files::read_at_most(path, files::SEGMENT_MAX)?);
    }
    if len <= NOTE_MAX
        && let bytes = files::read_at_most(path, files::SEGMENT_MAX)?
        && let Ok(note) = Note::parse(&bytes)
        && let Some(checkpoint) = Checkpoint::parse(note.text())
    {
        return Ok(vec![Seen::Note(checkpoint.number, Digest::of(&bytes))]);
    }
    told(path, reader)
}

/// The notes in a witness file.
fn notes(path: &Path, bytes: &[u8]) -> Result<Vec<Seen>> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let one = head(rest).and_then(|(number, len, body)| Some((number, body.split_at_checked(len)?)));
        let Some((number, (note, behind))) = one else {
            return Err(StoreError::corrupt(path, "is not what a witness writes"));
        };
        found.push(Seen::Note(number, Digest::of(note)));
        rest = behind;
    }
    Ok(found)
}

/// What a log server was told, among whatever else it was.
fn told(path: &Path, mut reader: impl BufRead) -> Result<Vec<Seen>> {
    let (mut found, mut is_marked) = (Vec::new(), false);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(LINE_MAX).read_until(b'\n', &mut line);
        match read.map_err(|error| StoreError::io(path, &error))? {
            0 => break,
            _ => is_marked |= Statement::is_marked(&line),
        }
        let end = line.trim_ascii_end().len();
        found.extend(Statement::parse(&line[..end]).map(Seen::Told));
    }
    match is_marked {
        true => Ok(found),
        false => Err(StoreError::corrupt(
            path,
            "is not what a witness writes, and no line of it tells of a checkpoint",
        )),
    }
}

fn head(bytes: &[u8]) -> Option<(u64, usize, &[u8])> {
    let end = bytes.iter().take(64).position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    let (number, len) = line.strip_prefix("note ")?.split_once(' ')?;
    Some((number.parse().ok()?, len.parse().ok()?, &bytes[end + 1..]))
}

/// Who is shown the checkpoints of a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Configured {
    /// A file, which is written to.
    File(PathBuf),
    /// A log server.
    Server(Address),
}

/// Those whom a store is told to show its checkpoints to.
pub fn configured(list: &Path) -> Vec<Configured> {
    let text = std::fs::read_to_string(list).unwrap_or_default();
    let one = |line: &str| match line.split_once(' ')? {
        ("file", path) => Some(Configured::File(PathBuf::from(path))),
        ("syslog", address) => Address::parse(address)?.ok().map(Configured::Server),
        _ => None,
    };
    text.lines().filter_map(one).collect()
}

/// Whether a witness's name is that of a log server, not of a file.
pub fn is_server(name: &Path) -> bool {
    name.to_str().and_then(Address::parse).is_some()
}

impl Store {
    /// Log servers that want TLS are reached by this way; without it they cannot be.
    pub fn reach_by(&mut self, reach: Reach) {
        self.showing.reach = Some(reach);
    }

    /// From now on every checkpoint is shown to this witness, too: a file, or a log server (`tcp://HOST:PORT`, `tls://HOST:PORT`,
    /// `udp://HOST:PORT`, `unix:PATH`).
    ///
    /// # Errors
    /// If that cannot be kept, or names no such place.
    pub fn add_witness(&mut self, path: &Path) -> Result<()> {
        let list = self.layout.witnesses();
        let Some(name) = path.to_str().filter(|name| !name.contains('\n')) else {
            return Err(StoreError::corrupt(
                path,
                "a witness needs a name in UTF-8, without line ends",
            ));
        };
        let (one, line) = match Address::parse(name) {
            Some(Ok(address)) => (Configured::Server(address.clone()), format!("syslog {address}\n")),
            Some(Err(cause)) => return Err(StoreError::new(crate::error::Kind::Io, path, cause)),
            None => (Configured::File(path.to_owned()), format!("file {name}\n")),
        };
        let mut text = std::fs::read_to_string(&list).unwrap_or_default();
        if !configured(&list).contains(&one) {
            text.push_str(&line);
        }
        files::put(&*self.storage, &list, text.as_bytes())
    }

    /// Shows the witnesses what they have not seen. What could not be shown is returned, and shown again the next time: to lose
    /// a witness must not lose a log. Log servers are talked to on threads of their own; what came of it is told here the next
    /// time, if it takes longer than a moment.
    ///
    /// # Errors
    /// The database's.
    pub fn show_witnesses(&mut self) -> Result<Vec<StoreError>> {
        self.show_witnesses_within(BRIEFLY)
    }

    /// The same for who ends afterwards: log servers are waited for so long.
    ///
    /// # Errors
    /// The database's.
    pub fn show_witnesses_within(&mut self, patience: Duration) -> Result<Vec<StoreError>> {
        let mut failed = Vec::new();
        for witness in configured(&self.layout.witnesses()) {
            let shown = match &witness {
                Configured::File(path) => self.show(&mut FileWitness::new(path), path),
                Configured::Server(address) => self.tell(address, patience),
            };
            failed.extend(shown.err());
        }
        Ok(failed)
    }

    fn show(&mut self, witness: &mut dyn Witness, path: &Path) -> Result<()> {
        let key = format!("witness {}", witness.name());
        let before = match self.working.meta::<i64>(&key)? {
            Some(number) => number as u64,
            // one that has seen something of this log already, before it was named here again
            None if path.exists() => {
                let seen = seen(path)?;
                let numbers = seen.iter().filter_map(|seen| match seen {
                    Seen::Note(number, _) => Some(*number),
                    Seen::Told(_) => None,
                });
                numbers.max().unwrap_or(0)
            }
            None => 0,
        };
        for number in before + 1..=self.last.number {
            let note = files::read_at_most(&self.layout.note(number), files::NOTE_MAX)?;
            witness.show(number, &note)?;
            self.working
                .write(|db| crate::working::set_meta(db, &key, number as i64))?;
        }
        Ok(())
    }

    /// Tells a log server what it was not told yet: takes up what came of the last try, then begins the next one.
    fn tell(&mut self, address: &Address, patience: Duration) -> Result<()> {
        self.told(address, Duration::ZERO)?;
        if self.showing.under_way.contains_key(address) {
            return Err(address.error("it has not answered yet"));
        }
        let key = format!("witness {address}");
        let before = self.working.meta::<i64>(&key)?.unwrap_or(0) as u64;
        let numbers: Vec<u64> = (before + 1..=self.last.number).take(AT_ONCE).collect();
        let Some(upto) = numbers.last().copied() else {
            return Ok(());
        };
        let origin = self.last.origin.clone();
        let mut lines = Vec::with_capacity(numbers.len());
        for number in numbers {
            let note = Digest::of(&files::read_at_most(&self.layout.note(number), files::NOTE_MAX)?);
            let line = Statement::line(&origin, number, note, self.signer.epoch, &self.signer.key);
            lines.push(line.ok_or_else(|| address.error("the log's name cannot be told in a line"))?);
        }
        let (sender, receiver) = mpsc::channel();
        let (server, time, reach) = (address.clone(), self.last.time, self.showing.reach.clone());
        let begun = thread::Builder::new().name("witness".to_owned()).spawn(move || {
            let (sent, done) = server.send(&lines, &origin, time, reach.as_ref());
            // who began it may be gone
            let _ = sender.send((before + sent as u64, done));
        });
        begun.map_err(|error| StoreError::io(Path::new(&address.to_string()), &error))?;
        self.showing.under_way.insert(address.clone(), receiver);
        self.told(address, patience)?;
        // what a witness missed while it was away goes out piece by piece
        match upto < self.last.number && patience > BRIEFLY && !self.showing.under_way.contains_key(address) {
            true => self.tell(address, patience),
            false => Ok(()),
        }
    }

    /// What came of telling a log server, if anything did yet.
    fn told(&mut self, address: &Address, patience: Duration) -> Result<()> {
        let Some(receiver) = self.showing.under_way.get(address) else {
            return Ok(());
        };
        let (number, done) = match receiver.recv_timeout(patience) {
            Ok(told) => told,
            Err(RecvTimeoutError::Timeout) if patience > BRIEFLY => {
                return Err(address.error("it does not answer"));
            }
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                self.showing.under_way.remove(address);
                return Err(address.error("telling it came to no end"));
            }
        };
        self.showing.under_way.remove(address);
        let key = format!("witness {address}");
        self.working
            .write(|db| crate::working::set_meta(db, &key, number as i64))?;
        done
    }
}
