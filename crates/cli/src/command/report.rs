//! `tunlog report`: one page for the manager and for the administrator; or the same as JSON or Markdown.

use std::ffi::OsStr;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use tunlog_analysis::statistics::report::{Figures, Limits, Report};
use tunlog_analysis::statistics::unknown::{Shapes, UnknownLine};
use tunlog_ingest::ProblemKind;
use tunlog_model::Attempt;
use tunlog_pipeline::{Sources, Subscriber, Summary, UnrecognisedLine, Wants};
use tunlog_report::document::{Document, ProblemRow, SourceRow};
use tunlog_report::{Format, document_json, html, markdown};

use super::explain;
use crate::args::{Common, Output as Form, ReportArgs};
use crate::config::Setup;
use crate::filter::Filter;
use crate::output::Failure;

/// Forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Html,
    Json,
    Markdown,
}

/// The form of an explicit word, else of the suffix of `--to`, else a page.
fn kind(common: &Common) -> Result<Kind, Failure> {
    match (common.json, common.output) {
        (true, _) | (_, Some(Form::Json | Form::Jsonl)) => return Ok(Kind::Json),
        (_, Some(Form::Html)) => return Ok(Kind::Html),
        (_, Some(Form::Md)) => return Ok(Kind::Markdown),
        (_, Some(Form::Table | Form::Csv | Form::Logfmt | Form::Sarif)) => {
            let message = "a report is html, json or md: say which with -o; `tunlog attempts` has the other forms";
            return Err(Failure::Message(message.to_owned()));
        }
        (false, None) => {}
    }
    let suffix = |to: &Path| to.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    match (common.to.as_deref(), common.to.as_deref().and_then(suffix).as_deref()) {
        (None, _) | (_, Some("html" | "htm")) => Ok(Kind::Html),
        (_, Some("json" | "jsonl")) => Ok(Kind::Json),
        (_, Some("md" | "markdown")) => Ok(Kind::Markdown),
        (Some(to), _) => Err(Failure::Message(format!(
            "{}: the suffix names no form of a report: say which with -o (html, json, md)",
            to.display()
        ))),
    }
}

/// How much is told in full: a ticket takes less than a page.
fn limits(kind: Kind, limit: Option<u64>) -> Limits {
    let default = match kind {
        Kind::Html | Kind::Json => Limits::default(),
        Kind::Markdown => Limits {
            failed_max: 20,
            clients_max: 50,
        },
    };
    limit.map_or(default, |limit| {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Limits {
            failed_max: limit,
            clients_max: limit,
        }
    })
}

struct Collect<'a> {
    filter: &'a Filter,
    report: Report,
    shapes: Shapes,
    taken: u64,
}

impl Subscriber for Collect<'_> {
    fn attempt(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        if self.filter.takes(&attempt) {
            self.taken += 1;
            self.report.add(attempt);
        }
        ControlFlow::Continue(())
    }

    fn unrecognised(&mut self, line: &UnrecognisedLine<'_>, sources: &Sources) -> ControlFlow<()> {
        self.shapes.add(&UnknownLine {
            dialect: line.dialect,
            body: line.body,
            record: line.raw,
            source: sources.name(line.source),
            line: line.line,
        });
        ControlFlow::Continue(())
    }
}

/// Writes the report.
pub fn run(args: &ReportArgs) -> Result<u8, Failure> {
    let common = &args.input.common;
    let kind = kind(common)?;
    // attempts with their evidence, whatever the form
    let mut setup = Setup::in_format(
        Format::Json,
        common,
        &args.input.paths,
        args.rotate,
        Wants::AttemptsAndUnrecognised,
    )?;
    let mut out = setup.output()?;
    let mut collect = Collect {
        filter: &setup.filter,
        report: Report::new(limits(kind, common.limit)),
        shapes: Shapes::default(),
        taken: 0,
    };
    let found = std::mem::take(&mut setup.found);
    let names: Vec<String> = found.specs.iter().map(|spec| spec.name.clone()).collect();
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut collect);
    let Collect {
        report, shapes, taken, ..
    } = collect;
    let figures = report.figures(summary.last.unwrap_or(setup.now));
    let document = document(&setup, common, &figures, &names, &summary, shapes);
    let written = match kind {
        Kind::Html => html::page(&document).into_bytes(),
        Kind::Json => document_json::object(&document),
        Kind::Markdown => markdown::page(&document).into_bytes(),
    };
    out.write_all(&written)?;
    out.finish()?;
    Ok(setup.close(&summary, taken))
}

fn document<'a>(
    setup: &Setup,
    common: &Common,
    figures: &'a Figures,
    names: &'a Vec<String>,
    summary: &Summary,
    shapes: Shapes,
) -> Document<'a> {
    let given = |at: usize| summary.sources.get(at).copied().unwrap_or_default();
    let source = |(at, name): (usize, &String)| {
        let given = given(at);
        SourceRow {
            name: name.clone(),
            records: given.records,
            unrecognised: given.unrecognised,
            first: given.first,
            last: given.last,
        }
    };
    let problems = summary.problems.iter().map(|problem| ProblemRow {
        kind: match problem.kind {
            ProblemKind::Error => "error",
            ProblemKind::Warning => "warning",
            ProblemKind::Note => "note",
        },
        text: problem.to_string(),
    });
    Document {
        figures,
        names,
        explain: &|cause| explain::of_word("cause", cause),
        chosen: chosen(common),
        sources: names.iter().enumerate().map(source).collect(),
        problems: problems.collect(),
        unknown: shapes.rows(),
        records: summary.records,
        unrecognised: summary.unrecognised,
        gaps: summary.gaps,
        lost: summary.lost,
        first: summary.first,
        last: summary.last,
        made: setup.now,
        zone: setup.look.zone.clone(),
        version: env!("CARGO_PKG_VERSION"),
    }
}

/// What was typed to choose from the evidence.
fn chosen(common: &Common) -> Vec<(&'static str, String)> {
    let ip = common.ip.map(|ip| ip.to_string());
    let typed = [
        ("user", &common.user),
        ("address", &ip),
        ("gateway", &common.gateway),
        ("since", &common.since),
        ("until", &common.until),
    ];
    typed
        .into_iter()
        .filter_map(|(what, value)| Some((what, value.clone()?)))
        .collect()
}
