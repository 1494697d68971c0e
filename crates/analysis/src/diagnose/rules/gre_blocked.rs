//! The control call is up, and PPP's frames do not get through: which way they are missing, and who drops them.

use tunlog_model::{Clue, Confidence, EventKind, Field, Layer, Outcome};

use crate::diagnose::Case;
use crate::diagnose::rule::{Claim, Need, Rule};
use crate::diagnose::tell::Telling;

/// The rule.
pub static RULE: Rule = Rule {
    name: "gre_blocked",
    causes: &["gre-blocked", "conntrack-helper-missing"],
    explanation: "PPP's frames travel in GRE (IP protocol 47), beside the control connection. Where pppd's packets are logged the direction \
                  is told: requests sent and nothing received at all, or a peer that is heard but repeats its own request and never \
                  answers ours. Without them, a call that was started, a pppd that heard nobody for the time of LCP's retries, and a \
                  client that hung up. A packet filter's or the kernel's own line decides.",
    needs: &[Need::Tunnel, Need::Ppp, Need::Packets, Need::Firewall],
    claim,
    tell,
};

/// Lines of a filter that are shown.
const LOGGED_MAX: usize = 3;

/// Which way frames are missing.
enum Missing<'a> {
    /// Nothing came in.
    Inbound(Clue<'a>),
    /// What we send does not arrive.
    Outbound(Clue<'a>),
}

fn missing<'a>(case: &Case<'a>) -> Option<Missing<'a>> {
    let request = case.packet("sent", "LCP", "ConfReq")?;
    let answers = ["ConfAck", "ConfNak", "ConfRej"]
        .iter()
        .any(|code| case.received("LCP", code) > 0);
    let asked = case.sent("LCP", "ConfReq");
    if answers || asked < 2 {
        return None;
    }
    match case.packet("rcvd", "LCP", "ConfReq") {
        Some(_) => Some(Missing::Outbound(request)),
        None if asked >= 3 && case.received("LCP", "") == 0 => Some(Missing::Inbound(request)),
        None => None,
    }
}

fn claim<'a>(case: &Case<'a>) -> Option<Claim<'a>> {
    let told = ["gre-blocked", "conntrack-helper-missing"];
    let is_open = matches!(case.attempt.outcome, Outcome::Failed | Outcome::Unfinished);
    if !is_open || !case.is_pptp() || told.iter().any(|cause| case.blames(cause).is_some()) {
        return None;
    }
    // who blames something of its own knows better than what is missing
    if case.attempt.confidence == Some(Confidence::Certain) {
        return None;
    }
    if let Some(Missing::Inbound(clue) | Missing::Outbound(clue)) = missing(case) {
        return Claim::likely("gre-blocked", Layer::Gre, Some(clue));
    }
    let silent = case.first(EventKind::LinkTimeout).filter(|_| !case.is_heard())?;
    Claim::likely("gre-blocked", Layer::Gre, Some(silent))
}

fn tell<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    telling.proof.extend(claim.clue);
    let far = case.other_end();
    let way = way(case, &far, telling);
    let rules = case.dropping_rules();
    let logged = logged(case, telling);
    if claim.cause == "gre-blocked" {
        telling.summary = match rules.first() {
            Some(rule) => format!(
                "A packet filter dropped GRE of this connection: the rule that logs with the prefix “{rule}”. PPP frames travel in GRE, so the link never came up."
            ),
            None => logged.unwrap_or_else(|| way.to_owned()),
        };
    }
    for rule in &rules {
        telling.action(format!(
            "Find the rule that logs “{rule}” (`iptables -S | grep '{}'`) and accept protocol 47 before it.",
            rule.replace('\'', "")
        ));
    }
    let here = match case.is_calling() {
        true => "Here",
        false => "On the gateway, while the client tries",
    };
    telling.action(format!(
        "{here}: `tcpdump -ni any 'ip proto 47 and host {far}'`. Packets of one direction only show which way is blocked; do the same at the other end."
    ));
    if claim.cause != "gre-blocked" {
        return;
    }
    // said better here than of the cause in general
    telling.only_own_actions = true;
    telling.action("Every router and firewall in between, and the client's own, must pass IP protocol 47 (no port!); where one translates addresses it needs the PPTP helper: `modprobe nf_conntrack_pptp nf_nat_pptp` on Linux, “PPTP pass-through” on home routers.");
    if rules.is_empty() {
        if missing(case).is_none() {
            telling.action("On this machine: `iptables -I INPUT -p gre -j ACCEPT` and `iptables -I OUTPUT -p gre -j ACCEPT`; nftables: `ip protocol gre accept`.");
        }
        others(case, claim, telling);
        telling.decide(format!("a capture of the outer interface during one try: `tcpdump -ni any -w gre.pcap 'tcp port 1723 or ip proto 47' and host {far}`"));
    }
}

/// Which way frames are missing, in words.
fn way<'a>(case: &Case<'a>, far: &str, telling: &mut Telling<'a>) -> &'static str {
    let calling = case.is_calling();
    match missing(case) {
        Some(Missing::Outbound(_)) => {
            telling.proof.extend(case.packet("rcvd", "LCP", "ConfReq"));
            telling.action(format!("The way out is broken: let GRE leave this machine (`iptables -I OUTPUT -p gre -j ACCEPT`) and arrive at {far}; look at the routers and firewalls on that side first."));
            match calling {
                true => {
                    "The gateway's PPP frames arrive, but it repeats its own request and never answers ours: what this client sends in GRE does not reach it."
                }
                false => {
                    "The client's PPP frames arrive, but it repeats its own request and never answers ours: what the gateway sends in GRE does not reach it."
                }
            }
        }
        Some(Missing::Inbound(_)) => {
            telling.action(format!("The way in is suspect: `iptables -I INPUT -p gre -s {far} -j ACCEPT` here, and protocol 47 forwarded by every router before this machine."));
            "The control call is up and PPP's requests were sent, but not one PPP frame came from the other end: GRE is dropped on the way in, or our own frames never got there."
        }
        None if calling => {
            "The gateway accepted the call, but no PPP frame came back from it: GRE (IP protocol 47) is dropped between this client and the gateway."
        }
        None => {
            "The control call is up, but no PPP frame of the client was heard: GRE (IP protocol 47) does not get through in at least one direction."
        }
    }
}

/// Packets that a filter of this machine logged, and that PPP did not hear: they were dropped after that line.
fn logged<'a>(case: &Case<'a>, telling: &mut Telling<'a>) -> Option<String> {
    let lines: Vec<Clue<'_>> = case.heard.gre_of(case.attempt).take(LOGGED_MAX).collect();
    telling.beside.extend(&lines);
    let first = lines.first()?;
    if matches!(missing(case), Some(Missing::Outbound(_))) {
        return None;
    }
    let prefix = first.fact(Field::Prefix);
    let prefix = prefix.as_deref().map(|prefix| prefix.trim_end_matches([':', ' ']));
    let by = prefix
        .filter(|prefix| !prefix.is_empty())
        .map_or(String::new(), |prefix| format!(" (prefix “{prefix}”)"));
    telling.action("Accept GRE before the rule that logs it: `iptables -I INPUT -p gre -j ACCEPT`, or “gre” in the firewall's own interface.");
    Some(format!(
        "GRE of the other end arrives at this machine, its packet filter logs it{by}, and PPP hears nothing of it. The filter drops it after logging, or no rule accepts it."
    ))
}

/// What else it may be where no filter speaks.
fn others<'a>(case: &Case<'a>, claim: &Claim<'a>, telling: &mut Telling<'a>) {
    telling.or("conntrack-helper-missing", Confidence::Possible);
    let attempt = case.attempt;
    let neighbour = |client| case.sessions.was_up(client, attempt.id, attempt.started);
    if attempt.client_ip.is_some_and(neighbour) {
        telling.or("nat-collision", Confidence::Likely);
        telling.action("Another session from the same address was up at that time: the router in front of the clients needs a PPTP helper that keeps their GRE apart.");
    }
    if claim.confidence == Confidence::Possible {
        telling.or("abandoned", Confidence::Possible);
        telling.or("client-aborted", Confidence::Possible);
    }
}
