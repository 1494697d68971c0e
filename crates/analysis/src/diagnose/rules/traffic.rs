//! The session is up, and traffic does not flow as it should.

use tunlog_model::{Confidence, Field, Layer};

use crate::diagnose::Case;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "traffic",
    causes: &[
        "routing-loop",
        "packet-loss",
        "mtu-problem",
        "client-routing",
        "nat-collision",
    ],
    explanation: "The kernel or a daemon says so. Beyond that: megabytes sent by this end and not one byte received is the tunnel's own \
                  packets going round in it; and many reordered, missing or repeated GRE packets are a bad path.",
    needs: &[Need::Tunnel, Need::Ppp],
    claim,
    tell,
};

/// So much goes out in vain only if it makes itself, bytes.
const LOOPING_MIN: u64 = 1_000_000;
/// The messages of pptpd and pptp-linux about packets that did not come in their order.
const DISTURBANCES: [&str; 3] = ["gre-gap", "gre-reordered", "gre-duplicate"];
/// As many disturbed packets are no accident.
const DISTURBED_MIN: u32 = 8;

fn claim<'a>(case: &Case<'a>) -> Option<Claim<'a>> {
    for (cause, layer) in [
        ("routing-loop", Layer::Data),
        ("packet-loss", Layer::Data),
        ("mtu-problem", Layer::Data),
        ("nat-collision", Layer::Control),
    ] {
        if let Some(clue) = case.spoilt_by(cause) {
            return Claim::likely(cause, layer, Some(clue));
        }
    }
    if !case.is_up() {
        return None;
    }
    let attempt = case.attempt;
    let (sent, received) = match case.is_calling() {
        true => (attempt.bytes_from_client, attempt.bytes_to_client),
        false => (attempt.bytes_to_client, attempt.bytes_from_client),
    };
    // a counter that is not told is not zero, but one direction is told only with the other
    if sent.is_some_and(|bytes| bytes >= LOOPING_MIN) && received.unwrap_or(0) == 0 {
        let counted = case.first(tunlog_model::EventKind::TrafficCounted);
        return Claim::likely("routing-loop", Layer::Data, counted);
    }
    let of_gre = || case.clues().filter(|clue| clue.message.id.starts_with("gre-"));
    let disturbed = of_gre()
        .filter(|clue| DISTURBANCES.contains(&clue.message.id))
        .fold(0_u32, |sum, clue| sum.saturating_add(clue.times));
    let clue = of_gre().find(|clue| clue.message.id != "gre-accepting");
    match disturbed >= DISTURBED_MIN {
        true => Claim::possible("packet-loss", Layer::Data, clue),
        false => None,
    }
}

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    telling.proof.extend(claim.clue);
    match claim.cause {
        "routing-loop" if claim.clue.is_some_and(|clue| clue.message.blames.is_none()) => {
            telling.summary = "The tunnel came up, then this end sent megabytes into it and received nothing: its own GRE packets are routed into the tunnel, each one making the next. The route to the other end's outer address was replaced by the tunnel's default route.".to_owned();
            telling.action("This end: `ip route get OUTER-ADDRESS-OF-THE-OTHER-END` while the tunnel is up; it must not say ppp0. Before dialling: `ip route add OUTER-ADDRESS via ROUTER dev eth0`.");
            telling.or("gre-blocked", Confidence::Possible);
        }
        "packet-loss" => {
            let times = claim.clue.map_or(0, |clue| clue.times);
            telling.summary = format!(
                "The session is up, but its packets come late, twice, out of order or not at all ({times} lines say so). The path is bad: a wireless or mobile link, an overloaded line, or several lines that share one flow."
            );
        }
        "mtu-problem" => {
            if let Some(length) = claim.clue.and_then(|clue| clue.fact(Field::Limit)) {
                telling.action(format!("The line names the limit: {length} bytes."));
            }
            telling.decide("`ping -M do -s 1372 ADDRESS` through the tunnel, with smaller and larger sizes");
        }
        _ => {}
    }
    let _ = case;
}
