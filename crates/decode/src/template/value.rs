//! What the text of a placeholder is worth: numbers, addresses, names with their escaping undone.

use std::net::IpAddr;

use tunlog_model::Field;

use super::{Kind, Piece, cisco, dn};
use crate::{options, unescape};

/// What a placeholder caught, still borrowed from the line.
#[derive(Clone, Debug, PartialEq)]
pub enum Caught<'a> {
    /// As written.
    Text(&'a [u8]),
    /// Escaping undone, and that changed it.
    Bytes(Box<[u8]>),
    /// Whole number.
    Int(i64),
    /// Seconds.
    Seconds(f64),
    /// Address.
    Ip(IpAddr),
    /// A word of the contract.
    Word(&'static str),
    /// Yes or no.
    Bool(bool),
}

/// The fields of a line, in order.
pub type Fields<'a> = Vec<(Field, Caught<'a>)>;

/// As `keep`, where it is seldom asked: there is one copy of it more than this one.
#[inline(never)]
pub(super) fn keep_apart<'a>(piece: &Piece, text: &'a [u8], fields: &mut Fields<'a>) -> bool {
    keep(piece, text, fields)
}

/// Turns the text of a placeholder into its value; false if it is no value of that type. In line where lines are taken apart.
#[inline(always)]
pub(super) fn keep<'a>(piece: &Piece, text: &'a [u8], fields: &mut Fields<'a>) -> bool {
    let value = match piece.kind {
        Kind::PppOptions => return options::take(text, fields),
        Kind::AsaPeer => return cisco::peer(text, fields),
        Kind::RadiusCli => {
            if let (Some(field), Some(address)) = (piece.field.or(Some(Field::ClaimedIp)), parse_ip(text)) {
                fields.push((field, Caught::Ip(address)));
            }
            return true;
        }
        // types that fit any text and keep it only if it says what it should
        Kind::AnyMethod => method_word(text).map(Caught::Word),
        Kind::MppeBits => mppe_bits(text).map(Caught::Int),
        Kind::LdapDn => dn::account(text).map(caught),
        kind => match value_of(kind, text) {
            None => return false,
            value => value,
        },
    };
    if let (Some(field), Some(value)) = (piece.field, value) {
        fields.push((field, value));
    }
    true
}

/// The one length of an MPPE key (RFC 3078: 40, 56 or 128 bit) that a text names, however it is put.
fn mppe_bits(text: &[u8]) -> Option<i64> {
    let numbers = text.split(|byte| !byte.is_ascii_digit()).filter_map(parse_int);
    let mut lengths = numbers.filter(|number| matches!(number, 40 | 56 | 128));
    let first = lengths.next()?;
    lengths.all(|other| other == first).then_some(first)
}

#[inline(always)]
fn value_of(kind: Kind, text: &[u8]) -> Option<Caught<'_>> {
    Some(match kind {
        Kind::Int => Caught::Int(parse_int(text)?),
        Kind::Ip => Caught::Ip(parse_ip(text)?),
        Kind::Minutes => Caught::Seconds((parse_number(text)? * 600.0).round() / 10.0),
        Kind::Seconds | Kind::Number => Caught::Seconds(parse_number(text)?),
        Kind::Span => Caught::Seconds(parse_span(text)?),
        Kind::VirtualAccess => cisco::virtual_access(text)?,
        Kind::Method => Caught::Word(method_word(text)?),
        Kind::Name => Caught::Text(unescape::unquoted(text)),
        Kind::PppdName => caught(unescape::pppd(unescape::unquoted(text))),
        Kind::VName => caught(unescape::visible(text)),
        Kind::DebugName => caught(unescape::debug(text)),
        Kind::Bracketed => caught(unescape::samba(text)),
        Kind::RadiusName => caught(unescape::radius(text)),
        Kind::RadiusLogin => caught(unescape::radius(unescape::login_name(text))),
        _ => Caught::Text(text),
    })
}

fn caught(text: std::borrow::Cow<'_, [u8]>) -> Caught<'_> {
    match text {
        std::borrow::Cow::Borrowed(bytes) => Caught::Text(bytes),
        std::borrow::Cow::Owned(bytes) => Caught::Bytes(bytes.into()),
    }
}

/// A decimal number that fits 64 bits.
pub fn parse_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut number: i64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(if negative { -number } else { number })
}

fn parse_number(text: &[u8]) -> Option<f64> {
    few_digits(text).or_else(|| any_number(text))
}

/// A number of few digits with a point or without: the quotient of two numbers that are exact is what the library reads.
fn few_digits(text: &[u8]) -> Option<f64> {
    const TENS: [f64; 4] = [1.0, 10.0, 100.0, 1000.0];
    let (mut value, mut digits, mut point) = (0_u64, 0, None);
    for byte in text {
        match byte {
            b'0'..=b'9' if digits < 15 => {
                (value, digits) = (value * 10 + u64::from(byte - b'0'), digits + 1);
            }
            b'.' if point.is_none() && digits > 0 => point = Some(digits),
            _ => return None,
        }
    }
    let tens = digits - point.unwrap_or(digits);
    let is_plain = digits > 0 && (point.is_none() || tens > 0);
    TENS.get(tens).filter(|_| is_plain).map(|tens| value as f64 / tens)
}

fn any_number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text)
        .ok()?
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
}

/// A length of time with its units, `1d 2h:03m:04s`, `0h:12m:31s`, `1w2d3h4m5s`, or as `hh:mm:ss`: seconds.
fn parse_span(text: &[u8]) -> Option<f64> {
    let (mut total, mut number, mut bare): (i64, Option<i64>, i64) = (0, None, 0);
    for byte in text {
        let unit = match byte {
            digit @ b'0'..=b'9' => {
                let next = number
                    .unwrap_or(0)
                    .checked_mul(10)?
                    .checked_add(i64::from(digit - b'0'))?;
                number = Some(next);
                continue;
            }
            b'w' => 604_800,
            b'd' => 86_400,
            b'h' => 3_600,
            b'm' => 60,
            b's' => 1,
            b':' if number.is_some() => {
                bare = bare.checked_add(number.take()?)?.checked_mul(60)?;
                continue;
            }
            b' ' | b':' | b',' if number.is_none() => continue,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    let rest = number.map_or(Some(bare), |number| bare.checked_add(number))?;
    (!text.is_empty())
        .then(|| total.checked_add(rest))
        .flatten()
        .map(|seconds| seconds as f64)
}

/// An address; IPv4 without leading zeros first, as nearly all are.
pub fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    if let Some(address) = parse_ipv4(text) {
        return Some(IpAddr::from(address));
    }
    if text.len() > 45 || !text.contains(&b':') {
        return None;
    }
    let address: std::net::Ipv6Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(IpAddr::V6(address).to_canonical())
}

fn parse_ipv4(text: &[u8]) -> Option<[u8; 4]> {
    if text.len() > 15 {
        return None;
    }
    let mut parts = [0u8; 4];
    let (mut part, mut digits, mut value) = (0, 0, 0_u32);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 && digits < 3 {
            value = value * 10 + u32::from(digit);
            digits += 1;
        } else {
            if *byte != b'.' || digits == 0 || part > 2 {
                return None;
            }
            parts[part] = u8::try_from(value).ok()?;
            (part, digits, value) = (part + 1, 0, 0);
        }
    }
    if part != 3 || digits == 0 {
        return None;
    }
    parts[3] = u8::try_from(value).ok()?;
    Some(parts)
}

/// More than the longest name of a method has.
const METHOD_BYTES_MAX: usize = 16;

/// The contract's word for an authentication method as daemons name it.
pub fn method_word(text: &[u8]) -> Option<&'static str> {
    let mut letters = [0; METHOD_BYTES_MAX];
    let mut len = 0;
    for byte in text.iter().filter(|byte| !matches!(byte, b' ' | b'-' | b'_')) {
        match letters.get_mut(len) {
            Some(letter) => *letter = byte.to_ascii_lowercase(),
            // longer than every word; how it begins still counts
            None => break,
        }
        len += 1;
    }
    let word = &letters[..len];
    Some(match word {
        b"pap" => "pap",
        b"chap" | b"chapmd5" | b"md5" | b"chap05" | b"md5chap" => "chap-md5",
        b"mschap" | b"ms" | b"msv1" | b"mschapv1" | b"chapms" | b"chapm$oft" | b"m$oft" | b"msoft" | b"chap80" => {
            "ms-chap"
        }
        b"mschapv2" | b"msv2" | b"mschap2" | b"chapmsv2" | b"msoftv2" | b"chap81" => "ms-chap-v2",
        b"eap" => "eap",
        _ if word.starts_with(b"eap") => "eap",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn a_number_of_few_digits_is_what_the_library_reads(text in "[0-9]{0,16}(\\.[0-9]{0,4})?") {
            if let Some(number) = few_digits(text.as_bytes()) {
                proptest::prop_assert_eq!(Some(number), any_number(text.as_bytes()));
            }
        }
    }

    #[test]
    fn numbers_that_are_not_plain_are_left_to_the_library() {
        for text in [
            "",
            ".",
            "5.",
            ".5",
            "1.2.3",
            "-1",
            "1e3",
            "1234567890123456",
            "0.12345",
            "inf",
        ] {
            assert_eq!(few_digits(text.as_bytes()), None, "{text}");
        }
        assert_eq!(few_digits(b"12.3"), Some(12.3));
        assert_eq!(few_digits(b"0"), Some(0.0));
    }
}
