//! What somebody may mean by a few words or a number. Everything is found in the static tables: no dialect is made ready.

use tunlog_decode::codes::{self, Code, FAMILIES, Family};
use tunlog_decode::{Catalogue, Listed};

use super::words::Hit;

/// Families whose numbers people ask for most, the first first.
const FIRST: &[&str] = &[
    "ras",
    "mschap",
    "nps",
    "ntstatus",
    "ad",
    "pppd-exit-status",
    "radius-terminate-cause",
];
/// Words that stand before a number and tell no family.
const EMPTY_WORDS: &[&str] = &[
    "error", "err", "code", "number", "no", "nr", "reason", "status", "result", "cause", "event", "id", "vpn",
    "windows", "rasdial", "e", "the", "with", "message",
];
/// A number from here on is seldom meant as anything but an error code.
const TELLING_NUMBER: u64 = 100;

/// What answers, with its rank, the lowest first.
pub fn find(asked: &str, catalogue: &Catalogue) -> Vec<(u8, Hit)> {
    let asked = asked.trim().trim_matches(|c| matches!(c, '"' | '\'' | '`')).trim();
    if asked.is_empty() {
        return Vec::new();
    }
    let code = asked.strip_prefix('%').map(vendor_code);
    let asked = code.as_deref().unwrap_or(asked);
    let whole = by_id(asked, catalogue);
    if !whole.is_empty() {
        return whole;
    }
    let words = by_word(asked, catalogue);
    if !words.is_empty() {
        return words;
    }
    by_number(asked, catalogue)
}

/// `pppd/peer-failed-chap`, `ras/691`, `ras/0x2b3`.
fn by_id(asked: &str, catalogue: &Catalogue) -> Vec<(u8, Hit)> {
    let Some((head, tail)) = asked.split_once('/') else {
        return Vec::new();
    };
    let mut found: Vec<(u8, Hit)> = catalogue
        .listed()
        .filter(|listed| listed.dialect().eq_ignore_ascii_case(head) && names(listed, tail))
        .map(|listed| (0, Hit::Message(listed)))
        .collect();
    let number = number(tail);
    let family = FAMILIES
        .iter()
        .filter(|family| family.name.eq_ignore_ascii_case(head))
        .flat_map(|family| family.codes);
    let coded = family.filter(|code| is_called(code, tail) || number.is_some_and(|number| has_number(code, number)));
    found.extend(coded.map(|code| (0, Hit::Code(code))));
    found
}

/// A cause, an end reason, a name, a slug, a kind of event.
fn by_word(asked: &str, catalogue: &Catalogue) -> Vec<(u8, Hit)> {
    let codes = ordered()
        .into_iter()
        .flat_map(|(_, family)| family.codes.iter().map(move |code| (family, code)));
    let mut found: Vec<(u8, Hit)> = codes
        .filter(|(_, code)| !is_number(asked) && is_called(code, asked))
        .map(|(family, code)| (rank_of_word(family), Hit::Code(code)))
        .collect();
    if found
        .iter()
        .any(|(_, hit)| matches!(hit, Hit::Code(code) if !code.id.contains('/')))
    {
        // one of the contract's causes: that is what was printed somewhere, whatever else is called so
        found.retain(|(rank, _)| *rank == 0);
        return found;
    }
    let messages = catalogue.listed().filter(|listed| names(listed, asked));
    found.extend(messages.map(|listed| (2, Hit::Message(listed))));
    found.sort_by_key(|(rank, _)| *rank);
    if found.len() == 1 {
        found.iter_mut().for_each(|(rank, _)| *rank = 0)
    }
    found
}

fn rank_of_word(family: &Family) -> u8 {
    match family.name {
        "cause" | "end-reason" => 0,
        "event" | "layer" | "outcome" | "confidence" => 3,
        _ => 1,
    }
}

/// `691`, `0x2b3`, `E=691`, `error 691`, `pppd exit 19`, `2800009`.
fn by_number(asked: &str, catalogue: &Catalogue) -> Vec<(u8, Hit)> {
    let mut words: Vec<String> = asked
        .split(|c: char| c.is_whitespace() || matches!(c, ':' | '=' | ',' | '(' | ')' | '#' | '/'))
        .flat_map(|word| {
            if is_number(word) {
                vec![word]
            } else {
                word.split('-').collect()
            }
        })
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let Some(last) = words.pop() else {
        return Vec::new();
    };
    let told = words.clone();
    words.retain(|word| !EMPTY_WORDS.contains(&word.as_str()));
    let mut found: Vec<(u8, Hit)> = Vec::new();
    for (at, family) in ordered() {
        // words that tell a family keep the others out: `pppd exit 19`
        let knows = |word: &String| family_knows(family, word);
        let rest: Vec<&str> = words.iter().filter(|word| !knows(word)).map(String::as_str).collect();
        if let Some(number) = number(&last).filter(|_| rest.is_empty() && says_enough(family, &told, &words)) {
            let hits = family.codes.iter().filter(|code| has_number(code, number));
            found.extend(hits.map(|code| (u8::from(at >= FIRST.len() || number < TELLING_NUMBER), Hit::Code(code))));
        } else if !rest.is_empty() {
            let key = format!("{}-{last}", rest.join("-"));
            found.extend(
                family
                    .codes
                    .iter()
                    .filter(|code| folded(code.code) == key)
                    .map(|code| (0, Hit::Code(code))),
            );
        }
    }
    if let Some(number) = number(&last).filter(|_| words.is_empty()) {
        let messages = catalogue.listed().filter(|listed| carries(listed, number));
        found.extend(messages.map(|listed| (2, Hit::Message(listed))));
        let keyed = FAMILIES
            .iter()
            .flat_map(|family| family.codes)
            .filter(|code| ends_in(code, number));
        found.extend(keyed.map(|code| (2, Hit::Code(code))));
    }
    found.sort_by_key(|(rank, _)| *rank);
    found
}

/// `exit status 19` is none of the families that merely know the word `status`: where words tell a family by themselves,
/// `error` or `code` beside them do not matter; where nothing but such words is left, every family may answer, except
/// that `exit` and `signal` stand for their own.
fn says_enough(family: &Family, told: &[String], telling: &[String]) -> bool {
    if !telling.is_empty() {
        return true;
    }
    // `cause 2`, `status 2`, `reason 16`: the families that call their numbers so come alone, if there are any
    let own = |family: &Family, word: &str| {
        let (name, title) = (folded(family.name), folded(family.title));
        [name, title]
            .iter()
            .any(|text| text.split('-').any(|part| part == word))
    };
    let narrow = told
        .iter()
        .filter(|word| matches!(word.as_str(), "cause" | "status" | "reason" | "result"));
    narrow
        .clone()
        .all(|word| own(family, word) || !FAMILIES.iter().any(|other| own(other, word)))
}

fn family_knows(family: &Family, word: &str) -> bool {
    let title = folded(family.title);
    folded(family.name).split('-').any(|part| part == word)
        || family.name == word
        || family.words.contains(&word)
        || title.split('-').any(|part| part == word)
}

/// The families, those first that are asked for most, with their place.
fn ordered() -> Vec<(usize, &'static Family)> {
    let place = |family: &Family| {
        FIRST
            .iter()
            .position(|first| *first == family.name)
            .unwrap_or(FIRST.len())
    };
    let mut all: Vec<(usize, &'static Family)> = FAMILIES.iter().map(|family| (place(family), family)).collect();
    all.sort_by_key(|(place, _)| *place);
    all
}

/// A number in a sentence that is no line of a log: `E=691 R=1 C=…`, `The error code returned on failure is 789.`
pub fn number_inside(text: &str) -> Vec<(u8, Hit)> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let marks = ["error", "e", "code", "reason"];
    let near = |at: usize| {
        words[at.saturating_sub(6)..at]
            .iter()
            .any(|word| marks.contains(&word.as_str()))
    };
    let numbers = words
        .iter()
        .enumerate()
        .filter(|(at, word)| near(*at) && is_number(word));
    for number in numbers
        .filter_map(|(_, word)| number(word))
        .filter(|number| *number >= TELLING_NUMBER)
    {
        let of_first = ordered().into_iter().filter(|(place, _)| *place < FIRST.len());
        let codes = of_first.flat_map(|(_, family)| family.codes);
        let found: Vec<(u8, Hit)> = codes
            .filter(|code| has_number(code, number))
            .map(|code| (0, Hit::Code(code)))
            .collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Whether a code is written or called so; case, blanks and underlines do not matter.
fn is_called(code: &Code, asked: &str) -> bool {
    let asked = folded(asked);
    let is = |name: &str| folded(name) == asked;
    let short = |prefix: &str| code.name.strip_prefix(prefix).is_some_and(is);
    is(code.code)
        || code.also.iter().any(|also| is(also))
        || (!code.name.is_empty() && is(code.name))
        || short("ERROR_")
        || short("STATUS_")
        || short("EXIT_")
}

/// Whether a message has this slug or vendor's name, or this code with or without the zeros at its beginning.
fn names(listed: &Listed, asked: &str) -> bool {
    let (id, asked) = (listed.id(), asked.trim());
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // `713902-qm-error`: one of the meanings of a number
    let numbered = id
        .split_once('-')
        .is_some_and(|(number, _)| number.len() >= 5 && plain(number) && number == asked);
    if numbered {
        return true;
    }
    id.eq_ignore_ascii_case(asked)
        || folded(id) == folded(asked)
        || (!listed.name().is_empty() && folded(listed.name()) == folded(asked))
        || (id.len() >= 5 && plain(id) && plain(asked) && id.trim_start_matches('0') == asked.trim_start_matches('0'))
}

/// A code as Cisco writes it, behind its `%`: `VPDN-6-CLOSE` is `vpdn-6-close`, `ASA-6-603104` is `603104`.
fn vendor_code(written: &str) -> String {
    let written = written.trim_end_matches(':');
    let number = written.rsplit('-').next().unwrap_or_default();
    if number.len() == 6 && number.bytes().all(|byte| byte.is_ascii_digit()) {
        return number.to_owned();
    }
    written.to_ascii_lowercase().replace('_', "-")
}

/// Whether an id such as `mschap-failed-691` ends in the code asked for.
fn carries(listed: &Listed, asked: u64) -> bool {
    let ending = listed.id().rsplit_once('-').map(|(_, code)| code);
    asked >= TELLING_NUMBER && ending.is_some_and(|code| code.parse() == Ok(asked))
}

/// Whether a code such as `start-reply-2` ends in the number asked for.
fn ends_in(code: &Code, asked: u64) -> bool {
    code.code
        .rsplit_once('-')
        .is_some_and(|(_, ending)| ending.parse() == Ok(asked))
}

/// Small letters, hyphens for blanks and underlines.
pub fn folded(text: &str) -> String {
    let hyphen = |c: char| {
        if matches!(c, ' ' | '_') {
            '-'
        } else {
            c.to_ascii_lowercase()
        }
    };
    text.trim().chars().map(hyphen).collect()
}

fn has_number(code: &Code, asked: u64) -> bool {
    let is = |text: &&str| number(text) == Some(asked);
    is(&code.code) || code.also.iter().any(is)
}

fn is_number(text: &str) -> bool {
    number(text).is_some()
}

/// A number, decimal or with `0x`; negative ones are what Windows prints of 32 bits, and 0x8007… wraps another number.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let value = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => match text.strip_prefix('-') {
            Some(_) => u64::from(text.parse::<i32>().ok()? as u32),
            None if text.starts_with('+') => return None,
            None => text.parse().ok()?,
        },
    };
    Some(match value {
        0x8007_0000..=0x8007_ffff => value & 0xffff,
        value => value,
    })
}

/// The codes of a family by its name or title.
pub fn family_named(asked: &str) -> Option<&'static Family> {
    codes::family(asked).or_else(|| FAMILIES.iter().find(|family| folded(family.title) == folded(asked)))
}
