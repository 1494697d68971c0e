//! Just enough reading of formatted Rust source for the checks: functions, and what belongs to tests.

/// A function of a file.
pub struct Function {
    /// Its name.
    pub name: String,
    /// 1-based line of its head.
    pub line: usize,
    /// Lines from head to closing brace.
    pub lines: usize,
}

/// The lines that ship: without `#[cfg(test)]` items, comments and texts of literals.
pub fn shipped(text: &str) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim_start() == "#[cfg(test)]" {
            let indent = indent(line);
            for (_, inside) in lines.by_ref() {
                let closes = inside.starts_with('}') || inside.trim() == "}";
                let one_line = inside.trim_end().ends_with(';');
                if self::indent(inside) == indent && (closes || one_line) && !inside.trim().is_empty() {
                    break;
                }
            }
            continue;
        }
        out.push((number + 1, code(line)));
    }
    out
}

/// The functions of formatted source, tests among them.
pub fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let end = (number..lines.len()).find(|at| closes(lines[*at], indent(line), *at == number));
        let lines = end.map_or(1, |end| end - number + 1);
        found.push(Function {
            name,
            line: number + 1,
            lines,
        });
    }
    found
}

fn closes(line: &str, level: usize, head: bool) -> bool {
    match head {
        true => line.ends_with(';') || (line.ends_with('}') && line.contains('{')),
        false => indent(line) == level && (line.trim() == "}" || line.trim_end().ends_with(';')),
    }
}

fn function_name(line: &str) -> Option<String> {
    let mut rest = line.trim_start();
    for word in [
        "pub ",
        "pub(crate) ",
        "pub(super) ",
        "const ",
        "async ",
        "unsafe ",
        "extern \"C\" ",
    ] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let name = rest.strip_prefix("fn ")?;
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    Some(name[..end].to_string())
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A line without comment and without the insides of its string literals.
fn code(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    let mut inside = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if inside => drop(chars.next()),
            '"' => {
                inside = !inside;
                out.push(c);
            }
            _ if inside => {}
            '/' if chars.peek() == Some(&'/') => break,
            '\'' if chars.clone().nth(1) == Some('\'') => drop(chars.by_ref().take(2).count()),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "fn one() -> u8 {\n    let a = \"unsafe } .unwrap()\";\n    a.len()\n}\n\nfn two() { three() }\n\n#[cfg(test)]\nmod tests {\n    fn four() {\n        five.unwrap();\n    }\n}\n";

    #[test]
    fn functions_are_measured() {
        let found: Vec<(String, usize, usize)> = functions(SOURCE)
            .into_iter()
            .map(|f| (f.name, f.line, f.lines))
            .collect();
        assert_eq!(
            found,
            [("one".into(), 1, 4), ("two".into(), 6, 1), ("four".into(), 10, 3)]
        );
    }

    #[test]
    fn tests_comments_and_texts_do_not_count() {
        let text: String = shipped(SOURCE).into_iter().map(|(_, line)| line + "\n").collect();
        assert!(!text.contains("unwrap") && !text.contains("unsafe"), "{text}");
        assert!(text.contains("fn two"));
    }
}
