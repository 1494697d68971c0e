//! Turns `dialects/*.toml` into tables, so that start-up parses nothing. The grammar is `src/definition.rs`, the same
//! that users' own files go through.

// the crate is pure, its build script reads the dialect files
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "src/definition.rs"]
#[allow(dead_code)]
mod definition;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use definition::{DialectFile, MessageEntry};

fn main() {
    println!("cargo::rerun-if-changed=dialects");
    println!("cargo::rerun-if-changed=src/definition.rs");
    let mut out = String::from("pub static SHIPPED: &[DialectTable] = &[\n");
    for path in dialect_files() {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        match toml::from_str::<DialectFile>(&text) {
            Ok(dialect) => write_dialect(&mut out, &dialect),
            Err(error) => println!("cargo::error={}: {error}", path.display()),
        }
    }
    out.push_str("];\n");
    out.push_str("/// The shipped dialect files, for the tests that read their examples.\npub static FILES: &[(&str, &str)] = &[\n");
    // the text itself, not its path: a target directory may be shared by several clones
    for path in dialect_files() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = writeln!(out, "    ({name:?}, {text:?}),");
    }
    out.push_str("];\n");
    let target = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("shipped.rs");
    if let Err(error) = std::fs::write(&target, out) {
        println!("cargo::error=cannot write {}: {error}", target.display());
    }
}

fn dialect_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dialects");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|f| f.path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|suffix| suffix == "toml"));
    files.sort();
    files
}

fn write_dialect(out: &mut String, dialect: &DialectFile) {
    let map: Vec<(&String, &String)> = dialect.map.iter().collect();
    let _ = writeln!(
        out,
        "    DialectTable {{ name: {:?}, apps: &{:?}, passed_on_by: &{:?}, role: {:?}, unrecognised: {:?}, headerless: {:?}, priority: {:?}, shape: {:?}, prelude: {:?}, map: &{:?}, messages: &[",
        dialect.name,
        dialect.apps,
        dialect.passed_on_by,
        dialect.role,
        dialect.unrecognised,
        dialect.headerless,
        dialect.priority,
        dialect.shape,
        dialect.prelude,
        map
    );
    for message in &dialect.message {
        write_message(out, message);
    }
    out.push_str("    ] },\n");
}

fn write_message(out: &mut String, message: &MessageEntry) {
    let mut templates: Vec<&String> = Vec::new();
    if !message.template.is_empty() {
        templates.push(&message.template);
    }
    templates.extend(&message.also);
    let when: Vec<(&String, &String)> = message.when.iter().collect();
    let set: Vec<(&String, String)> = message.set.iter().map(|(key, value)| (key, plain(value))).collect();
    let _ = writeln!(
        out,
        "        MessageTable {{ id: {:?}, templates: &{:?}, when: &{:?}, severity: {:?}, layer: {:?}, event: {:?}, set: &{:?}, blames: {:?}, end_reason: {:?}, side: {:?}, secret: {:?}, versions: {:?}, source: {:?}, meaning: {:?}, cause: {:?}, action: {:?} }},",
        message.id,
        templates,
        when,
        message.severity,
        message.layer,
        message.event,
        set,
        message.blames,
        message.end_reason,
        message.side,
        message.secret,
        message.versions,
        message.source,
        message.meaning,
        message.cause,
        message.action
    );
}

/// A constant as text; the loader reads it by the field's type.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
