//! A page of sections for people, told once and written as HTML or Markdown: what an incident's report is made of. Values may be
//! of any origin; either form makes them harmless.

use std::fmt::Write as _;

use tunlog_model::text;

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// Its title.
    pub title: String,
    /// Under it, softer.
    pub subtitle: String,
    /// Its sections.
    pub sections: Vec<Section>,
    /// At the end.
    pub footer: String,
}

/// A section.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its anchor: small letters.
    pub id: &'static str,
    /// Its heading.
    pub heading: &'static str,
    /// What is in it.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Clone, Debug)]
pub enum Block {
    /// A paragraph.
    Words(String),
    /// A softer paragraph.
    Note(String),
    /// Figures: what, how many, more.
    Tiles(Vec<(String, String, String)>),
    /// A table.
    Table(SheetTable),
    /// Things to do.
    Steps(Vec<SheetStep>),
    /// Lines as they stand in a file, or to be typed.
    Lines(Vec<String>),
}

/// A table; columns in which nothing is known are left out.
#[derive(Clone, Debug)]
pub struct SheetTable {
    /// What it shows.
    pub caption: String,
    /// Headings, each with what the column means.
    pub heads: Vec<(&'static str, &'static str)>,
    /// Rows of as many cells.
    pub rows: Vec<Vec<SheetCell>>,
    /// Rows that are not shown.
    pub more: u64,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SheetCell {
    /// Nothing is known.
    None,
    /// Text of any origin.
    Text(String),
    /// A time, as it is shown.
    Time(String),
    /// A count.
    Count(u64),
    /// Text of a fixed width: a line of a log, a hash.
    Code(String),
}

impl SheetCell {
    /// Text; nothing if it is empty.
    pub fn text(value: impl Into<String>) -> SheetCell {
        let value = value.into();
        if value.is_empty() {
            SheetCell::None
        } else {
            SheetCell::Text(value)
        }
    }
}

/// Something to do.
#[derive(Clone, Debug)]
pub struct SheetStep {
    /// Under which word it stands.
    pub group: String,
    /// It is done, or nobody will.
    pub is_done: bool,
    /// What.
    pub text: String,
    /// Who ticked it off.
    pub told: String,
    /// Commands.
    pub commands: Vec<String>,
}

/// The page as Markdown (CommonMark with tables).
pub fn markdown(sheet: &Sheet) -> String {
    let mut out = format!("# {}\n\n{}\n", plain(&sheet.title), plain(&sheet.subtitle));
    for section in &sheet.sections {
        let _ = writeln!(out, "\n## {}", section.heading);
        for block in &section.blocks {
            out.push('\n');
            write_block(&mut out, block);
        }
    }
    let _ = writeln!(out, "\n---\n\n{}", plain(&sheet.footer));
    out
}

fn write_block(out: &mut String, block: &Block) {
    match block {
        Block::Words(words) | Block::Note(words) => {
            let _ = writeln!(out, "{}", plain(words));
        }
        Block::Tiles(tiles) => {
            for (what, value, more) in tiles {
                let _ = writeln!(out, "- **{}**: {} {}", plain(what), plain(value), plain(more));
            }
        }
        Block::Table(table) => write_table(out, table),
        Block::Steps(steps) => {
            for step in steps {
                let tick = if step.is_done { 'x' } else { ' ' };
                let _ = writeln!(
                    out,
                    "- [{tick}] {}: {} {}",
                    plain(&step.group),
                    plain(&step.text),
                    plain(&step.told)
                );
                if !step.commands.is_empty() {
                    fenced(out, &step.commands, "  ");
                }
            }
        }
        Block::Lines(lines) => fenced(out, lines, ""),
    }
}

fn write_table(out: &mut String, table: &SheetTable) {
    let used = used(table);
    let _ = writeln!(out, "{}\n", plain(&table.caption));
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push_str(&row(used.iter().map(|at| table.heads[*at].0.to_owned()).collect()));
    out.push_str(&row(used.iter().map(|_| "---".to_owned()).collect()));
    for cells in &table.rows {
        let cell = |at: &usize| match cells.get(*at) {
            None | Some(SheetCell::None) => String::new(),
            Some(SheetCell::Text(text) | SheetCell::Time(text) | SheetCell::Code(text)) => plain(text),
            Some(SheetCell::Count(count)) => count.to_string(),
        };
        out.push_str(&row(used.iter().map(cell).collect()));
    }
    if table.more > 0 {
        let _ = writeln!(out, "\n{} more rows are in the files.", table.more);
    }
}

/// Columns in which something is known; the first in any case.
pub(crate) fn used(table: &SheetTable) -> Vec<usize> {
    let is_used = |at: &usize| {
        *at == 0
            || table
                .rows
                .iter()
                .any(|row| row.get(*at).is_some_and(|cell| *cell != SheetCell::None))
    };
    (0..table.heads.len()).filter(is_used).collect()
}

/// Lines in a fence that none of them can end.
fn fenced(out: &mut String, lines: &[String], indent: &str) {
    let runs = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len);
    let fence = "`".repeat(runs.max().unwrap_or(0).max(2) + 1);
    let _ = writeln!(out, "{indent}{fence}");
    for line in lines {
        let _ = writeln!(out, "{indent}{}", text::visible(line));
    }
    let _ = writeln!(out, "{indent}{fence}");
}

/// Text that Markdown takes for nothing but text, on one line.
fn plain(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in text::visible(value).chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A page of everything, with a value that wants to get out.
    pub(crate) fn everything(hostile: &str) -> Sheet {
        let text = || hostile.to_owned();
        Sheet {
            title: text(),
            subtitle: text(),
            footer: text(),
            sections: vec![Section {
                id: "one",
                heading: "One",
                blocks: vec![
                    Block::Words(text()),
                    Block::Note(text()),
                    Block::Tiles(vec![(text(), text(), text())]),
                    Block::Table(SheetTable {
                        caption: text(),
                        heads: vec![("A", "a"), ("B", "b"), ("Empty", "never"), ("N", "n")],
                        rows: vec![
                            vec![
                                SheetCell::Text(text()),
                                SheetCell::Code(text()),
                                SheetCell::None,
                                SheetCell::Count(7),
                            ],
                            vec![
                                SheetCell::Time(text()),
                                SheetCell::None,
                                SheetCell::None,
                                SheetCell::None,
                            ],
                        ],
                        more: 3,
                    }),
                    Block::Steps(vec![SheetStep {
                        group: text(),
                        is_done: true,
                        text: text(),
                        told: text(),
                        commands: vec![text()],
                    }]),
                    Block::Lines(vec![text()]),
                ],
            }],
        }
    }

    #[test]
    fn markdown_keeps_text_text() {
        let page = markdown(&everything("<script>|a`b``` [x](y) # *z*\n# h \u{1b}\u{202e}"));
        assert!(!page.contains("<script>") || page.contains("\\<script\\>"), "{page}");
        assert!(!page.chars().any(|c| c != '\n' && text::is_harmful(c)), "{page}");
        // nothing begins a line that we did not begin
        assert!(!page.lines().any(|line| line.starts_with("# h")), "{page}");
        assert!(page.contains("| A | B | N |\n"), "{page}");
        assert!(
            page.contains("\n````\n"),
            "the fence is longer than what is in it: {page}"
        );
    }
}
