//! SHA-256 (FIPS 180-4), whole or piece by piece, as 64 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::Digest as _;

/// A SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Of bytes at hand.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(sha2::Sha256::digest(bytes).into())
    }

    /// In the form that checkpoints have (c2sp.org/tlog-checkpoint): base64.
    pub fn base64(&self) -> String {
        BASE64.encode(self.0)
    }

    /// Reads what `base64` writes.
    pub fn from_base64(text: &str) -> Option<Digest> {
        Some(Digest(BASE64.decode(text).ok()?.try_into().ok()?))
    }

    /// The first digits, for people to compare at a glance; never for a decision.
    pub fn short(&self) -> String {
        hex(&self.0[..6])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex(&self.0))
    }
}

impl FromStr for Digest {
    type Err = ();

    /// Exactly 64 lower-case digits: a hash has one spelling, so that a text that holds it has one too.
    fn from_str(text: &str) -> Result<Digest, ()> {
        let bytes = unhex(text).ok_or(())?;
        Ok(Digest(bytes.try_into().map_err(|_| ())?))
    }
}

/// Makes a hash of pieces.
#[derive(Clone, Debug, Default)]
pub struct Hasher(sha2::Sha256);

impl Hasher {
    /// Of nothing yet.
    pub fn new() -> Hasher {
        Hasher::default()
    }

    /// Goes on with these bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all of them.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// Bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// The bytes of lower-case hexadecimal digits.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs
        .iter()
        .map(|[high, low]| Some(value(*high)? << 4 | value(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_example_whole_and_in_pieces() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of(b"abc").to_string(), known);
        let mut hasher = Hasher::new();
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.finish(), Digest::of(b"abc"));
        assert_eq!(known.parse(), Ok(Digest::of(b"abc")));
        let root = Digest::of(b"abc");
        assert_eq!(root.base64(), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        assert_eq!(Digest::from_base64(&root.base64()), Some(root));
        assert_eq!(Digest::from_base64("ungW"), None);
    }

    #[test]
    fn a_hash_has_one_spelling() {
        let known = Digest::of(b"abc").to_string();
        for text in [&known[1..], &known.to_uppercase(), "", "zz", &format!("{known} ")] {
            assert!(text.parse::<Digest>().is_err(), "{text}");
        }
    }
}
