//! Cells as logfmt: `type=client user=anna online=true`, one row a line.

use tunlog_model::{Cell, text};

use crate::{json, time};

/// Appends text of foreign origin, quoted when it is more than a plain word.
pub fn text(out: &mut Vec<u8>, value: &str) {
    let plain = |c: char| !c.is_whitespace() && !text::is_harmful(c) && !matches!(c, '"' | '=' | '\\');
    if !value.is_empty() && value.chars().all(plain) {
        out.extend_from_slice(value.as_bytes());
    } else {
        json::string(out, value);
    }
}

/// Appends a key and its value; the members of an object become `key.member`, a list of objects JSON text.
fn pair(out: &mut Vec<u8>, key: &str, cell: &Cell) {
    if !json::is_known(cell) {
        return;
    }
    if let Cell::Object(members) = cell {
        for (member, cell) in members {
            pair(out, &format!("{key}.{member}"), cell);
        }
        return;
    }
    if !out.is_empty() {
        out.push(b' ');
    }
    out.extend_from_slice(key.as_bytes());
    out.push(b'=');
    match cell {
        Cell::Text(value) => text(out, value),
        Cell::Word(word) => text(out, word),
        Cell::Time(micros) => time::write_rfc3339(out, *micros),
        Cell::Ip(address) => out.extend_from_slice(address.to_string().as_bytes()),
        Cell::List(_) => {
            let mut nested = Vec::new();
            json::value(&mut nested, cell);
            json::string(out, &String::from_utf8_lossy(&nested));
        }
        cell => json::value(out, cell),
    }
}

/// The members of an object in one line, for a cell of a table.
pub(crate) fn members(members: &[(&'static str, Cell)]) -> String {
    let mut out = Vec::new();
    for (member, cell) in members {
        pair(&mut out, member, cell);
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Replaces what `out` holds by a line.
pub fn row(out: &mut Vec<u8>, kind: &'static str, cells: &[(&'static str, Cell)]) {
    out.clear();
    out.extend_from_slice(b"type=");
    out.extend_from_slice(kind.as_bytes());
    for (key, cell) in cells {
        pair(out, key, cell);
    }
    out.push(b'\n');
}
