//! Whether anything asks for more than a password.

use crate::{Check, Family, Kind, Method, Report, Rule, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "second-factor",
    title: "A second factor",
    rules: &[NONE],
    run,
};

const NONE: Rule = Rule {
    id: "no-second-factor",
    severity: Severity::Low,
    title: "No second factor in sight",
    finds: "A gateway whose configuration was read as a whole, that lets people in by password, and no module for one-time passwords, no PAM module for a second factor, no certificate for users, no RADIUS server elsewhere that could ask for one.",
    why: "A password that was guessed, recorded or used elsewhere is all that it takes.",
    wrong: "The second factor is asked for by what lies behind the gateway.",
    action: "Let RADIUS ask for a one-time password, or give users certificates (EAP-TLS).",
    reference: "NSA/CISA, Selecting and Hardening Remote Access VPN Solutions (U/OO/186992-21), use multi-factor authentication",
};

/// Words of modules that ask for a second factor.
const MODULES: [&str; 12] = [
    "totp",
    "otp",
    "google_authenticator",
    "google-authenticator",
    "pam_oath",
    "pam_duo",
    "duo",
    "yubi",
    "privacyidea",
    "linotp",
    "securid",
    "u2f",
];

fn run(setup: &Setup<'_>, report: &mut Report) {
    let Some(pppd) = setup
        .pppd
        .iter()
        .find(|pppd| pppd.is_server())
        .filter(|_| setup.machine.is_whole)
    else {
        return;
    };
    let asked_elsewhere = setup.pppd.iter().flat_map(|pppd| &pppd.plugins).any(|(name, _)| {
        ["radius", "winbind", "eaptls"].iter().any(|word| name.contains(word)) && !setup.has(Kind::FreeRadius)
    });
    let certificates = setup.pppd.iter().any(|pppd| pppd.requires.contains_key(&Method::Eap));
    let modules = setup
        .files()
        .filter(|(_, kind)| matches!(kind, Kind::Pam | Kind::FreeRadius))
        .any(|(file, _)| has_module(&file.text));
    if !asked_elsewhere && !certificates && !modules {
        report.add(Check::new(&NONE, "a password is all that a log-in takes").file(&pppd.main.path));
    }
}

/// A word of a line that is no comment, as the name of a module: parts of other words do not count.
fn has_module(text: &str) -> bool {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    lines
        .flat_map(|line| line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')))
        .any(|word| {
            let word = word.to_ascii_lowercase();
            MODULES
                .iter()
                .any(|module| word == *module || word.strip_prefix("pam_").is_some_and(|name| name.starts_with(module)))
        })
}
