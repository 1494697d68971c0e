//! Lines of VPN daemons that nobody understood, grouped by shape and counted.
//!
//! A shape is the line with everything replaced that differs between lines of one kind: numbers, addresses, hexadecimal
//! words and quoted text.

use std::collections::HashMap;

use tunlog_model::{Cell, Column, text as safe};

use super::text;

/// Shapes beyond this number share one row: a daemon gone mad must not fill the memory.
pub const SHAPES_MAX: usize = 2_000;
/// Bytes of a line that its shape is made of.
const SHAPE_BYTES_MAX: usize = 400;

/// Lines of one shape.
#[derive(Clone, Debug)]
pub struct UnknownRow {
    /// The dialect whose program wrote them.
    pub dialect: &'static str,
    /// What they have in common; absent in the row of the shapes beyond the limit.
    pub shape: Option<Box<str>>,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub example: Box<str>,
    /// The source of the first.
    pub source: Box<str>,
    /// Its line there.
    pub line: u64,
    /// Its whole record.
    pub record: Box<str>,
}

/// A line that was not understood.
#[derive(Clone, Copy, Debug)]
pub struct UnknownLine<'a> {
    /// The dialect whose program wrote it.
    pub dialect: &'static str,
    /// The message body.
    pub body: &'a [u8],
    /// The whole record.
    pub record: &'a [u8],
    /// Name of the source.
    pub source: &'a str,
    /// 1-based line number there.
    pub line: u64,
}

/// Groups lines by shape.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    index: HashMap<(&'static str, Box<str>), usize>,
    rows: Vec<UnknownRow>,
    beyond: Option<usize>,
}

impl Shapes {
    /// Counts a line.
    pub fn add(&mut self, line: &UnknownLine<'_>) {
        let shape: Box<str> = shape_of(&safe::lossy(line.body)).into();
        let key = (line.dialect, shape);
        let at = match self.index.get(&key) {
            Some(at) => *at,
            None if self.index.len() < SHAPES_MAX => {
                let at = self.new_row(line, Some(key.1.clone()));
                self.index.insert(key, at);
                at
            }
            None => {
                let at = self.beyond.unwrap_or(self.rows.len());
                if self.beyond.replace(at).is_none() {
                    self.new_row(line, None);
                }
                at
            }
        };
        self.rows[at].count += 1;
    }

    fn new_row(&mut self, line: &UnknownLine<'_>, shape: Option<Box<str>>) -> usize {
        self.rows.push(UnknownRow {
            dialect: line.dialect,
            shape,
            count: 0,
            example: safe::lossy(line.body).into(),
            source: line.source.into(),
            line: line.line,
            record: safe::lossy(line.record).into(),
        });
        self.rows.len() - 1
    }

    /// The groups, the largest first.
    pub fn rows(mut self) -> Vec<UnknownRow> {
        self.rows.sort_by(|a, b| {
            b.count
                .cmp(&a.count)
                .then_with(|| (a.dialect, &a.shape).cmp(&(b.dialect, &b.shape)))
        });
        self.rows
    }
}

/// What stands for the parts that differ.
struct Style {
    number: &'static str,
    ip: &'static str,
    hex: &'static str,
    /// Instead of a quoted text, its quotation marks included.
    quoted: fn(char) -> String,
    /// A `<` of the line itself.
    angle: &'static str,
    /// The rest of a line that is too long.
    rest: &'static str,
}

const SHAPE: Style = Style {
    number: "<n>",
    ip: "<ip>",
    hex: "<hex>",
    quoted: |_| "<text>".to_owned(),
    angle: "<",
    rest: "…",
};

/// As dialect files have it (`decode/dialects/README.md`).
const TEMPLATE: Style = Style {
    number: "<_:int>",
    ip: "<_:ip>",
    hex: "<_:hex>",
    quoted: |mark| format!("{mark}<_:name>{mark}"),
    angle: "<<",
    rest: "<_:rest>",
};

impl UnknownRow {
    /// A template that the example fits, and most lines of the same shape.
    pub fn template(&self) -> String {
        render(&self.example, &TEMPLATE)
    }
}

/// The shape of a line: `<n>` for a number, `<ip>` for an address, `<hex>` for a hexadecimal word, `<text>` for what
/// stands in quotation marks.
pub fn shape_of(line: &str) -> String {
    render(line, &SHAPE)
}

fn render(line: &str, style: &Style) -> String {
    let mut shape = String::with_capacity(line.len().min(SHAPE_BYTES_MAX));
    let mut rest = line;
    let mut after_word = false; // the digit of `ppp0` belongs to a name, yet differs from line to line
    while let Some(c) = rest.chars().next() {
        if line.len() - rest.len() >= SHAPE_BYTES_MAX {
            shape.push_str(style.rest);
            break;
        }
        if let (false, Some(end)) = (after_word, quoted(rest)) {
            shape.push_str(&(style.quoted)(c));
            rest = &rest[end..];
            continue;
        }
        if !c.is_ascii_alphanumeric() {
            match c {
                '<' => shape.push_str(style.angle),
                c => shape.push(c),
            }
            rest = &rest[c.len_utf8()..];
            after_word = c.is_alphanumeric();
            continue;
        }
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | ':'))
            .unwrap_or(rest.len());
        let word = rest[..end].trim_end_matches(['.', ':']);
        let end = word.len().max(1);
        word_shape(word, style, &mut shape);
        rest = &rest[end..];
        after_word = true;
    }
    shape
}

fn word_shape(word: &str, style: &Style, shape: &mut String) {
    let hex = |word: &str| {
        word.len() >= 4 && word.bytes().all(|b| b.is_ascii_hexdigit()) && word.bytes().any(|b| b.is_ascii_digit())
    };
    if word.parse::<std::net::IpAddr>().is_ok() {
        shape.push_str(style.ip);
    } else if word.parse::<std::net::SocketAddr>().is_ok() {
        shape.push_str(&format!("{}:{}", style.ip, style.number));
    } else if let Some(digits) = word.strip_prefix("0x")
        && digits.bytes().all(|b| b.is_ascii_hexdigit())
    {
        shape.push_str(style.hex);
    } else if hex(word) && !word.bytes().all(|b| b.is_ascii_digit()) {
        shape.push_str(style.hex);
    } else {
        digits_shape(word, style, shape);
    }
}

/// Each run of digits as one number.
fn digits_shape(word: &str, style: &Style, shape: &mut String) {
    let mut in_digits = false;
    for c in word.chars() {
        if !c.is_ascii_digit() {
            shape.push(c);
        } else if !in_digits {
            shape.push_str(style.number);
        }
        in_digits = c.is_ascii_digit();
    }
}

/// The length of a quoted text that `rest` begins with.
fn quoted(rest: &str) -> Option<usize> {
    let mark = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    rest[1..].find(mark).map(|at| at + 2)
}

/// The contract's `unknown`.
pub const COLUMNS: &[Column<UnknownRow>] = &[
    Column {
        key: "count",
        header: "Count",
        doc: "How many lines.",
        value: |row| Cell::Count(row.count),
    },
    Column {
        key: "dialect",
        header: "Dialect",
        doc: "The dialect whose program wrote them.",
        value: |row| Cell::Word(row.dialect),
    },
    Column {
        key: "shape",
        header: "Shape",
        doc: "What the lines have in common.",
        value: |row| Cell::Text(row.shape.as_deref().unwrap_or("(other shapes)").to_owned()),
    },
    Column {
        key: "example",
        header: "",
        doc: "The first of them.",
        value: |row| text(&row.example),
    },
    Column {
        key: "evidence",
        header: "",
        doc: "Where the first stands.",
        value: |row| {
            Cell::List(vec![Cell::Object(vec![
                ("source", text(&row.source)),
                ("line", Cell::Count(row.line)),
                ("text", text(&row.record)),
            ])])
        },
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_replaced() {
        let shapes = [
            (
                "Connect ppp12 to 203.0.113.9:1701, call 0x3fa9 of 10.",
                "Connect ppp<n> to <ip>:<n>, call <hex> of <n>.",
            ),
            ("user \"anna the first\" failed 3 times", "user <text> failed <n> times"),
            ("peer's clock", "peer's clock"),
            ("magic a1b2c3d4 2001:db8::1 up", "magic <hex> <ip> up"),
            ("Пётр 12", "Пётр <n>"),
        ];
        for (line, shape) in shapes {
            assert_eq!(shape_of(line), shape);
        }
    }

    #[test]
    fn a_template_is_made_of_an_example() {
        let lines = [
            (
                "Connect ppp12 <x> to 203.0.113.9:1701, call 0x3fa9",
                "Connect ppp<_:int> <<x> to <_:ip>:<_:int>, call <_:hex>",
            ),
            ("user \"anna\" failed 3 times", "user \"<_:name>\" failed <_:int> times"),
        ];
        for (line, template) in lines {
            assert_eq!(render(line, &TEMPLATE), template);
        }
    }

    #[test]
    fn groups_are_counted_and_bounded() {
        let mut shapes = Shapes::default();
        let mut add = |body: &str| {
            let line = UnknownLine {
                dialect: "pppd",
                body: body.as_bytes(),
                record: b"",
                source: "log",
                line: 1,
            };
            shapes.add(&line);
        };
        (0..10).for_each(|number| add(&format!("call {number}")));
        let word = |number: usize| -> String {
            (0..6)
                .map(|place| char::from(b'g' + (number / 16_usize.pow(place) % 16) as u8))
                .collect()
        };
        (0..SHAPES_MAX + 5).for_each(|number| add(&word(number)));
        let rows = shapes.rows();
        assert_eq!(rows.len(), SHAPES_MAX + 1);
        assert_eq!((rows[0].shape.as_deref(), rows[0].count), (Some("call <n>"), 10));
        assert_eq!((rows[1].shape.as_deref(), rows[1].count), (None, 6));
    }
}
