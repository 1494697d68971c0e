//! A session that works and that everybody on the way can read.

use tunlog_model::{Clue, EventKind, Layer, Protocol, Role};

use crate::diagnose::Case;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "unencrypted",
    causes: &["unencrypted"],
    explanation: "The session came up, no line tells of MPPE, and pppd, which always logs MPPE when it is on, was heard from the \
                  start of the link. Where CCP was rejected, or another compression took its place, the log says so. L2TP inside \
                  IPsec is encrypted.",
    needs: &[Need::Ppp, Need::Packets],
    claim,
    tell,
};

fn claim<'a>(case: &Case<'a>) -> Option<Claim<'a>> {
    let attempt = case.attempt;
    if !case.is_up() || attempt.mppe_bits.is_some() || case.has(EventKind::EncryptionAgreed) {
        return None;
    }
    if attempt.protocol == Some(Protocol::L2tpIpsec) || (attempt.protocol == Some(Protocol::L2tp) && case.is_calling())
    {
        return None;
    }
    let refused = ccp_refused(case).or_else(|| case.first(EventKind::EncryptionRefused));
    let other = case.first(EventKind::CompressionAgreed);
    if let Some(clue) = refused.or(other) {
        return Claim::likely("unencrypted", Layer::Ccp, Some(clue));
    }
    // pppd always tells of MPPE when it is on; whole gateways only where they log packets
    let would_tell = case.told_by(Role::Ppp) || (case.told_by(Role::Server) && case.tells_packets());
    let clue = case.first(EventKind::AddressAssigned)?;
    match would_tell && case.has(EventKind::LinkUp) && attempt.protocol.is_some() {
        true => Claim::likely("unencrypted", Layer::Ccp, Some(clue)),
        false => None,
    }
}

/// The peer said that it does not know CCP (RFC 1661 §5.7, protocol 80fd), or ended it.
fn ccp_refused<'a>(case: &Case<'a>) -> Option<Clue<'a>> {
    let is_refusal = |clue: &Clue<'_>| {
        let packet = clue.message.packet.filter(|packet| !packet.sent);
        clue.message.kind == EventKind::CcpMessage
            && packet.is_some_and(|packet| packet.code.starts_with("Prot") || packet.code == "TermReq")
    };
    case.clues().find(is_refusal)
}

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    telling.proof.extend(claim.clue);
    let ike = case
        .clues()
        .find(|clue| clue.message.blames.is_some_and(|cause| cause.starts_with("ike-")));
    telling.proof.extend(ike);
    telling.summary = match case.attempt.protocol {
        Some(Protocol::L2tp) => "The session works, but L2TP came without IPsec: everything in it, the login too, crosses the network in the clear. The gateway accepts UDP 1701 from outside IPsec.",
        _ => "The session works, but MPPE was not agreed on: everybody on the way can read it. Neither side requires encryption.",
    }
    .to_owned();
    if ike.is_some() {
        telling.summary = "IPsec failed, and the client's L2TP came up all the same, in the clear: everything in it, the login too, crosses the network unprotected. The gateway accepts UDP 1701 from outside IPsec.".to_owned();
        telling.action("Mend IPsec first: the line that says why it failed stands among the evidence.");
    }
    match case.attempt.protocol {
        Some(Protocol::L2tp) => telling.action("Gateway: accept UDP 1701 only from inside IPsec: `iptables -A INPUT -p udp --dport 1701 -m policy --dir in --pol ipsec -j ACCEPT`, then `iptables -A INPUT -p udp --dport 1701 -j DROP`."),
        _ => telling.action("Gateway: `require-mppe-128` and `require-mschap-v2` in /etc/ppp/pptpd-options. Client: “require encryption” in the connection's security settings."),
    }
}
