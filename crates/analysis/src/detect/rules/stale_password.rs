//! A forgotten device that redials with an old password. No attack.

use crate::detect::finding::{Finding, Severity};
use crate::detect::rule::{Detection, Nature, Refusal, Rule, Scene, Threshold, finding, is_a_device};
use crate::detect::sigma::Sigma;

/// The rule.
pub const RULE: Rule = Rule {
    name: "stale-password",
    severity: Severity::Low,
    nature: Nature::NoAttack,
    techniques: &[],
    finds: "One user fails again and again from where that user has logged in, or from where the redialling device has moved to, at a machine's rhythm.",
    matters: "It locks the account where lock-outs are set, fills the log, and hides attacks.",
    wrong: "Somebody who guesses from the owner's own network.",
    actions: &["Tell the owner: a telephone, tablet or router of theirs still has the old password."],
    thresholds: &[Threshold {
        key: "refusals",
        default: 20.0,
        why: "Refusals of the same name from there: people stop before.",
    }],
    sigma: Sigma::Not("It knows a device by its rhythm and by where its owner has logged in."),
    make: |limits| {
        Box::new(StalePassword {
            refusals: limits.of("refusals") as u64,
        })
    },
};

struct StalePassword {
    refusals: u64,
}

impl StalePassword {
    fn new_device(&self, refusal: &Refusal, scene: &Scene<'_>) -> Option<(u64, i64, f64)> {
        let state = scene.memory.sources.get(&refusal.source?)?;
        let device = is_a_device(refusal, state) && state.fails >= self.refusals;
        device.then(|| (state.fails, state.first, state.period().map_or(0.0, f64::from)))
    }
}

impl Detection for StalePassword {
    fn refused(&mut self, refusal: &Refusal, scene: &mut Scene<'_>) {
        let Some(source) = refusal.source.filter(|_| !refusal.outage) else {
            return;
        };
        let stale = scene.memory.user(refusal.hash).and_then(|user| user.stale);
        let stale = stale.filter(|stale| refusal.known_pair && stale.count >= self.refusals);
        let known = stale.map(|stale| (stale.count, stale.first, stale.period_s));
        let Some((count, first, period)) = known.or_else(|| self.new_device(refusal, scene)) else {
            return;
        };
        let found = Finding {
            sources: vec![source.into()],
            claimed: refusal.claimed,
            users: vec![refusal.user.clone()],
            first,
            last: refusal.time,
            attempts: count,
            evidence: refusal.lines.clone(),
            summary: format!(
                "{} is refused at {source} about every {period:.0} s, {count} times by now: a device with an old password.",
                tunlog_model::text::visible(&refusal.user)
            ),
            ..finding(&RULE, scene.now)
        };
        scene.raise(refusal.hash, found);
    }
}
