//! What to say of a word that is not in a list.

use tunlog_model::Field;

/// The message for a field that is not in the list, with the nearest one that is.
pub fn unknown_field(name: &str) -> String {
    let nearest = Field::ALL.iter().map(|(_, word)| *word).min_by_key(|word| (!abbreviates(name, word), distance(word, name))).unwrap_or_default();
    format!("unknown field `{name}`, did you mean `{nearest}`?")
}

/// Whether the letters of `short` stand in `long` in the same order (`iface`, `interface`).
fn abbreviates(short: &str, long: &str) -> bool {
    let mut letters = long.chars();
    short.chars().all(|c| letters.any(|letter| letter == c))
}

/// Edit distance, for suggestions.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.bytes().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.bytes().enumerate() {
            let cost = corner + usize::from(ca != cb);
            corner = row[j + 1];
            row[j + 1] = cost.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

