//! Clocks that go back. No attack by itself.

use crate::detect::bounded::Bounded;
use crate::detect::finding::{Finding, Severity};
use crate::detect::rule::{Detection, Nature, Rule, Scene, Threshold, finding};
use crate::detect::sigma::Sigma;
use tunlog_model::{Event, Evidence};

/// The rule.
pub const RULE: Rule = Rule {
    name: "clock-jump",
    severity: Severity::Low,
    nature: Nature::NoAttack,
    techniques: &["T1070"],
    finds: "Within one source the stamps go back by more than daemons and syslog disorder them.",
    matters: "Times of the two stretches cannot be compared; certificates and RADIUS depend on the clock.",
    wrong: "Logs put together from several machines; the hour when summer time ends, in stamps without zone.",
    actions: &["See that chrony or ntpd runs; compare with the RADIUS server's log of the same connections."],
    thresholds: &[Threshold {
        key: "seconds",
        default: 30.0,
        why: "Lines of several processes are seconds out of order, no more.",
    }],
    sigma: Sigma::Not("It compares the order of lines with the order of their stamps."),
    make: |limits| {
        Box::new(ClockJump {
            least: (limits.of("seconds") * 1e6) as i64,
            last: Bounded::new(4096),
        })
    },
};

struct ClockJump {
    least: i64,
    last: Bounded<u32, i64>,
}

impl Detection for ClockJump {
    fn wants_events(&self) -> bool {
        true
    }

    fn event(&mut self, event: &Event<'_>, scene: &mut Scene<'_>) {
        let time = event.time.micros;
        let last = self.last.entry(event.source.0, time, || time);
        let back = last.saturating_sub(time);
        *last = time;
        if back < self.least {
            return;
        }
        let found = Finding {
            first: time,
            summary: format!("The stamps go back by {} s.", back / 1_000_000),
            evidence: vec![Evidence {
                source: event.source,
                line: event.line(),
                text: "".into(),
            }],
            ..finding(&RULE, scene.now)
        };
        scene.raise(u64::from(event.source.0), found);
    }
}
