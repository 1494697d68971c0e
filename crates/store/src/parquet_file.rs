//! A segment's file: records as Parquet, one row group, the columns of `columns.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use crate::columns::{
    COMMON, Cell, LEADING, Read, SCHEMA, Spread, TRAILING, Type, common, datum_of, field_cell, text_of,
};
use crate::record::{self, Record};

/// Most rows of a segment that are believed: more than a segment's bytes can hold.
const ROWS_MAX: i64 = 1 << 22;

/// Columns of many different values, for which a dictionary is a waste.
const PLAIN: &[&str] = &["raw", "body", "seq", "record_id", "time", "line", "exact"];

/// The schema in Parquet's own words.
pub fn schema() -> String {
    let mut text = String::from("message tunlog {\n");
    let mut add = |name: &str, kind: Type| {
        let (physical, logical) = match kind {
            Type::Time => ("INT64", " (TIMESTAMP(MICROS,true))"),
            Type::Int => ("INT64", ""),
            Type::Double => ("DOUBLE", ""),
            Type::Text => ("BYTE_ARRAY", " (UTF8)"),
            Type::Binary => ("BYTE_ARRAY", ""),
            Type::Bool => ("BOOLEAN", ""),
        };
        text.push_str(&format!("  OPTIONAL {physical} {name}{logical};\n"));
    };
    LEADING.iter().for_each(|column| add(column.name, column.kind));
    COMMON.iter().for_each(|(field, kind)| add(field.word(), *kind));
    TRAILING.iter().for_each(|column| add(column.name, column.kind));
    add("shape", Type::Text);
    add("exact", Type::Binary);
    text.push_str("  OPTIONAL GROUP fields (MAP) {\n    REPEATED GROUP key_value {\n");
    text.push_str("      REQUIRED BYTE_ARRAY key (UTF8);\n      OPTIONAL BYTE_ARRAY value (UTF8);\n    }\n  }\n}");
    text
}

fn properties() -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(None)
        .set_created_by("tunlog".to_owned())
        .set_key_value_metadata(Some(vec![KeyValue::new("tunlog.schema".to_owned(), SCHEMA.to_owned())]));
    for name in PLAIN {
        builder = builder.set_column_dictionary_enabled(ColumnPath::from(*name), false);
    }
    builder.build()
}

/// A record that is to be written, with its canonical bytes and the name of its source.
pub struct Row<'a> {
    pub record: Record<'a>,
    pub canonical: &'a [u8],
    pub source: &'a str,
}

/// The file of some records.
///
/// # Errors
/// What the writer of Parquet says.
pub fn write(rows: &[Row<'_>]) -> Result<Vec<u8>, String> {
    let spreads: Vec<Spread> = rows.iter().map(|row| Spread::of(&row.record)).collect();
    let run = || -> parquet::errors::Result<Vec<u8>> {
        let schema = Arc::new(parse_message_type(&schema())?);
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties()))?;
        let mut group = writer.next_row_group()?;
        for column in LEADING {
            let cells = rows.iter().map(|row| (column.get)(&row.record, row.source));
            put(&mut group, column.kind, rows.len(), cells)?;
        }
        for (own, (_, kind)) in COMMON.iter().enumerate() {
            let cells = rows.iter().zip(&spreads).map(|(row, spread)| match spread.own[own] {
                Some(at) => field_cell(&row.record.fields[usize::from(at)].1, *kind),
                None => Cell::None,
            });
            put(&mut group, *kind, rows.len(), cells)?;
        }
        for column in TRAILING {
            let cells = rows.iter().map(|row| (column.get)(&row.record, row.source));
            put(&mut group, column.kind, rows.len(), cells)?;
        }
        let shapes = spreads.iter().map(|spread| match spread.shape.is_empty() {
            true => Cell::None,
            false => Cell::Bytes(spread.shape.as_bytes().into()),
        });
        put(&mut group, Type::Text, rows.len(), shapes)?;
        let exact = rows.iter().zip(&spreads).map(|(row, spread)| match spread.is_exact {
            true => Cell::Bytes(row.canonical.into()),
            false => Cell::None,
        });
        put(&mut group, Type::Binary, rows.len(), exact)?;
        put_map(&mut group, rows, &spreads)?;
        group.close()?;
        writer.into_inner()
    };
    run().map_err(|error| error.to_string())
}

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

/// Writes the next column.
fn put<'c>(
    group: &mut Group<'_>,
    kind: Type,
    rows: usize,
    cells: impl Iterator<Item = Cell<'c>>,
) -> parquet::errors::Result<()> {
    let mut levels: Vec<i16> = Vec::with_capacity(rows);
    let mut ints: Vec<i64> = Vec::new();
    let mut doubles: Vec<f64> = Vec::new();
    let mut flags: Vec<bool> = Vec::new();
    let mut texts = Texts::default();
    for cell in cells {
        levels.push(i16::from(cell != Cell::None));
        match cell {
            Cell::None => {}
            Cell::Int(number) => ints.push(number),
            Cell::Double(number) => doubles.push(number),
            Cell::Bool(flag) => flags.push(flag),
            Cell::Bytes(bytes) if kind == Type::Binary => texts.push(&bytes),
            Cell::Bytes(bytes) => texts.push_text(&bytes),
        }
    }
    match kind {
        Type::Time | Type::Int => put_values::<Int64Type>(group, &ints, &levels, None),
        Type::Double => put_values::<DoubleType>(group, &doubles, &levels, None),
        Type::Bool => put_values::<BoolType>(group, &flags, &levels, None),
        Type::Text | Type::Binary => put_values::<ByteArrayType>(group, &texts.values(), &levels, None),
    }
}

fn put_values<T: DataType>(
    group: &mut Group<'_>,
    values: &[T::T],
    levels: &[i16],
    repetitions: Option<&[i16]>,
) -> parquet::errors::Result<()> {
    let Some(mut column) = group.next_column()? else {
        return Ok(()); // as many columns as the schema has, which the tests see
    };
    column.typed::<T>().write_batch(values, Some(levels), repetitions)?;
    column.close()
}

/// Texts of a column, in one piece of memory.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len());
    }

    /// Bytes that are no UTF-8 appear as `\xNN`; exactly they stand in another column.
    fn push_text(&mut self, bytes: &[u8]) {
        match bytes.is_ascii() {
            true => self.push(bytes),
            false => self.push(tunlog_model::text::lossy(bytes).as_bytes()),
        }
    }

    fn values(self) -> Vec<ByteArray> {
        let whole = Bytes::from(self.bytes);
        let mut start = 0;
        let part = |end: usize| ByteArray::from(whole.slice(std::mem::replace(&mut start, end)..end));
        self.ends.into_iter().map(part).collect()
    }
}

/// Writes the map of the fields without a column of their own. Levels (of keys, values): no map 0; an entry 2 and 3.
fn put_map(group: &mut Group<'_>, rows: &[Row<'_>], spreads: &[Spread]) -> parquet::errors::Result<()> {
    let (mut keys, mut values) = (Texts::default(), Texts::default());
    let (mut key_levels, mut value_levels, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    for (row, spread) in rows.iter().zip(spreads) {
        if spread.rest.is_empty() {
            key_levels.push(0);
            value_levels.push(0);
            repetitions.push(0);
            continue;
        }
        for (number, at) in spread.rest.iter().enumerate() {
            let (field, datum) = &row.record.fields[usize::from(*at)];
            let twice = spread.rest[..number]
                .iter()
                .filter(|before| row.record.fields[usize::from(**before)].0 == *field)
                .count();
            // keys of a map are different from each other
            match twice {
                0 => keys.push(field.word().as_bytes()),
                more => keys.push(format!("{}#{}", field.word(), more + 1).as_bytes()),
            }
            values.push_text(&text_of(datum));
            key_levels.push(2);
            value_levels.push(3);
            repetitions.push(i16::from(number > 0));
        }
    }
    put_values::<ByteArrayType>(group, &keys.values(), &key_levels, Some(&repetitions))?;
    put_values::<ByteArrayType>(group, &values.values(), &value_levels, Some(&repetitions))
}

/// A column as it was read.
enum Cells {
    Int(Vec<i64>),
    Double(Vec<f64>),
    Bool(Vec<bool>),
    Bytes(Vec<ByteArray>),
}

struct ReadColumn {
    levels: Vec<i16>,
    repetitions: Vec<i16>,
    cells: Cells,
    /// How many values were handed out.
    next: usize,
}

impl ReadColumn {
    fn of(reader: ColumnReader, rows: usize) -> parquet::errors::Result<ReadColumn> {
        let (mut levels, mut repetitions) = (Vec::new(), Vec::new());
        macro_rules! all {
            ($reader:expr, $kind:ident) => {{
                let mut reader = $reader;
                let mut values = Vec::new();
                let mut read = 0;
                while read < rows {
                    let (records, _, found) = reader.read_records(
                        rows - read,
                        Some(&mut levels),
                        Some(&mut repetitions),
                        &mut values,
                    )?;
                    if records == 0 && found == 0 {
                        break;
                    }
                    read += records;
                }
                Cells::$kind(values)
            }};
        }
        let cells = match reader {
            ColumnReader::Int64ColumnReader(reader) => all!(reader, Int),
            ColumnReader::DoubleColumnReader(reader) => all!(reader, Double),
            ColumnReader::BoolColumnReader(reader) => all!(reader, Bool),
            ColumnReader::ByteArrayColumnReader(reader) => all!(reader, Bytes),
            _ => return Err(ParquetError::General("a column of another type".to_owned())),
        };
        Ok(ReadColumn {
            levels,
            repetitions,
            cells,
            next: 0,
        })
    }

    /// The next value.
    fn value(&mut self) -> Option<Read<'_>> {
        let at = self.next;
        self.next += 1;
        Some(match &self.cells {
            Cells::Int(values) => Read::Int(*values.get(at)?),
            Cells::Double(values) => Read::Double(*values.get(at)?),
            Cells::Bool(values) => Read::Bool(*values.get(at)?),
            Cells::Bytes(values) => Read::Bytes(values.get(at)?.data()),
        })
    }

    /// What stands in a row, if rows are asked for in order.
    fn row(&mut self, row: usize) -> Option<Read<'_>> {
        match self.levels.get(row)? {
            0 => Some(Read::None),
            _ => self.value(),
        }
    }
}

/// The canonical bytes of a file's records, in its order, each with its length in front.
///
/// # Errors
/// What is wrong with the file, which may hold anything.
pub fn read(file: Vec<u8>) -> Result<Vec<u8>, String> {
    // nobody promises that every wrong file is answered with an error
    let read = catch_unwind(AssertUnwindSafe(|| read_unguarded(file)));
    read.unwrap_or_else(|_| Err("its columns cannot be read".to_owned()))
}

fn read_unguarded(file: Vec<u8>) -> Result<Vec<u8>, String> {
    let (mut columns, rows) = read_columns(file).map_err(|error| error.to_string())?;
    let leading = LEADING.len() + COMMON.len();
    let named = leading + TRAILING.len();
    if columns.len() != named + 4 {
        return Err("it has other columns than a segment".to_owned());
    }
    let mut map = columns.split_off(named + 2).into_iter();
    let (Some(keys), Some(values)) = (map.next(), map.next()) else {
        return Err("it has no fields".to_owned());
    };
    let mut fields = Fields {
        keys,
        values,
        at: 0,
        entries: 0,
    };
    let mut out = Vec::new();
    let mut one = Vec::new();
    for row in 0..rows {
        one.clear();
        assemble(&mut columns, &mut fields, row, &mut one).ok_or_else(|| format!("row {row} is no record"))?;
        record::put_bytes(&mut out, &one);
    }
    Ok(out)
}

/// The one row group of a segment, and its rows.
fn only_group(reader: &SerializedFileReader<Bytes>) -> parquet::errors::Result<(Box<dyn RowGroupReader + '_>, usize)> {
    let rows = reader.metadata().file_metadata().num_rows();
    if !(0..=ROWS_MAX).contains(&rows) || reader.num_row_groups() != 1 {
        return Err(ParquetError::General("no segment has such rows".to_owned()));
    }
    Ok((reader.get_row_group(0)?, rows as usize))
}

fn read_columns(file: Vec<u8>) -> parquet::errors::Result<(Vec<ReadColumn>, usize)> {
    let reader = SerializedFileReader::new(Bytes::from(file))?;
    let (group, rows) = only_group(&reader)?;
    let columns = (0..group.num_columns())
        .map(|at| ReadColumn::of(group.get_column_reader(at)?, rows))
        .collect::<parquet::errors::Result<_>>()?;
    Ok((columns, rows))
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
pub fn read_identities(file: Vec<u8>) -> Result<Vec<Identified>, String> {
    let read = catch_unwind(AssertUnwindSafe(|| {
        let reader = SerializedFileReader::new(Bytes::from(file))?;
        let (group, rows) = only_group(&reader)?;
        let column = |name: &str| {
            let columns = group.metadata().columns();
            let at = columns.iter().position(|column| column.column_path().string() == name);
            let at = at.ok_or_else(|| ParquetError::General(format!("it has no column {name}")))?;
            ReadColumn::of(group.get_column_reader(at)?, rows)
        };
        let (mut seqs, mut sets) = (column("seq")?, column("set_id")?);
        let (mut times, mut ids) = (column("time")?, column("record_id")?);
        let one = |row: usize| {
            let number = |read: Option<Read<'_>>| match read {
                Some(Read::Int(number)) => Some(number),
                _ => None,
            };
            Some(Identified {
                time: number(times.row(row)),
                seq: number(seqs.row(row))? as u64,
                set: number(sets.row(row))? as u64,
                id: number(ids.row(row))? as u64,
            })
        };
        let all: Option<Vec<_>> = (0..rows).map(one).collect();
        all.ok_or_else(|| ParquetError::General("a record has no number".to_owned()))
    }));
    let read: parquet::errors::Result<_> =
        read.unwrap_or_else(|_| Err(ParquetError::General("its columns cannot be read".to_owned())));
    read.map_err(|error| error.to_string())
}

/// The map's entries, in order.
struct Fields {
    keys: ReadColumn,
    values: ReadColumn,
    /// Place in the levels.
    at: usize,
    /// How many entries were handed out.
    entries: usize,
}

impl Fields {
    /// The next record's entries.
    fn row(&mut self) -> Option<Vec<(ByteArray, ByteArray)>> {
        let mut found = Vec::new();
        let mut first = true;
        while let Some(level) = self.keys.levels.get(self.at).copied() {
            if first != (*self.keys.repetitions.get(self.at)? == 0) {
                break;
            }
            (first, self.at) = (false, self.at + 1);
            if level == 2 {
                found.push((text_at(&self.keys, self.entries)?, text_at(&self.values, self.entries)?));
                self.entries += 1;
            }
        }
        (!first).then_some(found)
    }
}

fn text_at(column: &ReadColumn, at: usize) -> Option<ByteArray> {
    match &column.cells {
        Cells::Bytes(values) => values.get(at).cloned(),
        _ => None,
    }
}

/// Adds the canonical bytes of one row.
fn assemble(columns: &mut [ReadColumn], fields: &mut Fields, row: usize, out: &mut Vec<u8>) -> Option<()> {
    let rest = fields.row()?;
    let mut reads = columns.iter_mut().map(|column| column.row(row));
    let mut record = Record::empty();
    for column in LEADING {
        (column.set)(&mut record, reads.next()??)?;
    }
    let mut own = [Read::None; COMMON.len()];
    for slot in &mut own {
        *slot = reads.next()??;
    }
    for column in TRAILING {
        (column.set)(&mut record, reads.next()??)?;
    }
    let shape = reads.next()??;
    if let Read::Bytes(exact) = reads.next()?? {
        Record::decode(exact).ok()?;
        out.extend_from_slice(exact);
        return Some(());
    }
    let shape = match shape {
        Read::Bytes(shape) => std::str::from_utf8(shape).ok()?,
        _ => "",
    };
    let mut rest = rest.iter();
    for part in shape.split(' ').filter(|part| !part.is_empty()) {
        let (word, tag) = part.split_once(':')?;
        let (field, tag) = (record::field(word)?, *tag.as_bytes().first()?);
        let own = common(field).map(|at| std::mem::replace(&mut own[at], Read::None));
        let read = match own {
            Some(read) if !matches!(read, Read::None) => read,
            _ => entry_of(rest.next()?, word)?,
        };
        record.fields.push((field, datum_of(tag, read)?));
    }
    if rest.next().is_some() {
        return None;
    }
    record.encode(out);
    Some(())
}

/// An entry's value, if its key is this one or this one again.
fn entry_of<'a>((key, value): &'a (ByteArray, ByteArray), word: &str) -> Option<Read<'a>> {
    let key = std::str::from_utf8(key.data()).ok()?;
    let same = key == word || key.split_once('#').is_some_and(|(first, _)| first == word);
    same.then(|| Read::Bytes(value.data()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Kind;
    use crate::record::tests::full;
    use tunlog_model::Field;

    fn canonical(records: &[Record<'_>]) -> Vec<Vec<u8>> {
        let one = |record: &Record<'_>| {
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            bytes
        };
        records.iter().map(one).collect()
    }

    fn file_of(records: &[Record<'_>]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let bytes = canonical(records);
        let rows: Vec<Row<'_>> = records
            .iter()
            .zip(&bytes)
            .map(|(record, canonical)| Row {
                record: record.clone(),
                canonical,
                source: "/var/log/syslog",
            })
            .collect();
        let file = write(&rows).expect("a file");
        (bytes, file)
    }

    /// Records of every kind, with and without what a record may have.
    fn several() -> Vec<Record<'static>> {
        let plain = Record {
            fields: vec![
                (Field::User, crate::record::Datum::Text(b"anna")),
                (Field::Path, crate::record::Datum::Text(b"/etc/ppp")),
                (Field::Path, crate::record::Datum::Text(b"/etc/ppp/options")),
                (Field::User, crate::record::Datum::Text("бob".as_bytes())),
                (Field::DurationS, crate::record::Datum::Int(3)),
                (Field::CallId, crate::record::Datum::Text(b"x9")),
            ],
            seq: 8,
            ..full()
        };
        let unknown = Record {
            kind: Kind::Unrecognised,
            time: None,
            severity: None,
            body: b"what is this",
            fields: Vec::new(),
            ..full()
        };
        let lost = Record {
            kind: Kind::Lost,
            times: Some(u64::MAX),
            raw: b"\xff\xfe lost",
            trusted: false,
            redacted: false,
            ..unknown.clone()
        };
        let empty = Record {
            kind: Kind::Repeated,
            times: Some(3),
            ..Record::empty()
        };
        vec![full(), plain, unknown, lost, empty]
    }

    #[test]
    fn records_come_back_from_their_file() {
        let records = several();
        let (bytes, file) = file_of(&records);
        let read = read(file).expect("a segment");
        let read: Vec<&[u8]> = record::records(&read).collect::<Result<_, _>>().expect("records");
        assert_eq!(read.len(), records.len());
        for (number, (read, was)) in read.iter().zip(&bytes).enumerate() {
            assert_eq!(Record::decode(read), Record::decode(was), "{number}");
            assert_eq!(read, was, "{number}");
        }
    }

    #[test]
    fn an_empty_segment_is_a_file_too() {
        let (_, file) = file_of(&[]);
        assert_eq!(read(file), Ok(Vec::new()));
    }

    #[test]
    fn a_damaged_file_is_answered() {
        let (_, file) = file_of(&several());
        for at in (0..file.len()).step_by(5) {
            let mut damaged = file.clone();
            damaged[at] ^= 1 << (at % 8);
            let _ = read(damaged);
        }
        for len in [0, 1, 8, file.len() / 2, file.len() - 1] {
            assert!(read(file[..len].to_vec()).is_err(), "{len}");
        }
    }
}
