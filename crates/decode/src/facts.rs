//! What framing hands out when only attempts are asked for: chatter is told at a glance and counted. Where it is wanted to be kept
//! (`Keep::Trails`), a glance tells where it leads.

use std::cell::Cell;

use tunlog_model::{AppFilter, Entry, Hint, Role};

use crate::programs::Program;
use crate::trie::Glance;
use crate::{Catalogue, Dialect, Keep};

/// The filter of a worker. Most lines of a log begin like one that came shortly before, so it remembers what it found.
pub struct Facts<'c> {
    catalogue: &'c Catalogue,
    /// Of each program, by its number.
    ways: Box<[Way<'c>]>,
    seen: Box<[Cell<Seen>; SEEN]>,
    /// Chatter is handed out too, but for what packet filters say of others once they were heard in a chunk.
    chatter: bool,
    filters_heard: Cell<bool>,
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
    begin: [u64; BYTES / 8],
    /// 0: nothing is remembered.
    program: u32,
    glance: u32,
}

/// `Seen::glance` of chatter; anything else is a place.
const CHATTER: u32 = u32::MAX;

impl<'c> Facts<'c> {
    /// For lines that a catalogue knows, of which so much is to be kept.
    pub fn of(catalogue: &'c Catalogue, keep: Keep) -> Facts<'c> {
        let programs = catalogue.programs().all().iter();
        Facts {
            catalogue,
            ways: programs.map(|program| Way::of(program, catalogue)).collect(),
            seen: Box::new(std::array::from_fn(|_| Cell::default())),
            chatter: keep == Keep::Trails,
            filters_heard: Cell::new(false),
        }
    }

    /// Another chunk begins.
    pub fn begin(&self) {
        self.filters_heard.set(false);
    }

    /// Takes note of the last of a chunk's events.
    #[inline]
    pub fn note(&self, last: Option<&Entry>) {
        if self.chatter
            && let Some(Entry::Event(event)) = last
            && event.message.role == Role::Firewall
        {
            self.filters_heard.set(true);
        }
    }

    /// Where a body leads, from memory where that serves.
    #[inline]
    fn placed(&self, dialect: &Dialect, hint: Hint, body: &[u8]) -> Hint {
        let begin = beginning(body);
        if let Some(begin) = &begin {
            let before = self.seen[slot(begin)].get();
            if before.program == hint.program && before.begin == *begin {
                return Hint {
                    place: before.glance,
                    ..hint
                };
            }
        }
        let Some((place, reach)) = dialect.place(body) else {
            return hint;
        };
        let (program, glance) = (hint.program, place.0 + 1);
        if let Some(begin) = begin.filter(|_| reach <= BYTES) {
            self.seen[slot(&begin)].set(Seen { begin, program, glance });
        }
        Hint { place: glance, ..hint }
    }

    /// What is handed out where chatter is wanted.
    #[inline]
    fn glance_for_all(&self, hint: Hint, body: &[u8]) -> Option<Hint> {
        let way = (hint.program as usize).checked_sub(1).and_then(|at| self.ways.get(at));
        match way {
            Some(Way::One(dialect)) => Some(self.placed(dialect, hint, body)),
            Some(Way::PacketFilter(dialect)) if self.filters_heard.get() && dialect.is_of_others(body) => None,
            _ => Some(hint),
        }
    }

    /// As `Dialect::glance`, from memory where that serves.
    #[inline]
    fn remembered(&self, dialect: &Dialect, hint: Hint, body: &[u8]) -> Option<Hint> {
        let Some(begin) = beginning(body) else {
            return told(dialect.glance(body).0, hint);
        };
        let seen = &self.seen[slot(&begin)];
        let before = seen.get();
        if before.program == hint.program && before.begin == begin {
            let place = before.glance;
            return (place != CHATTER).then_some(Hint { place, ..hint });
        }
        let (glance, reach) = dialect.glance(body);
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
        if self.chatter {
            return self.glance_for_all(hint, body);
        }
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
