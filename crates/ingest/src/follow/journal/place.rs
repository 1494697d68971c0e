//! Places in the journal: what a cursor says, and what came before what.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Most bytes of a cursor; journald's have about 150.
const CURSOR_MAX: usize = 1024;

/// A record's place, out of its cursor: `s=…;i=…;b=…;m=…;t=…;x=…` (systemd, sd_journal_get_cursor).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub cursor: String,
    /// Which run of numbers, and the number in it.
    seqnum_id: String,
    seqnum: u64,
    boot: String,
    /// Microseconds since that boot.
    monotonic: u64,
    /// Microseconds since 1970.
    pub realtime: u64,
    /// Hash of the content.
    content: String,
}

/// What is kept.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept<'a> {
    v: u8,
    #[serde(borrow)]
    cursor: Cow<'a, str>,
}

/// The one field of a record that is needed here.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "__CURSOR", borrow)]
    cursor: Cow<'a, str>,
}

impl Place {
    fn parse(cursor: &str) -> Option<Place> {
        if cursor.len() > CURSOR_MAX {
            return None;
        }
        let part = |name: &str| {
            cursor
                .split(';')
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        let number = |name: &str| u64::from_str_radix(part(name)?, 16).ok();
        Some(Place {
            cursor: cursor.to_string(),
            seqnum_id: part("s")?.to_string(),
            seqnum: number("i")?,
            boot: part("b")?.to_string(),
            monotonic: number("m")?,
            realtime: number("t")?,
            content: part("x")?.to_string(),
        })
    }

    /// The place of a record that `journalctl -o json` wrote.
    pub(super) fn of_line(line: &[u8]) -> Option<Place> {
        Place::parse(&serde_json::from_slice::<Line<'_>>(line).ok()?.cursor)
    }

    pub(super) fn decode(value: &[u8]) -> Option<Place> {
        let kept: Kept<'_> = serde_json::from_slice(value).ok()?;
        (kept.v == 1).then(|| Place::parse(&kept.cursor)).flatten()
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let kept = Kept {
            v: 1,
            cursor: Cow::Borrowed(&self.cursor),
        };
        serde_json::to_vec(&kept).unwrap_or_default()
    }

    /// Whether it is the same record. Numbers begin anew when journald's state is lost; the boot and its clock do not.
    pub(super) fn is(&self, other: &Place) -> bool {
        let numbered = self.seqnum_id == other.seqnum_id && self.seqnum == other.seqnum;
        let timed = self.boot == other.boot && self.monotonic == other.monotonic && self.content == other.content;
        numbered || timed
    }

    /// Whether it was written before the other one. None: that cannot be told.
    pub(super) fn is_before(&self, other: &Place) -> Option<bool> {
        if self.seqnum_id == other.seqnum_id {
            return Some(self.seqnum < other.seqnum);
        }
        (self.boot == other.boot).then_some(self.monotonic < other.monotonic)
    }

    /// How many records stand between it and a later one, if their numbers tell.
    pub(super) fn between(&self, later: &Place) -> Option<u64> {
        let known = self.seqnum_id == later.seqnum_id && later.seqnum > self.seqnum;
        known.then(|| later.seqnum - self.seqnum - 1)
    }

    /// A number for finding it among the last ones.
    pub(super) fn hash(&self) -> u64 {
        crate::follow::print::hash(format!("{};{};{}", self.boot, self.monotonic, self.content).as_bytes())
    }
}
