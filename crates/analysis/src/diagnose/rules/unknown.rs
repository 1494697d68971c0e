//! The evidence does not tell: what would.

use tunlog_model::{Confidence, EventKind, Outcome};

use crate::diagnose::Case;
use crate::diagnose::rule::no_claim;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "unknown",
    causes: &["unknown"],
    explanation: "Nothing says why, and what is missing may merely not be logged. The diagnosis names the layer up to which it went, and \
                  the logs that are not among the evidence.",
    needs: &[Need::Tunnel, Need::Ppp, Need::Packets],
    claim: no_claim,
    tell,
};

fn tell<'a>(case: &Case<'a>, _: &Claim<'a>, telling: &mut Telling<'a>) {
    if case.attempt.outcome == Outcome::Failed {
        let who = match (case.has(EventKind::CallClosed), case.is_calling()) {
            (true, true) => "The gateway ended the call and did not say why",
            (true, false) => "The client ended the call and did not say why",
            _ if case.attempt.reached >= tunlog_model::Layer::Auth => {
                "The login worked, then the link ended and no line says why"
            }
            _ => "The attempt ended and no line says why",
        };
        telling.summary =
            format!("{who}. The other end's log of the same minute, or the packets of the negotiation, would tell.");
    }
    if case.attempt.reached >= tunlog_model::Layer::Auth {
        telling.or("encryption-refused-by-client", Confidence::Possible);
        telling.or("ipcp-failed", Confidence::Possible);
    }
    telling.decide(match case.is_calling() {
        true => "the gateway's log of the same minute",
        false => "the client's own log, or the error number on its screen (`tunlog explain NUMBER`)",
    });
}
