//! One rule of nftables: conditions, then what is done.

use super::tokens::{Token, block, elements};
use super::{RULES_MAX, Reader};
use crate::parse::firewall::{FilterRule, Matches, Verdict, is_anywhere, is_multicast, ports, protocol, protocols};

/// A rule as it is read.
struct Draft {
    matches: Matches,
    verdict: Verdict,
    /// What a verdict map makes of single ports.
    expanded: Vec<(Option<(u16, u16)>, Verdict)>,
}

impl Default for Draft {
    fn default() -> Draft {
        Draft {
            matches: Matches::default(),
            verdict: Verdict::Pass,
            expanded: Vec::new(),
        }
    }
}

impl Draft {
    /// Takes a verdict, if it is one; gives the place behind it.
    fn verdict(&mut self, word: &str, next: &str, at: usize, end: usize) -> Option<usize> {
        let (verdict, place) = match word {
            "accept" => (Verdict::Accept, at + 1),
            "drop" => (Verdict::Drop, at + 1),
            // `reject with icmp …` ends a rule
            "reject" => (Verdict::Drop, end),
            "return" => (Verdict::Return, at + 1),
            "jump" => (Verdict::Jump(next.to_owned()), at + 2),
            "goto" => (Verdict::Goto(next.to_owned()), at + 2),
            _ => return None,
        };
        self.verdict = verdict;
        Some(place)
    }
}

impl Reader<'_> {
    /// A rule; with a verdict map one for each of its elements.
    pub(super) fn statement(&mut self, tokens: &[Token]) -> Vec<FilterRule> {
        self.rules += 1;
        let Some(line) = tokens
            .first()
            .map(|token| token.line)
            .filter(|_| self.rules < RULES_MAX)
        else {
            return Vec::new();
        };
        let mut draft = Draft::default();
        let mut at = 0;
        while at < tokens.len() {
            at = self.part(tokens, at, &mut draft);
        }
        if draft.expanded.is_empty() {
            draft.expanded.push((None, draft.verdict));
        }
        let matches = draft.matches;
        let made = draft.expanded.into_iter().map(|(port, verdict)| {
            let mut matches = matches.clone();
            if port.is_some() {
                matches.ports = port.map(|port| vec![port]);
            }
            FilterRule { matches, verdict, line }
        });
        made.collect()
    }

    /// One condition or action of a rule; gives the place behind it.
    fn part(&self, tokens: &[Token], at: usize, rule: &mut Draft) -> usize {
        let word = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
        if let Some(next) = rule.verdict(word(0), word(1), at, tokens.len()) {
            return next;
        }
        if let Some(next) = self.of_header(tokens, at, rule) {
            return next;
        }
        match (word(0), word(1)) {
            ("iif" | "iifname", _) => self.interface(tokens, at + 1, &mut rule.matches),
            ("meta", "iif" | "iifname") => self.interface(tokens, at + 2, &mut rule.matches),
            ("meta", "ipsec" | "secpath") => {
                rule.matches.ipsec = Some(word(2) == "exists");
                at + 3
            }
            ("ipsec", "in") => {
                rule.matches.ipsec = Some(true);
                at + 4
            }
            ("ct", "state") => self.state(tokens, at + 2, &mut rule.matches),
            ("limit", "rate") => {
                rule.matches.rate = true;
                let taken = tokens[at..].iter().take_while(|token| !is_verdict(&token.text));
                at + taken.count().max(1)
            }
            ("counter", "packets") => at + 5,
            ("log" | "comment", _) => {
                let text = tokens[at..].iter().skip(1);
                at + 1 + text.take_while(|token| token.quoted || !is_action(&token.text)).count()
            }
            ("counter" | "continue", _) => at + 1,
            _ => {
                rule.matches.limited = true;
                at + 1
            }
        }
    }

    /// A condition on protocols, ports and addresses; none if it is another.
    fn of_header(&self, tokens: &[Token], at: usize, rule: &mut Draft) -> Option<usize> {
        let word = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
        let is_not = word(2) == "!=";
        let matches = &mut rule.matches;
        let values = || self.values(tokens, at + 2 + usize::from(is_not));
        match (word(0), word(1)) {
            ("ip", _) => matches.ipv6 = Some(false),
            ("ip6", _) => matches.ipv6 = Some(true),
            _ => {}
        }
        match (word(0), word(1)) {
            ("meta", "nfproto" | "protocol") => {
                matches.ipv6 = match word(2) {
                    "ipv4" | "ip" => Some(false),
                    "ipv6" | "ip6" => Some(true),
                    _ => matches.ipv6,
                };
                Some(at + 3)
            }
            ("meta", "l4proto") | ("ip", "protocol") | ("ip6", "nexthdr") => {
                let (values, next) = values();
                let found = protocols(values.iter().map(String::as_str));
                if is_not {
                    matches.not_protocols = found.unwrap_or_default();
                } else {
                    matches.protocols = found;
                }
                Some(next)
            }
            ("tcp" | "udp" | "th", "dport") => {
                if let Some(kind) = protocol(word(0)) {
                    matches.protocols.get_or_insert(vec![kind]);
                }
                Some(self.port(tokens, at + 2, rule))
            }
            ("gre" | "esp" | "ah" | "icmp" | "icmpv6" | "igmp", _) => {
                matches.protocols = protocol(word(0)).map(|kind| vec![kind]);
                Some(at + 1)
            }
            ("ip" | "ip6", "saddr") => {
                let (values, next) = values();
                let anywhere = values.iter().any(|value| is_anywhere(value));
                matches.limited |= !is_not && !anywhere;
                Some(next)
            }
            ("ip" | "ip6", "daddr") => {
                let (values, next) = values();
                matches.never |= !is_not && values.iter().all(|value| is_multicast(value));
                Some(next)
            }
            _ => None,
        }
    }

    fn interface(&self, tokens: &[Token], at: usize, matches: &mut Matches) -> usize {
        let is_not = tokens.get(at).is_some_and(|token| token.text == "!=");
        let (values, next) = self.values(tokens, at + usize::from(is_not));
        match is_not {
            true => matches.not_interfaces = values,
            false => {
                matches.never |= !values.is_empty() && values.iter().all(|name| name == "lo");
                matches.interfaces = values;
            }
        }
        next
    }

    fn port(&self, tokens: &[Token], at: usize, rule: &mut Draft) -> usize {
        let word = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
        if word(0) == "vmap" && word(1) == "{" {
            let (inside, next) = block(tokens, at + 2);
            for element in inside.split(|token| token.text == ",") {
                let words: Vec<&str> = element
                    .iter()
                    .map(|token| token.text.trim_end_matches(':'))
                    .filter(|word| !matches!(*word, "" | ":" | ";"))
                    .collect();
                let verdict = match words.as_slice() {
                    [_, "accept"] => Verdict::Accept,
                    [_, "drop"] => Verdict::Drop,
                    [_, "jump", name] => Verdict::Jump((*name).to_owned()),
                    [_, "goto", name] => Verdict::Goto((*name).to_owned()),
                    _ => continue,
                };
                rule.expanded.extend(ports(words[0]).map(|port| (Some(port), verdict)));
            }
            return next;
        }
        let is_not = word(0) == "!=";
        let (values, next) = self.values(tokens, at + usize::from(is_not));
        // what a name stands for that nobody defined here, nobody knows
        let unknown = values.iter().any(|value| value.starts_with(['$', '@']));
        rule.matches.limited |= unknown;
        let ranges = values.iter().filter_map(|value| ports(value)).collect();
        if unknown {
            return next;
        }
        if is_not {
            rule.matches.not_ports = ranges;
        } else {
            rule.matches.ports = Some(ranges);
        }
        next
    }

    fn state(&self, tokens: &[Token], at: usize, matches: &mut Matches) -> usize {
        if tokens.get(at).is_some_and(|token| token.text == "vmap") {
            // the usual map of established and invalid says nothing of new packets
            matches.never = true;
            return block(tokens, at + 2).1;
        }
        let (mut values, mut next) = self.values(tokens, at);
        // `ct state established,related` without braces
        while tokens.get(next).is_some_and(|token| token.text == ",") {
            let (more, then) = self.values(tokens, next + 1);
            values.extend(more);
            next = then;
        }
        matches.never |= !values.iter().any(|value| value == "new");
        next
    }

    /// A value, a set in braces, a named set or a variable; and the place behind it.
    fn values(&self, tokens: &[Token], at: usize) -> (Vec<String>, usize) {
        let (values, next) = elements(tokens, at);
        let known = |value: String| match self.names.get(&value) {
            Some(elements) => elements.clone(),
            None => vec![value],
        };
        (values.into_iter().flat_map(known).collect(), next)
    }
}

fn is_verdict(word: &str) -> bool {
    matches!(
        word,
        "accept" | "drop" | "reject" | "jump" | "goto" | "return" | "continue"
    )
}

fn is_action(word: &str) -> bool {
    is_verdict(word) || matches!(word, "counter" | "limit" | "comment")
}
