//! The open segment as columns: each record goes into those of its day and gateway as it comes, so that a close has nothing to
//! read again. What a record shares with most others (its message, the keys of its fields, its source) is looked up once.

use std::collections::BTreeMap;

use tunlog_model::{Field, Severity, text};
use tunlog_seal::Digest;
use tunlog_seal::tree::{self, Roots};

use crate::close::{Contents, day_of};
use crate::columns::{COMMON, EXACT_MAX, FIELDS, Place, SCHEMA, SCHEMA_KEY, Type, key_of, places, put_text, schema};
use crate::parquet::bits::Bits;
use crate::parquet::{Chunk, Map, Table, Values, Words, Writer};
use crate::record::{Datum, Kind, Record};
use crate::segment::Identified;
use crate::source::widen;

/// Most segments of one close. Who can write log lines can name any gateway and day; what is beyond goes into one segment.
const PARTITIONS_MAX: usize = 64;
/// Partitions whose room is kept for the next ones.
const SPARE_MAX: usize = 2;

/// The records of the open segment.
#[derive(Default)]
pub struct Gathered {
    /// Of the hashes that find words: nobody outside may know it.
    seed: u64,
    pub partitions: Vec<Partition>,
    /// The one that the last record went to.
    last: usize,
    /// Empty ones, with the room that they had.
    spare: Vec<Partition>,
}

impl Gathered {
    /// Of nothing yet.
    pub fn new(seed: u64) -> Gathered {
        Gathered {
            seed,
            ..Gathered::default()
        }
    }

    /// Adds a record, with what its leaf is made of: its canonical bytes behind `tree::LEAF`.
    pub fn add(&mut self, record: &Record<'_>, leaf: &[u8]) {
        let (day, host) = (record.time.map(day_of), record.host);
        let is_it = |known: &Partition| known.day == day && known.host == host;
        if !self.partitions.get(self.last).is_some_and(is_it) {
            self.last = self.find(day, host);
        }
        self.partitions[self.last].add(record, leaf);
    }

    /// Forgets everything; the room for some of it is kept.
    pub fn clear(&mut self) {
        self.last = 0;
        for mut used in self.partitions.drain(..) {
            if self.spare.len() < SPARE_MAX {
                used.clear();
                self.spare.push(used);
            }
        }
    }

    /// What tells the records apart whose time is of a day, or that have none.
    pub fn identities(&self, day: Option<i64>, take: &mut dyn FnMut(Identified)) {
        let all = |known: &&Partition| known.day == day || known.day.is_none();
        self.partitions
            .iter()
            .filter(all)
            .for_each(|known| known.identities(take));
    }

    fn find(&mut self, day: Option<i64>, host: &[u8]) -> usize {
        let at = |known: &[Partition], day, host: &[u8]| {
            known.iter().position(|known| known.day == day && known.host == host)
        };
        if let Some(at) = at(&self.partitions, day, host) {
            return at;
        }
        let (day, host) = match self.partitions.len() < PARTITIONS_MAX - 1 {
            true => (day, host),
            false => (None, &b""[..]),
        };
        at(&self.partitions, day, host).unwrap_or_else(|| {
            let mut new = self.spare.pop().unwrap_or_else(|| Partition::new(self.seed));
            (new.day, new.host) = (day, host.to_vec());
            self.partitions.push(new);
            self.partitions.len() - 1
        })
    }
}

/// What many records have in common.
struct Class {
    kind: Kind,
    trusted: bool,
    redacted: bool,
    assumed: u8,
    severity: Option<Severity>,
    /// Dialect, message, variant, layer, event.
    words: [Box<str>; 5],
    fields: Vec<(Field, u8)>,
    places: Vec<Place>,
    shape: String,
}

impl Class {
    fn of(record: &Record<'_>) -> Class {
        let fields: Vec<(Field, u8)> = record
            .fields
            .iter()
            .map(|(field, datum)| (*field, datum.tag()))
            .collect();
        let part = |(field, tag): &(Field, u8)| format!("{}:{}", field.word(), char::from(*tag));
        Class {
            kind: record.kind,
            trusted: record.trusted,
            redacted: record.redacted,
            assumed: record.assumed.0,
            severity: record.severity,
            words: words(record).map(Box::from),
            places: places(fields.iter().copied()),
            shape: fields.iter().map(part).collect::<Vec<_>>().join(" "),
            fields,
        }
    }

    fn is_of(&self, record: &Record<'_>) -> bool {
        let plain = self.kind == record.kind
            && self.trusted == record.trusted
            && self.redacted == record.redacted
            && self.assumed == record.assumed.0
            && self.severity == record.severity
            && self.fields.len() == record.fields.len();
        let mut fields = self.fields.iter().zip(&record.fields);
        plain
            && fields.all(|((field, tag), (other, datum))| field == other && *tag == datum.tag())
            && self
                .words
                .iter()
                .zip(words(record))
                .all(|(word, other)| **word == *other)
    }
}

fn words<'a>(record: &Record<'a>) -> [&'a str; 5] {
    [
        record.dialect,
        record.message,
        record.variant,
        record.layer,
        record.event,
    ]
}

/// A hash of what makes a class: the catalogue's words, which nobody outside chooses.
fn class_hash(record: &Record<'_>) -> u64 {
    let mix = |hash: u64, more: u64| (hash.rotate_left(5) ^ more).wrapping_mul(0x517c_c1b7_2722_0a95);
    let mut hash = mix(record.kind as u64, record.message.len() as u64);
    let (eights, rest) = record.message.as_bytes().as_chunks::<8>();
    for eight in eights {
        hash = mix(hash, u64::from_le_bytes(*eight));
    }
    hash = rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)));
    hash = mix(hash, u64::from(record.assumed.0) << 8 | record.variant.len() as u64);
    for (field, datum) in &record.fields {
        hash = mix(hash, (*field as u64) << 8 | u64::from(datum.tag()));
    }
    hash >> 32
}

/// How many records a source gave.
struct Given {
    source: u64,
    set: u64,
    rows: u64,
    unparsed: u64,
}

/// The records of one day and gateway.
pub struct Partition {
    pub day: Option<i64>,
    pub host: Vec<u8>,
    rows: usize,
    pub seqs: (u64, u64),
    times: (Option<i64>, Option<i64>),
    pub leaves: Vec<Digest>,
    given: Vec<Given>,
    given_of: Vec<u32>,
    classes: Vec<Class>,
    known: Table,
    class_of: Vec<u32>,
    time: Chunk,
    gateway: Chunk,
    line: Chunk,
    program: Chunk,
    pid: Chunk,
    own: Vec<Chunk>,
    raw: Chunk,
    many: Chunk,
    command_line: Chunk,
    body: Chunk,
    seq: Chunk,
    id: Chunk,
    exact: Chunk,
    map: Map,
    /// Room for a value as text.
    scratch: Vec<u8>,
    seed: u64,
}

impl Chunk {
    fn of(values: Values) -> Chunk {
        Chunk {
            present: Bits::default(),
            values,
        }
    }

    fn words(seed: u64) -> Chunk {
        Chunk::of(Values::Words(Words::new(seed), Vec::new()))
    }

    /// The next row that holds something: a text.
    #[inline]
    fn text(&mut self, row: usize, bytes: &[u8]) {
        match bytes.is_ascii() {
            true => self.bytes(row, bytes),
            // bytes that are no UTF-8 appear as `\xNN`; exactly they stand in another column
            false => self.bytes(row, text::lossy(bytes).as_bytes()),
        }
    }

    #[inline]
    fn bytes(&mut self, row: usize, bytes: &[u8]) {
        self.present.set(row);
        match &mut self.values {
            Values::Words(words, rows) => rows.push(words.text(bytes)),
            Values::Plain(page) | Values::Dense(page) => {
                page.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
                page.extend_from_slice(bytes);
            }
            Values::Steps(_) | Values::Flags(_) => {}
        }
    }

    /// The same, unless it is empty.
    #[inline]
    fn filled(&mut self, row: usize, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.text(row, bytes);
        }
    }

    #[inline]
    fn int(&mut self, row: usize, number: i64) {
        match &mut self.values {
            Values::Words(words, rows) => rows.push(words.int(number)),
            Values::Plain(page) | Values::Dense(page) => page.extend_from_slice(&number.to_le_bytes()),
            Values::Steps(steps) => steps.push(number),
            Values::Flags(flags) if number != 0 => flags.set(self.present.count()),
            Values::Flags(_) => {}
        }
        self.present.set(row);
    }
}

impl Partition {
    fn new(seed: u64) -> Partition {
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
            classes: Vec::new(),
            known: Table::default(),
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
            scratch: Vec::new(),
            seed,
        }
    }

    /// Forgets everything but the room for it.
    fn clear(&mut self) {
        (self.rows, self.times) = (0, (None, None));
        self.leaves.clear();
        self.given.clear();
        self.given_of.clear();
        self.classes.clear();
        self.known.clear();
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

    fn add(&mut self, record: &Record<'_>, leaf: &[u8]) {
        let row = self.rows;
        self.rows += 1;
        self.leaves.push(tree::leaf_of(leaf));
        if row == 0 {
            self.seqs.0 = record.seq;
        }
        self.seqs.1 = record.seq;
        widen(&mut self.times.0, &mut self.times.1, record.time);
        self.give(record);
        if let Some(time) = record.time {
            self.time.int(row, time);
        }
        self.gateway.filled(row, record.host);
        self.line.int(row, record.line as i64);
        self.program.filled(row, record.program);
        if record.pid != 0 {
            self.pid.int(row, i64::from(record.pid));
        }
        self.raw.filled(row, record.raw);
        if let Some(times) = record.times {
            self.many.int(row, times as i64);
        }
        self.command_line.filled(row, record.command_line);
        self.body.filled(row, record.body);
        self.seq.int(row, record.seq as i64);
        self.id.int(row, record.id as i64);
        if is_exact(record) {
            self.exact.bytes(row, &leaf[1..]);
        }
        self.classify(record, row);
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

    /// What is of the record's class, and its fields.
    fn classify(&mut self, record: &Record<'_>, row: usize) {
        let classes = &self.classes;
        let is_it = |number: u32| classes[number as usize].is_of(record);
        let (class, is_new) = self.known.find(class_hash(record), is_it);
        if is_new {
            self.classes.push(Class::of(record));
        }
        self.class_of.push(class);
        let (mut entries, map) = (0, &mut self.map);
        for (place, (field, datum)) in self.classes[class as usize].places.iter().zip(&record.fields) {
            let before = match place {
                Place::Own(own) if put_own(&mut self.own[*own], COMMON[*own].1, row, datum, &mut self.scratch) => {
                    continue;
                }
                Place::Own(_) => 0,
                Place::Map(before) => *before,
            };
            if entries > 0 {
                map.again.set(map.slots);
            }
            map.has.set(map.slots);
            map.slots += 1;
            entries += 1;
            if let Values::Words(keys, rows) = &mut map.keys {
                rows.push(keys.text(key_of(*field, before).as_bytes()));
            }
            if let Values::Words(values, rows) = &mut map.values {
                self.scratch.clear();
                put_text(datum, &mut self.scratch);
                rows.push(match self.scratch.is_ascii() {
                    true => values.text(&self.scratch),
                    false => values.text(text::lossy(&self.scratch).as_bytes()),
                });
            }
        }
        map.slots += usize::from(entries == 0);
    }

    fn identities(&self, take: &mut dyn FnMut(Identified)) {
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

    /// The segment's file. `names` are those of the sources.
    ///
    /// # Errors
    /// What the compressor says.
    pub fn file(&self, names: &BTreeMap<u64, String>) -> Result<Vec<u8>, String> {
        let schema = schema();
        let mut out = Columns {
            writer: Writer::new(self.rows)?,
            schema: schema.iter(),
            partition: self,
        };
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned().into_bytes());
        let word = |at: usize| move |class: &Class| text(&class.words[at]);
        out.put(&self.time)?;
        out.class(&|class| text(&assumed_words(class.assumed)))?;
        out.put(&self.gateway)?;
        out.given(&|given| text(names.get(&given.source).map_or("", String::as_str)))?;
        out.put(&self.line)?;
        out.put(&self.program)?;
        out.put(&self.pid)?;
        for at in [0, 1, 3, 4] {
            out.class(&word(at))?;
        }
        out.class(&|class| class.severity.and_then(|severity| text(severity.word())))?;
        self.own.iter().try_for_each(|own| out.put(own))?;
        out.put(&self.raw)?;
        out.class(&|class| text(class.kind.word()))?;
        out.put(&self.many)?;
        out.put(&self.command_line)?;
        out.put(&self.body)?;
        out.class(&word(2))?;
        out.flags(&|class| class.trusted)?;
        out.flags(&|class| class.redacted)?;
        out.class(&|class| (class.assumed != 0).then(|| i64::from(class.assumed).to_le_bytes().to_vec()))?;
        out.put(&self.seq)?;
        out.given(&|given| Some(given.set.to_le_bytes().to_vec()))?;
        out.given(&|given| Some(given.source.to_le_bytes().to_vec()))?;
        out.put(&self.id)?;
        out.class(&|class| text(&class.shape))?;
        out.put(&self.exact)?;
        out.writer.map(FIELDS, &self.map)?;
        Ok(out.writer.finish(&schema, FIELDS, &[(SCHEMA_KEY, SCHEMA)]))
    }
}

/// Writes the columns in the order of the schema.
struct Columns<'p, S> {
    writer: Writer,
    schema: S,
    partition: &'p Partition,
}

type Names<'s> = std::slice::Iter<'s, (&'static str, crate::parquet::Physical, crate::parquet::Logical)>;

impl Columns<'_, Names<'_>> {
    fn put(&mut self, chunk: &Chunk) -> Result<(), String> {
        // as many as the schema has, which the tests see
        let Some((name, physical, _)) = self.schema.next() else {
            return Ok(());
        };
        self.writer.column(name, *physical, chunk)
    }

    /// A column that the record's class tells.
    fn class(&mut self, value: &dyn Fn(&Class) -> Option<Vec<u8>>) -> Result<(), String> {
        let partition = self.partition;
        let values: Vec<_> = partition.classes.iter().map(value).collect();
        self.shared(values, &partition.class_of)
    }

    /// A column that the record's source tells.
    fn given(&mut self, value: &dyn Fn(&Given) -> Option<Vec<u8>>) -> Result<(), String> {
        let partition = self.partition;
        let values: Vec<_> = partition.given.iter().map(value).collect();
        self.shared(values, &partition.given_of)
    }

    fn shared(&mut self, values: Vec<Option<Vec<u8>>>, of: &[u32]) -> Result<(), String> {
        let is_text = self
            .schema
            .as_slice()
            .first()
            .is_some_and(|(_, physical, _)| *physical == crate::parquet::Physical::Bytes);
        let mut chunk = Chunk::words(self.partition.seed);
        let Values::Words(words, rows) = &mut chunk.values else {
            return Ok(());
        };
        let numbers: Vec<Option<u32>> = values
            .iter()
            .map(|value| value.as_deref().map(|value| words.page_word(value, is_text)))
            .collect();
        if numbers.iter().any(Option::is_some) {
            for (row, of) in of.iter().enumerate() {
                if let Some(number) = numbers[*of as usize] {
                    chunk.present.set(row);
                    rows.push(number);
                }
            }
        }
        self.put(&chunk)
    }

    fn flags(&mut self, value: &dyn Fn(&Class) -> bool) -> Result<(), String> {
        let mut chunk = Chunk::of(Values::Flags(Bits::default()));
        for (row, class) in self.partition.class_of.iter().enumerate() {
            chunk.int(row, i64::from(value(&self.partition.classes[*class as usize])));
        }
        self.put(&chunk)
    }
}

/// Puts a value into its own column; false if it cannot stand there.
fn put_own(chunk: &mut Chunk, kind: Type, row: usize, datum: &Datum<'_>, scratch: &mut Vec<u8>) -> bool {
    match (kind, datum) {
        (Type::Int, Datum::Int(number)) => chunk.int(row, *number),
        (Type::Double, Datum::Seconds(seconds)) => chunk.int(row, seconds.to_bits() as i64),
        // whole seconds, while a double holds them exactly
        (Type::Double, Datum::Int(number)) if number.unsigned_abs() < EXACT_MAX => {
            chunk.int(row, (*number as f64).to_bits() as i64);
        }
        (Type::Bool, Datum::Bool(flag)) => chunk.int(row, i64::from(*flag)),
        (Type::Text, Datum::Text(bytes) | Datum::Bytes(bytes)) => chunk.text(row, bytes),
        (Type::Text, datum) => {
            scratch.clear();
            put_text(datum, scratch);
            chunk.text(row, scratch);
        }
        _ => return false,
    }
    true
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

fn assumed_words(flags: u8) -> String {
    tunlog_model::Assumed(flags).words().collect::<Vec<_>>().join(",")
}
