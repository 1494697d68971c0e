use std::collections::BTreeMap;

use super::*;
use crate::gather::Gathered;
use crate::record::tests::full;

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
    let mut open = Gathered::new(5);
    for (record, canonical) in records.iter().zip(&bytes) {
        // of one gateway and day: in one segment
        let mut leaf = Vec::new();
        open.add(record, &mut leaf);
        assert_eq!(leaf, [&[tunlog_seal::tree::LEAF], canonical.as_slice()].concat());
    }
    let names = BTreeMap::from([(300, "/var/log/syslog".to_owned())]);
    assert_eq!(open.partitions.len(), 1);
    (bytes, open.partitions[0].file(&names).expect("a file"))
}

/// Records of every kind, with and without what a record may have.
fn several() -> Vec<Record<'static>> {
    let plain = Record {
        fields: vec![
            (Field::User, Datum::Text(b"anna")),
            (Field::Path, Datum::Text(b"/etc/ppp")),
            (Field::Path, Datum::Text(b"/etc/ppp/options")),
            (Field::User, Datum::Text("бob".as_bytes())),
            (Field::DurationS, Datum::Int(3)),
            (Field::CallId, Datum::Text(b"x9")),
            (Field::CallId, Datum::Int(9)),
        ],
        seq: 8,
        ..full()
    };
    let large = Record {
        fields: vec![
            (Field::DurationS, Datum::Int(i64::MAX)),
            (Field::DurationS, Datum::Seconds(-0.0)),
            (Field::Code, Datum::Int(691)),
        ],
        raw: "größer".as_bytes(),
        ..full()
    };
    let odd = Record {
        fields: vec![(Field::DurationS, Datum::Seconds(f64::NAN))],
        ..full()
    };
    let unknown = Record {
        kind: Kind::Unrecognised,
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
    let bare = Record {
        kind: Kind::Repeated,
        times: Some(3),
        time: full().time,
        host: full().host,
        ..Record::empty()
    };
    vec![full(), plain, large, odd, unknown, lost, bare]
}

#[test]
fn records_come_back_from_their_file() {
    let (bytes, file) = file_of(&several());
    let segment = Segment::read(&file).expect("a segment");
    assert_eq!(segment.rows(), bytes.len());
    for (row, was) in bytes.iter().enumerate() {
        let mut read = Vec::new();
        segment
            .record(row)
            .unwrap_or_else(|| panic!("row {row}"))
            .encode(&mut read);
        // by their bytes: a number that is none is not equal to itself
        assert_eq!(&read, was, "{row}: {:?}", Record::decode(was));
    }
    let all = segment.canonical().expect("records");
    let all: Vec<&[u8]> = record::records(&all).collect::<Result<_, _>>().expect("records");
    assert_eq!(all, bytes);
}

#[test]
fn records_without_time_or_gateway_have_a_place_too() {
    let bare = Record {
        seq: 4,
        ..Record::empty()
    };
    let (bytes, file) = file_of(std::slice::from_ref(&bare));
    let segment = Segment::read(&file).expect("a segment");
    assert_eq!((segment.record(0), segment.time(0)), (Some(bare), None));
    assert_eq!(bytes.len(), 1);
}

#[test]
fn identities_are_those_of_the_records() {
    let records = several();
    let (_, file) = file_of(&records);
    let expected: Vec<Identified> = records
        .iter()
        .map(|record| Identified {
            seq: record.seq,
            set: record.set,
            time: record.time,
            id: record.id,
        })
        .collect();
    assert_eq!(identities(&file), Ok(expected));
}

#[test]
fn a_damaged_file_is_answered() {
    let (_, file) = file_of(&several());
    let look = |file: &[u8]| {
        if let Ok(segment) = Segment::read(file) {
            let _ = segment.canonical();
        }
        let _ = identities(file);
    };
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 1 << (at % 8);
        look(&damaged);
    }
    for len in [0, 1, 8, file.len() / 2, file.len() - 1] {
        assert!(Segment::read(&file[..len]).is_err(), "{len}");
    }
}
