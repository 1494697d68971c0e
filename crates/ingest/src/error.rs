//! What went wrong with an input, told once, naming the input and the reason.

use std::fmt;

/// How much a problem matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// An input was unreadable or cut short: exit status 2.
    Error,
    /// Everything was read, but something about the input is not as it should be.
    Warning,
    /// Worth telling, changes nothing.
    Note,
}

/// One thing to tell about one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How much it matters.
    pub kind: ProblemKind,
    /// The input, as named in evidence.
    pub path: String,
    /// Where in it (`line 7`, `byte 1234`), if that is known.
    pub position: Option<String>,
    /// The reason, for a reader who knows nothing of this program.
    pub cause: String,
}

impl Problem {
    /// An unreadable or cut input.
    pub fn error(path: impl Into<String>, cause: impl Into<String>) -> Problem {
        Problem {
            kind: ProblemKind::Error,
            path: path.into(),
            position: None,
            cause: cause.into(),
        }
    }

    /// A flaw that lost nothing.
    pub fn warning(path: impl Into<String>, cause: impl Into<String>) -> Problem {
        Problem {
            kind: ProblemKind::Warning,
            ..Problem::error(path, cause)
        }
    }

    /// Something to know.
    pub fn note(path: impl Into<String>, cause: impl Into<String>) -> Problem {
        Problem {
            kind: ProblemKind::Note,
            ..Problem::error(path, cause)
        }
    }

    /// The same problem, at a place.
    pub fn at(self, position: impl Into<String>) -> Problem {
        Problem {
            position: Some(position.into()),
            ..self
        }
    }

    /// The operating system's refusal in plain words.
    pub fn io(path: impl Into<String>, error: &std::io::Error) -> Problem {
        Problem::error(path, io_cause(error))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.position {
            Some(position) => write!(out, "{}:{}: {}", self.path, position, self.cause),
            None => write!(out, "{}: {}", self.path, self.cause),
        }
    }
}

impl std::error::Error for Problem {}

/// The text of an I/O error without the number that only programmers read.
pub(crate) fn io_cause(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.find(" (os error").map_or(text.as_str(), |at| &text[..at]);
    let mut letters = text.chars();
    match letters.next() {
        // messages of ours begin in lower case, the system's do not
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}
