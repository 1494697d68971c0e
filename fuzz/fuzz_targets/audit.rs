//! Configuration files: the first byte chooses whose; the same text as package list, exceptions and advisories.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunlog_audit::exceptions::Exceptions;
use tunlog_audit::versions::{Advisories, packages};
use tunlog_audit::{ConfigFile, Machine, audit, includes, kind_of};

const NAMES: [&str; 23] = [
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
    "of-any-name",
];

fuzz_target!(|data: &[u8]| {
    let Some((first, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text).into_owned();
    let name = NAMES[usize::from(*first) % NAMES.len()];
    if let Some(kind) = kind_of(name, &text) {
        includes(kind, &text);
    }
    packages(&text);
    Exceptions::default().read(name, &text);
    let _ = Advisories::parse(&text);
    let lines = text.lines().count();
    let machine = Machine {
        files: vec![ConfigFile::new(name, text)],
        is_whole: first & 0x80 != 0,
    };
    for check in audit(&machine).checks {
        assert!(check.line.is_none_or(|line| line as usize <= lines), "{check:?}");
    }
});
