//! `remediation.jsonl` and `remediation.md`: the steps of the playbook that concern this incident, ticked off by people.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::Value;
use tunlog_model::{Cell, text};
use tunlog_report::rfc3339;
use tunlog_respond::words;

use crate::case::{AddressRole, Case};
use crate::facts::Facts;
use crate::found::{self, time};
use crate::playbook::{Language, Per, Phase, Playbook, Step};
use crate::text::row;

/// Most steps of an incident.
pub const ITEMS_MAX: usize = 1_000;

/// Whether something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum State {
    /// Not yet.
    #[default]
    Open,
    /// Yes.
    Done,
    /// Nobody will.
    Skipped,
}

impl State {
    const ALL: &[(State, &str)] = &[
        (State::Open, "open"),
        (State::Done, "done"),
        (State::Skipped, "skipped"),
    ];

    /// The word.
    pub fn word(self) -> &'static str {
        State::ALL
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("", |(_, word)| word)
    }

    fn from_word(word: &str) -> Option<State> {
        State::ALL
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(state, _)| *state)
    }
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is known by from run to run: the step's id, and for what.
    pub key: String,
    /// The step.
    pub step: String,
    /// When.
    pub phase: String,
    /// What.
    pub text: String,
    /// Commands to look at.
    pub commands: Vec<String>,
    /// Whether it is done.
    pub state: State,
    /// Who said so.
    pub by: Option<String>,
    /// When, microseconds UTC.
    pub at: Option<i64>,
    /// What they noted.
    pub note: Option<String>,
}

/// What a step is done for.
#[derive(Default)]
struct Subject {
    key: String,
    values: Vec<(&'static str, String)>,
}

/// The steps that concern an incident, with what people said of them before. `dir` is where it lies.
pub fn items(playbook: &Playbook, case: &Case, facts: &Facts, dir: &str, before: &[Item]) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for step in playbook.steps.iter().filter(|step| concerns(step, case, facts)) {
        for subject in subjects(step, case, facts) {
            let item = item(step, &subject, case, dir);
            // two sessions of one account from one address: what is the same to do is done once
            let same =
                |known: &Item| (&known.step, &known.text, &known.commands) == (&item.step, &item.text, &item.commands);
            if items.len() < ITEMS_MAX && !items.iter().rev().take_while(|known| known.step == item.step).any(same) {
                items.push(item);
            }
        }
    }
    for item in &mut items {
        if let Some(known) = before.iter().find(|known| known.key == item.key) {
            (item.state, item.by, item.at, item.note) = (known.state, known.by.clone(), known.at, known.note.clone());
        }
    }
    // what was done stays told, even if the playbook no longer asks for it
    let keys: HashSet<String> = items.iter().map(|item| item.key.clone()).collect();
    let gone = before
        .iter()
        .filter(|known| known.state != State::Open && !keys.contains(&known.key));
    items.extend(gone.cloned());
    items
}

fn concerns(step: &Step, case: &Case, facts: &Facts) -> bool {
    let any = |wanted: &[String], there: &[String]| wanted.iter().any(|word| there.contains(word));
    (step.rules.is_empty() || any(&step.rules, &case.rules))
        && (step.dialects.is_empty() || any(&step.dialects, &facts.dialects))
        && !any(&step.unless, &facts.dialects)
}

fn subjects(step: &Step, case: &Case, facts: &Facts) -> Vec<Subject> {
    let is_meant = |verdict: &String| step.verdicts.contains(verdict);
    match step.per {
        Per::Incident => vec![Subject::default()],
        Per::Account => {
            let accounts = facts.accounts.iter().filter(|account| is_meant(&account.verdict));
            accounts
                .map(|account| Subject {
                    key: account.user.clone(),
                    values: vec![("user", account.user.clone())],
                })
                .collect()
        }
        Per::Session => {
            let sessions = facts.sessions.iter().filter(|session| is_meant(&session.verdict));
            sessions
                .map(|session| Subject {
                    key: session.id.clone(),
                    values: vec![
                        ("user", session.user.clone()),
                        ("session", session.id.clone()),
                        ("inner", some(&session.assigned_ip)),
                        ("address", some(&session.client_ip)),
                    ],
                })
                .collect()
        }
        Per::Address => {
            let attackers = case
                .addresses
                .iter()
                .filter(|address| address.role == AddressRole::Attacker);
            attackers
                .map(|address| Subject {
                    key: address.network.to_string(),
                    values: vec![("address", address.network.to_string())],
                })
                .collect()
        }
    }
}

fn some(value: &str) -> String {
    if value.is_empty() {
        "an unknown address".to_owned()
    } else {
        value.to_owned()
    }
}

fn item(step: &Step, subject: &Subject, case: &Case, dir: &str) -> Item {
    let mut values = subject.values.clone();
    values.extend([
        ("id", case.id.clone()),
        ("dir", dir.to_owned()),
        ("since", rfc3339(case.since)),
        ("until", rfc3339(case.until)),
    ]);
    let key = match subject.key.is_empty() {
        true => step.id.clone(),
        false => format!("{}@{}", step.id, subject.key),
    };
    let commands = step
        .commands
        .iter()
        .map(|command| filled(command, &values, step.language));
    Item {
        key,
        step: step.id.clone(),
        phase: step.phase.word().to_owned(),
        text: words_for_people(&step.text, &values),
        commands: commands.collect(),
        state: State::Open,
        by: None,
        at: None,
        note: None,
    }
}

/// Placeholders in words for people: harmless, not quoted.
fn words_for_people(text: &str, values: &[(&'static str, String)]) -> String {
    replaced(text, values, &mut |value| Some(text::visible(value).into_owned())).unwrap_or_default()
}

/// Placeholders in a command, quoted by the rules of its language. A name that cannot be put there safely makes words of it.
fn filled(command: &str, values: &[(&'static str, String)], language: Language) -> String {
    let mut quote = |value: &str| {
        if language != Language::Text && value.chars().any(text::is_harmful) {
            return None;
        }
        Some(match language {
            Language::Sh => match words::is_argument(value) {
                true => words::shell(value),
                false => return None,
            },
            Language::Sql => match value.contains('\\') {
                // MySQL reads backslashes, PostgreSQL does not
                true => return None,
                false => format!("'{}'", value.replace('\'', "''")),
            },
            Language::Routeros => words::routeros(value),
            Language::Powershell => words::powershell(value),
            Language::Text => text::visible(value).into_owned(),
        })
    };
    let refused = "# by hand: a name in it cannot be put into a command safely";
    replaced(command, values, &mut quote).unwrap_or_else(|| refused.to_owned())
}

/// Replaces placeholders once: what a value holds is never looked at for further ones.
fn replaced(
    text: &str,
    values: &[(&'static str, String)],
    quote: &mut dyn FnMut(&str) -> Option<String>,
) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let inner = &rest[open + 1..];
        let found = inner.find('}').and_then(|close| {
            let value = values.iter().find(|(name, _)| *name == &inner[..close])?;
            Some((close, &value.1))
        });
        match found {
            Some((close, value)) => {
                out.push_str(&quote(value)?);
                rest = &inner[close + 1..];
            }
            None => {
                out.push('{');
                rest = inner;
            }
        }
    }
    out.push_str(rest);
    Some(out)
}

/// The file for programs.
pub fn lines(items: &[Item]) -> String {
    let texts = |all: &[String]| Cell::List(all.iter().map(|text| Cell::Text(text.clone())).collect());
    let some = |value: &Option<String>| value.clone().map_or(Cell::None, Cell::Text);
    let mut out = String::new();
    for (at, item) in items.iter().enumerate() {
        out.push_str(&row(
            "step",
            &[
                ("number", Cell::Count(at as u64 + 1)),
                ("key", Cell::Text(item.key.clone())),
                ("step", Cell::Text(item.step.clone())),
                ("phase", Cell::Text(item.phase.clone())),
                ("state", Cell::Word(item.state.word())),
                ("text", Cell::Text(item.text.clone())),
                ("commands", texts(&item.commands)),
                ("by", some(&item.by)),
                ("time", item.at.map_or(Cell::None, Cell::Time)),
                ("note", some(&item.note)),
            ],
        ));
    }
    out
}

/// Reads the file; a line that is none is passed over.
pub fn parse(whole: &str) -> Vec<Item> {
    let item = |line: &str| {
        let row: Value = serde_json::from_str(line).ok()?;
        let get = |key: &str| found::text(&row, key);
        let commands = row
            .get("commands")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        Some(Item {
            key: get("key")?,
            step: get("step")?,
            phase: get("phase")?,
            text: get("text")?,
            commands: commands
                .iter()
                .filter_map(|text| text.as_str().map(str::to_owned))
                .collect(),
            state: State::from_word(&get("state")?)?,
            by: get("by"),
            at: get("time").and_then(|text| time(&text)),
            note: get("note"),
        })
    };
    whole.lines().filter_map(item).take(ITEMS_MAX * 2).collect()
}

/// How many are done or skipped, and how many there are.
pub fn progress(items: &[Item]) -> (usize, usize) {
    (
        items.iter().filter(|item| item.state != State::Open).count(),
        items.len(),
    )
}

/// The list for people.
pub fn markdown(items: &[Item], case: &Case) -> String {
    let (done, all) = progress(items);
    let mut out = format!(
        "# {}: what is left to do\n\n{done} of {all} steps are done or skipped. Tick off with `tunlog incident remediate DIR --done N`.\n",
        case.id
    );
    for (phase, word) in Phase::ALL {
        let of_phase = |item: &Item| item.phase == phase.word();
        if !items.iter().any(of_phase) {
            continue;
        }
        let _ = writeln!(out, "\n## {word}\n");
        for (at, item) in items.iter().enumerate().filter(|(_, item)| of_phase(item)) {
            let tick = if item.state == State::Open { ' ' } else { 'x' };
            let _ = writeln!(out, "- [{tick}] **{}.** {}{}", at + 1, escaped(&item.text), told(item));
            for command in &item.commands {
                let fence = fence(command);
                let _ = writeln!(out, "  {fence}\n  {}\n  {fence}", text::visible(command));
            }
        }
    }
    out
}

/// A fence that the text cannot end.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// Who ticked it off.
pub fn told(item: &Item) -> String {
    if item.state == State::Open {
        return String::new();
    }
    let by = item
        .by
        .as_deref()
        .map_or(String::new(), |by| format!(" by {}", escaped(by)));
    let at = item.at.map_or(String::new(), |at| format!(" at {}", rfc3339(at)));
    let note = item
        .note
        .as_deref()
        .map_or(String::new(), |note| format!(": {}", escaped(note)));
    format!(" ({}{by}{at}{note})", item.state.word())
}

/// Text that Markdown takes for nothing but text.
pub fn escaped(value: &str) -> String {
    let mut out = String::new();
    for c in text::visible(value).chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '|' | '&' | '~' | '!'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Named, Opener, open};
    use crate::facts::{AccountFact, SessionFact};

    fn case() -> Case {
        let opener = Opener {
            by: "a@b".to_owned(),
            now: 0,
        };
        let mut case = open(&[], &Named::default(), &opener);
        case.rules = vec!["password-spray".to_owned()];
        case
    }

    fn facts(users: &[&str], dialects: &[&str]) -> Facts {
        let account = |user: &&str| AccountFact {
            user: (*user).to_owned(),
            verdict: "compromised".to_owned(),
            why: String::new(),
            tried: 1,
            succeeded: 1,
            first: String::new(),
            last: String::new(),
            backends: Vec::new(),
        };
        let session = |user: &&str| SessionFact {
            id: "00ff".to_owned(),
            user: (*user).to_owned(),
            client_ip: String::new(),
            assigned_ip: "10.0.0.5".to_owned(),
            from: String::new(),
            until: String::new(),
            is_open: false,
            verdict: "compromised".to_owned(),
            traffic: String::new(),
        };
        Facts {
            accounts: users.iter().map(account).collect(),
            sessions: users.iter().take(1).map(session).collect(),
            dialects: dialects.iter().map(|word| (*word).to_owned()).collect(),
            ..Facts::default()
        }
    }

    fn all(facts: &Facts, before: &[Item]) -> Vec<Item> {
        items(&Playbook::builtin(), &case(), facts, "/tmp/my case", before)
    }

    fn commands(items: &[Item], step: &str) -> Vec<String> {
        items
            .iter()
            .filter(|item| item.step == step)
            .flat_map(|item| item.commands.clone())
            .collect()
    }

    #[test]
    fn steps_are_those_of_the_daemons_seen() {
        let items = all(&facts(&["bob"], &["pptpd", "pppd"]), &[]);
        let has = |step: &str| items.iter().any(|item| item.step == step);
        assert!(has("reset-chap-secrets") && has("rate-limit") && has("end-session") && has("tried-accounts"));
        assert!(!has("reset-radius-sql") && !has("reset-active-directory") && !has("captured-logins"));
        let items = all(&facts(&["bob"], &["pppd", "freeradius"]), &[]);
        let has = |step: &str| items.iter().any(|item| item.step == step);
        assert!(has("reset-radius-sql") && has("reject-after-n") && !has("reset-chap-secrets"));
        assert!(commands(&items, "block-attackers")[0].contains("'/tmp/my case'"));
    }

    #[test]
    fn the_same_is_asked_once_however_many_sessions_there_were() {
        let mut facts = facts(&["bob"], &["pppd"]);
        let one = all(&facts, &[]);
        facts.sessions.push(SessionFact {
            id: "00fe".to_owned(),
            ..facts.sessions[0].clone()
        });
        let two = all(&facts, &[]);
        // a session more to end, and nothing else
        assert_eq!(
            commands(&two, "end-session").len(),
            commands(&one, "end-session").len() + 1
        );
        assert_eq!(two.len(), one.len() + 1);
    }

    #[test]
    fn hostile_names_stay_names() {
        let user = "x'; DROP TABLE radcheck; --$(reboot)`reboot`\"{dir}";
        let items = all(&facts(&[user], &["freeradius", "routeros", "nps"]), &[]);
        let sql = commands(&items, "reset-radius-sql");
        assert_eq!(
            sql,
            [
                "SELECT id, username, attribute FROM radcheck WHERE username = 'x''; DROP TABLE radcheck; --$(reboot)`reboot`\"{dir}';"
            ]
        );
        let power = commands(&items, "lock-account");
        assert_eq!(
            power,
            ["Disable-ADAccount -Identity 'x''; DROP TABLE radcheck; --$(reboot)`reboot`\"{dir}'"]
        );
        assert!(
            commands(&items, "reset-routeros")[0].contains("\\$(reboot)"),
            "{:?}",
            commands(&items, "reset-routeros")
        );
        for user in ["-rf", "a\nb", "a\\' OR 1=1"] {
            let items = all(&facts(&[user], &["freeradius", "pppd"]), &[]);
            let by_hand = |command: &String| command.starts_with("# by hand");
            let step = if user == "-rf" {
                "verify-passwords"
            } else {
                "reset-radius-sql"
            };
            let all = commands(&items, step);
            assert!(all.iter().all(by_hand), "{user:?}: {all:?}");
        }
        let text = markdown(&items, &case());
        assert!(
            text.contains("x'; DROP TABLE radcheck; --$(reboot)\\`reboot\\`"),
            "{text}"
        );
    }

    #[test]
    fn what_was_ticked_off_stays() {
        let facts = facts(&["bob"], &["pppd"]);
        let mut items = all(&facts, &[]);
        items[1].state = State::Done;
        items[1].by = Some("anna".to_owned());
        items[1].note = Some("done\nat noon".to_owned());
        items[1].at = Some(1_793_000_000_000_000);
        let read = parse(&lines(&items));
        assert_eq!(read, items);
        let again = all(&facts, &read);
        assert_eq!(again, items);
        // the account is no longer compromised: what was done for it is still told
        let without = all(&Facts::default(), &items);
        assert!(without.contains(&items[1]));
        assert_eq!(progress(&without).0, 1);
    }
}
