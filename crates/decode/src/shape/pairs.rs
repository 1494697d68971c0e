//! How a line of `key=value` pairs is cut: keys are recognised outside of quotation marks only.

use memchr::memmem;

/// Longest key and longest category.
const NAME_MAX: usize = 40;

/// A line that is pairs, perhaps behind a category.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The word before the colon; empty if there is none.
    pub category: &'a [u8],
    /// The pairs.
    pub pairs: &'a [u8],
    /// Pairs may stand in nested brackets (`[conn [conn a=1 ]]`): written with a blank before the colon.
    nested: bool,
}

impl<'a> Line<'a> {
    /// `CATEGORY: key=value …`, `CATEGORY : key=value [key=value …]`, or the pairs alone.
    pub fn of(body: &'a [u8]) -> Option<Line<'a>> {
        let (category, pairs) = without_category(body).unwrap_or((b"", body));
        let nested = body.get(category.len()) == Some(&b' ') && !category.is_empty();
        is_key_at(pairs, 0).then_some(Line {
            category,
            pairs,
            nested,
        })
    }

    /// Keys and values from the left.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let line = *self;
        let mut at = next_key(line.pairs, 0);
        std::iter::from_fn(move || {
            let (key, start) = at?;
            let (value, next) = value_at(&line, start);
            at = next_key(line.pairs, next);
            Some((key, value))
        })
    }
}

/// A category of capitals in front of a colon, and what follows.
pub fn without_category(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let is = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    let len = body.iter().take(NAME_MAX).take_while(|byte| is(byte)).count();
    let (category, rest) = body.split_at(len);
    let rest = rest.strip_prefix(b" ").unwrap_or(rest).strip_prefix(b":")?;
    let begins = category.first().is_some_and(u8::is_ascii_uppercase);
    begins.then(|| (category, rest.trim_ascii_start()))
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_key_at(text: &[u8], at: usize) -> bool {
    next_key(text, at).is_some_and(|(key, value)| value == at + key.len() + 1)
}

/// The next key that begins at `from` or later, behind a blank or a bracket, and where its value begins.
pub fn next_key(text: &[u8], from: usize) -> Option<(&[u8], usize)> {
    let rest = text.get(from..)?;
    memchr::memchr_iter(b'=', rest).find_map(|equals| {
        let len = rest[..equals]
            .iter()
            .rev()
            .take(NAME_MAX + 1)
            .take_while(|byte| is_key_byte(**byte))
            .count();
        let key = &rest[equals - len..equals];
        let before = (from + equals - len).checked_sub(1).map(|at| text[at]);
        let apart = before.is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'['));
        let is_key = (1..=NAME_MAX).contains(&len) && !key[0].is_ascii_digit() && apart;
        is_key.then_some((key, from + equals + 1))
    })
}

/// The value that begins at `start`, and where to look for the next key.
pub fn value_at<'a>(line: &Line<'a>, start: usize) -> (&'a [u8], usize) {
    let text = line.pairs;
    if let Some(end) = quoted_end(text, start) {
        return (&text[start + 1..end], end + 1);
    }
    let end = next_key(text, start).map_or(text.len(), |(key, value)| value - key.len() - 1);
    let value = text[start..end].trim_ascii();
    (if line.nested { without_brackets(value) } else { value }, end)
}

/// Where a value in quotation marks ends: at a mark behind which the line, or the bracket, or the value is over.
fn quoted_end(text: &[u8], start: usize) -> Option<usize> {
    if text.get(start) != Some(&b'"') {
        return None;
    }
    let mut marks = memchr::memchr_iter(b'"', &text[start + 1..]).map(|at| start + 1 + at);
    marks.find(|at| matches!(text.get(at + 1), None | Some(b' ' | b'\t' | b']')))
}

/// What stands before the brackets that end a block and begin the next.
fn without_brackets(value: &[u8]) -> &[u8] {
    let ends: [&[u8]; 3] = [b" [", b"][", b" ]"];
    let end = ends.iter().filter_map(|end| memmem::find(value, end)).min();
    let value = value[..end.unwrap_or(value.len())].trim_ascii_end();
    match value {
        [b'[', ..] => value, // an IPv6 address
        [value @ .., b']'] => without_brackets(value),
        value => value,
    }
}

/// Where the parameter begins that follows a peer's text: at the last place of the first of `later` that is there at all.
pub fn rest_of_name(text: &[u8], start: usize, later: &[&[u8]]) -> Option<usize> {
    later.iter().find_map(|key| {
        let mut from = text.len();
        while let Some(at) = memmem::rfind(&text[start..from], key).map(|at| start + at) {
            let apart = at > start && matches!(text[at - 1], b' ' | b'\t' | b'[');
            if apart && text.get(at + key.len()) == Some(&b'=') {
                return Some(at);
            }
            from = at + key.len() - 1;
        }
        None
    })
}
