//! fail2ban: its client bans by hand in a jail (fail2ban-client(1)).

use super::{Backend, Live, Options, Query, keeps_out, lets_in};
use crate::{Order, Prefix, Step};

/// A jail of fail2ban.
pub struct Fail2ban;

impl Backend for Fail2ban {
    fn name(&self) -> &'static str {
        "fail2ban"
    }

    fn about(&self) -> &'static str {
        "bans in a jail of fail2ban; how long and how is the jail's"
    }

    fn programs(&self) -> &'static [&'static str] {
        &["fail2ban-client"]
    }

    fn notes(&self) -> &'static [&'static str] {
        &[
            "how long it lasts is the jail's `bantime`, not what was asked for",
            "the jail must exist: `tunlog export-rules fail2ban` writes one",
        ]
    }

    fn may_ask_us(&self) -> bool {
        // a jail's action may be ours (`tunlog export-rules fail2ban`)
        true
    }

    fn in_use(&self, options: &Options) -> Option<Query> {
        Some(Query::new(["fail2ban-client", "status", &options.jail]))
    }

    fn block(&self, order: &Order, options: &Options) -> Vec<Step> {
        let prefix = order.prefix.to_string();
        vec![Step::run(
            format!("{}, as the jail {} says", keeps_out(order), options.jail),
            ["fail2ban-client", "set", &options.jail, "banip", &prefix],
        )]
    }

    fn unblock(&self, prefix: Prefix, options: &Options) -> Vec<Step> {
        vec![Step::run(
            lets_in(prefix),
            ["fail2ban-client", "set", &options.jail, "unbanip", &prefix.to_string()],
        )]
    }

    fn list(&self, options: &Options) -> Vec<Query> {
        vec![Query::new(["fail2ban-client", "get", &options.jail, "banip"])]
    }

    fn listed(&self, answer: &str) -> Vec<Live> {
        answer
            .split_ascii_whitespace()
            .filter_map(|word| word.parse().ok())
            .map(|prefix| Live { prefix, left_s: None })
            .collect()
    }
}
