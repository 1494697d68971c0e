//! All dialects: which program speaks which, and what a line means.

use rustc_hash::FxHashMap;
use tunlog_model::{AppFilter, Message, RecordRef};

use crate::definition::DialectFile;
use crate::dialect::Dialect;
use crate::table::{self, DialectTable};
use crate::user;

/// A dialect that a program speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speaker {
    /// Number of the dialect.
    pub dialect: u16,
    /// Its own, not one that it only passes on.
    pub own: bool,
}

/// The catalogue of messages.
#[derive(Debug)]
pub struct Catalogue {
    dialects: Vec<Dialect>,
    by_app: FxHashMap<&'static [u8], Vec<Speaker>>,
    /// Program names by their first and last byte, to tell nearly all other programs apart without hashing.
    gate: Box<[Vec<&'static [u8]>; 1024]>,
    headerless: Vec<Speaker>,
}

/// Programs that pass on what other daemons say, with the other's own tag before it (`NetworkManager[7]: xl2tpd[9]: …`).
const RELAYS: &[&str] = &["NetworkManager", "nm-l2tp-service", "nm-pptp-service"];

impl Catalogue {
    /// The dialects that tunlog ships.
    pub fn builtin() -> Catalogue {
        Catalogue::of(table::SHIPPED.iter())
    }

    /// The shipped dialects and users' own files, given as (path, text).
    ///
    /// # Errors
    /// Every problem of every file, beginning with its path and line.
    pub fn with_user_dialects(files: &[(String, String)]) -> Result<Catalogue, Vec<String>> {
        let mut problems = Vec::new();
        let mut tables: Vec<&'static DialectTable> = Vec::new();
        for (path, text) in files {
            let mut found = crate::check(path, text);
            if found.is_empty()
                && let Ok(file) = toml::from_str::<DialectFile>(text)
            {
                let table = user::table_of(file);
                found.extend(
                    misfit(table, tables.iter().copied().chain(table::SHIPPED)).map(|what| format!("{path}:1: {what}")),
                );
                tables.push(table);
            }
            problems.extend(found);
        }
        // a user's dialect comes first: it may say better what a shipped one says in general
        if problems.is_empty() {
            Ok(Catalogue::of(tables.into_iter().chain(table::SHIPPED.iter())))
        } else {
            Err(problems)
        }
    }

    fn of(tables: impl Iterator<Item = &'static DialectTable>) -> Catalogue {
        let mut dialects: Vec<Dialect> = Vec::new();
        for table in tables {
            match dialects.iter_mut().find(|dialect| dialect.name == table.name) {
                Some(dialect) => dialect.extend(table),
                None => dialects.push(Dialect::new(table)),
            }
        }
        let mut by_app: FxHashMap<&'static [u8], Vec<Speaker>> = FxHashMap::default();
        let numbers = || (0u16..).zip(&dialects);
        let own = numbers().flat_map(|(number, dialect)| {
            dialect.apps().map(move |app| {
                (
                    app,
                    Speaker {
                        dialect: number,
                        own: true,
                    },
                )
            })
        });
        let passed_on = numbers().flat_map(|(number, dialect)| {
            dialect.passed_on_by().map(move |app| {
                (
                    app,
                    Speaker {
                        dialect: number,
                        own: false,
                    },
                )
            })
        });
        for (app, speaker) in own.chain(passed_on) {
            let speakers = by_app.entry(app.as_bytes()).or_default();
            if !speakers.iter().any(|known| known.dialect == speaker.dialect) {
                speakers.push(speaker);
            }
        }
        for speakers in by_app.values_mut() {
            speakers.sort_by_key(|speaker| std::cmp::Reverse(dialects[usize::from(speaker.dialect)].priority));
        }
        for relay in RELAYS {
            by_app.entry(relay.as_bytes()).or_default();
        }
        let mut gate = Box::new([const { Vec::new() }; 1024]);
        by_app.keys().for_each(|app| gate[gate_of(app)].push(*app));
        let headerless = numbers().filter(|(_, dialect)| dialect.headerless);
        let mut headerless: Vec<Speaker> = headerless
            .map(|(number, _)| Speaker {
                dialect: number,
                own: true,
            })
            .collect();
        headerless.sort_by_key(|speaker| std::cmp::Reverse(dialects[usize::from(speaker.dialect)].priority));
        Catalogue {
            dialects,
            by_app,
            gate,
            headerless,
        }
    }

    /// The dialects.
    pub fn dialects(&self) -> &[Dialect] {
        &self.dialects
    }

    /// Every message of every dialect.
    pub fn messages(&self) -> impl Iterator<Item = &'static Message> {
        self.dialects
            .iter()
            .flat_map(|dialect| dialect.ready().messages.iter().copied())
    }

    /// The message with an id, `dialect/slug`.
    pub fn message(&self, id: &str) -> Option<&'static Message> {
        let (dialect, slug) = id.split_once('/')?;
        let dialect = self.dialects.iter().find(|candidate| candidate.name == dialect)?;
        dialect
            .ready()
            .messages
            .iter()
            .copied()
            .find(|message| message.id == slug)
    }

    /// The dialects that a program speaks, the ones to ask first first.
    pub(crate) fn speakers(&self, app: &[u8]) -> Option<&[Speaker]> {
        if app.is_empty() {
            return Some(&self.headerless);
        }
        self.by_app.get(app).map(Vec::as_slice)
    }

    /// The message of a bare body, whoever wrote it.
    pub fn explain_line(&self, body: &[u8]) -> Option<&'static Message> {
        let record = RecordRef::bare(body, 1);
        self.dialects
            .iter()
            .find_map(|dialect| dialect.find(body, &record, &mut Vec::new()))
    }
}

/// Why a file cannot be part of the dialect whose name it has: bodies are read in one way.
fn misfit(table: &DialectTable, mut others: impl Iterator<Item = &'static DialectTable>) -> Option<String> {
    let twin = others.find(|other| other.name == table.name && other.shape != table.shape)?;
    Some(format!(
        "`{}` is a dialect of shape `{}`, this file says `{}`: give it a name of its own",
        table.name, twin.shape, table.shape
    ))
}

/// Where a program name stands in the gate.
#[inline]
fn gate_of(app: &[u8]) -> usize {
    match app {
        [first, .., last] => usize::from(first & 31) << 5 | usize::from(last & 31),
        _ => 0,
    }
}

impl AppFilter for Catalogue {
    #[inline]
    fn wants(&self, app: &[u8]) -> bool {
        app.is_empty() || self.gate[gate_of(app)].contains(&app)
    }
}
