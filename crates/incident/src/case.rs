//! `incident.toml`: which attack it is about. People may edit it, so it is read with a person's mistakes in mind.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use serde::Deserialize;
use tunlog_analysis::detect::{Nature, Network, Severity};
use tunlog_report::rfc3339;
use tunlog_seal::Digest;

use crate::found::{Found, nature, time};
use crate::network;
use crate::text::{quoted, quoted_list};

/// How much of the time before the first sign belongs to it, microseconds: what led to it.
pub const BEFORE: i64 = 3_600_000_000;
/// How much of the time after the alarm belongs to it: an attack goes on after its alarm, and a thief stays.
pub const AFTER: i64 = 24 * 3_600_000_000;
/// Most addresses and most accounts of an incident; more are counted.
pub const SUBJECTS_MAX: usize = 2_000;
/// Accounts more than that, which are counted.
const LEFT_OUT_MAX: usize = 1_000_000;
/// Most bytes of the file.
pub const BYTES_MAX: usize = 8 << 20;

macro_rules! roles {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$item])* $variant,)* }
        impl $name {
            /// The word of the file.
            pub fn word(self) -> &'static str { match self { $($name::$variant => $word,)* } }
        }
    };
}

roles! {
    /// What an address is to the incident.
    AddressRole {
        /// The attack came from there.
        Attacker = "attacker",
        /// Somebody honest's machine or network, through which the attack came.
        CompromisedSource = "compromised-source",
        /// It was named and may turn out to be anything.
        Suspect = "suspect",
    }
}

roles! {
    /// What an account is to the incident.
    AccountRole {
        /// Somebody else got in.
        Compromised = "compromised",
        /// Somebody else may have got in.
        Suspect = "suspect",
        /// It was tried.
        Tried = "tried",
    }
}

/// An address of the incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address or the network.
    pub network: Network,
    /// What it is.
    pub role: AddressRole,
}

/// An account of the incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name exactly as it was given.
    pub name: String,
    /// What it is.
    pub role: AccountRole,
}

/// The case.
#[derive(Clone, Debug)]
pub struct Case {
    /// `INC-20261028-1a2b3c`.
    pub id: String,
    /// In a few words.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// When it was opened, microseconds UTC.
    pub opened: i64,
    /// By whom, `user@host`.
    pub opened_by: String,
    /// The time that belongs to it, microseconds UTC.
    pub since: i64,
    /// Its end.
    pub until: i64,
    /// Rules that spoke.
    pub rules: Vec<String>,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// Absolute paths of the evidence; none: the machine's own logs.
    pub paths: Vec<String>,
    /// Zone of inputs that carry none, if one was named.
    pub tz: Option<String>,
    /// Year of inputs without years, if one was named.
    pub year: Option<i16>,
    /// Addresses.
    pub addresses: Vec<Address>,
    /// Accounts.
    pub accounts: Vec<Account>,
    /// Accounts that were tried and are too many to list.
    pub accounts_more: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    id: String,
    title: String,
    severity: String,
    opened: String,
    opened_by: String,
    since: String,
    until: String,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    techniques: Vec<String>,
    #[serde(default)]
    paths: Vec<String>,
    tz: Option<String>,
    year: Option<i16>,
    #[serde(default)]
    accounts_more: u64,
    #[serde(default)]
    address: Vec<AddressEntry>,
    #[serde(default)]
    account: Vec<AccountEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddressEntry {
    address: String,
    role: AddressRole,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountEntry {
    name: String,
    role: AccountRole,
}

/// Whether a text can be the name of an incident: it becomes part of paths.
pub fn is_id(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && text.len() <= 64 && !text.starts_with(['.', '-']) && text.chars().all(fits)
}

impl Case {
    /// Reads the file.
    ///
    /// # Errors
    /// What is wrong with it, with the line where TOML tells one.
    pub fn parse(text: &str) -> Result<Case, String> {
        if text.len() > BYTES_MAX {
            return Err("is too large for a case".to_owned());
        }
        let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let when = |key: &str, text: &str| {
            let wrong = || format!("`{key}` is no time: write it as 2026-11-20T09:30:00Z");
            time(text).ok_or_else(wrong)
        };
        let severity = Severity::from_word(&file.severity)
            .ok_or_else(|| "`severity` is one of info, low, medium, high, critical".to_owned())?;
        if !is_id(&file.id) {
            return Err("`id` holds letters, digits, - and _, at most 64".to_owned());
        }
        let address = |entry: AddressEntry| {
            Ok(Address {
                network: network::parse(&entry.address)?,
                role: entry.role,
            })
        };
        let (since, until) = (when("since", &file.since)?, when("until", &file.until)?);
        if until <= since {
            return Err("`until` is not behind `since`".to_owned());
        }
        Ok(Case {
            id: file.id,
            title: file.title,
            severity,
            opened: when("opened", &file.opened)?,
            opened_by: file.opened_by,
            since,
            until,
            rules: file.rules,
            techniques: file.techniques,
            paths: file.paths,
            tz: file.tz,
            year: file.year,
            addresses: file.address.into_iter().map(address).collect::<Result<_, String>>()?,
            accounts: file
                .account
                .into_iter()
                .map(|entry| Account {
                    name: entry.name,
                    role: entry.role,
                })
                .collect(),
            accounts_more: file.accounts_more,
        })
    }

    /// The file.
    pub fn text(&self) -> String {
        let mut out = String::from(
            "# An incident of `tunlog incident`. Edit it: roles, subjects and the time decide what is collected and analysed.\n\
             # The next subcommand takes the change in and records it.\n",
        );
        for (key, value) in [
            ("id", &self.id),
            ("title", &self.title),
            ("severity", &self.severity.word().to_owned()),
            ("opened", &rfc3339(self.opened)),
            ("opened_by", &self.opened_by),
            ("since", &rfc3339(self.since)),
            ("until", &rfc3339(self.until)),
        ] {
            let _ = writeln!(out, "{key} = {}", quoted(value));
        }
        let _ = writeln!(out, "rules = {}", quoted_list(&self.rules));
        let _ = writeln!(out, "techniques = {}", quoted_list(&self.techniques));
        out.push_str("# Where the evidence lies; none: this machine's own logs.\n");
        let _ = writeln!(out, "paths = {}", quoted_list(&self.paths));
        if let Some(tz) = &self.tz {
            let _ = writeln!(out, "tz = {}", quoted(tz));
        }
        if let Some(year) = self.year {
            let _ = writeln!(out, "year = {year}");
        }
        if self.accounts_more > 0 {
            let _ = writeln!(out, "accounts_more = {}", self.accounts_more);
        }
        out.push_str("\n# role: attacker, compromised-source (somebody honest's machine), suspect\n");
        for address in &self.addresses {
            let (network, role) = (quoted(&address.network.to_string()), quoted(address.role.word()));
            let _ = write!(out, "[[address]]\naddress = {network}\nrole = {role}\n\n");
        }
        out.push_str("# role: compromised, suspect, tried\n");
        for account in &self.accounts {
            let (name, role) = (quoted(&account.name), quoted(account.role.word()));
            let _ = write!(out, "[[account]]\nname = {name}\nrole = {role}\n\n");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
        out
    }

    /// The roles of addresses, to be asked of many.
    pub fn roles(&self) -> Roles {
        let mut roles = Roles::default();
        for address in &self.addresses {
            let is_host = address.network.bits == if address.network.address.is_ipv4() { 32 } else { 128 };
            match is_host {
                true => {
                    roles.hosts.insert(address.network.address, address.role);
                }
                false => roles.networks.push(address.clone()),
            }
        }
        roles
            .networks
            .sort_by_key(|address| std::cmp::Reverse(address.network.bits));
        roles
    }

    /// The role of an account.
    pub fn account(&self, name: &str) -> Option<AccountRole> {
        self.accounts
            .iter()
            .find(|account| account.name == name)
            .map(|account| account.role)
    }

    /// Whether a time belongs to it.
    pub fn covers(&self, time: i64) -> bool {
        (self.since..=self.until).contains(&time)
    }
}

/// The roles of addresses.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    hosts: HashMap<IpAddr, AddressRole>,
    /// The narrowest first.
    networks: Vec<Address>,
}

impl Roles {
    /// What an address is; the narrowest network decides.
    pub fn of(&self, ip: IpAddr) -> Option<AddressRole> {
        let wide = || self.networks.iter().find(|address| address.network.contains(ip));
        self.hosts
            .get(&ip)
            .copied()
            .or_else(|| wide().map(|address| address.role))
    }

    /// Addresses that stand alone.
    pub fn hosts(&self) -> impl Iterator<Item = IpAddr> {
        self.hosts.keys().copied()
    }

    /// Networks.
    pub fn networks(&self) -> impl Iterator<Item = Network> {
        self.networks.iter().map(|address| address.network)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rule: &str, users: &str, succeeded: &str) -> Found {
        let row = format!(
            r#"{{"type":"finding","rule":"{rule}","severity":"high","sources":["203.0.113.9"],"users":{users},"first":"2026-11-20T10:00:00Z","last":"2026-11-20T10:05:00Z","succeeded":{succeeded},"alarm_time":"2026-11-20T10:05:00Z"}}"#
        );
        Found::parse(&row).expect("a finding")
    }

    fn opener() -> Opener {
        Opener {
            by: "anna@vpn1".to_owned(),
            now: 1_800_000_000_000_000,
        }
    }

    #[test]
    fn findings_make_a_case_that_reads_back() {
        let got_in = r#"[{"user":"bob","time":"2026-11-20T10:04:00Z"}]"#;
        let hostile = r#"["bob","x\"\n[[account]]\nname=\"y"]"#;
        let findings = [
            found("brute-force", hostile, "[]"),
            found("success-after-failures", r#"["bob"]"#, got_in),
            found("stale-password", r#"["eve"]"#, "[]"),
        ];
        let named = Named {
            users: vec!["carol".to_owned()],
            ..Named::default()
        };
        let case = open(&findings, &named, &opener());
        assert_eq!(case.account("bob"), Some(AccountRole::Compromised));
        assert_eq!(case.account("carol"), Some(AccountRole::Suspect));
        assert_eq!(case.account("x\"\n[[account]]\nname=\"y"), Some(AccountRole::Tried));
        assert_eq!(case.account("y"), None);
        assert_eq!(
            case.roles().of("203.0.113.9".parse().expect("ip")),
            Some(AddressRole::Attacker)
        );
        assert_eq!(case.title, "success-after-failures from 203.0.113.9, 1 account taken");
        let again = Case::parse(&case.text()).expect("our own text");
        assert_eq!((again.accounts, again.addresses), (case.accounts, case.addresses));
        assert_eq!(
            (again.since, again.until, again.opened),
            (case.since, case.until, case.opened)
        );
        assert_eq!(again.until - again.since, BEFORE + AFTER + 300_000_000);
    }

    #[test]
    fn the_rest_is_counted_and_who_got_in_is_never_one_of_it() {
        let names: Vec<String> = (0..SUBJECTS_MAX + 7).map(|n| format!("\"u{n}\"")).collect();
        let got_in = r#"[{"user":"last","time":"2026-11-20T10:04:00Z"}]"#;
        let findings = [
            found("password-spray", &format!("[{}]", names.join(",")), "[]"),
            found("password-spray", "[]", got_in),
        ];
        let case = open(&findings, &Named::default(), &opener());
        assert_eq!((case.accounts.len(), case.accounts_more), (SUBJECTS_MAX + 1, 7));
        assert_eq!(case.account("last"), Some(AccountRole::Compromised));
    }

    #[test]
    fn mistakes_of_people_are_named() {
        let good = open(&[], &Named::default(), &opener()).text();
        assert!(Case::parse(&good).is_ok());
        for (from, to, why) in [
            ("severity = \"medium\"", "severity = \"awful\"", "severity"),
            ("id = \"INC", "id = \"../INC", "`id`"),
            ("title", "titel", "titel"),
            ("since = \"2", "since = \"x", "`since`"),
            ("\nuntil = \"20", "\nuntil = \"19", "`until`"),
        ] {
            let error = Case::parse(&good.replace(from, to)).expect_err(to);
            assert!(error.contains(why), "{error}");
        }
        let bad = format!("{good}\n[[address]]\naddress = \"10.0.0.1/8\"\nrole = \"attacker\"\n");
        assert!(Case::parse(&bad).expect_err("bits").contains("behind its prefix"));
        let bad = format!("{good}\n[[account]]\nname = \"a\"\nrole = \"victim\"\n");
        assert!(Case::parse(&bad).expect_err("role").contains("compromised"));
    }
}
