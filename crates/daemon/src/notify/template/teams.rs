//! Microsoft Teams: the workflow "post to a channel when a webhook request is received" takes a message with an Adaptive Card.
//! Values stand in `RichTextBlock`s: their `TextRun`s are shown as they are, while a `TextBlock` or `FactSet` reads Markdown.

use serde_json::{Value, json};

use super::super::message::Words;
use super::{broken, limited, rows};

/// Characters of one run; the whole card may have 28 KB.
const RUN_MAX: usize = 1500;
/// Rows.
const ROWS_MAX: usize = 20;

/// The body of a request.
pub fn body(words: &Words) -> Value {
    let colour = match words.severity.as_str() {
        "critical" | "high" => "attention",
        "medium" => "warning",
        _ => "default",
    };
    let headline = json!({
        "type": "TextRun", "weight": "bolder", "size": "medium", "color": colour, "text": run(&words.headline())
    });
    let mut blocks = vec![block(vec![headline])];
    if !words.summary.is_empty() {
        blocks.push(block(vec![json!({ "type": "TextRun", "text": run(&words.summary) })]));
    }
    for (name, value) in rows(words).take(ROWS_MAX) {
        let mut runs = Vec::new();
        if !name.is_empty() {
            runs.push(json!({ "type": "TextRun", "weight": "bolder", "text": run(&format!("{name}: ")) }));
        }
        runs.push(json!({ "type": "TextRun", "text": run(value) }));
        blocks.push(block(runs));
    }
    for action in &words.actions {
        blocks.push(block(vec![
            json!({ "type": "TextRun", "isSubtle": true, "text": run(action) }),
        ]));
    }
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": { "width": "Full" },
        "body": blocks,
    });
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}

fn block(inlines: Vec<Value>) -> Value {
    json!({ "type": "RichTextBlock", "inlines": inlines })
}

fn run(text: &str) -> String {
    // `<at>…</at>` is a mention only where the card names an entity of the same text; ours names none. Dates are written
    // `{{DATE(…)}}` in a card
    let text = broken(text).replace("{{", "{\u{2060}{");
    limited(&text, RUN_MAX)
}
