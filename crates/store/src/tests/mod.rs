//! The store as a whole: what is sealed, what is found out, and what a crash leaves.

mod crash;
mod faulty;
mod full;
mod hidden;
mod keeping;
mod outbox;
mod seal;
mod witness;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tunlog_model::Field;

use crate::options::Options;
use crate::reader::Reader;
use crate::record::{Datum, Record, tests::full};
use crate::source::{Counts, NewSource};
use crate::store::Store;
use crate::verify::{Against, Report, verify};

/// 2026-11-20T10:00:00Z.
pub const NOW: i64 = 1_795_168_800_000_000;

/// A directory that is gone when the test is.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tunlog-store-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A source, as the first of a store.
pub fn source() -> NewSource {
    NewSource {
        name: "/var/log/syslog".to_owned(),
        set: "/var/log/syslog".to_owned(),
        run: 1,
        ..NewSource::default()
    }
}

/// Adds records with these numbers, half of them of each of two gateways, one a minute.
pub fn add(store: &mut Store, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let raw = format!("Nov 20 vpn pppd[7]: number {number}");
        let host = if number.is_multiple_of(2) {
            &b"vpn1"[..]
        } else {
            b"vpn2"
        };
        let mut record = Record {
            set: 1,
            source: 1,
            line: number + 1,
            id: number,
            time: Some(NOW + number as i64 * 60_000_000),
            host,
            raw: raw.as_bytes(),
            fields: vec![
                (Field::Count, Datum::Int(number as i64)),
                (Field::User, Datum::Text(b"\xc3anna")),
            ],
            ..full()
        };
        store.add(&mut record);
        store.count(
            1,
            &Counts {
                read: 1,
                stored: 1,
                ..Counts::default()
            },
        );
        store.position(1, number + 1);
    }
}

/// A store with three checkpoints of a hundred records each; its first key.
pub fn three(folder: &Path, options: Options) -> String {
    let created = Store::create(folder, "vpn1.example/tunlog", NOW).expect("a store");
    let mut store = Store::open(folder, options).expect("the store");
    store.add_source(source()).expect("a source");
    for part in 0..3 {
        add(&mut store, part * 100..part * 100 + 100);
        store
            .close(NOW + 1_000_000 * (part as i64 + 1), false)
            .expect("a close");
    }
    created.key
}

/// The numbers that are in a store, in its order.
pub fn numbers(folder: &Path) -> Vec<i64> {
    let mut reader = Reader::open(folder).expect("the store");
    let mut found = Vec::new();
    for source in reader.sources().expect("sources") {
        for part in reader.parts(source.id).expect("parts") {
            let loaded = reader.load(part).expect("a part");
            found.extend(loaded.records(source.id, 0).map(|record| match record.fields[0].1 {
                Datum::Int(number) => number,
                _ => panic!("a number"),
            }));
        }
    }
    found
}

pub fn against(key: &str) -> Against {
    Against {
        key: Some(key.to_owned()),
        ..Against::default()
    }
}

pub fn judged(folder: &Path, key: &str) -> Report {
    verify(folder, &against(key)).expect("a report")
}

/// Copies a directory.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder").flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("a file")),
        }
    }
}

#[test]
fn what_was_kept_is_there_in_order_and_proven() {
    let folder = Folder::new();
    let store = folder.join("store");
    let key = three(&store, Options::default());
    assert_eq!(numbers(&store), (0..300).collect::<Vec<i64>>());
    let report = judged(&store, &key);
    assert_eq!(report.answer() as u8, 0, "{report:?}");
    assert_eq!((report.segments, report.intact, report.checkpoints), (6, 6, 4));
    let reader = Reader::open(&store).expect("the store");
    for seq in [0, 1, 99, 100, 299] {
        let mut proof = reader.prove(seq).expect("a proof");
        assert!(proof.holds());
        proof.record[40] ^= 1;
        assert!(!proof.holds());
    }
    assert!(reader.prove(300).is_err());
}

#[test]
fn a_store_is_written_by_one_at_a_time_and_read_meanwhile() {
    let folder = Folder::new();
    let path = folder.join("store");
    three(&path, Options::default());
    let mut first = Store::open(&path, Options::default()).expect("the store");
    let error = Store::open(&path, Options::default()).err().expect("it is taken");
    assert_eq!(error.kind, crate::ErrorKind::Busy);
    assert!(error.cause.contains(&std::process::id().to_string()), "{error}");
    add(&mut first, 300..310);
    first.commit(NOW).expect("a commit");
    assert_eq!(numbers(&path), (0..310).collect::<Vec<i64>>());
    let before = Reader::open(&path).expect("the store");
    first.close(NOW, false).expect("a close");
    assert_eq!(
        before.status().expect("figures").open,
        10,
        "as it was when it was opened"
    );
    drop(first);
    Store::open(&path, Options::default()).expect("it is free again");
}

#[test]
fn other_directories_are_no_store_and_none_is_made_of_them() {
    let folder = Folder::new();
    let kind = |path: &Path| Reader::open(path).err().map(|error| error.kind);
    assert_eq!(kind(&folder.join("absent")), Some(crate::ErrorKind::Absent));
    std::fs::write(folder.join("mine"), "mine").expect("a file");
    assert!(Store::create(&folder.join(""), "a/b", NOW).is_err());
    let path = folder.join("store");
    Store::create(&path, "a/b", NOW).expect("a store");
    assert!(Store::create(&path, "a/b", NOW).is_err());
    std::fs::write(path.join("tunlog-store"), "tunlog store\nversion 2\n").expect("a file");
    assert_eq!(kind(&path), Some(crate::ErrorKind::Newer));
    assert!(
        Store::create(&folder.join("other"), "a name", NOW).is_err(),
        "no key has this name"
    );
}
