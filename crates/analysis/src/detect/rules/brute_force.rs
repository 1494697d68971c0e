//! Many guesses from one source within minutes.

use crate::detect::bucket::Scale;
use crate::detect::finding::Severity;
use crate::detect::memory::name_hash;
use crate::detect::rule::{Detection, Limits, Nature, Refusal, Rule, Scene, Threshold, is_a_device, of_source};
use crate::detect::sigma::{Count, Joined, Least, REFUSED, Said, Sigma, UNWEIGHED};

/// The rule.
pub const RULE: Rule = Rule {
    name: "brute-force",
    severity: Severity::High,
    nature: Nature::Attack,
    techniques: &["T1110.001"],
    finds: "One source is refused more often within minutes than a person who mistypes: two leaky buckets, a minute and ten minutes wide. A refusal counts 1; 0.1 where this user has logged in from there before, 0.5 from a source of honest logins or of one real account in a familiar network, 1.5 for a name that the gateway does not know.",
    matters: "It goes on until a password fits, and every try occupies a control connection, a pppd and the authentication server.",
    wrong: "Several people behind one new address who all mistype within minutes; a device that redials every few seconds with an old password from an address that is new.",
    actions: &[
        "Block the source for a day (firewall, TCP 1723 and UDP 500, 1701, 4500), unless people you know share it.",
        "See below whether a login succeeded from there (success-after-failures); if so reset that password and end the session.",
    ],
    thresholds: &[
        Threshold {
            key: "minute",
            default: 6.0,
            why: "Capacity of the bucket that leaks one a minute: a person needs ten seconds for a try and stops to think; a client that retries by itself does so three times.",
        },
        Threshold {
            key: "ten_minutes",
            default: 10.0,
            why: "Capacity of the bucket that leaks one in ten minutes: ten tries in a row are more than people make before they ask.",
        },
    ],
    sigma: Sigma::Said(&Said {
        bases: &[REFUSED],
        joined: &[
            Joined {
                name: "minute",
                title: "Many VPN logins refused from one address within a minute",
                count: Count::Events,
                of: &["refused"],
                by: &["client_ip"],
                aliases: &[],
                within: "1m",
                least: Least::Above("minute", 1.0),
            },
            Joined {
                name: "ten_minutes",
                title: "Many VPN logins refused from one address within ten minutes",
                count: Count::Events,
                of: &["refused"],
                by: &["client_ip"],
                aliases: &[],
                within: "10m",
                least: Least::Above("ten_minutes", 1.0),
            },
        ],
        loses: UNWEIGHED,
    }),
    make: |limits| Box::new(BruteForce::new(limits)),
};

struct BruteForce {
    scales: [Scale; 2],
}

impl BruteForce {
    fn new(limits: &Limits<'_>) -> BruteForce {
        let scale = |key, leak_s| Scale {
            capacity: limits.of(key),
            leak_s,
        };
        BruteForce {
            scales: [scale("minute", 60.0), scale("ten_minutes", 600.0)],
        }
    }
}

/// What a refusal counts on the fast scales.
pub fn weight(refusal: &Refusal) -> f64 {
    let one = match refusal {
        Refusal { outage: true, .. } => 0.0,
        Refusal { known_pair: true, .. } => 0.1,
        Refusal { source_good: true, .. } => 0.5,
        Refusal {
            honest: true, strange, ..
        } if *strange <= 0.3 => 0.5,
        Refusal { unknown: true, .. } => 1.5,
        _ => 1.0,
    };
    one * refusal.times as f64
}

impl Detection for BruteForce {
    fn refused(&mut self, refusal: &Refusal, scene: &mut Scene<'_>) {
        let Some(source) = refusal.source else { return };
        let now = scene.now;
        let Some(state) = scene.memory.sources.get_mut(&source) else {
            return;
        };
        let weight = weight(refusal);
        let mut over = None;
        for (bucket, scale) in state.buckets.iter_mut().zip(self.scales) {
            if bucket.pour(now, weight, scale) {
                over = over.or(Some(scale));
            }
        }
        let Some(scale) = over.filter(|_| weight > 0.0) else {
            return;
        };
        if is_a_device(refusal, state) {
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
            "{source} was refused {} times since it began. As these refusals count, that is more than {} at once, with one forgiven every {} s; a person who mistypes stays below.",
            state.fails, scale.capacity, scale.leak_s
        );
        scene.raise(key, finding);
    }
}
