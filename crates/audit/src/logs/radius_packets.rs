//! RADIUS on the wire: what a capture shows of the way between gateway and server.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tunlog_model::{Event, Field, Role};

use super::{Scene, Tally, Watch};
use crate::{Family, Report, Rule, Severity};

const LOGIN: Rule = Rule {
    id: "radius-login-on-the-wire",
    severity: Severity::High,
    title: "RADIUS carries log-ins that can be cracked",
    finds: "Captured Access-Requests that carry a CHAP or MS-CHAP log-in over UDP, between two machines.",
    why: "RADIUS encrypts neither: whoever is on the way has what cracks the password, on a laptop and in no time.",
    wrong: "Where nobody else reaches that network, or the capture was taken inside an IPsec or TLS tunnel.",
    action: "Carry RADIUS in TLS (RadSec) or IPsec, or keep it in a network of its own.",
    reference: "FreeRADIUS 3.2.11 ChangeLog; RFC 2865 §8; RFC 6614",
};

const UNSIGNED: Rule = Rule {
    id: "radius-unsigned",
    severity: Severity::High,
    title: "RADIUS packets without Message-Authenticator",
    finds: "Captured Access-Requests, and answers to them, without a Message-Authenticator, between two machines.",
    why: "Whoever sits between gateway and server turns a refusal into an acceptance, without knowing the secret (CVE-2024-3596).",
    wrong: "Where nobody else reaches that network, or the capture was taken inside an IPsec or TLS tunnel.",
    action: "Update the gateway's RADIUS client, then set `require_message_authenticator = yes` in its entry of clients.conf.",
    reference: "CVE-2024-3596; RFC 3579 §3.2; FreeRADIUS 3.2.5 ChangeLog",
};

/// What is asked of captured RADIUS.
pub static FAMILY: Family = Family {
    name: "radius-packets",
    title: "RADIUS in captures",
    rules: &[LOGIN, UNSIGNED],
    run: |_, _| {},
};

/// Gateways that are told one by one.
const GATEWAYS_MAX: usize = 100;

/// What was captured of each gateway.
#[derive(Default)]
pub struct RadiusPackets(BTreeMap<IpAddr, Wire>);

#[derive(Default)]
struct Wire {
    logins: Tally,
    unsigned: Tally,
}

impl Watch for RadiusPackets {
    fn event(&mut self, event: &Event<'_>) {
        let message = event.message();
        if message.role != Role::Packet || !message.id.starts_with("radius-access-") {
            return;
        }
        // nobody is on the way within one machine
        let Some(gateway) = event.ip(Field::NasIp).filter(|gateway| !gateway.is_loopback()) else {
            return;
        };
        if self.0.len() >= GATEWAYS_MAX && !self.0.contains_key(&gateway) {
            return;
        }
        let wire = self.0.entry(gateway).or_default();
        let is_login = matches!(
            event.word(Field::AuthMethod),
            Some("chap-md5" | "ms-chap" | "ms-chap-v2")
        );
        if is_login && message.id == "radius-access-request" {
            wire.logins.event(event);
        }
        if event.word(Field::Option) == Some("unsigned") {
            wire.unsigned.event(event);
        }
    }

    fn finish(&mut self, scene: &Scene<'_>, report: &mut Report) {
        let words = |tally: &Tally| tally.words("packet", "packets");
        for (gateway, wire) in &self.0 {
            if !wire.logins.is_empty() {
                let summary = format!(
                    "RADIUS of {gateway} carries log-ins that can be cracked: {}.",
                    words(&wire.logins)
                );
                report.add(wire.logins.check(&LOGIN, scene, summary).subject(gateway.to_string()));
            }
            if !wire.unsigned.is_empty() {
                let summary = format!(
                    "RADIUS of {gateway} without Message-Authenticator: {}.",
                    words(&wire.unsigned)
                );
                report.add(
                    wire.unsigned
                        .check(&UNSIGNED, scene, summary)
                        .subject(gateway.to_string()),
                );
            }
        }
    }
}
