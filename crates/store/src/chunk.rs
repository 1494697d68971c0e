//! A stretch of the open segment as it lies in the database: canonical records with their lengths, packed where that is worth
//! it. What the database writes goes to the disk three times (its log, its pages, the segment), and records are much alike.

use rusqlite::{Connection, Transaction, params};
use zstd::bulk::Compressor;

use crate::source::widen;

/// Stretches below this are left as they are.
const PACKED_MIN: usize = 2048;
/// Most bytes of a stretch that are believed.
const BYTES_MAX: usize = 1 << 30;
/// zstd's level.
const LEVEL: i32 = 1;

/// What is told of a stretch beside its records.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stretch {
    pub rows: u64,
    pub first: Option<i64>,
    pub last: Option<i64>,
}

impl Stretch {
    /// One more record, of this time.
    pub fn add(&mut self, time: Option<i64>) {
        self.rows += 1;
        widen(&mut self.first, &mut self.last, time);
    }
}

/// Packs stretches; what it needs for that is made when the first one is large enough.
#[derive(Default)]
pub struct Packer {
    compressor: Option<Compressor<'static>>,
    packed: Vec<u8>,
}

impl Packer {
    /// The records, packed if that makes them smaller.
    fn pack<'a>(&'a mut self, records: &'a [u8]) -> &'a [u8] {
        if records.len() < PACKED_MIN {
            return records;
        }
        if self.compressor.is_none() {
            self.compressor = Compressor::new(LEVEL).ok();
        }
        let Some(compressor) = &mut self.compressor else {
            return records;
        };
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(records.len()));
        match compressor.compress_to_buffer(records, &mut self.packed) {
            Ok(len) if len < records.len() => &self.packed,
            // it is as good as it was
            _ => records,
        }
    }

    /// Adds a stretch to the database; its number.
    pub fn write(
        &mut self,
        db: &Transaction<'_>,
        records: &[u8],
        stretch: &Stretch,
        now: i64,
    ) -> rusqlite::Result<i64> {
        db.prepare_cached(
            "INSERT INTO chunk (rows, bytes, first_time, last_time, written, records) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            stretch.rows as i64,
            records.len() as i64,
            stretch.first,
            stretch.last,
            now,
            self.pack(records)
        ])?;
        Ok(db.last_insert_rowid())
    }
}

/// The records of a stretch; empty bytes never stand for some, so what cannot be unpacked is told as damaged by who reads them.
pub fn read(db: &Connection, number: i64) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut found = db.prepare_cached("SELECT bytes, records FROM chunk WHERE id = ?1")?;
    found.query_row([number], |row| {
        let len: i64 = row.get(0)?;
        let records = row.get_ref(1)?.as_blob()?;
        Ok(unpacked(records, len))
    })
}

/// None if the bytes are not those of so many.
fn unpacked(records: &[u8], len: i64) -> Option<Vec<u8>> {
    let len = usize::try_from(len).ok().filter(|len| *len <= BYTES_MAX)?;
    if records.len() == len {
        return Some(records.to_vec());
    }
    let unpacked = zstd::bulk::decompress(records, len).ok()?;
    (unpacked.len() == len).then_some(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_comes_back_packed_or_not() {
        let mut packer = Packer::default();
        let alike: Vec<u8> = b"the same again ".repeat(1000);
        // what cannot be packed: xorshift
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = || {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random as u8
        };
        let unlike: Vec<u8> = (0..5000).map(|_| next()).collect();
        for records in [&alike[..], &alike[..100], &unlike, b""] {
            let packed = packer.pack(records).to_vec();
            assert!(packed.len() <= records.len());
            assert_eq!(unpacked(&packed, records.len() as i64).as_deref(), Some(records));
        }
        let packed = packer.pack(&alike).to_vec();
        assert!(packed.len() < 200);
        for len in [-1, 0, alike.len() as i64 - 1, alike.len() as i64 + 1, i64::MAX] {
            assert_eq!(unpacked(&packed, len), None, "{len}");
        }
        assert_eq!(unpacked(&packed[..packed.len() - 1], alike.len() as i64), None);
    }
}
