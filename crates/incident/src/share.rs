//! What STIX and MISP have in common: who attacked whom how often, names that the same case gives again, JSON that harms nobody.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;
use tunlog_model::text;
use uuid::Uuid;

use crate::found;

/// Pairs of address and account that are shared one by one.
const PAIRS_MAX: usize = 2_000;

/// Attempts from one address.
#[derive(Clone, Debug, Default)]
pub struct FromAddress {
    /// All.
    pub attempts: u64,
    /// Those that were refused.
    pub failures: u64,
    /// First and last, microseconds UTC.
    pub span: Option<(i64, i64)>,
    /// Refusals by account.
    pub users: BTreeMap<String, u64>,
}

/// Attempts of the attackers by address, from the rows of `attempts.jsonl`.
pub fn by_address(attempts: &str) -> BTreeMap<IpAddr, FromAddress> {
    let mut all: BTreeMap<IpAddr, FromAddress> = BTreeMap::new();
    let mut pairs = 0;
    for row in attempts
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
    {
        let get = |key: &str| found::text(&row, key);
        let hostile = matches!(get("role").as_deref(), Some("attacker" | "compromised-source"));
        let Some(ip) = get("client_ip")
            .and_then(|text| text.parse::<IpAddr>().ok())
            .filter(|_| hostile)
        else {
            continue;
        };
        let times = row.get("times").and_then(Value::as_u64).unwrap_or(1);
        let started = get("started").and_then(|text| found::time(&text));
        let ended = get("ended").and_then(|text| found::time(&text)).or(started);
        let from = all.entry(ip).or_default();
        from.attempts += times;
        if let (Some(started), Some(ended)) = (started, ended) {
            let (first, last) = from.span.unwrap_or((started, ended));
            from.span = Some((first.min(started), last.max(ended)));
        }
        if get("outcome").as_deref() != Some("failed") {
            continue;
        }
        from.failures += times;
        if let Some(user) = get("user")
            && (from.users.contains_key(&user) || pairs < PAIRS_MAX)
        {
            pairs += usize::from(!from.users.contains_key(&user));
            *from.users.entry(user).or_default() += times;
        }
    }
    all
}

/// A name of our own: the same words give the same one (RFC 9562, version 5).
pub fn name(words: &str) -> Uuid {
    // of the name space of URLs: the words are those of a URN of ours
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("urn:tunlog:incident:{words}").as_bytes())
}

/// Names of techniques of MITRE ATT&CK (Enterprise, v18) that rules speak of.
const TECHNIQUES: &[(&str, &str)] = &[
    ("T1021", "Remote Services"),
    ("T1040", "Network Sniffing"),
    ("T1048", "Exfiltration Over Alternative Protocol"),
    ("T1070", "Indicator Removal"),
    ("T1070.002", "Clear Linux or Mac System Logs"),
    ("T1078", "Valid Accounts"),
    ("T1110", "Brute Force"),
    ("T1110.001", "Password Guessing"),
    ("T1110.003", "Password Spraying"),
    ("T1110.004", "Credential Stuffing"),
    ("T1133", "External Remote Services"),
    ("T1190", "Exploit Public-Facing Application"),
    ("T1499.002", "Service Exhaustion Flood"),
    ("T1562.006", "Indicator Blocking"),
    ("T1562.010", "Downgrade Attack"),
    ("T1565.001", "Stored Data Manipulation"),
    ("T1589.001", "Credentials"),
    ("T1600.001", "Reduce Key Space"),
];

/// The name of a technique; its id where it is not known.
pub fn technique(id: &str) -> &str {
    TECHNIQUES
        .iter()
        .find(|(known, _)| *known == id)
        .map_or(id, |(_, name)| name)
}

/// Where a technique is described.
pub fn technique_url(id: &str) -> String {
    format!("https://attack.mitre.org/techniques/{}", id.replace('.', "/"))
}

/// JSON as text; what could deceive whoever looks at it is `\uXXXX`.
pub fn json(value: &Value) -> String {
    let plain = format!("{value:#}\n");
    let mut out = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            // layout: in texts these are escaped already
            '\n' => out.push(c),
            // characters beyond the basic plane are none of the harmful ones
            c if text::is_harmful(c) => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_counted_by_address() {
        let rows = [
            r#"{"type":"attempt","role":"attacker","client_ip":"203.0.113.9","user":"a","outcome":"failed","started":"2026-11-20T10:00:00Z","times":3}"#,
            r#"{"type":"attempt","role":"attacker","client_ip":"203.0.113.9","user":"b","outcome":"established","started":"2026-11-20T09:00:00Z","ended":"2026-11-20T11:00:00Z"}"#,
            r#"{"type":"attempt","client_ip":"203.0.113.8","user":"b","outcome":"failed","started":"2026-11-20T09:00:00Z"}"#,
            "nonsense",
        ];
        let all = by_address(&rows.join("\n"));
        assert_eq!(all.len(), 1);
        let from = &all[&"203.0.113.9".parse::<IpAddr>().expect("ip")];
        assert_eq!((from.attempts, from.failures, from.users["a"]), (4, 3, 3));
        assert_eq!(from.span.map(|(first, last)| (last - first) / 1_000_000), Some(7200));
    }

    #[test]
    fn json_harms_nobody_and_says_the_same() {
        let value = serde_json::json!({"a": "x\u{202e}\u{7f}\n\u{9b}\"🦀"});
        let text = json(&value);
        assert!(!text.chars().any(|c| c != '\n' && text::is_harmful(c)), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(value));
    }
}
