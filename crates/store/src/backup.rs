//! Copies of a store, made while it is written to: whole ones, and segments for other tools.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use crate::error::{Kind, Result, StoreError};
use crate::files::{self, Disk};
use crate::layout::Layout;
use crate::layout::within;
use crate::working::Working;

/// Pages of the database that are copied before a writer gets a turn.
const PAGES: i32 = 1024;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Segments.
    pub segments: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes.
    pub bytes: u64,
    /// Records that are in the database, not sealed yet.
    pub open: u64,
}

/// Copies a store to a directory that is empty or not there: the database as it is at one moment, and what it names. Without
/// the signing key, unless `with_key`: a copy can be read and verified, not gone on with.
///
/// # Errors
/// The system's; a copy that came to no end is no store.
pub fn backup(folder: &Path, to: &Path, with_key: bool) -> Result<Copied> {
    let (from, into) = (Layout::new(folder), Layout::new(to));
    let origin = from.check_is_store()?;
    if fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(StoreError::new(
            Kind::Io,
            to,
            "holds other files: a backup needs a directory of its own",
        ));
    }
    for needed in [into.notes(), into.segments()] {
        files::make_folder(&Disk, &needed)?;
    }
    copy_database(&from.working(), &into.working(), crate::working::VERSION)?;
    if from.history().exists() {
        copy_database(&from.history(), &into.history(), crate::history::VERSION)?;
    }
    let working = Working::open(&into.working())?;
    let last: i64 = working.ask(|db| db.query_row("SELECT MAX(number) FROM checkpoint", [], |row| row.get(0)))?;
    for number in 1..=last as u64 {
        copy(&from.note(number), &into.note(number))?;
    }
    let copied = copy_segments(folder, to, &working, None)?;
    for name in ["seal/first-key", "seal/witnesses"] {
        if within(folder, name).exists() {
            copy(&within(folder, name), &within(to, name))?;
        }
    }
    if with_key {
        copy(&within(folder, "seal/key"), &within(to, "seal/key"))?;
    }
    // last: from here on it is a store
    files::put(&Disk, &into.marker(), into.marker_text(&origin).as_bytes())?;
    Ok(copied)
}

fn copy_database(from: &Path, to: &Path, version: i64) -> Result<()> {
    let failed = |error: rusqlite::Error| StoreError::database(to, &error);
    let source = Working::open_to_read_as(from, version)?;
    let mut target = Connection::open(to).map_err(failed)?;
    let backup = Backup::new(&source.db, &mut target).map_err(failed)?;
    backup
        .run_to_completion(PAGES, Duration::from_millis(5), None)
        .map_err(failed)
}

/// Copies the segments that have records between two times to a directory, in their partitions, for other tools.
///
/// # Errors
/// The system's.
pub fn export_segments(folder: &Path, to: &Path, between: (Option<i64>, Option<i64>)) -> Result<Copied> {
    let layout = Layout::new(folder);
    layout.check_is_store()?;
    let working = Working::open_to_read(&layout.working())?;
    let (since, until) = (between.0.unwrap_or(i64::MIN), between.1.unwrap_or(i64::MAX));
    copy_segments(folder, to, &working, Some((since, until)))
}

fn copy_segments(folder: &Path, to: &Path, working: &Working, between: Option<(i64, i64)>) -> Result<Copied> {
    let segments: Vec<(String, u64, Option<i64>, Option<i64>)> = working.ask(|db| {
        let mut found =
            db.prepare("SELECT path, rows, first_time, last_time FROM segment WHERE state = 0 ORDER BY id")?;
        let found = found.query_map([], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)? as u64, row.get(2)?, row.get(3)?))
        })?;
        found.collect()
    })?;
    let mut copied = Copied {
        open: working.ask(|db| {
            db.query_row("SELECT COALESCE(SUM(rows), 0) FROM chunk", [], |row| {
                row.get::<_, i64>(0).map(|rows| rows as u64)
            })
        })?,
        ..Copied::default()
    };
    for (path, rows, first, last) in segments {
        let is_outside = between.is_some_and(|(since, until)| {
            last.is_some_and(|last| last < since) || first.is_some_and(|first| first > until)
        });
        if is_outside {
            continue;
        }
        let (source, target) = (within(folder, &path), within(to, &path));
        if let Some(parent) = target.parent() {
            files::make_folder(&Disk, parent)?;
        }
        copied.bytes += copy(&source, &target)?;
        if between.is_none() {
            copied.bytes += copy(&source.with_extension("index"), &target.with_extension("index"))?;
        }
        (copied.segments, copied.records) = (copied.segments + 1, copied.records + rows);
    }
    Ok(copied)
}

fn copy(from: &Path, to: &Path) -> Result<u64> {
    let copied = fs::copy(from, to).map_err(|error| StoreError::io(from, &error))?;
    let synced = fs::File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|error| StoreError::io(to, &error))?;
    Ok(copied)
}
