//! What is told, before it is known how: a finding or what a user did, in words for people and as the contract's object.
//!
//! Every text in here that came from outside is harmless to look at (`text::visible`) and short; what it may do in the markup
//! of a channel is the business of that channel's template.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::{Deserialize, Serialize};
use tunlog_analysis::detect::Finding;
use tunlog_analysis::statistics::attempts::{AttemptView, SourceNames};
use tunlog_analysis::statistics::findings::FindingView;
use tunlog_model::{Attempt, Cell, Column, FindingSeverity as Severity, SourceId, text};
use tunlog_pipeline::Sources;
use tunlog_report::{bytes_iec, duration, json, rfc3339};

use super::channel::level;

/// Characters of one value that people see.
const VALUE_CHARS_MAX: usize = 200;
/// Characters of a summary.
const SUMMARY_CHARS_MAX: usize = 1000;
/// Names in one value.
const NAMES_MAX: usize = 5;
/// Bytes of the contract's object; above that its lists and lines are cut.
const OBJECT_BYTES_MAX: usize = 64 << 10;
/// What they are cut to.
const LIST_CUT: usize = 50;
const TEXT_CUT: usize = 400;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An attack, or something strange.
    Finding,
    /// A session came up.
    Connected,
    /// A session ended.
    Disconnected,
    /// An attempt failed.
    Failed,
    /// Nothing: somebody tries whether notifications arrive.
    Test,
}

impl Kind {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Finding => "finding",
            Kind::Connected => "connected",
            Kind::Disconnected => "disconnected",
            Kind::Failed => "failed",
            Kind::Test => "test",
        }
    }
}

/// One thing that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The same whenever the same thing is told.
    pub id: String,
    /// What happened.
    pub kind: Kind,
    /// The contract's word.
    pub severity: String,
    /// When, microseconds UTC.
    pub time: i64,
    /// What it is, in words of ours: never a name that anybody chose.
    pub title: String,
    /// Who or what is concerned.
    pub subject: String,
    /// What was seen.
    pub summary: String,
    /// Further facts: a word of ours, and a value.
    pub facts: Vec<(String, String)>,
    /// What to do.
    pub actions: Vec<String>,
    /// Values of placeholders: rule, user, client_ip, gateway.
    pub rule: String,
    /// The user, or the first of them.
    pub user: String,
    /// The client's address, or the first of the sources.
    pub client_ip: String,
    /// The gateway.
    pub gateway: String,
    /// The contract's object, as JSON.
    pub object: String,
}

/// The names of sources as columns want them.
struct Names<'a>(&'a Sources);

impl SourceNames for Names<'_> {
    fn source_name(&self, source: SourceId) -> &str {
        self.0.name(source)
    }
}

impl Notice {
    /// Of a finding.
    pub fn of_finding(finding: &Finding, sources: &Sources) -> Notice {
        let names = Names(sources);
        let view = FindingView {
            finding,
            sources: &names,
        };
        let object = object("finding", FindingView::COLUMNS, &view);
        let addresses = few(finding.sources.iter().map(ToString::to_string));
        let users = few(finding.users.iter().map(|user| shown(user)));
        let taken = few(finding.succeeded.iter().map(|taken| shown(&taken.user)));
        let subject = if addresses.is_empty() { &users } else { &addresses };
        let mut facts = Facts::default();
        facts.add(
            if finding.claimed {
                "Sources (claimed)"
            } else {
                "Sources"
            },
            &addresses,
        );
        facts.add("Users", &users);
        facts.add("Attempts", &finding.attempts.to_string());
        facts.add("Got into", &taken);
        let first = |name: Option<String>| name.unwrap_or_default();
        Notice {
            id: id(&(
                finding.rule,
                finding.alarm_time,
                finding.first,
                &addresses,
                &finding.users,
            )),
            kind: Kind::Finding,
            severity: finding.severity.word().to_owned(),
            time: finding.alarm_time,
            title: finding.rule.to_owned(),
            subject: subject.clone(),
            summary: cut(&text::visible(&finding.summary), SUMMARY_CHARS_MAX),
            facts: facts.0,
            actions: finding.actions.iter().map(|action| (*action).to_owned()).collect(),
            rule: finding.rule.to_owned(),
            user: first(finding.users.first().map(|user| shown(user))),
            client_ip: first(finding.sources.first().map(ToString::to_string)),
            gateway: String::new(),
            object,
        }
    }

    /// Of what a user did.
    pub fn of_attempt(kind: Kind, attempt: &Attempt, sources: &Sources) -> Notice {
        let names = Names(sources);
        let view = AttemptView {
            attempt,
            sources: &names,
        };
        let object = object("attempt", AttemptView::COLUMNS, &view);
        let value = |text: Option<&str>| text.map(shown).unwrap_or_default();
        let address = |address: Option<std::net::IpAddr>| address.map(|ip| ip.to_string()).unwrap_or_default();
        let (user, client) = (value(attempt.user.as_deref()), address(attempt.client_ip));
        let time = match kind {
            Kind::Connected => attempt.up.unwrap_or(attempt.started),
            _ => attempt.ended.unwrap_or(attempt.last_seen),
        };
        let mut facts = Facts::default();
        facts.add("User", &user);
        facts.add("From", &client);
        facts.add("Claims to be", &address(attempt.claimed_ip));
        facts.add("Protocol", attempt.protocol.map_or("", |protocol| protocol.word()));
        facts.add("Gateway", &value(attempt.gateway.as_deref()));
        facts.add("Address", &address(attempt.assigned_ip));
        match kind {
            Kind::Disconnected => {
                facts.add("Duration", &attempt.duration_s.map(duration).unwrap_or_default());
                facts.add(
                    "To the client",
                    &attempt.bytes_to_client.map(bytes_iec).unwrap_or_default(),
                );
                facts.add(
                    "From the client",
                    &attempt.bytes_from_client.map(bytes_iec).unwrap_or_default(),
                );
                facts.add("End", attempt.end_reason.map_or("", |reason| reason.word()));
            }
            Kind::Failed => {
                facts.add("Failed at", attempt.failed_at.map_or("", |layer| layer.word()));
                facts.add("Cause", attempt.cause.unwrap_or(""));
            }
            _ => facts.add("Authentication", attempt.auth_method.unwrap_or("")),
        }
        let who = if user.is_empty() { &client } else { &user };
        Notice {
            id: id(&(kind, attempt.id)),
            kind,
            severity: Severity::Info.word().to_owned(),
            time,
            title: kind.word().to_owned(),
            subject: who.clone(),
            summary: String::new(),
            facts: facts.0,
            actions: Vec::new(),
            rule: String::new(),
            gateway: value(attempt.gateway.as_deref()),
            user,
            client_ip: client,
            object,
        }
    }

    /// For who tries whether notifications arrive.
    pub fn of_test(now: i64) -> Notice {
        let summary = "If you can read this, notifications arrive.".to_owned();
        let cells = [("time", Cell::Time(now)), ("summary", Cell::Text(summary.clone()))];
        let mut object = Vec::new();
        json::row(&mut object, "test", &cells);
        Notice {
            id: id(&("test", now)),
            kind: Kind::Test,
            severity: Severity::Info.word().to_owned(),
            time: now,
            title: "test".to_owned(),
            subject: "tunlog".to_owned(),
            summary,
            facts: Vec::new(),
            actions: Vec::new(),
            rule: String::new(),
            user: String::new(),
            client_ip: String::new(),
            gateway: String::new(),
            object: String::from_utf8(object).unwrap_or_default(),
        }
    }

    /// How bad it is, as a number from 0 to 4.
    pub fn level(&self) -> u8 {
        Severity::from_word(&self.severity).map_or(0, level)
    }

    /// What it is grouped by: like follows like.
    pub fn group(&self) -> String {
        let who = if self.kind == Kind::Finding {
            &self.subject
        } else {
            &self.user
        };
        format!("{}\u{0}{}\u{0}{who}", self.kind.word(), self.rule)
    }

    /// One line of it, in a list: its time is given by who knows the zone.
    pub fn line(&self) -> String {
        match self.summary.is_empty() {
            true => format!("{} {}", self.title, self.subject),
            false => format!(
                "{} {}: {}",
                self.title,
                self.subject,
                cut(&self.summary, VALUE_CHARS_MAX)
            ),
        }
    }

    /// When, for machines.
    pub fn rfc3339(&self) -> String {
        rfc3339(self.time)
    }
}

#[derive(Default)]
struct Facts(Vec<(String, String)>);

impl Facts {
    /// What is not known is not told.
    fn add(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.0.push((name.to_owned(), cut(value, VALUE_CHARS_MAX)));
        }
    }
}

/// The contract's object; cut if it is too large to wait in a queue.
fn object<R>(kind: &'static str, columns: &[Column<R>], row: &R) -> String {
    let mut cells: Vec<_> = columns.iter().map(|column| (column.key, (column.value)(row))).collect();
    let mut out = Vec::new();
    json::row(&mut out, kind, &cells);
    if out.len() > OBJECT_BYTES_MAX {
        cells.iter_mut().for_each(|(_, cell)| shorten(cell));
        out.clear();
        json::row(&mut out, kind, &cells);
    }
    String::from_utf8(out).unwrap_or_default()
}

fn shorten(cell: &mut Cell) {
    match cell {
        Cell::Text(text) => *text = cut(text, TEXT_CUT),
        Cell::List(cells) => {
            cells.truncate(LIST_CUT);
            cells.iter_mut().for_each(shorten);
        }
        Cell::Object(members) => members.iter_mut().for_each(|(_, cell)| shorten(cell)),
        _ => {}
    }
}

/// A name that anybody chose, for people.
fn shown(name: &str) -> String {
    match name {
        "" => "\"\"".to_owned(),
        name => cut(&text::visible(name), VALUE_CHARS_MAX),
    }
}

/// The first characters of a text.
pub fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn few(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(NAMES_MAX);
    let mut names: Vec<String> = all
        .take(NAMES_MAX)
        .map(|name| cut(&name, VALUE_CHARS_MAX / 4))
        .collect();
    if more > 0 {
        names.push(format!("and {more} more"));
    }
    names.join(", ")
}

/// 128 bits as hexadecimal digits. Kept with a message that waits, so it need not be the same in another version.
pub fn id(of: &impl std::hash::Hash) -> String {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        of.hash(&mut hasher);
        hasher.finish()
    };
    format!("{:016x}{:016x}", half(1), half(2))
}
