//! `incident.toml`: which attack it is about. People may edit it, so it is read with a person's mistakes in mind.

mod opening;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use serde::Deserialize;
use tunlog_analysis::detect::{Network, Severity};
use tunlog_report::rfc3339;

use crate::found::time;
use crate::network;
use crate::text::{quoted, quoted_list};
pub use opening::{Named, Opener, open};

/// How much of the time before the first sign belongs to it, microseconds: what led to it.
pub const BEFORE: i64 = 3_600_000_000;
/// How much of the time after the alarm belongs to it: an attack goes on after its alarm, and a thief stays.
pub const AFTER: i64 = 24 * 3_600_000_000;
/// Most addresses and most accounts of an incident; more are counted.
pub const SUBJECTS_MAX: usize = 2_000;
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
