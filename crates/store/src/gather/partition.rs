//! The columns of one day and gateway while they grow.

use tunlog_model::text;
use tunlog_seal::Digest;
use tunlog_seal::tree::{self, Roots};

use super::cells::as_text;
use super::class::Classes;
use crate::close::Contents;
use crate::columns::{COMMON, Place, Type, key_of};
use crate::parquet::bits::Bits;
use crate::parquet::{Chunk, Map, Values, Words};
use crate::record::{Datum, Kind, Record};
use crate::segment::Identified;
use crate::source::widen;

/// How many records a source gave.
pub(super) struct Given {
    pub source: u64,
    pub set: u64,
    rows: u64,
    unparsed: u64,
}

/// The records of one day and gateway.
pub struct Partition {
    pub day: Option<i64>,
    pub host: Vec<u8>,
    pub(super) rows: usize,
    pub seqs: (u64, u64),
    times: (Option<i64>, Option<i64>),
    pub leaves: Vec<Digest>,
    pub(super) given: Vec<Given>,
    pub(super) given_of: Vec<u32>,
    pub(super) classes: Classes,
    pub(super) class_of: Vec<u32>,
    pub(super) time: Chunk,
    pub(super) gateway: Chunk,
    pub(super) line: Chunk,
    pub(super) program: Chunk,
    pub(super) pid: Chunk,
    pub(super) own: Vec<Chunk>,
    pub(super) raw: Chunk,
    pub(super) many: Chunk,
    pub(super) command_line: Chunk,
    pub(super) body: Chunk,
    pub(super) seq: Chunk,
    pub(super) id: Chunk,
    pub(super) exact: Chunk,
    pub(super) map: Map,
    /// Room for a value as text.
    room: Vec<u8>,
    pub(super) seed: u64,
}

impl Partition {
    pub(super) fn new(seed: u64) -> Partition {
        let own = |kind: &Type| match kind {
            Type::Double => Chunk::of(Values::Plain(Vec::new())),
            Type::Bool => Chunk::of(Values::Flags(Bits::default())),
            _ => Chunk::words(seed),
        };
        let (words, steps) = (|| Chunk::words(seed), || Chunk::of(Values::Steps(Vec::new())));
        let plain = || Chunk::of(Values::Plain(Vec::new()));
        Partition {
            day: None,
            host: Vec::new(),
            rows: 0,
            seqs: (0, 0),
            times: (None, None),
            leaves: Vec::new(),
            given: Vec::new(),
            given_of: Vec::new(),
            classes: Classes::default(),
            class_of: Vec::new(),
            time: steps(),
            gateway: words(),
            line: steps(),
            program: words(),
            pid: words(),
            own: COMMON.iter().map(|(_, kind)| own(kind)).collect(),
            raw: plain(),
            many: plain(),
            command_line: words(),
            body: plain(),
            seq: steps(),
            id: Chunk::of(Values::Dense(Vec::new())),
            exact: plain(),
            map: Map {
                slots: 0,
                again: Bits::default(),
                has: Bits::default(),
                keys: Values::Words(Words::new(seed), Vec::new()),
                values: Values::Words(Words::new(seed), Vec::new()),
            },
            room: Vec::new(),
            seed,
        }
    }

    /// Forgets everything but the room for it.
    pub(super) fn clear(&mut self) {
        (self.rows, self.times) = (0, (None, None));
        self.leaves.clear();
        self.given.clear();
        self.given_of.clear();
        self.classes.clear();
        self.class_of.clear();
        let single = [
            &mut self.time,
            &mut self.gateway,
            &mut self.line,
            &mut self.program,
            &mut self.pid,
            &mut self.raw,
            &mut self.many,
            &mut self.command_line,
            &mut self.body,
            &mut self.seq,
            &mut self.id,
            &mut self.exact,
        ];
        for chunk in single.into_iter().chain(&mut self.own) {
            chunk.present.clear();
            chunk.values.clear();
        }
        let map = &mut self.map;
        map.slots = 0;
        map.again.clear();
        map.has.clear();
        map.keys.clear();
        map.values.clear();
    }

    /// Adds a record. `leaf` gets what its leaf is made of: its canonical bytes behind `tree::LEAF`.
    pub(super) fn add(&mut self, record: &Record<'_>, leaf: &mut Vec<u8>) {
        let row = self.rows;
        self.rows += 1;
        let class = self.classes.number(record);
        self.class_of.push(class);
        leaf.clear();
        leaf.push(tree::LEAF);
        record.encode_as(&self.classes.get(class).common, leaf);
        self.leaves.push(tree::leaf_of(leaf));
        if row == 0 {
            self.seqs.0 = record.seq;
        }
        self.seqs.1 = record.seq;
        widen(&mut self.times.0, &mut self.times.1, record.time);
        self.give(record);
        let known = !is_exact(record);
        if !known {
            self.exact.bytes(row, &leaf[1..]);
        }
        self.put(record, row, known);
        self.put_fields(record, row, class, known);
    }

    /// What every record has. `known`: its texts are UTF-8.
    fn put(&mut self, record: &Record<'_>, row: usize, known: bool) {
        if let Some(time) = record.time {
            self.time.int(row, time);
        }
        self.gateway.filled(row, record.host, known);
        self.line.int(row, record.line as i64);
        self.program.filled(row, record.program, known);
        if record.pid != 0 {
            self.pid.int(row, i64::from(record.pid));
        }
        self.raw.filled(row, record.raw, known);
        if let Some(times) = record.times {
            self.many.int(row, times as i64);
        }
        self.command_line.filled(row, record.command_line, known);
        self.body.filled(row, record.body, known);
        self.seq.int(row, record.seq as i64);
        self.id.int(row, record.id as i64);
    }

    fn give(&mut self, record: &Record<'_>) {
        let is_it = |given: &Given| given.source == record.source && given.set == record.set;
        let at = match self.given_of.last() {
            Some(last) if is_it(&self.given[*last as usize]) => *last as usize,
            _ => self.given.iter().position(is_it).unwrap_or_else(|| {
                self.given.push(Given {
                    source: record.source,
                    set: record.set,
                    rows: 0,
                    unparsed: 0,
                });
                self.given.len() - 1
            }),
        };
        self.given[at].rows += 1;
        self.given[at].unparsed += u64::from(record.kind == Kind::Unrecognised);
        self.given_of.push(at as u32);
    }

    /// The fields, each where its class says.
    fn put_fields(&mut self, record: &Record<'_>, row: usize, class: u32, known: bool) {
        let (mut entries, map) = (0, &mut self.map);
        let places = self.classes.get(class).places.iter_mut();
        for (to, (_, datum)) in places.zip(&record.fields) {
            let before = match to.place {
                Place::Own(own) if self.own[own].own(COMMON[own].1, row, datum, known, &mut self.room) => continue,
                Place::Own(_) => 0,
                Place::Map(before) => before,
            };
            if entries > 0 {
                map.again.set(map.slots);
            }
            map.has.set(map.slots);
            map.slots += 1;
            entries += 1;
            if let Values::Words(keys, rows) = &mut map.keys {
                let key = to
                    .key
                    .get_or_insert_with(|| keys.text(key_of(to.field, before).as_bytes()));
                rows.push(*key);
            }
            if let Values::Words(values, rows) = &mut map.values {
                let shown = as_text(datum, &mut self.room);
                rows.push(match known {
                    true => values.text(shown),
                    false => values.text(text::lossy(shown).as_bytes()),
                });
            }
        }
        map.slots += usize::from(entries == 0);
    }

    pub(super) fn identities(&self, take: &mut dyn FnMut(Identified)) {
        let (Values::Steps(times), Values::Steps(seqs), Values::Dense(ids)) =
            (&self.time.values, &self.seq.values, &self.id.values)
        else {
            return;
        };
        let (ids, _) = ids.as_chunks::<8>();
        let mut times = times.iter();
        for (row, ((seq, id), given)) in seqs.iter().zip(ids).zip(&self.given_of).enumerate() {
            take(Identified {
                seq: *seq as u64,
                set: self.given[*given as usize].set,
                time: self.time.present.has(row).then(|| times.next().copied()).flatten(),
                id: u64::from_le_bytes(*id),
            });
        }
    }

    /// How many records there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The root of the records' tree.
    pub fn root(&self) -> Digest {
        let mut roots = Roots::new();
        self.leaves.iter().for_each(|leaf| roots.push(*leaf));
        roots.root()
    }

    /// What is told of the segment beside what its note says.
    pub fn contents(&self) -> Contents {
        let mut contents = Contents {
            first: self.times.0,
            last: self.times.1,
            ..Contents::default()
        };
        for given in &self.given {
            let of = contents.sources.entry(given.source).or_default();
            *of = (of.0 + given.rows, of.1 + given.unparsed);
        }
        contents
    }
}

/// Whether something of a record is no UTF-8, or no number: its canonical bytes stand in a column of their own.
fn is_exact(record: &Record<'_>) -> bool {
    let parts = [
        record.host,
        record.program,
        record.command_line,
        record.raw,
        record.body,
    ];
    let is_text = |bytes: &[u8]| bytes.is_ascii() || std::str::from_utf8(bytes).is_ok();
    let is_plain = |datum: &Datum<'_>| match datum {
        Datum::Text(bytes) | Datum::Bytes(bytes) => is_text(bytes),
        // a number that is none has no text that comes back
        Datum::Seconds(seconds) => seconds.is_finite(),
        _ => true,
    };
    !parts.iter().all(|part| is_text(part)) || !record.fields.iter().all(|(_, datum)| is_plain(datum))
}
