//! ntfy: the message is plain text in the body (no Markdown unless a header asks for it), the title a header. Headers are of
//! our own words alone, so that no name of anybody's stands in one (docs.ntfy.sh/publish).

use super::super::message::Words;
use super::{Content, broken};

/// Bytes of a message: above 4,096 the server makes a file of it.
const BODY_BYTES_MAX: usize = 4000;

/// What is sent.
pub fn content(words: &Words) -> Content {
    let priority = match words.severity.as_str() {
        "critical" => "5",
        "high" => "4",
        "medium" => "3",
        _ => "2",
    };
    let title = format!("{} ({})", words.title, words.severity);
    let text = broken(&words.plain());
    let end = text.floor_char_boundary(BODY_BYTES_MAX);
    Content {
        content_type: "text/plain; charset=utf-8".to_owned(),
        headers: vec![
            ("Title", title.chars().filter(|c| matches!(c, ' '..='~')).collect()),
            ("Priority", priority.to_owned()),
        ],
        body: text[..end].to_owned(),
    }
}
