//! What a channel wants to know.

use std::collections::HashMap;

use tunlog_analysis::detect::{self, Finding};
use tunlog_model::{Attempt, FindingSeverity as Severity, SourceId};

use super::config::Only;
use super::notice::Kind;

/// Sources and gateways of each that are remembered.
const SOURCES_MAX: usize = 1024;
const GATEWAYS_MAX: usize = 16;

/// What one channel wants.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Findings at least this bad; none: no findings.
    least: Option<Severity>,
    rules: Vec<String>,
    except_rules: Vec<String>,
    sessions: Vec<Kind>,
    users: Vec<String>,
    gateways: Vec<String>,
}

impl Filter {
    /// Of the configuration.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn new(only: &Only) -> Result<Filter, (&'static str, String)> {
        let least = match only.severity.as_str() {
            "none" => None,
            word => Some(Severity::from_word(word).ok_or_else(|| {
                let why = format!("`{word}` is no severity: info, low, medium, high, critical, or none");
                ("severity", why)
            })?),
        };
        for (key, rules) in [("rules", &only.rules), ("except-rules", &only.except_rules)] {
            if let Some(unknown) = rules.iter().find(|rule| detect::rule(rule).is_none()) {
                return Err((key, format!("there is no rule `{unknown}`")));
            }
        }
        let kind = |word: &String| match word.as_str() {
            "connected" => Ok(Kind::Connected),
            "disconnected" => Ok(Kind::Disconnected),
            "failed" => Ok(Kind::Failed),
            _ => Err(("sessions", format!("`{word}`: connected, disconnected or failed"))),
        };
        Ok(Filter {
            least,
            rules: only.rules.clone(),
            except_rules: only.except_rules.clone(),
            sessions: only.sessions.iter().map(kind).collect::<Result<_, _>>()?,
            users: only.users.clone(),
            gateways: only.gateways.clone(),
        })
    }

    /// Whether it wants a finding.
    pub fn wants_finding(&self, finding: &Finding, seen: &Gateways) -> bool {
        let named = |rules: &[String]| rules.iter().any(|rule| rule == finding.rule);
        self.least.is_some_and(|least| finding.severity >= least)
            && (self.rules.is_empty() || named(&self.rules))
            && !named(&self.except_rules)
            && (self.gateways.is_empty() || seen.may_concern(finding, &self.gateways))
    }

    /// Whether it wants to know what a user did.
    pub fn wants_session(&self, kind: Kind, attempt: &Attempt) -> bool {
        let user = attempt.user.as_deref().unwrap_or_default();
        let gateway = attempt.gateway.as_deref().unwrap_or_default();
        self.sessions.contains(&kind)
            && (self.users.is_empty() || self.users.iter().any(|pattern| matches(pattern, user)))
            && (self.gateways.is_empty() || self.gateways.iter().any(|pattern| matches(pattern, gateway)))
    }

    /// Whether it asks for sessions of any kind.
    pub fn wants_sessions(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// Whether it asks which gateway it is.
    pub fn wants_gateways(&self) -> bool {
        !self.gateways.is_empty()
    }
}

/// Whether a pattern with `*` is a text. Takes time by the product of their lengths at worst, and patterns are ours.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(part) = last.replace(part) {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
    }
    match last {
        Some(part) => rest.ends_with(part),
        None => rest.is_empty(),
    }
}

/// Which gateways were seen in which source. A finding does not say which gateway it is about, but where its evidence stands.
#[derive(Debug, Default)]
pub struct Gateways(HashMap<SourceId, Vec<Box<str>>>);

impl Gateways {
    /// Takes in where an attempt at a gateway is told.
    pub fn learn(&mut self, attempt: &Attempt) {
        let Some(gateway) = attempt.gateway.as_deref() else {
            return;
        };
        for line in &attempt.evidence {
            if self.0.len() >= SOURCES_MAX && !self.0.contains_key(&line.source) {
                continue;
            }
            let known = self.0.entry(line.source).or_default();
            if known.len() < GATEWAYS_MAX && !known.iter().any(|name| **name == *gateway) {
                known.push(gateway.into());
            }
        }
    }

    fn may_concern(&self, finding: &Finding, patterns: &[String]) -> bool {
        let mut known = finding
            .evidence
            .iter()
            .filter_map(|line| self.0.get(&line.source))
            .flatten()
            .peekable();
        // better told once too often than never
        known.peek().is_none() || known.any(|name| patterns.iter().any(|pattern| matches(pattern, name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, truth) in [
            ("alice", "alice", true),
            ("alice", "alice2", false),
            ("*", "", true),
            ("adm*", "admin", true),
            ("*@example.net", "a@example.net", true),
            ("*@example.net", "a@example.net.evil", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "acb", false),
            ("a**", "a", true),
            ("ab*b", "ab", false),
        ] {
            assert_eq!(matches(pattern, text), truth, "{pattern} {text}");
        }
    }

    #[test]
    fn what_does_not_exist_is_named() {
        let wrong = |change: fn(&mut Only)| {
            let mut only = Only::default();
            change(&mut only);
            Filter::new(&only).map(drop).expect_err("wrong").1
        };
        assert!(wrong(|only| only.severity = "bad".to_owned()).contains("`bad` is no severity"));
        assert!(wrong(|only| only.rules.push("brute-farce".to_owned())).contains("no rule `brute-farce`"));
        assert!(wrong(|only| only.sessions.push("up".to_owned())).contains("`up`"));
    }
}
