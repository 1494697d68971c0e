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
    for listed in Catalogue::builtin().listed() {
        let id = format!("{}/{}", listed.dialect(), listed.id());
        // entries of one event are told apart by conditions: they may share its number, and nothing else
        let event = listed.event_id().filter(|event| listed.id() == event.to_string());
        let before = seen.insert(id.clone(), event);
        assert!(
            before.is_none_or(|before| before.is_some() && before == event),
            "{id} is defined twice"
        );
    }
}

/// Messages that may say the same as another: (id, id of the other).
fn declared_twins() -> Vec<(String, String)> {
    let mut twins = Vec::new();
    for (file, text) in DIALECT_FILES {
        let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
        let name = table["name"].as_str().expect("a name");
        for message in table["message"].as_array().into_iter().flatten() {
            let own = format!("{name}/{}", message["id"].as_str().expect("an id"));
            for key in ["twin-of", "same-text-as"] {
                if let Some(twin) = message.get(key).and_then(toml::Value::as_str) {
                    let twin = if twin.contains('/') {
                        twin.into()
                    } else {
                        format!("{name}/{twin}")
                    };
                    twins.push((own.clone(), twin));
                }
            }
        }
    }
    twins
}

#[test]
fn no_two_messages_of_all_dialects_say_the_same() {
    let twins = declared_twins();
    let mut told: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut wrong = Vec::new();
    for listed in Catalogue::builtin().listed() {
        let message = listed.message();
        let id = format!("{}/{}", message.dialect, message.id);
        let text = (message.meaning.trim().to_owned(), message.action.trim().to_owned());
        let declared = twins.iter().any(|(own, _)| *own == id);
        match told.get(&text) {
            Some(first) if !declared => wrong.push(format!("{id} says what {first} says")),
            Some(_) => {}
            None => {
                told.insert(text, id);
            }
        }
    }
    let ids: Vec<String> = Catalogue::builtin()
        .listed()
        .map(|listed| format!("{}/{}", listed.dialect(), listed.id()))
        .collect();
    let lost = twins.iter().filter(|(_, twin)| !ids.contains(twin));
    wrong.extend(lost.map(|(own, twin)| format!("{own}: its twin {twin} does not exist")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
