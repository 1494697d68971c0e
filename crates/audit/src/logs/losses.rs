//! Lines that were lost before they could be written.

use super::{Scene, Tally, Watch};
use crate::{Family, Report, Rule, Severity};

const LOST: Rule = Rule {
    id: "log-lines-lost",
    severity: Severity::Medium,
    title: "Log lines were lost",
    finds: "Markers of journald, rsyslog or the kernel that lines were suppressed or lost.",
    why: "What was lost may be the log-in that somebody asks for; whoever can make a daemon write much can hide in it.",
    wrong: "A burst while a fault was looked for, with `debug` on.",
    action: "journald.conf: raise `RateLimitBurst=` (10000 in 30 s by default) or set `LogRateLimitIntervalSec=` in the service; rsyslog: `$SystemLogRateLimitInterval 0` or a larger `SystemLogRateLimitBurst`; remove `debug` from pppd's options, which writes each packet.",
    reference: "journald.conf(5), RateLimitBurst=; systemd.exec(5), LogRateLimitIntervalSec=; rsyslog, imuxsock and imjournal",
};

/// What is asked of gaps.
pub static FAMILY: Family = Family {
    name: "losses",
    title: "Gaps in the logs",
    rules: &[LOST],
    run: |_, _| {},
};

/// Counts gaps.
#[derive(Default)]
pub struct Losses {
    gaps: Tally,
    lines: u64,
}

impl Watch for Losses {
    fn lost(&mut self, count: Option<u64>, time: i64) {
        self.gaps.time(time);
        self.lines = self.lines.saturating_add(count.unwrap_or(0));
    }

    fn finish(&mut self, scene: &Scene<'_>, report: &mut Report) {
        if self.gaps.is_empty() {
            return;
        }
        let lines = match self.lines {
            0 => String::new(),
            1 => " (1 line)".to_owned(),
            count => format!(" ({count} lines)"),
        };
        let summary = format!("Lines were lost{lines}: {}.", self.gaps.words("gap", "gaps"));
        report.add(self.gaps.check(&LOST, scene, summary));
    }
}
