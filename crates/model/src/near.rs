//! How far a word is from what was typed.

/// Letters to change, add, leave out or swap to make one word of the other.
pub fn mistakes(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = change.min(last[j] + 1).min(row[j - 1] + 1);
            let swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if swapped {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Longer words are no typing mistakes.
const TYPED_CHARS_MAX: usize = 64;

/// The word that was most likely meant, if one is near: a few mistakes, or one is the beginning or a part of the other.
pub fn nearest<'w>(typed: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let length = typed.chars().count();
    if length == 0 || length > TYPED_CHARS_MAX {
        return None;
    }
    let typed = typed.to_lowercase().replace('_', "-");
    let allowed = 1 + length / 3;
    let weigh = |word: &'w str| {
        let count = mistakes(&typed, word);
        let part = length >= 3 && word.len() >= 3 && (word.contains(typed.as_str()) || typed.contains(word));
        match (count <= allowed, part) {
            (true, _) => Some((count, word)),
            (false, true) => Some((allowed + count, word)),
            (false, false) => None,
        }
    };
    let found = words.into_iter().filter_map(weigh).min();
    found.map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_are_counted() {
        assert_eq!(mistakes("gre-blokced", "gre-blocked"), 1);
        assert_eq!(mistakes("gre", "gre-"), 1);
        assert_eq!(mistakes("", "abc"), 3);
    }

    #[test]
    fn the_word_that_was_meant_is_found_or_none() {
        let words = ["segment-bytes", "segment-age-s", "dir", "full"];
        assert_eq!(nearest("segment_byte", words), Some("segment-bytes"));
        assert_eq!(nearest("directory", words), Some("dir"));
        assert_eq!(nearest("fulll", words), Some("full"));
        assert_eq!(nearest("webhook", words), None);
        assert_eq!(nearest("", words), None);
        assert_eq!(nearest(&"f".repeat(100_000), words), None);
    }
}
