//! The lines of the catalogue that by themselves tell a refused login and who tried: what a tool that joins no lines can use.

use tunlog_decode::template::{Kind, Part as Piece, Template};
use tunlog_decode::{Catalogue, Listed};
use tunlog_model::{Field, Role};

/// Causes of a refusal that a guesser meets. A restricted account or a server that does not answer is nobody's guess.
const GUESSES: [&str; 3] = ["wrong-credentials", "wrong-password", "unknown-user"];
/// Kinds of events that are a refusal.
const REFUSALS: [&str; 2] = ["auth-failed", "radius-rejected"];

/// What a tool's pattern is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text that stands there.
    Literal(String),
    /// The address to blame.
    Address,
    /// The name, which a client chose: everything up to the last place behind which the rest fits.
    Name,
    /// The address with the ASA's words around it: `Group = g, Username = u, IP = 203.0.113.9, `.
    AsaPeer,
    /// Any text, maybe none, as short as the rest allows.
    Any,
    /// The same, at least a byte.
    Text,
    /// No blank in it.
    Word,
    /// A decimal number.
    Int,
    /// A hexadecimal number.
    Hex,
    /// A number with a fraction.
    Number,
    /// Another address.
    OtherAddress,
    /// Text that may stand there: what some versions or transports put before it.
    Maybe(Vec<Vec<Part>>),
}

/// A message that is used.
#[derive(Clone, Debug)]
pub struct Line {
    /// `dialect/id`.
    pub id: String,
    /// Its spellings.
    pub patterns: Vec<Vec<Part>>,
}

/// What of a writer is used.
#[derive(Clone, Debug)]
pub struct Writer {
    /// The dialect.
    pub dialect: &'static str,
    /// Syslog tags.
    pub programs: Vec<&'static str>,
    /// What stands before a text.
    pub prelude: &'static str,
    /// The address is what the gateway was told by the client's side, or what it took from a socket: the line does not say.
    pub claimed: bool,
    /// Its messages.
    pub lines: Vec<Line>,
    /// Messages that fit a spelling of `lines` too, but mean something else: an outage, an expired password. The catalogue knows
    /// them by having more text; a regular expression must be told.
    pub others: Vec<Line>,
    /// Messages that tell a refusal too, but not by whom.
    pub left_out: Vec<String>,
}

/// Preludes whose form every tool knows how to write.
pub const PRELUDES: [&str; 4] = ["none", "topics", "hub", "asa-code"];

/// The writers of which something can be used.
pub fn writers(catalogue: &Catalogue) -> Vec<Writer> {
    let all: Vec<Listed> = catalogue.listed().collect();
    let mut writers: Vec<Writer> = Vec::new();
    for listed in all.iter().filter(|listed| is_guess(listed)) {
        let known = writers.iter().position(|writer| writer.dialect == listed.dialect());
        let at = known.unwrap_or_else(|| {
            writers.push(writer(listed));
            writers.len() - 1
        });
        let writer = &mut writers[at];
        for program in listed.programs() {
            if !writer.programs.contains(program) {
                writer.programs.push(program);
            }
        }
        let templates = templates(listed);
        if templates.is_empty() {
            writer.left_out.push(id(listed));
            continue;
        }
        writer.claimed |= templates.iter().any(|template| has(template, Kind::RadiusCli));
        writer.lines.push(line(listed, &templates));
    }
    writers.retain(|writer| !writer.lines.is_empty() && PRELUDES.contains(&writer.prelude));
    for writer in &mut writers {
        let own = |listed: &&Listed| listed.dialect() == writer.dialect;
        let used: Vec<Template> = all
            .iter()
            .filter(own)
            .filter(|listed| is_guess(listed))
            .flat_map(templates)
            .collect();
        let other = all.iter().filter(own).filter(|listed| !is_guess(listed));
        writer.others = other.filter_map(|listed| mistaken(listed, &used)).collect();
    }
    writers
}

fn id(listed: &Listed) -> String {
    format!("{}/{}", listed.dialect(), listed.id())
}

fn line(listed: &Listed, templates: &[Template]) -> Line {
    Line {
        id: id(listed),
        patterns: patterns(templates),
    }
}

/// The texts of a message that name who tried and as whom.
fn templates(listed: &Listed) -> Vec<Template> {
    let texts = listed.templates().iter();
    let compiled = texts.filter_map(|text| Template::compile(text).ok());
    compiled.filter(is_enough).collect()
}

/// The spellings of another message that one of those used would take, although the catalogue gives them to the other: the longer literal
/// beginning wins, then the more literal text. One that would take lines of those used in turn is not put before them.
fn mistaken(listed: &Listed, used: &[Template]) -> Option<Line> {
    let takes = |template: &Template, text: &str| {
        text.as_bytes().starts_with(template.prefix()) && template.take(text.as_bytes(), &mut Vec::new())
    };
    let rank = |template: &Template| (template.prefix().len(), template.literals());
    let mistaken: Vec<Template> = templates(listed)
        .into_iter()
        .filter(|other| {
            let text = sample(other);
            used.iter().any(|used| rank(used) <= rank(other) && takes(used, &text))
                && !used
                    .iter()
                    .any(|used| rank(used) > rank(other) && takes(other, &sample(used)))
        })
        .collect();
    (!mistaken.is_empty()).then(|| line(listed, &mistaken))
}

/// A line that a template fits.
fn sample(template: &Template) -> String {
    template
        .parts()
        .map(|part| match part {
            Piece::Literal(text) => String::from_utf8_lossy(text).into_owned(),
            Piece::Placeholder(Kind::Int | Kind::Number | Kind::Minutes | Kind::Seconds, _) => "1".to_owned(),
            Piece::Placeholder(Kind::Hex, _) => "0x1".to_owned(),
            Piece::Placeholder(Kind::Ip | Kind::RadiusCli, _) => "203.0.113.1".to_owned(),
            Piece::Placeholder(Kind::AsaPeer, _) => "Group = g, Username = u, IP = 203.0.113.1, ".to_owned(),
            // as text around a code usually stands
            Piece::Placeholder(Kind::Any, _) => ": x ".to_owned(),
            Piece::Placeholder(_, _) => "x".to_owned(),
        })
        .collect()
}

fn writer(listed: &Listed) -> Writer {
    Writer {
        dialect: listed.dialect(),
        programs: Vec::new(),
        prelude: listed.prelude(),
        claimed: false,
        lines: Vec::new(),
        others: Vec::new(),
        left_out: Vec::new(),
    }
}

fn is_guess(listed: &Listed) -> bool {
    REFUSALS.contains(&listed.event())
        && GUESSES.contains(&listed.blames())
        && !listed.is_calling()
        // for sshd, dovecot and their like every such tool has rules of its own
        && listed.message().role != Role::Service
}

/// Whether a text names who tried and as whom. Texts with an address alone are left out: they stand beside another one of the same
/// attempt, which would count twice, or tell of a server that the gateway itself calls.
fn is_enough(template: &Template) -> bool {
    let address = template.fields().any(|field| field == Field::ClientIp) || has(template, Kind::RadiusCli);
    let name = template.fields().any(|field| field == Field::User);
    (address && name) || has(template, Kind::AsaPeer)
}

fn has(template: &Template, wanted: Kind) -> bool {
    template
        .parts()
        .any(|part| matches!(part, Piece::Placeholder(kind, _) if kind == wanted))
}

/// The spellings without repetition: where one is another with something before it, that is what may stand there.
fn patterns(templates: &[Template]) -> Vec<Vec<Part>> {
    let mut all: Vec<Vec<Part>> = templates.iter().map(parts).collect();
    all.dedup();
    let is_longer = |long: &[Part], short: &[Part]| before(long, short).is_some();
    let shortest: Vec<Vec<Part>> = all
        .iter()
        .filter(|pattern| !all.iter().any(|other| is_longer(pattern, other)))
        .cloned()
        .collect();
    shortest
        .into_iter()
        .map(|pattern| {
            let mut heads: Vec<Vec<Part>> = all.iter().filter_map(|long| before(long, &pattern)).collect();
            heads.sort_by_key(|head| std::cmp::Reverse(head.len()));
            match heads.is_empty() {
                true => pattern,
                false => [vec![Part::Maybe(heads)], pattern].concat(),
            }
        })
        .collect()
}

/// What a pattern has before another one, if it is that one otherwise.
fn before(long: &[Part], short: &[Part]) -> Option<Vec<Part>> {
    let (first, rest) = short.split_first()?;
    let Part::Literal(first) = first else { return None };
    let at = long.len().checked_sub(short.len())?;
    let Part::Literal(joint) = &long[at] else { return None };
    let head = joint.strip_suffix(first.as_str())?;
    if long[at + 1..] != *rest || (head.is_empty() && at == 0) {
        return None;
    }
    let mut before = long[..at].to_vec();
    if !head.is_empty() {
        before.push(Part::Literal(head.to_owned()));
    }
    Some(before)
}

fn parts(template: &Template) -> Vec<Part> {
    template
        .parts()
        .map(|part| match part {
            Piece::Literal(text) => Part::Literal(String::from_utf8_lossy(text).into_owned()),
            Piece::Placeholder(Kind::Ip, Some(Field::ClientIp)) | Piece::Placeholder(Kind::RadiusCli, _) => {
                Part::Address
            }
            Piece::Placeholder(Kind::AsaPeer, _) => Part::AsaPeer,
            Piece::Placeholder(kind, _) if kind.splits_from_right() => Part::Name,
            Piece::Placeholder(Kind::Text, _) => Part::Text,
            Piece::Placeholder(Kind::Word | Kind::VirtualAccess, _) => Part::Word,
            Piece::Placeholder(Kind::Int, _) => Part::Int,
            Piece::Placeholder(Kind::Hex, _) => Part::Hex,
            Piece::Placeholder(Kind::Number | Kind::Minutes | Kind::Seconds, _) => Part::Number,
            Piece::Placeholder(Kind::Ip, _) => Part::OtherAddress,
            Piece::Placeholder(_, _) => Part::Any,
        })
        .collect()
}

/// How a tool writes the parts whose form is its own.
pub struct Dialect {
    /// The address to blame.
    pub address: &'static str,
    /// The name.
    pub name: &'static str,
    /// Escapes text.
    pub literal: fn(&str) -> String,
}

/// A pattern as a regular expression that Python and Go read alike, without anchors.
pub fn regex(parts: &[Part], dialect: &Dialect) -> String {
    parts
        .iter()
        .enumerate()
        .map(|(at, part)| match part {
            Part::Literal(text) => (dialect.literal)(text),
            Part::Address => dialect.address.to_owned(),
            Part::Name => dialect.name.to_owned(),
            Part::AsaPeer => format!(
                "(?:Group = .*?, )?(?:Username = {}, )?IP = {}, ",
                dialect.name, dialect.address
            ),
            Part::Any => ".*?".to_owned(),
            Part::Text => ".+?".to_owned(),
            // a literal that begins without a blank ends the word early
            Part::Word if matches!(parts.get(at + 1), Some(Part::Literal(next)) if !next.starts_with(' ')) => {
                r"\S+?".to_owned()
            }
            Part::Word => r"\S+".to_owned(),
            Part::Int => r"-?\d+".to_owned(),
            Part::Hex => "(?:0x)?[0-9A-Fa-f]+".to_owned(),
            Part::Number => r"-?\d+(?:\.\d+)?".to_owned(),
            Part::OtherAddress => r"\[?[0-9A-Fa-f:.]+\]?".to_owned(),
            Part::Maybe(heads) => {
                let heads: Vec<String> = heads.iter().map(|head| regex(head, dialect)).collect();
                format!("(?:{})?", heads.join("|"))
            }
        })
        .collect()
}

/// What stands before the text on a line, its time cut off: transport and prelude.
pub fn head(writer: &Writer) -> String {
    let programs: Vec<String> = writer.programs.iter().map(|program| escape(program)).collect();
    let tag = format!(r"(?:\S+\s+)?(?:{})(?:\[\d+\])?:\s+", programs.join("|"));
    match writer.prelude {
        "topics" => format!(r"\s*(?:\S+\s+)?(?:{tag})?[a-z0-9]+(?:,[a-z0-9]+)*,ppp(?:,[a-z0-9]+)*:?\s+"),
        "hub" => format!(r#"\s*(?:{tag})?(?:\[HUB "[^"]*"\]\s+)?"#),
        "asa-code" => r"\s*(?:\S+\s+)?(?::\s+)?%%(?:ASA|PIX|FTD|FWSM)-\d-".replace("%%", "%"),
        // a file of the writer's own has a colon behind the time
        _ => format!(r"\s*(?::\s+|{tag})"),
    }
}

/// The same where the transport has been cut off already: what the writer's own files and its prelude have.
pub fn short_head(writer: &Writer) -> &'static str {
    match writer.prelude {
        "topics" => "(?:[a-z0-9]+,)*ppp[a-z0-9,]* ",
        "hub" => "(?:\\[HUB \"[^\"]*\"\\] )?",
        "asa-code" => "(?:%ASA-\\d-)?",
        _ => "(?: ?: )?",
    }
}

/// Text as it stands, for a regular expression.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if !c.is_ascii_alphanumeric()
            && c.is_ascii()
            && !matches!(
                c,
                ' ' | '_' | '"' | '\'' | ',' | ':' | ';' | '<' | '>' | '=' | '%' | '!' | '@' | '`' | '/'
            )
        {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_name_who_and_as_whom_are_used() {
        let writers = writers(&Catalogue::builtin());
        let names: Vec<&str> = writers.iter().map(|writer| writer.dialect).collect();
        assert_eq!(names, ["cisco", "freeradius", "routeros", "softether"]);
        let ids: Vec<&str> = writers
            .iter()
            .flat_map(|writer| writer.lines.iter().map(|line| line.id.as_str()))
            .collect();
        for used in [
            "freeradius/login-incorrect",
            "routeros/auth-failed",
            "softether/auth-failed",
            "cisco/113005",
        ] {
            assert!(ids.contains(&used), "{used}");
        }
        for other in [
            "routeros/auth-failed-of-client",
            "freeradius/login-outside-hours",
            "pppd/peer-failed-chap",
        ] {
            assert!(!ids.contains(&other), "{other}");
        }
    }

    #[test]
    fn spellings_with_something_before_become_one() {
        let compile = |text: &str| Template::compile(text).expect(text);
        let templates = [
            "Auth: (<_:int>) Login incorrect: [<user:radius-login>] (cli <_:radius-cli>)",
            "(<_:int>) Login incorrect: [<user:radius-login>] (cli <_:radius-cli>)",
            "Login incorrect: [<user:radius-login>] (cli <_:radius-cli>)",
        ]
        .map(compile);
        let dialect = Dialect {
            address: "<ADDR>",
            name: ".*",
            literal: escape,
        };
        let found: Vec<String> = patterns(&templates)
            .iter()
            .map(|pattern| regex(pattern, &dialect))
            .collect();
        assert_eq!(
            found,
            [r"(?:Auth: \(-?\d+\) |\(-?\d+\) )?Login incorrect: \[.*\] \(cli <ADDR>\)"]
        );
    }
}
