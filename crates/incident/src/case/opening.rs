//! A case is opened from findings and names.

use std::collections::{HashMap, HashSet};

use tunlog_analysis::detect::{Nature, Network, Severity};
use tunlog_report::rfc3339;
use tunlog_seal::Digest;

use super::{AFTER, Account, AccountRole, Address, AddressRole, BEFORE, Case, SUBJECTS_MAX};
use crate::found::{Found, nature};

/// Accounts more than that, which are counted.
const LEFT_OUT_MAX: usize = 1_000_000;

/// What an incident is opened from.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Accounts that were named.
    pub users: Vec<String>,
    /// Addresses that were named.
    pub networks: Vec<Network>,
    /// The time that was named.
    pub since: Option<i64>,
    /// Its end.
    pub until: Option<i64>,
    /// First and last sign of who was named, where no finding speaks.
    pub seen: Option<(i64, i64)>,
    /// A few words.
    pub title: Option<String>,
    /// How bad.
    pub severity: Option<Severity>,
}

/// Who opens it, and when.
#[derive(Clone, Debug)]
pub struct Opener {
    /// `user@host`.
    pub by: String,
    /// The present, microseconds UTC.
    pub now: i64,
}

/// The case of findings and names. The time is that of the findings (else of who was named), from [`BEFORE`] to [`AFTER`], cut
/// to what was typed.
pub fn open(findings: &[Found], named: &Named, opener: &Opener) -> Case {
    let first = findings.iter().map(|found| found.first.min(found.alarm_time)).min();
    let last = findings.iter().map(|found| found.last.max(found.alarm_time)).max();
    let (first, last) = match (first, last, named.seen) {
        (Some(first), Some(last), _) => (first, last),
        (_, _, Some(seen)) => seen,
        _ => (named.since.unwrap_or(opener.now), named.until.unwrap_or(opener.now)),
    };
    let since = named.since.unwrap_or_else(|| first.saturating_sub(BEFORE));
    let until = named.until.unwrap_or_else(|| last.saturating_add(AFTER)).max(since + 1);
    let mut subjects = Subjects::default();
    for found in findings {
        subjects.take(found);
    }
    for network in &named.networks {
        subjects.address(*network, AddressRole::Suspect);
    }
    for user in &named.users {
        subjects.account(user, AccountRole::Suspect);
    }
    let severity = findings
        .iter()
        .map(|found| found.severity)
        .max()
        .unwrap_or(Severity::Medium);
    let mut hashed = format!("{} {}\n", opener.by, opener.now);
    for found in findings {
        hashed.push_str(&found.line);
    }
    let day = rfc3339(first);
    let day: String = day.chars().take(10).filter(char::is_ascii_digit).collect();
    Case {
        id: format!("INC-{day}-{}", &Digest::of(hashed.as_bytes()).to_string()[..6]),
        title: named.title.clone().unwrap_or_else(|| title(findings, &subjects)),
        severity: named.severity.unwrap_or(severity),
        opened: opener.now,
        opened_by: opener.by.clone(),
        since,
        until,
        rules: distinct(findings.iter().map(|found| &found.rule)),
        techniques: distinct(findings.iter().flat_map(|found| &found.techniques)),
        paths: Vec::new(),
        tz: None,
        year: None,
        addresses: subjects.addresses,
        accounts: subjects.accounts,
        accounts_more: subjects.more,
    }
}

fn distinct<'a>(words: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut all: Vec<String> = words.cloned().collect();
    all.sort();
    all.dedup();
    all
}

fn title(findings: &[Found], subjects: &Subjects) -> String {
    let worst = findings
        .iter()
        .max_by_key(|found| (found.severity, !found.succeeded.is_empty()));
    let what = worst.map_or("suspicion", |found| found.rule.as_str());
    let got_in = subjects
        .accounts
        .iter()
        .filter(|account| account.role == AccountRole::Compromised)
        .count();
    let from = match subjects.addresses.as_slice() {
        [] => String::new(),
        [one] => format!(" from {}", one.network),
        many => format!(" from {} addresses", many.len()),
    };
    match got_in {
        0 => format!("{what}{from}"),
        1 => format!("{what}{from}, 1 account taken"),
        count => format!("{what}{from}, {count} accounts taken"),
    }
}

#[derive(Default)]
struct Subjects {
    addresses: Vec<Address>,
    /// Where an address stands in the list.
    places: HashMap<Network, usize>,
    accounts: Vec<Account>,
    known: HashMap<String, usize>,
    /// Names that found no room: each is counted once.
    left_out: HashSet<String>,
    more: u64,
}

impl Subjects {
    fn take(&mut self, found: &Found) {
        let nature = nature(&found.rule);
        let role = if matches!(nature, Nature::Attack | Nature::Trace) && !found.claimed {
            AddressRole::Attacker
        } else {
            AddressRole::Suspect
        };
        for source in &found.sources {
            self.address(*source, role);
        }
        for taken in &found.succeeded {
            let role = match nature {
                Nature::Attack | Nature::Trace => AccountRole::Compromised,
                Nature::Suspicion | Nature::NoAttack => AccountRole::Suspect,
            };
            self.account(&taken.user, role);
        }
        let role = match nature {
            Nature::Suspicion => AccountRole::Suspect,
            Nature::Attack | Nature::Trace | Nature::NoAttack => AccountRole::Tried,
        };
        for user in &found.users {
            self.account(user, role);
        }
    }

    fn address(&mut self, network: Network, role: AddressRole) {
        match self.places.get(&network) {
            Some(at) if role == AddressRole::Attacker => self.addresses[*at].role = role,
            None if self.addresses.len() < SUBJECTS_MAX => {
                self.places.insert(network, self.addresses.len());
                self.addresses.push(Address { network, role });
            }
            Some(_) | None => {}
        }
    }

    fn account(&mut self, name: &str, role: AccountRole) {
        if let Some(at) = self.known.get(name) {
            let account = &mut self.accounts[*at];
            if (role as u8) < (account.role as u8) {
                account.role = role;
            }
            return;
        }
        // who got in is never one of the rest
        if self.accounts.len() >= SUBJECTS_MAX && role == AccountRole::Tried {
            let is_new = self.left_out.len() < LEFT_OUT_MAX && self.left_out.insert(name.to_owned());
            self.more += u64::from(is_new);
            return;
        }
        self.known.insert(name.to_owned(), self.accounts.len());
        self.accounts.push(Account {
            name: name.to_owned(),
            role,
        });
    }
}
