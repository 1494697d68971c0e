//! The keeping thread: takes what arrives, decodes it, makes records of it and commits them together with how far their
//! sources were read. What it decoded it hands to the watching thread at once: whoever is to be told of an attack does not
//! wait for the disk.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use tunlog_decode::Catalogue;
use tunlog_ingest::{Arrival, Feed, Problem, ProblemKind, What};
use tunlog_model::SourceId;
use tunlog_pipeline::{Feeds, Keeper, Settings, Taken, keep_positions};
use tunlog_store::{Counts, ErrorKind, FullPolicy, Store, StoreError};

use super::Delivery;
use super::patience::Patience;
use crate::config::retention::Keeping;
use crate::intake::{Arrivals, Next};
use crate::log::{Log, value};
use crate::state::State;

mod close;

/// Bytes of arrivals that are taken in before they are committed, if as many wait.
const AT_ONCE: usize = 4 << 20;
/// How long is taken in before it is committed.
const TAKING: Duration = Duration::from_millis(500);
/// How often sources are forgotten that are gone.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// How long after the start for the first time: who was there before may come again.
const FORGET_FIRST: Duration = Duration::from_secs(300);

/// What the keeping thread works with.
pub struct Kit<'a> {
    /// Where arrivals come from.
    pub arrivals: Arrivals,
    /// Where records go; None: nothing is kept, only watched.
    pub store: Option<Store>,
    /// What a full disk means.
    pub full: FullPolicy,
    /// How long what is kept.
    pub retention: Keeping,
    /// Keep passwords, challenges and responses that stand in records.
    pub keep_secrets: bool,
    /// The messages.
    pub catalogue: &'a Catalogue,
    /// How lines are read.
    pub settings: &'a Settings,
    /// The feed whose `End` says that all is taken in that was there at the start.
    pub caught_up: Arc<Feed>,
    /// Who watches.
    pub out: SyncSender<Delivery>,
    /// What is shown.
    pub state: &'a State,
    /// Where the daemon speaks of itself.
    pub log: &'a Log,
    /// Somebody asked for the end.
    pub stop: &'a AtomicBool,
}

/// Why keeping ended early.
pub type Ended = Result<(), StoreError>;

/// Keeps until every source is gone. What was committed stays, whatever comes.
///
/// # Errors
/// If the store cannot be written to any more.
pub fn keep(kit: Kit<'_>) -> Ended {
    Keep::new(kit)?.run()
}

/// A feed that may be gone on with.
struct Known {
    /// The number of its source in the store.
    source: u64,
    /// Lines that were read of it.
    lines: u64,
    /// Its number in this run, if it was open before.
    id: Option<SourceId>,
}

struct Keep<'a> {
    kit: Kit<'a>,
    feeds: Feeds<'a>,
    keeper: Option<Keeper<'a>>,
    /// Feeds that the store knows: the number of their source there, and the lines that were read of it.
    known: HashMap<String, Known>,
    /// Names that the watching thread knows.
    names_sent: usize,
    /// What was there at the start is taken in: what comes now is handed on.
    caught_up: bool,
    last_checkpoint: i64,
    /// When sources that are gone were forgotten last.
    forgot: Instant,
    /// A close failed, and is not tried before.
    close_after: Option<Instant>,
    commits: u64,
}

impl<'a> Keep<'a> {
    fn new(kit: Kit<'a>) -> Result<Keep<'a>, StoreError> {
        let now = now();
        let mut known = HashMap::new();
        let mut keeper = None;
        if let Some(store) = &kit.store {
            keeper = Some(Keeper::new(store, kit.catalogue, kit.keep_secrets, now)?);
            let feeds = store.feeds()?.into_iter();
            let known_feed = |feed: tunlog_store::KnownFeed| {
                let (source, lines) = feed.source?;
                let known = Known {
                    source,
                    lines,
                    id: None,
                };
                Some((feed.key, known))
            };
            known = feeds.filter_map(known_feed).collect();
            kit.state.keep(|keeping| keeping.records = store.next_seq());
        }
        Ok(Keep {
            // without a store there is nothing to read it from later
            caught_up: kit.store.is_none(),
            feeds: Feeds::new(kit.catalogue, kit.settings),
            kit,
            keeper,
            known,
            names_sent: 0,
            last_checkpoint: now,
            forgot: Instant::now()
                .checked_sub(FORGET_EVERY - FORGET_FIRST)
                .unwrap_or_else(Instant::now),
            close_after: None,
            commits: 0,
        })
    }

    fn run(mut self) -> Ended {
        loop {
            match self.kit.arrivals.next(self.due()) {
                Next::Arrival(arrival) => self.take_all(arrival)?,
                Next::Nothing => {}
                Next::Over => break,
            }
            self.close_if_due()?;
            self.remove_if_due();
        }
        self.commit()?;
        match self.kit.store.as_mut().map(|store| store.close(now(), false)) {
            // what is committed is there, and is sealed by the next run
            Some(Err(error)) if error.may_pass() => self.kit.log.warning(
                "what was kept last could not be sealed: it is when there is a next run",
                &[("problem", value(error))],
            ),
            Some(Err(error)) => return Err(error),
            _ => {}
        }
        self.show_witnesses();
        Ok(())
    }

    /// For what the store may refuse for now.
    fn patience(&self) -> Patience<'a> {
        Patience::new(self.kit.full, (self.kit.state, self.kit.log, self.kit.stop))
    }

    /// Takes an arrival and those that wait behind it, and commits them.
    fn take_all(&mut self, first: Arrival) -> Ended {
        let began = Instant::now();
        let mut bytes = weight(&first);
        let mut next = Some(first);
        while let Some(arrival) = next {
            self.take(arrival)?;
            if bytes >= AT_ONCE || began.elapsed() > TAKING {
                break;
            }
            next = self.kit.arrivals.try_next();
            bytes += next.as_ref().map_or(0, weight);
        }
        self.commit()
    }

    fn take(&mut self, mut arrival: Arrival) -> Ended {
        if Arc::ptr_eq(&arrival.feed, &self.kit.caught_up) {
            return self.catch_up();
        }
        let feed = Arc::clone(&arrival.feed);
        if let What::Problem(problem) = &arrival.what {
            // whoever has a problem need not have records
            self.tell(&feed, problem);
            if problem.kind == ProblemKind::Note {
                // whoever follows or listens says so when it goes on
                self.kit.state.mended(&feed.name);
            }
            return Ok(());
        }
        let positions = std::mem::take(&mut arrival.positions);
        if matches!(arrival.what, What::Position) && self.feeds.source_of(&feed).is_none() {
            // nothing came of it yet: it is no source of the store
            if positions.is_empty() {
                self.kit.state.source(&feed.name, |source| source.ended = false);
            }
            if let Some(store) = &mut self.kit.store {
                keep_positions(store, positions);
            }
            return Ok(());
        }
        let id = self.source_of(&feed)?;
        let ended = matches!(arrival.what, What::End);
        if ended && let Some(source) = self.keeper.as_ref().and_then(|keeper| keeper.source(id)) {
            // it may come back, when its file gets more lines
            let lines = self.feeds.lines(&feed);
            let known = Known {
                source,
                lines,
                id: Some(id),
            };
            self.known.insert(feed.key.to_string(), known);
        }
        if let What::Lost(count, cause) = &arrival.what {
            let time = now();
            self.kit.log.warning(
                "records were lost",
                &[("source", value(&feed.name)), ("cause", value(cause))],
            );
            if let (Some(keeper), Some(store)) = (&mut self.keeper, &mut self.kit.store) {
                keeper.lost(store, id, *count, cause, time);
            }
            self.kit.state.source(&feed.name, |source| {
                source.counts.gaps += 1;
                source.counts.lost += count.unwrap_or_default();
            });
            self.hand_on(Delivery::Lost(*count, time));
        }
        let outcome = self.feeds.take(arrival);
        for problem in &outcome.problems {
            self.tell(&feed, problem);
        }
        if let Some(mut taken) = outcome.taken {
            let counts = self.add(&mut taken)?;
            self.show(&feed, &taken, &counts);
            self.hand_on(Delivery::Taken(Box::new(taken)));
        }
        if let Some(store) = &mut self.kit.store {
            keep_positions(store, positions);
        }
        if ended && let Some(keeper) = &mut self.keeper {
            keeper.end(id);
        }
        self.kit.state.source(&feed.name, |source| source.ended = ended);
        Ok(())
    }

    /// The source that a feed is: one of the store that is gone on with, or a new one.
    fn source_of(&mut self, feed: &Feed) -> Result<SourceId, StoreError> {
        if let Some(id) = self.feeds.source_of(feed) {
            return Ok(id);
        }
        if let Some(Known { source, lines, id }) = self.known.remove(&*feed.key) {
            let id = id.unwrap_or_else(|| self.feeds.know(&feed.name, &feed.set));
            self.feeds.resume(feed, id, lines);
            let patience = self.patience();
            if let (Some(keeper), Some(store)) = (&mut self.keeper, &mut self.kit.store) {
                patience.until(|| keeper.resume(store, id, source))?;
            }
            return Ok(id);
        }
        let id = self.feeds.begin(feed);
        let patience = self.patience();
        if let (Some(keeper), Some(store)) = (&mut self.keeper, &mut self.kit.store) {
            patience.until(|| keeper.begin(store, id, feed))?;
        }
        Ok(id)
    }

    fn add(&mut self, taken: &mut Taken) -> Result<Counts, StoreError> {
        let mut patience = self.patience();
        match (&mut self.keeper, &mut self.kit.store) {
            (Some(keeper), Some(store)) => {
                let counts = keeper.take(store, taken, &mut |error| patience.refused(error));
                patience.over();
                counts
            }
            _ => Ok(Counts {
                read: taken.events.lines,
                records: taken.events.records,
                filtered: taken.events.lines.saturating_sub(taken.events.entries.len() as u64),
                unparsed: taken.events.unrecognised,
                stored: (taken.events.entries.len() as u64).saturating_sub(taken.events.unrecognised),
                ..Counts::default()
            }),
        }
    }

    fn show(&self, feed: &Feed, taken: &Taken, counts: &Counts) {
        let heard = now();
        let newest = taken
            .times
            .iter()
            .map(|time| time.micros)
            .max()
            .filter(|micros| *micros > i64::MIN);
        self.kit.state.source(&feed.name, |source| {
            source.counts.add(counts);
            source.heard = Some(heard);
            if let Some(newest) = newest {
                source.newest = source.newest.max(Some(newest));
                source.lag = Some(heard.saturating_sub(newest).max(0));
            }
            source.problem = None;
        });
    }

    fn tell(&self, feed: &Feed, problem: &Problem) {
        if problem.kind == ProblemKind::Note {
            let values = [("source", value(&feed.name)), ("note", value(&problem.cause))];
            return self.kit.log.info("of a source", &values);
        }
        // the source is named once
        let what = match problem.path == *feed.name {
            true => Problem {
                path: String::new(),
                ..problem.clone()
            },
            false => problem.clone(),
        };
        let what = what.to_string();
        let what = what.trim_start_matches([':', ' ']);
        let values = [("source", value(&feed.name)), ("problem", value(what))];
        self.kit.log.warning("a source has a problem", &values);
        self.kit
            .state
            .source(&feed.name, |source| source.problem = Some(what.to_owned()));
    }

    /// What was there at the start is committed: the watching thread reads it from the store, in the order of time, and what
    /// comes from now on is handed to it.
    fn catch_up(&mut self) -> Ended {
        if self.caught_up {
            return Ok(());
        }
        self.commit()?;
        self.caught_up = true;
        if let Some(store) = &self.kit.store {
            let folder = store.folder().to_path_buf();
            let upto = store.next_seq();
            self.replay(&folder, upto);
        }
        Ok(())
    }

    /// Has the watching thread read the store, and goes on when it has a sight of it that will not change.
    fn replay(&mut self, folder: &Path, upto: u64) {
        let (ready, opened) = std::sync::mpsc::sync_channel(1);
        self.hand_on(Delivery::Replay {
            folder: folder.to_path_buf(),
            upto,
            opened: ready,
        });
        let _ = opened.recv();
    }

    /// Hands something to the watching thread; it is waited for if it has too much already.
    fn hand_on(&mut self, delivery: Delivery) {
        if !self.caught_up {
            return;
        }
        let names = self.feeds.sources_len();
        if names > self.names_sent {
            let new = self.feeds.names()[self.names_sent..].to_vec();
            self.names_sent = names;
            let _ = self.kit.out.send(Delivery::Names(new));
        }
        // it ends after us: nobody who takes it is nobody to be told
        let _ = self.kit.out.send(delivery);
    }

    /// Commits what was taken in. A full disk is for the policy to say.
    fn commit(&mut self) -> Ended {
        let patience = self.patience();
        let Some(store) = &mut self.kit.store else {
            return Ok(());
        };
        let began = Instant::now();
        let full = self.kit.full;
        patience.until(|| match store.commit_by(full, now()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::new(ErrorKind::Full, store.folder(), "the disk is full")),
            Err(error) => Err(error),
        })?;
        self.commits += 1;
        let (records, dropped, commits) = (store.next_seq(), store.lost_to_full_disk(), self.commits);
        self.kit.state.keep(|keeping| {
            (keeping.records, keeping.commits, keeping.dropped) = (records, commits, dropped);
            keeping.commit_micros = began.elapsed().as_micros() as u64;
        });
        Ok(())
    }
}

/// What an arrival weighs, bytes.
fn weight(arrival: &Arrival) -> usize {
    match &arrival.what {
        What::Chunk(chunk, _) => chunk.bytes.len(),
        What::Capture(bytes) => bytes.len(),
        _ => 0,
    }
}

/// The present, microseconds UTC.
fn now() -> i64 {
    tunlog_ingest::time::now()
}
