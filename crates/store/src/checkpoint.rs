//! Checkpoints: signed notes, each of which says how many records there are, what they are (a root), and what was the
//! checkpoint before it. The first three lines are those of c2sp.org/tlog-checkpoint; the rest is ours, a word and its value.

use std::fmt::Write as _;

use jiff::Timestamp;
use tunlog_seal::{Digest, SigningKey, note};

/// Most lines of one checkpoint that are read: segments of one close, or of one act of retention.
const LINES_MAX: usize = 1 << 20;

/// A segment, as the checkpoint names it that sealed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentLine {
    /// Its number, from 0.
    pub id: u64,
    /// How many records it holds.
    pub rows: u64,
    /// Number of its first record.
    pub first_seq: u64,
    /// Number of its last record.
    pub last_seq: u64,
    /// Root of its records.
    pub root: Digest,
    /// SHA-256 of its file.
    pub file: Digest,
    /// SHA-256 of the file beside it, which finds the place of a change.
    pub index: Digest,
    /// Its path in the store, with `/`.
    pub path: String,
}

/// A segment that was taken away on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovedLine {
    /// Its number.
    pub id: u64,
    /// Why: `age`, `size`, `asked`.
    pub cause: String,
}

/// Rows of the history that were taken away on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrunedLine {
    /// What they are: `attempts`, `findings`.
    pub kind: String,
    /// How many.
    pub rows: u64,
    /// All of them are older than this, microseconds UTC.
    pub before: i64,
}

/// What a checkpoint says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log it is.
    pub origin: String,
    /// Records since the beginning.
    pub records: u64,
    /// Root over the roots of all segments.
    pub root: Digest,
    /// Its number, from 1.
    pub number: u64,
    /// Which key signs, from 0.
    pub epoch: u64,
    /// When, microseconds UTC.
    pub time: i64,
    /// Time of the first of the records that it adds.
    pub first: Option<i64>,
    /// Time of the last of them.
    pub last: Option<i64>,
    /// How many records it adds.
    pub added: u64,
    /// Records that their writers say were lost, since the beginning.
    pub lost: u64,
    /// Places where records were lost, since the beginning.
    pub gaps: u64,
    /// Hash of the note before it.
    pub previous: Option<Digest>,
    /// The segments that it adds.
    pub segments: Vec<SegmentLine>,
    /// The segments that retention took away.
    pub removed: Vec<RemovedLine>,
    /// What retention took away of the history.
    pub pruned: Vec<PrunedLine>,
    /// The key of the next epoch: whoever signs this gives it the right.
    pub next_key: Option<String>,
}

impl Checkpoint {
    /// The signed note.
    pub fn sign(&self, key: &SigningKey) -> Option<String> {
        note::sign(&self.text(), key)
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.records, self.root.base64());
        let mut line = |word: &str, value: &dyn std::fmt::Display| {
            // writing to a text cannot fail
            let _ = writeln!(text, "{word} {value}");
        };
        line("checkpoint", &self.number);
        line("epoch", &self.epoch);
        line("time", &stamp(self.time));
        if let (Some(first), Some(last)) = (self.first, self.last) {
            line("first", &stamp(first));
            line("last", &stamp(last));
        }
        line("added", &self.added);
        line("lost", &format_args!("{} in {}", self.lost, self.gaps));
        if let Some(previous) = &self.previous {
            line("previous", previous);
        }
        for segment in &self.segments {
            let SegmentLine {
                id,
                rows,
                first_seq,
                last_seq,
                root,
                file,
                index,
                path,
            } = segment;
            line(
                "segment",
                &format_args!("{id} {rows} {first_seq} {last_seq} {root} {file} {index} {path}"),
            );
        }
        for removed in &self.removed {
            line("removed", &format_args!("{} {}", removed.id, removed.cause));
        }
        for PrunedLine { kind, rows, before } in &self.pruned {
            line("pruned", &format_args!("{kind} {rows} {}", stamp(*before)));
        }
        if let Some(key) = &self.next_key {
            line("next-key", key);
        }
        text
    }

    /// Reads the text of a note, all of it, in the one form that `sign` writes.
    pub fn parse(text: &str) -> Option<Checkpoint> {
        let mut lines = text.strip_suffix('\n')?.split('\n').take(LINES_MAX).peekable();
        let mut checkpoint = Checkpoint {
            origin: lines.next()?.to_owned(),
            records: lines.next()?.parse().ok()?,
            root: Digest::from_base64(lines.next()?)?,
            number: value(lines.next(), "checkpoint")?.parse().ok()?,
            epoch: value(lines.next(), "epoch")?.parse().ok()?,
            time: micros(value(lines.next(), "time")?)?,
            first: None,
            last: None,
            added: 0,
            lost: 0,
            gaps: 0,
            previous: None,
            segments: Vec::new(),
            removed: Vec::new(),
            pruned: Vec::new(),
            next_key: None,
        };
        for line in lines {
            checkpoint.line(line)?;
        }
        (checkpoint.text() == text).then_some(checkpoint)
    }

    fn line(&mut self, line: &str) -> Option<()> {
        let (word, value) = line.split_once(' ')?;
        match word {
            "first" => self.first = Some(micros(value)?),
            "last" => self.last = Some(micros(value)?),
            "added" => self.added = value.parse().ok()?,
            "lost" => {
                let (lost, gaps) = value.split_once(" in ")?;
                (self.lost, self.gaps) = (lost.parse().ok()?, gaps.parse().ok()?);
            }
            "previous" => self.previous = Some(value.parse().ok()?),
            "segment" => self.segments.push(segment(value)?),
            "removed" => {
                let (id, cause) = value.split_once(' ')?;
                let (id, cause) = (id.parse().ok()?, cause.to_owned());
                self.removed.push(RemovedLine { id, cause });
            }
            "pruned" => {
                let mut parts = value.splitn(3, ' ');
                let kind = parts.next()?.to_owned();
                let (rows, before) = (parts.next()?.parse().ok()?, micros(parts.next()?)?);
                self.pruned.push(PrunedLine { kind, rows, before });
            }
            "next-key" => self.next_key = Some(value.to_owned()),
            _ => return None,
        }
        Some(())
    }
}

fn segment(value: &str) -> Option<SegmentLine> {
    let mut parts = value.splitn(8, ' ');
    let mut next = || parts.next();
    let segment = SegmentLine {
        id: next()?.parse().ok()?,
        rows: next()?.parse().ok()?,
        first_seq: next()?.parse().ok()?,
        last_seq: next()?.parse().ok()?,
        root: next()?.parse().ok()?,
        file: next()?.parse().ok()?,
        index: next()?.parse().ok()?,
        path: next()?.to_owned(),
    };
    // a path in a note leads nowhere but into the store
    let leads_away = |part: &str| matches!(part, "" | "." | "..");
    (!segment.path.split('/').any(leads_away)).then_some(segment)
}

fn value<'a>(line: Option<&'a str>, word: &str) -> Option<&'a str> {
    line?.strip_prefix(word)?.strip_prefix(' ')
}

/// A time as RFC 3339; to the microsecond, where it has one.
pub fn stamp(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
}

fn micros(text: &str) -> Option<i64> {
    match text.parse::<Timestamp>() {
        Ok(time) => Some(time.as_microsecond()),
        Err(_) => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Checkpoint {
        Checkpoint {
            origin: "vpn1.example/tunlog".to_owned(),
            records: 1_230_004,
            root: Digest::of(b"root"),
            number: 312,
            epoch: 41,
            time: 1_763_640_000_000_000,
            first: Some(-1),
            last: Some(1_763_640_000_000_001),
            added: 2,
            lost: 4592,
            gaps: 3,
            previous: Some(Digest::of(b"previous")),
            segments: vec![SegmentLine {
                id: 9,
                rows: 2,
                first_seq: 1_230_002,
                last_seq: 1_230_003,
                root: Digest::of(b"a"),
                file: Digest::of(b"b"),
                index: Digest::of(b"c"),
                path: "segments/day=2026-11-20/gateway=vpn1/00000009.parquet".to_owned(),
            }],
            removed: vec![RemovedLine {
                id: 3,
                cause: "age".to_owned(),
            }],
            pruned: vec![PrunedLine {
                kind: "attempts".to_owned(),
                rows: 1234,
                before: 1_763_640_000_000_000,
            }],
            next_key: Some("vpn1.example/tunlog+0011+AA".to_owned()),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let checkpoint = full();
        assert_eq!(Checkpoint::parse(&checkpoint.text()), Some(checkpoint.clone()));
        let text = checkpoint.text();
        assert!(text.starts_with("vpn1.example/tunlog\n1230004\n"), "{text}");
        assert!(text.contains("time 2025-11-20T12:00:00Z\n"), "{text}");
        let bare = Checkpoint {
            first: None,
            last: None,
            previous: None,
            segments: Vec::new(),
            removed: Vec::new(),
            pruned: Vec::new(),
            next_key: None,
            ..full()
        };
        assert_eq!(Checkpoint::parse(&bare.text()), Some(bare));
    }

    #[test]
    fn a_checkpoint_has_one_form() {
        let text = full().text();
        for (was, is) in [
            ("1230004\n", "01230004\n"),
            ("epoch 41", "epoch 041"),
            ("added 2\n", "added 2\nadded 2\n"),
            ("lost 4592 in 3", "lost 4592 in  3"),
            ("removed 3 age\n", "removed 3\n"),
            ("pruned attempts 1234 ", "pruned attempts "),
            ("segments/day", "../segments/day"),
            ("segments/day", "/segments/day"),
            ("\nadded", "\nwhatever 1\nadded"),
            ("12:00:00Z\n", "12:00:00+00:00\n"),
        ] {
            let changed = text.replacen(was, is, 1);
            assert_ne!(changed, text, "{was}");
            assert_eq!(Checkpoint::parse(&changed), None, "{changed}");
        }
        assert_eq!(Checkpoint::parse(text.trim_end()), None);
    }
}
