//! What a search looks for. Whoever asks chose it, so everything about it is bounded: its length, what it is compiled to, and the
//! bytes that it is tried on. The engine needs time in proportion to both and never goes back (crate `regex`).

use regex::{Regex, RegexBuilder};
use serde_json::Value;

/// Bytes of a pattern.
const PATTERN_MAX: usize = 1024;
/// Bytes that it is compiled to; `\w+@\w+` needs some twenty thousand.
const COMPILED_MAX: usize = 256 << 10;
/// Groups within groups.
const NESTED_MAX: u32 = 50;
/// Bytes of a value that are looked at.
const VALUE_MAX: usize = 8 << 10;

/// A text or regular expression that is looked for.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl Pattern {
    /// This text, in large or small letters.
    ///
    /// # Errors
    /// Why it is none.
    pub fn of_text(text: &str) -> Result<Pattern, String> {
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        check_length(text)?;
        compile(RegexBuilder::new(&regex::escape(text)).case_insensitive(true))
    }

    /// This regular expression.
    ///
    /// # Errors
    /// Why it is none, or too much of one.
    pub fn of_expression(expression: &str) -> Result<Pattern, String> {
        check_length(expression)?;
        compile(&mut RegexBuilder::new(expression))
    }

    fn fits(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => {
                let end = text.floor_char_boundary(VALUE_MAX);
                self.0.is_match(&text[..end])
            }
            Value::Array(members) => members.iter().any(|member| self.fits(member)),
            Value::Object(members) => members.values().any(|member| self.fits(member)),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

fn check_length(pattern: &str) -> Result<(), String> {
    match pattern.len() > PATTERN_MAX {
        true => Err(format!("the pattern is too large: more than {PATTERN_MAX} bytes")),
        false => Ok(()),
    }
}

fn compile(builder: &mut RegexBuilder) -> Result<Pattern, String> {
    let limited = builder
        .size_limit(COMPILED_MAX)
        .dfa_size_limit(COMPILED_MAX)
        .nest_limit(NESTED_MAX);
    limited.build().map(Pattern).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "the pattern is too large: it repeats too much".to_owned(),
        // several lines with the pattern and a mark below it; the last one says what is wrong
        error => {
            let words = error.to_string();
            let last = words.lines().next_back().unwrap_or_default();
            format!("no regular expression: {}", last.trim_start_matches("error: "))
        }
    })
}

/// Whether each of the patterns fits somewhere in the values of a line.
pub fn fit(patterns: &[Pattern], line: &str) -> bool {
    let Ok(Value::Object(mut members)) = serde_json::from_str(line) else {
        return false;
    };
    // the same in all of them
    members.remove("type");
    let line = Value::Object(members);
    patterns.iter().all(|pattern| pattern.fits(&line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_looked_at_as_they_are() {
        let line = r#"{"type":"attempt","user":"Jürgen \"x\"","port":1723,"evidence":[{"text":"a\tb [691]"}]}"#;
        let text = |text: &str| fit(&[Pattern::of_text(text).expect("a text")], line);
        let expression = |text: &str| fit(&[Pattern::of_expression(text).expect("an expression")], line);
        assert!(text("jüRGEN") && text("\"X\"") && text("[691]") && text("a\tb"));
        assert!(!text("attempt") && !text("1723") && !text("evidence") && !text("."));
        assert!(expression("^Jü") && expression(r"\[\d+\]$") && !expression("^jü") && expression("(?i)^jü"));
        let both = [
            Pattern::of_text("jürgen").expect("a text"),
            Pattern::of_expression("691").expect("an expression"),
        ];
        assert!(fit(&both, line));
        assert!(!fit(&both, &line.replace("691", "692")));
        let none = ["{", "[]", ""];
        assert!(none.iter().all(|line| !fit(&both, line)));
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let refused = |expression: &str| Pattern::of_expression(expression).expect_err(expression);
        for expression in ["(((a{100}){100}){100})", r"(?u)\w{5000}", &"x".repeat(1025)] {
            assert!(
                refused(expression).starts_with("the pattern is too large"),
                "{expression}"
            );
        }
        let deep = format!("{}x{}", "(".repeat(300), ")".repeat(300));
        assert!(refused(&deep).contains("nest"), "{}", refused(&deep));
        assert_eq!(refused("(a"), "no regular expression: unclosed group");
        assert!(Pattern::of_text("").is_err() && Pattern::of_text(&"x".repeat(1025)).is_err());
    }
}
