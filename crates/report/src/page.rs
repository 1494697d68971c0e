//! Labelled paragraphs, wrapped at blanks, for people.

use std::io::{self, Write};

use tunlog_model::text;

use crate::printer::Look;

/// Columns of a label.
const LABEL_WIDTH: usize = 12;
/// Below this the label has a line of its own.
const NARROW: usize = 50;

/// Where labelled paragraphs are printed.
#[derive(Clone, Copy)]
pub(crate) struct Page<'a> {
    pub look: &'a Look,
    pub width: usize,
}

impl Page<'_> {
    /// A label, and the blanks after it.
    pub fn label(&self, label: &str, out: &mut dyn Write) -> io::Result<()> {
        let indent = self.indent();
        match (
            self.look.color && !label.is_empty(),
            self.width < NARROW && !label.is_empty(),
        ) {
            (true, true) => writeln!(out, "\x1b[1m{label}\x1b[0m")?,
            (false, true) => writeln!(out, "{label}")?,
            (true, false) => {
                write!(out, "\x1b[1m{label}\x1b[0m{:pad$}", "", pad = indent - label.len())?;
                return Ok(());
            }
            (false, false) => return write!(out, "{label:<indent$}"),
        }
        write!(out, "{:indent$}", "")
    }

    /// Where texts begin.
    pub fn indent(&self) -> usize {
        if self.width < NARROW { 2 } else { LABEL_WIDTH }
    }

    /// A label and its text, wrapped at blanks.
    pub fn paragraph(&self, label: &str, words: &str, out: &mut dyn Write) -> io::Result<()> {
        self.label(label, out)?;
        let indent = self.indent();
        let mut column = indent;
        for word in text::visible(words).split_whitespace() {
            let length = word.chars().count();
            if column > indent && column + 1 + length > self.width {
                write!(out, "\n{:indent$}", "")?;
                column = indent;
            } else if column > indent {
                out.write_all(b" ")?;
                column += 1;
            }
            out.write_all(word.as_bytes())?;
            column += length;
        }
        out.write_all(b"\n")
    }
}
