//! Undoing what writers do to the names that peers choose, so that one user is one name (lab.md trap 7).

use std::borrow::Cow;

/// Without the unescaped pair of quotation marks that some writers put round a name.
pub fn unquoted(text: &[u8]) -> &[u8] {
    match text {
        [b'"', inner @ .., b'"'] if !ends_escaped(inner) => inner,
        _ => text,
    }
}

/// Whether the byte after `text` is escaped by an odd number of backslashes.
fn ends_escaped(text: &[u8]) -> bool {
    text.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// Undoes pppd's `%q` (backslash before `"` and `\`, `\t`, `\r`, `\n`, `\b`, `\f`, `\xNN`) and then its `%v` (`M-x` for bytes from 0x80 on,
/// `^X` for control bytes). Source: pppd/utils.c, `vslprintf`.
pub fn pppd(text: &[u8]) -> Cow<'_, [u8]> {
    if !may_be_escaped(text) {
        return Cow::Borrowed(text);
    }
    match undo_v(&undo_q(text)) {
        undone if undone == text => Cow::Borrowed(text),
        undone => Cow::Owned(undone),
    }
}

/// Whether a name holds anything that `%q` or `%v` may have made. Names are short: no search is worth preparing.
fn may_be_escaped(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'\\' | b'^' | b'M'))
}

/// Undoes pppd's `%v` alone: what stands in lines that it writes without `%q` (`pptpd-logwtmp.so ip-up`, RADIUS, PAM). A
/// backslash is one there.
pub fn visible(text: &[u8]) -> Cow<'_, [u8]> {
    if !may_be_escaped(text) {
        return Cow::Borrowed(text);
    }
    match undo_v(text) {
        undone if undone == text => Cow::Borrowed(text),
        undone => Cow::Owned(undone),
    }
}

fn undo_q(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let (byte, used) = match (first, after) {
            (b'\\', [b't', ..]) => (b'\t', 2),
            (b'\\', [b'n', ..]) => (b'\n', 2),
            (b'\\', [b'r', ..]) => (b'\r', 2),
            (b'\\', [b'b', ..]) => (0x08, 2),
            (b'\\', [b'f', ..]) => (0x0c, 2),
            (b'\\', [b'x', high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), 4)
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..]) => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), 4)
            }
            (b'\\', [next @ (b'\\' | b'"' | b'\''), ..]) => (*next, 2),
            _ => (*first, 1),
        };
        out.push(byte);
        rest = &rest[used..];
    }
    out
}

fn undo_v(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (byte, used) = match rest {
            [b'M', b'-', b'^', c @ (b'?' | b'@'..=b'_'), ..] => (0x80 | (c ^ 0x40), 4),
            // a tab is the one control byte that `%v` leaves alone
            [b'M', b'-', c @ (b'\t' | 0x20..=0x7e), ..] => (0x80 | c, 3),
            [b'^', c @ (b'?' | b'@'..=b'_'), ..] => (c ^ 0x40, 2),
            [c, ..] => (*c, 1),
            [] => break,
        };
        out.push(byte);
        rest = &rest[used..];
    }
    out
}

fn hex(digit: u8) -> u8 {
    (digit as char).to_digit(16).unwrap_or(0) as u8
}

/// Undoes the escaping of pppd's packet dumps (`print_string`): C escapes and three octal digits.
pub fn debug(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(undo_q(text))
}

/// Undoes FreeRADIUS's escaping of printed attributes: `\\`, `\"` and three octal digits. `\r` and `\n` stay: radius.log
/// does not escape a backslash, so `CORP\rose` is a domain and a name.
pub fn radius(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let (byte, used) = match (first, after) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..]) => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), 4)
            }
            (b'\\', [next @ (b'\\' | b'"'), ..]) => (*next, 2),
            _ => (*first, 1),
        };
        out.push(byte);
        rest = &rest[used..];
    }
    Cow::Owned(out)
}

/// Undoes Samba's `log_escape`: a backslash doubled, control bytes as `\n` or `\x1B`. Source: lib/util/util_str_escape.c.
pub fn samba(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'\\') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(undo_q(text))
}

/// The user of a FreeRADIUS login bracket: `user`, `user/password` or `user/<via Auth-Type = X>`. A `/` in the name itself
/// cannot be told from the separator: the last ` /<via` wins, else the first `/` (the password is the secret part, and
/// showing less is safe).
pub fn login_name(text: &[u8]) -> &[u8] {
    if let Some(at) = memchr::memmem::rfind(text, b"/<via Auth-Type = ").filter(|_| text.ends_with(b">")) {
        return &text[..at];
    }
    if let Some(name) = text
        .strip_suffix(b"/<no User-Password attribute>")
        .or_else(|| text.strip_suffix(b"/<CHAP-Password>"))
    {
        return name;
    }
    &text[..memchr::memchr(b'/', text).unwrap_or(text.len())]
}

/// The password of a login bracket, if it holds one: what stands behind the name, unless FreeRADIUS says there in angle
/// brackets why it shows none.
pub fn login_password(text: &[u8]) -> Option<&[u8]> {
    const NONE: &[&[u8]] = &[b"<no User-Password attribute>", b"<CHAP-Password>"];
    let behind = text[login_name(text).len()..].strip_prefix(b"/")?;
    let told = NONE.contains(&behind) || behind.starts_with(b"<via Auth-Type = ") && behind.ends_with(b">");
    (!told).then_some(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pppd_names_are_restored() {
        assert_eq!(&*pppd(b"M-PM-^_M-QM-^QM-QM-^BM-QM-^@"), "Пётр".as_bytes());
        assert_eq!(&*pppd(br"CORP\\anna"), br"CORP\anna");
        assert_eq!(&*pppd(b"jM-CM-<rgen"), "jürgen".as_bytes());
        assert_eq!(&*pppd(b"a^[b"), b"a\x1bb");
        assert_eq!(&*pppd(br#"a\"b"#), br#"a"b"#);
    }

    #[test]
    fn without_quoting_a_backslash_is_one() {
        assert_eq!(&*visible(br"CORP\anna"), br"CORP\anna");
        assert_eq!(&*visible(br"CORP\tom"), br"CORP\tom");
        assert_eq!(&*visible(b"jM-CM-<rgen"), "jürgen".as_bytes());
        assert_eq!(&*visible(b"a^[b"), b"a\x1bb");
    }

    #[test]
    fn only_a_surrounding_pair_is_a_delimiter() {
        assert_eq!(unquoted(br#""bob""#), b"bob");
        assert_eq!(unquoted(br#""bob\""#), br#""bob\""#);
        assert_eq!(unquoted(br#"bob""#), br#"bob""#);
        assert_eq!(unquoted(b"\""), b"\"");
    }

    #[test]
    fn debug_names_are_restored() {
        assert_eq!(&*debug(br"\347\224\260\n\033"), b"\xe7\x94\xb0\n\x1b");
    }

    #[test]
    fn a_login_bracket_hides_the_password() {
        assert_eq!(login_name(b"bob/hello"), b"bob");
        assert_eq!(login_name(b"bob/<via Auth-Type = mschap>"), b"bob");
        assert_eq!(login_name(b"bob"), b"bob");
        assert_eq!(login_name(b"/hello"), b"");
        assert_eq!(login_password(b"bob/hel/lo"), Some(&b"hel/lo"[..]));
        assert_eq!(login_password(b"bob/<via Auth-Type = mschap>"), None);
        assert_eq!(login_password(b"bob/<CHAP-Password>"), None);
        assert_eq!(login_password(b"bob"), None);
    }
}
