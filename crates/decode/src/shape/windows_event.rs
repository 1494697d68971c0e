//! Windows events: `Payload::Fields` whose `System/EventID` says which message it is. What else is read stands in the
//! event's data, by name or by position, and in its binary part; never in the text that Windows made of it, which is
//! in the language of the machine.

mod codes;
mod line;
mod take;

use tunlog_model::{Field, Payload, RecordRef};

use crate::codes::Code;
use crate::table::{DialectTable, MessageTable};
use crate::template::{Caught, Fields};

use codes::Numbers;
pub use codes::as_told_by;
pub use line::{Pairs, pairs_of};
use take::Slot;

/// Where the id of an event stands.
const EVENT_ID: &[u8] = b"System/EventID";
/// Its version.
const VERSION: &[u8] = b"System/Version";
/// The name under which a legacy program writes to the log.
const SOURCE_NAME: &[u8] = b"System/EventSourceName";

/// The messages of a dialect, by event id.
#[derive(Debug, Default)]
pub struct Rules {
    /// Sorted by event id; those of one id in the order of the file.
    rules: Vec<(u32, Rule)>,
}

#[derive(Debug)]
struct Rule {
    number: u32,
    providers: Vec<&'static [u8]>,
    versions: &'static [u32],
    when: &'static [(&'static str, &'static str)],
    slots: Vec<Slot>,
    /// Values that are codes, the most telling first.
    codes: Vec<(&'static str, Numbers)>,
    /// Whether an attempt may want it; the rest is taken apart only for `decode`.
    concerns: bool,
}

impl Rules {
    /// The rules of a dialect's files. `variant` gives the number of a message as a code that tells something makes it;
    /// `wrong` hears what is wrong: message, place, what.
    pub fn new(
        tables: &[&'static DialectTable],
        mut variant: impl FnMut(u32, &'static Code) -> u32,
        wrong: &mut impl FnMut(&'static str, &'static str, String),
    ) -> Rules {
        let mut rules = Vec::new();
        let entries = tables
            .iter()
            .flat_map(|table| table.messages.iter().map(move |entry| (*table, entry)));
        for (number, (table, entry)) in (0u32..).zip(entries) {
            let mut say = |near, what| wrong(entry.id, near, what);
            if entry.windows_event.id == 0 {
                say(
                    "id",
                    "no `match = { event-id = … }`: no event would ever be it".to_string(),
                );
            }
            rules.push((
                entry.windows_event.id,
                Rule::new(number, table, entry, &mut variant, &mut say),
            ));
        }
        rules.sort_by_key(|(id, _)| *id);
        Rules { rules }
    }

    /// Says which messages attempts may want, by their numbers.
    pub fn concerning(mut self, concerns: impl Fn(u32) -> bool) -> Rules {
        for (_, rule) in &mut self.rules {
            rule.concerns = concerns(rule.number) || !rule.codes.is_empty();
        }
        self
    }

    /// The message that a record is, with its fields added. With `facts_only`, those of messages that no attempt wants may be
    /// left out: a domain controller logs log-ons by the million.
    pub fn find<'a>(&self, record: &RecordRef<'a>, facts_only: bool, caught: &mut Fields<'a>) -> Option<u32> {
        let Payload::Fields(values) = record.payload else {
            return None;
        };
        let event = Values { values };
        let id = number(event.get(EVENT_ID)?)?;
        let first = self.rules.partition_point(|(known, _)| *known < id);
        let alike = self.rules[first..].iter().take_while(|(known, _)| *known == id);
        let (_, rule) = alike.into_iter().find(|(_, rule)| rule.fits(record, &event))?;
        match facts_only && !rule.concerns {
            true => Some(rule.number),
            false => Some(rule.take(&event, caught)),
        }
    }
}

impl Rule {
    fn new(
        number: u32,
        table: &DialectTable,
        entry: &'static MessageTable,
        variant: &mut impl FnMut(u32, &'static Code) -> u32,
        say: &mut impl FnMut(&'static str, String),
    ) -> Rule {
        let named = entry.windows_event.providers;
        let providers = if named.is_empty() { table.apps } else { named };
        let own = |key: &str| entry.map.iter().any(|(known, _)| *known == key);
        let general = table.map.iter().filter(|(key, _)| !own(key));
        let mut slots = Vec::new();
        for (key, field) in entry.map.iter().chain(general) {
            match Slot::compile(key, field) {
                Ok(slot) => slots.push(slot),
                Err(problem) => say(key, problem),
            }
        }
        let mut codes = Vec::new();
        for (key, family) in entry.codes {
            match Numbers::of(family, |code| variant(number, code)) {
                Some(numbers) => codes.push((*key, numbers)),
                None => say("codes", format!("`{family}` is no family of codes (`key:family`)")),
            }
        }
        Rule {
            number,
            providers: providers.iter().map(|name| name.as_bytes()).collect(),
            versions: entry.windows_event.versions,
            when: entry.when,
            slots,
            codes,
            concerns: true,
        }
    }

    fn fits(&self, record: &RecordRef<'_>, event: &Values<'_, '_>) -> bool {
        let is_its = |source: &[u8]| self.providers.contains(&source);
        let version = || event.get(VERSION).and_then(number);
        (is_its(record.app) || event.get(SOURCE_NAME).is_some_and(is_its))
            && (self.versions.is_empty() || version().is_some_and(|version| self.versions.contains(&version)))
            && self.when.iter().all(|(keys, accepted)| event.holds(keys, accepted))
    }

    fn take<'a>(&self, event: &Values<'_, 'a>, caught: &mut Fields<'a>) -> u32 {
        for slot in &self.slots {
            slot.take(event, caught);
        }
        let told = self.codes.iter().filter_map(|(key, numbers)| {
            let value = codes::value(key, event.said(key.as_bytes())?)?;
            Some((value, numbers.get(value)))
        });
        let mut number = None;
        let mut is_named = false;
        for (value, known) in told {
            if !is_named {
                caught.push((Field::Code, codes::shown(value, known.map(|known| known.code))));
                if let Some(code) = known.map(|known| known.code).filter(|code| !code.name.is_empty()) {
                    caught.push((Field::Reason, Caught::Word(code.name)));
                }
                is_named = true;
            }
            // the first code names the failure, the first that speaks for a cause gives it
            if number.is_none() {
                number = known.and_then(|known| known.variant);
            }
        }
        number.unwrap_or(self.number)
    }
}

/// The values of an event.
#[derive(Clone, Copy)]
struct Values<'v, 'a> {
    values: &'v [(&'a [u8], &'a [u8])],
}

impl<'a> Values<'_, 'a> {
    fn get(&self, key: &[u8]) -> Option<&'a [u8]> {
        self.values
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| *value)
    }

    /// As `get`; Windows writes `-` where it has nothing to say.
    fn said(&self, key: &[u8]) -> Option<&'a [u8]> {
        self.get(key).filter(|value| !value.is_empty() && *value != b"-")
    }

    /// Whether one of the keys has one of the values, both separated by `|`. Numbers are compared as numbers; an empty
    /// accepted value is that of a key which is absent.
    fn holds(&self, keys: &str, accepted: &str) -> bool {
        keys.split('|').any(|key| {
            let value = self.said(key.as_bytes()).map(<[u8]>::trim_ascii);
            accepted.split('|').any(|accepted| match value {
                None => accepted.is_empty(),
                Some(value) => {
                    let same_number = || number(value).is_some_and(|value| number(accepted.as_bytes()) == Some(value));
                    !accepted.is_empty() && (value == accepted.as_bytes() || same_number())
                }
            })
        })
    }
}

/// A number as events write them: decimal, or hexadecimal with `0x`.
fn number(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = hex.unwrap_or(text);
    // Rust would take a sign as well
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, if hex.is_some() { 16 } else { 10 }).ok()
}

#[cfg(test)]
mod tests;
