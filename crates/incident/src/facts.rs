//! `analysis/facts.json`: what the analysis came to as a whole, for the report and for programs; and `analysis/summary.txt`, the
//! same in plain words.

use std::fmt::Write as _;

use serde_json::Value;
use tunlog_model::{Cell, text};
use tunlog_report::{bytes_iec, json, rfc3339};

use crate::case::{AddressRole, Case};
use crate::found::{self, time};
use crate::movement::{Movement, Place, Whose};
use crate::story::{AccountRow, Known, Stolen, Verdict};
use crate::text::{counted, few};

/// Places and sessions that the summary names.
const NAMED_MAX: usize = 12;
/// Names that it lists of each kind.
const NAMES_MAX: usize = 8;

/// A session that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFact {
    /// The attempt's id.
    pub id: String,
    /// The account.
    pub user: String,
    /// From where.
    pub client_ip: String,
    /// Inside the tunnel.
    pub assigned_ip: String,
    /// When it came up, RFC 3339.
    pub from: String,
    /// When it ended.
    pub until: String,
    /// Still up at the end of the evidence.
    pub is_open: bool,
    /// compromised or suspect.
    pub verdict: String,
    /// In and out, in words.
    pub traffic: String,
}

/// A place where an address was mentioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceFact {
    /// The address.
    pub address: String,
    /// inner or attacker.
    pub whose: String,
    /// The account.
    pub user: String,
    /// The program, else the source.
    pub service: String,
    /// The host.
    pub host: String,
    /// How many lines.
    pub lines: u64,
    /// First, RFC 3339.
    pub first: String,
    /// Last.
    pub last: String,
    /// A line.
    pub example: String,
}

/// An account as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFact {
    /// The account.
    pub user: String,
    /// What is thought of it.
    pub verdict: String,
    /// Why.
    pub why: String,
    /// Attempts of the attackers.
    pub tried: u64,
    /// Those that succeeded.
    pub succeeded: u64,
    /// First and last, RFC 3339.
    pub first: String,
    /// Last.
    pub last: String,
    /// Who decided its log-ins.
    pub backends: Vec<String>,
}

/// What the analysis came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// First and last attempt of the attackers.
    pub contact: Option<(i64, i64)>,
    /// The attackers' attempts.
    pub tried: u64,
    /// Those that succeeded.
    pub succeeded: u64,
    /// Accounts that are in no list.
    pub accounts_more: u64,
    /// Addresses of attackers that somebody had used before.
    pub shared: Vec<(String, String)>,
    /// Sessions that are not their owners'.
    pub sessions: Vec<SessionFact>,
    /// Where addresses were mentioned.
    pub places: Vec<PlaceFact>,
    /// Lines that movement.jsonl does not hold.
    pub mentions_more: u64,
    /// Events that the timeline does not hold, and lines of detail.
    pub left_out: (u64, u64),
    /// The accounts (they stand in accounts.jsonl).
    pub accounts: Vec<AccountFact>,
    /// Dialects that spoke: which daemons are in use.
    pub dialects: Vec<String>,
}

impl Facts {
    /// Of what was found out.
    pub fn of(known: &Known, movement: &Movement, left_out: (u64, u64), dialects: Vec<String>) -> Facts {
        let hostile = || known.tries.iter().filter(|one| one.is_hostile());
        Facts {
            contact: known.contact,
            tried: hostile().map(|one| one.times).sum::<u64>() + known.tries_more,
            succeeded: hostile().filter(|one| one.is_session()).map(|one| one.times).sum(),
            accounts_more: known.accounts_more,
            shared: known
                .shared
                .iter()
                .map(|(ip, user)| (ip.to_string(), user.clone()))
                .collect(),
            sessions: known.stolen.iter().map(session).collect(),
            places: movement.places().map(place).collect(),
            mentions_more: movement.lines_more,
            left_out,
            accounts: known.accounts.iter().map(account).collect(),
            dialects,
        }
    }

    /// The accounts of a verdict.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &AccountFact> {
        self.accounts
            .iter()
            .filter(move |account| account.verdict == verdict.word())
    }

    /// The file.
    pub fn text(&self) -> String {
        let texts = |all: &[String]| Cell::List(all.iter().map(|text| Cell::Text(text.clone())).collect());
        let shared = self.shared.iter().map(|(ip, user)| {
            Cell::Object(vec![
                ("address", Cell::Text(ip.clone())),
                ("user", Cell::Text(user.clone())),
            ])
        });
        let sessions = self.sessions.iter().map(|one| {
            Cell::Object(vec![
                ("id", Cell::Text(one.id.clone())),
                ("user", Cell::Text(one.user.clone())),
                ("client_ip", some(&one.client_ip)),
                ("assigned_ip", some(&one.assigned_ip)),
                ("from", Cell::Text(one.from.clone())),
                ("until", Cell::Text(one.until.clone())),
                ("open", Cell::Bool(one.is_open)),
                ("verdict", Cell::Text(one.verdict.clone())),
                ("traffic", some(&one.traffic)),
            ])
        });
        let places = self.places.iter().map(|one| {
            Cell::Object(vec![
                ("address", Cell::Text(one.address.clone())),
                ("whose", Cell::Text(one.whose.clone())),
                ("user", some(&one.user)),
                ("service", Cell::Text(one.service.clone())),
                ("host", some(&one.host)),
                ("lines", Cell::Count(one.lines)),
                ("first", Cell::Text(one.first.clone())),
                ("last", Cell::Text(one.last.clone())),
                ("example", Cell::Text(one.example.clone())),
            ])
        });
        let time = |at: Option<i64>| at.map_or(Cell::None, Cell::Time);
        let mut out = Vec::new();
        json::row(
            &mut out,
            "analysis",
            &[
                ("first", time(self.contact.map(|contact| contact.0))),
                ("last", time(self.contact.map(|contact| contact.1))),
                ("tried", Cell::Count(self.tried)),
                ("succeeded", Cell::Count(self.succeeded)),
                ("accounts_more", Cell::Count(self.accounts_more)),
                ("mentions_more", Cell::Count(self.mentions_more)),
                ("events_left_out", Cell::Count(self.left_out.0)),
                ("detail_lines", Cell::Count(self.left_out.1)),
                ("dialects", texts(&self.dialects)),
                ("shared", Cell::List(shared.collect())),
                ("sessions", Cell::List(sessions.collect())),
                ("places", Cell::List(places.collect())),
            ],
        );
        out.push(b'\n');
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Reads the file, and the accounts of `accounts.jsonl`.
    pub fn parse(facts: &str, accounts: &str) -> Option<Facts> {
        let row: Value = serde_json::from_str(facts).ok()?;
        let get = |value: &Value, key: &str| found::text(value, key).unwrap_or_default();
        let number = |value: &Value, key: &str| value.get(key).and_then(Value::as_u64).unwrap_or(0);
        let list = |key: &str| row.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let when = |key: &str| found::text(&row, key).and_then(|text| time(&text));
        let accounts = accounts
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let backends = |row: &Value| {
            let all = row
                .get("backends")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            all.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
        };
        Some(Facts {
            contact: when("first").zip(when("last")),
            tried: number(&row, "tried"),
            succeeded: number(&row, "succeeded"),
            accounts_more: number(&row, "accounts_more"),
            mentions_more: number(&row, "mentions_more"),
            left_out: (number(&row, "events_left_out"), number(&row, "detail_lines")),
            dialects: list("dialects")
                .iter()
                .filter_map(|word| word.as_str().map(str::to_owned))
                .collect(),
            shared: list("shared")
                .iter()
                .map(|one| (get(one, "address"), get(one, "user")))
                .collect(),
            sessions: list("sessions")
                .iter()
                .map(|one| SessionFact {
                    id: get(one, "id"),
                    user: get(one, "user"),
                    client_ip: get(one, "client_ip"),
                    assigned_ip: get(one, "assigned_ip"),
                    from: get(one, "from"),
                    until: get(one, "until"),
                    is_open: one.get("open") == Some(&Value::Bool(true)),
                    verdict: get(one, "verdict"),
                    traffic: get(one, "traffic"),
                })
                .collect(),
            places: list("places")
                .iter()
                .map(|one| PlaceFact {
                    address: get(one, "address"),
                    whose: get(one, "whose"),
                    user: get(one, "user"),
                    service: get(one, "service"),
                    host: get(one, "host"),
                    lines: number(one, "lines"),
                    first: get(one, "first"),
                    last: get(one, "last"),
                    example: get(one, "example"),
                })
                .collect(),
            accounts: accounts
                .map(|row| AccountFact {
                    user: get(&row, "user"),
                    verdict: get(&row, "verdict"),
                    why: get(&row, "why"),
                    tried: number(&row, "tried"),
                    succeeded: number(&row, "succeeded"),
                    first: get(&row, "first"),
                    last: get(&row, "last"),
                    backends: backends(&row),
                })
                .collect(),
        })
    }

    /// What happened, in plain words, a paragraph each.
    pub fn in_words(&self, case: &Case) -> Vec<String> {
        let mut words = Vec::new();
        let attackers: Vec<String> = case
            .addresses
            .iter()
            .map(|address| address.network.to_string())
            .collect();
        let from = match attackers.is_empty() {
            true => String::new(),
            false => format!(" from {}", few(&attackers, NAMES_MAX)),
        };
        match self.contact {
            None => words.push(format!(
                "No attempt of the attackers{from} is in the evidence of that time."
            )),
            Some((first, last)) => words.push(format!(
                "Between {} and {} there were {}{from}, of which {} succeeded.",
                rfc3339(first),
                rfc3339(last),
                counted(self.tried, "attempt to log in", "attempts to log in"),
                self.succeeded
            )),
        }
        let is_known = |address: &crate::case::Address| address.role != AddressRole::Suspect;
        if !case.addresses.is_empty() && !case.addresses.iter().any(is_known) {
            words.push("None of these addresses is known to attack: they were named, or peers claim them. Their role in incident.toml decides what isolate blocks and whether a log-in from there counts as theft.".to_owned());
        }
        for (verdict, one, many) in [
            (
                Verdict::Compromised,
                "account is in other hands",
                "accounts are in other hands",
            ),
            (
                Verdict::Suspect,
                "account may be in other hands",
                "accounts may be in other hands",
            ),
            (
                Verdict::Tried,
                "account was tried and, as far as the evidence goes, not got into",
                "accounts were tried and, as far as the evidence goes, not got into",
            ),
        ] {
            let names: Vec<&str> = self.with(verdict).map(|account| account.user.as_str()).collect();
            if !names.is_empty() {
                words.push(format!(
                    "{}: {}.",
                    counted(names.len() as u64, one, many),
                    few(&names, NAMES_MAX)
                ));
            }
        }
        for session in self.sessions.iter().take(NAMED_MAX) {
            words.push(session.words());
        }
        if self.sessions.len() > NAMED_MAX {
            words.push(format!(
                "{} sessions more of that kind.",
                self.sessions.len() - NAMED_MAX
            ));
        }
        words.push(self.movement_in_words());
        for (ip, user) in &self.shared {
            words.push(format!(
                "{ip} attacks, and {user} had logged in from there before: an address that many share, or a machine that was taken over. If so, its role in incident.toml is compromised-source."
            ));
        }
        words
    }

    fn movement_in_words(&self) -> String {
        let inner: Vec<&PlaceFact> = self
            .places
            .iter()
            .filter(|place| place.whose == Whose::Inner.word())
            .collect();
        if self.sessions.is_empty() {
            return "No session is known to have been stolen, so none was followed into the network.".to_owned();
        }
        if inner.is_empty() {
            return "No other log given mentions an address of the stolen sessions. That says something only if the logs of the services behind the gateway were given.".to_owned();
        }
        let lines = inner.iter().map(|place| place.lines).sum::<u64>();
        let services: Vec<String> = inner
            .iter()
            .map(|place| match place.host.is_empty() {
                true => format!("{} ({})", place.service, place.lines),
                false => format!("{} on {} ({})", place.service, place.host, place.lines),
            })
            .collect();
        format!(
            "Addresses of the stolen sessions are mentioned in {} of other services: {}.",
            counted(lines, "line", "lines"),
            few(&services, NAMES_MAX)
        )
    }
}

impl SessionFact {
    fn words(&self) -> String {
        let inner = if self.assigned_ip.is_empty() {
            "an unknown address".to_owned()
        } else {
            self.assigned_ip.clone()
        };
        let from = if self.client_ip.is_empty() {
            "an unknown address".to_owned()
        } else {
            self.client_ip.clone()
        };
        let end = match self.is_open {
            true => "and had not ended when the evidence ended".to_owned(),
            false => format!("until {}", self.until),
        };
        let traffic = if self.traffic.is_empty() {
            String::new()
        } else {
            format!("; {}", self.traffic)
        };
        let may = if self.verdict == Verdict::Compromised.word() {
            ""
        } else {
            "perhaps "
        };
        format!(
            "A session of {}, {may}not its owner's, came from {from}, had {inner} inside the network from {} {end}{traffic}.",
            text::visible(&self.user),
            self.from
        )
    }
}

fn some(value: &str) -> Cell {
    if value.is_empty() {
        Cell::None
    } else {
        Cell::Text(value.to_owned())
    }
}

fn session(one: &Stolen) -> SessionFact {
    let traffic = match one.bytes {
        (None, None) => String::new(),
        (to, from) => format!(
            "{} to the client, {} from it",
            bytes_iec(to.unwrap_or(0)),
            bytes_iec(from.unwrap_or(0))
        ),
    };
    SessionFact {
        id: format!("{:016x}", one.id),
        user: one.user.clone(),
        client_ip: one.client_ip.map_or(String::new(), |ip| ip.to_string()),
        assigned_ip: one.assigned_ip.map_or(String::new(), |ip| ip.to_string()),
        from: rfc3339(one.from),
        until: rfc3339(one.until),
        is_open: one.is_open,
        verdict: one.verdict.word().to_owned(),
        traffic,
    }
}

fn place(one: &Place) -> PlaceFact {
    PlaceFact {
        address: one.address.to_string(),
        whose: one.whose.word().to_owned(),
        user: one.user.clone().unwrap_or_default(),
        service: one.service.clone(),
        host: one.host.clone(),
        lines: one.lines,
        first: rfc3339(one.span.0),
        last: rfc3339(one.span.1),
        example: one.example.clone(),
    }
}

fn account(one: &AccountRow) -> AccountFact {
    AccountFact {
        user: one.user.clone(),
        verdict: one.verdict.word().to_owned(),
        why: one.why.clone(),
        tried: one.tried,
        succeeded: one.succeeded,
        first: one.span.map_or(String::new(), |span| rfc3339(span.0)),
        last: one.span.map_or(String::new(), |span| rfc3339(span.1)),
        backends: one.backends.iter().map(|word| (*word).to_owned()).collect(),
    }
}

/// The summary as a text of lines.
pub fn summary(facts: &Facts, case: &Case, notes: &[String]) -> String {
    let mut out = format!(
        "{} {} ({})\n\n",
        case.id,
        text::visible(&case.title),
        case.severity.word()
    );
    for words in facts.in_words(case) {
        let _ = writeln!(out, "{words}\n");
    }
    for note in notes {
        let _ = writeln!(out, "note: {}", text::visible(note));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_read_back() {
        let facts = Facts {
            contact: Some((1_793_000_000_000_000, 1_793_000_060_000_000)),
            tried: 7,
            succeeded: 1,
            accounts_more: 2,
            shared: vec![("192.0.2.1".to_owned(), "a\"b".to_owned())],
            sessions: vec![SessionFact {
                id: "01".to_owned(),
                user: "bob\u{202e}".to_owned(),
                client_ip: "203.0.113.9".to_owned(),
                assigned_ip: "10.0.0.5".to_owned(),
                from: rfc3339(0),
                until: rfc3339(1),
                is_open: true,
                verdict: "compromised".to_owned(),
                traffic: String::new(),
            }],
            places: vec![PlaceFact {
                address: "10.0.0.5".to_owned(),
                whose: "inner".to_owned(),
                user: "bob".to_owned(),
                service: "sshd".to_owned(),
                host: "files".to_owned(),
                lines: 3,
                first: rfc3339(0),
                last: rfc3339(1),
                example: "x".to_owned(),
            }],
            mentions_more: 4,
            left_out: (5, 6),
            accounts: Vec::new(),
            dialects: vec!["pppd".to_owned()],
        };
        assert_eq!(Facts::parse(&facts.text(), ""), Some(facts.clone()));
        assert!(facts.sessions[0].words().contains("bob\\u{202e}, not its owner's"));
        assert!(facts.movement_in_words().contains("sshd on files (3)"));
    }
}
