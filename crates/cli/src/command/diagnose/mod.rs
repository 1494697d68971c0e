//! `tunlog diagnose`: why attempts failed, with the lines that prove it and what to do.

mod bundle;
mod zip;

use std::collections::VecDeque;
use std::io::Write;
use std::ops::ControlFlow;

use tunlog_analysis::correlate::Redact;
use tunlog_analysis::diagnose::{CauseText, Diagnoser, Diagnosis};
use tunlog_analysis::statistics::diagnoses::{Causes, DiagnosisView};
use tunlog_model::{Attempt, Event, RecordTime};
use tunlog_pipeline::{Sources, Subscriber, Wants};
use tunlog_report::{Format, Printer, diagnosis};

use super::{Names, Stop};
use crate::args::DiagnoseArgs;
use crate::config::Setup;
use crate::filter::Filter;
use crate::output::{self, Failure};
use crate::when;

/// Diagnoses that a list shows unless `-n` says otherwise.
const LISTED: u64 = 20;
/// Diagnoses that are told whole where somebody was named.
const TOLD_WHOLE: u64 = 10;
/// As many are told whole even if nobody was named.
const FEW: u64 = 3;
/// Gateways of chosen attempts that are remembered.
const GATEWAYS_MAX: usize = 256;

/// The catalogue's words for a cause.
fn texts(cause: &str) -> Option<CauseText> {
    let code = tunlog_decode::codes::of("cause", cause)?;
    Some(CauseText {
        meaning: code.meaning,
        cause: code.cause,
        actions: code.actions,
    })
}

/// Which diagnoses are meant.
struct Choice {
    filter: Filter,
    since: Option<i64>,
    until: Option<i64>,
    /// Gateways of the attempts that were meant: a fault of theirs may concern them.
    gateways: Vec<Option<Box<str>>>,
}

impl Choice {
    fn takes(&mut self, attempt: &Attempt) -> bool {
        let takes = self.filter.takes(attempt);
        if takes && !self.gateways.contains(&attempt.gateway) && self.gateways.len() < GATEWAYS_MAX {
            self.gateways.push(attempt.gateway.clone());
        }
        takes
    }

    /// A fault of no attempt: its own names decide; one that names nobody concerns those who were meant if it is of
    /// their gateway.
    fn takes_fault(&self, fault: &Diagnosis) -> bool {
        if fault.attempt.is_some() {
            return true;
        }
        let in_time =
            self.since.is_none_or(|since| fault.last >= since) && self.until.is_none_or(|until| fault.time <= until);
        if !in_time {
            return false;
        }
        if !self.filter.names_something() {
            return true;
        }
        let names_nobody = fault.client_ip.is_none() && fault.user.is_none();
        match names_nobody {
            true => fault.cause != "not-vpn-traffic" && self.gateways.contains(&fault.gateway),
            false => self.filter.takes_diagnosis(fault),
        }
    }
}

/// What becomes of diagnoses.
enum Sink {
    /// Printed as they come.
    Rows(Box<Printer>),
    /// The latest are kept, for people.
    Latest { kept: VecDeque<Diagnosis>, most: usize },
}

struct Stream<'a> {
    choice: Choice,
    limit: u64,
    diagnoser: Diagnoser,
    sink: Sink,
    causes: Causes,
    found: u64,
    scope: Option<bundle::Bundle>,
    out: &'a mut dyn Write,
    stop: Stop,
}

impl Stream<'_> {
    fn tell(&mut self, diagnosis: Diagnosis, sources: &Sources) -> ControlFlow<()> {
        if !self.choice.takes_fault(&diagnosis) {
            return ControlFlow::Continue(());
        }
        self.found += 1;
        self.causes.count(&diagnosis);
        if let Some(scope) = &mut self.scope {
            scope.keep(&diagnosis);
        }
        match &mut self.sink {
            Sink::Rows(printer) => {
                if printer.rows() >= self.limit {
                    return ControlFlow::Break(());
                }
                let view = DiagnosisView {
                    diagnosis: &diagnosis,
                    sources: &Names(sources),
                };
                let written = printer.row(DiagnosisView::COLUMNS, &view, self.out);
                self.stop.after(written)
            }
            Sink::Latest { kept, most } => {
                if kept.len() >= *most {
                    kept.pop_front();
                }
                kept.push_back(diagnosis);
                ControlFlow::Continue(())
            }
        }
    }
}

impl Subscriber for Stream<'_> {
    fn event(&mut self, event: &Event<'_>, _sources: &Sources) -> ControlFlow<()> {
        self.diagnoser.event(event);
        ControlFlow::Continue(())
    }

    fn attempt(&mut self, attempt: Attempt, sources: &Sources) -> ControlFlow<()> {
        match self.choice.takes(&attempt) {
            true => {
                if let Some(scope) = &mut self.scope {
                    scope.take(&attempt);
                }
                self.diagnoser.attempt(&attempt);
            }
            false => self.diagnoser.pass(&attempt),
        }
        while let Some(diagnosis) = self.diagnoser.ready() {
            self.tell(diagnosis, sources)?;
        }
        ControlFlow::Continue(())
    }

    fn lost(&mut self, _count: Option<u64>, _time: RecordTime, _sources: &Sources) {
        self.diagnoser.lost();
    }
}

/// Diagnoses.
pub fn run(args: &DiagnoseArgs) -> Result<u8, Failure> {
    let common = &args.input.common;
    // a bundle holds every line of the attempts
    let wants = match args.bundle {
        Some(_) => Wants::Diagnoses,
        None => Wants::Trails,
    };
    let mut setup = Setup::new(common, &args.input.paths, false, wants)?;
    setup.settings.evidence = false;
    around(args, &mut setup)?;
    let chosen = setup.filter.names_something() || args.at.is_some();
    let scope = match &args.bundle {
        Some(_) if !chosen => return Err(bundle::needs_a_name()),
        Some(_) => Some(bundle::Bundle::new(&setup)?),
        None => None,
    };
    let mut out = setup.output()?;
    let redact = (!setup.settings.show_secrets).then_some(tunlog_decode::redact as Redact);
    let found = std::mem::take(&mut setup.found);
    let is_silent = found.is_unreadable();
    let again = scope.is_some().then(|| found.clone());
    let limit = common.limit.unwrap_or(if chosen { TOLD_WHOLE } else { LISTED });
    let mut stream = Stream {
        choice: Choice {
            filter: setup.filter.clone(),
            since: setup.settings.since,
            until: setup.settings.until,
            gateways: Vec::new(),
        },
        limit: setup.limit,
        diagnoser: Diagnoser::new(texts, redact),
        sink: match setup.format {
            Format::Table => Sink::Latest {
                kept: VecDeque::new(),
                most: usize::try_from(limit).unwrap_or(usize::MAX),
            },
            format => Sink::Rows(Box::new(Printer::new(
                format,
                "diagnosis",
                DiagnosisView::COLUMNS,
                setup.look.clone(),
            ))),
        },
        causes: Causes::default(),
        found: 0,
        scope,
        out: &mut out,
        stop: Stop::default(),
    };
    let sources = Sources::of(&found);
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut stream);
    stream.diagnoser.finish();
    while let Some(diagnosis) = stream.diagnoser.rest() {
        if stream.tell(diagnosis, &sources).is_break() {
            break;
        }
    }
    let Stream {
        sink,
        causes,
        found,
        scope,
        stop,
        ..
    } = stream;
    stop.check()?;
    match sink {
        Sink::Rows(mut printer) => printer.finish(&mut out)?,
        Sink::Latest { .. } if is_silent => {}
        Sink::Latest { kept, .. } => people(kept.into(), &causes, found, chosen, &setup, &sources, &mut out)?,
    }
    out.finish()?;
    if let (Some(scope), Some(again), Some(path)) = (scope, again, &args.bundle) {
        scope.pack(path, again, &setup)?;
    }
    let status = setup.close(&summary, found);
    Ok(if status == 0 && chosen && found == 0 { 1 } else { status })
}

/// `--at` and `--window` as a span of time.
fn around(args: &DiagnoseArgs, setup: &mut Setup) -> Result<(), Failure> {
    let Some(at) = &args.at else { return Ok(()) };
    let zone = &setup.look.zone;
    let at = when::parse(at, setup.now, zone).map_err(|problem| Failure::Message(format!("--at: {problem}")))?;
    let window = args.window.as_deref().unwrap_or("5m");
    let back = when::parse(&format!("-{}", window.trim()), setup.now, zone)
        .ok()
        .filter(|back| *back < setup.now)
        .ok_or_else(|| Failure::Message(format!("--window: `{window}` is no duration; write 90s, 10m or 2h")))?;
    let width = setup.now - back;
    let settings = &mut setup.settings;
    let (since, until) = (at.saturating_sub(width), at.saturating_add(width));
    settings.since = Some(settings.since.map_or(since, |typed| typed.max(since)));
    settings.until = Some(settings.until.map_or(until, |typed| typed.min(until)));
    Ok(())
}

/// For people: the causes, then the latest attempts, whole if they are few or were asked for.
fn people(
    kept: Vec<Diagnosis>,
    causes: &Causes,
    found: u64,
    chosen: bool,
    setup: &Setup,
    sources: &Sources,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    if found == 0 {
        let nothing = match chosen || setup.settings.since.is_some() || setup.settings.until.is_some() {
            true => "nothing in the evidence that went wrong is of whom and when you ask for",
            false => "no attempt to connect and no fault of a daemon is in the evidence",
        };
        writeln!(out, "Nothing to diagnose: {nothing}.")?;
        return Ok(());
    }
    let names = Names(sources);
    let whole = chosen || found <= FEW;
    if found > 1 {
        diagnosis::causes(&causes.rows(), &setup.look, out)?;
        writeln!(out)?;
    }
    if whole {
        for (at, found) in kept.iter().enumerate() {
            if at > 0 {
                writeln!(out)?;
            }
            diagnosis::whole(found, &names, &setup.look, output::width(), out)?;
        }
    } else {
        diagnosis::list(&kept, &names, &setup.look, out)?;
    }
    let shown = kept.len() as u64;
    if shown < found || !whole {
        writeln!(out)?;
    }
    if shown < found {
        writeln!(out, "The latest {shown} of {found}; -n {found} shows all.")?;
    }
    if !whole {
        writeln!(
            out,
            "Whole, with evidence and what to do: --ip ADDR, --user NAME or --at TIME."
        )?;
    }
    Ok(())
}
