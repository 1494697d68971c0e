//! `tunlog ac`: connect time and traffic added up, as ac(8) does, and who is beyond a quota.

use std::io::{self, Write};
use std::ops::ControlFlow;

use tunlog_analysis::statistics::usage::{COLUMNS, Quota, Sums, Usage, UsageRow};
use tunlog_model::Attempt;
use tunlog_pipeline::{Sources, Subscriber, Wants};
use tunlog_report::calendar::{Step, WallCalendar};
use tunlog_report::{Format, Printer, bytes_iec, duration};

use super::store::size;
use crate::args::AcArgs;
use crate::config::Setup;
use crate::filter::Filter;
use crate::output::Failure;
use crate::when;

struct Collect {
    filter: Filter,
    usage: Usage<WallCalendar>,
}

impl Subscriber for Collect {
    fn attempt(&mut self, attempt: Attempt, _sources: &Sources) -> ControlFlow<()> {
        if self.filter.takes(&attempt) {
            self.usage.add(&attempt);
        }
        ControlFlow::Continue(())
    }
}

/// Runs the command.
///
/// # Errors
/// What was typed wrong, or cannot be written.
pub fn run(args: &AcArgs) -> Result<u8, Failure> {
    let quota = quota_of(args)?;
    let mut setup = Setup::new(&args.input.common, &args.input.paths, args.rotate, Wants::Attempts)?;
    setup.settings.evidence = false;
    let by_user = args.per_user || quota.is_some();
    let calendar = WallCalendar::new(setup.look.zone.clone(), args.step());
    let (since, until) = (setup.settings.since, setup.settings.until);
    let mut collect = Collect {
        filter: setup.filter.clone(),
        usage: Usage::new(calendar, by_user, since, until),
    };
    let mut out = setup.output()?;
    let found = std::mem::take(&mut setup.found);
    let is_machine = found.machine;
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut collect);
    // a log that was copied here ends when it ends: what was up then was not up until today
    let last = summary.last.unwrap_or(setup.now);
    collect.usage.close(if is_machine { setup.now } else { last });
    let shape = Shape {
        format: setup.format,
        limit: setup.limit.try_into().unwrap_or(usize::MAX),
        left_out: left_out(args.step() != Step::Whole, by_user, quota.is_some()),
        is_split: by_user || args.step() != Step::Whole,
    };
    let printer = Printer::leaving_out(shape.left_out, setup.format, "usage", COLUMNS, setup.look.clone());
    let rows = match quota {
        Some(quota) => rows_over(&collect.usage, quota, &shape, printer, &mut out)?,
        None => rows_of(&collect.usage, &shape, printer, &mut out)?,
    };
    out.finish()?;
    match setup.close(&summary, rows) {
        0 if quota.is_some() && rows == 0 => Ok(1),
        code => Ok(code),
    }
}

fn quota_of(args: &AcArgs) -> Result<Option<Quota>, Failure> {
    let of_option = |option: &str, problem: &str| Failure::Message(format!("{option}: {problem}"));
    match (&args.quota, &args.time_quota) {
        (Some(typed), _) => match size(typed) {
            Ok(bytes) => Ok(Some(Quota::Bytes(bytes))),
            Err(Failure::Message(problem)) => Err(of_option("--quota", &problem)),
            Err(other) => Err(other),
        },
        (None, Some(typed)) => match when::duration(typed) {
            Ok(seconds) => Ok(Some(Quota::Seconds(seconds))),
            Err(problem) => Err(of_option("--time-quota", &problem)),
        },
        (None, None) => Ok(None),
    }
}

/// How the rows are shown.
struct Shape {
    format: Format,
    limit: usize,
    left_out: &'static [&'static str],
    is_split: bool,
}

/// Columns of a table that would always be empty.
fn left_out(by_period: bool, by_user: bool, has_quota: bool) -> &'static [&'static str] {
    match (by_period, by_user, has_quota) {
        (false, false, _) => &["period", "user", "quota", "over"],
        (true, false, _) => &["user", "quota", "over"],
        (false, true, false) => &["period", "quota", "over"],
        (true, true, false) => &["quota", "over"],
        (false, true, true) => &["period"],
        (true, true, true) => &[],
    }
}

/// Prints all rows; a table ends with what they come to. How many there were.
fn rows_of(usage: &Usage<WallCalendar>, shape: &Shape, mut printer: Printer, out: &mut dyn Write) -> io::Result<u64> {
    for row in usage.rows().take(shape.limit) {
        printer.row(COLUMNS, &row, out)?;
    }
    printer.finish(out)?;
    if shape.format == Format::Table && shape.is_split && printer.rows() > 0 {
        total(usage.total(), out)?;
    }
    Ok(printer.rows())
}

fn rows_over(
    usage: &Usage<WallCalendar>,
    quota: Quota,
    shape: &Shape,
    mut printer: Printer,
    out: &mut dyn Write,
) -> io::Result<u64> {
    let over: Vec<UsageRow> = usage.over(quota);
    for row in over.iter().take(shape.limit) {
        printer.row(COLUMNS, row, out)?;
    }
    printer.finish(out)?;
    Ok(over.len() as u64)
}

/// What all sessions come to; one that lies in several rows counts once.
fn total(sums: &Sums, out: &mut dyn Write) -> io::Result<()> {
    let sessions = match sums.sessions {
        1 => "1 session".to_owned(),
        more => format!("{more} sessions"),
    };
    write!(out, "\ntotal {} in {sessions}", duration(sums.duration_s()))?;
    let told = [("TX", sums.bytes_to_client), ("RX", sums.bytes_from_client)];
    for (word, bytes) in told {
        if let Some(bytes) = bytes {
            write!(out, ", {word} {}", bytes_iec(bytes))?;
        }
    }
    writeln!(out)
}
