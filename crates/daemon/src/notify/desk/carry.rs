//! What is carried next: a notice alone, or those that waited as one message.

use tunlog_store::error::Result;
use tunlog_store::{OutboxChange, Outgoing, SEALED, Which};

use super::super::message::Message;
use super::super::notice::{Notice, id};
use super::{DISK_WAIT, Desk, Job, URGENT};
use crate::log::value;

/// Notices that one message holds.
const MEMBERS_MAX: u32 = 50;
/// Bytes of them.
const MEMBERS_BYTES_MAX: usize = 1 << 20;

impl Desk {
    /// What is to be carried now, by the place of its channel. To be asked after `flush`.
    pub fn ready(&mut self, now: i64) -> Vec<(usize, Job)> {
        let mut jobs = Vec::new();
        for at in 0..self.lines.len() {
            if !self.lines[at].is_free(now) {
                continue;
            }
            let taken = match now < self.disk_after {
                true => Ok(self.take_unwritten(at, now)),
                false => self.take(at, now),
            };
            match taken {
                Ok(Some(job)) => {
                    self.lines[at].busy = Some((job.which.clone(), job.message.count()));
                    self.outbox.carry(&self.lines[at].channel.name, Some(job.which.clone()));
                    self.lines[at].bucket.take();
                    jobs.push((at, job));
                }
                Ok(None) => {}
                Err(error) => {
                    self.disk_after = now + DISK_WAIT;
                    self.log
                        .error("cannot read what waits to be told", &[("why", value(error))]);
                }
            }
        }
        jobs
    }

    /// What a channel is told next.
    fn take(&mut self, at: usize, now: i64) -> Result<Option<Job>> {
        let name = self.lines[at].channel.name.clone();
        let Some(first) = self.outbox.due(&name, now, 1)?.pop() else {
            self.lines[at].clear = true;
            return Ok(None);
        };
        self.lines[at].clear = false;
        let tokens = self.lines[at].bucket.tokens(now);
        if tokens == 0 && first.level < URGENT {
            return Ok(None);
        }
        if !first.bundle.is_empty() {
            return self.take_bundle(at, &name, &first, now);
        }
        // an urgent one goes alone; of others no more than the channel bears, the rest as one
        if first.level >= URGENT || self.outbox.due_alone(&name, now)? <= tokens {
            return Ok(self.alone(&name, first));
        }
        self.take_bundle(at, &name, &first, now)
    }

    /// The same while the disk takes and gives nothing: an alarm does not wait for it.
    fn take_unwritten(&mut self, at: usize, now: i64) -> Option<Job> {
        let line = &mut self.lines[at];
        let tokens = line.bucket.tokens(now);
        let puts = self.changes.iter().filter_map(|change| match change {
            OutboxChange::Put(message) => Some(message),
            _ => None,
        });
        let first = puts
            .filter(|message| message.channel == line.channel.name && message.bundle.is_empty() && message.due <= now)
            .filter(|message| tokens > 0 || message.level >= URGENT)
            .min_by_key(|message| message.level < URGENT)?
            .clone();
        let name = line.channel.name.clone();
        self.alone(&name, first)
    }

    fn alone(&mut self, name: &str, first: Outgoing) -> Option<Job> {
        let which = Which::Id(first.id);
        match serde_json::from_slice(&first.body) {
            Ok(notice) => Some(Job {
                which,
                message: Message::one(notice),
            }),
            Err(_) => {
                // of another version, which wrote it otherwise
                self.give_up(name, 1);
                self.remove(name.to_owned(), which);
                None
            }
        }
    }

    fn take_bundle(&mut self, at: usize, name: &str, first: &Outgoing, now: i64) -> Result<Option<Job>> {
        let mut bundle = first.bundle.clone();
        if !bundle.starts_with(SEALED) {
            let to = format!("{SEALED}{}", id(&(name, &first.id, now)));
            let seal = OutboxChange::Seal {
                channel: name.to_owned(),
                from: bundle.clone(),
                to: to.clone(),
                now,
            };
            self.outbox.apply(&[seal])?;
            // it goes on: what follows is held back again, and comes with the next one
            let length = self.lines[at].channel.group;
            if let Some(group) = self.lines[at].groups.get_mut(&bundle) {
                group.until = now.saturating_add(length);
            }
            bundle = to;
        }
        let (members, about) = self.outbox.bundle(name, &bundle, MEMBERS_MAX)?;
        let mut bytes = 0;
        let fits = |member: &&Outgoing| {
            bytes += member.body.len();
            bytes <= MEMBERS_BYTES_MAX
        };
        let notices: Vec<Notice> = members
            .iter()
            .take_while(fits)
            .filter_map(|member| serde_json::from_slice(&member.body).ok())
            .collect();
        let count: u64 = about.iter().map(|(_, count)| count).sum();
        let id = bundle.trim_start_matches(SEALED).to_owned();
        let which = Which::Bundle(bundle);
        if notices.is_empty() {
            self.give_up(name, count);
            self.remove(name.to_owned(), which);
            return Ok(None);
        }
        let message = match (count, notices) {
            (1, mut one) => one.pop().map(Message::one),
            (_, notices) => Some(Message { id, notices, about }),
        };
        Ok(message.map(|message| Job { which, message }))
    }
}
