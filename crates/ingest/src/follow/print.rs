//! How a file is known again: which file it is, how it begins, and what stands before the place that was read to.

use std::fs::{File, Metadata};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::source::read_at;

/// Bytes of the beginning by which a file is known.
pub(super) const HEAD_BYTES: usize = 4096;

/// Bytes before the place we have read to by which its content is known.
pub(super) const BEFORE_BYTES: usize = 256;

/// Lengths of the beginning that are hashed each for itself, so that a shorter file can be compared, too.
const LADDER: [usize; 4] = [64, 256, 1024, HEAD_BYTES];

/// Which file: device, inode and, where the file system tells, time of birth. An inode is used again, its birth is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileId {
    pub dev: u64,
    pub ino: u64,
    /// Nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born: Option<u64>,
}

impl FileId {
    pub(super) fn of(data: &Metadata) -> FileId {
        use std::os::unix::fs::MetadataExt;
        let born = data.created().ok();
        let born = born.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        FileId {
            dev: data.dev(),
            ino: data.ino(),
            born: born.and_then(|time| u64::try_from(time.as_nanos()).ok()),
        }
    }
}

/// What is kept of the bytes that were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Print {
    /// Lengths of the beginning and their hashes, rising.
    pub head: Vec<(u16, u64)>,
    /// How many bytes before `offset`, and their hash.
    pub before: (u16, u64),
    /// Where the first record begins that was not handed out.
    pub offset: u64,
}

/// How a file's content compares with what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It begins with all that was read.
    Same,
    /// It is shorter, and so far the same.
    Shorter,
    /// It is other content.
    Other,
}

impl Print {
    /// Of a file that begins with `head` (up to [`HEAD_BYTES`]) and was read to `offset`, before which stands `before`.
    pub(super) fn of(head: &[u8], before: &[u8], offset: u64) -> Print {
        let mut lengths: Vec<usize> = LADDER.into_iter().filter(|length| *length < head.len()).collect();
        if !head.is_empty() {
            lengths.push(head.len().min(HEAD_BYTES));
        }
        let of = |length: usize| u16::try_from(length).map(|short| (short, hash(&head[..length]))).ok();
        Print {
            head: lengths.into_iter().filter_map(of).collect(),
            before: (u16::try_from(before.len()).unwrap_or(0), hash(before)),
            offset,
        }
    }

    /// Compares the beginning of a file or stream.
    pub(super) fn begins(&self, head: &[u8]) -> Likeness {
        for (length, known) in &self.head {
            match head.get(..usize::from(*length)) {
                Some(bytes) if hash(bytes) != *known => return Likeness::Other,
                Some(_) => {}
                None => return Likeness::Shorter,
            }
        }
        Likeness::Same
    }

    /// Whether these are the bytes before `offset`.
    pub(super) fn is_before(&self, bytes: &[u8]) -> bool {
        let wanted = usize::from(self.before.0);
        wanted == 0 || (bytes.len() >= wanted && hash(&bytes[bytes.len() - wanted..]) == self.before.1)
    }

    /// How many bytes before `offset` are looked at.
    pub(super) fn before_bytes(&self) -> usize {
        usize::from(self.before.0)
    }

    /// Compares an open plain file of this size.
    pub(super) fn compare(&self, file: &File, size: u64) -> Likeness {
        let head = read_up_to(file, 0, HEAD_BYTES);
        match self.begins(&head) {
            Likeness::Same if size < self.offset => Likeness::Shorter,
            Likeness::Same => {
                let wanted = self.before_bytes();
                let start = self.offset.saturating_sub(wanted as u64);
                let bytes = read_up_to(file, start, wanted);
                match bytes.len() == wanted && self.is_before(&bytes) {
                    true => Likeness::Same,
                    false => Likeness::Other,
                }
            }
            other => other,
        }
    }
}

/// FNV-1a, 64 bits: it stays the same in positions that an older version kept.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |state, byte| {
        (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Up to `wanted` bytes from `offset`; fewer at the end of the file or where it cannot be read.
pub(super) fn read_up_to(file: &File, offset: u64, wanted: usize) -> Vec<u8> {
    let mut bytes = vec![0; wanted];
    let mut done = 0;
    while done < wanted {
        match read_at(file, &mut bytes[done..], offset + done as u64) {
            Ok(read) if read > 0 => done += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            _ => break,
        }
    }
    bytes.truncate(done);
    bytes
}
