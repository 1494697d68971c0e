//! Every shipped dialect file passes the same checks as a user's own.

use std::collections::BTreeMap;

use tunlog_decode::{Catalogue, DIALECT_FILES, check};

#[test]
fn every_shipped_file_passes_its_own_checks() {
    let problems: Vec<String> = DIALECT_FILES
        .iter()
        .flat_map(|(name, text)| check(name, text))
        .collect();
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.join("\n")
    );
}

#[test]
fn ids_are_unique_across_the_files_of_a_dialect() {
    let mut seen = BTreeMap::new();
    for message in Catalogue::builtin().messages() {
        let id = format!("{}/{}", message.dialect, message.id);
        assert!(seen.insert(id.clone(), ()).is_none(), "{id} is defined twice");
    }
}

#[test]
fn examples_decode_to_their_own_message_with_all_dialect_files_loaded() {
    // a message of pppd-plugins.toml must not be shadowed by one of pppd.toml
    let catalogue = Catalogue::builtin();
    let problems: Vec<_> = catalogue
        .dialects()
        .iter()
        .flat_map(|dialect| dialect.ready().problems.clone())
        .collect();
    assert!(problems.is_empty(), "{problems:?}");
}
