//! FreeRADIUS: MS-CHAP and MPPE, passwords in the log, BlastRADIUS, clients.

use std::net::IpAddr;

use crate::parse::brace::{self, Node};
use crate::parse::radius_users::users;
use crate::{Check, ConfigFile, Family, Kind, Report, Rule, Secret, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "freeradius",
    title: "FreeRADIUS",
    rules: &[
        MPPE,
        STRONG,
        PASSWORDS,
        BLAST,
        CLIENT_BLAST,
        SECRET,
        ANYBODY,
        PUBLIC,
        LIMITS,
        DETAIL,
        ACCEPTED,
    ],
    run,
};

const MPPE: Rule = Rule {
    id: "radius-no-mppe-keys",
    severity: Severity::High,
    title: "RADIUS gives no keys for encryption",
    finds: "`use_mppe = no` in the module mschap.",
    why: "The gateway gets no MPPE keys and cannot encrypt, or lets clients in unencrypted.",
    wrong: "Only L2TP inside IPsec asks this server.",
    action: "Write `use_mppe = yes`.",
    reference: "mods-available/mschap of FreeRADIUS 3.2, use_mppe: https://github.com/FreeRADIUS/freeradius-server/blob/v3.2.x/raddb/mods-available/mschap",
};

const STRONG: Rule = Rule {
    id: "radius-weak-encryption",
    severity: Severity::Medium,
    title: "RADIUS does not demand strong encryption",
    finds: "The module mschap without `require_encryption = yes` and `require_strong = yes`; both are commented out in the packaged file.",
    why: "RADIUS tells the gateway that unencrypted or 40-bit sessions will do, and may override what the gateway was told.",
    wrong: "Only L2TP inside IPsec, or Wi-Fi, asks this server.",
    action: "Write `require_encryption = yes` and `require_strong = yes`.",
    reference: "mods-available/mschap of FreeRADIUS 3.2; RFC 2548 §2.4.4: https://www.rfc-editor.org/rfc/rfc2548",
};

const PASSWORDS: Rule = Rule {
    id: "radius-logs-passwords",
    severity: Severity::Critical,
    title: "RADIUS writes passwords to the log",
    finds: "`auth_badpass = yes` or `auth_goodpass = yes` in the section log.",
    why: "Passwords stand in clear in radius.log, in its copies and in its backups; mistyped ones are close to the right ones, or are those of another service.",
    wrong: "Never on a server that people use.",
    action: "Write `no`, take the passwords out of the logs, and let those users choose new ones.",
    reference: "radiusd.conf of FreeRADIUS 3.2, log { auth_badpass, auth_goodpass }: https://github.com/FreeRADIUS/freeradius-server/blob/v3.2.x/raddb/radiusd.conf.in",
};

const BLAST: Rule = Rule {
    id: "radius-blastradius",
    severity: Severity::High,
    title: "BlastRADIUS: answers can be forged",
    finds: "`require_message_authenticator` or `limit_proxy_state` in the section security that is `no` or `auto`, or that is not set (before 3.2.5 it cannot be).",
    why: "Whoever sits between the gateway and the server turns a refusal into an acceptance, without knowing the secret (CVE-2024-3596).",
    wrong: "All RADIUS runs inside TLS or IPsec; a version whose packets are patched by the distribution.",
    action: "Update to 3.2.5 or later and write both as `yes`; clients that then are refused need an update.",
    reference: "CVE-2024-3596; FreeRADIUS ChangeLog 3.2.5: https://www.freeradius.org/security/",
};

const CLIENT_BLAST: Rule = Rule {
    id: "radius-client-unsigned",
    severity: Severity::High,
    title: "BlastRADIUS: a client may send unsigned requests",
    finds: "`require_message_authenticator` or `limit_proxy_state` of a client that is `no` or `auto`.",
    why: "For this client answers can be forged by whoever sits between (CVE-2024-3596).",
    wrong: "The client is the machine itself, or is reached through TLS or IPsec.",
    action: "Write `yes`, after an update of the client.",
    reference: "CVE-2024-3596; clients.conf of FreeRADIUS 3.2: https://www.freeradius.org/security/",
};

const SECRET: Rule = Rule {
    id: "radius-client-secret",
    severity: Severity::High,
    title: "A weak secret for a RADIUS client",
    finds: "The secret of a client or home server: common or from the packaged file (critical; low for the machine itself), or of fewer than 16 characters.",
    why: "Who sees one packet can look for the secret, and then read PAP passwords and forge answers.",
    wrong: "Never, except on loopback.",
    action: "Generate one of 22 or more characters.",
    reference: "RFC 2865 §3: https://www.rfc-editor.org/rfc/rfc2865",
};

const ANYBODY: Rule = Rule {
    id: "radius-any-client",
    severity: Severity::High,
    title: "Anybody may ask the RADIUS server",
    finds: "A client with `ipaddr = *`, `0.0.0.0/0` or `::/0`.",
    why: "The secret is all that keeps strangers from trying passwords here, unseen by the gateway.",
    wrong: "A packet filter lets the gateways alone through.",
    action: "Write the gateway's address.",
    reference: "clients.conf of FreeRADIUS 3.2, ipaddr: https://github.com/FreeRADIUS/freeradius-server/blob/v3.2.x/raddb/clients.conf",
};

const PUBLIC: Rule = Rule {
    id: "radius-over-internet",
    severity: Severity::High,
    title: "RADIUS over UDP through the Internet",
    finds: "A client with a public address that does not use `proto = tls`.",
    why: "MS-CHAP over RADIUS/UDP can be read by everybody on the way: CHAP and MS-CHAP log-ins are cracked from it.",
    wrong: "The packets go through IPsec or another tunnel.",
    action: "Use RADIUS over TLS (RadSec), or put it into IPsec.",
    reference: "FreeRADIUS 3.2 ChangeLog (3.2.11); RFC 6614: https://www.rfc-editor.org/rfc/rfc6614",
};

const LIMITS: Rule = Rule {
    id: "radius-limits",
    severity: Severity::Low,
    title: "Limits of the RADIUS server are switched off",
    finds: "`reject_delay = 0` or `max_attributes = 0` in the section security.",
    why: "Passwords can be tried without a pause, and packets of any number of attributes cost memory.",
    wrong: "`reject_delay = 0` on a server that only passes requests on.",
    action: "Write `reject_delay = 1` and `max_attributes = 200`.",
    reference: "radiusd.conf of FreeRADIUS 3.2, security: https://github.com/FreeRADIUS/freeradius-server/blob/v3.2.x/raddb/radiusd.conf.in",
};

const DETAIL: Rule = Rule {
    id: "radius-detail-passwords",
    severity: Severity::High,
    title: "RADIUS keeps whole requests with their passwords",
    finds: "A `detail` module without `suppress { User-Password }` that a site uses in `authorize` or `pre-proxy` (auth_log, pre_proxy_log).",
    why: "PAP passwords stand in clear in the detail files, CHAP and MS-CHAP log-ins in a form that can be cracked.",
    wrong: "Never on a server that people use; MS-CHAP log-ins stay in the file even then.",
    action: "Take the module out of the section, or add `suppress { User-Password }` to it.",
    reference: "mods-available/detail.log of FreeRADIUS 3.2 (\"You may also strip out passwords completely\"): https://github.com/FreeRADIUS/freeradius-server/blob/v3.2.x/raddb/mods-available/detail.log",
};

const ACCEPTED: Rule = Rule {
    id: "radius-accepts-all",
    severity: Severity::Critical,
    title: "RADIUS lets somebody in without a password",
    finds: "`Auth-Type := Accept` for a user or for DEFAULT in FreeRADIUS's file of users; high where other conditions stand beside it.",
    why: "Whatever password is given, the answer is yes.",
    wrong: "The server only answers requests of devices by their address (MAC authentication).",
    action: "Remove the line.",
    reference: "users(5) of FreeRADIUS, Auth-Type",
};

/// What keeps answers from being forged.
const SIGNED: [&str; 2] = ["require_message_authenticator", "limit_proxy_state"];
/// RFC 2865 §3.
const SECRET_CHARS_MIN: usize = 16;

fn run(setup: &Setup<'_>, report: &mut Report) {
    for file in setup.of(Kind::FreeRadius) {
        let root = brace::parse(&file.text);
        for (key, look) in [
            ("mschap", mschap as fn(&ConfigFile, &Node, &mut Report)),
            ("log", passwords),
            ("security", security),
        ] {
            root.sections(key).for_each(|section| look(file, section, report));
        }
        root.walk(&mut |node| {
            if node.is_section && matches!(node.key.as_str(), "client" | "home_server") {
                client(file, node, report);
            }
        });
    }
    details(setup, report);
    for file in setup.of(Kind::RadiusUsers) {
        accepted(file, report);
    }
}

/// Modules that keep whole requests, by the names that sites use them by.
fn details(setup: &Setup<'_>, report: &mut Report) {
    let mut used: Vec<String> = Vec::new();
    for file in setup.of(Kind::FreeRadius) {
        brace::parse(&file.text).walk(&mut |node| {
            if node.is_section && ["authorize", "pre-proxy"].contains(&node.key.as_str()) {
                node.walk(&mut |inner| used.push(inner.key.clone()));
            }
        });
    }
    for file in setup.of(Kind::FreeRadius) {
        for detail in brace::parse(&file.text).sections("detail") {
            let suppressed = detail
                .sections("suppress")
                .any(|list| list.get("User-Password").is_some());
            if !suppressed && !detail.name().is_empty() && used.iter().any(|name| name == detail.name()) {
                let summary = format!("{} keeps requests with their passwords", detail.name());
                report.add(Check::new(&DETAIL, summary).at(&file.path, detail.line));
            }
        }
    }
}

fn accepted(file: &ConfigFile, report: &mut Report) {
    for user in users(&file.text).iter().filter(|user| user.is_accepted) {
        let who = if user.name == "DEFAULT" {
            "everybody"
        } else {
            &user.name
        };
        let check = Check::new(&ACCEPTED, format!("`{who}` gets in with any password")).at(&file.path, user.line);
        let check = check.subject(&user.name);
        let conditions = user.checks.len() > 1;
        report.add(if conditions {
            check.severity(Severity::High)
        } else {
            check
        });
    }
}

fn is_yes(node: &Node) -> bool {
    matches!(node.value.as_deref(), Some("yes" | "true" | "1" | "on"))
}

fn mschap(file: &ConfigFile, section: &Node, report: &mut Report) {
    // sites have `mschap` as a word, and `Auth-Type MS-CHAP {` is another section
    if let Some(found) = section.get("use_mppe").filter(|found| !is_yes(found)) {
        report.add(Check::new(&MPPE, "use_mppe = no: the gateway gets no keys").at(&file.path, found.line));
    }
    let missing: Vec<&str> = ["require_encryption", "require_strong"]
        .into_iter()
        .filter(|key| !section.get(key).is_some_and(is_yes))
        .collect();
    if !missing.is_empty() {
        let line = missing
            .iter()
            .find_map(|key| section.get(key))
            .map_or(section.line, |found| found.line);
        let summary = format!(
            "{} not yes: unencrypted or 40-bit sessions will do",
            missing.join(" and ")
        );
        report.add(Check::new(&STRONG, summary).at(&file.path, line));
    }
}

fn passwords(file: &ConfigFile, section: &Node, report: &mut Report) {
    for key in ["auth_badpass", "auth_goodpass"] {
        if let Some(found) = section.get(key).filter(|found| is_yes(found)) {
            let which = if key == "auth_badpass" { "refused" } else { "right" };
            report.add(
                Check::new(&PASSWORDS, format!("{key} = yes: {which} passwords go into the log"))
                    .at(&file.path, found.line),
            );
        }
    }
}

fn security(file: &ConfigFile, section: &Node, report: &mut Report) {
    for key in SIGNED {
        match section.get(key) {
            Some(found) if is_yes(found) => {}
            Some(found) => {
                let value = found.value.as_deref().unwrap_or_default();
                let value = if value == "auto" { "auto" } else { "no" };
                report.add(
                    Check::new(&BLAST, format!("{key} = {value}: answers can be forged")).at(&file.path, found.line),
                );
            }
            None => {}
        }
    }
    let missing: Vec<&str> = SIGNED.into_iter().filter(|key| section.get(key).is_none()).collect();
    if !missing.is_empty() {
        let (names, are) = (missing.join(" and "), if missing.len() > 1 { "are" } else { "is" });
        report.add(
            Check::new(&BLAST, format!("{names} {are} not set: answers can be forged")).at(&file.path, section.line),
        );
    }
    for key in ["reject_delay", "max_attributes"] {
        if let Some(found) = section.get(key).filter(|found| found.value.as_deref() == Some("0")) {
            report.add(Check::new(&LIMITS, format!("{key} = 0")).at(&file.path, found.line));
        }
    }
}

fn client(file: &ConfigFile, section: &Node, report: &mut Report) {
    let address = ["ipaddr", "ipv4addr", "ipv6addr"]
        .iter()
        .find_map(|key| section.get(key));
    let text = address.and_then(|node| node.value.as_deref()).unwrap_or(section.name());
    let base = text.split('/').next().unwrap_or_default();
    let ip: Option<IpAddr> = base.parse().ok();
    let is_here = ip.is_some_and(|ip| ip.is_loopback()) || base == "localhost";
    let is_client = section.key == "client";
    if is_client && matches!(text, "*" | "0.0.0.0/0" | "::/0" | "0.0.0.0" | "::") {
        let line = address.map_or(section.line, |node| node.line);
        report.add(Check::new(&ANYBODY, format!("client {}: anybody may ask", section.name())).at(&file.path, line));
    } else if ip.is_some_and(is_public) && is_client && section.value_of("proto") != Some("tls") {
        let line = address.map_or(section.line, |node| node.line);
        report.add(Check::new(&PUBLIC, format!("client {} has a public address", section.name())).at(&file.path, line));
    }
    for key in SIGNED {
        if let Some(found) = section.get(key).filter(|found| !is_yes(found) && !is_here) {
            let summary = format!("client {}: {key} is not yes", section.name());
            report.add(Check::new(&CLIENT_BLAST, summary).at(&file.path, found.line));
        }
    }
    if let Some(found) = section.get("secret") {
        weak_secret(file, section, found, is_here, report);
    }
}

fn weak_secret(file: &ConfigFile, section: &Node, found: &Node, is_here: bool, report: &mut Report) {
    let secret = Secret::new(found.value.clone().unwrap_or_default());
    let common = secret.is_empty() || secret.is_common();
    let (what, severity) = match (common, secret.chars() < SECRET_CHARS_MIN) {
        (true, _) => ("is one that is tried first".to_owned(), Severity::Critical),
        (false, true) => (format!("has fewer than {SECRET_CHARS_MIN} characters"), Severity::High),
        (false, false) => return,
    };
    let summary = format!("{} {}: the secret {what}", section.key, section.name());
    let severity = if is_here { Severity::Low } else { severity };
    report.add(
        Check::new(&SECRET, summary)
            .at(&file.path, found.line)
            .severity(severity),
    );
}

/// Addresses that packets cross the Internet to.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared)
        }
        IpAddr::V6(ip) => {
            !(ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local())
        }
    }
}
