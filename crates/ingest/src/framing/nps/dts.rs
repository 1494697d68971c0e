//! The DTS form: `<Event><Timestamp data_type="4">05/19/2014 15:21:44.008</Timestamp>…</Event>`, one record a line, in any
//! order of elements. A viewer may have broken a record into indented lines.

use std::borrow::Cow;

use memchr::memchr;
use tunlog_model::Stamp;

use super::{Record, hex, local};

const BEGIN: &[u8] = b"<Event>";
const END: &[u8] = b"</Event>";
/// What tells these elements from those of Windows' own event log.
const TYPE: &[u8] = b" data_type=\"";
/// Most lines of a record that was broken into lines: no packet holds more attributes.
const LINES_MAX: usize = 1024;

/// A record that a line is, if it is one.
pub(super) fn read(line: &[u8]) -> Option<Result<Record<'_>, String>> {
    let elements = line.strip_prefix(BEGIN)?.trim_ascii_start();
    let name = elements.strip_prefix(b"<").map(name_len)?;
    elements.get(name + 1..)?.starts_with(TYPE).then(|| record(elements))
}

fn name_len(text: &[u8]) -> usize {
    let is = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.iter().take(128).take_while(|byte| is(byte)).count()
}

/// One element: its name, its type, its text, and what follows.
struct Element<'a> {
    name: &'a [u8],
    kind: &'a [u8],
    text: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Element<'a> {
    fn read(text: &'a [u8]) -> Option<Element<'a>> {
        let text = text.strip_prefix(b"<")?;
        let (name, text) = text.split_at(name_len(text));
        let attribute = text.strip_prefix(TYPE)?;
        let (kind, text) = attribute.split_at(memchr(b'"', attribute)?);
        let text = &text[1..];
        if let Some(rest) = text.trim_ascii_start().strip_prefix(b"/>") {
            let text = b"";
            return Some(Element { name, kind, text, rest });
        }
        let text = text.strip_prefix(b">")?;
        let (text, behind) = text.split_at(memchr(b'<', text)?);
        let rest = behind.strip_prefix(b"</")?.strip_prefix(name)?.strip_prefix(b">")?;
        (!name.is_empty()).then_some(Element { name, kind, text, rest })
    }
}

fn record(mut rest: &[u8]) -> Result<Record<'_>, String> {
    let mut fields = Vec::with_capacity(32);
    let (mut stamp, mut host) = (Stamp::Missing, Cow::Borrowed(&b""[..]));
    let mut number = 0;
    while !rest.starts_with(END) {
        number += 1;
        let element = Element::read(rest).ok_or_else(|| match rest.is_empty() {
            true => "NPS record that ends before its `</Event>`: skipped".to_string(),
            false => format!("NPS record whose element {number} is not whole: skipped"),
        })?;
        rest = element.rest.trim_ascii_start();
        let value = value(&element);
        match element.name {
            b"Timestamp" => stamp = timestamp(&value),
            b"Computer-Name" => host = value,
            _ if value.is_empty() => {}
            name => fields.push((name, value)),
        }
    }
    match rest[END.len()..].trim_ascii() {
        [] => Ok(Record { stamp, host, fields }),
        _ => Err("NPS record with something behind its `</Event>`: skipped".to_string()),
    }
}

/// An element's value. Type 2 is hexadecimal; of a text that is not, it says nothing.
fn value<'a>(element: &Element<'a>) -> Cow<'a, [u8]> {
    let digits = element.text.strip_prefix(b"0x").unwrap_or(element.text);
    match Some(digits).filter(|_| element.kind == b"2").and_then(hex) {
        Some(bytes) => Cow::Owned(bytes),
        None => unescaped(element.text),
    }
}

fn timestamp(text: &[u8]) -> Stamp {
    let blank = memchr(b' ', text).unwrap_or(text.len());
    local(&text[..blank], text[blank..].trim_ascii()).unwrap_or(Stamp::Missing)
}

/// XML's five entities and its numbered characters; what is none stays as it is.
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'&', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let found = memchr(b';', &rest[..rest.len().min(12)]).and_then(|end| Some((end, entity(&rest[1..end])?)));
        match found {
            Some((end, sign)) => {
                out.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[end + 1..];
            }
            None => {
                out.push(b'&');
                rest = &rest[1..];
            }
        }
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

fn entity(name: &[u8]) -> Option<char> {
    Some(match name {
        b"lt" => '<',
        b"gt" => '>',
        b"amp" => '&',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x' | b'X', digits @ ..] => numbered(digits, 16)?,
        [b'#', digits @ ..] => numbered(digits, 10)?,
        _ => return None,
    })
}

fn numbered(digits: &[u8], radix: u32) -> Option<char> {
    let text = std::str::from_utf8(digits).ok()?;
    u32::from_str_radix(text, radix).ok().and_then(char::from_u32)
}

/// A record that was broken into lines, while it is read.
pub(crate) struct Block {
    /// Where it begins in the chunk.
    pub start: usize,
    /// Number of its first line.
    pub line: u64,
    lines: usize,
}

/// What a line is to a block.
pub(crate) enum Part {
    /// It belongs to it.
    Inside,
    /// It ends it.
    Last,
    /// It is none of it: the block is cut short, or (`true`) was none of ours.
    Foreign(bool),
}

impl Block {
    /// Begins a block with a line at `start` that is `<Event>` alone.
    pub(crate) fn begin(text: &[u8], start: usize, line: u64) -> Option<Block> {
        let lines = 0;
        (text.starts_with(b"<") && text.trim_ascii_end() == BEGIN).then_some(Block { start, line, lines })
    }

    /// What the next line is.
    pub(crate) fn add(&mut self, line: &[u8]) -> Part {
        self.lines += 1;
        let text = line.trim_ascii();
        let is_element = text.starts_with(b"<")
            && text
                .get(1 + name_len(&text[1..])..)
                .is_some_and(|rest| rest.starts_with(TYPE));
        match text {
            END if self.lines > 1 => Part::Last,
            _ if is_element && self.lines < LINES_MAX => Part::Inside,
            _ => Part::Foreign(self.lines == 1),
        }
    }

    /// The record of the whole text, from `<Event>` to `</Event>`.
    pub(crate) fn record(text: &[u8]) -> Result<Record<'_>, String> {
        let elements = text.strip_prefix(BEGIN).unwrap_or(text).trim_ascii_start();
        record(elements)
    }
}
