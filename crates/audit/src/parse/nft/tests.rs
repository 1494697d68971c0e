//! Rule sets and what becomes of packets.

use super::super::firewall::{Fate, GRE, IKE, L2TP, NAT_T, PPTP};
use super::*;

const RULES: &str = "#!/usr/sbin/nft -f\ndefine ike = { 500, 4500 }\ntable inet filter {\n set tcp_in {\n  type inet_service\n  elements = { 22, 1723 }\n }\n\
    chain input {\n  type filter hook input priority filter; policy drop;\n  iif \"lo\" accept\n  ct state vmap { established : accept, related : accept }\n\
    ct state established,related accept\n  udp dport $ike counter packets 0 bytes 0 accept comment \"drop all\"\n  udp dport 1701 meta ipsec exists accept\n\
    ip saddr 192.0.2.0/24 tcp dport @tcp_in accept\n  meta l4proto gre log prefix \"x accept \" drop\n }\n}\n";

#[test]
fn rule_sets_are_walked() {
    let filters = parse("nftables.conf", RULES, &Names::new());
    assert_eq!(filters.len(), 1);
    let fate = |probe| filters[0].fate(probe);
    assert_eq!(fate(IKE), Some(Fate::Open(13)));
    assert_eq!(fate(NAT_T), Some(Fate::Open(13)));
    assert_eq!(fate(L2TP), Some(Fate::Closed(9)));
    assert_eq!(fate(PPTP), Some(Fate::Limited(15)));
    assert_eq!(fate(GRE), Some(Fate::Closed(16)));
}

#[test]
fn several_interfaces_are_those_and_no_others() {
    let text = |condition: &str| {
        format!(
            "define inner = {{ lan0, lan1 }}\ntable inet f {{\n chain in {{\n type filter hook input priority 0; policy drop;\n \
             iifname {condition} udp dport 1701 accept\n iifname eth0 tcp dport 1723 accept\n }}\n}}\n"
        )
    };
    let fate = |condition: &str| parse("x", &text(condition), &Names::new())[0].fate(L2TP);
    assert_eq!(fate("{ lan0, eth0 }"), Some(Fate::Open(5)));
    assert_eq!(
        fate("{ lo, ppp0 }"),
        Some(Fate::Closed(4)),
        "nothing of these is outside"
    );
    assert_eq!(
        fate("$inner"),
        Some(Fate::Open(5)),
        "a name alone does not say that it is inside"
    );
    assert_eq!(fate("!= { eth0, eth1, lan0 }"), Some(Fate::Closed(4)));
    assert_eq!(fate("!= { lan0, lan1 }"), Some(Fate::Open(5)));
}

#[test]
fn commands_and_maps() {
    let text = "add table ip f\nadd chain ip f in { type filter hook input priority 0 ; policy accept ; }\nadd chain ip f l2tp\n\
        add rule ip f in udp dport vmap { 1701 : jump l2tp, 500 : accept }\nadd rule ip f l2tp meta secpath missing drop\ninsert rule ip f in tcp dport != 22 drop\n";
    let filters = parse("x.nft", text, &Names::new());
    assert_eq!(filters[0].fate(L2TP), Some(Fate::Closed(5)));
    assert_eq!(filters[0].fate(IKE), Some(Fate::Open(4)));
    assert_eq!(filters[0].fate(PPTP), Some(Fate::Closed(6)));
    assert!(!filters[0].ipv6);
    parse("x", "table { chain { { { \" add rule", &Names::new());
}
