//! The code file as it is written (`codes/README.md`). The build script turns the shipped ones into tables.

use serde::Deserialize;

/// A family of codes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeFile {
    /// First part of the ids: `ras/691`.
    pub family: String,
    /// What these codes are, for people.
    pub title: String,
    /// Where the facts come from, for codes that do not say it themselves.
    #[serde(default)]
    pub source: String,
    /// Words that people say before the number (`exit status`), besides those of the family's name and title.
    #[serde(default)]
    pub words: Vec<String>,
    /// The ids are the codes alone (`gre-blocked`): the contract's own words.
    #[serde(default)]
    pub bare: bool,
    /// The codes, in order.
    #[serde(default)]
    pub code: Vec<CodeEntry>,
}

/// One code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeEntry {
    /// A number as it is usually written, or a word; unique in the family.
    pub code: String,
    /// Other ways to write it.
    #[serde(default)]
    pub also: Vec<String>,
    /// Its name where it has one (`ERROR_AUTHENTICATION_FAILURE`).
    #[serde(default)]
    pub name: String,
    /// What it means.
    pub meaning: String,
    /// Likely cause, or "none".
    #[serde(default)]
    pub cause: String,
    /// What to do, or "none"; several steps as a list.
    pub action: Steps,
    /// Contract's cause.
    #[serde(default)]
    pub blames: String,
    /// Contract's cause that is likely where nothing tells more; not with `blames`.
    #[serde(default)]
    pub suspects: String,
    /// Contract's end reason, of a code that tells why a session ended.
    #[serde(default)]
    pub end_reason: String,
    /// Contract's layer.
    #[serde(default)]
    pub layer: String,
    /// Source of the facts.
    #[serde(default)]
    pub source: String,
}

/// What to do: one text or several steps.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Steps {
    /// One text.
    One(String),
    /// Steps in order.
    Several(Vec<String>),
}

impl Steps {
    /// The steps; none where there is nothing to do.
    pub fn list(&self) -> Vec<&str> {
        match self {
            Steps::One(text) if text == "none" => Vec::new(),
            Steps::One(text) => vec![text.as_str()],
            Steps::Several(texts) => texts.iter().map(String::as_str).collect(),
        }
    }
}
