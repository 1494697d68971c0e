//! Users' own dialect files become the same tables as the shipped ones.

use std::collections::BTreeMap;

use tunlog_model::Vendor;

use crate::definition::{DialectFile, EventMatch, KeyValueHead, MessageEntry};
use crate::table::{DialectTable, KeyValueTable, MessageTable, WindowsEventTable};

/// The table of a file. Leaked: a user's dialects live as long as the program, and there are few.
pub fn table_of(file: DialectFile) -> &'static DialectTable {
    let templates: Vec<Vec<String>> = file.message.iter().map(|entry| file.templates(entry)).collect();
    let entries = file.message.into_iter().zip(templates);
    let messages: Vec<MessageTable> = entries.map(|(entry, templates)| message(entry, templates)).collect();
    Box::leak(Box::new(DialectTable {
        name: text(file.name),
        apps: list(file.apps),
        passed_on_by: list(file.passed_on_by),
        role: text(file.role),
        unrecognised: text(file.unrecognised),
        headerless: file.headerless,
        priority: file.priority,
        shape: text(file.shape),
        prelude: text(file.prelude),
        map: pairs(file.map),
        fallback: pairs(file.fallback),
        values: leak(
            file.values
                .into_iter()
                .map(|(key, words)| (text(key), pairs(words)))
                .collect(),
        ),
        key_value: key_value(file.key_value),
        messages: leak(messages),
    }))
}

fn key_value(head: KeyValueHead) -> KeyValueTable {
    KeyValueTable {
        code: text(head.code),
        leading: list(head.leading),
        level: text(head.level),
        levels: pairs(head.levels),
        free_text: list(head.free_text),
        own: list(head.own),
    }
}

fn message(entry: MessageEntry, templates: Vec<String>) -> MessageTable {
    MessageTable {
        id: text(entry.id),
        templates: list(templates),
        when: pairs(entry.when),
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
        suspects: text(entry.suspects),
        end_reason: text(entry.end_reason),
        side: text(entry.side),
        secret: entry.secret,
        audit: entry.audit,
        versions: text(entry.versions),
        source: text(entry.source),
        meaning: text(entry.meaning),
        cause: text(entry.cause),
        action: text(entry.action),
        map: pairs(entry.map),
        codes: leak(entry.codes.iter().map(|rule| split(rule)).collect()),
        windows_event: windows_event(entry.matches),
        vendor: Vendor {
            code: text(entry.code),
            name: text(entry.name),
            template: text(entry.template),
            firewall_action: text(entry.firewall_action),
            revision: entry.revision,
            parameters: list(entry.parameters),
            same_text_as: text(entry.same_text_as),
        },
    }
}

fn windows_event(event: EventMatch) -> WindowsEventTable {
    WindowsEventTable {
        id: event.event_id,
        providers: list(event.provider),
        versions: leak(event.version),
    }
}

/// `Binary:ras`: a key and a family of codes.
fn split(rule: &str) -> (&'static str, &'static str) {
    let (key, family) = rule.rsplit_once(':').unwrap_or((rule, ""));
    (text(key.into()), text(family.into()))
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn pairs(map: BTreeMap<String, String>) -> &'static [(&'static str, &'static str)] {
    leak(map.into_iter().map(|(key, value)| (text(key), text(value))).collect())
}

fn list(texts: Vec<String>) -> &'static [&'static str] {
    leak(texts.into_iter().map(text).collect())
}

fn text(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

fn leak<T>(list: Vec<T>) -> &'static [T] {
    Box::leak(list.into_boxed_slice())
}
