//! Records of named values (FreeRADIUS detail, NPS's files, a firewall's columns): which value is which field stands in the
//! dialect's `map`, and in that of a message where it is another one there.

use tunlog_model::{Field, Payload, RecordRef};

use super::{Condition, typed};
use crate::table::DialectTable;
use crate::template::{Caught, Fields, parse_int};

/// Names and values of a record.
type Values<'a> = [(&'a [u8], &'a [u8])];

/// The messages of a dialect.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    /// Words for the numbers of a value.
    words: Vec<(&'static str, &'static [(&'static str, &'static str)])>,
}

/// One message.
#[derive(Debug)]
struct Rule {
    when: Vec<Clause>,
    /// Which value is which field: the message's own `map`, the head's, the head's `fallback`. The first that says a field
    /// decides it.
    map: Vec<(&'static str, Field)>,
}

/// One of the keys must have one of the values.
#[derive(Debug)]
struct Clause {
    keys: Vec<&'static [u8]>,
    accepted: Vec<&'static [u8]>,
}

impl Rules {
    /// The rules of a dialect's files, with the conditions of their messages in order.
    pub fn new(tables: &[&'static DialectTable], conditions: Vec<Condition>) -> Rules {
        let general = |pairs: fn(&'static DialectTable) -> &'static [(&'static str, &'static str)]| {
            tables.iter().flat_map(move |table| pairs(table))
        };
        let entries = tables.iter().flat_map(|table| table.messages);
        let rules = entries.zip(conditions).map(|(entry, condition)| {
            let own = |key: &str| entry.map.iter().any(|(known, _)| *known == key);
            let all = entry
                .map
                .iter()
                .chain(general(|table| table.map).filter(|(key, _)| !own(key)));
            let all = all.chain(general(|table| table.fallback).filter(|(key, _)| !own(key)));
            Rule {
                when: condition.0.iter().map(Clause::new).collect(),
                map: all
                    .filter_map(|(key, field)| Some((*key, Field::from_word(field)?)))
                    .collect(),
            }
        });
        Rules {
            rules: rules.collect(),
            words: tables.iter().flat_map(|table| table.values.iter().copied()).collect(),
        }
    }

    /// The message whose conditions hold, with the mapped values as fields.
    pub fn find<'a>(&self, record: &RecordRef<'a>, fields: &mut Fields<'a>) -> Option<u32> {
        let Payload::Fields(values) = record.payload else {
            return None;
        };
        let number = self.rules.iter().position(|rule| rule.holds(values))?;
        for (key, field) in &self.rules[number].map {
            let Some(text) = value(values, key.as_bytes()).filter(|_| !fields.iter().any(|(known, _)| known == field))
            else {
                continue;
            };
            fields.extend(self.caught(key, *field, text, values).map(|caught| (*field, caught)));
        }
        Some(number as u32)
    }

    fn caught<'a>(&self, key: &str, field: Field, text: &'a [u8], values: &Values<'a>) -> Option<Caught<'a>> {
        if let Some(octets) = octets(key, text, values) {
            return Some(Caught::Int(octets));
        }
        let words = self.words.iter().find(|(known, _)| *known == key);
        let word = words.and_then(|(_, words)| words.iter().find(|(number, _)| number.as_bytes() == text));
        match word {
            Some((_, word)) => typed(field, word.as_bytes()),
            None if key == CHAP_ERROR => typed(field, chap_error(text)),
            None => typed(field, text),
        }
    }
}

impl Rule {
    fn holds(&self, values: &Values<'_>) -> bool {
        self.when.iter().all(|clause| clause.holds(values))
    }
}

impl Clause {
    fn new((keys, accepted): &(&'static str, &'static str)) -> Clause {
        Clause {
            keys: keys.split('/').map(str::as_bytes).collect(),
            accepted: accepted.split('|').map(str::as_bytes).collect(),
        }
    }

    fn holds(&self, values: &Values<'_>) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|key| value(values, key).is_some_and(|value| self.accepted.contains(&value)))
    }
}

fn value<'a>(values: &Values<'a>, key: &[u8]) -> Option<&'a [u8]> {
    values.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
}

/// Octet counters wrap at 2^32; how often is in the attribute of the same name with `Gigawords` (RFC 2869 §5.1, §5.2).
fn octets(key: &str, text: &[u8], values: &Values<'_>) -> Option<i64> {
    let stem = key.strip_suffix("-Octets")?;
    let low = parse_int(text)?;
    let high = value(values, format!("{stem}-Gigawords").as_bytes())
        .and_then(parse_int)
        .unwrap_or(0);
    high.checked_mul(1 << 32)?.checked_add(low)
}

/// The attribute of RFC 2548 §2.1.5.
const CHAP_ERROR: &str = "MS-CHAP-Error";

/// The text of an MS-CHAP failure (`E=691 R=0 V=3`): an octet that repeats the packet's identifier stands before it.
fn chap_error(text: &[u8]) -> &[u8] {
    match text {
        [_, text @ ..] if text.starts_with(b"E=") => text,
        text => text,
    }
}
