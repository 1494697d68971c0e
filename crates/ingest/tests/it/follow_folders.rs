//! Folders, and patterns that name nothing, or not yet.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Folder;
use crate::follow::{Keeper, append, beside, pack, write};

/// Reads until something was told that has these words.
fn until_told(keeper: &mut Keeper, words: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while !keeper.told.iter().any(|told| told.contains(words)) {
        assert!(Instant::now() < end, "{words}: {:?}", keeper.told);
        keeper.linger(Duration::from_millis(20));
    }
}

fn told(keeper: &Keeper, words: &str) -> usize {
    keeper.told.iter().filter(|told| told.contains(words)).count()
}

/// Whether the path is written with a `/` at its end or not.
#[test]
fn the_logs_in_a_folder() {
    for end in ["", "/"] {
        let folder = Folder::new();
        let logs = folder.0.join("logs");
        fs::create_dir_all(logs.join("gw1")).unwrap();
        write(&mut append(&logs.join("vpn.log.1")), 0, 10);
        write(&mut append(&logs.join("vpn.log")), 10, 20);
        write(&mut append(&logs.join("old")), 20, 30);
        pack(&logs.join("old"), &logs.join("gw1/messages-20251101.gz"));
        fs::remove_file(logs.join("old")).unwrap();
        fs::write(logs.join("notes.txt"), "call anna about seq000007\n").unwrap();
        // a store among the logs is no log
        fs::create_dir_all(logs.join("store")).unwrap();
        fs::write(logs.join("store/tunlog-store"), "").unwrap();
        write(&mut append(&logs.join("store/vpn.log")), 900, 910);

        let mut keeper = Keeper::new(&[]);
        keeper.config.globs = vec![format!("{}{end}", logs.display())];
        keeper.until(30);
        // new files, new folders; first empty, then not
        let mut late = append(&logs.join("late"));
        keeper.linger(Duration::from_millis(50));
        write(&mut late, 30, 40);
        keeper.until(40);
        fs::create_dir_all(logs.join("gw2/a")).unwrap();
        keeper.linger(Duration::from_millis(50));
        write(&mut append(&logs.join("gw2/a/vpn.log")), 40, 50);
        keeper.until(50);
        // a rotation in it, while nobody looks
        keeper.stop();
        fs::rename(logs.join("gw2/a/vpn.log"), logs.join("gw2/a/vpn.log.1")).unwrap();
        write(&mut append(&logs.join("gw2/a/vpn.log.1")), 50, 55);
        write(&mut append(&logs.join("gw2/a/vpn.log")), 55, 60);
        keeper.until(60);
        keeper.linger(Duration::from_millis(200));
        keeper.check(60);
        keeper.check_nothing_lost();
    }
}

#[test]
fn a_folder_without_logs() {
    let folder = Folder::new();
    let logs = folder.0.join("logs");
    fs::create_dir(&logs).unwrap();
    let mut keeper = Keeper::new(std::slice::from_ref(&logs));
    until_told(&mut keeper, "no log in this folder yet");
    write(&mut append(&logs.join("vpn.log")), 0, 5);
    keeper.until(5);
    assert_eq!(
        told(&keeper, "there is something to follow now"),
        1,
        "{:?}",
        keeper.told
    );
    keeper.linger(Duration::from_millis(100));
    keeper.check(5);
    assert_eq!(
        told(&keeper, "no log in this folder yet"),
        1,
        "told once: {:?}",
        keeper.told
    );
}

#[test]
fn a_pattern_that_matches_nothing_yet() {
    let folder = Folder::new();
    let mut keeper = Keeper::new(&[folder.0.join("*.log")]);
    until_told(&mut keeper, "matches no file yet");
    write(&mut append(&folder.0.join("vpn.log")), 0, 5);
    keeper.until(5);
    assert_eq!(
        told(&keeper, "there is something to follow now"),
        1,
        "{:?}",
        keeper.told
    );
    assert_eq!(told(&keeper, "matches no file yet"), 1, "told once: {:?}", keeper.told);
    keeper.check(5);
}

/// Folders that a pattern matches are followed if it says so, and told of if they are all that it matches.
#[test]
fn a_pattern_that_matches_folders() {
    let folder = Folder::new();
    let log = folder.0.join("gw1/vpn.log");
    fs::create_dir(log.parent().unwrap_or(Path::new("/"))).unwrap();
    write(&mut append(&log), 0, 5);
    let mut keeper = Keeper::new(&[folder.0.join("gw*")]);
    until_told(&mut keeper, "let it end with /");
    assert!(keeper.kept.is_empty());
    keeper.stop();
    keeper.config.globs = vec![format!("{}/gw*/", folder.0.display())];
    keeper.until(5);
    fs::rename(&log, beside(&log, ".1")).unwrap();
    write(&mut append(&log), 5, 9);
    keeper.until(9);
    keeper.linger(Duration::from_millis(100));
    keeper.check(9);
}
