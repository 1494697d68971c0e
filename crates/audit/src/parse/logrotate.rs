//! `logrotate.conf` and `logrotate.d` (logrotate(8)): directives, global or between braces after the logs they are for.

use super::{lines, unquoted};

/// A directive of a log, or a global one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Its word.
    pub word: String,
    /// What follows.
    pub rest: String,
    /// Its line.
    pub line: u32,
}

/// Logs and what is done with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stanza {
    /// Paths and patterns; none: the global directives.
    pub logs: Vec<String>,
    /// What stands between the braces.
    pub directives: Vec<Directive>,
}

impl Stanza {
    /// The last directive of a word.
    pub fn get(&self, word: &str) -> Option<&Directive> {
        self.directives.iter().rev().find(|directive| directive.word == word)
    }
}

/// The stanzas of a file; the first one is global.
pub fn stanzas(text: &str) -> Vec<Stanza> {
    let mut all = vec![Stanza::default()];
    let mut logs: Vec<String> = Vec::new();
    let mut inside = false;
    let mut script = false;
    for (number, line) in lines(text) {
        let line = line.trim();
        if script {
            script = line != "endscript";
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (before, opens) = match line.split_once('{') {
            Some((before, _)) if !inside => (before, true),
            _ => (line, false),
        };
        if !inside && (opens || before.starts_with(['/', '"', '\''])) {
            logs.extend(before.split_whitespace().map(|path| unquoted(path).to_owned()));
            if opens {
                inside = true;
                all.push(Stanza {
                    logs: std::mem::take(&mut logs),
                    directives: Vec::new(),
                });
            }
            continue;
        }
        if line.starts_with('}') {
            inside = false;
            continue;
        }
        let (word, rest) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
        script = ["postrotate", "prerotate", "firstaction", "lastaction", "preremove"].contains(&word);
        let place = if inside { all.len() - 1 } else { 0 };
        all[place].directives.push(Directive {
            word: word.to_owned(),
            rest: rest.trim().to_owned(),
            line: number,
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_are_found() {
        let found = stanzas(
            "weekly\ncopytruncate\n/var/log/syslog\n\"/var/log/ppp/*\" {\n rotate 4\n postrotate\n  copytruncate\n endscript\n}\n/var/log/a { \n create 0640 root adm\n}\n",
        );
        assert_eq!(found.len(), 3);
        assert!(
            found[0]
                .get("copytruncate")
                .is_some_and(|directive| directive.line == 2)
        );
        assert_eq!(found[1].logs, ["/var/log/syslog", "/var/log/ppp/*"]);
        assert!(found[1].get("copytruncate").is_none());
        assert_eq!(
            found[2].get("create").map(|directive| directive.rest.as_str()),
            Some("0640 root adm")
        );
    }
}
