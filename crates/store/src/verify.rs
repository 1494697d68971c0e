//! Whether a store is what it was: every byte of every segment, every checkpoint, the chain of keys, and nothing beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use tunlog_seal::note::{Note, Verdict};
use tunlog_seal::tree::{self, Roots};
use tunlog_seal::{Digest, VerifyingKey};

use crate::checkpoint::{Checkpoint, PrunedLine, SegmentLine};
use crate::compare::{self, Tally};
use crate::error::{Result, StoreError};
use crate::files;
use crate::inspect::{self, State};
use crate::keys::KeyFiles;
use crate::layout::Layout;
use crate::witness::{self, Configured};

/// What came of it, in the contract's exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// Everything is as it was.
    Intact = 0,
    /// Something was changed.
    Changed = 1,
    /// Something is missing.
    Incomplete = 2,
    /// Nobody can tell.
    Unjudged = 3,
}

/// What to compare with.
#[derive(Clone, Debug, Default)]
pub struct Against {
    /// The first public key, as `init` printed it in any of its forms.
    pub key: Option<String>,
    /// Witness files, beside those that the store names.
    pub witnesses: Vec<PathBuf>,
    /// Without a witness nothing is judged.
    pub require_witness: bool,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Whose log it is.
    pub origin: String,
    /// The pinned key's words and digits; None if none was given.
    pub key: Option<(String, String)>,
    /// Changes of keys that were signed.
    pub rotations: u64,
    /// Checkpoints that are good.
    pub checkpoints: u64,
    /// The last good one.
    pub newest: Option<Checkpoint>,
    /// Segments that there should be.
    pub segments: u64,
    /// Segments that are as they were.
    pub intact: u64,
    /// Segments that retention removed, signed.
    pub removed: u64,
    /// Rows of the history that retention removed, signed: how many of each kind, and the latest time before which.
    pub pruned: Vec<PrunedLine>,
    /// What was changed.
    pub changed: Vec<String>,
    /// What is missing.
    pub missing: Vec<String>,
    /// Why nobody can tell.
    pub unjudged: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// What each witness says.
    pub witnesses: Vec<String>,
    /// Records that are not sealed yet.
    pub open: Option<u64>,
}

impl Report {
    /// The answer: what was changed weighs more than what is missing, and that more than what nobody can tell.
    pub fn answer(&self) -> Answer {
        match (
            self.changed.is_empty(),
            self.missing.is_empty(),
            self.unjudged.is_empty(),
        ) {
            (false, ..) => Answer::Changed,
            (true, false, _) => Answer::Incomplete,
            (true, true, false) => Answer::Unjudged,
            (true, true, true) => Answer::Intact,
        }
    }
}

/// Whether a key is the one that somebody wrote down: its text, its fingerprint, or its eight words.
pub fn is_key(key: &VerifyingKey, written: &str) -> bool {
    let written = written.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = written.to_lowercase();
    written == key.text() || lower == key.fingerprint().to_string() || lower == key.spoken()
}

/// Looks at a store. It is not changed, and may be written to meanwhile.
///
/// # Errors
/// If there is none.
pub fn verify(folder: &Path, against: &Against) -> Result<Report> {
    let layout = Layout::new(folder);
    let origin = layout.check_is_store()?;
    let mut report = Report {
        origin,
        ..Report::default()
    };
    // what the database says is read first: what is written meanwhile is beyond it, not missing
    let database = compare::database(&layout);
    let Some(first) = first_key(&layout, against, &mut report) else {
        return Ok(report);
    };
    let mut chain = Chain::new(&layout, first);
    chain.walk(&mut report)?;
    named_alike(&chain, &mut report);
    let mut tallies = BTreeMap::new();
    for (line, number) in &chain.segments {
        let tally = segment(&layout, &chain, line, *number, &mut report);
        tallies.extend(tally.map(|tally| (line.id, tally)));
    }
    unreferenced(&layout, &chain, &mut report);
    compare::compare(&layout, database, &chain, &tallies, &mut report);
    // a log server's file is given by whoever asks: from here only the server can be named
    let mut paths: BTreeSet<PathBuf> = against.witnesses.iter().cloned().collect();
    for known in witness::configured(&layout.witnesses()) {
        match known {
            Configured::File(path) => {
                paths.insert(path);
            }
            Configured::Server(address) if against.witnesses.is_empty() => report.notes.push(format!(
                "{address} is told of checkpoints: --witness FILE compares with what it received"
            )),
            Configured::Server(_) => {}
        }
    }
    for path in &paths {
        witness::compare(path, &chain, &mut report);
    }
    if against.require_witness && report.witnesses.is_empty() {
        report.unjudged.push("no witness, and one is required".to_owned());
    }
    Ok(report)
}

/// Whether the store says of itself whose log it is as its checkpoints do: that is the name under which people look for it.
fn named_alike(chain: &Chain<'_>, report: &mut Report) {
    if let Some(newest) = chain.newest()
        && newest.origin != report.origin
    {
        report.changed.push(format!(
            "the store says that it is the log of {}, its checkpoints are of {}",
            report.origin, newest.origin
        ));
    }
}

/// The first key, if it is the pinned one or none is pinned.
fn first_key(layout: &Layout, against: &Against, report: &mut Report) -> Option<VerifyingKey> {
    let path = KeyFiles::of(layout.folder()).first();
    let read = files::read_at_most(&path, files::NOTE_MAX).map_err(|error| error.to_string());
    let text = read.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "is no key".to_owned()));
    let key = text.and_then(|text| match text.strip_suffix('\n').map(VerifyingKey::parse) {
        Some(Ok(key)) if text == format!("{}\n", key.text()) => Ok(key),
        _ => Err("is no key".to_owned()),
    });
    match (key, &against.key) {
        (Err(cause), _) => {
            report
                .unjudged
                .push(format!("the first key ({}): {cause}", path.display()));
            None
        }
        (Ok(key), Some(pinned)) if !is_key(&key, pinned) => {
            report
                .unjudged
                .push("the store begins with another key than the pinned one".to_owned());
            None
        }
        (Ok(key), pinned) => {
            match pinned {
                Some(_) => report.key = Some((key.spoken(), key.fingerprint().to_string())),
                None => report
                    .unjudged
                    .push("no pinned key: give the one that `store init` printed (--key)".to_owned()),
            }
            Some(key)
        }
    }
}

/// The checkpoints, one after the other, as far as they are good.
pub(crate) struct Chain<'l> {
    layout: &'l Layout,
    key: VerifyingKey,
    epoch: u64,
    /// The keys of the epochs before.
    keys: Vec<VerifyingKey>,
    roots: Roots,
    last: Option<(Checkpoint, Digest)>,
    /// Hash of each good note.
    pub hashes: BTreeMap<u64, Digest>,
    /// Every segment with the checkpoint that sealed it.
    pub segments: Vec<(SegmentLine, u64)>,
    /// Segments that retention removed.
    pub removed: BTreeMap<u64, String>,
    /// A checkpoint cannot be read, so nobody can tell what those after it say.
    pub is_cut: bool,
}

impl<'l> Chain<'l> {
    pub fn new(layout: &'l Layout, first: VerifyingKey) -> Chain<'l> {
        Chain {
            layout,
            key: first,
            epoch: 0,
            keys: Vec::new(),
            roots: Roots::new(),
            last: None,
            hashes: BTreeMap::new(),
            segments: Vec::new(),
            removed: BTreeMap::new(),
            is_cut: false,
        }
    }

    /// The last good checkpoint.
    pub fn newest(&self) -> Option<&Checkpoint> {
        self.last.as_ref().map(|(checkpoint, _)| checkpoint)
    }

    /// The key of an epoch; None if it is beyond the checkpoints that are good.
    pub fn key_of(&self, epoch: u64) -> Option<&VerifyingKey> {
        match epoch == self.epoch {
            true => Some(&self.key),
            false => self.keys.get(usize::try_from(epoch).ok()?),
        }
    }

    /// The number of the segment that comes next.
    pub fn next_segment(&self) -> u64 {
        self.segments.len() as u64
    }

    fn walk(&mut self, report: &mut Report) -> Result<()> {
        let numbers = numbers(&self.layout.notes())?;
        let newest = numbers.last().copied().unwrap_or(0);
        for number in 1..=newest {
            if !numbers.contains(&number) {
                report.missing.push(format!("checkpoint {number} is missing"));
                break;
            }
            let good = self.hashes.len();
            let bytes = match files::read_at_most(&self.layout.note(number), files::NOTE_MAX) {
                Ok(bytes) => bytes,
                Err(error) => {
                    let cause = error.cause;
                    self.is_cut = true;
                    report
                        .unjudged
                        .push(format!("checkpoint {number}: {cause}; last good checkpoint {good}"));
                    break;
                }
            };
            if let Err(cause) = self.note(number, &bytes, report) {
                report
                    .changed
                    .push(format!("checkpoint {number}: {cause}; last good checkpoint {good}"));
                break;
            }
        }
        if newest == 0 {
            report.missing.push("there is no checkpoint".to_owned());
        }
        report.checkpoints = self.hashes.len() as u64;
        report.rotations = self.epoch;
        report.newest = self.newest().cloned();
        report.segments = self.segments.len() as u64;
        Ok(())
    }

    fn note(&mut self, number: u64, bytes: &[u8], report: &mut Report) -> std::result::Result<(), String> {
        let note = Note::parse(bytes).map_err(|_| "it is no signed note")?;
        match note.verify(&self.key) {
            Verdict::Good => {}
            Verdict::Bad => return Err("its signature does not fit".to_owned()),
            Verdict::Absent => return Err(format!("it is not signed by the key of epoch {}", self.epoch)),
        }
        if note.signers().count() != 1 {
            return Err("it has more signatures than one".to_owned());
        }
        let checkpoint = Checkpoint::parse(note.text()).ok_or("its text is no checkpoint")?;
        self.check(&checkpoint, number)?;
        if let Some((before, _)) = &self.last
            && checkpoint.time < before.time
        {
            report.notes.push(format!(
                "checkpoint {number} is older than the one before it: the clock was set back"
            ));
        }
        for line in &checkpoint.segments {
            self.roots.push(tree::leaf(&line.root.0));
            self.segments.push((line.clone(), number));
        }
        if self.roots.root() != checkpoint.root {
            return Err("its root is not that of the segments".to_owned());
        }
        for removed in &checkpoint.removed {
            self.removed.insert(removed.id, removed.cause.clone());
        }
        for line in &checkpoint.pruned {
            match report.pruned.iter_mut().find(|known| known.kind == line.kind) {
                Some(known) => {
                    known.rows = known.rows.saturating_add(line.rows);
                    known.before = known.before.max(line.before);
                }
                None => report.pruned.push(line.clone()),
            }
        }
        if let Some(next) = &checkpoint.next_key {
            let next = VerifyingKey::parse(next).map_err(|_| "the next key that it names is none")?;
            self.keys.push(std::mem::replace(&mut self.key, next));
            self.epoch += 1;
        }
        let hash = Digest::of(bytes);
        self.hashes.insert(number, hash);
        self.last = Some((checkpoint, hash));
        Ok(())
    }

    /// Whether a checkpoint fits to the one before it.
    fn check(&self, checkpoint: &Checkpoint, number: u64) -> std::result::Result<(), String> {
        let previous = self.last.as_ref().map(|(_, hash)| *hash);
        let before = self.last.as_ref().map_or(0, |(before, _)| before.records);
        let rows = checkpoint.segments.iter().map(|line| line.rows).sum::<u64>();
        let mut ids = checkpoint.segments.iter().zip(self.next_segment()..);
        let same_origin = self
            .last
            .as_ref()
            .is_none_or(|(last, _)| last.origin == checkpoint.origin);
        let faults = [
            (checkpoint.number != number, "it has another number"),
            (checkpoint.epoch != self.epoch, "it is of another epoch"),
            (checkpoint.previous != previous, "it does not name the one before it"),
            (!same_origin, "it is of another log"),
            (checkpoint.added != rows, "it counts other records than its segments"),
            (
                checkpoint.records < before.saturating_add(rows),
                "it counts fewer records than there were",
            ),
            (
                !ids.all(|(line, id)| line.id == id),
                "its segments are not the next ones",
            ),
        ];
        let found = faults.iter().find(|(is_fault, _)| *is_fault);
        found.map_or(Ok(()), |(_, cause)| Err((*cause).to_owned()))
    }
}

/// The numbers of the checkpoints that are there.
fn numbers(folder: &Path) -> Result<BTreeSet<u64>> {
    let entries = std::fs::read_dir(folder).map_err(|error| StoreError::io(folder, &error))?;
    let mut numbers = BTreeSet::new();
    for entry in entries.flatten() {
        numbers.extend(entry.file_name().to_str().and_then(note_number));
    }
    Ok(numbers)
}

/// The number of a checkpoint by the name of its file, in the one form in which it is written; there is none with number 0.
fn note_number(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".note")?.parse::<u64>().ok()?;
    (number > 0 && name == format!("{number:08}.note")).then_some(number)
}

/// Every byte of one segment; what it holds, if it is as it was.
fn segment(layout: &Layout, chain: &Chain<'_>, line: &SegmentLine, number: u64, report: &mut Report) -> Option<Tally> {
    let is_removed = chain.removed.contains_key(&line.id);
    report.removed += u64::from(is_removed);
    let state = match is_removed {
        true => inspect::removed(layout, line),
        false => inspect::segment(layout, line),
    };
    match state {
        State::Removed => {}
        State::NotYetGone(what) => report.notes.push(what),
        State::Missing(what) => report.missing.push(format!("{what} ({} records)", line.rows)),
        State::Unread(what) => report.unjudged.push(what),
        State::Changed(what) => {
            let good = number.saturating_sub(1);
            report
                .changed
                .push(format!("{what}; first bad checkpoint {number}, last good {good}"));
        }
        State::Intact(tally) => {
            report.intact += 1;
            if tally.is_none() {
                report.unjudged.push(format!(
                    "segment {} ({}) is as it was sealed, and its columns cannot be read",
                    line.id, line.path
                ));
            }
            return tally;
        }
    }
    None
}

/// Files that no checkpoint names: what nobody sealed must not pass as sealed.
fn unreferenced(layout: &Layout, chain: &Chain<'_>, report: &mut Report) {
    let mut named: BTreeSet<String> = BTreeSet::new();
    for (line, _) in &chain.segments {
        let index = line.path.strip_suffix("parquet").map(|stem| format!("{stem}index"));
        named.extend([Some(line.path.clone()), index].into_iter().flatten());
    }
    let (paths, failed) = inspect::files_under(layout.folder(), &["segments", "seal"]);
    for error in failed {
        report.unjudged.push(error.to_string());
    }
    for path in paths {
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_ours = match path.strip_prefix("seal/") {
            Some("key" | "key.next" | "first-key" | "witnesses") => true,
            Some(rest) => rest
                .strip_prefix("checkpoints/")
                .is_some_and(|name| note_number(name).is_some()),
            None => named.contains(&path),
        };
        let id = name.split('.').next().and_then(|stem| stem.parse::<u64>().ok());
        let is_left_over = name.ends_with(".tmp") || id.is_some_and(|id| id >= chain.next_segment());
        match (is_ours, is_left_over) {
            (true, _) => {}
            (false, true) => report.notes.push(format!(
                "{path}: left over by a close that did not come to its end, or is going on"
            )),
            (false, false) => report.changed.push(format!("{path}: no checkpoint names this file")),
        }
    }
}
