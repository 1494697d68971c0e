//! The machine's journal as it grows, through `journalctl`: its file format is journald's own business.
//!
//! What other readers of the journal got wrong is taken care of here, whatever `journalctl` does: it is asked for the record
//! at the cursor, too, because some versions pass over the one after a cursor that is gone (systemd 30288); what it shows
//! twice is passed over; where it ends, or stays silent after the journal's files were rotated, it is started again. What is
//! there is read by a first run that ends, because `--follow` shows nothing of earlier boots from version 250 on (systemd
//! 36102), and how that can be undone differs from one version to the next.

mod child;
mod place;

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::fs;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::records::{Context, Out};
use super::saved::{SINCE_KEY, Since};
use super::watch::Watcher;
use super::{FollowConfig, logs};
use crate::Problem;
use crate::arrival::{Arrival, Feed, Position, What};
use crate::framing::{Format, Framer};
use crate::source::Chunk;
use child::Child;
use place::Place;

/// The key of its position.
const KEY: &str = "journal";

/// Bytes that are read at a time, and about how many are handed out at once.
const BLOCK: usize = 256 * 1024;

/// Most blocks that are read before others have their turn.
const BLOCKS_MAX: usize = 16;

/// Bytes of a record beyond which it is passed over: journald's own limit for a field is 768 MiB, a log line's is not.
const RECORD_MAX: usize = 16 * 1024 * 1024;

/// How many records are remembered, to know those that come again.
const RECENT_MAX: usize = 4096;

/// How many records may come again, one after the other, before `journalctl` is taken to run in a circle.
const AGAIN_MAX: u64 = 10_000;

/// Pauses before it is started again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// How long it may stay silent after the journal's files were rotated.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// How much earlier than the last record is looked when its cursor is gone, seconds.
const EARLIER: u64 = 5;

/// How the place to go on from is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seek {
    Cursor,
    Time,
}

pub(super) struct Journal {
    program: String,
    context: Arc<Context>,
    feed: Arc<Feed>,
    framer: Framer,
    begun: bool,
    /// The last record that was handed out.
    last: Option<Place>,
    /// Where to begin without one, microseconds UTC; None: at the beginning.
    since: Option<i64>,
    unsent: Vec<Position>,
    child: Option<Child>,
    /// What is there was read: the next run follows, or this one does.
    following: bool,
    /// It was started anew, and what it shows first may have been seen.
    catching_up: bool,
    seek: Seek,
    held: Vec<u8>,
    /// The rest of a record that is too long is passed over.
    skipping: bool,
    recent: (VecDeque<u64>, HashSet<u64>),
    again: u64,
    pause: Duration,
    start_at: Option<Instant>,
    told: Option<String>,
    folders: Watcher,
    silent_since: Option<Instant>,
    more: bool,
}

impl Journal {
    pub(super) fn new(config: &FollowConfig, context: &Arc<Context>, saved: &[Position]) -> Journal {
        let last = saved
            .iter()
            .find(|position| position.key == KEY)
            .and_then(|position| Place::decode(position.value.as_deref()?));
        let mut unsent = Vec::new();
        let since = logs::since_of(saved, KEY).or_else(|| (!config.from_start).then(crate::time::now));
        if let Some(since) = since.filter(|_| last.is_none()) {
            unsent.push(Position {
                key: format!("{SINCE_KEY}{KEY}"),
                value: serde_json::to_vec(&Since { since }).ok(),
            });
        }
        let mut folders = Watcher::new();
        folders.set_folders(&journal_folders(&config.journal_folders));
        Journal {
            program: config.journal_program.clone(),
            feed: Arc::new(Feed {
                key: KEY.into(),
                name: KEY.into(),
                set: KEY.into(),
            }),
            framer: Framer::new(&context.options, Format::Lines),
            context: Arc::clone(context),
            begun: false,
            following: false,
            catching_up: last.is_some(),
            last,
            since,
            unsent,
            child: None,
            seek: Seek::Cursor,
            held: Vec::new(),
            skipping: false,
            recent: Default::default(),
            again: 0,
            pause: PAUSES.0,
            start_at: None,
            told: None,
            folders,
            silent_since: None,
            more: false,
        }
    }

    pub(super) fn has_more(&self) -> bool {
        self.more
    }

    /// When it is to be looked at although nothing comes.
    pub(super) fn due(&self) -> Option<Instant> {
        let silence = self.silent_since.map(|since| since + SILENCE_MAX);
        self.start_at.into_iter().chain(silence).min()
    }

    /// What becomes readable when something comes.
    pub(super) fn wakers(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.child.iter().map(Child::output).chain(self.folders.waker())
    }

    pub(super) fn poll(&mut self, out: Out<'_>) -> bool {
        if !self.unsent.is_empty() {
            let positions = std::mem::take(&mut self.unsent);
            self.tell(What::Position, positions, out);
        }
        if !self.folders.take().names.is_empty() {
            self.silent_since.get_or_insert_with(Instant::now);
        }
        if self.child.is_none() && self.start_at.is_none_or(|at| at <= Instant::now()) {
            self.start(out);
        }
        self.more = self.read(out);
        if self.silent_since.is_some_and(|since| since.elapsed() >= SILENCE_MAX) {
            // it may not have noticed the rotation (wazuh 26778): what it has shown is not shown again
            self.silent_since = None;
            self.restart(Duration::ZERO);
            self.more = true;
        }
        self.more
    }

    fn start(&mut self, out: Out<'_>) {
        self.start_at = None;
        let from: Vec<String> = match (&self.last, self.seek) {
            (Some(place), Seek::Cursor) => vec![format!("--cursor={}", place.cursor)],
            (Some(place), Seek::Time) => {
                let second = (place.realtime / 1_000_000).saturating_sub(EARLIER);
                vec![format!("--since=@{second}")]
            }
            (None, _) => match self.since {
                Some(since) => vec![format!("--since=@{}", since.div_euclid(1_000_000))],
                None => Vec::new(),
            },
        };
        match Child::start(&self.program, self.following, &from) {
            Ok(child) => {
                self.child = Some(child);
                self.tell(What::Position, Vec::new(), out); // it is shown as followed
            }
            Err(error) => {
                let cause = format!("{} cannot be started: {}", self.program, crate::error::io_cause(&error));
                self.failed(cause, out);
            }
        }
    }

    /// Ends the child, to start it again after a pause.
    fn restart(&mut self, pause: Duration) {
        self.child = None;
        self.following = false;
        self.held.clear();
        self.skipping = false;
        self.catching_up = self.last.is_some();
        self.again = 0;
        self.start_at = Some(Instant::now() + pause);
    }

    /// It ended or cannot be started: told once, tried again.
    fn failed(&mut self, cause: String, out: Out<'_>) {
        let pause = self.pause;
        self.restart(pause);
        self.pause = (pause * 2).min(PAUSES.1);
        if self.told.as_deref() != Some(&cause) {
            self.told = Some(cause.clone());
            self.tell(What::Problem(Problem::error(KEY, cause)), Vec::new(), out);
        }
    }

    /// Reads what it wrote. True if there may be more.
    fn read(&mut self, out: Out<'_>) -> bool {
        for _ in 0..BLOCKS_MAX {
            let Some(child) = &mut self.child else { return false };
            child.listen();
            let held = self.held.len();
            self.held.resize(held + BLOCK, 0);
            let read = child.read(&mut self.held[held..]);
            self.held.truncate(held + read.unwrap_or(0));
            match read {
                None => return false,
                Some(0) => {
                    self.ended(out);
                    return self.following;
                }
                Some(_) => self.take(out),
            }
        }
        true
    }

    fn ended(&mut self, out: Out<'_>) {
        let Some(child) = self.child.take() else { return };
        let (well, words) = child.end();
        if well && !self.following {
            // from its last record on, or as it was asked for; a half record at its end comes again
            let seek = self.seek;
            self.restart(Duration::ZERO);
            (self.seek, self.following) = (seek, true);
            return;
        }
        let cause = format!("{} ended ({words})", self.program);
        if self.catching_up {
            // it did not come as far as the last record: it may not know the cursor any more
            self.seek = match self.seek {
                Seek::Cursor => Seek::Time,
                Seek::Time => Seek::Cursor,
            };
        }
        self.failed(cause, out);
    }

    /// Hands out the whole lines that are held, without those that came before.
    fn take(&mut self, out: Out<'_>) {
        let mut bytes = std::mem::take(&mut self.held);
        let end = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
        self.held = bytes.split_off(end);
        if self.held.len() > RECORD_MAX {
            self.held.clear();
            if !std::mem::replace(&mut self.skipping, true) {
                let cause = format!("a record longer than {RECORD_MAX} bytes was passed over");
                self.tell(What::Lost(Some(1), cause), Vec::new(), out);
            }
        }
        let mut kept = Vec::with_capacity(bytes.len());
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if self.is_new(line, &mut kept, out) {
                kept.extend_from_slice(line);
            }
            if self.child.is_none() {
                break; // what follows comes again from the new one
            }
        }
        self.give(kept, out);
    }

    fn give(&mut self, kept: Vec<u8>, out: Out<'_>) {
        if kept.is_empty() {
            return;
        }
        self.pause = PAUSES.0;
        self.silent_since = None;
        if self.told.take().is_some() {
            let problem = Problem::note(KEY, "records come again");
            self.tell(What::Problem(problem), Vec::new(), out);
        }
        let positions = self.position();
        self.tell(What::Chunk(Chunk::new(kept), self.framer), positions, out);
    }

    fn position(&self) -> Vec<Position> {
        let position = |place: &Place| Position {
            key: KEY.to_string(),
            value: Some(place.encode()),
        };
        self.last.iter().map(position).collect()
    }

    /// Whether a record was not handed out before. What is lost before it is told, after what was `kept`.
    fn is_new(&mut self, line: &[u8], kept: &mut Vec<u8>, out: Out<'_>) -> bool {
        // a line without a cursor is no record of the journal; the framing tells what it makes of it
        let Some(place) = Place::of_line(line) else { return true };
        if self.catching_up && !self.caught_up(&place, kept, out) {
            return false;
        }
        let hash = place.hash();
        if self.last.as_ref().is_some_and(|last| place.is(last)) || !self.recent.1.insert(hash) {
            self.again += 1;
            if self.again > AGAIN_MAX {
                self.failed(format!("{} shows the same records again and again", self.program), out);
            }
            return false;
        }
        self.again = 0;
        self.recent.0.push_back(hash);
        if self.recent.0.len() > RECENT_MAX
            && let Some(oldest) = self.recent.0.pop_front()
        {
            self.recent.1.remove(&oldest);
        }
        self.last = Some(place);
        true
    }

    /// Whether a record of a new child stands behind the last one that was handed out.
    fn caught_up(&mut self, place: &Place, kept: &mut Vec<u8>, out: Out<'_>) -> bool {
        let Some(last) = self.last.clone() else {
            self.catching_up = false;
            return true;
        };
        if place.is(&last) {
            self.catching_up = false;
            self.seek = Seek::Cursor;
            return false;
        }
        let earlier = self.seek == Seek::Time && place.realtime < last.realtime;
        if place.is_before(&last).unwrap_or(earlier) {
            return false;
        }
        let between = last.between(place);
        if between == Some(0) {
            self.catching_up = false;
            self.seek = Seek::Cursor;
            return true;
        }
        if self.seek == Seek::Cursor {
            // the record of the cursor is gone, or was not found: look by time
            self.seek = Seek::Time;
            self.restart(Duration::ZERO);
            self.more = true;
            return false;
        }
        self.catching_up = false;
        self.seek = Seek::Cursor;
        self.give(std::mem::take(kept), out);
        let cause = "the journal no longer has the place that was read to: what stood after it is lost".to_string();
        self.tell(What::Lost(between, cause), Vec::new(), out);
        true
    }

    fn tell(&mut self, what: What, positions: Vec<Position>, out: Out<'_>) {
        if !matches!(what, What::Position) && !std::mem::replace(&mut self.begun, true) {
            out(Arrival {
                feed: Arc::clone(&self.feed),
                what: What::Begin(Box::new(self.context.clock.clone().live())),
                positions: Vec::new(),
            });
        }
        out(Arrival {
            feed: Arc::clone(&self.feed),
            what,
            positions,
        });
    }
}

/// The folders of the journal's files: those that are there, and what they hold.
fn journal_folders(folders: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        let inside = fs::read_dir(folder).into_iter().flatten().flatten().take(64);
        all.extend(inside.map(|entry| entry.path()).filter(|path| path.is_dir()));
        all.insert(folder.clone());
    }
    all
}
