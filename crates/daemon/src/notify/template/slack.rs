//! Slack: blocks with `plain_text` objects, in which nothing is markup; only the fallback of the notification is read as such,
//! and there `&`, `<` and `>` are escaped, without which there is no mention and no link (docs.slack.dev, formatting text).

use serde_json::{Value, json};

use super::super::message::Words;
use super::{broken, limited, rows};

/// Characters of a header, of a text, of a field, and blocks, by Slack's block reference.
const HEADER_MAX: usize = 150;
const TEXT_MAX: usize = 3000;
const FIELD_MAX: usize = 2000;
const FIELDS_MAX: usize = 10;

/// The body of a request.
pub fn body(words: &Words) -> Value {
    let mut blocks = vec![json!({ "type": "header", "text": plain(&words.headline(), HEADER_MAX) })];
    if !words.summary.is_empty() {
        blocks.push(json!({ "type": "section", "text": plain(&words.summary, TEXT_MAX) }));
    }
    let rows: Vec<Value> = rows(words)
        .map(|(name, value)| match name {
            "" => plain(value, FIELD_MAX),
            name => plain(&format!("{name}: {value}"), FIELD_MAX),
        })
        .collect();
    blocks.extend(
        rows.chunks(FIELDS_MAX)
            .map(|fields| json!({ "type": "section", "fields": fields })),
    );
    if !words.actions.is_empty() {
        blocks.push(json!({ "type": "section", "text": plain(&words.actions.join("\n"), TEXT_MAX) }));
    }
    json!({
        "text": escaped(&limited(&words.headline(), TEXT_MAX)),
        "mrkdwn": false,
        "link_names": false,
        "parse": "none",
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": blocks,
    })
}

fn plain(text: &str, chars_max: usize) -> Value {
    // `:name:` is an emoji there unless it is switched off; an address is made a link by the reader's program
    json!({ "type": "plain_text", "emoji": false, "text": limited(&broken(text), chars_max) })
}

fn escaped(text: &str) -> String {
    broken(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
