//! Lines of `key=value` pairs, as firewalls send them: `L2TP: prio=2 id=02800016 rev=1 event=l2tp_session_up tunnelid=7
//! user="anna" …`. Such a line carries no prose: a key (the head's `code`) says which message it is, and the dialect's `map`
//! which key is which field. The same message as prose is read by its templates.
//!
//! Some values are chosen by the peer (a user name), and nobody knows how the writer would escape a quotation mark in them.
//! So the code is only looked for where it stands first, such a value ends at the LAST place where the message's next
//! parameter begins, and without knowledge of the parameters nothing behind it is read.

use rustc_hash::FxHashMap;
use tunlog_model::Severity;

use super::pairs::{self, Line, rest_of_name, value_at};
use crate::table::{DialectTable, KeyValueTable, MessageTable};
use crate::template::{Fields, Slot, parse_int};
use crate::trie::{Glance, Look, Trie};

/// Keys that conditions may ask for, in one dialect; `category` is one.
const WATCHED_MAX: usize = 12;

/// The messages of a dialect.
#[derive(Debug)]
pub struct Rules {
    head: Head,
    rules: Vec<Rule>,
    by_code: FxHashMap<u64, Vec<u32>>,
    /// Messages that are told by conditions alone.
    general: Vec<u32>,
    /// The keys that conditions ask for, in the order of `Seen`.
    watched: Vec<&'static str>,
    /// Keys whose values peers choose.
    peers: Vec<&'static [u8]>,
    texts: Trie,
}

#[derive(Debug, Default)]
struct Head {
    code: &'static [u8],
    leading: Vec<&'static [u8]>,
    level: &'static [u8],
    levels: Vec<(&'static [u8], Severity)>,
    free_text: Vec<&'static [u8]>,
    own: Vec<&'static [u8]>,
}

#[derive(Debug)]
struct Rule {
    /// Number of a watched key, and the values that it may have.
    when: Vec<(usize, Vec<&'static str>)>,
    slots: Vec<(&'static [u8], Slot)>,
    /// The message's keys in the order in which they are written.
    parameters: Vec<&'static [u8]>,
    concerns: bool,
}

/// What a line says of itself.
#[derive(Clone, Copy, Default)]
struct Identity<'a> {
    code: Option<u64>,
    level: &'a [u8],
}

impl Rules {
    /// The rules of a dialect's files; `concerns` tells which messages attempts want. Problems are said of a message's id.
    pub fn new(
        tables: &[&'static DialectTable],
        texts: Trie,
        concerns: impl Fn(usize) -> bool,
        wrong: &mut impl FnMut(&'static str, &'static str, String),
    ) -> Rules {
        let mut rules = Rules {
            head: Head::of(tables, wrong),
            rules: Vec::new(),
            by_code: FxHashMap::default(),
            general: Vec::new(),
            watched: vec!["category"],
            peers: Vec::new(),
            texts,
        };
        for (table, entry) in tables
            .iter()
            .flat_map(|table| table.messages.iter().map(move |entry| (table, entry)))
        {
            let number = rules.rules.len();
            let rule = Rule {
                when: rules.conditions(entry, wrong),
                slots: slots(table, entry, wrong),
                parameters: entry
                    .vendor
                    .parameters
                    .iter()
                    .map(|key| key.trim_matches(['[', ']']).as_bytes())
                    .collect(),
                concerns: concerns(number),
            };
            match parse_code(entry.vendor.code.as_bytes()) {
                Some(code) => rules.by_code.entry(code).or_default().push(number as u32),
                None if !entry.vendor.code.is_empty() => wrong(entry.id, "code", "a `code` is a number".into()),
                None if !rule.when.is_empty() => rules.general.push(number as u32),
                None => {}
            }
            let peers = rule.slots.iter().filter(|(_, slot)| slot.is_peers());
            rules.peers.extend(peers.map(|(key, _)| *key));
            rules.rules.push(rule);
        }
        rules.peers.sort_unstable();
        rules.peers.dedup();
        rules
    }

    fn conditions(
        &mut self,
        entry: &'static MessageTable,
        wrong: &mut impl FnMut(&'static str, &'static str, String),
    ) -> Vec<(usize, Vec<&'static str>)> {
        let mut all = Vec::new();
        for (key, accepted) in entry.when {
            let known = self.watched.iter().position(|watched| watched == key);
            if known.is_none() && self.watched.len() == WATCHED_MAX {
                wrong(
                    entry.id,
                    "when",
                    format!("more than {WATCHED_MAX} keys in the conditions of one dialect"),
                );
                continue;
            }
            let number = known.unwrap_or_else(|| {
                self.watched.push(key);
                self.watched.len() - 1
            });
            all.push((number, accepted.split('|').collect()));
        }
        all
    }

    /// The message of a body, with its fields added.
    pub fn find<'a>(&self, body: &'a [u8], look: Look, fields: &mut Fields<'a>) -> Option<u32> {
        let Some(line) = Line::of(body) else {
            // the prose of a message, alone or behind its category
            let text = pairs::without_category(body).filter(|(category, _)| self.head.own.contains(category));
            let found = self.texts.find(body, look, fields);
            return found.or_else(|| text.and_then(|(_, text)| self.texts.find(text, look, fields)));
        };
        let number = self.number(&line)?;
        let rule = &self.rules[number as usize];
        if !look.facts_only || rule.concerns {
            rule.take(&line, &self.head, fields);
        }
        Some(number)
    }

    /// Whether a body is a line that no attempt can want.
    pub fn is_chatter(&self, body: &[u8]) -> bool {
        match Line::of(body) {
            None => self.is_foreign(body) || self.texts.glance(body).0 == Glance::Chatter,
            Some(line) => match self.number(&line) {
                Some(number) => !self.rules[number as usize].concerns,
                None => self.is_foreign(body),
            },
        }
    }

    /// Whether a body is of a category that is nobody's concern.
    pub fn is_foreign(&self, body: &[u8]) -> bool {
        pairs::without_category(body).is_some_and(|(category, _)| !self.head.own.contains(&category))
    }

    /// The severity of a line by its own word, else `usual`; None for prose, of which the transport may know more.
    pub fn severity(&self, body: &[u8], usual: Severity) -> Option<Severity> {
        let line = Line::of(body)?;
        let level = self.identity(&line).level;
        let known = self.head.levels.iter().find(|(word, _)| *word == level);
        Some(known.map_or(usual, |(_, severity)| *severity))
    }

    fn identity<'a>(&self, line: &Line<'a>) -> Identity<'a> {
        let mut identity = Identity::default();
        for (key, value) in line.pairs() {
            if key == self.head.level {
                identity.level = value;
            }
            if key == self.head.code {
                identity.code = parse_code(value);
                break;
            }
            if !self.head.leading.contains(&key) {
                break;
            }
        }
        identity
    }

    fn number(&self, line: &Line<'_>) -> Option<u32> {
        let code = self.identity(line).code;
        let coded = code
            .and_then(|code| self.by_code.get(&code))
            .map_or(&[][..], Vec::as_slice);
        if coded.is_empty() && self.general.is_empty() {
            return None;
        }
        let seen = self.seen(line, coded);
        let mut candidates = coded.iter().chain(&self.general);
        candidates
            .find(|number| self.rules[**number as usize].holds(&seen))
            .copied()
    }

    /// The values that conditions ask for: of each key the first, and none behind a text that a peer chose.
    fn seen<'a>(&self, line: &Line<'a>, coded: &[u32]) -> [Option<&'a [u8]>; WATCHED_MAX] {
        let mut seen = [None; WATCHED_MAX];
        seen[0] = Some(line.category);
        let simple = |number: &u32| self.rules[*number as usize].when.is_empty();
        let of_category = |number: &u32| {
            let when = &self.rules[*number as usize].when;
            when.iter().any(|(key, _)| *key > 0) && Rule::accepts(when, 0, Some(line.category))
        };
        if coded.first().is_some_and(simple) || !coded.iter().chain(&self.general).any(of_category) {
            return seen;
        }
        for (key, value) in line.pairs() {
            let watched = self.watched.iter().position(|watched| watched.as_bytes() == key);
            match watched {
                Some(number) if number > 0 => {
                    seen[number].get_or_insert(value);
                }
                _ if self.peers.contains(&key) => break,
                _ => {}
            }
        }
        seen
    }
}

impl Head {
    fn of(tables: &[&'static DialectTable], wrong: &mut impl FnMut(&'static str, &'static str, String)) -> Head {
        let bytes = |words: &'static [&'static str]| words.iter().map(|word| word.as_bytes()).collect();
        let Some(table) = tables
            .iter()
            .map(|table| &table.key_value)
            .find(|head| !head.code.is_empty())
        else {
            return Head::default();
        };
        let KeyValueTable {
            code,
            leading,
            level,
            levels,
            free_text,
            own,
        } = table;
        let mut severities = Vec::new();
        for (value, word) in *levels {
            match Severity::from_word(word) {
                Some(severity) => severities.push((value.as_bytes(), severity)),
                None => wrong("", "levels", format!("`{word}` is no severity")),
            }
        }
        Head {
            code: code.as_bytes(),
            leading: bytes(leading),
            level: level.as_bytes(),
            levels: severities,
            free_text: bytes(free_text),
            own: bytes(own),
        }
    }
}

/// A number without its leading zeros, which some receivers drop.
fn parse_code(text: &[u8]) -> Option<u64> {
    parse_int(text).and_then(|number| u64::try_from(number).ok())
}

fn slots(
    table: &'static DialectTable,
    entry: &'static MessageTable,
    wrong: &mut impl FnMut(&'static str, &'static str, String),
) -> Vec<(&'static [u8], Slot)> {
    let own = entry.map.iter();
    let general = table
        .map
        .iter()
        .filter(|(key, _)| !entry.map.iter().any(|(own, _)| own == key));
    let mut slots = Vec::new();
    for (key, meaning) in own.chain(general) {
        match Slot::compile(meaning) {
            Ok(slot) => slots.push((key.as_bytes(), slot)),
            Err(problem) => wrong(entry.id, key, problem),
        }
    }
    slots
}

impl Rule {
    fn holds(&self, seen: &[Option<&[u8]>; WATCHED_MAX]) -> bool {
        self.when
            .iter()
            .all(|(key, _)| Rule::accepts(&self.when, *key, seen[*key]))
    }

    /// Whether a value is one that the conditions on a key accept; without such a condition any is.
    fn accepts(when: &[(usize, Vec<&'static str>)], key: usize, value: Option<&[u8]>) -> bool {
        let mut accepted = when.iter().filter(|(other, _)| *other == key);
        accepted.all(|(_, words)| {
            value.is_some_and(|value| words.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(value)))
        })
    }

    fn slot(&self, key: &[u8]) -> Option<&Slot> {
        self.slots.iter().find(|(name, _)| *name == key).map(|(_, slot)| slot)
    }

    /// The values of the line as fields.
    fn take<'a>(&self, line: &Line<'a>, head: &Head, fields: &mut Fields<'a>) {
        let before = fields.len();
        let mut doubtful = false;
        let mut contradicted = Vec::new();
        let mut at = pairs::next_key(line.pairs, 0);
        while let Some((key, start)) = at {
            let slot = self.slot(key);
            let listed = self.parameters.iter().position(|parameter| *parameter == key);
            if let Some(slot) = slot.filter(|slot| slot.is_peers()) {
                let later = listed.map_or(&[][..], |listed| &self.parameters[listed + 1..]);
                let behind = rest_of_name(line.pairs, start, later);
                let end = behind.unwrap_or(line.pairs.len());
                let (value, _) = match behind {
                    Some(_) => (line.pairs[start..end].trim_ascii(), end),
                    None => value_at(line, start),
                };
                fields.extend(
                    slot.value(value)
                        .filter(|(field, _)| !fields[before..].iter().any(|(known, _)| known == field)),
                );
                at = behind.and_then(|end| pairs::next_key(line.pairs, end));
                continue;
            }
            let (value, next) = value_at(line, start);
            at = pairs::next_key(line.pairs, next);
            doubtful |= head.free_text.contains(&key);
            if doubtful && listed.is_none() {
                continue;
            }
            if let Some((field, caught)) = slot.filter(|_| !value.is_empty()).and_then(|slot| slot.value(value)) {
                match fields[before..].iter().find(|(known, _)| *known == field) {
                    None => fields.push((field, caught)),
                    // prose may repeat what a peer chose: who says two things is believed in neither
                    Some((_, other)) if doubtful && *other != caught => contradicted.push(field),
                    Some(_) => {}
                }
            }
        }
        let mut place = 0;
        fields.retain(|(field, _)| {
            place += 1;
            place <= before || !contradicted.contains(field)
        });
    }
}
