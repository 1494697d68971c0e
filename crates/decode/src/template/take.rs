//! Taking a body apart by the pieces of a template.

use memchr::memmem;

use super::value::{Caught, Fields, is_value, keep, keep_apart, parse_ip};
use super::{Kind, Piece, cisco, digits};

/// Who is told what each placeholder caught. Decoding wants values, redaction wants places; both read the line by the
/// same code, so what one hides is what the other read.
pub(super) trait Catch<'a> {
    /// The text of a placeholder; false if it is no value of its type.
    fn catch(&mut self, piece: &Piece, text: &'a [u8]) -> bool;
    /// The text of a placeholder whose value is known already.
    fn catch_value(&mut self, piece: &Piece, text: &'a [u8], value: Caught<'a>);
    /// How much was caught.
    fn mark(&self) -> usize;
    /// Forgets what was caught after `mark`: that split did not fit.
    fn undo(&mut self, mark: usize);
}

impl<'a> Catch<'a> for Fields<'a> {
    #[inline]
    fn catch(&mut self, piece: &Piece, text: &'a [u8]) -> bool {
        keep(piece, text, self)
    }

    #[inline]
    fn catch_value(&mut self, piece: &Piece, _: &'a [u8], value: Caught<'a>) {
        if let Some(field) = piece.field {
            self.push((field, value));
        }
    }

    fn mark(&self) -> usize {
        self.len()
    }

    fn undo(&mut self, mark: usize) {
        self.truncate(mark);
    }
}

/// Nobody wants what is caught, but whether it fits.
pub(super) struct Fits;

impl<'a> Catch<'a> for Fits {
    #[inline]
    fn catch(&mut self, piece: &Piece, text: &'a [u8]) -> bool {
        is_value(piece, text)
    }

    #[inline]
    fn catch_value(&mut self, _: &Piece, _: &'a [u8], _: Caught<'a>) {}

    fn mark(&self) -> usize {
        0
    }

    fn undo(&mut self, _: usize) {}
}

/// Where a placeholder's text stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The placeholder's type.
    pub kind: Kind,
    /// Whether it was written `<_…>`: its value is not kept.
    pub hidden: bool,
    /// The text, as written.
    pub text: &'a [u8],
}

/// The places of a line, and scratch space for the values that prove them.
#[derive(Default)]
pub(super) struct Places<'a> {
    pub found: Vec<Place<'a>>,
    values: Fields<'a>,
}

impl<'a> Catch<'a> for Places<'a> {
    fn catch(&mut self, piece: &Piece, text: &'a [u8]) -> bool {
        self.values.clear();
        self.found.push(Place {
            kind: piece.kind,
            hidden: piece.field.is_none(),
            text,
        });
        keep_apart(piece, text, &mut self.values)
    }

    fn catch_value(&mut self, piece: &Piece, text: &'a [u8], _: Caught<'a>) {
        self.found.push(Place {
            kind: piece.kind,
            hidden: piece.field.is_none(),
            text,
        });
    }

    fn mark(&self) -> usize {
        self.found.len()
    }

    fn undo(&mut self, mark: usize) {
        self.found.truncate(mark);
    }
}

/// How many places are tried for the end of a peer-chosen name: bounds the work on a hostile line.
pub(super) const SPLITS_MAX: usize = 32;

/// Whether all of `rest` is what `pieces` say.
#[inline]
pub(super) fn take_pieces<'a>(pieces: &[Piece], rest: &'a [u8], caught: &mut impl Catch<'a>) -> bool {
    let (mut pieces, mut rest) = (pieces, rest);
    while let Some((piece, later)) = pieces.split_first() {
        let read = match piece.kind {
            Kind::Int => int_at(rest),
            Kind::Ip => ipv4_at(rest, piece.literal.first().copied()),
            kind if kind.splits_from_right() => return take_from_right(piece, later, rest, caught),
            _ => None,
        };
        let end = match &read {
            Some((_, end)) => *end,
            None => match end_of(piece, rest, later.is_empty()) {
                Some(end) => end,
                None => return false,
            },
        };
        let (text, after) = rest.split_at(end);
        let Some(after) = piece.literal.behind(after) else {
            return false;
        };
        if later.is_empty() && !after.is_empty() {
            return false;
        }
        match read {
            Some((value, _)) => caught.catch_value(piece, text, value),
            None if caught.catch(piece, text) => {}
            None => return false,
        }
        (pieces, rest) = (later, after);
    }
    rest.is_empty()
}

/// A number of few digits and its length; the others are left to the long way.
#[inline(always)]
fn int_at<'a>(rest: &[u8]) -> Option<(Caught<'a>, usize)> {
    digits::int_at(rest).map(|(value, end)| (Caught::Int(value), end))
}

/// An IPv4 address and its length, read as it is found; whatever is not plainly one is left to the long way.
#[inline(always)]
fn ipv4_at<'a>(rest: &[u8], literal: Option<u8>) -> Option<(Caught<'a>, usize)> {
    let (address, end) = digits::ipv4_at(rest)?;
    // a longer address, or something else that begins like one
    let goes_on = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b'%' | b':');
    let over = match rest.get(end) {
        Some(b':') => literal == Some(b':'),
        next => !next.is_some_and(goes_on),
    };
    over.then_some((Caught::Ip(address.into()), end))
}

/// Texts up to this length are searched byte by byte: preparing a better search would cost more.
const SHORT: usize = 256;

/// Where `needle` stands first.
#[inline]
fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    let Some((first, more)) = needle.split_first().filter(|_| text.len() <= SHORT) else {
        return memmem::find(text, needle);
    };
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(*first, text.get(from..)?)?;
        if text.get(at + 1..)?.starts_with(more) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Where `needle` stands last.
#[inline]
fn rfind(text: &[u8], needle: &[u8]) -> Option<usize> {
    let Some((first, more)) = needle.split_first().filter(|_| text.len() <= SHORT) else {
        return memmem::rfind(text, needle);
    };
    let mut end = text.len();
    loop {
        let at = memchr::memrchr(*first, text.get(..end)?)?;
        if text.get(at + 1..)?.starts_with(more) {
            return Some(at);
        }
        end = at;
    }
}

/// Where the text of a placeholder ends that is read from the left.
#[inline(always)]
pub(super) fn end_of(piece: &Piece, rest: &[u8], last: bool) -> Option<usize> {
    match piece.kind {
        Kind::Int => some_run(rest, usize::from(rest.first() == Some(&b'-')), |b| b.is_ascii_digit()),
        Kind::Hex => some_run(
            rest,
            if rest.starts_with(b"0x") || rest.starts_with(b"0X") {
                2
            } else {
                0
            },
            |b| b.is_ascii_hexdigit(),
        ),
        Kind::Number | Kind::Minutes | Kind::Seconds => some_run(rest, usize::from(rest.first() == Some(&b'-')), |b| {
            b.is_ascii_digit() || b == b'.'
        }),
        Kind::Ip => ip_run(rest, piece.literal.first().copied()),
        Kind::AsaPeer => Some(cisco::peer_len(rest)),
        Kind::Word => word_run(rest, &piece.literal),
        Kind::Bracketed => rest.iter().position(|byte| matches!(byte, b'[' | b']')),
        Kind::PppOptions => until(rest, &piece.literal, last, true, true),
        Kind::Rest | Kind::Any | Kind::AnyMethod | Kind::MppeBits => until(rest, &piece.literal, last, true, false),
        _ => until(rest, &piece.literal, last, false, false),
    }
}

#[inline]
fn some_run(rest: &[u8], skip: usize, is: impl Fn(u8) -> bool) -> Option<usize> {
    let run = rest[skip..].iter().position(|b| !is(*b)).unwrap_or(rest.len() - skip);
    (run > 0).then_some(skip + run)
}

/// An address ends before the first byte that no address has; a colon or dot that belongs to the literal is given back.
#[inline(never)]
fn ip_run(rest: &[u8], literal: Option<u8>) -> Option<usize> {
    let is = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'%');
    let mut end = rest.iter().position(|b| !is(b)).unwrap_or(rest.len());
    while end > 0 && matches!(rest[end - 1], b'.' | b':') && literal == Some(rest[end - 1]) {
        end -= 1;
    }
    if literal == Some(b':') && parse_ip(&rest[..end]).is_none() {
        end = memchr::memchr(b':', &rest[..end])?;
    }
    (end > 0).then_some(end)
}

#[inline(always)]
fn word_run(rest: &[u8], literal: &[u8]) -> Option<usize> {
    let blank = rest
        .iter()
        .position(|b| matches!(b, b' ' | b'\t'))
        .unwrap_or(rest.len());
    let end = match literal.first() {
        None | Some(b' ' | b'\t') => blank,
        Some(_) => find(&rest[..(blank + literal.len()).min(rest.len())], literal)?,
    };
    (end > 0 && end <= blank).then_some(end)
}

#[inline]
fn until(rest: &[u8], literal: &[u8], last: bool, empty: bool, from_end: bool) -> Option<usize> {
    let end = match (literal.is_empty(), last) {
        (true, _) => rest.len(),
        // the last literal of a template must end the line: look there, not for the first one like it
        (false, true) => rest.ends_with(literal).then(|| rest.len() - literal.len())?,
        (false, false) if from_end => rfind(rest, literal)?,
        (false, false) => find(rest, literal)?,
    };
    (empty || end > 0).then_some(end)
}

#[inline(never)]
fn take_from_right<'a>(piece: &Piece, later: &[Piece], rest: &'a [u8], caught: &mut impl Catch<'a>) -> bool {
    if later.is_empty() {
        return match rest.strip_suffix(&piece.literal[..]) {
            Some(text) => caught.catch(piece, text),
            None => false,
        };
    }
    let before = caught.mark();
    let mut search = rest;
    for _ in 0..SPLITS_MAX {
        let Some(at) = rfind(search, &piece.literal) else {
            return false;
        };
        if caught.catch(piece, &rest[..at]) && take_pieces(later, &rest[at + piece.literal.len()..], caught) {
            return true;
        }
        caught.undo(before);
        search = &rest[..(at + piece.literal.len()).saturating_sub(1).min(rest.len())];
        if search.len() < piece.literal.len() {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_as_it_is_found_is_what_the_long_way_reads() {
        let ip = |text: &str, literal| ipv4_at(text.as_bytes(), literal);
        let want = |text: &str| parse_ip(text.as_bytes()).map(Caught::Ip);
        for (text, end) in [
            ("192.0.2.7", 9),
            ("192.0.2.7 up", 9),
            ("1.2.3.4, x", 7),
            ("255.255.255.255)", 15),
        ] {
            assert_eq!(ip(text, None), want(&text[..end]).map(|value| (value, end)), "{text}");
        }
        assert_eq!(ip("192.0.2.7:500", Some(b':')).map(|(_, end)| end), Some(9));
        for text in [
            "192.0.2.7:500",
            "192.0.2.256",
            "192.0.2",
            "192.0.2.7.",
            "1.2.3.4.5",
            "192.0.2.7a",
            "::1",
            "",
            "1..2.3",
            "1234.1.1.1",
            "192.0.2.7%x",
        ] {
            assert_eq!(ip(text, None), None, "{text}");
        }
        let int = |text: &str| int_at(text.as_bytes());
        assert_eq!(int("17 x"), Some((Caught::Int(17), 2)));
        assert_eq!(
            int("99999999999999999"),
            Some((Caught::Int(99_999_999_999_999_999), 17))
        );
        for text in ["", "-1", "x", "999999999999999999"] {
            assert_eq!(int(text), None, "{text}");
        }
    }

    #[test]
    fn short_and_long_texts_are_searched_alike() {
        for pad in [0, SHORT] {
            let text = format!("{}ab aab abab", " ".repeat(pad));
            let text = text.as_bytes();
            for needle in ["ab", "aab", "b a", "abab", "abc", " ", "b", ""] {
                let needle = needle.as_bytes();
                assert_eq!(find(text, needle), memmem::find(text, needle));
                assert_eq!(rfind(text, needle), memmem::rfind(text, needle));
            }
        }
    }
}
