//! The half of an audit that reads logs.

use std::io::Write;
use std::ops::ControlFlow;

use tunlog_audit::Report;
use tunlog_audit::logs::{Beside, Logs};
use tunlog_audit::migration::{COLUMNS, Migration, Row, SHORT};
use tunlog_model::{Attempt, Event, RecordTime, SourceId};
use tunlog_pipeline::{Sources, Subscriber, Summary};
use tunlog_report::{Addition, Format, Printer};

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
    fn event(&mut self, event: &Event<'_>);
    fn attempt(&mut self, attempt: &Attempt);
    fn lost(&mut self, count: Option<u64>, time: i64);
}

impl Look for Logs {
    fn event(&mut self, event: &Event<'_>) {
        Logs::event(self, event);
    }

    fn attempt(&mut self, attempt: &Attempt) {
        Logs::attempt(self, attempt);
    }

    fn lost(&mut self, count: Option<u64>, time: i64) {
        Logs::lost(self, count, time);
    }
}

impl Look for Migration {
    fn event(&mut self, event: &Event<'_>) {
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
            self.looks.event(event);
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
    // a check names a line
    setup.settings.evidence = true;
    let mut stream = Stream {
        choice: Choice::new(setup),
        looks,
    };
    let found = std::mem::take(&mut setup.found);
    let sources = Sources::of(&found);
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut stream);
    (stream.looks, sources, summary)
}

/// Adds to the report what the logs show.
pub fn audit(setup: &mut Setup, beside: Beside, report: &mut Report) -> Summary {
    let (mut logs, sources, summary) = read(setup, Logs::new(beside, tunlog_decode::redact));
    let name = |source: SourceId| sources.name(source).to_owned();
    logs.finish(setup.now, &name, report);
    summary
}

/// Prints who still uses PPTP or L2TP without IPsec.
///
/// # Errors
/// If writing fails.
pub fn migration(setup: &mut Setup, html: bool) -> Result<u8, Failure> {
    let (migration, _, summary) = read(setup, Migration::default());
    let beyond = migration.beyond();
    let mut rows = migration.rows();
    rows.truncate(usize::try_from(setup.limit).unwrap_or(usize::MAX));
    let mut out = setup.output()?;
    if html {
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
            tunlog_report::finding::note(advice, &setup.look, output::width().saturating_sub(2))
        });
        printer.row_and(columns, row, Addition { note, cell: None }, out)?;
    }
    printer.finish(out)?;
    Ok(())
}
