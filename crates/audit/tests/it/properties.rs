//! Whatever stands in a file: nothing panics, everything ends, and no line is told that the file does not have.

use proptest::prelude::*;
use tunlog_audit::{ConfigFile, Machine, audit, kind_of};

/// Names under which a text is read by every parser.
const NAMES: &[&str] = &[
    "etc/pptpd.conf",
    "etc/ppp/options",
    "etc/ppp/options.pptpd",
    "etc/ppp/peers/a",
    "etc/ppp/chap-secrets",
    "etc/xl2tpd/xl2tpd.conf",
    "etc/ipsec.conf",
    "etc/ipsec.secrets",
    "etc/swanctl/swanctl.conf",
    "etc/strongswan.conf",
    "etc/accel-ppp.conf",
    "etc/freeradius/radiusd.conf",
    "etc/freeradius/users",
    "etc/nftables.conf",
    "etc/iptables/rules.v4",
    "etc/ufw/user.rules",
    "etc/sysctl.conf",
    "etc/logrotate.d/a",
    "etc/systemd/journald.conf",
    "etc/rsyslog.conf",
    "etc/pam.d/ppp",
    "a.rsc",
    "ufw.txt",
];

/// Words that the grammars know, so that a text gets somewhere.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "conn",
            "config setup",
            "also=a",
            "include",
            "{",
            "}",
            "[",
            "]",
            "[lns default]",
            "=",
            "\"",
            "'",
            "\\",
            "\n",
            "\n ",
            "#",
            ";",
            "*filter",
            "-A INPUT",
            "-j ACCEPT",
            "-j x",
            ":INPUT",
            "table inet x {",
            "chain input {",
            "type filter hook input priority 0; policy drop;",
            "udp dport",
            "vmap",
            "{ 1701 : jump a }",
            "add rule",
            "@a",
            "$a",
            "define",
            "elements = {",
            "file /etc/ppp/options",
            "call a",
            "require-mschap-v2",
            "secret",
            "client",
            "/ppp secret",
            "add",
            "set",
            "name=",
            "password=",
            "%any : PSK",
            "0-0",
            "rotate 99999999999",
            "daily",
            "99999999999999999999",
            "\u{0}",
            "\u{202e}",
            "ä",
        ])
        .prop_map(str::to_owned),
        "[ -~\\n]{0,12}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(word(), 0..60).prop_map(|words| words.join(" ")),
        "\\PC{0,200}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read(text in text()) {
        let _ = kind_of("x", &text);
        let files = NAMES.iter().map(|name| ConfigFile::new(*name, text.clone())).collect();
        let machine = Machine { files, is_whole: true };
        let lines = text.lines().count();
        for check in audit(&machine).checks {
            let line = check.line.map_or(0, |line| line as usize);
            prop_assert!(line <= lines, "{check:?} of {lines} lines: {text:?}");
        }
    }

    #[test]
    fn the_order_of_files_does_not_matter(text in text(), other in text()) {
        let file = |name: &str, text: &str| ConfigFile::new(name, text);
        let one = Machine { files: vec![file("etc/ipsec.conf", &text), file("etc/nftables.conf", &other)], is_whole: true };
        let two = Machine { files: one.files.iter().rev().cloned().collect(), is_whole: true };
        prop_assert_eq!(audit(&one).checks, audit(&two).checks);
    }
}
