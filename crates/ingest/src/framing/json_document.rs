//! JSON that is laid out for people: records over many lines, in an array or one after the other. `Get-WinEvent |
//! ConvertTo-Json`, `journalctl -o json-pretty`.

use tunlog_model::{AppFilter, RecordRef};

use super::cutter::Cutter;
use super::json::{self, Value};

/// Whether an input begins like one: an array of objects, or an object whose first line is its brace.
pub(crate) fn looks_like(head: &[u8]) -> bool {
    match head.trim_ascii_start() {
        [b'[', rest @ ..] => {
            let rest = rest.trim_ascii_start();
            rest.first() == Some(&b'{') && rest[1..].trim_ascii_start().first() == Some(&b'"')
        }
        [b'{', rest @ ..] => {
            let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            rest[..blank].contains(&b'\n') && rest.get(blank) == Some(&b'"')
        }
        _ => false,
    }
}

/// Whether the first object of a document is a log record: any JSON file might begin like one.
pub(crate) fn any_record(head: &[u8]) -> bool {
    head.get(begin(head, 0)..).is_some_and(super::json_record::looks_like)
}

/// Where the next record begins: brackets and commas may stand before it.
fn begin(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..]
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace() || matches!(byte, b'[' | b']' | b','))
        .count()
}

/// The end of the last whole record.
pub(crate) fn last_end(bytes: &[u8]) -> usize {
    let (mut at, mut last) = (0, 0);
    loop {
        at = begin(bytes, at);
        match next(bytes, at) {
            Next::Record(end) => (at, last) = (end, end),
            Next::Damaged(start) if start < bytes.len() => at = start,
            Next::Damaged(_) => return last,
        }
    }
}

/// What stands at a place where a record should begin.
enum Next {
    /// A record that ends there.
    Record(usize),
    /// No whole record; where the next one may begin, or the end.
    Damaged(usize),
}

fn next(bytes: &[u8], at: usize) -> Next {
    let whole = (bytes.get(at) == Some(&b'{')).then(|| json::value(bytes, at)).flatten();
    match whole {
        // a brace too few makes an object of two that is none
        Some((Value::Object(text), end)) if json::object(text, &mut |_, _| {}).is_some() => Next::Record(end),
        _ => Next::Damaged(resume(bytes, at)),
    }
}

/// The next line that begins with a brace, as deep as the one at `at`: those within a record are deeper.
fn resume(bytes: &[u8], at: usize) -> usize {
    let indent = at - memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1);
    let depth = (bytes.get(at) == Some(&b'{')).then_some(indent);
    let lines = memchr::memchr_iter(b'\n', bytes.get(at..).unwrap_or_default());
    let mut braces = lines.filter_map(|newline| {
        let start = at + newline + 1;
        let blank = bytes[start..]
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let fits = bytes.get(start + blank) == Some(&b'{') && depth.is_none_or(|depth| depth == blank);
        fits.then_some(start + blank)
    });
    braces.next().unwrap_or(bytes.len())
}

/// Cuts a chunk of whole records.
pub(crate) fn cut<'a, F: AppFilter + ?Sized, E: FnMut(&RecordRef<'_>)>(
    bytes: &'a [u8],
    cutter: &mut Cutter<'a, '_, F, E>,
) {
    let mut at = 0;
    loop {
        let start = begin(bytes, at);
        cutter.lines_until(bytes, at, start);
        if start == bytes.len() {
            return;
        }
        let end = match next(bytes, start) {
            Next::Record(end) => {
                cutter.json_object(&bytes[start..end]);
                end
            }
            Next::Damaged(end) => {
                let what = if end == bytes.len() {
                    "the last record is cut short"
                } else {
                    "not a whole JSON record"
                };
                cutter.loss(format!("{what}: not read"));
                end
            }
        };
        cutter.lines_until(bytes, start, end);
        at = end;
    }
}
