//! What goes out at once: one notice, or several that were held back, and how it looks to people and to programs.

use jiff::tz::TimeZone;
use serde_json::json;
use tunlog_report::local;

use super::notice::Notice;

/// Notices that a message of several lists for people.
const LISTED_MAX: usize = 10;
/// What several are about, of which it tells the count.
const ABOUT_MAX: usize = 12;

/// What goes out at once.
#[derive(Clone, Debug)]
pub struct Message {
    /// The same at every try.
    pub id: String,
    /// One; or of several the worst.
    pub notices: Vec<Notice>,
    /// What all are about, if there are several, and how many.
    pub about: Vec<(String, u64)>,
}

/// How it looks to people. Only `title` and the names of facts are words of ours; everything else may hold what somebody
/// chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The contract's word.
    pub severity: String,
    /// What it is.
    pub title: String,
    /// Who or what is concerned.
    pub subject: String,
    /// What was seen.
    pub summary: String,
    /// Facts.
    pub facts: Vec<(String, String)>,
    /// A line of each, if there are several.
    pub lines: Vec<String>,
    /// What to do.
    pub actions: Vec<String>,
}

impl Message {
    /// Of one notice.
    pub fn one(notice: Notice) -> Message {
        Message {
            id: notice.id.clone(),
            notices: vec![notice],
            about: Vec::new(),
        }
    }

    /// How many notices it stands for.
    pub fn count(&self) -> u64 {
        match self.about.is_empty() {
            true => 1,
            false => self.about.iter().map(|(_, count)| count).sum(),
        }
    }

    /// The worst of its notices.
    pub fn worst(&self) -> Option<&Notice> {
        self.notices.first()
    }

    fn single(&self) -> Option<&Notice> {
        self.notices.first().filter(|_| self.about.is_empty())
    }

    /// How it looks to people whose clock shows the time of `zone`.
    pub fn words(&self, zone: &TimeZone) -> Words {
        let when = |notice: &Notice| local(notice.time, zone, "%Y-%m-%d %H:%M:%S %Z");
        if let Some(notice) = self.single() {
            let mut facts = notice.facts.clone();
            facts.push(("Time".to_owned(), when(notice)));
            return Words {
                severity: notice.severity.clone(),
                title: notice.title.clone(),
                subject: notice.subject.clone(),
                summary: notice.summary.clone(),
                facts,
                lines: Vec::new(),
                actions: notice.actions.clone(),
            };
        }
        let (title, facts) = match self.about.as_slice() {
            [(about, count)] => (format!("{count} more {about}"), Vec::new()),
            all => {
                let facts = all
                    .iter()
                    .take(ABOUT_MAX)
                    .map(|(about, count)| (about.clone(), count.to_string()));
                (format!("{} notices", self.count()), facts.collect())
            }
        };
        let listed = self.notices.iter().take(LISTED_MAX);
        let mut lines: Vec<String> = listed
            .map(|notice| format!("{} {}", when(notice), notice.line()))
            .collect();
        let more = self.count().saturating_sub(lines.len() as u64);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        Words {
            severity: self.worst().map_or("info", |notice| &notice.severity).to_owned(),
            title,
            subject: self.common_subject(),
            summary: String::new(),
            facts,
            lines,
            actions: Vec::new(),
        }
    }

    /// Whom all are about, if they are about the same.
    fn common_subject(&self) -> String {
        let first = self.notices.first().map_or("", |notice| &notice.subject);
        match self.notices.iter().all(|notice| notice.subject == first) {
            true => first.to_owned(),
            false => String::new(),
        }
    }

    /// For programs: the contract's object with one key more, or an object with several of them.
    pub fn json(&self) -> String {
        let kind = self.single().map_or("digest", |notice| notice.kind.word());
        let notification = json!({ "id": self.id, "event": kind, "count": self.count() });
        if let Some(notice) = self.single() {
            let inner = notice.object.strip_suffix('}').unwrap_or("{\"type\":\"finding\"");
            return format!("{inner},\"notification\":{notification}}}");
        }
        let about: Vec<_> = self
            .about
            .iter()
            .map(|(about, count)| json!({ "about": about, "count": count }))
            .collect();
        let objects: Vec<&str> = self.notices.iter().map(|notice| notice.object.as_str()).collect();
        format!(
            "{{\"type\":\"digest\",\"severity\":\"{}\",\"about\":{},\"notices\":[{}],\"notification\":{notification}}}",
            self.worst().map_or("info", |notice| &notice.severity),
            serde_json::Value::from(about),
            objects.join(",")
        )
    }

    /// What a placeholder of a user's own template stands for. `None`: there is no such placeholder.
    pub fn placeholder(&self, name: &str, words: &Words, zone: &TimeZone) -> Option<String> {
        let notice = self.worst();
        let of = |value: fn(&Notice) -> &String| notice.map(value).cloned().unwrap_or_default();
        Some(match name {
            "id" => self.id.clone(),
            "kind" => self.single().map_or("digest", |notice| notice.kind.word()).to_owned(),
            "severity" => words.severity.clone(),
            "title" => words.title.clone(),
            "subject" => words.subject.clone(),
            "summary" => words.summary.clone(),
            "text" => words.plain(),
            "count" => self.count().to_string(),
            "rule" => of(|notice| &notice.rule),
            "user" => of(|notice| &notice.user),
            "client_ip" => of(|notice| &notice.client_ip),
            "gateway" => of(|notice| &notice.gateway),
            "time" => notice.map(Notice::rfc3339).unwrap_or_default(),
            "local_time" => notice.map_or_else(String::new, |notice| local(notice.time, zone, "%Y-%m-%d %H:%M:%S %Z")),
            _ => return None,
        })
    }
}

/// Every placeholder of a template of one's own, besides `json`.
pub const PLACEHOLDERS: &[&str] = &[
    "id",
    "kind",
    "severity",
    "title",
    "subject",
    "summary",
    "text",
    "count",
    "rule",
    "user",
    "client_ip",
    "gateway",
    "time",
    "local_time",
];

impl Words {
    /// The first line.
    pub fn headline(&self) -> String {
        match self.subject.is_empty() {
            true => format!("{} ({})", self.title, self.severity),
            false => format!("{} ({}): {}", self.title, self.severity, self.subject),
        }
    }

    /// Everything as plain text.
    pub fn plain(&self) -> String {
        let mut out = self.headline();
        out.push('\n');
        if !self.summary.is_empty() {
            out.push_str(&format!("\n{}\n", self.summary));
        }
        if !self.facts.is_empty() {
            out.push('\n');
            self.facts
                .iter()
                .for_each(|(name, value)| out.push_str(&format!("{name}: {value}\n")));
        }
        if !self.lines.is_empty() {
            out.push('\n');
            self.lines.iter().for_each(|line| out.push_str(&format!("- {line}\n")));
        }
        if !self.actions.is_empty() {
            out.push_str("\nWhat to do:\n");
            self.actions
                .iter()
                .for_each(|action| out.push_str(&format!("- {action}\n")));
        }
        out
    }
}
