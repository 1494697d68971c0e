//! Retention, backups, and segments that cannot be read.

use super::{Folder, NOW, add, against, judged, numbers, three};
use crate::backup::{backup, export_segments};
use crate::inspect::files_under;
use crate::layout::within;
use crate::options::Options;
use crate::reader::Reader;
use crate::record::Record;
use crate::retention::Retain;
use crate::source::{Counts, NewSource};
use crate::store::Store;
use crate::verify::{Answer, verify};

#[test]
fn what_retention_removes_is_signed_and_not_missed() {
    let folder = Folder::new();
    let path = folder.join("store");
    let key = three(&path, Options::default());
    let mut store = Store::open(&path, Options::default()).expect("the store");
    // the first hundred records end at minute 99
    let rule = Retain {
        before: Some(NOW + 100 * 60_000_000),
        ..Retain::default()
    };
    let expired = store.expired(&rule).expect("segments");
    assert_eq!(expired.iter().map(|segment| segment.rows).sum::<u64>(), 100);
    assert_eq!(store.remove(&expired, &rule, NOW), Ok(Some(5)));
    assert_eq!(store.expired(&rule).expect("segments"), []);
    assert_eq!(store.floor(), Ok(rule.before));
    drop(store);
    assert_eq!(numbers(&path), (100..300).collect::<Vec<i64>>());
    assert_eq!(files_under(&path, &["segments"]).0.len(), 8);
    let report = judged(&path, &key);
    assert_eq!((report.answer(), report.removed), (Answer::Intact, 2), "{report:?}");
    let error = Reader::open(&path)
        .expect("the store")
        .prove(5)
        .expect_err("it is gone");
    assert!(error.cause.contains("retention"), "{error}");
    assert!(
        Reader::open(&path)
            .expect("the store")
            .prove(150)
            .expect("a proof")
            .holds()
    );
}

#[test]
fn rows_of_the_history_go_as_a_signed_act_too() {
    use crate::history::{FindingRow, History, HistoryReader};
    let folder = Folder::new();
    let path = folder.join("store");
    let key = three(&path, Options::default());
    let mut history = History::open(&path).expect("a history");
    for number in 0..10_i64 {
        history.put_finding(FindingRow {
            id: number as u64,
            alarm_time: NOW + number,
            rule: "log-gap".to_owned(),
            severity: tunlog_model::FindingSeverity::Low,
            json: "{}".to_owned(),
        });
    }
    history.commit(5, None).expect("a commit");
    let mut store = Store::open(&path, Options::default()).expect("the store");
    let rule = Retain {
        findings_before: Some(NOW + 4),
        attempts_before: Some(NOW),
        ..Retain::default()
    };
    let would = store.retainable(&rule).expect("figures");
    assert_eq!((would.rows[0].rows, would.checkpoint), (4, None));
    assert_eq!(numbers(&path).len(), 300, "and nothing went");
    // the writer has it open all the while
    let found = store.retain(&rule, NOW).expect("they go");
    assert_eq!(found.checkpoint, Some(5));
    assert!(store.retain(&rule, NOW).expect("nothing").is_empty());
    history.put_finding(FindingRow {
        id: 99,
        alarm_time: NOW,
        rule: "log-gap".to_owned(),
        severity: tunlog_model::FindingSeverity::Low,
        json: "{}".to_owned(),
    });
    history.commit(6, None).expect("the writer goes on");
    let reader = HistoryReader::open(&path).expect("a history").expect("a file");
    assert_eq!(reader.counts().expect("figures").findings, 7);
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Intact, "{report:?}");
    assert_eq!(report.pruned, would.rows);
    assert_eq!(store.floor(), Ok(None), "records are another matter");
    // and a copy has it
    drop((history, store));
    backup(&path, &folder.join("copy"), false).expect("a copy");
    let reader = HistoryReader::open(&folder.join("copy"))
        .expect("a history")
        .expect("a file");
    assert_eq!(reader.counts().expect("figures").findings, 7);
}

#[test]
fn by_size_the_oldest_go_first() {
    let folder = Folder::new();
    let path = folder.join("store");
    let key = three(&path, Options::default());
    let mut store = Store::open(&path, Options::default()).expect("the store");
    let all = store
        .expired(&Retain {
            bytes_max: Some(0),
            ..Retain::default()
        })
        .expect("segments");
    assert_eq!(all.len(), 6);
    let rule = Retain {
        bytes_max: Some(all[4].bytes + all[5].bytes),
        ..Retain::default()
    };
    let expired = store.expired(&rule).expect("segments");
    assert_eq!(expired, all[..4]);
    store.remove(&expired, &rule, NOW).expect("they go");
    add(&mut store, 300..302);
    store.close(NOW, false).expect("a close");
    drop(store);
    assert_eq!(numbers(&path), (200..302).collect::<Vec<i64>>());
    assert_eq!(judged(&path, &key).answer(), Answer::Intact);
}

#[test]
fn a_backup_is_a_store_that_can_be_read_and_verified() {
    let folder = Folder::new();
    let (path, to) = (folder.join("store"), folder.join("backup"));
    let key = three(&path, Options::default());
    let mut store = Store::open(&path, Options::default()).expect("the store");
    add(&mut store, 300..307);
    store.commit(NOW).expect("a commit");
    // the writer has it all the while
    let copied = backup(&path, &to, false).expect("a backup");
    assert_eq!((copied.segments, copied.records, copied.open), (6, 300, 7));
    add(&mut store, 307..320);
    store.close(NOW, false).expect("a close");
    assert_eq!(numbers(&to), (0..307).collect::<Vec<i64>>());
    assert_eq!(judged(&to, &key).answer(), Answer::Intact);
    assert!(!to.join("seal/key").exists(), "the key is not in it");
    assert!(Store::open(&to, Options::default()).is_err());
    assert!(backup(&path, &to, false).is_err(), "nothing is written over");
    let with_key = folder.join("with-key");
    backup(&path, &with_key, true).expect("a backup");
    drop(store);
    assert!(Store::open(&with_key, Options::default()).is_ok());
    let out = folder.join("out");
    let copied = export_segments(&path, &out, (Some(NOW + 250 * 60_000_000), None)).expect("an export");
    assert_eq!((copied.segments, copied.records), (4, 120));
    assert!(verify(&out, &against(&key)).is_err(), "segments alone are no store");
}

#[test]
fn a_segment_that_cannot_be_read_is_set_aside_named_and_counted() {
    let folder = Folder::new();
    let path = folder.join("store");
    let key = three(&path, Options::default());
    let segment = files_under(&path, &["segments"])
        .0
        .into_iter()
        .find(|name| name.ends_with("00000003.parquet"))
        .expect("a segment");
    let at = within(&path, &segment);
    let mut bytes = std::fs::read(&at).expect("a file");
    bytes[100] ^= 1;
    std::fs::write(&at, bytes).expect("a file");
    // the fourth segment has the odd numbers of the second hundred
    let rest: Vec<i64> = (0..300)
        .filter(|number| !(100..200).contains(number) || number % 2 == 0)
        .collect();
    for _ in 0..2 {
        assert_eq!(numbers(&path), rest);
    }
    assert!(path.join("quarantine/00000003.parquet").exists() && !at.exists());
    let status = Reader::open(&path).expect("the store").status().expect("figures");
    assert_eq!((status.set_aside, status.segments), (1, 5));
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Changed);
    assert!(
        report.changed[0].contains(&segment) && report.changed[0].contains("set aside"),
        "{report:?}"
    );
    let mut store = Store::open(&path, Options::default()).expect("it opens all the same");
    add(&mut store, 300..301);
    store.close(NOW, false).expect("and goes on");
}

#[test]
fn a_segment_that_the_system_does_not_give_now_is_left_in_its_place() {
    let folder = Folder::new();
    let path = folder.join("store");
    let key = three(&path, Options::default());
    let segment = files_under(&path, &["segments"])
        .0
        .into_iter()
        .find(|name| name.ends_with("00000003.parquet"))
        .expect("a segment");
    let (at, kept) = (within(&path, &segment), folder.join("kept"));
    std::fs::rename(&at, &kept).expect("a file");
    // what can be opened and not be read, for root as well
    std::fs::create_dir(&at).expect("a folder");
    let mut reader = Reader::open(&path).expect("the store");
    let parts = reader.parts(1).expect("parts");
    let read: usize = parts
        .into_iter()
        .map(|part| reader.load(part).expect("a part").len(1))
        .sum();
    let told = reader.take_unreadable();
    assert_eq!((read, told.len(), told[0].rows), (250, 1, 50), "{told:?}");
    assert!(!told[0].cause.contains("quarantine"), "{told:?}");
    std::fs::remove_dir(&at).expect("a folder");
    std::fs::rename(&kept, &at).expect("a file");
    assert_eq!(numbers(&path).len(), 300);
    assert_eq!(judged(&path, &key).answer(), Answer::Intact);
}

#[test]
fn a_segment_that_was_made_huge_is_not_read_into_memory() {
    let folder = Folder::new();
    let path = folder.join("store");
    let key = three(&path, Options::default());
    let segment = files_under(&path, &["segments"])
        .0
        .into_iter()
        .find(|name| name.ends_with("00000003.parquet"))
        .expect("a segment");
    // it takes no room on the disk: a hole
    let file = std::fs::File::options()
        .write(true)
        .open(within(&path, &segment))
        .expect("a file");
    file.set_len(3 << 30).expect("a hole");
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Changed);
    assert!(report.changed[0].contains("larger than what was written"), "{report:?}");
    assert_eq!(numbers(&path).len(), 250);
    assert!(path.join("quarantine/00000003.parquet").exists());
}

#[test]
fn a_database_that_is_older_than_the_checkpoints_is_refused_and_nothing_signed_is_written_over() {
    for later in [1, 2] {
        let folder = Folder::new();
        let (path, older) = (folder.join("store"), folder.join("older"));
        let key = three(&path, Options::default());
        std::fs::copy(path.join("working.db"), &older).expect("a database");
        let mut store = Store::open(&path, Options::default()).expect("the store");
        for part in 0..later {
            add(&mut store, 300 + part * 10..310 + part * 10);
            store.close(NOW, false).expect("a close");
        }
        let note = std::fs::read(store.note_path(5)).expect("a note");
        drop(store);
        std::fs::copy(&older, path.join("working.db")).expect("a database");
        let error = Store::open(&path, Options::default()).err().expect("it is refused");
        assert!(error.cause.contains("older than the checkpoints"), "{error}");
        assert_eq!(
            std::fs::read(path.join("seal/checkpoints/00000005.note")).expect("a note"),
            note
        );
        assert_eq!(numbers(&path).len(), 300, "what it knows can be read");
        assert_eq!(
            judged(&path, &key).answer(),
            Answer::Changed,
            "it hides what was signed since"
        );
    }
}

#[test]
fn peers_that_nothing_speaks_of_are_forgotten_and_what_was_counted_of_them_stays() {
    use std::collections::BTreeSet;
    let folder = Folder::new();
    let path = folder.join("store");
    let key = three(&path, Options::default());
    let mut store = Store::open(&path, Options::default()).expect("the store");
    let mut peers = Vec::new();
    for number in 0..4_u64 {
        let name = format!("udp:0.0.0.0:514/192.0.2.{number}");
        let id = store
            .add_source(NewSource {
                name: name.clone(),
                set: name.clone(),
                run: 2,
                ..NewSource::default()
            })
            .expect("a source");
        store.keep_feed(&name, id);
        let counts = Counts {
            read: 10 + number,
            filtered: 10 + number,
            lost: 1,
            first: Some(NOW + number as i64),
            ..Counts::default()
        };
        store.count(id, &counts);
        peers.push((id, name));
    }
    // one is a log that is followed, one is being read, one has a record
    store.keep_position(&peers[1].1, Some(b"here".to_vec()));
    let live = BTreeSet::from([peers[2].0]);
    let mut record = Record {
        source: peers[3].0,
        ..crate::record::tests::full()
    };
    store.add(&mut record);
    store.commit(NOW).expect("a commit");
    let before = Reader::open(&path).expect("the store").status().expect("figures");
    assert_eq!(store.forget_gone(&live), Ok(vec![peers[0].0]));
    assert_eq!(store.forget_gone(&live), Ok(Vec::new()));
    let reader = Reader::open(&path).expect("the store");
    assert_eq!(reader.status().expect("figures").counts, before.counts);
    let names: Vec<String> = reader
        .sources()
        .expect("sources")
        .into_iter()
        .map(|one| one.name)
        .collect();
    assert!(!names.contains(&peers[0].1), "{names:?}");
    assert!(peers[1..].iter().all(|(_, name)| names.contains(name)), "{names:?}");
    assert!(store.feeds().expect("feeds").iter().all(|feed| feed.key != peers[0].1));
    // the record is sealed, and removed: then its peer goes, too
    store.close(NOW, false).expect("a close");
    assert_eq!(store.forget_gone(&live), Ok(Vec::new()));
    let rule = Retain {
        bytes_max: Some(0),
        ..Retain::default()
    };
    store.retain(&rule, NOW).expect("an act");
    assert_eq!(
        store.forget_gone(&live),
        Ok(vec![1, peers[3].0]),
        "the first store's source, too"
    );
    assert_eq!(
        Reader::open(&path)
            .expect("the store")
            .status()
            .expect("figures")
            .counts
            .read,
        before.counts.read
    );
    drop(store);
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Intact, "{report:?}");
}
