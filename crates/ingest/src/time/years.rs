//! The years that BSD syslog does not write: inferred backwards from the time the file was last written, then counted
//! forward over every New Year.

use std::fs::File;

use tunlog_model::{Civil, Stamp};

use super::calendar::{self, days_of, is_leap, seconds_of};
use super::{Anchors, DAY};
use crate::Options;
use crate::framing::{self, Format, Framer};
use crate::source::compressed::Codec;
use crate::source::{SourceKind, SourceSpec, read_at};

/// How far a stamp may lie before the one before it and still be of the same stretch (a late line, a clock set back)
/// instead of the next year, days.
const BACKWARD_DAYS: i64 = 45;

/// Places of a plain file that are looked at to count New Years.
const PROBES: u64 = 1024;

/// Bytes read at each place.
const PROBE_BYTES: usize = 4096;

/// Bytes of a stream that are read ahead to count New Years.
const AHEAD_BYTES: usize = 8 * 1024 * 1024;

/// Text compresses no better than this in practice.
const RATIO_MAX: u64 = 20;

/// Span of a compressed stream, days, from which its whole length must be looked at.
const SPAN_UNSURE: i64 = 300;

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

/// What a source's times are measured against.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// When the source was last written (the present for streams), microseconds UTC.
    pub written: i64,
}

impl Reference {
    /// A file's time of writing, if it is known and can be right; else the present.
    pub fn new(written: Option<i64>, now: i64) -> Reference {
        let earliest = seconds_of(2000, 1, 1, 0) * super::SECOND;
        let written = written.filter(|written| *written >= earliest && *written <= now.saturating_add(DAY));
        Reference {
            written: written.unwrap_or(now),
        }
    }

    /// The latest time that is to be believed: clocks and zones may differ by a day.
    pub fn latest(&self) -> i64 {
        self.written.saturating_add(DAY)
    }
}

/// The latest year that puts a stamp before `reference`'s latest time.
pub(crate) fn latest_year(civil: &Civil, reference: Reference) -> i16 {
    latest_year_before(civil, reference.latest() / super::SECOND)
}

fn latest_year_before(civil: &Civil, latest: i64) -> i16 {
    let mut year = calendar::year_of(latest.saturating_mul(super::SECOND));
    while year > 1 && (!exists(year, civil) || seconds_of(year, civil.month, civil.day, civil.second) > latest) {
        year -= 1;
    }
    year
}

/// The year that puts a stamp nearest to `now`, microseconds UTC.
pub(crate) fn nearest_year(civil: &Civil, now: i64) -> i16 {
    let now = now / super::SECOND;
    let distance = |year: i16| seconds_of(year, civil.month, civil.day, civil.second).abs_diff(now);
    let this = calendar::year_of(now.saturating_mul(super::SECOND));
    // a leap day may be several years away; in a year without one it is no date
    let years = (this - 8..=this + 1).filter(|year| exists(*year, civil));
    years.min_by_key(|year| distance(*year)).unwrap_or(this)
}

/// Whether the stamp's day exists in that year; only 29 February is a question of the year.
fn exists(year: i16, civil: &Civil) -> bool {
    !(civil.month == 2 && civil.day == 29) || is_leap(year)
}

/// Gives each stamp of a source its year, in the order of the source.
#[derive(Clone, Debug)]
pub struct YearTracker {
    year: i16,
    /// Day of the last stamp, counted from 1970; None before the first.
    last: Option<i64>,
    /// The year and day before a leap of more than `BACKWARD_DAYS` into January: a machine without a battery for its
    /// clock starts on 1 January, and soon goes back to where it was.
    before_leap: Option<(i16, i64)>,
}

impl YearTracker {
    /// The first stamp is of `year`.
    pub fn new(year: i16) -> YearTracker {
        YearTracker {
            year,
            last: None,
            before_leap: None,
        }
    }

    /// The year of the next stamp.
    pub fn place(&mut self, civil: &Civil) -> i16 {
        if civil.month == 2 && civil.day == 29 && !is_leap(self.year) {
            // No such day: the last leap year before, and nothing is concluded for the lines that follow.
            return (self.year - 4..self.year)
                .rev()
                .find(|year| is_leap(*year))
                .unwrap_or(self.year - 4);
        }
        let day = |year: i16| days_of(year, civil.month, civil.day);
        let Some(last) = self.last else {
            self.last = Some(day(self.year));
            return self.year;
        };
        if let Some((year, before)) = self.before_leap {
            let back = day(year);
            if back >= before - 1 && back - before < day(self.year) - last {
                (self.year, self.last, self.before_leap) = (year, Some(back), None);
                return year;
            }
        }
        let candidates = [self.year - 1, self.year];
        let year = candidates
            .into_iter()
            .find(|year| day(*year) >= last - BACKWARD_DAYS)
            .unwrap_or(self.year + 1);
        if year > self.year && day(year) - last > BACKWARD_DAYS && civil.month == 1 {
            self.before_leap = Some((self.year, last));
        } else if civil.month > 1 {
            self.before_leap = None;
        }
        (self.year, self.last) = (year, Some(day(year)));
        year
    }
}

/// The stamps of a source seen so far, for counting its New Years.
#[derive(Default)]
struct Counted {
    first: Option<Civil>,
    last: Option<Civil>,
    tracker: Option<YearTracker>,
    /// Year of the first stamp in the count's own reckoning.
    base: i16,
    year: i16,
    since_boot: Option<i64>,
    /// How many years the count's reckoning is behind, as a stamp with a year next to one without shows.
    behind: Option<i16>,
    /// Day of the last stamp with a year, if no stamp without one followed.
    dated: Option<i64>,
    /// The latest believable time, seconds.
    latest: i64,
}

/// Any leap year will do to count from.
const COUNT_FROM: i16 = 2000;

/// How far apart neighbouring stamps with and without a year may lie to explain each other, days.
const NEIGHBOUR_DAYS: i64 = 60;

impl Counted {
    fn new(latest: i64) -> Counted {
        Counted {
            latest,
            ..Counted::default()
        }
    }

    fn stamp(&mut self, stamp: Stamp) {
        let second = match stamp {
            Stamp::Instant(micros) => Some(micros.div_euclid(super::SECOND)),
            Stamp::Civil(Civil {
                year: Some(year),
                month,
                day,
                second,
                ..
            }) => Some(seconds_of(year, month, day, second)),
            _ => None,
        };
        if let Some(second) = second.filter(|second| (super::EPOCH_MIN / super::SECOND..=self.latest).contains(second))
        {
            self.dated = Some(second.div_euclid(DAY_SECONDS));
        }
        self.count(stamp);
        if let (Some(dated), Some(last), None) = (self.dated, &self.last, self.behind) {
            let distance = |year: i16| (days_of(year, last.month, last.day) - dated).abs();
            let near = calendar::year_of(dated.saturating_mul(DAY));
            let year = [near - 1, near, near + 1]
                .into_iter()
                .min_by_key(|year| distance(*year))
                .unwrap_or(near);
            if distance(year) <= NEIGHBOUR_DAYS {
                self.behind = Some(year - self.year);
            }
        }
    }

    fn count(&mut self, stamp: Stamp) {
        match stamp {
            Stamp::Civil(civil) if civil.year.is_none() && calendar::is_date(COUNT_FROM, civil.month, civil.day) => {
                self.first.get_or_insert(civil);
                self.last = Some(civil);
                self.base = COUNT_FROM;
                self.year = self
                    .tracker
                    .get_or_insert_with(|| YearTracker::new(COUNT_FROM))
                    .place(&civil);
            }
            Stamp::SinceBoot(micros) => self.since_boot = Some(micros),
            _ => {}
        }
    }

    fn all_of(&mut self, bytes: &[u8]) {
        framing::stamps(bytes, &mut |stamp| {
            self.stamp(stamp);
            true
        });
    }

    fn first_of(&mut self, bytes: &[u8]) {
        framing::stamps(bytes, &mut |stamp| {
            self.stamp(stamp);
            !matches!(stamp, Stamp::Civil(Civil { year: None, .. }))
        });
    }

    /// Year of the first stamp, when the last one is as late as `latest` (seconds) allows.
    fn first_year(&self) -> Option<i16> {
        let last = self.last.as_ref()?;
        let year = match self.behind {
            Some(behind) => self.year + behind,
            None => latest_year_before(last, self.latest),
        };
        Some(year - (self.year - self.base))
    }

    /// Days from the first to the last stamp.
    fn span_days(&self) -> i64 {
        match (&self.first, &self.last) {
            (Some(first), Some(last)) => {
                days_of(self.year, last.month, last.day) - days_of(self.base, first.month, first.day)
            }
            _ => 0,
        }
    }
}

/// What the times of a source are counted from. `ahead(n)` gives the first bytes of the source, about `n` if it has so
/// many.
pub(crate) fn first_year(
    spec: &SourceSpec,
    options: &Options,
    reference: Reference,
    framer: &Framer,
    ahead: &mut dyn FnMut(usize) -> Vec<u8>,
) -> Anchors {
    if framer.format != Format::Lines {
        return Anchors::default();
    }
    let head = ahead(0);
    let latest = reference.latest() / super::SECOND;
    let mut counted = Counted::new(latest);
    counted.all_of(&head);
    let boot = counted.since_boot.map(|_| {
        let mut whole = Counted::new(latest);
        whole.all_of(&ahead(AHEAD_BYTES));
        reference.written - whole.since_boot.unwrap_or_default()
    });
    let Some(first) = counted.first else {
        return Anchors { year: None, boot };
    };
    let year = match (options.year, &spec.place) {
        (Some(year), None) => Some(year),
        (Some(year), Some(place)) => Some(place.year_forward(year)),
        (None, Some(place)) if place.has_newer() => place.year_backward(),
        (None, _) => match probed(spec, &head, latest) {
            Some(counted) => counted.first_year(),
            None => streamed(spec, latest, ahead),
        },
    };
    Anchors {
        year: Some(year.unwrap_or_else(|| latest_year_before(&first, latest))),
        boot,
    }
}

/// A plain file: looked at in many places.
fn probed(spec: &SourceSpec, head: &[u8], latest: i64) -> Option<Counted> {
    let SourceKind::File(path) = &spec.kind else {
        return None;
    };
    // a named pipe is opened once, by who reads it: opening it again would wait for another writer
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let file = File::open(path).ok()?;
    let data = file.metadata().ok()?;
    let mut probe = vec![0; PROBE_BYTES];
    let read = read_at(&file, &mut probe, 0).ok()?;
    if read == 0 || Codec::of(&probe[..read]).is_some() {
        return None;
    }
    let mut counted = Counted::new(latest);
    if data.len() <= PROBES * PROBE_BYTES as u64 {
        let mut whole = vec![0; data.len() as usize];
        let read = read_at(&file, &mut whole, 0).ok()?;
        counted.all_of(&whole[..read]);
        return Some(counted);
    }
    counted.first_of(head);
    for place in 1..PROBES {
        let read = read_at(&file, &mut probe, data.len() / PROBES * place).ok()?;
        counted.first_of(after_newline(&probe[..read]));
    }
    let mut tail = vec![0; 16 * PROBE_BYTES];
    let read = read_at(&file, &mut tail, data.len().saturating_sub(16 * PROBE_BYTES as u64)).ok()?;
    counted.all_of(after_newline(&tail[..read]));
    Some(counted)
}

fn after_newline(bytes: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', bytes).map_or(&[], |at| &bytes[at + 1..])
}

/// A stream: read ahead, and if that leaves the number of New Years open and the stream can be read twice, to its end.
fn streamed(spec: &SourceSpec, latest: i64, ahead: &mut dyn FnMut(usize) -> Vec<u8>) -> Option<i16> {
    let bytes = ahead(AHEAD_BYTES);
    let mut counted = Counted::new(latest);
    counted.all_of(&bytes);
    if bytes.len() < AHEAD_BYTES {
        return counted.first_year();
    }
    let packed = match &spec.kind {
        SourceKind::File(path) | SourceKind::ZipMember(path, _) => std::fs::metadata(path).map_or(0, |data| data.len()),
        _ => 0,
    };
    let parts = packed.saturating_mul(RATIO_MAX) / bytes.len() as u64;
    if counted.span_days().saturating_add(1).saturating_mul(parts as i64) > SPAN_UNSURE
        && let Some(whole) = second_pass(spec, latest)
    {
        return whole.first_year();
    }
    let span = counted.span_days().max(0) * DAY_SECONDS;
    // The first stamp of a stream that goes on: as late as possible, its known part included.
    counted
        .first
        .as_ref()
        .map(|first| latest_year_before(first, latest - span))
}

fn second_pass(spec: &SourceSpec, latest: i64) -> Option<Counted> {
    let (mut input, _) = crate::source::open_input(spec).ok()?;
    let mut counted = Counted::new(latest);
    let mut block = vec![0; 256 * 1024];
    let mut first = true;
    loop {
        match input.read(&mut block) {
            Ok(0) | Err(_) => return Some(counted),
            Ok(read) if first => counted.first_of(&block[..read]),
            Ok(read) => counted.first_of(after_newline(&block[..read])),
        }
        first = false;
    }
}

/// The years of a rotated set's first stamps, oldest first, from the year of the oldest.
pub(crate) fn chain_forward(firsts: &[Option<Civil>], year: i16) -> Vec<i16> {
    let mut tracker = YearTracker::new(year);
    firsts
        .iter()
        .map(|first| first.as_ref().map_or(tracker.year, |first| tracker.place(first)))
        .collect()
}

/// The same, backwards from the time the newest was written (microseconds UTC): each file begins before the next does.
pub(crate) fn chain_backward(firsts: &[Option<Civil>], written: i64) -> Vec<Option<i16>> {
    let mut latest = written.saturating_add(DAY) / super::SECOND;
    let mut years = vec![None; firsts.len()];
    for (year, first) in years.iter_mut().zip(firsts).rev() {
        if let Some(first) = first {
            let found = latest_year_before(first, latest);
            *year = Some(found);
            latest = seconds_of(found, first.month, first.day, first.second) + DAY_SECONDS;
        }
    }
    years
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_year_over_new_year_and_leap_days() {
        let civil = |month, day| Civil {
            year: None,
            month,
            day,
            second: 3600,
            micros: 0,
        };
        let now = |year, month, day| seconds_of(year, month, day, 7200) * super::super::SECOND;
        assert_eq!(nearest_year(&civil(12, 31), now(2026, 1, 1)), 2025);
        assert_eq!(nearest_year(&civil(1, 1), now(2025, 12, 31)), 2026);
        assert_eq!(nearest_year(&civil(6, 1), now(2025, 6, 2)), 2025);
        assert_eq!(nearest_year(&civil(2, 29), now(2025, 3, 2)), 2024);
        assert_eq!(nearest_year(&civil(2, 29), now(2028, 3, 1)), 2028);
    }
}
