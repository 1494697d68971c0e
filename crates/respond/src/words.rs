//! Foreign text on its way into a command: what each language can hold, and refusals of what it cannot.

/// Characters of a comment of ours in somebody else's rules.
const COMMENT_MAX: usize = 80;

/// Text for a comment in a rule set: letters, digits and a few signs that mean nothing in any of the languages; everything
/// else becomes `_`. A reason may come from a finding, and a finding's words from a log.
pub fn comment(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " .,:/_-".contains(c);
    let kept: String = text
        .chars()
        .take(COMMENT_MAX)
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    kept.trim().to_owned()
}

/// Whether a word can be an argument of any program: it is no option, and nothing in it controls a terminal or ends it.
pub fn is_argument(word: &str) -> bool {
    !word.is_empty() && !word.starts_with('-') && !word.chars().any(tunlog_model::text::is_harmful)
}

/// Whether a word is a plain name, which no language that we write takes for anything else.
pub fn is_plain(word: &str) -> bool {
    is_argument(word)
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@'))
}

/// Whether a word is the name of a network interface (Linux: at most 15 bytes; `ppp0`, `ng12`, `pptp-anna`).
pub fn is_interface(word: &str) -> bool {
    is_plain(word) && word.len() <= 15 && word != "." && word != ".."
}

/// A word for a POSIX shell.
pub fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,=+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A line for a POSIX shell.
pub fn shell_line(argv: &[String]) -> String {
    argv.iter().map(|word| shell(word)).collect::<Vec<_>>().join(" ")
}

/// A string of RouterOS: in quotation marks, with `"`, `\`, `$` and `?` escaped; bytes beyond ASCII as `\XX`.
pub fn routeros(word: &str) -> String {
    let mut out = String::from('"');
    for byte in word.bytes() {
        match byte {
            b'"' | b'\\' | b'$' | b'?' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("\\{byte:02X}")),
        }
    }
    out.push('"');
    out
}

/// A literal string of PowerShell. It takes typographic quotation marks for apostrophes (about_Quoting_Rules), so all of
/// them are doubled.
pub fn powershell(word: &str) -> String {
    let mut out = String::from('\'');
    for c in word.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    out
}

/// A string of FreeRADIUS's attribute lists: in single quotation marks nothing is expanded; `'` and `\` are escaped.
pub fn radius(word: &str) -> String {
    let mut out = String::from('\'');
    for c in word.chars() {
        if matches!(c, '\'' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_word_that_was_meant() {
        for (word, line) in [
            ("198.51.100.7", "198.51.100.7"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$(touch /tmp/x)", "'$(touch /tmp/x)'"),
            ("`id`", "'`id`'"),
            ("; reboot", "'; reboot'"),
            ("~root", "'~root'"),
        ] {
            assert_eq!(shell(word), line);
        }
    }

    #[test]
    fn other_languages_read_it_too() {
        assert_eq!(routeros(r#"a"; /system reset; $x"#), r#""a\"; /system reset; \$x""#);
        assert_eq!(routeros("é"), r#""\C3\A9""#);
        assert_eq!(powershell("o'neil; Stop-Computer"), "'o''neil; Stop-Computer'");
        assert_eq!(powershell("a\u{2019}; calc"), "'a\u{2019}\u{2019}; calc'");
        // as radclient 3.2 reads it back: CORP\a', Class = "%{x}
        assert_eq!(radius(r#"CORP\a', Class = "%{x}"#), r#"'CORP\\a\', Class = "%{x}'"#);
    }

    #[test]
    fn what_is_no_argument_is_none() {
        for word in ["", "-rf", "--help", "a\nb", "a\u{202e}b", "\u{1b}[2J"] {
            assert!(!is_argument(word), "{word:?}");
        }
        for word in ["../x", "ppp0/", "a b", "ppp0;id", "interface-of-more-than-15"] {
            assert!(!is_interface(word), "{word:?}");
        }
        assert!(is_interface("ppp0") && is_interface("pptp-anna"));
        assert_eq!(comment("brute-force; `id`\n\"x"), "brute-force_ _id___x");
    }
}
