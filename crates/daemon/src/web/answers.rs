//! What the interface asks of the rest of the daemon.

use std::time::Duration;

use super::question::Question;

/// Some objects of the contract, each as its JSON text, and where the next ones begin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The objects.
    pub items: Vec<String>,
    /// What to ask for the next page with; None after the last one.
    pub next: Option<String>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The cursor is none that was given out.
    Cursor,
    /// There is nothing to ask, or it cannot be read at present.
    Unavailable(String),
    /// It would have taken longer than this.
    TooLong(Duration),
}

/// Who knows the answers. Called on threads that may wait for a disk.
pub trait Answers: Send + Sync {
    /// Attempts, the latest first.
    ///
    /// # Errors
    /// If there is no answer.
    fn attempts(&self, question: &Question) -> Result<Page, Failure>;

    /// The attempts that became sessions, the latest first.
    ///
    /// # Errors
    /// If there is no answer.
    fn sessions(&self, question: &Question) -> Result<Page, Failure>;

    /// Users by name, with their sums over the time asked for.
    ///
    /// # Errors
    /// If there is no answer.
    fn clients(&self, question: &Question) -> Result<Page, Failure>;

    /// Findings, the latest alarm first.
    ///
    /// # Errors
    /// If there is no answer.
    fn findings(&self, question: &Question) -> Result<Page, Failure>;

    /// Attempts in which a pattern fits, the latest first. Pages may have fewer rows than were asked for, or none, and be followed by
    /// others all the same.
    ///
    /// # Errors
    /// If there is no answer.
    fn search(&self, question: &Question) -> Result<Page, Failure>;

    /// What is known of a message, cause or code, as `tunlog explain` tells it; empty if nothing is.
    fn explain(&self, asked: &str) -> Vec<String>;

    /// How the daemon does: one JSON object.
    fn status(&self) -> String;

    /// Whether everything that was there at the start is taken in.
    fn is_ready(&self) -> bool;
}
