//! Tables for terminals: columns never collide and nothing is cut off, whatever the names are. A value that is longer than
//! [`WIDTH_MAX`] moves the rest of its own row and no other: a peer that gives itself a long name does not push the columns of
//! everybody off the screen.
//!
//! The first rows decide the widths; a later row that needs more takes it, and the rows after it keep to that. So a
//! table of any length is printed with a bounded number of rows in memory.

use std::borrow::Cow;
use std::io::{self, Write};

use tunlog_model::text;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Rows that are looked at before the first is printed.
const ROWS_HELD_MAX: usize = 1000;
const GAP: usize = 2;
/// Widest that a value makes its column, in columns of the terminal: a name with its domain, or an address in brackets, fits.
const WIDTH_MAX: usize = 48;

/// A cell as it will stand in the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    text: String,
    right: bool,
    style: &'static str,
}

impl Shown {
    /// Text, aligned left; characters that could harm the reader are made visible.
    pub fn left<'t>(value: impl Into<Cow<'t, str>>) -> Shown {
        let value = value.into();
        let harmless = match text::visible(&value) {
            Cow::Owned(harmless) => Some(harmless),
            Cow::Borrowed(_) => None,
        };
        Shown {
            text: harmless.unwrap_or_else(|| value.into_owned()),
            right: false,
            style: "",
        }
    }

    /// A number, aligned right.
    pub fn right<'t>(value: impl Into<Cow<'t, str>>) -> Shown {
        Shown {
            right: true,
            ..Shown::left(value)
        }
    }

    /// With an SGR style (`31`), used only if the table has colours.
    pub fn styled(self, style: &'static str) -> Shown {
        Shown { style, ..self }
    }
}

/// Columns of a terminal that a text takes.
fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// The cells of a row, one after the other in one text: a row is printed for each of a million attempts, and a text for each of
/// its cells would cost more than all that stands in them.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    text: String,
    parts: Vec<Part>,
}

/// A cell of a row.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Where its text ends; it begins where the one before ends.
    end: usize,
    right: bool,
    style: &'static str,
}

impl Cells {
    /// Adds a cell of a foreign text, aligned left; characters that could harm the reader are made visible.
    pub fn push(&mut self, value: &str) {
        self.push_harmless(false, "", |text| text.push_str(&text::visible(value)));
    }

    /// Adds a cell, of which `write` adds the text; nothing in that may do harm.
    pub(crate) fn push_harmless(&mut self, right: bool, style: &'static str, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
        let end = self.text.len();
        self.parts.push(Part { end, right, style });
    }

    /// All that stands in them.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Forgets them; their room is kept.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.parts.clear();
    }

    fn each(&self) -> impl Iterator<Item = (&str, &Part)> {
        let mut start = 0;
        self.parts.iter().map(move |part| {
            let text = &self.text[start..part.end];
            start = part.end;
            (text, part)
        })
    }
}

impl From<Vec<Shown>> for Cells {
    fn from(all: Vec<Shown>) -> Cells {
        let mut cells = Cells::default();
        for cell in all {
            cells.push_harmless(cell.right, cell.style, |text| text.push_str(&cell.text));
        }
        cells
    }
}

/// Columns of a terminal that a line takes; SGR sequences of ours take none.
pub fn columns(line: &str) -> usize {
    let mut sequence = false;
    let of = |c: char| {
        let is_ours = sequence || c == '\x1b';
        sequence = is_ours && c != 'm';
        if is_ours { 0 } else { c.width().unwrap_or(0) }
    };
    line.chars().map(of).sum()
}

/// What of a line is seen through a window that begins at a column of it and is so many columns of a terminal wide; SGR
/// sequences of ours take none and are kept. A character that does not fit as a whole is not seen.
pub fn cut(line: &str, from: usize, columns: usize) -> String {
    let mut out = String::with_capacity(line.len());
    let (mut at, mut sequence, end) = (0_usize, false, from.saturating_add(columns));
    for c in line.chars() {
        if sequence || c == '\x1b' {
            sequence = c != 'm';
            out.push(c);
            continue;
        }
        let next = at + c.width().unwrap_or(0);
        if at >= from && next <= end {
            out.push(c);
        } else if at < from && next > from {
            out.push(' '); // half of a wide one
        }
        // what comes after one that did not fit is not seen either
        at = next;
    }
    out
}

/// A table that is printed as it comes.
#[derive(Debug)]
pub struct Table {
    heads: Vec<&'static str>,
    widths: Vec<usize>,
    held: Vec<(Cells, String)>,
    started: bool,
    headed_if_empty: bool,
    color: bool,
    /// The line that is being printed; only its room is kept.
    line: Vec<u8>,
}

impl Table {
    /// With these headings; if all are empty no heading line is printed.
    pub fn new(heads: Vec<&'static str>, color: bool) -> Table {
        let widths = heads.iter().map(|head| head.width()).collect();
        Table {
            heads,
            widths,
            held: Vec::new(),
            started: false,
            headed_if_empty: false,
            color,
            line: Vec::new(),
        }
    }

    /// Raises the smallest widths.
    pub fn at_least(mut self, widths: &[usize]) -> Table {
        for (width, least) in self.widths.iter_mut().zip(widths) {
            *width = (*width).max(*least);
        }
        self
    }

    /// Prints the headings even when there is no row: for those who asked for them.
    pub fn headed_if_empty(mut self) -> Table {
        self.headed_if_empty = true;
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Shown>, out: &mut dyn Write) -> io::Result<()> {
        self.noted(cells, String::new(), out)
    }

    /// Adds a row with lines that stand under it as they are.
    pub fn noted(&mut self, cells: Vec<Shown>, note: String, out: &mut dyn Write) -> io::Result<()> {
        self.add(&cells.into(), note, out)
    }

    /// The same, for whoever makes many rows.
    pub(crate) fn add(&mut self, cells: &Cells, note: String, out: &mut dyn Write) -> io::Result<()> {
        self.widen(cells);
        if self.started {
            self.print(cells, out)?;
            return out.write_all(note.as_bytes());
        }
        self.held.push((cells.clone(), note));
        if self.held.len() < ROWS_HELD_MAX {
            Ok(())
        } else {
            self.start(out)
        }
    }

    /// Prints what is still held.
    pub fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.started { Ok(()) } else { self.start(out) }
    }

    fn start(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.started = true;
        let held = std::mem::take(&mut self.held);
        if self.heads.iter().any(|head| !head.is_empty()) && (self.headed_if_empty || !held.is_empty()) {
            let right = |at: usize| {
                held.iter()
                    .filter_map(|(row, _)| row.each().nth(at))
                    .any(|(text, part)| part.right && !text.is_empty())
            };
            let heads = self.heads.iter().enumerate();
            let heads: Vec<Shown> = heads
                .map(|(at, head)| Shown {
                    right: right(at),
                    ..Shown::left(*head).styled("1")
                })
                .collect();
            self.print(&heads.into(), out)?;
        }
        held.iter().try_for_each(|(row, note)| {
            self.print(row, out)?;
            out.write_all(note.as_bytes())
        })
    }

    fn widen(&mut self, cells: &Cells) {
        let plain = cells.text.is_ascii();
        for (known, (text, _)) in self.widths.iter_mut().zip(cells.each()) {
            let width = if plain { text.len() } else { width(text) };
            *known = (*known).max(width.min(WIDTH_MAX));
        }
    }

    fn print(&mut self, cells: &Cells, out: &mut dyn Write) -> io::Result<()> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let styled = self.color && cells.parts.iter().any(|part| !part.style.is_empty());
        if cells.text.is_ascii() && !styled {
            self.lay_out_plain(cells, &mut line);
        } else {
            self.lay_out(cells, &mut line)?;
        }
        line.push(b'\n');
        self.line = line;
        out.write_all(&self.line)
    }

    /// A line of cells.
    fn lay_out(&self, cells: &Cells, line: &mut Vec<u8>) -> io::Result<()> {
        let mut owed = 0; // blanks that only a later cell makes visible
        for ((text, part), widest) in cells.each().zip(&self.widths) {
            let pad = widest.saturating_sub(width(text));
            if part.right {
                owed += pad;
            }
            if !text.is_empty() {
                line.resize(line.len() + owed, b' ');
                owed = 0;
                self.write_cell(text, part, line)?;
            }
            owed += if part.right { GAP } else { pad + GAP };
        }
        Ok(())
    }

    /// The same for cells whose characters are a byte and a column each, without styles: they are put onto a blank line.
    fn lay_out_plain(&self, cells: &Cells, line: &mut Vec<u8>) {
        line.resize(self.widths.iter().map(|width| width + GAP).sum(), b' ');
        let (mut column, mut end) = (0, 0);
        for ((text, part), widest) in cells.each().zip(&self.widths) {
            if !text.is_empty() {
                let from = if part.right {
                    column + widest.saturating_sub(text.len())
                } else {
                    column
                };
                end = from + text.len();
                if end > line.len() {
                    line.resize(end, b' '); // a long value has moved what follows it
                }
                line[from..end].copy_from_slice(text.as_bytes());
            }
            column += widest.max(&text.len()) + GAP;
        }
        line.truncate(end);
    }

    fn write_cell(&self, text: &str, part: &Part, out: &mut Vec<u8>) -> io::Result<()> {
        if self.color && !part.style.is_empty() {
            write!(out, "\x1b[{}m{text}\x1b[0m", part.style)
        } else {
            out.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn plain_cells_stand_where_all_cells_would(
            rows in proptest::collection::vec(proptest::collection::vec(("[a-z ]{0,6}", proptest::bool::ANY), 3), 1..4),
        ) {
            let mut table = Table::new(vec!["a", "", "c"], false);
            for row in rows {
                let cells = row.into_iter().map(|(text, right)| Shown { right, ..Shown::left(text) }).collect::<Vec<_>>();
                let cells = Cells::from(cells);
                table.widen(&cells);
                let (mut plain, mut any) = (Vec::new(), Vec::new());
                table.lay_out_plain(&cells, &mut plain);
                table.lay_out(&cells, &mut any).expect("a vector takes everything");
                proptest::prop_assert_eq!(plain, any);
            }
        }
    }

    #[test]
    fn a_long_name_moves_its_own_row_only() {
        // of ASCII alone, and with a name that is not: lines are laid out in two ways
        for other in ["bert", "Пётр"] {
            let mut table = Table::new(vec!["User", "Bytes", "From"], false);
            let (mut out, long) = (Vec::new(), "x".repeat(250));
            for name in ["anna", &long, other] {
                let row = vec![Shown::left(name), Shown::right("7"), Shown::left("192.0.2.1")];
                table.row(row, &mut out).expect("a vector takes everything");
            }
            table.finish(&mut out).expect("a vector takes everything");
            let text = String::from_utf8(out).expect("text");
            let places = |what: &str| -> Vec<Option<usize>> {
                let lines = text.lines().skip(1);
                lines
                    .map(|line| line.find(what).map(|at| columns(&line[..at])))
                    .collect()
            };
            let (short, moved) = (WIDTH_MAX + GAP, 250 + GAP);
            assert_eq!(places(" 7 "), [short + 3, moved + 3, short + 3].map(Some));
            assert_eq!(places("192"), [short + 7, moved + 7, short + 7].map(Some));
            assert!(text.contains(&long), "nothing is cut off");
        }
    }

    #[test]
    fn a_line_is_cut_by_columns_not_by_bytes() {
        assert_eq!(cut("\x1b[32mПётр 田中\x1b[0m", 0, 6), "\x1b[32mПётр \x1b[0m");
        assert_eq!(cut("\x1b[32mПётр 田中\x1b[0m", 0, 7), "\x1b[32mПётр 田\x1b[0m");
        assert_eq!(cut("田a", 0, 1), "");
        assert_eq!(cut("short", 0, 80), "short");
        assert_eq!(cut("anything", 0, 0), "");
    }

    #[test]
    fn a_line_is_seen_from_a_column_on() {
        assert_eq!(cut("\x1b[32mПётр 田中\x1b[0m", 3, 4), "\x1b[32mр 田\x1b[0m");
        assert_eq!(cut("a田中b", 2, 3), " 中");
        assert_eq!(cut("short", 5, 80), "");
        assert_eq!(cut("short", usize::MAX, 80), "");
        assert_eq!(columns("\x1b[32mПётр 田中\x1b[0m"), 9);
    }
}
