//! FreeRADIUS `detail` files: a time on a line of its own, then `\tName = value` lines, then a blank line.

use tunlog_model::Stamp;

use super::cutter::trim_end;
use super::stamp::{self, Kind};

/// The name under which these records go.
pub(crate) const APP: &[u8] = b"radius-detail";

/// A block that is being read.
pub(crate) struct Block<'a> {
    pub stamp: Stamp,
    /// Where it begins in the chunk.
    pub start: usize,
    /// Number of its first line.
    pub line: u64,
    pub fields: Vec<(&'a [u8], &'a [u8])>,
}

/// Whether a line is a time and nothing else.
pub(crate) fn is_head(line: &[u8]) -> bool {
    head(line).is_some()
}

fn head(line: &[u8]) -> Option<Stamp> {
    if !line.first()?.is_ascii_uppercase() || line.len() > 40 {
        return None;
    }
    let line = trim_end(line);
    let hit = stamp::at_start(line)?;
    (hit.kind == Kind::Ctime && hit.len == line.len()).then_some(hit.stamp)
}

impl<'a> Block<'a> {
    /// Begins a block with a line at `start`.
    pub(crate) fn begin(text: &'a [u8], start: usize, line: u64) -> Option<Block<'a>> {
        Some(Block {
            stamp: head(text)?,
            start,
            line,
            fields: Vec::new(),
        })
    }

    /// Adds a line; false if it does not belong to the block.
    pub(crate) fn add(&mut self, line: &'a [u8]) -> bool {
        let Some(text) = line.strip_prefix(b"\t") else {
            return false;
        };
        if let Some(at) = memchr::memmem::find(text, b"= ") {
            let name = trim_end(&text[..at]);
            let name = name
                .strip_suffix(b"+")
                .or_else(|| name.strip_suffix(b":"))
                .unwrap_or(name);
            self.fields.push((trim_end(name), unquoted(trim_end(&text[at + 2..]))));
        }
        true
    }
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        value => value,
    }
}
