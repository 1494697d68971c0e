//! The server's own proof is wrong.

use crate::diagnose::Case;
use crate::diagnose::rule::no_claim;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "auth_reply_mismatch",
    causes: &["auth-reply-mismatch"],
    explanation: "MS-CHAPv2 proves both sides to each other (RFC 2759 §8.7): the client says that the server's answer is not what it \
                  computed, or is malformed.",
    needs: &[Need::Ppp],
    claim: no_claim,
    tell,
};

fn tell<'a>(case: &Case<'a>, _: &Claim<'a>, telling: &mut Telling<'a>) {
    telling.proof.extend(case.packet("rcvd", "CHAP", "Success"));
    telling.proof.extend(case.packet("sent", "CHAP", "Response"));
    telling.action("Server with RADIUS: the Access-Accept must carry MS-CHAP2-Success computed for the name that the client sent; in FreeRADIUS `with_ntdomain_hack = yes` in mods-available/mschap where names have a domain.");
    telling.action("Client: try the name with and without its domain, exactly as the account is spelled; upper and lower case count here.");
}
