//! How files are written so that a power cut leaves the old one or the new one. Behind a trait, so that tests can make any
//! single step fail.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use crate::error::{Result, StoreError};

/// The steps that can fail, one by one.
pub trait Storage: Send + Sync {
    /// Makes a file with these bytes; one that is there is overwritten.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Waits until a file's bytes are on the disk.
    fn sync(&self, path: &Path) -> io::Result<()>;
    /// Gives a file another name, in place of what has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Waits until the names in a directory are on the disk.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Takes a file away.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a directory and those above it.
    fn make_folder(&self, path: &Path) -> io::Result<()>;
}

/// The real thing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Storage for Disk {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        File::create(path)?.write_all(bytes)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        File::options().write(true).open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    #[cfg(unix)]
    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    #[cfg(not(unix))]
    fn sync_folder(&self, _path: &Path) -> io::Result<()> {
        Ok(()) // a directory cannot be opened as a file there
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }
}

/// Puts a file in its place, whole and on the disk, or not at all.
///
/// # Errors
/// The system's.
pub fn put(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = path.with_added_extension("tmp");
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = storage
        .write(&temporary, bytes)
        .and_then(|()| storage.sync(&temporary))
        .and_then(|()| storage.rename(&temporary, path))
        .and_then(|()| storage.sync_folder(folder));
    written.map_err(|error| {
        // what is half written helps nobody; if even that fails, whoever opens the store next takes it away
        let _ = storage.remove(&temporary);
        StoreError::io(path, &error)
    })
}

/// Makes a directory that will be there after a power cut.
///
/// # Errors
/// The system's.
pub fn make_folder(storage: &dyn Storage, path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent.filter(|parent| !parent.exists()) {
        make_folder(storage, parent)?;
    }
    storage
        .make_folder(path)
        .and_then(|()| storage.sync_folder(parent.unwrap_or(Path::new("."))))
        .map_err(|error| StoreError::io(path, &error))
}

/// Most bytes of a checkpoint's note that are believed: it names 64 segments at most, or some thousand that were removed.
pub const NOTE_MAX: u64 = 16 << 20;

/// Most bytes of a segment's file that are believed.
pub const SEGMENT_MAX: u64 = 512 << 20;

/// The bytes of a file that has no more than `most`.
///
/// # Errors
/// The system's; `Kind::Corrupt` if it has more.
pub fn read_at_most(path: &Path, most: u64) -> Result<Vec<u8>> {
    let failed = |error: io::Error| StoreError::io(path, &error);
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let len = file.metadata().map_err(failed)?.len();
    let too_large = || StoreError::corrupt(path, "it is larger than what was written");
    if len > most {
        return Err(too_large());
    }
    bytes.reserve(len as usize);
    // it may grow while it is read
    file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 > most {
        true => Err(too_large()),
        false => Ok(bytes),
    }
}
