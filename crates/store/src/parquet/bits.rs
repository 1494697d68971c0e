//! Parquet's encodings of numbers: variable lengths, packed bits, runs, and differences (parquet-format, Encodings.md).

/// Adds a number with seven bits a byte (LEB128).
pub fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Takes one; None if there is none.
pub fn take_varint(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// A signed number as an unsigned one, small if it is near nought.
pub fn zigzag(number: i64) -> u64 {
    (number.wrapping_shl(1) ^ (number >> 63)) as u64
}

/// Its reverse.
pub fn unzigzag(number: u64) -> i64 {
    ((number >> 1) as i64) ^ -((number & 1) as i64)
}

/// Bits that a number needs.
pub fn width_of(number: u64) -> u32 {
    u64::BITS - number.leading_zeros()
}

/// Adds numbers of `width` bits (64 at most), the lowest bit first, padded to `multiple` numbers.
pub fn pack(out: &mut Vec<u8>, numbers: impl Iterator<Item = u64>, width: u32, multiple: usize) {
    let (mut held, mut bits, mut count) = (0_u128, 0_u32, 0_usize);
    let mut put = |number: u64| {
        held |= u128::from(number) << bits;
        bits += width;
        while bits >= 32 {
            out.extend_from_slice(&(held as u32).to_le_bytes());
            held >>= 32;
            bits -= 32;
        }
    };
    for number in numbers {
        put(number);
        count += 1;
    }
    for _ in count..count.next_multiple_of(multiple) {
        put(0);
    }
    let left = bits.div_ceil(8) as usize;
    out.extend_from_slice(&(held as u32).to_le_bytes()[..left]);
}

/// Adds numbers of 32 bits as `pack` does; faster.
pub fn pack_short(out: &mut Vec<u8>, numbers: impl Iterator<Item = u32>, width: u32, multiple: usize) {
    let (mut held, mut bits, mut count) = (0_u64, 0_u32, 0_usize);
    let mut put = |number: u32| {
        held |= u64::from(number) << bits;
        bits += width;
        if bits >= 32 {
            out.extend_from_slice(&(held as u32).to_le_bytes());
            held >>= 32;
            bits -= 32;
        }
    };
    for number in numbers {
        put(number);
        count += 1;
    }
    for _ in count..count.next_multiple_of(multiple) {
        put(0);
    }
    let left = bits.div_ceil(8) as usize;
    out.extend_from_slice(&(held as u32).to_le_bytes()[..left]);
}

/// Reads `count` numbers of `width` bits (64 at most); None if there are not so many.
pub fn unpack(bytes: &[u8], width: u32, count: usize, each: &mut dyn FnMut(u64)) -> Option<()> {
    if width > 64 || (count as u128 * u128::from(width)).div_ceil(8) > bytes.len() as u128 {
        return None;
    }
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    let (mut held, mut bits, mut next) = (0_u128, 0_u32, bytes.iter());
    for _ in 0..count {
        while bits < width {
            held |= u128::from(*next.next()?) << bits;
            bits += 8;
        }
        each(held as u64 & mask);
        held >>= width;
        bits -= width;
    }
    Some(())
}

/// Adds `count` times the same number as a run.
pub fn put_run(out: &mut Vec<u8>, number: u32, width: u32, count: usize) {
    put_varint(out, (count as u64) << 1);
    out.extend_from_slice(&number.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Adds numbers as one stretch of packed bits, or as a run if they are all the same.
pub fn put_hybrid(out: &mut Vec<u8>, numbers: &[u32], width: u32) {
    match numbers.first() {
        None => {}
        Some(first) if numbers.iter().all(|number| number == first) => put_run(out, *first, width, numbers.len()),
        Some(_) => {
            put_varint(out, (numbers.len().div_ceil(8) as u64) << 1 | 1);
            pack_short(out, numbers.iter().copied(), width, 8);
        }
    }
}

/// Reads `count` numbers out of runs and packed bits; None if there are not so many.
pub fn hybrid(mut bytes: &[u8], width: u32, count: usize, each: &mut dyn FnMut(u32)) -> Option<()> {
    if width > 32 {
        return None;
    }
    let mut left = count;
    while left > 0 {
        let head = take_varint(&mut bytes)?;
        let len = usize::try_from(head >> 1).ok()?;
        if len == 0 {
            return None;
        }
        if head & 1 == 1 {
            let taken = len.checked_mul(width as usize)?;
            let (packed, rest) = bytes.split_at_checked(taken)?;
            bytes = rest;
            let here = left.min(len.checked_mul(8)?);
            unpack(packed, width, here, &mut |number| each(number as u32))?;
            left -= here;
        } else {
            let (number, rest) = bytes.split_at_checked(width.div_ceil(8) as usize)?;
            bytes = rest;
            let mut four = [0; 4];
            four[..number.len()].copy_from_slice(number);
            let (number, here) = (u32::from_le_bytes(four), left.min(len));
            (0..here).for_each(|_| each(number));
            left -= here;
        }
    }
    Some(())
}

/// Differences in a block, and in each of its parts.
const BLOCK: usize = 128;
const PART: usize = 32;

/// Adds numbers as differences (DELTA_BINARY_PACKED).
pub fn put_delta(out: &mut Vec<u8>, numbers: &[i64]) {
    put_varint(out, BLOCK as u64);
    put_varint(out, (BLOCK / PART) as u64);
    put_varint(out, numbers.len() as u64);
    put_varint(out, zigzag(numbers.first().copied().unwrap_or_default()));
    let mut before = numbers.first().copied().unwrap_or_default();
    for block in numbers.get(1..).unwrap_or_default().chunks(BLOCK) {
        let mut steps = [0_i64; BLOCK];
        for (step, number) in steps.iter_mut().zip(block) {
            *step = number.wrapping_sub(before);
            before = *number;
        }
        let steps = &steps[..block.len()];
        let least = steps.iter().copied().min().unwrap_or_default();
        put_varint(out, zigzag(least));
        let width = |part: &[i64]| {
            let all = part.iter().fold(0, |all, step| all | step.wrapping_sub(least) as u64);
            width_of(all)
        };
        let widths = out.len();
        out.extend_from_slice(&[0; BLOCK / PART]);
        for (at, part) in steps.chunks(PART).enumerate() {
            let width = width(part);
            out[widths + at] = width as u8;
            pack(
                out,
                part.iter().map(|step| step.wrapping_sub(least) as u64),
                width,
                PART,
            );
        }
    }
}

/// Reads `count` numbers that were written as differences; None if these are others.
pub fn delta(mut bytes: &[u8], count: usize) -> Option<Vec<i64>> {
    let shape = (take_varint(&mut bytes)?, take_varint(&mut bytes)?);
    if shape != (BLOCK as u64, (BLOCK / PART) as u64) || take_varint(&mut bytes)? != count as u64 {
        return None;
    }
    let mut number = unzigzag(take_varint(&mut bytes)?);
    let mut numbers = Vec::with_capacity(count);
    if count > 0 {
        numbers.push(number);
    }
    while numbers.len() < count {
        let least = unzigzag(take_varint(&mut bytes)?);
        let (widths, rest) = bytes.split_at_checked(BLOCK / PART)?;
        bytes = rest;
        for width in widths {
            let here = PART.min(count - numbers.len());
            if here == 0 {
                break;
            }
            let (packed, rest) = bytes.split_at_checked(usize::from(*width) * PART / 8)?;
            bytes = rest;
            unpack(packed, u32::from(*width), here, &mut |step| {
                number = number.wrapping_add(least).wrapping_add(step as i64);
                numbers.push(number);
            })?;
        }
    }
    Some(numbers)
}

/// Which rows of a column hold something. Rows behind the last one that does need not be told of.
#[derive(Clone, Debug, Default)]
pub struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    /// A row does; rows come in order, each once.
    #[inline]
    pub fn set(&mut self, row: usize) {
        let at = row / 8;
        if at >= self.bytes.len() {
            self.bytes.resize(at + 1, 0);
        }
        self.bytes[at] |= 1 << (row % 8);
        self.count += 1;
    }

    /// The first so many rows all do; before any was told.
    pub fn fill(&mut self, rows: usize) {
        self.bytes.clear();
        self.bytes.resize(rows / 8, 0xff);
        if !rows.is_multiple_of(8) {
            self.bytes.push(0xff >> (8 - rows % 8));
        }
        self.count = rows;
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }

    /// How many do.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds them as levels of one bit for `rows` rows.
    pub fn put(&self, out: &mut Vec<u8>, rows: usize) {
        match self.count {
            0 => put_run(out, 0, 1, rows),
            all if all == rows => put_run(out, 1, 1, rows),
            _ => {
                let len = rows.div_ceil(8);
                put_varint(out, (len as u64) << 1 | 1);
                out.extend_from_slice(&self.bytes);
                out.resize(out.len() + len - self.bytes.len(), 0);
            }
        }
    }

    /// The bits of `rows` rows, eight a byte.
    pub fn packed(&self, rows: usize) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes.resize(rows.div_ceil(8), 0);
        bytes
    }

    /// Whether a row does.
    pub fn has(&self, row: usize) -> bool {
        self.bytes.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1)
    }
}
