//! The parts that `verify` looks at: one segment, the directory, the database.

use std::path::Path;

use tunlog_seal::Digest;

use crate::checkpoint::SegmentLine;
use crate::error::Kind;
use crate::files;
use crate::index::{BLOCK, Index};
use crate::layout::Layout;
use crate::record::{self, Record};
use crate::segment::Segment;
use crate::store::within;
use crate::verify::{Chain, Report};
use crate::working::Working;

/// How a segment is found.
pub(crate) enum State {
    /// Every byte is as it was.
    Intact,
    /// It is not there.
    Missing(String),
    /// It is there and not as it was.
    Changed(String),
}

/// Looks at a segment and its index.
pub(crate) fn segment(layout: &Layout, line: &SegmentLine) -> State {
    let path = within(layout.folder(), &line.path);
    let name = format!("segment {} ({})", line.id, line.path);
    if !path.exists() {
        let aside = layout.quarantine().join(path.file_name().unwrap_or_default());
        if aside.exists() {
            return State::Changed(format!("{name} was set aside: it could not be read"));
        }
        return State::Missing(format!("{name} is missing"));
    }
    let index = match files::read_at_most(&path.with_extension("index"), files::SEGMENT_MAX) {
        Ok(index) => index,
        Err(error) if error.kind == Kind::Corrupt => Vec::new(),
        Err(error) => return State::Missing(format!("the index of {name}: {}", error.cause)),
    };
    let file = match files::hash(&path) {
        Ok(file) => file,
        Err(error) => return State::Missing(format!("{name}: {}", error.cause)),
    };
    let index_is_good = Digest::of(&index) == line.index;
    if file != line.file {
        let index = index_is_good.then(|| Index::parse(&index)).flatten();
        let place = match (index, files::read_at_most(&path, files::SEGMENT_MAX)) {
            (None, _) => " (where cannot be told: its index was changed, too)".to_owned(),
            (_, Err(error)) => format!(": {}", error.cause),
            (Some(index), Ok(file)) => place(line, &file, index),
        };
        return State::Changed(format!("{name} was changed{place}"));
    }
    if !index_is_good {
        return State::Changed(format!("the index of {name} was changed; its records are as they were"));
    }
    State::Intact
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

/// Every file under some directories of a store, with `/`, sorted.
pub(crate) fn files_under(store: &Path, folders: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Vec<String> = folders.iter().map(|folder| (*folder).to_owned()).collect();
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(within(store, &folder)) else {
            continue;
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
    found
}

/// What the database says.
pub(crate) struct Database {
    checkpoint: u64,
    /// Number, path, hash and state of each segment.
    segments: Vec<(u64, String, [u8; 32], i64)>,
    open: u64,
}

/// Reads what the database says; None if it cannot be read.
pub(crate) fn database(layout: &Layout) -> Option<Database> {
    let working = Working::open_to_read(&layout.working()).ok()?;
    let found = working.ask(|db| {
        let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0).map(|number| number as u64));
        db.execute_batch("BEGIN")?;
        let mut segments = db.prepare("SELECT id, path, hash, state FROM segment ORDER BY id")?;
        let segments = segments.query_map([], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
        Ok(Database {
            checkpoint: number("SELECT COALESCE(MAX(number), 0) FROM checkpoint")?,
            segments: segments.collect::<Result<_, _>>()?,
            open: number("SELECT COALESCE(SUM(rows), 0) FROM chunk")?,
        })
    });
    found.ok()
}

/// Compares the database with what was signed: it must not show other segments than these.
pub(crate) fn compare(layout: &Layout, database: Option<Database>, chain: &Chain<'_>, report: &mut Report) {
    let Some(database) = database else {
        let path = layout.working();
        let cause = format!(
            "{}: cannot be read; what was not sealed yet is in it, what was sealed is not",
            path.display()
        );
        return report.missing.push(cause);
    };
    report.open = Some(database.open);
    let good = chain.hashes.len() as u64;
    if database.checkpoint > good && report.changed.is_empty() && report.missing.is_empty() {
        report.missing.push(format!(
            "the database knows {} checkpoints, the store has {good}",
            database.checkpoint
        ));
    }
    for ((line, _), known) in chain.segments.iter().zip(&database.segments) {
        let (id, path, hash, state) = known;
        let same = *id == line.id && *path == line.path && Digest(*hash) == line.file;
        let removed = chain.removed.contains_key(&line.id);
        if !same {
            report
                .changed
                .push(format!("the database shows another segment {}", line.id));
        } else if *state == 1 && !removed {
            report
                .changed
                .push(format!("the database hides segment {}, which nobody removed", line.id));
        }
    }
    if database.segments.len() > chain.segments.len() && report.missing.is_empty() && report.changed.is_empty() {
        report
            .changed
            .push("the database shows segments that nobody sealed".to_owned());
    }
}
