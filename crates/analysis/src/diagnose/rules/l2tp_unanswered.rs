//! L2TP speaks and nobody answers, or the other end closes without a word.

use tunlog_model::{EventKind, Layer, Outcome, Protocol};

use crate::diagnose::Case;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "l2tp_unanswered",
    causes: &["l2tp-unanswered", "esp-blocked"],
    explanation: "The daemon says that its retries ran out, in a negotiation or in a session. A tunnel that was asked for and of which \
                  nothing more is heard for some seconds is the same, less surely. A call that the other end closes before LCP could \
                  time out is not: that end knows why, and this log does not.",
    needs: &[Need::Tunnel, Need::Ike, Need::Firewall],
    claim,
    tell,
};

/// Retransmissions come after 1, 2, 4 s (RFC 2661 §5.8): this long nothing is slow, it is silent. Microseconds.
const SILENT_MIN: i64 = 4_000_000;
/// Before this LCP has not given up, microseconds.
const LCP_PATIENCE: i64 = 15_000_000;

fn claim<'a>(case: &Case<'a>) -> Option<Claim<'a>> {
    let attempt = case.attempt;
    if let Some(clue) = case.spoilt_by("l2tp-unanswered") {
        // at a goodbye of our own the answer is often lost
        let goodbye = attempt
            .trail
            .iter()
            .any(|known| known.time < clue.time && known.message.kind == EventKind::LinkTerminated);
        return match goodbye {
            true => None,
            false => Claim::certain("l2tp-unanswered", Layer::Control, clue),
        };
    }
    if !matches!(attempt.protocol, Some(Protocol::L2tp | Protocol::L2tpIpsec)) || case.is_up() {
        return None;
    }
    let over = [EventKind::ControlTimeout, EventKind::LinkTimeout]
        .into_iter()
        .any(|kind| case.has(kind));
    let closed = [EventKind::CallClosed, EventKind::TunnelClosed, EventKind::Signal]
        .into_iter()
        .find_map(|kind| case.first(kind));
    if case.suspects("l2tp-unanswered") && case.blames("l2tp-unanswered").is_none() && !over && !case.is_heard() {
        let clue = closed?;
        let early = clue.time.saturating_sub(attempt.started) < LCP_PATIENCE;
        return match early {
            true => Claim::possible("unknown", Layer::Lcp, Some(clue)),
            false => None,
        };
    }
    if attempt.outcome != Outcome::Unfinished
        || case.has(EventKind::TunnelEstablished)
        || case.has(EventKind::CallEstablished)
    {
        return None;
    }
    let opened = case.first(EventKind::TunnelOpened)?;
    let last = attempt.trail.iter().map(|clue| clue.last).max()?;
    match last.saturating_sub(opened.time) >= SILENT_MIN {
        true => Claim::likely("l2tp-unanswered", Layer::Control, Some(opened)),
        false => None,
    }
}

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    telling.proof.extend(claim.clue);
    let client = case.other_end();
    for rule in case.dropping_rules() {
        telling.action(format!("Find the rule that logs “{rule}” and accept IP protocol 50 (ESP) and UDP 500, 4500 before it; UDP 1701 only from inside IPsec."));
    }
    telling.summary = match claim.cause {
        "esp-blocked" => "IPsec came up, but no L2TP packet arrived through it: ESP (IP protocol 50), or UDP 4500 behind NAT, is dropped on the way, or the daemon does not listen where the packets are delivered.",
        _ if case.is_up() => "The session was up, then the other end answered no L2TP control message any more until the retries ran out. Its network went away, a NAT router forgot the mapping, or IPsec fell without either side noticing.",
        _ if case.is_calling() => "The L2TP request was sent again and again and nothing came back. The gateway does not hear it, drops it because it came outside IPsec, or its answer is lost.",
        _ if claim.layer == Layer::Lcp => "The L2TP call was set up, but no PPP frame came through it. The data packets are lost in one direction, or the client gave up without saying so.",
        _ => "L2TP control messages went out and were never acknowledged. Packets to the client are lost: NAT that forgot the mapping, a firewall, an IPsec policy of one direction only; or the client has gone.",
    }
    .to_owned();
    telling.action(format!("On the gateway: `tcpdump -ni any host {client} and '(udp port 1701 or udp port 4500 or ip proto 50)'`. ESP or 4500 that comes in without L2TP appearing after it means that IPsec drops it (`ip xfrm state`, `ip -s xfrm policy`)."));
    if claim.cause == "l2tp-unanswered" && !case.is_up() {
        telling.or("esp-blocked", tunlog_model::Confidence::Possible);
        telling.decide("the other end's log of the same minute: no line at all there means that nothing arrived");
    }
}
