//! The parts that `verify` looks at: one segment, and the directory.

use std::path::Path;

use tunlog_seal::Digest;

use crate::checkpoint::SegmentLine;
use crate::compare::Tally;
use crate::error::{Kind, StoreError};
use crate::files;
use crate::index::{BLOCK, Index};
use crate::layout::Layout;
use crate::layout::within;
use crate::record::{self, Record};
use crate::segment::Segment;

/// How a segment is found.
pub(crate) enum State {
    /// Every byte is as it was; what it holds, if that can be read.
    Intact(Option<Tally>),
    /// Retention removed it.
    Removed,
    /// Retention removed it, and its file is still there, as it was.
    NotYetGone(String),
    /// Nobody can tell: the system does not let us read it.
    Unread(String),
    /// It is not there.
    Missing(String),
    /// It is there and not as it was.
    Changed(String),
}

/// Looks at a segment and its index.
pub(crate) fn segment(layout: &Layout, line: &SegmentLine) -> State {
    let path = within(layout.folder(), &line.path);
    let name = format!("segment {} ({})", line.id, line.path);
    if matches!(path.try_exists(), Ok(false)) {
        let aside = layout.quarantine().join(path.file_name().unwrap_or_default());
        if aside.exists() {
            return State::Changed(format!("{name} was set aside: it could not be read"));
        }
        return State::Missing(format!("{name} is missing"));
    }
    let index = match files::read_at_most(&path.with_extension("index"), files::SEGMENT_MAX) {
        Ok(index) => index,
        Err(error) if error.kind == Kind::Corrupt => Vec::new(),
        Err(error) => return unread(&format!("the index of {name}"), &error),
    };
    let file = match files::read_at_most(&path, files::SEGMENT_MAX) {
        Ok(file) => file,
        Err(error) if error.kind == Kind::Corrupt => {
            return State::Changed(format!("{name} was changed: {}", error.cause));
        }
        Err(error) => return unread(&name, &error),
    };
    let index_is_good = Digest::of(&index) == line.index;
    if Digest::of(&file) != line.file {
        let index = index_is_good.then(|| Index::parse(&index)).flatten();
        let place = match index {
            None => " (where cannot be told: its index was changed, too)".to_owned(),
            Some(index) => place(line, &file, index),
        };
        return State::Changed(format!("{name} was changed{place}"));
    }
    if !index_is_good {
        return State::Changed(format!("the index of {name} was changed; its records are as they were"));
    }
    State::Intact(Tally::of(&file))
}

/// What is not there is missing; what is there and cannot be read is for somebody else to judge.
fn unread(name: &str, error: &StoreError) -> State {
    let what = format!("{name}: {}", error.cause);
    match error.path.try_exists() {
        Ok(false) => State::Missing(what),
        _ => State::Unread(what),
    }
}

/// Looks at what lies where a segment was that retention removed: nothing should.
pub(crate) fn removed(layout: &Layout, line: &SegmentLine) -> State {
    let path = within(layout.folder(), &line.path);
    let name = format!("segment {} ({})", line.id, line.path);
    for (path, hash) in [(path.with_extension("index"), line.index), (path, line.file)] {
        match (files::read_at_most(&path, files::SEGMENT_MAX), path.try_exists()) {
            (_, Ok(false)) => {}
            (Ok(bytes), _) if Digest::of(&bytes) == hash => {
                return State::NotYetGone(format!("{name} was removed by retention, and its file is still there"));
            }
            (Ok(_), _) => {
                return State::Changed(format!("{name} was removed by retention, and another file lies there"));
            }
            (Err(error), _) => return unread(&name, &error),
        }
    }
    State::Removed
}

/// Where a segment was changed, as far as its index tells.
fn place(line: &SegmentLine, file: &[u8], index: Index<'_>) -> String {
    let block = index.first_changed_block(file).unwrap_or_default();
    let bytes = format!(" at byte {block} or up to {} behind it", BLOCK - 1);
    let records = Segment::read(file).and_then(|segment| segment.canonical()).ok();
    let canonical: Option<Vec<&[u8]>> = records
        .as_ref()
        .and_then(|records| record::records(records).collect::<Result<_, _>>().ok());
    let at = canonical
        .as_ref()
        .and_then(|all| Some((all, index.first_changed_record(all.iter().copied())?)));
    match at {
        Some((all, at)) => {
            // the number stands in the record, and in the one before it
            let seq = |at: u64| {
                Record::decode(all.get(usize::try_from(at).ok()?)?)
                    .ok()
                    .map(|record| record.seq)
            };
            let before = at.checked_sub(1).and_then(seq).map_or(line.first_seq, |seq| seq + 1);
            format!("{bytes}: record {before} ({} of {} in it)", at + 1, line.rows)
        }
        None if canonical.is_some() => format!("{bytes}: in the file's frame, its records are as they were"),
        None => format!(
            "{bytes}: one of the records {} to {}, which cannot be read any more",
            line.first_seq, line.last_seq
        ),
    }
}

/// Every file under some directories of a store, with `/`, sorted; and the directories that cannot be read.
pub(crate) fn files_under(store: &Path, folders: &[&str]) -> (Vec<String>, Vec<StoreError>) {
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    let mut open: Vec<String> = folders.iter().map(|folder| (*folder).to_owned()).collect();
    while let Some(folder) = open.pop() {
        let path = within(store, &folder);
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                failed.push(StoreError::io(&path, &error));
                continue;
            }
        };
        for entry in entries.flatten() {
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            // a link is a file that nobody sealed
            match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                true => open.push(name),
                false => found.push(name),
            }
        }
    }
    found.sort();
    (found, failed)
}
