//! What the typed words mean: files, environment and flags together.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use tunlog_decode::Catalogue;
use tunlog_ingest::{Discovered, ProblemKind, SourceSpec, machine_sources, machine_sources_with_services};
use tunlog_pipeline::{Settings, Summary, Wants, discover};
use tunlog_report::{Format, Look};

use crate::args::{self, Common};
use crate::filter::Filter;
use crate::output::{Failure, Output, cause, tell, tell_lines, wants_color};
use crate::{strangers, when};

/// How many inputs are remembered by name.
const INPUTS_HELD: usize = 8;

/// A run over logs, ready to start.
pub struct Setup {
    /// The inputs.
    pub found: Discovered,
    /// The messages, users' own included.
    pub catalogue: Catalogue,
    /// How to read.
    pub settings: Settings,
    /// Which rows are meant.
    pub filter: Filter,
    /// Form of the output.
    pub format: Format,
    /// Zone and colours of tables.
    pub look: Look,
    /// At most this many rows.
    pub limit: u64,
    /// No notes.
    pub quiet: bool,
    /// The present, microseconds UTC.
    pub now: i64,
    /// A dialect file of the users' own was left out.
    faulty: bool,
    to: Option<PathBuf>,
    /// The first inputs, to look at again if nobody knows them.
    first: Vec<SourceSpec>,
}

impl Setup {
    /// Reads the configuration and finds the inputs.
    ///
    /// # Errors
    /// What was typed wrong.
    pub fn new(common: &Common, paths: &[PathBuf], rotate: bool, wants: Wants) -> Result<Setup, Failure> {
        Setup::in_format(format_of(common)?, common, paths, rotate, wants)
    }

    /// The same with a format that was decided elsewhere.
    ///
    /// # Errors
    /// What was typed wrong.
    pub fn in_format(
        format: Format,
        common: &Common,
        paths: &[PathBuf],
        rotate: bool,
        wants: Wants,
    ) -> Result<Setup, Failure> {
        let found = match paths.is_empty() {
            true if wants.are_findings() => machine_sources_with_services(),
            true => machine_sources(),
            false => discover(paths, rotate),
        };
        let setup = Setup::over(format, common, found, wants)?;
        setup.tell_sources()?;
        Ok(setup)
    }

    /// The same over inputs that were found.
    ///
    /// # Errors
    /// If something that was typed means nothing.
    pub fn over(format: Format, common: &Common, found: Discovered, wants: Wants) -> Result<Setup, Failure> {
        let now = jiff::Timestamp::now().as_microsecond();
        let input_zone = zone_of(common)?;
        let look = Look {
            zone: if common.utc { TimeZone::UTC } else { input_zone.clone() },
            color: wants_color(common.color, common.to.is_some()),
        };
        let time = |option: &str, typed: &Option<String>| -> Result<Option<i64>, Failure> {
            let parsed = typed
                .as_deref()
                .map(|typed| when::parse(typed, now, &look.zone))
                .transpose();
            parsed.map_err(|problem| Failure::Message(format!("{option}: {problem}")))
        };
        let defaults = tunlog_ingest::Options::default();
        let (since, until) = (time("--since", &common.since)?, time("--until", &common.until)?);
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            let shown = |micros: i64| tunlog_report::local(micros, &look.zone, "%Y-%m-%d %H:%M:%S");
            let message = format!("--since {} is later than --until {}", shown(since), shown(until));
            return Err(Failure::Message(message));
        }
        let settings = Settings {
            ingest: tunlog_ingest::Options {
                tz: common.tz.clone(),
                year: common.year,
                now,
                ..defaults
            },
            since,
            until,
            evidence: format != Format::Table,
            show_secrets: common.show_secrets,
            wants,
            services: None,
        };
        let Loaded { catalogue, faulty } = catalogue();
        let first = found.specs.iter().take(INPUTS_HELD).cloned().collect();
        Ok(Setup {
            found,
            catalogue,
            settings,
            filter: Filter::new(common),
            format,
            look,
            limit: common.limit.unwrap_or(u64::MAX),
            quiet: common.quiet,
            now,
            faulty,
            to: common.to.clone(),
            first,
        })
    }

    /// Says what is read when nobody named it.
    fn tell_sources(&self) -> Result<(), Failure> {
        if !self.found.machine {
            return Ok(());
        }
        let names: Vec<&str> = self.found.specs.iter().map(|spec| spec.name.as_str()).collect();
        if names.is_empty()
            && self
                .found
                .problems
                .iter()
                .all(|problem| problem.kind != ProblemKind::Error)
        {
            let message = "this machine has no log of a VPN gateway where one usually lies: name a PATH";
            return Err(Failure::Message(message.to_owned()));
        }
        if !self.quiet && !names.is_empty() {
            tell(&format!("reading {}", names.join(", ")));
        }
        Ok(())
    }

    /// Whether `--to` names a file.
    pub fn to_file(&self) -> bool {
        self.to.is_some()
    }

    /// Opens the output.
    ///
    /// # Errors
    /// If the file of `--to` cannot be made.
    pub fn output(&self) -> Result<Output, Failure> {
        Output::open(self.to.as_deref())
    }

    /// Says what the run left to say, and gives its exit status; `rows` were found.
    pub fn close(&self, summary: &Summary, rows: u64) -> u8 {
        let mut failed = self.faulty;
        for problem in &summary.problems {
            let is_error = problem.kind == ProblemKind::Error;
            failed |= is_error;
            if is_error || !self.quiet {
                tell(&problem.to_string());
            }
        }
        if !self.quiet && summary.gaps > 0 {
            let lost = if summary.lost > 0 {
                format!(" ({})", counted(summary.lost, "line", "lines"))
            } else {
                String::new()
            };
            tell(&format!(
                "{} where the writer says that lines were lost{lost}",
                counted(summary.gaps, "gap", "gaps")
            ));
        }
        if !self.quiet && summary.unrecognised > 0 {
            tell(&format!(
                "{} not understood, see `tunlog unknown`",
                counted(summary.unrecognised, "line", "lines")
            ));
        }
        if !self.quiet
            && summary.events == 0
            && summary.unrecognised == 0
            && let Some(words) = strangers::told(&self.first, &self.settings.ingest, summary.records)
        {
            tell(&words);
        }
        match (failed, rows == 0 && self.filter.names_something()) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        }
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn zone_of(common: &Common) -> Result<TimeZone, Failure> {
    match &common.tz {
        Some(typed) => when::zone(typed).map_err(|problem| Failure::Message(format!("--tz: {problem}"))),
        None => Ok(TimeZone::try_system().unwrap_or(TimeZone::UTC)),
    }
}

/// The format of an explicit word, else of the suffix of `--to`, else a table.
///
/// # Errors
/// If the suffix names none.
pub fn format_of(common: &Common) -> Result<Format, Failure> {
    if common.json {
        return Ok(Format::Jsonl);
    }
    if let Some(output) = common.output {
        return format(output);
    }
    let Some(to) = &common.to else {
        return Ok(Format::Table);
    };
    let suffix = to.extension().and_then(OsStr::to_str).unwrap_or("txt");
    Format::from_word(suffix).ok_or_else(|| {
        Failure::Message(format!(
            "{}: the suffix names no format: say which with -o (table, json, jsonl, csv, logfmt)",
            to.display()
        ))
    })
}

/// The report's word for a typed format.
///
/// # Errors
/// If it is one of a page.
pub fn format(output: args::Output) -> Result<Format, Failure> {
    Ok(match output {
        args::Output::Table => Format::Table,
        args::Output::Json => Format::Json,
        args::Output::Jsonl => Format::Jsonl,
        args::Output::Csv => Format::Csv,
        args::Output::Logfmt => Format::Logfmt,
        args::Output::Html | args::Output::Md | args::Output::Sarif => {
            let message = "only `tunlog report` writes html and md, only `tunlog audit` html and sarif: say table, json, jsonl, csv or logfmt with -o";
            return Err(Failure::Message(message.to_owned()));
        }
    })
}

/// The messages that are used.
pub struct Loaded {
    /// The shipped ones and the users' own.
    pub catalogue: Catalogue,
    /// A file of the users' own was left out for its mistakes, which have been told: the exit status says so too.
    pub faulty: bool,
}

/// The shipped messages and the users' own. A file with a mistake is told on standard error and left out.
pub fn catalogue() -> Loaded {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for folder in dialect_folders() {
        read_dialects(&folder, &mut files, &mut problems);
    }
    if files.is_empty() && problems.is_empty() {
        return Loaded {
            catalogue: Catalogue::builtin(),
            faulty: false,
        };
    }
    let (catalogue, mistakes) = Catalogue::with_user_dialects(&files);
    problems.extend(mistakes);
    for problem in &problems {
        tell_lines(problem);
    }
    if !problems.is_empty() {
        tell("dialect files with a mistake are not used; `tunlog dialect check FILE` checks one again");
    }
    Loaded {
        catalogue,
        faulty: !problems.is_empty(),
    }
}

fn dialect_folders() -> Vec<PathBuf> {
    folders().map(|folder| folder.join("dialects.d")).collect()
}

/// Where our own files lie: the machine's, then the user's.
pub fn folders() -> impl Iterator<Item = PathBuf> {
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".config"));
    let user = std::env::var_os("XDG_CONFIG_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or(home);
    let folders = [Some(PathBuf::from("/etc")), user];
    folders.into_iter().flatten().map(|folder| folder.join("tunlog"))
}

/// Adds the `.toml` files of a folder in the order of their names; a folder that is not there is no error.
fn read_dialects(folder: &Path, files: &mut Vec<(String, String)>, problems: &mut Vec<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension() == Some(OsStr::new("toml")));
    paths.sort();
    for path in paths {
        match read_dialect(&path) {
            Ok(file) => files.push(file),
            Err(Failure::Message(problem)) => problems.push(problem),
            Err(Failure::BrokenPipe) => {}
        }
    }
}

/// A dialect file's path and text.
///
/// # Errors
/// If it cannot be read.
pub fn read_dialect(path: &Path) -> Result<(String, String), Failure> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(Failure::Message(format!("{name}: cannot read: not a text in UTF-8")))
        }
        Err(error) => Err(Failure::Message(format!("{name}: cannot read: {}", cause(&error)))),
    }
}
