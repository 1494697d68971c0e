//! Findings as `tunlog detect -o jsonl` prints them, read back.

use std::net::IpAddr;

use serde_json::Value;
use tunlog_analysis::detect::{self, Nature, Network, Severity};

use crate::network;

/// Most findings that an incident begins with.
pub const FINDINGS_MAX: usize = 10_000;
/// Most bytes of one finding: evidence of a dozen long lines.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// The nature of a rule.
pub fn nature(rule: &str) -> Nature {
    detect::rule(rule).map_or(Nature::NoAttack, |rule| rule.nature)
}

/// An account that was got into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The account.
    pub user: String,
    /// From where.
    pub client_ip: Option<IpAddr>,
    /// When, microseconds UTC.
    pub time: i64,
}

/// A finding.
#[derive(Clone, Debug)]
pub struct Found {
    /// The rule's name.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// ATT&CK techniques.
    pub techniques: Vec<String>,
    /// Where it came from.
    pub sources: Vec<Network>,
    /// The sources are what a peer claims.
    pub claimed: bool,
    /// Names that were tried or are concerned.
    pub users: Vec<String>,
    /// First attempt, microseconds UTC.
    pub first: i64,
    /// Last attempt until the alarm.
    pub last: i64,
    /// Attempts until the alarm.
    pub attempts: u64,
    /// Accounts that were got into.
    pub succeeded: Vec<Taken>,
    /// When it was known.
    pub alarm_time: i64,
    /// In words.
    pub summary: String,
    /// The row as it was printed, without its newline.
    pub line: String,
}

impl Found {
    /// Reads a row.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(line: &str) -> Result<Found, String> {
        if line.len() > LINE_BYTES_MAX {
            return Err("is longer than a finding can be".to_owned());
        }
        if line.chars().any(tunlog_model::text::is_harmful) {
            return Err("holds control characters: not as `tunlog detect -o jsonl` prints it".to_owned());
        }
        let row: Value = serde_json::from_str(line).map_err(|_| "is no JSON".to_owned())?;
        if text(&row, "type").as_deref() != Some("finding") {
            return Err("is no finding: `tunlog detect -o jsonl` prints them".to_owned());
        }
        let need = |key: &str| text(&row, key).ok_or_else(|| format!("has no `{key}`"));
        let when = |key: &str| need(key).and_then(|text| time(&text).ok_or_else(|| format!("`{key}` is no time")));
        let rule = need("rule")?;
        if detect::rule(&rule).is_none() {
            return Err(format!("there is no rule `{rule}`"));
        }
        let severity = need("severity")?;
        let severity = Severity::from_word(&severity).ok_or("`severity` is none".to_owned())?;
        let alarm_time = when("alarm_time")?;
        let sources = texts(&row, "sources")
            .iter()
            .map(|text| network::parse(text))
            .collect::<Result<_, _>>()?;
        Ok(Found {
            rule,
            severity,
            techniques: texts(&row, "techniques")
                .into_iter()
                .filter(|id| is_technique(id))
                .collect(),
            sources,
            claimed: row.get("claimed") == Some(&Value::Bool(true)),
            users: texts(&row, "users"),
            first: when("first").unwrap_or(alarm_time),
            last: when("last").unwrap_or(alarm_time),
            attempts: row.get("attempts").and_then(Value::as_u64).unwrap_or(0),
            succeeded: taken(&row),
            alarm_time,
            summary: text(&row, "summary").unwrap_or_default(),
            line: line.to_owned(),
        })
    }

    /// Whether it names a user.
    pub fn names_user(&self, user: &str) -> bool {
        self.users.iter().any(|name| name == user) || self.succeeded.iter().any(|taken| taken.user == user)
    }

    /// Whether it names an address.
    pub fn names_ip(&self, ip: IpAddr) -> bool {
        self.sources.iter().any(|source| source.contains(ip))
    }
}

/// `T1110.003`: what may become part of a link.
fn is_technique(id: &str) -> bool {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(rest) = id.strip_prefix('T') else { return false };
    match rest.split_once('.') {
        None => digits(rest, 4),
        Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
    }
}

pub(crate) fn text(row: &Value, key: &str) -> Option<String> {
    row.get(key)?.as_str().map(str::to_owned)
}

fn texts(row: &Value, key: &str) -> Vec<String> {
    let list = row.get(key).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}

fn taken(row: &Value) -> Vec<Taken> {
    let list = row.get("succeeded").and_then(Value::as_array);
    let taken = |value: &Value| {
        Some(Taken {
            user: text(value, "user")?,
            client_ip: text(value, "client_ip").and_then(|text| text.parse().ok()),
            time: time(&text(value, "time")?)?,
        })
    };
    list.into_iter().flatten().filter_map(taken).collect()
}

/// Microseconds UTC of RFC 3339.
pub fn time(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(|time| time.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"type":"finding","rule":"brute-force","severity":"high","techniques":["T1110.001","x"],"sources":["203.0.113.9","198.51.100.0/24"],"users":["anna"],"first":"2026-11-20T10:00:00Z","last":"2026-11-20T10:05:00Z","attempts":20,"succeeded":[{"user":"anna","client_ip":"203.0.113.9","time":"2026-11-20T10:04:00Z"}],"alarm_time":"2026-11-20T10:05:00Z","summary":"s"}"#;

    #[test]
    fn a_row_of_detect_is_read() {
        let found = Found::parse(ROW).expect("a finding");
        assert_eq!(found.techniques, ["T1110.001"]);
        assert!(
            found.names_ip("198.51.100.7".parse().expect("ip")) && !found.names_ip("198.51.101.7".parse().expect("ip"))
        );
        assert_eq!(found.succeeded[0].user, "anna");
        assert_eq!(found.last - found.first, 300_000_000);
    }

    #[test]
    fn what_is_none_says_why() {
        for (line, why) in [
            ("", "no JSON"),
            ("{\"type\":\"attempt\"}", "no finding"),
            (&ROW.replace("brute-force", "brute-farce"), "no rule"),
            (&ROW.replace("\"alarm_time\":\"2026", "\"alarm_time\":\"x"), "no time"),
            (&ROW.replace("203.0.113.9\",\"198", "$(reboot)\",\"198"), "no address"),
            (&ROW.replace("\"anna\"]", "\"a\u{202e}b\"]"), "control characters"),
        ] {
            let error = Found::parse(line).expect_err(line);
            assert!(error.contains(why), "{error}");
        }
    }
}
