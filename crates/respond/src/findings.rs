//! Findings of `tunlog detect -o jsonl` as they are handed on: whom they accuse.

use serde_json::Value;

use crate::Prefix;

/// Severities that sound an alarm (CONTRACT §3).
const ALARMS: &[&str] = &["medium", "high", "critical"];

/// Sources of one finding that are read.
const SOURCES_MAX: usize = 10_000;

/// Whom a finding accuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offender {
    /// From where.
    pub prefix: Prefix,
    /// The rule that found it.
    pub rule: String,
    /// No socket reported the address: a peer said so.
    pub claimed: bool,
}

/// What a line of findings comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindingLine {
    /// An attack, and from where.
    Attack(Vec<Offender>),
    /// A finding that accuses nobody: its rule and severity.
    NoAttack(String),
}

impl FindingLine {
    /// Reads a line; `accuses`: whether the findings of a rule name somebody who attacks. The others tell of the gateway's own state,
    /// of a user's forgotten phone, or of an account that is in danger: its owner's address is no attacker's.
    ///
    /// # Errors
    /// If it is no finding, or names a source that is no address.
    pub fn of(line: &str, accuses: &dyn Fn(&str) -> bool) -> Result<FindingLine, String> {
        let value: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let field = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        if field("type") != "finding" {
            return Err("is no finding of `tunlog detect -o jsonl`".to_owned());
        }
        let rule = field("rule");
        if !(accuses(rule) && ALARMS.contains(&field("severity"))) {
            return Ok(FindingLine::NoAttack(format!("{} ({})", rule, field("severity"))));
        }
        let claimed = value.get("claimed").and_then(Value::as_bool).unwrap_or(false);
        let sources = value.get("sources").and_then(Value::as_array);
        let mut offenders = Vec::new();
        for source in sources.into_iter().flatten().take(SOURCES_MAX) {
            offenders.push(Offender {
                prefix: source.as_str().unwrap_or_default().parse()?,
                rule: rule.to_owned(),
                claimed,
            });
        }
        Ok(FindingLine::Attack(offenders))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_attacks_accuse() {
        let of = |rule: &str, severity: &str| {
            let line = format!(
                r#"{{"type":"finding","rule":"{rule}","severity":"{severity}","sources":["198.51.100.7","198.51.100.0/24"],"users":["192.0.2.10"]}}"#
            );
            FindingLine::of(&line, &|rule| rule == "brute-force").expect("a finding")
        };
        let FindingLine::Attack(found) = of("brute-force", "high") else {
            panic!("an attack")
        };
        let found: Vec<String> = found.iter().map(|one| one.prefix.to_string()).collect();
        assert_eq!(found, ["198.51.100.7", "198.51.100.0/24"]);
        for (rule, severity) in [
            ("brute-force", "low"),
            ("stale-password", "info"),
            ("stale-password", "high"),
            ("backend-outage", "medium"),
            ("concurrent-sessions", "high"),
            ("unheard-of", "high"),
        ] {
            assert!(matches!(of(rule, severity), FindingLine::NoAttack(_)), "{rule}");
        }
    }

    #[test]
    fn a_source_that_is_no_address_spoils_the_line() {
        for (line, words) in [
            ("nonsense", "expected"),
            (r#"{"type":"attempt"}"#, "no finding"),
            (
                r#"{"type":"finding","rule":"brute-force","severity":"high","sources":["$(touch x)"]}"#,
                "is no address",
            ),
        ] {
            let told = FindingLine::of(line, &|rule| rule == "brute-force").expect_err(line);
            assert!(told.contains(words), "{told}");
        }
    }
}
