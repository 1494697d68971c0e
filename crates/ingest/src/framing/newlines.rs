//! Where lines end.

use wide::u8x16;

/// Bytes that are looked at in one go: one bit each fits a word.
const BLOCK: usize = 64;

/// Tells of each newline, in order. Lines are short: what finds the next one must not begin anew for each, so sixty-four
/// bytes become sixty-four bits first, and then every bit that is set costs a few instructions. `memchr` would choose its
/// instructions for each line at run time.
#[inline(always)]
pub(super) fn each(bytes: &[u8], mut tell: impl FnMut(usize)) {
    let newline = u8x16::splat(b'\n');
    let mut last = [0; BLOCK];
    let mut at = 0;
    // one loop for all, so that what is told of is there once
    while at < bytes.len() {
        let block = match bytes[at..].first_chunk() {
            Some(block) => block,
            None => {
                last[..bytes.len() - at].copy_from_slice(&bytes[at..]);
                &last
            }
        };
        let mut bits = newlines_of(block, newline);
        while bits != 0 {
            tell(at + bits.trailing_zeros() as usize);
            bits &= bits - 1;
        }
        at += BLOCK;
    }
}

/// A bit for each byte, the lowest for the first: whether it ends a line.
#[inline(always)]
fn newlines_of(block: &[u8; BLOCK], newline: u8x16) -> u64 {
    let (words, _) = block.as_chunks::<16>();
    let bits = |at: usize| u64::from(u8x16::from(words[at]).simd_eq(newline).to_bitmask());
    bits(0) | bits(1) << 16 | bits(2) << 32 | bits(3) << 48
}
#[cfg(test)]
mod tests {
    #[test]
    fn every_newline_is_told_in_order() {
        for len in 0..200 {
            let bytes: Vec<u8> = (0..len)
                .map(|at| if at % 7 == 3 || at % 64 == 0 { b'\n' } else { b'x' })
                .collect();
            let mut told = Vec::new();
            super::each(&bytes, |at| told.push(at));
            let expected: Vec<usize> = (0..len).filter(|at| bytes[*at] == b'\n').collect();
            assert_eq!(told, expected, "{len} bytes");
        }
    }
}
