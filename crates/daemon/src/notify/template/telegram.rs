//! Telegram: `sendMessage` with HTML. Values stand in `<code>`, in which neither addresses nor `@names`, `#tags` and `/commands`
//! become links; `&`, `<`, `>` and `"` are escaped (core.telegram.org/bots/api, HTML style).

use serde_json::{Value, json};

use super::super::message::Words;
use super::rows;

/// Characters of a message after entities are read: 4096.
const TEXT_MAX: usize = 4000;
/// Characters of one value.
const VALUE_MAX: usize = 700;

/// The body of a request.
pub fn body(words: &Words, chat: &str) -> Value {
    let mut text = Text::default();
    text.push(&words.title, |title| format!("<b>{title}</b>"));
    text.push(&words.severity, |severity| format!(" ({severity})"));
    if !words.subject.is_empty() {
        text.push(&words.subject, |subject| format!(" {}", code(&subject)));
    }
    if !words.summary.is_empty() {
        text.push(&words.summary, |summary| format!("\n\n{}\n", code(&summary)));
    }
    for (name, value) in rows(words) {
        let name = escaped(name);
        text.push(value, |value| match name.as_str() {
            "" => format!("\n{}", code(&value)),
            name => format!("\n{name}: {}", code(&value)),
        });
    }
    for action in &words.actions {
        text.push(action, |action| format!("\n• {action}"));
    }
    json!({
        "chat_id": chat,
        "text": text.html,
        "parse_mode": "HTML",
        "link_preview_options": { "is_disabled": true },
    })
}

/// Text that ends before it is too long, and never within a tag.
#[derive(Default)]
struct Text {
    html: String,
    chars: usize,
}

impl Text {
    /// Adds a value, as `wrap` writes it once it is escaped.
    fn push(&mut self, value: &str, wrap: impl FnOnce(String) -> String) {
        let value = super::super::notice::cut(value, VALUE_MAX);
        let added = wrap(escaped(&value));
        let chars = added.chars().count();
        if self.chars + chars <= TEXT_MAX {
            self.chars += chars;
            self.html.push_str(&added);
        }
    }
}

fn code(text: &str) -> String {
    format!("<code>{text}</code>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
