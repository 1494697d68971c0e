//! `tunlog detect`: attacks and abuse.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use tunlog_analysis::correlate::{Prompt, Redact};
use tunlog_analysis::detect::{self, ALL, Detector, Finding, Severity};
use tunlog_analysis::statistics::findings::FindingView;
use tunlog_model::{Attempt, Event, RecordTime};
use tunlog_pipeline::{Sources, Subscriber, Wants};
use tunlog_report::{Addition, Format, Look, Printer};
use tunlog_sigma::Engine;

use super::{Names, Stop};
use crate::args::DetectArgs;
use crate::config::Setup;
use crate::filter::Filter;
use crate::output::{self, Failure, tell};
use crate::places::Tables;
use crate::{settings, sigma};

/// Names of rules that a message lists.
const NAMES_MAX: usize = 60;

/// Which findings are printed.
struct Choice {
    rule: Option<String>,
    severity: Severity,
    since: Option<i64>,
    until: Option<i64>,
    filter: Filter,
}

impl Choice {
    fn new(args: &DetectArgs, sigma: impl Iterator<Item = &'static str>, setup: &mut Setup) -> Result<Choice, Failure> {
        let rule = args.rule.clone().map(|typed| {
            let mut names: Vec<&str> = ALL.iter().map(|rule| rule.name).chain(sigma).collect();
            if names.contains(&typed.as_str()) {
                return Ok(typed);
            }
            names.truncate(NAMES_MAX);
            let words = format!("--rule: there is no rule `{typed}`: {}", names.join(", "));
            Err(Failure::Message(words))
        });
        let severity = args.severity.as_deref().map_or(Ok(Severity::Info), |typed| {
            Severity::from_word(typed).ok_or_else(|| {
                Failure::Message(format!(
                    "--severity: `{typed}` is none: info, low, medium, high, critical"
                ))
            })
        });
        Ok(Choice {
            rule: rule.transpose()?,
            severity: severity?,
            // what was before decides what is strange: all is read, and findings are chosen by their time
            since: setup.settings.since.take(),
            until: setup.settings.until.take(),
            filter: setup.filter.clone(),
        })
    }

    fn takes(&self, finding: &Finding) -> bool {
        self.rule.as_ref().is_none_or(|rule| finding.rule == rule)
            && finding.severity >= self.severity
            && self.since.is_none_or(|since| finding.alarm_time >= since)
            && self.until.is_none_or(|until| finding.alarm_time <= until)
            && self.filter.takes_finding(finding)
    }
}

struct Stream<'a> {
    detector: Detector,
    sigma: Option<Engine>,
    choice: Choice,
    limit: u64,
    printer: Printer,
    for_people: bool,
    look: Look,
    width: usize,
    out: &'a mut dyn Write,
    stop: Stop,
}

impl Stream<'_> {
    fn next(&mut self) -> Option<Finding> {
        self.detector.ready().or_else(|| self.sigma.as_mut()?.ready())
    }

    fn print_ready(&mut self, sources: &Sources) -> ControlFlow<()> {
        while let Some(finding) = self.next() {
            if !self.choice.takes(&finding) {
                continue;
            }
            if self.printer.rows() >= self.limit {
                return ControlFlow::Break(());
            }
            let view = FindingView {
                finding: &finding,
                sources: &Names(sources),
            };
            let written = match self.for_people {
                true => {
                    let note = Addition {
                        note: tunlog_report::finding::note(&finding.summary, &self.look, self.width),
                        cell: None,
                    };
                    self.printer.row_and(FindingView::SHORT, &view, note, self.out)
                }
                false => self.printer.row(FindingView::COLUMNS, &view, self.out),
            };
            self.stop.after(written)?;
        }
        ControlFlow::Continue(())
    }
}

impl Subscriber for Stream<'_> {
    fn event(&mut self, event: &Event<'_>, sources: &Sources) -> ControlFlow<()> {
        // chatter is read for Sigma rules only: what is found otherwise does not hang on it
        if event.message().concerns_attempts {
            self.detector.event(event);
        }
        if let Some(sigma) = &mut self.sigma {
            sigma.event(event);
        }
        self.print_ready(sources)
    }

    fn prompt(&mut self, prompt: Prompt, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        self.detector.prompt(prompt, attempt);
        ControlFlow::Continue(())
    }

    fn opened(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        self.detector.opened(attempt);
        ControlFlow::Continue(())
    }

    fn attempt(&mut self, attempt: Attempt, _: &Sources) -> ControlFlow<()> {
        if let Some(sigma) = &mut self.sigma {
            sigma.attempt(&attempt);
        }
        self.detector.attempt(attempt);
        ControlFlow::Continue(())
    }

    fn repeated(&mut self, times: u64, _: &Sources) {
        self.detector.repeated(times);
    }

    fn lost(&mut self, count: Option<u64>, time: RecordTime, _: &Sources) {
        self.detector.lost(count, time.micros);
    }
}

pub(super) fn detector(options: &detect::Options, tables: Tables) -> Detector {
    let mut detector = Detector::new(options);
    if !tables.is_empty() {
        detector.know_places(Box::new(tables));
    }
    detector
}

/// Has log-ins to other services read, in logs of their own or `everywhere`.
fn heed_services(setup: &mut Setup, everywhere: bool) {
    let heeding = setup.catalogue.heeding_services();
    match everywhere {
        true => setup.catalogue = heeding,
        false => setup.settings.services = Some(Arc::new(heeding)),
    }
}

/// Prints findings as they come.
pub fn run(args: &DetectArgs) -> Result<u8, Failure> {
    let settings::Detection { mut options, mmdb } = settings::detection(args.config.as_deref())?;
    let mmdb = if args.mmdb.is_empty() { &mmdb } else { &args.mmdb };
    let tables = Tables::open(mmdb)?;
    let trouble = tables.trouble();
    let redact = (!args.input.common.show_secrets).then_some(tunlog_decode::redact as Redact);
    let (sigma, faulty) =
        sigma::engine(&args.sigma, redact)?.map_or((None, false), |(engine, faulty)| (Some(engine), faulty));
    let wants = match sigma {
        Some(_) => Wants::FindingsAndEvents,
        None => Wants::Findings,
    };
    let mut setup = Setup::new(&args.input.common, &args.input.paths, false, wants)?;
    if options.heeds_services() || sigma.is_some() {
        heed_services(&mut setup, args.services);
    }
    if setup.settings.evidence {
        options.keep_texts(redact);
    }
    let names = sigma.iter().flat_map(Engine::names);
    let choice = Choice::new(args, names, &mut setup)?;
    let mut out = setup.output()?;
    let for_people = setup.format == Format::Table;
    let columns = if for_people {
        FindingView::SHORT
    } else {
        FindingView::COLUMNS
    };
    let mut stream = Stream {
        detector: detector(&options, tables),
        sigma,
        choice,
        limit: setup.limit,
        printer: Printer::new(setup.format, "finding", columns, setup.look.clone()),
        for_people,
        look: setup.look.clone(),
        width: output::width().saturating_sub(2),
        out: &mut out,
        stop: Stop::default(),
    };
    let found = std::mem::take(&mut setup.found);
    let sources = Sources::of(&found);
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut stream);
    stream.detector.finish();
    if let Some(sigma) = &mut stream.sigma {
        sigma.finish();
    }
    let _ = stream.print_ready(&sources);
    let Stream {
        mut printer,
        stop,
        detector,
        ..
    } = stream;
    stop.check()?;
    printer.finish(&mut out)?;
    out.finish()?;
    if !setup.quiet {
        for (what, most, dropped) in detector.limits_reached() {
            tell(&format!(
                "more than {most} {what}: the {dropped} quietest were given up, findings about them may be missing"
            ));
        }
    }
    let chosen = args.rule.is_some() || args.severity.is_some();
    let mut status = setup.close(&summary, printer.rows());
    if faulty {
        status = 2;
    }
    if let Some(words) = trouble.take() {
        tell(&words);
        status = 2;
    }
    Ok(if status == 0 && chosen && printer.rows() == 0 {
        1
    } else {
        status
    })
}
