//! What a capture shows of one connection becomes an attempt: how far it came, and why it came no further.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use tunlog_model::{Attempt, Confidence, Layer, Outcome, Protocol};

use super::super::build::from_facts;
use super::super::facts::Blame;
use super::talk::{FROM_CLIENT, TO_CLIENT, Talk};

/// Requests of one kind without an answer that are no chance any more.
const UNANSWERED_MIN: u32 = 3;

/// ESP packets each way that are a session and not only its negotiation.
const ESP_SESSION_MIN: u64 = 20;

/// The attempt of a connection; `at_end`: the capture ends here, the connection may go on.
pub fn attempt(talk: &Talk, at_end: bool) -> Attempt {
    let mut attempt = from_facts(talk.facts.clone(), None);
    let mut hasher = FxHasher::default();
    (talk.facts.client_port, talk.server, talk.protocol as u8).hash(&mut hasher);
    attempt.id ^= hasher.finish();
    attempt.protocol = Some(talk.protocol);
    attempt.up = talk.up;
    attempt.exposed = talk.exposed;
    let [from, to] = &talk.sides;
    if talk.up.is_some() && (from.counted || to.counted) && !(from.compressed || to.compressed) {
        attempt.bytes_to_client = Some(to.bytes);
        attempt.bytes_from_client = Some(from.bytes);
    }
    let is_over = talk.ended.is_some() || talk.goodbye.is_some() || !at_end;
    let hidden = from.esp.min(to.esp) >= ESP_SESSION_MIN && talk.protocol == Protocol::L2tpIpsec;
    // the capture began when the session was up: nothing of its negotiation is there, but data both ways
    let begun_before =
        talk.asked == 0 && talk.syns == 0 && from.lcp_asked + to.lcp_asked == 0 && from.data.min(to.data) > 0;
    if talk.up.is_some() || hidden || begun_before {
        session(&mut attempt, talk, is_over);
        return attempt;
    }
    attempt.assigned_ip = None;
    attempt.ended = Some(attempt.last_seen);
    match blame(talk, is_over) {
        Some(blame) => {
            attempt.outcome = Outcome::Failed;
            attempt.cause = Some(blame.cause);
            attempt.confidence = Some(blame.confidence);
            attempt.failed_at = Some(blame.layer);
        }
        None => attempt.outcome = Outcome::Unfinished,
    }
    attempt
}

fn session(attempt: &mut Attempt, talk: &Talk, is_over: bool) {
    attempt.up = talk.up.or(Some(attempt.started));
    attempt.cause = None;
    if !is_over {
        attempt.outcome = Outcome::Open;
        return;
    }
    attempt.outcome = Outcome::Established;
    attempt.ended = Some(attempt.last_seen);
    attempt.duration_s = attempt.up.map(|up| (attempt.last_seen - up) as f64 / 1e6);
    attempt.end_reason = Some(talk.why_ended());
}

fn say(cause: &'static str, confidence: Confidence, layer: Layer) -> Option<Blame> {
    Some(Blame {
        cause,
        confidence,
        layer,
    })
}

/// Why it failed; None if it may still come up.
fn blame(talk: &Talk, is_over: bool) -> Option<Blame> {
    use Confidence::{Certain, Likely, Possible};
    if talk.protocol == Protocol::L2tpIpsec {
        return ipsec(talk);
    }
    if talk.refused {
        return say("control-unreachable", Certain, Layer::Control);
    }
    if talk.foreign {
        return say("not-vpn-traffic", Certain, Layer::Control);
    }
    if !talk.opened {
        // nobody answers: one try of TCP or L2TP may have been cut by the end of the capture
        return (is_over || talk.syns >= UNANSWERED_MIN).then_some(Blame {
            cause: "control-unreachable",
            confidence: if talk.syns >= 2 { Certain } else { Likely },
            layer: Layer::Control,
        });
    }
    if talk.asked > 0 && !talk.answered {
        if talk.is_refused() {
            // it accepts connections, and breaks this one off as soon as the client speaks
            return say("resource-limit", Possible, Layer::Control);
        }
        return unanswered(talk, is_over);
    }
    if let Some(refused) = call_refusal(talk) {
        return Some(refused);
    }
    if talk.call_up.is_none() && !talk.sides.iter().any(|side| side.carried) {
        return match is_over {
            true if talk.asked == 0 && talk.malformed => say("not-vpn-traffic", Likely, Layer::Control),
            true => say("abandoned", Likely, Layer::Control),
            false => None,
        };
    }
    ppp(talk, is_over).or_else(|| {
        is_over
            .then_some(())
            .and_then(|()| say("unknown", Possible, talk.facts.reached))
    })
}

/// The start of control was never answered.
fn unanswered(talk: &Talk, is_over: bool) -> Option<Blame> {
    let layer = Layer::Control;
    match talk.protocol {
        Protocol::Pptp if talk.start_refused.is_some() => say("resource-limit", Confidence::Possible, layer),
        Protocol::Pptp if is_over => say("unknown", Confidence::Possible, layer),
        Protocol::Pptp => None,
        _ if is_over || talk.asked >= UNANSWERED_MIN => say("l2tp-unanswered", Confidence::Likely, layer),
        _ => None,
    }
}

/// The gateway refused the call (RFC 2637 §2.8, RFC 2661 §4.4.2).
fn call_refusal(talk: &Talk) -> Option<Blame> {
    let (code, error) = talk.call_refused?;
    let layer = Layer::Control;
    match (talk.protocol, code, error) {
        (Protocol::Pptp, 4 | 7, _) | (Protocol::Pptp, 2, 4) => say("resource-limit", Confidence::Likely, layer),
        (Protocol::Pptp, ..) => say("unknown", Confidence::Possible, layer),
        // no session came up, and the gateway says that it lacks what it takes
        (_, 4 | 5, _) | (_, 2, 4) => say("resource-limit", Confidence::Likely, layer),
        _ if talk.sides[FROM_CLIENT].lcp_asked == 0 && talk.sides[TO_CLIENT].lcp_asked == 0 => {
            let text = talk.goodbye.as_ref().map_or("", |said| &said.text);
            match text.to_ascii_lowercase() {
                text if text.contains("no available ip") || text.contains("address") => {
                    say("no-address", Confidence::Likely, layer)
                }
                _ => say("unknown", Confidence::Possible, layer),
            }
        }
        _ => None,
    }
}

/// PPP inside the call.
fn ppp(talk: &Talk, is_over: bool) -> Option<Blame> {
    use Confidence::{Certain, Likely, Possible};
    let [from, to] = &talk.sides;
    let text = talk.goodbye.as_ref().map_or("", |said| &said.text);
    if let Some(cause) = talk.auth_failed {
        return say(cause, Certain, Layer::Auth);
    }
    let link_agreed = talk.auth_begun || (from.lcp_acked && to.lcp_acked);
    if !link_agreed {
        if from.auth_refused && (is_over || talk.goodbye.is_some()) {
            return say("auth-method-refused", Likely, Layer::Auth);
        }
        if text.contains("authenticat") {
            return say("auth-method-refused", Certain, Layer::Auth);
        }
        return channel(talk, is_over);
    }
    if let Some(blame) = encryption(talk, text, is_over) {
        return Some(blame);
    }
    if !is_over {
        return None;
    }
    if text.contains("authenticate") || (from.auth_refused && !talk.auth_begun) {
        return say("auth-method-refused", Likely, Layer::Auth);
    }
    if talk.auth_ok && (from.ipcp_refused || to.ipcp_refused) {
        return say("ipcp-failed", Certain, Layer::Ipcp);
    }
    if talk.auth_ok && from.ipcp_asked + to.ipcp_asked > 0 && talk.goodbye.is_some() {
        return say("ipcp-failed", Likely, Layer::Ipcp);
    }
    match (talk.auth_begun, &talk.goodbye, talk.ended) {
        // the client proved who it is, and never heard whether that was right
        (true, None, _) if !talk.auth_ok => say("peer-gone", Possible, Layer::Auth),
        (_, Some(said), _) if said.from_client => say("client-aborted", Possible, talk.facts.reached),
        (_, None, Some(true)) => say("client-aborted", Possible, talk.facts.reached),
        (_, None, _) => say("peer-gone", Possible, talk.facts.reached),
        _ => say("unknown", Possible, talk.facts.reached),
    }
}

/// How soon, in microseconds, a gateway ends a call whose PPP it could not start.
const AT_ONCE: i64 = 3_000_000;

/// The data channel: which direction of it is missing, or does not reach the other side.
fn channel(talk: &Talk, is_over: bool) -> Option<Blame> {
    let [from, to] = &talk.sides;
    let enough = is_over || from.lcp_asked.max(to.lcp_asked) >= UNANSWERED_MIN;
    if !enough {
        return None;
    }
    let lasted = talk.call_up.map_or(i64::MAX, |up| talk.facts.last.saturating_sub(up));
    if !to.carried && talk.ended == Some(false) && lasted <= AT_ONCE && talk.protocol == Protocol::Pptp {
        // the gateway hung up without one frame of its own: its PPP did not start
        return say("daemon-config-error", Confidence::Likely, Layer::Lcp);
    }
    let (cause, layer) = match talk.protocol {
        Protocol::Pptp => ("gre-blocked", Layer::Gre),
        _ => ("l2tp-unanswered", Layer::Lcp),
    };
    let tries = from.lcp_asked.max(to.lcp_asked);
    let confidence = match (from.carried, to.carried) {
        // never answered, or not even sent
        (false, _) | (_, false) if tries >= UNANSWERED_MIN => Confidence::Certain,
        (false, _) | (_, false) => Confidence::Likely,
        // both sides ask and neither acknowledges
        _ if tries >= UNANSWERED_MIN => Confidence::Likely,
        _ => Confidence::Possible,
    };
    say(cause, confidence, layer)
}

/// MPPE: who demanded it, and who refused.
fn encryption(talk: &Talk, text: &str, is_over: bool) -> Option<Blame> {
    use Confidence::{Certain, Likely};
    let [from, to] = &talk.sides;
    let said = talk.goodbye.as_ref();
    // "MPPE disabled" is what pppd says whenever an encrypted link ends
    if (text.contains("MPPE") || text.contains("ncryption")) && text != "MPPE disabled" {
        let demander_is_client = said.is_some_and(|said| said.from_client);
        let other = if demander_is_client { to } else { from };
        let own = if demander_is_client { from } else { to };
        let differ = matches!((own.mppe_offered, other.mppe_offered), (Some(own), Some(other)) if !overlap(own, other));
        return match (differ, demander_is_client) {
            (true, _) if !other.mppe_refused => say("mppe-mode-mismatch", Likely, Layer::Ccp),
            (_, true) => say("encryption-refused-by-server", Certain, Layer::Ccp),
            (_, false) => say("encryption-refused-by-client", Certain, Layer::Ccp),
        };
    }
    if !is_over || !talk.auth_ok || from.ipcp_asked + to.ipcp_asked > 0 && said.is_none() {
        return None;
    }
    if talk.goodbye.is_none() && talk.ended.is_none() {
        return None;
    }
    match () {
        () if from.mppe_refused && to.ccp_asked > 0 => say("encryption-refused-by-client", Likely, Layer::Ccp),
        () if to.mppe_refused && from.ccp_asked > 0 => say("encryption-refused-by-server", Likely, Layer::Ccp),
        () if to.ccp_asked >= UNANSWERED_MIN && from.ccp_asked == 0 => say("encryption-timeout", Likely, Layer::Ccp),
        () => None,
    }
}

/// Whether two offers (`mppe 128 40`) have a length in common.
fn overlap(one: &str, other: &str) -> bool {
    one.split(' ')
        .skip(1)
        .any(|length| other.split(' ').skip(1).any(|known| known == length))
}

/// IPsec, inside which nothing is seen.
fn ipsec(talk: &Talk) -> Option<Blame> {
    use Confidence::{Certain, Likely, Possible};
    let [from, to] = &talk.sides;
    let layer = Layer::Ike;
    if let Some(cause) = talk.ike_failed {
        return say(cause, Likely, layer);
    }
    let heard = to.ike_clear + to.ike_encrypted + to.ike_second > 0;
    match () {
        () if from.ike_clear > 0 && !heard => match from.ike_clear {
            UNANSWERED_MIN.. => say("ike-no-response", Certain, layer),
            _ => say("ike-no-response", Likely, layer),
        },
        // the gateway cannot read what the client encrypted, and says nothing (RFC 2409 §5.4)
        () if from.ike_encrypted >= 2 && to.ike_encrypted == 0 && from.ike_second == 0 => {
            say("ike-psk-mismatch", Likely, layer)
        }
        () if from.ike_second >= 2 && to.ike_second == 0 => say("ike-proposal-mismatch", Possible, layer),
        () if from.esp >= 3 && to.esp == 0 || to.esp >= 3 && from.esp == 0 => say("esp-blocked", Likely, layer),
        () if from.ike_second > 0 && to.ike_second > 0 && from.esp + to.esp == 0 => say("esp-blocked", Possible, layer),
        () => None,
    }
}
