//! Settings of the kernel that a gateway depends on.

use std::collections::BTreeMap;

use crate::parse::sysctl::{Setting, settings};
use crate::{Check, Family, Kind, Report, Rule, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "kernel",
    title: "sysctl",
    rules: &[RP_FILTER, FORWARD, REDIRECTS, HELPER],
    run,
};

const RP_FILTER: Rule = Rule {
    id: "sysctl-rp-filter",
    severity: Severity::Medium,
    title: "Forged source addresses are not dropped",
    finds: "`rp_filter` 0 for `all` and `default`, and above 0 for neither. The kernel takes the larger of `all` and the interface's own.",
    why: "A client can send packets as if they came from other clients or from the inner network.",
    wrong: "The packet filter checks it (nft `fib saddr . iif oif missing drop`, iptables `-m rpfilter`).",
    action: "Write `net.ipv4.conf.all.rp_filter = 2` (loose: right for IPsec and several uplinks), or 1.",
    reference: "RFC 3704 §2; ip-sysctl, rp_filter: https://docs.kernel.org/networking/ip-sysctl.html",
};

const FORWARD: Rule = Rule {
    id: "sysctl-ip-forward",
    severity: Severity::Low,
    title: "The gateway does not forward",
    finds: "`net.ipv4.ip_forward = 0` where a PPTP or L2TP server is set up.",
    why: "Clients reach the gateway itself and nothing behind it.",
    wrong: "That is all they shall reach.",
    action: "Write `net.ipv4.ip_forward = 1`, and let the packet filter's forward chain decide who reaches what.",
    reference: "ip-sysctl, ip_forward: https://docs.kernel.org/networking/ip-sysctl.html",
};

const REDIRECTS: Rule = Rule {
    id: "sysctl-redirects",
    severity: Severity::Low,
    title: "ICMP redirects are accepted or sent",
    finds: "`accept_redirects = 1` or `send_redirects = 1`.",
    why: "Redirects let neighbours change routes past the tunnel; sent ones tell clients a way that IPsec does not allow.",
    wrong: "Never on a gateway.",
    action: "Write `net.ipv4.conf.all.accept_redirects = 0` and `net.ipv4.conf.all.send_redirects = 0`, the same for `default`.",
    reference: "ip-sysctl, accept_redirects, send_redirects: https://docs.kernel.org/networking/ip-sysctl.html",
};

const HELPER: Rule = Rule {
    id: "conntrack-helper-automatic",
    severity: Severity::Medium,
    title: "Connection-tracking helpers look at everything",
    finds: "`net.netfilter.nf_conntrack_helper = 1`.",
    why: "Every connection to a helper's port opens holes for what its contents say; a client can choose the contents. Newer kernels have no such setting any more.",
    wrong: "Never where rules can name the helper.",
    action: "Remove it and assign the helper to the connections that need it: iptables `-t raw -p tcp --dport 1723 -j CT --helper pptp`, nft `ct helper set`.",
    reference: "Secure use of iptables and connection tracking helpers: https://home.regit.org/netfilter-en/secure-use-of-helpers/",
};

/// The settings in force with the files that they stand in.
struct InForce<'a>(BTreeMap<String, (&'a str, Setting)>);

impl InForce<'_> {
    fn get(&self, key: &str) -> Option<(&str, &str, u32)> {
        let (path, setting) = self.0.get(key)?;
        Some((path, &setting.value, setting.line))
    }
}

/// Files are applied in the order of their names, sysctl.conf last; the last word counts.
fn in_force<'a>(setup: &Setup<'a>) -> InForce<'a> {
    let mut files: Vec<_> = setup.of(Kind::Sysctl).collect();
    files.sort_by_key(|file| (file.name() == "sysctl.conf", file.name().to_owned()));
    let mut values = BTreeMap::new();
    for file in files {
        for setting in settings(&file.text) {
            values.insert(setting.key.clone(), (file.path.as_str(), setting));
        }
    }
    InForce(values)
}

fn run(setup: &Setup<'_>, report: &mut Report) {
    let values = in_force(setup);
    let filters = ["all", "default"].map(|name| values.get(&format!("net.ipv4.conf.{name}.rp_filter")));
    let mut set = filters.iter().flatten();
    if let Some((path, "0", line)) = set.next()
        && set.all(|(_, value, _)| *value == "0")
    {
        let summary = "rp_filter is off: forged source addresses pass";
        report.add(Check::new(&RP_FILTER, summary).at(path, *line));
    }
    if let Some((path, "0", line)) = values.get("net.ipv4.ip_forward")
        && (!setup.pptp.is_empty() || !setup.l2tp.is_empty())
    {
        let summary = "ip_forward = 0: clients reach nothing behind the gateway";
        report.add(Check::new(&FORWARD, summary).at(path, line));
    }
    for (key, (path, setting)) in &values.0 {
        let redirects = key.ends_with(".accept_redirects") || key.ends_with(".send_redirects");
        if redirects && setting.value == "1" {
            report.add(Check::new(&REDIRECTS, format!("{key} = 1")).at(path, setting.line));
        }
    }
    if let Some((path, "1", line)) = values.get("net.netfilter.nf_conntrack_helper") {
        report.add(Check::new(&HELPER, "helpers are assigned automatically").at(path, line));
    }
}
