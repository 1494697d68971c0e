//! A configuration file on its way into structs: every mistake of it at once, each with its line, its key, and what was
//! probably meant.
//!
//! A section is read by its struct's `Deserialize`. That stops at the first mistake; so what it stumbled over is noted and
//! taken out, and it is asked again, until it is content.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use tunlog_model::near::nearest;
use tunlog_model::text;

/// Mistakes that are told; who has more of them has the wrong file.
const MISTAKES_MAX: usize = 100;
/// Names that are listed where none is near.
const LISTED_MAX: usize = 24;

/// Something in a configuration that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// File, or option of the command line.
    pub place: String,
    /// Line in the file, from 1.
    pub line: Option<usize>,
    /// `section.key`; empty where it is none's.
    pub key: String,
    /// What is wrong, and what to do.
    pub words: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::visible(&self.place))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if !self.key.is_empty() {
            write!(f, "`{}`: ", text::visible(&self.key))?;
        }
        f.write_str(&text::visible(&self.words))
    }
}

/// A step from a table or list to what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

/// Something in the document: the way to it, and where it stands.
struct Node {
    steps: Vec<Step>,
    key: Range<usize>,
    value: Range<usize>,
}

/// A file that is being read.
pub struct Document<'t> {
    name: String,
    text: &'t str,
    root: DeTable<'t>,
    mistakes: Vec<Mistake>,
}

impl<'t> Document<'t> {
    /// Reads TOML. What is no TOML is a mistake, told at the end with all others.
    pub fn parse(name: &str, text: &'t str) -> Document<'t> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut document = Document {
            name: name.to_owned(),
            text,
            root: root.into_inner(),
            mistakes: Vec::new(),
        };
        for error in errors {
            let line = error.span().map(|span| document.line(&span));
            let words = format!("is no TOML: {}", error.message().lines().collect::<Vec<_>>().join(", "));
            document.note(line, String::new(), words);
        }
        if !document.mistakes.is_empty() {
            // what was understood of it may not be what was meant
            document.root = DeTable::default();
        }
        document
    }

    /// The file.
    pub fn place(&self) -> &Path {
        Path::new(&self.name)
    }

    /// The folder of the file, from which it names others.
    pub fn folder(&self) -> &Path {
        self.place().parent().unwrap_or(Path::new(""))
    }

    /// Names of the sections that are there.
    pub fn sections(&self) -> impl Iterator<Item = &str> {
        self.root.keys().map(|key| key.get_ref().as_ref())
    }

    /// Reads a section into its struct. None: it is not there. Mistakes are noted, and left out of what is returned.
    pub fn section<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let (key, value) = self.root.get_key_value(name)?;
        let key_span = key.span();
        let whole = value.clone();
        let mut value = value.clone();
        if !value.get_ref().is_table() {
            let line = self.line(&key_span);
            self.note(Some(line), name.to_owned(), format!("must be a table: [{name}]"));
            return None;
        }
        for _ in 0..MISTAKES_MAX {
            let error = match T::deserialize(ValueDeserializer::from(value.clone())) {
                Ok(read) => return Some(read),
                Err(error) => error,
            };
            let found = error.span().and_then(|span| find(&value, &span));
            let Some(node) = found.filter(|node| !node.steps.is_empty()) else {
                let line = self.line(&key_span);
                self.note(Some(line), name.to_owned(), said_of(error.message(), name));
                return None;
            };
            let line = self.line(&node.key);
            // members of lists move up when others are taken out
            let path = path_of(name, &first_steps(&whole, &node));
            let words = said_of(error.message(), &path);
            self.note(Some(line), path, words);
            remove(value.get_mut(), &node.steps);
        }
        None
    }

    /// The keys of a section as they stand there, for who reads them one by one: `mistake` tells what is wrong with one.
    pub fn table(&mut self, name: &str) -> Option<DeTable<'t>> {
        match self.root.get_key_value(name)? {
            (_, value) if value.get_ref().is_table() => value.get_ref().as_table().cloned(),
            (key, _) => {
                let line = self.line(&key.span());
                self.note(Some(line), name.to_owned(), format!("must be a table: [{name}]"));
                None
            }
        }
    }

    /// Notes that a value that can be read is wrong all the same. `path` is `section.key`, with further keys and numbers of
    /// list members behind it (`notify.webhook[1].url` of the first); the line is that of the longest part of it which stands in the file.
    pub fn mistake(&mut self, path: &str, words: impl Into<String>) {
        let line = self.line_of(path);
        self.note(line, path.to_owned(), words.into());
    }

    /// Notes the sections that are not in the list.
    pub fn check_sections(&mut self, known: &[&str]) {
        let strange: Vec<(usize, String)> = (self.root.keys())
            .filter(|key| !known.contains(&key.get_ref().as_ref()))
            .map(|key| (self.line(&key.span()), key.get_ref().to_string()))
            .collect();
        for (line, name) in strange {
            let words = match nearest(&name, known.iter().copied()) {
                Some(meant) => format!("there is no section of this name; did you mean `{meant}`?"),
                None => format!("there is no section of this name: {}", known.join(", ")),
            };
            self.note(Some(line), name, words);
        }
    }

    /// What was wrong, in the order of the lines.
    pub fn finish(mut self) -> Vec<Mistake> {
        self.mistakes.sort_by_key(|mistake| mistake.line);
        self.mistakes.truncate(MISTAKES_MAX);
        self.mistakes
    }

    fn note(&mut self, line: Option<usize>, key: String, words: String) {
        self.mistakes.push(Mistake {
            place: self.name.clone(),
            line,
            key,
            words,
        });
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    fn line_of(&self, path: &str) -> Option<usize> {
        let steps = path.split(['.', '[', ']']).filter(|step| !step.is_empty());
        let mut line = None;
        let mut table = Some(&self.root);
        let mut value: Option<&Spanned<DeValue<'_>>> = None;
        for step in steps {
            if let Some((key, inner)) = table.and_then(|table| table.get_key_value(step)) {
                line = Some(self.line(&key.span()));
                value = Some(inner);
            } else {
                let number = step.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                let Some(member) = number.and_then(|index| value?.get_ref().get(index)) else {
                    break;
                };
                line = Some(self.line(&member.span()));
                value = Some(member);
            }
            table = value.and_then(|value| value.get_ref().as_table());
        }
        line
    }
}

/// The smallest thing in a value that holds a span.
fn find(root: &Spanned<DeValue<'_>>, span: &Range<usize>) -> Option<Node> {
    let mut all = Vec::new();
    walk(root, &mut Vec::new(), &mut all);
    let holds = |range: &Range<usize>| range.start <= span.start && span.end <= range.end;
    let size = |node: &Node| match (holds(&node.key), holds(&node.value)) {
        (true, _) => Some(node.key.len()),
        (false, true) => Some(node.value.len()),
        (false, false) => None,
    };
    // of equals the outer one: a table that is no more than its header
    let found = all.into_iter().filter_map(|node| Some((size(&node)?, node)));
    found.min_by_key(|(size, _)| *size).map(|(_, node)| node)
}

/// The way to a node before anything was taken out.
fn first_steps(whole: &Spanned<DeValue<'_>>, node: &Node) -> Vec<Step> {
    let mut all = Vec::new();
    walk(whole, &mut Vec::new(), &mut all);
    let same =
        |known: &&Node| known.key == node.key && known.value == node.value && known.steps.len() == node.steps.len();
    all.iter().find(same).unwrap_or(node).steps.clone()
}

fn walk(value: &Spanned<DeValue<'_>>, steps: &mut Vec<Step>, all: &mut Vec<Node>) {
    let members: Vec<(Step, Range<usize>, &Spanned<DeValue<'_>>)> = match value.get_ref() {
        DeValue::Table(table) => table
            .iter()
            .map(|(key, value)| (Step::Key(key.get_ref().to_string()), key.span(), value))
            .collect(),
        DeValue::Array(array) => (array.iter().enumerate())
            .map(|(index, value)| (Step::Index(index), value.span(), value))
            .collect(),
        _ => return,
    };
    for (step, key, value) in members {
        steps.push(step);
        all.push(Node {
            steps: steps.clone(),
            key,
            value: value.span(),
        });
        walk(value, steps, all);
        steps.pop();
    }
}

fn remove(value: &mut DeValue<'_>, steps: &[Step]) {
    let Some((first, rest)) = steps.split_first() else {
        return;
    };
    match (value, first) {
        (DeValue::Table(table), Step::Key(key)) if rest.is_empty() => {
            table.remove(key.as_str());
        }
        (DeValue::Array(array), Step::Index(index)) if rest.is_empty() && *index < array.len() => {
            let others = array.iter().enumerate().filter(|(at, _)| at != index);
            *array = others.map(|(_, value)| value.clone()).collect();
        }
        (DeValue::Table(table), Step::Key(key)) => {
            if let Some(inner) = table.get_mut(key.as_str()) {
                remove(inner.get_mut(), rest);
            }
        }
        (DeValue::Array(array), Step::Index(index)) => {
            if let Some(inner) = array.get_mut(*index) {
                remove(inner.get_mut(), rest);
            }
        }
        _ => {}
    }
}

fn path_of(section: &str, steps: &[Step]) -> String {
    let mut path = section.to_owned();
    for step in steps {
        match step {
            Step::Key(key) => path.push_str(&format!(".{key}")),
            Step::Index(index) => path.push_str(&format!("[{}]", index + 1)),
        }
    }
    path
}

/// serde quotes what it did not expect. What stands in the file may be a secret, though, in the right place and of the wrong type;
/// the line is named, so nobody needs to be told what it says. A number that is out of range is none.
fn without_value(message: &str) -> String {
    let stripped = || {
        let (kind, is_value) = ["invalid type: ", "invalid value: string "]
            .into_iter()
            .find_map(|begin| Some((begin, message.strip_prefix(begin)?)))?;
        let (value, expected) = is_value.rsplit_once(", expected ")?;
        let word = value.split(['`', '"']).next().unwrap_or_default();
        Some(format!("{}, expected {expected}", format!("{kind}{word}").trim_end()))
    };
    stripped().unwrap_or_else(|| message.to_owned())
}

/// serde's words in ours. Names that serde knows stand in backquotes: ``unknown field `a`, expected one of `b`, `c` ``.
fn said_of(message: &str, path: &str) -> String {
    let message = without_value(&message.lines().collect::<Vec<_>>().join(", "));
    let rest = ["unknown field `", "unknown variant `"]
        .iter()
        .find_map(|begin| Some((*begin, message.strip_prefix(begin)?)));
    let Some((begin, (typed, expected))) = rest.and_then(|(begin, rest)| Some((begin, rest.split_once('`')?))) else {
        return message;
    };
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let what = match begin.contains("variant") {
        true => format!("cannot be \"{typed}\""),
        false => match path.rsplit_once('.') {
            Some((_, last)) if last != typed => format!("there is no key `{typed}` here"),
            _ => "there is no key of this name here".to_owned(),
        },
    };
    match nearest(typed, known.iter().copied()) {
        Some(meant) => format!("{what}; did you mean `{meant}`?"),
        None if known.is_empty() => what,
        None => {
            let more = if known.len() > LISTED_MAX { ", …" } else { "" };
            let listed: Vec<&str> = known.iter().copied().take(LISTED_MAX).collect();
            format!("{what}: {}{more}", listed.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
    struct Section {
        bytes: u64,
        file_name: Option<String>,
        policy: Policy,
        peers: Vec<std::net::IpAddr>,
        inner: Inner,
        channel: Vec<Inner>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
    struct Inner {
        url: String,
        every: Option<u32>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Policy {
        #[default]
        Block,
        Stop,
    }

    fn check(text: &str, expected: Expect) {
        let mut document = Document::parse("t.toml", text);
        let section: Option<Section> = document.section("store");
        if let Some(section) = &section
            && section.bytes == 7
        {
            document.mistake("store.bytes", "7 is too few");
        }
        if section.as_ref().is_some_and(|section| section.channel.len() == 2) && text.contains("no-url") {
            document.mistake("store.channel[2].url", "is missing");
        }
        document.check_sections(&["store", "follow"]);
        let shown: Vec<String> = document.finish().iter().map(|mistake| format!("{mistake}\n")).collect();
        expected.assert_eq(&shown.concat());
    }

    #[test]
    fn every_mistake_is_told_with_its_line_and_what_was_meant() {
        check(
            "[store]\nbyte = 1\nfile_name = \"x\"\npolicy = \"blok\"\npeers = [\"192.0.2.1\", \"192.0.2\",\n  \"x\"]\n\
             [store.inner]\nurll = 1\nevery = -1\n[[store.channel]]\nurl = \"a\"\n[[store.channel]]\nurl = 5\nurl-file = 1\n[stoer]\n[x]\n",
            expect![[r#"
                t.toml:2: `store.byte`: there is no key of this name here; did you mean `bytes`?
                t.toml:3: `store.file_name`: there is no key of this name here; did you mean `file-name`?
                t.toml:4: `store.policy`: cannot be "blok"; did you mean `block`?
                t.toml:5: `store.peers[2]`: invalid IP address syntax
                t.toml:6: `store.peers[3]`: invalid IP address syntax
                t.toml:8: `store.inner.urll`: there is no key of this name here; did you mean `url`?
                t.toml:9: `store.inner.every`: invalid value: integer `-1`, expected u32
                t.toml:13: `store.channel[2].url`: invalid type: integer, expected a string
                t.toml:14: `store.channel[2].url-file`: there is no key of this name here; did you mean `url`?
                t.toml:15: `stoer`: there is no section of this name; did you mean `store`?
                t.toml:16: `x`: there is no section of this name: store, follow
            "#]],
        );
    }

    /// Whatever is wrong with a secret, it is not repeated.
    #[test]
    fn a_secret_of_the_wrong_type_is_not_shown() {
        #[derive(Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        #[allow(dead_code)]
        struct Keys {
            token: crate::notify::secret::Secret,
            password: Option<String>,
            port: u16,
            mode: Policy,
        }
        for text in [
            "token = 271828182845",
            "token = 2.71828182845",
            "token = [\"271828182845\"]",
            "token = { file = 271828182845 }",
            "token = { text = \"271828182845\" }",
            "token = 2718-02-08T18:28:18.2845Z",
            "password = 271828182845",
            "password = [\"271828182845, expected a string\"]",
            "port = \"271828182845\"",
            "mode = 271828182845",
            // and of what is no TOML
            "token = secret271828182845",
            "token = \"271828182845",
            "token = '271828182845\nport = 1",
            "token = 271828182845secret",
        ] {
            let text = format!("[store]\n{text}\n");
            let mut document = Document::parse("t.toml", &text);
            let _: Option<Keys> = document.section("store");
            let shown: Vec<String> = document.finish().iter().map(ToString::to_string).collect();
            assert!(!shown.is_empty() && shown[0].contains("t.toml:"), "{text}: {shown:?}");
            let told = shown.concat();
            assert!(!told.contains("2845") && !told.contains("2718"), "{text}: {told}");
        }
    }

    #[test]
    fn values_that_can_be_read_may_be_wrong() {
        check(
            "# a\n\n[store]\npolicy = \"stop\"\nbytes = 7\n",
            expect![[r#"
                t.toml:5: `store.bytes`: 7 is too few
            "#]],
        );
    }

    #[test]
    fn what_is_not_there_is_told_where_it_should_be() {
        check(
            "[store]\n[[store.channel]]\n[[store.channel]]\n# no-url\nevery = 1\n",
            expect![[r#"
                t.toml:3: `store.channel[2].url`: is missing
            "#]],
        );
    }

    #[test]
    fn what_is_no_toml_is_told_at_its_lines() {
        check(
            "[store]\nbytes = = 1\n[follow\nglobs = [\n\"\\q\"]\n",
            expect![[r#"
            t.toml:2: is no TOML: extra `=`, expected nothing
            t.toml:2: is no TOML: unexpected key or value, expected newline, `#`
            t.toml:3: is no TOML: unclosed table, expected `]`
        "#]],
        );
        check(
            "store = 1\n",
            expect![[r#"
            t.toml:1: `store`: must be a table: [store]
        "#]],
        );
        check(
            "[store]\nbytes = 1\nbytes = 2\n",
            expect![[r#"
            t.toml:3: is no TOML: duplicate key
        "#]],
        );
    }
}
