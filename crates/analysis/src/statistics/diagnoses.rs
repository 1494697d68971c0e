//! Every diagnosis as a row, in the contract's keys.

use std::net::IpAddr;

use rustc_hash::{FxHashMap, FxHashSet};
use tunlog_model::{Cell, Column, Evidence};

use super::attempts::SourceNames;
use super::{maybe, text};
use crate::diagnose::Diagnosis;

/// A diagnosis together with the names that its evidence needs.
#[derive(Clone, Copy)]
pub struct DiagnosisView<'a> {
    /// The diagnosis.
    pub diagnosis: &'a Diagnosis,
    /// The names of the sources.
    pub sources: &'a dyn SourceNames,
}

impl<'a> DiagnosisView<'a> {
    /// The contract's `diagnosis`.
    pub const COLUMNS: &'a [Column<DiagnosisView<'a>>] = &[
        Column {
            key: "attempt",
            header: "",
            doc: "Id of the attempt; absent for a fault that belongs to none.",
            value: |view| maybe(view.diagnosis.attempt, |id| Cell::Text(format!("{id:016x}"))),
        },
        Column {
            key: "time",
            header: "Started",
            doc: "When it began.",
            value: |view| Cell::Time(view.diagnosis.time),
        },
        Column {
            key: "user",
            header: "User",
            doc: "Name exactly as the client gave it.",
            value: |view| maybe(view.diagnosis.user.as_deref(), text),
        },
        Column {
            key: "client_ip",
            header: "Remote IP",
            doc: "Address of the client as a socket or the kernel reported it.",
            value: |view| maybe(view.diagnosis.client_ip, Cell::Ip),
        },
        Column {
            key: "claimed_ip",
            header: "",
            doc: "Address that the peer merely claims to have.",
            value: |view| maybe(view.diagnosis.claimed_ip, Cell::Ip),
        },
        Column {
            key: "gateway",
            header: "",
            doc: "Host that is the gateway.",
            value: |view| maybe(view.diagnosis.gateway.as_deref(), text),
        },
        Column {
            key: "protocol",
            header: "Protocol",
            doc: "pptp, l2tp or l2tp-ipsec.",
            value: |view| maybe(view.diagnosis.protocol, |protocol| Cell::Word(protocol.word())),
        },
        Column {
            key: "outcome",
            header: "",
            doc: "What became of the attempt.",
            value: |view| maybe(view.diagnosis.outcome, |outcome| Cell::Word(outcome.word())),
        },
        Column {
            key: "cause",
            header: "Cause",
            doc: "Why; `tunlog explain CAUSE` tells more.",
            value: |view| Cell::Word(view.diagnosis.cause),
        },
        Column {
            key: "layer",
            header: "Layer",
            doc: "Where it stopped.",
            value: |view| Cell::Word(view.diagnosis.layer.word()),
        },
        Column {
            key: "confidence",
            header: "Confidence",
            doc: "certain (the log says so), likely or possible.",
            value: |view| Cell::Word(view.diagnosis.confidence.word()),
        },
        Column {
            key: "summary",
            header: "",
            doc: "What happened and why, in plain words.",
            value: |view| Cell::Text(view.diagnosis.summary.clone()),
        },
        Column {
            key: "actions",
            header: "",
            doc: "What to do, the most promising first.",
            value: |view| list(&view.diagnosis.actions),
        },
        Column {
            key: "alternatives",
            header: "",
            doc: "What else it may be.",
            value: |view| {
                let all = view.diagnosis.alternatives.iter().map(|(cause, confidence)| {
                    Cell::Object(vec![
                        ("cause", Cell::Word(cause)),
                        ("confidence", Cell::Word(confidence.word())),
                    ])
                });
                Cell::List(all.collect())
            },
        },
        Column {
            key: "decides",
            header: "",
            doc: "Which further evidence would decide.",
            value: |view| match view.diagnosis.decides.is_empty() {
                true => Cell::None,
                false => list(&view.diagnosis.decides),
            },
        },
        Column {
            key: "ladder",
            header: "",
            doc: "How far it got: each layer worked, stopped, not-reached, not-told, without.",
            value: |view| {
                let steps = view.diagnosis.ladder.iter().map(|step| {
                    Cell::Object(vec![
                        ("step", Cell::Word(step.name)),
                        ("state", Cell::Word(step.state.word())),
                    ])
                });
                match view.diagnosis.ladder.is_empty() {
                    true => Cell::None,
                    false => Cell::List(steps.collect()),
                }
            },
        },
        Column {
            key: "backend",
            header: "",
            doc: "Who decided the login.",
            value: |view| maybe(view.diagnosis.backend, Cell::Word),
        },
        Column {
            key: "exposed",
            header: "",
            doc: "The login is exposed to whoever has the capture: pap, whose password it holds, or the method whose challenge and response it holds.",
            value: |view| maybe(view.diagnosis.exposed, Cell::Word),
        },
        Column {
            key: "times",
            header: "",
            doc: "How many times this stands for, when more than once.",
            value: |view| match view.diagnosis.times {
                0 | 1 => Cell::None,
                times => Cell::Count(times),
            },
        },
        Column {
            key: "evidence",
            header: "",
            doc: "The lines that tell, in the order of time, across all sources.",
            value: |view| evidence(&view.diagnosis.evidence, view.sources),
        },
    ];
}

fn list(texts: &[impl AsRef<str>]) -> Cell {
    Cell::List(texts.iter().map(|line| Cell::Text(line.as_ref().to_owned())).collect())
}

/// Evidence as the contract has it: source, line, text.
pub fn evidence(lines: &[Evidence], sources: &dyn SourceNames) -> Cell {
    let items = lines.iter().map(|item| {
        Cell::Object(vec![
            ("source", text(sources.source_name(item.source))),
            ("line", Cell::Count(item.line)),
            (
                "text",
                match item.text.is_empty() {
                    true => Cell::None,
                    false => text(&item.text),
                },
            ),
        ])
    });
    Cell::List(items.collect())
}

/// How often one cause was found.
#[derive(Clone, Debug)]
pub struct CauseCount {
    /// The cause.
    pub cause: &'static str,
    /// Attempts, or lines where no attempt is known.
    pub count: u64,
    /// Clients that it happened to.
    pub clients: u64,
    /// Users that it happened to.
    pub users: u64,
    /// When it last happened, microseconds UTC.
    pub last: i64,
}

impl CauseCount {
    /// For people.
    pub const COLUMNS: &'static [Column<CauseCount>] = &[
        Column {
            key: "count",
            header: "Count",
            doc: "How many attempts; sessions for healthy and unencrypted.",
            value: |row| Cell::Count(row.count),
        },
        Column {
            key: "cause",
            header: "Cause",
            doc: "Why.",
            value: |row| Cell::Word(row.cause),
        },
        Column {
            key: "clients",
            header: "Clients",
            doc: "How many addresses it happened to.",
            value: |row| Cell::Count(row.clients),
        },
        Column {
            key: "users",
            header: "Users",
            doc: "How many names it happened to.",
            value: |row| Cell::Count(row.users),
        },
        Column {
            key: "last",
            header: "Last",
            doc: "When it last happened.",
            value: |row| Cell::Time(row.last),
        },
    ];
}

/// How many clients and users are told apart for one cause.
const NAMES_MAX: usize = 100_000;

/// Counts causes.
#[derive(Debug, Default)]
pub struct Causes {
    causes: FxHashMap<&'static str, Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    count: u64,
    clients: FxHashSet<IpAddr>,
    users: FxHashSet<Box<str>>,
    last: i64,
}

impl Causes {
    /// Takes a diagnosis in.
    pub fn count(&mut self, diagnosis: &Diagnosis) {
        let counted = self.causes.entry(diagnosis.cause).or_default();
        counted.count += diagnosis.times.max(1);
        if let Some(client) = diagnosis.client_ip.filter(|_| counted.clients.len() < NAMES_MAX) {
            counted.clients.insert(client);
        }
        if let Some(user) = diagnosis.user.as_ref().filter(|_| counted.users.len() < NAMES_MAX) {
            counted.users.insert(user.clone());
        }
        counted.last = counted.last.max(diagnosis.last);
    }

    /// The faults, most frequent first, then what is none.
    pub fn rows(&self) -> Vec<CauseCount> {
        let all = self.causes.iter().map(|(cause, counted)| CauseCount {
            cause,
            count: counted.count,
            clients: counted.clients.len() as u64,
            users: counted.users.len() as u64,
            last: counted.last,
        });
        let mut rows: Vec<CauseCount> = all.collect();
        let is_no_fault = |cause: &str| matches!(cause, "healthy" | "unencrypted");
        rows.sort_by_key(|row| (is_no_fault(row.cause), std::cmp::Reverse(row.count), row.cause));
        rows
    }
}
