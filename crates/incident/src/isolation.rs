//! Stricter settings for the daemons that spoke: what stops the same attack tomorrow without blocking anybody. Texts to be put
//! in by a person, who knows what else stands there.

/// A piece of configuration.
#[derive(Clone, Copy, Debug)]
pub struct Snippet {
    /// Its name in the incident.
    pub file: &'static str,
    /// Dialects of the daemons that it is for; none: for every gateway.
    pub dialects: &'static [&'static str],
    /// What it does, in a few words.
    pub does: &'static str,
    /// The text, with its place and what to know in comments.
    pub text: &'static str,
}

/// All of them. Options are those of pppd(8), xl2tpd.conf(5), accel-ppp.conf(5), FreeRADIUS 3.2 (radiusd.conf, unlang(5),
/// queries.conf), nft(8) and RouterOS.
pub const ALL: &[Snippet] = &[
    Snippet {
        file: "pppd-options",
        dialects: &["pptpd", "pppd", "xl2tpd"],
        does: "MS-CHAPv2 and 128-bit encryption or nothing; one address a session",
        text: "\
# Into the options file that the daemon hands to pppd: /etc/ppp/pptpd-options, /etc/ppp/options.xl2tpd.
# Only one of the require lines makes the rest refused by itself; the refuse lines say it aloud.
# A client that can do none of it no longer gets in: look at `tunlog attempts` before and after.
auth
refuse-pap
refuse-chap
refuse-mschap
refuse-eap
require-mschap-v2
require-mppe-128
# without `debug` and `show-password`, challenges and passwords stay out of the log
nodefaultroute
lcp-echo-interval 30
lcp-echo-failure 4
",
    },
    Snippet {
        file: "pptpd.conf",
        dialects: &["pptpd"],
        does: "at most as many connections as there are people",
        text: "\
# Into /etc/pptpd.conf. The number bounds guessing in parallel too: set it to what `tunlog report` calls most at once, and a few.
connections 20
# seconds until the first packet of a connection must have come
stimeout 10
",
    },
    Snippet {
        file: "xl2tpd.conf",
        dialects: &["xl2tpd"],
        does: "authentication required, PAP refused, no answer to unknown peers outside IPsec",
        text: "\
; Into /etc/xl2tpd/xl2tpd.conf.
[global]
; L2TP is only to be heard inside IPsec: see nftables-rate-limit for the packet filter's part
ipsec saref = no
[lns default]
require authentication = yes
require chap = yes
refuse pap = yes
exclusive = yes
",
    },
    Snippet {
        file: "accel-ppp.conf",
        dialects: &["accel-ppp"],
        does: "MS-CHAPv2 and MPPE required, one session a name, connections bounded",
        text: "\
# Into /etc/accel-ppp.conf.
[common]
# a second log-in of a name ends the first: an owner notices a thief
single-session=replace
max-sessions=200
max-starting=20
[modules]
auth_mschap_v2
# take auth_pap, auth_chap_md5 and auth_mschap_v1 out of this list
[ppp]
mppe=require
[pptp]
mppe=require
",
    },
    Snippet {
        file: "freeradius",
        dialects: &["freeradius", "freeradius-detail"],
        does: "refusals wait, sessions without strong encryption are none; `tunlog export-rules freeradius` refuses after N refusals",
        text: "\
# FreeRADIUS 3.2. Who is refused too often is refused for a while by what `tunlog export-rules freeradius --to DIR` writes.
# Into radiusd.conf: refusals wait, which slows guessing down without harming anybody.
security {
    reject_delay = 5
}
# Into mods-available/mschap: no sessions without strong encryption.
mschap {
    use_mppe = yes
    require_encryption = yes
    require_strong = yes
}
",
    },
    Snippet {
        file: "nftables-rate-limit",
        dialects: &[],
        does: "six new connections a minute from one address; L2TP only inside IPsec",
        text: "\
# For `nft -f FILE`, in a table of its own: it takes nothing away from the rules that are there. Undo: nft delete table inet tunlog_rate
# Behind a carrier's NAT many people share an address: raise the rate rather than lock them out.
table inet tunlog_rate {
    set pptp4 { type ipv4_addr; size 65535; flags dynamic,timeout; timeout 10m; }
    set pptp6 { type ipv6_addr; size 65535; flags dynamic,timeout; timeout 10m; }
    set ike4 { type ipv4_addr; size 65535; flags dynamic,timeout; timeout 10m; }
    set ike6 { type ipv6_addr; size 65535; flags dynamic,timeout; timeout 10m; }
    chain input {
        type filter hook input priority -5; policy accept;
        tcp dport 1723 ct state new update @pptp4 { ip saddr limit rate over 6/minute burst 6 packets } drop
        tcp dport 1723 ct state new update @pptp6 { ip6 saddr limit rate over 6/minute burst 6 packets } drop
        udp dport { 500, 4500 } ct state new update @ike4 { ip saddr limit rate over 12/minute burst 12 packets } drop
        udp dport { 500, 4500 } ct state new update @ike6 { ip6 saddr limit rate over 12/minute burst 12 packets } drop
        udp dport 1701 meta secpath missing drop
    }
}
",
    },
    Snippet {
        file: "routeros",
        dialects: &["routeros"],
        does: "MS-CHAPv2 alone, encryption required, one session a name, new connections bounded",
        text: "\
# For a RouterOS terminal. The names of profiles are those of your own configuration.
/interface pptp-server server set authentication=mschap2
/interface l2tp-server server set authentication=mschap2 use-ipsec=required one-session-per-host=yes
/ppp profile set default-encryption use-encryption=required only-one=yes
/ip firewall filter add chain=input protocol=tcp dst-port=1723 connection-state=new src-address-list=tunlog-tries2 action=drop comment=\"tunlog rate\"
/ip firewall filter add chain=input protocol=tcp dst-port=1723 connection-state=new src-address-list=tunlog-tries1 action=add-src-to-address-list address-list=tunlog-tries2 address-list-timeout=10m comment=\"tunlog rate\"
/ip firewall filter add chain=input protocol=tcp dst-port=1723 connection-state=new action=add-src-to-address-list address-list=tunlog-tries1 address-list-timeout=10s comment=\"tunlog rate\"
",
    },
];

/// Those for the daemons that spoke.
pub fn snippets(dialects: &[String]) -> impl Iterator<Item = &'static Snippet> {
    ALL.iter().filter(move |snippet| {
        snippet.dialects.is_empty()
            || snippet
                .dialects
                .iter()
                .any(|word| dialects.iter().any(|known| known == word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daemons_that_spoke_get_their_settings() {
        let files = |dialects: &[&str]| {
            let dialects: Vec<String> = dialects.iter().map(|word| (*word).to_owned()).collect();
            snippets(&dialects).map(|snippet| snippet.file).collect::<Vec<_>>()
        };
        assert_eq!(files(&[]), ["nftables-rate-limit"]);
        assert_eq!(
            files(&["pptpd", "pppd"]),
            ["pppd-options", "pptpd.conf", "nftables-rate-limit"]
        );
        assert_eq!(files(&["routeros"]), ["nftables-rate-limit", "routeros"]);
    }
}
