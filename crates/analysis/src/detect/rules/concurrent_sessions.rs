//! One account, two places at once.

use crate::detect::bounded::Bounded;
use crate::detect::finding::{Finding, Severity};
use crate::detect::memory::Open;
use crate::detect::region::range;
use crate::detect::rule::{Detection, Limits, Nature, Opening, Rule, Scene, Threshold, finding};
use crate::detect::sigma::Sigma;
use tunlog_model::Evidence;

/// Sessions that are looked at again later.
const WATCHED_MAX: usize = 4_096;

/// The rule.
pub const RULE: Rule = Rule {
    name: "concurrent-sessions",
    severity: Severity::Medium,
    nature: Nature::Suspicion,
    techniques: &["T1078"],
    finds: "A user who is connected connects once more from a foreign network, from where nobody of this gateway ever logged in, and both sessions last.",
    matters: "A stolen password gives no failed login: the owner's own session beside it is often the only sign.",
    wrong: "Somebody who left a computer connected at home and travels.",
    actions: &[
        "Ask the owner whether both sessions are theirs.",
        "If not: end the second session, reset the password, and look at what its address did.",
    ],
    thresholds: &[
        Threshold {
            key: "minutes",
            default: 5.0,
            why: "How long both must last: a session whose client got a new address is noticed by LCP echo within two to three minutes.",
        },
        Threshold {
            key: "strange",
            default: 0.9,
            why: "How foreign the second network is, 0.1 to 1: 0.6 is a /12 (IPv6 /32) from which nobody logs in, 1 a /8; lower values find a telephone beside a laptop, too.",
        },
    ],
    sigma: Sigma::Not(
        "Sigma cannot ask whether a session is still open when another begins, nor whether anybody ever came from a network.",
    ),
    make: |limits| Box::new(ConcurrentSessions::new(limits)),
};

struct Watched {
    user: u64,
    name: Box<str>,
    first: Open,
    second: Open,
    lines: Vec<Evidence>,
}

struct ConcurrentSessions {
    wait: i64,
    strange: f64,
    watched: Bounded<u64, Watched>,
}

impl ConcurrentSessions {
    fn new(limits: &Limits<'_>) -> ConcurrentSessions {
        ConcurrentSessions {
            wait: (limits.of("minutes") * 60e6) as i64,
            strange: limits.of("strange"),
            watched: Bounded::new(WATCHED_MAX),
        }
    }
}

impl Detection for ConcurrentSessions {
    fn opened(&mut self, opening: &Opening<'_>, scene: &mut Scene<'_>) {
        let (Some((name, user)), Some(source), false) = (opening.user, opening.source, opening.known_pair) else {
            return;
        };
        if opening.strange < self.strange {
            return;
        }
        let Some(state) = scene.memory.user(user) else { return };
        let apart = |open: &&Open| range(open.source) != range(source);
        let Some(first) = state.open.iter().rev().find(apart).copied() else {
            return;
        };
        let second = Open {
            key: opening.key,
            source,
            up: opening.time,
        };
        let lines = opening.lines.clone();
        self.watched.entry(opening.key, scene.now, || Watched {
            user,
            name: name.into(),
            first,
            second,
            lines,
        });
        scene.call_back(opening.time.saturating_add(self.wait), opening.key);
    }

    fn due(&mut self, token: u64, scene: &mut Scene<'_>) {
        let Some(watched) = self.watched.remove(&token) else {
            return;
        };
        let Some(state) = scene.memory.user(watched.user) else {
            return;
        };
        let is_open = |wanted: &Open| state.open.iter().any(|open| open.key == wanted.key);
        if !is_open(&watched.first) || !is_open(&watched.second) {
            return;
        }
        let (first, second) = (watched.first, watched.second);
        let found = Finding {
            sources: vec![second.source.into(), first.source.into()],
            users: vec![watched.name.clone()],
            first: first.up,
            last: second.up,
            attempts: 2,
            summary: format!(
                "{} is connected from {} and, at the same time for {} minutes, from {}, a network from which nobody ever logged in.",
                tunlog_model::text::visible(&watched.name),
                first.source,
                self.wait / 60_000_000,
                second.source
            ),
            evidence: watched.lines,
            ..finding(&RULE, scene.now)
        };
        scene.raise(watched.user, found);
    }
}
