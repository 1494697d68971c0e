//! Options files of pppd (pppd(8), `options.c`): words, separated by white space; quotation marks and backslashes protect; `#`
//! begins a comment at a word's start. An option takes the words that its kind takes, wherever the lines end.

/// A word and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word, quotation and escapes undone.
    pub text: String,
    /// Its line.
    pub line: u32,
    /// It is the first of its line: lists of secrets are read by lines.
    pub starts_line: bool,
}

/// An option with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PppOption {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Vec<String>,
    /// Its line.
    pub line: u32,
}

/// Options that take one word. A name that is not known takes none, as pppd takes none of what it does not know.
#[rustfmt::skip]
const TAKE_ONE: &[&str] = &[
    "active-filter", "allow-ip", "allow-number", "asyncmap", "bind-addr", "bsdcomp", "ca", "call", "capath", "cert", "chap-interval",
    "chap-max-challenge", "chap-restart", "chap-timeout", "chapms-strip-domain-to", "connect", "connect-delay", "crl", "crl-dir",
    "crtscts-delay", "deflate", "disconnect", "domain", "eap-interval", "eap-max-rreq", "eap-max-sreq", "eap-restart", "eap-timeout",
    "endpoint", "escape", "file", "holdoff", "idle", "init", "ip-down-script", "ip-up-script", "ipcp-max-configure", "ipcp-max-failure",
    "ipcp-max-terminate", "ipcp-no-address", "ipcp-restart", "ipparam", "ipv6", "ipv6-down-script", "ipv6-up-script", "kdebug", "key",
    "lcp-echo-failure", "lcp-echo-interval", "lcp-max-configure", "lcp-max-failure", "lcp-max-terminate", "lcp-restart", "linkname",
    "logfd", "logfile", "map-to-guest", "max-tls-version", "maxconnect", "maxfail", "maxoctets", "mo-timeout", "mp-endpoint",
    "mpmrru", "mppe", "mrru", "mru", "ms-dns", "ms-wins", "mtu", "name", "netmask", "pap-max-authreq", "pap-restart", "pap-timeout",
    "pass-filter", "password", "plugin", "pppol2tp", "pptp_client", "pptp_server", "pptp_phone", "pty", "radius-config-file",
    "record", "remotename", "replacedefaultroute-metric", "set", "socket", "srp-interval", "tls-verify-method", "unit", "unset",
    "user", "vj-max-slots", "welcome", "winbind-auth-helper", "ntlm_auth-helper", "avpair", "privgroup", "papcrypt-file",
];

/// The words of a file.
pub fn words(text: &str) -> Vec<Word> {
    let mut reader = Reader {
        chars: text.chars().collect(),
        at: 0,
        line: 1,
        fresh: true,
    };
    let mut words = Vec::new();
    while let Some(word) = reader.word() {
        words.push(word);
    }
    words
}

/// The options of a file.
pub fn options(text: &str) -> Vec<PppOption> {
    let mut words = words(text).into_iter();
    let mut options = Vec::new();
    while let Some(word) = words.next() {
        let takes = usize::from(TAKE_ONE.contains(&word.text.as_str()));
        options.push(PppOption {
            values: words.by_ref().take(takes).map(|word| word.text).collect(),
            name: word.text,
            line: word.line,
        });
    }
    options
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    line: u32,
    /// No word of this line was seen yet.
    fresh: bool,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        if c == '\n' {
            self.line = self.line.saturating_add(1);
        }
        Some(c)
    }

    /// White space and comments; a backslash before a line's end joins the lines.
    fn skip(&mut self) {
        while let Some(c) = self.peek() {
            match c {
                '\n' => {
                    self.next();
                    self.fresh = true;
                }
                '#' => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.next();
                    }
                }
                '\\' if self.chars.get(self.at + 1) == Some(&'\n') => {
                    self.next();
                    self.next();
                }
                c if c.is_whitespace() => {
                    self.next();
                }
                _ => return,
            }
        }
    }

    fn word(&mut self) -> Option<Word> {
        self.skip();
        self.peek()?;
        let mut word = Word {
            text: String::new(),
            line: self.line,
            starts_line: std::mem::take(&mut self.fresh),
        };
        let mut quoted = None;
        while let Some(c) = self.peek() {
            match (c, quoted) {
                ('\\', _) => {
                    self.next();
                    self.escaped(&mut word.text);
                    continue;
                }
                (c, Some(mark)) if c == mark => quoted = None,
                (c, Some(_)) => word.text.push(c),
                ('"' | '\'', None) => quoted = Some(c),
                (c, None) if c.is_whitespace() || c == '#' => break,
                (c, None) => word.text.push(c),
            }
            self.next();
        }
        Some(word)
    }

    /// What stands after a backslash, as in C, with `\s` for a blank.
    fn escaped(&mut self, out: &mut String) {
        let Some(c) = self.next() else { return };
        match c {
            '\n' => {}
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            's' => out.push(' '),
            't' => out.push('\t'),
            '0'..='7' => {
                self.at -= 1;
                out.extend(self.number(8, 3));
            }
            'x' => out.extend(self.number(16, 2)),
            c => out.push(c),
        }
    }

    fn number(&mut self, base: u32, digits: usize) -> Option<char> {
        let mut value = 0;
        for _ in 0..digits {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(base)) else {
                break;
            };
            value = value * base + digit;
            self.next();
        }
        char::from_u32(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(String, u32)> {
        words(text).into_iter().map(|word| (word.text, word.line)).collect()
    }

    #[test]
    fn words_are_pppds() {
        let expected = [
            ("name", 1),
            ("two words", 1),
            ("a#b", 2),
            ("it's", 3),
            ("joined", 4),
            ("A\x53", 6),
        ];
        let expected: Vec<(String, u32)> = expected.iter().map(|(text, line)| (text.to_string(), *line)).collect();
        assert_eq!(
            texts("name \"two words\" # no\na\\#b\nit\\'s\njoin\\\ned\n\\101\\x53\n"),
            expected
        );
        assert_eq!(
            texts("a'b c'd\n\"open to the end\nof file"),
            [("ab cd".into(), 1), ("open to the end\nof file".into(), 2)]
        );
        assert_eq!(texts(" # only a comment"), []);
    }

    #[test]
    fn options_take_their_words() {
        let found = options("idle\n 1800 debug\nfile /etc/ppp/more\n10.0.0.1:10.0.0.2");
        let told: Vec<_> = found
            .iter()
            .map(|option| (option.name.as_str(), option.values.join(","), option.line))
            .collect();
        assert_eq!(
            told,
            [
                ("idle", "1800".to_owned(), 1),
                ("debug", String::new(), 2),
                ("file", "/etc/ppp/more".to_owned(), 3),
                ("10.0.0.1:10.0.0.2", String::new(), 4)
            ]
        );
    }
}
