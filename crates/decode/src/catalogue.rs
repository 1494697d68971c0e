//! All dialects: which program speaks which, and what a line means.

use rustc_hash::FxHashMap;
use tunlog_model::{AppFilter, Message, RecordRef};

use crate::definition::DialectFile;
use crate::dialect::Dialect;
use crate::table::{self, DialectTable};
use crate::user;

/// The catalogue of messages.
#[derive(Debug)]
pub struct Catalogue {
    dialects: Vec<Dialect>,
    by_app: FxHashMap<&'static [u8], Vec<u16>>,
    first_bytes: Box<[bool; 256]>,
    headerless: Vec<u16>,
}

/// Programs that pass on what other daemons say, with the other's own tag before it (`NetworkManager[7]: xl2tpd[9]: …`).
const RELAYS: &[&str] = &["NetworkManager", "systemd", "docker", "nm-l2tp-service", "nm-pptp-service"];

impl Catalogue {
    /// The dialects that tunlog ships.
    pub fn builtin() -> Catalogue {
        Catalogue::of(table::SHIPPED.iter())
    }

    /// The shipped dialects and users' own files, given as (path, text).
    ///
    /// # Errors
    /// Every problem of every file, one line each, beginning with its path.
    pub fn with_user_dialects(files: &[(String, String)]) -> Result<Catalogue, Vec<String>> {
        let mut problems = Vec::new();
        let mut tables = Vec::new();
        for (path, text) in files {
            let found = crate::check(path, text);
            if found.is_empty() {
                tables.extend(toml::from_str::<DialectFile>(text).ok().map(user::table_of));
            }
            problems.extend(found);
        }
        // a user's dialect comes first: it may say better what a shipped one says in general
        if problems.is_empty() { Ok(Catalogue::of(tables.into_iter().chain(table::SHIPPED.iter()))) } else { Err(problems) }
    }

    fn of(tables: impl Iterator<Item = &'static DialectTable>) -> Catalogue {
        let mut dialects: Vec<Dialect> = Vec::new();
        for table in tables {
            match dialects.iter_mut().find(|dialect| dialect.name == table.name) {
                Some(dialect) => dialect.extend(table),
                None => dialects.push(Dialect::new(table)),
            }
        }
        let mut by_app: FxHashMap<&'static [u8], Vec<u16>> = FxHashMap::default();
        for (number, dialect) in dialects.iter().enumerate() {
            for app in dialect.apps() {
                let speakers = by_app.entry(app.as_bytes()).or_default();
                if !speakers.contains(&(number as u16)) {
                    speakers.push(number as u16);
                }
            }
        }
        for speakers in by_app.values_mut() {
            speakers.sort_by_key(|number| std::cmp::Reverse(dialects[usize::from(*number)].priority));
        }
        for relay in RELAYS {
            by_app.entry(relay.as_bytes()).or_default();
        }
        let mut first_bytes = Box::new([false; 256]);
        by_app.keys().filter_map(|app| app.first()).for_each(|first| first_bytes[usize::from(*first)] = true);
        let headerless = (0..dialects.len() as u16).filter(|number| dialects[usize::from(*number)].headerless).collect();
        Catalogue { dialects, by_app, first_bytes, headerless }
    }

    /// The dialects.
    pub fn dialects(&self) -> &[Dialect] {
        &self.dialects
    }

    /// Every message of every dialect.
    pub fn messages(&self) -> impl Iterator<Item = &'static Message> {
        self.dialects.iter().flat_map(|dialect| dialect.ready().messages.iter().copied())
    }

    /// The message with an id, `dialect/slug`.
    pub fn message(&self, id: &str) -> Option<&'static Message> {
        let (dialect, slug) = id.split_once('/')?;
        let dialect = self.dialects.iter().find(|candidate| candidate.name == dialect)?;
        dialect.ready().messages.iter().copied().find(|message| message.id == slug)
    }

    /// Numbers of the dialects that a program speaks.
    pub(crate) fn speakers(&self, app: &[u8]) -> Option<&[u16]> {
        if app.is_empty() {
            return Some(&self.headerless);
        }
        self.by_app.get(app).map(Vec::as_slice)
    }

    /// The message of a bare body, whoever wrote it.
    pub fn explain_line(&self, body: &[u8]) -> Option<&'static Message> {
        let record = RecordRef::bare(body, 1);
        self.dialects.iter().find_map(|dialect| dialect.find(body, &record, &mut Vec::new()))
    }
}

impl AppFilter for Catalogue {
    fn wants(&self, app: &[u8]) -> bool {
        app.first().is_none_or(|first| self.first_bytes[usize::from(*first)] && self.by_app.contains_key(app))
    }
}
