//! Years and zones: decided once per source, every assumption marked.

mod calendar;
pub mod years;
mod zone;

use jiff::tz::{AmbiguousOffset, TimeZone};
use tunlog_model::{Assumed, Civil, RecordTime, Stamp};

use crate::Options;
pub(crate) use calendar::{days_in_month, seconds_of};
pub use years::Reference;
use years::YearTracker;
pub use zone::check_zone;

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;

/// 1990-01-01T00:00:00Z, microseconds: no machine logged PPTP before; such a clock was never set.
const EPOCH_MIN: i64 = 631_152_000 * SECOND;

/// How far a line may lie before its predecessor in a repeated hour and still be of the same pass, microseconds.
const FOLD_DISORDER: i64 = 60 * SECOND;

/// Completes the stamps of one source, in the order of the source.
#[derive(Clone, Debug)]
pub struct Clock {
    zone: TimeZone,
    reference: Reference,
    years: Option<YearTracker>,
    /// When the machine started, microseconds UTC; for kernel uptimes.
    boot: i64,
    /// The last time that is to be believed.
    last: i64,
    /// Whether there was one; else `last` is the time of writing.
    begun: bool,
    /// Whether records come while they are written: then the present moves on.
    live: bool,
    /// Whether they come over the network: then the time of receipt stands for one that cannot be.
    receiving: bool,
    hour: Hour,
    /// The stamp resolved last and its time, if the same stamp must mean the same again.
    before: Option<(Stamp, RecordTime)>,
}

/// The hour that was last resolved: most stamps lie in the hour of the one before.
#[derive(Clone, Debug, Default)]
struct Hour {
    /// Year as written, month, day, hour; month 0 is no hour.
    key: (Option<i16>, u8, u8, u32),
    /// Its beginning, microseconds UTC.
    start: i64,
    assumed: Assumed,
}

/// What the head of a source and its time of writing say about its stamps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anchors {
    /// Year of the first stamp without one.
    pub year: Option<i16>,
    /// When the machine started, microseconds UTC.
    pub boot: Option<i64>,
}

impl Clock {
    /// A clock for a source with these anchors; the error says why the zone is none.
    pub fn new(options: &Options, reference: Reference, anchors: Anchors) -> Result<Clock, String> {
        Ok(Clock {
            zone: zone::chosen(options.tz.as_deref())?,
            reference,
            years: anchors.year.map(YearTracker::new),
            boot: anchors.boot.unwrap_or(reference.written),
            last: reference.written,
            begun: false,
            live: false,
            receiving: false,
            hour: Hour::default(),
            before: None,
        })
    }

    /// The same clock for a source that is followed: what is too late to be believed moves on with the present.
    pub fn live(self) -> Clock {
        Clock { live: true, ..self }
    }

    /// A clock for records that arrive at the time `now`, microseconds UTC.
    pub fn fixed(options: &Options, now: i64) -> Result<Clock, String> {
        Clock::new(options, Reference::new(None, now), Anchors::default())
    }

    /// A clock for what a peer sends: its years are those nearest to the present, and what has no time, or one that cannot be,
    /// has that of its receipt. The error says why the zone is none.
    pub fn receiving(options: &Options) -> Result<Clock, String> {
        let clock = Clock::fixed(options, options.now)?;
        Ok(Clock {
            live: true,
            receiving: true,
            ..clock
        })
    }

    /// The complete time of a stamp. To be called in the order of the source, for the records that matter.
    #[inline]
    pub fn resolve(&mut self, stamp: Stamp) -> RecordTime {
        // many lines stand in one second
        match &self.before {
            Some((before, time)) if *before == stamp => *time,
            _ => self.resolve_another(stamp),
        }
    }

    fn resolve_another(&mut self, stamp: Stamp) -> RecordTime {
        self.before = None;
        match stamp {
            Stamp::Civil(civil) => self.civil(civil),
            Stamp::Instant(micros) => self.checked(micros, Assumed::default()),
            // when another machine started is not known
            Stamp::SinceBoot(_) if self.receiving => self.unknown(),
            Stamp::SinceBoot(micros) => self.checked(self.boot.saturating_add(micros), Assumed::TIME),
            Stamp::Missing => self.unknown(),
        }
    }

    fn unknown(&self) -> RecordTime {
        RecordTime {
            micros: if self.receiving { now() } else { self.last },
            assumed: Assumed::TIME,
        }
    }

    /// Marks a time that cannot be right; one that can be becomes the last one believed.
    fn checked(&mut self, micros: i64, assumed: Assumed) -> RecordTime {
        if self.live && micros > self.reference.latest() {
            self.reference.written = self.reference.written.max(now());
        }
        if micros < EPOCH_MIN || micros > self.reference.latest() {
            if self.receiving {
                return self.unknown();
            }
            return RecordTime {
                micros,
                assumed: assumed.with(Assumed::TIME),
            };
        }
        (self.last, self.begun) = (micros, true);
        RecordTime { micros, assumed }
    }

    fn civil(&mut self, civil: Civil) -> RecordTime {
        let hour = civil.second.min(86_399) / 3600;
        let key = (civil.year, civil.month, civil.day, hour);
        let rest = i64::from(civil.second - hour * 3600) * SECOND + i64::from(civil.micros);
        if key == self.hour.key {
            let time = self.checked(self.hour.start + rest, self.hour.assumed);
            if !self.live && time.micros == self.last {
                self.before = Some((Stamp::Civil(civil), time));
            }
            return time;
        }
        let (year, assumed) = match civil.year {
            Some(year) => (year, Assumed::ZONE),
            None => (self.year_of(&civil), Assumed::ZONE.with(Assumed::YEAR)),
        };
        if !calendar::is_date(year, civil.month, civil.day) {
            return self.unknown();
        }
        let start = seconds_of(year, civil.month, civil.day, hour * 3600);
        let (from, to) = (
            self.offsets(year, &civil, hour * 3600),
            self.offsets(year, &civil, hour * 3600 + 3599),
        );
        match (from, to) {
            (
                Some(AmbiguousOffset::Unambiguous { offset: first }),
                Some(AmbiguousOffset::Unambiguous { offset: last }),
            ) if first == last => {
                let start = (start - i64::from(first.seconds())) * SECOND;
                self.hour = Hour { key, start, assumed };
                self.checked(start + rest, assumed)
            }
            _ => self.at_change(year, &civil, start * SECOND + rest, assumed),
        }
    }

    /// A stamp in an hour in which the zone's offset changes; `local` is it, microseconds as if the zone were UTC.
    fn at_change(&mut self, year: i16, civil: &Civil, local: i64, assumed: Assumed) -> RecordTime {
        let utc = |offset: jiff::tz::Offset| local - i64::from(offset.seconds()) * SECOND;
        match self.offsets(year, civil, civil.second) {
            None => self.unknown(),
            Some(AmbiguousOffset::Unambiguous { offset }) => self.checked(utc(offset), assumed),
            Some(AmbiguousOffset::Gap { before, .. }) => self.checked(utc(before), assumed.with(Assumed::GAP)),
            Some(AmbiguousOffset::Fold { before, after }) => {
                let first_pass = match self.receiving {
                    true => utc(before).abs_diff(now()) <= utc(after).abs_diff(now()),
                    false => !self.begun || utc(before) >= self.last - FOLD_DISORDER,
                };
                let micros = if first_pass { utc(before) } else { utc(after) };
                self.checked(micros, assumed.with(Assumed::FOLD))
            }
        }
    }

    fn offsets(&self, year: i16, civil: &Civil, second: u32) -> Option<AmbiguousOffset> {
        let second = second.min(86_399);
        let (hour, minute, second) = ((second / 3600) as i8, (second / 60 % 60) as i8, (second % 60) as i8);
        let date =
            jiff::civil::DateTime::new(year, civil.month as i8, civil.day as i8, hour, minute, second, 0).ok()?;
        Some(self.zone.to_ambiguous_timestamp(date).offset())
    }

    fn year_of(&mut self, civil: &Civil) -> i16 {
        if self.receiving {
            return years::nearest_year(civil, now());
        }
        let reference = self.reference;
        self.years
            .get_or_insert_with(|| YearTracker::new(years::latest_year(civil, reference)))
            .place(civil)
    }
}

/// The present, microseconds since 1970-01-01T00:00:00Z.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}
