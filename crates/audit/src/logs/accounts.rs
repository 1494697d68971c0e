//! Accounts that nobody uses.

use std::collections::BTreeMap;

use tunlog_model::{Attempt, text};

use super::protection::is_up;
use super::{LISTED_MAX, Scene, Watch};
use crate::day::{DAY, day_of};
use crate::{Check, Family, Report, Rule, Severity};

/// Days after which an account counts as unused.
const DAYS: i64 = 90;

const UNUSED: Rule = Rule {
    id: "unused-account",
    severity: Severity::Low,
    title: "Accounts that nobody uses",
    finds: "Accounts of chap-secrets or pap-secrets (or of `--accounts FILE`) with no session in the last 90 days of the logs. It needs logs of at least 90 days.",
    why: "Nobody notices when somebody else uses it, and its password is an old one.",
    wrong: "Accounts for emergencies, or of a gateway whose logs were not given.",
    action: "Ask its owner, then remove the line from the file, or disable the account.",
    reference: "NSA/CISA U/OO/186992-21 (small attack surface); pppd(8), FILES",
};

/// What is asked of accounts.
pub static FAMILY: Family = Family {
    name: "accounts",
    title: "Accounts and their use",
    rules: &[UNUSED],
    run: |_, _| {},
};

/// An account that a gateway has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name, as a client gives it.
    pub name: String,
    /// The file that holds it.
    pub file: String,
    /// The line there.
    pub line: u32,
}

/// The accounts of a list: one name a line; empty lines and lines that begin with `#` mean nothing.
pub fn accounts(file: &str, text: &str) -> Vec<Account> {
    let lines = text.lines().zip(1..).map(|(line, number)| (line.trim(), number));
    let named = lines.filter(|(name, _)| !name.is_empty() && !name.starts_with('#'));
    let account = |(name, line): (&str, u32)| Account {
        name: name.to_owned(),
        file: file.to_owned(),
        line,
    };
    named.map(account).collect()
}

/// Looks at who comes.
pub struct Accounts {
    /// The last session of each account.
    used: BTreeMap<Box<str>, Option<i64>>,
}

impl Accounts {
    /// These accounts.
    pub fn new(accounts: &[Account]) -> Accounts {
        let used = accounts.iter().map(|account| (account.name.as_str().into(), None));
        Accounts { used: used.collect() }
    }
}

impl Watch for Accounts {
    fn attempt(&mut self, attempt: &Attempt) {
        if !is_up(attempt) {
            return;
        }
        let known = attempt.user.as_deref().and_then(|user| self.used.get_mut(user));
        if let Some(last) = known {
            *last = (*last).max(Some(attempt.last_seen));
        }
    }

    fn finish(&mut self, scene: &Scene<'_>, report: &mut Report) {
        let accounts = &scene.beside.accounts;
        let Some((first, last)) = scene.covered.filter(|_| !accounts.is_empty()) else {
            return;
        };
        let days = (last - first) / DAY;
        if days < DAYS {
            report.remarks.push(format!(
                "the logs cover {days} days: which accounts nobody has used for {DAYS} days needs as many"
            ));
            return;
        }
        let mut unused = Vec::new();
        for account in accounts {
            let used = self.used.get(account.name.as_str()).copied().flatten();
            if used.is_none_or(|used| used < last - DAYS * DAY) {
                unused.push((account, used));
            }
        }
        if unused.len() == accounts.len() {
            report.remarks.push(format!(
                "no session of any of the {} accounts in the last {DAYS} days of the logs: they are those of another gateway, or of accounts that are kept elsewhere",
                accounts.len()
            ));
            return;
        }
        report
            .checks
            .extend(unused.iter().take(LISTED_MAX).map(|(account, used)| {
                let name = text::visible(&account.name);
                let words = match used {
                    Some(used) => format!("{name} has not logged in since {}.", day_of(*used)),
                    None => format!("{name} has not logged in once in the {days} days of the logs."),
                };
                Check::new(&UNUSED, words)
                    .at(&account.file, account.line)
                    .subject(account.name.clone())
            }));
        if let Some(more) = unused.len().checked_sub(LISTED_MAX).filter(|more| *more > 0) {
            report.remarks.push(format!("{more} more accounts are unused"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_accounts_is_one_name_a_line() {
        let found = accounts("list", "anna\n\n# gone\n  bob \n");
        let told: Vec<_> = found
            .iter()
            .map(|account| (account.name.as_str(), account.line))
            .collect();
        assert_eq!(told, [("anna", 1), ("bob", 4)]);
    }
}
