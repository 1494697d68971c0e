//! `copytruncate`: a log is copied, then cut off. The copy has what was not read before; who has read all of it misses nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use crate::Folder;
use crate::follow::{Keeper, append, beside, line, pack, write};

fn cut(path: &Path) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap();
}

fn follow(folder: &Folder) -> (std::path::PathBuf, Keeper) {
    let path = folder.0.join("vpn.log");
    let mut keeper = Keeper::new(std::slice::from_ref(&path));
    keeper.poll();
    (path, keeper)
}

/// The reader comes back long after the rotation: nothing tells any more that it was one a moment ago.
#[test]
fn a_copy_found_late() {
    for packed in [false, true] {
        for after in [0, 5, 400] {
            let folder = Folder::new();
            let (path, mut keeper) = follow(&folder);
            let mut file = append(&path);
            write(&mut file, 0, 100);
            keeper.until(100);
            keeper.stop();
            write(&mut file, 100, 150);
            fs::copy(&path, beside(&path, ".1")).unwrap();
            cut(&path);
            write(&mut file, 150, 150 + after);
            if packed {
                pack(&beside(&path, ".1"), &beside(&path, ".1.gz"));
                fs::remove_file(beside(&path, ".1")).unwrap();
            }
            std::thread::sleep(Duration::from_millis(150));
            keeper.until(150 + after as usize);
            keeper.linger(Duration::from_millis(300));
            keeper.check(150 + after);
            keeper.check_nothing_lost();
        }
    }
}

/// The copy lacks what was written between copying and cutting. What was seen of that and not read is told.
#[test]
fn a_copy_that_lacks_the_end() {
    let folder = Folder::new();
    let (path, mut keeper) = follow(&folder);
    let mut file = append(&path);
    write(&mut file, 0, 100);
    keeper.until(100);
    fs::copy(&path, beside(&path, ".1")).unwrap();
    // half a line was seen, and is in no copy
    file.write_all(&line(100).as_bytes()[..40]).unwrap();
    keeper.linger(Duration::from_millis(100));
    cut(&path);
    write(&mut file, 100, 400);
    keeper.until(400);
    keeper.linger(Duration::from_millis(300));
    keeper.check(400);
    assert_eq!(keeper.lost, [None], "{:?}", keeper.told);
}

/// A copy with the half line that was seen proves that nothing is lost, and gives it.
#[test]
fn a_copy_with_the_end() {
    let folder = Folder::new();
    let (path, mut keeper) = follow(&folder);
    let mut file = append(&path);
    write(&mut file, 0, 100);
    file.write_all(line(100).trim_end().as_bytes()).unwrap();
    keeper.until(100);
    fs::copy(&path, beside(&path, ".1")).unwrap();
    cut(&path);
    write(&mut file, 101, 300);
    keeper.until(300);
    keeper.linger(Duration::from_millis(300));
    keeper.check(300);
    keeper.check_nothing_lost();
}

/// Copies what is there, and cuts it off once the copy has all: a writer is kept out for the last part only.
fn rotate(path: &Path, quiet: &Mutex<()>) {
    for number in (1..9).rev() {
        let old = beside(path, &format!(".{number}"));
        if old.exists() {
            fs::rename(old, beside(path, &format!(".{}", number + 1))).unwrap();
        }
    }
    let mut from = File::open(path).unwrap();
    let mut to = File::create(beside(path, ".1")).unwrap();
    let mut copy = |from: &mut File| {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        to.write_all(&bytes).unwrap();
    };
    copy(&mut from);
    let _quiet = quiet.lock().unwrap();
    copy(&mut from);
    cut(path);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 10, failure_persistence: None, ..ProptestConfig::default() })]

    /// A writer that does not rest, rotations at any moment, a reader that goes and comes, and dies.
    #[test]
    fn copies_under_load(
        pauses in proptest::collection::vec(0u64..60, 1..6),
        stops in proptest::collection::vec((0u64..40, any::<bool>()), 0..5),
    ) {
        let folder = Folder::new();
        let (path, mut keeper) = follow(&folder);
        let (quiet, over, written) = (Mutex::new(()), AtomicBool::new(false), AtomicU32::new(0));
        drop(append(&path));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut file = append(&path);
                while !over.load(Ordering::Relaxed) {
                    let from = written.load(Ordering::Relaxed);
                    let _quiet = quiet.lock().unwrap();
                    write(&mut file, from, from + 7);
                    written.store(from + 7, Ordering::Relaxed);
                    drop(_quiet);
                    std::thread::sleep(Duration::from_micros(300));
                }
            });
            scope.spawn(|| {
                for pause in &pauses {
                    std::thread::sleep(Duration::from_millis(*pause));
                    rotate(&path, &quiet);
                }
                over.store(true, Ordering::Relaxed);
            });
            for (time, dies) in &stops {
                keeper.linger(Duration::from_millis(*time));
                match dies {
                    true => keeper.dies_in = Some(*time as usize % 4),
                    false => keeper.stop(),
                }
            }
            while !over.load(Ordering::Relaxed) {
                keeper.linger(Duration::from_millis(5));
            }
        });
        keeper.dies_in = None;
        let written = written.into_inner();
        keeper.until(written as usize);
        keeper.stop();
        keeper.linger(Duration::from_millis(250));
        keeper.check(written);
        keeper.check_nothing_lost();
    }
}
