//! Mattermost: Markdown (CommonMark) wherever text may stand. Every ASCII punctuation mark of a value is escaped with a
//! backslash, which CommonMark allows for all of them, and what would be a mention is broken, because the server looks for
//! mentions on its own.

use serde_json::{Value, json};

use super::super::message::Words;
use super::{broken, limited, rows};

/// Characters of a message: the server takes 16,383.
const TEXT_MAX: usize = 16_000;

/// The body of a request.
pub fn body(words: &Words) -> Value {
    let mut text = format!("**{} ({})**", escaped(&words.title), words.severity);
    if !words.subject.is_empty() {
        text.push_str(&format!(" {}", escaped(&words.subject)));
    }
    if !words.summary.is_empty() {
        text.push_str(&format!("\n\n{}", escaped(&words.summary)));
    }
    text.push('\n');
    for (name, value) in rows(words) {
        match name {
            "" => text.push_str(&format!("\n- {}", escaped(value))),
            name => text.push_str(&format!("\n- **{}:** {}", escaped(name), escaped(value))),
        }
    }
    if !words.actions.is_empty() {
        text.push_str("\n\nWhat to do:\n");
        words
            .actions
            .iter()
            .for_each(|action| text.push_str(&format!("\n- {}", escaped(action))));
    }
    json!({ "text": limited(&text, TEXT_MAX) })
}

/// Text in which nothing is markup.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in broken(text).chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
