//! Proof of one record: with the record, two paths and a checkpoint, anybody who trusts the checkpoint knows that the record
//! was in the log then. Nothing else of the log is shown.

use std::path::Path;

use tunlog_seal::{Digest, tree};

use crate::checkpoint::SegmentLine;
use crate::error::{Kind, Result, StoreError};
use crate::files;
use crate::layout::within;
use crate::reader::Reader;
use crate::record::{self, Record};
use crate::segment::Segment;

/// The proof of a record.
#[derive(Clone, Debug)]
pub struct Proof {
    /// Its canonical bytes, of which its leaf is made.
    pub record: Vec<u8>,
    /// Its segment's number.
    pub segment: u64,
    /// Its place in the segment, from 0.
    pub index: u64,
    /// Records of the segment.
    pub rows: u64,
    /// Root of the segment.
    pub root: Digest,
    /// From the record to the segment's root.
    pub path: Vec<Digest>,
    /// Segments at the checkpoint.
    pub segments: u64,
    /// From the segment's root to the checkpoint's.
    pub segment_path: Vec<Digest>,
    /// The checkpoint's root.
    pub checkpoint_root: Digest,
    /// The checkpoint's number.
    pub checkpoint: u64,
    /// The signed note of the checkpoint.
    pub note: String,
}

impl Proof {
    /// Whether it proves what it says.
    pub fn holds(&self) -> bool {
        tree::proves(&self.path, &self.record, self.index, self.rows, &self.root)
            && tree::proves(
                &self.segment_path,
                &self.root.0,
                self.segment,
                self.segments,
                &self.checkpoint_root,
            )
    }
}

impl Reader {
    /// Proves the record with a number, by the last checkpoint.
    ///
    /// # Errors
    /// If there is no such record, or it is not sealed, or not there any more.
    pub fn prove(&self, seq: u64) -> Result<Proof> {
        let folder = self.layout.folder();
        let (newest, text, checkpoint) = self.newest()?;
        let (line, at, rows) = self.find(seq, folder)?;
        let roots = self.roots()?;
        let leaves: Vec<&[u8]> = roots.iter().map(<[u8; 32]>::as_slice).collect();
        let records: Vec<&[u8]> = record::records(&rows)
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| StoreError::corrupt(folder, "a record is damaged"))?;
        let missing = || StoreError::corrupt(folder, "the record has no place in its segment");
        let proof = Proof {
            record: records.get(at).ok_or_else(missing)?.to_vec(),
            segment: line.id,
            index: at as u64,
            rows: records.len() as u64,
            root: line.root,
            path: tree::prove(&records, at).ok_or_else(missing)?,
            segments: roots.len() as u64,
            segment_path: tree::prove(&leaves, line.id as usize).ok_or_else(missing)?,
            checkpoint_root: checkpoint,
            checkpoint: newest,
            note: text,
        };
        match proof.holds() {
            true => Ok(proof),
            false => Err(StoreError::corrupt(
                folder,
                format!("record {seq} is not what was sealed: `tunlog store verify` tells where"),
            )),
        }
    }

    fn newest(&self) -> Result<(u64, String, Digest)> {
        let number: i64 = self
            .working
            .ask(|db| db.query_row("SELECT MAX(number) FROM checkpoint", [], |row| row.get(0)))?;
        let path = self.layout.note(number as u64);
        let text = String::from_utf8(files::read_at_most(&path, files::NOTE_MAX)?)
            .map_err(|_| StoreError::corrupt(&path, "is no note"))?;
        let root = text.lines().nth(2).and_then(Digest::from_base64);
        let root = root.ok_or_else(|| StoreError::corrupt(&path, "is no checkpoint"))?;
        Ok((number as u64, text, root))
    }

    fn roots(&self) -> Result<Vec<[u8; 32]>> {
        self.working.ask(|db| {
            let mut found = db.prepare("SELECT root FROM segment ORDER BY id")?;
            let found = found.query_map([], |row| row.get(0))?;
            found.collect()
        })
    }

    /// The segment that holds a record, its place in it, and all records of it.
    fn find(&self, seq: u64, folder: &Path) -> Result<(SegmentLine, usize, Vec<u8>)> {
        let candidates: Vec<(SegmentLine, i64)> = self.working.ask(|db| {
            let mut found = db.prepare(
                "SELECT id, path, rows, first_seq, last_seq, root, hash, state FROM segment
                 WHERE first_seq <= ?1 AND last_seq >= ?1 ORDER BY id",
            )?;
            let found = found.query_map([seq as i64], |row| {
                let line = SegmentLine {
                    id: row.get::<_, i64>(0)? as u64,
                    path: row.get(1)?,
                    rows: row.get::<_, i64>(2)? as u64,
                    first_seq: row.get::<_, i64>(3)? as u64,
                    last_seq: row.get::<_, i64>(4)? as u64,
                    root: Digest(row.get(5)?),
                    file: Digest(row.get(6)?),
                    index: Digest::of(b""),
                };
                Ok((line, row.get(7)?))
            })?;
            found.collect()
        })?;
        let mut removed = false;
        for (line, state) in candidates {
            removed |= state == 1;
            let Ok(file) = files::read_at_most(&within(folder, &line.path), files::SEGMENT_MAX) else {
                continue;
            };
            let Ok(rows) = Segment::read(&file).and_then(|segment| segment.canonical()) else {
                continue;
            };
            let at = record::records(&rows)
                .filter_map(std::result::Result::ok)
                .position(|bytes| Record::decode(bytes).is_ok_and(|record| record.seq == seq));
            if let Some(at) = at {
                return Ok((line, at, rows));
            }
        }
        let cause = match removed {
            true => format!("record {seq} was removed by retention"),
            false => format!("no sealed record {seq}"),
        };
        Err(StoreError::new(Kind::Absent, folder, cause))
    }
}
