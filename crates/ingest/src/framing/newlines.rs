//! Where lines end.

/// Tells of each newline, in order. Lines are short: what finds the next one must not cost a call, so where every processor
/// has vector instructions these are used directly, and `memchr` does not choose at run time.
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[inline(always)]
pub(super) fn each(bytes: &[u8], mut tell: impl FnMut(usize)) {
    use memchr::arch::x86_64::sse2::memchr::One;
    if let Some(newline) = One::new(b'\n') {
        newline.iter(bytes).for_each(&mut tell);
    }
}

/// Tells of each newline, in order.
#[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
#[inline(always)]
pub(super) fn each(bytes: &[u8], tell: impl FnMut(usize)) {
    memchr::memchr_iter(b'\n', bytes).for_each(tell);
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
