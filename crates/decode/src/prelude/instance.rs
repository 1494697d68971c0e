//! npppd's numbers: of a PPP instance, or of a tunnel's control connection and the call in it.

use tunlog_model::Field;

use crate::template::{Caught, Fields, parse_int};

/// `ppp id=7 text` (the connection is `7`), `l2tpd ctrl=3 text` (the connection is `l2tpd ctrl=3`) and, of a call in it,
/// `l2tpd ctrl=3 call=17 text` (`session_id` too). What a PPP instance writes goes on with its layer, which is left to the template.
pub(super) fn cut<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
    ppp(body, fields)
        .or_else(|| control(body, b"l2tpd ctrl=", Field::SessionId, fields))
        .or_else(|| control(body, b"pptpd ctrl=", Field::CallId, fields))
        .unwrap_or(body)
}

fn ppp<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let (number, rest) = number(body.strip_prefix(b"ppp id=")?)?;
    let rest = rest.strip_prefix(b" ")?;
    fields.push((Field::Connection, Caught::Text(number)));
    Some(rest)
}

fn control<'a>(body: &'a [u8], word: &[u8], call_field: Field, fields: &mut Fields<'a>) -> Option<&'a [u8]> {
    let (digits, rest) = number(body.strip_prefix(word)?)?;
    let rest = rest.strip_prefix(b" ")?;
    let name = &body[..word.len() + digits.len()];
    fields.push((Field::Connection, Caught::Text(name)));
    let Some((call, after)) = rest.strip_prefix(b"call=").and_then(number) else {
        return Some(rest);
    };
    let after = after.strip_prefix(b" ")?;
    if let Some(call) = parse_int(call) {
        fields.push((call_field, Caught::Int(call)));
    }
    Some(after)
}

fn number(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit())?;
    (end > 0).then(|| text.split_at(end))
}
