//! What framing hands out when only attempts are asked for: chatter is told at a glance and counted.

use std::cell::Cell;

use tunlog_model::{AppFilter, Hint};

use crate::Catalogue;
use crate::programs::Speaker;
use crate::trie::Glance;

/// The filter of one chunk. Most lines of a log begin like one that came shortly before, so it remembers what it found.
pub struct Facts<'c> {
    catalogue: &'c Catalogue,
    seen: [Cell<Seen>; SEEN],
}

/// How many beginnings are remembered.
const SEEN: usize = 256;
/// Bytes of a beginning.
const BYTES: usize = 24;

/// What a beginning told.
#[derive(Clone, Copy, Default)]
struct Seen {
    begin: [u64; BYTES / 8],
    /// 0: nothing is remembered.
    program: u32,
    glance: u32,
}

/// `Seen::glance` of chatter; anything else is a place.
const CHATTER: u32 = u32::MAX;

impl<'c> Facts<'c> {
    /// For lines that a catalogue knows.
    pub fn of(catalogue: &'c Catalogue) -> Facts<'c> {
        Facts {
            catalogue,
            seen: [const {
                Cell::new(Seen {
                    begin: [0; BYTES / 8],
                    program: 0,
                    glance: 0,
                })
            }; SEEN],
        }
    }

    fn dialect_of(&self, speaker: &Speaker) -> &'c crate::Dialect {
        &self.catalogue.dialects()[usize::from(speaker.dialect)]
    }

    /// As `Dialect::glance`, from memory where that serves.
    #[inline]
    fn remembered(&self, speaker: &Speaker, hint: Hint, body: &[u8]) -> Option<Hint> {
        let Some(begin) = beginning(body) else {
            return told(self.dialect_of(speaker).glance(body).0, hint);
        };
        let seen = &self.seen[slot(&begin)];
        let before = seen.get();
        if before.program == hint.program && before.begin == begin {
            let place = before.glance;
            return (place != CHATTER).then_some(Hint { place, ..hint });
        }
        let (glance, reach) = self.dialect_of(speaker).glance(body);
        let found = told(glance, hint);
        if reach <= BYTES {
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

#[inline]
fn beginning(body: &[u8]) -> Option<[u64; BYTES / 8]> {
    let bytes: &[u8; BYTES] = body.first_chunk()?;
    let mut words = bytes
        .chunks_exact(8)
        .map(|word| word.try_into().map_or(0, u64::from_le_bytes));
    Some([words.next()?, words.next()?, words.next()?])
}

#[inline]
fn slot(begin: &[u64; BYTES / 8]) -> usize {
    let [one, two, three] = begin;
    let mixed = (one ^ two.rotate_left(21) ^ three.rotate_left(42)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as usize % SEEN
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
        let Some(program) = self.catalogue.programs().of_hint(hint) else {
            return Some(hint);
        };
        match &program.speakers[..] {
            [only @ Speaker { own: true, .. }] => self.remembered(only, hint, body),
            // the kernel: its packet filters agree on whose packets concern nobody
            [first @ Speaker { own: true, .. }, ..] if self.dialect_of(first).is_packet_filter() => {
                told(self.dialect_of(first).glance(body).0, hint)
            }
            // NetworkManager's own lines begin with their level, those that it passes on do not
            speakers => {
                let mut own = speakers.iter().filter(|speaker| speaker.own);
                let chatter = program.passes_on()
                    && body.first() == Some(&b'<')
                    && !own.any(|speaker| self.dialect_of(speaker).may_be_wanted(body));
                (!chatter).then_some(hint)
            }
        }
    }
}
