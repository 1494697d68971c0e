//! Packet filters: what reaches the gateway from the Internet.

use crate::parse::firewall::{Fate, Filter, GRE, IKE, L2TP, NAT_T, PPTP, Probe};
use crate::{Check, Family, Kind, Report, Rule, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "firewall",
    title: "Packet filters: nftables, iptables, ufw",
    rules: &[
        L2TP_OPEN,
        PPTP_OPEN,
        GRE_OPEN,
        GRE_CLOSED,
        IKE_CLOSED,
        DEFAULT_ACCEPT,
        IPV6,
    ],
    run,
};

const L2TP_OPEN: Rule = Rule {
    id: "firewall-l2tp-open",
    severity: Severity::High,
    title: "L2TP is let in outside of IPsec",
    finds: "UDP 1701 that no IPsec protected is accepted from anywhere; rules are walked in order, first match, policies and jumps included.",
    why: "Anybody can speak to the L2TP daemon, and a client whose IPsec fails goes on in clear.",
    wrong: "L2TP is used without IPsec on purpose, or the rules are those of a machine that has no L2TP.",
    action: "Accept 1701 out of IPsec alone: nft `udp dport 1701 meta ipsec exists accept`, iptables `-p udp --dport 1701 -m policy --dir in --pol ipsec -j ACCEPT`, and nothing else for 1701.",
    reference: "RFC 3193 §2; nft(8), META EXPRESSIONS (ipsec); iptables-extensions(8), policy: https://www.rfc-editor.org/rfc/rfc3193",
};

const PPTP_OPEN: Rule = Rule {
    id: "firewall-pptp-open",
    severity: Severity::Medium,
    title: "PPTP is let in from anywhere",
    finds: "TCP 1723 is accepted from anywhere. Low where the machine's PPTP server was seen: then the server is the fault (pptp-offered).",
    why: "Every scanner finds the gateway, and passwords can be tried from everywhere.",
    wrong: "Users come from changing addresses, for as long as PPTP is still needed.",
    action: "Remove the rule where PPTP is not offered; else accept 1723 and GRE from the networks that need it.",
    reference: "Microsoft Security Advisory 2743314: https://learn.microsoft.com/en-us/security-updates/securityadvisories/2012/2743314",
};

const GRE_OPEN: Rule = Rule {
    id: "firewall-gre-open",
    severity: Severity::Low,
    title: "GRE is let in though PPTP is not",
    finds: "IP protocol 47 is accepted from anywhere while TCP 1723 is not.",
    why: "Nothing needs it, and packets of any tunnel reach the kernel.",
    wrong: "The machine has GRE tunnels of its own.",
    action: "Remove the rule, or name the other end of the tunnel as its source.",
    reference: "RFC 2637 §4: https://www.rfc-editor.org/rfc/rfc2637",
};

const GRE_CLOSED: Rule = Rule {
    id: "firewall-gre-closed",
    severity: Severity::Low,
    title: "PPTP is let in but its data is not",
    finds: "TCP 1723 is accepted from anywhere, IP protocol 47 is dropped, and no connection-tracking helper for PPTP is in sight.",
    why: "The client connects and waits for its log-in until it gives up: `tunlog diagnose` calls it gre-blocked.",
    wrong: "A helper (nf_conntrack_pptp) is loaded elsewhere: then GRE is accepted as related.",
    action: "Accept IP protocol 47 from where 1723 is accepted, or shut 1723 too.",
    reference: "RFC 2637 §4: https://www.rfc-editor.org/rfc/rfc2637",
};

const IKE_CLOSED: Rule = Rule {
    id: "firewall-ike-closed",
    severity: Severity::Low,
    title: "IKE is not let in",
    finds: "An L2TP server with IPsec, and UDP 500 or 4500 is dropped.",
    why: "Clients get no answer to IKE, or, behind NAT, no answer on 4500.",
    wrong: "Another machine does IPsec.",
    action: "Accept UDP 500 and 4500 (and IP protocol 50 for clients without NAT).",
    reference: "RFC 3947 §4, RFC 3948 §2: https://www.rfc-editor.org/rfc/rfc3947",
};

const DEFAULT_ACCEPT: Rule = Rule {
    id: "firewall-default-accept",
    severity: Severity::Medium,
    title: "The packet filter lets in what no rule names",
    finds: "A packet that no rule decides is accepted: the policy of the input chain is accept and no rule at its end drops.",
    why: "Each daemon that starts to listen is reachable from the Internet at once, RADIUS, databases and command lines too.",
    wrong: "Another packet filter stands in front.",
    action: "Set the policy to drop: nft `policy drop;`, iptables `-P INPUT DROP`, ufw `ufw default deny incoming`.",
    reference: "nft(8), CHAINS (policy); iptables(8), -P",
};

const IPV6: Rule = Rule {
    id: "firewall-ipv6-unfiltered",
    severity: Severity::Medium,
    title: "IPv6 is not filtered",
    finds: "A rule set of nftables whose input chains filter IPv4 alone; or iptables rules without ip6tables rules in a configuration that was read as a whole.",
    why: "Over IPv6 every daemon is open.",
    wrong: "The machine has no IPv6.",
    action: "Use a table of the family inet, or write the same rules for ip6.",
    reference: "nft(8), ADDRESS FAMILIES",
};

/// A port that nobody means: what no rule names (RFC 863, discard).
const NOBODY: Probe = Probe {
    protocol: 6,
    port: Some(9),
};

fn run(setup: &Setup<'_>, report: &mut Report) {
    for six in [false, true] {
        let filters: Vec<&Filter> = setup
            .filters
            .iter()
            .filter(|filter| filter.has_input() && if six { filter.ipv6 } else { filter.ipv4 })
            .collect();
        if !filters.is_empty() {
            of_family(setup, &filters, six, report);
        }
    }
    ipv6(setup, report);
}

/// What becomes of a probe: every filter must let it in. With the file that decides.
fn fate<'a>(filters: &[&'a Filter], probe: Probe, six: bool) -> (Fate, &'a str) {
    let fates = filters
        .iter()
        .filter_map(|filter| Some((filter.fate_of(probe, six)?, filter.path.as_str())));
    fates.min().unwrap_or((Fate::Closed(0), ""))
}

/// The line of what is accepted from anywhere.
fn open(fate: Fate) -> Option<u32> {
    match fate {
        Fate::Open(line) | Fate::Unfiltered(line) => Some(line),
        Fate::Closed(_) | Fate::Limited(_) => None,
    }
}

fn at(check: Check, file: &str, line: u32) -> Check {
    if line == 0 {
        check.file(file)
    } else {
        check.at(file, line)
    }
}

fn of_family(setup: &Setup<'_>, filters: &[&Filter], six: bool, report: &mut Report) {
    let (nobody, file) = fate(filters, NOBODY, six);
    if let Some(line) = open(nobody) {
        report.add(at(
            Check::new(&DEFAULT_ACCEPT, "what no rule names is let in"),
            file,
            line,
        ));
    }
    let (l2tp, file) = fate(filters, L2TP, six);
    // where everything is let in, that is the fault, unless there is an L2TP server to reach
    let matters = matches!(l2tp, Fate::Open(_)) || !setup.l2tp.is_empty();
    if let Some(line) = open(l2tp).filter(|_| matters) {
        let check = Check::new(&L2TP_OPEN, "UDP 1701 is let in from anywhere without IPsec");
        report.add(at(check, file, line));
    }
    let (pptp, file) = fate(filters, PPTP, six);
    if let Fate::Open(line) = pptp {
        let check = Check::new(&PPTP_OPEN, "TCP 1723 is let in from anywhere");
        let served = !setup.pptp.is_empty();
        let check = if served { check.severity(Severity::Low) } else { check };
        report.add(at(check, file, line));
    }
    // no PPTP server speaks IPv6
    if !six {
        gre(setup, filters, pptp, report);
    }
    if !setup.l2tp.is_empty() && setup.has_ipsec() {
        ike(filters, six, report);
    }
}

/// PPTP needs its control connection and GRE, or neither.
fn gre(setup: &Setup<'_>, filters: &[&Filter], pptp: Fate, report: &mut Report) {
    let (gre, file) = fate(filters, GRE, false);
    match (open(pptp), gre) {
        (None, Fate::Open(line)) => {
            let check = Check::new(&GRE_OPEN, "GRE is let in from anywhere, TCP 1723 is not");
            report.add(at(check, file, line));
        }
        (Some(_), Fate::Closed(line)) if !has_helper(setup) => {
            let check = Check::new(&GRE_CLOSED, "TCP 1723 is let in, GRE is dropped: PPTP cannot work");
            report.add(at(check, file, line));
        }
        _ => {}
    }
}

fn ike(filters: &[&Filter], six: bool, report: &mut Report) {
    for (probe, port) in [(IKE, 500), (NAT_T, 4500)] {
        if let (Fate::Closed(line), file) = fate(filters, probe, six) {
            let check = Check::new(&IKE_CLOSED, format!("UDP {port} is dropped, L2TP/IPsec needs it"));
            report.add(at(check, file, line));
        }
    }
}

/// A helper makes GRE related to its control connection.
fn has_helper(setup: &Setup<'_>) -> bool {
    let rules = [Kind::Nftables, Kind::Iptables, Kind::UfwRules, Kind::UfwDefaults];
    let names =
        |text: &str| text.contains("helper pptp") || text.contains("conntrack_pptp") || text.contains("type \"pptp\"");
    let in_rules = setup
        .files()
        .filter(|(_, kind)| rules.contains(kind))
        .any(|(file, _)| names(&file.text));
    let automatic = setup
        .of(Kind::Sysctl)
        .any(|file| file.text.contains("nf_conntrack_helper"));
    in_rules || automatic
}

fn ipv6(setup: &Setup<'_>, report: &mut Report) {
    let drops = |filter: &&Filter| filter.ipv4 && open(fate(&[filter], NOBODY, false).0).is_none();
    let Some(filter) = setup.filters.iter().find(drops) else {
        return;
    };
    let six = setup.filters.iter().any(|filter| filter.ipv6 && filter.has_input());
    // a saved rule set of iptables has IPv4 alone: the other one must have been in sight
    let from_nft = setup.of(Kind::Nftables).any(|file| file.path == filter.path);
    let from_tables = setup.machine.is_whole && setup.of(Kind::Iptables).any(|file| file.path == filter.path);
    if !six && (from_nft || from_tables) {
        report.add(Check::new(&IPV6, "IPv4 is filtered, IPv6 is not").file(&filter.path));
    }
}
