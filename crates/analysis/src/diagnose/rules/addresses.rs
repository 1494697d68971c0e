//! The network layer: no address, one that the other end does not take, or no agreement.

use std::borrow::Cow;

use tunlog_model::{Clue, Confidence, EventKind, Field, Layer, Outcome};

use crate::diagnose::Case;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "addresses",
    causes: &["no-address", "address-conflict", "ipcp-failed"],
    explanation: "The daemon says that it has no address, or that the peer refuses one. IPCP's packets show more: an address that we \
                  refused and that the peer then left out of its request instead of taking ours, so that both ends believe in \
                  different ones; and requests that nobody answered.",
    needs: &[Need::Ppp, Need::Packets],
    claim,
    tell,
};

fn claim<'a>(case: &Case<'a>) -> Option<Claim<'a>> {
    if let Some(clue) = disagreed(case) {
        return match case.blames("address-conflict") {
            Some(said) => Claim::certain("address-conflict", Layer::Ipcp, said),
            None => Claim::likely("address-conflict", Layer::Ipcp, Some(clue)),
        };
    }
    if let Some(clue) = case
        .first(EventKind::AddressRefused)
        .filter(|clue| clue.message.blames == Some("address-conflict"))
    {
        return match case.is_up() {
            true => Claim::certain("address-conflict", Layer::Ipcp, clue),
            false => None,
        };
    }
    if case.attempt.outcome != Outcome::Failed || !matches!(case.attempt.cause, Some("unknown" | "client-aborted")) {
        return None;
    }
    let request = case.packet("sent", "IPCP", "ConfReq")?;
    match case.sent("IPCP", "ConfReq") >= 3 && case.received("IPCP", "") == 0 {
        true => Claim::likely("ipcp-failed", Layer::Ipcp, Some(request)),
        false => None,
    }
}

/// The address that we offered in place of the peer's was never taken: the peer's last request before our agreement
/// leaves its address out, or names another.
fn disagreed<'a>(case: &Case<'a>) -> Option<Clue<'a>> {
    let mut offered: Option<(Clue<'a>, Cow<'a, str>)> = None;
    let mut asked: Option<Clue<'a>> = None;
    for clue in case.clues() {
        let Some(packet) = clue
            .message
            .packet
            .filter(|packet| packet.protocol.eq_ignore_ascii_case("IPCP"))
        else {
            continue;
        };
        let is = |sent, code: &str| packet.sent == sent && packet.code.eq_ignore_ascii_case(code);
        if is(true, "ConfNak") {
            offered = address(clue).map(|address| (clue, address)).or(offered);
        } else if is(false, "ConfReq") {
            asked = Some(clue);
        } else if is(true, "ConfAck")
            && let (Some((nak, wanted)), Some(last)) = (&offered, asked)
        {
            return (address(last).as_ref() != Some(wanted)).then_some(*nak);
        }
    }
    None
}

fn address<'a>(clue: Clue<'a>) -> Option<Cow<'a, str>> {
    let named = clue.first_fact(&[Field::Address, Field::AssignedIp]);
    // all zeros asks for an address, it is none
    named.filter(|address| address != "0.0.0.0")
}

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    telling.proof.extend(claim.clue);
    telling.proof.extend(case.clues().filter(|clue| {
        clue.message
            .packet
            .is_some_and(|packet| packet.protocol == "IPCP" && packet.code.starts_with("Conf"))
    }));
    match claim.cause {
        "address-conflict" if claim.confidence != Confidence::Certain => {
            telling.summary = "The gateway refused the address that the peer asked for, and the peer did not take the one offered instead, yet IPCP was agreed on: the two ends believe in different addresses. Packets to the client will vanish although the link is up.".to_owned();
            telling.or("daemon-bug", Confidence::Possible);
            telling.action("Client: let it take the address that the gateway gives (no fixed address in the connection). Gateway: give it the one it insists on in the fourth column of chap-secrets, if it is free.");
        }
        "no-address" => {
            telling.action("Gateway: `remoteip` in /etc/pptpd.conf, `ip range` in /etc/xl2tpd/xl2tpd.conf, or an address in the fourth column of chap-secrets; with RADIUS a Framed-IP-Address or a pool.");
        }
        "ipcp-failed" => {
            telling.or("gre-blocked", Confidence::Possible);
            telling.or("packet-loss", Confidence::Possible);
        }
        _ => {}
    }
}
