//! nftables: a table of our own, with sets whose elements expire by themselves (nft(8), sets).

use serde_json::Value;

use super::{Backend, Live, Options, Query, TCP_PORT, UDP_PORTS, keeps_out, lets_in};
use crate::{Order, Prefix, Step};

/// The table `inet tunlog`.
pub struct Nftables;

/// Addresses and networks apart: a set of intervals refuses an address inside a network that it holds.
fn set_of(prefix: Prefix) -> &'static str {
    match (prefix.is_v4(), prefix.is_host()) {
        (true, true) => "addresses4",
        (true, false) => "networks4",
        (false, true) => "addresses6",
        (false, false) => "networks6",
    }
}

/// Sets with their type and flags, and the word for the source's address.
const SETS: [(&str, &str, &str, &str); 4] = [
    ("addresses4", "ipv4_addr", "timeout", "ip"),
    ("networks4", "ipv4_addr", "interval, timeout", "ip"),
    ("addresses6", "ipv6_addr", "timeout", "ip6"),
    ("networks6", "ipv6_addr", "interval, timeout", "ip6"),
];

/// The table as a whole. `add` of what is there is no error, and the rules are written anew: one transaction, so that there
/// is no moment without them.
fn table() -> String {
    let mut text = String::from("add table inet tunlog\n");
    for (set, kind, flags, _) in SETS {
        text += &format!("add set inet tunlog {set} {{ type {kind}; flags {flags}; }}\n");
    }
    text += "add chain inet tunlog input { type filter hook input priority -10; policy accept; }\n";
    text += "flush chain inet tunlog input\n";
    for (set, _, _, family) in SETS {
        let rule = format!("add rule inet tunlog input {family} saddr @{set}");
        text += &format!("{rule} meta l4proto {{ gre, esp }} counter drop\n");
        text += &format!("{rule} tcp dport {TCP_PORT} counter drop\n");
        text += &format!("{rule} udp dport {{ {} }} counter drop\n", UDP_PORTS.join(", "));
    }
    text
}

/// Takes an element out, whether it is in or not.
fn out(prefix: Prefix) -> String {
    let set = set_of(prefix);
    format!("add element inet tunlog {set} {{ {prefix} }}\ndelete element inet tunlog {set} {{ {prefix} }}\n")
}

impl Backend for Nftables {
    fn name(&self) -> &'static str {
        "nftables"
    }

    fn about(&self) -> &'static str {
        "a table `inet tunlog` of its own, with sets that expire"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["nft"]
    }

    fn notes(&self) -> &'static [&'static str] {
        &["the table is gone after a restart of the machine; `nft delete table inet tunlog` takes away all of it"]
    }

    fn in_use(&self, _: &Options) -> Option<Query> {
        Some(Query::new(["nft", "list", "table", "inet", "tunlog"]))
    }

    fn set_up(&self, _: bool, _: bool) -> Vec<Step> {
        vec![Step::feed(
            "makes the table inet tunlog, or makes sure that it is as it should be",
            ["nft", "-f", "-"],
            table(),
        )]
    }

    fn block(&self, order: &Order, _: &Options) -> Vec<Step> {
        let prefix = order.prefix;
        // a new time for an element that is there: kernels before 6.12 keep the old one, so it goes first
        let text = format!(
            "{}add element inet tunlog {} {{ {prefix} timeout {}s comment \"{}\" }}\n",
            out(prefix),
            set_of(prefix),
            order.for_s,
            super::comment(order)
        );
        vec![Step::feed(keeps_out(order), ["nft", "-f", "-"], text)]
    }

    fn unblock(&self, prefix: Prefix, _: &Options) -> Vec<Step> {
        vec![Step::feed(lets_in(prefix), ["nft", "-f", "-"], out(prefix))]
    }

    fn list(&self, _: &Options) -> Vec<Query> {
        SETS.iter()
            .map(|(set, ..)| Query::new(["nft", "-j", "list", "set", "inet", "tunlog", set]))
            .collect()
    }

    fn nothing_yet(&self) -> Option<&'static str> {
        Some("No such file or directory")
    }

    fn listed(&self, answer: &str) -> Vec<Live> {
        let value: Value = serde_json::from_str(answer).unwrap_or_default();
        let parts = value["nftables"].as_array().into_iter().flatten();
        let elements = parts.filter_map(|part| part["set"]["elem"].as_array()).flatten();
        elements.filter_map(live).collect()
    }
}

/// `"198.51.100.7"`, `{"elem": {"val": …, "expires": 599}}`, `{"prefix": {"addr": …, "len": 24}}`.
fn live(element: &Value) -> Option<Live> {
    let inner = element.get("elem");
    let value = inner.map_or(element, |inner| &inner["val"]);
    let prefix = match value.as_str() {
        Some(address) => address.parse().ok()?,
        None => {
            let (address, bits) = (value["prefix"]["addr"].as_str()?, value["prefix"]["len"].as_u64()?);
            format!("{address}/{bits}").parse().ok()?
        }
    };
    Some(Live {
        prefix,
        left_s: inner.and_then(|inner| inner["expires"].as_u64()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_answer_is_read() {
        let answer = r#"{"nftables": [{"metainfo": {"version": "1.0.6"}}, {"set": {"family": "inet", "name": "networks4",
            "table": "tunlog", "elem": [{"elem": {"val": {"prefix": {"addr": "198.51.100.0", "len": 24}}, "timeout": 900, "expires": 899}},
            {"elem": {"val": "198.51.101.7", "timeout": 900, "expires": 12}}, "2001:db8::1"]}}]}"#;
        let shown: Vec<String> = Nftables
            .listed(answer)
            .iter()
            .map(|live| format!("{} {:?}", live.prefix, live.left_s))
            .collect();
        assert_eq!(
            shown,
            ["198.51.100.0/24 Some(899)", "198.51.101.7 Some(12)", "2001:db8::1 None"]
        );
        assert!(Nftables.listed("nonsense").is_empty());
    }
}
