//! Code files as pages of the manual.

use std::fmt::Write as _;

use toml::{Table, Value};

use crate::pages::{list, prose};

/// A family of codes: its file's table.
pub struct Family(pub Table);

impl Family {
    /// First part of its ids.
    pub fn name(&self) -> &str {
        word(&self.0, "family")
    }

    /// What these codes are.
    pub fn title(&self) -> &str {
        word(&self.0, "title")
    }

    /// Its codes in file order.
    pub fn codes(&self) -> impl Iterator<Item = &Table> {
        let codes = self.0.get("code").and_then(Value::as_array);
        codes.into_iter().flatten().filter_map(Value::as_table)
    }

    /// Its page.
    pub fn page(&self) -> String {
        let mut out = String::new();
        let title = self.title();
        let (first, rest) = title.split_at(title.chars().next().map_or(0, char::len_utf8));
        let _ = writeln!(out, "# {}{rest}\n", first.to_uppercase());
        out.push_str("<!-- written by `cargo run -p xtask -- generate` from crates/decode/codes; edit there -->\n\n");
        let bare = self.0.get("bare").and_then(Value::as_bool) == Some(true);
        let id = if bare {
            "WORD".to_string()
        } else {
            format!("{}/CODE", self.name())
        };
        let _ = writeln!(out, "`tunlog explain {id}` prints an entry of this page.");
        for code in self.codes() {
            self.write_code(&mut out, code);
        }
        out
    }

    fn write_code(&self, out: &mut String, code: &Table) {
        let (number, name) = (word(code, "code"), word(code, "name"));
        let _ = match name {
            "" => writeln!(out, "\n## {number}\n"),
            name => writeln!(out, "\n## {number} {name}\n"),
        };
        let also: Vec<String> = list(code, "also").iter().map(|text| format!("`{text}`")).collect();
        let mut facts = Vec::new();
        if !also.is_empty() {
            facts.push(format!("also {}", also.join(", ")));
        }
        if !word(code, "layer").is_empty() && self.name() != "layer" {
            facts.push(format!("layer {}", word(code, "layer")));
        }
        if !word(code, "blames").is_empty() {
            facts.push(format!("speaks for `{}`", word(code, "blames")));
        }
        if !word(code, "suspects").is_empty() {
            facts.push(format!("likely `{}`", word(code, "suspects")));
        }
        if !word(code, "end_reason").is_empty() {
            facts.push(format!("ends by `{}`", word(code, "end_reason")));
        }
        if !facts.is_empty() {
            let _ = writeln!(out, "{}\n", facts.join(" · "));
        }
        let _ = writeln!(out, "{}", prose(word(code, "meaning")));
        if !matches!(word(code, "cause"), "" | "none") {
            let _ = writeln!(out, "\n**Cause.** {}", prose(word(code, "cause")));
        }
        match (word(code, "action"), list(code, "action")) {
            ("none", _) => {}
            ("", steps) => {
                let _ = writeln!(out, "\n**Action.**\n");
                for (at, step) in steps.iter().enumerate() {
                    let _ = writeln!(out, "{}. {}", at + 1, prose(step));
                }
            }
            (action, _) => {
                let _ = writeln!(out, "\n**Action.** {}", prose(action));
            }
        }
    }
}

fn word<'t>(table: &'t Table, key: &str) -> &'t str {
    table.get(key).and_then(Value::as_str).unwrap_or_default().trim()
}
