//! Templates of the user's own: text with `{placeholders}`. Braces around anything that is no word in small letters are text, so
//! that JSON needs no escaping. Values are escaped for the content type; `{json}` is the whole message as JSON.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::message::{Message, PLACEHOLDERS, Words};

/// The placeholder of the whole message.
const JSON: &str = "json";

/// How values are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// Inside of a JSON string.
    Json,
    /// HTML text and attributes.
    Html,
    /// A form's value.
    Form,
    /// Nothing but that harmful characters are visible.
    Plain,
}

impl Escape {
    /// What a content type needs.
    pub fn of(content_type: &str) -> Escape {
        let kind = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/x-www-form-urlencoded" => Escape::Form,
            "text/html" | "application/xml" | "text/xml" => Escape::Html,
            kind if kind.ends_with("+xml") => Escape::Html,
            // text/json, x-ndjson, jsonl, hal+json
            kind if kind.contains("json") => Escape::Json,
            _ => Escape::Plain,
        }
    }
}

/// A piece of a template.
enum Piece<'a> {
    Text(&'a str),
    Placeholder(&'a str),
}

fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = template;
    let mut text = 0;
    while let Some(at) = rest[text..].find('{').map(|at| at + text) {
        let inner = &rest[at + 1..];
        let is_word =
            |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        match inner.find('}').map(|end| &inner[..end]).filter(|name| is_word(name)) {
            Some(name) => {
                found.push(Piece::Text(&rest[..at]));
                found.push(Piece::Placeholder(name));
                rest = &inner[name.len() + 1..];
                text = 0;
            }
            None => text = at + 1,
        }
    }
    found.push(Piece::Text(rest));
    found
}

/// Whether every placeholder of a template is one.
///
/// # Errors
/// The first that is none, and those that there are.
pub fn check(template: &str) -> Result<(), String> {
    for piece in pieces(template) {
        if let Piece::Placeholder(name) = piece
            && name != JSON
            && !PLACEHOLDERS.contains(&name)
        {
            return Err(format!(
                "there is no placeholder {{{name}}}: {}, json",
                PLACEHOLDERS.join(", ")
            ));
        }
    }
    Ok(())
}

/// A template with its values.
pub fn fill(template: &str, escape: Escape, message: &Message, words: &Words, zone: &TimeZone) -> String {
    let mut out = String::with_capacity(template.len() + 256);
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            // it is JSON already: as it is where JSON is wanted, as a text elsewhere
            Piece::Placeholder(JSON) if escape == Escape::Json => out.push_str(&message.json()),
            Piece::Placeholder(JSON) => put(&mut out, &message.json(), escape),
            Piece::Placeholder(name) => match message.placeholder(name, words, zone) {
                Some(value) => put(&mut out, &value, escape),
                None => _ = write!(out, "{{{name}}}"),
            },
        }
    }
    out
}

fn put(out: &mut String, value: &str, escape: Escape) {
    match escape {
        Escape::Plain => out.push_str(value),
        Escape::Json => {
            let text = serde_json::Value::from(value).to_string();
            out.push_str(&text[1..text.len() - 1]);
        }
        Escape::Html => value.chars().for_each(|c| match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }),
        Escape::Form => value.bytes().for_each(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte => _ = write!(out, "%{byte:02X}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::notice::Notice;

    fn filled(template: &str, escape: Escape) -> String {
        let mut notice = Notice::of_test(0);
        notice.user = "bob\",\"role\":\"admin</b>&x=1".to_owned();
        let message = Message::one(notice);
        fill(
            template,
            escape,
            &message,
            &message.words(&TimeZone::UTC),
            &TimeZone::UTC,
        )
    }

    #[test]
    fn values_stay_values() {
        let text = filled("{\"user\": \"{user}\", \"n\": {count}, \"a\": {}}", Escape::Json);
        assert_eq!(
            text,
            "{\"user\": \"bob\\\",\\\"role\\\":\\\"admin</b>&x=1\", \"n\": 1, \"a\": {}}"
        );
        assert_eq!(
            filled("<b>{user}</b>", Escape::Html),
            "<b>bob&quot;,&quot;role&quot;:&quot;admin&lt;/b&gt;&amp;x=1</b>"
        );
        assert_eq!(
            filled("u={user}", Escape::Form),
            "u=bob%22%2C%22role%22%3A%22admin%3C%2Fb%3E%26x%3D1"
        );
        assert_eq!(
            filled("{{user}} {", Escape::Plain),
            "{bob\",\"role\":\"admin</b>&x=1} {"
        );
        let whole: serde_json::Value = serde_json::from_str(&filled("{\"all\": {json}}", Escape::Json)).expect("JSON");
        assert_eq!(whole["all"]["type"], "test");
    }

    #[test]
    fn unknown_placeholders_are_named() {
        assert_eq!(check("{\"a\": {title}, \"b\": {json}, {B}, { x }}"), Ok(()));
        assert!(
            check("{titel}")
                .expect_err("unknown")
                .contains("no placeholder {titel}")
        );
    }

    #[test]
    fn the_content_type_says_how() {
        assert_eq!(Escape::of("application/json; charset=utf-8"), Escape::Json);
        assert_eq!(Escape::of("application/ld+json"), Escape::Json);
        assert_eq!(Escape::of("text/HTML"), Escape::Html);
        assert_eq!(Escape::of("application/x-www-form-urlencoded"), Escape::Form);
        assert_eq!(Escape::of("text/plain"), Escape::Plain);
    }
}
