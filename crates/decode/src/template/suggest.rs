//! What to say of a word that is not in a list.

use tunlog_model::Field;
use tunlog_model::near::mistakes;

/// The message for a field that is not in the list: what it may have meant, and what there is.
pub fn unknown_field(name: &str) -> String {
    let words: Vec<&str> = Field::ALL.iter().map(|(_, word)| *word).collect();
    unknown("field", name, &words)
}

/// The message for a word that is not in a list.
pub fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let (list, nearest) = (known.join(", "), nearest(word, known));
    format!("unknown {what} `{word}`\n  known: {list}\n  did you mean `{nearest}`?")
}

/// The word of the list that is most like `word`; an abbreviation counts as near.
fn nearest<'l>(word: &str, known: &[&'l str]) -> &'l str {
    known
        .iter()
        .copied()
        .min_by_key(|like| (!abbreviates(word, like), mistakes(like, word)))
        .unwrap_or_default()
}

/// Whether the letters of `short` stand in `long` in the same order (`iface`, `interface`).
fn abbreviates(short: &str, long: &str) -> bool {
    let mut letters = long.chars();
    !short.is_empty() && short.chars().all(|c| letters.any(|letter| letter == c))
}
