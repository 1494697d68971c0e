//! Users' own dialect files become the same tables as the shipped ones.

use crate::definition::{DialectFile, MessageEntry};
use crate::table::{DialectTable, MessageTable};

/// The table of a file. Leaked: a user's dialects live as long as the program, and there are few.
pub fn table_of(file: DialectFile) -> &'static DialectTable {
    let messages: Vec<MessageTable> = file.message.into_iter().map(message).collect();
    Box::leak(Box::new(DialectTable {
        name: text(file.name),
        apps: leak(file.apps.into_iter().map(text).collect()),
        passed_on_by: leak(file.passed_on_by.into_iter().map(text).collect()),
        role: text(file.role),
        unrecognised: text(file.unrecognised),
        headerless: file.headerless,
        priority: file.priority,
        shape: text(file.shape),
        prelude: text(file.prelude),
        map: leak(
            file.map
                .into_iter()
                .map(|(key, value)| (text(key), text(value)))
                .collect(),
        ),
        messages: leak(messages),
    }))
}

fn message(entry: MessageEntry) -> MessageTable {
    let main = (!entry.template.is_empty()).then_some(entry.template);
    MessageTable {
        id: text(entry.id),
        templates: leak(main.into_iter().chain(entry.also).map(text).collect()),
        when: leak(
            entry
                .when
                .into_iter()
                .map(|(key, value)| (text(key), text(value)))
                .collect(),
        ),
        severity: text(entry.severity),
        layer: text(entry.layer),
        event: text(entry.event),
        set: leak(
            entry
                .set
                .into_iter()
                .map(|(key, value)| (text(key), text(plain(&value))))
                .collect(),
        ),
        blames: text(entry.blames),
        end_reason: text(entry.end_reason),
        side: text(entry.side),
        secret: entry.secret,
        versions: text(entry.versions),
        source: text(entry.source),
        meaning: text(entry.meaning),
        cause: text(entry.cause),
        action: text(entry.action),
    }
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn text(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn leak<T>(list: Vec<T>) -> &'static [T] {
    Box::leak(list.into_boxed_slice())
}
