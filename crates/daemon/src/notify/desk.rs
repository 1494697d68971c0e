//! Decides what goes out when: now, together with others later, or after a receiver has been away. Knows neither threads nor
//! clocks: it is told the time, and says what is to be carried and when it wants to be asked again.
//!
//! Everything that waits is in the outbox, so memory does not grow with what waits, and a crash loses nothing of it. A message
//! that can go at once is handed out before it is written down (the disk must not delay an alarm), and written down in the
//! same breath.

use std::collections::HashMap;
use std::sync::Arc;

use tunlog_model::Cell;
use tunlog_store::{Outbox, OutboxChange, Outgoing, Which};

use super::courier::Failed;
use super::message::Message;
use super::notice::Notice;
use super::pace::{Bucket, backoff, random};
use super::{ChannelCounts, Setup};
use crate::log::{Log, value};

mod carry;
mod line;

use line::Line;

/// Changes that wait for a disk that takes none.
const CHANGES_MAX: usize = 1000;
/// How long a disk that takes nothing is left alone.
const DISK_WAIT: i64 = 5_000_000;
/// How often it is looked for what is too old.
const EXPIRE_EVERY: i64 = 600_000_000;
/// From this level on nothing waits for quiet hours or a limit.
const URGENT: u8 = 4;
/// The bundle of what quiet hours hold back.
const QUIET: &str = "quiet";

/// Something to be carried.
#[derive(Debug)]
pub struct Job {
    /// What it is in the outbox.
    pub which: Which,
    /// What is told.
    pub message: Message,
}

/// All channels and the outbox.
pub struct Desk {
    setup: Arc<Setup>,
    lines: Vec<Line>,
    outbox: Outbox,
    changes: Vec<OutboxChange>,
    /// The disk is left alone until then.
    disk_after: i64,
    expire_at: i64,
    log: Log,
}

impl Desk {
    /// With what waits in the outbox.
    pub fn new(setup: Arc<Setup>, outbox: Outbox, log: Log, now: i64) -> Desk {
        let mut desk = Desk {
            setup: Arc::clone(&setup),
            lines: Vec::new(),
            outbox,
            changes: Vec::new(),
            disk_after: 0,
            expire_at: now,
            log,
        };
        desk.change(setup, now);
        desk
    }

    /// Other channels. What waits for those that stay goes on waiting; their counts go on.
    pub fn change(&mut self, setup: Arc<Setup>, now: i64) {
        let mut old: HashMap<String, Line> = self
            .lines
            .drain(..)
            .map(|line| (line.channel.name.clone(), line))
            .collect();
        for channel in &setup.channels {
            let (busy, groups, counts) = match old.remove(&channel.name) {
                Some(line) => (line.busy, line.groups, line.counts),
                None => Default::default(),
            };
            self.lines.push(Line {
                bucket: Bucket::new(channel.per_minute, now),
                groups,
                // its old courier brings that to an end
                busy,
                failures: 0,
                not_before: 0,
                clear: false,
                counts: ChannelCounts {
                    name: channel.name.clone(),
                    way: channel.way.word(),
                    ..counts
                },
                channel: channel.clone(),
            });
        }
        // what goes on under way is held by its line
        for name in old.keys() {
            self.outbox.carry(name, None);
        }
        // what failed may have been mended
        self.changes.push(OutboxChange::Hurry { now });
        let names = setup.channels.iter().map(|channel| channel.name.clone()).collect();
        self.changes.push(OutboxChange::OnlyChannels(names));
        self.setup = setup;
    }

    /// The channels as they are.
    pub fn setup(&self) -> &Arc<Setup> {
        &self.setup
    }

    /// The place of a channel.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.lines.iter().position(|line| line.channel.name == name)
    }

    /// Takes a notice in for a channel. What comes back is to be carried at once.
    pub fn accept(&mut self, at: usize, notice: &Notice, now: i64) -> Option<Job> {
        let zone = &self.setup.zone;
        let line = self.lines.get_mut(at)?;
        let level = notice.level();
        let quiet = line.channel.quiet.until(now, zone).filter(|_| level < URGENT);
        let (bundle, due) = match quiet {
            Some(end) => (QUIET.to_owned(), end),
            None => line.group(notice, level, now).unwrap_or((String::new(), now)),
        };
        let goes =
            bundle.is_empty() && line.is_free(now) && line.clear && (line.bucket.tokens(now) > 0 || level >= URGENT);
        let which = Which::Id(notice.id.clone());
        self.changes.push(OutboxChange::Put(Outgoing {
            channel: line.channel.name.clone(),
            id: notice.id.clone(),
            bundle,
            about: notice.title.clone(),
            level,
            queued: now,
            due,
            attempts: 0,
            // a struct of texts and numbers always has a JSON
            body: serde_json::to_vec(notice).unwrap_or_default(),
        }));
        if !goes {
            line.clear &= due > now;
            return None;
        }
        line.bucket.take();
        line.busy = Some((which.clone(), 1));
        let name = line.channel.name.clone();
        self.outbox.carry(&name, Some(which.clone()));
        Some(Job {
            which,
            message: Message::one(notice.clone()),
        })
    }

    /// Takes in what became of a message.
    pub fn settle(&mut self, name: &str, which: Which, result: Result<(), Failed>, now: i64) {
        let channel = name.to_owned();
        let Some(at) = self.place(name) else {
            // its channel is gone; what waited for it is gone with it
            return;
        };
        let line = &mut self.lines[at];
        let mut notices = 1;
        if let Some((_, count)) = line.busy.take_if(|(busy, _)| *busy == which) {
            notices = count;
            self.outbox.carry(name, None);
        }
        match result {
            Ok(()) => {
                line.failures = 0;
                line.not_before = 0;
                line.counts.sent += 1;
                line.counts.last_sent = Some(now);
                line.counts.problem = None;
                self.remove(channel, which);
            }
            Err(failed) => {
                line.counts.failed += 1;
                line.counts.problem = Some(failed.why.clone());
                let values = [("channel", value(name)), ("why", value(&failed.why))];
                if failed.refused {
                    line.counts.given_up += notices;
                    let [channel_name, why] = values;
                    let values = [channel_name, why, ("count", Cell::Count(notices))];
                    self.log
                        .error("notifications were refused by their receiver and are given up", &values);
                    self.remove(channel, which);
                    return;
                }
                self.log
                    .warning("a notification did not arrive; it is tried again", &values);
                line.failures = line.failures.saturating_add(1);
                let wait = backoff(
                    line.failures,
                    line.channel.retry_first,
                    line.channel.retry_longest,
                    random(),
                );
                let asked = failed
                    .after
                    .map_or(0, |after| i64::try_from(after.as_micros()).unwrap_or(i64::MAX));
                line.not_before = now.saturating_add(wait.max(asked));
                let due = line.not_before;
                match self.unwritten(&channel, &which) {
                    Some(at) => {
                        if let Some(OutboxChange::Put(message)) = self.changes.get_mut(at) {
                            message.due = due;
                            message.attempts += 1;
                        }
                    }
                    None => self.changes.push(OutboxChange::Retry { channel, which, due }),
                }
            }
        }
    }

    /// The place of a message among what is not written down yet.
    fn unwritten(&self, channel: &str, which: &Which) -> Option<usize> {
        self.changes.iter().position(|change| {
            matches!((change, which),
                (OutboxChange::Put(message), Which::Id(id)) if message.channel == channel && message.id == *id)
        })
    }

    /// It need not be written down any more, or is to be struck out.
    fn remove(&mut self, channel: String, which: Which) {
        match self.unwritten(&channel, &which) {
            Some(at) => _ = self.changes.remove(at),
            None => self.changes.push(OutboxChange::Remove { channel, which }),
        }
    }

    /// Writes down what changed.
    pub fn flush(&mut self, now: i64) {
        let waiting = self.outbox.waiting().values().any(|waiting| waiting.messages > 0);
        if waiting && now >= self.expire_at {
            self.expire_at = now + EXPIRE_EVERY;
            let before = now.saturating_sub(self.setup.keep);
            self.changes.push(OutboxChange::Expire { before });
        }
        if self.changes.is_empty() || now < self.disk_after {
            self.bound();
            return;
        }
        match self.outbox.apply(&self.changes) {
            Ok(given_up) => {
                self.changes.clear();
                self.disk_after = 0;
                for (channel, count) in given_up {
                    self.give_up(&channel, count);
                }
            }
            Err(error) => {
                self.disk_after = now + DISK_WAIT;
                self.log
                    .error("cannot write down what waits to be told", &[("why", value(error))]);
                self.bound();
            }
        }
        for line in &mut self.lines {
            let waiting = self.outbox.waiting().get(&line.channel.name);
            line.counts.waiting = waiting.map_or(0, |waiting| waiting.messages);
        }
    }

    /// A disk that takes nothing must not fill the memory.
    fn bound(&mut self) {
        while self.changes.len() > CHANGES_MAX {
            // the least bad, the oldest of it; not what is being carried
            let busy: Vec<(&str, &Which)> = self
                .lines
                .iter()
                .filter_map(|line| Some((&*line.channel.name, &line.busy.as_ref()?.0)))
                .collect();
            let is_busy = |message: &Outgoing| {
                let known = |(channel, which): &(&str, &Which)| match which {
                    Which::Id(id) => *channel == message.channel && *id == message.id,
                    Which::Bundle(_) => false,
                };
                busy.iter().any(known)
            };
            let levels = self.changes.iter().enumerate().filter_map(|(at, change)| match change {
                OutboxChange::Put(message) if !is_busy(message) => Some((message.level, at)),
                _ => None,
            });
            let at = levels.min().map_or(0, |(_, at)| at);
            if let OutboxChange::Put(message) = self.changes.remove(at) {
                self.give_up(&message.channel, 1);
            }
        }
    }

    fn give_up(&mut self, channel: &str, count: u64) {
        if let Some(at) = self.place(channel) {
            self.lines[at].counts.given_up += count;
        }
        let values = [("channel", value(channel)), ("count", Cell::Count(count))];
        self.log
            .error("notifications were given up: too many wait, or too long", &values);
    }

    /// When it wants to be asked again, microseconds UTC; None: when something happens.
    pub fn next(&mut self, now: i64) -> Option<i64> {
        let mut next: Option<i64> = None;
        let mut sooner = |time: i64| next = Some(next.map_or(time, |known| known.min(time)));
        for line in &mut self.lines {
            if line.busy.is_some() {
                continue;
            }
            // a question that fails is asked again when the disk was left alone long enough
            if let Ok(Some(due)) = self.outbox.next_due(&line.channel.name) {
                sooner(due.max(line.not_before).max(line.bucket.next(now)).max(self.disk_after));
            }
        }
        if !self.changes.is_empty() {
            sooner(self.disk_after.max(now));
        }
        if self.outbox.waiting().values().any(|waiting| waiting.messages > 0) {
            sooner(self.expire_at);
        }
        // a clock that is set must not make it sleep for long
        next.map(|time| time.min(now.saturating_add(EXPIRE_EVERY)))
    }

    /// Whether everything that waits is written down.
    pub fn is_written(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether something is under way.
    pub fn is_busy(&self) -> bool {
        self.lines.iter().any(|line| line.busy.is_some())
    }

    /// A job could not be handed over.
    pub fn put_back(&mut self, at: usize, now: i64) {
        if let Some(line) = self.lines.get_mut(at) {
            line.busy = None;
            self.outbox.carry(&line.channel.name, None);
            line.clear = false;
            line.not_before = now.saturating_add(line.channel.retry_first);
        }
    }

    /// As if the disk took and gave nothing.
    #[cfg(test)]
    pub fn lose_disk(&mut self, until: i64) {
        self.disk_after = until;
    }

    /// What was counted, by channel.
    pub fn counts(&self) -> impl Iterator<Item = &ChannelCounts> {
        self.lines.iter().map(|line| &line.counts)
    }
}
