//! Holes in the evidence. No attack by itself.

use crate::detect::finding::{Finding, Severity};
use crate::detect::rule::{Detection, Nature, Rule, Scene, Threshold, finding};
use crate::detect::sigma::Sigma;
use tunlog_model::{Event, EventKind, Evidence};

const HOUR: i64 = 3_600_000_000;

/// The rule.
pub const RULE: Rule = Rule {
    name: "log-gap",
    severity: Severity::Low,
    nature: Nature::NoAttack,
    techniques: &["T1562.006", "T1070.002"],
    finds: "The writer says that lines were lost; or nothing at all was written for hours in which the days before had many lines.",
    matters: "What is not written cannot be found; who got in may have cut the log.",
    wrong: "A machine that was switched off; a holiday on a gateway that is used in office hours only.",
    actions: &[
        "See whether the machine was down (`last -x`), the disk full, or the rate limit of journald or rsyslog reached.",
        "Compare with a copy elsewhere: the log server, RADIUS, the firewall.",
    ],
    thresholds: &[Threshold {
        key: "expected",
        default: 200.0,
        why: "Events that the same hours of the days before had: as many do not fail to come by chance.",
    }],
    sigma: Sigma::Not("Sigma cannot say that something is missing."),
    make: |limits| {
        Box::new(LogGap {
            expected: limits.of("expected"),
            hours: [0.0; 24],
            days: 0,
            day: 0,
            today: [0; 24],
            last: None,
        })
    },
};

struct LogGap {
    expected: f64,
    /// Smoothed events of each hour of the day.
    hours: [f64; 24],
    days: u32,
    day: i64,
    today: [u32; 24],
    last: Option<i64>,
}

impl LogGap {
    /// A day is over: it becomes part of what is usual.
    fn turn(&mut self, day: i64) {
        if self.day != 0 {
            let share = if self.days == 0 { 1.0 } else { 0.3 };
            for (usual, count) in self.hours.iter_mut().zip(self.today) {
                *usual += share * (f64::from(count) - *usual);
            }
            self.days += 1;
        }
        self.day = day;
        self.today = [0; 24];
    }

    /// How many events the hours between two times usually have.
    fn usual(&self, from: i64, until: i64) -> f64 {
        let hours = (from.div_euclid(HOUR) + 1)..until.div_euclid(HOUR);
        hours
            .take(24)
            .map(|hour| self.hours[hour.rem_euclid(24) as usize])
            .sum()
    }
}

impl Detection for LogGap {
    fn wants_events(&self) -> bool {
        true
    }

    fn event(&mut self, event: &Event<'_>, scene: &mut Scene<'_>) {
        let now = event.time.micros;
        let day = now.div_euclid(24 * HOUR);
        let last = self.last.replace(now);
        if let Some(last) = last.filter(|last| now - last >= 2 * HOUR && self.days >= 3) {
            let usual = self.usual(last, now);
            if usual >= self.expected {
                let found = Finding {
                    first: last,
                    last: now,
                    summary: format!(
                        "Nothing was written for {:.1} hours that usually have {usual:.0} events.",
                        (now - last) as f64 / HOUR as f64
                    ),
                    evidence: vec![Evidence {
                        source: event.source,
                        line: event.line(),
                        text: "".into(),
                    }],
                    ..finding(&RULE, scene.now)
                };
                scene.raise(now as u64, found);
            }
        }
        if day != self.day {
            self.turn(day);
        }
        let count = &mut self.today[now.div_euclid(HOUR).rem_euclid(24) as usize];
        *count = count.saturating_add(1);
        if event.message().kind == EventKind::EvidenceGap {
            self.lost(None, scene);
        }
    }

    fn lost(&mut self, count: Option<u64>, scene: &mut Scene<'_>) {
        let many = count.map_or_else(|| "lines".to_owned(), |count| format!("{count} lines"));
        let found = Finding {
            attempts: count.unwrap_or(0),
            summary: format!("The writer of a log says that {many} were lost here."),
            ..finding(&RULE, scene.now)
        };
        scene.raise(0, found);
    }
}
