//! Tables as data: a column is described once and rendered everywhere.

use std::net::IpAddr;

/// A cell. Renderers decide how it looks: a table shows `1.4 MiB`, JSON the number.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Not known: an absent key, an empty cell.
    None,
    /// Text of any origin; renderers make it harmless.
    Text(String),
    /// Text of ours.
    Word(&'static str),
    /// A count.
    Count(u64),
    /// A number of bytes.
    Bytes(u64),
    /// A time, microseconds UTC.
    Time(i64),
    /// Seconds.
    Seconds(f64),
    /// An address.
    Ip(IpAddr),
    /// Yes or no.
    Bool(bool),
    /// Several.
    List(Vec<Cell>),
    /// A nested object (evidence).
    Object(Vec<(&'static str, Cell)>),
}

/// One column of a table of `R`.
pub struct Column<R> {
    /// Key in JSON, CSV and logfmt (the contract's).
    pub key: &'static str,
    /// Heading for people; empty: not shown in the terminal table.
    pub header: &'static str,
    /// One sentence of what it means.
    pub doc: &'static str,
    /// How to get it.
    pub value: fn(&R) -> Cell,
}
