//! Closing the open segment: its records become segments, one for each day and gateway, and a checkpoint seals them.
//!
//! The order makes it safe: first the names of the files are committed, then the files are written, then the note, then the
//! database takes both in. Whoever opens the store after a crash takes the files away if there is no note, and the note in if
//! there is one (`recover.rs`).

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{Transaction, params};
use tunlog_seal::tree::{self, Roots};
use tunlog_seal::{Digest, SigningKey};

use crate::checkpoint::{Checkpoint, RemovedLine, SegmentLine};
use crate::error::{Result, StoreError};
use crate::files::{self, Storage};
use crate::index;
use crate::keys::KeyFiles;
use crate::layout::{Layout, partition};
use crate::parquet_file::{self, Row};
use crate::record::{self, Kind, Record};
use crate::source::widen;
use crate::store::{Store, within};
use crate::working::{Working, set_meta};

/// Most segments of one close. Who can write log lines can name any gateway and day; what is beyond goes into one segment.
const PARTITIONS_MAX: usize = 64;

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
    /// Closes the open segment and writes a checkpoint; without records only if `always`: a heartbeat shows that nothing was
    /// cut off behind it. The checkpoint's number, if one was written.
    ///
    /// # Errors
    /// The system's; what was committed stays in the open segment then.
    pub fn close(&mut self, now: i64, always: bool) -> Result<Option<u64>> {
        self.commit(now)?;
        let records = self.open_records()?;
        if records.is_empty() && !always {
            return Ok(None);
        }
        let segments = self.write_segments(&records)?;
        self.checkpoint(now, segments, Vec::new()).map(Some)
    }

    /// The records of the open segment, with their lengths in front.
    fn open_records(&self) -> Result<Vec<u8>> {
        self.working.ask(|db| {
            let mut chunks = db.prepare("SELECT records FROM chunk ORDER BY id")?;
            let mut all = Vec::new();
            let mut rows = chunks.query([])?;
            while let Some(row) = rows.next()? {
                all.extend_from_slice(row.get_ref(0)?.as_blob()?);
            }
            Ok(all)
        })
    }

    fn write_segments(&mut self, bytes: &[u8]) -> Result<Vec<(SegmentLine, Contents)>> {
        let malformed = |_| StoreError::corrupt(&self.working.path, "a record of the open segment is damaged");
        let mut rows = Vec::new();
        for canonical in record::records(bytes) {
            let canonical = canonical.map_err(malformed)?;
            rows.push((Record::decode(canonical).map_err(malformed)?, canonical));
        }
        let names = self.source_names()?;
        let first = self.next_segment()?;
        let groups = grouped(rows);
        let paths: Vec<String> = groups
            .iter()
            .zip(first..)
            .map(|((folder, _), id)| format!("{folder}/{id:08}.parquet"))
            .collect();
        self.working.write(|db| set_meta(db, "closing", paths.join("\n")))?;
        let mut written = Vec::new();
        for (((_, rows), path), id) in groups.into_iter().zip(paths).zip(first..) {
            written.push(self.write_segment(id, path, rows, &names)?);
        }
        Ok(written)
    }

    fn write_segment(
        &self,
        id: u64,
        path: String,
        rows: Vec<(Record<'_>, &[u8])>,
        names: &BTreeMap<u64, String>,
    ) -> Result<(SegmentLine, Contents)> {
        let at = within(self.folder(), &path);
        let mut contents = Contents::default();
        let mut leaves = Vec::with_capacity(rows.len());
        let mut roots = Roots::new();
        for (record, canonical) in &rows {
            contents.add(record);
            let leaf = tree::leaf(canonical);
            leaves.push(leaf);
            roots.push(leaf);
        }
        let rows: Vec<Row<'_>> = rows
            .into_iter()
            .map(|(record, canonical)| Row {
                source: names.get(&record.source).map_or("", String::as_str),
                record,
                canonical,
            })
            .collect();
        let file = parquet_file::write(&rows).map_err(|cause| StoreError::corrupt(&at, cause))?;
        let index = index::write(&file, &leaves);
        contents.bytes = (file.len() + index.len()) as u64;
        if let Some(folder) = at.parent() {
            files::make_folder(&*self.storage, folder)?;
        }
        files::put(&*self.storage, &at, &file)?;
        files::put(&*self.storage, &at.with_extension("index"), &index)?;
        let seq = |row: Option<&Row<'_>>| row.map_or(0, |row| row.record.seq);
        let line = SegmentLine {
            id,
            rows: rows.len() as u64,
            first_seq: seq(rows.first()),
            last_seq: seq(rows.last()),
            root: roots.root(),
            file: Digest::of(&file),
            index: Digest::of(&index),
            path,
        };
        Ok((line, contents))
    }

    fn source_names(&self) -> Result<BTreeMap<u64, String>> {
        self.working.ask(|db| {
            let mut names =
                db.prepare("SELECT id, name FROM source WHERE id IN (SELECT DISTINCT source FROM chunk_source)")?;
            let names = names.query_map([], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?;
            names.collect()
        })
    }

    fn next_segment(&self) -> Result<u64> {
        self.working.ask(|db| {
            db.query_row("SELECT COALESCE(MAX(id) + 1, 0) FROM segment", [], |row| {
                row.get::<_, i64>(0).map(|id| id as u64)
            })
        })
    }

    /// Writes the next checkpoint, with what it adds and what it takes away, and a new key if it is time for one.
    pub(crate) fn checkpoint(
        &mut self,
        now: i64,
        segments: Vec<(SegmentLine, Contents)>,
        removed: Vec<RemovedLine>,
    ) -> Result<u64> {
        let mut roots = match self.roots.take() {
            Some(roots) => roots,
            None => roots_of(&self.working)?,
        };
        for (line, _) in &segments {
            roots.push(tree::leaf(&line.root.0));
        }
        let (lost, gaps) = known_lost(&self.working)?;
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
            lost,
            gaps,
            previous: Some(self.last_hash),
            segments: segments.iter().map(|(line, _)| line.clone()).collect(),
            removed,
            pruned: std::mem::take(&mut self.pruned),
            next_key: next.as_ref().map(|key| key.verifying().text()),
        };
        let hash = put_note(&self.layout, &*self.storage, &self.signer.key, &checkpoint)?;
        let contents: Vec<Contents> = segments.into_iter().map(|(_, contents)| contents).collect();
        self.working.write(|db| take_in(db, &checkpoint, hash, &contents))?;
        self.signer.checkpoints += 1;
        if let Some(next) = next {
            keys.take_over(&*self.storage)?;
            self.signer.key = next;
            (self.signer.epoch, self.signer.since, self.signer.checkpoints) = (self.signer.epoch + 1, now, 0);
        }
        self.was_closed();
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
        take_in(db, &checkpoint, hash, &[])
    })
}

fn put_note(layout: &Layout, storage: &dyn Storage, key: &SigningKey, checkpoint: &Checkpoint) -> Result<Digest> {
    let path = layout.note(checkpoint.number);
    let note = checkpoint
        .sign(key)
        .ok_or_else(|| StoreError::corrupt(&path, "its text cannot be signed"))?;
    files::put(storage, &path, note.as_bytes())?;
    Ok(Digest::of(note.as_bytes()))
}

/// Takes a checkpoint that is written into the database.
pub(crate) fn take_in(
    db: &Transaction<'_>,
    checkpoint: &Checkpoint,
    hash: Digest,
    contents: &[Contents],
) -> rusqlite::Result<()> {
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
    db.execute("DELETE FROM meta WHERE key = 'closing'", [])?;
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

/// Records with their canonical bytes, by the directory they go to.
type Groups<'a> = Vec<(String, Vec<(Record<'a>, &'a [u8])>)>;

fn grouped<'a>(rows: Vec<(Record<'a>, &'a [u8])>) -> Groups<'a> {
    let mut groups: Groups<'a> = Vec::new();
    let mut known: BTreeMap<(Option<i64>, &'a [u8]), usize> = BTreeMap::new();
    for (record, canonical) in rows {
        let mut key = (record.time.map(day_of), record.host);
        if known.len() >= PARTITIONS_MAX - 1 && !known.contains_key(&key) {
            key = (None, b"");
        }
        let at = *known.entry(key).or_insert_with(|| {
            let day = key.0.and_then(date_of);
            groups.push((partition(day.as_deref(), key.1), Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push((record, canonical));
    }
    groups
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
