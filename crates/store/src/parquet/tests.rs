use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::bits::{Bits, delta, hybrid, put_delta, put_hybrid};
use super::{Cells, Chunk, File, Logical, Map, Physical, Values, Words, Writer};

const SCHEMA: &[(&str, Physical, Logical)] = &[
    ("time", Physical::Int64, Logical::Time),
    ("user", Physical::Bytes, Logical::Text),
    ("raw", Physical::Bytes, Logical::Text),
    ("yes", Physical::Boolean, Logical::None),
    ("none", Physical::Double, Logical::None),
    ("port", Physical::Int64, Logical::None),
];

/// So many rows; what each holds follows from its number.
fn file_of(rows: usize) -> Vec<u8> {
    let chunk = |values| Chunk {
        present: Bits::default(),
        values,
    };
    let mut writer = Writer::new(rows).expect("a writer");
    let (mut time, mut times) = (Bits::default(), Vec::new());
    let (mut user, mut users, mut numbers) = (Bits::default(), Words::new(7), Vec::new());
    let (mut raw, mut raws) = (Bits::default(), Vec::new());
    let (mut yes, mut flags) = (Bits::default(), Bits::default());
    let (mut port, mut ports, mut known) = (Bits::default(), Words::new(9), Vec::new());
    let mut map = Map {
        slots: 0,
        again: Bits::default(),
        has: Bits::default(),
        keys: Values::Words(Words::new(1), Vec::new()),
        values: Values::Plain(Vec::new()),
    };
    for row in 0..rows {
        time.set(row);
        times.push(time_of(row));
        if let Some(name) = user_of(row) {
            user.set(row);
            numbers.push(users.text(name.as_bytes()));
        }
        raw.set(row);
        let text = raw_of(row);
        raws.extend_from_slice(&(text.len() as u32).to_le_bytes());
        raws.extend_from_slice(text.as_bytes());
        if row % 3 > 0 {
            if row % 3 == 1 {
                flags.set(yes.count());
            }
            yes.set(row);
        }
        if row % 7 == 2 {
            port.set(row);
            known.push(ports.int(row as i64 % 5 - 2));
        }
        for entry in 0..row % 4 {
            if entry > 0 {
                map.again.set(map.slots);
            }
            map.has.set(map.slots);
            map.slots += 1;
            if let Values::Words(keys, rows) = &mut map.keys {
                rows.push(keys.text(format!("key{entry}").as_bytes()));
            }
            if let Values::Plain(values) = &mut map.values {
                let text = format!("{row}.{entry}");
                values.extend_from_slice(&(text.len() as u32).to_le_bytes());
                values.extend_from_slice(text.as_bytes());
            }
        }
        map.slots += usize::from(row % 4 == 0);
    }
    let filled = |present, values| Chunk { present, values };
    let columns = [
        filled(time, Values::Steps(times)),
        filled(user, Values::Words(users, numbers)),
        filled(raw, Values::Plain(raws)),
        filled(yes, Values::Flags(flags)),
        chunk(Values::Plain(Vec::new())),
        filled(port, Values::Words(ports, known)),
    ];
    for ((name, physical, _), column) in SCHEMA.iter().zip(&columns) {
        writer.column(name, *physical, column).expect("a column");
    }
    writer.map("fields", &map).expect("a map");
    writer.finish(SCHEMA, "fields", &[("about", "tests")])
}

fn time_of(row: usize) -> i64 {
    match row % 50 {
        49 => i64::MAX - row as i64, // a step that no 64 bits hold with its sign
        _ => 1_795_168_800_000_000 + row as i64 * 1_000_003,
    }
}

fn user_of(row: usize) -> Option<String> {
    (row % 5 != 1).then(|| format!("user{}", row % 11))
}

fn raw_of(row: usize) -> String {
    format!("a line of some length, and its number is {row}")
}

#[test]
fn a_file_reads_as_it_was_written() {
    for rows in [1, 2, 7, 8, 9, 127, 129, 130, 1000, 5000] {
        let bytes = file_of(rows);
        let mut file = File::open(&bytes, "about").expect("a file");
        assert_eq!((file.rows(), file.len(), file.version()), (rows, 8, &b"tests"[..]));
        let column = |file: &mut File<'_>, at: usize| file.column(at, SCHEMA[at].0, SCHEMA[at].1).expect("a column");
        let columns: Vec<Cells> = (0..SCHEMA.len()).map(|at| column(&mut file, at)).collect();
        let map = file.map(6, "fields").expect("a map");
        for row in 0..rows {
            assert_eq!(columns[0].int(row), Some(time_of(row)), "{row} of {rows}");
            assert_eq!(
                columns[1].text(row),
                user_of(row).as_deref().map(str::as_bytes),
                "{row} of {rows}"
            );
            assert_eq!(columns[2].text(row), Some(raw_of(row).as_bytes()));
            assert_eq!(columns[3].flag(row), (row % 3 > 0).then_some(row % 3 == 1));
            assert_eq!(columns[4].int(row), None);
            assert_eq!(columns[5].int(row), (row % 7 == 2).then_some(row as i64 % 5 - 2));
            let entries = map.starts[row] as usize..map.starts[row + 1] as usize;
            assert_eq!(entries.len(), row % 4);
            for (number, entry) in entries.enumerate() {
                assert_eq!(map.keys.row(entry), Some(format!("key{number}").as_bytes()));
                assert_eq!(map.values.row(entry), Some(format!("{row}.{number}").as_bytes()));
            }
        }
    }
}

/// The judge: another implementation reads the same.
#[test]
fn another_implementation_reads_it_too() {
    let rows = 1000;
    let reader = SerializedFileReader::new(bytes::Bytes::from(file_of(rows))).expect("a file");
    let told = reader
        .metadata()
        .row_group(0)
        .column(0)
        .statistics()
        .expect("figures")
        .clone();
    assert_eq!(told.null_count_opt(), Some(0));
    assert_eq!(told.min_bytes_opt(), Some(&time_of(0).to_le_bytes()[..]));
    let mut count = 0;
    for (row, read) in reader.get_row_iter(None).expect("rows").enumerate() {
        let read = read.expect("a row");
        let cells: Vec<Field> = read.get_column_iter().map(|(_, field)| field.clone()).collect();
        assert_eq!(cells[0], Field::TimestampMicros(time_of(row)));
        assert_eq!(cells[1], user_of(row).map_or(Field::Null, Field::Str));
        assert_eq!(cells[2], Field::Str(raw_of(row)));
        assert_eq!(
            cells[3],
            if row % 3 > 0 {
                Field::Bool(row % 3 == 1)
            } else {
                Field::Null
            }
        );
        assert_eq!(cells[4], Field::Null);
        assert_eq!(
            cells[5],
            if row % 7 == 2 {
                Field::Long(row as i64 % 5 - 2)
            } else {
                Field::Null
            }
        );
        match &cells[6] {
            Field::Null => assert_eq!(row % 4, 0),
            Field::MapInternal(map) => {
                let entries: Vec<(Field, Field)> = map.entries().to_vec();
                let text = |entry: usize| {
                    let value = format!("{row}.{entry}");
                    (Field::Str(format!("key{entry}")), Field::Str(value))
                };
                assert_eq!(entries, (0..row % 4).map(text).collect::<Vec<_>>());
            }
            other => panic!("{other:?}"),
        }
        count += 1;
    }
    assert_eq!(count, rows);
}

#[test]
fn a_changed_file_is_answered() {
    let bytes = file_of(300);
    let read = |bytes: &[u8]| -> Result<(), &'static str> {
        let mut file = File::open(bytes, "about")?;
        for (at, (name, physical, _)) in SCHEMA.iter().enumerate() {
            file.column(at, name, *physical)?;
        }
        file.map(SCHEMA.len(), "fields").map(drop)
    };
    assert_eq!(read(&bytes), Ok(()));
    for at in 0..bytes.len() {
        for bit in [0, 3, 7] {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let _ = read(&changed);
        }
    }
    for len in 0..bytes.len() {
        assert!(read(&bytes[..len]).is_err(), "{len}");
    }
}

#[test]
fn numbers_come_back_from_runs_and_differences() {
    for (width, numbers) in [
        (1, vec![0, 1, 1]),
        (3, vec![7; 100]),
        (17, (0..1000).map(|n| n * 131).collect()),
    ] {
        let mut out = Vec::new();
        put_hybrid(&mut out, &numbers, width);
        let mut read = Vec::new();
        hybrid(&out, width, numbers.len(), &mut |number| read.push(number)).expect("numbers");
        assert_eq!(read, numbers);
        assert!(hybrid(&out, width, numbers.len() + 8, &mut |_| ()).is_none());
    }
    for numbers in [
        vec![],
        vec![5],
        vec![i64::MIN, i64::MAX, 0, -1],
        (0..300).map(|n| n * n).collect(),
    ] {
        let mut out = Vec::new();
        put_delta(&mut out, &numbers);
        assert_eq!(delta(&out, numbers.len()), Some(numbers.clone()));
        assert_eq!(delta(&out, numbers.len() + 1), None);
    }
}
