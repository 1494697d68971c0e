//! What was done: one line of JSON for each action, appended and never changed.

use std::collections::{HashMap, VecDeque};

use tunlog_model::{Cell, Column};

use crate::{How, Plan, Prefix, Step};

/// What is done to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An address is kept out.
    Block,
    /// It is let in again.
    Unblock,
    /// A session is ended.
    Kick,
    /// What blocks need is made ready.
    SetUp,
}

impl Action {
    /// Every action with its word.
    pub const ALL: &[(Action, &str)] = &[
        (Action::Block, "block"),
        (Action::Unblock, "unblock"),
        (Action::Kick, "kick"),
        (Action::SetUp, "set-up"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(action, _)| *action == self)
            .map_or("", |(_, word)| word)
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was done: it would be.
    Planned,
    /// It was done.
    Done,
    /// A step failed.
    Failed,
    /// It is not to be done.
    Refused,
    /// It was so already.
    Unneeded,
}

impl Outcome {
    /// Every outcome with its word.
    pub const ALL: &[(Outcome, &str)] = &[
        (Outcome::Planned, "planned"),
        (Outcome::Done, "done"),
        (Outcome::Failed, "failed"),
        (Outcome::Refused, "refused"),
        (Outcome::Unneeded, "unneeded"),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(outcome, _)| *outcome == self)
            .map_or("", |(_, word)| word)
    }
}

/// An action: a line of the ledger, a row of the output.
#[derive(Clone, Debug)]
pub struct Entry {
    /// When, microseconds UTC.
    pub time: i64,
    /// What was done.
    pub action: Action,
    /// What came of it.
    pub outcome: Outcome,
    /// To an address, a network, or a session.
    pub target: String,
    /// Who was asked to: a backend's name, a daemon's.
    pub by: String,
    /// A block ends then, microseconds UTC.
    pub until: Option<i64>,
    /// Why it is done.
    pub reason: Option<String>,
    /// Why it was refused, or what failed.
    pub why: Option<String>,
    /// The name of a session that is ended.
    pub user: Option<String>,
    /// Which user of this machine asked for it.
    pub operator: Option<String>,
    /// The steps.
    pub plan: Plan,
}

fn text(value: &Option<String>) -> Cell {
    value.clone().map_or(Cell::None, Cell::Text)
}

impl Entry {
    /// The keys of `action` objects.
    pub const COLUMNS: &[Column<Entry>] = &[
        Column {
            key: "time",
            header: "Time",
            doc: "When it was done, or would be.",
            value: |entry| Cell::Time(entry.time),
        },
        Column {
            key: "action",
            header: "Action",
            doc: "block, unblock, kick, set-up.",
            value: |entry| Cell::Word(entry.action.word()),
        },
        Column {
            key: "target",
            header: "Target",
            doc: "An address, a network, or a session.",
            value: |entry| Cell::Text(entry.target.clone()),
        },
        Column {
            key: "outcome",
            header: "Outcome",
            doc: "planned, done, failed, refused, unneeded.",
            value: |entry| Cell::Word(entry.outcome.word()),
        },
        Column {
            key: "backend",
            header: "By",
            doc: "The program that was asked.",
            value: |entry| match entry.by.is_empty() {
                true => Cell::None,
                false => Cell::Text(entry.by.clone()),
            },
        },
        Column {
            key: "until",
            header: "Until",
            doc: "When a block ends.",
            value: |entry| entry.until.map_or(Cell::None, Cell::Time),
        },
        Column {
            key: "user",
            header: "",
            doc: "The name of a session that is ended.",
            value: |entry| text(&entry.user),
        },
        Column {
            key: "reason",
            header: "Reason",
            doc: "Why it is done.",
            value: |entry| text(&entry.reason),
        },
        Column {
            key: "why",
            header: "",
            doc: "Why it was refused, or what failed.",
            value: |entry| text(&entry.why),
        },
        Column {
            key: "operator",
            header: "",
            doc: "Which user of the machine asked for it.",
            value: |entry| text(&entry.operator),
        },
        Column {
            key: "commands",
            header: "",
            doc: "The steps: what each does, and its arguments or the text to paste.",
            value: |entry| commands(&entry.plan.steps),
        },
        Column {
            key: "undo",
            header: "",
            doc: "The steps that take it back.",
            value: |entry| commands(&entry.plan.undo),
        },
    ];
}

fn words(argv: &[String]) -> Cell {
    Cell::List(argv.iter().cloned().map(Cell::Text).collect())
}

fn commands(steps: &[Step]) -> Cell {
    if steps.is_empty() {
        return Cell::None;
    }
    let one = |step: &Step| {
        let mut members = vec![("does", Cell::Text(step.does.clone()))];
        match &step.how {
            How::Run {
                argv, input, unless, ..
            } => {
                members.push(("argv", words(argv)));
                members.push(("input", input.clone().map_or(Cell::None, Cell::Text)));
                members.push(("unless", unless.as_deref().map_or(Cell::None, words)));
            }
            How::Paste { place, text } => {
                members.push(("place", Cell::Word(place)));
                members.push(("text", Cell::Text(text.clone())));
            }
        }
        Cell::Object(members)
    };
    Cell::List(steps.iter().map(one).collect())
}

/// A block that was made and not taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// What is blocked.
    pub prefix: Prefix,
    /// By which backend.
    pub by: String,
    /// When it was made, microseconds UTC.
    pub since: i64,
    /// When it ends, microseconds UTC.
    pub until: i64,
    /// Why.
    pub reason: Option<String>,
}

impl Blocked {
    /// Whether it is over.
    pub fn is_expired(&self, now: i64) -> bool {
        self.until <= now
    }
}

/// Blocks that are kept; far more than a year makes at the highest rate that is allowed without asking.
const BLOCKED_MAX: usize = 1_000_000;

/// What the lines of a ledger come to.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    blocked: HashMap<(String, Prefix), Blocked>,
    /// When blocks were made, the latest hour's.
    made: VecDeque<i64>,
}

/// An hour, microseconds.
pub(crate) const HOUR: i64 = 3600 * 1_000_000;

impl Ledger {
    /// An empty one.
    pub fn new() -> Ledger {
        Ledger::default()
    }

    /// Takes in a line.
    ///
    /// # Errors
    /// What is wrong with it; nothing of it was taken.
    pub fn take(&mut self, line: &str) -> Result<(), String> {
        let value: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let field = |key: &str| value.get(key).and_then(serde_json::Value::as_str);
        let need = |key: &'static str| field(key).ok_or(format!("has no `{key}`"));
        let time = |key: &'static str| -> Result<i64, String> {
            let text = need(key)?;
            let stamp: jiff::Timestamp = text.parse().map_err(|_| format!("`{key}` is no time"))?;
            Ok(stamp.as_microsecond())
        };
        if need("type")? != "action" {
            return Err("is no action".to_owned());
        }
        if need("outcome")? != Outcome::Done.word() {
            return Ok(());
        }
        match need("action")? {
            "block" => self.block(Blocked {
                prefix: need("target")?.parse()?,
                by: need("backend")?.to_owned(),
                since: time("time")?,
                until: time("until")?,
                reason: field("reason").map(str::to_owned),
            }),
            "unblock" => {
                let prefix: Prefix = need("target")?.parse()?;
                self.blocked.remove(&(need("backend")?.to_owned(), prefix));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A block was made.
    ///
    /// # Errors
    /// If there are too many.
    pub fn block(&mut self, block: Blocked) -> Result<(), String> {
        let latest = self.made.back().copied().unwrap_or(i64::MIN).max(block.since);
        // they come in the order of time
        while self.made.front().is_some_and(|made| *made <= latest - HOUR) {
            self.made.pop_front();
        }
        let key = (block.by.clone(), block.prefix);
        if self.blocked.len() >= BLOCKED_MAX && !self.blocked.contains_key(&key) {
            return Err(format!("more than {BLOCKED_MAX} blocks"));
        }
        // one that is only made longer is no new one
        let renewed = self
            .blocked
            .get(&key)
            .is_some_and(|known| !known.is_expired(block.since));
        if !renewed {
            self.made.push_back(block.since);
        }
        self.blocked.insert(key, block);
        Ok(())
    }

    /// Blocks made in the hour before `now`.
    pub fn made_within_hour(&self, now: i64) -> usize {
        self.made.iter().filter(|made| **made > now - HOUR).count()
    }

    /// What is blocked and was not taken back, expired or not, in the order of time.
    pub fn blocked(&self) -> Vec<&Blocked> {
        let mut all: Vec<&Blocked> = self.blocked.values().collect();
        all.sort_by(|a, b| (a.since, a.prefix, &a.by).cmp(&(b.since, b.prefix, &b.by)));
        all
    }

    /// Blocks by a backend that are not over.
    pub fn active<'a>(&'a self, by: &'a str, now: i64) -> impl Iterator<Item = &'a Blocked> {
        self.blocked
            .values()
            .filter(move |block| block.by == by && !block.is_expired(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(time: &str, action: &str, target: &str, outcome: &str) -> String {
        format!(
            r#"{{"type":"action","time":"2026-11-20T{time}Z","action":"{action}","target":"{target}","outcome":"{outcome}","backend":"nftables","until":"2026-11-20T12:00:00Z"}}"#
        )
    }

    #[test]
    fn what_was_done_counts_and_what_was_taken_back_does_not() {
        let mut ledger = Ledger::new();
        for line in [
            line("10:00:00", "block", "198.51.100.7", "done"),
            line("10:00:01", "block", "198.51.100.8", "failed"),
            line("10:00:02", "block", "127.0.0.1", "refused"),
            line("10:00:03", "block", "198.51.100.9", "done"),
            line("10:00:04", "unblock", "198.51.100.9", "done"),
            line("10:00:05", "kick", "session 00ff", "done"),
        ] {
            ledger.take(&line).expect(&line);
        }
        let blocked: Vec<String> = ledger.blocked().iter().map(|block| block.prefix.to_string()).collect();
        assert_eq!(blocked, ["198.51.100.7"]);
        let at = |text: &str| text.parse::<jiff::Timestamp>().expect(text).as_microsecond();
        assert_eq!(ledger.made_within_hour(at("2026-11-20T10:30:00Z")), 2);
        assert_eq!(ledger.made_within_hour(at("2026-11-20T11:00:02Z")), 1);
        assert!(!ledger.blocked()[0].is_expired(at("2026-11-20T11:59:59Z")));
        assert!(ledger.blocked()[0].is_expired(at("2026-11-20T12:00:00Z")));
    }

    #[test]
    fn lines_that_are_none_are_named() {
        let mut ledger = Ledger::new();
        for (line, words) in [
            ("", "EOF"),
            ("{}", "`type`"),
            (r#"{"type":"finding"}"#, "no action"),
            (&line("10:00:00", "block", "198.51.100.7; id", "done"), "is no address"),
            (&line("25:00:00", "block", "198.51.100.7", "done"), "`time` is no time"),
        ] {
            let told = ledger.take(line).expect_err(line);
            assert!(told.contains(words), "{line}: {told}");
        }
        assert!(ledger.blocked().is_empty());
    }
}
