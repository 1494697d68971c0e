//! No authentication method in common.

use tunlog_model::Layer;

use crate::diagnose::Case;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "auth_method_refused",
    causes: &["auth-method-refused"],
    explanation: "The daemon says that the peer refuses to authenticate, or LCP's debugging lines show a rejected auth option and no \
                  login after it.",
    needs: &[Need::Ppp, Need::Packets],
    claim,
    tell,
};

fn claim<'a>(case: &Case<'a>) -> Option<Claim<'a>> {
    if case.is_up() || !matches!(case.attempt.cause, None | Some("unknown")) {
        return None;
    }
    let rejected = case
        .clues()
        .find(|clue| clue.message.id.ends_with("lcp-confrej-auth"))?;
    let logged_in = ["CHAP", "PAP", "EAP"]
        .iter()
        .any(|method| case.received(method, "") + case.sent(method, "") > 0);
    match logged_in {
        true => None,
        false => Claim::likely("auth-method-refused", Layer::Auth, Some(rejected)),
    }
}

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    telling.proof.extend(claim.clue);
    telling.proof.extend(case.packet("sent", "LCP", "ConfReq"));
    telling.proof.extend(case.packet("rcvd", "LCP", "ConfReq"));
    telling.action("Gateway: `require-mschap-v2` and `refuse-pap`, `refuse-chap`, `refuse-mschap` in the PPP options. Client: allow MS-CHAP v2 and nothing weaker (Windows: Security tab; NetworkManager: Advanced, Authentication methods).");
}
