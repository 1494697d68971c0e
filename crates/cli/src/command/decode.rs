//! `tunlog decode`: every line understood, as a typed event.

use std::borrow::Cow;
use std::io::Write;
use std::ops::ControlFlow;

use tunlog_model::Event;
use tunlog_pipeline::{Sources, Subscriber, Wants};
use tunlog_report::event::EventView;
use tunlog_report::explain::ADDED_KEY;
use tunlog_report::{Format, Printer};

use super::explain::of_message;
use super::{Explain, Stop};
use crate::args::DecodeArgs;
use crate::config::Setup;
use crate::filter::Filter;
use crate::output::Failure;

struct Stream<'a> {
    filter: &'a Filter,
    limit: u64,
    format: Format,
    show_secrets: bool,
    printer: Printer,
    explain: Option<Explain>,
    out: &'a mut dyn Write,
    stop: Stop,
}

impl Subscriber for Stream<'_> {
    fn event(&mut self, event: &Event<'_>, sources: &Sources) -> ControlFlow<()> {
        if !self.filter.takes_event(event) {
            return ControlFlow::Continue(());
        }
        if self.printer.rows() >= self.limit {
            return ControlFlow::Break(());
        }
        let text = if self.show_secrets || event.redacted() {
            Cow::Borrowed(event.raw())
        } else {
            tunlog_decode::redact(event.message(), event.raw())
        };
        let view = EventView {
            event,
            source: sources.name(event.source),
            text: &text,
        };
        let written = if let Some(explain) = &self.explain {
            let added = explain.addition(Some(of_message(event.message())));
            self.printer.row_and(EventView::COLUMNS, &view, added, self.out)
        } else if matches!(self.format, Format::Json | Format::Jsonl) {
            self.printer.json_row(|out| view.write_json(out), self.out)
        } else {
            self.printer.row(EventView::COLUMNS, &view, self.out)
        };
        self.stop.after(written)
    }
}

/// Prints events in the order of time.
pub fn run(args: &DecodeArgs) -> Result<u8, Failure> {
    let DecodeArgs { services, list: args } = args;
    let mut setup = Setup::new(&args.input.common, &args.input.paths, false, Wants::Events)?;
    if *services {
        setup.catalogue = setup.catalogue.heeding_services();
    }
    let mut out = setup.output()?;
    let explain = Explain::new(args.explain, &setup.look);
    let printer = Printer::new(setup.format, "event", EventView::COLUMNS, setup.look.clone());
    let printer = if explain.is_some() {
        printer.adding(ADDED_KEY)
    } else {
        printer
    };
    let mut stream = Stream {
        filter: &setup.filter,
        limit: setup.limit,
        format: setup.format,
        show_secrets: setup.settings.show_secrets,
        printer,
        explain,
        out: &mut out,
        stop: Stop::default(),
    };
    let found = std::mem::take(&mut setup.found);
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut stream);
    let Stream { mut printer, stop, .. } = stream;
    stop.check()?;
    printer.finish(&mut out)?;
    out.finish()?;
    Ok(setup.close(&summary, printer.rows()))
}
