//! Codes that logs and screens show without words: error numbers, result codes, the contract's own vocabularies.
//! The knowledge stands in `codes/*.toml`; here it is a table, searched only when somebody asks.

/// A family of codes.
#[derive(Debug)]
pub struct Family {
    /// First part of the ids.
    pub name: &'static str,
    /// What these codes are.
    pub title: &'static str,
    /// Words that people say before the number.
    pub words: &'static [&'static str],
    /// Its codes, in the order of the file.
    pub codes: &'static [Code],
}

/// One code.
#[derive(Debug)]
pub struct Code {
    /// `ras/691`; of the contract's causes the word alone.
    pub id: &'static str,
    /// The code as it is usually written.
    pub code: &'static str,
    /// Other ways to write it.
    pub also: &'static [&'static str],
    /// Its name; empty if it has none.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Likely cause; empty if none is told.
    pub cause: &'static str,
    /// What to do, step by step; empty if nothing.
    pub actions: &'static [&'static str],
    /// The contract's cause that it speaks for; empty if none.
    pub blames: &'static str,
    /// The contract's cause that is likely where nothing tells more; empty if none.
    pub suspects: &'static str,
    /// The contract's end reason, of a code that tells why a session ended; else empty.
    pub end_reason: &'static str,
    /// The contract's layer; empty if none.
    pub layer: &'static str,
    /// Where the facts come from.
    pub source: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/codes.rs"));

/// The family of a name.
pub fn family(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.name.eq_ignore_ascii_case(name))
}

/// The code with an id.
pub fn code(id: &str) -> Option<&'static Code> {
    let all = || FAMILIES.iter().flat_map(|family| family.codes);
    all().find(|code| code.id.eq_ignore_ascii_case(id))
}

/// A code of a family, as it is usually written.
pub fn of(family_name: &str, word: &str) -> Option<&'static Code> {
    family(family_name)?.codes.iter().find(|code| code.code == word)
}

/// The contract's causes (CONTRACT §4).
pub(crate) fn causes() -> impl Iterator<Item = &'static str> {
    family("cause")
        .into_iter()
        .flat_map(|family| family.codes)
        .map(|code| code.code)
}
