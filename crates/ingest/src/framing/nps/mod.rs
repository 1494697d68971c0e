//! Log files of Microsoft's RADIUS server (NPS, earlier IAS) and of RRAS when it writes them itself: `IN*.log` in one of three
//! forms, none of which has a header. *DTS*: one XML element `<Event>` a line. *Database-compatible* ("ODBC"): sixty or sixty-six
//! columns between commas. *IAS*: six columns, then pairs of an attribute's number and its value. Each record is one packet;
//! its values are handed on by their names, however the form spells them. Times are local, and no form names the zone.
//!
//! Facts: Microsoft, "Interpret NPS Database Format Log Files", "Interpret IAS Format Log Files"; RFC 2865 to 2868 for the
//! attributes' numbers.

mod dts;
mod names;
mod rows;

use std::borrow::Cow;

use tunlog_model::{Civil, Stamp};

use super::stamp;
use crate::time::days_in_month;
pub(crate) use dts::{Block, Part};

/// The name under which these records go.
pub(crate) const APP: &[u8] = b"nps-file";

/// One record.
#[derive(Debug, PartialEq)]
pub(crate) struct Record<'a> {
    /// When the server wrote it: local time.
    pub stamp: Stamp,
    /// The computer that wrote it.
    pub host: Cow<'a, [u8]>,
    /// Names and values, in the record's order; empty ones are left out.
    pub fields: Vec<(&'a [u8], Cow<'a, [u8]>)>,
}

/// The record that a line is. None: the line is of no such file. An error says why a line that is of one cannot be read.
pub(crate) fn read(line: &[u8]) -> Option<Result<Record<'_>, String>> {
    match line.first()? {
        b'<' => dts::read(line),
        b'"' => rows::database(line),
        b'0'..=b'9' | b'a'..=b'f' | b':' | b',' => rows::ias(line),
        _ => None,
    }
}

/// The stamp of a date and a time of day. None if they have not the shape; `Stamp::Missing` if they have, and are no time.
fn local(date: &[u8], time: &[u8]) -> Option<Stamp> {
    let (year, month, day) = date_parts(date)?;
    let (clock, fraction) = match time {
        [clock @ .., b'.', a, b, c] if [a, b, c].iter().all(|byte| byte.is_ascii_digit()) => {
            (clock, stamp::fraction(&[*a, *b, *c]))
        }
        clock => (clock, 0),
    };
    let [_, _, b':', _, _, b':', _, _] = clock else {
        return None;
    };
    let (hour, minute, second) = (stamp::two(clock)?, stamp::two(&clock[3..])?, stamp::two(&clock[6..])?);
    let second = stamp::second_of_day(hour, minute, second);
    let is_date = (1..=12).contains(&month) && (1..=u32::from(days_in_month(year, month as u8))).contains(&day);
    Some(match second {
        Some(second) if is_date => Stamp::Civil(Civil {
            year: Some(year),
            month: month as u8,
            day: day as u8,
            second,
            micros: fraction,
        }),
        _ => Stamp::Missing,
    })
}

/// Year, month and day of `mm/dd/yyyy`, which the server writes in any locale, or `yyyy-mm-dd`, as a database hands it out.
fn date_parts(date: &[u8]) -> Option<(i16, u32, u32)> {
    let two = |text: &[u8]| stamp::two(text).filter(|_| text.len() == 2);
    let four = |text: &[u8]| {
        let (century, year) = text.split_at_checked(2)?;
        i16::try_from(two(century)? * 100 + two(year)?).ok()
    };
    match date {
        [m @ .., b'/', a, b, b'/', y1, y2, y3, y4] => Some((four(&[*y1, *y2, *y3, *y4])?, two(m)?, two(&[*a, *b])?)),
        [y @ .., b'-', a, b, b'-', c, d] => Some((four(y)?, two(&[*a, *b])?, two(&[*c, *d])?)),
        _ => None,
    }
}

/// The writer puts texts that hold a byte which cannot be printed, or a delimiter, down in hexadecimal: `0x00453D`. A text
/// that merely looks so (a user who calls himself `0x41`) is what it looks like.
fn unhexed(text: &[u8]) -> Cow<'_, [u8]> {
    let decoded = text.strip_prefix(b"0x").and_then(hex);
    let needed = |byte: &u8| !(b' '..=b'~').contains(byte) || matches!(byte, b',' | b'"');
    match decoded {
        Some(bytes) if bytes.iter().any(needed) => Cow::Owned(bytes),
        _ => Cow::Borrowed(text),
    }
}

/// The bytes that pairs of hexadecimal digits stand for.
fn hex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if digits.is_empty() || digits.len() % 2 == 1 {
        return None;
    }
    digits
        .chunks_exact(2)
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

#[cfg(test)]
mod tests;
