//! mpd's link or bundle, or the number of its PPTP control connection.

use tunlog_model::Field;

use crate::template::{Caught, Fields};

/// `[L-1] text`, `[B-1] (L-1) text`, `pptp0: text` and, of a call in that control connection, `pptp0-1: text`.
pub(super) fn cut<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
    let Some((name, rest)) = in_brackets(body).or_else(|| control_connection(body)) else {
        return body;
    };
    fields.push((Field::Connection, Caught::Text(name)));
    rest
}

/// Names of links and bundles are the administrator's words; mpd adds `-` and a number for those made from a template.
fn in_brackets(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = word_between(body, b'[', b']')?;
    match word_between(rest, b'(', b')') {
        Some((_, after)) => Some((name, after)),
        None => Some((name, rest)),
    }
}

fn word_between(text: &[u8], open: u8, close: u8) -> Option<(&[u8], &[u8])> {
    let inner = text.strip_prefix(&[open])?;
    let end = inner.iter().position(|byte| *byte == close || *byte == b' ')?;
    let rest = inner[end..].strip_prefix(&[close, b' '])?;
    (end > 0).then(|| (&inner[..end], rest))
}

fn control_connection(body: &[u8]) -> Option<(&[u8], &[u8])> {
    const WORD: &[u8] = b"pptp";
    let end = WORD.len() + digits(body.strip_prefix(WORD)?)?;
    let (name, mut rest) = body.split_at(end);
    if let Some(call) = rest.strip_prefix(b"-") {
        rest = &call[digits(call)?..];
    }
    Some((name, rest.strip_prefix(b": ")?))
}

fn digits(text: &[u8]) -> Option<usize> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count > 0).then_some(count)
}
