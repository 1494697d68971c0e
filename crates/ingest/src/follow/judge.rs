//! What a file is that was found: one that is read already, more of one that was read before, a copy of one, or a new one.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use super::files::{Files, age};
use super::generation::SHRUNK_WAIT;
use super::print::{BEFORE_BYTES, FileId, HEAD_BYTES, Likeness, Print, read_up_to};
use super::records::Out;
use super::saved::{FILE_KEY, Saved};
use super::scan::Found;
use crate::source::compressed::Codec;
use crate::source::rotated::Rotation;

/// How much older than the beginning of following a file must be to be left alone: the times of files are coarse.
const SINCE_SLACK: i64 = 2_000_000;

/// How long after its last change a file that was read, or need not be, is watched for more.
const WATCHED: Duration = Duration::from_secs(2 * 86_400);

/// How often a file is looked at while it is being written anew.
const REWRITE_STEP: Duration = Duration::from_millis(20);

/// How long that is waited for, while its old end is still there.
const REWRITE_WAIT: Duration = Duration::from_secs(4);

/// What the content of a file is to what was read before.
enum Content {
    /// Nothing of it is new: a copy of what is read or was read.
    Old,
    /// It begins with all that is known of this one, and may go on.
    More(usize),
    /// Nothing is known of it.
    New,
}

impl Files {
    /// Decides what a file is, and begins or goes on to read it.
    pub(super) fn judge(&mut self, log: usize, found: &Found, is_current: bool, all: &[Found], out: Out<'_>) {
        let is_open = self.open.iter().any(|open| open.generation.id() == Some(found.id));
        if is_open || self.looked.get(&found.id) == Some(&(found.size, found.changed)) {
            return;
        }
        let (file, data) = match File::open(&found.path).and_then(|file| Ok((file.metadata()?, file))) {
            Ok((data, file)) => (file, data),
            Err(error) => return self.refuse(&found.path, &error, out),
        };
        self.recovered(&found.path, out);
        if FileId::of(&data) != found.id {
            return self.remind(Instant::now() + REWRITE_STEP); // another one by now
        }
        if Codec::of(&read_up_to(&file, 0, 6)).is_some() {
            return self.judge_packed(log, found, out);
        }
        let size = data.len();
        if is_current || age(found) < WATCHED {
            self.watcher.watch_file(&file, &found.path);
        }
        if let Some(at) = self.known.iter().position(|known| known.file == Some(found.id)) {
            match self.known[at].print.compare(&file, size) {
                Likeness::Same if size > self.known[at].print.offset || is_current => {
                    let saved = self.known.remove(at);
                    return self.begin(file, saved, found, is_current, out);
                }
                Likeness::Same => return self.all_read(at, found),
                Likeness::Shorter if !self.is_cut(found.id) => return,
                Likeness::Shorter if size > 0 => {
                    let mut saved = self.known.remove(at);
                    saved.print = print_of(&file, size);
                    saved.seen = 0;
                    return self.begin(file, saved, found, is_current, out);
                }
                _ => {
                    let print = self.known[at].print.clone();
                    self.rewritten.insert(found.id, (Instant::now(), print));
                    self.known[at].file = None;
                    self.looked.clear();
                    self.dirty = true; // a copy of it may lie among those that were judged before
                }
            }
        }
        if self.is_being_rewritten(found, &file) {
            return;
        }
        match self.content(log, found, &file, size, all) {
            Content::Old => self.done_with(found),
            Content::More(at) => {
                let mut saved = self.known.remove(at);
                saved.file = Some(found.id);
                self.begin(file, saved, found, is_current, out);
            }
            Content::New => self.new_file(log, (file, size), found, is_current, out),
        }
    }

    /// It need not be looked at again until it changes.
    pub(super) fn done_with(&mut self, found: &Found) {
        self.looked.insert(found.id, (found.size, found.changed));
    }

    /// Whether a file that looks shorter than it was has done so long enough to be believed.
    fn is_cut(&mut self, id: FileId) -> bool {
        let since = *self.shrunk.entry(id).or_insert_with(Instant::now);
        let sure = since.elapsed() >= SHRUNK_WAIT;
        match sure {
            true => {
                self.shrunk.remove(&id);
            }
            false => self.remind(since + SHRUNK_WAIT),
        }
        sure
    }

    /// Whether somebody is still busy with writing other content into a file: while that lasts, what is new and what is old in
    /// it cannot be told apart.
    fn is_being_rewritten(&mut self, found: &Found, file: &File) -> bool {
        let Some((since, print)) = self.rewritten.get(&found.id) else {
            return false;
        };
        let start = print.offset.saturating_sub(print.before_bytes() as u64);
        let end = read_up_to(file, start, print.before_bytes());
        let old_end = end.len() == print.before_bytes() && !end.is_empty() && print.is_before(&end);
        let now = i128::from(crate::time::now()) * 1000;
        let busy = now.saturating_sub(found.changed) < REWRITE_STEP.as_nanos() as i128;
        let wait = if old_end { REWRITE_WAIT } else { REWRITE_WAIT / 20 };
        if since.elapsed() < wait && (busy || old_end) {
            self.remind(Instant::now() + REWRITE_STEP);
            return true;
        }
        self.rewritten.remove(&found.id);
        false
    }

    /// A file that nobody is expected to write to any more was read to its end.
    pub(super) fn all_read(&mut self, at: usize, found: &Found) {
        let known = &mut self.known[at];
        if !std::mem::replace(&mut known.over, true) {
            self.unsent.push(known.position());
        }
        self.done_with(found);
    }

    /// Compares a plain file with what was read of its log.
    fn content(&mut self, log: usize, found: &Found, file: &File, size: u64, all: &[Found]) -> Content {
        if size == 0 {
            return Content::New;
        }
        let set = &self.logs[log].set;
        let like = |saved: &Saved| match saved.set == *set && saved.print.offset > 0 {
            true => saved.print.compare(file, size),
            false => Likeness::Other,
        };
        if self
            .open
            .iter()
            .any(|open| like(&open.generation.records.saved) != Likeness::Other)
        {
            return Content::Old;
        }
        if self
            .known
            .iter()
            .any(|known| known.set == *set && known.has_copy(found.id, size))
        {
            return Content::Old;
        }
        let likes: Vec<Likeness> = self.known.iter().map(like).collect();
        let best = (0..self.known.len())
            .filter(|at| likes[*at] == Likeness::Same)
            .max_by_key(|at| self.known[*at].print.offset);
        let Some(at) = best else {
            return match likes.contains(&Likeness::Shorter) {
                true => Content::Old,
                false => Content::New,
            };
        };
        let known = &mut self.known[at];
        if known.file.is_some_and(|id| all.iter().any(|other| other.id == id)) {
            return Content::Old; // what it is a copy of is still there
        }
        if size > known.print.offset {
            return Content::More(at);
        }
        known.add_copy(found.id, size);
        known.over = known.seen <= size;
        self.unsent.push(known.position());
        Content::Old
    }

    /// Whether a file of which nothing is known is meant to be read: one that was there before and that no pattern names is not.
    pub(super) fn is_new_content(&self, at: usize, found: &Found) -> bool {
        let log = &self.logs[at];
        found.wanted || (!log.fresh && found.modified >= log.since.saturating_sub(SINCE_SLACK))
    }

    /// A file of which nothing is known.
    fn new_file(&mut self, at: usize, (file, size): (File, u64), found: &Found, is_current: bool, out: Out<'_>) {
        let (fresh, meant) = (self.logs[at].fresh, self.is_new_content(at, found));
        if size == 0 && found.rotation != Rotation::Current {
            return self.done_with(found); // perhaps a copy that has just begun: it is judged when it has content
        }
        let mut saved = self.saved_of(at, found);
        if meant && (self.from_start || !fresh) {
            return self.begin(file, saved, found, is_current, out);
        }
        // what was there before is passed over
        saved.print = print_of(&file, size);
        saved.skipping = size > 0 && read_up_to(&file, size - 1, 1) != b"\n";
        saved.over = !meant;
        self.unsent.push(saved.position());
        match meant {
            true => self.begin(file, saved, found, is_current, out),
            false => {
                self.known.push(saved);
                self.done_with(found);
            }
        }
    }

    /// The position of a file that nothing was read of.
    pub(super) fn saved_of(&mut self, log: usize, found: &Found) -> Saved {
        self.last_key = crate::time::now().max(self.last_key + 1);
        let FileId { dev, ino, born } = found.id;
        Saved {
            v: 1,
            key: format!("{FILE_KEY}{dev:x}:{ino:x}:{:x}:{:x}", born.unwrap_or(0), self.last_key),
            set: self.logs[log].set.clone(),
            name: name_of(&found.path),
            path: found.path.to_string_lossy().into_owned(),
            file: Some(found.id),
            print: Print::default(),
            lines: 0,
            hole: 0,
            skipping: false,
            seen: 0,
            over: false,
            copies: Vec::new(),
        }
    }
}

/// What evidence calls a file.
fn name_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The print of a file that is read to `size`.
fn print_of(file: &File, size: u64) -> Print {
    let head = read_up_to(file, 0, HEAD_BYTES.min(usize::try_from(size).unwrap_or(HEAD_BYTES)));
    let start = size.saturating_sub(BEFORE_BYTES as u64);
    let before = read_up_to(file, start, usize::try_from(size - start).unwrap_or(0));
    Print::of(&head, &before, size)
}
