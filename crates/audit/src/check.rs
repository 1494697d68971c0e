//! What a rule has to say of a machine: the contract's `check`.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::{Rule, Severity};

/// Somebody has accepted a check, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Last day, `2026-12-31`.
    pub expires: String,
}

/// How often something was seen in logs, of whom and from where; the lists are bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// How often.
    pub count: u64,
    /// The first time, microseconds UTC.
    pub first: i64,
    /// The last time, microseconds UTC.
    pub last: i64,
    /// Users concerned.
    pub users: Vec<String>,
    /// Addresses of sockets.
    pub addresses: Vec<IpAddr>,
    /// Gateways that told of it.
    pub gateways: Vec<String>,
}

/// The version that an advisory calls affected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// The program.
    pub program: &'static str,
    /// Its version, as it was told.
    pub version: String,
    /// First version that is not affected.
    pub fixed_in: Option<String>,
    /// Program, version and hosts, as a sentence begins.
    pub(crate) who: String,
    /// What is not known, as a sentence ends.
    pub(crate) unless: &'static str,
    /// How to find out whether a distribution has mended it.
    pub(crate) ask: String,
}

impl Affected {
    /// The same version of the same program.
    pub(crate) fn is_same(&self, other: &Affected) -> bool {
        self.program == other.program && self.version == other.version
    }
}

/// One check that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The rule's id.
    pub id: &'static str,
    /// How bad.
    pub severity: Severity,
    /// The file that it is about, as it was named.
    pub file: Option<String>,
    /// Its line, from 1; none where something is missing or the whole file is meant.
    pub line: Option<u32>,
    /// Whom it is about, where that is no file: a user, a package.
    pub subject: Option<String>,
    /// What was found, in one sentence. Never a secret.
    pub summary: String,
    /// Why it matters.
    pub why: Cow<'static, str>,
    /// What to change to what.
    pub action: Cow<'static, str>,
    /// Where that is written: a manual, an RFC, an advisory.
    pub reference: Cow<'static, str>,
    /// Accepted by somebody.
    pub excepted: Option<Exception>,
    /// How often and of whom it was seen, where logs tell.
    pub seen: Option<Box<Seen>>,
    /// Which version is affected, where an advisory says so.
    pub affected: Option<Box<Affected>>,
}

impl Check {
    /// A check of a rule with the rule's words; `at` and the others add what is known here.
    pub fn new(rule: &'static Rule, summary: impl Into<String>) -> Check {
        Check {
            id: rule.id,
            severity: rule.severity,
            file: None,
            line: None,
            subject: None,
            summary: summary.into(),
            why: Cow::Borrowed(rule.why),
            action: Cow::Borrowed(rule.action),
            reference: Cow::Borrowed(rule.reference),
            excepted: None,
            seen: None,
            affected: None,
        }
    }

    /// In this file.
    pub fn file(mut self, file: &str) -> Check {
        self.file = Some(file.to_owned());
        self
    }

    /// At this line of this file.
    pub fn at(mut self, file: &str, line: u32) -> Check {
        self.line = Some(line);
        self.file(file)
    }

    /// Better or worse than the rule says.
    pub fn severity(mut self, severity: Severity) -> Check {
        self.severity = severity;
        self
    }

    /// With an action that names the values of this machine.
    pub fn action(mut self, action: impl Into<String>) -> Check {
        self.action = Cow::Owned(action.into());
        self
    }

    /// The users that it is about, if all of them are known: of a check that has a subject it is about that.
    pub(crate) fn users(&self) -> &[String] {
        let seen = self.seen.as_deref().filter(|_| self.subject.is_none());
        seen.map(|seen| seen.users.as_slice())
            .filter(|users| users.len() < crate::logs::LISTED_MAX)
            .unwrap_or_default()
    }

    /// About this user or package.
    pub fn subject(mut self, subject: impl Into<String>) -> Check {
        self.subject = Some(subject.into());
        self
    }
}

/// Checks of one audit.
const CHECKS_MAX: usize = 20_000;

/// What an audit found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The checks that did not pass.
    pub checks: Vec<Check>,
    /// What could not be read or understood, each with its place; no checks.
    pub notes: Vec<String>,
    /// What is worth knowing and neither a check nor a failure: how old the list of advisories is.
    pub remarks: Vec<String>,
    /// Checks beyond `CHECKS_MAX`.
    left_out: u64,
}

impl Report {
    /// Adds a check; a file made of faults does not fill the memory.
    pub fn add(&mut self, check: Check) {
        match self.checks.len() {
            0..CHECKS_MAX => self.checks.push(check),
            _ => self.left_out += 1,
        }
    }

    /// The worst first, then by file, line and id, so that the same machine gives the same report.
    pub fn sort(&mut self) {
        self.checks.sort_by(|one, other| {
            let worse = other.severity.cmp(&one.severity);
            let place = || one.file.cmp(&other.file).then(one.line.cmp(&other.line));
            worse
                .then_with(place)
                .then_with(|| one.id.cmp(other.id).then_with(|| one.subject.cmp(&other.subject)))
        });
        self.checks.dedup();
        if self.left_out > 0 {
            self.notes.push(format!(
                "more than {CHECKS_MAX} checks: {} were left out",
                self.left_out
            ));
            self.left_out = 0;
        }
    }
}
