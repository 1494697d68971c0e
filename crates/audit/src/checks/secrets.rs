//! Files of secrets: who may read them, and what the secrets are worth. None of them is ever shown.

use std::collections::BTreeMap;

use crate::parse::ppp_secrets::{Entry, entries};
use crate::parse::radius_users::{User, users};
use crate::{Check, ConfigFile, Family, Kind, Report, Rule, Secret, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "secrets",
    title: "Files of secrets",
    rules: &[
        MODE,
        OWNER,
        BLANK,
        SHORT,
        GUESSABLE,
        REUSED,
        ANY_CLIENT,
        ANY_SERVER,
        ANY_ADDRESS,
    ],
    run,
};

const MODE: Rule = Rule {
    id: "secrets-file-mode",
    severity: Severity::High,
    title: "A file of secrets is readable by others",
    finds: "chap-secrets, pap-secrets, l2tp-secrets, ipsec.secrets, swanctl.conf with secrets, accel-ppp.conf, FreeRADIUS's clients.conf and file of users that others than the owner may read or write (a group may read the last three).",
    why: "Whoever has an account on the machine, or breaks into one of its services, has every user's password. pppd says so in its log each time it reads such a file.",
    wrong: "A copy whose permissions are not those of the gateway's file.",
    action: "chmod 600 the file, chown it to root.",
    reference: "pppd(8), AUTHENTICATION (\"should not be readable or writable by any user other than root\"): https://ppp.samba.org/pppd.html",
};

const OWNER: Rule = Rule {
    id: "secrets-file-owner",
    severity: Severity::High,
    title: "A file of secrets does not belong to root",
    finds: "chap-secrets, pap-secrets or ipsec.secrets that belong to another user than root. Told for the machine's own files, not for copies.",
    why: "The owner can read it, add accounts to it, and change who may.",
    wrong: "A daemon that runs under that account and reads the file itself.",
    action: "chown root:root the file.",
    reference: "pppd(8), AUTHENTICATION: https://ppp.samba.org/pppd.html",
};

const BLANK: Rule = Rule {
    id: "secrets-blank",
    severity: Severity::Critical,
    title: "An account without a password",
    finds: "Entries whose secret is empty and whose addresses are not refused.",
    why: "In chap-secrets the password is the empty one; in pap-secrets any password will do unless pppd has `login`.",
    wrong: "The line of Debian's pap-secrets for the server named `hostname`, which is not reported.",
    action: "Give it a secret, or remove the line.",
    reference: "pppd(8), AUTHENTICATION: https://ppp.samba.org/pppd.html",
};

const SHORT: Rule = Rule {
    id: "secrets-short",
    severity: Severity::High,
    title: "A short password",
    finds: "Secrets of fewer than 8 characters (high), or fewer than 12 (medium).",
    why: "One recorded log-in lets passwords be tried without asking the gateway; short ones are found within hours.",
    wrong: "Never; for MS-CHAPv2 even a long one only helps against lists, not against the search for its hash.",
    action: "Generate one of 16 or more characters.",
    reference: "NIST SP 800-63B §5.1.1: https://pages.nist.gov/800-63-3/sp800-63b.html",
};

const GUESSABLE: Rule = Rule {
    id: "secrets-guessable",
    severity: Severity::Critical,
    title: "A password that is tried first",
    finds: "Secrets that are the account's own name, one repeated character, or stand in every list of common passwords or in guides.",
    why: "A handful of tries is enough.",
    wrong: "Never.",
    action: "Generate one of 16 or more characters; see by `tunlog detect` who logged in with the old one.",
    reference: "NIST SP 800-63B §5.1.1: https://pages.nist.gov/800-63-3/sp800-63b.html",
};

const REUSED: Rule = Rule {
    id: "secrets-reused",
    severity: Severity::Medium,
    title: "Several accounts with one password",
    finds: "The same secret in entries of different clients.",
    why: "Who knows or finds one has the others, and nobody can tell which of them logged in.",
    wrong: "Two names of the same person.",
    action: "Give each account its own secret.",
    reference: "NIST SP 800-63B §5.1.1: https://pages.nist.gov/800-63-3/sp800-63b.html",
};

const ANY_CLIENT: Rule = Rule {
    id: "secrets-any-client",
    severity: Severity::High,
    title: "One secret for every name",
    finds: "Entries with `*` as client and a secret.",
    why: "Any user name gets in with it, so no log tells who it was and nobody can be shut out.",
    wrong: "The only use is a gateway that calls itself.",
    action: "Write one line for each account.",
    reference: "pppd(8), AUTHENTICATION: https://ppp.samba.org/pppd.html",
};

const ANY_SERVER: Rule = Rule {
    id: "secrets-any-server",
    severity: Severity::Info,
    title: "Accounts that are good for every service",
    finds: "Entries with `*` as server.",
    why: "The account also works for every other pppd service of the machine, such as L2TP beside PPTP, whatever was meant.",
    wrong: "That is what was meant.",
    action: "Write the `name` of the service's options file instead of `*`.",
    reference: "pppd(8), AUTHENTICATION: https://ppp.samba.org/pppd.html",
};

const ANY_ADDRESS: Rule = Rule {
    id: "secrets-any-address",
    severity: Severity::Info,
    title: "Clients may take any address",
    finds: "Entries with `*` as address.",
    why: "pppd accepts whatever address the client asks for, where it is not told one: rules of a firewall for single users cannot rely on it.",
    wrong: "The daemon assigns the addresses (pptpd's remoteip, xl2tpd's ip range) and nothing distinguishes users by them.",
    action: "Write the address or network that the account may have.",
    reference: "pppd(8), AUTHENTICATION: https://ppp.samba.org/pppd.html",
};

/// Fewer characters are found from one recorded log-in.
const SHORT_CHARS: usize = 8;
/// Fewer are found by those who take their time.
const MODERATE_CHARS: usize = 12;
/// Accounts that one check names.
const NAMED_MAX: usize = 5;

fn run(setup: &Setup<'_>, report: &mut Report) {
    for (file, kind) in setup.files() {
        let shared = matches!(kind, Kind::AccelPpp) || kind == Kind::FreeRadius && file.name() == "clients.conf";
        // connections without secrets are nobody's secret
        let empty = kind == Kind::Swanctl && !file.text.contains("secret");
        if kind.holds_secrets() && !empty || shared {
            permissions(file, kind, report);
        }
    }
    for file in setup.of(Kind::RadiusUsers) {
        let found: Vec<Entry> = users(&file.text).iter().filter_map(User::entry).collect();
        if !found.is_empty() {
            permissions(file, Kind::RadiusUsers, report);
        }
        for entry in &found {
            of_entry(file, entry, report);
        }
        reused(file, &found, report);
    }
    for file in setup.of(Kind::PppSecrets) {
        let found: Vec<Entry> = entries(&file.text)
            .into_iter()
            .filter(|entry| !entry.is_closed())
            .collect();
        for entry in &found {
            of_entry(file, entry, report);
        }
        reused(file, &found, report);
        wildcards(file, &found, report);
    }
}

/// Group and others; files that a daemon's own group must read may be read by it.
fn permissions(file: &ConfigFile, kind: Kind, report: &mut Report) {
    let grouped = matches!(kind, Kind::AccelPpp | Kind::FreeRadius | Kind::RadiusUsers);
    let forbidden = if grouped { 0o027 } else { 0o077 };
    if let Some(mode) = file.mode.filter(|mode| mode & forbidden != 0) {
        let target = if grouped { "640" } else { "600" };
        let summary = format!("mode {:04o}: others can {}", mode & 0o7777, may(mode & forbidden));
        report.add(
            Check::new(&MODE, summary)
                .file(&file.path)
                .action(format!("chmod {target} {}", file.path)),
        );
    }
    if let Some(uid) = file.owner_uid.filter(|uid| *uid != 0 && !grouped) {
        let check = Check::new(&OWNER, format!("belongs to the user with number {uid}")).file(&file.path);
        report.add(check.action(format!("chown root:root {}", file.path)));
    }
}

fn may(bits: u32) -> &'static str {
    match (bits & 0o044 != 0, bits & 0o022 != 0) {
        (_, true) => "change it",
        (true, false) => "read it",
        (false, false) => "run it",
    }
}

fn of_entry(file: &ConfigFile, entry: &Entry, report: &mut Report) {
    let Some(secret) = &entry.secret else { return };
    let name = &entry.client;
    let mut add = |check: Check| report.add(check.at(&file.path, entry.line).subject(name.clone()));
    if secret.is_empty() {
        // Debian ships `* hostname "" *`, which is for a server of that literal name
        if entry.server != "hostname" {
            add(Check::new(&BLANK, format!("`{name}` has an empty secret")));
        }
    } else if secret.is_common() || secret.is_name(name) {
        add(Check::new(
            &GUESSABLE,
            format!("`{name}` has a secret that is tried first"),
        ));
    } else if secret.chars() < MODERATE_CHARS {
        let severity = if secret.chars() < SHORT_CHARS {
            Severity::High
        } else {
            Severity::Medium
        };
        let less = if secret.chars() < SHORT_CHARS {
            SHORT_CHARS
        } else {
            MODERATE_CHARS
        };
        add(Check::new(&SHORT, format!("`{name}` has a secret of fewer than {less} characters")).severity(severity));
    }
    if name == "*" && !secret.is_empty() {
        add(Check::new(&ANY_CLIENT, "one secret is good for every user name"));
    }
}

fn reused(file: &ConfigFile, found: &[Entry], report: &mut Report) {
    let mut by_secret: BTreeMap<&Secret, Vec<&Entry>> = BTreeMap::new();
    for entry in found {
        if let Some(secret) = entry.secret.as_ref().filter(|secret| !secret.is_empty()) {
            by_secret.entry(secret).or_default().push(entry);
        }
    }
    for entries in by_secret.values() {
        let mut names: Vec<&str> = entries.iter().map(|entry| entry.client.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        if let (Some(first), true) = (entries.first(), names.len() > 1) {
            let summary = format!("{} accounts have the same secret: {}", names.len(), few(&names));
            report.add(Check::new(&REUSED, summary).at(&file.path, first.line));
        }
    }
}

/// One check a file: these lines are alike.
fn wildcards(file: &ConfigFile, found: &[Entry], report: &mut Report) {
    let any_server = |entry: &&Entry| entry.server == "*";
    let any_address = |entry: &&Entry| entry.addresses.iter().any(|word| word == "*");
    let mut tell = |rule: &'static Rule, entries: Vec<&Entry>, what: &str| {
        let Some(first) = entries.first() else { return };
        let names: Vec<&str> = entries.iter().map(|entry| entry.client.as_str()).collect();
        let (count, all) = (names.len(), found.len());
        let summary = format!("{count} of {all} accounts may use {what}: {}", few(&names));
        report.add(Check::new(rule, summary).at(&file.path, first.line));
    };
    tell(&ANY_SERVER, found.iter().filter(any_server).collect(), "any service");
    tell(&ANY_ADDRESS, found.iter().filter(any_address).collect(), "any address");
}

fn few(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(NAMED_MAX).copied().collect();
    let more = names.len() - shown.len();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
