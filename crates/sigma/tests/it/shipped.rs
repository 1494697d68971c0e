//! `sigma/` in the project holds our rules as they are.

// the crate is pure, this test compares files with what it says
#![allow(clippy::disallowed_methods)]

use std::path::Path;

use tunlog_analysis::detect::Options;

/// `UPDATE_EXPECT=1` writes the files anew, as golden answers elsewhere.
#[test]
fn the_shipped_files_are_what_the_rules_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sigma");
    let files = tunlog_sigma::export::files(&Options::default());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        for file in &files {
            std::fs::write(folder.join(&file.name), &file.text).expect("a file");
        }
    }
    let mut there: Vec<String> = std::fs::read_dir(&folder)
        .expect("the folder sigma")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let mut names: Vec<String> = files.iter().map(|file| file.name.clone()).collect();
    there.sort();
    names.sort();
    assert_eq!(there, names);
    for file in files {
        let text = std::fs::read_to_string(folder.join(&file.name)).unwrap_or_default();
        assert_eq!(
            text, file.text,
            "{}: out of date: UPDATE_EXPECT=1 cargo test -p tunlog-sigma",
            file.name
        );
    }
}
