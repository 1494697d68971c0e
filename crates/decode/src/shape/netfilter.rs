//! Lines of the kernel's packet logger (iptables LOG, nftables log, UFW): `[prefix] IN=eth0 OUT= MAC=… SRC=… DST=… LEN=…
//! PROTO=…`. Source: Linux, net/netfilter/nf_log_syslog.c.
//!
//! A gateway's log is full of other people's dropped packets, so a line is told by its protocol and ports first and taken
//! apart only if somebody wants it.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use tunlog_model::Field;

use super::{Condition, typed};
use crate::template::{Caught, Fields};

static PROTO: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" PROTO="));
static MAC_DECODED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b" MACSRC="));

/// Keys whose values are taken, the addresses' first.
const KEYS: [&[u8]; 8] = [b"SRC", b"DST", b"IN", b"OUT", b"LEN", b"PROTO", b"SPT", b"DPT"];

/// What the keys behind the addresses become.
const FIELDS: [Field; 6] = [
    Field::InInterface,
    Field::OutInterface,
    Field::Length,
    Field::Protocol,
    Field::SourcePort,
    Field::DestinationPort,
];

/// The rules of a dialect, those of the same protocol and ports together: they are looked at once for all prefixes.
#[derive(Debug, Default)]
pub struct Rules {
    groups: Vec<Group>,
    mac_decoded: bool,
}

#[derive(Debug)]
struct Group {
    protocols: Vec<Word>,
    ports: Vec<Word>,
    /// Words of which the prefix must hold one, and the number of the message.
    prefixes: Vec<(Vec<&'static [u8]>, u32)>,
    /// Whether an attempt may want any of them; the rest is taken apart only for `decode`.
    concerns: bool,
}

impl Rules {
    /// The rules of the conditions of a dialect file, with what attempts want: `PROTO`, `port` (source or destination),
    /// `prefix` (the administrator's text contains one of the words), `mac` (written by nftables' `log flags ether`).
    pub fn new<'c>(conditions: impl Iterator<Item = (&'c Condition, bool)>) -> Rules {
        let mut rules = Rules::default();
        for (number, (condition, concerns)) in (0u32..).zip(conditions) {
            let words = |key: &str| -> Vec<&'static [u8]> {
                let found = condition.0.iter().find(|(name, _)| *name == key);
                found.map_or_else(Vec::new, |(_, words)| words.split('|').map(str::as_bytes).collect())
            };
            let packed = |key: &str| words(key).into_iter().map(Word::of).collect();
            let (protocols, ports): (Vec<Word>, Vec<Word>) = (packed("PROTO"), packed("port"));
            let prefix = (words("prefix"), number);
            rules.mac_decoded |= !words("mac").is_empty();
            match rules
                .groups
                .last_mut()
                .filter(|group| group.protocols == protocols && group.ports == ports)
            {
                Some(group) => {
                    group.prefixes.push(prefix);
                    group.concerns |= concerns;
                }
                None => rules.groups.push(Group {
                    protocols,
                    ports,
                    prefixes: vec![prefix],
                    concerns,
                }),
            }
        }
        rules
    }
}

impl Rules {
    /// Whether a body is a packet filter's line that no attempt can want: another protocol, other ports.
    pub fn is_chatter(&self, body: &[u8]) -> bool {
        Line::new(body).is_some_and(|line| !self.concerns_attempts(&line))
    }

    /// Whether it is chatter, and no GRE either.
    pub fn is_of_others(&self, body: &[u8]) -> bool {
        Line::new(body).is_some_and(|line| !line.protocol.is_gre() && !self.concerns_attempts(&line))
    }

    #[inline]
    fn concerns_attempts(&self, line: &Line<'_>) -> bool {
        self.groups.iter().any(|group| group.concerns && group.is_about(line))
    }
}

impl Group {
    fn is_about(&self, line: &Line<'_>) -> bool {
        let concerns = |port: &Word| *port == line.source_port || *port == line.destination_port;
        (self.protocols.is_empty() || self.protocols.contains(&line.protocol))
            && (self.ports.is_empty() || self.ports.iter().any(concerns))
    }

    fn number(&self, line: &Line<'_>) -> Option<u32> {
        let fits = |words: &[&[u8]]| words.is_empty() || words.iter().any(|word| line.prefix_has(word));
        self.prefixes
            .iter()
            .find(|(words, _)| fits(words))
            .map(|(_, number)| *number)
    }
}

/// A word of at most eight bytes; a longer one is its first eight, as no protocol's name and no port is. Words are compared with
/// those of many rules for each packet that a filter logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Word(u64);

impl Word {
    /// IP protocol 47, however it is written.
    fn is_gre(self) -> bool {
        const LOWER_CASE: u64 = 0x20_20_20;
        self == Word::of(b"47") || Word(self.0 | LOWER_CASE) == Word::of(b"gre")
    }

    fn of(text: &[u8]) -> Word {
        Word::first_of(text).0
    }

    /// What stands before a blank or the end, and what follows it.
    #[inline]
    fn first_of(text: &[u8]) -> (Word, &[u8]) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        let Some(bytes) = text.first_chunk() else {
            return Word::at_end(text);
        };
        let word = u64::from_le_bytes(*bytes);
        let other = word ^ (ONES * u64::from(b' '));
        // the lowest byte that is a blank has its highest bit here
        let blanks = other.wrapping_sub(ONES) & !other & (ONES << 7);
        let bits = blanks.trailing_zeros() & !7;
        if bits == 64 {
            let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
            return (Word(word), &text[end..]);
        }
        (Word(word & ((1 << bits) - 1)), &text[bits as usize / 8..])
    }

    #[cold]
    fn at_end(text: &[u8]) -> (Word, &[u8]) {
        let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
        let mut bytes = [0; 8];
        bytes[..end].copy_from_slice(&text[..end]);
        (Word(u64::from_le_bytes(bytes)), &text[end..])
    }
}

/// Whether two short words are equal. Asked many times of each line: nearly all differ in length or in the first byte, and a
/// call would cost more than that.
#[inline]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one == other)
}

/// The parts that tell one line from another.
struct Line<'a> {
    prefix: &'a [u8],
    pairs: &'a [u8],
    protocol: Word,
    source_port: Word,
    destination_port: Word,
}

impl<'a> Line<'a> {
    fn new(body: &'a [u8]) -> Option<Line<'a>> {
        let at = beginning(body)?;
        let pairs = &body[at..];
        let after = PROTO.find(pairs)? + 7;
        let (protocol, rest) = Word::first_of(&pairs[after..]);
        let mut ports = (Word::default(), Word::default());
        if let Some(rest) = rest.strip_prefix(b" SPT=") {
            let (source, rest) = Word::first_of(rest);
            ports.0 = source;
            if let Some(rest) = rest.strip_prefix(b" DPT=") {
                ports.1 = Word::of(rest);
            }
        }
        Some(Line {
            prefix: body[..at].trim_ascii(),
            pairs,
            protocol,
            source_port: ports.0,
            destination_port: ports.1,
        })
    }

    fn prefix_has(&self, word: &[u8]) -> bool {
        self.prefix
            .windows(word.len())
            .any(|part| part.eq_ignore_ascii_case(word))
    }

    /// The first value of each of `KEYS`; an ICMP error quotes a second packet in brackets.
    fn values(&self) -> [Option<&'a [u8]>; KEYS.len()] {
        let quoted = memchr::memchr(b'[', self.pairs).unwrap_or(self.pairs.len());
        let mut values = [None; KEYS.len()];
        for pair in self.pairs[..quoted].split(|byte| *byte == b' ') {
            let known = KEYS.iter().zip(&mut values).find_map(|(key, value)| {
                let is_it = pair.len() > key.len() && pair[key.len()] == b'=' && is_same(key, &pair[..key.len()]);
                is_it.then(|| (value, &pair[key.len() + 1..]))
            });
            if let Some((value, text)) = known {
                value.get_or_insert(text);
            }
        }
        values
    }
}

/// Where `IN=` stands: nearly always before the first `=`; a prefix may hold others.
fn beginning(body: &[u8]) -> Option<usize> {
    let is_start = |at: usize| {
        body[at..].starts_with(b"IN=")
            && (at == 0 || matches!(body[at - 1], b' ' | b':' | b']' | b'-' | b')' | b'>' | b'|'))
    };
    memchr::memchr_iter(b'=', body)
        .take(8)
        .filter(|equals| *equals >= 2)
        .map(|equals| equals - 2)
        .find(|at| is_start(*at))
}

/// The message whose rule holds. Its fields are taken unless nobody wants them (`facts_only`).
pub fn find<'a>(rules: &Rules, body: &'a [u8], facts_only: bool, fields: &mut Fields<'a>) -> Option<u32> {
    let line = Line::new(body)?;
    if rules.mac_decoded && MAC_DECODED.find(line.pairs).is_none() {
        return None;
    }
    for group in rules.groups.iter().filter(|group| group.is_about(&line)) {
        // the prefix is asked even where no attempt cares: it may be another dialect's line
        if let Some(number) = group.number(&line) {
            if !facts_only || group.concerns {
                take(&line, fields);
            }
            return Some(number);
        }
    }
    None
}

fn take<'a>(line: &Line<'a>, fields: &mut Fields<'a>) {
    let [source, destination, others @ ..] = line.values();
    // a packet without IN= was sent by this machine: then the far end is DST
    let outgoing = others[0].is_none_or(<[u8]>::is_empty);
    let names = if outgoing {
        [Field::ServerIp, Field::ClientIp]
    } else {
        [Field::ClientIp, Field::ServerIp]
    };
    for (field, value) in names.into_iter().zip([source, destination]) {
        fields.extend(value.and_then(|text| Some((field, typed(field, text)?))));
    }
    for (field, value) in FIELDS.into_iter().zip(others) {
        let value = value.filter(|value| !value.is_empty());
        fields.extend(value.and_then(|value| Some((field, typed(field, value)?))));
    }
    if !line.prefix.is_empty() {
        fields.push((Field::Prefix, Caught::Text(line.prefix)));
    }
}
