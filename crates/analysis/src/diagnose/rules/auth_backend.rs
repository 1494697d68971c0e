//! RADIUS, AD or LDAP: silent, set up wrongly, or never asked.

use tunlog_model::{Confidence, EventKind, Layer, Outcome};

use crate::diagnose::Case;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "auth_backend",
    causes: &["auth-backend-unreachable", "auth-backend-misconfigured"],
    explanation: "The gateway's RADIUS plug-in says that nobody answered or that an answer's signature is wrong; the server says that it \
                  ignores an unknown client or drops requests with a wrong secret. Such lines of the server name no user: they belong \
                  to the attempts that failed within seconds of them. A refusal with a reason is no fault of the backend.",
    needs: &[Need::Ppp, Need::Radius],
    claim,
    tell,
};

fn claim<'a>(case: &Case<'a>) -> Option<Claim<'a>> {
    let attempt = case.attempt;
    if attempt.outcome != Outcome::Failed || attempt.backend.is_some() {
        return None;
    }
    let asks =
        case.has_plugin("radius") || matches!(attempt.cause, Some("wrong-credentials" | "auth-backend-unreachable"));
    let refused = case.has(EventKind::AuthFailed) || case.has(EventKind::RadiusTimeout);
    if !asks || !refused || case.blames("auth-backend-misconfigured").is_some() {
        return None;
    }
    let (cause, clue) = case.heard.backend_fault(attempt.started, attempt.last_seen)?;
    Claim::likely(cause, Layer::Radius, Some(clue))
}

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    telling.proof.extend(claim.clue);
    if let Some((_, clue)) = case.heard.backend_fault(case.attempt.started, case.attempt.last_seen) {
        telling.beside.push(clue);
    }
    match claim.cause {
        "auth-backend-unreachable" => {
            telling.action("Gateway: `radtest USER PASSWORD SERVER 0 SECRET`; the server's address and port stand in /etc/radiusclient/radiusclient.conf (`authserver`), the secret in /etc/radiusclient/servers.");
            telling.action("Server: `tcpdump -ni any udp port 1812`. Requests that arrive without an answer: this gateway is not in clients.conf, or its secret differs.");
            if !case.heard.role(tunlog_model::Role::Radius) {
                telling.or("auth-backend-misconfigured", Confidence::Possible);
            }
        }
        _ => {
            telling.action("Compare the secret in /etc/radiusclient/servers on the gateway with `secret` of this client in FreeRADIUS's clients.conf; restart the server after a change.");
            telling.action("Gateway: radiusclient.conf must find its dictionaries (`dictionary`, with dictionary.microsoft included) and the gateway's own host name must resolve (/etc/hosts).");
            if claim.confidence != Confidence::Certain {
                telling.or("wrong-password", Confidence::Possible);
            }
        }
    }
}
