//! Room that is held for the moment when the disk is full: to give records up, the database has to write first.

use std::path::Path;

use crate::error::{Kind, Result, StoreError};
use crate::files::Storage;
use crate::store::Store;

/// Bytes that are held: some pages of the database's log and what they belong to.
const HELD: usize = 2 << 20;
/// Bytes that are written to find out why the database cannot write.
const PROBED: usize = 64 << 10;

/// Whether the room is held at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Room {
    /// Nobody needs it.
    #[default]
    Unheld,
    /// A file of that size lies on the disk.
    Held,
}

impl Store {
    /// Holds room, if it is not held and there is enough: without, it is tried again the next time.
    pub(crate) fn hold_room(&mut self) {
        if self.room == Room::Unheld && write(&*self.storage, &self.layout.room(), HELD).is_ok() {
            self.room = Room::Held;
        }
    }

    /// Gives the room to whoever writes next. Also what an earlier run left is given.
    pub(crate) fn give_room(&mut self) {
        self.room = Room::Unheld;
        let path = self.layout.room();
        if path.exists() {
            // if even that fails, it fails to those who write next
            let _ = self.storage.remove(&path);
        }
    }

    /// Why the system refused to write: SQLite tells a used-up quota, a broken disk and too many open files by one code, so the
    /// same is tried without it.
    pub(crate) fn reason(&self, error: StoreError) -> StoreError {
        if error.kind != Kind::Io {
            return error;
        }
        let path = self.layout.room().with_added_extension("tmp");
        match write(&*self.storage, &path, PROBED) {
            Ok(()) => {
                let _ = self.storage.remove(&path);
                error
            }
            Err(reason) => StoreError {
                cause: format!("{} ({})", error.cause, reason.cause),
                kind: reason.kind,
                path: error.path,
            },
        }
    }

    /// Brings what the database's log holds to its place, so that the log begins anew and needs no more room.
    pub(crate) fn empty_log(&mut self) -> Result<()> {
        self.working
            .ask(|db| db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())))
    }
}

/// Writes so many bytes that no file system makes less of.
fn write(storage: &dyn Storage, path: &Path, len: usize) -> Result<()> {
    let mut next = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len);
    while bytes.len() < len {
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        bytes.extend_from_slice(&next.to_le_bytes());
    }
    let written = storage.write(path, &bytes).and_then(|()| storage.sync(path));
    written.map_err(|error| {
        let _ = storage.remove(path);
        StoreError::io(path, &error)
    })
}
