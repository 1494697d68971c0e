//! A page as a browser reads it: html5ever's tokens, and on top of them what a validator would say.

use std::cell::RefCell;

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

/// Elements that have no end.
const VOID: [&str; 3] = ["meta", "br", "input"];
/// What may not stand inside a paragraph or a heading.
const BLOCKS: [&str; 14] = [
    "article", "details", "div", "dl", "figure", "h1", "h2", "h3", "h4", "ol", "p", "section", "table", "ul",
];

/// An element with the text directly and indirectly in it.
#[derive(Debug)]
pub struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub text: String,
    /// How many elements it stands in.
    pub depth: usize,
}

impl Element {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Reader {
    elements: RefCell<Vec<Element>>,
    open: RefCell<Vec<usize>>,
    problems: RefCell<Vec<String>>,
}

impl Reader {
    fn problem(&self, line: u64, problem: String) {
        self.problems.borrow_mut().push(format!("line {line}: {problem}"));
    }

    fn tag(&self, tag: &Tag, line: u64) -> TokenSinkResult<()> {
        let name = tag.name.to_string();
        let (mut open, mut elements) = (self.open.borrow_mut(), self.elements.borrow_mut());
        if tag.kind == TagKind::EndTag {
            match open.pop() {
                Some(at) if elements[at].name == name => {}
                last => self.problem(
                    line,
                    format!("</{name}> closes {:?}", last.map(|at| &elements[at].name)),
                ),
            }
            return TokenSinkResult::Continue;
        }
        let inside = |outer: &str| open.iter().any(|at| elements[*at].name == outer);
        for outer in ["p", "h1", "h2", "h3", "h4", "caption", "summary"] {
            if BLOCKS.contains(&name.as_str()) && inside(outer) {
                self.problem(line, format!("<{name}> inside <{outer}>"));
            }
        }
        let attributes = tag.attrs.iter();
        elements.push(Element {
            attributes: attributes
                .map(|attribute| (attribute.name.local.to_string(), attribute.value.to_string()))
                .collect(),
            text: String::new(),
            depth: open.len(),
            name: name.clone(),
        });
        if !VOID.contains(&name.as_str()) {
            open.push(elements.len() - 1);
        }
        match name.as_str() {
            "script" => TokenSinkResult::RawData(RawKind::ScriptData),
            "style" => TokenSinkResult::RawData(RawKind::Rawtext),
            // the title of a drawing is no title of a page
            "title" if open.len() == 3 => TokenSinkResult::RawData(RawKind::Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }
}

impl TokenSink for Reader {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => return self.tag(&tag, line),
            Token::CharacterTokens(text) => {
                for at in self.open.borrow().iter() {
                    self.elements.borrow_mut()[*at].text.push_str(&text);
                }
            }
            Token::NullCharacterToken => self.problem(line, "a null character".to_owned()),
            Token::CommentToken(text) => self.problem(line, format!("a comment: {text}")),
            Token::ParseError(problem) => self.problem(line, problem.into_owned()),
            Token::DoctypeToken(_) | Token::EOFToken => {}
        }
        TokenSinkResult::Continue
    }
}

/// The elements of a page in their order; fails where the page is not sound.
pub fn read(page: &str) -> Vec<Element> {
    let options = TokenizerOpts {
        exact_errors: true,
        ..TokenizerOpts::default()
    };
    let tokenizer = Tokenizer::new(Reader::default(), options);
    let input = BufferQueue::default();
    input.push_back(page.into());
    while !input.is_empty() {
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
    let reader = tokenizer.sink;
    let (elements, mut problems) = (reader.elements.into_inner(), reader.problems.into_inner());
    if let Some(at) = reader.open.into_inner().last() {
        problems.push(format!("<{}> is never closed", elements[*at].name));
    }
    problems.extend(names(&elements));
    problems.extend(headings(&elements));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    elements
}

/// Each name is there once, and what is pointed at is there.
fn names(elements: &[Element]) -> Vec<String> {
    let mut ids: Vec<&str> = elements.iter().filter_map(|element| element.attribute("id")).collect();
    ids.sort_unstable();
    let twice = ids.windows(2).filter(|pair| pair[0] == pair[1]);
    let twice = twice.map(|pair| format!("the id {} is there twice", pair[0]));
    let labels = elements
        .iter()
        .filter_map(|element| element.attribute("aria-labelledby"))
        .flat_map(str::split_whitespace);
    let links = elements
        .iter()
        .filter_map(|element| element.attribute("href"))
        .map(|href| href.strip_prefix('#').unwrap_or(href));
    let lost = labels.chain(links).filter(|id| !ids.contains(id));
    twice.chain(lost.map(|id| format!("nothing has the id {id}"))).collect()
}

/// Headings go down by one level at a time, under one first heading.
fn headings(elements: &[Element]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut before = 0;
    for element in elements {
        let level = match element.name.as_str() {
            "h1" => 1,
            "h2" => 2,
            "h3" => 3,
            "h4" => 4,
            _ => continue,
        };
        if level > before + 1 || (level == 1 && before > 0) {
            problems.push(format!("<h{level}> after <h{before}>: {}", element.text));
        }
        before = level;
    }
    problems
}

/// Headings, captions and rows of a page as a person reads them: its outline.
pub fn outline(elements: &[Element]) -> String {
    let mut out = String::new();
    for (at, element) in elements.iter().enumerate() {
        let text = element.text.split_whitespace().collect::<Vec<_>>().join(" ");
        match element.name.as_str() {
            "h1" => out.push_str(&format!("# {text}\n")),
            "h2" => out.push_str(&format!("\n## {text}\n")),
            "h3" => out.push_str(&format!("### {text}\n")),
            "h4" => out.push_str(&format!("#### {text}\n")),
            "caption" => out.push_str(&format!("[{text}]\n")),
            "tr" => {
                let within = elements[at + 1..]
                    .iter()
                    .take_while(|other| other.depth > element.depth);
                let cells = within.filter(|cell| cell.depth == element.depth + 1);
                let cells: Vec<&str> = cells.map(|cell| cell.text.trim()).collect();
                out.push_str(&format!("| {} |\n", cells.join(" | ")));
            }
            "p" | "dt" | "dd" | "li" | "summary" | "desc" => out.push_str(&format!("{}: {text}\n", element.name)),
            _ => {}
        }
    }
    out
}
