//! What decides logins is down. No attack, and the reason why refusals of that time are counted against nobody.

use crate::detect::finding::{Finding, Severity};
use crate::detect::rule::{Detection, Nature, Refusal, Rule, Scene, finding};
use crate::detect::sigma::{Base, Count, Joined, Least, Said, Sigma};
use tunlog_model::{Attempt, Evidence};

/// The rule.
pub const RULE: Rule = Rule {
    name: "backend-outage",
    severity: Severity::Low,
    nature: Nature::NoAttack,
    techniques: &[],
    finds: "The gateway says that its RADIUS server or directory does not answer (three tries of two users in ten minutes); or two users who have logged in before are not known any more; or at least six who usually get in fail within ten minutes, and they are eight in ten of those who try.",
    matters: "Nobody gets in; and each refusal looks like a wrong password.",
    wrong: "An attack from inside, from the addresses of many honest people at once.",
    actions: &[
        "See whether the RADIUS server answers, and whether /etc/ppp/chap-secrets can be read: `tunlog diagnose` names the lines.",
    ],
    thresholds: &[],
    sigma: Sigma::Said(&Said {
        bases: &[Base {
            name: "silent",
            title: "What decides VPN logins does not answer",
            service: "attempt",
            fits: &[("cause", &["auth-backend-unreachable", "auth-backend-misconfigured"])],
            but: &[],
        }],
        joined: &[Joined {
            name: "users",
            title: "What decides VPN logins does not answer several users",
            count: Count::Values("user"),
            of: &["silent"],
            by: &["gateway"],
            aliases: &[],
            within: "10m",
            least: Least::Fixed(2.0),
        }],
        loses: "It does not know users who were forgotten, nor that nearly all who usually get in fail.",
    }),
    make: |_| Box::new(BackendOutage { told: i64::MIN }),
};

/// The watching itself is done by `detect::outage`, before any rule sees the refusal.
struct BackendOutage {
    told: i64,
}

impl BackendOutage {
    fn tell(&mut self, scene: &mut Scene<'_>, user: Option<Box<str>>, lines: Vec<Evidence>) {
        let since = scene.memory.outage.since;
        if !scene.memory.outage.is_on(scene.now) || since == self.told {
            return;
        }
        self.told = since;
        let found = Finding {
            users: user.into_iter().collect(),
            first: since,
            attempts: 1,
            summary: "People who usually get in are refused or not answered: what decides logins seems to be down. Refusals are not counted against anybody until it works again.".to_owned(),
            evidence: lines,
            ..finding(&RULE, scene.now)
        };
        scene.raise(since as u64, found);
    }
}

impl Detection for BackendOutage {
    fn refused(&mut self, refusal: &Refusal, scene: &mut Scene<'_>) {
        if refusal.outage && refusal.user_good {
            self.tell(scene, Some(refusal.user.clone()), refusal.lines.clone());
        }
    }

    fn closed(&mut self, attempt: &Attempt, scene: &mut Scene<'_>) {
        if attempt.cause.is_some_and(|cause| cause.starts_with("auth-backend-")) {
            let lines = attempt.evidence.iter().take(4).cloned().collect();
            self.tell(scene, attempt.user.clone(), lines);
        }
    }
}
