//! Names of months as syslog daemons under foreign locales write them.

/// The month of an English three-letter name, in any case.
pub(crate) fn english(word: &[u8]) -> Option<u32> {
    let [a, b, c] = word else { return None };
    Some(
        match [a.to_ascii_lowercase(), b.to_ascii_lowercase(), c.to_ascii_lowercase()] {
            [b'j', b'a', b'n'] => 1,
            [b'f', b'e', b'b'] => 2,
            [b'm', b'a', b'r'] => 3,
            [b'a', b'p', b'r'] => 4,
            [b'm', b'a', b'y'] => 5,
            [b'j', b'u', b'n'] => 6,
            [b'j', b'u', b'l'] => 7,
            [b'a', b'u', b'g'] => 8,
            [b's', b'e', b'p'] => 9,
            [b'o', b'c', b't'] => 10,
            [b'n', b'o', b'v'] => 11,
            [b'd', b'e', b'c'] => 12,
            _ => return None,
        },
    )
}

/// Beginnings of names; a longer one stands before a shorter one that it begins with. German, French, Spanish, Italian,
/// Portuguese, Dutch, Hungarian, Polish, Czech, Finnish, Turkish, Romanian, Scandinavian, Russian, Ukrainian.
const NAMES: &[(&str, u32)] = &[
    ("marras", 11),
    ("maalis", 3),
    ("jan", 1),
    ("jän", 1),
    ("ene", 1),
    ("gen", 1),
    ("ian", 1),
    ("sty", 1),
    ("led", 1),
    ("tammi", 1),
    ("oca", 1),
    ("янв", 1),
    ("січ", 1),
    ("feb", 2),
    ("fév", 2),
    ("fev", 2),
    ("lut", 2),
    ("úno", 2),
    ("helmi", 2),
    ("şub", 2),
    ("фев", 2),
    ("лют", 2),
    ("mar", 3),
    ("mär", 3),
    ("már", 3),
    ("mrz", 3),
    ("mrt", 3),
    ("bře", 3),
    ("мар", 3),
    ("бер", 3),
    ("apr", 4),
    ("ápr", 4),
    ("avr", 4),
    ("abr", 4),
    ("kwi", 4),
    ("dub", 4),
    ("huhti", 4),
    ("nis", 4),
    ("апр", 4),
    ("кві", 4),
    ("may", 5),
    ("mai", 5),
    ("mag", 5),
    ("mei", 5),
    ("maj", 5),
    ("máj", 5),
    ("kvě", 5),
    ("touko", 5),
    ("май", 5),
    ("мая", 5),
    ("тра", 5),
    ("jun", 6),
    ("jún", 6),
    ("juin", 6),
    ("giu", 6),
    ("iun", 6),
    ("cze", 6),
    ("červenec", 7),
    ("čer", 6),
    ("čen", 6),
    ("kesä", 6),
    ("haz", 6),
    ("июн", 6),
    ("чер", 6),
    ("jul", 7),
    ("júl", 7),
    ("juil", 7),
    ("lug", 7),
    ("iul", 7),
    ("lip", 7),
    ("čec", 7),
    ("heinä", 7),
    ("tem", 7),
    ("июл", 7),
    ("лип", 7),
    ("aug", 8),
    ("aoû", 8),
    ("aou", 8),
    ("ago", 8),
    ("sie", 8),
    ("srp", 8),
    ("elo", 8),
    ("ağu", 8),
    ("авг", 8),
    ("сер", 8),
    ("sep", 9),
    ("set", 9),
    ("szep", 9),
    ("wrz", 9),
    ("zář", 9),
    ("syys", 9),
    ("eyl", 9),
    ("сен", 9),
    ("вер", 9),
    ("oct", 10),
    ("okt", 10),
    ("ott", 10),
    ("out", 10),
    ("paź", 10),
    ("říj", 10),
    ("loka", 10),
    ("eki", 10),
    ("окт", 10),
    ("жов", 10),
    ("nov", 11),
    ("noi", 11),
    ("lis", 11),
    ("kas", 11),
    ("ноя", 11),
    ("лис", 11),
    ("dec", 12),
    ("déc", 12),
    ("dez", 12),
    ("des", 12),
    ("dic", 12),
    ("gru", 12),
    ("pro", 12),
    ("joulu", 12),
    ("ara", 12),
    ("дек", 12),
    ("гру", 12),
];

/// English names whose first letter was lost by copying; every tail is another one's.
const TAILS: &[(&[u8; 2], u32)] = &[
    (b"an", 1),
    (b"eb", 2),
    (b"ar", 3),
    (b"pr", 4),
    (b"ay", 5),
    (b"un", 6),
    (b"ul", 7),
    (b"ug", 8),
    (b"ep", 9),
    (b"ct", 10),
    (b"ov", 11),
    (b"ec", 12),
];

/// The month of a name in any of the languages.
pub(crate) fn any(word: &[u8]) -> Option<u32> {
    if let Some(month) = english(word) {
        return Some(month);
    }
    if word.len() == 2 {
        return TAILS
            .iter()
            .find(|(tail, _)| word == tail.as_slice())
            .map(|(_, month)| *month);
    }
    let word = std::str::from_utf8(word).ok()?;
    NAMES
        .iter()
        .find(|(name, _)| begins(word, name))
        .map(|(_, month)| *month)
}

/// Whether `word` begins with `name`, which is in lower case.
fn begins(word: &str, name: &str) -> bool {
    let mut letters = word.chars().flat_map(char::to_lowercase);
    name.chars().all(|wanted| letters.next() == Some(wanted))
}
