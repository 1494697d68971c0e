//! A store that is open to write: records and positions are added, and committed together.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::params;
use tunlog_seal::SigningKey;
use tunlog_seal::tree::{self, Roots};

use crate::changes::{Changes, Step};
use crate::checkpoint::Checkpoint;
use crate::chunk::{Packer, Stretch};
use crate::error::{Kind, Result, StoreError};
use crate::files::{self, Disk, Storage};
use crate::gather::Gathered;
use crate::keys::KeyFiles;
use crate::known::FileHash;
use crate::layout::Layout;
use crate::record::{Record, put_bytes};
use crate::source::{Counts, NewSource};
use crate::working::{Working, set_meta};

/// What of a store may be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Bytes of canonical records after which the open segment is closed.
    pub segment_bytes: u64,
    /// Microseconds after which it is closed although it is not full.
    pub segment_age: i64,
    /// Microseconds after which the key changes.
    pub epoch_age: i64,
    /// Checkpoints after which the key changes.
    pub epoch_checkpoints: u64,
}

impl Options {
    /// For what brings much at once: larger segments, which cost less each. Until one is full what was read for it is not
    /// committed, so this is also what an interrupted import reads again.
    pub fn in_bulk() -> Options {
        Options {
            segment_bytes: 8 << 20,
            ..Options::default()
        }
    }
}

impl Default for Options {
    /// What suits a gateway: 4 MiB, 15 minutes, a day, 1,000 checkpoints.
    fn default() -> Options {
        Options {
            segment_bytes: 4 << 20,
            segment_age: 15 * 60 * 1_000_000,
            epoch_age: 24 * 3600 * 1_000_000,
            epoch_checkpoints: 1000,
        }
    }
}

/// What to do when the disk is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FullPolicy {
    /// Nothing is given up: whoever writes waits, and the sources keep what they have.
    #[default]
    Block,
    /// The oldest records that are not sealed yet make room, and are counted as lost.
    DropOldestUnsealed,
    /// The error ends the run.
    Stop,
}

impl FullPolicy {
    /// Every policy with its word.
    pub const ALL: &[(FullPolicy, &str)] = &[
        (FullPolicy::Block, "block"),
        (FullPolicy::DropOldestUnsealed, "drop-oldest-unsealed"),
        (FullPolicy::Stop, "stop"),
    ];
}

/// What will be committed next.
#[derive(Default)]
pub(crate) struct Pending {
    pub records: Vec<u8>,
    pub stretch: Stretch,
    pub new_sources: Vec<(u64, NewSource)>,
    new_sets: Vec<(u64, String)>,
    changed: BTreeMap<u64, Change>,
    problems: Vec<(u64, u64, crate::source::StoredProblem)>,
    feeds: crate::feed::Changes,
}

/// What changes of one source.
#[derive(Default)]
struct Change {
    counts: Counts,
    lines: Option<u64>,
    complete: bool,
    /// Its bytes, their hash, and the hash of the first of them.
    content: Option<(u64, [u8; 16], [u8; 16])>,
    rows: u64,
}

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
    packer: Packer,
    /// Room for what a leaf of the tree is made of.
    leaf: Vec<u8>,
    /// The open segment, with what is pending; None if some of it lies in the database only.
    pub(crate) open: Option<Gathered>,
    /// The changes of a close that did not come to its end: what it left is to be finished or taken back first.
    pub(crate) announced: Option<Vec<u8>>,
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
    /// The database's.
    pub fn add_source(&mut self, source: NewSource) -> Result<u64> {
        let known = self.working.ask(|db| {
            let mut found = db.prepare_cached("SELECT id FROM log_set WHERE name = ?1")?;
            let mut rows = found.query([&source.set])?;
            rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()
        })?;
        let pending = || self.pending.new_sets.iter().find(|(_, name)| *name == source.set);
        if known.is_none() && pending().is_none() {
            self.pending.new_sets.push((self.next_set, source.set.clone()));
            self.next_set += 1;
        }
        self.pending.new_sources.push((self.next_source, source));
        self.next_source += 1;
        Ok(self.next_source - 1)
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
        let change = pending.changed.entry(record.source).or_default();
        change.rows += 1;
        crate::source::widen(&mut change.counts.first, &mut change.counts.last, record.time);
    }

    /// Adds to what was counted of a source.
    pub fn count(&mut self, source: u64, counts: &Counts) {
        self.pending.changed.entry(source).or_default().counts.add(counts);
    }

    /// How far a source was read: so many lines of it need not be read again.
    pub fn position(&mut self, source: u64, lines: u64) {
        self.pending.changed.entry(source).or_default().lines = Some(lines);
    }

    /// So much of a source was seen: by that it is known again.
    pub fn seen(&mut self, source: u64, hash: &FileHash) {
        let change = self.pending.changed.entry(source).or_default();
        (change.content, change.complete) = (Some((hash.len(), hash.content(), hash.head())), false);
    }

    /// A source was read to its end.
    pub fn complete(&mut self, source: u64) {
        self.pending.changed.entry(source).or_default().complete = true;
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

    /// Commits what was added: afterwards it is on the disk. If it fails nothing is lost, and it may be tried again. `now` in
    /// microseconds UTC.
    ///
    /// # Errors
    /// The database's.
    pub fn commit(&mut self, now: i64) -> Result<()> {
        self.settle()?;
        let pending = &self.pending;
        if pending.is_empty() {
            return Ok(());
        }
        let changes = pending.changes(self.next_seq);
        let packer = &mut self.packer;
        self.working.write(|db| {
            changes.apply(db)?;
            pending.write_chunk(db, packer, now)
        })?;
        self.open_bytes += self.pending.records.len() as u64;
        if self.pending.stretch.rows > 0 {
            self.open_since.get_or_insert(now);
        }
        self.pending.clear();
        Ok(())
    }

    /// Commits; what a full disk means is for `policy` to say. False if it is to be tried again.
    ///
    /// # Errors
    /// As `commit`.
    pub fn commit_by(&mut self, policy: FullPolicy, now: i64) -> Result<bool> {
        loop {
            match self.commit(now) {
                Ok(()) => return Ok(true),
                Err(error) if error.kind != Kind::Full => return Err(error),
                Err(error) => match policy {
                    FullPolicy::Block => return Ok(false),
                    FullPolicy::Stop => return Err(error),
                    FullPolicy::DropOldestUnsealed if !self.drop_oldest()? => return Err(error),
                    FullPolicy::DropOldestUnsealed => {}
                },
            }
        }
    }

    /// Gives the oldest records up that are not sealed. False if there are none.
    fn drop_oldest(&mut self) -> Result<bool> {
        let dropped = self.dropped;
        let rows = self.working.write(|db| {
            let oldest = db.query_row("SELECT id, rows, bytes FROM chunk ORDER BY id LIMIT 1", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            });
            let (id, rows, bytes) = match oldest {
                Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(None),
                found => found?,
            };
            db.execute("DELETE FROM chunk WHERE id = ?1", [id])?;
            db.execute("DELETE FROM chunk_source WHERE chunk = ?1", [id])?;
            set_meta(db, "dropped", dropped as i64 + rows)?;
            Ok(Some((rows as u64, bytes as u64)))
        })?;
        let Some((rows, bytes)) = rows else {
            return Ok(false);
        };
        self.dropped += rows;
        // what is left of it is found in the database
        self.open = None;
        self.open_bytes = self.open_bytes.saturating_sub(bytes);
        Ok(true)
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

    /// Records given up since the last checkpoint because the disk was full.
    pub fn lost_to_full_disk(&self) -> u64 {
        self.dropped
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

impl Pending {
    pub fn is_empty(&self) -> bool {
        self.stretch.rows == 0 && self.changed.is_empty() && self.new_sources.is_empty() && self.feeds.is_empty()
    }

    /// Forgets everything; the room for records is kept.
    pub fn clear(&mut self) {
        let mut records = std::mem::take(&mut self.records);
        records.clear();
        *self = Pending {
            records,
            ..Pending::default()
        };
    }

    /// How many records their writers say were lost, and at how many places.
    pub fn lost(&self) -> (u64, u64) {
        let counts = self.changed.values().map(|change| &change.counts);
        counts.fold((0, 0), |(lost, gaps), counts| (lost + counts.lost, gaps + counts.gaps))
    }

    /// Everything but the records.
    pub fn changes(&self, next_seq: u64) -> Changes {
        let mut changes = Changes::default();
        for (id, name) in &self.new_sets {
            changes.push(Step::Set, &[&(*id as i64), name]);
        }
        for (id, source) in &self.new_sources {
            source.change(*id, &mut changes);
        }
        for (source, change) in &self.changed {
            let id = *source as i64;
            change.counts.change(*source, &mut changes);
            if let Some(lines) = change.lines {
                changes.push(Step::Lines, &[&id, &(lines as i64)]);
            }
            if let Some((bytes, content, head)) = change.content {
                changes.push(Step::Content, &[&id, &(bytes as i64), &content, &head]);
            }
            if change.complete {
                changes.push(Step::Complete, &[&id]);
            }
        }
        for (source, number, problem) in &self.problems {
            problem.change(*source, *number, &mut changes);
        }
        self.feeds.changes(&mut changes);
        changes.push(Step::NextSeq, &[&(next_seq as i64)]);
        changes
    }

    /// The records, as a stretch of the open segment.
    fn write_chunk(&self, db: &rusqlite::Transaction<'_>, packer: &mut Packer, now: i64) -> rusqlite::Result<()> {
        if self.stretch.rows == 0 {
            return Ok(());
        }
        let chunk = packer.write(db, &self.records, &self.stretch, now)?;
        for (source, _) in self.changed.iter().filter(|(_, change)| change.rows > 0) {
            db.prepare_cached("INSERT INTO chunk_source (source, chunk) VALUES (?1, ?2)")?
                .execute(params![*source as i64, chunk])?;
        }
        Ok(())
    }
}

/// Takes the store for this process.
pub(crate) fn lock(layout: &Layout) -> Result<File> {
    let path = layout.lock();
    let failed = |error: std::io::Error| StoreError::io(&path, &error);
    let mut options = File::options();
    let mut file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut who = String::new();
            // only to say who; the answer is no in any case
            let _ = file.read_to_string(&mut who);
            let digits = who.trim().bytes().all(|byte| byte.is_ascii_digit()) && !who.trim().is_empty();
            let who = if digits {
                format!(" (process {})", who.trim())
            } else {
                String::new()
            };
            let cause = format!("another tunlog{who} writes to this store: one at a time");
            return Err(StoreError::new(Kind::Busy, layout.folder(), cause));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(file)
}

/// Whether a directory is a store.
pub fn is_store(path: &Path) -> bool {
    Layout::new(path).is_store()
}

/// Path of a file in a store, from what a note says.
pub(crate) fn within(folder: &Path, path: &str) -> PathBuf {
    // a database from elsewhere may say anything: what leads out of the store leads to a name that is not there
    let leads_out = |part: &str| matches!(part, "" | "." | "..") || part.contains(['\\', ':']);
    if path.split('/').any(leads_out) {
        return folder.join("no-such-file");
    }
    path.split('/')
        .fold(folder.to_path_buf(), |folder, part| folder.join(part))
}
