//! Templates: how a message's text is told and taken apart.
//!
//! A template is literal text with placeholders `<name:type>`. It is compiled to a literal beginning, by which it is
//! indexed, and pieces: a placeholder and the literal that follows it. No regular expressions, no backtracking except
//! for peer-chosen names, which are split from the right.

mod cisco;
mod digits;
mod dn;
mod literal;
mod stop;
mod suggest;
mod take;
mod value;

use tunlog_model::Field;

pub(crate) use literal::packed;
pub use stop::Stop;
pub use suggest::{unknown, unknown_field};
pub use take::Place;
pub use value::{Caught, Fields, method_word, parse_int, parse_ip};

use literal::Literal;
use take::{Fits, Places, take_pieces};

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
    AnyMethod,
    MppeBits,
    Name,
    PppdName,
    VName,
    DebugName,
    RadiusName,
    RadiusLogin,
    RadiusCli,
    PppOptions,
    AsaPeer,
    Span,
    VirtualAccess,
    LdapDn,
    Bracketed,
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
        (Kind::AnyMethod, "any-method"),
        (Kind::MppeBits, "mppe-bits"),
        (Kind::Name, "name"),
        (Kind::PppdName, "pppd-name"),
        (Kind::VName, "v-name"),
        (Kind::DebugName, "debug-name"),
        (Kind::RadiusName, "radius-name"),
        (Kind::RadiusLogin, "radius-login"),
        (Kind::RadiusCli, "radius-cli"),
        (Kind::PppOptions, "ppp-options"),
        (Kind::AsaPeer, "asa-peer"),
        (Kind::Span, "span"),
        (Kind::VirtualAccess, "virtual-access"),
        (Kind::LdapDn, "ldap-dn"),
        (Kind::Bracketed, "bracketed"),
        (Kind::Rest, "rest"),
    ];

    fn from_word(word: &str) -> Option<Kind> {
        Self::ALL.iter().find(|(_, name)| *name == word).map(|(kind, _)| *kind)
    }

    /// Its grammar tells where it ends, so that another placeholder may follow at once.
    fn ends_itself(self) -> bool {
        use Kind::*;
        matches!(self, Int | Hex | Number | Ip | Minutes | Seconds | AsaPeer)
    }

    /// Whether a peer may have chosen some of the text.
    pub(crate) fn is_peers(self) -> bool {
        self.splits_from_right() || self == Kind::AsaPeer
    }

    /// Whether any text fits, up to what follows.
    pub(crate) fn is_free_text(self) -> bool {
        matches!(self, Kind::Text | Kind::Any | Kind::Rest)
    }

    /// Split at the last fitting place, because the peer chooses the text.
    pub fn splits_from_right(self) -> bool {
        use Kind::*;
        matches!(
            self,
            Name | PppdName | VName | DebugName | RadiusName | RadiusLogin | RadiusCli | LdapDn
        )
    }
}

/// A placeholder on its own, without text around it: what the value of a key is.
#[derive(Clone, Debug)]
pub struct Slot(Piece);

impl Slot {
    /// Compiles `field:type`, or `field`, whose value is typed by the field.
    ///
    /// # Errors
    /// Says which word is not known.
    pub fn compile(text: &str) -> Result<Slot, String> {
        placeholder(text).map(Slot)
    }

    /// Whether the peer chooses the text.
    pub fn is_peers(&self) -> bool {
        self.0.kind.splits_from_right()
    }

    /// The value of a text. None if it is no value of its type, and where nothing is to be kept.
    pub fn value<'a>(&self, text: &'a [u8]) -> Option<(Field, Caught<'a>)> {
        let field = self.0.field?;
        if self.0.kind == Kind::Text {
            return crate::shape::typed(field, text).map(|value| (field, value));
        }
        let mut fields = Vec::new();
        value::keep_apart(&self.0, text, &mut fields)
            .then(|| fields.pop())
            .flatten()
    }
}

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'t> {
    /// Text that stands there.
    Literal(&'t [u8]),
    /// A placeholder: how its text is recognised, and the field that it is kept in.
    Placeholder(Kind, Option<Field>),
}

#[derive(Clone, Debug)]
struct Piece {
    kind: Kind,
    field: Option<Field>,
    /// Literal that follows.
    literal: Literal,
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
        // bodies come without the blanks that some writers indent by
        prefix.drain(..prefix.len() - prefix.trim_ascii_start().len());
        let literals = prefix.len() + pieces.iter().map(|piece| piece.literal.len()).sum::<usize>();
        Ok(Template {
            prefix: prefix.into(),
            pieces: pieces.into(),
            literals,
        })
    }

    /// The literal text before the first placeholder.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// How many bytes of literal text it has: the more, the more specific.
    pub fn literals(&self) -> usize {
        self.literals
    }

    /// Whether a body that begins with the prefix may fit, by the first bytes after it (`LOOKED_AT`): cheap, and often a no.
    pub fn may_fit(&self, body: &[u8]) -> bool {
        let rest = body.get(self.prefix.len()..).unwrap_or_default();
        let (Some(piece), Some(next)) = (self.pieces.first(), rest.first()) else {
            return true;
        };
        match piece.kind {
            Kind::Int => next.is_ascii_digit() || *next == b'-',
            // at most four digits, and then a point or colon: `10.`, `2001:`, `::`
            Kind::Ip => {
                let begin = &rest[..rest.len().min(Template::LOOKED_AT)];
                let end = begin.iter().find(|byte| !byte.is_ascii_hexdigit());
                matches!(end, Some(b'.' | b':' | b'['))
            }
            _ => true,
        }
    }

    /// How many bytes after the prefix `may_fit` looks at.
    pub const LOOKED_AT: usize = 5;

    /// Whether the template is the literal alone.
    pub fn is_literal(&self) -> bool {
        self.pieces.is_empty()
    }

    /// What it is made of, for whoever writes it in another tool's words.
    pub fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let of = |piece: &Piece| (piece.kind, piece.field);
        let first = std::iter::once(Part::Literal(&self.prefix));
        let pieces = self.pieces.iter().flat_map(move |piece| {
            let (kind, field) = of(piece);
            [Part::Placeholder(kind, field), Part::Literal(&piece.literal)]
        });
        first
            .chain(pieces)
            .filter(|part| !matches!(part, Part::Literal(text) if text.is_empty()))
    }

    /// The fields it extracts, without those of `ppp-options`.
    pub fn fields(&self) -> impl Iterator<Item = Field> {
        self.pieces.iter().filter_map(|piece| piece.field)
    }

    /// The same without the first `bytes` of its literal beginning.
    pub fn without(&self, bytes: usize) -> Template {
        let prefix = self.prefix.get(bytes..).unwrap_or_default().trim_ascii_start();
        let literals = self.literals - (self.prefix.len() - prefix.len());
        Template {
            prefix: prefix.into(),
            pieces: self.pieces.clone(),
            literals,
        }
    }

    /// Takes `body` apart, whose beginning is known to be the prefix. On success the fields are added to `fields`; on
    /// failure `fields` is as before.
    #[inline]
    pub fn take<'a>(&self, body: &'a [u8], fields: &mut Fields<'a>) -> bool {
        let before = fields.len();
        let rest = &body[self.prefix.len()..];
        let fits = if self.pieces.is_empty() {
            rest.is_empty()
        } else {
            take_pieces(&self.pieces, rest, fields)
        };
        if !fits {
            fields.truncate(before);
        }
        fits
    }

    /// Whether `take` would take `body` apart, whose beginning is known to be the prefix.
    pub fn fits(&self, body: &[u8]) -> bool {
        let rest = body.get(self.prefix.len()..).unwrap_or_default();
        match self.pieces.is_empty() {
            true => rest.is_empty(),
            false => take_pieces(&self.pieces, rest, &mut Fits),
        }
    }

    /// Where the texts of the placeholders stand in `body`, which begins with the prefix; `None` if it does not fit.
    pub fn places<'a>(&self, body: &'a [u8]) -> Option<Vec<Place<'a>>> {
        let rest = body.strip_prefix(&*self.prefix)?;
        let mut places = Places::default();
        let fits = if self.pieces.is_empty() {
            rest.is_empty()
        } else {
            take_pieces(&self.pieces, rest, &mut places)
        };
        fits.then_some(places.found)
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
        let words: Vec<&str> = Kind::ALL.iter().map(|(_, word)| *word).collect();
        unknown("type", kind, &words)
    })?;
    let field = match name {
        "_" => None,
        name => Some(Field::from_word(name).ok_or_else(|| unknown_field(name))?),
    };
    Ok(Piece {
        kind,
        field,
        literal: Literal::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take<'a>(template: &str, line: &'a str) -> Option<Fields<'a>> {
        let template = Template::compile(template).expect("the test's template is right");
        let mut fields = Vec::new();
        (line.as_bytes().starts_with(template.prefix()) && template.take(line.as_bytes(), &mut fields))
            .then_some(fields)
    }

    #[test]
    fn fields_are_taken_apart() {
        let fields = take(
            "Client <client_ip:ip>, port <client_port:int> gone",
            "Client 192.0.2.7, port 1723 gone",
        );
        let want = vec![
            (Field::ClientIp, Caught::Ip("192.0.2.7".parse().expect("address"))),
            (Field::ClientPort, Caught::Int(1723)),
        ];
        assert_eq!(fields, Some(want));
        assert_eq!(take("Client <client_ip:ip> gone", "Client 192.0.2.999 gone"), None);
        assert_eq!(
            take("Client <client_ip:ip> gone", "Client 192.0.2.9 gone, really"),
            None
        );
    }

    #[test]
    fn a_name_cannot_end_its_own_field() {
        let line = "Peer x failed CHAP authentication failed CHAP authentication";
        let fields = take("Peer <user:pppd-name> failed CHAP authentication", line).expect("fits");
        assert_eq!(fields[0].1, Caught::Text(b"x failed CHAP authentication"));
        let fields = take(
            "Peer <user:pppd-name> failed CHAP authentication",
            "Peer  failed CHAP authentication",
        )
        .expect("fits");
        assert_eq!(fields[0].1, Caught::Text(b""));
    }

    #[test]
    fn an_ip_up_line_is_parsed_from_both_ends() {
        let line = "pptpd-logwtmp.so ip-up ppp0 ppp7 root 6.6.6.6 203.0.113.14";
        let fields = take(
            "pptpd-logwtmp.so ip-up <interface:word> <user:name> <client_ip:ip>",
            line,
        )
        .expect("fits");
        assert_eq!(fields[1].1, Caught::Text(b"ppp7 root 6.6.6.6"));
        assert_eq!(fields[2].1, Caught::Ip("203.0.113.14".parse().expect("address")));
    }

    #[test]
    fn mistakes_are_told_with_a_suggestion() {
        assert!(
            Template::compile("on <iface:word>")
                .expect_err("no such field")
                .contains("did you mean `interface`")
        );
        assert!(
            Template::compile("<user><host>")
                .expect_err("nothing between")
                .contains("two placeholders")
        );
        assert!(
            Template::compile("<user:nam>")
                .expect_err("no such type")
                .contains("did you mean `name`?")
        );
    }
}
