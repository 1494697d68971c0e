//! The short way: a line that begins like the one before it, the time of day apart. Nearly all lines of a syslog do.

use tunlog_model::{Civil, Stamp};

use super::header::Header;
use super::stamp::{self, Kind};
use crate::time::{days_in_month, seconds_of};

/// How the last line with a plain header began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape<'a> {
    line: &'a [u8],
    /// Bytes of the date that must be equal.
    head: usize,
    /// Where `hh:mm:ss` stands.
    time_at: usize,
    /// Where zone and host begin, which must be equal up to `app_at`.
    tail_at: usize,
    /// Where the program tag begins.
    pub app_at: usize,
    date: Date,
}

#[derive(Clone, Copy, Debug)]
enum Date {
    /// BSD: the day stands in the line.
    Month(u8),
    /// ISO with zone: midnight of the date, microseconds UTC.
    Instant(i64),
    /// ISO without zone.
    Civil(i16, u8, u8),
}

impl<'a> Shape<'a> {
    /// The shape of a line whose header was read the long way, if it has a plain one.
    pub fn of(line: &'a [u8], header: &Header<'_>) -> Option<Shape<'a>> {
        let (app_at, kind) = header.plain?;
        match (kind, header.stamp) {
            (Kind::Classic, Stamp::Civil(civil)) => {
                Some(Shape { line, head: 4, time_at: 7, tail_at: 15, app_at, date: Date::Month(civil.month) })
            }
            (Kind::Iso { zone_at }, Stamp::Instant(micros)) if zone_at >= 19 => {
                let date = Date::Instant(micros - time_micros(line, 11, zone_at)?);
                Some(Shape { line, head: 11, time_at: 11, tail_at: zone_at, app_at, date })
            }
            (Kind::Iso { zone_at }, Stamp::Civil(civil)) if zone_at >= 19 => {
                let date = Date::Civil(civil.year?, civil.month, civil.day);
                Some(Shape { line, head: 11, time_at: 11, tail_at: zone_at, app_at, date })
            }
            _ => None,
        }
    }

    /// Whether a line begins so.
    #[inline]
    pub fn fits(&self, line: &[u8]) -> bool {
        line.len() > self.app_at
            && line[self.time_at + 2] == b':'
            && line[self.time_at + 5] == b':'
            && line[..self.head] == self.line[..self.head]
            && line[self.tail_at..self.app_at] == self.line[self.tail_at..self.app_at]
    }

    /// The host of lines of this shape; `host_at` is behind the blank that follows the stamp.
    #[inline]
    pub fn host(&self, line: &'a [u8]) -> &'a [u8] {
        let host = &line[self.tail_at..self.app_at - 1];
        match host.iter().position(|byte| *byte == b' ') {
            Some(blank) => &host[blank + 1..],
            None => host,
        }
    }

    /// The stamp of a line of this shape.
    #[inline]
    pub fn stamp(&self, line: &[u8]) -> Stamp {
        self.read_stamp(line).unwrap_or(Stamp::Missing)
    }

    #[inline]
    fn read_stamp(&self, line: &[u8]) -> Option<Stamp> {
        let at = self.time_at;
        let (hour, minute, second) = (stamp::two(&line[at..])?, stamp::two(&line[at + 3..])?, stamp::two(&line[at + 6..])?);
        let second = stamp::second_of_day(hour, minute, second)?;
        let micros = self.micros(line)?;
        Some(match self.date {
            Date::Month(month) => {
                let tens = match line[4] {
                    b' ' => 0,
                    digit @ b'0'..=b'9' => digit - b'0',
                    _ => return None,
                };
                let day = tens * 10 + line[5].checked_sub(b'0').filter(|ones| *ones < 10)?;
                if line[6] != b' ' || day == 0 || day > days_in_month(2000, month) {
                    return None;
                }
                Stamp::Civil(Civil { year: None, month, day, second, micros })
            }
            Date::Civil(year, month, day) => Stamp::Civil(Civil { year: Some(year), month, day, second, micros }),
            Date::Instant(midnight) => {
                Stamp::Instant(midnight + i64::from(second) * 1_000_000 + i64::from(micros))
            }
        })
    }

    #[inline]
    fn micros(&self, line: &[u8]) -> Option<u32> {
        let from = self.time_at + 8;
        if self.tail_at <= from + 1 {
            return Some(0);
        }
        let digits = &line[from + 1..self.tail_at];
        let valid = matches!(line[from], b'.' | b',') && digits.iter().all(u8::is_ascii_digit);
        valid.then(|| stamp::fraction(digits))
    }
}

/// Microseconds of the day that a valid time at `at` shows; a fraction ends at `end`.
fn time_micros(line: &[u8], at: usize, end: usize) -> Option<i64> {
    let (hour, minute, second) = (stamp::two(&line[at..])?, stamp::two(&line[at + 3..])?, stamp::two(&line[at + 6..])?);
    let micros = line.get(at + 9..end).map_or(0, stamp::fraction);
    // 1970-01-01 is day 0: what remains is the time of day.
    Some(seconds_of(1970, 1, 1, hour * 3600 + minute * 60 + second) * 1_000_000 + i64::from(micros))
}
