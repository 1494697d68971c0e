//! How a message looks in each service that people read. One file a service: what its markup is, and how a name that anybody
//! chose is kept from being any of it.

pub mod mattermost;
pub mod ntfy;
pub mod slack;
pub mod teams;
pub mod telegram;

use jiff::tz::TimeZone;

use super::config::{Template, Webhook};
use super::message::{Message, Words};
use super::own;

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its type.
    pub content_type: String,
    /// Headers that the service wants; of words of ours alone.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Content {
    fn json(value: &serde_json::Value) -> Content {
        Content {
            content_type: "application/json".to_owned(),
            headers: Vec::new(),
            body: value.to_string(),
        }
    }
}

/// A message as a webhook's service wants it.
pub fn content(webhook: &Webhook, message: &Message, zone: &TimeZone) -> Content {
    let words = message.words(zone);
    match webhook.template {
        Template::Json => Content {
            content_type: "application/json".to_owned(),
            headers: Vec::new(),
            body: message.json(),
        },
        Template::Slack => Content::json(&slack::body(&words)),
        Template::Mattermost => Content::json(&mattermost::body(&words)),
        Template::Teams => Content::json(&teams::body(&words)),
        Template::Telegram => Content::json(&telegram::body(&words, &webhook.chat)),
        Template::Ntfy => ntfy::content(&words),
        Template::Own => Content {
            content_type: webhook.content_type.clone(),
            headers: Vec::new(),
            body: own::fill(
                &webhook.body,
                own::Escape::of(&webhook.content_type),
                message,
                &words,
                zone,
            ),
        },
    }
}

/// Breaks what services make links and mentions of wherever it stands: `@name`, `scheme://`, `www.`, `mailto:`. A word joiner
/// (U+2060) is put in, which nobody sees and at which they stop reading a name or an address.
pub fn broken(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        out.push(c);
        let begins = |word: &str| {
            rest.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        let taken = match c {
            '@' | '#' => 1,
            ':' if begins("://") => 1,
            'w' | 'W' if begins("www.") => {
                out.push_str(&rest[1..3]);
                3
            }
            'm' | 'M' if begins("mailto:") => {
                out.push_str(&rest[1..6]);
                6
            }
            c => {
                rest = &rest[c.len_utf8()..];
                continue;
            }
        };
        out.push('\u{2060}');
        rest = &rest[taken..];
    }
    out
}

/// A text of at most so many characters; the services refuse longer ones.
fn limited(text: &str, chars_max: usize) -> String {
    super::notice::cut(text, chars_max.saturating_sub(1))
}

/// The lines under the headline, each with a name of ours (or none) and a value.
fn rows(words: &Words) -> impl Iterator<Item = (&str, &str)> {
    let facts = words.facts.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    facts.chain(words.lines.iter().map(|line| ("", line.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_mentions_are_broken() {
        assert_eq!(broken("@channel"), "@\u{2060}channel");
        assert_eq!(broken("HTTPS://x.example"), "HTTPS:\u{2060}//x.example");
        assert_eq!(broken("Www.x.example"), "Www\u{2060}.x.example");
        assert_eq!(broken("mailto:a@b"), "mailto\u{2060}:a@\u{2060}b");
        assert_eq!(broken("wwwä ümm: Пётр"), "wwwä ümm: Пётр");
        assert_eq!(broken("mm"), "mm");
    }
}
