//! The program tag in front of a message: `pppd[123]: `.

use wide::u8x16;

use super::digits;

/// A program tag and what follows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tag<'a> {
    /// Program name without path; empty if there is no tag.
    pub app: &'a [u8],
    /// Process id, 0 if not written.
    pub pid: u32,
    /// What follows.
    pub body: &'a [u8],
}

/// Longest program name.
const NAME_MAX: usize = 64;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Bytes of a name that are looked at at once.
const WORD: usize = 16;

/// A program name at the beginning of a text with the colon or bracket that ends it: what a name is remembered by. Looks at
/// sixteen bytes at once: this is asked of every line.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named {
    /// Name and end, then zeros.
    word: u8x16,
    /// Bytes of the name.
    pub end: usize,
}

/// For each end of a name the bytes up to it, which is one of them.
const UP_TO: [[u8; WORD]; WORD] = {
    let mut masks = [[0; WORD]; WORD];
    let mut end = 0;
    while end < WORD {
        let mut at = 0;
        while at <= end {
            masks[end][at] = 0xff;
            at += 1;
        }
        end += 1;
    }
    masks
};

impl Named {
    /// The name before a colon or bracket, if one comes within sixteen bytes (or something else that ends a name).
    #[inline(always)]
    pub fn of(text: &[u8]) -> Option<Named> {
        let word = u8x16::from(*text.first_chunk::<WORD>()?);
        // a colon, a bracket, or anything below `+` cannot be part of a name
        let below = word.min(u8x16::splat(b'+' - 1)).simd_eq(word);
        let stops = below | word.simd_eq(u8x16::splat(b':')) | word.simd_eq(u8x16::splat(b'['));
        let end = stops.to_bitmask().trailing_zeros() as usize;
        let mask = UP_TO.get(end)?;
        Some(Named {
            word: word & u8x16::from(*mask),
            end,
        })
    }

    /// Whether both are the same name with the same end, which no part of a name is.
    #[inline(always)]
    pub fn is(&self, other: &Named) -> bool {
        self.word.simd_eq(other.word).to_bitmask() == 0xffff
    }

    /// Whether it is a name, and what ends it ends a name.
    pub fn is_tag(&self, text: &[u8]) -> bool {
        self.end > 0 && matches!(text.get(self.end), Some(b':' | b'['))
    }

    /// A number below `count`, which must be a power of two up to 256: names that are not equal seldom have the same.
    #[inline(always)]
    pub fn slot(&self, count: usize) -> usize {
        let both = u128::from_le_bytes(self.word.to_array());
        let mixed = (both as u64 ^ ((both >> 64) as u64).rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 56) as usize & (count - 1)
    }
}

/// Reads the tag behind stamp and host. Without one the whole text is the body.
#[inline]
pub(crate) fn read(text: &[u8]) -> Tag<'_> {
    let end = text
        .iter()
        .take(NAME_MAX + 1)
        .position(|byte| matches!(byte, b':' | b'[' | b' ' | b'(' | b'\t'));
    match end {
        Some(end) if end > 0 => read_at(text, end),
        _ => untagged(text),
    }
}

fn untagged(text: &[u8]) -> Tag<'_> {
    Tag {
        app: b"",
        pid: 0,
        body: text,
    }
}

/// As `read`, for a name whose end is known already.
#[inline]
pub(crate) fn read_at(text: &[u8], end: usize) -> Tag<'_> {
    let tag = match text[end] {
        b':' => Some(Tag {
            app: base(&text[..end]),
            pid: 0,
            body: after_colon(&text[end..]),
        }),
        b'[' => with_pid(text, end),
        b'(' => in_parentheses(text, end),
        _ => None,
    };
    tag.unwrap_or_else(|| untagged(text))
}

/// The digits of a process id, not yet read as a number: of most lines nobody asks for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pid(u64);

impl Pid {
    /// The number.
    #[inline(always)]
    pub fn number(self) -> u32 {
        digits::value(self.0)
    }
}

/// Pid and body behind a name, if the tag is written as nearly all are: `[123]: ` or `: `. Eight bytes at once.
#[inline(always)]
pub(crate) fn behind(rest: &[u8]) -> Option<(Pid, &[u8])> {
    let Some(inner) = rest.strip_prefix(b"[") else {
        return rest.starts_with(b":").then(|| (Pid(digits::ZEROS), after_colon(rest)));
    };
    let word = u64::from_le_bytes(*inner.first_chunk()?);
    let other = word ^ (ONES * u64::from(b']'));
    let count = (other.wrapping_sub(ONES) & !other & HIGH).trailing_zeros() / 8;
    if count == 0 || count == 8 {
        return None;
    }
    // the digits at the high end, zeros before them
    let bits = 8 * count;
    let digits = (word << (64 - bits)) | (digits::ZEROS >> bits);
    let body = inner.get(count as usize..)?.strip_prefix(b"]: ")?;
    digits::are(digits).then_some((Pid(digits), body))
}

/// `name[123]: `, `name[123:4]: `, `name[123] ` (some builds of pptpd leave out the colon).
#[inline]
fn with_pid(text: &[u8], open: usize) -> Option<Tag<'_>> {
    let inner = &text[open + 1..];
    let mut pid = 0_u32;
    let mut at = 0;
    while let Some(digit @ b'0'..=b'9') = inner.get(at) {
        pid = pid.wrapping_mul(10).wrapping_add(u32::from(digit - b'0'));
        at += 1;
    }
    if at == 0 || at > 10 {
        // `name[-]: `, `name[worker]: `: a name in brackets is no pid, but the tag is one.
        at = inner
            .iter()
            .take(NAME_MAX)
            .position(|byte| matches!(byte, b']' | b' '))?;
        pid = 0;
        if inner[at] != b']' || inner.get(at + 1) != Some(&b':') {
            return None;
        }
    }
    if inner.get(at) == Some(&b':') || inner.get(at) == Some(&b'.') {
        at += inner[at..].iter().take(12).position(|byte| *byte == b']')?;
    }
    if inner.get(at) != Some(&b']') {
        return None;
    }
    let after = &inner[at + 1..];
    match after.first() {
        Some(b':') => Some(Tag {
            app: base(&text[..open]),
            pid,
            body: after_colon(after),
        }),
        Some(b' ') => Some(Tag {
            app: base(&text[..open]),
            pid,
            body: &after[1..],
        }),
        None => Some(Tag {
            app: base(&text[..open]),
            pid,
            body: after,
        }),
        _ => None,
    }
}

/// `name(123): `, and PAM's `su(pam_unix)[123]: `.
fn in_parentheses(text: &[u8], open: usize) -> Option<Tag<'_>> {
    let close = open + text[open..].iter().take(NAME_MAX).position(|byte| *byte == b')')?;
    let inner = &text[open + 1..close];
    match text.get(close + 1) {
        Some(b':') => {
            let number = !inner.is_empty() && inner.len() < 10 && inner.iter().all(u8::is_ascii_digit);
            let pid = if number {
                inner.iter().fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0'))
            } else {
                0
            };
            Some(Tag {
                app: base(&text[..open]),
                pid,
                body: after_colon(&text[close + 1..]),
            })
        }
        Some(b'[') => with_pid(text, close + 1).map(|tag| Tag {
            app: base(&text[..open]),
            ..tag
        }),
        _ => None,
    }
}

/// The text behind `: `.
#[inline]
fn after_colon(text: &[u8]) -> &[u8] {
    match text {
        [b':', b' ', rest @ ..] | [b':', rest @ ..] => rest,
        _ => text,
    }
}

/// A program's name without its path.
#[inline]
pub(crate) fn base(name: &[u8]) -> &[u8] {
    match name.first() {
        Some(b'/') => name.rsplit(|byte| *byte == b'/').next().unwrap_or(name),
        _ => name,
    }
}

/// Whether a word by itself is surely a tag: `name:`, `name[12]:`, `name[12]`. A host name never ends so.
pub(crate) fn is_tag(word: &[u8]) -> bool {
    let name = match word {
        [name @ .., b':'] => name,
        other => other,
    };
    let had_colon = name.len() < word.len();
    let (name, had_pid) = match name.iter().position(|byte| *byte == b'[') {
        Some(open) if name.ends_with(b"]") && open > 0 => {
            let inner = &name[open + 1..name.len() - 1];
            (&name[..open], inner.first().is_some_and(u8::is_ascii_digit))
        }
        _ => (name, false),
    };
    let letters =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'+' | b'(' | b')');
    (had_colon || had_pid)
        && !name.is_empty()
        && name.len() <= NAME_MAX
        && name.iter().all(letters)
        && name.iter().any(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_remembered_with_what_ends_it() {
        let named = |text: &str| Named::of(text.as_bytes());
        let same = |one: &str, other: &str| named(one).zip(named(other)).is_some_and(|(one, other)| one.is(&other));
        for (text, end) in [
            ("pppd[1]: x  y  z   ", 4),
            ("a: bbbbbbbbbbbbbbbb", 1),
            ("postfix/smtpd[77]: x", 13),
            ("rsyslogd: bbbbbbbbbb", 8),
            ("fifteen-letters[1]:", 15),
        ] {
            let name = named(text).filter(|name| name.is_tag(text.as_bytes()));
            assert_eq!(name.map(|name| name.end), Some(end), "{text}");
        }
        for text in [
            ": bbbbbbbbbbbbbbbbbb",
            "pppd bbbbbbbbbbbbbbb",
            "pppd(1): bbbbbbbbbbb",
            "\0\0\0\0\0\0\0\0\0",
        ] {
            assert!(!named(text).is_some_and(|name| name.is_tag(text.as_bytes())), "{text}");
        }
        assert!(named("sixteen-letters-[1]: ").is_none());
        assert!(named("pppd[1]: Exit.").is_none(), "too short to be looked at so");
        // the same name with another end, or another name, is not the same
        let differ = [
            "pppd[1]: aaaaaaaaaa",
            "pppd: bbbbbbbbbbbbbb",
            "pppe[1]: aaaaaaaaa",
            "ppp[1]: aaaaaaaaaa",
        ];
        for (at, one) in differ.iter().enumerate() {
            for other in &differ[at + 1..] {
                assert!(!same(one, other), "{one} and {other}");
            }
        }
        assert!(same("pppd[1]: aaaaaaaaaa", "pppd[23]: bbbbbbbbb"));
    }

    #[test]
    fn what_stands_behind_a_name_is_read_at_once_as_by_steps() {
        let texts = [
            "[1]: body",
            "[12]: ",
            "[1234567]: x y",
            "[4194304]: Exit.",
            "[0]: aaaaaaaa",
            "[99999999]: b",
            "[]: bbbbbbbb",
            "[12a]: bbbbbbbb",
            "[1:2]: bbbbbbbb",
            "[12] bbbbbbbbbbb",
            "[12]:bbbbbbbbbb",
            ": body",
            ":body",
            "[12",
            "[/2]: bbbbbb",
        ];
        let read = |text| behind(text).map(|(pid, body)| (pid.number(), body));
        for text in texts {
            let line = format!("name{text}");
            let slow = read_at(line.as_bytes(), 4);
            if let Some((pid, body)) = read(text.as_bytes()) {
                assert_eq!((pid, body), (slow.pid, slow.body), "{text}");
                assert_eq!(slow.app, b"name");
            }
        }
        assert_eq!(read(b"[4194304]: Exit."), Some((4_194_304, &b"Exit."[..])));
        assert_eq!(read(b"[7]: Modem hangup"), Some((7, &b"Modem hangup"[..])));
        assert_eq!(read(b"[12a]: bbbbbbbb"), None);
        assert_eq!(read(b": body"), Some((0, &b"body"[..])));
    }
}
