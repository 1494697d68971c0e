//! Dialect files as pages of the manual.

use std::fmt::Write as _;

use toml::{Table, Value};

/// Spellings of a message that a page shows; the dialect file has all.
const SPELLINGS_MAX: usize = 8;

/// A dialect: the files that carry its name.
pub struct Dialect {
    /// The contract's name.
    pub name: String,
    /// The files' tables.
    pub files: Vec<Table>,
}

impl Dialect {
    /// Its messages in file order.
    pub fn messages(&self) -> impl Iterator<Item = &Table> {
        self.files
            .iter()
            .filter_map(|file| file.get("message")?.as_array())
            .flatten()
            .filter_map(Value::as_table)
    }

    /// Its programs.
    pub fn apps(&self) -> Vec<&str> {
        let mut apps: Vec<&str> = Vec::new();
        for app in self.files.iter().flat_map(|file| list(file, "apps")) {
            if !apps.contains(&app) {
                apps.push(app);
            }
        }
        apps
    }

    /// Its page.
    pub fn page(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "# Messages of {}\n", self.name);
        out.push_str(
            "<!-- written by `cargo run -p xtask -- generate` from crates/decode/dialects; edit there -->\n\n",
        );
        let apps = self.apps();
        if !apps.is_empty() {
            let _ = writeln!(
                out,
                "Programs: {}.\n",
                apps.iter().map(|app| format!("`{app}`")).collect::<Vec<_>>().join(", ")
            );
        }
        let _ = writeln!(out, "`tunlog explain {}/ID` prints an entry of this page.", self.name);
        for message in self.messages() {
            write_message(&mut out, &self.name, message);
        }
        out
    }
}

fn write_message(out: &mut String, dialect: &str, message: &Table) {
    let word = |key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default();
    let _ = writeln!(out, "\n## {dialect}/{}\n", word("id"));
    let mut facts = vec![
        word("severity").to_string(),
        format!("layer {}", word("layer")),
        word("event").to_string(),
    ];
    if !word("blames").is_empty() {
        facts.push(format!("speaks for `{}`", word("blames")));
    }
    if !word("suspects").is_empty() {
        facts.push(format!("likely `{}`", word("suspects")));
    }
    if !word("end_reason").is_empty() {
        facts.push(format!("ends a session as `{}`", word("end_reason")));
    }
    if !word("versions").is_empty() {
        facts.push(format!("versions {}", word("versions")));
    }
    let _ = writeln!(out, "{}\n", facts.join(" · "));
    let templates: Vec<&str> = [word("template")]
        .into_iter()
        .chain(list(message, "also"))
        .filter(|text| !text.is_empty())
        .collect();
    if !templates.is_empty() {
        let more = templates.len().saturating_sub(SPELLINGS_MAX);
        fence(out, templates.into_iter().take(SPELLINGS_MAX).collect());
        if more > 0 {
            let _ = writeln!(out, "and {more} more spellings.\n");
        }
    }
    for (key, head) in [("meaning", "Meaning"), ("cause", "Cause"), ("action", "Action")] {
        let text = word(key).trim();
        if !text.is_empty() && text != "none" {
            let _ = writeln!(out, "**{head}.** {}\n", prose(text));
        }
    }
    let lines: Vec<&str> = examples(message).into_iter().take(1).collect();
    if !lines.is_empty() {
        out.push_str("Example:\n\n");
        fence(out, lines);
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
}

fn examples(message: &Table) -> Vec<&str> {
    let entries = message.get("example").and_then(Value::as_array).into_iter().flatten();
    entries
        .filter_map(|example| example.as_table()?.get("line")?.as_str())
        .collect()
}

pub fn list<'t>(table: &'t Table, key: &str) -> Vec<&'t str> {
    table
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn fence(out: &mut String, lines: Vec<&str>) {
    out.push_str("````text\n");
    for line in lines {
        let _ = writeln!(out, "{}", harmless(line).trim_end());
    }
    out.push_str("````\n\n");
}

/// Examples are hostile on purpose; a page is read on terminals too.
fn harmless(line: &str) -> String {
    let mut out = String::new();
    for c in line.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            c if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}') =>
            {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// Text in which `<` begins no element, except inside backquotes.
pub fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(|(number, part)| {
            if number % 2 == 0 {
                part.replace('<', "&lt;")
            } else {
                part.to_string()
            }
        })
        .collect::<Vec<_>>()
        .join("`")
}
