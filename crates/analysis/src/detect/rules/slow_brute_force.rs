//! Guesses from one source that keep below every lock-out, for hours and days.

use crate::detect::bucket::Scale;
use crate::detect::finding::Severity;
use crate::detect::memory::name_hash;
use crate::detect::rule::{Detection, Limits, Nature, Refusal, Rule, Scene, Threshold, is_a_device, of_source};
use crate::detect::sigma::{Count, Joined, Least, REFUSED, Said, Sigma, UNWEIGHED};

/// The rule.
pub const RULE: Rule = Rule {
    name: "slow-brute-force",
    severity: Severity::Medium,
    nature: Nature::Attack,
    techniques: &["T1110.001"],
    finds: "One source keeps on being refused for hours or days, slowly or in small groups: two leaky buckets that leak one in two hours and one in twelve hours. Tries with a name that has logged in from there before do not count (that is stale-password), those from a source of honest logins count half.",
    matters: "Whoever guesses one password in a quarter of an hour passes below fail2ban and lock-out rules and still makes 3000 tries a month.",
    wrong: "A device with an old password at an address from which its owner never logged in, if its rhythm is uneven; somebody who tries for days without asking.",
    actions: &[
        "Block the source for a week, unless people you know share it.",
        "Ask the owner of the account whether that is a device of theirs; if not, see that the password is long.",
    ],
    thresholds: &[
        Threshold {
            key: "two_hours",
            default: 14.0,
            why: "Capacity of the bucket that leaks one in two hours: somebody who forgot a password made at most some ten tries in a morning before asking.",
        },
        Threshold {
            key: "twelve_hours",
            default: 16.0,
            why: "Capacity of the bucket that leaks one in twelve hours: finds one try in three hours within three days.",
        },
    ],
    sigma: Sigma::Said(&Said {
        bases: &[REFUSED],
        joined: &[
            Joined {
                name: "half_day",
                title: "VPN logins refused from one address over hours",
                count: Count::Events,
                of: &["refused"],
                by: &["client_ip"],
                aliases: &[],
                within: "12h",
                least: Least::Above("two_hours", 6.0),
            },
            Joined {
                name: "three_days",
                title: "VPN logins refused from one address over days",
                count: Count::Events,
                of: &["refused"],
                by: &["client_ip"],
                aliases: &[],
                within: "3d",
                least: Least::Above("twelve_hours", 6.0),
            },
        ],
        loses: UNWEIGHED,
    }),
    make: |limits| Box::new(SlowBruteForce::new(limits)),
};

/// Seconds between two refusals, in the mean, from which on guessing is slow.
const SLOW_S: f64 = 120.0;

struct SlowBruteForce {
    scales: [Scale; 2],
}

impl SlowBruteForce {
    fn new(limits: &Limits<'_>) -> SlowBruteForce {
        let scale = |key, leak_s| Scale {
            capacity: limits.of(key),
            leak_s,
        };
        SlowBruteForce {
            scales: [scale("two_hours", 7_200.0), scale("twelve_hours", 43_200.0)],
        }
    }
}

/// What a refusal counts on the slow scales.
pub fn weight(refusal: &Refusal) -> f64 {
    let one = match refusal {
        Refusal { outage: true, .. } | Refusal { known_pair: true, .. } => 0.0,
        Refusal { source_good: true, .. } => 0.5,
        _ => 1.0,
    };
    one * refusal.times as f64
}

impl Detection for SlowBruteForce {
    fn refused(&mut self, refusal: &Refusal, scene: &mut Scene<'_>) {
        let Some(source) = refusal.source else { return };
        let now = scene.now;
        let Some(state) = scene.memory.sources.get_mut(&source) else {
            return;
        };
        let weight = weight(refusal);
        let mut over = None;
        for (bucket, scale) in state.buckets.iter_mut().skip(2).zip(self.scales) {
            if bucket.pour(now, weight, scale) {
                over = over.or(Some(scale));
            }
        }
        let Some(scale) = over.filter(|_| weight > 0.0) else {
            return;
        };
        // what is quick is the business of brute-force, and told by it
        let gap = (refusal.time - state.first).max(0) as f64 / 1e6 / state.fails.max(1) as f64;
        if is_a_device(refusal, state) || gap < SLOW_S {
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
            "{source} was refused {} times over {:.1} hours and goes on: more than {} at once, with one forgiven every {:.0} hours. Nobody ever logged in from there with these names.",
            state.fails,
            (refusal.time - state.first).max(0) as f64 / 3.6e9,
            scale.capacity,
            scale.leak_s / 3600.0
        );
        scene.raise(key, finding);
    }
}
