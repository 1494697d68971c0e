//! What went wrong with a store, for a reader who knows nothing of this program.

use std::fmt;
use std::path::{Path, PathBuf};

/// What kind of trouble it is: callers act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is no store at the path.
    Absent,
    /// Another process writes to it.
    Busy,
    /// The disk is full, or the quota is used up.
    Full,
    /// It was written by a later version.
    Newer,
    /// Something in it is not as it was written.
    Corrupt,
    /// The system refused: an error of the disk, no more open files, a disk that may not be written to.
    Io,
    /// What is written and what is held in memory are apart: it has to be opened again.
    Apart,
    /// The answer would have taken longer than it may.
    TooLong,
}

/// One thing that went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError {
    /// What kind it is.
    pub kind: Kind,
    /// The file or directory.
    pub path: PathBuf,
    /// The reason.
    pub cause: String,
}

/// What most of this crate answers.
pub type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    /// Of a kind.
    pub fn new(kind: Kind, path: &Path, cause: impl Into<String>) -> StoreError {
        StoreError {
            kind,
            path: path.to_path_buf(),
            cause: cause.into(),
        }
    }

    /// Something that is not as it was written.
    pub fn corrupt(path: &Path, cause: impl Into<String>) -> StoreError {
        StoreError::new(Kind::Corrupt, path, cause)
    }

    /// Whether the same may work later: the system refused, and the store is as it was.
    pub fn may_pass(&self) -> bool {
        matches!(self.kind, Kind::Full | Kind::Io | Kind::Busy)
    }

    /// The system's refusal.
    pub fn io(path: &Path, error: &std::io::Error) -> StoreError {
        let kind = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Kind::Full,
            _ => Kind::Io,
        };
        let text = error.to_string();
        let text = text.find(" (os error").map_or(text.as_str(), |at| &text[..at]);
        let mut letters = text.chars();
        let cause = letters
            .next()
            .map(|first| first.to_lowercase().chain(letters).collect::<String>());
        StoreError::new(kind, path, cause.unwrap_or_default())
    }

    /// The database's refusal.
    pub fn database(path: &Path, error: &rusqlite::Error) -> StoreError {
        use rusqlite::ErrorCode;
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Kind::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Kind::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Kind::Corrupt,
            // what is asked of it and what it holds do not fit: no waiting helps
            Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) | None => Kind::Corrupt,
            Some(ErrorCode::OperationInterrupted) => Kind::TooLong,
            _ => Kind::Io,
        };
        StoreError::new(kind, path, error.to_string())
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.path.display(), self.cause)
    }
}

impl std::error::Error for StoreError {}
