//! `tunlog unknown`: the lines of VPN daemons that were not understood.

use std::ops::ControlFlow;

use tunlog_analysis::statistics::unknown::{COLUMNS, Shapes, UnknownLine};
use tunlog_pipeline::{Sources, Subscriber, UnrecognisedLine, Wants};
use tunlog_report::Printer;

use crate::args::PathArgs;
use crate::config::Setup;
use crate::output::{Failure, tell};

#[derive(Default)]
struct Collect(Shapes);

impl Subscriber for Collect {
    fn unrecognised(&mut self, line: &UnrecognisedLine<'_>, sources: &Sources) -> ControlFlow<()> {
        self.0.add(&UnknownLine {
            dialect: line.dialect,
            body: line.body,
            record: line.raw,
            source: sources.name(line.source),
            line: line.line,
        });
        ControlFlow::Continue(())
    }
}

/// Prints the shapes, the most frequent first.
pub fn run(args: &PathArgs) -> Result<u8, Failure> {
    let mut setup = Setup::new(&args.common, &args.paths, false, Wants::Unrecognised)?;
    let mut out = setup.output()?;
    if !setup.filter.takes_unknown() && !setup.quiet {
        tell("a line that was not understood has no user, address or gateway to choose by: nothing is printed");
    }
    let mut collect = Collect::default();
    let found = std::mem::take(&mut setup.found);
    let mut summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut collect);
    summary.unrecognised = 0; // they are the output: no need to point there
    if !setup.filter.takes_unknown() {
        collect = Collect::default();
    }
    let mut printer = Printer::new(setup.format, "unknown", COLUMNS, setup.look.clone());
    for row in collect
        .0
        .rows()
        .iter()
        .take(usize::try_from(setup.limit).unwrap_or(usize::MAX))
    {
        printer.row(COLUMNS, row, &mut out)?;
    }
    printer.finish(&mut out)?;
    out.finish()?;
    Ok(setup.close(&summary, printer.rows()))
}
