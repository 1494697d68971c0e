//! One source, many accounts.

use crate::detect::finding::Severity;
use crate::detect::memory::name_hash;
use crate::detect::rule::{Detection, Limits, Nature, Refusal, Rule, Scene, Threshold, of_source};
use crate::detect::sigma::{Count, Joined, Least, REFUSED, Said, Sigma, UNWEIGHED};

const HOUR: i64 = 3_600_000_000;

/// The rule.
pub const RULE: Rule = Rule {
    name: "password-spray",
    severity: Severity::High,
    nature: Nature::Attack,
    techniques: &["T1110.003"],
    finds: "One source is refused with many different names with which nobody ever logged in from there, within an hour or a day.",
    matters: "A few usual passwords tried on every account trip no lock-out, and in most lists of users one fits.",
    wrong: "A new office behind one address on its first day, if many mistype before one gets in.",
    actions: &[
        "Block the source for a day, unless people you know share it.",
        "Have the accounts that were tried checked for usual passwords.",
    ],
    thresholds: &[
        Threshold {
            key: "hour",
            default: 6.0,
            why: "Different names within an hour: a household has fewer people.",
        },
        Threshold {
            key: "day",
            default: 9.0,
            why: "The same within a day, for a spray of one try in twenty minutes.",
        },
        Threshold {
            key: "hour_shared",
            default: 20.0,
            why: "Within an hour where people log in from the same address: a visitor's hotel or an office behind NAT on the day when passwords expired.",
        },
        Threshold {
            key: "day_shared",
            default: 40.0,
            why: "The same within a day.",
        },
    ],
    sigma: Sigma::Said(&Said {
        bases: &[REFUSED],
        joined: &[
            Joined {
                name: "hour",
                title: "One address refused at the VPN with many names within an hour",
                count: Count::Values("user"),
                of: &["refused"],
                by: &["client_ip"],
                aliases: &[],
                within: "1h",
                least: Least::Threshold("hour"),
            },
            Joined {
                name: "day",
                title: "One address refused at the VPN with many names within a day",
                count: Count::Values("user"),
                of: &["refused"],
                by: &["client_ip"],
                aliases: &[],
                within: "1d",
                least: Least::Threshold("day"),
            },
        ],
        loses: UNWEIGHED,
    }),
    make: |limits| Box::new(PasswordSpray::new(limits)),
};

struct PasswordSpray {
    hour: [f64; 2],
    day: [f64; 2],
}

impl PasswordSpray {
    fn new(limits: &Limits<'_>) -> PasswordSpray {
        PasswordSpray {
            hour: [limits.of("hour"), limits.of("hour_shared")],
            day: [limits.of("day"), limits.of("day_shared")],
        }
    }
}

impl Detection for PasswordSpray {
    fn refused(&mut self, refusal: &Refusal, scene: &mut Scene<'_>) {
        let Some(source) = refusal.source.filter(|_| !refusal.known_pair && !refusal.outage) else {
            return;
        };
        let now = scene.now;
        let Some(state) = scene.memory.sources.get_mut(&source) else {
            return;
        };
        let shared = usize::from(refusal.source_good);
        if (state.tried.len() as f64) < self.hour[shared].min(self.day[shared]) {
            return;
        }
        let (hour, day) = (
            state.new_names(now - HOUR, false),
            state.new_names(now - 24 * HOUR, false),
        );
        if (hour as f64) < self.hour[shared] && (day as f64) < self.day[shared] {
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
            "{source} was refused with {} names, {hour} of them within an hour and {day} within a day; nobody ever logged in from there with any of them. {} within an hour or {} within a day would still be people.",
            state.names.count(),
            self.hour[shared] - 1.0,
            self.day[shared] - 1.0
        );
        scene.raise(key, finding);
    }
}
