//! Enough JSON to read flat records without building values: each top-level key is handed out with the text of its value.

/// A value as it stands in the text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// The inside of a string; whether it holds escapes.
    Text(&'a [u8], bool),
    /// A number or word (`null`, `true`).
    Bare(&'a [u8]),
    /// An array, brackets included.
    Array(&'a [u8]),
    /// An object, braces included.
    Object(&'a [u8]),
}

/// Calls `each` with the top-level keys and values of an object. None if the text is no whole object.
pub(crate) fn object<'a>(text: &'a [u8], each: &mut dyn FnMut(&'a [u8], Value<'a>)) -> Option<()> {
    let mut at = skip_blank(text, 0);
    if text.get(at) != Some(&b'{') {
        return None;
    }
    at = skip_blank(text, at + 1);
    if text.get(at) == Some(&b'}') {
        return Some(());
    }
    loop {
        let (Value::Text(key, _), next) = value(text, at)? else {
            return None;
        };
        at = skip_blank(text, next);
        if text.get(at) != Some(&b':') {
            return None;
        }
        let (found, next) = value(text, skip_blank(text, at + 1))?;
        each(key, found);
        at = skip_blank(text, next);
        match text.get(at)? {
            b',' => at = skip_blank(text, at + 1),
            b'}' => return Some(()),
            _ => return None,
        }
    }
}

fn skip_blank(text: &[u8], mut at: usize) -> usize {
    while matches!(text.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

/// The value at a place, and where it ends.
pub(crate) fn value(text: &[u8], at: usize) -> Option<(Value<'_>, usize)> {
    match text.get(at)? {
        b'"' => {
            let (end, escaped) = string_end(text, at + 1)?;
            Some((Value::Text(&text[at + 1..end], escaped), end + 1))
        }
        b'[' | b'{' => {
            let end = nested_end(text, at)?;
            let part = &text[at..end];
            Some((
                if text[at] == b'[' {
                    Value::Array(part)
                } else {
                    Value::Object(part)
                },
                end,
            ))
        }
        _ => {
            let len = text[at..]
                .iter()
                .take_while(|byte| !matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n'))
                .count();
            (len > 0).then(|| (Value::Bare(&text[at..at + len]), at + len))
        }
    }
}

/// Calls `each` with the elements of an array, whose brackets are included; stops where it is none.
pub(crate) fn elements<'a>(array: &'a [u8], each: &mut dyn FnMut(Value<'a>)) {
    let mut at = skip_blank(array, 1);
    while let Some((element, next)) = array
        .get(at)
        .filter(|byte| **byte != b']')
        .and_then(|_| value(array, at))
    {
        each(element);
        at = skip_blank(array, next);
        if array.get(at) == Some(&b',') {
            at = skip_blank(array, at + 1);
        }
    }
}

/// Where a string's closing quote stands, and whether there are escapes before it.
fn string_end(text: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some((at, escaped));
        }
        escaped = true;
        at += 2;
    }
}

fn nested_end(text: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match text.get(at)? {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => at = string_end(text, at + 1)?.0,
            _ => {}
        }
        at += 1;
    }
}

/// Undoes the escapes of a string into `out`. What is no valid escape stays as it is.
pub(crate) fn unescape(text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte != b'\\' {
            let end = memchr::memchr(b'\\', &text[at..]).map_or(text.len(), |len| at + len);
            out.extend_from_slice(&text[at..end]);
            at = end;
            continue;
        }
        let plain = match text.get(at + 1) {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'u') => {
                at += unescape_unicode(&text[at..], out);
                continue;
            }
            Some(other) => *other,
            None => b'\\',
        };
        out.push(plain);
        at += 2;
    }
}

/// `\u0041`, also as a pair of surrogates: how many bytes of the text were used.
fn unescape_unicode(text: &[u8], out: &mut Vec<u8>) -> usize {
    let Some(first) = hex(text) else {
        out.push(b'\\');
        return 1;
    };
    let second = text.get(6..).filter(|rest| rest.starts_with(b"\\u")).and_then(hex);
    let (code, used) = match (first, second) {
        (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) => (0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00), 12),
        _ => (first, 6),
    };
    let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    used
}

fn hex(text: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(text.get(2..6)?).ok()?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit())
        .then(|| u32::from_str_radix(digits, 16).ok())?
}
