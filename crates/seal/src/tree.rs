//! Hash trees of RFC 6962: a root stands for a list of records, a short path proves that one of them is in it. A leaf is
//! SHA-256(0x00, record), a node SHA-256(0x01, left, right), so that no node can be passed off as a record.

use ct_merkle::{InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree};
use sha2::{Digest as _, Sha256};

use crate::Digest;

/// Bytes of a hash.
const HASH: usize = 32;

/// What stands in front of a record in its leaf.
pub const LEAF: u8 = 0;
/// What stands in front of two hashes in their node.
const NODE: u8 = 1;

/// The hash of a record as a leaf.
pub fn leaf(record: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update([LEAF]);
    hasher.update(record);
    Digest(hasher.finalize().into())
}

/// The same of a record that has `LEAF` in front already: hashed in one piece, without a copy.
pub fn leaf_of(prefixed: &[u8]) -> Digest {
    debug_assert_eq!(prefixed.first(), Some(&LEAF));
    Digest::of(prefixed)
}

fn node(left: &Digest, right: &Digest) -> Digest {
    let mut both = [NODE; 1 + 2 * HASH];
    both[1..=HASH].copy_from_slice(&left.0);
    both[1 + HASH..].copy_from_slice(&right.0);
    Digest::of(&both)
}

/// The root of records that come one after the other. Holds one hash for each bit of their number.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    /// Roots of whole subtrees, the widest first, with the number of their leaves.
    peaks: Vec<(u64, Digest)>,
    len: u64,
}

impl Roots {
    /// Of no record.
    pub fn new() -> Roots {
        Roots::default()
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Digest) {
        let (mut width, mut hash) = (1, leaf);
        while let Some((_, left)) = self.peaks.pop_if(|(known, _)| *known == width) {
            hash = node(&left, &hash);
            width *= 2;
        }
        self.peaks.push((width, hash));
        self.len += 1;
    }

    /// How many leaves there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The root of all; of none it is the hash of nothing.
    pub fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = peaks.next() else {
            return Digest::of(b"");
        };
        peaks.fold(last, |right, left| node(&left, &right))
    }
}

/// The root of some leaves.
pub fn root(leaves: impl IntoIterator<Item = Digest>) -> Digest {
    let mut roots = Roots::new();
    leaves.into_iter().for_each(|leaf| roots.push(leaf));
    roots.root()
}

/// The path that proves that the record at `index` is one of `records`; None if there is none at that place.
pub fn prove(records: &[&[u8]], index: usize) -> Option<Vec<Digest>> {
    let mut tree: MemoryBackedTree<Sha256, &[u8]> = MemoryBackedTree::new();
    records.iter().for_each(|record| tree.push(record));
    (index < records.len()).then(|| {
        let proof = tree.prove_inclusion(index);
        let (hashes, _) = proof.as_bytes().as_chunks::<HASH>();
        hashes.iter().map(|hash| Digest(*hash)).collect()
    })
}

/// Whether a path proves that `record` is the one at `index` of the `len` records that `root` stands for. Never panics,
/// whatever the path.
pub fn proves(path: &[Digest], record: &[u8], index: u64, len: u64, root: &Digest) -> bool {
    let bytes = path.iter().flat_map(|hash| hash.0).collect();
    let Ok(proof) = InclusionProof::<Sha256>::try_from_bytes(bytes) else {
        return false;
    };
    let root = RootHash::<Sha256>::new(root.0.into(), len);
    root.verify_inclusion(&record, index, &proof).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Roots of RFC 6962's reference implementation for the first of its eight test leaves.
    #[test]
    fn the_reference_implementations_roots() {
        let leaves: [&[u8]; 3] = [b"", &[0], &[0x10]];
        let known = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        ];
        let mut roots = Roots::new();
        assert_eq!(roots.root(), Digest::of(b""));
        for (record, known) in leaves.iter().zip(known) {
            roots.push(leaf(record));
            assert_eq!(roots.root().to_string(), known);
        }
    }

    #[test]
    fn every_record_of_trees_of_every_size_is_proven_and_no_other() {
        let all: Vec<Vec<u8>> = (0_u8..40).map(|number| vec![number; 3]).collect();
        for len in 1..all.len() {
            let records: Vec<&[u8]> = all[..len].iter().map(Vec::as_slice).collect();
            let root = root(records.iter().map(|record| leaf(record)));
            for (index, record) in records.iter().enumerate() {
                let path = prove(&records, index).expect("a record");
                let holds = |record: &[u8], index: usize, path: &[Digest]| {
                    proves(path, record, index as u64, len as u64, &root)
                };
                assert!(holds(record, index, &path));
                assert!(!holds(b"other", index, &path));
                assert!(len == 1 || !holds(record, (index + 1) % len, &path));
                assert!(!holds(record, index, &[path.as_slice(), &[root]].concat()));
            }
            assert_eq!(prove(&records, len), None);
        }
    }

    #[test]
    fn a_node_is_no_leaf() {
        let (left, right) = (leaf(b"a"), leaf(b"b"));
        let both = [left.0, right.0].concat();
        assert_ne!(root([left, right]), leaf(&both));
        assert_ne!(root([left, right]), Digest::of(&both));
        assert_eq!(leaf_of(&[&[LEAF], &both[..]].concat()), leaf(&both));
    }
}
