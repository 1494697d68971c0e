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
