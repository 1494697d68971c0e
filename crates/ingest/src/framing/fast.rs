//! The short way: a line that begins like the one before it, the time of day apart. Nearly all lines of a syslog do.

use tunlog_model::{Civil, Stamp};
use wide::u8x16;

use super::digits;
use super::header::Header;
use super::stamp::{self, Kind};
use crate::time::{days_in_month, seconds_of};

/// Bytes that are compared at once.
const WORD: usize = 16;

/// How the last line with a plain header began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape<'a> {
    /// The host of lines of this shape.
    pub host: &'a [u8],
    /// Where `hh:mm:ss` stands.
    time_at: usize,
    /// Where zone and host begin, which must be equal up to `app_at`.
    tail_at: usize,
    /// Where the program tag begins.
    pub app_at: usize,
    head: Masked,
    tail: Masked,
    /// Zone and host, if they are longer than a word.
    long_tail: &'a [u8],
    date: Date,
    /// The last time read, as written and as read: many lines stand in the same second.
    last: (Written, Stamp),
}

/// Day of the month and time of day as they stand in a line, each as a number.
type Written = (u16, u64);

/// Some of sixteen bytes.
#[derive(Clone, Copy, Debug)]
struct Masked {
    mask: u8x16,
    value: u8x16,
}

impl Masked {
    fn new(text: &[u8], compared: impl Fn(usize) -> bool) -> Masked {
        let mut bytes = [0; WORD];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = if compared(at) { 0xff } else { 0 };
        }
        let mask = u8x16::from(bytes);
        Masked {
            mask,
            value: word(text, 0).unwrap_or_default() & mask,
        }
    }

    /// What of a word is otherwise.
    #[inline(always)]
    fn otherwise(&self, word: u8x16) -> u8x16 {
        (word & self.mask) ^ self.value
    }
}

#[inline]
fn word(text: &[u8], at: usize) -> Option<u8x16> {
    text.get(at..)?.first_chunk::<WORD>().map(|word| u8x16::from(*word))
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
    pub fn of(line: &'a [u8], header: &Header<'a>) -> Option<Shape<'a>> {
        let (app_at, kind) = header.plain?;
        let (tail_at, date) = match (kind, header.stamp) {
            (Kind::Classic, Stamp::Civil(civil)) => (15, Date::Month(civil.month)),
            (Kind::Iso { zone_at }, Stamp::Instant(micros)) if zone_at >= 19 => {
                (zone_at, Date::Instant(micros - time_micros(line, 11, zone_at)?))
            }
            (Kind::Iso { zone_at }, Stamp::Civil(civil)) if zone_at >= 19 => {
                (zone_at, Date::Civil(civil.year?, civil.month, civil.day))
            }
            _ => return None,
        };
        if line.len() < tail_at + WORD || line.len() < app_at {
            return None;
        }
        let classic = kind == Kind::Classic;
        let head = Masked::new(line, |at| {
            if classic {
                at < 4 || matches!(at, 6 | 9 | 12)
            } else {
                at < 11 || at == 13
            }
        });
        let len = app_at - tail_at;
        let tail = Masked::new(&line[tail_at..], |at| at < len);
        let long_tail = if len > WORD { &line[tail_at..app_at] } else { b"" };
        let time_at = if classic { 7 } else { 11 };
        Some(Shape {
            host: header.host,
            time_at,
            tail_at,
            app_at,
            head,
            tail,
            long_tail,
            date,
            last: Default::default(),
        })
    }

    /// What stands behind such a beginning, if a line has it. Lines that are too short to tell are left to the long way.
    #[inline(always)]
    pub fn behind<'l>(&self, line: &'l [u8]) -> Option<&'l [u8]> {
        let (head, tail) = (word(line, 0)?, word(line, self.tail_at)?);
        let otherwise = self.head.otherwise(head) | self.tail.otherwise(tail);
        if otherwise.simd_eq(u8x16::splat(0)).to_bitmask() != 0xffff {
            return None;
        }
        if !self.long_tail.is_empty() && line.get(self.tail_at..self.app_at)? != self.long_tail {
            return None;
        }
        line.get(self.app_at..)
    }

    /// The stamp of a line of this shape.
    #[inline]
    pub fn stamp(&mut self, line: &[u8]) -> Stamp {
        let Some(written) = self.written(line) else {
            return Stamp::Missing;
        };
        if written != self.last.0 {
            self.read_second(written, line);
        }
        let second = self.last.1;
        if self.tail_at <= self.time_at + 9 {
            return second;
        }
        match (second, self.micros(line)) {
            (Stamp::Instant(second), Some(micros)) => Stamp::Instant(second + i64::from(micros)),
            (Stamp::Civil(second), Some(micros)) => Stamp::Civil(Civil { micros, ..second }),
            _ => Stamp::Missing,
        }
    }

    /// What makes up the second of a line's stamp; the rest of an ISO date is compared by `fits`.
    #[inline]
    fn written(&self, line: &[u8]) -> Option<Written> {
        let time = u64::from_le_bytes(*line.get(self.time_at..)?.first_chunk()?);
        match self.date {
            Date::Month(_) => Some((u16::from_le_bytes(*line.get(4..)?.first_chunk()?), time)),
            _ => Some((0, time)),
        }
    }

    #[inline(never)]
    fn read_second(&mut self, written: Written, line: &[u8]) {
        self.last = (written, self.read_stamp(line).unwrap_or(Stamp::Missing));
    }

    /// The second that a line shows.
    fn read_stamp(&self, line: &[u8]) -> Option<Stamp> {
        let at = self.time_at;
        let (hour, minute, second) = (
            stamp::two(&line[at..])?,
            stamp::two(&line[at + 3..])?,
            stamp::two(&line[at + 6..])?,
        );
        if (line[at + 2], line[at + 5]) != (b':', b':') {
            return None;
        }
        let second = stamp::second_of_day(hour, minute, second)?;
        let micros = 0;
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
                Stamp::Civil(Civil {
                    year: None,
                    month,
                    day,
                    second,
                    micros,
                })
            }
            Date::Civil(year, month, day) => Stamp::Civil(Civil {
                year: Some(year),
                month,
                day,
                second,
                micros,
            }),
            Date::Instant(midnight) => Stamp::Instant(midnight + i64::from(second) * 1_000_000),
        })
    }

    /// The fraction of a second.
    #[inline]
    fn micros(&self, line: &[u8]) -> Option<u32> {
        let from = self.time_at + 8;
        let digits = line.get(from + 1..self.tail_at)?;
        if !matches!(line[from], b'.' | b',') {
            return None;
        }
        if digits.len() == 6 {
            // the point stands in the lowest byte, what follows the fraction in the highest
            let word = u64::from_le_bytes(*line.get(from..)?.first_chunk()?);
            return digits::eight((word >> 8 << 16) | (digits::ZEROS >> 48));
        }
        digits.iter().all(u8::is_ascii_digit).then(|| stamp::fraction(digits))
    }
}

/// Microseconds of the day that a valid time at `at` shows; a fraction ends at `end`.
fn time_micros(line: &[u8], at: usize, end: usize) -> Option<i64> {
    let (hour, minute, second) = (
        stamp::two(&line[at..])?,
        stamp::two(&line[at + 3..])?,
        stamp::two(&line[at + 6..])?,
    );
    let micros = line.get(at + 9..end).map_or(0, stamp::fraction);
    // 1970-01-01 is day 0: what remains is the time of day.
    Some(seconds_of(1970, 1, 1, hour * 3600 + minute * 60 + second) * 1_000_000 + i64::from(micros))
}
