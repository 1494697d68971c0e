//! What becomes of files after each look: which are over, which were lost, which are forgotten.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::files::{Files, Open};
use super::print::FileId;
use super::records::Out;
use crate::arrival::{Arrival, Position, What};

/// How many times longer than a rotation a line without an end is waited for in a file that was renamed.
const PARTIAL_FACTOR: u32 = 12;

/// Most generations of one log that are remembered after they were read.
const KNOWN_MAX: usize = 1000;

impl Files {
    /// After every file was judged: who is retired, who was lost, who is forgotten.
    pub(super) fn settle(&mut self, current: &HashSet<FileId>, present: &HashSet<FileId>, out: Out<'_>) {
        let now = Instant::now();
        for open in &mut self.open {
            let generation = &mut open.generation;
            generation.retired = match generation.id().is_some_and(|id| current.contains(&id)) {
                true => None,
                false => Some(generation.retired.unwrap_or(now)),
            };
        }
        self.looked.retain(|id, _| present.contains(id));
        self.shrunk.retain(|id, _| present.contains(id));
        self.rewritten.retain(|id, _| present.contains(id));
        if !self.is_unsettled() {
            self.tell_lost(present, out);
        }
        self.forget(present);
    }

    /// Whether files are still being judged that may be what something unfinished is looked for in: the copy of a log that was
    /// cut off after it was copied is older than the log, so it was looked at before anybody knew that it is one.
    fn is_unsettled(&self) -> bool {
        self.dirty || self.settling || self.packed.is_some() || !self.shrunk.is_empty() || !self.rewritten.is_empty()
    }

    /// What is found nowhere any more, and was not read to its end as far as we know.
    fn tell_lost(&mut self, present: &HashSet<FileId>, out: Out<'_>) {
        for at in 0..self.known.len() {
            let known = &self.known[at];
            if known.over || known.file.is_some_and(|id| present.contains(&id)) || !self.is_meant(known) {
                continue;
            }
            self.known[at].over = true;
            let saved = self.known[at].clone();
            let cause = format!(
                "{}: was cut off, written anew or removed before it was read to its end: lines that stood after byte {} are lost, if there were any",
                saved.name, saved.print.offset
            );
            let feed = Arc::new(saved.feed());
            out(Arrival {
                feed: Arc::clone(&feed),
                what: What::Begin(Box::new(self.context.clock.clone().live())),
                positions: Vec::new(),
            });
            out(Arrival {
                feed,
                what: What::Lost(None, cause),
                positions: vec![saved.position()],
            });
        }
    }

    /// Drops the oldest of those that are gone, where a log has too many.
    fn forget(&mut self, present: &HashSet<FileId>) {
        if self.known.len() <= KNOWN_MAX {
            return;
        }
        let mut counts: HashMap<String, usize> = HashMap::new();
        for known in &self.known {
            *counts.entry(known.set.clone()).or_default() += 1;
        }
        let unsent = &mut self.unsent;
        self.known.retain(|known| {
            let count = counts.entry(known.set.clone()).or_default();
            let there = known.file.is_some_and(|id| present.contains(&id))
                || known.copies.iter().any(|(id, _)| present.contains(id));
            let keep = *count <= KNOWN_MAX || there || !known.over;
            if !keep {
                *count -= 1;
                unsent.push(Position {
                    key: known.key.clone(),
                    value: None,
                });
            }
            keep
        });
    }

    /// Closes files that were renamed or deleted and are quiet.
    pub(super) fn retire(&mut self, out: Out<'_>) {
        let now = Instant::now();
        let mut at = 0;
        while at < self.open.len() {
            let Open { generation, again, .. } = &mut self.open[at];
            at += 1;
            let Some(since) = generation.retired else { continue };
            let deleted = generation.is_deleted();
            let wait = match generation.unread() > 0 && !deleted {
                true => self.rotate_wait * PARTIAL_FACTOR,
                false => self.rotate_wait,
            };
            let until = since.max(generation.records.active) + wait;
            if until > now || again.is_some() {
                self.remind(until.max(now));
                continue;
            }
            at -= 1;
            self.close(at, out);
        }
    }

    /// Closes a file that nobody will write to any more, and hands out a half line that nobody will finish.
    pub(super) fn close(&mut self, at: usize, out: Out<'_>) {
        let Open { mut generation, .. } = self.open.remove(at);
        generation.flush(out);
        let deleted = generation.is_deleted();
        let records = &mut generation.records;
        if deleted {
            records.saved.file = None;
        }
        records.end(out);
        self.known.push(generation.records.saved);
        if deleted {
            self.looked.clear(); // what was taken for a copy of it may hold more
        }
    }
}
