//! The effective configuration as TOML that explains itself. What keys mean stands in the doc comments of the sections'
//! structs; `build.rs` reads it there.

use std::fmt::Write as _;

use serde::Serialize;
use toml::{Table, Value};
use tunlog_analysis::detect as rules;

use super::Config;

include!(concat!(env!("OUT_DIR"), "/keys.rs"));

/// Columns of a comment.
const COLUMNS: usize = 100;

#[cfg(test)]
mod tests;

/// The whole configuration.
pub(super) fn whole(config: &Config) -> String {
    let mut out = String::new();
    for (name, section) in sections(config) {
        print_table(&mut out, name, &section);
    }
    out
}

pub(super) fn sections(config: &Config) -> Vec<(&'static str, Table)> {
    vec![
        ("store", table(&config.store)),
        ("follow", table(&config.follow)),
        ("listen", table(&config.listen)),
        ("http", table(&config.http)),
        ("metrics", table(&config.metrics)),
        ("notify", table(&config.notify)),
        ("log", table(&config.log)),
        ("detect", config.detect.value()),
    ]
}

/// A section's values. Every section is a struct of plain values, so it is a table.
fn table(section: &impl Serialize) -> Table {
    match Value::try_from(section) {
        Ok(Value::Table(table)) => table,
        _ => Table::new(),
    }
}

fn print_table(out: &mut String, path: &str, table: &Table) {
    if !out.is_empty() {
        out.push('\n');
    }
    comment(out, &capitalised(meaning(path)));
    let _ = writeln!(out, "[{path}]");
    print_keys(out, path, table);
    print_inner(out, path, table);
}

/// Values first, keys that have none as comments, in the order of the structs.
fn print_keys(out: &mut String, path: &str, table: &Table) {
    let mut shown: Vec<&str> = Vec::new();
    for key in keys_of(path) {
        shown.push(key);
        match table.get(key) {
            Some(value) if is_inner(value) => {}
            Some(value) => {
                comment(out, meaning(&format!("{path}.{key}")));
                let _ = writeln!(out, "{} = {value}", quoted(key));
            }
            None if has_keys(&format!("{path}.{key}")) => {}
            None => {
                comment(out, meaning(&format!("{path}.{key}")));
                let _ = writeln!(out, "# {key} =");
            }
        }
    }
    for (key, value) in table
        .iter()
        .filter(|(key, value)| !shown.contains(&key.as_str()) && !is_inner(value))
    {
        comment(out, &meaning_of_threshold(path, key));
        let _ = writeln!(out, "{} = {value}", quoted(key));
    }
}

fn print_inner(out: &mut String, path: &str, table: &Table) {
    for (key, value) in table {
        let inner = format!("{path}.{}", quoted(key));
        match value {
            Value::Table(table) => print_table(out, &inner, table),
            Value::Array(all) if is_inner(value) => {
                for member in all.iter().filter_map(Value::as_table) {
                    let _ = writeln!(out, "\n[[{inner}]]");
                    print_keys(out, &inner, member);
                    print_inner(out, &inner, member);
                }
            }
            _ => {}
        }
    }
}

/// Whether a value gets a header of its own.
fn is_inner(value: &Value) -> bool {
    match value {
        Value::Table(_) => true,
        Value::Array(all) => all.first().is_some_and(Value::is_table),
        _ => false,
    }
}

/// The keys of a table, in the order of its struct. Names that users choose have `*` in their place.
pub(crate) fn keys_of(path: &str) -> impl Iterator<Item = &'static str> {
    let path = path.to_owned();
    KEYS.iter().filter_map(move |(known, _)| {
        let (table, key) = known.rsplit_once('.')?;
        (is_path(table, &path) && key != "*").then_some(key)
    })
}

fn has_keys(path: &str) -> bool {
    keys_of(path).next().is_some()
}

fn is_path(known: &str, path: &str) -> bool {
    let (mut known, mut path) = (known.split('.'), path.split('.'));
    loop {
        match (known.next(), path.next()) {
            (None, None) => return true,
            (Some(known), Some(path)) if known == path || known == "*" => {}
            _ => return false,
        }
    }
}

fn meaning(path: &str) -> &'static str {
    let rule = path.strip_prefix("detect.").and_then(rules::rule);
    let known = || KEYS.iter().find(|(known, _)| is_path(known, path));
    match rule {
        Some(rule) => rule.finds,
        None => known().map_or("", |(_, meaning)| meaning),
    }
}

fn meaning_of_threshold(path: &str, key: &str) -> String {
    let rule = path.strip_prefix("detect.").and_then(rules::rule);
    let threshold = rule.and_then(|rule| rule.thresholds.iter().find(|threshold| threshold.key == key));
    threshold.map_or(String::new(), |threshold| {
        format!(
            "{} By default {}.",
            threshold.why.trim_end_matches('.').to_owned() + ".",
            threshold.default
        )
    })
}

/// A sentence, of what a doc comment says behind its colon.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn quoted(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match !key.is_empty() && key.chars().all(plain) {
        true => key.to_owned(),
        false => Value::from(key).to_string(),
    }
}

/// A comment in lines of at most `COLUMNS`.
fn comment(out: &mut String, text: &str) {
    let mut column = 0;
    for word in text.split_whitespace() {
        let long = column + 1 + word.chars().count() > COLUMNS;
        if column == 0 || long {
            out.push_str(if column == 0 { "#" } else { "\n#" });
            column = 1;
        }
        out.push(' ');
        out.push_str(word);
        column += 1 + word.chars().count();
    }
    if column > 0 {
        out.push('\n');
    }
}
