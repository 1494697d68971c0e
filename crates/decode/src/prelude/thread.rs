//! charon's thread number, group and connection.

use tunlog_model::Field;

use crate::template::{Caught, Fields};

/// From the group on; after it where more stands between group and text.
pub(super) fn cut<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
    let digits = body.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let body = if body.get(digits) == Some(&b'[') {
        &body[digits..]
    } else {
        body
    };
    let Some(end) = group_end(body) else { return body };
    let rest = &body[end..];
    match named_in_angles(rest) {
        Some((name, rest)) => {
            if !name.is_empty() {
                fields.push((Field::Connection, Caught::Text(name)));
            }
            rest
        }
        None if end == GROUP_MAX => rest,
        None => body,
    }
}

/// Length of a group with its level, `[IKE1] `.
const GROUP_MAX: usize = 7;

/// Where charon's group, `[IKE] ` or `[IKE1] `, ends.
pub fn group_end(body: &[u8]) -> Option<usize> {
    match body {
        [b'[', a, b, c, b']', b' ', ..] if [a, b, c].iter().all(|byte| byte.is_ascii_uppercase()) => Some(6),
        [b'[', a, b, c, b'0'..=b'5', b']', b' ', ..] if [a, b, c].iter().all(|byte| byte.is_ascii_uppercase()) => {
            Some(GROUP_MAX)
        }
        _ => None,
    }
}

/// `<work|1> ` or, before the connection is known, `<1> `: the name and what follows.
fn named_in_angles(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(b"<")?;
    let end = memchr::memmem::find(inner, b"> ")?;
    let (name, number) = match memchr::memrchr(b'|', &inner[..end]) {
        Some(bar) => (&inner[..bar], &inner[bar + 1..end]),
        None => (&inner[..0], &inner[..end]),
    };
    let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    is_number.then(|| (name, &inner[end + 2..]))
}
