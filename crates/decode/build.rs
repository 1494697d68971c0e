//! Turns `dialects/*.toml` into tables, so that start-up parses nothing. The grammar is `src/definition.rs`, the same
//! that users' own files go through.

// the crate is pure, its build script reads the dialect files
#![allow(clippy::disallowed_methods, clippy::disallowed_macros)]

#[path = "src/definition.rs"]
#[allow(dead_code)]
mod definition;

#[path = "src/codes/definition.rs"]
#[allow(dead_code)]
mod code_definition;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use code_definition::{CodeEntry, CodeFile};
use definition::{DialectFile, MessageEntry};

fn main() {
    println!("cargo::rerun-if-changed=dialects");
    println!("cargo::rerun-if-changed=codes");
    println!("cargo::rerun-if-changed=src/definition.rs");
    println!("cargo::rerun-if-changed=src/codes/definition.rs");
    if files("dialects").is_empty() {
        println!("cargo::error=no dialect files are found: the catalogue would be empty");
    }
    write("shipped.rs", &dialects());
    write("codes.rs", &codes());
}

/// The dialect files as tables, and their texts.
fn dialects() -> String {
    let mut out = String::from("pub static SHIPPED: &[DialectTable] = &[\n");
    for path in files("dialects") {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        match toml::from_str::<DialectFile>(&text) {
            Ok(dialect) => write_dialect(&mut out, &dialect),
            Err(error) => println!("cargo::error={}: {error}", path.display()),
        }
    }
    out.push_str("];\n");
    out.push_str("/// The shipped dialect files, for the tests that read their examples.\npub static FILES: &[(&str, &str)] = &[\n");
    // the text itself, not its path: a target directory may be shared by several clones
    for path in files("dialects") {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = writeln!(out, "    ({name:?}, {text:?}),");
    }
    out.push_str("];\n");
    out
}

/// The code files as tables.
fn codes() -> String {
    let mut out = String::from("/// Every family of codes.\npub static FAMILIES: &[Family] = &[\n");
    for path in files("codes") {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        match toml::from_str::<CodeFile>(&text) {
            Ok(file) => write_family(&mut out, &file),
            Err(error) => println!("cargo::error={}: {error}", path.display()),
        }
    }
    out.push_str("];\n");
    out
}

fn write(name: &str, text: &str) {
    let target = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join(name);
    if let Err(error) = std::fs::write(&target, text) {
        println!("cargo::error=cannot write {}: {error}", target.display());
    }
}

/// The TOML files of a folder in the order of their names.
fn files(folder: &str) -> Vec<PathBuf> {
    // asked at run time: a target directory that several clones share may run the script that another one compiled
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let folder = Path::new(&package).join(folder);
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
    let fallback: Vec<(&String, &String)> = dialect.fallback.iter().collect();
    let values: String = dialect.values.iter().fold(String::new(), |mut out, (key, words)| {
        let words: Vec<(&String, &String)> = words.iter().collect();
        let _ = write!(out, "({key:?}, &{words:?}), ");
        out
    });
    let head = &dialect.key_value;
    let levels: Vec<(&String, &String)> = head.levels.iter().collect();
    let _ = writeln!(
        out,
        "    DialectTable {{ name: {:?}, apps: &{:?}, passed_on_by: &{:?}, role: {:?}, unrecognised: {:?}, headerless: {:?}, priority: {:?}, shape: {:?}, prelude: {:?}, map: &{:?}, fallback: &{:?}, values: &[{values}], key_value: KeyValueTable {{ code: {:?}, leading: &{:?}, level: {:?}, levels: &{:?}, free_text: &{:?}, own: &{:?} }}, messages: &[",
        dialect.name,
        dialect.apps,
        dialect.passed_on_by,
        dialect.role,
        dialect.unrecognised,
        dialect.headerless,
        dialect.priority,
        dialect.shape,
        dialect.prelude,
        map,
        fallback,
        head.code,
        head.leading,
        head.level,
        levels,
        head.free_text,
        head.own
    );
    for message in &dialect.message {
        write_message(out, dialect, message);
    }
    out.push_str("    ] },\n");
}

fn write_message(out: &mut String, dialect: &DialectFile, message: &MessageEntry) {
    let templates = dialect.templates(message);
    let map: Vec<(&String, &String)> = message.map.iter().collect();
    let when: Vec<(&String, &String)> = message.when.iter().collect();
    let set: Vec<(&String, String)> = message.set.iter().map(|(key, value)| (key, plain(value))).collect();
    let codes: Vec<(&str, &str)> = message
        .codes
        .iter()
        .map(|rule| rule.rsplit_once(':').unwrap_or((rule, "")))
        .collect();
    let _ = writeln!(
        out,
        "        MessageTable {{ id: {:?}, templates: &{:?}, when: &{:?}, severity: {:?}, layer: {:?}, event: {:?}, set: &{:?}, blames: {:?}, suspects: {:?}, end_reason: {:?}, side: {:?}, secret: {:?}, audit: {:?}, versions: {:?}, source: {:?}, meaning: {:?}, cause: {:?}, action: {:?}, map: &{:?}, windows_event: WindowsEventTable {{ id: {:?}, providers: &{:?}, versions: &{:?} }}, codes: &{:?}, vendor: Vendor {{ code: {:?}, name: {:?}, template: {:?}, firewall_action: {:?}, revision: {:?}, parameters: &{:?}, same_text_as: {:?} }} }},",
        message.id,
        templates,
        when,
        message.severity,
        message.layer,
        message.event,
        set,
        message.blames,
        message.suspects,
        message.end_reason,
        message.side,
        message.secret,
        message.audit,
        message.versions,
        message.source,
        message.meaning,
        message.cause,
        message.action,
        map,
        message.matches.event_id,
        message.matches.provider,
        message.matches.version,
        codes,
        message.code,
        message.name,
        message.template,
        message.firewall_action,
        message.revision,
        message.parameters,
        message.same_text_as
    );
}

/// A constant as text; the loader reads it by the field's type.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn write_family(out: &mut String, file: &CodeFile) {
    let _ = writeln!(
        out,
        "    Family {{ name: {:?}, title: {:?}, words: &{:?}, codes: &[",
        file.family, file.title, file.words
    );
    for entry in &file.code {
        write_code(out, file, entry);
    }
    out.push_str("    ] },\n");
}

fn write_code(out: &mut String, file: &CodeFile, entry: &CodeEntry) {
    let id = match file.bare {
        true => entry.code.clone(),
        false => format!("{}/{}", file.family, entry.code),
    };
    let source = if entry.source.is_empty() {
        &file.source
    } else {
        &entry.source
    };
    let cause = if entry.cause == "none" { "" } else { &entry.cause };
    let _ = writeln!(
        out,
        "        Code {{ id: {id:?}, code: {:?}, also: &{:?}, name: {:?}, meaning: {:?}, cause: {cause:?}, actions: &{:?}, blames: {:?}, suspects: {:?}, end_reason: {:?}, layer: {:?}, source: {source:?} }},",
        entry.code,
        entry.also,
        entry.name,
        entry.meaning,
        entry.action.list(),
        entry.blames,
        entry.suspects,
        entry.end_reason,
        entry.layer,
    );
}
