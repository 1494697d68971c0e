//! Sessions that are protected less than before.

use crate::correlate::opening::SETTLED;
use crate::detect::bounded::Bounded;
use crate::detect::finding::{Finding, Severity};
use crate::detect::rule::{Detection, Nature, Opening, Rule, Scene, Threshold, finding};
use crate::detect::sigma::Sigma;
use tunlog_model::{Attempt, Protocol};

/// Users whose protection is remembered.
const USERS_MAX: usize = 32_768;

/// The rule.
pub const RULE: Rule = Rule {
    name: "encryption-downgrade",
    severity: Severity::Medium,
    nature: Nature::Suspicion,
    techniques: &["T1562.010", "T1600.001"],
    finds: "A user whose sessions were encrypted (128-bit MPPE, or L2TP inside IPsec) has one over the same protocol that is not, or with a shorter key.",
    matters: "Whoever sits in between may have struck encryption from the negotiation; the traffic can be read.",
    wrong: "A new device or a changed setting of the client, where the gateway does not insist.",
    actions: &[
        "Let the gateway insist: `require-mppe-128` in /etc/ppp/pptpd-options; L2TP only inside IPsec (firewall: UDP 1701 with policy ipsec).",
        "Ask the user what was changed.",
    ],
    thresholds: &[Threshold {
        key: "sessions",
        default: 3.0,
        why: "Encrypted sessions before: fewer are no habit.",
    }],
    sigma: Sigma::Not("It compares with the protection that the same user always had."),
    make: |limits| {
        Box::new(EncryptionDowngrade {
            sessions: limits.of("sessions") as u32,
            users: Bounded::new(USERS_MAX),
        })
    },
};

struct EncryptionDowngrade {
    sessions: u32,
    /// Sessions with 128-bit MPPE over PPTP, and inside IPsec.
    users: Bounded<u64, (u32, u32)>,
}

impl EncryptionDowngrade {
    fn loss(&mut self, attempt: &Attempt, user: u64, now: i64) -> Option<&'static str> {
        let (mppe, ipsec) = self.users.entry(user, now, || (0, 0));
        match (attempt.protocol?, attempt.mppe_bits) {
            (Protocol::Pptp, Some(128)) => *mppe = mppe.saturating_add(1),
            (Protocol::Pptp, bits) if *mppe >= self.sessions => {
                return Some(if bits.is_some() {
                    "with a short MPPE key"
                } else {
                    "without MPPE"
                });
            }
            (Protocol::L2tpIpsec, _) => *ipsec = ipsec.saturating_add(1),
            (Protocol::L2tp, None) if *ipsec >= self.sessions => return Some("outside IPsec"),
            _ => {}
        }
        None
    }
}

impl Detection for EncryptionDowngrade {
    fn settled(&mut self, opening: &Opening<'_>, scene: &mut Scene<'_>) {
        let Some((name, user)) = opening.user else { return };
        // encryption may be agreed after the addresses are: it is known to be missing when nothing more is said
        let said = opening.time.saturating_add(SETTLED);
        let alarm_time = opening.attempt.ended.map_or(said, |ended| said.min(ended));
        let Some(loss) = self.loss(opening.attempt, user, scene.now) else {
            return;
        };
        let found = Finding {
            sources: opening.source.map(Into::into).into_iter().collect(),
            users: vec![name.into()],
            first: opening.time,
            attempts: 1,
            summary: format!(
                "{} is connected {loss}, and had at least {} encrypted sessions before.",
                tunlog_model::text::visible(name),
                self.sessions
            ),
            evidence: opening.lines.clone(),
            alarm_time,
            ..finding(&RULE, scene.now)
        };
        scene.raise(user, found);
    }
}
