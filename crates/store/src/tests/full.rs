//! A full disk: what the database does is made to happen by a limit on its pages.

use super::{Folder, NOW, add, judged, numbers, source};
use crate::options::{FullPolicy, Options};
use crate::store::Store;
use crate::verify::Answer;

/// A store whose database has no room for more than some hundred kilobytes.
fn small(folder: &Folder) -> (std::path::PathBuf, String, Store) {
    let path = folder.join("store");
    let created = Store::create(&path, "a/b", NOW).expect("a store");
    let mut store = Store::open(&path, Options::default()).expect("the store");
    store.add_source(source()).expect("a source");
    let pages = 60;
    store
        .working
        .db
        .pragma_update(None, "max_page_count", pages)
        .expect("a limit");
    (path, created.key, store)
}

#[test]
fn with_block_nothing_is_lost_and_it_goes_on_when_there_is_room() {
    let folder = Folder::new();
    let (path, key, mut store) = small(&folder);
    let mut number = 0;
    while store.commit_by(FullPolicy::Block, NOW).expect("no other error") {
        add(&mut store, number..number + 100);
        number += 100;
        assert!(number < 100_000, "there is no end");
    }
    assert!(!store.commit_by(FullPolicy::Block, NOW).expect("still full"));
    store
        .working
        .db
        .pragma_update(None, "max_page_count", 1_000_000)
        .expect("room");
    assert!(store.commit_by(FullPolicy::Block, NOW).expect("room"));
    store.close(NOW, false).expect("a close");
    drop(store);
    assert_eq!(numbers(&path), (0..number as i64).collect::<Vec<i64>>());
    assert_eq!(judged(&path, &key).answer(), Answer::Intact);
}

#[test]
fn with_stop_the_error_says_that_the_disk_is_full() {
    let folder = Folder::new();
    let (_, _, mut store) = small(&folder);
    let error = (0..1000_u64).find_map(|part| {
        add(&mut store, part * 100..part * 100 + 100);
        store.commit_by(FullPolicy::Stop, NOW).err()
    });
    assert_eq!(error.expect("an error").kind, crate::ErrorKind::Full);
}

#[test]
fn with_drop_oldest_the_oldest_are_given_up_and_counted() {
    let folder = Folder::new();
    let (path, key, mut store) = small(&folder);
    for part in 0..200_u64 {
        add(&mut store, part * 100..part * 100 + 100);
        assert!(
            store
                .commit_by(FullPolicy::DropOldestUnsealed, NOW)
                .expect("room is made")
        );
    }
    store
        .working
        .db
        .pragma_update(None, "max_page_count", 1_000_000)
        .expect("room");
    store.close(NOW, false).expect("a close");
    drop(store);
    let left = numbers(&path);
    let first = left.first().copied().expect("some are left");
    assert!(first > 0 && first % 100 == 0, "{first}");
    assert_eq!(left, (first..20_000).collect::<Vec<i64>>());
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Intact, "{report:?}");
    assert_eq!(
        report.newest.map(|last| last.lost),
        Some(first as u64),
        "what was given up is signed"
    );
}

/// Runs a test of this program again on a disk of its own of so many MiB, which nobody else sees; false where the system does not
/// let us.
fn on_a_small_disk(test: &str, mebibytes: u32) -> bool {
    let folder = Folder::new();
    let may = std::process::Command::new("unshare").args(["-rm", "true"]).output();
    if !may.is_ok_and(|ended| ended.status.success()) {
        eprintln!("left out: no mounts of our own here");
        return false;
    }
    let program = std::env::current_exe().expect("this program");
    let script = "mount -t tmpfs -o size=\"$1\" tmpfs \"$2\" && shift && exec env SMALL_DISK=\"$1\" \"$2\" --exact \"$3\" --ignored";
    let ended = std::process::Command::new("unshare")
        .args(["-rm", "sh", "-c", script, "sh"])
        .arg(format!("{mebibytes}m"))
        .arg(folder.join(""))
        .arg(program)
        .arg(test)
        .output()
        .expect("a process");
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    true
}

#[test]
fn on_a_disk_that_is_full_indeed_the_oldest_are_given_up() {
    on_a_small_disk("tests::full::inside_a_small_disk", 8);
}

#[test]
#[ignore = "runs inside a disk of its own"]
fn inside_a_small_disk() {
    let Some(disk) = std::env::var_os("SMALL_DISK").map(std::path::PathBuf::from) else {
        return;
    };
    let path = disk.join("store");
    let key = Store::create(&path, "a/b", NOW).expect("a store").key;
    let mut store = Store::open(&path, Options::default()).expect("the store");
    store.add_source(source()).expect("a source");
    add(&mut store, 0..100);
    assert_eq!(store.commit_by(FullPolicy::DropOldestUnsealed, NOW), Ok(true));
    // somebody else takes what is left, to the last byte
    let rest = disk.join("rest");
    let fill = || {
        use std::io::Write as _;
        let mut file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(&rest)
            .expect("a file");
        for len in [64 << 10, 4096, 1] {
            while file.write_all(&vec![7; len]).is_ok() {}
        }
    };
    fill();
    let mut number = 100;
    for _ in 0..60 {
        add(&mut store, number..number + 200);
        number += 200;
        // where there is nothing left to give up it is told, and tried again
        let mut tries = 0;
        while let Err(error) = store.commit_by(FullPolicy::DropOldestUnsealed, NOW) {
            assert_eq!(error.kind, crate::ErrorKind::Full, "{error}");
            tries += 1;
            assert!(tries < 20, "{error}");
        }
        fill();
    }
    assert!(store.lost_to_full_disk() > 0, "the disk was not full");
    std::fs::remove_file(&rest).expect("room");
    store.close(NOW, false).expect("a close");
    drop(store);
    let left = numbers(&path);
    let first = left.first().copied().expect("some are left");
    assert!(first > 0, "{first}");
    assert_eq!(left, (first..number as i64).collect::<Vec<i64>>());
    let report = judged(&path, &key);
    assert_eq!(report.answer(), Answer::Intact, "{report:?}");
    assert_eq!(report.newest.map(|last| last.lost), Some(first as u64));
}

#[test]
fn why_the_database_cannot_write_is_found_out_beside_it() {
    use super::faulty::{Fault, Faulty};
    use crate::StoreError;
    let folder = Folder::new();
    let path = folder.join("store");
    Store::create(&path, "a/b", NOW).expect("a store");
    let refused = || StoreError::new(crate::ErrorKind::Io, &path.join("working.db"), "disk I/O error");
    let counted = Faulty::new(u64::MAX, Fault::Killed);
    drop(Store::open_on(Box::new(counted.clone()), &path, Options::default()).expect("the store"));
    for (reason, kind) in [
        (std::io::ErrorKind::QuotaExceeded, crate::ErrorKind::Full),
        (std::io::ErrorKind::StorageFull, crate::ErrorKind::Full),
        (std::io::ErrorKind::ReadOnlyFilesystem, crate::ErrorKind::Io),
    ] {
        let disk = Faulty::new(counted.steps() + 1, Fault::Once(reason));
        let store = Store::open_on(Box::new(disk), &path, Options::default()).expect("the store");
        let error = store.reason(refused());
        assert_eq!(error.kind, kind, "{error}");
        assert!(
            error.may_pass() && error.cause.starts_with("disk I/O error ("),
            "{error}"
        );
        // the next time nothing is found
        assert_eq!(store.reason(refused()), refused());
    }
    assert!(!StoreError::corrupt(&path, "damaged").may_pass());
}
