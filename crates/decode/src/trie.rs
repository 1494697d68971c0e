//! The index of templates: a trie over the literal text before the first placeholder, eight bytes a step. The longest
//! literal beginning is tried first, then the most literal text, then file order.

use rustc_hash::FxHashMap;

use crate::template::{self, Fields, Template, packed};

/// A template and the number of its message.
#[derive(Debug)]
struct Leaf {
    template: Template,
    message: u32,
}

/// The templates that begin with the same literal text.
#[derive(Debug, Default)]
struct Told {
    leaves: Vec<u32>,
    /// How many leaves from the beginning on hold all those whose message attempts want.
    wanted: usize,
    /// The next shorter beginning that is a beginning of this one; 0: none but the empty one.
    next: u32,
    /// Whether attempts want a message of this beginning or of a shorter one.
    any_wanted: bool,
}

/// What a beginning alone tells of a body; kept apart from `Told` because it is asked of every line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// No template begins so.
    Unknown,
    /// Attempts want no message that begins so.
    Chatter,
    /// The templates that attempts want have to be looked at.
    Mixed,
    /// Attempts want all of them.
    Wanted,
}

/// What is known after some eights of bytes.
#[derive(Debug, Default)]
struct State {
    /// The longest beginning within the bytes that led here; 0: none.
    told: u32,
    /// Where its groups stand, and how a byte is turned into the number of one, so that no two bytes share one.
    groups: u32,
    multiplier: u8,
    shift: u8,
    /// The eight bytes that lead on, and where to; 0: none do.
    word: u64,
    to: u32,
    /// Whether others do too: they stand in the table.
    forks: bool,
}

/// Beginnings that end within the next eight bytes and share the first of these, longest first.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    first: u32,
    len: u32,
}

/// The end of a beginning.
#[derive(Clone, Copy, Debug)]
struct Ending {
    value: u64,
    mask: u64,
    len: u32,
    told: u32,
}

/// How far a step reaches.
const STEP: usize = 8;

/// From a state by eight bytes to another one.
#[derive(Clone, Copy, Debug, Default)]
struct Edge {
    word: u64,
    from: u32,
    /// 0: an empty place of the table, as nothing leads back to the beginning.
    to: u32,
}

/// Where in the index a body leads. Framing asks for it to tell chatter; decoding goes on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(pub u32);

/// What a body is at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glance {
    /// It begins like chatter and like nothing that attempts want.
    Chatter,
    /// Where it leads.
    At(Place),
    /// Nobody can tell yet.
    Unknown,
}

/// How closely a line is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Only what attempts are made of is needed; the rest is told apart no further than that costs nothing.
    pub facts_only: bool,
    /// Only templates that begin with literal text: the program mostly says things of its own, and every one of its lines
    /// would have to be compared with all the others.
    pub anchored_only: bool,
}

/// Templates indexed by their literal beginning.
#[derive(Debug)]
pub struct Trie {
    states: Vec<State>,
    groups: Vec<Group>,
    endings: Vec<Ending>,
    /// A hash table of a power of two places, at most half of them taken.
    edges: Vec<Edge>,
    told: Vec<Told>,
    verdicts: Vec<Verdict>,
    leaves: Vec<Leaf>,
}

impl Default for Trie {
    fn default() -> Trie {
        Trie::build(Vec::new(), |_| false)
    }
}

impl Trie {
    /// Builds the index of templates and their message numbers; `wanted` tells which messages attempts are made of.
    pub fn build(templates: Vec<(Template, u32)>, wanted: impl Fn(u32) -> bool) -> Trie {
        let mut leaves: Vec<Leaf> = templates
            .into_iter()
            .map(|(template, message)| Leaf { template, message })
            .collect();
        // most literal text first within one beginning; a stable sort keeps file order among equals
        leaves.sort_by_key(|leaf| std::cmp::Reverse(leaf.template.literals()));
        let mut draft = Draft::default();
        let empty = draft.told_of(b"");
        debug_assert_eq!(empty, 0);
        for (number, leaf) in (0u32..).zip(&leaves) {
            let told = draft.told_of(leaf.template.prefix());
            draft.told[told as usize].leaves.push(number);
        }
        let mut trie = Trie {
            states: Vec::new(),
            // what states without endings share
            groups: vec![Group::default()],
            endings: Vec::new(),
            edges: vec![Edge::default(); (2 * draft.edges.len() + 1).next_power_of_two()],
            told: draft.told,
            verdicts: Vec::new(),
            leaves,
        };
        for endings in draft.endings {
            trie.add_state(endings);
        }
        for ((from, word), to) in draft.edges {
            let state = &mut trie.states[from as usize];
            if state.to == 0 {
                (state.word, state.to) = (word, to);
            } else {
                state.forks = true;
                trie.add_edge(Edge { word, from, to });
            }
        }
        trie.inherit(&draft.parents, wanted);
        trie
    }

    /// Adds a state with the smallest number of groups at which each first byte has one of its own.
    fn add_state(&mut self, mut endings: Vec<Ending>) {
        let mut state = State::default();
        endings.sort_by_key(|ending| (ending.value as u8, std::cmp::Reverse(ending.len)));
        let mut bytes: Vec<u8> = endings.iter().map(|ending| ending.value as u8).collect();
        bytes.dedup();
        if let Some((multiplier, shift)) = spread(&bytes) {
            (state.groups, state.multiplier, state.shift) = (self.groups.len() as u32, multiplier, shift);
            let count = 1 << (8 - shift);
            self.groups.resize(self.groups.len() + count, Group::default());
            for ending in endings {
                let at = state.groups as usize + slot_of(ending.value as u8, multiplier, shift);
                let group = &mut self.groups[at];
                if group.len == 0 {
                    group.first = self.endings.len() as u32;
                }
                group.len += 1;
                self.endings.push(ending);
            }
        }
        self.states.push(state);
    }

    fn add_edge(&mut self, edge: Edge) {
        let mut at = edge_place(edge.from, edge.word, self.edges.len());
        while self.edges[at].to != 0 {
            at = (at + 1) & (self.edges.len() - 1);
        }
        self.edges[at] = edge;
    }

    /// Tells each state and each beginning of the shorter ones. States come after those that lead to them.
    fn inherit(&mut self, parents: &[(u32, u64)], wanted: impl Fn(u32) -> bool) {
        for (state, (parent, word)) in parents.iter().enumerate().skip(1) {
            self.states[state].told = self.ending(*parent, *word, STEP);
        }
        for state in 0..self.states.len() as u32 {
            for at in self.endings_of(state) {
                let ending = self.endings[at];
                let shorter = self.ending(state, ending.value, ending.len as usize - 1);
                self.told[ending.told as usize].next = shorter;
            }
        }
        // shorter beginnings were told of first only if they came first in the files: go by length
        let mut order: Vec<u32> = (0..self.told.len() as u32).collect();
        order.sort_by_key(|told| self.depth(*told));
        for told in order {
            let next = self.told[told as usize].next;
            let above = self.told[next as usize].any_wanted;
            let this = &mut self.told[told as usize];
            let is_wanted = |leaf: &u32| wanted(self.leaves[*leaf as usize].message);
            this.wanted = this.leaves.iter().rposition(is_wanted).map_or(0, |last| last + 1);
            this.any_wanted = above || (told != 0 && this.wanted > 0);
        }
        self.verdicts = (0..self.told.len()).map(|told| self.verdict(told)).collect();
    }

    fn verdict(&self, told: usize) -> Verdict {
        let this = &self.told[told];
        if told == 0 {
            Verdict::Unknown
        } else if !this.any_wanted {
            Verdict::Chatter
        } else if this.wanted < this.leaves.len() && !self.told[this.next as usize].any_wanted {
            Verdict::Mixed
        } else {
            Verdict::Wanted
        }
    }

    fn depth(&self, told: u32) -> usize {
        let leaf = self.told[told as usize].leaves.first();
        leaf.map_or(0, |leaf| self.leaves[*leaf as usize].template.prefix().len())
    }

    fn endings_of(&self, state: u32) -> Vec<usize> {
        let state = &self.states[state as usize];
        if state.groups == 0 {
            return Vec::new();
        }
        let groups = &self.groups[state.groups as usize..state.groups as usize + (1 << (8 - state.shift))];
        groups
            .iter()
            .flat_map(|group| group.first as usize..(group.first + group.len) as usize)
            .collect()
    }

    /// The longest beginning that ends within the next `len` bytes after a state, which begin `word`, or before them.
    #[inline]
    fn ending(&self, state: u32, word: u64, len: usize) -> u32 {
        let Some(state) = self.states.get(state as usize) else {
            return 0;
        };
        let slot = state.groups as usize + slot_of(word as u8, state.multiplier, state.shift);
        let endings = self.groups.get(slot).and_then(|group| {
            self.endings
                .get(group.first as usize..(group.first + group.len) as usize)
        });
        let fitting = endings
            .unwrap_or_default()
            .iter()
            .find(|ending| word & ending.mask == ending.value && ending.len as usize <= len);
        fitting.map_or(state.told, |ending| ending.told)
    }

    /// The longest beginning that a body has.
    fn place(&self, body: &[u8]) -> Place {
        self.place_and_reach(body).0
    }

    /// The same, and how many bytes were looked at: more of them cannot change it.
    #[inline]
    pub fn place_and_reach(&self, body: &[u8]) -> (Place, usize) {
        let mut state = 0;
        let mut rest = body;
        let mut reach = STEP;
        while let Some((chunk, after)) = rest.split_first_chunk::<STEP>() {
            let word = u64::from_le_bytes(*chunk);
            let Some(next) = self.step(state, word) else {
                return (Place(self.ending(state, word, STEP)), reach);
            };
            (state, rest, reach) = (next, after, reach + STEP);
        }
        // shorter than a step: its end counts too
        (Place(self.ending(state, packed(rest).0, rest.len())), usize::MAX)
    }

    /// Where eight bytes lead.
    #[inline]
    fn step(&self, from: u32, word: u64) -> Option<u32> {
        let state = self.states.get(from as usize)?;
        if state.word == word && state.to != 0 {
            return Some(state.to);
        }
        if !state.forks {
            return None;
        }
        let mut at = edge_place(from, word, self.edges.len());
        loop {
            let edge = self.edges.get(at)?;
            if edge.word == word && edge.from == from && edge.to != 0 {
                return Some(edge.to);
            }
            if edge.to == 0 {
                return None;
            }
            at = (at + 1) & (self.edges.len() - 1);
        }
    }

    /// The message whose template fits `body`, with its fields added to `fields`. With `facts_only`, a line that begins
    /// like chatter and like nothing else is taken for it: its end is not looked at.
    pub fn find<'a>(&self, body: &'a [u8], look: Look, fields: &mut Fields<'a>) -> Option<u32> {
        self.find_at(self.place(body), body, look, fields)
    }

    /// As `find`, for a body whose place is known.
    #[inline(always)]
    pub fn find_at<'a>(&self, place: Place, body: &'a [u8], look: Look, fields: &mut Fields<'a>) -> Option<u32> {
        let mut at = place.0;
        while at != 0 {
            let told = self.told.get(at as usize)?;
            if look.facts_only && !told.any_wanted {
                // nothing wanted is left: what it is exactly does not matter
                return self.message(told.leaves.first());
            }
            let above = self.told.get(told.next as usize)?;
            let chatter = look.facts_only && !above.any_wanted && told.wanted < told.leaves.len();
            let tried = if chatter {
                &told.leaves[..told.wanted]
            } else {
                &told.leaves
            };
            if let Some(message) = self.try_leaves(tried, body, fields) {
                return Some(message);
            }
            if chatter {
                return self.message(told.leaves.get(told.wanted));
            }
            at = told.next;
        }
        if look.anchored_only {
            None
        } else {
            self.try_leaves(&self.told[0].leaves, body, fields)
        }
    }

    fn message(&self, leaf: Option<&u32>) -> Option<u32> {
        leaf.map(|leaf| self.leaves[*leaf as usize].message)
    }

    /// What a body is at a glance, and how many bytes tell so.
    #[inline]
    pub fn glance(&self, body: &[u8]) -> (Glance, usize) {
        let (place, reach) = self.place_and_reach(body);
        match self.verdicts.get(place.0 as usize) {
            Some(Verdict::Chatter) => (Glance::Chatter, reach),
            Some(Verdict::Mixed) => {
                // the bytes behind the beginning tell
                let reach = reach.max(self.depth(place.0) + Template::LOOKED_AT);
                match self.may_be_a_wanted_one(place, body) {
                    false => (Glance::Chatter, reach),
                    true => (Glance::At(place), reach),
                }
            }
            _ => (Glance::At(place), reach),
        }
    }

    /// The message of chatter, as `find_at` gives it, without fields. None if attempts may want the body, and if no template that
    /// begins with literal text fits it.
    pub fn chatter_at(&self, place: Place, body: &[u8]) -> Option<u32> {
        match self.verdicts.get(place.0 as usize)? {
            Verdict::Chatter => {}
            Verdict::Mixed if !self.may_be_a_wanted_one(place, body) => {}
            _ => return None,
        }
        self.along(place, |leaf| leaf.template.fits(body).then_some(leaf.message))
    }

    /// What `ask` finds first among the templates of a beginning, and of the shorter ones.
    #[inline]
    fn along<T>(&self, place: Place, mut ask: impl FnMut(&Leaf) -> Option<T>) -> Option<T> {
        let mut at = place.0;
        while at != 0 {
            let told = self.told.get(at as usize)?;
            for number in &told.leaves {
                let found = self.leaves.get(*number as usize).and_then(&mut ask);
                if found.is_some() {
                    return found;
                }
            }
            at = told.next;
        }
        None
    }

    /// Whether a body begins like something that attempts want; only templates that begin with literal text are thought of.
    pub fn may_be_wanted(&self, body: &[u8]) -> bool {
        let verdict = self.verdicts.get(self.place(body).0 as usize);
        matches!(verdict, Some(Verdict::Mixed | Verdict::Wanted))
    }

    /// Whether one of the templates of a beginning may fit that attempts want.
    fn may_be_a_wanted_one(&self, place: Place, body: &[u8]) -> bool {
        let told = &self.told[place.0 as usize];
        let mut wanted = told.leaves[..told.wanted].iter();
        wanted.any(|leaf| self.leaves[*leaf as usize].template.may_fit(body))
    }

    /// Where the placeholders' texts stand in a body, by the template that `find` takes; only those are asked that begin
    /// with literal text.
    pub fn places<'a>(&self, body: &'a [u8]) -> Option<Vec<template::Place<'a>>> {
        self.along(self.place(body), |leaf| leaf.template.places(body))
    }

    #[inline(always)]
    fn try_leaves<'a>(&self, leaves: &[u32], body: &'a [u8], fields: &mut Fields<'a>) -> Option<u32> {
        // a loop, because a search by closure is not put in line
        for number in leaves {
            let leaf = self.leaves.get(*number as usize)?;
            if leaf.template.take(body, fields) {
                return Some(leaf.message);
            }
        }
        None
    }
}

/// The index while it is built.
#[derive(Default)]
struct Draft {
    told: Vec<Told>,
    known: FxHashMap<Vec<u8>, u32>,
    edges: FxHashMap<(u32, u64), u32>,
    /// For each state its endings, and where it comes from.
    endings: Vec<Vec<Ending>>,
    parents: Vec<(u32, u64)>,
}

impl Draft {
    /// The number of a beginning, which is added if it is new.
    fn told_of(&mut self, prefix: &[u8]) -> u32 {
        if let Some(told) = self.known.get(prefix) {
            return *told;
        }
        let told = self.told.len() as u32;
        self.told.push(Told::default());
        self.known.insert(prefix.to_vec(), told);
        let mut state = 0;
        if self.endings.is_empty() {
            self.new_state(0, 0);
        }
        let mut rest = prefix;
        while rest.len() > STEP {
            let word = packed(rest).0;
            state = match self.edges.get(&(state, word)) {
                Some(to) => *to,
                None => self.new_state(state, word),
            };
            rest = &rest[STEP..];
        }
        if !rest.is_empty() {
            let (value, mask) = packed(rest);
            let len = rest.len() as u32;
            self.endings[state as usize].push(Ending { value, mask, len, told });
        }
        told
    }

    fn new_state(&mut self, from: u32, word: u64) -> u32 {
        let state = self.endings.len() as u32;
        self.endings.push(Vec::new());
        self.parents.push((from, word));
        if state != 0 {
            self.edges.insert((from, word), state);
        }
        state
    }
}

/// Multiplier and shift by which bytes fall into different groups, as few as possible; None if there are no bytes.
fn spread(bytes: &[u8]) -> Option<(u8, u8)> {
    if bytes.is_empty() {
        return None;
    }
    (0..=8_u8).rev().find_map(|shift| {
        let apart = |multiplier: &&u8| {
            let mut taken = [false; 256];
            bytes
                .iter()
                .all(|byte| !std::mem::replace(&mut taken[slot_of(*byte, **multiplier, shift)], true))
        };
        MULTIPLIERS.iter().find(apart).map(|multiplier| (*multiplier, shift))
    })
}

/// Which of 2^(8 − shift) groups a byte falls into.
#[inline]
fn slot_of(byte: u8, multiplier: u8, shift: u8) -> usize {
    usize::from(byte.wrapping_mul(multiplier)) >> shift
}

/// What bytes are multiplied with. The first one keeps each byte apart.
const MULTIPLIERS: &[u8] = &[
    1, 3, 5, 7, 11, 13, 19, 29, 37, 43, 53, 67, 83, 101, 137, 151, 179, 197, 211, 229, 251,
];

/// Where the search for an edge begins in a table of `places`.
#[inline]
fn edge_place(from: u32, word: u64, places: usize) -> usize {
    let mixed = (word ^ u64::from(from).wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    // the highest bits depend on all bytes
    (mixed >> 40) as usize & (places - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(templates: &[&str]) -> Trie {
        Trie::build(
            templates
                .iter()
                .enumerate()
                .map(|(n, t)| (Template::compile(t).expect("right"), n as u32))
                .collect(),
            |_| true,
        )
    }

    fn is_chatter(trie: &Trie, body: &[u8]) -> bool {
        trie.glance(body).0 == Glance::Chatter
    }

    #[test]
    fn the_longest_beginning_wins() {
        let trie = trie(&[
            "Peer <user:name> failed",
            "Peer refused",
            "Peer <user:name> failed CHAP",
            "Pee",
            "<reason:rest>",
        ]);
        let found = |line: &str| trie.find(line.as_bytes(), Look::default(), &mut Vec::new());
        assert_eq!(found("Peer refused"), Some(1));
        assert_eq!(found("Peer x failed"), Some(0));
        assert_eq!(found("Peer x failed CHAP"), Some(2));
        assert_eq!(found("Pee"), Some(3));
        assert_eq!(found("else"), Some(4));
    }

    #[test]
    fn chatter_is_told_by_its_beginning_unless_something_wanted_begins_so_too() {
        let templates = [
            "GRE: accepting packet #<count:int>",
            "Peer <user:name> failed",
            "Peer <user:name> is here",
        ];
        let compiled = templates
            .iter()
            .enumerate()
            .map(|(n, t)| (Template::compile(t).expect("right"), n as u32));
        let trie = Trie::build(compiled.collect(), |message| message == 1);
        let found = |line: &str| {
            trie.find(
                line.as_bytes(),
                Look {
                    facts_only: true,
                    ..Look::default()
                },
                &mut Vec::new(),
            )
        };
        assert_eq!(found("GRE: accepting packet #x"), Some(0));
        assert_eq!(found("Peer anna is here"), Some(2));
        assert_eq!(found("Peer anna went"), None);
        assert!(is_chatter(&trie, b"GRE: accepting packet #7"));
        assert!(!is_chatter(&trie, b"Peer anna is here"));
    }

    #[test]
    fn the_next_byte_tells_what_cannot_be_wanted() {
        let templates = ["\"<local_ip:ip>:<assigned_ip:ip>\"", "\"<option:name>\""];
        let compiled = templates
            .iter()
            .enumerate()
            .map(|(n, t)| (Template::compile(t).expect("right"), n as u32));
        let trie = Trie::build(compiled.collect(), |message| message == 0);
        assert!(is_chatter(&trie, b"\"nodetach\""));
        assert!(!is_chatter(&trie, b"\"192.168.0.1:192.168.0.100\""));
        assert!(is_chatter(&trie, b"\"auth\""), "no address has a quotation mark");
        assert!(!is_chatter(&trie, b"\"2001:db8::1:2001:db8::2\""));
        assert!(!is_chatter(&trie, b"\"::1"));
        assert!(is_chatter(&trie, b"\"fade\""));
    }

    #[test]
    fn an_empty_index_finds_nothing() {
        assert_eq!(Trie::default().find(b"x", Look::default(), &mut Vec::new()), None);
    }
}
