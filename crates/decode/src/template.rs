//! Templates: how a message's text is told and taken apart.
//!
//! A template is literal text with placeholders `<name:type>`. It is compiled to a literal beginning, by which it is
//! indexed, and pieces: a placeholder and the literal that follows it. No regular expressions, no backtracking except
//! for peer-chosen names, which are split from the right.

use std::net::IpAddr;

use memchr::memmem;
use tunlog_model::Field;

use crate::{options, unescape};

/// How a placeholder's text is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // dialects/README.md tells each type
pub enum Kind {
    Text,
    Any,
    Word,
    Int,
    Hex,
    Number,
    Ip,
    Minutes,
    Seconds,
    Method,
    Name,
    PppdName,
    DebugName,
    RadiusName,
    RadiusLogin,
    RadiusCli,
    PppOptions,
    Rest,
}

impl Kind {
    /// Every type with the word it has in templates.
    pub const ALL: &[(Kind, &str)] = &[
        (Kind::Text, "text"),
        (Kind::Any, "any"),
        (Kind::Word, "word"),
        (Kind::Int, "int"),
        (Kind::Hex, "hex"),
        (Kind::Number, "number"),
        (Kind::Ip, "ip"),
        (Kind::Minutes, "minutes"),
        (Kind::Seconds, "seconds"),
        (Kind::Method, "method"),
        (Kind::Name, "name"),
        (Kind::PppdName, "pppd-name"),
        (Kind::DebugName, "debug-name"),
        (Kind::RadiusName, "radius-name"),
        (Kind::RadiusLogin, "radius-login"),
        (Kind::RadiusCli, "radius-cli"),
        (Kind::PppOptions, "ppp-options"),
        (Kind::Rest, "rest"),
    ];

    fn from_word(word: &str) -> Option<Kind> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|(kind, _)| *kind)
    }

    /// Its grammar tells where it ends, so that another placeholder may follow at once.
    fn ends_itself(self) -> bool {
        use Kind::*;
        matches!(self, Int | Hex | Number | Ip | Minutes | Seconds)
    }

    /// Split at the last fitting place, because the peer chooses the text.
    fn from_right(self) -> bool {
        use Kind::*;
        matches!(self, Name | PppdName | DebugName | RadiusName | RadiusLogin | RadiusCli)
    }
}

/// What a placeholder caught, still borrowed from the line.
#[derive(Clone, Debug, PartialEq)]
pub enum Caught<'a> {
    /// As written.
    Text(&'a [u8]),
    /// Escaping undone, and that changed it.
    Bytes(Box<[u8]>),
    /// Whole number.
    Int(i64),
    /// Seconds.
    Seconds(f64),
    /// Address.
    Ip(IpAddr),
    /// A word of the contract.
    Word(&'static str),
    /// Yes or no.
    Bool(bool),
}

/// The fields of a line, in order.
pub type Fields<'a> = Vec<(Field, Caught<'a>)>;

#[derive(Clone, Debug)]
struct Piece {
    kind: Kind,
    field: Option<Field>,
    /// Literal that follows.
    literal: Box<[u8]>,
}

/// A compiled template.
#[derive(Clone, Debug)]
pub struct Template {
    prefix: Box<[u8]>,
    pieces: Box<[Piece]>,
    literals: usize,
}

impl Template {
    /// Compiles the text of a template.
    ///
    /// # Errors
    /// Says what is wrong: an unknown type or field, two placeholders without a literal between them.
    pub fn compile(text: &str) -> Result<Template, String> {
        let mut prefix = Vec::new();
        let mut pieces: Vec<Piece> = Vec::new();
        let mut literal = Vec::new();
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            if bytes[at] != b'<' || bytes.get(at + 1) == Some(&b'<') {
                literal.push(bytes[at]);
                at += if bytes[at] == b'<' { 2 } else { 1 };
                continue;
            }
            let end = memchr::memchr(b'>', &bytes[at..]).ok_or_else(|| format!("`<` without `>` in `{text}`"))? + at;
            flush(&mut prefix, &mut pieces, &mut literal, text)?;
            pieces.push(placeholder(&text[at + 1..end])?);
            at = end + 1;
        }
        match pieces.last_mut() {
            Some(last) => last.literal = literal.into(),
            None => prefix = literal,
        }
        let literals = prefix.len() + pieces.iter().map(|piece| piece.literal.len()).sum::<usize>();
        Ok(Template { prefix: prefix.into(), pieces: pieces.into(), literals })
    }

    /// The literal text before the first placeholder.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// How many bytes of literal text it has: the more, the more specific.
    pub fn literals(&self) -> usize {
        self.literals
    }

    /// Whether the template is the literal alone.
    pub fn is_literal(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The fields it extracts, without those of `ppp-options`.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        self.pieces.iter().filter_map(|piece| piece.field)
    }

    /// Takes `body` apart, whose beginning is known to be the prefix. On success the fields are added to `fields`; on
    /// failure `fields` is as before.
    pub fn take<'a>(&self, body: &'a [u8], fields: &mut Fields<'a>) -> bool {
        let before = fields.len();
        let rest = &body[self.prefix.len()..];
        let fits = if self.pieces.is_empty() { rest.is_empty() } else { take_pieces(&self.pieces, rest, fields) };
        if !fits {
            fields.truncate(before);
        }
        fits
    }
}

fn flush(prefix: &mut Vec<u8>, pieces: &mut [Piece], literal: &mut Vec<u8>, text: &str) -> Result<(), String> {
    match pieces.last_mut() {
        None => *prefix = std::mem::take(literal),
        Some(last) if literal.is_empty() && !last.kind.ends_itself() => {
            return Err(format!("two placeholders without text between them in `{text}`"));
        }
        Some(last) => last.literal = std::mem::take(literal).into(),
    }
    Ok(())
}

fn placeholder(inside: &str) -> Result<Piece, String> {
    let (name, kind) = inside.split_once(':').unwrap_or((inside, "text"));
    let kind = Kind::from_word(kind).ok_or_else(|| {
        let known: Vec<&str> = Kind::ALL.iter().map(|(_, word)| *word).collect();
        format!("unknown type `{kind}` of `<{inside}>`; known types: {}", known.join(", "))
    })?;
    let field = match name {
        "_" => None,
        name => Some(Field::from_word(name).ok_or_else(|| unknown_field(name))?),
    };
    Ok(Piece { kind, field, literal: Box::default() })
}

/// The message for a field that is not in the list, with the nearest one that is.
pub fn unknown_field(name: &str) -> String {
    let nearest = Field::ALL.iter().map(|(_, word)| *word).min_by_key(|word| (!abbreviates(name, word), distance(word, name))).unwrap_or_default();
    format!("unknown field `{name}`, did you mean `{nearest}`?")
}

/// Whether the letters of `short` stand in `long` in the same order (`iface`, `interface`).
fn abbreviates(short: &str, long: &str) -> bool {
    let mut letters = long.chars();
    short.chars().all(|c| letters.any(|letter| letter == c))
}

/// Edit distance, for suggestions.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.bytes().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.bytes().enumerate() {
            let cost = corner + usize::from(ca != cb);
            corner = row[j + 1];
            row[j + 1] = cost.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// How many places are tried for the end of a peer-chosen name: bounds the work on a hostile line.
const SPLITS_MAX: usize = 32;

fn take_pieces<'a>(pieces: &[Piece], rest: &'a [u8], fields: &mut Fields<'a>) -> bool {
    let Some((piece, later)) = pieces.split_first() else { return rest.is_empty() };
    if piece.kind.from_right() {
        return take_from_right(piece, later, rest, fields);
    }
    let Some(end) = end_of(piece, rest, later.is_empty()) else { return false };
    let (text, after) = rest.split_at(end);
    let Some(after) = after.strip_prefix(&*piece.literal) else { return false };
    if later.is_empty() && !after.is_empty() {
        return false;
    }
    keep(piece, text, fields) && (later.is_empty() || take_pieces(later, after, fields))
}

/// Where the text of a placeholder ends that is read from the left.
fn end_of(piece: &Piece, rest: &[u8], last: bool) -> Option<usize> {
    match piece.kind {
        Kind::Int => some_run(rest, usize::from(rest.first() == Some(&b'-')), |b| b.is_ascii_digit()),
        Kind::Hex => some_run(rest, if rest.starts_with(b"0x") || rest.starts_with(b"0X") { 2 } else { 0 }, |b| b.is_ascii_hexdigit()),
        Kind::Number | Kind::Minutes | Kind::Seconds => some_run(rest, usize::from(rest.first() == Some(&b'-')), |b| b.is_ascii_digit() || b == b'.'),
        Kind::Ip => ip_run(rest, piece.literal.first().copied()),
        Kind::Word => word_run(rest, &piece.literal),
        Kind::PppOptions => until(rest, &piece.literal, last, true, true),
        Kind::Rest | Kind::Any => until(rest, &piece.literal, last, true, false),
        _ => until(rest, &piece.literal, last, false, false),
    }
}

fn some_run(rest: &[u8], skip: usize, is: fn(u8) -> bool) -> Option<usize> {
    let run = rest[skip..].iter().position(|b| !is(*b)).unwrap_or(rest.len() - skip);
    (run > 0).then_some(skip + run)
}

/// An address ends before the first byte that no address has; a colon or dot that belongs to the literal is given back.
fn ip_run(rest: &[u8], literal: Option<u8>) -> Option<usize> {
    let is = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'%');
    let mut end = rest.iter().position(|b| !is(b)).unwrap_or(rest.len());
    while end > 0 && matches!(rest[end - 1], b'.' | b':') && literal == Some(rest[end - 1]) {
        end -= 1;
    }
    if literal == Some(b':') && parse_ip(&rest[..end]).is_none() {
        end = memchr::memchr(b':', &rest[..end])?;
    }
    (end > 0).then_some(end)
}

fn word_run(rest: &[u8], literal: &[u8]) -> Option<usize> {
    let blank = rest.iter().position(|b| matches!(b, b' ' | b'\t')).unwrap_or(rest.len());
    let end = match literal.first() {
        None | Some(b' ' | b'\t') => blank,
        Some(_) => memmem::find(&rest[..(blank + literal.len()).min(rest.len())], literal)?,
    };
    (end > 0 && end <= blank).then_some(end)
}

fn until(rest: &[u8], literal: &[u8], last: bool, empty: bool, from_end: bool) -> Option<usize> {
    let end = match (literal.is_empty(), last) {
        (true, _) => rest.len(),
        // the last literal of a template must end the line: look there, not for the first one like it
        (false, true) => rest.ends_with(literal).then(|| rest.len() - literal.len())?,
        (false, false) if from_end => memmem::rfind(rest, literal)?,
        (false, false) => memmem::find(rest, literal)?,
    };
    (empty || end > 0).then_some(end)
}

fn take_from_right<'a>(piece: &Piece, later: &[Piece], rest: &'a [u8], fields: &mut Fields<'a>) -> bool {
    if later.is_empty() {
        return match rest.strip_suffix(&*piece.literal) {
            Some(text) => keep(piece, text, fields),
            None => false,
        };
    }
    let before = fields.len();
    let mut search = rest;
    for _ in 0..SPLITS_MAX {
        let Some(at) = memmem::rfind(search, &piece.literal) else { return false };
        if keep(piece, &rest[..at], fields) && take_pieces(later, &rest[at + piece.literal.len()..], fields) {
            return true;
        }
        fields.truncate(before);
        search = &rest[..(at + piece.literal.len()).saturating_sub(1).min(rest.len())];
        if search.len() < piece.literal.len() {
            return false;
        }
    }
    false
}

/// Turns the text of a placeholder into its value; false if it is no value of that type.
fn keep<'a>(piece: &Piece, text: &'a [u8], fields: &mut Fields<'a>) -> bool {
    if piece.kind == Kind::PppOptions {
        return options::take(text, fields);
    }
    if piece.kind == Kind::RadiusCli {
        if let (Some(field), Some(address)) = (piece.field.or(Some(Field::ClaimedIp)), parse_ip(text)) {
            fields.push((field, Caught::Ip(address)));
        }
        return true;
    }
    let Some(value) = value_of(piece.kind, text) else { return false };
    if let Some(field) = piece.field {
        fields.push((field, value));
    }
    true
}

fn value_of(kind: Kind, text: &[u8]) -> Option<Caught<'_>> {
    Some(match kind {
        Kind::Int => Caught::Int(parse_int(text)?),
        Kind::Ip => Caught::Ip(parse_ip(text)?),
        Kind::Minutes => Caught::Seconds((parse_number(text)? * 600.0).round() / 10.0),
        Kind::Seconds | Kind::Number => Caught::Seconds(parse_number(text)?),
        Kind::Method => Caught::Word(method_word(text)?),
        Kind::Name => Caught::Text(unescape::unquoted(text)),
        Kind::PppdName => caught(unescape::pppd(unescape::unquoted(text))),
        Kind::DebugName => caught(unescape::debug(text)),
        Kind::RadiusName => caught(unescape::radius(text)),
        Kind::RadiusLogin => caught(unescape::radius(unescape::login_name(text))),
        _ => Caught::Text(text),
    })
}

fn caught(text: std::borrow::Cow<'_, [u8]>) -> Caught<'_> {
    match text {
        std::borrow::Cow::Borrowed(bytes) => Caught::Text(bytes),
        std::borrow::Cow::Owned(bytes) => Caught::Bytes(bytes.into()),
    }
}

/// A decimal number that fits 64 bits.
pub fn parse_int(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first() {
        Some((b'-', digits)) => (true, digits),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut number: i64 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(i64::from(digit))?;
    }
    Some(if negative { -number } else { number })
}

fn parse_number(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// An address; IPv4 without leading zeros first, as nearly all are.
pub fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    if let Some(address) = parse_ipv4(text) {
        return Some(IpAddr::from(address));
    }
    if text.len() > 45 || !text.contains(&b':') {
        return None;
    }
    let address: std::net::Ipv6Addr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(IpAddr::V6(address).to_canonical())
}

fn parse_ipv4(text: &[u8]) -> Option<[u8; 4]> {
    if text.len() > 15 {
        return None;
    }
    let mut parts = [0u8; 4];
    let mut count = 0;
    for part in text.split(|byte| *byte == b'.') {
        if count == 4 || part.is_empty() || part.len() > 3 {
            return None;
        }
        parts[count] = u8::try_from(parse_int(part)?).ok()?;
        count += 1;
    }
    (count == 4).then_some(parts)
}

/// The contract's word for an authentication method as daemons name it.
pub fn method_word(text: &[u8]) -> Option<&'static str> {
    let mut word = text.to_ascii_lowercase();
    word.retain(|byte| !matches!(byte, b' ' | b'-' | b'_'));
    Some(match &*word {
        b"pap" => "pap",
        b"chap" | b"chapmd5" | b"md5" | b"chap05" | b"md5chap" => "chap-md5",
        b"mschap" | b"ms" | b"msv1" | b"mschapv1" | b"chapms" | b"chapm$oft" | b"m$oft" | b"chap80" => "ms-chap",
        b"mschapv2" | b"msv2" | b"mschap2" | b"chapmsv2" | b"chap81" => "ms-chap-v2",
        b"eap" => "eap",
        _ if word.starts_with(b"eap") => "eap",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take<'a>(template: &str, line: &'a str) -> Option<Fields<'a>> {
        let template = Template::compile(template).expect("the test's template is right");
        let mut fields = Vec::new();
        (line.as_bytes().starts_with(template.prefix()) && template.take(line.as_bytes(), &mut fields)).then_some(fields)
    }

    #[test]
    fn fields_are_taken_apart() {
        let fields = take("Client <client_ip:ip>, port <client_port:int> gone", "Client 192.0.2.7, port 1723 gone");
        let want = vec![
            (Field::ClientIp, Caught::Ip("192.0.2.7".parse().expect("address"))),
            (Field::ClientPort, Caught::Int(1723)),
        ];
        assert_eq!(fields, Some(want));
        assert_eq!(take("Client <client_ip:ip> gone", "Client 192.0.2.999 gone"), None);
        assert_eq!(take("Client <client_ip:ip> gone", "Client 192.0.2.9 gone, really"), None);
    }

    #[test]
    fn a_name_cannot_end_its_own_field() {
        let line = "Peer x failed CHAP authentication failed CHAP authentication";
        let fields = take("Peer <user:pppd-name> failed CHAP authentication", line).expect("fits");
        assert_eq!(fields[0].1, Caught::Text(b"x failed CHAP authentication"));
        let fields = take("Peer <user:pppd-name> failed CHAP authentication", "Peer  failed CHAP authentication").expect("fits");
        assert_eq!(fields[0].1, Caught::Text(b""));
    }

    #[test]
    fn an_ip_up_line_is_parsed_from_both_ends() {
        let line = "pptpd-logwtmp.so ip-up ppp0 ppp7 root 6.6.6.6 203.0.113.14";
        let fields = take("pptpd-logwtmp.so ip-up <interface:word> <user:name> <client_ip:ip>", line).expect("fits");
        assert_eq!(fields[1].1, Caught::Text(b"ppp7 root 6.6.6.6"));
        assert_eq!(fields[2].1, Caught::Ip("203.0.113.14".parse().expect("address")));
    }

    #[test]
    fn mistakes_are_told_with_a_suggestion() {
        assert!(Template::compile("on <iface:word>").expect_err("no such field").contains("did you mean `interface`"));
        assert!(Template::compile("<user><host>").expect_err("nothing between").contains("two placeholders"));
        assert!(Template::compile("<user:nam>").expect_err("no such type").contains("known types"));
    }
}
