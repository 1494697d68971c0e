//! Taking secrets out of a line before anybody sees it: what a secret message's `_` placeholders cover.

use std::borrow::Cow;

use memchr::memmem;
use tunlog_model::{Field, Message};

use crate::template::{Caught, Template};

/// The record with its secrets replaced by `…`. Messages that hold none come back as they are.
pub fn redact<'a>(message: &Message, raw: &'a [u8]) -> Cow<'a, [u8]> {
    if !message.secret {
        return Cow::Borrowed(raw);
    }
    for text in message.templates {
        // the hidden placeholders become visible ones, so that the same code that reads the line finds them
        let Ok(template) = Template::compile(&text.replace("<_:", "<value:").replace("<_>", "<value>")) else { continue };
        let Some(at) = memmem::find(raw, template.prefix()) else { continue };
        let body = raw[at..].trim_ascii_end();
        let mut fields = Vec::new();
        if template.take(body, &mut fields) {
            return Cow::Owned(without(raw, fields.iter().filter(|(field, _)| *field == Field::Value)));
        }
    }
    // known to hold a secret, but where is not clear (a damaged line): show none of the body
    Cow::Owned(raw.iter().take_while(|byte| **byte != b']').copied().chain(*b"]: (redacted)").collect())
}

fn without<'f, 'a: 'f>(raw: &[u8], secrets: impl Iterator<Item = &'f (Field, Caught<'a>)>) -> Vec<u8> {
    let mut out = raw.to_vec();
    let start = raw.as_ptr() as usize;
    let mut cuts: Vec<(usize, usize)> = secrets
        .filter_map(|(_, caught)| match caught {
            Caught::Text(text) => Some(((text.as_ptr() as usize).wrapping_sub(start), text.len())),
            _ => None,
        })
        .filter(|(at, len)| *at <= raw.len() && *len <= raw.len() - at)
        .collect();
    cuts.sort_unstable();
    for (at, len) in cuts.into_iter().rev() {
        out.splice(at..at + len, "…".bytes());
    }
    out
}
