//! iptables with an ipset whose members expire by themselves (ipset(8), `timeout`).

use super::{Backend, Live, Options, Query, TCP_PORT, UDP_PORTS, keeps_out, lets_in};
use crate::{Order, Prefix, Step};

/// The sets `tunlog4` and `tunlog6`, and the chain `tunlog`.
pub struct Iptables;

fn set_of(prefix: Prefix) -> &'static str {
    if prefix.is_v4() { "tunlog4" } else { "tunlog6" }
}

/// The chain as a whole: with --noflush, a chain that is declared is emptied and no other is touched.
fn chain(set: &str) -> String {
    let mut text = String::from("*filter\n:tunlog - [0:0]\n");
    let rule = format!("-A tunlog -m set --match-set {set} src");
    for protocol in ["gre", "esp"] {
        text += &format!("{rule} -p {protocol} -j DROP\n");
    }
    text += &format!("{rule} -p tcp --dport {TCP_PORT} -j DROP\n");
    text += &format!("{rule} -p udp -m multiport --dports {} -j DROP\n", UDP_PORTS.join(","));
    text += "COMMIT\n";
    text
}

fn family(v4: bool) -> Vec<Step> {
    let (set, inet, restore, tables) = match v4 {
        true => ("tunlog4", "inet", "iptables-restore", "iptables"),
        false => ("tunlog6", "inet6", "ip6tables-restore", "ip6tables"),
    };
    vec![
        Step::run(
            format!("makes the set {set}, unless it is there"),
            [
                "ipset", "create", "-exist", set, "hash:net", "family", inet, "timeout", "600", "comment",
            ],
        ),
        Step::feed(
            format!("writes the chain tunlog of {tables}"),
            [restore, "-w", "--noflush"],
            chain(set),
        ),
        Step::run(
            format!("{tables} asks that chain first"),
            [tables, "-w", "-I", "INPUT", "1", "-j", "tunlog"],
        )
        .unless([tables, "-w", "-C", "INPUT", "-j", "tunlog"]),
    ]
}

impl Backend for Iptables {
    fn name(&self) -> &'static str {
        "iptables"
    }

    fn about(&self) -> &'static str {
        "ipset and iptables: sets that expire, asked by a chain of its own"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["ipset", "iptables", "iptables-restore"]
    }

    fn notes(&self) -> &'static [&'static str] {
        &["sets and chain are gone after a restart of the machine"]
    }

    fn in_use(&self, _: &Options) -> Option<Query> {
        Some(Query::new(["ipset", "list", "-name", "tunlog4"]))
    }

    fn set_up(&self, v4: bool, v6: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        for (wanted, is_v4) in [(v4, true), (v6, false)] {
            if wanted {
                steps.extend(family(is_v4));
            }
        }
        steps
    }

    fn block(&self, order: &Order, _: &Options) -> Vec<Step> {
        let (prefix, seconds) = (order.prefix.to_string(), order.for_s.to_string());
        vec![Step::run(
            keeps_out(order),
            [
                "ipset",
                "add",
                "-exist",
                set_of(order.prefix),
                &prefix,
                "timeout",
                &seconds,
                "comment",
                &super::comment(order),
            ],
        )]
    }

    fn unblock(&self, prefix: Prefix, _: &Options) -> Vec<Step> {
        vec![Step::run(
            lets_in(prefix),
            ["ipset", "del", "-exist", set_of(prefix), &prefix.to_string()],
        )]
    }

    fn list(&self, _: &Options) -> Vec<Query> {
        ["tunlog4", "tunlog6"]
            .iter()
            .map(|set| Query::new(["ipset", "list", set]))
            .collect()
    }

    fn nothing_yet(&self) -> Option<&'static str> {
        Some("does not exist")
    }

    fn listed(&self, answer: &str) -> Vec<Live> {
        let members = answer.lines().skip_while(|line| *line != "Members:").skip(1);
        members
            .filter_map(|line| {
                let mut words = line.split_ascii_whitespace();
                let prefix = words.next()?.parse().ok()?;
                let left_s = words.skip_while(|word| *word != "timeout").nth(1);
                Some(Live {
                    prefix,
                    left_s: left_s.and_then(|word| word.parse().ok()),
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_answer_is_read() {
        let answer = "Name: tunlog4\nType: hash:net\nHeader: family inet timeout 600 comment\nNumber of entries: 2\nMembers:\n\
            198.51.100.7 timeout 595 comment \"tunlog: timeout 9\"\n198.51.101.0/24 timeout 12\n";
        let shown: Vec<String> = Iptables
            .listed(answer)
            .iter()
            .map(|live| format!("{} {:?}", live.prefix, live.left_s))
            .collect();
        assert_eq!(shown, ["198.51.100.7 Some(595)", "198.51.101.0/24 Some(12)"]);
    }
}
