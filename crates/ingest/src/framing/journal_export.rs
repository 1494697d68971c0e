//! `journalctl -o export`: fields `NAME=value`, or for values with line ends the name alone, eight bytes of length and the
//! value; a blank line ends a record. A value may hold anything, so a record's end is found only by walking.

use memchr::{memchr, memmem};
use tunlog_model::{AppFilter, RecordRef};

use super::cutter::Cutter;

/// Whether an input begins like an export.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    let head = head.trim_ascii_start();
    head.starts_with(b"__CURSOR=") || head.starts_with(b"__REALTIME_TIMESTAMP=")
}

/// What stands at a place.
enum Item<'a> {
    Field(&'a [u8], &'a [u8], usize),
    /// A blank line; where the next record begins.
    End(usize),
    /// No field: where the next line begins.
    Damaged(usize),
    /// The bytes end within a field.
    Cut,
}

fn item(bytes: &[u8], at: usize) -> Item<'_> {
    let Some(len) = memchr(b'\n', &bytes[at..]) else {
        return Item::Cut;
    };
    let line = &bytes[at..at + len];
    let next = at + len + 1;
    if line.is_empty() {
        return Item::End(next);
    }
    if let Some(equals) = memchr(b'=', line) {
        return Item::Field(&line[..equals], &line[equals + 1..], next);
    }
    if !line
        .iter()
        .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
    {
        return Item::Damaged(next);
    }
    let Some(length) = bytes
        .get(next..next + 8)
        .and_then(|length| <[u8; 8]>::try_from(length).ok())
    else {
        return Item::Cut;
    };
    let length = u64::from_le_bytes(length);
    let start = next + 8;
    match usize::try_from(length)
        .ok()
        .and_then(|length| start.checked_add(length))
    {
        Some(end) if end < bytes.len() => {
            if bytes[end] == b'\n' {
                Item::Field(line, &bytes[start..end], end + 1)
            } else {
                Item::Damaged(next)
            }
        }
        _ => Item::Cut,
    }
}

/// The end of the last whole record.
pub(crate) fn last_end(bytes: &[u8]) -> usize {
    let (mut at, mut last) = (0, 0);
    while at < bytes.len() {
        match item(bytes, at) {
            Item::Field(_, _, next) | Item::Damaged(next) => at = next,
            Item::End(next) => (at, last) = (next, next),
            Item::Cut => break,
        }
    }
    last
}

/// Cuts a chunk of whole records; the last one may lack its blank line.
pub(crate) fn cut<F: AppFilter + ?Sized, E: FnMut(&RecordRef<'_>)>(bytes: &[u8], cutter: &mut Cutter<'_, '_, F, E>) {
    let mut fields: Vec<(&[u8], &[u8])> = Vec::with_capacity(64);
    let (mut at, mut start) = (0, 0);
    while at < bytes.len() {
        match item(bytes, at) {
            Item::Field(name, value, next) => {
                if fields.is_empty() {
                    start = at;
                }
                fields.push((name, value));
                at = next;
            }
            Item::Damaged(next) => {
                cutter.note("a damaged field in the journal export was skipped".to_string());
                at = next;
            }
            Item::End(next) => {
                record(&bytes[start..at], &mut fields, cutter);
                at = next;
            }
            Item::Cut => {
                cutter.note("the last record of the journal export is cut short".to_string());
                fields.clear();
                // Beyond a field that claims more bytes than there are, only a new record can be trusted.
                match memmem::find(&bytes[at..], b"\n\n__CURSOR=") {
                    Some(len) => at += len + 1,
                    None => break,
                }
            }
        }
    }
    record(&bytes[start.min(at)..at.min(bytes.len())], &mut fields, cutter);
}

fn record<F: AppFilter + ?Sized, E: FnMut(&RecordRef<'_>)>(
    raw: &[u8],
    fields: &mut Vec<(&[u8], &[u8])>,
    cutter: &mut Cutter<'_, '_, F, E>,
) {
    if fields.is_empty() {
        return;
    }
    cutter.count();
    cutter.journal_fields(raw.trim_ascii_end(), fields.drain(..));
}
