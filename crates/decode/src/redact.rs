//! Taking secrets out of a line before anybody sees it: what a secret message's `_` placeholders cover, and the password
//! that FreeRADIUS writes behind a user's name.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;

use memchr::memmem;
use rustc_hash::FxHashMap;
use tunlog_model::Message;

use crate::template::{Kind, Place, Template};
use crate::unescape::login_password;

/// What stands for a body that holds a secret, nobody knows where.
const REDACTED: &[u8] = b"(redacted)";

/// The record with its secrets replaced by `…`. Messages that hold none come back as they are.
pub fn redact<'a>(message: &Message, raw: &'a [u8]) -> Cow<'a, [u8]> {
    let Some(readers) = readers(message) else {
        return Cow::Borrowed(raw);
    };
    let mut starts: Vec<(usize, &Reader)> = readers
        .iter()
        .filter_map(|reader| Some((memmem::find(raw, &reader.prefix)?, reader)))
        .collect();
    // the earliest first: a later one may stand inside a name that the peer chose
    starts.sort_by_key(|(at, reader)| (*at, std::cmp::Reverse(reader.prefix.len())));
    for (at, reader) in &starts {
        // a record of several lines (journal export): the message is one of them
        let end = at + memchr::memchr(b'\n', &raw[*at..]).unwrap_or(raw.len() - at);
        let body = raw[*at..end].trim_ascii_end();
        let Some(places) = reader.templates.iter().find_map(|template| template.places(body)) else {
            continue;
        };
        let secrets: Vec<&[u8]> = places.iter().filter_map(|place| secret(message, place)).collect();
        // the rest of the record may hold the message once more, in another form
        let whole = end == raw.len() || memmem::find(&raw[end..], &reader.prefix).is_none();
        return match (secrets.is_empty(), whole) {
            (true, true) => Cow::Borrowed(raw),
            (_, whole) => Cow::Owned(without(if whole { raw } else { &raw[..end] }, &secrets)),
        };
    }
    // known to hold a secret, but where is not clear (a damaged line, an escaped one): show none of the body
    let header = starts.first().map_or(0, |(at, _)| *at);
    Cow::Owned([&raw[..header], REDACTED].concat())
}

/// The secret part of a placeholder's text.
fn secret<'a>(message: &Message, place: &Place<'a>) -> Option<&'a [u8]> {
    match place.kind {
        Kind::RadiusLogin => login_password(place.text),
        _ => (message.secret && place.hidden).then_some(place.text),
    }
}

/// `raw` with each of the parts, which are slices of it, replaced.
fn without(raw: &[u8], secrets: &[&[u8]]) -> Vec<u8> {
    let start = raw.as_ptr() as usize;
    let mut out = Vec::with_capacity(raw.len());
    let mut done = 0;
    for part in secrets {
        let at = (part.as_ptr() as usize).wrapping_sub(start);
        // placeholders stand in the order of the line; anything else would not be a part of it
        if at < done || at > raw.len() || part.len() > raw.len() - at {
            continue;
        }
        out.extend_from_slice(&raw[done..at]);
        out.extend_from_slice("…".as_bytes());
        done = at + part.len();
    }
    out.extend_from_slice(&raw[done..]);
    out
}

/// The templates of a message that begin alike, the most telling first, as the index tries them.
#[derive(Debug)]
struct Reader {
    prefix: Box<[u8]>,
    templates: Vec<Template>,
}

thread_local! {
    /// By the address of a message's templates, which live as long as the program. Evidence of a busy RADIUS server is
    /// redacted line by line, and its messages have dozens of templates.
    static READERS: RefCell<FxHashMap<usize, Option<Rc<[Reader]>>>> = RefCell::default();
}

/// How to find the secrets of a message; `None` if it has none.
fn readers(message: &Message) -> Option<Rc<[Reader]>> {
    let key = message.templates.as_ptr() as usize;
    READERS.with_borrow_mut(|known| known.entry(key).or_insert_with(|| readers_of(message)).clone())
}

fn readers_of(message: &Message) -> Option<Rc<[Reader]>> {
    let logs_in = |text: &&str| text.contains(":radius-login>");
    if !message.secret && !message.templates.iter().any(logs_in) {
        return None;
    }
    let mut templates: Vec<Template> = message
        .templates
        .iter()
        .filter_map(|text| Template::compile(text).ok())
        .collect();
    templates.sort_by_key(|template| std::cmp::Reverse(template.literals()));
    let mut readers: Vec<Reader> = Vec::new();
    for template in templates {
        match readers.iter_mut().find(|reader| *reader.prefix == *template.prefix()) {
            Some(reader) => reader.templates.push(template),
            None => readers.push(Reader {
                prefix: template.prefix().into(),
                templates: vec![template],
            }),
        }
    }
    Some(readers.into())
}
