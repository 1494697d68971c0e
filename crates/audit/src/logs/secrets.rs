//! Secrets that stand in the logs. What they are is never told, only where, whose, and what to switch off.

use std::borrow::Cow;

use tunlog_model::{Event, Message, Role};

use super::{Redact, Scene, Tally, Watch};
use crate::{Family, Report, Rule, Severity};

const PASSWORD: Rule = Rule {
    id: "password-in-log",
    severity: Severity::Critical,
    title: "The log holds passwords",
    finds: "Lines in which a password stands as it is: PAP requests of pppd with `show-password`, FreeRADIUS's `auth_badpass` and `auth_goodpass`, packets of other gateways' debugging.",
    why: "Whoever reads the log, a backup of it or the central log server has the passwords.",
    wrong: "A mistyped name in the place of a password looks alike; it is mostly the password of somebody.",
    action: "pppd: remove `show-password`. FreeRADIUS: `auth_badpass = no` and `auth_goodpass = no` in radiusd.conf, section log. Have these passwords changed, and delete the lines, also in rotations and backups.",
    reference: "pppd(8), show-password; radiusd.conf, section log",
};

const CRACKABLE: Rule = Rule {
    id: "crackable-login-in-log",
    severity: Severity::High,
    title: "The log holds log-ins that can be cracked",
    finds: "Lines that hold the challenge or the response of a CHAP log-in: pppd with `debug`, and other gateways' packet logs.",
    why: "A challenge with its response is all that is needed: of MS-CHAPv2 the NT hash follows from it within a day.",
    wrong: "For a while, while a fault is looked for.",
    action: "pppd: remove `debug` from the options file, and `debug` from pptpd.conf (`ppp debug = no` in xl2tpd.conf); tunlog does not need it. Let only root read the logs that hold it, delete them soon, and have the passwords changed if others have read them.",
    reference: "pppd(8), debug; RFC 2759 §8",
};

const KEY: Rule = Rule {
    id: "secret-in-log",
    severity: Severity::High,
    title: "The log holds secrets",
    finds: "Lines of debugging that hold a shared secret, a key, or an attribute with one.",
    why: "Who reads the log can take the place of a server, or read the traffic.",
    wrong: "For a while, while a fault is looked for.",
    action: "Switch this debugging off, delete the lines, also in rotations and backups, and change the secrets.",
    reference: "the explanation of the message: `tunlog explain LINE`",
};

/// What is asked of lines with secrets.
pub static FAMILY: Family = Family {
    name: "secrets-in-logs",
    title: "Secrets in the logs",
    rules: &[PASSWORD, CRACKABLE, KEY],
    run: |_, _| {},
};

/// What a line gives away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Password,
    Crackable,
    Key,
}

/// Looks for lines that hold a secret.
pub struct Secrets {
    redact: Redact,
    passwords: Tally,
    logins: Tally,
    keys: Tally,
}

impl Secrets {
    /// `redact` knows which lines hold one.
    pub fn new(redact: Redact) -> Secrets {
        Secrets {
            redact,
            passwords: Tally::default(),
            logins: Tally::default(),
            keys: Tally::default(),
        }
    }
}

/// What a message's secret is; None if it never holds one.
fn kind(message: &Message) -> Option<Kind> {
    let is_login = |template: &&str| template.contains(":radius-login>");
    if message.role == Role::Radius && message.templates.first().is_some_and(is_login) {
        return Some(Kind::Password);
    }
    if !message.secret {
        return None;
    }
    let protocol = message.packet.map_or("", |packet| packet.protocol);
    let says = |word: &str| message.id.split('-').any(|part| part.starts_with(word));
    Some(if protocol == "PAP" || says("pap") {
        Kind::Password
    } else if matches!(protocol, "CHAP" | "EAP") || says("chap") || says("mschap") || says("challenge") || says("proof")
    {
        Kind::Crackable
    } else {
        Kind::Key
    })
}

impl Watch for Secrets {
    fn event(&mut self, event: &Event<'_>) {
        let Some(kind) = kind(event.message()) else { return };
        // what has nothing to hide comes back as it is: `password=<hidden>`
        if matches!((self.redact)(event.message(), event.raw()), Cow::Borrowed(_)) {
            return;
        }
        match kind {
            Kind::Password => self.passwords.event(event),
            Kind::Crackable => self.logins.event(event),
            Kind::Key => self.keys.event(event),
        }
    }

    fn finish(&mut self, scene: &Scene<'_>, report: &mut Report) {
        let line = |tally: &Tally| tally.words("line", "lines");
        for (tally, rule, what) in [
            (&self.passwords, &PASSWORD, "Passwords"),
            (&self.logins, &CRACKABLE, "Log-ins that can be cracked"),
            (&self.keys, &KEY, "Secrets or keys"),
        ] {
            if !tally.is_empty() {
                let summary = format!("{what} stand in the log: {}.", line(tally));
                report.add(tally.check(rule, scene, summary));
            }
        }
    }
}
