//! IPsec did not come up, so L2TP was never tried.

use tunlog_model::{Confidence, Field};

use crate::diagnose::Case;
use crate::diagnose::rule::no_claim;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "ike",
    causes: &[
        "ike-no-response",
        "ike-proposal-mismatch",
        "ike-psk-mismatch",
        "ike-mode-mismatch",
        "ike-malformed",
    ],
    explanation: "The IKE daemon says why. A failure belongs to the L2TP attempt that it prevented: the same client, and no tunnel \
                  after it. Where a later negotiation of the same client came up, the failure before it prevented nothing.",
    needs: &[Need::Ike],
    claim: no_claim,
    tell,
};

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    let client = case.other_end();
    match claim.cause {
        "ike-proposal-mismatch" => {
            let offered = case.clues().filter_map(|clue| clue.fact(Field::Proposal)).next();
            if let Some(offered) = offered {
                telling.action(format!("One side offers {offered}: put a proposal of that list into `ike=` or `esp=` of the other (ipsec.conf, swanctl.conf), or raise the older side."));
            }
            if !case.is_calling() {
                telling.action("Gateway for Windows' built-in client: `ike=aes256-sha1-modp2048,aes128-sha1-modp2048,3des-sha1-modp1024!` at most for the time of a test; then raise the client with Set-VpnConnectionIPsecConfiguration.");
            }
        }
        "ike-psk-mismatch" | "ike-malformed" => {
            telling.action(format!("Gateway: see which line of /etc/ipsec.secrets fits {client} (`%any` for addresses that change) and compare it byte by byte with the client's key; `ipsec rereadsecrets` after a change."));
            if claim.cause == "ike-malformed" {
                telling.or("ike-psk-mismatch", Confidence::Likely);
            }
        }
        "ike-no-response" => {
            telling.action(format!("Gateway: `tcpdump -ni any host {client} and '(udp port 500 or udp port 4500)'`: requests without answers mean that the daemon ignores them, none that they do not arrive."));
            telling.or("control-unreachable", Confidence::Possible);
        }
        _ => {}
    }
}
