//! ufw (ufw(8), ufw-framework(8)): its rule files are iptables', its policy stands in `default/ufw`; and what `ufw status verbose` prints.

use super::firewall::{Chain, Filter, FilterRule, Matches, Verdict, ports, protocol};
use super::lines;

/// The filter that ufw makes of its rule files, each read as iptables', with its policy; `drops` by default.
pub fn assemble(parts: Vec<Filter>, drops: bool, line: u32) -> Option<Filter> {
    let first = parts.iter().find(|part| part.path.contains("user")).or(parts.first())?;
    let mut filter = Filter {
        path: first.path.clone(),
        ipv4: first.ipv4,
        ipv6: first.ipv6,
        chains: Vec::new(),
    };
    let six = if first.ipv6 { "6" } else { "" };
    let jump = |name: &str| FilterRule {
        matches: Matches::default(),
        verdict: Verdict::Jump(format!("ufw{six}-{name}-input")),
        line,
    };
    filter.chains.push(Chain {
        name: "INPUT".to_owned(),
        is_input: true,
        drops,
        line,
        rules: ["before", "user", "after"].map(jump).into(),
    });
    for part in parts {
        filter
            .chains
            .extend(part.chains.into_iter().filter(|chain| !chain.is_input));
    }
    Some(filter)
}

/// The policy of `default/ufw` for what comes in: whether it drops, and the line.
pub fn policy(text: &str) -> Option<(bool, u32)> {
    let found = lines(text).filter_map(|(number, line)| {
        let value = line.trim().strip_prefix("DEFAULT_INPUT_POLICY=")?;
        Some((super::unquoted(value) != "ACCEPT", number))
    });
    found.last()
}

/// Whether `ufw.conf` says that it is on.
pub fn is_enabled(text: &str) -> bool {
    let found = lines(text).filter_map(|(_, line)| line.trim().strip_prefix("ENABLED=").map(super::unquoted));
    found.last().is_none_or(|word| word.eq_ignore_ascii_case("yes"))
}

/// What `ufw status verbose` printed: IPv4's part. None while it is not active.
pub fn status(path: &str, text: &str) -> Option<Filter> {
    let mut filter = Filter {
        path: path.to_owned(),
        ipv4: true,
        ipv6: false,
        chains: Vec::new(),
    };
    let mut input = Chain {
        name: "INPUT".to_owned(),
        is_input: true,
        drops: true,
        ..Chain::default()
    };
    for (number, line) in lines(text) {
        if line.trim() == "Status: inactive" {
            return None;
        }
        if let Some(policies) = line.strip_prefix("Default:") {
            input.drops = !policies.contains("allow (incoming)");
            input.line = number;
        }
        input.rules.extend(shown(line, number));
    }
    filter.chains.push(input);
    Some(filter)
}

/// `1701/udp                   ALLOW IN    Anywhere`.
fn shown(line: &str, number: u32) -> Option<FilterRule> {
    let at = ["ALLOW", "DENY", "REJECT", "LIMIT"].iter().find_map(|word| {
        let at = line.find(word)?;
        line[..at].ends_with(' ').then_some((at, *word))
    });
    let (at, word) = at?;
    let (to, from) = (line[..at].trim(), line[at + word.len()..].trim());
    let from = from.strip_prefix("IN").unwrap_or(from).trim();
    if from.starts_with("OUT") || from.starts_with("FWD") || to.contains("(v6)") {
        return None;
    }
    // `192.0.2.1 1701/udp`, `1701/udp on eth0`
    let (to, interfaces) = to
        .split_once(" on ")
        .map_or((to, Vec::new()), |(to, name)| (to, vec![name.to_owned()]));
    let service = to.split_whitespace().last().unwrap_or_default();
    let (place, kind) = service.split_once('/').unwrap_or((service, ""));
    let mut matches = Matches {
        interfaces,
        limited: !from.starts_with("Anywhere"),
        ..Matches::default()
    };
    matches.protocols = protocol(kind).map(|protocol| vec![protocol]);
    if place != "Anywhere" {
        matches.ports = Some(place.split(',').filter_map(ports).collect());
    }
    Some(FilterRule {
        matches,
        verdict: if word == "ALLOW" || word == "LIMIT" {
            Verdict::Accept
        } else {
            Verdict::Drop
        },
        line: number,
    })
}

#[cfg(test)]
mod tests {
    use super::super::firewall::{Fate, GRE, IKE, L2TP, PPTP};
    use super::super::iptables;
    use super::*;

    #[test]
    fn status_is_read() {
        let text = "Status: active\nLogging: on (medium)\nDefault: deny (incoming), allow (outgoing), disabled (routed)\n\n\
            To                         Action      From\n--                         ------      ----\n\
            500,4500/udp               ALLOW IN    Anywhere\n1701/udp                   ALLOW IN    192.0.2.0/24\n\
            Anywhere/gre               ALLOW IN    Anywhere\n1723/tcp (v6)              ALLOW IN    Anywhere (v6)\n";
        let filter = status("ufw.txt", text).expect("active");
        assert_eq!(filter.fate(IKE), Some(Fate::Open(7)));
        assert_eq!(filter.fate(L2TP), Some(Fate::Limited(8)));
        assert_eq!(filter.fate(GRE), Some(Fate::Open(9)));
        assert_eq!(filter.fate(PPTP), Some(Fate::Closed(3)));
        assert!(status("x", "Status: inactive\n").is_none());
    }

    #[test]
    fn files_make_one_filter() {
        let user = iptables::parse(
            "etc/ufw/user.rules",
            "*filter\n:ufw-user-input - [0:0]\n-A ufw-user-input -p udp --dport 1701 -j ACCEPT\n",
        );
        let before = iptables::parse("etc/ufw/before.rules", "*filter\n-A ufw-before-input -p gre -j DROP\n");
        let filter = assemble(vec![before, user], true, 4).expect("two parts");
        assert_eq!(filter.path, "etc/ufw/user.rules");
        assert_eq!(filter.fate(L2TP), Some(Fate::Open(3)));
        assert_eq!(filter.fate(GRE), Some(Fate::Closed(2)));
        assert_eq!(policy("DEFAULT_INPUT_POLICY=\"ACCEPT\"\n"), Some((false, 1)));
        assert!(!is_enabled("ENABLED=no\n"));
    }
}
