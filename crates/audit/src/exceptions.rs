//! Exceptions: checks that somebody has accepted, why, who answers for it, and until when.
//!
//! ```toml
//! [[exception]]
//! check   = "pptp-sessions"
//! subject = "anna"               # a user, package, advisory; or file = "/etc/ppp/*"; with `*` and `?`; neither: wherever it is found
//! reason  = "the machine in hall 2 knows nothing else; replaced in March"
//! owner   = "walt@example.com"
//! expires = "2027-03-31"
//! ```
//!
//! A check about several users is accepted when each of them is. A check that is accepted is told all the same, with the exception. One that has expired, or that nothing fits any more, is a
//! check itself.

use std::fmt::Write as _;

use serde::Deserialize;
use toml::Spanned;
use tunlog_model::text;

use crate::day::{DAY, day, day_of};
use crate::{Check, Exception, Family, Report, Rule, Severity, rule};

const EXPIRED: Rule = Rule {
    id: "exception-expired",
    severity: Severity::Medium,
    title: "An exception has expired",
    finds: "An exception whose last day is past; what it accepted counts again.",
    why: "It was accepted for a time, and the time is over.",
    wrong: "Never: that is what the date is for.",
    action: "Mend what was accepted and remove the exception, or have its owner decide anew.",
    reference: "the exceptions file",
};

const UNUSED: Rule = Rule {
    id: "exception-unused",
    severity: Severity::Low,
    title: "An exception fits nothing",
    finds: "An exception that fits none of the checks of this audit.",
    why: "What it accepted is mended, or it never fitted; it would hide the same fault if it came back.",
    wrong: "An audit of only some of the files or logs.",
    action: "Remove the exception.",
    reference: "the exceptions file",
};

/// What is asked of exceptions.
pub static FAMILY: Family = Family {
    name: "exceptions",
    title: "Accepted exceptions",
    rules: &[EXPIRED, UNUSED],
    run: |_, _| {},
};

/// Days that a new exception is proposed for.
const PROPOSED_DAYS: i64 = 90;

/// One exception, with its place.
#[derive(Clone, Debug)]
struct Accepted {
    check: String,
    file_pattern: Option<String>,
    subject: Option<String>,
    exception: Exception,
    /// The last day, since 1970-01-01.
    last_day: i64,
    /// Where it stands.
    place: (String, u32),
    used: bool,
}

/// The exceptions of all files.
#[derive(Clone, Debug, Default)]
pub struct Exceptions {
    all: Vec<Accepted>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exception: Vec<Spanned<Row>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    check: Option<String>,
    file: Option<String>,
    subject: Option<String>,
    reason: Option<String>,
    owner: Option<String>,
    expires: Option<String>,
}

/// The line of a byte, from 1.
fn line_at(text: &str, byte: usize) -> u32 {
    let before = text.as_bytes().get(..byte).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count() as u32
}

impl Exceptions {
    /// Takes the exceptions of a file in; what is wrong comes back, with its place, and costs no more than itself.
    pub fn read(&mut self, path: &str, text: &str) -> Vec<String> {
        let file: File = match toml::from_str(text) {
            Ok(file) => file,
            Err(error) => {
                let line = error.span().map_or(1, |span| line_at(text, span.start));
                return vec![format!("{path}:{line}: {}", error.message().trim_end())];
            }
        };
        let mut problems = Vec::new();
        for row in file.exception {
            let line = line_at(text, row.span().start);
            match accepted(row.into_inner(), (path.to_owned(), line)) {
                Ok(accepted) => self.all.push(accepted),
                Err(problem) => problems.push(format!("{path}:{line}: {problem}; the exception is not used")),
            }
        }
        problems
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The exception of a check, if it is accepted today; those that fit it at all are used.
    fn of(&mut self, check: &Check, today: i64) -> Option<Exception> {
        let users = check.users();
        let mut covered = vec![false; users.len()];
        let mut found = None;
        for accepted in self.all.iter_mut().filter(|accepted| accepted.is_of(check)) {
            let is_valid = accepted.last_day >= today;
            let mut note = |accepted: &mut Accepted, is_enough: bool| {
                accepted.used = true;
                if is_valid && is_enough && found.is_none() {
                    found = Some(accepted.exception.clone());
                }
            };
            if accepted.fits(check) {
                note(accepted, true);
                continue;
            }
            // a check about several users is accepted when each of them is
            for (user, covered) in users.iter().zip(&mut covered) {
                if accepted.is_for(user) {
                    *covered |= is_valid;
                    note(accepted, false);
                }
            }
            if !users.is_empty() && covered.iter().all(|covered| *covered) {
                note(accepted, true);
            }
        }
        found
    }

    /// Marks the checks that are accepted, and adds those about exceptions. `whole`: everything was audited, so that an exception
    /// which fits nothing is told.
    pub fn apply(&mut self, now: i64, whole: bool, report: &mut Report) {
        let today = now.div_euclid(DAY);
        for check in &mut report.checks {
            check.excepted = self.of(check, today);
        }
        let expired = |accepted: &&Accepted| accepted.last_day < today;
        for accepted in self.all.iter().filter(expired) {
            report.add(accepted.told(
                &EXPIRED,
                &format!(
                    "The exception of {} has expired on {}.",
                    accepted.words(),
                    accepted.exception.expires
                ),
            ));
        }
        let unused = |accepted: &&Accepted| whole && !accepted.used && accepted.last_day >= today;
        for accepted in self.all.iter().filter(unused) {
            report.add(accepted.told(&UNUSED, &format!("The exception of {} fits nothing.", accepted.words())));
        }
    }
}

/// A row that says everything.
fn accepted(row: Row, place: (String, u32)) -> Result<Accepted, String> {
    let said = |key: &str, value: Option<String>| match value.map(|value| value.trim().to_owned()) {
        Some(value) if !value.is_empty() => Ok(value),
        _ => Err(format!("`{key}` is missing")),
    };
    let check = said("check", row.check)?;
    if rule(&check).is_none() {
        return Err(format!(
            "there is no check `{check}`: `tunlog audit` prints their names"
        ));
    }
    let (reason, owner) = (said("reason", row.reason)?, said("owner", row.owner)?);
    let expires = said("expires", row.expires)?;
    let last_day = day(&expires).ok_or_else(|| format!("`expires`: `{expires}` is no day: 2027-03-31"))?;
    Ok(Accepted {
        check,
        file_pattern: row.file,
        subject: row.subject,
        exception: Exception { reason, owner, expires },
        last_day,
        place,
        used: false,
    })
}

impl Accepted {
    /// Whether it is about this check, wherever and of whomever.
    fn is_of(&self, check: &Check) -> bool {
        self.check == check.id && fits(&self.file_pattern, &check.file)
    }

    /// Whether it accepts all of a check.
    fn fits(&self, check: &Check) -> bool {
        self.is_of(check) && fits(&self.subject, &check.subject)
    }

    /// Whether it accepts this user's part.
    fn is_for(&self, user: &str) -> bool {
        self.subject.as_deref().is_some_and(|pattern| matches(pattern, user))
    }

    /// What it accepts, in words.
    fn words(&self) -> String {
        let mut words = format!("`{}`", self.check);
        for (key, value) in [("file", &self.file_pattern), ("subject", &self.subject)] {
            if let Some(value) = value {
                let _ = write!(words, ", {key} {}", text::visible(value));
            }
        }
        let _ = write!(words, " (owner {})", text::visible(&self.exception.owner));
        words
    }

    fn told(&self, rule: &'static Rule, summary: &str) -> Check {
        let check = Check::new(rule, summary).at(&self.place.0, self.place.1);
        check.subject(self.check.clone())
    }
}

/// Whether a value is what a pattern says, if there is one.
fn fits(pattern: &Option<String>, value: &Option<String>) -> bool {
    let Some(pattern) = pattern else { return true };
    value.as_deref().is_some_and(|value| matches(pattern, value))
}

/// Whether a value is what a pattern says: `*` is anything, `?` any one character, everything else itself. A value that is the
/// pattern letter by letter always fits.
fn matches(pattern: &str, value: &str) -> bool {
    if pattern == value {
        return true;
    }
    let (pattern, value): (Vec<char>, Vec<char>) = (pattern.chars().collect(), value.chars().collect());
    let (mut at, mut read) = (0, 0);
    // where to go on if what follows the last `*` does not fit
    let mut back = None;
    while read < value.len() {
        match pattern.get(at) {
            Some('*') => {
                at += 1;
                back = Some((at, read));
            }
            Some(sign) if *sign == '?' || *sign == value[read] => {
                at += 1;
                read += 1;
            }
            _ => {
                let Some((star, taken)) = back else { return false };
                (at, read) = (star, taken + 1);
                back = Some((star, taken + 1));
            }
        }
    }
    pattern[at..].iter().all(|sign| *sign == '*')
}

/// What to put into an exceptions file so that these checks are accepted; reason and owner are left to whoever does it.
pub fn proposal(checks: &[&Check], now: i64) -> String {
    let expires = day_of(now + PROPOSED_DAYS * DAY);
    let mut out = String::new();
    for check in checks {
        let _ = writeln!(out, "# {}", text::visible(&check.summary));
        let _ = writeln!(out, "[[exception]]\ncheck   = {}", quoted(check.id));
        for (key, value) in [("file   ", &check.file), ("subject", &check.subject)] {
            if let Some(value) = value {
                let _ = writeln!(out, "{key} = {}", quoted(value));
            }
        }
        let _ = writeln!(out, "reason  = \"\"\nowner   = \"\"\nexpires = {}\n", quoted(&expires));
    }
    out
}

/// A TOML string of any text; what could harm the reader is written as its number.
fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 2);
    out.push('"');
    for sign in value.chars() {
        match sign {
            '"' | '\\' => out.extend(['\\', sign]),
            sign if text::is_harmful(sign) => {
                let _ = write!(out, "\\U{:08X}", sign as u32);
            }
            sign => out.push(sign),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
