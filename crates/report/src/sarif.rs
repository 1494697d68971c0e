//! Checks as SARIF 2.1.0 (OASIS), for code scanning, IDEs and dashboards: one run, the rules with their texts, a result for each check.

use std::collections::BTreeMap;

use tunlog_audit::{Check, Exception, Rule, Severity};

use crate::json;

/// Where the schema lies (OASIS, errata 01).
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The log. `version` is ours; `rules` are those that were asked.
pub fn log(checks: &[Check], rules: &[&'static Rule], version: &str) -> Vec<u8> {
    let mut out = Writer::default();
    out.open('{');
    out.text("$schema", SCHEMA);
    out.text("version", "2.1.0");
    out.key("runs");
    out.open('[');
    out.open('{');
    out.key("tool");
    out.open('{');
    out.key("driver");
    out.open('{');
    out.text("name", "tunlog");
    out.text("version", version);
    out.text("semanticVersion", version);
    out.key("rules");
    out.open('[');
    for rule in rules {
        descriptor(rule, &mut out);
    }
    out.close(']');
    out.close('}');
    out.close('}');
    out.text("columnKind", "unicodeCodePoints");
    out.key("results");
    out.open('[');
    let mut alike = BTreeMap::new();
    for check in checks {
        let index = rules.iter().position(|rule| rule.id == check.id);
        result(check, index, &mut alike, &mut out);
    }
    out.close(']');
    out.close('}');
    out.close(']');
    out.close('}');
    out.bytes.push(b'\n');
    out.bytes
}

fn descriptor(rule: &Rule, out: &mut Writer) {
    out.open('{');
    out.text("id", rule.id);
    message("shortDescription", rule.title, out);
    message("fullDescription", rule.finds, out);
    out.key("help");
    out.open('{');
    out.text(
        "text",
        &format!(
            "{}\nWrong when: {}\nTo do: {}\nSee: {}",
            rule.why, rule.wrong, rule.action, rule.reference
        ),
    );
    out.text(
        "markdown",
        &format!(
            "{}\n\n**Wrong when:** {}\n\n**To do:** {}\n\n**See:** {}",
            rule.why, rule.wrong, rule.action, rule.reference
        ),
    );
    out.close('}');
    if let Some(address) = address(rule.reference) {
        out.text("helpUri", address);
    }
    out.key("defaultConfiguration");
    out.open('{');
    out.text("level", level(rule.severity));
    out.close('}');
    properties(rule.severity, out);
    out.close('}');
}

/// GitHub and others order results by this number (CVSS's scale).
fn properties(severity: Severity, out: &mut Writer) {
    out.key("properties");
    out.open('{');
    out.text("security-severity", score(severity));
    out.key("tags");
    out.open('[');
    out.item("security");
    out.close(']');
    out.close('}');
}

fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "0.0",
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The address in a reference.
pub(crate) fn address(reference: &str) -> Option<&str> {
    let at = reference.find("https://")?;
    reference[at..].split([' ', ';', ')']).next()
}

fn message(key: &str, text: &str, out: &mut Writer) {
    out.key(key);
    out.open('{');
    out.text("text", text);
    out.close('}');
}

fn result<'a>(check: &'a Check, index: Option<usize>, alike: &mut BTreeMap<Fingerprint<'a>, u32>, out: &mut Writer) {
    out.open('{');
    out.text("ruleId", check.id);
    if let Some(index) = index {
        out.number("ruleIndex", index as u64);
    }
    out.text("level", level(check.severity));
    message("message", &format!("{}. {}", check.summary, check.action), out);
    if let Some(file) = &check.file {
        location(file, check.line, out);
    }
    let fingerprint = Fingerprint::of(check);
    let number = alike.entry(fingerprint).or_insert(0);
    *number += 1;
    out.key("partialFingerprints");
    out.open('{');
    out.text("tunlogCheck/v1", &fingerprint.text(*number));
    out.close('}');
    if let Some(exception) = &check.excepted {
        suppression(exception, out);
    }
    out.key("properties");
    out.open('{');
    out.text("severity", check.severity.word());
    out.text("security-severity", score(check.severity));
    out.close('}');
    out.close('}');
}

fn location(file: &str, line: Option<u32>, out: &mut Writer) {
    out.key("locations");
    out.open('[');
    out.open('{');
    out.key("physicalLocation");
    out.open('{');
    out.key("artifactLocation");
    out.open('{');
    out.text("uri", &uri(file));
    out.close('}');
    // without a line the whole file is meant; viewers want one all the same
    out.key("region");
    out.open('{');
    out.number("startLine", line.unwrap_or(1).max(1).into());
    out.close('}');
    out.close('}');
    out.close('}');
    out.close(']');
}

fn suppression(exception: &Exception, out: &mut Writer) {
    out.key("suppressions");
    out.open('[');
    out.open('{');
    out.text("kind", "external");
    out.text("status", "accepted");
    let words = format!(
        "{} ({}, until {})",
        exception.reason, exception.owner, exception.expires
    );
    out.text("justification", &words);
    out.close('}');
    out.close(']');
}

/// What tells a result again although lines moved: the rule, the file, whom it is about, and which of those alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Fingerprint<'a> {
    id: &'a str,
    file: &'a str,
    subject: &'a str,
}

impl<'a> Fingerprint<'a> {
    fn of(check: &'a Check) -> Fingerprint<'a> {
        Fingerprint {
            id: check.id,
            file: check.file.as_deref().unwrap_or_default(),
            subject: check.subject.as_deref().unwrap_or_default(),
        }
    }

    /// FNV-1a: no secret is in it, it only has to be the same the next time.
    fn text(self, number: u32) -> String {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let parts = [self.id.as_bytes(), self.file.as_bytes(), self.subject.as_bytes()];
        for byte in parts.into_iter().flat_map(|part| part.iter().copied().chain([0])) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        format!("{hash:016x}:{number}")
    }
}

/// A path as a URI reference (RFC 3986): what it may not hold is escaped.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// JSON with its commas.
#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn comma(&mut self) {
        if !matches!(self.bytes.last(), None | Some(b'{' | b'[' | b':')) {
            self.bytes.push(b',');
        }
    }

    fn open(&mut self, mark: char) {
        self.comma();
        self.bytes.push(mark as u8);
    }

    fn close(&mut self, mark: char) {
        self.bytes.push(mark as u8);
    }

    fn key(&mut self, key: &str) {
        self.comma();
        json::string(&mut self.bytes, key);
        self.bytes.push(b':');
    }

    fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        json::string(&mut self.bytes, value);
    }

    fn item(&mut self, value: &str) {
        self.comma();
        json::string(&mut self.bytes, value);
    }

    fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.bytes.extend_from_slice(value.to_string().as_bytes());
    }
}
