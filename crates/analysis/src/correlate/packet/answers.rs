//! RADIUS packets of a capture: what the server said about a user, attached to the attempt that asked.

use std::collections::VecDeque;

use tunlog_model::{Attempt, Confidence, Event, EventKind, Evidence, Field, Layer, Outcome};

use super::super::facts::{EvidencePolicy, Facts};

/// Answers that are kept; more, and the oldest goes.
const KEPT_MAX: usize = 4096;

/// How far in front of and behind an attempt its answer may be, microseconds.
const APART_MAX: i64 = 5_000_000;

/// What the server said, or that it said nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Yes,
    No,
    Nothing,
    /// Accounting: it concerns a session of RADIUS.
    Counted,
}

struct Answer {
    time: i64,
    user: Box<str>,
    said: Said,
    reason: Option<Box<str>>,
    facts: Facts,
}

/// The answers of late.
#[derive(Default)]
pub struct Answers {
    kept: VecDeque<Answer>,
}

impl Answers {
    /// Takes note of a packet that says something about a user.
    pub fn observe(&mut self, event: &Event<'_>, policy: &EvidencePolicy) {
        let said = match event.message().kind {
            EventKind::RadiusAccepted => Said::Yes,
            EventKind::RadiusRejected => Said::No,
            EventKind::RadiusTimeout if event.text(Field::Type).as_deref() == Some("access") => Said::Nothing,
            EventKind::AccountingStart | EventKind::AccountingStop => Said::Counted,
            _ => return,
        };
        let Some(user) = event.text(Field::User) else { return };
        let mut facts = Facts::new(event.time.micros);
        facts.touch_packet(event, policy, true);
        if self.kept.len() == KEPT_MAX {
            self.kept.pop_front();
        }
        self.kept.push_back(Answer {
            time: event.time.micros,
            user: user.into(),
            said,
            reason: event.text(Field::Reason).map(|text| text.into()),
            facts,
        });
    }

    /// Gives an attempt what the server said about its user in its time.
    pub fn attach(&mut self, attempt: &mut Attempt) {
        let Some(user) = attempt.user.clone() else { return };
        let (first, last) = (attempt.started - APART_MAX, attempt.last_seen + APART_MAX);
        let fits = |answer: &Answer| *answer.user == *user && (first..=last).contains(&answer.time);
        let mut evidence: Vec<Evidence> = Vec::new();
        for answer in self.kept.iter().filter(|answer| fits(answer)) {
            attempt.backend = Some("radius");
            evidence.extend(answer.facts.evidence.iter().cloned());
            let undecided = matches!(
                attempt.cause,
                None | Some("wrong-credentials" | "unknown" | "peer-gone")
            );
            if attempt.outcome != Outcome::Failed || !undecided {
                continue;
            }
            match (answer.said, &answer.reason) {
                // the server accepts, the gateway refuses: it cannot verify the answer
                (Said::Yes, _) if attempt.failed_at == Some(Layer::Auth) => {
                    attempt.cause = Some("auth-backend-misconfigured");
                    attempt.confidence = Some(Confidence::Likely);
                }
                (Said::Nothing, _) => {
                    attempt.cause = Some("auth-backend-unreachable");
                    attempt.confidence = Some(Confidence::Likely);
                }
                (Said::No, Some(reason)) if is_about_the_account(reason) => {
                    attempt.cause = Some("account-restricted");
                    attempt.confidence = Some(Confidence::Likely);
                }
                _ => {}
            }
        }
        self.kept.retain(|answer| !fits(answer));
        attempt.evidence.extend(evidence);
    }
}

/// Whether a server's text is about the account and not about the password.
fn is_about_the_account(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    [
        "expired",
        "disabled",
        "locked",
        "not allowed",
        "outside",
        "hours",
        "suspended",
    ]
    .iter()
    .any(|word| reason.contains(word))
}
