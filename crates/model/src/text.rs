//! Bytes of hostile origin as text.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Text of bytes: valid UTF-8 as it is, every other byte as `\xNN` (CONTRACT §2).
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    Cow::Owned(out)
}

/// Adds a number as decimal digits: most numbers are small, and the library's way costs many times as much.
pub fn push_number(out: &mut Vec<u8>, number: u64) {
    // the largest one has twenty digits
    let (mut digits, mut at, mut rest) = ([0; 20], 20, number);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Whether a character may harm the one who looks at it: control characters (C0, DEL, C1), bidirectional overrides,
/// zero-width and other invisible characters (security.md, terminal escapes).
pub fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{061c}' | '\u{00ad}')
}

/// Text for a terminal or a page: harmful characters appear as `\xNN` or `\u{NNNN}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    // without an end before the end: sixteen bytes are looked at together
    let plain = text
        .bytes()
        .fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
    if plain || !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if !is_harmful(c) => out.push(c),
            c if (c as u32) < 0x100 => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => {
                let _ = write!(out, "\\u{{{:04x}}}", c as u32);
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bytes_are_shown_and_valid_ones_kept() {
        assert_eq!(lossy(b"j\xfcrgen"), "j\\xfcrgen");
        assert_eq!(lossy("jürgen".as_bytes()), "jürgen");
    }

    #[test]
    fn a_number_is_written_as_the_library_does() {
        for number in [0, 7, 10, 99, 1_234_567, u64::MAX] {
            let mut out = Vec::new();
            push_number(&mut out, number);
            assert_eq!(out, number.to_string().into_bytes());
        }
    }

    #[test]
    fn nothing_harmful_reaches_a_terminal() {
        assert_eq!(visible("a\x1b[2Jb"), "a\\x1b[2Jb");
        assert_eq!(visible("a\u{202e}b\u{9b}"), "a\\u{202e}b\\x9b");
        assert_eq!(visible("Пётр"), "Пётр");
    }
}
