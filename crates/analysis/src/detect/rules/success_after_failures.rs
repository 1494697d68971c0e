//! A login from where guessing came from.

use crate::detect::finding::{Finding, Severity, Taken};
use crate::detect::memory::name_hash;
use crate::detect::region::FOREIGN;
use crate::detect::rule::{Detection, Limits, Nature, Opening, Rule, Scene, Threshold, finding};
use crate::detect::sigma::{Count, Joined, LOGIN, Least, REFUSED, Said, Sigma};

const HOUR: i64 = 3_600_000_000;

/// The rule.
pub const RULE: Rule = Rule {
    name: "success-after-failures",
    severity: Severity::Critical,
    nature: Nature::Attack,
    techniques: &["T1110", "T1078"],
    finds: "Somebody logs in for the first time from a source that an alarm named within a day; or to an account that is under attack from many sources, from a foreign network; or from a foreign network after more refusals than a person makes.",
    matters: "The password is known to whoever guessed: they are inside now.",
    wrong: "A person abroad who tried very often and then remembered.",
    actions: &[
        "End the session and block the source.",
        "Reset the password, and look at what the address inside the tunnel did since.",
        "Ask the owner whether it was them before anything else is concluded.",
    ],
    thresholds: &[
        Threshold {
            key: "refusals",
            default: 12.0,
            why: "Refusals of the same name from the same foreign source before the login: people ask before the tenth.",
        },
        Threshold {
            key: "attacked_hours",
            default: 24.0,
            why: "How long after an attack from many sources a login from a foreign network counts.",
        },
    ],
    sigma: Sigma::Said(&Said {
        bases: &[REFUSED, LOGIN],
        joined: &[
            Joined {
                name: "guessing",
                title: "Many VPN logins refused from one address within a day",
                count: Count::Events,
                of: &["refused"],
                by: &["client_ip"],
                aliases: &[],
                within: "1d",
                least: Least::Threshold("refusals"),
            },
            Joined {
                name: "success",
                title: "A VPN login from an address that was refused many times",
                count: Count::InOrder,
                of: &["guessing", "login"],
                by: &["client_ip"],
                aliases: &[],
                within: "1d",
                least: Least::EachOne,
            },
        ],
        loses: "It does not know that the user has logged in from there before, nor of accounts that are guessed at from many sources.",
    }),
    make: |limits| Box::new(SuccessAfterFailures::new(limits)),
};

struct SuccessAfterFailures {
    refusals: f64,
    attacked: i64,
}

impl SuccessAfterFailures {
    fn new(limits: &Limits<'_>) -> SuccessAfterFailures {
        SuccessAfterFailures {
            refusals: limits.of("refusals"),
            attacked: (limits.of("attacked_hours") * HOUR as f64) as i64,
        }
    }

    /// Why a login is no honest one, if so.
    fn reason(&self, opening: &Opening<'_>, hash: u64, scene: &Scene<'_>) -> Option<String> {
        let now = scene.now;
        let foreign = opening.strange >= FOREIGN;
        let state = scene.memory.sources.get(&opening.source?);
        if state.is_some_and(|state| state.alarmed.is_some_and(|alarmed| now - alarmed <= 24 * HOUR)) {
            let fails = state.map_or(0, |state| state.fails);
            return Some(format!("after {fails} refusals there that an alarm was about"));
        }
        let user = scene.memory.user(hash)?;
        if foreign && user.attacked.is_some_and(|attacked| now - attacked <= self.attacked) {
            return Some("from a foreign network, while the account is guessed at from many sources".to_owned());
        }
        let tried = state?.tried.iter().find(|tried| tried.user == hash)?;
        (foreign && tried.fails as f64 >= self.refusals)
            .then(|| format!("from a foreign network after {} refusals of the same name", tried.fails))
    }
}

impl Detection for SuccessAfterFailures {
    fn opened(&mut self, opening: &Opening<'_>, scene: &mut Scene<'_>) {
        let (Some((user, hash)), Some(source), false) = (opening.user, opening.source, opening.known_pair) else {
            return;
        };
        let Some(reason) = self.reason(opening, hash, scene) else {
            return;
        };
        let state = scene.memory.sources.get(&source);
        let mut evidence: Vec<_> = state.map_or_else(Vec::new, |state| state.lines.iter().cloned().collect());
        evidence.extend(opening.lines.iter().cloned());
        let found = Finding {
            sources: vec![source.into()],
            users: vec![user.into()],
            first: state.map_or(opening.time, |state| state.first),
            last: opening.time,
            attempts: state.map_or(0, |state| state.fails) + 1,
            succeeded: vec![Taken {
                user: user.into(),
                client_ip: Some(source),
                time: opening.time,
            }],
            summary: format!(
                "{} logged in from {source}, from where this user never did, {reason}.",
                tunlog_model::text::visible(user)
            ),
            evidence,
            ..finding(&RULE, scene.now)
        };
        scene.raise(hash ^ name_hash(&source.to_string()), found);
    }
}
