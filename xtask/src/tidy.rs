//! What no compiler checks: sizes, module heads, trailing blanks, panics, layers, stale pages.

use crate::tree::Tree;
use crate::{generate, layers, rust_source};

/// Lines of a file.
const FILE_LINES_MAX: usize = 800;
/// Lines of a function.
const FUNCTION_LINES_MAX: usize = 80;
/// Lines of ARCHITECTURE.md: a map, not a book.
const ARCHITECTURE_LINES_MAX: usize = 200;

/// Ends of the names of text files.
const TEXTS: &[&str] = &[".rs", ".md", ".toml", ".sh", ".yml", "check", "run"];

/// Checks the repository.
///
/// # Errors
/// Every problem, one line each, beginning with its place.
pub fn run(tree: &Tree) -> Result<String, Vec<String>> {
    let files = tree.files();
    let mut found = layers::check(tree);
    for path in files.iter().filter(|path| TEXTS.iter().any(|end| path.ends_with(end))) {
        let text = tree.read(path);
        found.extend(blanks(path, &text));
        found.extend(places(path, &text));
        if path.ends_with(".rs") {
            found.extend(rust(path, &text));
        }
    }
    found.extend(documents(tree));
    found.extend(generate::stale(tree));
    if found.is_empty() {
        Ok(format!("tidy: {} files, nothing to mend", files.len()))
    } else {
        Err(found)
    }
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.starts_with("fuzz/") || path.contains("/examples/")
}

fn rust(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if is_test(path) {
        return found;
    }
    if path.contains("/src/") && !text.starts_with("//!") {
        found.push(format!("{path}:1: a module begins with its job in a `//!` comment"));
    }
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        found.push(format!(
            "{path}:1: {lines} lines; at most {FILE_LINES_MAX}: the file has outgrown its topic"
        ));
    }
    for function in rust_source::functions(text)
        .iter()
        .filter(|function| function.lines > FUNCTION_LINES_MAX)
    {
        let (name, line, lines) = (&function.name, function.line, function.lines);
        found.push(format!(
            "{path}:{line}: `{name}` has {lines} lines; at most {FUNCTION_LINES_MAX}"
        ));
    }
    for (number, line) in rust_source::shipped(text) {
        if line.contains(".unwrap()") || line.contains(".expect(") {
            found.push(format!(
                "{path}:{number}: no unwrap and no expect outside tests: input is never an error"
            ));
        }
        if line
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| word == "unsafe")
        {
            found.push(format!("{path}:{number}: no unsafe code"));
        }
    }
    found
}

fn blanks(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            found.push(format!("{path}:{}: blanks at the end of the line", number + 1));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        found.push(format!("{path}: no newline at the end"));
    }
    found
}

/// Paths of somebody's machine have no business in a repository.
fn places(path: &str, text: &str) -> Vec<String> {
    let homes = ["work", "root", "home"].map(|name| format!("/{name}/"));
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let named = |home: &String| {
            let before = |at: usize| line[..at].chars().next_back();
            line.match_indices(home.as_str())
                .any(|(at, _)| before(at).is_none_or(|c| matches!(c, ' ' | '"' | '\'' | '`' | '=' | '(')))
        };
        // log lines of daemons may name any path
        if homes.iter().any(named) && !path.contains("dialects/") && !path.starts_with("docs/messages/") {
            found.push(format!("{path}:{}: a path of one machine", number + 1));
        }
    }
    found
}

fn documents(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    let lines = tree.read("ARCHITECTURE.md").lines().count();
    if lines > ARCHITECTURE_LINES_MAX {
        found.push(format!(
            "ARCHITECTURE.md: {lines} lines; at most {ARCHITECTURE_LINES_MAX}"
        ));
    }
    for name in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "STYLE.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
    ] {
        if tree.read(name).is_empty() {
            found.push(format!("{name}: missing"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_found() {
        assert_eq!(rust("crates/model/src/a.rs", "fn a() {\n    b.unwrap();\n}\n").len(), 2);
        assert_eq!(rust("crates/model/src/a.rs", "//! A.\nunsafe fn a() {}\n").len(), 1);
        assert_eq!(rust("crates/model/src/tests.rs", "fn a() { b.unwrap() }\n").len(), 0);
        assert_eq!(blanks("a.md", "a \nb\n").len(), 1);
        assert_eq!(places("a.md", &format!("see /{}/main\n", "work")).len(), 1);
        assert_eq!(places("a.md", "see docs/work/main\n").len(), 0);
    }
}
