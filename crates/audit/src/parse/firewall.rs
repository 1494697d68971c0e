//! What packet filters have in common: chains of rules, of which the first that decides counts.

use std::collections::BTreeSet;

/// A packet that the Internet may send, belonging to no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// IP protocol: 6 TCP, 17 UDP, 47 GRE, 50 ESP.
    pub protocol: u8,
    /// Destination port, where the protocol has some.
    pub port: Option<u16>,
}

/// PPTP's control connection (RFC 2637).
pub const PPTP: Probe = Probe {
    protocol: 6,
    port: Some(1723),
};
/// L2TP that no IPsec protects (RFC 2661).
pub const L2TP: Probe = Probe {
    protocol: 17,
    port: Some(1701),
};
/// IKE (RFC 2409, RFC 7296).
pub const IKE: Probe = Probe {
    protocol: 17,
    port: Some(500),
};
/// IKE and ESP behind NAT (RFC 3947, RFC 3948).
pub const NAT_T: Probe = Probe {
    protocol: 17,
    port: Some(4500),
};
/// PPTP's data (RFC 2637 §4).
pub const GRE: Probe = Probe {
    protocol: 47,
    port: None,
};

/// What a rule asks of a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matches {
    /// Protocols; none: any.
    pub protocols: Option<Vec<u8>>,
    /// Any protocol but these.
    pub not_protocols: Vec<u8>,
    /// Destination ports, ranges inclusive; none: any.
    pub ports: Option<Vec<(u16, u16)>>,
    /// Any port but these.
    pub not_ports: Vec<(u16, u16)>,
    /// The interfaces that it may come in by, any if none is named; `+` or `*` at the end stands for anything.
    pub interfaces: Vec<String>,
    /// Any interface but these.
    pub not_interfaces: Vec<String>,
    /// Only packets of IPv6, or only of IPv4.
    pub ipv6: Option<bool>,
    /// Whether it came out of IPsec.
    pub ipsec: Option<bool>,
    /// Only from some sources, or on conditions that are not followed here.
    pub limited: bool,
    /// No packet of the Internet that begins something can match: loopback, established connections.
    pub never: bool,
    /// Only so many in a time: what is accepted is still accepted, what is dropped is not all of it.
    pub rate: bool,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let in.
    Accept,
    /// Dropped or rejected.
    Drop,
    /// Asks another chain, then goes on.
    Jump(String),
    /// Asks another chain instead.
    Goto(String),
    /// Back to the chain that asked.
    Return,
    /// Counts, marks, writes a log line.
    Pass,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterRule {
    /// What it asks.
    pub matches: Matches,
    /// What it does.
    pub verdict: Verdict,
    /// Its line.
    pub line: u32,
}

/// A chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chain {
    /// Its name, unique in the rule set.
    pub name: String,
    /// Packets for the machine itself pass it first.
    pub is_input: bool,
    /// What becomes of what no rule decides; a base chain's.
    pub drops: bool,
    /// Where that stands.
    pub line: u32,
    /// Its rules.
    pub rules: Vec<FilterRule>,
}

/// The chains of one address family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The file.
    pub path: String,
    /// It speaks of IPv4.
    pub ipv4: bool,
    /// It speaks of IPv6.
    pub ipv6: bool,
    /// Its chains.
    pub chains: Vec<Chain>,
}

/// What becomes of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Dropped, by the rule or policy of this line.
    Closed(u32),
    /// Let in from some sources or on conditions, by the rule of this line.
    Limited(u32),
    /// Let in from anywhere, by the rule of this line.
    Open(u32),
    /// Let in because nothing decides otherwise: the policy of this line.
    Unfiltered(u32),
}

/// Chains that ask chains, at most.
const DEPTH_MAX: usize = 16;
/// Interfaces that are looked at, at most.
const INTERFACES_MAX: usize = 64;
/// Chains of a rule set that are told apart, at most.
pub const CHAINS_MAX: usize = 4096;
/// Rules that one probe may pass, at most: chains may ask each other in many ways.
const STEPS_MAX: usize = 100_000;

impl Filter {
    /// Whether there is a chain for packets to the machine.
    pub fn has_input(&self) -> bool {
        self.chains.iter().any(|chain| chain.is_input)
    }

    /// What becomes of a probe of the families that the filter speaks of: the worst.
    pub fn fate(&self, probe: Probe) -> Option<Fate> {
        let families = [(false, self.ipv4), (true, self.ipv6)];
        let spoken = families.into_iter().filter(|(_, speaks)| *speaks);
        spoken.filter_map(|(six, _)| self.fate_of(probe, six)).max()
    }

    /// What becomes of a probe of IPv6 or of IPv4 on the worst of the interfaces that are named; none if there is no input chain.
    pub fn fate_of(&self, probe: Probe, six: bool) -> Option<Fate> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for rule in self.chains.iter().flat_map(|chain| &chain.rules) {
            names.extend(rule.matches.interfaces.iter().map(String::as_str));
            names.extend(rule.matches.not_interfaces.iter().map(String::as_str));
        }
        names.retain(|name| !is_inside(name));
        if names.is_empty() {
            names.insert("");
        }
        let names = names.into_iter().take(INTERFACES_MAX);
        names.filter_map(|interface| self.fate_on(probe, six, interface)).max()
    }

    /// All base chains must let it in (nftables): the strictest says.
    fn fate_on(&self, probe: Probe, six: bool, interface: &str) -> Option<Fate> {
        let base = self.chains.iter().filter(|chain| chain.is_input);
        base.map(|chain| {
            let mut walk = Walk {
                filter: self,
                probe,
                six,
                interface,
                limited: None,
                steps: 0,
            };
            let fate = match walk.chain(chain, 0) {
                Step::Decided(fate) => fate,
                _ if chain.drops => Fate::Closed(chain.line),
                _ => Fate::Unfiltered(chain.line),
            };
            match (fate, walk.limited) {
                (Fate::Closed(_), Some(line)) => Fate::Limited(line),
                (fate, _) => fate,
            }
        })
        .min()
    }
}

/// Interfaces that the Internet is not behind.
fn is_inside(name: &str) -> bool {
    name == "lo"
        || ["ppp", "l2tp", "pptp", "tun", "wg", "docker", "veth"]
            .iter()
            .any(|kind| name.starts_with(kind))
}

struct Walk<'a> {
    filter: &'a Filter,
    probe: Probe,
    six: bool,
    interface: &'a str,
    limited: Option<u32>,
    steps: usize,
}

enum Step {
    Decided(Fate),
    /// The chain has nothing more to say.
    Through,
}

#[derive(PartialEq, Eq)]
enum Answer {
    Yes,
    Some,
    No,
}

impl Walk<'_> {
    fn chain(&mut self, chain: &Chain, depth: usize) -> Step {
        for rule in &chain.rules {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                break;
            }
            let answer = self.answer(&rule.matches);
            if answer == Answer::No {
                continue;
            }
            let all = answer == Answer::Yes;
            match &rule.verdict {
                Verdict::Accept if all => return Step::Decided(Fate::Open(rule.line)),
                Verdict::Accept => {
                    self.limited.get_or_insert(rule.line);
                }
                Verdict::Drop if all && !rule.matches.rate => return Step::Decided(Fate::Closed(rule.line)),
                Verdict::Return if all && !rule.matches.rate => return Step::Through,
                Verdict::Jump(name) | Verdict::Goto(name) => {
                    let step = self.ask(name, depth, all);
                    let is_final = all && matches!(rule.verdict, Verdict::Goto(_));
                    if is_final || matches!(step, Step::Decided(_)) {
                        return step;
                    }
                }
                _ => {}
            }
        }
        Step::Through
    }

    /// Another chain; what it decides for some packets only is no decision.
    fn ask(&mut self, name: &str, depth: usize, all: bool) -> Step {
        let filter = self.filter;
        let Some(chain) = filter.chains.iter().find(|chain| chain.name == name) else {
            return Step::Through;
        };
        if depth >= DEPTH_MAX {
            return Step::Through;
        }
        match self.chain(chain, depth + 1) {
            step if all => step,
            Step::Decided(Fate::Open(line)) => {
                self.limited.get_or_insert(line);
                Step::Through
            }
            _ => Step::Through,
        }
    }

    fn answer(&self, matches: &Matches) -> Answer {
        let in_ranges =
            |ranges: &[(u16, u16)], port: u16| ranges.iter().any(|(low, high)| (*low..=*high).contains(&port));
        let port = self.probe.port;
        let no = matches.never
            || matches.ipv6.is_some_and(|six| six != self.six)
            || matches
                .protocols
                .as_ref()
                .is_some_and(|all| !all.contains(&self.probe.protocol))
            || matches.not_protocols.contains(&self.probe.protocol)
            || matches
                .ports
                .as_ref()
                .is_some_and(|ranges| !port.is_some_and(|port| in_ranges(ranges, port)))
            || port.is_some_and(|port| in_ranges(&matches.not_ports, port))
            || matches.ipsec == Some(true)
            || (!matches.interfaces.is_empty() && !matches.interfaces.iter().any(|name| self.is_on(name)))
            || matches.not_interfaces.iter().any(|name| self.is_on(name));
        match (no, matches.limited) {
            (true, _) => Answer::No,
            (false, true) => Answer::Some,
            (false, false) => Answer::Yes,
        }
    }

    fn is_on(&self, name: &str) -> bool {
        match name.strip_suffix(['+', '*']) {
            Some(start) => self.interface.starts_with(start),
            None => self.interface == name,
        }
    }
}

/// A protocol by name or number; none for those that do not matter here.
pub fn protocol(word: &str) -> Option<u8> {
    Some(match word.to_ascii_lowercase().as_str() {
        "tcp" => 6,
        "udp" => 17,
        "gre" => 47,
        "esp" | "ipsec-esp" => 50,
        "ah" | "ipsec-ah" => 51,
        "icmp" => 1,
        "igmp" => 2,
        "icmpv6" | "ipv6-icmp" => 58,
        "l2tp" => 115,
        word => return word.parse().ok(),
    })
}

/// A port or a range of them: `1723`, `500:4500`, `500-4500`, `l2tp`.
pub fn ports(word: &str) -> Option<(u16, u16)> {
    let number = |word: &str| {
        Some(match word {
            "pptp" => 1723,
            "l2tp" | "l2f" => 1701,
            "isakmp" => 500,
            "ipsec-nat-t" => 4500,
            "radius" => 1812,
            word => word.parse().ok()?,
        })
    };
    if let Some(port) = number(word) {
        return Some((port, port));
    }
    let (low, high) = word.split_once([':', '-'])?;
    let low = if low.is_empty() { 0 } else { number(low)? };
    let high = if high.is_empty() { u16::MAX } else { number(high)? };
    Some((low, high))
}

/// The protocols that words name; those that are not known here are nobody's of ours.
pub fn protocols<'a>(words: impl Iterator<Item = &'a str>) -> Option<Vec<u8>> {
    let words: Vec<&str> = words.collect();
    let any = words.iter().any(|word| matches!(*word, "all" | "0" | "ip"));
    (!any).then(|| words.into_iter().filter_map(protocol).collect())
}

/// Whether a destination is that of many: what is sent to the gateway itself has another.
pub fn is_multicast(destination: &str) -> bool {
    let first = destination.split(['.', ':', '/']).next().unwrap_or_default();
    let v4 = destination.contains('.') && first.parse::<u8>().is_ok_and(|octet| (224..=239).contains(&octet));
    v4 || first.to_ascii_lowercase().starts_with("ff") || destination.starts_with("255.255.255.255")
}

/// Whether a source is the whole Internet.
pub fn is_anywhere(source: &str) -> bool {
    matches!(
        source,
        "0.0.0.0/0" | "::/0" | "0/0" | "any" | "anywhere" | "0.0.0.0/0.0.0.0"
    )
}
