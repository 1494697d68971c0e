//! Encryption was wanted by both, and did not work.

use tunlog_model::{Confidence, Layer, Outcome};

use crate::diagnose::Case;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "encryption_failed",
    causes: &["mppe-unsupported", "mppe-key-mismatch", "encryption-timeout"],
    explanation: "The kernel or pppd says that it cannot do MPPE, or that what came does not decrypt; or CCP's requests went out and \
                  nothing of CCP came back, where the login before had worked.",
    needs: &[Need::Ppp, Need::Packets],
    claim,
    tell,
};

fn claim<'a>(case: &Case<'a>) -> Option<Claim<'a>> {
    if let Some(clue) = case.spoilt_by("mppe-key-mismatch") {
        return Claim::likely("mppe-key-mismatch", Layer::Ccp, Some(clue));
    }
    if case.attempt.outcome != Outcome::Failed || !matches!(case.attempt.cause, Some("unknown" | "client-aborted")) {
        return None;
    }
    let request = case.packet("sent", "CCP", "ConfReq")?;
    let rejected = case.received("LCP", "ProtRej") > 0;
    match case.sent("CCP", "ConfReq") >= 3 && case.received("CCP", "") == 0 && !rejected {
        true => Claim::likely("encryption-timeout", Layer::Ccp, Some(request)),
        false => None,
    }
}

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    telling.proof.extend(claim.clue);
    match claim.cause {
        "encryption-timeout" => {
            let silent = case.attempt.bytes_from_client == Some(0);
            if silent {
                telling.or("gre-blocked", Confidence::Likely);
            }
            telling.or("packet-loss", Confidence::Possible);
            telling.or("encryption-refused-by-client", Confidence::Possible);
        }
        "mppe-key-mismatch" => {
            telling.action("Gateway with RADIUS: `require_encryption` and `require_strong` in FreeRADIUS's mschap module, and the same shared secret on both sides: it encrypts the keys on their way (RFC 2548 §2.4).");
            telling.or("packet-loss", Confidence::Possible);
        }
        _ => telling.action("This machine: `modprobe ppp_mppe` and `lsmod | grep ppp_mppe`; kernels in FIPS mode or without RC4 have none."),
    }
}
