//! Control connections by the hundred.

use std::net::IpAddr;

use crate::detect::bounded::Bounded;
use crate::detect::bucket::{Bucket, Scale};
use crate::detect::finding::{Finding, Severity};
use crate::detect::memory::name_hash;
use crate::detect::rule::{Detection, Limits, Nature, Rule, Scene, Threshold, finding};
use crate::detect::sigma::{Base, Count, Joined, Least, Said, Sigma};
use tunlog_model::{Attempt, Outcome};

/// Sources that are counted.
const SOURCES_MAX: usize = 16_384;

/// The rule.
pub const RULE: Rule = Rule {
    name: "control-flood",
    severity: Severity::Medium,
    nature: Nature::Attack,
    techniques: &["T1499.002"],
    finds: "One source opens control connections, or asks for tunnels, faster than a client can, and never comes to a login.",
    matters: "pptpd serves one new connection at a time and has a limit of connections: others are kept out.",
    wrong: "A monitoring probe with a very short interval.",
    actions: &[
        "Limit new connections for each source in the firewall (nftables `limit rate`, hashlimit), or block it.",
    ],
    thresholds: &[
        Threshold {
            key: "burst",
            default: 60.0,
            why: "Connections without a login at once: a broken client redials every second or two.",
        },
        Threshold {
            key: "seconds",
            default: 4.0,
            why: "One more in so many seconds is borne: a probe comes once a minute, a client that hears nothing every thirty seconds.",
        },
    ],
    sigma: Sigma::Said(&Said {
        bases: &[Base {
            name: "no_login",
            title: "A VPN connection that came to no login",
            service: "attempt",
            fits: &[
                ("outcome", &["failed"]),
                (
                    "cause",
                    &["abandoned", "not-vpn-traffic", "gre-blocked", "l2tp-unanswered"],
                ),
            ],
            but: &[],
        }],
        joined: &[Joined {
            name: "minute",
            title: "One address opens VPN connections by the dozen and never logs in",
            count: Count::Events,
            of: &["no_login"],
            by: &["client_ip"],
            aliases: &[],
            within: "1m",
            least: Least::Above("burst", 15.0),
        }],
        loses: "The rate is that of the default `seconds`.",
    }),
    make: |limits| Box::new(ControlFlood::new(limits)),
};

struct ControlFlood {
    scale: Scale,
    sources: Bounded<IpAddr, (Bucket, i64, u64)>,
}

impl ControlFlood {
    fn new(limits: &Limits<'_>) -> ControlFlood {
        ControlFlood {
            scale: Scale {
                capacity: limits.of("burst"),
                leak_s: limits.of("seconds").max(0.001),
            },
            sources: Bounded::new(SOURCES_MAX),
        }
    }
}

impl Detection for ControlFlood {
    fn closed(&mut self, attempt: &Attempt, scene: &mut Scene<'_>) {
        let no_login = matches!(
            attempt.cause,
            Some("abandoned" | "not-vpn-traffic" | "gre-blocked" | "l2tp-unanswered")
        );
        let Some(source) = attempt
            .client_ip
            .filter(|_| attempt.outcome == Outcome::Failed && no_login)
        else {
            return;
        };
        let now = scene.now;
        let (bucket, first, count) = self.sources.entry(source, now, || (Bucket::default(), now, 0));
        if bucket.level(now, self.scale) == 0.0 {
            (*first, *count) = (now, 0);
        }
        *count += attempt.times;
        if !bucket.pour(now, attempt.times as f64, self.scale) {
            return;
        }
        let found = Finding {
            sources: vec![source.into()],
            first: *first,
            attempts: *count,
            summary: format!(
                "{source} opened {count} connections in {} s and came to no login; one in {} s would be borne.",
                (now - *first) / 1_000_000,
                self.scale.leak_s
            ),
            evidence: attempt.evidence.iter().take(4).cloned().collect(),
            ..finding(&RULE, now)
        };
        scene.raise(name_hash(&source.to_string()), found);
    }
}
