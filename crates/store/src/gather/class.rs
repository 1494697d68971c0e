//! What many records have in common, looked up once for each: their words, which fields they have, and where these go.

use tunlog_model::{Field, Severity};

use crate::columns::{Place, places};
use crate::parquet::Table;
use crate::record::{Common, Kind, Origin, Record};

/// What many records have in common.
pub(super) struct Class {
    pub kind: Kind,
    pub trusted: bool,
    pub redacted: bool,
    pub assumed: u8,
    pub severity: Option<Severity>,
    /// Dialect, message, variant, layer, event.
    pub words: [Box<str>; 5],
    origin: Origin,
    fields: Vec<(Field, u8)>,
    /// Where each field goes.
    pub places: Vec<Where>,
    pub shape: String,
    /// Its part of canonical bytes.
    pub common: Common,
}

/// Where a field goes.
pub(super) struct Where {
    pub field: Field,
    pub place: Place,
    /// The number of its key in the map, once it was there.
    pub key: Option<u32>,
}

impl Class {
    fn of(record: &Record<'_>) -> Class {
        let fields: Vec<(Field, u8)> = record
            .fields
            .iter()
            .map(|(field, datum)| (*field, datum.tag()))
            .collect();
        let part = |(field, tag): &(Field, u8)| format!("{}:{}", field.word(), char::from(*tag));
        let places = places(fields.iter().copied());
        let place = |((field, _), place): (&(Field, u8), Place)| Where {
            field: *field,
            place,
            key: None,
        };
        Class {
            kind: record.kind,
            trusted: record.trusted,
            redacted: record.redacted,
            assumed: record.assumed.0,
            severity: record.severity,
            words: record.words().map(Box::from),
            origin: record.origin,
            places: fields.iter().zip(places).map(place).collect(),
            shape: fields.iter().map(part).collect::<Vec<_>>().join(" "),
            fields,
            common: Common::of(record),
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
        let says_the_same = || {
            self.words
                .iter()
                .zip(record.words())
                .all(|(word, other)| **word == *other)
        };
        plain
            && fields.all(|((field, tag), (other, datum))| field == other && *tag == datum.tag())
            && (self.origin.is_same(record.origin) || says_the_same())
    }
}

/// The classes of a segment's records.
#[derive(Default)]
pub(super) struct Classes {
    all: Vec<Class>,
    known: Table,
}

impl Classes {
    /// The number of a record's class.
    pub fn number(&mut self, record: &Record<'_>) -> u32 {
        let all = &self.all;
        let is_it = |number: u32| all[number as usize].is_of(record);
        let (class, is_new) = self.known.find(hash(record), is_it);
        if is_new {
            self.all.push(Class::of(record));
        }
        class
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.all.clear();
        self.known.clear();
    }

    /// One that is known.
    pub fn get(&mut self, number: u32) -> &mut Class {
        &mut self.all[number as usize]
    }

    /// All of them, by their numbers.
    pub fn all(&self) -> &[Class] {
        &self.all
    }
}

/// A hash of what makes a class: the catalogue's words, which nobody outside chooses.
fn hash(record: &Record<'_>) -> u64 {
    let mix = |hash: u64, more: u64| (hash.rotate_left(5) ^ more).wrapping_mul(0x517c_c1b7_2722_0a95);
    let mut hash = mix(record.kind as u64, record.message.len() as u64);
    match record.origin.address() {
        // one message has one address
        Some(address) => hash = mix(hash, address as u64),
        None => {
            let (eights, rest) = record.message.as_bytes().as_chunks::<8>();
            for eight in eights {
                hash = mix(hash, u64::from_le_bytes(*eight));
            }
            hash = rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte)));
        }
    }
    hash = mix(hash, u64::from(record.assumed.0) << 8 | record.variant.len() as u64);
    for (field, datum) in &record.fields {
        hash = mix(hash, (*field as u64) << 8 | u64::from(datum.tag()));
    }
    hash >> 32
}
