//! One source looks for names that exist.

use crate::detect::finding::Severity;
use crate::detect::memory::name_hash;
use crate::detect::rule::{Detection, Nature, Refusal, Rule, Scene, Threshold, of_source};
use crate::detect::sigma::{Base, Count, Joined, Least, Said, Sigma, UNWEIGHED};

const HOUR: i64 = 3_600_000_000;

/// The rule.
pub const RULE: Rule = Rule {
    name: "user-enumeration",
    severity: Severity::Medium,
    nature: Nature::Attack,
    techniques: &["T1589.001", "T1110.001"],
    finds: "One source tries several names within an hour that the gateway does not know.",
    matters: "Whoever knows the names needs passwords only; guessing begins when a name answers otherwise than the rest.",
    wrong: "People behind one new address who all write their name without its domain.",
    actions: &[
        "Block the source for a day, unless people you know share it.",
        "See that the gateway answers alike to names that exist and names that do not.",
    ],
    thresholds: &[
        Threshold {
            key: "hour",
            default: 5.0,
            why: "Unknown names within an hour: one person mistypes one name in two or three ways.",
        },
        Threshold {
            key: "hour_shared",
            default: 15.0,
            why: "The same where people log in from the same address.",
        },
    ],
    sigma: Sigma::Said(&Said {
        bases: &[Base {
            name: "unknown",
            title: "A VPN login with a name that the gateway does not know",
            service: "attempt",
            fits: &[("cause", &["unknown-user", "no-secret"])],
            but: &[],
        }],
        joined: &[Joined {
            name: "hour",
            title: "One address tries many names that the VPN gateway does not know",
            count: Count::Values("user"),
            of: &["unknown"],
            by: &["client_ip"],
            aliases: &[],
            within: "1h",
            least: Least::Threshold("hour"),
        }],
        loses: UNWEIGHED,
    }),
    make: |limits| {
        Box::new(UserEnumeration {
            hour: [limits.of("hour"), limits.of("hour_shared")],
        })
    },
};

struct UserEnumeration {
    hour: [f64; 2],
}

impl Detection for UserEnumeration {
    fn refused(&mut self, refusal: &Refusal, scene: &mut Scene<'_>) {
        let counts = refusal.unknown && !refusal.known_pair && !refusal.outage && !refusal.user_good;
        let Some(source) = refusal.source.filter(|_| counts) else {
            return;
        };
        let now = scene.now;
        let Some(state) = scene.memory.sources.get_mut(&source) else {
            return;
        };
        let least = self.hour[usize::from(refusal.source_good)];
        if (state.tried.len() as f64) < least {
            return;
        }
        let unknown = state.new_names(now - HOUR, true);
        // where most names exist somebody has the list already: that is a spray
        if (unknown as f64) < least || unknown * 10 < state.new_names(now - HOUR, false) * 6 {
            return;
        }
        state.alarmed = Some(now);
        let key = name_hash(&source.to_string());
        if scene.is_told(key) {
            return;
        }
        let Some(state) = scene.memory.sources.get(&source) else {
            return;
        };
        let mut finding = of_source(&RULE, now, refusal, source, state);
        finding.summary = format!(
            "{source} tried {unknown} names within an hour that the gateway does not know, {} names in all; up to {} would be mistyped ones.",
            state.names.count(),
            least - 1.0
        );
        scene.raise(key, finding);
    }
}
