//! What a request asks for: its query, key by key. A key that is not known is an error, not a silence: a filter that was mistyped
//! would show everything.

use jiff::tz::TimeZone;
use tunlog_model::{FindingSeverity, Outcome};
use tunlog_report::when;
use tunlog_store::history::{AttemptQuery, FindingQuery};

use super::pattern::Pattern;

/// Rows of a page unless more are asked for.
const LIMIT_DEFAULT: u32 = 100;
/// Most rows of a page.
pub const LIMIT_MAX: u32 = 1000;

/// What is asked for; everything that is given must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Which attempts; of findings the same times, user and address.
    pub attempts: AttemptQuery,
    /// Of this rule.
    pub rule: Option<String>,
    /// At least this bad.
    pub severity: Option<FindingSeverity>,
    /// With this in what they say.
    pub patterns: Vec<Pattern>,
    /// Rows of a page.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl Default for Question {
    fn default() -> Question {
        Question {
            attempts: AttemptQuery::default(),
            rule: None,
            severity: None,
            patterns: Vec::new(),
            limit: LIMIT_DEFAULT,
            cursor: None,
        }
    }
}

impl Question {
    /// Which findings.
    pub fn findings(&self) -> FindingQuery {
        FindingQuery {
            since: self.attempts.since,
            until: self.attempts.until,
            user: self.attempts.user.clone(),
            ip: self.attempts.ip,
            rule: self.rule.clone(),
            severity: self.severity,
        }
    }
}

/// A key of a query, for reading and for the OpenAPI document.
#[derive(Debug)]
pub struct Parameter {
    /// The key.
    pub key: &'static str,
    /// What it means.
    pub doc: &'static str,
    read: fn(&mut Question, &str, i64) -> Result<(), String>,
}

const SINCE: Parameter = Parameter {
    key: "since",
    doc: "Nothing that was over before this time: RFC 3339, a date, `-2h`, `yesterday` (UTC).",
    read: |question, value, now| time(value, now).map(|time| question.attempts.since = Some(time)),
};
const UNTIL: Parameter = Parameter {
    key: "until",
    doc: "Nothing that began after this time.",
    read: |question, value, now| time(value, now).map(|time| question.attempts.until = Some(time)),
};
const USER: Parameter = Parameter {
    key: "user",
    doc: "The name exactly as the client gave it; empty for the empty name.",
    read: |question, value, _| {
        question.attempts.user = Some(value.to_owned());
        Ok(())
    },
};
const IP: Parameter = Parameter {
    key: "ip",
    doc: "The client's address, outside or inside the tunnel.",
    read: |question, value, _| {
        let ip = value.parse().map_err(|_| format!("`{value}` is no address"))?;
        question.attempts.ip = Some(ip);
        Ok(())
    },
};
const GATEWAY: Parameter = Parameter {
    key: "gateway",
    doc: "The host that is the gateway.",
    read: |question, value, _| {
        question.attempts.gateway = Some(value.to_owned());
        Ok(())
    },
};
const OUTCOME: Parameter = Parameter {
    key: "outcome",
    doc: "established, open, failed or unfinished.",
    read: |question, value, _| {
        let words = || words(Outcome::ALL.iter().map(|(_, word)| *word));
        let outcome = Outcome::from_word(value).ok_or_else(|| format!("`{value}` is none of {}", words()))?;
        question.attempts.outcome = Some(outcome);
        Ok(())
    },
};
const CAUSE: Parameter = Parameter {
    key: "cause",
    doc: "Why it failed, in the contract's words.",
    read: |question, value, _| {
        if tunlog_decode::codes::of("cause", value).is_none() {
            return Err(format!(
                "`{value}` is no cause; `tunlog explain --list cause` names them"
            ));
        }
        question.attempts.cause = Some(value.to_owned());
        Ok(())
    },
};
const RULE: Parameter = Parameter {
    key: "rule",
    doc: "The rule's name.",
    read: |question, value, _| {
        // rules of the user's own (Sigma) have names that are not known here
        question.rule = Some(value.to_owned());
        Ok(())
    },
};
const SEVERITY: Parameter = Parameter {
    key: "severity",
    doc: "At least this bad: info, low, medium, high or critical.",
    read: |question, value, _| {
        let words = || words(FindingSeverity::ALL.iter().map(|(_, word)| *word));
        let severity = FindingSeverity::from_word(value).ok_or_else(|| format!("`{value}` is none of {}", words()))?;
        question.severity = Some(severity);
        Ok(())
    },
};
const TEXT: Parameter = Parameter {
    key: "q",
    doc: "A text that one of the values holds, in large or small letters.",
    read: |question, value, _| {
        question.patterns.push(Pattern::of_text(value)?);
        Ok(())
    },
};
const PATTERN: Parameter = Parameter {
    key: "re",
    doc: "A regular expression that fits somewhere in one of the values (syntax of Rust's `regex`; linear time).",
    read: |question, value, _| {
        question.patterns.push(Pattern::of_expression(value)?);
        Ok(())
    },
};
const LIMIT: Parameter = Parameter {
    key: "limit",
    doc: "Rows of the page, 1 to 1000; 100 unless given.",
    read: |question, value, _| {
        question.limit = value
            .parse()
            .ok()
            .filter(|limit| (1..=LIMIT_MAX).contains(limit))
            .ok_or_else(|| format!("`{value}` is no number from 1 to {LIMIT_MAX}"))?;
        Ok(())
    },
};
const CURSOR: Parameter = Parameter {
    key: "cursor",
    doc: "`next` of the page before, as it was given.",
    read: |question, value, _| {
        question.cursor = Some(value.to_owned());
        Ok(())
    },
};

/// What attempts and sessions may be asked for with.
pub const ATTEMPTS: &[Parameter] = &[SINCE, UNTIL, USER, IP, GATEWAY, OUTCOME, CAUSE, LIMIT, CURSOR];
/// What attempts may be searched with.
pub const SEARCH: &[Parameter] = &[
    TEXT, PATTERN, SINCE, UNTIL, USER, IP, GATEWAY, OUTCOME, CAUSE, LIMIT, CURSOR,
];
/// What records may be asked for with.
pub const RECORDS: &[Parameter] = &[TEXT, PATTERN, SINCE, UNTIL, GATEWAY, LIMIT, CURSOR];
/// What clients may be asked for with.
pub const CLIENTS: &[Parameter] = &[SINCE, UNTIL, USER, IP, GATEWAY, LIMIT, CURSOR];
/// What findings may be asked for with.
pub const FINDINGS: &[Parameter] = &[SINCE, UNTIL, USER, IP, RULE, SEVERITY, LIMIT, CURSOR];

/// Reads a query, decoded, by the keys that it may have. `now`: the present, microseconds UTC.
///
/// # Errors
/// The key that is wrong, and why.
pub fn read(pairs: &[(String, String)], keys: &[Parameter], now: i64) -> Result<Question, String> {
    let mut question = Question::default();
    for (at, (key, value)) in pairs.iter().enumerate() {
        let Some(parameter) = keys.iter().find(|parameter| parameter.key == key) else {
            return Err(format!(
                "`{key}` is none of {}",
                words(keys.iter().map(|parameter| parameter.key))
            ));
        };
        if pairs[..at].iter().any(|(other, _)| other == key) {
            return Err(format!("`{key}` is there twice"));
        }
        (parameter.read)(&mut question, value, now).map_err(|why| format!("{key}: {why}"))?;
    }
    Ok(question)
}

fn time(value: &str, now: i64) -> Result<i64, String> {
    // `+1h` alike; by itself ` 1h` would be an hour ago
    let value = value
        .strip_prefix(' ')
        .map_or(value.to_owned(), |rest| format!("+{rest}"));
    when::parse(&value, now, &TimeZone::UTC)
        // in a query `+02:00` reads as ` 02:00` where the sign was not written as %2B
        .or_else(|why| when::parse(&value.replace(' ', "+"), now, &TimeZone::UTC).map_err(|_| why))
}

fn words<'a>(all: impl Iterator<Item = &'a str>) -> String {
    all.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)], keys: &[Parameter]) -> Result<Question, String> {
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        read(&pairs, keys, 1_795_176_000_000_000)
    }

    #[test]
    fn what_is_understood() {
        let question = asked(
            &[
                ("since", "2026-11-20T09:30:00 02:00"),
                ("until", "-1h"),
                ("ip", "192.0.2.1"),
                ("user", ""),
                ("outcome", "failed"),
                ("cause", "gre-blocked"),
                ("limit", "1000"),
            ],
            ATTEMPTS,
        )
        .expect("a question");
        assert_eq!(question.attempts.since, Some(1_795_159_800_000_000));
        assert_eq!(question.attempts.until, Some(1_795_172_400_000_000));
        assert_eq!(question.attempts.user.as_deref(), Some(""));
        assert_eq!(question.limit, 1000);
    }

    #[test]
    fn what_is_refused() {
        for (pairs, keys, why) in [
            (&[("usr", "x")][..], ATTEMPTS, "`usr` is none of since"),
            (&[("rule", "x")], ATTEMPTS, "`rule` is none of"),
            (&[("outcome", "x")], FINDINGS, "`outcome` is none of"),
            (&[("user", "a"), ("user", "b")], ATTEMPTS, "`user` is there twice"),
            (&[("limit", "0")], ATTEMPTS, "limit: `0`"),
            (&[("limit", "1001")], ATTEMPTS, "limit: `1001`"),
            (&[("limit", "-1")], ATTEMPTS, "limit: `-1`"),
            (&[("ip", "1")], CLIENTS, "ip: `1` is no address"),
            (&[("severity", "bad")], FINDINGS, "severity: `bad` is none of info"),
            (&[("cause", "bad")], ATTEMPTS, "cause: `bad` is no cause"),
            (&[("since", "sometimes")], ATTEMPTS, "since: `sometimes` is no time"),
        ] {
            let error = asked(pairs, keys).expect_err("refused");
            assert!(error.starts_with(why), "{error}");
        }
    }
}
