//! `tunlog audit`: what is weak in the configuration of a gateway, and what its logs show of its safety.

mod beside;
mod gather;
mod logs;

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;

use jiff::tz::TimeZone;
use tunlog_audit::{COLUMNS, Check, Kind, Report, Rule, SHORT, Severity, audit, kind_of, rule, rules};
use tunlog_report::{Addition, Format, Look, Printer, check, html, sarif};

use self::gather::{Gathered, gather};
use crate::args::{AuditArgs, Common, Output as Form};
use crate::config::{self, Setup};
use crate::output::{self, Failure, Output, tell, wants_color};

/// Forms of an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Rows(Format),
    Sarif,
    Html,
}

/// The form of an explicit word, else of the suffix of `--to`, else a table.
fn shape(common: &Common) -> Result<Shape, Failure> {
    let suffix = |to: &Path| to.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    match (
        common.json,
        common.output,
        common.to.as_deref().and_then(suffix).as_deref(),
    ) {
        (false, Some(Form::Sarif), _) | (false, None, Some("sarif")) => Ok(Shape::Sarif),
        (false, Some(Form::Html), _) | (false, None, Some("html" | "htm")) => Ok(Shape::Html),
        _ => config::format_of(common).map(Shape::Rows),
    }
}

/// Which checks are printed.
struct Choice {
    rules: Vec<&'static Rule>,
    severity: Severity,
    fail_on: Option<Severity>,
    limit: usize,
}

impl Choice {
    fn new(args: &AuditArgs) -> Result<Choice, Failure> {
        let chosen = args.check.iter().map(|id| {
            rule(id).ok_or_else(|| {
                Failure::Message(format!(
                    "--check: there is no check `{id}`; `tunlog explain --list audit` lists them"
                ))
            })
        });
        let severity = |option: &str, typed: &Option<String>| match typed {
            None => Ok(None),
            Some(typed) => Severity::from_word(typed).map(Some).ok_or_else(|| {
                Failure::Message(format!(
                    "{option}: `{typed}` is none: info, low, medium, high, critical"
                ))
            }),
        };
        Ok(Choice {
            rules: chosen.collect::<Result<_, _>>()?,
            severity: severity("--severity", &args.severity)?.unwrap_or(Severity::Info),
            fail_on: severity("--fail-on", &args.fail_on)?,
            limit: args
                .input
                .common
                .limit
                .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        })
    }

    /// Whether a check is as bad as `--fail-on` says, and nobody has accepted it.
    fn fails(&self, checks: &[Check]) -> bool {
        let fails = |check: &Check, bar| check.severity >= bar && check.excepted.is_none();
        self.fail_on
            .is_some_and(|bar| checks.iter().any(|check| fails(check, bar)))
    }

    fn takes(&self, check: &Check) -> bool {
        check.severity >= self.severity && (self.rules.is_empty() || self.rules.iter().any(|rule| rule.id == check.id))
    }
}

/// Runs the audit.
pub fn run(args: &AuditArgs) -> Result<u8, Failure> {
    let common = &args.input.common;
    let shape = shape(common)?;
    let choice = Choice::new(args)?;
    let gathered = gather(&args.input.paths);
    let mut setup = logs::setup(args, &gathered)?;
    if args.beside.migration {
        return logs::migration(&mut setup, shape);
    }
    let mut failed = tell_gathered(&gathered, &setup, common.quiet)?;
    let logs: Vec<String> = setup.found.specs.iter().map(|spec| spec.name.clone()).collect();
    let mut report = audit(&gathered.machine);
    failed |= logs::audit(args, &gathered, &mut setup, &mut report)?;
    let mut out = Output::open(common.to.as_deref())?;
    if !args.beside.accept.is_empty() {
        let proposed = propose(args, &report, setup.now, out)?;
        return Ok(if failed { 2 } else { u8::from(!proposed) });
    }
    report.checks.retain(|check| choice.takes(check));
    // what is not shown for its number still counts
    let fails = choice.fails(&report.checks);
    let counts = counts(&report.checks);
    report.checks.truncate(choice.limit);
    match shape {
        Shape::Rows(format) => rows(args, format, &report, &mut out)?,
        Shape::Sarif => out.write_all(&sarif_log(&report))?,
        Shape::Html => out.write_all(page(common, &gathered, &logs, &report).as_bytes())?,
    }
    out.finish()?;
    // of what could not be read nothing good can be said
    let is_known = !failed || !report.checks.is_empty();
    failed |= tell_report(&report, is_known.then_some(&counts), common.quiet);
    Ok(
        match (failed, fails || !choice.rules.is_empty() && report.checks.is_empty()) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        },
    )
}

/// Prints what accepts the checks that were named; whether there was any.
fn propose(args: &AuditArgs, report: &Report, now: i64, mut out: Output) -> Result<bool, Failure> {
    let proposal = args.beside.proposal(&report.checks, now)?;
    out.write_all(proposal.as_deref().unwrap_or_default().as_bytes())?;
    out.finish()?;
    Ok(proposal.is_some())
}

fn sarif_log(report: &Report) -> Vec<u8> {
    let asked: Vec<&Rule> = rules().collect();
    sarif::log(&report.checks, &asked, env!("CARGO_PKG_VERSION"))
}

/// Says what else there is to say; whether something could not be read or understood.
fn tell_report(report: &Report, counts: Option<&String>, quiet: bool) -> bool {
    for note in &report.notes {
        tell(note);
    }
    if !quiet {
        for said in report.remarks.iter().chain(counts) {
            tell(said);
        }
    }
    !report.notes.is_empty()
}

/// Says what is read and what is not; whether something that was named could not be.
fn tell_gathered(gathered: &Gathered, setup: &Setup, quiet: bool) -> Result<bool, Failure> {
    for problem in &gathered.problems {
        tell(problem);
    }
    let files = &gathered.machine.files;
    let logs = &setup.found;
    if files.is_empty() && gathered.problems.is_empty() && logs.specs.is_empty() && logs.problems.is_empty() {
        let message = "neither configuration nor logs of a VPN gateway were found there: name the files or the folder that they lie in";
        return Err(Failure::Message(message.to_owned()));
    }
    if !quiet && !files.is_empty() {
        let mut kinds: Vec<Kind> = files
            .iter()
            .filter_map(|file| kind_of(&file.path, &file.text))
            .collect();
        kinds.sort_unstable();
        kinds.dedup_by_key(|kind| kind.words());
        let words: Vec<&str> = kinds.iter().map(|kind| kind.words()).collect();
        let count = files.len();
        tell(&format!(
            "read {count} {}: {}",
            if count == 1 { "file" } else { "files" },
            words.join(", ")
        ));
    }
    if !quiet && logs.machine && !logs.specs.is_empty() {
        let names: Vec<&str> = logs.specs.iter().map(|spec| spec.name.as_str()).collect();
        tell(&format!("reading {}", names.join(", ")));
    }
    Ok(!gathered.problems.is_empty())
}

fn rows(args: &AuditArgs, format: Format, report: &Report, out: &mut Output) -> Result<(), Failure> {
    let look = look(&args.input.common);
    let for_people = format == Format::Table;
    let columns = if for_people { SHORT } else { COLUMNS };
    let width = output::width().saturating_sub(2);
    let mut printer = Printer::new(format, "check", columns, look.clone());
    if for_people {
        for check in &check::grouped(&report.checks) {
            let note = Addition {
                note: check::note(check, args.explain, &look, width),
                cell: None,
            };
            printer.row_and(columns, check, note, out)?;
        }
    } else {
        for check in &report.checks {
            printer.row(columns, check, out)?;
        }
    }
    Ok(printer.finish(out)?)
}

fn look(common: &Common) -> Look {
    Look {
        zone: if common.utc {
            TimeZone::UTC
        } else {
            TimeZone::try_system().unwrap_or(TimeZone::UTC)
        },
        color: wants_color(common.color, common.to.is_some()),
    }
}

fn page(common: &Common, gathered: &Gathered, logs: &[String], report: &Report) -> String {
    let now = jiff::Timestamp::now().as_microsecond();
    let made = tunlog_report::local(now, &look(common).zone, "%Y-%m-%d %H:%M");
    let files = gathered.machine.files.iter().map(|file| &file.path);
    let files: Vec<String> = files.chain(logs).cloned().collect();
    let notes: Vec<String> = gathered
        .problems
        .iter()
        .cloned()
        .chain(report.notes.iter().cloned())
        .chain(report.remarks.iter().cloned())
        .collect();
    html::audit::page(&html::audit::Audit {
        checks: &check::grouped(&report.checks),
        files: &files,
        notes: &notes,
        version: env!("CARGO_PKG_VERSION"),
        made: &made,
    })
}

/// `12 checks: 1 critical, 3 high, 8 low`.
fn counts(checks: &[Check]) -> String {
    let total = checks.len();
    let of = |severity: Severity| checks.iter().filter(|check| check.severity == severity).count();
    let parts = Severity::ALL.iter().rev().filter_map(|(severity, word)| {
        let count = of(*severity);
        (count > 0).then(|| format!("{count} {word}"))
    });
    let parts: Vec<String> = parts.collect();
    let accepted = checks.iter().filter(|check| check.excepted.is_some()).count();
    let accepted = if accepted > 0 {
        format!("; {accepted} accepted")
    } else {
        String::new()
    };
    match total {
        0 => "nothing to say against it".to_owned(),
        1 => format!("1 check: {}{accepted}", parts.join(", ")),
        total => format!("{total} checks: {}{accepted}", parts.join(", ")),
    }
}
