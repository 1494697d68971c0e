//! Far more traffic than a user ever had.

use crate::detect::bounded::Bounded;
use crate::detect::finding::{Finding, Severity};
use crate::detect::memory::name_hash;
use crate::detect::rule::{Detection, Limits, Nature, Rule, Scene, Threshold, finding};
use crate::detect::sigma::Sigma;
use tunlog_model::Attempt;

/// Users whose habits are remembered.
const USERS_MAX: usize = 32_768;

/// The rule.
pub const RULE: Rule = Rule {
    name: "unusual-traffic",
    severity: Severity::Low,
    nature: Nature::Suspicion,
    techniques: &["T1048"],
    finds: "A session that moves far more bytes to its client than any habit of this user explains: by mean and deviation of the logarithm of what earlier sessions moved.",
    matters: "Somebody may be copying what the account can reach.",
    wrong: "A first backup, a large file for once.",
    actions: &["Ask the user; look at what the address inside the tunnel fetched."],
    thresholds: &[
        Threshold {
            key: "deviations",
            default: 5.0,
            why: "Standard deviations above the mean of log2 of the bytes: traffic of sessions varies by powers.",
        },
        Threshold {
            key: "sessions",
            default: 20.0,
            why: "Sessions before there is a habit.",
        },
        Threshold {
            key: "mebibytes",
            default: 500.0,
            why: "Below this it is not worth a question.",
        },
    ],
    sigma: Sigma::Not("It compares with the habit of each user."),
    make: |limits| Box::new(UnusualTraffic::new(limits)),
};

/// Count, mean and sum of squares (Welford 1962) of log2 of bytes.
#[derive(Clone, Copy, Default)]
struct Habit {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Habit {
    fn learn(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }

    fn deviation(&self) -> f64 {
        (self.squares / (self.count - 1.0).max(1.0)).sqrt().max(1.0)
    }
}

struct UnusualTraffic {
    deviations: f64,
    sessions: f64,
    bytes: f64,
    users: Bounded<u64, Habit>,
}

impl UnusualTraffic {
    fn new(limits: &Limits<'_>) -> UnusualTraffic {
        UnusualTraffic {
            deviations: limits.of("deviations"),
            sessions: limits.of("sessions"),
            bytes: limits.of("mebibytes") * 1_048_576.0,
            users: Bounded::new(USERS_MAX),
        }
    }
}

impl Detection for UnusualTraffic {
    fn counted(&mut self, attempt: &Attempt, scene: &mut Scene<'_>) {
        self.closed(attempt, scene);
    }

    fn closed(&mut self, attempt: &Attempt, scene: &mut Scene<'_>) {
        let (Some(user), Some(bytes)) = (attempt.user.as_deref(), attempt.bytes_to_client) else {
            return;
        };
        let (now, hash) = (scene.now, name_hash(user));
        let habit = self.users.entry(hash, now, Habit::default);
        let before = *habit;
        let value = (bytes as f64 + 1.0).log2();
        habit.learn(value);
        let above = (value - before.mean) / before.deviation();
        if before.count < self.sessions || (bytes as f64) < self.bytes || above < self.deviations {
            return;
        }
        let found = Finding {
            sources: attempt.client_ip.map(Into::into).into_iter().collect(),
            users: vec![user.into()],
            first: attempt.started,
            last: attempt.last_seen,
            attempts: 1,
            summary: format!(
                "A session of {} moved {} MiB to its client, {above:.1} deviations above {} earlier sessions of about {:.0} MiB.",
                tunlog_model::text::visible(user),
                bytes >> 20,
                before.count,
                before.mean.exp2() / 1_048_576.0
            ),
            evidence: attempt.evidence.iter().rev().take(4).rev().cloned().collect(),
            ..finding(&RULE, now)
        };
        scene.raise(hash, found);
    }
}
