//! MikroTik RouterOS: an address list whose entries expire, and filter rules that ask it. Text for its terminal.

use super::{Backend, Options, TCP_PORT, UDP_PORTS, keeps_out, lets_in};
use crate::{Order, Prefix, Step, words};

/// The address list `tunlog`.
pub struct Routeros;

pub(crate) const TERMINAL: &str = "a RouterOS terminal";

fn tree(v4: bool) -> &'static str {
    if v4 { "/ip firewall" } else { "/ipv6 firewall" }
}

/// The rules, unless they are there.
fn rules(v4: bool) -> String {
    let tree = tree(v4);
    let mut text = format!(":if ([:len [{tree} filter find comment=\"tunlog\"]] = 0) do={{\n");
    for matches in [
        format!("protocol=tcp dst-port={TCP_PORT}"),
        format!("protocol=udp dst-port={}", UDP_PORTS.join(",")),
        "protocol=gre".to_owned(),
        "protocol=ipsec-esp".to_owned(),
    ] {
        // at the end they would stand behind the rule that accepts what is established
        text += &format!(
            "  {tree} filter add chain=input src-address-list=tunlog {matches} action=drop comment=\"tunlog\" place-before=0\n"
        );
    }
    text + "}"
}

impl Backend for Routeros {
    fn name(&self) -> &'static str {
        "routeros"
    }

    fn about(&self) -> &'static str {
        "text for a MikroTik terminal: an address list that expires"
    }

    fn programs(&self) -> &'static [&'static str] {
        &[]
    }

    fn notes(&self) -> &'static [&'static str] {
        &["place-before=0 needs a rule to stand before: where the filter is empty, leave it out"]
    }

    fn set_up(&self, v4: bool, v6: bool) -> Vec<Step> {
        [(v4, true), (v6, false)]
            .into_iter()
            .filter(|(wanted, _)| *wanted)
            .map(|(_, v4)| {
                Step::paste(
                    "makes the rules that ask the list, unless they are there",
                    TERMINAL,
                    rules(v4),
                )
            })
            .collect()
    }

    fn block(&self, order: &Order, options: &Options) -> Vec<Step> {
        let prefix = order.prefix;
        let add = format!(
            "{} address-list add list=tunlog address={prefix} timeout={}s comment={}",
            tree(prefix.is_v4()),
            order.for_s,
            words::routeros(&super::comment(order))
        );
        // an address that is in the list is refused: it goes first
        let mut steps = self.unblock(prefix, options);
        for step in &mut steps {
            step.does = "takes an older entry away".to_owned();
        }
        steps.push(Step::paste(keeps_out(order), TERMINAL, add));
        steps
    }

    fn unblock(&self, prefix: Prefix, _: &Options) -> Vec<Step> {
        let tree = tree(prefix.is_v4());
        // IPv6 entries are kept as prefixes
        let address = match prefix.is_v4() || !prefix.is_host() {
            true => prefix.to_string(),
            false => format!("{prefix}/128"),
        };
        let text = format!("{tree} address-list remove [find list=\"tunlog\" address=\"{address}\"]");
        vec![Step::paste(lets_in(prefix), TERMINAL, text)]
    }
}
