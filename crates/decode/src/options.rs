//! PPP configuration options as pppd prints them in packet lines: `<mru 1400> <auth chap MS-v2> <mppe +H -M +S -L -D -C>`.
//! Source: pppd's `lcp_printpkt`, `ccp_printpkt`, `ipcp_printpkt`.

use tunlog_model::Field;

use crate::template::{Caught, Fields, method_word, parse_int, parse_ip};

/// Takes the options of a packet line; false if `text` is no list of options.
#[inline(never)]
pub fn take<'a>(text: &'a [u8], fields: &mut Fields<'a>) -> bool {
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let Some(inner) = rest.strip_prefix(b"<") else {
            return rest.starts_with(b"...");
        };
        // names and values are of few bytes: to prepare a search would cost more than to look at them
        let Some(name) = inner.iter().position(|byte| matches!(byte, b' ' | b'>')) else {
            return false;
        };
        let Some(value) = inner[name..].iter().position(|byte| *byte == b'>') else {
            return false;
        };
        let (name, value, after) = (&inner[..name], &inner[name..name + value], &inner[name + value + 1..]);
        option(name, value.trim_ascii(), fields);
        rest = after.trim_ascii_start();
    }
    true
}

fn option<'a>(name: &[u8], value: &'a [u8], fields: &mut Fields<'a>) {
    match name {
        b"auth" => push(fields, Field::AuthMethod, method(value).map(Caught::Word)),
        b"mru" => push(fields, Field::Mru, parse_int(value).map(Caught::Int)),
        b"magic" => push(fields, Field::Magic, Some(Caught::Text(value))),
        b"addr" => push(fields, Field::Address, parse_ip(value).map(Caught::Ip)),
        b"mppe" => mppe(value, fields),
        _ => {}
    }
}

fn push<'a>(fields: &mut Fields<'a>, field: Field, value: Option<Caught<'a>>) {
    if let Some(value) = value {
        fields.push((field, value));
    }
}

/// `pap`, `chap MD5`, `chap MS`, `chap MS-v2`, `eap`.
fn method(value: &[u8]) -> Option<&'static str> {
    method_word(value.strip_prefix(b"chap ").unwrap_or(value)).or_else(|| method_word(value))
}

/// `+H` is stateless, `+S` 128 bit, `+M` 56 bit, `+L` 40 bit (RFC 3078 §2.1). Several lengths offered: the longest.
fn mppe(value: &[u8], fields: &mut Fields<'_>) {
    let has = |flag: &[u8]| value.split(|byte| *byte == b' ').any(|word| word == flag);
    let bits = [(b"+S", 128), (b"+M", 56), (b"+L", 40)]
        .into_iter()
        .find(|(flag, _)| has(*flag))
        .map(|(_, bits)| bits);
    if let Some(bits) = bits {
        fields.push((Field::MppeBits, Caught::Int(bits)));
        fields.push((Field::MppeStateful, Caught::Bool(!has(b"+H"))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_options() {
        let mut fields = Vec::new();
        assert!(take(
            b"<asyncmap 0x0> <auth chap MS-v2> <magic 0x49c8cb5a> <pcomp>",
            &mut fields
        ));
        assert_eq!(fields[0], (Field::AuthMethod, Caught::Word("ms-chap-v2")));
        assert_eq!(fields[1], (Field::Magic, Caught::Text(b"0x49c8cb5a")));
        fields.clear();
        assert!(take(b"<mppe +H -M +S -L -D -C>", &mut fields));
        assert_eq!(
            fields,
            vec![
                (Field::MppeBits, Caught::Int(128)),
                (Field::MppeStateful, Caught::Bool(false))
            ]
        );
        assert!(take(b"", &mut Vec::new()));
        assert!(!take(b"no options", &mut Vec::new()));
    }
}
