//! Rule sets of nftables (nft(8)): `table inet filter { chain input { … } }` as `nft list ruleset` prints them, and `add rule …` commands.

mod rule;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::HashMap;

use self::tokens::{Token, block, elements, statement_end, tokens};
use super::firewall::{CHAINS_MAX, Chain, Filter};

/// Elements of a named set that are kept: ports and protocols are fewer, of addresses one is enough.
const ELEMENTS_MAX: usize = 1024;
/// Statements and what a `vmap` may become, at most, of one file.
const RULES_MAX: usize = 50_000;

/// Names with what they stand for: `$variable`, `@set`.
pub type Names = HashMap<String, Vec<String>>;

/// The variables that a file defines, for those that include it.
pub fn defined(text: &str) -> Names {
    let tokens = tokens(text);
    let mut names = Names::new();
    for (at, token) in tokens.iter().enumerate() {
        let word = |ahead: usize| tokens.get(at + ahead).map_or("", |token| token.text.as_str());
        if token.text == "define" && word(2) == "=" {
            let (mut elements, _) = elements(&tokens, at + 3);
            elements.truncate(ELEMENTS_MAX);
            names.insert(format!("${}", word(1)), elements);
        }
    }
    names
}

/// Reads a rule set: one filter for each of its tables. What other files define is known.
pub fn parse(path: &str, text: &str, known: &Names) -> Vec<Filter> {
    let mut reader = Reader {
        path,
        tables: Vec::new(),
        names: known.clone(),
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

struct Reader<'a> {
    path: &'a str,
    tables: Vec<((String, String), Filter)>,
    /// Elements of named sets and of `define`d variables.
    names: Names,
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
