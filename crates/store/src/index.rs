//! The file beside a segment's: short hashes of its blocks and of its records, which find the place of a change. The seal does
//! not hang on it; it is hashed as a whole like the segment itself.

use tunlog_seal::{Digest, tree};

/// Bytes of a block.
pub const BLOCK: usize = 4096;
/// Bytes that are kept of a block's hash.
const BLOCK_HASH: usize = 8;
/// Bytes that are kept of a record's hash.
const LEAF_HASH: usize = 4;
/// What the file begins with.
const MAGIC: &[u8; 8] = b"tunlogi1";

/// The index of a segment's file and of the hashes of its records.
pub fn write(file: &[u8], leaves: &[Digest]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&(file.len() as u64).to_le_bytes());
    out.extend_from_slice(&(leaves.len() as u64).to_le_bytes());
    for block in file.chunks(BLOCK) {
        out.extend_from_slice(&Digest::of(block).0[..BLOCK_HASH]);
    }
    for leaf in leaves {
        out.extend_from_slice(&leaf.0[..LEAF_HASH]);
    }
    out
}

/// An index that was read.
#[derive(Clone, Copy, Debug)]
pub struct Index<'a> {
    len: u64,
    blocks: &'a [u8],
    leaves: &'a [u8],
}

impl<'a> Index<'a> {
    /// Of a file's bytes; None if it is no index.
    pub fn parse(bytes: &'a [u8]) -> Option<Index<'a>> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (len, rest) = rest.split_first_chunk::<8>()?;
        let (rows, rest) = rest.split_first_chunk::<8>()?;
        let (len, rows) = (u64::from_le_bytes(*len), u64::from_le_bytes(*rows));
        let blocks = usize::try_from(len).ok()?.div_ceil(BLOCK).checked_mul(BLOCK_HASH)?;
        let (blocks, leaves) = rest.split_at_checked(blocks)?;
        let expected = usize::try_from(rows).ok()?.checked_mul(LEAF_HASH)?;
        (leaves.len() == expected).then_some(Index { len, blocks, leaves })
    }

    /// The byte at which the first block begins that is not as it was; the file's end, if only its length is another.
    pub fn first_changed_block(&self, file: &[u8]) -> Option<u64> {
        let known = self.blocks.chunks(BLOCK_HASH);
        let same = |(block, known): &(&[u8], &[u8])| &Digest::of(block).0[..BLOCK_HASH] == *known;
        let good = file.chunks(BLOCK).zip(known).take_while(same).count() as u64;
        let end = (good * BLOCK as u64).min(file.len() as u64);
        (end < self.len.max(file.len() as u64) || file.len() as u64 != self.len).then_some(end)
    }

    /// The place of the first record that is not as it was; their number, if only that is another.
    pub fn first_changed_record<'r>(&self, records: impl Iterator<Item = &'r [u8]>) -> Option<u64> {
        let mut known = self.leaves.chunks(LEAF_HASH);
        let mut at = 0;
        for record in records {
            if known.next() != Some(&tree::leaf(record).0[..LEAF_HASH]) {
                return Some(at);
            }
            at += 1;
        }
        known.next().map(|_| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_a_change_is_found() {
        let records: Vec<Vec<u8>> = (0_u8..9).map(|number| vec![number; 5]).collect();
        let leaves: Vec<Digest> = records.iter().map(|record| tree::leaf(record)).collect();
        let mut file: Vec<u8> = (0..3 * BLOCK + 7).map(|at| at as u8).collect();
        let bytes = write(&file, &leaves);
        let index = Index::parse(&bytes).expect("an index");
        let all = || records.iter().map(Vec::as_slice);
        assert_eq!(index.first_changed_block(&file), None);
        assert_eq!(index.first_changed_record(all()), None);
        assert_eq!(index.first_changed_record(all().take(4)), Some(4));
        assert_eq!(index.first_changed_record(all().skip(1)), Some(0));
        assert_eq!(index.first_changed_block(&file[..BLOCK + 1]), Some(BLOCK as u64));
        file[BLOCK + 9] ^= 4;
        assert_eq!(index.first_changed_block(&file), Some(BLOCK as u64));
        file[BLOCK + 9] ^= 4;
        file.push(0);
        assert_eq!(index.first_changed_block(&file), Some(3 * BLOCK as u64));
    }

    #[test]
    fn other_bytes_are_no_index() {
        let bytes = write(b"file", &[tree::leaf(b"a")]);
        for len in 0..bytes.len() {
            assert!(Index::parse(&bytes[..len]).is_none(), "{len}");
        }
        let mut huge = bytes.clone();
        huge[8..24].fill(0xff);
        assert!(Index::parse(&huge).is_none());
    }
}
