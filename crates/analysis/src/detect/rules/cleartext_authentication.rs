//! Passwords that cross the network in the clear.

use crate::detect::finding::{Finding, Severity};
use crate::detect::memory::name_hash;
use crate::detect::rule::{Detection, Nature, Opening, Rule, Scene, finding};
use crate::detect::sigma::{Base, Said, Sigma};
use tunlog_model::Protocol;

/// The rule.
pub const RULE: Rule = Rule {
    name: "cleartext-authentication",
    severity: Severity::Low,
    nature: Nature::NoAttack,
    techniques: &["T1040"],
    finds: "A login by PAP outside IPsec: the password itself was sent. Once a day for each gateway.",
    matters: "Whoever sees the packets has the password.",
    wrong: "Tunnels inside another protected network.",
    actions: &["Refuse PAP (`refuse-pap`, `require-mschap-v2`), or let L2TP in only inside IPsec."],
    thresholds: &[],
    sigma: Sigma::Said(&Said {
        bases: &[Base {
            name: "pap",
            title: "A VPN login by PAP outside IPsec",
            service: "attempt",
            fits: &[("outcome", &["established", "open"]), ("auth_method", &["pap"])],
            but: &[("protocol", &["l2tp-ipsec"])],
        }],
        joined: &[],
        loses: "Nothing; but each login is told, not one a day.",
    }),
    make: |_| Box::new(CleartextAuthentication),
};

struct CleartextAuthentication;

impl Detection for CleartextAuthentication {
    fn opened(&mut self, opening: &Opening<'_>, scene: &mut Scene<'_>) {
        let attempt = opening.attempt;
        if attempt.auth_method != Some("pap") || attempt.protocol == Some(Protocol::L2tpIpsec) {
            return;
        }
        let found = Finding {
            sources: opening.source.map(Into::into).into_iter().collect(),
            users: opening.user.map(|(name, _)| name.into()).into_iter().collect(),
            first: opening.time,
            attempts: 1,
            summary: "A login by PAP outside IPsec was accepted: its password crossed the network in the clear."
                .to_owned(),
            evidence: opening.lines.clone(),
            ..finding(&RULE, scene.now)
        };
        scene.raise(name_hash(attempt.gateway.as_deref().unwrap_or_default()), found);
    }
}
