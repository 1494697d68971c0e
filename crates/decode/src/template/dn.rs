//! Distinguished names as text (RFC 4514): whose account a directory was asked about.

use std::borrow::Cow;

/// Attributes whose value is an account's name, the best first, with their object identifiers where slapd may write these.
const ACCOUNT: &[&[&str]] = &[
    &["uid", "userid", "0.9.2342.19200300.100.1.1"],
    &["samaccountname", "1.2.840.113556.1.4.221"],
    &["userprincipalname", "1.2.840.113556.1.4.656"],
    &["mail", "0.9.2342.19200300.100.1.3"],
    &["cn", "commonname", "2.5.4.3"],
];

/// The account that a name's first component names, its escaping undone; None if it names none or if this is no
/// distinguished name. Whoever binds chooses the text, so it is read by its grammar from the left, and only so far.
pub(super) fn account(name: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut best: Option<(usize, &[u8])> = None;
    let mut rest = name;
    loop {
        let equals = memchr::memchr(b'=', rest)?;
        let attribute = rest[..equals].trim_ascii();
        let value = &rest[equals + 1..];
        let end = value_end(value);
        if let Some(rank) = rank(attribute).filter(|rank| best.is_none_or(|(known, _)| *rank < known)) {
            best = Some((rank, &value[..end]));
        }
        match value.get(end) {
            // a component of several values: `uid=anna+cn=Anna`
            Some(b'+') => rest = &value[end + 1..],
            _ => break,
        }
    }
    best.and_then(|(_, value)| unescaped(blanks_cut(value)))
}

/// How well an attribute names an account, 0 the best. An attribute's type is letters, digits, hyphens and dots.
fn rank(attribute: &[u8]) -> Option<usize> {
    let same = |name: &&str| attribute.eq_ignore_ascii_case(name.as_bytes());
    ACCOUNT.iter().position(|names| names.iter().any(same))
}

/// Where a value ends: before a separator that is not escaped.
fn value_end(value: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = value.get(at) {
        match byte {
            b',' | b';' | b'+' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    value.len()
}

/// Blanks round a value are not its own, unless escaped.
fn blanks_cut(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii_start();
    let end = value.trim_ascii_end().len();
    let escaped = value[..end].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
    &value[..end + usize::from(escaped && end < value.len())]
}

/// Undoes `\2C` and `\,`. A value in hexadecimal (`#0403…`, RFC 4514 §2.4) is a string's BER, or nothing we can read.
fn unescaped(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    if let Some(digits) = value.strip_prefix(b"#") {
        return string_of_ber(digits).map(Cow::Owned);
    }
    if !value.contains(&b'\\') {
        return Some(Cow::Borrowed(value)).filter(|value| !value.is_empty());
    }
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        if *first != b'\\' {
            out.push(*first);
            rest = after;
            continue;
        }
        if let Some(byte) = after.get(..2).and_then(byte_of) {
            out.push(byte);
            rest = &after[2..];
        } else {
            let (escaped, later) = after.split_first()?;
            out.push(*escaped);
            rest = later;
        }
    }
    Some(Cow::Owned(out))
}

fn byte_of(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let digit = |byte: &u8| (*byte as char).to_digit(16);
    u8::try_from(digit(high)? << 4 | digit(low)?).ok()
}

/// The content of a UTF8String (12), PrintableString (19), IA5String (22) or octet string (4) of less than 128 bytes.
fn string_of_ber(digits: &[u8]) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = digits.chunks(2).map(byte_of).collect::<Option<_>>()?;
    match &*bytes {
        [4 | 12 | 19 | 22, length, content @ ..] if usize::from(*length) == content.len() && !content.is_empty() => {
            Some(content.to_vec())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::account;

    fn of(name: &str) -> Option<String> {
        account(name.as_bytes()).map(|value| String::from_utf8_lossy(&value).into_owned())
    }

    #[test]
    fn the_first_component_names_the_account() {
        let cases = [
            ("uid=anna,ou=people,dc=example,dc=org", "anna"),
            ("UID = anna , ou=people", "anna"),
            ("cn=Anna Muster,ou=people,dc=example,dc=org", "Anna Muster"),
            ("cn=Anna Muster+uid=anna,dc=example,dc=org", "anna"),
            ("uid=anna+cn=Anna Muster,dc=example,dc=org", "anna"),
            ("sAMAccountName=anna", "anna"),
            ("0.9.2342.19200300.100.1.1=anna,dc=example,dc=org", "anna"),
            (r"uid=a\2Cb,dc=example", "a,b"),
            (r"uid=a\,b,dc=example", "a,b"),
            (r"uid=a\2Bcn\3Droot,dc=example", "a+cn=root"),
            (r"uid=M\C3\BCller,dc=example", "Müller"),
            (r"uid=a\\,dc=example", "a\\"),
            (r"uid=anna\ ,dc=example", "anna "),
            ("uid=#0404616E6E61,dc=example", "anna"),
            // what looks like another component inside a value is the value's
            (r"uid=x\, uid=root,dc=example", "x, uid=root"),
        ];
        for (name, want) in cases {
            assert_eq!(of(name).as_deref(), Some(want), "{name}");
        }
    }

    #[test]
    fn what_names_no_account_gives_none() {
        let cases = [
            "",
            "dc=example,dc=org",
            "ou=people,uid=anna",
            "anna",
            "uid=",
            "uid=,dc=example",
            "uid=#04,dc=example",
            "uid=#zz",
            "uid=a\\",
            "uid=#0409616E6E61",
        ];
        for name in cases {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
