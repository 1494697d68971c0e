//! Values to text: the same columns as a table for people, JSON, CSV or logfmt.
//!
//! Everything is written to an `io::Write` that the caller hands in; nothing here knows the terminal, the clock or the
//! machine's zone. Text of foreign origin passes one door per format (`json::string`, `csv::text`, `logfmt::text`,
//! `model::text::visible`), so that no format ever carries a raw control character.

pub mod calendar;
pub mod check;
pub mod csv;
pub mod diagnosis;
pub mod document;
pub mod document_json;
pub mod event;
pub mod explain;
pub mod finding;
pub mod history;
pub mod html;
pub mod json;
pub mod logfmt;
pub mod markdown;
pub mod migration;
pub mod monitor;
mod page;
mod printer;
pub mod sarif;
pub mod sheet;
mod size;
mod slots;
mod table;
mod time;
pub mod when;

pub use printer::{Addition, Format, Look, Printer};
pub use size::{bytes_compat, bytes_iec, duration};
pub use table::{Shown, Table, columns, cut};
pub use time::{local, rfc3339};

#[cfg(test)]
mod tests;
