//! The login was refused, and as far as the evidence tells it, why.

use tunlog_model::{Clue, Confidence, EventKind, Field, Role};

use crate::diagnose::Case;
use crate::diagnose::rule::no_claim;
use crate::diagnose::rule::{Claim, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "credentials",
    causes: &[
        "wrong-credentials",
        "wrong-password",
        "unknown-user",
        "account-restricted",
    ],
    explanation: "pppd says that a login was refused and, where it checks itself, whether the name was known. Behind RADIUS only the \
                  server's own log tells a wrong password from an unknown or restricted account; its reason is joined by name, client \
                  and time. A directory or domain (LDAP, Active Directory) that was asked tells more than both, and is joined by name and \
                  moment. A refusal by RADIUS is told apart from a server that was silent or asked with the wrong secret: those are \
                  auth-backend-unreachable and auth-backend-misconfigured.",
    needs: &[],
    claim: no_claim,
    tell,
};

/// The words that the refusal itself carries (RFC 1994 §4.2; of RADIUS the Reply-Message), unless they are a code.
fn words<'a>(case: &Case<'a>) -> Option<(Clue<'a>, String)> {
    let failure = case
        .packet("sent", "CHAP", "Failure")
        .or_else(|| case.packet("rcvd", "CHAP", "Failure"))?;
    let reason = failure.fact(Field::Reason)?;
    let words = reason.trim();
    let words = words.strip_suffix("\\n").unwrap_or(words).trim();
    let is_code = words.is_empty() || words.starts_with("E=") || words.contains(" R=");
    (!is_code).then(|| (failure, words.to_owned()))
}

/// Who checked the login, as far as the evidence tells.
struct Checker {
    radius: bool,
    plugin: bool,
    directory: bool,
}

impl Checker {
    fn of(case: &Case<'_>) -> Checker {
        Checker {
            radius: case.attempt.backend == Some("radius"),
            plugin: case.has_plugin("radius"),
            directory: case.told_by(Role::Backend),
        }
    }

    fn words(&self) -> &'static str {
        match self {
            Checker {
                radius: true,
                directory: true,
                ..
            } => " by RADIUS, which asked the directory",
            Checker { radius: true, .. } => " by RADIUS",
            Checker { directory: true, .. } => " by the directory that the gateway asks",
            Checker { plugin: true, .. } => " by the gateway, which asks RADIUS",
            _ => "",
        }
    }

    fn is_the_gateway(&self) -> bool {
        !(self.radius || self.plugin || self.directory)
    }
}

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    let user = match case.attempt.user.as_deref() {
        Some("") => "An empty name".to_owned(),
        Some(user) => format!("The login of “{user}”"),
        None => "The login".to_owned(),
    };
    let by = Checker::of(case);
    let checker = by.words();
    let backend = case.clues().find(|clue| {
        matches!(clue.message.role, Role::Radius | Role::Backend) && clue.message.blames == Some(claim.cause)
    });
    telling.proof.extend(backend);
    match claim.cause {
        "wrong-credentials" => {
            telling.summary = format!(
                "{user} was refused{checker}; the evidence does not say whether name or password is wrong. A mistyped or expired password, a name with or without its domain, or a device that keeps an old password are the usual reasons."
            );
            undecided(case, &by, telling);
        }
        "wrong-password" => {
            telling.summary = format!(
                "{user} was refused{checker}: the name is known, the password is wrong. A mistyped or expired password, or another device of this user that still has the old one."
            );
        }
        "unknown-user" => {
            telling.summary = format!(
                "{user} was refused{checker}: the name is not known there. It is mistyped, lacks or has a domain too many, or somebody tries names."
            );
        }
        _ => {}
    }
    if let Some((clue, words)) = words(case) {
        telling.proof.push(clue);
        telling.summary = match telling.summary.split_once(". ") {
            Some((first, _)) => {
                format!("{first}. The refusal carries the words “{words}”, which whoever runs the accounts wrote.")
            }
            None => format!("{user} was refused{checker}. The refusal carries the words “{words}”."),
        };
    }
    act(case, claim, &by, telling);
    if case.has(EventKind::SecretMissing) && claim.cause == "unknown-user" {
        telling.or("no-secret", Confidence::Possible);
    }
}

/// What else may be wrong with name or password, and what would tell.
fn undecided<'a>(case: &Case<'a>, by: &Checker, telling: &mut Telling<'a>) {
    if by.plugin && !by.radius && !by.directory {
        telling.or("auth-backend-misconfigured", Confidence::Possible);
        telling.or("auth-backend-unreachable", Confidence::Possible);
    }
    telling.or("wrong-password", Confidence::Likely);
    telling.or("unknown-user", Confidence::Possible);
    if by.directory {
        telling.decide("the account itself in the directory: does it exist under exactly this name, and is it locked or expired; an LDAP server does not say so to whoever asks");
    } else if case.told_by(Role::Radius) {
        telling.decide(
            "one more try while the RADIUS server runs with `radiusd -X`: it shows which module refuses, and why",
        );
    } else if by.radius || by.plugin {
        telling.decide(
            "the RADIUS server's log of the same minute, with `auth = yes` in radiusd.conf: it names the reason",
        );
    } else if !case.is_calling() {
        telling.decide("/etc/ppp/chap-secrets: is there a line for exactly this name, the domain included");
    }
}

fn act<'a>(case: &Case<'a>, claim: &Claim<'a>, by: &Checker, telling: &mut Telling<'a>) {
    if case.is_calling() {
        telling.action("Client: enter name and password anew in the connection (pptp-linux: /etc/ppp/chap-secrets and `name` in the peers file; NetworkManager: the VPN tab, domain as `DOMAIN\\user`).");
    } else if claim.cause == "wrong-credentials" {
        // said better here than of the line in general: whether a secret was found is known
        telling.only_own_actions = true;
        telling.action(match by.radius || by.plugin {
            _ if by.directory => "Directory: look the account up, and try its password (`ldapwhoami -x -D DN -W`; for a domain `wbinfo -a 'DOMAIN\\NAME'`).",
            true => "Gateway: see what the RADIUS server logs for this name at this minute; pppd only hears “no”.",
            false => "Gateway: there is a line for this name in /etc/ppp/chap-secrets; compare its password, and its second column with the `name` of the PPP options. The line is `name server password addresses`, quotes round what has blanks.",
        });
        telling.action("Client: enter name and password anew, the name once with and once without its domain (`DOMAIN\\user`, `user@domain`).");
        telling.action(
            "Ask for other devices of this user that still dial in with an old password, before the account is locked.",
        );
    } else if by.is_the_gateway() && claim.cause != "account-restricted" {
        telling.action("Gateway: compare name and server column in /etc/ppp/chap-secrets; the line is `name server password addresses`, quotes round what has blanks.");
    }
}
