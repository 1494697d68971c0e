//! What an adversary does to a store, and how it is found.

use std::path::{Path, PathBuf};

use tunlog_seal::{Digest, SigningKey, tree};

use super::{Folder, NOW, add, against, copy, judged, three};
use crate::checkpoint::Checkpoint;
use crate::gather::Gathered;
use crate::index;
use crate::inspect::files_under;
use crate::layout::within;
use crate::options::Options;
use crate::record::{self, Record};
use crate::segment::Segment;
use crate::store::Store;
use crate::verify::{Against, Answer, verify};

/// A store, its directory and its key.
fn store(options: Options) -> (Folder, PathBuf, String) {
    let folder = Folder::new();
    let path = folder.join("store");
    let key = three(&path, options);
    (folder, path, key)
}

/// Flips one bit at so many places, one after the other.
fn flips(count: u64) {
    let (_folder, path, key) = store(Options::default());
    let files: Vec<(String, Vec<u8>)> = files_under(&path, &["segments", "seal"])
        .0
        .into_iter()
        .filter(|name| name != "seal/key")
        .map(|name| (name.clone(), std::fs::read(within(&path, &name)).expect("a file")))
        .collect();
    let total: u64 = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..count {
        // xorshift: the same places in every run
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let mut at = random % total;
        let (name, bytes) = files
            .iter()
            .find(|(_, bytes)| {
                let here = at < bytes.len() as u64;
                at -= if here { 0 } else { bytes.len() as u64 };
                here
            })
            .expect("a place");
        let mut flipped = bytes.clone();
        flipped[at as usize] ^= 1 << (random >> 61);
        std::fs::write(within(&path, name), &flipped).expect("a file");
        let report = judged(&path, &key);
        let found = format!("{:?}", report);
        match name.as_str() {
            "seal/first-key" => assert_eq!(report.answer(), Answer::Unjudged, "{name} {at}: {found}"),
            _ => assert_eq!(report.answer(), Answer::Changed, "{name} {at}: {found}"),
        }
        if name.starts_with("segments/") {
            let segment = name.replace(".index", ".parquet");
            assert!(
                report.changed.iter().any(|what| what.contains(&segment)),
                "{name} {at}: {found}"
            );
            assert_eq!(report.changed.len(), 1, "{name} {at}: {found}");
        }
        std::fs::write(within(&path, name), bytes).expect("a file");
    }
    assert_eq!(judged(&path, &key).answer(), Answer::Intact);
}

#[test]
fn two_hundred_flipped_bits_are_found() {
    flips(200);
}

#[test]
#[ignore = "takes a minute; the short one runs always"]
fn a_thousand_flipped_bits_are_found() {
    flips(1000);
}

/// The segments that a store has, in order.
fn segments(path: &Path) -> Vec<String> {
    let mut all = files_under(path, &["segments"]).0;
    all.retain(|name| name.ends_with(".parquet"));
    all.sort_by_key(|name| name.rsplit('/').next().map(str::to_owned));
    all
}

/// Writes a segment anew, with other records, and makes everything fit that can be made to fit without a key.
fn forge(path: &Path, segment: &str, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let at = within(path, segment);
    let read = std::fs::read(&at).expect("a file");
    let read = Segment::read(&read)
        .and_then(|segment| segment.canonical())
        .expect("a segment");
    let mut records: Vec<Vec<u8>> = record::records(&read)
        .map(|bytes| bytes.expect("a record").to_vec())
        .collect();
    change(&mut records);
    let mut open = Gathered::new(1);
    for canonical in &records {
        open.add(&Record::decode(canonical).expect("a record"), &mut Vec::new());
    }
    let names = std::collections::BTreeMap::from([(1, "/var/log/syslog".to_owned())]);
    let file = open.partitions[0].file(&names).expect("a file");
    let leaves: Vec<Digest> = records.iter().map(|record| tree::leaf(record)).collect();
    std::fs::write(at.with_extension("index"), index::write(&file, &leaves)).expect("a file");
    std::fs::write(&at, &file).expect("a file");
    let db = rusqlite::Connection::open(path.join("working.db")).expect("the database");
    let root = tree::root(leaves);
    db.execute(
        "UPDATE segment SET hash = ?1, root = ?2 WHERE path = ?3",
        rusqlite::params![Digest::of(&file).0, root.0, segment],
    )
    .expect("a change");
}

#[test]
fn records_that_were_swapped_cut_off_or_written_anew_are_found() {
    let changes: [fn(&mut Vec<Vec<u8>>); 3] = [
        |records| records.swap(3, 4),
        |records| records.truncate(45),
        |records| {
            let mut record = Record::decode(&records[7]).expect("a record");
            record.raw = b"nothing happened";
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            records[7] = bytes;
        },
    ];
    for change in changes {
        let (_folder, path, key) = store(Options::default());
        let segment = segments(&path)[2].clone();
        forge(&path, &segment, change);
        let report = judged(&path, &key);
        assert_eq!(report.answer(), Answer::Changed);
        assert!(report.changed.iter().any(|what| what.contains(&segment)), "{report:?}");
    }
}

#[test]
fn the_record_that_was_changed_is_named() {
    let (_folder, path, key) = store(Options::default());
    let segment = segments(&path)[2].clone();
    let at = within(&path, &segment).with_extension("index");
    let index = std::fs::read(&at).expect("an index");
    forge(&path, &segment, |records| {
        let mut record = Record::decode(&records[7]).expect("a record");
        record.pid += 1;
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        records[7] = bytes;
    });
    std::fs::write(&at, index).expect("the true index");
    // the third segment has the even numbers of the second hundred
    let report = judged(&path, &key);
    let named = report
        .changed
        .iter()
        .any(|what| what.contains("(8 of 50 in it)") && what.contains("first bad checkpoint 3, last good 2"));
    assert!(named, "{report:?}");
}

#[test]
fn a_segment_that_is_gone_is_missing_and_a_file_that_nobody_sealed_is_a_change() {
    let (_folder, path, key) = store(Options::default());
    let segment = segments(&path)[1].clone();
    let at = within(&path, &segment);
    let bytes = std::fs::read(&at).expect("a file");
    std::fs::remove_file(&at).expect("a file");
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Incomplete);
    assert!(report.missing[0].contains(&segment), "{report:?}");
    std::fs::write(&at, &bytes).expect("a file");
    std::fs::write(at.with_file_name("hidden.parquet"), &bytes).expect("a file");
    assert_eq!(judged(&path, &key).answer(), Answer::Changed);
}

#[test]
fn a_segment_that_the_database_hides_is_found() {
    let (_folder, path, key) = store(Options::default());
    let db = rusqlite::Connection::open(path.join("working.db")).expect("the database");
    db.execute("UPDATE segment SET state = 1 WHERE id = 2", [])
        .expect("a change");
    let report = judged(&path, &key);
    assert!(
        report.changed.iter().any(|what| what.contains("hides segment 2")),
        "{report:?}"
    );
}

#[test]
fn a_checkpoint_that_is_gone_is_missing() {
    for number in 1..=4 {
        let (_folder, path, key) = store(Options::default());
        std::fs::remove_file(path.join(format!("seal/checkpoints/0000000{number}.note"))).expect("a note");
        let report = judged(&path, &key);
        assert_ne!(report.answer(), Answer::Intact, "{number}");
        assert!(!report.missing.is_empty(), "{number} {report:?}");
    }
}

/// Cut back to an older state, which then goes on: the signatures are all true.
#[test]
fn a_store_that_was_cut_back_is_found_by_a_witness_and_by_a_later_checkpoint_that_was_kept() {
    let folder = Folder::new();
    let (path, old, witness, kept) = (
        folder.join("store"),
        folder.join("old"),
        folder.join("witness"),
        folder.join("kept.note"),
    );
    let key = three(&path, Options::default());
    copy(&path, &old);
    let mut running = Store::open(&path, Options::default()).expect("the store");
    running.add_witness(&witness).expect("a witness");
    add(&mut running, 300..310);
    let number = running.close(NOW, false).expect("a close").expect("a checkpoint");
    assert_eq!(running.show_witnesses(), Ok(Vec::new()));
    std::fs::copy(running.note_path(number), &kept).expect("a note");
    drop(running);
    let with = |place: &Path, witness: &Path| {
        let against = Against {
            witnesses: vec![witness.to_owned()],
            require_witness: true,
            ..against(&key)
        };
        verify(place, &against).expect("a report").answer()
    };
    assert_eq!(with(&path, &witness), Answer::Intact);
    assert_eq!(with(&path, &kept), Answer::Intact);
    // the backup alone looks fine
    assert_eq!(judged(&old, &key).answer(), Answer::Intact);
    assert_eq!(with(&old, &witness), Answer::Incomplete);
    assert_eq!(with(&old, &kept), Answer::Incomplete);
    // and goes on, with another story: two roots for one number
    let mut forked = Store::open(&old, Options::default()).expect("the store");
    add(&mut forked, 300..305);
    forked.close(NOW, false).expect("a close");
    drop(forked);
    assert_eq!(judged(&old, &key).answer(), Answer::Intact);
    assert_eq!(with(&old, &witness), Answer::Changed);
    assert_eq!(with(&old, &kept), Answer::Changed);
}

#[test]
fn without_the_right_key_nothing_is_judged() {
    let (_folder, path, key) = store(Options::default());
    let (_other_folder, _, other) = store(Options::default());
    let report = judged(&path, &other);
    assert_eq!(report.answer(), Answer::Unjudged, "{report:?}");
    let nobody = verify(&path, &Against::default()).expect("a report");
    assert_eq!(nobody.answer(), Answer::Unjudged);
    let unwitnessed = Against {
        require_witness: true,
        ..against(&key)
    };
    assert_eq!(
        verify(&path, &unwitnessed).expect("a report").answer(),
        Answer::Unjudged
    );
    // any of the forms of the key will do
    let public = tunlog_seal::VerifyingKey::parse(&key).expect("a key");
    for form in [
        public.fingerprint().to_string(),
        public.spoken(),
        public.spoken().to_uppercase(),
    ] {
        assert_eq!(judged(&path, &form).answer(), Answer::Intact, "{form}");
    }
}

/// Who has the key of today cannot sign for yesterday.
#[test]
fn the_current_key_forges_no_past_epoch() {
    let options = Options {
        epoch_checkpoints: 1,
        ..Options::default()
    };
    let (_folder, path, key) = store(options);
    let report = judged(&path, &key);
    assert_eq!((report.answer(), report.rotations), (Answer::Intact, 3), "{report:?}");
    let secret = std::fs::read_to_string(path.join("seal/key")).expect("the key");
    let current = SigningKey::parse(&secret).expect("a key");
    let note = path.join("seal/checkpoints/00000002.note");
    let text = std::fs::read_to_string(&note).expect("a note");
    let parsed = tunlog_seal::Note::parse(text.as_bytes()).expect("a note");
    let checkpoint = Checkpoint::parse(parsed.text()).expect("a checkpoint");
    let forged = Checkpoint {
        lost: 1000,
        ..checkpoint
    };
    std::fs::write(&note, forged.sign(&current).expect("a note")).expect("a file");
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Changed);
    assert!(report.changed[0].contains("checkpoint 2"), "{report:?}");
}

#[test]
fn old_keys_are_not_kept() {
    let folder = Folder::new();
    let path = folder.join("store");
    Store::create(&path, "a/b", NOW).expect("a store");
    let first = std::fs::read(path.join("seal/key")).expect("the key");
    let options = Options {
        epoch_age: 1,
        ..Options::default()
    };
    let mut store = Store::open(&path, options).expect("the store");
    store.close(NOW + 10, true).expect("a checkpoint");
    drop(store);
    let holds = |bytes: &[u8]| {
        bytes
            .windows(40)
            .any(|part| part == &first[first.len() - 41..first.len() - 1])
    };
    for entry in std::fs::read_dir(path.join("seal")).expect("a folder").flatten() {
        if entry.path().is_file() {
            assert!(
                !holds(&std::fs::read(entry.path()).expect("a file")),
                "{:?}",
                entry.path()
            );
        }
    }
    assert!(Store::open(&path, options).is_ok(), "and the new one signs");
}

#[test]
fn a_clock_that_was_set_back_is_told_and_is_no_change() {
    let (_folder, path, key) = store(Options::default());
    let mut running = Store::open(&path, Options::default()).expect("the store");
    add(&mut running, 300..305);
    running.close(NOW - 86_400_000_000, false).expect("a close");
    drop(running);
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Intact, "{report:?}");
    assert!(
        report.notes.iter().any(|note| note.contains("clock was set back")),
        "{report:?}"
    );
}
