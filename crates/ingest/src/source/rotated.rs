//! Rotated sets: which files are one log, and in what order they were written.

use std::cmp::Ordering;
use std::sync::Arc;

use tunlog_model::{Civil, Stamp};

use crate::time::{seconds_of, years};

/// The place of a file in its rotated set.
#[derive(Clone, Debug)]
pub struct SetPlace {
    /// The first year-less stamp of each file, oldest first.
    firsts: Arc<[Option<Civil>]>,
    /// Which of them this file is.
    index: usize,
    /// When the newest was last written, microseconds UTC.
    written: Option<i64>,
}

impl SetPlace {
    /// The place of number `index` in a set of files that begin with these stamps, oldest first; the newest was last
    /// `written` (microseconds UTC) then.
    pub fn new(firsts: Arc<[Option<Civil>]>, index: usize, written: Option<i64>) -> SetPlace {
        SetPlace { firsts, index, written }
    }

    /// Whether a newer file of the set tells when this one ended.
    pub(crate) fn has_newer(&self) -> bool {
        self.written.is_some() && self.firsts[self.index + 1..].iter().any(Option::is_some)
    }

    /// The year of this file's first stamp when the oldest file's is `year`.
    pub(crate) fn year_forward(&self, year: i16) -> i16 {
        years::chain_forward(&self.firsts, year)[self.index]
    }

    /// The year of this file's first stamp, from the time the newest was written.
    pub(crate) fn year_backward(&self) -> Option<i16> {
        years::chain_backward(&self.firsts, self.written?)[self.index]
    }
}

/// How a file name says which rotation it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rotation {
    /// `syslog-20251119.gz`, `syslog.20251119`: digits of date and time.
    Dated(String),
    /// `syslog.3.gz`: the higher, the older.
    Numbered(std::cmp::Reverse<u32>),
    /// `syslog` itself.
    Current,
}

/// Splits a file name into the log's name and the rotation. `syslog-ng.log` and `syslog.bak` are logs of their own.
pub(crate) fn parse(name: &str) -> (String, Rotation) {
    let plain = [".gz", ".zst", ".xz", ".bz2"]
        .into_iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name);
    if let Some((base, rotation)) = suffix(plain) {
        return (base.to_string(), rotation);
    }
    // logrotate's `extension .log`: `vpn-20251119.log`, `vpn.1.log`.
    if let Some(stem) = plain.strip_suffix(".log")
        && let Some((base, rotation)) = suffix(stem)
    {
        return (format!("{base}.log"), rotation);
    }
    (plain.to_string(), Rotation::Current)
}

fn suffix(name: &str) -> Option<(&str, Rotation)> {
    for (at, sign) in name
        .char_indices()
        .filter(|(at, sign)| matches!(sign, '.' | '-') && *at > 0)
    {
        let tail = &name[at + 1..];
        let digits: String = tail.chars().filter(char::is_ascii_digit).collect();
        let only = tail.chars().all(|c| c.is_ascii_digit() || c == '-' || c == '_');
        if !only || !tail.starts_with(|c: char| c.is_ascii_digit()) || tail.ends_with(['-', '_']) {
            continue;
        }
        if digits.len() >= 8 && digits.len() <= 14 && is_date_or_epoch(&digits) {
            return Some((&name[..at], Rotation::Dated(digits)));
        }
        if sign == '.' && digits.len() == tail.len() && digits.len() <= 3 {
            return Some((&name[..at], Rotation::Numbered(std::cmp::Reverse(digits.parse().ok()?))));
        }
    }
    None
}

fn is_date_or_epoch(digits: &str) -> bool {
    let number =
        |range: std::ops::Range<usize>| digits.get(range).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    let date =
        (1980..2200).contains(&number(0..4)) && (1..=12).contains(&number(4..6)) && (1..=31).contains(&number(6..8));
    date || digits.len() == 10
}

/// Orders the files of a set, oldest first: by name, unless the first stamps say that the numbers count the other way.
pub(crate) fn order<T>(files: &mut [T], rotation: impl Fn(&T) -> &Rotation, first: impl Fn(&T) -> Option<Stamp>) {
    files.sort_by(|a, b| rotation(a).cmp(rotation(b)));
    let numbered = files
        .iter()
        .filter(|file| matches!(rotation(file), Rotation::Numbered(_)))
        .count();
    if numbered > 1 {
        let part = &mut files[..];
        let start = part
            .iter()
            .position(|file| matches!(rotation(file), Rotation::Numbered(_)))
            .unwrap_or(0);
        let part = &mut part[start..start + numbered];
        let stamps: Vec<Option<i64>> = part.iter().map(|file| first(file).and_then(sort_key)).collect();
        let known: Vec<i64> = stamps.into_iter().flatten().collect();
        let steps = |falling: Ordering| known.windows(2).filter(|pair| pair[1].cmp(&pair[0]) == falling).count();
        if steps(Ordering::Less) > steps(Ordering::Greater) {
            part.reverse();
        }
    }
}

/// A number that grows with time; without a year, within the year.
fn sort_key(stamp: Stamp) -> Option<i64> {
    match stamp {
        Stamp::Instant(micros) => Some(micros / 1_000_000),
        Stamp::Civil(civil) => Some(seconds_of(
            civil.year.unwrap_or(2000),
            civil.month,
            civil.day,
            civil.second,
        )),
        _ => None,
    }
}
