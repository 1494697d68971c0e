//! Entries to records of a store: what live operation and an import do alike.

use std::borrow::Cow;

use tunlog_decode::{Catalogue, KeptMessages};
use tunlog_ingest::{Problem, ProblemKind};
use tunlog_model::{Entry, EventBatch, RecordTime};
use tunlog_store::record::{Kind, Record};
use tunlog_store::{Counts, Identity, Room, Store, StoredProblem, raw_of, record_of};

/// Makes records of entries and adds them to a store.
pub(crate) struct Records<'c> {
    messages: KeptMessages<'c>,
    keep_secrets: bool,
    room: Room,
}

/// What a record is besides what its entry says.
pub(crate) struct Standing {
    pub set: u64,
    pub source: u64,
    pub line: u64,
    pub id: u64,
    pub time: Option<RecordTime>,
}

impl<'c> Records<'c> {
    pub(crate) fn new(catalogue: &'c Catalogue, keep_secrets: bool) -> Records<'c> {
        Records {
            messages: KeptMessages::of(catalogue),
            keep_secrets,
            room: Room::default(),
        }
    }

    /// Adds an entry, without its secrets unless they are kept.
    pub(crate) fn add(
        &mut self,
        store: &mut Store,
        batch: &EventBatch,
        entry: &Entry,
        standing: &Standing,
        counts: &mut Counts,
    ) {
        let (mut shown, mut variant, mut redacted) = (Cow::Borrowed(raw_of(batch, entry)), "", false);
        if let Entry::Event(event) = entry {
            redacted = !self.keep_secrets;
            if redacted {
                shown = tunlog_decode::redact(event.message, raw_of(batch, entry));
            }
            variant = self.messages.variant(event.message);
        }
        let mut record = record_of(batch, entry, standing.time, &shown, variant, &mut self.room);
        (record.id, record.set, record.source) = (standing.id, standing.set, standing.source);
        (record.line, record.redacted) = (standing.line, redacted);
        tally(&record, counts);
        store.add(&mut record);
        self.room.give(record);
    }
}

/// The identity of the next entry of a source.
pub(crate) fn identity_of(identity: &mut Identity, batch: &EventBatch, entry: &Entry, time: Option<i64>) -> u64 {
    let extra = match entry {
        Entry::Repeated { times, .. } => times.saturating_add(1),
        _ => 0,
    };
    identity.next(raw_of(batch, entry), extra, time)
}

/// Something to be told, as a store keeps it.
pub(crate) fn to_store(problem: &Problem) -> StoredProblem {
    StoredProblem {
        kind: match problem.kind {
            ProblemKind::Error => 0,
            ProblemKind::Warning => 1,
            ProblemKind::Note => 2,
        },
        position: problem.position.clone(),
        cause: problem.cause.clone(),
    }
}

pub(crate) fn tally(record: &Record<'_>, counts: &mut Counts) {
    match record.kind {
        Kind::Unrecognised => counts.unparsed += 1,
        Kind::Event | Kind::Repeated => counts.stored += 1,
        Kind::Lost => {
            counts.stored += 1;
            counts.gaps += 1;
            counts.lost = counts.lost.saturating_add(record.times.unwrap_or_default());
        }
    }
}

pub(crate) fn line_of(entry: &Entry) -> u64 {
    match entry {
        Entry::Event(event) => event.line,
        Entry::Unrecognised(line) => line.line,
        Entry::Repeated { line, .. } | Entry::Lost { line, .. } => *line,
    }
}
