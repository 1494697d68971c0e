//! What was refused, at which door, with which name, from where.

use std::net::IpAddr;
use std::rc::Rc;

use crate::correlate::account::Account;
use crate::detect::region::{Network, range};
use crate::detect::rhythm::Rhythm;
use crate::detect::service::Login;
use tunlog_model::Evidence;

/// The door that is the gateway's.
pub const GATEWAY: &str = "vpn";
/// Most of them that one source or account keeps.
const TRIED_MAX: usize = 24;
/// How long, in microseconds, a line that sums up speaks of tries that were told singly.
const SUM: i64 = 600_000_000;

/// A door as it is said.
pub fn said(door: &str) -> &str {
    if door == GATEWAY { "the VPN" } else { door }
}

/// A refusal, at whatever door: the gateway's are told in the same form.
#[derive(Debug)]
pub struct Refused {
    /// At which door, with which name, from where.
    pub login: Rc<Login>,
    /// Hash of the name as it was given.
    pub hash: u64,
    /// The source is what the peer claims.
    pub claimed: bool,
    /// How strange the source's network is.
    pub strange: f64,
}

impl Refused {
    fn is_like(&self, other: &Refused) -> bool {
        let (one, other) = (&self.login, &other.login);
        one.key == other.key
            && one.source == other.source
            && one.service == other.service
            && one.account == other.account
    }
}

/// Refusals at one door, with one name, from one source.
#[derive(Clone, Debug)]
pub struct Tried {
    of: Rc<Refused>,
    count: u64,
    /// Those of them that were told singly, lately.
    singles: u64,
    rhythm: Rhythm,
    last: i64,
    line: Option<Evidence>,
}

impl Tried {
    fn first(of: &Rc<Refused>) -> Tried {
        Tried {
            of: Rc::clone(of),
            count: of.login.times,
            singles: if of.login.sum { 0 } else { of.login.times },
            rhythm: Rhythm::default(),
            last: of.login.time,
            line: None,
        }
    }

    /// Whether the gateway refused.
    pub fn is_gateway(&self) -> bool {
        self.of.login.service == GATEWAY
    }

    /// Where it came from.
    pub fn source(&self) -> Option<IpAddr> {
        self.of.login.source
    }

    /// Whether the name may mean this account.
    pub fn is_of(&self, account: &Account) -> bool {
        let likeness = self.of.login.account.as_ref().and_then(|own| own.likeness(account));
        likeness.is_some()
    }

    /// The line that tells of it best.
    fn line(&self) -> Option<&Evidence> {
        self.line.as_ref().or(self.of.login.line.as_ref())
    }

    /// Takes in more of the same.
    fn add(&mut self, more: &Refused) {
        let more = &more.login;
        self.rhythm.note(more.time - self.last);
        if more.time - self.last > SUM {
            self.singles = 0;
        }
        if more.sum {
            self.count += more.times.saturating_sub(self.singles);
        } else {
            self.count += more.times;
            self.singles += more.times;
            self.line.clone_from(&more.line);
        }
        self.last = more.time;
    }
}

/// Refusals of one source or of one account.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    tried: Vec<Tried>,
}

impl Tally {
    /// Takes a refusal in; what was before `since` is forgotten.
    pub fn note(&mut self, more: &Rc<Refused>, since: i64) {
        if let Some(tried) = self.tried.iter_mut().find(|tried| tried.of.is_like(more)) {
            return tried.add(more);
        }
        self.tried.retain(|tried| tried.last >= since);
        if self.tried.len() >= TRIED_MAX
            && let Some(oldest) = (0..self.tried.len()).min_by_key(|at| self.tried[*at].last)
        {
            self.tried.remove(oldest);
        }
        self.tried.push(Tried::first(more));
    }

    /// Whether the gateway and somebody else refused.
    pub fn is_of_two(&self) -> bool {
        let mut gateway = self.tried.iter().map(Tried::is_gateway);
        let first = gateway.next();
        first.is_some_and(|first| gateway.any(|other| other != first))
    }

    /// Forgets what turned out to be the owner's.
    pub fn forgive(&mut self, is_forgiven: impl Fn(&Tried) -> bool) {
        self.tried.retain(|tried| !is_forgiven(tried));
    }

    /// What was refused since a time, of those that count.
    pub fn since(&self, since: i64, counts: impl Fn(&Tried) -> bool) -> Doors<'_> {
        let tried: Vec<&Tried> = self
            .tried
            .iter()
            .filter(|tried| tried.last >= since && counts(tried))
            .collect();
        let people = tried.iter().filter(|tried| tried.rhythm.period().is_none());
        Doors {
            count: tried.iter().map(|tried| tried.count).sum(),
            people: people.map(|tried| tried.count).sum(),
            strange: tried.iter().map(|tried| tried.of.strange).fold(0.0, f64::max),
            first: tried.iter().map(|tried| tried.of.login.time).min().unwrap_or(since),
            last: tried.iter().map(|tried| tried.last).max().unwrap_or(since),
            tried,
        }
    }
}

/// Refusals at some doors.
#[derive(Debug)]
pub struct Doors<'t> {
    tried: Vec<&'t Tried>,
    /// How many.
    pub count: u64,
    /// How many that do not come at a machine's rhythm.
    pub people: u64,
    /// How strange the strangest network is.
    pub strange: f64,
    /// The first of them.
    pub first: i64,
    /// The last.
    pub last: i64,
}

impl Doors<'_> {
    /// Different names; one name with and without its domain is one.
    pub fn names(&self) -> usize {
        let mut names: Vec<&[u8]> = self
            .tried
            .iter()
            .filter_map(|tried| tried.of.login.account.as_ref())
            .map(Account::name)
            .collect();
        names.sort_unstable();
        names.dedup();
        names.len()
    }

    /// The names as they were given.
    pub fn users(&self) -> Vec<Box<str>> {
        let mut users: Vec<Box<str>> = Vec::new();
        for user in self.tried.iter().filter_map(|tried| tried.of.login.user.as_ref()) {
            if !users.contains(user) {
                users.push(user.clone());
            }
        }
        users
    }

    /// The addresses.
    pub fn sources(&self) -> Vec<Network> {
        let mut sources: Vec<Network> = self
            .tried
            .iter()
            .filter_map(|tried| tried.of.login.source)
            .map(Network::from)
            .collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// How many networks they come from; one from which people log in counts less, as does the machine itself.
    pub fn networks(&self) -> f64 {
        let mut seen: Vec<(Option<Network>, f64)> = Vec::new();
        for tried in &self.tried {
            let network = tried.of.login.source.map(range);
            let weight: f64 = if tried.of.strange >= 0.6 { 1.0 } else { 0.4 };
            match seen.iter_mut().find(|(known, _)| *known == network) {
                Some((_, known)) => *known = weight.max(*known),
                None => seen.push((network, weight)),
            }
        }
        seen.iter().map(|(_, weight)| weight).sum()
    }

    /// `the VPN (3 times), sshd (12 times)`.
    pub fn told(&self) -> String {
        let mut doors: Vec<(&str, u64)> = Vec::new();
        for tried in &self.tried {
            match doors.iter_mut().find(|(door, _)| *door == &*tried.of.login.service) {
                Some((_, count)) => *count += tried.count,
                None => doors.push((&tried.of.login.service, tried.count)),
            }
        }
        let told: Vec<String> = doors
            .iter()
            .map(|(door, count)| format!("{} ({count}×)", said(door)))
            .collect();
        told.join(", ")
    }

    /// Lines of each door in turn, at most so many.
    pub fn lines(&self, most: usize) -> Vec<Evidence> {
        let mut lines: Vec<(usize, usize, &Evidence)> = Vec::new();
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for (at, tried) in self.tried.iter().enumerate() {
            let Some(line) = tried.line() else { continue };
            let rank = match counts.iter_mut().find(|(door, _)| *door == &*tried.of.login.service) {
                Some((_, count)) => {
                    *count += 1;
                    *count
                }
                None => {
                    counts.push((&tried.of.login.service, 0));
                    0
                }
            };
            lines.push((rank, at, line));
        }
        lines.sort_by_key(|(rank, at, _)| (*rank, *at));
        lines.truncate(most);
        lines.sort_by_key(|(_, at, _)| *at);
        lines.into_iter().map(|(.., line)| line.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(door: &str, name: &str, time: i64, times: u64, sum: bool) -> Rc<Refused> {
        let account = Account::of(name, None);
        Rc::new(Refused {
            login: Rc::new(Login {
                time,
                service: door.to_owned().into(),
                user: Some(name.into()),
                key: crate::detect::service::key_of(&account),
                account: Some(account),
                source: None,
                accepted: false,
                times,
                sum,
                line: None,
            }),
            hash: 0,
            claimed: false,
            strange: 0.0,
        })
    }

    #[test]
    fn a_sum_adds_only_what_was_not_told_singly() {
        let mut tally = Tally::default();
        let counted = |tally: &Tally| tally.since(0, |_| true).count;
        tally.note(&refused("sshd", "anna", 1, 1, false), 0);
        tally.note(&refused("sshd", "anna", 2, 1, false), 0);
        tally.note(&refused("sshd", "anna", 3, 1, true), 0);
        assert_eq!(counted(&tally), 2);
        tally.note(&refused("dovecot", "anna", 4, 3, true), 0);
        assert_eq!(counted(&tally), 5);
        tally.note(&refused("dovecot", "anna", 4 + SUM + 1, 3, true), 0);
        assert_eq!(counted(&tally), 8);
        assert_eq!(tally.since(0, |_| true).told(), "sshd (2×), dovecot (6×)");
        assert!(!tally.is_of_two());
        tally.note(&refused(GATEWAY, "anna", 9, 1, false), 0);
        assert!(tally.is_of_two());
    }

    #[test]
    fn no_more_than_its_cap_is_kept() {
        let mut tally = Tally::default();
        for number in 0..1000 {
            tally.note(&refused("sshd", &format!("u{number}"), number, 1, false), 0);
        }
        assert_eq!(tally.since(0, |_| true).count, TRIED_MAX as u64);
    }
}
