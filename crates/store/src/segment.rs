//! A segment that was read: its columns, and each row as the record that it was made of. The reverse of `gather.rs`.

use tunlog_model::{Assumed, Field, Severity};

use crate::columns::{COMMON, FIELDS, Place, SCHEMA, SCHEMA_KEY, Type, all, datum_of, key_of, places};
use crate::parquet::{Cells, Entries, File, NOTHING, Table};
use crate::record::{self, Datum, Kind, Origin, Record};

/// Most fields of a record that are believed.
const FIELDS_MAX: usize = 256;

/// What is the same in many records.
#[derive(Clone, Debug)]
pub struct Class {
    /// What they tell.
    pub kind: Kind,
    /// The dialect.
    pub dialect: Box<str>,
    /// The message's id.
    pub message: Box<str>,
    /// What a code made of the message.
    pub variant: Box<str>,
    layer: Box<str>,
    event: Box<str>,
    severity: Option<Severity>,
    trusted: bool,
    redacted: bool,
    assumed: Assumed,
    fields: Vec<(Field, u8, Place)>,
}

/// The columns of which a class is made.
const SHARED: [&str; 8] = [
    "dialect", "message", "variant", "layer", "event", "severity", "kind", "shape",
];

/// A segment's records.
pub struct Segment {
    rows: usize,
    classes: Vec<Class>,
    class_of: Vec<u32>,
    columns: Vec<Cells>,
    at: Places,
    entries: Entries,
}

/// Where the columns stand.
struct Places {
    time: usize,
    gateway: usize,
    line: usize,
    program: usize,
    pid: usize,
    own: usize,
    raw: usize,
    times: usize,
    command_line: usize,
    body: usize,
    seq: usize,
    set: usize,
    source: usize,
    id: usize,
    exact: usize,
}

impl Places {
    fn new(names: &[(&'static str, Type)]) -> Option<Places> {
        let at = |name: &str| place(names, name);
        Some(Places {
            time: at("time")?,
            gateway: at("gateway")?,
            line: at("line")?,
            program: at("program")?,
            pid: at("pid")?,
            own: at(COMMON.first()?.0.word())?,
            raw: at("raw")?,
            times: at("times")?,
            command_line: at("command_line")?,
            body: at("body")?,
            seq: at("seq")?,
            set: at("set_id")?,
            source: at("source_id")?,
            id: at("record_id")?,
            exact: at("exact")?,
        })
    }
}

fn place(names: &[(&'static str, Type)], name: &str) -> Option<usize> {
    names.iter().position(|(known, _)| *known == name)
}

/// Opens a segment's file, if it is of this version.
fn open(file: &[u8]) -> Result<File<'_>, String> {
    let file = File::open(file, SCHEMA_KEY)?;
    if file.version() != SCHEMA.as_bytes() || file.len() != all().len() + 2 {
        return Err("it has other columns than a segment of this version".to_owned());
    }
    Ok(file)
}

impl Segment {
    /// Reads a segment's file, which may hold anything.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(file: &[u8]) -> Result<Segment, String> {
        let mut file = open(file)?;
        let names = all();
        let mut columns = Vec::with_capacity(names.len());
        for (at, (name, kind)) in names.iter().enumerate() {
            columns.push(match *name {
                // made of others, or told by them
                "assumed" => Cells::None,
                "source" => Cells::None,
                _ => file.column(at, name, kind.physical())?,
            });
        }
        let entries = file.map(names.len(), FIELDS)?;
        let at = Places::new(&names).ok_or("it has other columns than a segment")?;
        let mut segment = Segment {
            rows: file.rows(),
            classes: Vec::new(),
            class_of: Vec::new(),
            columns,
            at,
            entries,
        };
        segment.classify(&names)?;
        Ok(segment)
    }

    /// Finds the classes: rows that have the same in the columns of which one is made.
    fn classify(&mut self, names: &[(&'static str, Type)]) -> Result<(), String> {
        const WRONG: &str = "a row of it is no record";
        let at = |name: &str| place(names, name).ok_or(WRONG);
        let shared: Vec<usize> = SHARED.iter().map(|name| at(name)).collect::<Result<_, _>>()?;
        let (trusted, redacted, assumed) = (at("trusted")?, at("redacted")?, at("assumed_flags")?);
        let mut keys: Vec<([u32; SHARED.len()], [bool; 2], u8)> = Vec::new();
        let mut known = Table::default();
        for row in 0..self.rows {
            let mut numbers = [NOTHING; SHARED.len()];
            for (number, column) in numbers.iter_mut().zip(&shared) {
                *number = self.columns[*column].number(row);
            }
            let flags = [trusted, redacted].map(|at| self.columns[at].flag(row).unwrap_or_default());
            let assumed = self.columns[assumed].int(row).unwrap_or_default();
            let key = (numbers, flags, u8::try_from(assumed).map_err(|_| WRONG)?);
            let mix =
                |hash: u64, more: &u32| (hash.rotate_left(5) ^ u64::from(*more)).wrapping_mul(0x517c_c1b7_2722_0a95);
            let hash = numbers.iter().fold(u64::from(key.2), mix);
            let (class, is_new) = known.find(hash >> 32, |number| keys[number as usize] == key);
            if is_new {
                keys.push(key);
                let class = self.class(row, &shared, key.1, Assumed(key.2)).ok_or(WRONG)?;
                self.classes.push(class);
            }
            self.class_of.push(class);
        }
        Ok(())
    }

    fn class(&self, row: usize, shared: &[usize], flags: [bool; 2], assumed: Assumed) -> Option<Class> {
        let mut words = [""; SHARED.len()];
        for (word, column) in words.iter_mut().zip(shared) {
            *word = std::str::from_utf8(self.columns[*column].text(row).unwrap_or_default()).ok()?;
        }
        let [dialect, message, variant, layer, event, severity, kind, shape] = words;
        let parts = shape.split(' ').filter(|part| !part.is_empty());
        let fields: Vec<(Field, u8)> = parts
            .map(|part| {
                let (word, tag) = part.split_once(':')?;
                Some((record::field(word)?, *tag.as_bytes().first()?))
            })
            .collect::<Option<_>>()?;
        if fields.len() > FIELDS_MAX {
            return None;
        }
        let places = places(fields.iter().copied());
        Some(Class {
            kind: Kind::from_word(kind)?,
            dialect: dialect.into(),
            message: message.into(),
            variant: variant.into(),
            layer: layer.into(),
            event: event.into(),
            severity: match severity.is_empty() {
                true => None,
                false => Some(Severity::from_word(severity)?),
            },
            trusted: flags[0],
            redacted: flags[1],
            assumed,
            fields: fields
                .into_iter()
                .zip(places)
                .map(|((field, tag), place)| (field, tag, place))
                .collect(),
        })
    }

    /// How many records it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The classes of its records.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// The number of a record's class.
    pub fn class_of(&self, row: usize) -> u32 {
        self.class_of[row]
    }

    fn number(&self, column: usize, row: usize) -> u64 {
        self.columns[column].int(row).unwrap_or_default() as u64
    }

    /// A record's number in the store.
    pub fn seq(&self, row: usize) -> u64 {
        self.number(self.at.seq, row)
    }

    /// The number of a record's source.
    pub fn source(&self, row: usize) -> u64 {
        self.number(self.at.source, row)
    }

    /// When, and what was assumed of it.
    pub fn time(&self, row: usize) -> Option<(i64, Assumed)> {
        let time = self.columns[self.at.time].int(row)?;
        Some((time, self.classes.get(self.class_of[row] as usize)?.assumed))
    }

    fn text(&self, column: usize, row: usize) -> &[u8] {
        self.columns[column].text(row).unwrap_or_default()
    }

    /// The record of a row; None if it is none.
    pub fn record(&self, row: usize) -> Option<Record<'_>> {
        if let Some(exact) = self.columns[self.at.exact].text(row) {
            return Record::decode(exact).ok();
        }
        let class = self.classes.get(*self.class_of.get(row)? as usize)?;
        let at = &self.at;
        Some(Record {
            kind: class.kind,
            seq: self.seq(row),
            set: self.number(at.set, row),
            source: self.source(row),
            line: self.number(at.line, row),
            id: self.number(at.id, row),
            time: self.columns[at.time].int(row),
            assumed: class.assumed,
            times: self.columns[at.times].int(row).map(|times| times as u64),
            host: self.text(at.gateway, row),
            program: self.text(at.program, row),
            command_line: self.text(at.command_line, row),
            pid: u32::try_from(self.number(at.pid, row)).ok()?,
            severity: class.severity,
            trusted: class.trusted,
            redacted: class.redacted,
            dialect: &class.dialect,
            message: &class.message,
            variant: &class.variant,
            layer: &class.layer,
            event: &class.event,
            raw: self.text(at.raw, row),
            body: self.text(at.body, row),
            fields: self.fields(class, row)?,
            origin: Origin::default(),
        })
    }

    fn fields(&self, class: &Class, row: usize) -> Option<Vec<(Field, Datum<'_>)>> {
        let mut fields = Vec::with_capacity(class.fields.len());
        let (next, end) = (self.entries.starts.get(row)?, self.entries.starts.get(row + 1)?);
        let (mut next, end) = (*next as usize, *end as usize);
        for (field, tag, place) in &class.fields {
            let own = match place {
                Place::Own(own) => self.own(*own, *tag, row)?,
                Place::Map(_) => None,
            };
            let datum = match own {
                Some(datum) => datum,
                None if next < end => {
                    let before = match place {
                        Place::Map(before) => *before,
                        Place::Own(_) => 0,
                    };
                    let (key, value) = (self.entries.keys.row(next)?, self.entries.values.row(next)?);
                    if key != key_of(*field, before).as_bytes() {
                        return None;
                    }
                    next += 1;
                    datum_of(*tag, value)?
                }
                None => return None,
            };
            fields.push((*field, datum));
        }
        (next == end).then_some(fields)
    }

    /// What stands in the own column of a field; `Some(None)` if nothing does, None if it cannot stand there.
    fn own(&self, own: usize, tag: u8, row: usize) -> Option<Option<Datum<'_>>> {
        let cells = &self.columns[self.at.own + own];
        Some(match COMMON[own].1 {
            Type::Int => cells.int(row).map(Datum::Int),
            Type::Bool => cells.flag(row).map(Datum::Bool),
            Type::Double => cells.int(row).map(|bits| {
                let number = f64::from_bits(bits as u64);
                match tag {
                    b'i' => Datum::Int(number as i64),
                    _ => Datum::Seconds(number),
                }
            }),
            _ => match cells.text(row) {
                Some(text) => Some(datum_of(tag, text)?),
                None => None,
            },
        })
    }

    /// The canonical bytes of all records in order, each with its length in front.
    ///
    /// # Errors
    /// If a row is no record.
    pub fn canonical(&self) -> Result<Vec<u8>, String> {
        let (mut out, mut one) = (Vec::new(), Vec::new());
        for row in 0..self.rows {
            let record = self.record(row).ok_or_else(|| format!("row {row} is no record"))?;
            one.clear();
            record.encode(&mut one);
            record::put_bytes(&mut out, &one);
        }
        Ok(out)
    }
}

/// What tells a record apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identified {
    pub seq: u64,
    pub set: u64,
    pub time: Option<i64>,
    pub id: u64,
}

/// What tells a file's records apart.
///
/// # Errors
/// What is wrong with the file.
pub fn identities(file: &[u8]) -> Result<Vec<Identified>, String> {
    let mut file = open(file)?;
    let names = all();
    let mut column = |name: &str| -> Result<Cells, String> {
        let at = place(&names, name).ok_or("it has other columns than a segment")?;
        Ok(file.column(at, name, names[at].1.physical())?)
    };
    let (seqs, sets, times, ids) = (column("seq")?, column("set_id")?, column("time")?, column("record_id")?);
    let one = |row: usize| {
        Some(Identified {
            seq: seqs.int(row)? as u64,
            set: sets.int(row)? as u64,
            time: times.int(row),
            id: ids.int(row)? as u64,
        })
    };
    let all: Option<Vec<_>> = (0..file.rows()).map(one).collect();
    all.ok_or_else(|| "a record has no number".to_owned())
}

/// Tells the source and the time of each record of a file.
///
/// # Errors
/// What is wrong with the file.
pub fn sources_and_times(file: &[u8], each: &mut dyn FnMut(u64, Option<i64>)) -> Result<(), String> {
    let mut file = open(file)?;
    let names = all();
    let mut column = |name: &str| -> Result<Cells, String> {
        let at = place(&names, name).ok_or("it has other columns than a segment")?;
        Ok(file.column(at, name, names[at].1.physical())?)
    };
    let (sources, times) = (column("source_id")?, column("time")?);
    for row in 0..file.rows() {
        each(sources.int(row).ok_or("a record has no source")? as u64, times.int(row));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
