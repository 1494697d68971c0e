//! One side requires MPPE and the other will not, or not so.

use tunlog_model::{Confidence, Field};

use crate::diagnose::Case;
use crate::diagnose::rule::no_claim;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "encryption_refused",
    causes: &[
        "encryption-refused-by-client",
        "encryption-refused-by-server",
        "mppe-mode-mismatch",
    ],
    explanation: "The daemon says that MPPE is required and was not agreed on; who requires it is whoever writes so, unless the words came \
                  from the peer. Whether the other side has encryption off or wants other key lengths or the stateful mode stands \
                  only in the CCP packets of the debugging lines.",
    needs: &[Need::Ppp, Need::Packets],
    claim: no_claim,
    tell,
};

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    for (way, code) in [
        ("rcvd", "ConfReq"),
        ("rcvd", "ConfRej"),
        ("rcvd", "ConfNak"),
        ("sent", "ConfReq"),
        ("sent", "ConfRej"),
    ] {
        telling.proof.extend(case.packet(way, "CCP", code));
    }
    telling.proof.extend(case.packet("rcvd", "LCP", "ProtRej"));
    let method = case.attempt.auth_method;
    match claim.cause {
        "encryption-refused-by-client" => {
            if let Some(weak) = method.filter(|method| matches!(*method, "pap" | "chap-md5")) {
                telling.summary = format!(
                    "The gateway requires MPPE, but the client logged in with {weak}, which gives no keys for it. The client must use MS-CHAP v2."
                );
            }
            telling.action("Client: switch encryption on (Windows: “Require encryption”; pptp-linux: `require-mppe-128` in the peers file; NetworkManager: “Use Point-to-Point encryption (MPPE)”) and MS-CHAP v2.");
            telling.action(
                "Gateway: only if this client may go without, take `require-mppe-128` out of /etc/ppp/pptpd-options.",
            );
        }
        "encryption-refused-by-server" => {
            telling.only_own_actions = true;
            telling.action("Gateway: `require-mppe-128` and `require-mschap-v2` in /etc/ppp/pptpd-options, `modprobe ppp_mppe`; with RADIUS the Access-Accept must carry MS-MPPE-Send-Key and MS-MPPE-Recv-Key.");
            telling.action("Client: only if this gateway may go without encryption, take `require-mppe…` out of the connection (NetworkManager: “Use Point-to-Point encryption”).");
        }
        _ => {
            telling.action("Both ends: 128 bit and stateless: `require-mppe-128` without `mppe-stateful` and `nomppe-128`; on pppd `mppe-stateful` only where the other end insists.");
        }
    }
    if case.received("CCP", "") == 0 && claim.cause != "mppe-mode-mismatch" {
        telling.or("mppe-mode-mismatch", Confidence::Possible);
    }
    if case.clues().any(|clue| clue.fact(Field::Module).is_some()) {
        telling.or("mppe-unsupported", Confidence::Possible);
    }
}
