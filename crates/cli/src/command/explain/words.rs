//! Hits of a search as explanations, with what belongs to them.

use tunlog_analysis::detect;
use tunlog_decode::codes::{self, Code};
use tunlog_decode::{Catalogue, Listed};
use tunlog_model::Message;
use tunlog_report::explain::Explanation;

/// What a search found.
#[derive(Clone, Copy, Debug)]
pub enum Hit {
    /// A message.
    Message(Listed),
    /// A code or a word of the contract.
    Code(&'static Code),
}

/// Messages that are named as speaking for a cause.
const SPEAKERS_MAX: usize = 6;

/// Its explanation.
pub fn explanation(hit: &Hit, catalogue: &Catalogue) -> Explanation {
    match hit {
        Hit::Message(listed) => of_message(&listed.message()),
        Hit::Code(code) => {
            let mut explanation = of_code(code);
            explanation.see_also.extend(speakers(code, catalogue));
            explanation
        }
    }
}

/// Of a message.
pub fn of_message(message: &Message) -> Explanation {
    completed(Explanation::of(message))
}

/// The family of the rules of `detect`.
pub const RULES: &str = "detection";

/// Of a rule of `detect`.
pub fn of_rule(rule: &'static detect::Rule) -> Explanation {
    let mut notes = vec![
        ("matters", rule.matters.to_owned()),
        ("wrong when", rule.wrong.to_owned()),
    ];
    if !rule.techniques.is_empty() {
        notes.push(("ATT&CK", rule.techniques.join(", ")));
    }
    let thresholds = rule.thresholds.iter().enumerate().map(|(at, threshold)| {
        let label = if at == 0 { "thresholds" } else { "" };
        (
            label,
            format!("{} = {}: {}", threshold.key, threshold.default, threshold.why),
        )
    });
    notes.extend(thresholds);
    Explanation {
        id: rule.name.to_owned(),
        family: Some("rules of tunlog detect"),
        severity: Some(rule.severity.word()),
        meaning: rule.finds,
        actions: rule.actions.to_vec(),
        notes,
        ..Explanation::default()
    }
}

/// The family of the checks of `audit`.
pub const CHECKS: &str = "audit";

/// Of a check of `audit`.
pub fn of_check(rule: &'static tunlog_audit::Rule) -> Explanation {
    Explanation {
        id: rule.id.to_owned(),
        name: Some(rule.title),
        family: Some("checks of tunlog audit"),
        severity: Some(rule.severity.word()),
        meaning: rule.finds,
        actions: vec![rule.action],
        notes: vec![("matters", rule.why.to_owned()), ("wrong when", rule.wrong.to_owned())],
        source: Some(rule.reference),
        ..Explanation::default()
    }
}

/// With what the cause means that a message speaks for.
pub fn completed(mut explanation: Explanation) -> Explanation {
    explanation.blamed = explanation
        .blames
        .and_then(|cause| codes::of("cause", cause))
        .map(|cause| cause.meaning);
    explanation
}

/// Of a word of the contract: `("cause", "gre-blocked")`, `("end-reason", "idle-timeout")`.
pub fn of_word(family: &str, word: &str) -> Option<Explanation> {
    codes::of(family, word).map(of_code)
}

fn of_code(code: &'static Code) -> Explanation {
    let told = |words: &'static str| (!words.is_empty()).then_some(words);
    let family = family_of(code);
    completed(Explanation {
        id: code.id.to_owned(),
        name: told(code.name),
        family: family.map(|family| family.title),
        layer: told(code.layer).filter(|_| family.is_some_and(|family| family.name != "layer")),
        meaning: code.meaning,
        cause: told(code.cause),
        actions: code.actions.to_vec(),
        blames: told(code.blames).or(told(code.suspects)),
        source: told(code.source).filter(|source| *source != "tunlog"),
        ..Explanation::default()
    })
}

/// The family of a code.
pub fn family_of(code: &Code) -> Option<&'static codes::Family> {
    codes::FAMILIES
        .iter()
        .find(|family| family.codes.iter().any(|other| std::ptr::eq(other, code)))
}

/// Messages that speak for a cause, or prove an end reason.
fn speakers(code: &Code, catalogue: &Catalogue) -> Vec<String> {
    let family = family_of(code).map_or("", |family| family.name);
    let speaks = |listed: &Listed| match family {
        "cause" => listed.blames() == code.code,
        "end-reason" => listed.end_reason() == code.code,
        "event" => listed.event() == code.code,
        _ => false,
    };
    let found = catalogue.listed().filter(speaks);
    found
        .take(SPEAKERS_MAX)
        .map(|listed| format!("{}/{}", listed.dialect(), listed.id()))
        .collect()
}
