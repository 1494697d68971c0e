//! What is done with the compressed files of a followed log, one after the other.

use std::time::{Duration, Instant};

use super::files::{Files, age};
use super::packed::{Examination, Unpacking, Verdict};
use super::records::Out;
use super::saved::Saved;
use super::scan::Found;
use crate::arrival::What;

/// How long a compressed file must not have changed before it is read: whoever packs it writes bit by bit.
const SETTLE_WAIT: Duration = Duration::from_secs(1);

/// How long one that ends in the middle is waited for.
const HALF_WAIT: Duration = Duration::from_secs(60);

/// The compressed file that is at work.
pub(super) enum Packed {
    Examined(Box<Examination>),
    Read(Box<Unpacking>),
}

impl Files {
    /// Decides what a compressed file is, or begins to find it out.
    pub(super) fn judge_packed(&mut self, log: usize, found: &Found, out: Out<'_>) {
        let set = &self.logs[log].set;
        if let Some(at) = self.known.iter().position(|known| known.file == Some(found.id)) {
            if self.known[at].over {
                return self.done_with(found);
            }
            if self.packed.is_none() {
                let saved = self.known.remove(at);
                self.unpack(found, saved, out);
            }
            return;
        }
        if self
            .known
            .iter()
            .any(|known| known.set == *set && known.has_copy(found.id, found.size))
        {
            return self.done_with(found);
        }
        if self.logs[log].fresh && !found.wanted {
            // what was there before is passed over, whatever it holds
            let mut saved = self.saved_of(log, found);
            saved.over = true;
            self.unsent.push(saved.position());
            self.known.push(saved);
            return self.done_with(found);
        }
        let age = age(found);
        if age < SETTLE_WAIT {
            self.settling = true;
            return self.remind(Instant::now() + SETTLE_WAIT - age);
        }
        if self.packed.is_none() {
            match Examination::new(found, &self.logs[log].set) {
                Ok(examination) => self.packed = Some(Packed::Examined(Box::new(examination))),
                Err(error) => self.refuse(&found.path, &error, out),
            }
        }
    }

    /// Whether a compressed file of this log is at work.
    pub(super) fn is_unpacking(&self, log: usize) -> bool {
        let set = &self.logs[log].set;
        match &self.packed {
            Some(Packed::Examined(examination)) => examination.set == *set,
            Some(Packed::Read(unpacking)) => unpacking.records.saved.set == *set,
            None => false,
        }
    }

    /// Goes on with the compressed file that is at work.
    pub(super) fn advance_packed(&mut self, out: Out<'_>) {
        match self.packed.take() {
            None => {}
            Some(Packed::Examined(mut examination)) => {
                let open = self.open.iter().map(|open| &open.generation.records.saved);
                let known = self
                    .known
                    .iter()
                    .chain(open)
                    .filter(|saved| saved.set == examination.set);
                let known: Vec<&Saved> = known.collect();
                let verdict = examination.advance(&known);
                drop(known);
                self.examined(examination, verdict, out);
            }
            Some(Packed::Read(mut unpacking)) => match unpacking.advance(out) {
                Ok(false) => self.packed = Some(Packed::Read(unpacking)),
                Ok(true) => {
                    self.done_with(&unpacking.found);
                    self.known.push(unpacking.records.saved);
                    self.dirty = true;
                }
                Err(error) => self.half_read(*unpacking, &error, out),
            },
        }
    }

    fn examined(&mut self, mut examination: Box<Examination>, verdict: Verdict, out: Out<'_>) {
        if let Verdict::Open = verdict {
            self.packed = Some(Packed::Examined(examination));
            return;
        }
        self.dirty = true;
        let age = age(&examination.found);
        let verdict = match verdict {
            // perhaps it is still being written; then it changes
            Verdict::Damaged if age < HALF_WAIT => return self.wait_for_rest(age),
            Verdict::Damaged => examination.verdict(false),
            verdict => verdict,
        };
        let Some(log) = self.logs.iter().position(|log| log.set == examination.set) else {
            return;
        };
        let found = &examination.found;
        match verdict {
            Verdict::Open | Verdict::Damaged => {}
            Verdict::Old(key) => {
                if let Some(known) = key.and_then(|key| self.known.iter_mut().find(|known| known.key == key)) {
                    known.add_copy(found.id, found.size);
                    known.over = known.seen <= known.print.offset;
                    let position = known.position();
                    self.unsent.push(position);
                }
                self.done_with(found);
            }
            Verdict::More(key) => match self.known.iter().position(|known| known.key == key) {
                Some(at) => {
                    let mut saved = self.known.remove(at);
                    saved.file = Some(found.id);
                    self.unpack(found, saved, out);
                }
                None => self.done_with(found), // it is open still, and read where it lies
            },
            Verdict::New if self.is_new_content(log, found) => {
                let saved = self.saved_of(log, found);
                self.unpack(found, saved, out);
            }
            Verdict::New => {
                let mut saved = self.saved_of(log, found);
                saved.over = true;
                self.unsent.push(saved.position());
                self.known.push(saved);
                self.done_with(found);
            }
        }
    }

    /// A compressed file ends in the middle, and changed a short while ago.
    fn wait_for_rest(&mut self, age: Duration) {
        self.dirty = false;
        self.settling = true;
        self.remind(Instant::now() + HALF_WAIT - age);
    }

    fn unpack(&mut self, found: &Found, mut saved: Saved, out: Out<'_>) {
        saved.over = false;
        match Unpacking::new(found, saved.clone(), &self.context) {
            Ok(unpacking) => self.packed = Some(Packed::Read(Box::new(unpacking))),
            Err(error) => {
                self.known.push(saved);
                self.refuse(&found.path, &error, out);
            }
        }
    }

    /// A compressed file ended with an error: it may be written still, or it is damaged.
    fn half_read(&mut self, mut unpacking: Unpacking, error: &std::io::Error, out: Out<'_>) {
        let found = unpacking.found.clone();
        let age = age(&found);
        if age < HALF_WAIT {
            self.wait_for_rest(age);
        } else {
            let saved = &mut unpacking.records.saved;
            saved.over = true;
            let (position, cause) = (saved.position(), format!("{}: {error}", found.path.display()));
            unpacking.records.tell(What::Lost(None, cause), vec![position], out);
            self.done_with(&found);
        }
        self.known.push(unpacking.records.saved);
    }
}
