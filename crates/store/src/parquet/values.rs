//! What a page holds: levels, which tell the rows that hold something, and values.

use super::bits::{delta, hybrid, take_varint};
use super::encoding;
use super::read::{NOTHING, Page, Texts};

/// Levels, which have their length in front.
pub(super) fn take_levels<'b>(body: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (len, rest) = body.split_first_chunk::<4>()?;
    let (levels, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *body = rest;
    Some(levels)
}

/// Which rows hold something.
pub(super) enum Levels {
    None,
    All,
    /// A bit for each row, and how many are set.
    Some(Vec<u8>),
}

impl Levels {
    pub(super) fn of(bytes: &[u8], rows: usize) -> Option<Levels> {
        let mut rest = bytes;
        let head = take_varint(&mut rest)?;
        if head & 1 == 0 && head >> 1 == rows as u64 {
            return match rest {
                [0] => Some(Levels::None),
                [1] => Some(Levels::All),
                _ => None,
            };
        }
        let (mut bits, mut row) = (vec![0_u8; rows.div_ceil(8)], 0);
        hybrid(bytes, 1, rows, &mut |level| {
            bits[row / 8] |= ((level & 1) as u8) << (row % 8);
            row += 1;
        })?;
        Some(Levels::Some(bits))
    }

    pub(super) fn count(&self, rows: usize) -> usize {
        match self {
            Levels::None => 0,
            Levels::All => rows,
            Levels::Some(bits) => bits.iter().map(|byte| byte.count_ones() as usize).sum(),
        }
    }

    /// Values to their rows.
    pub(super) fn spread<T: Copy>(&self, values: Vec<T>, rows: usize, nothing: T) -> Vec<T> {
        let Levels::Some(bits) = self else { return values };
        let mut values = values.into_iter();
        let has = |row: usize| bits[row / 8] >> (row % 8) & 1 == 1;
        (0..rows)
            .map(|row| {
                if has(row) {
                    values.next().unwrap_or(nothing)
                } else {
                    nothing
                }
            })
            .collect()
    }

    pub(super) fn spread_texts(&self, texts: Texts, rows: usize) -> Texts {
        Texts {
            rows: self.spread(texts.rows, rows, NOTHING),
            ..texts
        }
    }
}

/// Where the entries of each row begin, and where the last one's end.
pub(super) fn starts_of(again: &[u8], has: &[u8], slots: usize, level: u32) -> Option<Vec<u32>> {
    let mut first = Vec::with_capacity(slots);
    hybrid(again, 1, slots, &mut |again| first.push(again == 0))?;
    let (mut starts, mut entries, mut fine) = (Vec::new(), 0_u32, true);
    let mut slot = first.iter();
    hybrid(has, 2, slots, &mut |found| {
        let is_first = slot.next().copied().unwrap_or_default();
        if is_first {
            starts.push(entries);
        }
        // a row without entries has one place, and that is its first
        fine &= found == level || (found == 0 && is_first);
        entries += u32::from(found == level);
    })?;
    starts.push(entries);
    (fine && first.first() != Some(&false)).then_some(starts)
}

/// `count` texts of a page, whose values begin at `from`.
pub(super) fn texts(words: Option<Page>, page: Page, from: usize, count: usize) -> Option<Texts> {
    match (page.encoding, words) {
        (encoding::RLE_DICTIONARY, Some(words)) => {
            let places = places(&words.body, 0, words.values)?;
            let (width, packed) = page.body.get(from..)?.split_first()?;
            let (mut rows, most) = (Vec::with_capacity(count), places.len() as u32);
            let mut fine = true;
            hybrid(packed, u32::from(*width), count, &mut |number| {
                fine &= number < most;
                rows.push(number);
            })?;
            fine.then_some(Texts {
                bytes: words.body,
                words: places,
                rows,
            })
        }
        (encoding::PLAIN, None) => Some(Texts {
            words: places(&page.body, from, count)?,
            rows: (0..count as u32).collect(),
            bytes: page.body,
        }),
        _ => None,
    }
}

/// Where `count` texts lie that have their lengths in front.
fn places(bytes: &[u8], mut from: usize, count: usize) -> Option<Vec<(u32, u32)>> {
    if count > bytes.len() / 4 || bytes.len() > u32::MAX as usize {
        return None;
    }
    let mut places = Vec::with_capacity(count);
    for _ in 0..count {
        let len = bytes.get(from..)?.first_chunk::<4>()?;
        let begin = from + 4;
        from = begin.checked_add(u32::from_le_bytes(*len) as usize)?;
        if from > bytes.len() {
            return None;
        }
        places.push((begin as u32, from as u32));
    }
    (from == bytes.len()).then_some(places)
}

pub(super) fn ints(words: Option<Page>, page: &Page, body: &[u8], count: usize) -> Option<Vec<i64>> {
    let plain = |bytes: &[u8]| -> Vec<i64> {
        let (eights, _) = bytes.as_chunks::<8>();
        eights.iter().map(|eight| i64::from_le_bytes(*eight)).collect()
    };
    match (page.encoding, words) {
        (encoding::PLAIN, None) if body.len() == count * 8 => Some(plain(body)),
        (encoding::DELTA_BINARY_PACKED, None) => delta(body, count),
        (encoding::RLE_DICTIONARY, Some(words)) => {
            let known = plain(&words.body);
            let (width, packed) = body.split_first()?;
            let (mut ints, mut fine) = (Vec::with_capacity(count), true);
            hybrid(
                packed,
                u32::from(*width),
                count,
                &mut |number| match known.get(number as usize) {
                    Some(int) => ints.push(*int),
                    None => fine = false,
                },
            )?;
            fine.then_some(ints)
        }
        _ => None,
    }
}

pub(super) fn flags(body: &[u8], count: usize) -> Option<Vec<u8>> {
    let mut flags = Vec::with_capacity(count);
    super::bits::unpack(body, 1, count, &mut |flag| flags.push(1 + flag as u8))?;
    Some(flags)
}
