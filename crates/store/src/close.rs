//! Closing the open segment: its records become segments, one for each day and gateway, and a checkpoint seals them.
//!
//! The order makes it safe. What was never committed is sealed as well, so positions and records must become true in one
//! moment, and that is the last one:
//!
//! 1. *announce*: the names of the files are committed, with what the pending changes will be (`changes.rs`); nothing of it
//!    counts yet;
//! 2. the files are written, then the note; each is there whole or not at all;
//! 3. *take in*: one transaction makes the pending changes and takes segments and checkpoint in.
//!
//! Whoever opens the store after a crash (`recover.rs`) finds an announcement. Without the note the files go, and everything is
//! as it was before the close. With the note, step 3 is done from what was announced: it is the same transaction, made of what
//! 1 and 2 put on the disk, so it does not matter how often it is begun. A close that failed is settled in the same way before
//! anything else is done.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{OptionalExtension as _, Transaction, params};
use tunlog_seal::tree::{self, Roots};
use tunlog_seal::{Digest, SigningKey};

use crate::changes::Changes;
use crate::checkpoint::{Checkpoint, RemovedLine, SegmentLine};
use crate::chunk;
use crate::error::{Kind as ErrorKind, Result, StoreError};
use crate::files::{self, Storage};
use crate::gather::{Gathered, Partition};
use crate::index;
use crate::keys::KeyFiles;
use crate::layout::within;
use crate::layout::{Layout, partition};
use crate::record::{self, Kind, Record};
use crate::source::widen;
use crate::store::Store;
use crate::working::{Working, set_meta};

/// Where the paths of the files of a close are announced, one a line; and its changes.
pub(crate) const CLOSING: &str = "closing";
pub(crate) const CLOSING_CHANGES: &str = "closing_changes";

/// What is told of a segment beside what its note says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contents {
    pub bytes: u64,
    pub first: Option<i64>,
    pub last: Option<i64>,
    /// For each source how many records, and how many of them nobody understood.
    pub sources: BTreeMap<u64, (u64, u64)>,
}

impl Contents {
    /// Of records.
    pub fn add(&mut self, record: &Record<'_>) {
        widen(&mut self.first, &mut self.last, record.time);
        let of = self.sources.entry(record.source).or_default();
        of.0 += 1;
        of.1 += u64::from(record.kind == Kind::Unrecognised);
    }
}

impl Store {
    /// Closes the open segment, with what is not committed yet, and writes a checkpoint; without records only if `always`: a
    /// heartbeat shows that nothing was cut off behind it. The checkpoint's number, if one was written.
    ///
    /// # Errors
    /// The system's; what was committed stays in the open segment then, and what is pending stays pending.
    pub fn close(&mut self, now: i64, always: bool) -> Result<Option<u64>> {
        self.settle()?;
        if self.open_bytes == 0 && self.pending.stretch.rows == 0 {
            self.commit(now)?;
            return match always {
                true => self.checkpoint(now, Vec::new()).map(Some),
                false => Ok(None),
            };
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.gather()?,
        };
        let sealed = self.seal(now, &open);
        if sealed.is_ok() {
            open.clear();
        }
        self.open = Some(open);
        self.or_settled(sealed).map(Some)
    }

    fn seal(&mut self, now: i64, open: &Gathered) -> Result<u64> {
        let names = self.source_names(open)?;
        let first = self.next_segment()?;
        let named = open.partitions.iter().zip(first..);
        let paths: Vec<String> = named
            .map(|(part, id)| {
                let day = part.day.and_then(date_of);
                format!("{}/{id:08}.parquet", partition(day.as_deref(), &part.host))
            })
            .collect();
        self.announce(&paths)?;
        let mut written = Vec::new();
        for ((part, path), id) in open.partitions.iter().zip(paths).zip(first..) {
            written.push(self.write_segment(id, path, part, &names)?);
        }
        self.sign(now, written, Vec::new())
    }

    /// The open segment as columns: what the database has of it, and what is pending.
    pub(crate) fn gather(&self) -> Result<Gathered> {
        let malformed = |_| StoreError::corrupt(&self.working.path, "a record of the open segment is damaged");
        let mut open = Gathered::new(self.seed()?);
        let mut leaf = Vec::new();
        let mut take = |bytes: &[u8]| -> Result<()> {
            for canonical in record::records(bytes) {
                let canonical = canonical.map_err(malformed)?;
                open.add(&Record::decode(canonical).map_err(malformed)?, &mut leaf);
            }
            Ok(())
        };
        let numbers: Vec<i64> = self.working.ask(|db| {
            let mut found = db.prepare("SELECT id FROM chunk ORDER BY id")?;
            let found = found.query_map([], |row| row.get(0))?;
            found.collect()
        })?;
        for number in numbers {
            let bytes = self.working.ask(|db| chunk::read(db, number))?;
            take(&bytes.ok_or_else(|| malformed(record::Malformed))?)?;
        }
        take(&self.pending.records)?;
        Ok(open)
    }

    /// Of the hashes that find words in columns: a secret, because who can write log lines chooses words.
    fn seed(&self) -> Result<u64> {
        let mut eight = [0; 8];
        eight.copy_from_slice(&self.hash_keys()?[..8]);
        Ok(u64::from_le_bytes(eight))
    }

    /// Commits what the close that begins now will write and change.
    fn announce(&mut self, paths: &[String]) -> Result<()> {
        let changes = self.pending.changes(self.next_seq()).encode();
        self.announced = Some(changes.clone());
        self.working.write(|db| {
            set_meta(db, CLOSING, paths.join("\n"))?;
            set_meta(db, CLOSING_CHANGES, changes)
        })
    }

    /// Finishes or takes back what a close left that failed.
    pub(crate) fn settle(&mut self) -> Result<()> {
        let Some(announced) = &self.announced else {
            return Ok(());
        };
        let same = *announced == self.pending.changes(self.next_seq()).encode();
        let last = crate::recover::recover(&self.layout, &mut self.working, &*self.storage)?;
        if last.checkpoint.number > self.last.number {
            if !same {
                // what came since cannot be told from what is sealed: whoever opens the store again reads it again
                let cause = "a checkpoint that failed was signed all the same: open the store again";
                return Err(StoreError::new(ErrorKind::Apart, self.folder(), cause));
            }
            // its note was there: what was pending is sealed
            if last.checkpoint.added > 0 {
                self.open = None;
                (self.open_bytes, self.open_since) = (0, None);
            }
            self.pending.clear();
            (self.roots, self.dropped) = (None, 0);
        }
        self.signer.key = KeyFiles::of(self.folder()).load(&*self.storage, &last.key)?;
        (self.signer.epoch, self.signer.since) = (last.epoch, last.epoch_since);
        self.signer.checkpoints = last.epoch_checkpoints;
        (self.last, self.last_hash) = (last.checkpoint, last.hash);
        self.announced = None;
        Ok(())
    }

    fn write_segment(
        &self,
        id: u64,
        path: String,
        part: &Partition,
        names: &BTreeMap<u64, String>,
    ) -> Result<(SegmentLine, Contents)> {
        let at = within(self.folder(), &path);
        let file = part.file(names).map_err(|cause| StoreError::corrupt(&at, cause))?;
        let index = index::write(&file, &part.leaves);
        let contents = Contents {
            bytes: (file.len() + index.len()) as u64,
            ..part.contents()
        };
        if let Some(folder) = at.parent() {
            files::make_folder(&*self.storage, folder)?;
        }
        files::put(&*self.storage, &at, &file)?;
        files::put(&*self.storage, &at.with_extension("index"), &index)?;
        let line = SegmentLine {
            id,
            rows: part.rows() as u64,
            first_seq: part.seqs.0,
            last_seq: part.seqs.1,
            root: part.root(),
            file: Digest::of(&file),
            index: Digest::of(&index),
            path,
        };
        Ok((line, contents))
    }

    fn source_names(&self, open: &Gathered) -> Result<BTreeMap<u64, String>> {
        let mut names: BTreeMap<u64, String> = BTreeMap::new();
        for (id, source) in &self.pending.new_sources {
            names.insert(*id, source.name.clone());
        }
        let used = open
            .partitions
            .iter()
            .flat_map(|part| part.contents().sources.into_keys());
        for id in used {
            if names.contains_key(&id) {
                continue;
            }
            let name: Option<String> = self.working.ask(|db| {
                let mut name = db.prepare_cached("SELECT name FROM source WHERE id = ?1")?;
                name.query_row([id as i64], |row| row.get(0)).optional()
            })?;
            names.insert(id, name.unwrap_or_default());
        }
        Ok(names)
    }

    fn next_segment(&self) -> Result<u64> {
        self.working.ask(|db| {
            db.query_row("SELECT COALESCE(MAX(id) + 1, 0) FROM segment", [], |row| {
                row.get::<_, i64>(0).map(|id| id as u64)
            })
        })
    }

    /// Writes the next checkpoint, with what it takes away, and no segment.
    pub(crate) fn checkpoint(&mut self, now: i64, removed: Vec<RemovedLine>) -> Result<u64> {
        self.commit(now)?;
        let signed = self.announce(&[]).and_then(|()| self.sign(now, Vec::new(), removed));
        self.or_settled(signed)
    }

    /// What failed is settled at once: it may have come far enough.
    fn or_settled(&mut self, signed: Result<u64>) -> Result<u64> {
        let before = self.last.number;
        match signed {
            // if this fails too, the next one who asks for something tries again
            Err(error) => match self.settle() {
                Ok(()) if self.last.number > before => Ok(self.last.number),
                _ => Err(self.reason(error)),
            },
            signed => signed,
        }
    }

    /// Writes the checkpoint that was announced, with what it adds and what it takes away, and a new key if it is time for one.
    fn sign(&mut self, now: i64, segments: Vec<(SegmentLine, Contents)>, removed: Vec<RemovedLine>) -> Result<u64> {
        let mut roots = match self.roots.take() {
            Some(roots) => roots,
            None => roots_of(&self.working)?,
        };
        for (line, _) in &segments {
            roots.push(tree::leaf(&line.root.0));
        }
        let (lost, gaps) = known_lost(&self.working)?;
        let pending = self.pending.lost();
        let (mut first, mut last) = (None, None);
        for (_, contents) in &segments {
            widen(&mut first, &mut last, contents.first);
            widen(&mut first, &mut last, contents.last);
        }
        let keys = KeyFiles::of(self.folder());
        let next = self
            .is_epoch_over(now)
            .then(|| keys.prepare_next(&*self.storage, &self.last.origin))
            .transpose()?;
        let checkpoint = Checkpoint {
            origin: self.last.origin.clone(),
            records: self.next_seq(),
            root: roots.root(),
            number: self.last.number + 1,
            epoch: self.signer.epoch,
            time: now,
            first,
            last,
            added: segments.iter().map(|(line, _)| line.rows).sum(),
            lost: lost + pending.0,
            gaps: gaps + pending.1,
            previous: Some(self.last_hash),
            segments: segments.iter().map(|(line, _)| line.clone()).collect(),
            removed,
            pruned: std::mem::take(&mut self.pruned),
            next_key: next.as_ref().map(|key| key.verifying().text()),
        };
        let hash = put_note(&self.layout, &*self.storage, &self.signer.key, &checkpoint)?;
        let contents: Vec<Contents> = segments.into_iter().map(|(_, contents)| contents).collect();
        let changes = self.pending.changes(self.next_seq());
        self.working
            .write(|db| take_in(db, &checkpoint, hash, &contents, &changes))?;
        self.signer.checkpoints += 1;
        if let Some(next) = next {
            keys.take_over(&*self.storage)?;
            self.signer.key = next;
            (self.signer.epoch, self.signer.since, self.signer.checkpoints) = (self.signer.epoch + 1, now, 0);
        }
        self.pending.clear();
        (self.dropped, self.announced) = (0, None);
        if !checkpoint.segments.is_empty() {
            (self.open_bytes, self.open_since) = (0, None);
        }
        let number = checkpoint.number;
        (self.roots, self.last, self.last_hash) = (Some(roots), checkpoint, hash);
        Ok(number)
    }

    fn is_epoch_over(&self, now: i64) -> bool {
        now.saturating_sub(self.signer.since) >= self.options.epoch_age
            || self.signer.checkpoints + 1 >= self.options.epoch_checkpoints
    }
}

/// The first checkpoint, of nothing yet: it shows that nothing was before it.
pub(crate) fn first_note(
    layout: &Layout,
    working: &mut Working,
    storage: &dyn Storage,
    key: &SigningKey,
    origin: &str,
    now: i64,
) -> Result<()> {
    let checkpoint = Checkpoint {
        origin: origin.to_owned(),
        records: 0,
        root: Roots::new().root(),
        number: 1,
        epoch: 0,
        time: now,
        first: None,
        last: None,
        added: 0,
        lost: 0,
        gaps: 0,
        previous: None,
        segments: Vec::new(),
        removed: Vec::new(),
        pruned: Vec::new(),
        next_key: None,
    };
    let hash = put_note(layout, storage, key, &checkpoint)?;
    working.write(|db| {
        set_meta(db, "epoch_key", key.verifying().text())?;
        set_meta(db, "epoch_since", now)?;
        set_meta(db, "epoch_checkpoints", 0)?;
        take_in(db, &checkpoint, hash, &[], &Changes::default())
    })
}

fn put_note(layout: &Layout, storage: &dyn Storage, key: &SigningKey, checkpoint: &Checkpoint) -> Result<Digest> {
    let path = layout.note(checkpoint.number);
    if path.exists() {
        // whoever saw it could prove that there were two stories
        let cause = "is signed already, and the database does not know it: the database is older than the checkpoints";
        return Err(StoreError::corrupt(&path, cause));
    }
    let note = checkpoint
        .sign(key)
        .ok_or_else(|| StoreError::corrupt(&path, "its text cannot be signed"))?;
    files::put(storage, &path, note.as_bytes())?;
    Ok(Digest::of(note.as_bytes()))
}

/// Takes a checkpoint that is written into the database, with the changes that become true with it.
pub(crate) fn take_in(
    db: &Transaction<'_>,
    checkpoint: &Checkpoint,
    hash: Digest,
    contents: &[Contents],
    changes: &Changes,
) -> rusqlite::Result<()> {
    changes.apply(db)?;
    db.execute(
        "INSERT INTO checkpoint (number, time, hash, records, epoch) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            checkpoint.number as i64,
            checkpoint.time,
            hash.0,
            checkpoint.records as i64,
            checkpoint.epoch as i64
        ],
    )?;
    for (line, contents) in checkpoint.segments.iter().zip(contents) {
        insert_segment(db, checkpoint.number, line, contents)?;
    }
    for removed in &checkpoint.removed {
        db.execute("UPDATE segment SET state = 1 WHERE id = ?1", [removed.id as i64])?;
    }
    if !checkpoint.segments.is_empty() {
        db.execute_batch("DELETE FROM chunk; DELETE FROM chunk_source;")?;
    }
    forget_announced(db)?;
    let dropped = "INSERT INTO meta (key, value) SELECT 'dropped_before', value FROM meta WHERE key = 'dropped'
         ON CONFLICT (key) DO UPDATE SET value = value + excluded.value";
    db.execute(dropped, [])?;
    db.execute("DELETE FROM meta WHERE key = 'dropped'", [])?;
    match &checkpoint.next_key {
        Some(key) => {
            set_meta(db, "epoch_key", key)?;
            set_meta(db, "epoch_since", checkpoint.time)?;
            set_meta(db, "epoch_checkpoints", 0)
        }
        None => db
            .execute("UPDATE meta SET value = value + 1 WHERE key = 'epoch_checkpoints'", [])
            .map(drop),
    }
}

/// What was announced is done, or taken back.
pub(crate) fn forget_announced(db: &Transaction<'_>) -> rusqlite::Result<()> {
    db.execute("DELETE FROM meta WHERE key IN (?1, ?2)", [CLOSING, CLOSING_CHANGES])
        .map(drop)
}

fn insert_segment(
    db: &Transaction<'_>,
    checkpoint: u64,
    line: &SegmentLine,
    contents: &Contents,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO segment (id, checkpoint, path, rows, bytes, first_seq, last_seq, first_time, last_time, root, hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        line.id as i64,
        checkpoint as i64,
        line.path,
        line.rows as i64,
        contents.bytes as i64,
        line.first_seq as i64,
        line.last_seq as i64,
        contents.first,
        contents.last,
        line.root.0,
        line.file.0
    ])?;
    for (source, (rows, unparsed)) in &contents.sources {
        db.prepare_cached(
            "INSERT INTO segment_source (source, segment, checkpoint, rows, unparsed) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            *source as i64,
            line.id as i64,
            checkpoint as i64,
            *rows as i64,
            *unparsed as i64
        ])?;
    }
    Ok(())
}

/// The roots of all segments that ever were, as a tree of their own.
fn roots_of(working: &Working) -> Result<Roots> {
    working.ask(|db| {
        let mut roots = Roots::new();
        let mut segments = db.prepare("SELECT root FROM segment ORDER BY id")?;
        let mut rows = segments.query([])?;
        while let Some(row) = rows.next()? {
            roots.push(tree::leaf(&row.get::<_, [u8; 32]>(0)?));
        }
        Ok(roots)
    })
}

/// Records that are known to be lost, and places where some were.
fn known_lost(working: &Working) -> Result<(u64, u64)> {
    working.ask(|db| {
        let (lost, gaps) = db.query_row(
            "SELECT COALESCE(SUM(lost), 0), COALESCE(SUM(gaps), 0) FROM source",
            [],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
        )?;
        let dropped = db.query_row(
            "SELECT COALESCE(SUM(value), 0) FROM meta WHERE key IN ('dropped', 'dropped_before')",
            [],
            |row| row.get::<_, i64>(0),
        )?;
        Ok(((lost + dropped) as u64, (gaps + i64::from(dropped > 0)) as u64))
    })
}

/// The day of a time, counted from 1970-01-01 UTC.
pub(crate) fn day_of(micros: i64) -> i64 {
    micros.div_euclid(DAY)
}

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400_000_000;

fn date_of(day: i64) -> Option<String> {
    let time = Timestamp::from_microsecond(day.checked_mul(DAY)?).ok()?;
    Some(time.to_zoned(TimeZone::UTC).date().to_string())
}
