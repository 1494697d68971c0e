//! What comes to the control port and is no VPN.

use crate::detect::bucket::{Bucket, Scale};
use crate::detect::finding::{Finding, Severity};
use crate::detect::rule::{Detection, Nature, Rule, Scene, Threshold, finding};
use crate::detect::sigma::{Base, Count, Joined, Least, Said, Sigma};
use tunlog_model::{Event, EventKind, Evidence, Field};

/// The rule.
pub const RULE: Rule = Rule {
    name: "protocol-abuse",
    severity: Severity::Low,
    nature: Nature::Attack,
    techniques: &["T1190"],
    finds: "Messages that break the protocol, or are another one, in numbers: lengths, magic cookies and types that no client sends.",
    matters: "Scanners look for services; fuzzing looks for faults of the daemon.",
    wrong: "A monitoring tool that asks the port for HTTP.",
    actions: &["Limit the port to the countries and networks that need it; keep the daemon patched."],
    thresholds: &[Threshold {
        key: "burst",
        default: 20.0,
        why: "Such messages at once; one a minute goes unmentioned. pptpd names no address with them, so they are told of nobody, and quietly.",
    }],
    sigma: Sigma::Said(&Said {
        bases: &[Base {
            name: "malformed",
            title: "A message that is no VPN protocol, or breaks it",
            service: "event",
            fits: &[("event", &["not-vpn-traffic", "malformed"])],
            but: &[],
        }],
        joined: &[Joined {
            name: "ten_minutes",
            title: "Many messages that are no VPN protocol",
            count: Count::Events,
            of: &["malformed"],
            by: &["gateway"],
            aliases: &[],
            within: "10m",
            least: Least::Above("burst", 10.0),
        }],
        loses: "Nothing.",
    }),
    make: |limits| {
        Box::new(ProtocolAbuse {
            capacity: limits.of("burst"),
            bucket: Bucket::default(),
            first: 0,
            count: 0,
        })
    },
};

struct ProtocolAbuse {
    capacity: f64,
    bucket: Bucket,
    first: i64,
    count: u64,
}

impl Detection for ProtocolAbuse {
    fn wants_events(&self) -> bool {
        true
    }

    fn event(&mut self, event: &Event<'_>, scene: &mut Scene<'_>) {
        if !matches!(event.message().kind, EventKind::NotVpnTraffic | EventKind::Malformed) || !event.trusted() {
            return;
        }
        let (now, scale) = (
            scene.now,
            Scale {
                capacity: self.capacity,
                leak_s: 60.0,
            },
        );
        if self.bucket.level(now, scale) == 0.0 {
            (self.first, self.count) = (now, 0);
        }
        self.count += 1;
        if !self.bucket.pour(now, 1.0, scale) {
            return;
        }
        let found = Finding {
            sources: event.ip(Field::ClientIp).map(Into::into).into_iter().collect(),
            first: self.first,
            attempts: self.count,
            summary: format!(
                "{} messages that are no VPN protocol came within {} s.",
                self.count,
                (now - self.first) / 1_000_000
            ),
            evidence: vec![Evidence {
                source: event.source,
                line: event.line(),
                text: "".into(),
            }],
            ..finding(&RULE, now)
        };
        scene.raise(0, found);
    }
}
