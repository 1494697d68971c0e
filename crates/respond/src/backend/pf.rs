//! pf of OpenBSD and FreeBSD: a table and rules in an anchor of our own (pfctl(8)).

use super::{Backend, Live, Options, Query, TCP_PORT, UDP_PORTS, keeps_out, lets_in};
use crate::{Order, Prefix, Step};

/// The anchor `tunlog`.
pub struct Pf;

fn anchor() -> String {
    let udp = UDP_PORTS.join(" ");
    format!(
        "table <tunlog> persist\n\
         block in quick proto tcp from <tunlog> to any port {TCP_PORT}\n\
         block in quick proto udp from <tunlog> to any port {{ {udp} }}\n\
         block in quick proto {{ gre esp }} from <tunlog> to any\n"
    )
}

impl Backend for Pf {
    fn name(&self) -> &'static str {
        "pf"
    }

    fn about(&self) -> &'static str {
        "a table in an anchor `tunlog` of pf (OpenBSD, FreeBSD)"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["pfctl"]
    }

    fn expires(&self) -> bool {
        false
    }

    fn notes(&self) -> &'static [&'static str] {
        &[
            "pf.conf must ask the anchor: a line `anchor \"tunlog\"` before its other rules",
            "pf's tables know no expiry: `tunlog unblock --expired --apply` takes away what is over; run it by cron",
        ]
    }

    fn in_use(&self, _: &Options) -> Option<Query> {
        Some(Query::new(["pfctl", "-a", "tunlog", "-t", "tunlog", "-T", "show"]))
    }

    fn set_up(&self, _: bool, _: bool) -> Vec<Step> {
        vec![Step::feed(
            "writes the rules of the anchor tunlog; its table stays",
            ["pfctl", "-a", "tunlog", "-f", "-"],
            anchor(),
        )]
    }

    fn block(&self, order: &Order, _: &Options) -> Vec<Step> {
        let prefix = order.prefix.to_string();
        vec![
            Step::run(
                keeps_out(order),
                ["pfctl", "-a", "tunlog", "-t", "tunlog", "-T", "add", &prefix],
            ),
            Step::run(
                format!("ends the states that {prefix} has, its sessions with them"),
                ["pfctl", "-k", &prefix],
            ),
        ]
    }

    fn unblock(&self, prefix: Prefix, _: &Options) -> Vec<Step> {
        vec![Step::run(
            lets_in(prefix),
            [
                "pfctl",
                "-a",
                "tunlog",
                "-t",
                "tunlog",
                "-T",
                "delete",
                &prefix.to_string(),
            ],
        )]
    }

    fn list(&self, options: &Options) -> Vec<Query> {
        self.in_use(options).into_iter().collect()
    }

    fn nothing_yet(&self) -> Option<&'static str> {
        Some("does not exist")
    }

    fn listed(&self, answer: &str) -> Vec<Live> {
        answer
            .split_ascii_whitespace()
            .filter_map(|word| word.parse().ok())
            .map(|prefix| Live { prefix, left_s: None })
            .collect()
    }
}
