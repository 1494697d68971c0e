//! The text of a template that stands in a line as it is.

use std::ops::Deref;

/// Bytes that are compared at once.
const WORD: usize = 8;

/// At most eight bytes as a number, and the mask of those that are there.
pub(crate) fn packed(text: &[u8]) -> (u64, u64) {
    let mut bytes = [0; WORD];
    let len = text.len().min(WORD);
    bytes[..len].copy_from_slice(&text[..len]);
    let mask = if len == WORD { u64::MAX } else { (1 << (8 * len)) - 1 };
    (u64::from_le_bytes(bytes), mask)
}

/// A literal, with its first bytes as a number: nearly all are short, and to compare them so costs less than a call.
#[derive(Clone, Debug, Default)]
pub(super) struct Literal {
    text: Box<[u8]>,
    value: u64,
    mask: u64,
}

impl Literal {
    /// What follows it in a text that begins with it.
    #[inline(always)]
    pub fn behind<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        let Some(begin) = text.first_chunk() else {
            return text.strip_prefix(&*self.text);
        };
        if u64::from_le_bytes(*begin) & self.mask != self.value {
            return None;
        }
        match self.text.len() <= WORD {
            true => text.get(self.text.len()..),
            false => text.strip_prefix(&*self.text),
        }
    }
}

impl From<Vec<u8>> for Literal {
    fn from(text: Vec<u8>) -> Literal {
        let (value, mask) = packed(&text);
        let text = text.into();
        Literal { text, value, mask }
    }
}

impl Deref for Literal {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_as_the_library_finds_it() {
        let text = b"abcdefghijklmnop";
        for from in 0..text.len() {
            for to in from..=text.len() {
                for literal in [&text[from..to], &text[..to - from], b"abcdefgx", b"abcdefghX"] {
                    let expected = text[from..].strip_prefix(literal);
                    assert_eq!(Literal::from(literal.to_vec()).behind(&text[from..]), expected);
                }
            }
        }
    }
}
