//! What framing hands out when only attempts are asked for: chatter is told at a glance and counted.

use std::cell::Cell;

use tunlog_model::{AppFilter, Hint};

use crate::programs::Program;
use crate::template::packed;
use crate::trie::Glance;
use crate::{Catalogue, Dialect};

/// The filter of a worker. Most lines of a log begin like one that came shortly before, so it remembers what it found.
pub struct Facts<'c> {
    catalogue: &'c Catalogue,
    /// Of each program, by its number.
    ways: Box<[Way<'c>]>,
    seen: Box<[Cell<Seen>; SEEN]>,
}

/// How the lines of a program are told at a glance.
enum Way<'c> {
    /// It speaks one dialect.
    One(&'c Dialect),
    /// The kernel: its packet filters agree on whose packets concern nobody.
    PacketFilter(&'c Dialect),
    /// NetworkManager and its like: their own lines begin with their level, those that they pass on do not.
    Relay(Vec<&'c Dialect>),
    /// Nobody can tell.
    Unknown,
}

impl<'c> Way<'c> {
    fn of(program: &Program, catalogue: &'c Catalogue) -> Way<'c> {
        let own = program.speakers.iter().filter(|speaker| speaker.own);
        let own: Vec<&Dialect> = own
            .map(|speaker| &catalogue.dialects()[usize::from(speaker.dialect)])
            .collect();
        let is_first = program.speakers.first().is_some_and(|speaker| speaker.own);
        match own[..] {
            [only] if program.speakers.len() == 1 => Way::One(only),
            [first, ..] if is_first && first.is_packet_filter() => Way::PacketFilter(first),
            _ if program.passes_on() => Way::Relay(own),
            _ => Way::Unknown,
        }
    }
}

/// How many beginnings are remembered.
const SEEN: usize = 256;
/// Bytes of a beginning.
const BYTES: usize = 24;

/// What a beginning told.
#[derive(Clone, Copy, Default)]
struct Seen {
    begin: Beginning,
    /// 0: nothing is remembered.
    program: u32,
    glance: u32,
}

/// The first bytes of a body.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Beginning {
    /// Zeros where there are no more.
    words: [u64; BYTES / 8],
    /// How many there are.
    len: u32,
}

impl Beginning {
    #[inline]
    fn of(body: &[u8]) -> Beginning {
        let words = match body.first_chunk::<BYTES>() {
            Some(_) => [word(body, 0), word(body, 8), word(body, 16)],
            None => Beginning::of_short(body),
        };
        let len = body.len().min(BYTES) as u32;
        Beginning { words, len }
    }

    /// Two words may overlap: what stands in the one before is shifted out.
    #[inline]
    fn of_short(body: &[u8]) -> [u64; BYTES / 8] {
        let len = body.len();
        let last = |missing: usize| word(body, len - 8).checked_shr(8 * missing as u32).unwrap_or(0);
        match len {
            16.. => [word(body, 0), word(body, 8), last(BYTES.saturating_sub(len))],
            8.. => [word(body, 0), last(16 - len), 0],
            _ => [packed(body).0, 0, 0],
        }
    }

    /// Whether it is all of the body.
    fn is_all(&self) -> bool {
        (self.len as usize) < BYTES
    }

    #[inline]
    fn slot(&self) -> usize {
        let [one, two, three] = self.words;
        let mixed = (one ^ two.rotate_left(21) ^ three.rotate_left(42)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 56) as usize % SEEN
    }
}

/// Eight bytes, which must be there.
#[inline]
fn word(body: &[u8], at: usize) -> u64 {
    body.get(at..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// `Seen::glance` of chatter; anything else is a place.
const CHATTER: u32 = u32::MAX;

impl<'c> Facts<'c> {
    /// For lines that a catalogue knows.
    pub fn of(catalogue: &'c Catalogue) -> Facts<'c> {
        let programs = catalogue.programs().all().iter();
        Facts {
            catalogue,
            ways: programs.map(|program| Way::of(program, catalogue)).collect(),
            seen: Box::new(std::array::from_fn(|_| Cell::default())),
        }
    }

    /// As `Dialect::glance`, from memory where that serves.
    #[inline]
    fn remembered(&self, dialect: &Dialect, hint: Hint, body: &[u8]) -> Option<Hint> {
        let begin = Beginning::of(body);
        let seen = &self.seen[begin.slot()];
        let before = seen.get();
        if before.program == hint.program && before.begin == begin {
            let place = before.glance;
            return (place != CHATTER).then_some(Hint { place, ..hint });
        }
        let (glance, reach) = dialect.glance(body);
        let found = told(glance, hint);
        if reach <= BYTES || begin.is_all() {
            let glance = found.map_or(CHATTER, |hint| hint.place);
            let program = hint.program;
            seen.set(Seen { begin, program, glance });
        }
        found
    }
}

/// The hint for a line, None for chatter.
#[inline]
fn told(glance: Glance, hint: Hint) -> Option<Hint> {
    match glance {
        Glance::Chatter => None,
        Glance::At(place) => Some(Hint {
            place: place.0 + 1,
            ..hint
        }),
        Glance::Unknown => Some(hint),
    }
}

impl AppFilter for Facts<'_> {
    #[inline]
    fn wants(&self, app: &[u8]) -> bool {
        self.catalogue.wants(app)
    }

    #[inline(always)]
    fn program(&self, app: &[u8]) -> Option<Hint> {
        self.catalogue.program(app)
    }

    #[inline]
    fn glance(&self, hint: Hint, body: &[u8]) -> Option<Hint> {
        let way = (hint.program as usize).checked_sub(1).and_then(|at| self.ways.get(at));
        match way {
            Some(Way::One(dialect)) => self.remembered(dialect, hint, body),
            Some(Way::PacketFilter(dialect)) => told(dialect.glance(body).0, hint),
            Some(Way::Relay(own)) => {
                let chatter = body.first() == Some(&b'<') && !own.iter().any(|dialect| dialect.may_be_wanted(body));
                (!chatter).then_some(hint)
            }
            Some(Way::Unknown) | None => Some(hint),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_equal_only_where_bytes_and_length_are() {
        let text: Vec<u8> = (1..=40).collect();
        for len in 0..=text.len() {
            let begin = Beginning::of(&text[..len]);
            let mut bytes: Vec<u8> = begin.words.iter().flat_map(|word| word.to_le_bytes()).collect();
            bytes.truncate(begin.len as usize);
            assert_eq!(bytes, text[..len.min(BYTES)], "{len} bytes");
            assert_eq!(begin.is_all(), len < BYTES);
            // what is padded with zeros is not what holds them
            let mut longer = text[..len].to_vec();
            longer.push(0);
            assert_eq!(Beginning::of(&longer) == begin, len >= BYTES);
        }
    }
}
