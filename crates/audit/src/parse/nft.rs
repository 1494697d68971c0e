//! Rule sets of nftables (nft(8)): `table inet filter { chain input { … } }` as `nft list ruleset` prints them, and `add rule …` commands.

use std::collections::HashMap;

use super::firewall::{
    CHAINS_MAX, Chain, Filter, FilterRule, Matches, Verdict, is_multicast, ports, protocol, protocols,
};

/// A word, quotation marks off, and its line.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    line: u32,
    quoted: bool,
}

/// Elements of a named set that are kept: ports and protocols are fewer, of addresses one is enough.
const ELEMENTS_MAX: usize = 1024;
/// Statements and what a `vmap` may become, at most, of one file.
const RULES_MAX: usize = 50_000;

/// Reads a rule set: one filter for each of its tables.
pub fn parse(path: &str, text: &str) -> Vec<Filter> {
    let mut reader = Reader {
        path,
        tables: Vec::new(),
        names: HashMap::new(),
        rules: 0,
    };
    let tokens = tokens(text);
    reader.top(&tokens);
    reader
        .tables
        .into_iter()
        .map(|(_, filter)| filter)
        .filter(Filter::has_input)
        .collect()
}

fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut push = |text: String, quoted| found.push(Token { text, line, quoted });
        match c {
            '\\' if chars.peek() == Some(&'\n') => {
                chars.next();
                line += 1;
            }
            '\n' => {
                push(";".to_owned(), false);
                line += 1;
            }
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '"' => {
                let mut word = String::new();
                while let Some(c) = chars.next_if(|c| *c != '\n') {
                    if c == '"' {
                        break;
                    }
                    word.push(c);
                }
                push(word, true);
            }
            '{' | '}' | ';' | ',' | '=' => push(c.to_string(), false),
            '!' if chars.next_if_eq(&'=').is_some() => push("!=".to_owned(), false),
            c if c.is_whitespace() => {}
            c => {
                let mut word = c.to_string();
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !"{};,=!\"".contains(*c)) {
                    word.push(c);
                }
                push(word, false);
            }
        }
    }
    found
}

/// The tokens up to the brace that closes the one before `from`, and the place behind it.
fn block(tokens: &[Token], from: usize) -> (&[Token], usize) {
    let mut depth = 1_u32;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "{" if !token.quoted => depth += 1,
            "}" if !token.quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (&tokens[from..at], at + 1);
        }
    }
    (&tokens[from.min(tokens.len())..], tokens.len())
}

struct Reader<'a> {
    path: &'a str,
    tables: Vec<((String, String), Filter)>,
    /// Elements of named sets and of `define`d variables.
    names: HashMap<String, Vec<String>>,
    rules: usize,
}

impl Reader<'_> {
    fn top(&mut self, tokens: &[Token]) {
        let mut at = 0;
        while at < tokens.len() {
            let word = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
            match word(0) {
                "table" if word(3) == "{" => {
                    let (inside, next) = block(tokens, at + 4);
                    self.table(word(1).to_owned(), word(2).to_owned(), inside);
                    at = next;
                }
                "table" if word(2) == "{" => {
                    let (inside, next) = block(tokens, at + 3);
                    self.table("ip".to_owned(), word(1).to_owned(), inside);
                    at = next;
                }
                "define" if word(2) == "=" => {
                    let name = format!("${}", word(1));
                    let (mut elements, next) = elements(tokens, at + 3);
                    elements.truncate(ELEMENTS_MAX);
                    self.names.insert(name, elements);
                    at = next;
                }
                "add" | "insert" => at = self.command(tokens, at),
                _ => at += 1,
            }
        }
    }

    /// `add rule inet filter input …`, `add chain inet filter input { … }`.
    fn command(&mut self, tokens: &[Token], at: usize) -> usize {
        let end = statement_end(tokens, at);
        let words: Vec<&str> = tokens[at..end].iter().map(|token| token.text.as_str()).collect();
        let families = ["ip", "ip6", "inet", "arp", "bridge", "netdev"];
        let named = usize::from(words.get(2).is_some_and(|word| families.contains(word)));
        let family = if named == 1 {
            words[2].to_owned()
        } else {
            "ip".to_owned()
        };
        let (Some(table), Some(chain)) = (words.get(2 + named), words.get(3 + named)) else {
            return end + 1;
        };
        let rest = &tokens[(at + 4 + named).min(end)..end];
        let filter = self.filter(&family, table);
        let place = chain_of(filter, chain);
        match words.get(1) {
            Some(&"chain") => {
                let inside = rest.first().is_some_and(|token| token.text == "{");
                let rest = if inside { &rest[1..] } else { rest };
                let mut made = std::mem::take(&mut filter.chains[place]);
                self.chain(&mut made, rest);
                let filter = self.filter(&family, table);
                filter.chains[place] = made;
            }
            Some(&"rule") => {
                let rules = self.statement(rest);
                let chain = &mut self.filter(&family, table).chains[place].rules;
                let from = if words[0] == "insert" { 0 } else { chain.len() };
                chain.splice(from..from, rules);
            }
            _ => {}
        }
        end + 1
    }

    fn filter(&mut self, family: &str, table: &str) -> &mut Filter {
        let key = (family.to_owned(), table.to_owned());
        let at = self.tables.iter().position(|(known, _)| *known == key);
        let at = at.unwrap_or_else(|| {
            let filter = Filter {
                path: self.path.to_owned(),
                ipv4: family == "ip" || family == "inet",
                ipv6: family == "ip6" || family == "inet",
                chains: Vec::new(),
            };
            self.tables.push((key, filter));
            self.tables.len() - 1
        });
        &mut self.tables[at].1
    }

    fn table(&mut self, family: String, name: String, tokens: &[Token]) {
        self.sets(tokens);
        let mut at = 0;
        while at < tokens.len() {
            let word = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
            if word(0) == "chain" && word(2) == "{" {
                let (inside, next) = block(tokens, at + 3);
                let place = chain_of(self.filter(&family, &name), word(1));
                let mut made = std::mem::take(&mut self.filter(&family, &name).chains[place]);
                self.chain(&mut made, inside);
                self.filter(&family, &name).chains[place] = made;
                at = next;
            } else if word(2) == "{" {
                (_, at) = block(tokens, at + 3);
            } else {
                at += 1;
            }
        }
    }

    /// Elements of the sets of a table.
    fn sets(&mut self, tokens: &[Token]) {
        for (at, token) in tokens.iter().enumerate() {
            let word = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
            if token.text == "set" && word(2) == "{" {
                let (inside, _) = block(tokens, at + 3);
                let place = inside.iter().position(|token| token.text == "elements");
                if let Some(place) = place {
                    let (mut elements, _) = elements(inside, place + 2);
                    elements.truncate(ELEMENTS_MAX);
                    self.names.insert(format!("@{}", word(1)), elements);
                }
            }
        }
    }

    fn chain(&mut self, chain: &mut Chain, tokens: &[Token]) {
        let mut at = 0;
        while at < tokens.len() {
            let end = statement_end(tokens, at);
            let statement = &tokens[at..end];
            at = end + 1;
            let word = |place: usize| statement.get(place).map_or("", |token| token.text.as_str());
            match word(0) {
                "type" => {
                    chain.is_input = word(1) == "filter"
                        && statement
                            .windows(2)
                            .any(|pair| pair[0].text == "hook" && pair[1].text == "input");
                    chain.line = chain.line.max(statement[0].line);
                }
                "policy" => {
                    chain.drops = word(1) == "drop";
                    chain.line = statement[0].line;
                }
                "" => {}
                _ => chain.rules.extend(self.statement(statement)),
            }
        }
    }

    /// A rule; with a verdict map one for each of its elements.
    fn statement(&mut self, tokens: &[Token]) -> Vec<FilterRule> {
        self.rules += 1;
        let Some(line) = tokens
            .first()
            .map(|token| token.line)
            .filter(|_| self.rules < RULES_MAX)
        else {
            return Vec::new();
        };
        let mut matches = Matches::default();
        let mut verdict = Verdict::Pass;
        let mut at = 0;
        let mut expanded = Vec::new();
        while at < tokens.len() {
            at = self.part(tokens, at, &mut matches, &mut verdict, &mut expanded);
        }
        if expanded.is_empty() {
            expanded.push((None, verdict));
        }
        let made = expanded.into_iter().map(|(port, verdict)| {
            let mut matches = matches.clone();
            if port.is_some() {
                matches.ports = port.map(|port| vec![port]);
            }
            FilterRule { matches, verdict, line }
        });
        made.collect()
    }

    /// One condition or action of a rule; gives the place behind it.
    fn part(
        &self,
        tokens: &[Token],
        at: usize,
        matches: &mut Matches,
        verdict: &mut Verdict,
        expanded: &mut Vec<(Option<(u16, u16)>, Verdict)>,
    ) -> usize {
        let word = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
        let not = |ahead: usize| usize::from(word(ahead) == "!=");
        match (word(0), word(1)) {
            ("accept", _) => *verdict = Verdict::Accept,
            ("drop", _) => *verdict = Verdict::Drop,
            ("reject", _) => {
                *verdict = Verdict::Drop;
                return tokens.len();
            }
            ("return", _) => *verdict = Verdict::Return,
            ("jump", name) => {
                *verdict = Verdict::Jump(name.to_owned());
                return at + 2;
            }
            ("goto", name) => {
                *verdict = Verdict::Goto(name.to_owned());
                return at + 2;
            }
            ("iif" | "iifname", _) => return self.interface(tokens, at + 1, matches),
            ("meta", "iif" | "iifname") => return self.interface(tokens, at + 2, matches),
            ("meta", "l4proto" | "protocol" | "nfproto") | ("ip", "protocol") | ("ip6", "nexthdr") => {
                if word(1) != "l4proto" && word(0) == "meta" {
                    return at + 3;
                }
                let is_not = not(2);
                let (values, next) = self.values(tokens, at + 2 + is_not);
                let found = protocols(values.iter().map(String::as_str));
                if is_not == 1 {
                    matches.not_protocols = found.unwrap_or_default();
                } else {
                    matches.protocols = found;
                }
                return next;
            }
            ("tcp" | "udp" | "th", "dport") => {
                if let Some(kind) = protocol(word(0)) {
                    matches.protocols.get_or_insert(vec![kind]);
                }
                return self.port(tokens, at + 2, matches, expanded);
            }
            ("gre" | "esp" | "ah" | "icmp" | "icmpv6" | "igmp", _) => {
                matches.protocols = protocol(word(0)).map(|kind| vec![kind])
            }
            ("meta", "ipsec" | "secpath") => {
                matches.ipsec = Some(word(2) == "exists");
                return at + 3;
            }
            ("ipsec", "in") => {
                matches.ipsec = Some(true);
                return at + 4;
            }
            ("ct", "state") => return self.state(tokens, at + 2, matches),
            ("ip" | "ip6", "saddr") => {
                let is_not = not(2);
                let (values, next) = self.values(tokens, at + 2 + is_not);
                matches.limited |= is_not == 0 && !values.iter().any(|value| super::firewall::is_anywhere(value));
                return next;
            }
            ("ip" | "ip6", "daddr") => {
                let is_not = not(2);
                let (values, next) = self.values(tokens, at + 2 + is_not);
                matches.never |= is_not == 0 && values.iter().all(|value| is_multicast(value));
                return next;
            }
            ("limit", "rate") => {
                matches.rate = true;
                let taken = tokens[at..].iter().take_while(|token| !is_verdict(&token.text)).count();
                return at + taken.max(1);
            }
            ("counter", "packets") => return at + 5,
            ("log" | "comment", _) => {
                let taken = tokens[at..]
                    .iter()
                    .skip(1)
                    .take_while(|token| token.quoted || !is_action(&token.text))
                    .count();
                return at + 1 + taken;
            }
            ("counter" | "continue", _) => {}
            _ => {
                matches.limited = true;
            }
        }
        at + 1
    }

    fn interface(&self, tokens: &[Token], at: usize, matches: &mut Matches) -> usize {
        let is_not = tokens.get(at).is_some_and(|token| token.text == "!=");
        let (values, next) = self.values(tokens, at + usize::from(is_not));
        match (values.as_slice(), is_not) {
            ([name], false) => {
                matches.never |= name == "lo";
                matches.interface = Some(name.clone());
            }
            ([name], true) => matches.not_interface = Some(name.clone()),
            // several interfaces: those of the Internet are likely among them
            _ => {}
        }
        next
    }

    fn port(
        &self,
        tokens: &[Token],
        at: usize,
        matches: &mut Matches,
        expanded: &mut Vec<(Option<(u16, u16)>, Verdict)>,
    ) -> usize {
        let word = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
        if word(0) == "vmap" && word(1) == "{" {
            let (inside, next) = block(tokens, at + 2);
            for element in inside.split(|token| token.text == ",") {
                let words: Vec<&str> = element
                    .iter()
                    .map(|token| token.text.trim_end_matches(':'))
                    .filter(|word| !word.is_empty() && *word != ":")
                    .collect();
                let verdict = match words.as_slice() {
                    [_, "accept"] => Verdict::Accept,
                    [_, "drop"] => Verdict::Drop,
                    [_, "jump", name] => Verdict::Jump((*name).to_owned()),
                    [_, "goto", name] => Verdict::Goto((*name).to_owned()),
                    _ => continue,
                };
                expanded.extend(ports(words[0]).map(|port| (Some(port), verdict)));
            }
            return next;
        }
        let is_not = word(0) == "!=";
        let (values, next) = self.values(tokens, at + usize::from(is_not));
        let ranges = values.iter().filter_map(|value| ports(value)).collect();
        if is_not {
            matches.not_ports = ranges;
        } else {
            matches.ports = Some(ranges);
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

/// One word, or those between braces.
fn elements(tokens: &[Token], at: usize) -> (Vec<String>, usize) {
    match tokens.get(at) {
        Some(token) if token.text == "{" && !token.quoted => {
            let (inside, next) = block(tokens, at + 1);
            let words = inside
                .iter()
                .filter(|token| token.quoted || !matches!(token.text.as_str(), "," | ";"));
            (words.map(|token| token.text.clone()).collect(), next)
        }
        Some(token) => (vec![token.text.clone()], at + 1),
        None => (Vec::new(), at),
    }
}

/// The place of the `;` that ends a statement: none of those inside braces does.
fn statement_end(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0_u32;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            _ if token.quoted => {}
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => return at,
            _ => {}
        }
    }
    tokens.len()
}

fn chain_of(filter: &mut Filter, name: &str) -> usize {
    let at = filter.chains.iter().position(|chain| chain.name == name);
    at.unwrap_or_else(|| {
        if filter.chains.len() >= CHAINS_MAX {
            return CHAINS_MAX - 1;
        }
        filter.chains.push(Chain {
            name: name.to_owned(),
            ..Chain::default()
        });
        filter.chains.len() - 1
    })
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

#[cfg(test)]
mod tests {
    use super::super::firewall::{Fate, GRE, IKE, L2TP, NAT_T, PPTP};
    use super::*;

    const RULES: &str = "#!/usr/sbin/nft -f\ndefine ike = { 500, 4500 }\ntable inet filter {\n set tcp_in {\n  type inet_service\n  elements = { 22, 1723 }\n }\n\
        chain input {\n  type filter hook input priority filter; policy drop;\n  iif \"lo\" accept\n  ct state vmap { established : accept, related : accept }\n\
        ct state established,related accept\n  udp dport $ike counter packets 0 bytes 0 accept comment \"drop all\"\n  udp dport 1701 meta ipsec exists accept\n\
        ip saddr 192.0.2.0/24 tcp dport @tcp_in accept\n  meta l4proto gre log prefix \"x accept \" drop\n }\n}\n";

    #[test]
    fn rule_sets_are_walked() {
        let filters = parse("nftables.conf", RULES);
        assert_eq!(filters.len(), 1);
        let fate = |probe| filters[0].fate(probe);
        assert_eq!(fate(IKE), Some(Fate::Open(13)));
        assert_eq!(fate(NAT_T), Some(Fate::Open(13)));
        assert_eq!(fate(L2TP), Some(Fate::Closed(9)));
        assert_eq!(fate(PPTP), Some(Fate::Limited(15)));
        assert_eq!(fate(GRE), Some(Fate::Closed(16)));
    }

    #[test]
    fn commands_and_maps() {
        let text = "add table ip f\nadd chain ip f in { type filter hook input priority 0 ; policy accept ; }\nadd chain ip f l2tp\n\
            add rule ip f in udp dport vmap { 1701 : jump l2tp, 500 : accept }\nadd rule ip f l2tp meta secpath missing drop\ninsert rule ip f in tcp dport != 22 drop\n";
        let filters = parse("x.nft", text);
        assert_eq!(filters[0].fate(L2TP), Some(Fate::Closed(5)));
        assert_eq!(filters[0].fate(IKE), Some(Fate::Open(4)));
        assert_eq!(filters[0].fate(PPTP), Some(Fate::Closed(6)));
        assert!(!filters[0].ipv6);
        parse("x", "table { chain { { { \" add rule");
    }
}
