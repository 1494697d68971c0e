//! All dialects: which program speaks which, and what a line means.

use std::sync::Arc;

use tunlog_model::{AppFilter, Hint, Message, RecordRef};

use crate::definition::DialectFile;
use crate::dialect::Dialect;
use crate::listed::Listed;
use crate::programs::{Program, Programs, Speaker};
use crate::table::{self, DialectTable};
use crate::user;

/// The catalogue of messages.
#[derive(Debug)]
pub struct Catalogue {
    dialects: Arc<[Dialect]>,
    programs: Programs,
    services: bool,
}

impl Catalogue {
    /// The dialects that tunlog ships.
    pub fn builtin() -> Catalogue {
        Catalogue::of(table::SHIPPED.iter())
    }

    /// The shipped dialects and users' own files, given as (path, text). A file with a mistake is left out; every problem
    /// of it is returned, beginning with its path and line.
    pub fn with_user_dialects(files: &[(String, String)]) -> (Catalogue, Vec<String>) {
        let mut problems = Vec::new();
        let mut tables: Vec<&'static DialectTable> = Vec::new();
        for (path, text) in files {
            let found = crate::check(path, text);
            if !found.is_empty() {
                problems.extend(found);
                continue;
            }
            let Ok(file) = toml::from_str::<DialectFile>(text) else {
                continue; // what could not be read has been told by the check
            };
            let table = user::table_of(file);
            match misfit(table, tables.iter().copied().chain(table::SHIPPED)) {
                Some(what) => problems.push(format!("{path}:1: {what}")),
                None => tables.push(table),
            }
        }
        // a user's dialect comes first: it may say better what a shipped one says in general
        let all = tables.into_iter().chain(table::SHIPPED.iter());
        (Catalogue::of(all), problems)
    }

    fn of(tables: impl Iterator<Item = &'static DialectTable>) -> Catalogue {
        let mut dialects: Vec<Dialect> = Vec::new();
        for table in tables {
            match dialects.iter_mut().find(|dialect| dialect.is_of(table)) {
                Some(dialect) => dialect.extend(table),
                None => dialects.push(Dialect::new(table)),
            }
        }
        let programs = Programs::of(&dialects, false);
        Catalogue {
            dialects: dialects.into(),
            programs,
            services: false,
        }
    }

    /// The same catalogue, which reads the lines of other services (`role = "service"`: SSH, mail) as well. Otherwise they are
    /// lines of nobody: no attempt needs them, and there may be many.
    #[must_use]
    pub fn heeding_services(&self) -> Catalogue {
        Catalogue {
            dialects: Arc::clone(&self.dialects),
            programs: Programs::of(&self.dialects, true),
            services: true,
        }
    }

    /// Whether a program speaks of tunnels or of who may have one: a log with its lines is a gateway's, or one of its helpers'.
    pub fn is_of_gateway(&self, app: &[u8]) -> bool {
        let program = self.programs.get(app);
        program.is_some_and(|program| {
            let mut own = program.speakers.iter().filter(|speaker| speaker.own);
            own.any(|speaker| self.dialects[usize::from(speaker.dialect)].is_of_gateway())
        })
    }

    /// Whether lines of a dialect are read; those of another service's may not be.
    pub fn heeds(&self, dialect: &str) -> bool {
        let mut dialects = self.dialects.iter();
        self.services || !dialects.any(|known| known.name == dialect && known.is_service())
    }

    /// The dialects.
    pub fn dialects(&self) -> &[Dialect] {
        &self.dialects
    }

    /// Every message of every dialect, without making any dialect ready to read lines.
    pub fn listed(&self) -> impl Iterator<Item = Listed> {
        self.dialects.iter().flat_map(Dialect::tables).flat_map(Listed::all)
    }

    /// The message with an id, `dialect/slug`.
    pub fn message(&self, id: &str) -> Option<Message> {
        let (dialect, slug) = id.split_once('/')?;
        let found = self
            .listed()
            .find(|listed| listed.dialect() == dialect && listed.id() == slug)?;
        Some(found.message())
    }

    /// The dialects that a program speaks, the ones to ask first first. `hint` is what the filter said of it.
    #[inline]
    pub(crate) fn speakers(&self, app: &[u8], hint: Hint) -> &[Speaker] {
        if let Some(program) = self.programs.of_hint(hint) {
            return &program.speakers;
        }
        if app.is_empty() {
            return &self.programs.headerless;
        }
        self.programs.get(app).map_or(&[], |program| &program.speakers)
    }

    /// The programs that speak its dialects.
    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Whether lines of a program are read.
    pub(crate) fn knows(&self, app: &[u8]) -> bool {
        app.is_empty() || self.programs.get(app).is_some()
    }

    /// Whether a program passes on what daemons say, with their own tags.
    pub(crate) fn passes_on(&self, app: &[u8]) -> bool {
        self.programs.get(app).is_some_and(Program::passes_on)
    }

    /// The message of a bare body, whoever wrote it.
    pub fn explain_line(&self, body: &[u8]) -> Option<&'static Message> {
        let record = RecordRef::bare(body, 1);
        self.dialects
            .iter()
            .find_map(|dialect| dialect.find(body, &record, &mut Vec::new()))
    }
}

/// Why a file cannot be part of the dialect whose name it has: its programs' bodies are read in one way.
fn misfit(table: &DialectTable, others: impl Iterator<Item = &'static DialectTable>) -> Option<String> {
    let named: Vec<&DialectTable> = others.filter(|other| other.name == table.name).collect();
    let twin = named
        .first()
        .filter(|_| !named.iter().any(|other| other.shape == table.shape))?;
    Some(format!(
        "`{}` is a dialect of shape `{}`, this file says `{}`: give it a name of its own",
        table.name, twin.shape, table.shape
    ))
}

impl AppFilter for Catalogue {
    #[inline]
    fn wants(&self, app: &[u8]) -> bool {
        self.knows(app)
    }

    #[inline(always)]
    fn program(&self, app: &[u8]) -> Option<Hint> {
        if app.is_empty() {
            return Some(Hint::default());
        }
        let program = self.programs.number(app)?;
        Some(Hint { program, place: 0 })
    }
}
