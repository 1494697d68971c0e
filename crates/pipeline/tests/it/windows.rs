//! The day of a Windows gateway as files: an EVTX of each language, and the forms in which people copy it.

use std::path::PathBuf;

use tunlog_testkit::windows::{XmlLayout, xml};
use tunlog_testkit::windows_day::{ENGLISH, OTHERS, events};
use tunlog_testkit::{evtx, lines_of};

use crate::{Reading, scratch};

/// What the correlator makes of the events themselves.
const WANT: &str = include_str!("../../../analysis/tests/it/windows_languages.txt");

fn told_of(path: PathBuf) -> String {
    lines_of(&Reading::default().of(&[path]).attempts)
}

#[test]
fn a_log_file_of_every_language_tells_the_same() {
    let folder = scratch("windows-languages");
    for (number, language) in std::iter::once(&ENGLISH).chain(OTHERS).enumerate() {
        let path = folder.join(format!("{number}.evtx"));
        std::fs::write(&path, evtx::write(&events(language))).expect("a file in the temporary folder");
        assert_eq!(told_of(path), WANT, "{}", language.text);
    }
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn exports_tell_what_the_log_file_tells() {
    let folder = scratch("windows-exports");
    let day = events(&ENGLISH);
    let beats: String = day.iter().map(|event| event.winlogbeat() + "\n").collect();
    let dump: String = day.iter().map(|event| event.evtx_dump() + "\n").collect();
    let forms = [
        ("root.xml", xml(&day, XmlLayout::Root)),
        ("lines.xml", xml(&day, XmlLayout::Lines)),
        ("beats.json", beats),
        ("dump.jsonl", dump),
    ];
    for (name, text) in forms {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a file in the temporary folder");
        assert_eq!(told_of(path), WANT, "{name}");
    }
    let _ = std::fs::remove_dir_all(folder);
}
