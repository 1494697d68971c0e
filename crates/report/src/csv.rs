//! Cells as CSV (RFC 4180) for people: what a spreadsheet would take for a formula is made harmless. JSON stays exact.

use tunlog_model::{Cell, text};

use crate::{json, time};

/// Appends a field of text of foreign origin: control characters made visible, a leading `'` before what a spreadsheet
/// would run (security.md: `=`, `+`, `-`, `@`, tab, CR and their fullwidth forms).
pub fn text(out: &mut Vec<u8>, value: &str) {
    let shown = text::visible(value);
    if value.starts_with(is_formula_start) {
        quoted(out, &format!("'{shown}"));
    } else {
        quoted(out, &shown);
    }
}

fn is_formula_start(c: char) -> bool {
    matches!(
        c,
        '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'
    )
}

fn quoted(out: &mut Vec<u8>, value: &str) {
    if !value.contains([',', '"', '\'']) && !value.starts_with(' ') && !value.ends_with(' ') && !value.is_empty() {
        out.extend_from_slice(value.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in value.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

fn field(out: &mut Vec<u8>, cell: &Cell) {
    match cell {
        // Quoted, an empty name differs from an unknown one.
        Cell::Text(value) => text(out, value),
        Cell::Time(micros) => time::write_rfc3339(out, *micros),
        Cell::Word(word) => quoted(out, word),
        Cell::Ip(address) => quoted(out, &address.to_string()),
        Cell::List(_) | Cell::Object(_) => {
            let mut nested = Vec::new();
            json::value(&mut nested, cell);
            quoted(out, &String::from_utf8_lossy(&nested));
        }
        cell if json::is_known(cell) => json::value(out, cell),
        _ => {}
    }
}

/// Appends the heading record.
pub fn head(out: &mut Vec<u8>, keys: &[&'static str]) {
    out.extend_from_slice(keys.join(",").as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends a record.
pub fn row(out: &mut Vec<u8>, cells: &[(&'static str, Cell)]) {
    for (at, (_, cell)) in cells.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        field(out, cell);
    }
    out.extend_from_slice(b"\r\n");
}
