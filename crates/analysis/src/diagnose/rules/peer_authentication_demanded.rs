//! A client demands that the server log in to it.

use tunlog_model::{Field, Layer, Outcome};

use crate::diagnose::Case;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "peer_authentication_demanded",
    causes: &["peer-authentication-demanded"],
    explanation: "pppd says so; or its packets show challenges that it sends and that are answered with an empty name and an empty \
                  response, again and again: servers answer so who have no account with their clients.",
    needs: &[Need::Ppp, Need::Packets],
    claim,
    tell,
};

fn claim<'a>(case: &Case<'a>) -> Option<Claim<'a>> {
    if !matches!(case.attempt.outcome, Outcome::Failed | Outcome::Unfinished)
        || case.blames("wrong-credentials").is_some()
    {
        return None;
    }
    case.packet("sent", "CHAP", "Challenge")?;
    let empty = case.clues().find(|clue| {
        clue.is_packet("rcvd", "CHAP", "Response") && clue.fact(Field::User).as_deref() == Some("") && clue.times > 1
    })?;
    Claim::likely("peer-authentication-demanded", Layer::Auth, Some(empty))
}

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    telling.proof.extend(claim.clue);
    telling.proof.extend(case.packet("sent", "CHAP", "Challenge"));
    telling.summary = "This end demands that the other one log in to it, and the other one has no account here. A client's pppd does that where `auth` or a `require-…` option is set.".to_owned();
    telling.action("Client: `noauth` in the peers file (/etc/ppp/peers/NAME, options.l2tpd.client), and no `require-…` option there: those are for gateways.");
    telling.or("wrong-credentials", tunlog_model::Confidence::Possible);
}
