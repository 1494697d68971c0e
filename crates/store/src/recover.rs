//! What whoever opens a store after a crash finishes or takes back.

use std::path::Path;

use rusqlite::OptionalExtension as _;
use tunlog_seal::note::{Note, Verdict};
use tunlog_seal::{Digest, VerifyingKey};

use crate::changes::Changes;
use crate::checkpoint::Checkpoint;
use crate::close::{CLOSING, CLOSING_CHANGES, Contents, forget_announced, take_in};
use crate::error::{Result, StoreError};
use crate::files::{self, Storage};
use crate::layout::Layout;
use crate::layout::within;
use crate::segment::Segment;
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
        match complete(layout, working, &last, &path)? {
            Some((checkpoint, hash, contents, changes)) => {
                working.write(|db| take_in(db, &checkpoint, hash, &contents, &changes))?;
                last = self::last(layout, working)?;
                refuse_later(layout, working, &last)?;
            }
            // somebody else's: it is kept out of the way, where it is no checkpoint
            None => set_aside(layout, storage, &path)?,
        }
    }
    take_back(layout, working, storage)?;
    Ok(last)
}

/// Refuses a store with checkpoints that its database does not know: they were signed, and what would be written now would be
/// a second story under the same numbers.
fn refuse_later(layout: &Layout, working: &Working, last: &Last) -> Result<()> {
    match layout.note(last.checkpoint.number + 1).exists() {
        true => Err(older(working, last)),
        false => Ok(()),
    }
}

fn older(working: &Working, last: &Last) -> StoreError {
    let cause = format!(
        "is older than the checkpoints: it knows {} of them, and later ones are signed. Put the database of the same time \
         back; the store can be read and verified as it is",
        last.checkpoint.number
    );
    StoreError::corrupt(&working.path, cause)
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
    let bytes = files::read_at_most(&path, files::NOTE_MAX)?;
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

/// A checkpoint that was written before a crash, the hash of its note, what its segments hold, and what changes with it.
type Completed = (Checkpoint, Digest, Vec<Contents>, Changes);

/// What a close left that came as far as its note; None if the note is not the next one of this chain, or not everything that
/// it names is there.
fn complete(layout: &Layout, working: &Working, last: &Last, path: &Path) -> Result<Option<Completed>> {
    let bytes = files::read_at_most(path, files::NOTE_MAX)?;
    let Ok(note) = Note::parse(&bytes) else { return Ok(None) };
    let Some(checkpoint) = Checkpoint::parse(note.text()) else {
        return Ok(None);
    };
    let is_next = note.verify(&last.key) == Verdict::Good && checkpoint.previous == Some(last.hash);
    if !is_next {
        return Ok(None);
    }
    // a close says in the database what it is about to do: a note of which nothing is said is from a later time
    let Some(changes) = working.meta::<Vec<u8>>(CLOSING_CHANGES)? else {
        return Err(older(working, last));
    };
    let changes = Changes::decode(&changes);
    let changes = changes.filter(|changes| changes.next_seq() == Some(checkpoint.records));
    let changes = changes.ok_or_else(|| older(working, last))?;
    let mut contents = Vec::new();
    for line in &checkpoint.segments {
        let Ok(file) = files::read_at_most(&within(layout.folder(), &line.path), files::SEGMENT_MAX) else {
            return Ok(None);
        };
        let Some(mut of) = (Digest::of(&file) == line.file).then(|| contents_of(&file)).flatten() else {
            return Ok(None);
        };
        // a file without its index is what `verify` tells
        let index = within(layout.folder(), &line.path).with_extension("index");
        of.bytes += std::fs::metadata(index).map_or(0, |data| data.len());
        contents.push(of);
    }
    Ok(Some((checkpoint, Digest::of(&bytes), contents, changes)))
}

fn contents_of(file: &[u8]) -> Option<Contents> {
    let segment = Segment::read(file).ok()?;
    let mut contents = Contents {
        bytes: file.len() as u64,
        ..Contents::default()
    };
    for row in 0..segment.rows() {
        contents.add(&segment.record(row)?);
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
    let Some(paths) = working.meta::<String>(CLOSING)? else {
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
    working.write(forget_announced)
}
