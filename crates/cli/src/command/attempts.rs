//! `tunlog attempts` and `tunlog sessions`: printed as they close, never collected.

use std::io::Write;
use std::ops::ControlFlow;

use tunlog_analysis::statistics::attempts::{AttemptView, is_session};
use tunlog_model::{Attempt, Outcome};
use tunlog_pipeline::{Sources, Subscriber, Wants};
use tunlog_report::explain::ADDED_KEY;
use tunlog_report::{Addition, Printer};

use super::{Explain, Names, Stop};
use crate::args::ListArgs;
use crate::config::Setup;
use crate::filter::Filter;
use crate::output::Failure;

/// Which attempts are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those that came up.
    Sessions,
    /// Those that are up.
    Open,
    /// Those that failed.
    Failed,
}

impl Which {
    /// Whether an attempt is one of them.
    pub fn takes(self, attempt: &Attempt) -> bool {
        match self {
            Which::All => true,
            Which::Sessions => is_session(attempt),
            Which::Open => attempt.outcome == Outcome::Open,
            Which::Failed => attempt.outcome == Outcome::Failed,
        }
    }

    /// Columns that say nothing in a table of these.
    fn left_out(self) -> &'static [&'static str] {
        match self {
            Which::Sessions | Which::Open => &["failed_at", "cause"],
            Which::All | Which::Failed => &[],
        }
    }
}

struct Stream<'a> {
    which: Which,
    filter: &'a Filter,
    limit: u64,
    printer: Printer,
    explain: Option<Explain>,
    out: &'a mut dyn Write,
    stop: Stop,
}

impl Subscriber for Stream<'_> {
    fn attempt(&mut self, attempt: Attempt, sources: &Sources) -> ControlFlow<()> {
        if !self.which.takes(&attempt) || !self.filter.takes(&attempt) {
            return ControlFlow::Continue(());
        }
        if self.printer.rows() >= self.limit {
            return ControlFlow::Break(());
        }
        let view = AttemptView {
            attempt: &attempt,
            sources: &Names(sources),
        };
        let added = self.explain.as_ref().map_or(Addition::default(), |explain| {
            explain.outcome(attempt.cause, attempt.end_reason, attempt.outcome)
        });
        let written = self.printer.row_and(AttemptView::COLUMNS, &view, added, self.out);
        self.stop.after(written)
    }
}

/// Prints attempts in the order in which they close; those still open at the end come last.
pub fn run(args: &ListArgs, which: Which) -> Result<u8, Failure> {
    let mut setup = Setup::new(&args.input.common, &args.input.paths, false, Wants::Attempts)?;
    let mut out = setup.output()?;
    let columns = AttemptView::COLUMNS;
    let printer = Printer::leaving_out(which.left_out(), setup.format, "attempt", columns, setup.look.clone());
    let explain = Explain::new(args.explain, &setup.look);
    let printer = if explain.is_some() {
        printer.adding(ADDED_KEY)
    } else {
        printer
    };
    let (filter, limit) = (&setup.filter, setup.limit);
    let mut stream = Stream {
        which,
        filter,
        limit,
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
