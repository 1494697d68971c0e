//! Files of nested `section name { key = value }`: strongswan.conf, swanctl.conf, and FreeRADIUS's.
//!
//! A statement ends with its line, or at a brace. `#` begins a comment where a word could begin. `%{…}` and `${…}` are parts of words.

/// Sections deeper than this are not told apart from their parent.
const DEPTH_MAX: usize = 32;

/// Characters of the longest operator, and one more that would make it none.
const OPERATOR_MAX: usize = 3;

/// What may stand between a key and its value, or in a condition.
const OPERATORS: [&str; 13] = ["=", ":=", "+=", "==", "!=", "=~", "!~", "<", ">", "<=", ">=", ":", "=*"];

/// A statement or a section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// The first word.
    pub key: String,
    /// The words after it, of a section (`client lan {`) or a bare statement.
    pub words: Vec<String>,
    /// What stands behind `=`.
    pub value: Option<String>,
    /// Its line.
    pub line: u32,
    /// What stands between its braces.
    pub children: Vec<Node>,
    /// It has braces.
    pub is_section: bool,
}

impl Node {
    /// The child of a key that counts: the last.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.children
            .iter()
            .rev()
            .find(|child| child.key == key && !child.is_section)
    }

    /// The text of a key's value.
    pub fn value_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.value.as_deref()
    }

    /// The sections of a key.
    pub fn sections<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a Node> {
        self.children
            .iter()
            .filter(move |child| child.is_section && child.key == key)
    }

    /// The name behind a section's key: `lan` of `client lan {`.
    pub fn name(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// Calls for every node below, sections before what they hold.
    pub fn walk<'a>(&'a self, call: &mut dyn FnMut(&'a Node)) {
        for child in &self.children {
            call(child);
            child.walk(call);
        }
    }
}

/// The whole file as a section without a name.
pub fn parse(text: &str) -> Node {
    let mut builder = Builder {
        open: vec![Node::default()],
        deeper: 0,
        statement: Vec::new(),
        line: 1,
    };
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    let mut line = 1;
    while let Some(&c) = chars.get(at) {
        match c {
            '\n' => {
                builder.end();
                line += 1;
                at += 1;
            }
            '{' => {
                builder.open(line);
                at += 1;
            }
            '}' => {
                builder.close();
                at += 1;
            }
            '#' => {
                while chars.get(at).is_some_and(|c| *c != '\n') {
                    at += 1;
                }
            }
            '\\' if chars.get(at + 1) == Some(&'\n') => {
                line += 1;
                at += 2;
            }
            c if c.is_whitespace() => at += 1,
            _ => {
                let (word, next) = word(&chars, at);
                builder.word(word, line);
                line += chars[at..next].iter().filter(|c| **c == '\n').count() as u32;
                at = next;
            }
        }
    }
    builder.finish()
}

/// A word and where the next one may begin.
fn word(chars: &[char], from: usize) -> (Token, usize) {
    let length = chars[from..]
        .iter()
        .take(OPERATOR_MAX)
        .take_while(|c| matches!(c, '=' | ':' | '+' | '!' | '<' | '>' | '~'))
        .count();
    let text: String = chars[from..from + length].iter().collect();
    // `:` alone is strongswan.conf's; `::1` is an address
    if OPERATORS.contains(&text.as_str()) {
        return (Token::Operator(text), from + length);
    }
    let mut text = String::new();
    let mut at = from;
    let mut inside = 0_u32;
    while let Some(&c) = chars.get(at) {
        match c {
            '"' | '\'' if at == from => {
                at = quoted(chars, at, &mut text);
                return (Token::Word(text), at);
            }
            '\n' => break,
            '{' if at > from && matches!(chars[at - 1], '%' | '$') => inside += 1,
            '{' if inside > 0 => inside += 1,
            '}' if inside > 0 => inside -= 1,
            '{' | '}' => break,
            '=' if inside == 0 => break,
            ':' if inside == 0 && chars.get(at + 1) == Some(&'=') => break,
            c if c.is_whitespace() && inside == 0 => break,
            _ => {}
        }
        text.push(c);
        at += 1;
    }
    (Token::Word(text), at.max(from + 1))
}

/// Reads a text between quotation marks; gives the place behind it.
fn quoted(chars: &[char], from: usize, text: &mut String) -> usize {
    let mark = chars[from];
    let mut at = from + 1;
    while let Some(&c) = chars.get(at) {
        at += 1;
        match c {
            c if c == mark => break,
            '\\' => {
                text.extend(chars.get(at));
                at += 1;
            }
            c => text.push(c),
        }
    }
    at.min(chars.len())
}

enum Token {
    Word(String),
    Operator(String),
}

struct Builder {
    open: Vec<Node>,
    /// Braces that are open beyond `DEPTH_MAX`.
    deeper: usize,
    statement: Vec<Token>,
    line: u32,
}

impl Builder {
    fn word(&mut self, token: Token, line: u32) {
        if self.statement.is_empty() {
            self.line = line;
        }
        self.statement.push(token);
    }

    /// The statement that was read, if there was one.
    fn taken(&mut self) -> Option<Node> {
        let mut node = Node {
            line: self.line,
            ..Node::default()
        };
        let mut value: Option<Vec<String>> = None;
        let mut any = false;
        for token in std::mem::take(&mut self.statement) {
            any = true;
            match (token, &mut value) {
                (Token::Word(word), Some(value)) => value.push(word),
                (Token::Word(word), None) if node.key.is_empty() => node.key = word,
                (Token::Word(word), None) => node.words.push(word),
                (Token::Operator(operator), Some(value)) => value.push(operator),
                (Token::Operator(operator), None) if operator.ends_with('=') => value = Some(Vec::new()),
                // `child : parent {` of strongswan.conf
                (Token::Operator(operator), None) => node.words.push(operator),
            }
        }
        node.value = value.map(|value| value.join(" "));
        any.then_some(node)
    }

    fn end(&mut self) {
        if let (Some(node), Some(parent)) = (self.taken(), self.open.last_mut()) {
            parent.children.push(node);
        }
    }

    fn open(&mut self, line: u32) {
        let mut node = self.taken().unwrap_or(Node {
            line,
            ..Node::default()
        });
        node.is_section = true;
        if self.open.len() >= DEPTH_MAX {
            self.deeper += 1;
        } else {
            self.open.push(node);
        }
    }

    fn close(&mut self) {
        self.end();
        if self.deeper > 0 {
            self.deeper -= 1;
        } else if self.open.len() > 1
            && let (Some(node), Some(parent)) = (self.open.pop(), self.open.last_mut())
        {
            parent.children.push(node);
        }
    }

    fn finish(mut self) -> Node {
        self.end();
        while self.open.len() > 1 {
            self.close();
        }
        self.open.pop().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_nest() {
        let file = parse("a {\n b { c = d e } # x\n f=\"g # h\"\n}\nclient lan {\n secret = 'x}y'\n mschap\n}\n");
        let a = file.sections("a").next().expect("a");
        assert_eq!(a.sections("b").next().and_then(|b| b.value_of("c")), Some("d e"));
        assert_eq!(a.value_of("f"), Some("g # h"));
        let client = file.sections("client").next().expect("client");
        assert_eq!(
            (client.name(), client.value_of("secret"), client.line),
            ("lan", Some("x}y"), 5)
        );
        assert_eq!(client.get("mschap").map(|node| node.line), Some(7));
    }

    #[test]
    fn expansions_are_words() {
        let file =
            parse("log {\n file = ${logdir}/%{%{a}:-b}/x\n if (&User-Name == \"}\") {\n ok\n }\n}\nlast := yes\n");
        let log = file.sections("log").next().expect("log");
        assert_eq!(log.value_of("file"), Some("${logdir}/%{%{a}:-b}/x"));
        assert_eq!(file.value_of("last"), Some("yes"));
        assert_eq!(parse("ipv6addr = ::1").value_of("ipv6addr"), Some("::1"));
        assert_eq!(
            parse("net : base {\n}\n")
                .sections("net")
                .next()
                .map(|net| net.words.len()),
            Some(2)
        );
    }

    #[test]
    fn depth_is_bounded() {
        let file = parse(&"a {".repeat(10_000));
        let mut count = 0;
        file.walk(&mut |_| count += 1);
        assert_eq!(count, DEPTH_MAX - 1);
        parse("}}}\"");
    }
}
