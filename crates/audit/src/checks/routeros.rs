//! RouterOS, by its export.

use crate::parse::routeros::{Item, items};
use crate::{Check, ConfigFile, Family, Kind, Report, Rule, Secret, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "routeros",
    title: "RouterOS",
    rules: &[AUTH, IPSEC, PROFILE, SECRET, ALGORITHM, INPUT],
    run,
};

const AUTH: Rule = Rule {
    id: "routeros-weak-auth",
    severity: Severity::High,
    title: "PAP, CHAP-MD5 or MS-CHAPv1 is accepted",
    finds: "pptp-server or l2tp-server enabled with `authentication` that has pap, chap or mschap1 (medium for L2TP that IPsec must protect). An export leaves out what is default, and mschap1 is among the defaults.",
    why: "PAP sends the password itself; the others can be attacked from one recorded log-in.",
    wrong: "An export of a version whose default is mschap2 alone.",
    action: "set authentication=mschap2",
    reference: "RouterOS, PPTP and L2TP server, authentication: https://help.mikrotik.com/docs/x/DwAf",
};

const IPSEC: Rule = Rule {
    id: "routeros-l2tp-ipsec",
    severity: Severity::Critical,
    title: "L2TP is accepted without IPsec",
    finds: "l2tp-server enabled with `use-ipsec` other than `required`; high with `use-ipsec=yes`, which also takes clients without IPsec.",
    why: "L2TP encrypts nothing: log-ins and traffic can be read on the way.",
    wrong: "IPsec is set up by hand and the input chain accepts 1701 with ipsec-policy=in,ipsec alone.",
    action: "set use-ipsec=required",
    reference: "RouterOS, L2TP server, use-ipsec: https://help.mikrotik.com/docs/x/DwAf",
};

const PROFILE: Rule = Rule {
    id: "routeros-no-encryption",
    severity: Severity::High,
    title: "Encryption is not required",
    finds: "A PPP profile with `use-encryption` no, default or yes, or without it, where the PPTP server is enabled and uses it.",
    why: "`yes` only offers encryption: a session comes up without it if the client does not ask.",
    wrong: "The profile is used by L2TP inside IPsec alone.",
    action: "set use-encryption=required",
    reference: "RouterOS, PPP AAA, use-encryption: https://help.mikrotik.com/docs/",
};

const SECRET: Rule = Rule {
    id: "routeros-weak-secret",
    severity: Severity::High,
    title: "A weak password or shared key",
    finds: "`password` of /ppp secret that is empty or is tried first (critical), or of fewer than 8 characters; `ipsec-secret` and `secret` of IPsec identities of fewer than 20 characters (medium).",
    why: "One recorded log-in lets passwords be tried without asking the router.",
    wrong: "The export was made without secrets (hide-sensitive): then there are none to judge.",
    action: "Generate one of 16 or more characters, for IPsec of 32.",
    reference: "NIST SP 800-63B §5.1.1; RFC 7296 §2.15: https://pages.nist.gov/800-63-3/sp800-63b.html",
};

const ALGORITHM: Rule = Rule {
    id: "routeros-weak-algorithm",
    severity: Severity::High,
    title: "Weak algorithms are offered",
    finds: "IPsec profiles and proposals with des, md5, null, modp768, modp1024 (high), 3des or modp1536 (medium).",
    why: "The peer, or whoever sits between, chooses the weakest of what is offered.",
    wrong: "Clients that can do nothing else.",
    action: "set dh-group=modp2048 enc-algorithm=aes-256 hash-algorithm=sha256",
    reference: "RFC 8247 §2, RFC 8221 §5: https://www.rfc-editor.org/rfc/rfc8247",
};

const INPUT: Rule = Rule {
    id: "routeros-l2tp-open",
    severity: Severity::High,
    title: "L2TP is let in outside of IPsec",
    finds: "A rule of the input chain that accepts UDP 1701 without `ipsec-policy=in,ipsec` and without a source.",
    why: "A client whose IPsec fails goes on in clear, and anybody can speak to the L2TP server.",
    wrong: "A rule above drops what did not come out of IPsec.",
    action: "set ipsec-policy=in,ipsec",
    reference: "RouterOS, firewall filter, ipsec-policy: https://help.mikrotik.com/docs/",
};

fn run(setup: &Setup<'_>, report: &mut Report) {
    for file in setup.of(Kind::RouterOs) {
        let all = items(&file.text);
        let pptp = all
            .iter()
            .find(|item| item.menu == "/interface pptp-server server" && item.yes("enabled"));
        for item in &all {
            of_item(file, item, pptp, report);
        }
        input(file, &all, report);
    }
}

fn of_item(file: &ConfigFile, item: &Item, pptp: Option<&Item>, report: &mut Report) {
    match item.menu.as_str() {
        "/interface pptp-server server" if item.yes("enabled") => login(file, item, Severity::High, report),
        "/interface l2tp-server server" if item.yes("enabled") => l2tp(file, item, report),
        "/ppp profile" => profile(file, item, pptp, report),
        "/ppp secret" if !item.yes("disabled") => password(file, item, report),
        "/ip ipsec identity" => shared(file, item, "secret", report),
        "/ip ipsec profile" | "/ip ipsec proposal" => algorithms(file, item, report),
        _ => {}
    }
}

fn login(file: &ConfigFile, item: &Item, severity: Severity, report: &mut Report) {
    let found = item.get("authentication").map_or(vec!["mschap1"], |words| {
        let weak = words
            .split(',')
            .filter(|word| matches!(*word, "pap" | "chap" | "mschap1"));
        weak.collect()
    });
    if !found.is_empty() {
        let by_default = if item.get("authentication").is_none() {
            " (by default)"
        } else {
            ""
        };
        let summary = format!("accepts {}{by_default}", found.join(", "));
        report.add(Check::new(&AUTH, summary).at(&file.path, item.line).severity(severity));
    }
}

fn l2tp(file: &ConfigFile, item: &Item, report: &mut Report) {
    let ipsec = item.get("use-ipsec").unwrap_or("no");
    let severity = match ipsec {
        "required" | "require" => Severity::Medium,
        _ => Severity::High,
    };
    login(file, item, severity, report);
    if severity == Severity::High {
        let check = Check::new(
            &IPSEC,
            format!(
                "use-ipsec={}: clients get in without IPsec",
                if ipsec == "yes" { "yes" } else { "no" }
            ),
        );
        let check = check.at(&file.path, item.line);
        report.add(if ipsec == "yes" {
            check.severity(Severity::High)
        } else {
            check
        });
    }
    shared(file, item, "ipsec-secret", report);
}

/// The profile that the PPTP server uses: `default-encryption` unless it says another.
fn profile(file: &ConfigFile, item: &Item, pptp: Option<&Item>, report: &mut Report) {
    let Some(server) = pptp else { return };
    let used = server.get("default-profile").unwrap_or("default-encryption");
    let name = item
        .get("name")
        .or(item.which.first().map(String::as_str))
        .unwrap_or_default();
    // *0 and *FFFFFFFE are the two that every router has
    let is_used =
        name == used || name == "*FFFFFFFE" && used == "default-encryption" || name == "*0" && used == "default";
    if is_used && item.get("use-encryption") != Some("required") {
        let summary = format!(
            "profile {used}: use-encryption={}",
            item.get("use-encryption").unwrap_or("default")
        );
        report.add(Check::new(&PROFILE, summary).at(&file.path, item.line));
    }
}

fn password(file: &ConfigFile, item: &Item, report: &mut Report) {
    let name = item.get("name").unwrap_or_default();
    let Some(secret) = item.get("password").map(Secret::new) else {
        return;
    };
    let (what, severity) = match secret.chars() {
        0 => ("an empty password", Severity::Critical),
        _ if secret.is_common() || secret.is_name(name) => ("a password that is tried first", Severity::Critical),
        1..8 => ("a password of fewer than 8 characters", Severity::High),
        _ => return,
    };
    let check = Check::new(&SECRET, format!("`{name}` has {what}")).at(&file.path, item.line);
    report.add(check.severity(severity).subject(name));
}

fn shared(file: &ConfigFile, item: &Item, key: &str, report: &mut Report) {
    if let Some(weak) = item
        .get(key)
        .map(Secret::new)
        .and_then(|secret| super::ipsec::strength(&secret))
    {
        let check = Check::new(&SECRET, weak.summary.clone()).at(&file.path, item.line);
        report.add(check.severity(weak.severity));
    }
}

fn algorithms(file: &ConfigFile, item: &Item, report: &mut Report) {
    let keys = [
        "dh-group",
        "enc-algorithm",
        "hash-algorithm",
        "auth-algorithms",
        "enc-algorithms",
        "pfs-group",
    ];
    let words = keys
        .iter()
        .filter_map(|key| item.get(key))
        .flat_map(|value| value.split(','));
    let mut weak: Vec<(Severity, &str)> = words
        .filter_map(|word| match word {
            "des" | "md5" | "null" | "modp768" | "modp1024" => Some((Severity::High, word)),
            "3des" | "modp1536" | "blowfish" => Some((Severity::Medium, word)),
            _ => None,
        })
        .collect();
    weak.sort_unstable();
    weak.dedup();
    if let Some(worst) = weak.iter().map(|(severity, _)| *severity).max() {
        let names: Vec<&str> = weak.iter().map(|(_, name)| *name).collect();
        let check = Check::new(&ALGORITHM, format!("offers {}", names.join(", "))).at(&file.path, item.line);
        report.add(check.severity(worst));
    }
}

/// The first rule of the input chain that decides about UDP 1701 outside of IPsec.
fn input(file: &ConfigFile, all: &[Item], report: &mut Report) {
    let rules = all.iter().filter(|item| {
        item.menu == "/ip firewall filter" && item.get("chain") == Some("input") && !item.yes("disabled")
    });
    for rule in rules {
        let port = rule
            .get("dst-port")
            .is_none_or(|ports| ports.split(',').any(|port| port == "1701"));
        let udp = rule.get("protocol").is_none_or(|protocol| protocol == "udp");
        let new = rule
            .get("connection-state")
            .is_none_or(|states| states.split(',').any(|state| state == "new"));
        let ipsec = rule.get("ipsec-policy") == Some("in,ipsec");
        let keys = ["src-address", "src-address-list", "in-interface", "in-interface-list"];
        let limited = keys.iter().any(|key| rule.get(key).is_some());
        if !(port && udp && new) || ipsec || limited {
            continue;
        }
        match rule.get("action").unwrap_or("accept") {
            "accept" => {
                report.add(
                    Check::new(&INPUT, "UDP 1701 is let in from anywhere without IPsec").at(&file.path, rule.line),
                );
                return;
            }
            "drop" | "reject" | "tarpit" => return,
            _ => {}
        }
    }
}
