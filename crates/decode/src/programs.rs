//! Which programs speak which dialects. Asked of every line of a log, so nearly all other programs are told apart by their
//! name's first and last byte alone.

use tunlog_model::Hint;

use crate::dialect::Dialect;

/// A dialect that a program speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speaker {
    /// Number of the dialect.
    pub dialect: u16,
    /// Its own, not one that it only passes on.
    pub own: bool,
}

/// A program and the dialects that it speaks, the ones to ask first first.
#[derive(Debug)]
pub(crate) struct Program {
    name: &'static [u8],
    pub speakers: Vec<Speaker>,
    /// Whether it passes on lines with their writers' own tags.
    relay: bool,
    /// The next program of the same place, plus one.
    next: u16,
}

/// All programs.
#[derive(Debug)]
pub(crate) struct Programs {
    /// By first and last byte: the number of the first program there, plus one.
    gate: Box<[u16; 1024]>,
    programs: Vec<Program>,
    /// The dialects whose lines may lack any header.
    pub headerless: Vec<Speaker>,
}

/// Programs that pass on what other daemons say, with the other's own tag before it (`NetworkManager[7]: xl2tpd[9]: …`).
const RELAYS: &[&str] = &["NetworkManager", "nm-l2tp-service", "nm-pptp-service"];

impl Programs {
    /// The programs of the dialects; those of other services only if `services`.
    pub fn of(dialects: &[Dialect], services: bool) -> Programs {
        let mut all = Programs {
            gate: Box::new([0; 1024]),
            programs: Vec::new(),
            headerless: Vec::new(),
        };
        for (dialect, own) in dialects
            .iter()
            .enumerate()
            .filter(|(_, dialect)| services || !dialect.is_service())
            .flat_map(|(number, _)| [(number as u16, true), (number as u16, false)])
        {
            let speaker = Speaker { dialect, own };
            let names: Vec<&'static str> = match own {
                true => dialects[usize::from(dialect)].apps().collect(),
                false => dialects[usize::from(dialect)].passed_on_by().collect(),
            };
            names.into_iter().for_each(|name| all.entry(name).add(speaker));
            if own && dialects[usize::from(dialect)].headerless {
                all.headerless.push(speaker);
            }
        }
        RELAYS.iter().for_each(|name| all.entry(name).relay = true);
        let priority = |speaker: &Speaker| std::cmp::Reverse(dialects[usize::from(speaker.dialect)].priority);
        all.programs
            .iter_mut()
            .for_each(|program| program.speakers.sort_by_key(priority));
        all.headerless.sort_by_key(priority);
        all
    }

    fn entry(&mut self, name: &'static str) -> &mut Program {
        let name = name.as_bytes();
        let number = match self.programs.iter().position(|program| program.name == name) {
            Some(number) => number,
            None => {
                let place = &mut self.gate[place(name)];
                self.programs.push(Program {
                    name,
                    speakers: Vec::new(),
                    relay: false,
                    next: *place,
                });
                *place = self.programs.len() as u16;
                self.programs.len() - 1
            }
        };
        &mut self.programs[number]
    }

    /// The program of a name.
    pub fn get(&self, name: &[u8]) -> Option<&Program> {
        let number = self.number(name)?;
        self.programs.get(number as usize - 1)
    }

    /// The number of the program of a name, plus one.
    #[inline(always)]
    pub fn number(&self, name: &[u8]) -> Option<u32> {
        let mut number = self.gate[place(name)];
        while let Some(program) = usize::from(number).checked_sub(1).and_then(|at| self.programs.get(at)) {
            if is_same(program.name, name) {
                return Some(u32::from(number));
            }
            number = program.next;
        }
        None
    }

    /// All, by their numbers.
    pub fn all(&self) -> &[Program] {
        &self.programs
    }

    /// The program that a hint names.
    #[inline]
    pub fn of_hint(&self, hint: Hint) -> Option<&Program> {
        self.programs.get((hint.program as usize).checked_sub(1)?)
    }
}

impl Program {
    /// Whether it passes on what others say, tag and all: it is known for that, or has no dialect of its own.
    pub fn passes_on(&self) -> bool {
        self.relay || !self.speakers.iter().any(|speaker| speaker.own)
    }

    fn add(&mut self, speaker: Speaker) {
        if !self.speakers.iter().any(|known| known.dialect == speaker.dialect) {
            self.speakers.push(speaker);
        }
    }
}

/// Whether two names are equal. Asked of every line: most names are short, and a call would cost more than the comparison.
#[inline(always)]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    match (one, other) {
        ([a @ .., a4, a3, a2, a1], [b @ .., b4, b3, b2, b1]) if a.len() == b.len() => {
            [a1, a2, a3, a4] == [b1, b2, b3, b4] && (a.is_empty() || a == b)
        }
        _ => one == other,
    }
}

/// Where a name stands in the gate.
#[inline]
fn place(name: &[u8]) -> usize {
    match name {
        [first, .., last] => usize::from(first & 31) << 5 | usize::from(last & 31),
        _ => 0,
    }
}
