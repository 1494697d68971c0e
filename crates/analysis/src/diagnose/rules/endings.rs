//! Somebody went: at once, in mid-negotiation, or without goodbye.

use tunlog_model::{Confidence, EventKind, Layer};

use crate::diagnose::Case;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "endings",
    causes: &["abandoned", "client-aborted", "peer-gone", "not-vpn-traffic"],
    explanation: "A client that leaves before it negotiates is abandoned, one that leaves a negotiation that goes well aborted it, one \
                  that answers no more is gone. What pptpd and pppd say of the hang-up that follows is a consequence.",
    needs: &[Need::Tunnel, Need::Ppp],
    claim,
    tell,
};

fn claim<'a>(case: &Case<'a>) -> Option<Claim<'a>> {
    let clue = case
        .spoilt_by("peer-gone")
        .or_else(|| case.first(EventKind::EchoTimeout).filter(|_| case.is_up()))?;
    Claim::certain("peer-gone", Layer::Lcp, clue)
}

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    telling.proof.extend(claim.clue);
    match claim.cause {
        "peer-gone" if case.is_up() => {
            telling.summary = "The session worked, then the other end answered no echo any more and was given up. It lost its network, was switched off or asleep, or a NAT router forgot the connection.".to_owned();
        }
        "abandoned" => {
            telling.or("not-vpn-traffic", Confidence::Possible);
            telling.or("client-aborted", Confidence::Possible);
        }
        "client-aborted" => {
            telling.or("encryption-refused-by-server", Confidence::Possible);
            telling.decide("the client's own log, or the error number on its screen (`tunlog explain NUMBER`)");
        }
        _ => {}
    }
}
