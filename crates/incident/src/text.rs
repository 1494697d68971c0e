//! Texts of foreign origin on their way into our files: JSON, TOML and lines for people.

use tunlog_model::Cell;
use tunlog_report::json;

/// Text in quotation marks, as JSON and TOML alike read it (TOML 1.0 basic strings know all of JSON's escapes): nothing in it can
/// end it or harm whoever looks at it.
pub fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    json::string(&mut out, text);
    String::from_utf8_lossy(&out).into_owned()
}

/// A list of quoted texts, `["a", "b"]`.
pub fn quoted_list<T: AsRef<str>>(texts: &[T]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", texts.join(", "))
}

/// An object as one line of JSON Lines, `type` first.
pub fn row(kind: &'static str, cells: &[(&'static str, Cell)]) -> String {
    let mut out = Vec::new();
    json::row(&mut out, kind, cells);
    out.push(b'\n');
    String::from_utf8_lossy(&out).into_owned()
}

/// `1 account`, `3 accounts`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The first names of a list and how many more there are.
pub fn few<T: AsRef<str>>(names: &[T], shown: usize) -> String {
    let visible = |name: &T| tunlog_model::text::visible(name.as_ref()).into_owned();
    let mut texts: Vec<String> = names.iter().take(shown).map(visible).collect();
    if names.len() > shown {
        texts.push(format!("and {} more", names.len() - shown));
    }
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_reads_what_was_quoted() {
        for text in [
            "",
            "a\"b\\c",
            "x\n[[account]]\nname = 'y'",
            "\u{1b}[2J\u{202e}\u{7f}\u{9b}",
            "Пётр 🦀",
        ] {
            let file: toml::Table = format!("a = {}", quoted(text)).parse().expect("TOML");
            assert_eq!(file["a"].as_str(), Some(text));
            assert_eq!(
                serde_json::from_str::<String>(&quoted(text)).ok().as_deref(),
                Some(text)
            );
            assert!(!quoted(text).chars().any(tunlog_model::text::is_harmful));
        }
    }

    #[test]
    fn few_names_and_the_rest() {
        assert_eq!(few(&["a", "b\u{1b}"], 2), "a, b\\x1b");
        assert_eq!(few(&["a", "b", "c"], 1), "a, and 2 more");
    }
}
