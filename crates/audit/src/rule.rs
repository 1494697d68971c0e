//! What a rule is, and the families that rules stand in.

use crate::{Report, Setup, Severity, checks, exceptions, logs};

/// One question about a gateway, with its words.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The name in the contract's key `check`: kebab-case, never changed.
    pub id: &'static str,
    /// How bad it is, unless the code knows better.
    pub severity: Severity,
    /// A few words: the heading of a manual page, SARIF's short description.
    pub title: &'static str,
    /// What is looked for.
    pub finds: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// When it is wrong, or may be left as it is.
    pub wrong: &'static str,
    /// What to change to what.
    pub action: &'static str,
    /// Where that is written: a manual page with its option, an RFC with its section, an advisory; with an address if there is one.
    pub reference: &'static str,
}

/// Rules that look at the same thing, in one file.
pub struct Family {
    /// A word for the manual.
    pub name: &'static str,
    /// What it looks at.
    pub title: &'static str,
    /// Its rules.
    pub rules: &'static [Rule],
    /// Asks them. Families that look at logs instead of files have nothing to do here.
    pub run: fn(&Setup<'_>, &mut Report),
}

/// Every family: of configuration, of logs, of exceptions.
pub fn families() -> impl Iterator<Item = &'static Family> {
    let of_files_and_logs = checks::ALL.iter().chain(logs::FAMILIES).copied();
    of_files_and_logs.chain(std::iter::once(&exceptions::FAMILY))
}

/// Every rule of every family.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    families().flat_map(|family| family.rules)
}

/// The rule with this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    rules().find(|rule| rule.id == id)
}
