//! What the attempts tell: which accounts were tried and which were got into, by which sessions.

mod rows;
mod strange;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use tunlog_model::{Attempt, Outcome, text};
use tunlog_report::rfc3339;

use crate::case::{AccountRole, AddressRole, Case, Roles};
pub use rows::{AccountRow, Stolen, Try, Verdict};
use strange::Strange;

/// Most attempts that are listed; more are counted.
pub const ATTEMPTS_MAX: usize = 50_000;
/// Most accounts that are told one by one.
pub const ACCOUNTS_MAX: usize = 5_000;
/// Most accounts whose earlier log-ins are remembered, and most addresses and log-ins of each.
const HISTORIES_MAX: usize = 100_000;
const HISTORY_MAX: usize = 64;
/// Addresses that are listed of an account.
const SOURCES_MAX: usize = 20;

/// Earlier log-ins of an account: addresses with the time of the first.
#[derive(Clone, Debug, Default)]
struct History {
    logins: Vec<(IpAddr, i64)>,
    /// Sessions in the incident's time.
    sessions: Vec<Try>,
    /// Sessions that are not kept.
    more: u64,
}

/// Takes attempts in, whatever their order.
#[derive(Debug)]
pub struct Story<'c> {
    case: &'c Case,
    roles: Roles,
    named: HashMap<&'c str, AccountRole>,
    tries: Vec<Try>,
    tries_more: u64,
    histories: HashMap<Box<str>, History>,
    /// When an address inside the tunnel was given to whom.
    assignments: HashMap<IpAddr, Vec<(i64, u64)>>,
    /// Accounts that the attackers tried: what they do later belongs to it.
    tried: HashSet<Box<str>>,
}

/// What the attempts told.
#[derive(Debug, Default)]
pub struct Known {
    /// The attempts of the incident, in the order of time.
    pub tries: Vec<Try>,
    /// Attempts that are not listed.
    pub tries_more: u64,
    /// The accounts, the worst first.
    pub accounts: Vec<AccountRow>,
    /// Accounts that are not listed.
    pub accounts_more: u64,
    /// Sessions to be followed.
    pub stolen: Vec<Stolen>,
    /// Addresses that attack and from which somebody honest had logged in before.
    pub shared: Vec<(IpAddr, String)>,
    /// First and last attempt of the attackers.
    pub contact: Option<(i64, i64)>,
}

impl<'c> Story<'c> {
    /// Of a case.
    pub fn new(case: &'c Case) -> Story<'c> {
        let accounts = case.accounts.iter();
        Story {
            case,
            roles: case.roles(),
            named: accounts.map(|account| (account.name.as_str(), account.role)).collect(),
            tries: Vec::new(),
            tries_more: 0,
            histories: HashMap::new(),
            assignments: HashMap::new(),
            tried: HashSet::new(),
        }
    }

    /// Takes an attempt; whether it belongs to the incident.
    pub fn take(&mut self, attempt: &Attempt) -> bool {
        let one = Try::of(attempt, &self.roles);
        if one.is_session() {
            self.remember(&one);
        }
        let in_time = one.last >= self.case.since && one.started <= self.case.until;
        let of_account = one.user.as_deref().is_some_and(|user| self.named.contains_key(user));
        let was_tried = one.is_session() && one.user.as_deref().is_some_and(|user| self.tried.contains(user));
        let belongs = in_time && (one.role.is_some() || of_account || was_tried);
        if belongs
            && one.is_hostile()
            && self.tried.len() < HISTORIES_MAX
            && let Some(user) = &one.user
        {
            self.tried.insert(user.clone());
        }
        if belongs {
            match self.tries.len() < ATTEMPTS_MAX {
                true => self.tries.push(one),
                // who got in is never one of the rest
                false if one.is_session() && one.is_hostile() => self.tries.push(one),
                false => self.tries_more += one.times,
            }
        }
        belongs
    }

    fn remember(&mut self, one: &Try) {
        let up = one.up.unwrap_or(one.started);
        if let Some(inner) = one.assigned_ip {
            self.assignments.entry(inner).or_default().push((up, one.id));
        }
        let Some(user) = &one.user else { return };
        if !self.histories.contains_key(user) && self.histories.len() >= HISTORIES_MAX {
            return;
        }
        let history = self.histories.entry(user.clone()).or_default();
        if let Some(ip) = one.client_ip {
            match history.logins.iter().position(|(known, _)| *known == ip) {
                Some(at) => history.logins[at].1 = history.logins[at].1.min(up),
                None if history.logins.len() < HISTORY_MAX => history.logins.push((ip, up)),
                None => {}
            }
        }
        if one.last >= self.case.since && one.started <= self.case.until {
            match history.sessions.len() < HISTORY_MAX {
                true => history.sessions.push(one.clone()),
                false => history.more += 1,
            }
        }
    }

    /// What all of it comes to.
    pub fn finish(mut self) -> Known {
        self.tries.sort_by_key(|one| (one.started, one.id));
        for given in self.assignments.values_mut() {
            given.sort_unstable();
        }
        let hostile = || self.tries.iter().filter(|one| one.is_hostile());
        let contact = hostile()
            .map(|one| one.started)
            .min()
            .zip(hostile().map(|one| one.last).max());
        let mut by_user: BTreeMap<&str, Vec<&Try>> = BTreeMap::new();
        for account in &self.case.accounts {
            by_user.entry(&account.name).or_default();
        }
        for one in &self.tries {
            if let Some(user) = one.user.as_deref() {
                by_user.entry(user).or_default().push(one);
            }
        }
        let mut stolen = Vec::new();
        let mut accounts: Vec<AccountRow> = by_user
            .into_iter()
            .map(|(user, tries)| self.account(user, &tries, contact, &mut stolen))
            .collect();
        accounts.sort_by(|a, b| {
            (a.verdict, std::cmp::Reverse(a.tried), &a.user).cmp(&(b.verdict, std::cmp::Reverse(b.tried), &b.user))
        });
        let more = accounts.len().saturating_sub(ACCOUNTS_MAX) as u64;
        accounts.truncate(ACCOUNTS_MAX);
        stolen.sort_by_key(|session| (session.from, session.id));
        Known {
            accounts,
            accounts_more: more,
            stolen,
            shared: self.shared(contact),
            contact,
            tries_more: self.tries_more,
            tries: self.tries,
        }
    }

    fn account(&self, user: &str, tries: &[&Try], contact: Option<(i64, i64)>, stolen: &mut Vec<Stolen>) -> AccountRow {
        let hostile: Vec<&&Try> = tries.iter().filter(|one| one.is_hostile()).collect();
        let got_in: Vec<&Try> = hostile
            .iter()
            .filter(|one| one.is_session() && one.is_attack())
            .map(|one| **one)
            .collect();
        let named = self.named.get(user).copied();
        let strange = self.strange(user, contact.map_or(self.case.since, |contact| contact.0));
        let tried: u64 = hostile.iter().map(|one| one.times).sum();
        let of_suspects: Vec<&Try> = tries
            .iter()
            .filter(|one| one.is_session() && one.role == Some(AddressRole::Suspect))
            .copied()
            .collect();
        let (verdict, why, sessions) = if !got_in.is_empty() {
            let from = got_in[0].client_ip.map_or(String::new(), |ip| format!(" from {ip}"));
            let first = rfc3339(got_in[0].up.unwrap_or(got_in[0].started));
            let why = format!("a log-in{from}, which attacks, succeeded at {first}");
            (Verdict::Compromised, why, got_in)
        } else if named == Some(AccountRole::Compromised) {
            let all = strange.sessions.iter().chain(&of_suspects).copied().collect();
            (
                Verdict::Compromised,
                "the findings or people say so (incident.toml)".to_owned(),
                all,
            )
        } else if !strange.sessions.is_empty() && (tried > 0 || named == Some(AccountRole::Suspect)) {
            let one = strange.sessions[0];
            let ip = one.client_ip.map_or(String::new(), |ip| format!(" from {ip}"));
            let at = rfc3339(one.up.unwrap_or(one.started));
            (
                Verdict::Suspect,
                format!("a log-in{ip} at {at}, where it was never seen before"),
                strange.sessions,
            )
        } else if !of_suspects.is_empty() {
            let ip = of_suspects[0].client_ip.map_or(String::new(), |ip| ip.to_string());
            (
                Verdict::Suspect,
                format!("a session from {ip}, which was named"),
                of_suspects,
            )
        } else if tried > 0 || named == Some(AccountRole::Tried) {
            (Verdict::Tried, strange.tried(tried), Vec::new())
        } else {
            (Verdict::Unaffected, strange.unaffected(), Vec::new())
        };
        stolen.extend(sessions.iter().map(|one| self.stolen(user, one, verdict)));
        let mut sources: Vec<IpAddr> = hostile.iter().filter_map(|one| one.client_ip).collect();
        sources.sort_unstable();
        sources.dedup();
        sources.truncate(SOURCES_MAX);
        let mut backends: Vec<&'static str> = tries.iter().filter_map(|one| one.backend).collect();
        backends.sort_unstable();
        backends.dedup();
        AccountRow {
            user: user.to_owned(),
            verdict,
            why,
            tried,
            succeeded: hostile.iter().filter(|one| one.is_session()).map(|one| one.times).sum(),
            span: hostile
                .iter()
                .map(|one| one.started)
                .min()
                .zip(hostile.iter().map(|one| one.last).max()),
            sources,
            sessions: sessions.iter().map(|one| one.id).collect(),
            backends,
        }
    }

    /// Sessions of an account since the attack began, from where it never came before.
    fn strange(&self, user: &str, begun: i64) -> Strange<'_> {
        let Some(history) = self.histories.get(user) else {
            return Strange::default();
        };
        let known: HashSet<IpAddr> = history
            .logins
            .iter()
            .filter(|(_, first)| *first < begun)
            .map(|(ip, _)| *ip)
            .collect();
        let since: Vec<&Try> = history
            .sessions
            .iter()
            .filter(|one| one.up.unwrap_or(one.started) >= begun && !one.is_hostile())
            .collect();
        let is_new = |one: &&&Try| one.client_ip.is_some_and(|ip| !known.contains(&ip));
        Strange {
            sessions: if known.is_empty() {
                Vec::new()
            } else {
                since.iter().filter(is_new).copied().collect()
            },
            logins: since.len() as u64,
            is_compared: !known.is_empty(),
        }
    }

    fn stolen(&self, user: &str, one: &Try, verdict: Verdict) -> Stolen {
        let from = one.up.unwrap_or(one.started);
        let end = one.ended.unwrap_or(self.case.until.max(one.last));
        // whoever got the address next has it from then on, whatever was logged of an end
        let given = one.assigned_ip.and_then(|ip| self.assignments.get(&ip));
        let next = given.and_then(|given| given.iter().find(|(up, id)| *up > from && *id != one.id));
        Stolen {
            id: one.id,
            user: user.to_owned(),
            client_ip: one.client_ip,
            assigned_ip: one.assigned_ip,
            from,
            until: next.map_or(end, |(up, _)| end.min(*up)),
            is_open: one.outcome == Outcome::Open,
            verdict,
            gateway: one.gateway.clone(),
            bytes: one.bytes,
        }
    }

    /// Attacking addresses from which somebody had logged in before the attack: shared by many, or taken over.
    fn shared(&self, contact: Option<(i64, i64)>) -> Vec<(IpAddr, String)> {
        let Some((begun, _)) = contact else { return Vec::new() };
        let mut all: Vec<(IpAddr, String)> = Vec::new();
        for (user, history) in &self.histories {
            for (ip, first) in &history.logins {
                if *first < begun && self.roles.of(*ip) == Some(AddressRole::Attacker) {
                    all.push((*ip, text::visible(user).into_owned()));
                }
            }
        }
        all.sort();
        all.truncate(SOURCES_MAX);
        all
    }
}
