//! The half of an audit that reads logs.

use std::collections::HashSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tunlog_audit::logs::{Account, Logs};
use tunlog_audit::migration::{COLUMNS, Migration, Row, SHORT};
use tunlog_audit::parse::ppp_secrets;
use tunlog_audit::{ConfigFile, Kind, Report, kind_of};
use tunlog_ingest::{Discovered, SourceKind, machine_sources};
use tunlog_model::{Attempt, Event, RecordTime, SourceId};
use tunlog_pipeline::{Sources, Subscriber, Summary, Wants, discover};
use tunlog_report::{Addition, Format, Printer};

use super::Shape;
use super::gather::{self, Gathered};
use crate::args::AuditArgs;
use crate::config::Setup;
use crate::filter::Filter;
use crate::output::{self, Failure, tell};

/// What is meant of the logs.
struct Choice {
    filter: Filter,
    since: Option<i64>,
    until: Option<i64>,
}

impl Choice {
    fn new(setup: &Setup) -> Choice {
        Choice {
            filter: setup.filter.clone(),
            since: setup.settings.since,
            until: setup.settings.until,
        }
    }

    fn takes_time(&self, time: i64) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
    }
}

/// Hands what is meant to whoever looks at it.
struct Stream<T> {
    choice: Choice,
    looks: T,
}

/// Looks at events and attempts.
trait Look {
    /// `meant`: of those who were asked for.
    fn event(&mut self, event: &Event<'_>, meant: bool);
    fn attempt(&mut self, attempt: &Attempt);
    fn lost(&mut self, count: Option<u64>, time: i64);
}

impl Look for Logs {
    fn event(&mut self, event: &Event<'_>, meant: bool) {
        Logs::event(self, event, meant);
    }

    fn attempt(&mut self, attempt: &Attempt) {
        Logs::attempt(self, attempt);
    }

    fn lost(&mut self, count: Option<u64>, time: i64) {
        Logs::lost(self, count, time);
    }
}

impl Look for Migration {
    fn event(&mut self, event: &Event<'_>, _: bool) {
        Migration::event(self, event);
    }

    fn attempt(&mut self, attempt: &Attempt) {
        Migration::attempt(self, attempt);
    }

    fn lost(&mut self, _: Option<u64>, _: i64) {}
}

impl<T: Look> Subscriber for Stream<T> {
    fn event(&mut self, event: &Event<'_>, _: &Sources) -> ControlFlow<()> {
        if self.choice.takes_time(event.time.micros) {
            let filter = &self.choice.filter;
            let meant = !filter.names_something() || filter.takes_event(event);
            self.looks.event(event, meant);
        }
        ControlFlow::Continue(())
    }

    fn attempt(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        if self.choice.filter.takes(&attempt) {
            self.looks.attempt(&attempt);
        }
        ControlFlow::Continue(())
    }

    fn lost(&mut self, count: Option<u64>, time: RecordTime, _: &Sources) {
        if self.choice.takes_time(time.micros) {
            self.looks.lost(count, time.micros);
        }
    }
}

/// Reads the logs.
fn read<T: Look>(setup: &mut Setup, looks: T) -> (T, Sources, Summary) {
    let mut stream = Stream {
        choice: Choice::new(setup),
        looks,
    };
    let found = std::mem::take(&mut setup.found);
    let sources = Sources::of(&found);
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut stream);
    (stream.looks, sources, summary)
}

/// A run over the logs: what was named and is no configuration, the logs of folders, or the machine's own.
///
/// # Errors
/// If something that was typed means nothing.
pub fn setup(args: &AuditArgs, gathered: &Gathered) -> Result<Setup, Failure> {
    let found = match args.input.paths.is_empty() {
        true => machine_sources(),
        false => named(&args.input.paths, gathered),
    };
    let mut setup = Setup::over(Format::Table, &args.input.common, found, Wants::Attempts)?;
    // a check names a line
    setup.settings.evidence = true;
    Ok(setup)
}

/// The logs among what was named: files that are no configuration, and those of folders, which may hold none.
fn named(paths: &[PathBuf], gathered: &Gathered) -> Discovered {
    let is_folder = |path: &&PathBuf| path.is_dir() && !gather::is_in_etc(path);
    let has_logs = |path: &&PathBuf| !discover(std::slice::from_ref(*path), false).specs.is_empty();
    let folders = paths.iter().filter(is_folder).filter(has_logs);
    let wanted: Vec<PathBuf> = gathered.others.iter().chain(folders).cloned().collect();
    let mut found = discover(&wanted, false);
    let canonical = |path: &Path| path.canonicalize().ok();
    let files = gathered.machine.files.iter();
    let known: HashSet<PathBuf> = files.filter_map(|file| canonical(Path::new(&file.path))).collect();
    found.specs.retain(|spec| match &spec.kind {
        SourceKind::File(path) => canonical(path).is_none_or(|path| !known.contains(&path)),
        _ => true,
    });
    // a folder of configuration need not hold logs, too
    let is_config = |folder: &Path| {
        gathered
            .machine
            .files
            .iter()
            .any(|file| Path::new(&file.path).starts_with(folder))
    };
    found.problems.retain(|problem| {
        let folder = Path::new(&problem.path);
        !(wanted.iter().any(|path| path == folder) && folder.is_dir() && is_config(folder))
    });
    found
}

/// Adds to the report what the logs and the package list show, and marks what has been accepted; whether something failed.
///
/// # Errors
/// If a file that was named cannot be read.
pub fn audit(args: &AuditArgs, gathered: &Gathered, setup: &mut Setup, report: &mut Report) -> Result<bool, Failure> {
    let machine = args.input.paths.is_empty();
    let (mut exceptions, problems) = args.beside.read_exceptions()?;
    for problem in &problems {
        tell(problem);
    }
    let beside = args.beside.gather(machine, known_accounts(gathered), &setup.found)?;
    let (mut logs, sources, summary) = read(setup, Logs::new(beside, tunlog_decode::redact));
    let name = |source: SourceId| sources.name(source).to_owned();
    logs.finish(setup.now, &name, report);
    let strange = tell_strange(gathered, &sources, &summary);
    let whole = machine || !args.beside.exceptions.is_empty();
    exceptions.apply(setup.now, whole, report);
    report.sort();
    // a machine without logs has its configuration
    let failed = setup.close(&summary, 1) == 2 && !machine;
    Ok(failed || strange || !problems.is_empty())
}

/// Says of each file that was named whether it is neither configuration nor a log.
fn tell_strange(gathered: &Gathered, sources: &Sources, summary: &Summary) -> bool {
    let is_named = |name: &str| gathered.others.iter().any(|path| path.as_os_str() == name);
    let mut any = false;
    for (at, name) in sources.names().iter().enumerate() {
        let source = summary.sources.get(at);
        let says_nothing = source.is_none_or(|source| source.first.is_none() && source.unrecognised == 0);
        if says_nothing && summary.gaps == 0 && is_named(name) {
            tell(&format!(
                "{name}: neither configuration that is known here nor a log of a VPN gateway: see `tunlog audit -h`"
            ));
            any = true;
        }
    }
    any
}

/// The accounts of the configuration: those whom pppd lets in by name.
fn known_accounts(gathered: &Gathered) -> Vec<Account> {
    let of_secrets = |file: &&ConfigFile| kind_of(&file.path, &file.text) == Some(Kind::PppSecrets);
    let files = gathered.machine.files.iter().filter(of_secrets);
    let accounts = files.flat_map(|file| {
        let entries = ppp_secrets::entries(&file.text).into_iter();
        let open = entries.filter(|entry| !entry.is_closed() && entry.client != "*");
        open.map(|entry| Account {
            name: entry.client,
            file: file.path.clone(),
            line: entry.line,
        })
    });
    accounts.collect()
}

/// Prints who still uses PPTP or L2TP without IPsec.
///
/// # Errors
/// If there is no log, or writing fails.
pub fn migration(setup: &mut Setup, shape: Shape) -> Result<u8, Failure> {
    setup.format = match shape {
        Shape::Rows(format) => format,
        Shape::Html => Format::Table,
        Shape::Sarif => {
            let message = "--migration has no sarif: say table, json, jsonl, csv, logfmt or html with -o";
            return Err(Failure::Message(message.to_owned()));
        }
    };
    if setup.found.specs.is_empty() && setup.found.problems.is_empty() {
        let message = "--migration: there is no log: who uses what stands in logs, not in configuration";
        return Err(Failure::Message(message.to_owned()));
    }
    let (migration, _, summary) = read(setup, Migration::default());
    let beyond = migration.beyond();
    let mut rows = migration.rows();
    rows.truncate(usize::try_from(setup.limit).unwrap_or(usize::MAX));
    let mut out = setup.output()?;
    if shape == Shape::Html {
        let page = tunlog_report::html::migration::page(&rows, &setup.look, setup.now, env!("CARGO_PKG_VERSION"));
        out.write_all(page.as_bytes())?;
    } else {
        print(&rows, setup, &mut out)?;
    }
    out.finish()?;
    if beyond > 0 && !setup.quiet {
        tell(&format!(
            "{beyond} sessions of more users than the table takes were left out"
        ));
    }
    Ok(setup.close(&summary, rows.len() as u64))
}

fn print(rows: &[Row], setup: &Setup, out: &mut dyn Write) -> Result<(), Failure> {
    let for_people = setup.format == Format::Table;
    let columns = if for_people { SHORT } else { COLUMNS };
    let mut printer = Printer::new(setup.format, "migration", columns, setup.look.clone());
    let mut step = None;
    for row in rows {
        // the advice stands once, under the first of those whom it is for
        let note = (for_people && step != Some(row.step)).then(|| row.step.advice());
        step = Some(row.step);
        let note = note.map_or(String::new(), |advice| {
            tunlog_report::migration::note(advice, &setup.look, output::width().saturating_sub(2))
        });
        printer.row_and(columns, row, Addition { note, cell: None }, out)?;
    }
    printer.finish(out)?;
    Ok(())
}
