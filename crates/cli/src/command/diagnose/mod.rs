//! `tunlog diagnose`: why attempts failed, with the lines that prove it and what to do.

use std::io::Write;
use std::ops::ControlFlow;

use tunlog_analysis::correlate::Redact;
use tunlog_analysis::diagnose::{CauseText, Diagnoser, Diagnosis};
use tunlog_analysis::statistics::diagnoses::DiagnosisView;
use tunlog_model::{Attempt, Event, RecordTime};
use tunlog_pipeline::{Sources, Subscriber, Wants};
use tunlog_report::Printer;

use super::{Names, Stop};
use crate::args::DiagnoseArgs;
use crate::config::Setup;
use crate::output::Failure;

/// The catalogue's words for a cause.
fn texts(cause: &str) -> Option<CauseText> {
    let code = tunlog_decode::codes::of("cause", cause)?;
    Some(CauseText {
        meaning: code.meaning,
        cause: code.cause,
        actions: code.actions,
    })
}

struct Stream<'a> {
    setup: &'a Setup,
    diagnoser: Diagnoser,
    printer: Printer,
    out: &'a mut dyn Write,
    stop: Stop,
}

impl Stream<'_> {
    fn print(&mut self, diagnosis: &Diagnosis, sources: &Sources) -> ControlFlow<()> {
        let view = DiagnosisView {
            diagnosis,
            sources: &Names(sources),
        };
        let written = self.printer.row(DiagnosisView::COLUMNS, &view, self.out);
        self.stop.after(written)
    }
}

impl Subscriber for Stream<'_> {
    fn event(&mut self, event: &Event<'_>, _sources: &Sources) -> ControlFlow<()> {
        self.diagnoser.event(event);
        ControlFlow::Continue(())
    }

    fn attempt(&mut self, attempt: Attempt, sources: &Sources) -> ControlFlow<()> {
        if self.setup.filter.takes(&attempt) {
            self.diagnoser.attempt(&attempt);
        }
        while let Some(diagnosis) = self.diagnoser.ready() {
            self.print(&diagnosis, sources)?;
        }
        ControlFlow::Continue(())
    }

    fn lost(&mut self, _count: Option<u64>, _time: RecordTime, _sources: &Sources) {
        self.diagnoser.lost();
    }
}

/// Diagnoses.
pub fn run(args: &DiagnoseArgs) -> Result<u8, Failure> {
    let mut setup = Setup::new(&args.input.common, &args.input.paths, false, Wants::Diagnoses)?;
    setup.settings.evidence = false;
    let mut out = setup.output()?;
    let redact = (!setup.settings.show_secrets).then_some(tunlog_decode::redact as Redact);
    let found = std::mem::take(&mut setup.found);
    let mut stream = Stream {
        setup: &setup,
        diagnoser: Diagnoser::new(texts, redact),
        printer: Printer::new(setup.format, "diagnosis", DiagnosisView::COLUMNS, setup.look.clone()),
        out: &mut out,
        stop: Stop::default(),
    };
    let sources = Sources::of(&found);
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut stream);
    stream.diagnoser.finish();
    while let Some(diagnosis) = stream.diagnoser.rest() {
        if stream.print(&diagnosis, &sources).is_break() {
            break;
        }
    }
    let Stream { mut printer, stop, .. } = stream;
    stop.check()?;
    printer.finish(&mut out)?;
    out.finish()?;
    Ok(setup.close(&summary, printer.rows()))
}
