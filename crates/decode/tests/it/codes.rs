//! The code tables: whole, unique, and in the contract's words.

use std::collections::BTreeSet;

use tunlog_decode::codes::{FAMILIES, code, family, of};
use tunlog_model::{EndReason, EventKind, Layer, Outcome};

#[test]
fn every_code_is_whole_and_unique() {
    let mut ids = BTreeSet::new();
    let mut wrong = Vec::new();
    for family in FAMILIES {
        assert!(!family.title.is_empty() && !family.codes.is_empty(), "{}", family.name);
        for code in family.codes {
            let mut say = |what: &str| wrong.push(format!("{}: {what}", code.id));
            if !ids.insert(code.id.to_ascii_lowercase()) {
                say("the id is used twice");
            }
            if code.meaning.trim().is_empty() || code.source.is_empty() {
                say("no meaning or no source");
            }
            if code
                .actions
                .iter()
                .any(|action| action.trim().is_empty() || *action == "none")
            {
                say("an empty action: `none` stands alone");
            }
            if !code.layer.is_empty() && Layer::from_word(code.layer).is_none() {
                say("unknown layer");
            }
            if !code.blames.is_empty() && of("cause", code.blames).is_none() {
                say("unknown cause");
            }
            if [code.meaning, code.cause]
                .iter()
                .chain(code.actions)
                .any(|text| text.contains('\n'))
            {
                say("a text is one line");
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A vocabulary of the contract and the family that tells it.
fn told(name: &str, words: &[&str]) {
    let codes: Vec<&str> =
        family(name).map_or(Vec::new(), |family| family.codes.iter().map(|code| code.code).collect());
    let missing: Vec<_> = words.iter().filter(|word| !codes.contains(word)).collect();
    let made_up: Vec<_> = codes.iter().filter(|code| !words.contains(code)).collect();
    assert!(
        missing.is_empty() && made_up.is_empty(),
        "{name}: missing {missing:?}, made up {made_up:?}"
    );
}

#[test]
fn every_word_of_the_contract_is_explained() {
    fn words<T>(all: &[(T, &'static str)]) -> Vec<&'static str> {
        all.iter().map(|(_, word)| *word).collect()
    }
    told("end-reason", &words(EndReason::ALL));
    told("outcome", &words(Outcome::ALL));
    told("layer", &words(Layer::ALL));
    told("event", &words(EventKind::ALL));
    assert_eq!(family("cause").map(|family| family.codes.len()), Some(48));
}

#[test]
fn codes_are_found_by_id_in_any_case() {
    assert_eq!(code("mschap/691").map(|code| code.blames), Some("wrong-credentials"));
    assert_eq!(code("GRE-Blocked").map(|code| code.id), Some("gre-blocked"));
    assert_eq!(code("pptp/start-reply-2").map(|code| code.name), Some("General-Error"));
    assert!(code("cause/gre-blocked").is_none());
}

#[test]
fn what_a_code_suspects_is_a_cause_and_what_it_ends_an_end() {
    let mut wrong = Vec::new();
    for code in FAMILIES.iter().flat_map(|family| family.codes) {
        if !code.suspects.is_empty() && (of("cause", code.suspects).is_none() || !code.blames.is_empty()) {
            wrong.push(format!("{} suspects {}", code.id, code.suspects));
        }
        if !code.end_reason.is_empty() && EndReason::from_word(code.end_reason).is_none() {
            wrong.push(format!("{} ends by {}", code.id, code.end_reason));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_ras_errors_that_people_meet_have_cause_remedy_and_a_cause_of_ours() {
    const MET: &[&str] = &[
        "619", "628", "629", "631", "633", "645", "649", "651", "678", "691", "718", "720", "721", "734", "741", "742",
        "756", "768", "781", "784", "786", "788", "789", "790", "791", "792", "793", "800", "806", "807", "809", "812",
        "829", "835", "868", "930",
    ];
    let wanting: Vec<&str> = MET
        .iter()
        .copied()
        .filter(|code| {
            let told = of("ras", code).filter(|code| !code.cause.is_empty() && !code.actions.is_empty());
            told.is_none_or(|code| code.blames.is_empty() && code.suspects.is_empty())
        })
        .collect();
    assert!(wanting.is_empty(), "{wanting:?}");
    assert_eq!(family("ras").map(|family| family.codes.len()), Some(326));
}
