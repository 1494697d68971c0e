//! Takes what configuration keys mean from the doc comments of the sections' structs, so that `--print-config` and the manual
//! say what the code says.

use std::fmt::Write as _;
use std::path::Path;

/// A section, the file of its struct, and the struct's name. Structs that it names stand in the same file.
const SECTIONS: &[(&str, &str, &str)] = &[
    ("store", "src/config/store.rs", "Config"),
    ("follow", "../ingest/src/follow/mod.rs", "FollowConfig"),
    ("listen", "src/listen/config.rs", "Config"),
    ("http", "src/web/config.rs", "Config"),
    ("metrics", "src/metrics/mod.rs", "Config"),
    ("notify", "src/notify/config.rs", "Config"),
    ("log", "src/log.rs", "Config"),
    ("detect", "src/config/detect.rs", "Config"),
];

/// A struct of a file.
struct Struct {
    name: String,
    doc: String,
    fields: Vec<Field>,
}

/// A field of it.
struct Field {
    key: String,
    doc: String,
    kind: String,
    flat: bool,
}

fn main() {
    let mut out =
        String::from("/// Keys of the configuration, and what they mean.\nstatic KEYS: &[(&str, &str)] = &[\n");
    for (section, file, name) in SECTIONS {
        println!("cargo::rerun-if-changed={file}");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let all = structs(&text);
        let Some(found) = all.iter().find(|found| found.name == *name) else {
            println!("cargo::error={file}: no `pub struct {name}` of section [{section}]");
            continue;
        };
        // "Section `[http]`: metrics and …"
        let doc = found.doc.split_once("]`: ").map_or(found.doc.as_str(), |(_, doc)| doc);
        if doc.contains(&format!("`[{section}]`")) {
            println!("cargo::error={file}: the doc comment of `{name}` says nothing but its section's name");
        }
        let _ = writeln!(out, "    ({section:?}, {doc:?}),");
        // its table is not the struct
        if *section != "detect" {
            write_fields(&mut out, section, found, &all);
        }
    }
    out.push_str("];\n");
    let folder = std::env::var_os("OUT_DIR").unwrap_or_default();
    if let Err(error) = std::fs::write(Path::new(&folder).join("keys.rs"), out) {
        println!("cargo::error=keys.rs: {error}");
    }
}

fn write_fields(out: &mut String, path: &str, of: &Struct, all: &[Struct]) {
    for field in &of.fields {
        let words = field.kind.split(|c: char| !c.is_alphanumeric() && c != '_');
        let inner = words
            .clone()
            .find_map(|word| all.iter().find(|known| known.name == word && known.name != of.name));
        if let (true, Some(inner)) = (field.flat, inner) {
            write_fields(out, path, inner, all);
            continue;
        }
        let key = format!("{path}.{}", field.key);
        if field.doc.is_empty() {
            println!("cargo::error={key} has no doc comment: it is the manual");
        }
        let _ = writeln!(out, "    ({key:?}, {:?}),", field.doc);
        if let Some(inner) = inner {
            let is_map = words.clone().any(|word| word.ends_with("Map"));
            write_fields(out, &if is_map { format!("{key}.*") } else { key }, inner, all);
        }
    }
}

/// The structs of a file, as rustfmt writes them.
fn structs(text: &str) -> Vec<Struct> {
    let mut found: Vec<Struct> = Vec::new();
    let (mut doc, mut attributes) = (String::new(), String::new());
    let mut open = false;
    let mut in_attribute = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if in_attribute || trimmed.starts_with("#[") {
            attributes.push_str(trimmed);
            in_attribute = !trimmed.ends_with(']');
        } else if let Some(text) = trimmed.strip_prefix("///") {
            if !doc.is_empty() {
                doc.push(' ');
            }
            doc.push_str(text.trim());
        } else {
            if let Some(name) = trimmed
                .strip_prefix("pub struct ")
                .and_then(|rest| rest.strip_suffix(" {"))
            {
                found.push(Struct {
                    name: name.to_owned(),
                    doc: std::mem::take(&mut doc),
                    fields: Vec::new(),
                });
                open = true;
            } else if line == "}" {
                open = false;
            } else if let (true, Some(of), Some(field)) = (open, found.last_mut(), field(trimmed, &doc, &attributes)) {
                of.fields.push(field);
            }
            doc.clear();
            attributes.clear();
        }
    }
    found
}

fn field(line: &str, doc: &str, attributes: &str) -> Option<Field> {
    let (name, kind) = line.strip_prefix("pub ")?.split_once(": ")?;
    let is = |word: &str| {
        attributes
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|found| found == word)
    };
    if is("skip") {
        return None;
    }
    let renamed = attributes
        .split_once("rename = \"")
        .and_then(|(_, rest)| rest.split_once('"'));
    Some(Field {
        key: renamed.map_or_else(|| name.replace('_', "-"), |(name, _)| name.to_owned()),
        doc: doc.to_owned(),
        kind: kind.to_owned(),
        flat: is("flatten"),
    })
}
