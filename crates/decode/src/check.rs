//! The checks that every dialect file passes, shipped or a user's own: the example lines are the tests.

use std::collections::BTreeSet;

use tunlog_model::{EventKind, Field, Layer, RecordRef};

use crate::definition::{DialectFile, MessageEntry};
use crate::dialect::Dialect;
use crate::template::{Caught, Fields};
use crate::user;

/// Where an example line may come from.
const PROVENANCE: &[&str] = &["lab", "source", "documented", "wild"];

/// How many examples a message may have; more hide the telling ones.
const EXAMPLES_MAX: usize = 60;

/// The problems of a dialect file, each beginning with its path (and line where known); empty means it is fine.
pub fn check(path: &str, text: &str) -> Vec<String> {
    let file: DialectFile = match toml::from_str(text) {
        Ok(file) => file,
        Err(error) => return vec![format!("{path}:{}: {}", line_of(text, error.span().map_or(0, |span| span.start)), error.message())],
    };
    let again: Option<DialectFile> = toml::from_str(text).ok();
    let mut found = words(&file);
    let Some(table) = again.map(user::table_of) else { return vec![] };
    let dialect = Dialect::new(table);
    found.extend(dialect.ready().problems.iter().cloned());
    for entry in &file.message {
        found.extend(examples(&dialect, &file, entry).into_iter().map(|problem| format!("{}/{}: {problem}", file.name, entry.id)));
    }
    found.into_iter().map(|problem| format!("{path}: {problem}")).collect()
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

fn words(file: &DialectFile) -> Vec<String> {
    let mut found = Vec::new();
    let mut ids = BTreeSet::new();
    if file.apps.is_empty() && !file.headerless {
        found.push(format!("{}: no `apps` and not `headerless`: no line would ever be its", file.name));
    }
    if !matches!(file.unrecognised.as_str(), "unknown" | "noise") {
        found.push(format!("{}: `unrecognised` is `unknown` or `noise`, not `{}`", file.name, file.unrecognised));
    }
    for (key, field) in &file.map {
        if Field::from_word(field).is_none() {
            found.push(format!("{}: `{key}`: {}", file.name, crate::template::unknown_field(field)));
        }
    }
    for entry in &file.message {
        let mut say = |problem: String| found.push(format!("{}/{}: {problem}", file.name, entry.id));
        if !ids.insert(&entry.id) {
            say("the id is used twice".into());
        }
        for (key, text) in [("meaning", &entry.meaning), ("cause", &entry.cause), ("action", &entry.action)] {
            if text.trim().is_empty() {
                say(format!("`{key}` is missing (write \"none\" where there is none)"));
            }
        }
        if entry.example.is_empty() {
            say("no example line".into());
        }
        if entry.example.len() > EXAMPLES_MAX {
            say(format!("more than {EXAMPLES_MAX} example lines"));
        }
        if Layer::from_word(&entry.layer).is_none() || EventKind::from_word(&entry.event).is_none() {
            say(format!("layer `{}` or event `{}` is not in the vocabulary", entry.layer, entry.event));
        }
    }
    found
}

fn examples(dialect: &Dialect, file: &DialectFile, entry: &MessageEntry) -> Vec<String> {
    let mut found = Vec::new();
    for example in &entry.example {
        if !PROVENANCE.contains(&example.from.as_str()) {
            found.push(format!("`from` is one of {}, not `{}`", PROVENANCE.join(", "), example.from));
        }
        let body = example.line.as_bytes();
        let pairs = detail_pairs(file, &example.line);
        let mut record = RecordRef::bare(body, 1);
        if file.shape == "fields" {
            record.payload = tunlog_model::Payload::Fields(&pairs);
        }
        let mut fields = Vec::new();
        match dialect.find(body.trim_ascii_end(), &record, &mut fields) {
            None => found.push(format!("example is not recognised: {}", example.line)),
            Some(message) if message.id != entry.id && !twins(file, message.id, &entry.id) => {
                found.push(format!("example decodes to {}/{}: {}", message.dialect, message.id, example.line));
            }
            Some(_) => found.extend(compare(&fields, example)),
        }
    }
    found
}

/// Two messages that declare that their text is the same.
fn twins(file: &DialectFile, one: &str, other: &str) -> bool {
    let says = |id: &str, twin: &str| file.message.iter().any(|message| message.id == id && message.same_text_as == twin);
    says(one, other) || says(other, one)
}

/// For shape = "fields": the example is written as `Name = value; Name = value`.
fn detail_pairs<'a>(file: &DialectFile, line: &'a str) -> Vec<(&'a [u8], &'a [u8])> {
    if file.shape != "fields" {
        return Vec::new();
    }
    let pairs = line.split("; ").filter_map(|pair| pair.split_once(" = "));
    pairs.map(|(name, value)| (name.trim().as_bytes(), value.trim().as_bytes())).collect()
}

fn compare(fields: &Fields<'_>, example: &crate::definition::Example) -> Vec<String> {
    let mut found = Vec::new();
    for (field, caught) in fields {
        let got = show(caught);
        match example.fields.get(field.word()).map(plain) {
            None => found.push(format!("example extracts {} = {got}, which its `fields` do not name: {}", field.word(), example.line)),
            Some(want) if !same(&want, &got) => found.push(format!("example extracts {} = {got}, its `fields` say {want}: {}", field.word(), example.line)),
            Some(_) => {}
        }
    }
    for key in example.fields.keys() {
        if !fields.iter().any(|(field, _)| field.word() == key) {
            found.push(format!("example does not extract `{key}`: {}", example.line));
        }
    }
    found
}

fn same(want: &str, got: &str) -> bool {
    want == got || matches!((want.parse::<f64>(), got.parse::<f64>()), (Ok(a), Ok(b)) if (a - b).abs() < 1e-6)
}

fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn show(caught: &Caught<'_>) -> String {
    match caught {
        Caught::Text(text) => tunlog_model::text::lossy(text).into_owned(),
        Caught::Bytes(bytes) => tunlog_model::text::lossy(bytes).into_owned(),
        Caught::Int(number) => number.to_string(),
        Caught::Seconds(seconds) => seconds.to_string(),
        Caught::Ip(address) => address.to_string(),
        Caught::Word(word) => (*word).to_string(),
        Caught::Bool(bool) => bool.to_string(),
    }
}
