//! accel-ppp.

use crate::parse::ini::{self, Entry, Ini};
use crate::{Check, ConfigFile, Family, Kind, Report, Rule, Secret, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "accel-ppp",
    title: "accel-ppp.conf",
    rules: &[WEAK, MPPE, CLI, VERBOSE, SECRET],
    run,
};

const WEAK: Rule = Rule {
    id: "accel-weak-auth",
    severity: Severity::High,
    title: "PAP, CHAP-MD5 or MS-CHAPv1 is accepted",
    finds: "The modules auth_pap, auth_chap_md5 or auth_mschap_v1 in [modules].",
    why: "PAP sends the password itself; the others can be attacked from one recorded log-in and give no good keys for MPPE. The client may choose any module that is loaded.",
    wrong: "PPPoE or IPoE customers whose line nobody else can read.",
    action: "Leave auth_mschap_v2 alone among the auth modules.",
    reference: "accel-ppp.conf(5), [modules]",
};

const MPPE: Rule = Rule {
    id: "accel-mppe",
    severity: Severity::High,
    title: "Encryption is not required",
    finds: "The module pptp, and `mppe` in [ppp] that is not `require`.",
    why: "Without it a session comes up unencrypted if the client does not ask for MPPE.",
    wrong: "RADIUS sends MS-MPPE-Encryption-Policy.",
    action: "Write `mppe=require` in [ppp].",
    reference: "accel-ppp.conf(5), [ppp] mppe; RFC 3078: https://www.rfc-editor.org/rfc/rfc3078",
};

const CLI: Rule = Rule {
    id: "accel-cli-open",
    severity: Severity::High,
    title: "The command line is open to the network",
    finds: "`telnet` or `tcp` in [cli] with an address other than loopback; critical without `password`.",
    why: "It ends sessions, shows users and stops the daemon, in clear text; versions up to 1.12 had faults that give more (CVE-2022-0982).",
    wrong: "A management network that only administrators reach.",
    action: "Write 127.0.0.1 as the address, and a password.",
    reference: "accel-ppp.conf(5), [cli]",
};

const VERBOSE: Rule = Rule {
    id: "accel-verbose",
    severity: Severity::Medium,
    title: "Log-ins are written to the log in full",
    finds: "`level` 5 in [log], or `verbose=1` in [ppp] or [radius].",
    why: "The log then holds the packets of each log-in, challenges and responses among them.",
    wrong: "While a fault is looked for.",
    action: "Write `level=3` and `verbose=0`.",
    reference: "accel-ppp.conf(5), [log], [ppp] verbose, [radius] verbose",
};

const SECRET: Rule = Rule {
    id: "accel-radius-secret",
    severity: Severity::High,
    title: "A weak secret for RADIUS",
    finds: "The secret of `server` (or `dae-server`) in [radius]: common or from a guide (critical), or of fewer than 16 characters.",
    why: "Who sees one packet can look for the secret, and then read passwords and forge answers.",
    wrong: "The server is the machine itself.",
    action: "Generate one of 22 or more characters.",
    reference: "RFC 2865 §3 (\"at least as large and unguessable as a well-chosen password\", at least 16 octets preferred): https://www.rfc-editor.org/rfc/rfc2865",
};

/// RFC 2865 §3.
const RADIUS_SECRET_CHARS_MIN: usize = 16;

fn run(setup: &Setup<'_>, report: &mut Report) {
    for file in setup.of(Kind::AccelPpp) {
        let conf = Ini::parse(&file.text, ini::ACCEL_PPP);
        logins(file, &conf, report);
        cli(file, &conf, report);
        verbose(file, &conf, report);
        for key in ["server", "dae-server"] {
            let all = conf.named("radius").flat_map(|section| &section.entries);
            for entry in all.filter(|entry| entry.key == key) {
                radius(file, entry, report);
            }
        }
    }
}

fn logins(file: &ConfigFile, conf: &Ini, report: &mut Report) {
    for (module, word) in [
        ("auth_pap", "PAP: the client sends its password in clear"),
        ("auth_chap_md5", "CHAP-MD5"),
        ("auth_mschap_v1", "MS-CHAPv1"),
    ] {
        if let Some(entry) = conf.get("modules", module) {
            report.add(Check::new(&WEAK, format!("accepts {word}")).at(&file.path, entry.line));
        }
    }
    if conf.get("modules", "pptp").is_none() {
        return;
    }
    match conf.get("ppp", "mppe") {
        Some(entry) if entry.value == "require" => {}
        Some(entry) => report.add(
            Check::new(&MPPE, format!("mppe={}: sessions may be unencrypted", entry.value)).at(&file.path, entry.line),
        ),
        None => report.add(Check::new(&MPPE, "no mppe=require: sessions may be unencrypted").file(&file.path)),
    }
}

fn cli(file: &ConfigFile, conf: &Ini, report: &mut Report) {
    let password = conf.get("cli", "password").is_some_and(|entry| !entry.value.is_empty());
    for key in ["telnet", "tcp"] {
        let Some(entry) = conf.get("cli", key) else { continue };
        let address = entry.value.rsplit_once(':').map_or("", |(address, _)| address);
        if address.starts_with("127.") || address == "localhost" || address == "[::1]" {
            continue;
        }
        let check = Check::new(
            &CLI,
            format!(
                "{key} listens on {}",
                if address.is_empty() { "every address" } else { address }
            ),
        );
        let check = if password {
            check
        } else {
            check.severity(Severity::Critical)
        };
        report.add(check.at(&file.path, entry.line));
    }
}

fn verbose(file: &ConfigFile, conf: &Ini, report: &mut Report) {
    for (section, key, value) in [
        ("log", "level", "5"),
        ("ppp", "verbose", "1"),
        ("radius", "verbose", "1"),
    ] {
        if let Some(entry) = conf.get(section, key).filter(|entry| entry.value == value) {
            report.add(
                Check::new(
                    &VERBOSE,
                    format!("[{section}] {key}={value}: log-ins stand in the log in full"),
                )
                .at(&file.path, entry.line),
            );
        }
    }
}

/// `address,secret[,…]`, for dae-server `address:port,secret`.
fn radius(file: &ConfigFile, entry: &Entry, report: &mut Report) {
    let Some(secret) = entry.value.split(',').nth(1).map(str::trim) else {
        return;
    };
    let secret = Secret::new(secret);
    if secret.is_empty() || secret.is_common() {
        let check = Check::new(&SECRET, format!("{}: the secret is one that is tried first", entry.key));
        report.add(check.at(&file.path, entry.line).severity(Severity::Critical));
    } else if secret.chars() < RADIUS_SECRET_CHARS_MIN {
        let summary = format!(
            "{}: the secret has fewer than {RADIUS_SECRET_CHARS_MIN} characters",
            entry.key
        );
        report.add(Check::new(&SECRET, summary).at(&file.path, entry.line));
    }
}
