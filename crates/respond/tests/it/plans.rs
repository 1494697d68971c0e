//! Every backend's commands, whole.

use expect_test::{Expect, expect};
use tunlog_respond::backend::{self, Options};
use tunlog_respond::{How, Order, Plan};

fn order(prefix: &str) -> Order {
    Order::new(prefix.parse().expect(prefix), 600, "brute-force", 0)
}

fn check(name: &str, prefixes: &[&str], expected: Expect) {
    let backend = backend::named(name).expect(name);
    let options = Options::default();
    let orders: Vec<Order> = prefixes.iter().map(|prefix| order(prefix)).collect();
    let mut shown = Plan {
        notes: Vec::new(),
        ..backend::set_up(backend, &orders)
    }
    .render();
    for order in &orders {
        shown += &backend::block(backend, order, &options).render();
    }
    expected.assert_eq(&shown);
}

#[test]
fn nftables() {
    check(
        "nftables",
        &["198.51.100.7", "2001:db8:1::/48"],
        expect![[r##"
        # makes the table inet tunlog, or makes sure that it is as it should be
        nft -f - <<'END'
        add table inet tunlog
        add set inet tunlog addresses4 { type ipv4_addr; flags timeout; }
        add set inet tunlog networks4 { type ipv4_addr; flags interval, timeout; }
        add set inet tunlog addresses6 { type ipv6_addr; flags timeout; }
        add set inet tunlog networks6 { type ipv6_addr; flags interval, timeout; }
        add chain inet tunlog input { type filter hook input priority -10; policy accept; }
        flush chain inet tunlog input
        add rule inet tunlog input ip saddr @addresses4 meta l4proto { gre, esp } counter drop
        add rule inet tunlog input ip saddr @addresses4 tcp dport 1723 counter drop
        add rule inet tunlog input ip saddr @addresses4 udp dport { 500, 1701, 4500 } counter drop
        add rule inet tunlog input ip saddr @networks4 meta l4proto { gre, esp } counter drop
        add rule inet tunlog input ip saddr @networks4 tcp dport 1723 counter drop
        add rule inet tunlog input ip saddr @networks4 udp dport { 500, 1701, 4500 } counter drop
        add rule inet tunlog input ip6 saddr @addresses6 meta l4proto { gre, esp } counter drop
        add rule inet tunlog input ip6 saddr @addresses6 tcp dport 1723 counter drop
        add rule inet tunlog input ip6 saddr @addresses6 udp dport { 500, 1701, 4500 } counter drop
        add rule inet tunlog input ip6 saddr @networks6 meta l4proto { gre, esp } counter drop
        add rule inet tunlog input ip6 saddr @networks6 tcp dport 1723 counter drop
        add rule inet tunlog input ip6 saddr @networks6 udp dport { 500, 1701, 4500 } counter drop
        END
        # keeps 198.51.100.7 out of PPTP, L2TP and IPsec for 600 s
        nft -f - <<'END'
        add element inet tunlog addresses4 { 198.51.100.7 }
        delete element inet tunlog addresses4 { 198.51.100.7 }
        add element inet tunlog addresses4 { 198.51.100.7 timeout 600s comment "tunlog: brute-force" }
        END
        # to undo:
        #   nft -f - <<'END'
        #   add element inet tunlog addresses4 { 198.51.100.7 }
        #   delete element inet tunlog addresses4 { 198.51.100.7 }
        #   END
        # note: the table is gone after a restart of the machine; `nft delete table inet tunlog` takes away all of it
        # keeps 2001:db8:1::/48 out of PPTP, L2TP and IPsec for 600 s
        nft -f - <<'END'
        add element inet tunlog networks6 { 2001:db8:1::/48 }
        delete element inet tunlog networks6 { 2001:db8:1::/48 }
        add element inet tunlog networks6 { 2001:db8:1::/48 timeout 600s comment "tunlog: brute-force" }
        END
        # to undo:
        #   nft -f - <<'END'
        #   add element inet tunlog networks6 { 2001:db8:1::/48 }
        #   delete element inet tunlog networks6 { 2001:db8:1::/48 }
        #   END
        # note: the table is gone after a restart of the machine; `nft delete table inet tunlog` takes away all of it
    "##]],
    );
}

#[test]
fn iptables() {
    check(
        "iptables",
        &["198.51.100.7", "2001:db8:1::/48"],
        expect![[r#"
        # makes the set tunlog4, unless it is there
        ipset create -exist tunlog4 hash:net family inet timeout 600 comment
        # writes the chain tunlog of iptables
        iptables-restore -w --noflush <<'END'
        *filter
        :tunlog - [0:0]
        -A tunlog -m set --match-set tunlog4 src -p gre -j DROP
        -A tunlog -m set --match-set tunlog4 src -p esp -j DROP
        -A tunlog -m set --match-set tunlog4 src -p tcp --dport 1723 -j DROP
        -A tunlog -m set --match-set tunlog4 src -p udp -m multiport --dports 500,1701,4500 -j DROP
        COMMIT
        END
        # iptables asks that chain first
        iptables -w -C INPUT -j tunlog 2>/dev/null || iptables -w -I INPUT 1 -j tunlog
        # makes the set tunlog6, unless it is there
        ipset create -exist tunlog6 hash:net family inet6 timeout 600 comment
        # writes the chain tunlog of ip6tables
        ip6tables-restore -w --noflush <<'END'
        *filter
        :tunlog - [0:0]
        -A tunlog -m set --match-set tunlog6 src -p gre -j DROP
        -A tunlog -m set --match-set tunlog6 src -p esp -j DROP
        -A tunlog -m set --match-set tunlog6 src -p tcp --dport 1723 -j DROP
        -A tunlog -m set --match-set tunlog6 src -p udp -m multiport --dports 500,1701,4500 -j DROP
        COMMIT
        END
        # ip6tables asks that chain first
        ip6tables -w -C INPUT -j tunlog 2>/dev/null || ip6tables -w -I INPUT 1 -j tunlog
        # keeps 198.51.100.7 out of PPTP, L2TP and IPsec for 600 s
        ipset add -exist tunlog4 198.51.100.7 timeout 600 comment 'tunlog: brute-force'
        # to undo:
        #   ipset del -exist tunlog4 198.51.100.7
        # note: sets and chain are gone after a restart of the machine
        # keeps 2001:db8:1::/48 out of PPTP, L2TP and IPsec for 600 s
        ipset add -exist tunlog6 2001:db8:1::/48 timeout 600 comment 'tunlog: brute-force'
        # to undo:
        #   ipset del -exist tunlog6 2001:db8:1::/48
        # note: sets and chain are gone after a restart of the machine
    "#]],
    );
}

#[test]
fn ufw() {
    check(
        "ufw",
        &["198.51.100.7"],
        expect![[r#"
            # keeps 198.51.100.7 out of PPTP, L2TP and IPsec for 600 s (tcp)
            ufw prepend deny proto tcp from 198.51.100.7 to any port 1723 comment 'tunlog: brute-force'
            # keeps 198.51.100.7 out of PPTP, L2TP and IPsec for 600 s (udp)
            ufw prepend deny proto udp from 198.51.100.7 to any port 500,1701,4500 comment 'tunlog: brute-force'
            # keeps 198.51.100.7 out of PPTP, L2TP and IPsec for 600 s (gre)
            ufw prepend deny proto gre from 198.51.100.7 to any comment 'tunlog: brute-force'
            # keeps 198.51.100.7 out of PPTP, L2TP and IPsec for 600 s (esp)
            ufw prepend deny proto esp from 198.51.100.7 to any comment 'tunlog: brute-force'
            # to undo:
            #   ufw delete deny proto tcp from 198.51.100.7 to any port 1723
            #   ufw delete deny proto udp from 198.51.100.7 to any port 500,1701,4500
            #   ufw delete deny proto gre from 198.51.100.7 to any
            #   ufw delete deny proto esp from 198.51.100.7 to any
            # note: ufw knows no expiry: `tunlog unblock --expired --apply` takes away what is over; run it by cron or a timer
            # note: a session that is up goes on, since ufw lets established connections pass first: `tunlog kick` ends it
        "#]],
    );
}

#[test]
fn fail2ban() {
    check(
        "fail2ban",
        &["198.51.100.7"],
        expect![[r#"
        # keeps 198.51.100.7 out of PPTP, L2TP and IPsec for 600 s, as the jail tunlog says
        fail2ban-client set tunlog banip 198.51.100.7
        # to undo:
        #   fail2ban-client set tunlog unbanip 198.51.100.7
        # note: how long it lasts is the jail's `bantime`, not what was asked for
        # note: the jail must exist: `tunlog export-rules fail2ban` writes one
    "#]],
    );
}

#[test]
fn crowdsec() {
    check(
        "crowdsec",
        &["198.51.100.7", "198.51.101.0/24"],
        expect![[r#"
        # keeps 198.51.100.7 out of PPTP, L2TP and IPsec for 600 s
        cscli decisions add --ip 198.51.100.7 --duration 600s --type ban --reason 'tunlog: brute-force'
        # to undo:
        #   cscli decisions delete --ip 198.51.100.7
        # note: a decision keeps nobody out where no bouncer runs: `cscli bouncers list`
        # keeps 198.51.101.0/24 out of PPTP, L2TP and IPsec for 600 s
        cscli decisions add --range 198.51.101.0/24 --duration 600s --type ban --reason 'tunlog: brute-force'
        # to undo:
        #   cscli decisions delete --range 198.51.101.0/24
        # note: a decision keeps nobody out where no bouncer runs: `cscli bouncers list`
    "#]],
    );
}

#[test]
fn pf() {
    check(
        "pf",
        &["198.51.100.7"],
        expect![[r##"
        # writes the rules of the anchor tunlog; its table stays
        pfctl -a tunlog -f - <<'END'
        table <tunlog> persist
        block in quick proto tcp from <tunlog> to any port 1723
        block in quick proto udp from <tunlog> to any port { 500 1701 4500 }
        block in quick proto { gre esp } from <tunlog> to any
        END
        # keeps 198.51.100.7 out of PPTP, L2TP and IPsec for 600 s
        pfctl -a tunlog -t tunlog -T add 198.51.100.7
        # ends the states that 198.51.100.7 has, its sessions with them
        pfctl -k 198.51.100.7
        # to undo:
        #   pfctl -a tunlog -t tunlog -T delete 198.51.100.7
        # note: pf.conf must ask the anchor: a line `anchor "tunlog"` before its other rules
        # note: pf's tables know no expiry: `tunlog unblock --expired --apply` takes away what is over; run it by cron
    "##]],
    );
}

#[test]
fn routeros() {
    check(
        "routeros",
        &["198.51.100.7", "2001:db8::7"],
        expect![[r##"
            # makes the rules that ask the list, unless they are there (in a RouterOS terminal)
            :if ([:len [/ip firewall filter find comment="tunlog"]] = 0) do={
              /ip firewall filter add chain=input src-address-list=tunlog protocol=tcp dst-port=1723 action=drop comment="tunlog" place-before=0
              /ip firewall filter add chain=input src-address-list=tunlog protocol=udp dst-port=500,1701,4500 action=drop comment="tunlog" place-before=0
              /ip firewall filter add chain=input src-address-list=tunlog protocol=gre action=drop comment="tunlog" place-before=0
              /ip firewall filter add chain=input src-address-list=tunlog protocol=ipsec-esp action=drop comment="tunlog" place-before=0
            }
            # makes the rules that ask the list, unless they are there (in a RouterOS terminal)
            :if ([:len [/ipv6 firewall filter find comment="tunlog"]] = 0) do={
              /ipv6 firewall filter add chain=input src-address-list=tunlog protocol=tcp dst-port=1723 action=drop comment="tunlog" place-before=0
              /ipv6 firewall filter add chain=input src-address-list=tunlog protocol=udp dst-port=500,1701,4500 action=drop comment="tunlog" place-before=0
              /ipv6 firewall filter add chain=input src-address-list=tunlog protocol=gre action=drop comment="tunlog" place-before=0
              /ipv6 firewall filter add chain=input src-address-list=tunlog protocol=ipsec-esp action=drop comment="tunlog" place-before=0
            }
            # takes an older entry away (in a RouterOS terminal)
            /ip firewall address-list remove [find list="tunlog" address="198.51.100.7"]
            # keeps 198.51.100.7 out of PPTP, L2TP and IPsec for 600 s (in a RouterOS terminal)
            /ip firewall address-list add list=tunlog address=198.51.100.7 timeout=600s comment="tunlog: brute-force"
            # to undo:
            #   /ip firewall address-list remove [find list="tunlog" address="198.51.100.7"]
            # note: place-before=0 needs a rule to stand before: where the filter is empty, leave it out
            # takes an older entry away (in a RouterOS terminal)
            /ipv6 firewall address-list remove [find list="tunlog" address="2001:db8::7/128"]
            # keeps 2001:db8::7 out of PPTP, L2TP and IPsec for 600 s (in a RouterOS terminal)
            /ipv6 firewall address-list add list=tunlog address=2001:db8::7 timeout=600s comment="tunlog: brute-force"
            # to undo:
            #   /ipv6 firewall address-list remove [find list="tunlog" address="2001:db8::7/128"]
            # note: place-before=0 needs a rule to stand before: where the filter is empty, leave it out
        "##]],
    );
}

#[test]
fn windows() {
    check(
        "windows",
        &["198.51.100.7"],
        expect![[r#"
        # keeps 198.51.100.7 out of PPTP, L2TP and IPsec for 600 s (in PowerShell as an administrator of the server)
        New-NetFirewallRule -DisplayName 'tunlog 198.51.100.7' -Group 'tunlog' -Description 'tunlog: brute-force' -Direction Inbound -Action Block -RemoteAddress 198.51.100.7 -Protocol TCP -LocalPort 1723
        New-NetFirewallRule -DisplayName 'tunlog 198.51.100.7' -Group 'tunlog' -Description 'tunlog: brute-force' -Direction Inbound -Action Block -RemoteAddress 198.51.100.7 -Protocol UDP -LocalPort 500,1701,4500
        New-NetFirewallRule -DisplayName 'tunlog 198.51.100.7' -Group 'tunlog' -Description 'tunlog: brute-force' -Direction Inbound -Action Block -RemoteAddress 198.51.100.7 -Protocol 47
        # to undo:
        #   Remove-NetFirewallRule -DisplayName 'tunlog 198.51.100.7'
        # note: the Windows firewall knows no expiry: Remove-NetFirewallRule -Group tunlog takes away all of ours
        # note: a session that is up goes on: Disconnect-VpnUser ends it (`tunlog kick`)
    "#]],
    );
}

/// A reason can hold anything: it comes from whoever types it, or out of a finding.
#[test]
fn a_reason_changes_no_command() {
    let hostile = "x\"; drop table; $(touch canary) `id` ' \n add rule \\ } \u{202e}";
    for backend in backend::ALL {
        let orders = ["198.51.100.7", "2001:db8::7"].map(|prefix| Order {
            reason: hostile.to_owned(),
            ..order(prefix)
        });
        for order in &orders {
            for step in backend::block(*backend, order, &Options::default()).steps {
                let texts = match step.how {
                    How::Run { argv, input, .. } => argv.into_iter().chain(input).collect(),
                    How::Paste { text, .. } => vec![text],
                };
                for text in texts {
                    let comment = text.find("tunlog: ").map_or("", |at| &text[at..]);
                    assert!(
                        !comment.contains(['$', '`', '\\', ';']) && !comment.contains("\n add"),
                        "{}: {text}",
                        backend.name()
                    );
                }
            }
        }
    }
}

#[test]
fn a_backend_is_named_by_its_tool_too() {
    for (word, name) in [("nft", "nftables"), ("cscli", "crowdsec"), ("ipset", "iptables")] {
        assert_eq!(backend::named(word).map(|backend| backend.name()), Ok(name));
    }
    let told = backend::named("firewalld").map(|backend| backend.name());
    assert_eq!(
        told,
        Err(
            "there is no backend `firewalld`: nftables, iptables, ufw, fail2ban, crowdsec, pf, routeros, windows"
                .to_owned()
        )
    );
}
