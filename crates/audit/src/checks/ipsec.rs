//! IPsec: algorithms, aggressive mode, shared keys, keys in logs.

use crate::parse::brace::{self, Node};
use crate::parse::ipsec::{IpsecConf, SECTIONS_MAX, SharedKey, shared_keys};
use crate::{Check, ConfigFile, Family, Kind, Report, Rule, Secret, Setup, Severity};

/// The family.
pub const FAMILY: Family = Family {
    name: "ipsec",
    title: "IPsec: strongSwan and Libreswan",
    rules: &[WEAK, NO_ENCRYPTION, AGGRESSIVE, ANYBODY, SHORT, GUESSABLE, LOGGED],
    run,
};

const WEAK: Rule = Rule {
    id: "ipsec-weak-algorithm",
    severity: Severity::High,
    title: "Weak algorithms are offered",
    finds: "`ike`, `esp`, `phase2alg`, `ah` of ipsec.conf, `proposals`, `esp_proposals`, `ah_proposals` of swanctl.conf with DES, MD5, MODP-768, MODP-1024 or DH group 22 (high), 3DES, Blowfish, CAST, MODP-1536 or DH groups 23 and 24 (medium).",
    why: "The peer, or whoever sits between, chooses the weakest of what is offered; groups of 1024 bits are within reach of a state, DES and MD5 of anybody.",
    wrong: "Clients that can do nothing else: Windows up to 8.1 and old phones with L2TP.",
    action: "Write `ike=aes256-sha256-modp2048` and `esp=aes256-sha256`, or longer; Windows 10 and later, Apple and Android can do these.",
    reference: "RFC 8247 §2 (IKE) and RFC 8221 §5, §6 (ESP): https://www.rfc-editor.org/rfc/rfc8247",
};

const NO_ENCRYPTION: Rule = Rule {
    id: "ipsec-null-encryption",
    severity: Severity::Critical,
    title: "IPsec without encryption is offered",
    finds: "`null` as the cipher of `esp`, `phase2alg` or `esp_proposals`; `ah`, `phase2=ah` or `ah_proposals`.",
    why: "The traffic is signed, and everybody on the way can read it.",
    wrong: "L2TP is encrypted by something else.",
    action: "Write `esp=aes256-sha256`.",
    reference: "RFC 8221 §5 (ENCR_NULL): https://www.rfc-editor.org/rfc/rfc8221",
};

const AGGRESSIVE: Rule = Rule {
    id: "ipsec-aggressive-mode",
    severity: Severity::High,
    title: "Aggressive mode with a shared key",
    finds: "`aggressive = yes` (`aggrmode`) of a connection that does not authenticate by certificates alone; strongSwan's `i_dont_care_about_security_and_use_aggressive_mode_psk = yes`.",
    why: "The gateway sends a hash made of the shared key to whoever asks, before the other side has proved anything: the key is then guessed without the gateway.",
    wrong: "Never with a shared key.",
    action: "Remove `aggressive`; use main mode, or IKEv2.",
    reference: "strongSwan, strongswan.conf, charon.i_dont_care_about_security_and_use_aggressive_mode_psk: https://docs.strongswan.org/docs/latest/config/strongswanConf.html",
};

const ANYBODY: Rule = Rule {
    id: "ipsec-psk-any",
    severity: Severity::Medium,
    title: "One shared key for everybody",
    finds: "A PSK whose selectors are empty, `%any`, `0.0.0.0` or `::`; in swanctl.conf an `ike` secret without an id.",
    why: "Every user has it, and everybody who ever had it can play the gateway to the others and then take their log-ins.",
    wrong: "There is one peer only.",
    action: "Give clients certificates, or move them to IKEv2 with EAP; at least change the key when somebody leaves.",
    reference: "RFC 3193 §5.1 and ipsec.secrets(5): https://www.rfc-editor.org/rfc/rfc3193",
};

const SHORT: Rule = Rule {
    id: "ipsec-psk-short",
    severity: Severity::Medium,
    title: "A short shared key",
    finds: "A PSK of fewer than 20 characters; fewer than 12: high.",
    why: "Who records one exchange as a false gateway, or asks in aggressive mode, tries keys without the gateway noticing.",
    wrong: "Never: nobody has to type it twice.",
    action: "Generate one of 32 characters: openssl rand -base64 24.",
    reference: "RFC 7296 §2.15: https://www.rfc-editor.org/rfc/rfc7296",
};

const GUESSABLE: Rule = Rule {
    id: "ipsec-psk-guessable",
    severity: Severity::Critical,
    title: "A shared key that is tried first",
    finds: "A PSK that is empty, one repeated character, or stands in every list of common passwords or in guides.",
    why: "A handful of tries is enough.",
    wrong: "Never.",
    action: "Generate one of 32 characters: openssl rand -base64 24.",
    reference: "RFC 7296 §2.15: https://www.rfc-editor.org/rfc/rfc7296",
};

const LOGGED: Rule = Rule {
    id: "ipsec-secrets-logged",
    severity: Severity::High,
    title: "Keys are written to the log",
    finds: "strongSwan: a log level of 4 (`charondebug` or a file or syslog section of strongswan.conf). Libreswan: `plutodebug` with `private` or `crypt`.",
    why: "Level 4 includes keys and secrets: who reads the log reads the traffic.",
    wrong: "While a fault is looked for, with keys that are changed afterwards.",
    action: "Write level 1, or 2 for a time; remove `plutodebug`.",
    reference: "strongSwan, logger configuration (level 4: \"also include sensitive material in dumps, e.g. keys\"): https://docs.strongswan.org/docs/latest/config/logging.html",
};

/// Fewer characters can be tried without the gateway in little time.
const PSK_CHARS_MIN: usize = 20;
const PSK_CHARS_BAD: usize = 12;

fn run(setup: &Setup<'_>, report: &mut Report) {
    for file in setup.of(Kind::IpsecConf) {
        conf(file, report);
    }
    for file in setup.of(Kind::IpsecSecrets) {
        for key in shared_keys(&file.text).iter().filter(|key| key.kind == "PSK") {
            of_key(file, key, report);
        }
    }
    for file in setup.of(Kind::Swanctl) {
        brace::parse(&file.text).walk(&mut |node| swanctl(file, node, report));
    }
    for file in setup.of(Kind::Strongswan) {
        brace::parse(&file.text).walk(&mut |node| strongswan(file, node, report));
    }
}

fn conf(file: &ConfigFile, report: &mut Report) {
    let conf = IpsecConf::parse(&file.text);
    if conf.is_cut {
        let words = format!(
            "{}: more than {SECTIONS_MAX} sections: the rest was not looked at",
            file.path
        );
        report.notes.push(words);
    }
    for section in &conf.sections {
        for parameter in &section.parameters {
            let (key, value) = (parameter.key.as_str(), parameter.value.as_str());
            match key {
                "ike" | "esp" | "phase2alg" | "ah" => algorithms(file, key, value, parameter.line, report),
                "phase2" if value == "ah" => algorithms(file, "ah", value, parameter.line, report),
                "charondebug" if value.split(',').any(|word| word.trim().ends_with(" 4")) => {
                    logged(file, parameter.line, report)
                }
                "plutodebug" if ["private", "crypt"].iter().any(|word| value.contains(word)) => {
                    logged(file, parameter.line, report)
                }
                _ => {}
            }
        }
    }
    for section in conf.connections() {
        let found = |key| conf.effective(section, key);
        let by_psk = ["authby", "leftauth", "rightauth"]
            .iter()
            .any(|key| found(key).is_some_and(|found| found.value.contains("secret") || found.value.contains("psk")));
        let by_default = ["authby", "leftauth", "rightauth"]
            .iter()
            .all(|key| found(key).is_none());
        if let Some(mode) = found("aggressive").or(found("aggrmode"))
            && matches!(mode.value.as_str(), "yes" | "true" | "1")
            && (by_psk || by_default)
        {
            let summary = format!(
                "connection {}: aggressive mode gives away a hash of the shared key",
                section.name
            );
            report.add(Check::new(&AGGRESSIVE, summary).at(&file.path, mode.line));
        }
    }
}

fn logged(file: &ConfigFile, line: u32, report: &mut Report) {
    report.add(Check::new(&LOGGED, "the log level includes keys").at(&file.path, line));
}

/// What is weak in a list of proposals; one check for each severity.
fn algorithms(file: &ConfigFile, key: &str, value: &str, line: u32, report: &mut Report) {
    let mut weak: Vec<(Severity, &str)> = Vec::new();
    let mut readable = key.starts_with("ah");
    for proposal in value
        .split([',', '!'])
        .map(str::trim)
        .filter(|proposal| !proposal.is_empty())
    {
        let words: Vec<String> = proposal
            .split(['-', ';', '+'])
            .map(|word| word.trim().to_ascii_lowercase())
            .collect();
        readable |= key != "ike"
            && key != "proposals"
            && words
                .first()
                .is_some_and(|word| word == "null" || word.starts_with("null_"));
        weak.extend(words.iter().filter_map(|word| weakness(word)));
    }
    weak.sort_unstable();
    weak.dedup();
    if readable {
        report.add(Check::new(&NO_ENCRYPTION, format!("{key}: nothing is encrypted")).at(&file.path, line));
    }
    for severity in [Severity::High, Severity::Medium] {
        let names: Vec<&str> = weak
            .iter()
            .filter(|(of, _)| *of == severity)
            .map(|(_, name)| *name)
            .collect();
        if !names.is_empty() {
            let summary = format!("{key} offers {}", names.join(", "));
            report.add(Check::new(&WEAK, summary).at(&file.path, line).severity(severity));
        }
    }
}

/// An algorithm by strongSwan's and Libreswan's names.
fn weakness(word: &str) -> Option<(Severity, &'static str)> {
    Some(match word {
        "des" => (Severity::High, "DES"),
        "md5" | "md5_128" | "prfmd5" | "hmac_md5" => (Severity::High, "MD5"),
        "modp768" | "dh1" => (Severity::High, "MODP-768"),
        "modp1024" | "dh2" => (Severity::High, "MODP-1024"),
        "dh22" | "modp1024s160" => (Severity::High, "DH group 22"),
        "3des" | "3des_cbc" => (Severity::Medium, "3DES"),
        "blowfish" | "blowfish128" | "blowfish192" | "blowfish256" => (Severity::Medium, "Blowfish"),
        "cast" | "cast128" => (Severity::Medium, "CAST"),
        "modp1536" | "dh5" => (Severity::Medium, "MODP-1536"),
        "dh23" | "modp2048s224" => (Severity::Medium, "DH group 23"),
        "dh24" | "modp2048s256" => (Severity::Medium, "DH group 24"),
        _ => return None,
    })
}

fn of_key(file: &ConfigFile, key: &SharedKey, report: &mut Report) {
    if key.is_for_anybody() {
        report.add(Check::new(&ANYBODY, "one shared key for every peer").at(&file.path, key.line));
    }
    if let Some(check) = key.secret.as_ref().and_then(strength) {
        report.add(check.at(&file.path, key.line));
    }
}

/// What a shared key is worth.
pub(super) fn strength(secret: &Secret) -> Option<Check> {
    if secret.is_empty() || secret.is_common() {
        return Some(Check::new(&GUESSABLE, "the shared key is one that is tried first"));
    }
    let severity = match secret.chars() {
        0..PSK_CHARS_BAD => Severity::High,
        PSK_CHARS_BAD..PSK_CHARS_MIN => Severity::Medium,
        _ => return None,
    };
    let less = if severity == Severity::High {
        PSK_CHARS_BAD
    } else {
        PSK_CHARS_MIN
    };
    Some(Check::new(&SHORT, format!("the shared key has fewer than {less} characters")).severity(severity))
}

fn swanctl(file: &ConfigFile, node: &Node, report: &mut Report) {
    let value = node.value.as_deref().unwrap_or_default();
    match node.key.as_str() {
        "proposals" | "esp_proposals" | "ah_proposals" => algorithms(file, &node.key, value, node.line, report),
        key if node.is_section && key.starts_with("ike") && node.value_of("secret").is_some() => {
            shared(file, node, report)
        }
        _ if node.is_section && node.value_of("aggressive").is_some_and(|value| value == "yes") => {
            let mut psk = false;
            node.walk(&mut |inner| {
                psk |= inner.key == "auth" && inner.value.as_deref().is_some_and(|value| value.contains("psk"))
            });
            if let Some(at) = node.get("aggressive").filter(|_| psk) {
                let summary = format!(
                    "connection {}: aggressive mode gives away a hash of the shared key",
                    node.key
                );
                report.add(Check::new(&AGGRESSIVE, summary).at(&file.path, at.line));
            }
        }
        _ => {}
    }
}

/// A section `ike…` of swanctl's `secrets`.
fn shared(file: &ConfigFile, node: &Node, report: &mut Report) {
    let any = !node
        .children
        .iter()
        .any(|child| child.key.starts_with("id") && child.value.as_deref().is_some_and(|id| !id.starts_with("%any")));
    if any {
        report.add(Check::new(&ANYBODY, "one shared key for every peer").at(&file.path, node.line));
    }
    // 0x… and 0s… are binary: as long as somebody made them
    let secret = |found: &Node| {
        let text = found.value.as_deref().unwrap_or_default();
        let is_text = !text.starts_with("0x") && !text.starts_with("0s");
        is_text.then(|| Secret::new(text))
    };
    if let Some(found) = node.get("secret")
        && let Some(check) = secret(found).as_ref().and_then(strength)
    {
        report.add(check.at(&file.path, found.line));
    }
}

fn strongswan(file: &ConfigFile, node: &Node, report: &mut Report) {
    let is_yes = matches!(node.value.as_deref(), Some("yes" | "true" | "1"));
    if node.key == "i_dont_care_about_security_and_use_aggressive_mode_psk" && is_yes {
        report
            .add(Check::new(&AGGRESSIVE, "charon answers aggressive mode with a shared key").at(&file.path, node.line));
    }
    if node.is_section && ["filelog", "syslog"].contains(&node.key.as_str()) {
        node.walk(&mut |inner| {
            if inner.value.as_deref() == Some("4") {
                logged(file, inner.line, report);
            }
        });
    }
}
