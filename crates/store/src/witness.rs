//! Witnesses: places that this machine cannot rewrite, to which every checkpoint goes. What a witness has seen cannot be cut
//! off behind it, not even by who has all keys.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tunlog_seal::note::Note;

use crate::checkpoint::Checkpoint;
use crate::error::{Result, StoreError};
use crate::files;
use crate::store::Store;

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

/// What a witness file has seen: the numbers of checkpoints, and their notes. A checkpoint that somebody kept, alone in a file,
/// is a witness, too.
///
/// # Errors
/// If it cannot be read, or is no such file.
pub fn seen(path: &Path) -> Result<Vec<(u64, Vec<u8>)>> {
    let bytes = files::read_at_most(path, files::NOTE_MAX)?;
    if let Ok(note) = Note::parse(&bytes)
        && let Some(checkpoint) = Checkpoint::parse(note.text())
    {
        return Ok(vec![(checkpoint.number, bytes)]);
    }
    let mut rest = bytes.as_slice();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let one = head(rest).and_then(|(number, len, body)| Some((number, body.split_at_checked(len)?)));
        let Some((number, (note, behind))) = one else {
            return Err(StoreError::corrupt(path, "is not what a witness writes"));
        };
        found.push((number, note.to_vec()));
        rest = behind;
    }
    Ok(found)
}

fn head(bytes: &[u8]) -> Option<(u64, usize, &[u8])> {
    let end = bytes.iter().take(64).position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&bytes[..end]).ok()?;
    let (number, len) = line.strip_prefix("note ")?.split_once(' ')?;
    Some((number.parse().ok()?, len.parse().ok()?, &bytes[end + 1..]))
}

/// The witness files that a store is told to show its checkpoints to.
pub fn configured(list: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(list).unwrap_or_default();
    let files = text.lines().filter_map(|line| line.strip_prefix("file "));
    files.map(PathBuf::from).collect()
}

impl Store {
    /// From now on every checkpoint is shown to this file, too.
    ///
    /// # Errors
    /// If that cannot be kept.
    pub fn add_witness(&mut self, path: &Path) -> Result<()> {
        let list = self.layout.witnesses();
        let Some(name) = path.to_str().filter(|name| !name.contains('\n')) else {
            return Err(StoreError::corrupt(
                path,
                "a witness needs a name in UTF-8, without line ends",
            ));
        };
        let mut text = std::fs::read_to_string(&list).unwrap_or_default();
        if !configured(&list).iter().any(|known| known == path) {
            text.push_str(&format!("file {name}\n"));
        }
        files::put(&*self.storage, &list, text.as_bytes())
    }

    /// Shows the witnesses what they have not seen. What could not be shown is returned, and shown again the next time: to lose
    /// a witness must not lose a log.
    ///
    /// # Errors
    /// The database's.
    pub fn show_witnesses(&mut self) -> Result<Vec<StoreError>> {
        let witnesses = configured(&self.layout.witnesses());
        let mut failed = Vec::new();
        for path in witnesses {
            let mut witness = FileWitness::new(&path);
            if let Err(error) = self.show(&mut witness, &path) {
                failed.push(error);
            }
        }
        Ok(failed)
    }

    fn show(&mut self, witness: &mut dyn Witness, path: &Path) -> Result<()> {
        let key = format!("witness {}", witness.name());
        let before = match self.working.meta::<i64>(&key)? {
            Some(number) => number as u64,
            // one that has seen something of this log already, before it was named here again
            None if path.exists() => seen(path)?.iter().map(|(number, _)| *number).max().unwrap_or(0),
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
}
