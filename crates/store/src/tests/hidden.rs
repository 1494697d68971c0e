//! What whoever can write to the database or the directory might try to hide, and what nobody can judge.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{Folder, NOW, add, judged, three};
use crate::inspect::files_under;
use crate::layout::within;
use crate::options::Options;
use crate::retention::Retain;
use crate::store::Store;
use crate::verify::{Answer, Report};

fn store() -> (Folder, PathBuf, String) {
    let folder = Folder::new();
    let path = folder.join("store");
    let key = three(&path, Options::default());
    (folder, path, key)
}

fn change(path: &Path, sql: &str) {
    let db = Connection::open(path.join("working.db")).expect("the database");
    assert!(db.execute(sql, []).expect("a change") > 0, "{sql}");
}

fn segments(path: &Path) -> Vec<String> {
    let mut all = files_under(path, &["segments"]).0;
    all.retain(|name| name.ends_with(".parquet"));
    all.sort_by_key(|name| name.rsplit('/').next().map(str::to_owned));
    all
}

fn says(report: &Report, words: &str) -> bool {
    let all = [&report.changed, &report.missing, &report.unjudged, &report.notes];
    all.iter().any(|found| found.iter().any(|what| what.contains(words)))
}

#[test]
fn what_a_database_hides_is_found() {
    for (sql, words) in [
        ("DELETE FROM segment WHERE id = 5", "hides segment 5"),
        ("DELETE FROM segment WHERE id >= 2", "hides segment 2"),
        ("UPDATE segment SET state = 2 WHERE id = 3", "hides segment 3"),
        ("UPDATE segment SET state = 9 WHERE id = 3", "segment 3 in a state"),
        ("UPDATE segment SET checkpoint = 99 WHERE id = 3", "another segment 3"),
        ("UPDATE segment SET rows = 1 WHERE id = 3", "another segment 3"),
        (
            "UPDATE segment SET last_time = 5 WHERE id = 3",
            "other times of segment 3",
        ),
        ("DELETE FROM segment_source WHERE segment = 1", "of segment 1"),
        ("UPDATE segment_source SET rows = 7 WHERE segment = 1", "of segment 1"),
        ("UPDATE segment_source SET source = 8 WHERE segment = 1", "of segment 1"),
        (
            "UPDATE segment_source SET checkpoint = 8 WHERE segment = 1",
            "of segment 1",
        ),
        ("DELETE FROM source", "does not know source 1"),
    ] {
        let (_folder, path, key) = store();
        change(&path, sql);
        let report = judged(&path, &key);
        assert_eq!(report.answer(), Answer::Changed, "{sql}: {report:?}");
        assert!(says(&report, words), "{sql}: {report:?}");
    }
}

/// The last checkpoint and its segments, taken out of the database together.
#[test]
fn a_tail_that_is_hidden_is_no_close_that_came_to_no_end() {
    let (_folder, path, key) = store();
    change(&path, "DELETE FROM checkpoint WHERE number = 4");
    change(&path, "DELETE FROM segment WHERE checkpoint = 4");
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Changed, "{report:?}");
    assert!(says(&report, "knows 3 of 4 checkpoints"), "{report:?}");
    // of a close that a crash ended before the database took it in, the announcement is left: 300 records there will be
    change(
        &path,
        "INSERT INTO meta (key, value) VALUES ('closing_changes', x'090101D804')",
    );
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Intact, "{report:?}");
    assert!(says(&report, "not in the database yet"), "{report:?}");
}

#[test]
fn another_file_where_a_removed_segment_was_is_found() {
    let (_folder, path, key) = store();
    let first = segments(&path)[0].clone();
    let at = within(&path, &first);
    let (bytes, folder) = (std::fs::read(&at).expect("a file"), at.parent().expect("a folder"));
    let mut open = Store::open(&path, Options::default()).expect("the store");
    let rule = Retain {
        before: Some(NOW + 100 * 60_000_000),
        ..Retain::default()
    };
    let expired = open.expired(&rule).expect("segments");
    open.remove(&expired, &rule, NOW).expect("they go");
    drop(open);
    assert_eq!(judged(&path, &key).answer(), Answer::Intact);
    std::fs::create_dir_all(folder).expect("a folder");
    std::fs::write(&at, &bytes).expect("a file");
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Intact, "{report:?}");
    assert!(says(&report, "its file is still there"), "{report:?}");
    std::fs::write(&at, b"forged").expect("a file");
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Changed, "{report:?}");
    assert!(says(&report, "another file lies there"), "{report:?}");
}

#[test]
fn the_name_of_the_log_is_that_of_its_checkpoints() {
    let (_folder, path, key) = store();
    let text = std::fs::read_to_string(path.join("tunlog-store")).expect("a file");
    std::fs::write(path.join("tunlog-store"), text.replace("vpn1.example", "vpn2.example")).expect("a file");
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Changed, "{report:?}");
    assert!(says(&report, "vpn2.example/tunlog"), "{report:?}");
}

#[test]
fn there_is_no_checkpoint_0_and_each_number_has_one_name() {
    for name in ["00000000.note", "2.note", "000000002.note", "+0000002.note"] {
        let (_folder, path, key) = store();
        let notes = path.join("seal/checkpoints");
        std::fs::copy(notes.join("00000002.note"), notes.join(name)).expect("a copy");
        let report = judged(&path, &key);
        assert_eq!(report.answer(), Answer::Changed, "{name}: {report:?}");
        assert!(says(&report, name), "{name}: {report:?}");
    }
}

/// What the system does not let us read is neither changed nor missing. (A directory in the file's place cannot be read by
/// anybody, whatever rights the test has.)
#[test]
fn what_cannot_be_read_is_not_judged() {
    for what in ["segment", "index", "note", "database"] {
        let (_folder, path, key) = store();
        let segment = within(&path, &segments(&path)[2]);
        let place = match what {
            "segment" => segment,
            "index" => segment.with_extension("index"),
            "note" => path.join("seal/checkpoints/00000003.note"),
            _ => path.join("working.db"),
        };
        std::fs::remove_file(&place).expect("a file");
        std::fs::create_dir(&place).expect("a folder");
        let report = judged(&path, &key);
        assert_eq!(report.answer(), Answer::Unjudged, "{what}: {report:?}");
    }
}

/// Verifying beside a writer that seals all the while.
#[test]
fn a_store_that_is_written_to_is_intact() {
    let (_folder, path, key) = store();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut store = Store::open(&path, Options::default()).expect("the store");
            let mut from = 300;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                add(&mut store, from..from + 3);
                store.close(NOW + from as i64, false).expect("a close");
                from += 3;
            }
        });
        for _ in 0..8 {
            let report = judged(&path, &key);
            // what a close has written and not yet named is left over, and no change
            assert_eq!(report.answer(), Answer::Intact, "{report:?}");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
