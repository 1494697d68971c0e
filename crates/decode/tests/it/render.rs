//! The other direction: a template's text with values in its placeholders, as its daemon would have written it.

use std::net::{IpAddr, Ipv4Addr};

/// Numbers from a seed; the same seed gives the same line.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed | 1)
    }

    /// Below `sides`, which is not 0. Xorshift: Marsaglia 2003.
    pub fn throw(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % sides
    }

    fn word(&mut self, letters: &[u8], min: usize, max: usize) -> String {
        let length = min + self.throw(max - min + 1);
        (0..length)
            .map(|_| char::from(letters[self.throw(letters.len())]))
            .collect()
    }
}

/// What a placeholder should give back.
#[derive(Debug, PartialEq)]
pub enum Want {
    Text(String),
    Number(f64),
    Nothing,
}

/// A part of a template.
#[derive(Debug)]
pub enum Part<'t> {
    Literal(String),
    Placeholder { field: &'t str, kind: &'t str },
}

/// The parts of a template's text.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        literal.push_str(&rest[..at]);
        if rest[at..].starts_with("<<") {
            literal.push('<');
            rest = &rest[at + 2..];
            continue;
        }
        let Some(end) = rest[at..].find('>') else { break };
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(&mut literal)));
        }
        let inside = &rest[at + 1..at + end];
        let (field, kind) = inside.split_once(':').unwrap_or((inside, "text"));
        parts.push(Part::Placeholder { field, kind });
        rest = &rest[at + end + 1..];
    }
    literal.push_str(rest);
    parts.push(Part::Literal(literal));
    parts
}

/// A line of a template.
pub struct Rendered<'t> {
    pub line: String,
    /// What its named placeholders should give back.
    pub wants: Vec<(&'t str, Want)>,
    /// What stands in the `<_…>` that take any text.
    pub hidden: Vec<String>,
}

/// Writes a line of the template. Only the first name that is split from the
/// right may hold what a hostile peer would send: of two, nobody could tell where the first ends.
pub fn render<'t>(parts: &'t [Part<'t>], dice: &mut Dice) -> Rendered<'t> {
    let mut line = String::new();
    let (mut wants, mut hidden) = (Vec::new(), Vec::new());
    let mut hostile = true;
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(text) => line.push_str(text),
            Part::Placeholder {
                field: "_",
                kind: "text" | "any" | "word" | "rest",
            } => {
                let text = dice.word(TAME, 12, 16);
                line.push_str(&text);
                hidden.push(text);
            }
            Part::Placeholder { field, kind } => {
                let next = match parts.get(at + 1) {
                    Some(Part::Literal(text)) if hostile && kind.ends_with("name") => text.as_str(),
                    _ => "",
                };
                hostile &= !kind.ends_with("name");
                let (text, want) = value(kind, next, dice);
                line.push_str(&text);
                if *field != "_" && want != Want::Nothing {
                    wants.push((*field, want));
                }
            }
        }
    }
    Rendered { line, wants, hidden }
}

/// Letters that begin no literal text of any template.
const TAME: &[u8] = b"qxjzQXJZ";

fn value(kind: &str, next: &str, dice: &mut Dice) -> (String, Want) {
    let text = |text: String| (text.clone(), Want::Text(text));
    match kind {
        "int" => number(dice.throw(1_000_000) as f64, 0, 1.0),
        "hex" => text(format!("0x{:x}", dice.throw(1 << 20))),
        "number" | "seconds" => number(dice.throw(10_000) as f64 / 10.0, 1, 1.0),
        "minutes" => number(dice.throw(10_000) as f64 / 10.0, 1, 60.0),
        "ip" => text(address(dice).to_string()),
        "method" | "any-method" => method(dice),
        "mppe-bits" => ("RC4 128-bit".into(), Want::Number(128.0)),
        "ppp-options" => ("<mru 1400> <magic 0x1f>".into(), Want::Nothing),
        "asa-peer" => (
            format!("Group = g, Username = u, IP = {}, ", address(dice)),
            Want::Nothing,
        ),
        "span" => span(dice),
        "virtual-access" => {
            let number = dice.throw(500);
            (format!("Virtual-Access{number}"), Want::Text(format!("Vi{number}")))
        }
        "ldap-dn" => distinguished(&name("", dice)),
        "radius-cli" => (address(dice).to_string(), Want::Nothing),
        "radius-login" => text(dice.word(TAME, 1, 8)),
        "name" | "v-name" => text(name(next, dice).replace(['"', '\\', '^'], "")),
        "pppd-name" => escaped(&name(next, dice).replace('^', "")),
        "debug-name" | "radius-name" => {
            let name = name(next, dice).replace('=', "");
            (name.replace('\\', "\\\\").replace('"', "\\\""), Want::Text(name))
        }
        _ => text(dice.word(TAME, 1, 8)),
    }
}

fn number(value: f64, digits: usize, unit: f64) -> (String, Want) {
    (format!("{value:.digits$}"), Want::Number(value * unit))
}

/// A length of time as the ASA writes it.
fn span(dice: &mut Dice) -> (String, Want) {
    let (days, hours, minutes, seconds) = (dice.throw(9), dice.throw(24), dice.throw(60), dice.throw(60));
    let total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds;
    (
        format!("{days}d {hours}h:{minutes:02}m:{seconds:02}s"),
        Want::Number(total as f64),
    )
}

fn address(dice: &mut Dice) -> IpAddr {
    let mut part = || dice.throw(256) as u8;
    Ipv4Addr::new(part(), part(), part(), part()).into()
}

fn method(dice: &mut Dice) -> (String, Want) {
    let words = [
        ("MS-v2", "ms-chap-v2"),
        ("pap", "pap"),
        ("MD5", "chap-md5"),
        ("eap", "eap"),
        ("chap MS", "ms-chap"),
    ];
    let (written, meant) = words[dice.throw(4)];
    (written.into(), Want::Text(meant.into()))
}

/// A name; now and then one that repeats the text that follows it in the line.
fn name(next: &str, dice: &mut Dice) -> String {
    let letters = b"ab c\"'\\()[]:,=x9";
    let (before, after) = (dice.word(letters, 0, 6), dice.word(TAME, 1, 3));
    let trap = if dice.throw(3) == 0 { next } else { "" };
    format!("q{before}{trap}{after}")
}

/// An entry of that account, as RFC 4514 writes it.
fn distinguished(name: &str) -> (String, Want) {
    let escape = |c: char| match c {
        ',' | '=' | '+' | '"' | '\\' | '#' | ';' | '<' | '>' => format!("\\{:02X}", u32::from(c)),
        c => c.to_string(),
    };
    let value: String = name.chars().map(escape).collect();
    (
        format!("uid={value},ou=people,dc=example,dc=org"),
        Want::Text(name.into()),
    )
}

fn escaped(name: &str) -> (String, Want) {
    let written = pppd_q(&pppd_v(name.as_bytes()));
    (String::from_utf8_lossy(&written).into_owned(), Want::Text(name.into()))
}

/// pppd's `%v` (`vslprintf` in pppd/utils.c): bytes from 0x80 on as `M-x`, control bytes as `^X`, a tab as it is.
pub fn pppd_v(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in name {
        if *byte >= 0x80 {
            out.extend_from_slice(b"M-");
        }
        match byte & 0x7f {
            b'\t' => out.push(b'\t'),
            control @ (0..0x20 | 0x7f) => out.extend_from_slice(&[b'^', control ^ 0x40]),
            plain => out.push(plain),
        }
    }
    out
}

/// pppd's `%q`: a backslash before quotation mark and backslash, control bytes as C escapes.
pub fn pppd_q(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in name {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 | 0x7f..0xa0 => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            _ => out.push(*byte),
        }
    }
    out
}
