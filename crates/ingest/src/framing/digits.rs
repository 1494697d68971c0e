//! Decimal numbers, eight digits at once.

/// Eight times the digit zero.
pub(crate) const ZEROS: u64 = 0x3030_3030_3030_3030;

const ONES: u64 = 0x0101_0101_0101_0101;

/// The value of eight digits, the first in the lowest byte; None if one is no digit.
#[inline]
pub(crate) fn eight(text: u64) -> Option<u32> {
    are(text).then(|| value(text))
}

/// Whether eight bytes are digits.
#[inline(always)]
pub(crate) fn are(text: u64) -> bool {
    const HIGH_HALVES: u64 = 0xf0 * ONES;
    // a digit is 0x30 to 0x39: its high half is 3, and still is when six is added
    text & HIGH_HALVES == ZEROS && text.wrapping_add(6 * ONES) & HIGH_HALVES == ZEROS
}

/// The value of eight digits, which they are known to be.
#[inline(always)]
pub(crate) fn value(text: u64) -> u32 {
    let pairs = ((text & (0x0f * ONES)).wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000 << 32 | 1) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_digits_are_a_number_and_anything_else_is_not() {
        let read = |text: &[u8; 8]| eight(u64::from_le_bytes(*text));
        assert_eq!(read(b"00000000"), Some(0));
        assert_eq!(read(b"12345678"), Some(12_345_678));
        assert_eq!(read(b"99999999"), Some(99_999_999));
        for at in 0..8 {
            for byte in (0..=255_u8).filter(|byte| !byte.is_ascii_digit()) {
                let mut text = *b"12345678";
                text[at] = byte;
                assert_eq!(read(&text), None, "{byte} at {at}");
            }
        }
    }
}
