//! rsyslog's configuration (rsyslog.conf(5)): legacy directives, selectors with actions, and `object(key="value")`.

use super::lines;

/// Output modules that send records away.
const KINDS: [&str; 5] = ["omfwd", "omrelp", "omkafka", "omelasticsearch", "omhttp"];

/// A statement that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// `$Directive value`, in lower case.
    Directive {
        /// Its name without `$`.
        name: String,
        /// Its value.
        value: String,
        /// Its line.
        line: u32,
    },
    /// `object(key="value" …)`.
    Object {
        /// Its name.
        name: String,
        /// Its parameters in lower case, with their values.
        parameters: Vec<(String, String)>,
        /// Its line.
        line: u32,
    },
    /// A selector and its action: `*.* @@log.example:6514`.
    Action {
        /// What is selected.
        selector: String,
        /// What is done with it.
        action: String,
        /// Its line.
        line: u32,
    },
}

/// The statements of a file.
pub fn statements(text: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let mut open: Option<(u32, String)> = None;
    for (number, line) in lines(text) {
        let line = line.trim();
        if let Some((from, so_far)) = &mut open {
            so_far.push(' ');
            so_far.push_str(line.split(" #").next().unwrap_or_default());
            if line.contains(')') {
                found.extend(object(so_far, *from));
                open = None;
            }
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(rest) = line.strip_prefix('$') {
            let (name, value) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
            found.push(Statement::Directive {
                name: name.to_ascii_lowercase(),
                value: value.trim().to_owned(),
                line: number,
            });
        } else if line
            .find('(')
            .is_some_and(|at| line[..at].trim_end().chars().all(char::is_alphanumeric))
        {
            match line.contains(')') {
                true => found.extend(object(line, number)),
                false => open = Some((number, line.to_owned())),
            }
        } else if let Some((selector, action)) = line.split_once([' ', '\t']) {
            // a selector may be followed by an object: `*.* action(type="omfwd" …)`
            found.extend(object(action.trim(), number));
            found.push(Statement::Action {
                selector: selector.to_owned(),
                action: action.trim().to_owned(),
                line: number,
            });
        }
    }
    found
}

fn object(text: &str, line: u32) -> Option<Statement> {
    let (name, rest) = text.split_once('(')?;
    let name = name.trim();
    if name.is_empty() || !name.chars().all(char::is_alphanumeric) {
        return None;
    }
    let mut parameters = Vec::new();
    let mut rest = rest;
    while let Some((key, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let Some(value) = after.strip_prefix('"') else { break };
        let Some((value, then)) = value.split_once('"') else {
            break;
        };
        parameters.push((key.trim().to_ascii_lowercase(), value.to_owned()));
        rest = then;
    }
    Some(Statement::Object {
        name: name.to_ascii_lowercase(),
        parameters,
        line,
    })
}

impl Statement {
    /// Whether it sends records to another machine.
    pub fn sends_away(&self) -> bool {
        match self {
            Statement::Action { action, .. } => {
                // `if … then action(type="omfwd" …)` is an action somewhere in the line
                let inside = KINDS.iter().any(|kind| action.contains(&format!("type=\"{kind}\"")));
                inside || action.trim_start_matches('-').starts_with('@') || action.starts_with(":omrelp:")
            }
            Statement::Object { name, parameters, .. } => {
                name == "action"
                    && parameters
                        .iter()
                        .any(|(key, value)| key == "type" && KINDS.contains(&value.as_str()))
            }
            Statement::Directive { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        let found = statements(
            "$FileCreateMode 0640\nmodule(load=\"imuxsock\" SysSock.RateLimit.Interval=\"0\")\n*.* @@log.example:6514\naction(\n type=\"omfwd\"\n target=\"log\" )\nmail.* -/var/log/mail.log\n",
        );
        assert_eq!(found.len(), 5);
        assert_eq!(found.iter().filter(|statement| statement.sends_away()).count(), 2);
        let Statement::Object { parameters, .. } = &found[1] else {
            panic!("an object")
        };
        assert_eq!(parameters[1], ("syssock.ratelimit.interval".to_owned(), "0".to_owned()));
    }
}
