//! Segments as Parquet files (github.com/apache/parquet-format), one row group each: as much of the format as our own files
//! need, written and read without a value of its own for each cell. A general library costs four times the rest of keeping a
//! record; it is the judge in the tests.
//!
//! A column has one data page (version 1), after a page of its words if it is written by numbers of words. Every column is
//! optional at most once; the map of the fields is the only repeated thing.

pub mod bits;
mod read;
mod thrift;
mod values;
mod words;
mod write;

#[cfg(test)]
mod tests;

pub use read::{Cells, Entries, File, NOTHING};
pub use words::{Table, Words};
pub use write::{Chunk, Map, Values, Writer};

/// What a file begins and ends with.
const MAGIC: &[u8; 4] = b"PAR1";

/// Most bytes that a file's pages may unpack to; a segment is closed long before.
pub const UNPACKED_MAX: usize = 1 << 29;

/// Most rows of a segment that are believed: more than a segment's bytes can hold.
pub const ROWS_MAX: usize = 1 << 22;

/// Types of values, by their numbers in the format (`Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Physical {
    /// One bit.
    Boolean = 0,
    /// Eight bytes, little end first.
    Int64 = 2,
    /// IEEE 754, eight bytes.
    Double = 5,
    /// Bytes with their length.
    Bytes = 6,
}

/// How values are written (`Encoding`).
pub mod encoding {
    /// One after the other.
    pub const PLAIN: i64 = 0;
    /// Levels: runs and packed bits.
    pub const RLE: i64 = 3;
    /// Differences in packed bits.
    pub const DELTA_BINARY_PACKED: i64 = 5;
    /// Numbers of words.
    pub const RLE_DICTIONARY: i64 = 8;
}

/// How pages are packed (`CompressionCodec`).
pub mod codec {
    /// As they are.
    pub const UNCOMPRESSED: i64 = 0;
    /// zstd.
    pub const ZSTD: i64 = 6;
}

/// What a text column is besides bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logical {
    /// Nothing else.
    None,
    /// UTF-8.
    Text,
    /// Microseconds since 1970-01-01T00:00:00Z.
    Time,
}
