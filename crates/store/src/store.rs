//! A store that is open to write: records and positions are added, and committed together.

use std::fs::File;
use std::path::{Path, PathBuf};

use tunlog_seal::SigningKey;
use tunlog_seal::tree::{self, Roots};

use crate::checkpoint::Checkpoint;
use crate::chunk::Packer;
use crate::error::{Kind, Result, StoreError};
use crate::files::{self, Disk, Storage};
use crate::gather::Gathered;
use crate::keys::KeyFiles;
use crate::known::FileHash;
use crate::layout::Layout;
use crate::lock::lock;
use crate::options::Options;
use crate::pending::Pending;
use crate::record::{Record, put_bytes};
use crate::source::{Counts, NewSource};
use crate::working::{Working, set_meta};

/// A store that is open to write. One process at a time has it.
pub struct Store {
    pub(crate) layout: Layout,
    pub(crate) working: Working,
    pub(crate) storage: Box<dyn Storage>,
    pub(crate) signer: Signer,
    pub(crate) options: Options,
    /// Roots of all segments; made when the first one is closed.
    pub(crate) roots: Option<Roots>,
    pub(crate) last: Checkpoint,
    /// Hash of the last note.
    pub(crate) last_hash: tunlog_seal::Digest,
    /// Records lost to a full disk since the last checkpoint.
    pub(crate) dropped: u64,
    next_seq: u64,
    next_source: u64,
    next_set: u64,
    pub(crate) open_bytes: u64,
    pub(crate) open_since: Option<i64>,
    pub(crate) pending: Pending,
    pub(crate) packer: Packer,
    /// Room for what a leaf of the tree is made of.
    leaf: Vec<u8>,
    /// The open segment, with what is pending; None if some of it lies in the database only.
    pub(crate) open: Option<Gathered>,
    /// The changes of a close that did not come to its end: what it left is to be finished or taken back first.
    pub(crate) announced: Option<Vec<u8>>,
    /// Room for the moment when the disk is full.
    pub(crate) room: crate::room::Room,
    /// What retention takes away of the history, for the next checkpoint to say.
    pub(crate) pruned: Vec<crate::checkpoint::PrunedLine>,
    /// Witnesses that are being shown checkpoints.
    pub(crate) showing: crate::witness::Showing,
    /// Held as long as the store is.
    _lock: File,
}

/// Who signs.
pub(crate) struct Signer {
    pub key: SigningKey,
    pub epoch: u64,
    pub since: i64,
    pub checkpoints: u64,
}

/// What `Store::create` made.
#[derive(Clone, Debug)]
pub struct Created {
    /// The first public key, `NAME+HASH+BASE64`.
    pub key: String,
    /// The same as eight words.
    pub words: String,
    /// The same as hexadecimal digits: SHA-256 of the public key.
    pub fingerprint: String,
}

impl Store {
    /// Makes a store in a directory that is empty or not there. `origin` names whose log it is, in every checkpoint; `now` in
    /// microseconds UTC.
    ///
    /// # Errors
    /// If there is something already, or the system refuses.
    pub fn create(folder: &Path, origin: &str, now: i64) -> Result<Created> {
        Store::create_on(Box::new(Disk), folder, origin, now)
    }

    /// The same on another storage.
    ///
    /// # Errors
    /// As `create`.
    pub fn create_on(storage: Box<dyn Storage>, folder: &Path, origin: &str, now: i64) -> Result<Created> {
        let layout = Layout::new(folder);
        if layout.is_store() {
            return Err(StoreError::new(Kind::Io, folder, "there is a store already"));
        }
        let is_empty = match std::fs::read_dir(folder) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Err(error) => return Err(StoreError::io(folder, &error)),
        };
        if !is_empty {
            let cause = "holds other files: a store needs a directory of its own";
            return Err(StoreError::new(Kind::Io, folder, cause));
        }
        for needed in [layout.notes(), layout.segments()] {
            files::make_folder(&*storage, &needed)?;
        }
        let lock = lock(&layout)?;
        let key = KeyFiles::of(folder).create(&*storage, origin)?;
        let mut working = Working::open(&layout.working())?;
        let mut keys = [0_u8; 24];
        getrandom::fill(&mut keys)
            .map_err(|error| StoreError::new(Kind::Io, folder, format!("no random numbers: {error}")))?;
        working.write(|db| {
            set_meta(db, "hash_keys", keys.as_slice())?;
            set_meta(db, "next_seq", 0)
        })?;
        crate::close::first_note(&layout, &mut working, &*storage, &key, origin, now)?;
        // last, and from here on it is a store
        files::put(&*storage, &layout.marker(), layout.marker_text(origin).as_bytes())?;
        drop(lock);
        let public = key.verifying();
        Ok(Created {
            key: public.text(),
            words: public.spoken(),
            fingerprint: public.fingerprint().to_string(),
        })
    }

    /// Opens a store to write.
    ///
    /// # Errors
    /// If there is none, another process writes to it, or something in it is not as it should be.
    pub fn open(folder: &Path, options: Options) -> Result<Store> {
        Store::open_on(Box::new(Disk), folder, options)
    }

    /// The same on another storage.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_on(storage: Box<dyn Storage>, folder: &Path, options: Options) -> Result<Store> {
        let layout = Layout::new(folder);
        layout.check_is_store()?;
        let lock = lock(&layout)?;
        let mut working = Working::open(&layout.working())?;
        let last = crate::recover::recover(&layout, &mut working, &*storage)?;
        let key = KeyFiles::of(folder).load(&*storage, &last.key)?;
        let next_seq = working.meta::<i64>("next_seq")?.unwrap_or_default() as u64;
        let dropped = working.meta::<i64>("dropped")?.unwrap_or_default() as u64;
        let (next_source, next_set) = working.ask(|db| {
            db.query_row(
                "SELECT (SELECT COALESCE(MAX(id), 0) FROM source) + 1, (SELECT COALESCE(MAX(id), 0) FROM log_set) + 1",
                [],
                |row| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64)),
            )
        })?;
        let (open_bytes, open_since) = working.ask(|db| {
            db.query_row("SELECT COALESCE(SUM(bytes), 0), MIN(written) FROM chunk", [], |row| {
                Ok((row.get::<_, i64>(0)? as u64, row.get(1)?))
            })
        })?;
        let mut store = Store {
            layout,
            working,
            storage,
            signer: Signer {
                key,
                epoch: last.epoch,
                since: last.epoch_since,
                checkpoints: last.epoch_checkpoints,
            },
            options,
            roots: None,
            last: last.checkpoint,
            last_hash: last.hash,
            dropped,
            next_seq,
            next_source,
            next_set,
            open_bytes,
            open_since,
            pending: Pending::default(),
            packer: Packer::default(),
            leaf: Vec::new(),
            open: None,
            announced: None,
            room: crate::room::Room::default(),
            pruned: Vec::new(),
            showing: crate::witness::Showing::default(),
            _lock: lock,
        };
        if open_bytes == 0 {
            store.open = Some(store.gather()?);
        }
        Ok(store)
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        self.layout.folder()
    }

    /// Where the checkpoint with a number lies.
    pub fn note_path(&self, number: u64) -> PathBuf {
        self.layout.note(number)
    }

    /// The number that the next record gets.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Adds a source that is not known; what it is called, and which set it belongs to, are kept with the next commit.
    ///
    /// # Errors
    /// The database's; nothing was added then.
    pub fn add_source(&mut self, source: NewSource) -> Result<u64> {
        self.add_source_of_set(source).map(|(source, _)| source)
    }

    /// The same; also tells the number of its set.
    ///
    /// # Errors
    /// The database's; nothing was added then.
    pub fn add_source_of_set(&mut self, source: NewSource) -> Result<(u64, u64)> {
        let pending = self.pending.new_sets.iter().find(|(_, name)| *name == source.set);
        let known = match pending {
            Some((number, _)) => Some(*number),
            None => self.working.ask(|db| {
                let mut found = db.prepare_cached("SELECT id FROM log_set WHERE name = ?1")?;
                let mut rows = found.query([&source.set])?;
                rows.next()?
                    .map(|row| row.get::<_, i64>(0).map(|id| id as u64))
                    .transpose()
            })?,
        };
        let set = known.unwrap_or_else(|| {
            self.pending.new_sets.push((self.next_set, source.set.clone()));
            self.next_set += 1;
            self.next_set - 1
        });
        self.pending.new_sources.push((self.next_source, source));
        self.next_source += 1;
        Ok((self.next_source - 1, set))
    }

    /// The number of a set, known or to be committed.
    ///
    /// # Errors
    /// The database's.
    pub fn set_number(&self, name: &str) -> Result<u64> {
        if let Some((number, _)) = self.pending.new_sets.iter().find(|(_, known)| known == name) {
            return Ok(*number);
        }
        self.working.ask(|db| {
            db.query_row("SELECT id FROM log_set WHERE name = ?1", [name], |row| {
                row.get::<_, i64>(0).map(|id| id as u64)
            })
        })
    }

    /// The set of a source that is known.
    ///
    /// # Errors
    /// The database's.
    pub fn set_of(&self, source: u64) -> Result<u64> {
        if let Some((_, new)) = self.pending.new_sources.iter().find(|(id, _)| *id == source) {
            return self.set_number(&new.set);
        }
        self.working.ask(|db| {
            db.query_row("SELECT set_id FROM source WHERE id = ?1", [source as i64], |row| {
                row.get::<_, i64>(0).map(|id| id as u64)
            })
        })
    }

    /// The time before which retention removed everything: what is older is not to be taken in again. Microseconds UTC.
    ///
    /// # Errors
    /// The database's.
    pub fn floor(&self) -> Result<Option<i64>> {
        self.working.meta("floor")
    }

    /// Adds a record, which gets the next number.
    pub fn add(&mut self, record: &mut Record<'_>) {
        record.seq = self.next_seq;
        self.next_seq += 1;
        let (pending, leaf) = (&mut self.pending, &mut self.leaf);
        match &mut self.open {
            Some(open) => open.add(record, leaf),
            None => {
                leaf.clear();
                leaf.push(tree::LEAF);
                record.encode(leaf);
            }
        }
        put_bytes(&mut pending.records, &leaf[1..]);
        pending.stretch.add(record.time);
        let change = pending.changed.of(record.source);
        change.rows += 1;
        crate::source::widen(&mut change.counts.first, &mut change.counts.last, record.time);
    }

    /// Adds to what was counted of a source.
    pub fn count(&mut self, source: u64, counts: &Counts) {
        self.pending.changed.of(source).counts.add(counts);
    }

    /// How far a source was read: so many lines of it need not be read again.
    pub fn position(&mut self, source: u64, lines: u64) {
        self.pending.changed.of(source).lines = Some(lines);
    }

    /// So much of a source was seen: by that it is known again.
    pub fn seen(&mut self, source: u64, hash: &FileHash) {
        let change = self.pending.changed.of(source);
        (change.content, change.complete) = (Some((hash.len(), hash.content(), hash.head())), false);
    }

    /// A source was read to its end.
    pub fn complete(&mut self, source: u64) {
        self.pending.changed.of(source).complete = true;
    }

    /// Something that is to be told of a source whenever it is read from the store; `number` tells it from others.
    pub fn problem(&mut self, source: u64, number: u64, problem: crate::source::StoredProblem) {
        self.pending.problems.push((source, number, problem));
    }

    /// What a feed's key stands for from now on: a source.
    pub fn keep_feed(&mut self, key: &str, source: u64) {
        self.pending.feeds.source(key, source);
    }

    /// How far something was read, in its own words; None: it need not be remembered any longer.
    pub fn keep_position(&mut self, key: &str, position: Option<Vec<u8>>) {
        self.pending.feeds.position(key, position);
    }

    /// Bytes of records that wait for a commit.
    pub fn pending_bytes(&self) -> usize {
        self.pending.records.len()
    }

    /// Whether the open segment is to be closed: it is full, or old.
    pub fn is_due(&self, now: i64) -> bool {
        let old = self
            .open_since
            .is_some_and(|since| now.saturating_sub(since) >= self.options.segment_age);
        let bytes = self.open_bytes + self.pending.records.len() as u64;
        bytes >= self.options.segment_bytes || (old && self.open_bytes > 0)
    }

    /// When the open segment will be old, microseconds UTC; None if it is empty.
    pub fn due_at(&self) -> Option<i64> {
        let since = self.open_since.filter(|_| self.open_bytes > 0)?;
        Some(since.saturating_add(self.options.segment_age))
    }

    /// The keys of the hashes that tell records and files apart.
    ///
    /// # Errors
    /// The database's.
    pub fn hash_keys(&self) -> Result<[u8; 24]> {
        let keys: Option<Vec<u8>> = self.working.meta("hash_keys")?;
        keys.and_then(|keys| keys.try_into().ok())
            .ok_or_else(|| StoreError::corrupt(&self.working.path, "has no hash keys"))
    }
}

/// Whether a directory is a store.
pub fn is_store(path: &Path) -> bool {
    Layout::new(path).is_store()
}
