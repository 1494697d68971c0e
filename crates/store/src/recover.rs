//! What whoever opens a store after a crash finishes or takes back.

use std::path::Path;

use rusqlite::OptionalExtension as _;
use tunlog_seal::note::{Note, Verdict};
use tunlog_seal::{Digest, VerifyingKey};

use crate::checkpoint::Checkpoint;
use crate::close::{Contents, take_in};
use crate::error::{Result, StoreError};
use crate::files::{self, Storage};
use crate::layout::Layout;
use crate::parquet_file;
use crate::record::{self, Record};
use crate::store::within;
use crate::working::Working;

/// Where the chain of checkpoints stands.
pub(crate) struct Last {
    pub checkpoint: Checkpoint,
    pub hash: Digest,
    /// The key that signs next.
    pub key: VerifyingKey,
    pub epoch: u64,
    pub epoch_since: i64,
    pub epoch_checkpoints: u64,
}

/// Brings files, notes and database together again.
pub(crate) fn recover(layout: &Layout, working: &mut Working, storage: &dyn Storage) -> Result<Last> {
    let mut last = last(layout, working)?;
    let path = layout.note(last.checkpoint.number + 1);
    if path.exists() {
        match complete(layout, &last, &path)? {
            Some((checkpoint, hash, contents)) => {
                working.write(|db| take_in(db, &checkpoint, hash, &contents))?;
                last = self::last(layout, working)?;
            }
            // somebody else's: it is kept out of the way, where it is no checkpoint
            None => set_aside(layout, storage, &path)?,
        }
    }
    take_back(layout, working, storage)?;
    Ok(last)
}

/// The last checkpoint that the database knows.
fn last(layout: &Layout, working: &Working) -> Result<Last> {
    let damaged = |cause: &str| StoreError::corrupt(&working.path, cause);
    let number: Option<i64> = working.ask(|db| {
        db.query_row("SELECT MAX(number) FROM checkpoint", [], |row| row.get(0))
            .optional()
            .map(Option::flatten)
    })?;
    let number = number.ok_or_else(|| damaged("has no checkpoint"))? as u64;
    let path = layout.note(number);
    let bytes = files::read(&path)?;
    let note = Note::parse(&bytes).map_err(|_| StoreError::corrupt(&path, "is no signed note"))?;
    let checkpoint = Checkpoint::parse(note.text())
        .ok_or_else(|| StoreError::corrupt(&path, "is no checkpoint; `tunlog store verify` tells what was changed"))?;
    let key: String = working.meta("epoch_key")?.ok_or_else(|| damaged("has no key"))?;
    let key = VerifyingKey::parse(&key).map_err(|error| damaged(error.words()))?;
    let rotated = u64::from(checkpoint.next_key.is_some());
    Ok(Last {
        epoch: checkpoint.epoch + rotated,
        checkpoint,
        hash: Digest::of(&bytes),
        key,
        epoch_since: working.meta("epoch_since")?.unwrap_or_default(),
        epoch_checkpoints: working.meta::<i64>("epoch_checkpoints")?.unwrap_or_default() as u64,
    })
}

/// A note that was written before a crash, with what its segments hold; None if it is not the next one of this chain, or not
/// everything that it names is there.
fn complete(layout: &Layout, last: &Last, path: &Path) -> Result<Option<(Checkpoint, Digest, Vec<Contents>)>> {
    let bytes = files::read(path)?;
    let Ok(note) = Note::parse(&bytes) else { return Ok(None) };
    let Some(checkpoint) = Checkpoint::parse(note.text()) else {
        return Ok(None);
    };
    let is_next = note.verify(&last.key) == Verdict::Good && checkpoint.previous == Some(last.hash);
    if !is_next {
        return Ok(None);
    }
    let mut contents = Vec::new();
    for line in &checkpoint.segments {
        let Ok(file) = files::read(&within(layout.folder(), &line.path)) else {
            return Ok(None);
        };
        let Some(of) = (Digest::of(&file) == line.file).then(|| contents_of(file)).flatten() else {
            return Ok(None);
        };
        contents.push(of);
    }
    Ok(Some((checkpoint, Digest::of(&bytes), contents)))
}

fn contents_of(file: Vec<u8>) -> Option<Contents> {
    let mut contents = Contents {
        bytes: file.len() as u64,
        ..Contents::default()
    };
    let records = parquet_file::read(file).ok()?;
    for record in record::records(&records) {
        contents.add(&Record::decode(record.ok()?).ok()?);
    }
    Some(contents)
}

fn set_aside(layout: &Layout, storage: &dyn Storage, path: &Path) -> Result<()> {
    let folder = layout.quarantine();
    files::make_folder(storage, &folder)?;
    let to = folder.join(path.file_name().unwrap_or_default());
    storage.rename(path, &to).map_err(|error| StoreError::io(path, &error))
}

/// Takes away what a close left behind that came to no checkpoint.
fn take_back(layout: &Layout, working: &mut Working, storage: &dyn Storage) -> Result<()> {
    let Some(paths) = working.meta::<String>("closing")? else {
        return Ok(());
    };
    for path in paths.split('\n').filter(|path| !path.is_empty()) {
        let file = within(layout.folder(), path);
        let index = file.with_extension("index");
        for path in [&file, &index] {
            for path in [path.clone(), path.with_added_extension("tmp")] {
                if path.exists() {
                    storage.remove(&path).map_err(|error| StoreError::io(&path, &error))?;
                }
            }
        }
    }
    let next: i64 = working.ask(|db| db.query_row("SELECT MAX(number) + 1 FROM checkpoint", [], |row| row.get(0)))?;
    let note = layout.note(next as u64).with_added_extension("tmp");
    if note.exists() {
        storage.remove(&note).map_err(|error| StoreError::io(&note, &error))?;
    }
    working.write(|db| db.execute("DELETE FROM meta WHERE key = 'closing'", []).map(drop))
}
