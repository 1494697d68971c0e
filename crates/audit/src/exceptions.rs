//! Exceptions: checks that somebody has accepted, why, who answers for it, and until when.
//!
//! ```toml
//! [[exception]]
//! check   = "pptp-sessions"
//! subject = "anna"               # or file = "/etc/ppp/*"; `*` and `?` as in file names; neither: wherever it is found
//! reason  = "the machine in hall 2 knows nothing else; replaced in March"
//! owner   = "walt@example.com"
//! expires = "2027-03-31"
//! ```
//!
//! A check that is accepted is told all the same, with the exception. One that has expired, or that nothing fits any more, is a
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

    /// Marks the checks that are accepted, and adds those about exceptions. `whole`: everything was audited, so that an exception
    /// which fits nothing is told.
    pub fn apply(&mut self, now: i64, whole: bool, report: &mut Report) {
        let today = now.div_euclid(DAY);
        for check in &mut report.checks {
            for accepted in &mut self.all {
                if !accepted.fits(check) {
                    continue;
                }
                accepted.used = true;
                if accepted.last_day >= today && check.excepted.is_none() {
                    check.excepted = Some(accepted.exception.clone());
                }
            }
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
    fn fits(&self, check: &Check) -> bool {
        let fits = |pattern: &Option<String>, value: &Option<String>| {
            pattern
                .as_deref()
                .is_none_or(|pattern| value.as_deref().is_some_and(|value| matches(pattern, value)))
        };
        self.check == check.id && fits(&self.file_pattern, &check.file) && fits(&self.subject, &check.subject)
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
mod tests {
    use super::*;
    use crate::{Severity, logs};

    const NOW: i64 = 1_795_219_200_000_000;

    fn check(subject: &str, file: &str) -> Check {
        let rule = logs::FAMILIES[0].rules.first().unwrap_or_else(|| panic!("no rule"));
        Check::new(rule, "PPTP").subject(subject).file(file)
    }

    fn entry(keys: &str) -> String {
        format!("[[exception]]\ncheck = \"pptp-sessions\"\nreason = \"old machine\"\nowner = \"walt\"\n{keys}")
    }

    #[test]
    fn what_is_accepted_is_marked_and_stays_as_bad_as_it_is() {
        for (keys, fits) in [
            ("expires = \"2026-11-21\"", true),
            ("expires = \"2026-12-31\"\nsubject = \"anna\"", true),
            (
                "expires = \"2026-12-31\"\nsubject = \"a*\"\nfile = \"/var/log/*.log\"",
                true,
            ),
            ("expires = \"2026-12-31\"\nsubject = \"ann\"", false),
            ("expires = \"2026-12-31\"\nfile = \"/etc/*\"", false),
            ("expires = \"2026-11-20\"", false),
        ] {
            let mut exceptions = Exceptions::default();
            assert!(exceptions.read("e.toml", &entry(keys)).is_empty());
            let mut report = Report::default();
            report.add(check("anna", "/var/log/vpn.log"));
            exceptions.apply(NOW, false, &mut report);
            assert_eq!(report.checks[0].excepted.is_some(), fits, "{keys}");
            assert_eq!(report.checks[0].severity, Severity::Critical);
        }
    }

    #[test]
    fn exceptions_that_are_over_or_fit_nothing_are_checks() {
        let mut exceptions = Exceptions::default();
        let text = format!(
            "\n{}\n\n{}\n",
            entry("expires = \"2026-11-20\"\nsubject = \"anna\""),
            entry("expires = \"2027-01-01\"\nsubject = \"bob\"")
        );
        assert!(exceptions.read("/etc/tunlog/exceptions.toml", &text).is_empty());
        let told = |whole| -> Vec<String> {
            let mut report = Report::default();
            report.add(check("anna", "a.log"));
            exceptions.clone().apply(NOW, whole, &mut report);
            report.checks[1..]
                .iter()
                .map(|check| format!("{}:{}", check.id, check.line.unwrap_or(0)))
                .collect()
        };
        assert_eq!(told(true), ["exception-expired:2", "exception-unused:9"]);
        assert_eq!(
            told(false),
            ["exception-expired:2"],
            "what was not audited may still fit"
        );
    }

    #[test]
    fn an_exception_without_everything_is_refused_with_its_line() {
        let whole = entry("expires = \"2027-01-01\"");
        for (text, words) in [
            (
                whole.replace("reason = \"old machine\"\n", ""),
                "e.toml:1: `reason` is missing",
            ),
            (whole.replace("old machine", "  "), "e.toml:1: `reason` is missing"),
            (
                format!("\n\n{}", whole.replace("owner = \"walt\"\n", "")),
                "e.toml:3: `owner` is missing",
            ),
            (entry(""), "e.toml:1: `expires` is missing"),
            (entry("expires = \"soon\""), "e.toml:1: `expires`: `soon` is no day"),
            (
                whole.replace("pptp-sessions", "pptp"),
                "e.toml:1: there is no check `pptp`",
            ),
            (format!("{whole}\nuntil = 1\n"), "e.toml:6: unknown field `until`"),
            (format!("{whole}\n[[exception\n"), "e.toml:6: "),
        ] {
            let mut exceptions = Exceptions::default();
            let problems = exceptions.read("e.toml", &text);
            assert!(
                problems.len() == 1 && problems[0].starts_with(words),
                "{text}: {problems:?}"
            );
            assert!(exceptions.is_empty());
        }
        let mut exceptions = Exceptions::default();
        assert_eq!(
            exceptions.read("e.toml", &format!("{}\n{whole}", entry("")))[..].len(),
            1
        );
        assert!(!exceptions.is_empty(), "the other one is used");
    }

    #[test]
    fn patterns_fit_as_in_file_names() {
        for (pattern, value, fits) in [
            ("*", "", true),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcdef", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[ab]", "a", false),
            ("[ab]", "[ab]", true),
            ("**x**", "yyxyy", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, value), fits, "{pattern} {value}");
        }
        assert!(!matches(&"*a".repeat(40), &"a".repeat(39)));
    }

    #[test]
    fn a_proposal_is_read_again_once_it_is_filled_in() {
        let check = check("a\"n\nna\u{202e}", "/var/log/vpn [1].log");
        let text = proposal(&[&check], NOW);
        let mut exceptions = Exceptions::default();
        assert!(
            exceptions.read("p.toml", &text)[0].contains("`reason` is missing"),
            "{text}"
        );
        let filled = text
            .replace("reason  = \"\"", "reason = \"r\"")
            .replace("owner   = \"\"", "owner = \"o\"");
        assert!(exceptions.read("p.toml", &filled).is_empty(), "{filled}");
        let mut report = Report::default();
        report.add(check);
        exceptions.apply(NOW, true, &mut report);
        assert_eq!(
            report.checks[0]
                .excepted
                .as_ref()
                .map(|exception| exception.expires.as_str()),
            Some("2027-02-19")
        );
        assert_eq!(report.checks.len(), 1);
    }
}
