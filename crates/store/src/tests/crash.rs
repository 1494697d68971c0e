//! Any single step of a close fails: the store opens, nothing is lost, nothing is twice, and nothing is called changed.

use std::io;

use super::faulty::{Fault, Faulty};
use super::{Folder, NOW, add, judged, numbers, source};
use crate::options::Options;
use crate::store::Store;
use crate::verify::Answer;

/// A key for each checkpoint: its change is among the steps.
const OPTIONS: Options = Options {
    segment_bytes: 4 << 20,
    segment_age: i64::MAX,
    epoch_age: i64::MAX,
    epoch_checkpoints: 2,
};

/// Does what a gateway does over the day, on a faulty disk, and looks at what is left. How many steps it took.
fn survive(at: u64, fault: Fault) -> u64 {
    let folder = Folder::new();
    let path = folder.join("store");
    let created = Store::create(&path, "a/b", NOW).expect("a store");
    let storage = Faulty::new(at, fault);
    let mut kept = 0;
    let mut died = false;
    {
        let mut store = Store::open_on(Box::new(storage.clone()), &path, OPTIONS).expect("the store");
        store.add_source(source()).expect("a source");
        for part in 0..3_u64 {
            add(&mut store, part * 40..part * 40 + 40);
            store.commit(NOW).expect("a commit");
            kept = (part as i64 + 1) * 40;
            if store.close(NOW, false).is_err() {
                died = true;
                break;
            }
        }
        // a single failure is got over without opening the store again
        if died && matches!(fault, Fault::Once(_)) {
            drop(store);
            store = Store::open(&path, OPTIONS).expect("it opens again");
            store.close(NOW, true).expect("it closes");
        }
    }
    // before anybody repairs anything, nothing is called changed
    let report = judged(&path, &created.key);
    assert_ne!(report.answer(), Answer::Changed, "{at} {fault:?}: {report:?}");
    let mut store = Store::open(&path, OPTIONS).unwrap_or_else(|error| panic!("{at} {fault:?}: {error}"));
    add(&mut store, kept as u64..kept as u64 + 5);
    store
        .close(NOW, true)
        .unwrap_or_else(|error| panic!("{at} {fault:?}: {error}"));
    drop(store);
    assert_eq!(numbers(&path), (0..kept + 5).collect::<Vec<i64>>(), "{at} {fault:?}");
    let report = judged(&path, &created.key);
    assert_eq!(report.answer(), Answer::Intact, "{at} {fault:?}: {report:?}");
    assert!(report.notes.is_empty(), "{at} {fault:?}: {report:?}");
    storage.steps()
}

/// The same with closes of what was never committed: records and the position of their source are there together or not at
/// all.
fn survive_direct(at: u64, fault: Fault) -> u64 {
    let folder = Folder::new();
    let path = folder.join("store");
    let created = Store::create(&path, "a/b", NOW).expect("a store");
    let storage = Faulty::new(at, fault);
    let mut kept = 0;
    {
        let mut store = Store::open_on(Box::new(storage.clone()), &path, OPTIONS).expect("the store");
        store.add_source(source()).expect("a source");
        for part in 0..3_u64 {
            add(&mut store, part * 40..part * 40 + 40);
            let closed = store.close(NOW, false);
            // what failed once succeeds when it is tried again, in the same store
            if closed.is_err() && (!matches!(fault, Fault::Once(_)) || store.close(NOW, true).is_err()) {
                break;
            }
            kept = part * 40 + 40;
        }
        if matches!(fault, Fault::Once(_)) {
            assert_eq!(kept, 120, "{at} {fault:?}");
        }
    }
    let report = judged(&path, &created.key);
    assert_ne!(report.answer(), Answer::Changed, "{at} {fault:?}: {report:?}");
    let mut store = Store::open(&path, OPTIONS).unwrap_or_else(|error| panic!("{at} {fault:?}: {error}"));
    let known = crate::Reader::open(&path)
        .and_then(|reader| reader.sources())
        .expect("sources");
    let taken = known.first().map_or(0, |source| source.lines);
    assert!(taken == kept || taken == kept + 40, "{at} {fault:?}: {taken} of {kept}");
    assert_eq!(store.next_seq(), taken, "{at} {fault:?}");
    assert_eq!(
        known.first().map_or(0, |source| source.counts.read),
        taken,
        "{at} {fault:?}"
    );
    if known.is_empty() {
        store.add_source(source()).expect("a source");
    }
    add(&mut store, taken..taken + 5);
    store
        .close(NOW, true)
        .unwrap_or_else(|error| panic!("{at} {fault:?}: {error}"));
    drop(store);
    assert_eq!(
        numbers(&path),
        (0..taken as i64 + 5).collect::<Vec<i64>>(),
        "{at} {fault:?}"
    );
    let report = judged(&path, &created.key);
    assert_eq!(report.answer(), Answer::Intact, "{at} {fault:?}: {report:?}");
    storage.steps()
}

/// Every `stride`th step, beginning with a different one for each fault.
fn survive_all(fault: Fault, first: u64, stride: usize) {
    let steps = survive(u64::MAX, fault);
    assert!(steps > 60, "{steps} steps");
    for at in (first..=steps).step_by(stride) {
        survive(at, fault);
    }
    for at in (first + stride as u64 / 2..=steps).step_by(stride) {
        survive_direct(at, fault);
    }
}

const FULL: Fault = Fault::Once(io::ErrorKind::StorageFull);
const BAD: Fault = Fault::Once(io::ErrorKind::Other);
const INTERRUPTED: Fault = Fault::Once(io::ErrorKind::Interrupted);

#[test]
fn a_kill_at_every_fourth_step() {
    survive_all(Fault::Killed, 1, 4);
}

#[test]
fn a_power_cut_at_some_steps() {
    survive_all(Fault::PowerCut, 2, 8);
    survive_all(Fault::PowerCutNames, 4, 8);
}

#[test]
fn a_full_disk_or_a_bad_one_at_some_steps() {
    survive_all(FULL, 1, 12);
    survive_all(BAD, 5, 12);
}

#[test]
#[ignore = "takes minutes; the others take some of the steps"]
fn every_fault_at_every_step() {
    for fault in [
        Fault::Killed,
        Fault::PowerCut,
        Fault::PowerCutNames,
        FULL,
        BAD,
        INTERRUPTED,
    ] {
        survive_all(fault, 1, 1);
    }
}
