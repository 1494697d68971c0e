//! Numbers and IPv4 addresses at the beginning of a text, read some bytes at a time: how many digits a number has is what no processor
//! can guess, so a loop over them costs more by its last step than by all others.

use std::net::Ipv4Addr;

/// Bytes that an address has at most, and those that are looked at behind it.
const ADDRESS: usize = 24;

/// The digits that eight bytes begin with: their number, and how many there are.
#[inline(always)]
fn number(bytes: [u8; 8]) -> (u32, u32) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let values = u64::from_le_bytes(bytes) ^ (ONES * u64::from(b'0'));
    // what is no digit has its highest bit here; a carry reaches only bytes behind such a one
    let others = (values | values.wrapping_add(ONES * (0x80 - 10))) & (ONES << 7);
    let count = others.trailing_zeros() / 8;
    // the digits at the high end, zeros before them
    let digits = values.checked_shl(64 - 8 * count).unwrap_or(0);
    let pairs = (digits.wrapping_mul(10 << 8 | 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100 << 16 | 1) >> 16) & 0x0000_ffff_0000_ffff;
    ((fours.wrapping_mul(10_000 << 32 | 1) >> 32) as u32, count)
}

/// The number that a text begins with, and how many digits it has. None if there is none, or more than surely fit.
#[inline]
pub(super) fn int_at(text: &[u8]) -> Option<(i64, usize)> {
    if let Some(bytes) = text.first_chunk() {
        let (value, count) = number(*bytes);
        if count < 8 {
            return (count > 0).then_some((i64::from(value), count as usize));
        }
    }
    int_by_digits(text)
}

/// Digits of a number that surely fits.
const DIGITS_MAX: usize = 17;

/// The same for a number at the end of a line, or a long one.
fn int_by_digits(text: &[u8]) -> Option<(i64, usize)> {
    let mut value = 0;
    for (at, byte) in text.iter().take(DIGITS_MAX + 1).enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (at > 0).then_some((value, at));
        }
        value = value * 10 + i64::from(digit);
    }
    (!text.is_empty() && text.len() <= DIGITS_MAX).then_some((value, text.len()))
}

/// The IPv4 address that a text begins with, and its length. None if there is none, or what follows a fourth number goes on with a
/// digit.
#[inline]
pub(super) fn ipv4_at(text: &[u8]) -> Option<(Ipv4Addr, usize)> {
    match text.first_chunk() {
        Some(bytes) => address(bytes),
        None => {
            let mut bytes = [0; ADDRESS];
            bytes[..text.len()].copy_from_slice(text);
            address(&bytes)
        }
    }
}

#[inline(always)]
fn address(bytes: &[u8; ADDRESS]) -> Option<(Ipv4Addr, usize)> {
    let (mut parts, mut at) = ([0; 4], 0);
    for (place, part) in parts.iter_mut().enumerate() {
        if place > 0 {
            if bytes.get(at) != Some(&b'.') {
                return None;
            }
            at += 1;
        }
        let (value, count) = octet(*bytes.get(at..)?.first_chunk()?);
        if count == 0 || count > 3 {
            return None;
        }
        *part = u8::try_from(value).ok()?;
        at += count as usize;
    }
    Some((parts.into(), at))
}

/// As `number`, of four bytes: three digits and what must be none.
#[inline(always)]
fn octet(bytes: [u8; 4]) -> (u32, u32) {
    const ONES: u32 = 0x0101_0101;
    let values = u32::from_le_bytes(bytes) ^ (ONES * u32::from(b'0'));
    let others = (values | values.wrapping_add(ONES * (0x80 - 10))) & (ONES << 7);
    let count = others.trailing_zeros() / 8;
    let digits = values.checked_shl(32 - 8 * count).unwrap_or(0);
    let value = (digits >> 8 & 0xff) * 100 + (digits >> 16 & 0xff) * 10 + (digits >> 24);
    (value, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::parse_ip;

    proptest::proptest! {
        #[test]
        fn numbers_are_what_their_digits_say(digits in "[0-9]{0,20}", rest in "([^0-9].{0,9})?") {
            let text = format!("{digits}{rest}");
            let found = int_at(text.as_bytes());
            let expected = digits.parse().ok().filter(|_| digits.len() <= DIGITS_MAX).map(|value| (value, digits.len()));
            proptest::prop_assert_eq!(found, expected);
            proptest::prop_assert_eq!(found, int_by_digits(text.as_bytes()));
        }

        #[test]
        fn addresses_are_what_the_long_way_reads(address in "[0-9]{1,4}(\\.[0-9]{1,4}){3}", rest in "([^0-9].{0,20})?") {
            let text = format!("{address}{rest}");
            let found = ipv4_at(text.as_bytes()).map(|(ip, len)| (ip.into(), len));
            let expected = parse_ip(address.as_bytes()).map(|ip| (ip, address.len()));
            proptest::prop_assert_eq!(found, expected);
        }

        #[test]
        fn what_is_neither_is_none(text in "[^0-9].{0,30}") {
            proptest::prop_assert_eq!(int_at(text.as_bytes()), None);
            proptest::prop_assert_eq!(ipv4_at(text.as_bytes()), None);
        }

        #[test]
        fn any_bytes_are_read_alike_by_eight_and_by_one(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..30)) {
            proptest::prop_assert_eq!(int_at(&bytes), int_by_digits(&bytes));
        }
    }
}
