//! What is said of something that nobody knows, with what it may have meant.

use tunlog_decode::Catalogue;
use tunlog_decode::codes::FAMILIES;
use tunlog_model::near::mistakes;

use super::search::folded;

/// Names that are suggested.
const SUGGESTIONS_MAX: usize = 5;
/// Longer words are no typing mistakes of an id, but lines.
const ASKED_CHARS_MAX: usize = 64;

/// The sentence for standard error.
pub fn unknown(asked: &str, catalogue: &Catalogue) -> String {
    let near = suggestions(asked, catalogue);
    if near.is_empty() {
        format!(
            "`{asked}` is no message, cause or code that is known; ask for an id, a number, a cause, or paste a whole line; `tunlog explain --list` names all"
        )
    } else {
        format!("`{asked}` is not known; did you mean {}?", near.join(", "))
    }
}

/// The nearest ids, the nearest first.
fn suggestions(asked: &str, catalogue: &Catalogue) -> Vec<String> {
    let asked = folded(asked);
    let is_number = asked.bytes().all(|byte| byte.is_ascii_digit() || byte == b'x');
    if asked.len() < 3 || asked.chars().count() > ASKED_CHARS_MAX || is_number {
        return Vec::new();
    }
    let mut near: Vec<(usize, String)> = Vec::new();
    let mut weigh = |id: String, names: &[&str]| {
        let called = names
            .iter()
            .copied()
            .chain([id.as_str()])
            .filter(|name| !name.is_empty());
        let weighed = called.filter_map(|name| Some((distance(&asked, &folded(name))?, name)));
        if let Some((weight, name)) = weighed.min() {
            // a bare slug may be of several dialects, a bare number of several families: the id is clearer
            let shown = if names.first() == Some(&name) {
                id.clone()
            } else {
                name.to_owned()
            };
            near.push((weight, shown));
        }
    };
    for code in FAMILIES.iter().flat_map(|family| family.codes) {
        weigh(code.id.to_owned(), &[code.code, code.name]);
    }
    for rule in tunlog_analysis::detect::ALL {
        weigh(rule.name.to_owned(), &[]);
    }
    for rule in tunlog_audit::rules() {
        weigh(rule.id.to_owned(), &[]);
    }
    for listed in catalogue.listed() {
        weigh(
            format!("{}/{}", listed.dialect(), listed.id()),
            &[listed.id(), listed.name()],
        );
    }
    near.sort();
    near.dedup_by(|a, b| a.1 == b.1);
    let best = near.first().map_or(0, |(weight, _)| *weight);
    near.into_iter()
        .filter(|(weight, _)| *weight <= best)
        .map(|(_, name)| name)
        .take(SUGGESTIONS_MAX)
        .collect()
}

/// How far a name is from what was typed, if it is near at all: the number of typing mistakes; a part of the name or
/// words of it in another order are a little worse.
fn distance(asked: &str, name: &str) -> Option<usize> {
    let allowed = 1 + asked.chars().count() / 4;
    let typed = (name.len().abs_diff(asked.len()) <= allowed)
        .then(|| mistakes(asked, name))
        .filter(|count| *count <= allowed);
    let parts = || {
        asked
            .split('-')
            .all(|part| part.len() > 2 && name.split(['-', '/']).any(|word| word == part))
    };
    match typed {
        Some(count) => Some(count),
        None if asked.len() >= 4 && name.contains(asked) => Some(allowed + 1),
        None if parts() => Some(allowed + 2),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_are_counted() {
        assert_eq!(distance("lost-carier", "lost-carrier"), Some(1));
        assert_eq!(distance("carrier-lost", "lost-carrier"), Some(6));
        assert_eq!(distance("no-such-thing", "gre-blocked"), None);
    }
}
