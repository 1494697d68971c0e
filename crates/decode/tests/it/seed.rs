//! The log lines that a much copied article on PPTP logs gives as examples. Most of them no program writes; who searches a log
//! with their words shall be answered all the same. Typographic quotation marks are the article's.

use tunlog_decode::Catalogue;

use crate::door::understood;

/// (program, body, what it is understood as: the beginning)
const LINES: &[(&str, &str, &str)] = &[
    ("pppd", "pppd 2.4.7 started by root, uid 0", "pppd/started "),
    ("pppd", "LCP: echo request timeout", "pppd/no-echo-response "),
    ("pppd", "IPCP: begin", "pppd/ipcp-begin "),
    ("pppd", "LCP: timeout sending Config-Requests", "pppd/lcp-timeout "),
    (
        "pppd",
        "CHAP authentication failed: ‘username’ (challenge 0x…)",
        "pppd/peer-failed-chap-with-challenge pppd[1] user=username",
    ),
    (
        "pppd",
        "CHAP authentication failed: 'username' (challenge 0x9f2b)",
        "pppd/peer-failed-chap-with-challenge pppd[1] user=username",
    ),
    (
        "pppd",
        "MPPE 128-bit required, but not available",
        "pppd/mppe-negotiation-failed ",
    ),
    ("kernel", "GRE: no entry for key", "kernel/gre-no-entry "),
    ("kernel", "DROP GRE proto 47 from x.x.x.x", "kernel/gre-dropped "),
    (
        "kernel",
        "[ 1523.910856] DROP GRE proto 47 from 203.0.113.11",
        "kernel/gre-dropped kernel[1] client_ip=203.0.113.11",
    ),
    (
        "radiusd",
        "User-Name = ‘user1’, Access-Reject",
        "freeradius/access-reject-told radiusd[1] user=user1",
    ),
    (
        "freeradius",
        "User-Name = 'user1', Access-Reject",
        "freeradius/access-reject-told freeradius[1] user=user1",
    ),
    (
        "pppd",
        "pptpd-logwtmp.so ip-up ppp0 user 203.0.113.11",
        "pppd/logwtmp-ip-up pppd[1] interface=ppp0 user=user",
    ),
];

#[test]
fn the_articles_examples_are_understood() {
    let catalogue = Catalogue::builtin();
    let wrong: Vec<String> = LINES
        .iter()
        .map(|(app, body, want)| (body, understood(&catalogue, app, body.as_bytes()), want))
        .filter(|(_, got, want)| !got.starts_with(*want))
        .map(|(body, got, want)| format!("{body}\n  wanted {want}\n  got    {got}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
