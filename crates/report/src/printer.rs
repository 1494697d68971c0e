//! Rows in whatever form was asked for; the columns are the same in all of them.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;

use jiff::tz::TimeZone;
use tunlog_model::text::visible;
use tunlog_model::{Cell, Column};

use crate::table::{Cells, Table};
use crate::{csv, json, logfmt, size, time};

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON array.
    Json,
    /// JSON Lines.
    Jsonl,
    /// RFC 4180, for spreadsheets.
    Csv,
    /// `key=value`, one row a line.
    Logfmt,
}

impl Format {
    /// Every format with its word, which is also its file suffix.
    pub const ALL: &[(Format, &str)] = &[
        (Format::Table, "table"),
        (Format::Json, "json"),
        (Format::Jsonl, "jsonl"),
        (Format::Csv, "csv"),
        (Format::Logfmt, "logfmt"),
    ];

    /// The format that a word or a file's suffix names.
    pub fn from_word(word: &str) -> Option<Format> {
        let word = match word {
            "txt" => "table",
            "ndjson" => "jsonl",
            word => word,
        };
        Self::ALL
            .iter()
            .find(|(_, name)| *name == word)
            .map(|(format, _)| *format)
    }
}

/// What a table for people needs to know of them.
#[derive(Clone, Debug)]
pub struct Look {
    /// The zone of the wall clock.
    pub zone: TimeZone,
    /// Whether colours are wanted.
    pub color: bool,
}

fn is_shown<R>(column: &Column<R>, left_out: &[&str]) -> bool {
    !column.header.is_empty() && !left_out.contains(&column.key)
}

/// Prints rows of one kind, one at a time.
#[derive(Debug)]
pub struct Printer {
    format: Format,
    kind: &'static str,
    keys: Vec<&'static str>,
    look: Look,
    table: Table,
    /// Keys of columns that the table leaves out.
    left_out: &'static [&'static str],
    rows: u64,
    /// The row that is being printed; only its room is kept.
    cells: Cells,
    buffer: Vec<u8>,
}

/// What belongs to a row and is no column of it.
#[derive(Clone, Debug, Default)]
pub struct Addition {
    /// Lines under the row of a table.
    pub note: String,
    /// The same for programs: a key, which `Printer::adding` has announced, and its value.
    pub cell: Option<(&'static str, Cell)>,
}

impl Printer {
    /// For rows with these columns; `kind` is the contract's `type`.
    pub fn new<R>(format: Format, kind: &'static str, columns: &[Column<R>], look: Look) -> Printer {
        Printer::leaving_out(&[], format, kind, columns, look)
    }

    /// The same; the table for people leaves out some columns that would always be empty. Other forms have all.
    pub fn leaving_out<R>(
        left_out: &'static [&'static str],
        format: Format,
        kind: &'static str,
        columns: &[Column<R>],
        look: Look,
    ) -> Printer {
        let heads = columns
            .iter()
            .filter(|column| is_shown(column, left_out))
            .map(|column| column.header)
            .collect();
        Printer {
            format,
            kind,
            keys: columns.iter().map(|column| column.key).collect(),
            table: Table::new(heads, look.color),
            left_out,
            look,
            rows: 0,
            cells: Cells::default(),
            buffer: Vec::new(),
        }
    }

    /// Announces the key of what is added to rows.
    pub fn adding(mut self, key: &'static str) -> Printer {
        self.keys.push(key);
        self
    }

    /// Rows printed so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Prints a row. The columns are those given to `new`; they come again because a row may borrow what lives only now.
    pub fn row<R>(&mut self, columns: &[Column<R>], row: &R, out: &mut dyn Write) -> io::Result<()> {
        self.row_and(columns, row, Addition::default(), out)
    }

    /// The same with something added.
    pub fn row_and<R>(
        &mut self,
        columns: &[Column<R>],
        row: &R,
        addition: Addition,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.rows += 1;
        if self.format == Format::Table {
            let shown = columns.iter().filter(|column| is_shown(column, self.left_out));
            self.cells.clear();
            shown.for_each(|column| show(&(column.value)(row), &self.look.zone, &mut self.cells));
            return self.table.add(&self.cells, addition.note, out);
        }
        let mut cells: Vec<_> = columns.iter().map(|column| (column.key, (column.value)(row))).collect();
        cells.extend(addition.cell);
        self.buffer.clear();
        match self.format {
            Format::Csv => {
                if self.rows == 1 {
                    csv::head(&mut self.buffer, &self.keys);
                }
                csv::row(&mut self.buffer, &cells);
            }
            Format::Logfmt => logfmt::row(&mut self.buffer, self.kind, &cells),
            Format::Json => {
                self.buffer
                    .extend_from_slice(if self.rows == 1 { b"[\n" } else { b",\n" });
                json::row(&mut self.buffer, self.kind, &cells);
            }
            Format::Jsonl | Format::Table => {
                json::row(&mut self.buffer, self.kind, &cells);
                self.buffer.push(b'\n');
            }
        }
        out.write_all(&self.buffer)
    }

    /// Prints a row that is already a JSON object; only for JSON formats.
    pub fn json_row(&mut self, write: impl FnOnce(&mut Vec<u8>), out: &mut dyn Write) -> io::Result<()> {
        self.rows += 1;
        self.buffer.clear();
        if self.format == Format::Json {
            self.buffer
                .extend_from_slice(if self.rows == 1 { b"[\n" } else { b",\n" });
        }
        write(&mut self.buffer);
        if self.format != Format::Json {
            self.buffer.push(b'\n');
        }
        out.write_all(&self.buffer)
    }

    /// Prints what belongs after the last row.
    pub fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            Format::Table => self.table.finish(out),
            Format::Json => out.write_all(if self.rows == 0 { b"[]\n" } else { b"\n]\n" }),
            Format::Csv if self.rows == 0 => {
                self.buffer.clear();
                csv::head(&mut self.buffer, &self.keys);
                out.write_all(&self.buffer)
            }
            _ => Ok(()),
        }
    }
}

/// Adds a cell for people to a row.
pub(crate) fn show(cell: &Cell, zone: &TimeZone, row: &mut Cells) {
    let right = matches!(cell, Cell::Count(_) | Cell::Bytes(_) | Cell::Seconds(_));
    // writing to a text cannot fail
    match cell {
        Cell::None => row.push(""),
        Cell::Text(value) if value.is_empty() => row.push("\"\""),
        Cell::Text(value) => row.push(value),
        Cell::Word(word) => row.push_harmless(right, word_style(word), |text| text.push_str(&visible(word))),
        Cell::Count(count) => row.push_harmless(right, "", |text| {
            let _ = write!(text, "{count}");
        }),
        Cell::Bytes(bytes) => row.push_harmless(right, "", |text| size::write_bytes_iec(text, *bytes)),
        Cell::Time(micros) => row.push_harmless(right, "", |text| time::write_local(text, *micros, zone)),
        Cell::Seconds(seconds) => row.push_harmless(right, "", |text| size::write_duration(text, *seconds)),
        Cell::Ip(address) => row.push_harmless(right, "", |text| write_address(text, *address)),
        Cell::Bool(truth) => row.push(if *truth { "yes" } else { "no" }),
        Cell::List(_) | Cell::Object(_) => row.push(&nested(cell)),
    }
}

/// Adds an address as `Display` writes it; every row has some, and formatting them costs as much as the rest of the row.
fn write_address(out: &mut String, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        let _ = write!(out, "{address}");
        return;
    };
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            out.push('.');
        }
        for (least, unit) in [(100, 100), (10, 10), (0, 1)] {
            if octet >= least {
                out.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
}

/// Something nested in one line: `key=value key=value`, `one, two`.
fn nested(cell: &Cell) -> String {
    let plain = |cell: &Cell| match cell {
        Cell::Word(word) => Some((*word).to_owned()),
        Cell::Text(value) => Some(value.clone()),
        _ => None,
    };
    match cell {
        Cell::Object(members) => logfmt::members(members),
        Cell::List(cells) if let Some(words) = cells.iter().map(plain).collect::<Option<Vec<_>>>() => words.join(", "),
        cell => {
            let mut out = Vec::new();
            json::value(&mut out, cell);
            String::from_utf8_lossy(&out).into_owned()
        }
    }
}

/// Colours for the words that a reader looks for.
fn word_style(word: &str) -> &'static str {
    match word {
        "failed" | "error" | "critical" | "alert" | "emergency" => "31",
        "open" | "still logged in" => "32",
        "warning" | "unfinished" => "33",
        _ => "",
    }
}
