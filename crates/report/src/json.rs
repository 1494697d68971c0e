//! Cells as JSON (RFC 8259), written straight into a buffer.

use std::io::Write as _;

use tunlog_model::{Cell, text};

use crate::time::write_rfc3339;

/// Appends a JSON string. Control characters (C0, DEL, C1), bidirectional and invisible ones appear as `\uXXXX`, so that
/// looking at JSON in a terminal does no harm.
pub fn string(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    escaped(out, value);
    out.push(b'"');
}

/// Appends a JSON string of bytes; those that are not valid UTF-8 appear as the text `\xNN` (CONTRACT §2).
pub fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    if let Ok(value) = std::str::from_utf8(value) {
        return string(out, value);
    }
    out.push(b'"');
    for chunk in value.utf8_chunks() {
        escaped(out, chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\\\x{byte:02x}");
        }
    }
    out.push(b'"');
}

fn escaped(out: &mut Vec<u8>, value: &str) {
    let mut rest = value;
    loop {
        // what stands for itself is ASCII, so its end is the beginning of a character
        let (plain, other) = rest.split_at(plain_len(rest.as_bytes()));
        out.extend_from_slice(plain.as_bytes());
        let mut chars = other.chars();
        let Some(c) = chars.next() else { return };
        escaped_char(out, c);
        rest = chars.as_str();
    }
}

fn escaped_char(out: &mut Vec<u8>, c: char) {
    match c {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        c if text::is_harmful(c) => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// How many bytes from the beginning stand for themselves. Sixteen are looked at together: a line of evidence is long, and
/// nearly all of it is so.
fn plain_len(bytes: &[u8]) -> usize {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') & (*byte != b'"') & (*byte != b'\\');
    let blocks = bytes.chunks_exact(16);
    let whole = 16
        * blocks
            .take_while(|block| block.iter().fold(true, |all, byte| all & is_plain(byte)))
            .count();
    let rest = &bytes[whole..];
    whole + rest.iter().position(|byte| !is_plain(byte)).unwrap_or(rest.len())
}

/// Appends a number of seconds; whole ones without a fraction.
pub(crate) fn seconds(out: &mut Vec<u8>, value: f64) {
    let rounded = (value * 1e6).round() / 1e6;
    let _ = write!(out, "{}", if rounded == 0.0 { 0.0 } else { rounded });
}

/// Whether a cell gives a value; what is not known is an absent key.
pub(crate) fn is_known(cell: &Cell) -> bool {
    match cell {
        Cell::None => false,
        Cell::Seconds(seconds) => seconds.is_finite(),
        _ => true,
    }
}

/// Appends the value of a cell that is known.
pub fn value(out: &mut Vec<u8>, cell: &Cell) {
    let _ = match cell {
        Cell::None => out.write_all(b"null"),
        Cell::Text(value) => {
            string(out, value);
            Ok(())
        }
        Cell::Word(word) => {
            string(out, word);
            Ok(())
        }
        Cell::Count(count) | Cell::Bytes(count) => write!(out, "{count}"),
        Cell::Time(micros) => {
            out.push(b'"');
            write_rfc3339(out, *micros);
            out.write_all(b"\"")
        }
        Cell::Seconds(value) => {
            seconds(out, *value);
            Ok(())
        }
        Cell::Ip(address) => write!(out, "\"{address}\""),
        Cell::Bool(truth) => write!(out, "{truth}"),
        Cell::List(cells) => {
            list(out, cells);
            Ok(())
        }
        Cell::Object(members) => {
            object(out, members.iter().map(|(key, cell)| (*key, cell)));
            Ok(())
        }
    };
}

fn list(out: &mut Vec<u8>, cells: &[Cell]) {
    out.push(b'[');
    for (at, cell) in cells.iter().filter(|cell| is_known(cell)).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        value(out, cell);
    }
    out.push(b']');
}

fn object<'a>(out: &mut Vec<u8>, members: impl Iterator<Item = (&'static str, &'a Cell)>) {
    out.push(b'{');
    for (at, (key, cell)) in members.filter(|(_, cell)| is_known(cell)).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        string(out, key);
        out.push(b':');
        value(out, cell);
    }
    out.push(b'}');
}

/// Appends an object with `type` first.
pub fn row(out: &mut Vec<u8>, kind: &'static str, cells: &[(&'static str, Cell)]) {
    let kind = Cell::Word(kind);
    let cells = cells.iter().map(|(key, cell)| (*key, cell));
    object(out, std::iter::once(("type", &kind)).chain(cells));
}
