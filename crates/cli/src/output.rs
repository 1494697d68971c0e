//! Where the output goes, and how a run fails.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write};
use std::path::{Path, PathBuf};

use tunlog_model::text;

use crate::args::Color;

/// Why a run ends early.
#[derive(Debug)]
pub enum Failure {
    /// The reader of our output has gone; no error.
    BrokenPipe,
    /// What failed, where, why, what to do.
    Message(String),
}

impl Failure {
    /// An error of writing to `place`.
    pub fn write(place: &str, error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
            _ => Failure::Message(format!("{place}: cannot write: {}", cause(error))),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Misplaced>()) {
            Some(Misplaced { place, error }) => Failure::write(place, error),
            None => Failure::write("output", &error),
        }
    }
}

/// An error of writing that says where: whoever prints rows knows only that something could not be written.
#[derive(Debug)]
struct Misplaced {
    place: String,
    error: io::Error,
}

impl std::fmt::Display for Misplaced {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.place, self.error)
    }
}

impl std::error::Error for Misplaced {}

/// The text of an I/O error without the number that only programmers read.
pub fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    let mut text = text[..end].to_owned();
    text[..1.min(end)].make_ascii_lowercase();
    text
}

/// Standard output, or the file that `--to` names.
pub enum Output {
    /// Locked and buffered.
    Stdout(BufWriter<StdoutLock<'static>>),
    /// A file.
    File(Draft),
}

/// A file that appears under its name when it is complete; what is left half done is removed.
pub struct Draft {
    /// What is being written.
    file: BufWriter<File>,
    /// Where it is written.
    draft: PathBuf,
    /// The name it gets.
    name: PathBuf,
}

impl Draft {
    fn create(name: &Path) -> io::Result<Draft> {
        // A device or a pipe cannot be replaced; and an input that is also the output must not be emptied first.
        let replaceable = std::fs::metadata(name).map_or(true, |found| found.is_file());
        let draft = if replaceable { draft_of(name) } else { name.to_owned() };
        Ok(Draft {
            file: BufWriter::new(File::create(&draft)?),
            draft,
            name: name.to_owned(),
        })
    }

    fn finish(&mut self) -> io::Result<()> {
        self.file.flush()?;
        match self.draft == self.name {
            true => Ok(()),
            false => std::fs::rename(&self.draft, &self.name),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.draft != self.name {
            // once it has its name, nothing is there
            let _ = std::fs::remove_file(&self.draft);
        }
    }
}

impl Output {
    /// Opens the output.
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn open(to: Option<&Path>) -> Result<Output, Failure> {
        let Some(name) = to else {
            return Ok(Output::Stdout(BufWriter::with_capacity(1 << 16, io::stdout().lock())));
        };
        let draft = Draft::create(name).map_err(|error| Failure::write(&name.display().to_string(), &error))?;
        Ok(Output::File(draft))
    }

    /// Writes what is buffered and gives the file its name.
    ///
    /// # Errors
    /// If writing fails.
    pub fn finish(mut self) -> Result<(), Failure> {
        let finished = match &mut self {
            Output::Stdout(out) => out.flush(),
            Output::File(draft) => draft.finish(),
        };
        finished.map_err(|error| Failure::write(&self.place(), &error))
    }

    fn place(&self) -> String {
        match self {
            Output::Stdout(_) => "standard output".to_owned(),
            Output::File(draft) => draft.name.display().to_string(),
        }
    }

    /// The same error, with the place where it happened. Whoever writes goes by the kind of some.
    fn placed<T>(&self, written: io::Result<T>) -> io::Result<T> {
        written.map_err(|error| match error.kind() {
            kind @ (io::ErrorKind::Interrupted | io::ErrorKind::BrokenPipe) => kind.into(),
            kind => io::Error::new(
                kind,
                Misplaced {
                    place: self.place(),
                    error,
                },
            ),
        })
    }
}

fn draft_of(name: &Path) -> PathBuf {
    let mut draft = name.file_name().unwrap_or_default().to_os_string();
    draft.push(format!(".{}.part", std::process::id()));
    name.with_file_name(draft)
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self {
            Output::Stdout(out) => out.write(bytes),
            Output::File(draft) => draft.file.write(bytes),
        };
        self.placed(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = match self {
            Output::Stdout(out) => out.flush(),
            Output::File(draft) => draft.file.flush(),
        };
        self.placed(flushed)
    }
}

/// Whether colours are wanted on standard output.
pub fn wants_color(color: Color, to_file: bool) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            !to_file && !refused && !dumb && io::stdout().is_terminal()
        }
    }
}

/// Tells something on standard error; nothing in it can harm a terminal.
pub fn tell(message: &str) {
    // If standard error is gone there is nobody left to tell.
    let _ = writeln!(io::stderr().lock(), "tunlog: {}", text::visible(message));
}

/// The same of several lines: the first begins with our name, the others are its details.
pub fn tell_lines(message: &str) {
    let mut lines = message.lines();
    tell(lines.next().unwrap_or_default());
    for line in lines {
        let _ = writeln!(io::stderr().lock(), "{}", text::visible(line));
    }
}

/// Columns for running text: those of the terminal, within what reads well.
pub fn width() -> usize {
    let typed = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let columns = match io::stdout().is_terminal() {
        true => crossterm::terminal::size()
            .ok()
            .map(|(columns, _)| usize::from(columns))
            .or(typed),
        false => typed,
    };
    columns.unwrap_or(WIDTH_MAX).clamp(WIDTH_MIN, WIDTH_MAX)
}

/// Longer lines are hard to read.
const WIDTH_MAX: usize = 100;
/// Narrower than this no text can be wrapped.
const WIDTH_MIN: usize = 24;
