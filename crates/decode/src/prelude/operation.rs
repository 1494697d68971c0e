//! What slapd puts before a line of its statistics: the connection, and the operation on it or the descriptor.

use tunlog_model::Field;

use crate::template::{Caught, Fields, parse_int};

/// Numbers of slapd's own format of `logfile` and of its standard error: seconds, fraction and thread, in hexadecimal.
const STAMP_DIGITS: usize = 8;

/// What was before a text.
struct Before<'a> {
    connection: Option<&'a [u8]>,
    operation: Option<i64>,
    rest: &'a [u8],
}

/// `conn=1022 op=1 text` (the connection is `1022`, the operation goes as `packet_id`), `conn=1022 fd=21 text`, `conn=1022 text`.
pub(super) fn cut<'a>(body: &'a [u8], fields: &mut Fields<'a>) -> &'a [u8] {
    let before = read(body);
    fields.extend(before.connection.map(|name| (Field::Connection, Caught::Text(name))));
    fields.extend(before.operation.map(|number| (Field::PacketId, Caught::Int(number))));
    before.rest
}

/// The text alone.
pub(super) fn peek(body: &[u8]) -> &[u8] {
    read(body).rest
}

fn read(body: &[u8]) -> Before<'_> {
    let text = stamp(body).unwrap_or(body);
    let whole = Before {
        connection: None,
        operation: None,
        rest: text,
    };
    let Some((connection, rest)) = numbered(text, b"conn=") else {
        return whole;
    };
    let operation = numbered(rest, b"op=").and_then(|(digits, rest)| Some((parse_int(digits)?, rest)));
    Before {
        connection: Some(connection),
        operation: operation.map(|(number, _)| number),
        rest: operation
            .map(|(_, rest)| rest)
            .or_else(|| Some(numbered(rest, b"fd=")?.1))
            .unwrap_or(rest),
    }
}

/// `5ee0b4d3 `, or since 2.5 `5ee0b4d3.1a2b3c4d 0x7f8a12345678 `: what slapd writes to its standard error, which the journal
/// and container engines put a stamp of their own before.
fn stamp(body: &[u8]) -> Option<&[u8]> {
    let rest = hex(body, STAMP_DIGITS)?;
    if let Some(rest) = rest.strip_prefix(b" ") {
        return rest.starts_with(b"conn=").then_some(rest);
    }
    let rest = hex(rest.strip_prefix(b".")?, STAMP_DIGITS)?.strip_prefix(b" 0x")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    rest[digits..].strip_prefix(b" ").filter(|_| digits > 0)
}

fn hex(text: &[u8], digits: usize) -> Option<&[u8]> {
    let (number, rest) = text.split_at_checked(digits)?;
    number.iter().all(u8::is_ascii_hexdigit).then_some(rest)
}

/// A number behind its name, up to a blank; an internal connection's is -1.
fn numbered<'a>(text: &'a [u8], name: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let text = text.strip_prefix(name)?;
    let sign = usize::from(text.first() == Some(&b'-'));
    let digits = text[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = text.split_at(sign + digits);
    Some((number, rest.strip_prefix(b" ")?)).filter(|_| digits > 0)
}

#[cfg(test)]
mod tests {
    fn read(body: &str) -> (Option<String>, Option<i64>, &str) {
        let before = super::read(body.as_bytes());
        let name = before.connection.map(|name| String::from_utf8_lossy(name).into_owned());
        let rest = std::str::from_utf8(before.rest).expect("text in, text out");
        (name, before.operation, rest)
    }

    #[test]
    fn connection_and_operation_are_read_from_the_front_only() {
        let name = |text: &str| Some(text.to_string());
        assert_eq!(read("conn=1022 op=1 UNBIND"), (name("1022"), Some(1), "UNBIND"));
        assert_eq!(read("conn=1022 fd=21 closed"), (name("1022"), None, "closed"));
        assert_eq!(read("conn=-1 fd=9 closed"), (name("-1"), None, "closed"));
        assert_eq!(read("conn=7 TLS: can't accept"), (name("7"), None, "TLS: can't accept"));
        assert_eq!(read("5ee0b4d3 conn=7 op=0 UNBIND"), (name("7"), Some(0), "UNBIND"));
        assert_eq!(
            read("65a1b2c3.1a2b3c4d 0x7f8a1234 conn=7 op=0 UNBIND"),
            (name("7"), Some(0), "UNBIND")
        );
        for body in [
            "slapd starting",
            "conn= op=1 x",
            "x conn=1 op=1 y",
            "conn=1op=1 x",
            "deadbeef x",
            "",
        ] {
            assert_eq!(read(body), (None, None, body), "{body}");
        }
        assert_eq!(read("conn=1 op=99999999999999999999 x").1, None);
    }
}
