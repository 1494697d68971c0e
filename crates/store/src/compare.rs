//! What the database shows beside what was signed. Nothing sealed hangs on it, but readers find segments by it: who changes it
//! hides records, or lets retention take them early.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::OptionalExtension as _;
use tunlog_seal::Digest;

use crate::changes::Changes;
use crate::checkpoint::SegmentLine;
use crate::close::CLOSING_CHANGES;
use crate::error::{Kind, Result};
use crate::layout::Layout;
use crate::segment;
use crate::source::widen;
use crate::verify::{Chain, Report};
use crate::working::Working;

/// What a segment holds, as its own columns say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Records by source.
    sources: BTreeMap<u64, u64>,
    first: Option<i64>,
    last: Option<i64>,
}

impl Tally {
    /// Of a segment's file; None if it cannot be read.
    pub fn of(file: &[u8]) -> Option<Tally> {
        let mut tally = Tally::default();
        segment::sources_and_times(file, &mut |source, time| {
            *tally.sources.entry(source).or_default() += 1;
            widen(&mut tally.first, &mut tally.last, time);
        })
        .ok()?;
        Some(tally)
    }
}

/// A segment as the database has it.
struct Known {
    path: String,
    hash: [u8; 32],
    state: i64,
    checkpoint: u64,
    rows: u64,
    first: Option<i64>,
    last: Option<i64>,
    /// Checkpoint and records of each source.
    sources: BTreeMap<u64, (u64, u64)>,
}

/// What the database says.
pub(crate) struct Database {
    checkpoint: u64,
    segments: BTreeMap<u64, Known>,
    sources: BTreeSet<u64>,
    open: u64,
    /// How many records there will be after a close that was announced.
    announced: Option<u64>,
}

/// Reads what the database says.
///
/// # Errors
/// Why it cannot be read.
pub(crate) fn database(layout: &Layout) -> Result<Database> {
    let working = Working::open_to_read(&layout.working())?;
    working.ask(|db| {
        db.execute_batch("BEGIN")?;
        let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0).map(|number| number as u64));
        let mut database = Database {
            checkpoint: number("SELECT COALESCE(MAX(number), 0) FROM checkpoint")?,
            open: number("SELECT COALESCE(SUM(rows), 0) FROM chunk")?,
            segments: BTreeMap::new(),
            sources: BTreeSet::new(),
            announced: None,
        };
        let mut found = db.prepare("SELECT value FROM meta WHERE key = ?1")?;
        let announced: Option<Vec<u8>> = found.query_row([CLOSING_CHANGES], |row| row.get(0)).optional()?;
        database.announced = announced.and_then(|changes| Changes::decode(&changes)?.next_seq());
        let unsigned = |row: &rusqlite::Row<'_>, at: usize| row.get::<_, i64>(at).map(|number| number as u64);
        let mut found =
            db.prepare("SELECT id, path, hash, state, checkpoint, rows, first_time, last_time FROM segment")?;
        let mut rows = found.query([])?;
        while let Some(row) = rows.next()? {
            let known = Known {
                path: row.get(1)?,
                hash: row.get(2)?,
                state: row.get(3)?,
                checkpoint: unsigned(row, 4)?,
                rows: unsigned(row, 5)?,
                first: row.get(6)?,
                last: row.get(7)?,
                sources: BTreeMap::new(),
            };
            database.segments.insert(unsigned(row, 0)?, known);
        }
        let mut found = db.prepare("SELECT segment, source, checkpoint, rows FROM segment_source")?;
        let mut rows = found.query([])?;
        while let Some(row) = rows.next()? {
            if let Some(known) = database.segments.get_mut(&unsigned(row, 0)?) {
                known
                    .sources
                    .insert(unsigned(row, 1)?, (unsigned(row, 2)?, unsigned(row, 3)?));
            }
        }
        let mut found = db.prepare("SELECT id FROM source")?;
        let mut rows = found.query([])?;
        while let Some(row) = rows.next()? {
            database.sources.insert(unsigned(row, 0)?);
        }
        Ok(database)
    })
}

/// Compares the database with what was signed: it must not show other segments than these. `before` was read before the
/// checkpoints were: what is in it must be signed. What was signed since need not be in it; a second look tells whether it
/// came in.
pub(crate) fn compare(
    layout: &Layout,
    before: Result<Database>,
    chain: &Chain<'_>,
    tallies: &BTreeMap<u64, Tally>,
    report: &mut Report,
) {
    let database = match before {
        Ok(database) => database,
        Err(error) => {
            let what = format!(
                "{}: {}; what was not sealed yet is in it, what was sealed is not",
                error.path.display(),
                error.cause
            );
            // who has no right to read it, or an older program, cannot say that something is missing
            let is_there = error.path.exists();
            return match error.kind {
                Kind::Io | Kind::Busy | Kind::Newer if is_there => report.unjudged.push(what),
                _ => report.missing.push(what),
            };
        }
    };
    report.open = Some(database.open);
    let good = chain.hashes.len() as u64;
    let is_whole = report.changed.is_empty() && report.missing.is_empty() && !chain.is_cut;
    if database.checkpoint > good && is_whole {
        report.missing.push(format!(
            "the database knows {} checkpoints, the store has {good}",
            database.checkpoint
        ));
    }
    let known = chain
        .segments
        .iter()
        .filter(|(_, number)| *number <= database.checkpoint);
    for (line, number) in known {
        let removed = chain.removed.contains_key(&line.id);
        if let Some(what) = difference(&database, line, *number, removed, tallies.get(&line.id)) {
            report.changed.push(what);
        }
    }
    let sealed = chain.next_segment();
    if is_whole && database.checkpoint <= good && database.segments.keys().any(|id| *id >= sealed) {
        report
            .changed
            .push("the database shows segments that nobody sealed".to_owned());
    }
    if is_whole && database.checkpoint < good {
        behind(layout, chain, good, report);
    }
}

/// How the database differs from what was signed of a segment.
fn difference(
    database: &Database,
    line: &SegmentLine,
    number: u64,
    removed: bool,
    tally: Option<&Tally>,
) -> Option<String> {
    let id = line.id;
    let Some(known) = database.segments.get(&id) else {
        return (!removed).then(|| format!("the database hides segment {id}: it does not know it"));
    };
    let same = known.path == line.path
        && Digest(known.hash) == line.file
        && known.rows == line.rows
        && known.checkpoint == number;
    if !same {
        return Some(format!("the database shows another segment {id}"));
    }
    if removed {
        return None;
    }
    match (known.state, tally) {
        (1, _) => Some(format!("the database hides segment {id}, which nobody removed")),
        // set aside says the database, and it lies where it was, to the byte
        (2, Some(_)) => Some(format!(
            "the database hides segment {id}: it says that it cannot be read, and it can"
        )),
        (0, Some(tally)) => of_sources(database, known, line, number, tally),
        (0 | 2, None) => None, // what is wrong with the file is told already
        (state, _) => Some(format!(
            "the database has segment {id} in a state that there is not ({state})"
        )),
    }
}

/// How the database differs from what a segment holds.
fn of_sources(database: &Database, known: &Known, line: &SegmentLine, number: u64, tally: &Tally) -> Option<String> {
    let id = line.id;
    let told: BTreeMap<u64, u64> = known
        .sources
        .iter()
        .map(|(source, (_, rows))| (*source, *rows))
        .collect();
    let same_checkpoint = known.sources.values().all(|(checkpoint, _)| *checkpoint == number);
    if told != tally.sources || !same_checkpoint {
        return Some(format!(
            "the database says of segment {id} that it holds records of other sources, or other numbers of them: some are hidden"
        ));
    }
    if let Some(source) = tally.sources.keys().find(|source| !database.sources.contains(source)) {
        return Some(format!(
            "the database does not know source {source}, of which segment {id} holds records"
        ));
    }
    ((known.first, known.last) != (tally.first, tally.last))
        .then(|| format!("the database has other times of segment {id} than its records"))
}

/// More checkpoints were found than the database knew before: they were written meanwhile, or a close came to no end, or
/// somebody took the rest out of it.
fn behind(layout: &Layout, chain: &Chain<'_>, good: u64, report: &mut Report) {
    let Ok(after) = database(layout) else { return };
    if after.checkpoint >= good {
        return;
    }
    // a close says in the database what it is about to do, and whoever opens the store next carries it out
    let announced = after.announced.is_some() && after.announced == chain.newest().map(|newest| newest.records);
    match after.checkpoint + 1 == good && announced {
        true => report.notes.push(format!(
            "checkpoint {good} is not in the database yet: a close that did not come to its end, or is going on"
        )),
        false => report.changed.push(format!(
            "the database knows {} of {good} checkpoints: it hides the segments of the others",
            after.checkpoint
        )),
    }
}
