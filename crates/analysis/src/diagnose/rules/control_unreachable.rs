//! The first packet never reached a daemon.

use tunlog_model::{EventKind, Field, Protocol};

use crate::diagnose::Case;
use crate::diagnose::rule::no_claim;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "control_unreachable",
    causes: &["control-unreachable", "server-network-error"],
    explanation: "A packet filter that names what it dropped, or a client's program that got no connection. The gateway's daemons cannot \
                  know: they were never reached.",
    needs: &[Need::Firewall],
    claim: no_claim,
    tell,
};

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    if claim.cause != "control-unreachable" {
        return;
    }
    let client = case.other_end();
    let port = match case.attempt.protocol {
        Some(Protocol::Pptp) => "TCP port 1723",
        Some(Protocol::L2tp) => "UDP port 1701",
        _ => "UDP ports 500 and 4500",
    };
    let dropped = case.first(EventKind::PacketDropped);
    if let Some(clue) = dropped {
        let port = clue
            .fact(Field::DestinationPort)
            .map_or(port.to_owned(), |number| format!("port {number}"));
        let by = case.dropping_rules().first().map_or(String::new(), |rule| {
            format!(" by the rule that logs with the prefix “{rule}”")
        });
        telling.summary = format!(
            "A packet filter dropped the client's packets to {port}{by}. The daemon never heard of this client."
        );
        for rule in case.dropping_rules() {
            telling.action(format!(
                "Accept {port} before the rule that logs “{rule}”, at least from {client}."
            ));
        }
    } else if case.is_calling() {
        telling.summary = format!(
            "The gateway does not answer on {port}: the packets do not get there, or nothing listens. No tunnel was begun."
        );
        telling.action("From the client: `nc -vz GATEWAY 1723` (PPTP) or `ike-scan GATEWAY` (L2TP/IPsec). “Connection refused” means that nothing listens, silence that a firewall drops.");
    }
    telling.action(format!("On the gateway: `tcpdump -ni any host {client} and '(tcp port 1723 or udp port 500 or udp port 4500 or udp port 1701)'` shows whether anything arrives."));
}
