//! What the attempts tell: which accounts were tried and which were got into, by which sessions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use tunlog_model::{Attempt, Outcome, text};
use tunlog_report::rfc3339;

use crate::case::{AccountRole, AddressRole, Case, Roles};
use crate::text::counted;

/// Most attempts that are listed; more are counted.
pub const ATTEMPTS_MAX: usize = 50_000;
/// Most accounts that are told one by one.
pub const ACCOUNTS_MAX: usize = 5_000;
/// Most accounts whose earlier log-ins are remembered, and most addresses and log-ins of each.
const HISTORIES_MAX: usize = 100_000;
const HISTORY_MAX: usize = 64;
/// Addresses that are listed of an account.
const SOURCES_MAX: usize = 20;

/// An attempt that belongs to the incident.
#[derive(Clone, Debug)]
pub struct Try {
    /// The attempt's id.
    pub id: u64,
    /// First event, microseconds UTC.
    pub started: i64,
    /// When it came up.
    pub up: Option<i64>,
    /// Last event; absent while open.
    pub ended: Option<i64>,
    /// Last sign.
    pub last: i64,
    /// The account.
    pub user: Option<Box<str>>,
    /// Where it came from.
    pub client_ip: Option<IpAddr>,
    /// The address is what the peer claims.
    pub claimed: bool,
    /// Its address inside the tunnel.
    pub assigned_ip: Option<IpAddr>,
    /// The gateway.
    pub gateway: Option<Box<str>>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it failed.
    pub cause: Option<&'static str>,
    /// Who decided.
    pub backend: Option<&'static str>,
    /// Bytes to the client and from it.
    pub bytes: (Option<u64>, Option<u64>),
    /// How many equal ones it stands for.
    pub times: u64,
    /// The role of its address.
    pub role: Option<AddressRole>,
}

impl Try {
    fn of(attempt: &Attempt, roles: &Roles) -> Try {
        let client_ip = attempt.client_ip.or(attempt.claimed_ip);
        Try {
            id: attempt.id,
            started: attempt.started,
            up: attempt.up,
            ended: attempt.ended,
            last: attempt.last_seen,
            user: attempt.user.clone(),
            client_ip,
            claimed: attempt.client_ip.is_none() && client_ip.is_some(),
            assigned_ip: attempt.assigned_ip,
            gateway: attempt.gateway.clone(),
            outcome: attempt.outcome,
            cause: attempt.cause,
            backend: attempt.backend,
            bytes: (attempt.bytes_to_client, attempt.bytes_from_client),
            times: attempt.times.max(1),
            role: client_ip.and_then(|ip| roles.of(ip)),
        }
    }

    /// Whether it became a session.
    pub fn is_session(&self) -> bool {
        matches!(self.outcome, Outcome::Established | Outcome::Open)
    }

    /// Whether it came from an address of the incident.
    pub fn is_hostile(&self) -> bool {
        self.role.is_some()
    }

    /// Whether it came from an address that is known to attack.
    fn is_attack(&self) -> bool {
        matches!(self.role, Some(AddressRole::Attacker | AddressRole::CompromisedSource))
    }
}

/// What is thought of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Somebody else got in.
    Compromised,
    /// Somebody else may have got in.
    Suspect,
    /// It was tried in vain.
    Tried,
    /// Nothing speaks against it.
    Unaffected,
}

impl Verdict {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Compromised => "compromised",
            Verdict::Suspect => "suspect",
            Verdict::Tried => "tried",
            Verdict::Unaffected => "unaffected",
        }
    }
}

/// An account with what happened to it.
#[derive(Clone, Debug)]
pub struct AccountRow {
    /// The account.
    pub user: String,
    /// What is thought of it.
    pub verdict: Verdict,
    /// Why.
    pub why: String,
    /// How often the attackers tried.
    pub tried: u64,
    /// How often they got in.
    pub succeeded: u64,
    /// First and last of their attempts.
    pub span: Option<(i64, i64)>,
    /// From where.
    pub sources: Vec<IpAddr>,
    /// Their sessions.
    pub sessions: Vec<u64>,
    /// Who decided its log-ins.
    pub backends: Vec<&'static str>,
}

/// A session that is not its account's owner's, or may not be.
#[derive(Clone, Debug)]
pub struct Stolen {
    /// The attempt that it is.
    pub id: u64,
    /// The account.
    pub user: String,
    /// From where.
    pub client_ip: Option<IpAddr>,
    /// Address inside the tunnel.
    pub assigned_ip: Option<IpAddr>,
    /// When the address was its own, microseconds UTC.
    pub from: i64,
    /// Until when.
    pub until: i64,
    /// It had not ended when the evidence ended.
    pub is_open: bool,
    /// What is thought of the account.
    pub verdict: Verdict,
    /// Its gateway.
    pub gateway: Option<Box<str>>,
    /// Bytes to the client and from it.
    pub bytes: (Option<u64>, Option<u64>),
}

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

#[derive(Default)]
struct Strange<'a> {
    sessions: Vec<&'a Try>,
    /// All log-ins of the account since the attack began that are not the attackers'.
    logins: u64,
    is_compared: bool,
}

impl Strange<'_> {
    fn tried(&self, tried: u64) -> String {
        let tried = match tried {
            0 => "a finding names it".to_owned(),
            tried => format!("{} in vain", counted(tried, "attempt", "attempts")),
        };
        match (self.logins, self.is_compared) {
            (0, _) => tried,
            (logins, true) => format!(
                "{tried}; {} from where it came before",
                counted(logins, "log-in", "log-ins")
            ),
            (logins, false) => format!(
                "{tried}; {} since, and no earlier one in the evidence to compare with: ask its owner",
                counted(logins, "log-in", "log-ins")
            ),
        }
    }

    fn unaffected(&self) -> String {
        match self.logins {
            0 => "nobody tried it, and it did not log in".to_owned(),
            logins => format!("nobody tried it; {}", counted(logins, "log-in", "log-ins")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Account, Named, Opener, open};
    use crate::network;

    const T0: i64 = 1_793_000_000_000_000;
    const MINUTE: i64 = 60_000_000;

    fn case(accounts: &[(&str, AccountRole)]) -> Case {
        let opener = Opener {
            by: "a@b".to_owned(),
            now: T0,
        };
        let named = Named {
            networks: vec![network::parse("203.0.113.0/24").expect("network")],
            since: Some(T0),
            until: Some(T0 + 600 * MINUTE),
            ..Named::default()
        };
        let mut case = open(&[], &named, &opener);
        case.addresses[0].role = AddressRole::Attacker;
        let account = |(name, role): &(&str, AccountRole)| Account {
            name: (*name).to_owned(),
            role: *role,
        };
        case.accounts = accounts.iter().map(account).collect();
        case
    }

    fn attempt(id: u64, user: &str, ip: &str, minute: i64, outcome: Outcome) -> Attempt {
        let started = T0 + minute * MINUTE;
        let is_session = matches!(outcome, Outcome::Established | Outcome::Open);
        Attempt {
            id,
            protocol: None,
            gateway: None,
            client_ip: ip.parse().ok(),
            client_port: None,
            claimed_ip: None,
            user: Some(user.into()),
            started,
            up: is_session.then_some(started),
            ended: (outcome == Outcome::Established).then_some(started + 10 * MINUTE),
            duration_s: None,
            outcome,
            reached: tunlog_model::Layer::Auth,
            failed_at: None,
            cause: None,
            confidence: None,
            assigned_ip: is_session.then(|| "10.0.0.5".parse().expect("ip")),
            server_ip: None,
            interface: None,
            auth_method: None,
            mppe_bits: None,
            bytes_to_client: None,
            bytes_from_client: None,
            end_reason: None,
            backend: None,
            exposed: None,
            last_seen: started + if is_session { 10 * MINUTE } else { 0 },
            times: 1,
            assumed: tunlog_model::Assumed::default(),
            evidence: Vec::new(),
            trail: Vec::new(),
            heard: Default::default(),
        }
    }

    fn told(case: &Case, attempts: &[Attempt]) -> Known {
        let mut story = Story::new(case);
        for one in attempts {
            story.take(one);
        }
        story.finish()
    }

    fn verdict(known: &Known, user: &str) -> (Verdict, u64, u64) {
        let row = known.accounts.iter().find(|row| row.user == user).expect(user);
        (row.verdict, row.tried, row.succeeded)
    }

    #[test]
    fn verdicts_rest_on_who_came_from_where() {
        use Outcome::{Established, Failed, Open};
        let case = case(&[
            ("bob", AccountRole::Tried),
            ("eve", AccountRole::Suspect),
            ("zoe", AccountRole::Tried),
        ]);
        let known = told(
            &case,
            &[
                // before the attack everybody comes from home
                attempt(1, "ann", "198.51.100.1", -500, Established),
                attempt(2, "bob", "198.51.100.2", -400, Established),
                attempt(3, "cat", "198.51.100.3", -300, Established),
                attempt(4, "ann", "203.0.113.9", 1, Failed),
                attempt(5, "bob", "203.0.113.9", 2, Failed),
                attempt(6, "cat", "203.0.113.9", 3, Failed),
                attempt(7, "dan", "203.0.113.9", 4, Failed),
                attempt(8, "ann", "203.0.113.9", 5, Open),
                // bob comes from home, cat from elsewhere, dan was never seen
                attempt(9, "bob", "198.51.100.2", 20, Established),
                attempt(10, "cat", "192.0.2.77", 30, Established),
                attempt(11, "dan", "192.0.2.78", 40, Established),
                // somebody else entirely
                attempt(12, "fay", "192.0.2.79", 50, Established),
            ],
        );
        assert_eq!(verdict(&known, "ann"), (Verdict::Compromised, 2, 1));
        assert_eq!(verdict(&known, "bob"), (Verdict::Tried, 1, 0));
        assert_eq!(verdict(&known, "cat"), (Verdict::Suspect, 1, 0));
        assert_eq!(verdict(&known, "dan"), (Verdict::Tried, 1, 0));
        assert_eq!(verdict(&known, "eve"), (Verdict::Unaffected, 0, 0));
        assert_eq!(verdict(&known, "zoe"), (Verdict::Tried, 0, 0));
        assert!(known.accounts.iter().all(|row| row.user != "fay"));
        let why = |user: &str| {
            known
                .accounts
                .iter()
                .find(|row| row.user == user)
                .expect(user)
                .why
                .clone()
        };
        assert!(why("dan").contains("ask its owner"), "{}", why("dan"));
        assert_eq!(known.stolen.iter().map(|one| one.id).collect::<Vec<_>>(), [8, 10]);
        assert_eq!(known.contact, Some((T0 + MINUTE, T0 + 15 * MINUTE)));
    }

    #[test]
    fn an_address_that_was_only_named_makes_nobody_compromised() {
        let mut case = case(&[]);
        case.addresses[0].role = AddressRole::Suspect;
        let known = told(
            &case,
            &[
                attempt(1, "ann", "203.0.113.9", 1, Outcome::Failed),
                attempt(2, "ann", "203.0.113.9", 2, Outcome::Open),
                attempt(3, "bob", "203.0.113.9", 3, Outcome::Failed),
            ],
        );
        assert_eq!(verdict(&known, "ann"), (Verdict::Suspect, 2, 1));
        assert_eq!(verdict(&known, "bob"), (Verdict::Tried, 1, 0));
        assert_eq!(known.stolen.len(), 1);
    }

    #[test]
    fn an_inner_address_belongs_to_one_session_at_a_time() {
        let case = case(&[]);
        let known = told(
            &case,
            &[
                attempt(1, "ann", "203.0.113.9", 0, Outcome::Open),
                attempt(2, "bob", "198.51.100.2", 30, Outcome::Established),
            ],
        );
        // no end was logged of the first: the second got the address and ends it
        assert_eq!((known.stolen[0].from, known.stolen[0].until), (T0, T0 + 30 * MINUTE));
    }

    #[test]
    fn a_shared_address_is_told() {
        let case = case(&[]);
        let known = told(
            &case,
            &[
                attempt(1, "ann", "203.0.113.9", -5, Outcome::Established),
                attempt(2, "bob", "203.0.113.9", 5, Outcome::Failed),
            ],
        );
        assert_eq!(known.shared, []);
        let known = told(
            &case,
            &[
                attempt(1, "ann", "203.0.113.9", -50, Outcome::Established),
                attempt(2, "bob", "203.0.113.9", 5, Outcome::Failed),
            ],
        );
        assert_eq!(known.shared, [("203.0.113.9".parse().expect("ip"), "ann".to_owned())]);
    }
}
