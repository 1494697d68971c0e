//! A client that comes and goes without end.

use crate::detect::bounded::Bounded;
use crate::detect::bucket::{Bucket, Scale};
use crate::detect::finding::{Finding, Severity};
use crate::detect::rule::{Detection, Nature, Opening, Rule, Scene, Threshold, finding};
use crate::detect::sigma::{Count, Joined, LOGIN, Least, Said, Sigma};

/// Users that are counted.
const USERS_MAX: usize = 16_384;

/// The rule.
pub const RULE: Rule = Rule {
    name: "reconnect-storm",
    severity: Severity::Low,
    nature: Nature::NoAttack,
    techniques: &[],
    finds: "One user connects again and again within minutes, each time with success.",
    matters: "A broken line or a misconfigured client; it costs addresses and floods the log. The same from two places is one account used twice where only one session is allowed.",
    wrong: "A script that connects for each transfer.",
    actions: &["Look why the sessions end: `tunlog sessions --user NAME`."],
    thresholds: &[Threshold {
        key: "sessions",
        default: 15.0,
        why: "Sessions at once; one in five minutes goes unmentioned.",
    }],
    sigma: Sigma::Said(&Said {
        bases: &[LOGIN],
        joined: &[Joined {
            name: "minutes",
            title: "One user connects to the VPN again and again",
            count: Count::Events,
            of: &["login"],
            by: &["user"],
            aliases: &[],
            within: "5m",
            least: Least::Above("sessions", 1.0),
        }],
        loses: "Nothing.",
    }),
    make: |limits| {
        Box::new(ReconnectStorm {
            capacity: limits.of("sessions"),
            users: Bounded::new(USERS_MAX),
        })
    },
};

struct ReconnectStorm {
    capacity: f64,
    users: Bounded<u64, (Bucket, i64, u64)>,
}

impl Detection for ReconnectStorm {
    fn opened(&mut self, opening: &Opening<'_>, scene: &mut Scene<'_>) {
        let Some((name, user)) = opening.user else { return };
        let (now, scale) = (
            scene.now,
            Scale {
                capacity: self.capacity,
                leak_s: 300.0,
            },
        );
        let (bucket, first, count) = self.users.entry(user, now, || (Bucket::default(), now, 0));
        if bucket.level(now, scale) == 0.0 {
            (*first, *count) = (now, 0);
        }
        *count += 1;
        if !bucket.pour(now, 1.0, scale) {
            return;
        }
        let found = Finding {
            sources: opening.source.map(Into::into).into_iter().collect(),
            users: vec![name.into()],
            first: *first,
            attempts: *count,
            summary: format!(
                "{} connected {count} times within {} minutes.",
                tunlog_model::text::visible(name),
                (now - *first) / 60_000_000
            ),
            evidence: opening.lines.clone(),
            ..finding(&RULE, now)
        };
        scene.raise(user, found);
    }
}
