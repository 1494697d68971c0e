//! Every finding as a row, in the contract's keys.

use tunlog_model::{Cell, Column};

use super::attempts::SourceNames;
use super::{diagnoses, maybe, text};
use crate::detect::Finding;

/// A finding together with the names that its evidence needs.
#[derive(Clone, Copy)]
pub struct FindingView<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// The names of the sources of evidence.
    pub sources: &'a dyn SourceNames,
}

/// Names and addresses that a table for people shows in one cell.
const SHOWN: usize = 3;

impl<'a> FindingView<'a> {
    /// The contract's `finding`.
    pub const COLUMNS: &'a [Column<FindingView<'a>>] = &[
        Column {
            key: "rule",
            header: "Rule",
            doc: "What was found; `tunlog explain RULE` tells more.",
            value: |view| Cell::Word(view.finding.rule),
        },
        Column {
            key: "severity",
            header: "Severity",
            doc: "info and low sound no alarm.",
            value: |view| Cell::Word(view.finding.severity.word()),
        },
        Column {
            key: "techniques",
            header: "",
            doc: "MITRE ATT&CK techniques.",
            value: |view| Cell::List(view.finding.techniques.iter().map(|id| Cell::Word(id)).collect()),
        },
        Column {
            key: "sources",
            header: "",
            doc: "Addresses as a socket reported them, or a network whose addresses act as one.",
            value: |view| {
                Cell::List(
                    view.finding
                        .sources
                        .iter()
                        .map(|source| Cell::Text(source.to_string()))
                        .collect(),
                )
            },
        },
        Column {
            key: "claimed",
            header: "",
            doc: "The sources are what RADIUS was told (Calling-Station-Id): no socket's address was joined.",
            value: |view| {
                if view.finding.claimed {
                    Cell::Bool(true)
                } else {
                    Cell::None
                }
            },
        },
        Column {
            key: "users",
            header: "",
            doc: "Names that were tried or are concerned.",
            value: |view| Cell::List(view.finding.users.iter().map(|user| text(user)).collect()),
        },
        Column {
            key: "first",
            header: "",
            doc: "First attempt that it is made of.",
            value: |view| Cell::Time(view.finding.first),
        },
        Column {
            key: "last",
            header: "",
            doc: "Last one until the alarm.",
            value: |view| Cell::Time(view.finding.last),
        },
        Column {
            key: "attempts",
            header: "Attempts",
            doc: "How many until the alarm.",
            value: |view| Cell::Count(view.finding.attempts),
        },
        Column {
            key: "succeeded",
            header: "",
            doc: "Accounts that were got into.",
            value: succeeded,
        },
        Column {
            key: "alarm_time",
            header: "Alarm",
            doc: "Event time at which it was known.",
            value: |view| Cell::Time(view.finding.alarm_time),
        },
        Column {
            key: "summary",
            header: "",
            doc: "What was seen, which bar it crossed, what would have been normal.",
            value: |view| Cell::Text(view.finding.summary.clone()),
        },
        Column {
            key: "actions",
            header: "",
            doc: "What to do.",
            value: |view| Cell::List(view.finding.actions.iter().map(|action| Cell::Word(action)).collect()),
        },
        Column {
            key: "evidence",
            header: "",
            doc: "Lines that tell.",
            value: evidence,
        },
    ];

    /// For people: when, what, who.
    pub const SHORT: &'a [Column<FindingView<'a>>] = &[
        Column {
            key: "alarm_time",
            header: "Alarm",
            doc: "Event time at which it was known.",
            value: |view| Cell::Time(view.finding.alarm_time),
        },
        Column {
            key: "severity",
            header: "Severity",
            doc: "info and low sound no alarm.",
            value: |view| Cell::Word(view.finding.severity.word()),
        },
        Column {
            key: "rule",
            header: "Rule",
            doc: "What was found.",
            value: |view| Cell::Word(view.finding.rule),
        },
        Column {
            key: "sources",
            header: "Sources",
            doc: "From where.",
            value: |view| few(view.finding.sources.iter().map(ToString::to_string)),
        },
        Column {
            key: "users",
            header: "Users",
            doc: "Names that were tried or are concerned.",
            value: |view| few(view.finding.users.iter().map(|user| user.to_string())),
        },
        Column {
            key: "attempts",
            header: "Attempts",
            doc: "How many until the alarm.",
            value: |view| Cell::Count(view.finding.attempts),
        },
    ];
}

fn few(all: impl ExactSizeIterator<Item = String>) -> Cell {
    let count = all.len();
    if count == 0 {
        return Cell::None;
    }
    let mut shown: Vec<String> = all.take(SHOWN).collect();
    if count > SHOWN {
        shown.truncate(SHOWN - 1);
        shown.push(format!("and {} more", count - shown.len()));
    }
    Cell::Text(shown.join(", "))
}

fn succeeded(view: &FindingView<'_>) -> Cell {
    let all = view.finding.succeeded.iter().map(|taken| {
        Cell::Object(vec![
            ("user", text(&taken.user)),
            ("client_ip", maybe(taken.client_ip, Cell::Ip)),
            ("time", Cell::Time(taken.time)),
        ])
    });
    Cell::List(all.collect())
}

/// As the contract has it; of a claimed source each line says so.
fn evidence(view: &FindingView<'_>) -> Cell {
    let lines = diagnoses::evidence(&view.finding.evidence, view.sources);
    let Cell::List(mut lines) = lines else { return lines };
    if view.finding.claimed {
        for line in &mut lines {
            if let Cell::Object(members) = line {
                members.push(("source_address", Cell::Word("claimed")));
            }
        }
    }
    Cell::List(lines)
}
