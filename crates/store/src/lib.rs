//! Keeps what was seen, and proves that it was not changed.
//!
//! A store is a directory. Records are committed to a working database together with the position of their source
//! ([`Store`]); when enough of them lie there they become segments, which never change again, and a checkpoint seals them.
//! [`Reader`] hands them out as they were: whoever reads a store sees the events that were read from the logs.
//!
//! **Into it.** `pipeline::import` reads sources one after the other, in the order of their sets, with a decoder that keeps
//! everything, lets the clock decide times, and hands records to [`Store::add`]. A record has one canonical form
//! ([`record`]): that is what the seal is made of, and what lies in the open segment after a commit; the columns of a segment
//! (`gather.rs`, `segment.rs`) are another form of the same, and each is made of the other without loss. Columns grow as records
//! come, so a close reads nothing again. What a close does, and why a crash at any step leaves nothing half done, stands in
//! `close.rs`. A daemon commits often and closes when it is due; an import closes without a commit before.
//!
//! **Beside it.** What comes of the records lies in databases of their own, with connections of their own: attempts and
//! findings ([`History`]), notifications that wait ([`Outbox`]). The history can be made again of the records.
//!
//! **Out of it.** `pipeline::stored` is one more kind of stream: it finds messages by their names, makes batches with times,
//! and drops what the decoder would have dropped for the same question. Sets are those of the import, so merging, twins and
//! correlation see what they saw of the logs.

mod backup;
mod changes;
mod checkpoint;
mod chunk;
mod close;
mod columns;
mod commit;
mod compare;
pub mod error;
mod feed;
mod files;
mod gather;
mod gone;
pub mod history;
mod index;
mod inspect;
mod keys;
mod known;
mod layout;
mod lock;
mod options;
mod outbox;
mod parquet;
mod pending;
mod prove;
mod reader;
mod recent;
pub mod record;
mod recover;
mod retention;
mod room;
mod segment;
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
pub use checkpoint::PrunedLine;
pub use error::{Kind as ErrorKind, StoreError};
pub use feed::KnownFeed;
pub use files::{Disk, Storage};
pub use gone::GONE as GONE_SOURCES;
pub use history::{AttemptQuery, AttemptRow, FindingQuery, FindingRow, History, HistoryReader};
pub use known::{Candidate, FileHash, Identity, KnownRecords};
pub use options::{FullPolicy, Options};
pub use outbox::{About, GivenUp, Outbox, OutboxChange, OutboxLimits, Outgoing, SEALED, Waiting, Which};
pub use prove::Proof;
pub use reader::{Kept, Loaded, Part, Reader, StoredSource, Unreadable};
pub use retention::{Expired, Retain, Retained, size};
pub use source::{Counts, NewSource, StoredProblem};
pub use status::StoreStatus;
pub use store::{Created, Store, is_store};
pub use take::{Messages, Room, raw_of, rebuild, rebuild_as, record_of};
pub use verify::{Against, Answer, Report, is_key, verify};
pub use witness::{Connection, FileWitness, Reach, Witness, is_server as is_witness_server};
