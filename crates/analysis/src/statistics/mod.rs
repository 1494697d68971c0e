//! Attempts to tables: one table per file, each a row type and its columns.
//!
//! Nothing here reads a clock, an interface or a zone: "now" and live counters are handed in as values, so the same
//! evidence gives the same rows.

pub mod attempts;
pub mod clients;
pub mod compat;
pub mod diagnoses;
pub mod findings;
pub mod history;
pub mod lastlog;
pub mod report;
#[cfg(test)]
mod sample;
pub mod unknown;
pub mod usage;

use tunlog_model::Cell;

/// A cell of something that may be unknown.
fn maybe<T>(value: Option<T>, cell: impl FnOnce(T) -> Cell) -> Cell {
    value.map_or(Cell::None, cell)
}

/// A cell of text of any origin.
fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}

/// Seconds between two times in microseconds; never negative (a clock may have jumped back).
fn seconds_between(from: i64, until: i64) -> f64 {
    until.saturating_sub(from).max(0) as f64 / 1e6
}
