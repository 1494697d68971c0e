//! Words of a rule set, and what stands between braces.

/// A word, quotation marks off, and its line.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub text: String,
    pub line: u32,
    pub quoted: bool,
}

pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut push = |text: String, quoted| found.push(Token { text, line, quoted });
        match c {
            '\\' if chars.peek() == Some(&'\n') => {
                chars.next();
                line += 1;
            }
            '\n' => {
                push(";".to_owned(), false);
                line += 1;
            }
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '"' => {
                let mut word = String::new();
                while let Some(c) = chars.next_if(|c| *c != '\n') {
                    if c == '"' {
                        break;
                    }
                    word.push(c);
                }
                push(word, true);
            }
            '{' | '}' | ';' | ',' | '=' => push(c.to_string(), false),
            '!' if chars.next_if_eq(&'=').is_some() => push("!=".to_owned(), false),
            c if c.is_whitespace() => {}
            c => {
                let mut word = c.to_string();
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !"{};,=!\"".contains(*c)) {
                    word.push(c);
                }
                push(word, false);
            }
        }
    }
    found
}

/// The tokens up to the brace that closes the one before `from`, and the place behind it.
pub(super) fn block(tokens: &[Token], from: usize) -> (&[Token], usize) {
    let mut depth = 1_u32;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "{" if !token.quoted => depth += 1,
            "}" if !token.quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (&tokens[from..at], at + 1);
        }
    }
    (&tokens[from.min(tokens.len())..], tokens.len())
}

/// One word, or those between braces.
pub(super) fn elements(tokens: &[Token], at: usize) -> (Vec<String>, usize) {
    match tokens.get(at) {
        Some(token) if token.text == "{" && !token.quoted => {
            let (inside, next) = block(tokens, at + 1);
            let words = inside
                .iter()
                .filter(|token| token.quoted || !matches!(token.text.as_str(), "," | ";"));
            (words.map(|token| token.text.clone()).collect(), next)
        }
        Some(token) => (vec![token.text.clone()], at + 1),
        None => (Vec::new(), at),
    }
}

/// The place of the `;` that ends a statement: none of those inside braces does.
pub(super) fn statement_end(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0_u32;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            _ if token.quoted => {}
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => return at,
            _ => {}
        }
    }
    tokens.len()
}
