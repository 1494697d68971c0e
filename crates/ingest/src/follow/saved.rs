//! Positions as they are kept: JSON, so that a later version, and a person, can read them.

use serde::{Deserialize, Serialize};

use super::print::{FileId, HEAD_BYTES, Print};
use crate::arrival::{Feed, Position};

/// Beginning of the keys of files' positions.
pub(super) const FILE_KEY: &str = "file:";

/// Beginning of the keys that say since when a pattern is followed.
pub(super) const SINCE_KEY: &str = "follow:";

/// Most bytes of a position that are looked at.
const VALUE_MAX: usize = 64 * 1024;

/// Larger numbers than files can have.
const NUMBER_MAX: u64 = i64::MAX as u64;

/// Most other files that are remembered as copies of one.
pub(super) const COPIES_MAX: usize = 16;

/// How far a generation of a log was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Saved {
    /// Version of this form.
    pub v: u8,
    /// Its key.
    #[serde(skip)]
    pub key: String,
    /// The set that it is part of.
    pub set: String,
    /// What evidence calls it.
    pub name: String,
    /// Where it lies, links resolved, when it was last found.
    pub path: String,
    /// Which file holds it; None: that one has other content now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    pub print: Print,
    /// Lines handed out.
    #[serde(default)]
    pub lines: u64,
    /// NUL bytes passed over before `print.offset` that no record has told yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hole: u64,
    /// The rest of a line that is too long is passed over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub skipping: bool,
    /// How long it was seen to be before other content took its place; 0: it was read that far.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seen: u64,
    /// All of it was read, as far as anybody can know.
    #[serde(default, skip_serializing_if = "is_false")]
    pub over: bool,
    /// Files that are copies of it, perhaps packed, and their sizes: they need not be read again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<(FileId, u64)>,
}

/// Since when a pattern is followed, microseconds UTC: what is older and unknown was not meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Since {
    pub since: i64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Saved {
    /// Reads a position; None if it is none that can be gone on from.
    pub(super) fn decode(key: &str, value: &[u8]) -> Option<Saved> {
        if !key.starts_with(FILE_KEY) || value.len() > VALUE_MAX {
            return None;
        }
        let saved: Saved = serde_json::from_slice(value).ok()?;
        let head = saved.print.head.last().map_or(0, |(length, _)| u64::from(*length));
        let sound = saved.v == 1
            && head == saved.print.offset.min(HEAD_BYTES as u64)
            && [saved.print.offset, saved.lines, saved.hole, saved.seen]
                .into_iter()
                .all(|number| number <= NUMBER_MAX)
            && saved.print.head.len() <= 8
            && saved.copies.len() <= COPIES_MAX
            && u64::from(saved.print.before.0) <= saved.print.offset
            && saved.print.head.windows(2).all(|pair| pair[0].0 < pair[1].0);
        sound.then(|| Saved {
            key: key.to_string(),
            ..saved
        })
    }

    /// What is told with its arrivals.
    pub(super) fn feed(&self) -> Feed {
        Feed {
            key: self.key.as_str().into(),
            name: self.name.as_str().into(),
            set: self.set.as_str().into(),
        }
    }

    /// Its position, to be committed with what was handed out.
    pub(super) fn position(&self) -> Position {
        Position {
            key: self.key.clone(),
            value: Some(self.encode()),
        }
    }

    /// The position's value.
    pub(super) fn encode(&self) -> Vec<u8> {
        // a value made of numbers and texts can always be written
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Whether a file of this size is remembered as a copy of it.
    pub(super) fn has_copy(&self, file: FileId, size: u64) -> bool {
        self.copies.contains(&(file, size))
    }

    /// Remembers a copy.
    pub(super) fn add_copy(&mut self, file: FileId, size: u64) {
        self.copies.retain(|(known, _)| *known != file);
        if self.copies.len() == COPIES_MAX {
            self.copies.remove(0);
        }
        self.copies.push((file, size));
    }
}

/// Whether a kept position is one that a follower can go on from: a parser of bytes from a disk, for the fuzzer.
pub fn check_position(key: &str, value: &[u8]) -> bool {
    match Saved::decode(key, value) {
        Some(saved) => Saved::decode(key, &saved.encode()).as_ref() == Some(&saved),
        None => serde_json::from_slice::<Since>(value).is_ok(),
    }
}
