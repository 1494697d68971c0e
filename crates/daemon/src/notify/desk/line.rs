//! A channel as the desk sees it: whether it is free, and what waits for others of its kind.

use std::collections::HashMap;

use tunlog_store::Which;

use super::super::ChannelCounts;
use super::super::channel::Channel;
use super::super::notice::{Notice, id};
use super::super::pace::Bucket;

/// Things that are grouped at once, for a channel.
const GROUPS_MAX: usize = 4096;

/// Like follows like until then.
pub(super) struct Group {
    pub until: i64,
    pub level: u8,
}

/// A channel, and what is known of its receiver.
pub(super) struct Line {
    pub channel: Channel,
    pub bucket: Bucket,
    pub groups: HashMap<String, Group>,
    /// What is under way, and how many notices it tells.
    pub busy: Option<(Which, u64)>,
    pub failures: u32,
    pub not_before: i64,
    /// Nothing that is due waits in the outbox.
    pub clear: bool,
    pub counts: ChannelCounts,
}

impl Line {
    /// Whether it may be told something now.
    pub fn is_free(&self, now: i64) -> bool {
        self.busy.is_none() && now >= self.not_before
    }

    /// The bundle in which a notice waits, and until when; None: it is the first of its kind, or worse than those before.
    pub fn group(&mut self, notice: &Notice, level: u8, now: i64) -> Option<(String, i64)> {
        let length = self.channel.group;
        if length == 0 {
            return None;
        }
        let bundle = format!("group:{}", id(&notice.group()));
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&bundle) {
            self.groups.retain(|_, group| group.until > now);
            if self.groups.len() >= GROUPS_MAX {
                return None;
            }
        }
        let group = self
            .groups
            .entry(bundle.clone())
            .or_insert(Group { until: i64::MIN, level });
        let open = (group.until.saturating_sub(length)..group.until).contains(&now);
        if open && level <= group.level {
            return Some((bundle, group.until));
        }
        *group = Group {
            until: if open { group.until } else { now.saturating_add(length) },
            level,
        };
        None
    }
}
