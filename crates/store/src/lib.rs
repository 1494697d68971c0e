//! Keeps what was seen, and proves that it was not changed.
//!
//! A store is a directory. Records are committed to a working database together with the position of their source
//! ([`Store`]); when enough of them lie there they become segments, which never change again, and a checkpoint seals them.
//! [`Reader`] hands them out as they were: whoever reads a store sees the events that were read from the logs.

mod backup;
mod checkpoint;
mod close;
mod columns;
pub mod error;
mod files;
mod index;
mod inspect;
mod keys;
mod known;
mod layout;
mod parquet_file;
mod prove;
mod reader;
pub mod record;
mod recover;
mod retention;
mod source;
mod status;
mod store;
mod take;
mod verify;
mod witness;
mod working;

#[cfg(test)]
mod tests;

pub use backup::{Copied, backup, export_segments};
pub use error::{Kind as ErrorKind, StoreError};
pub use files::{Disk, Storage};
pub use known::{Candidate, FileHash, Identity, KnownRecords};
pub use prove::Proof;
pub use reader::{Loaded, Part, Reader, StoredSource, Unreadable};
pub use retention::{Expired, Retain};
pub use source::{Counts, NewSource, StoredProblem};
pub use status::StoreStatus;
pub use store::{Created, FullPolicy, Options, Store, is_store};
pub use take::{Messages, raw_of, rebuild, record_of};
pub use verify::{Against, Answer, Report, is_key, verify};
pub use witness::{FileWitness, Witness};
