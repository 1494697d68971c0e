//! `tunlog clients`: the pptpd-monitor table, once or for ever.

use std::io::{IsTerminal as _, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use tunlog_analysis::statistics::clients::{COLUMNS, ClientRow, Clients};
use tunlog_analysis::statistics::compat::Compat;
use tunlog_model::{Attempt, Event};
use super::stub::Live; // until tunlog_pipeline::Live is there
use tunlog_pipeline::{Sources, Subscriber, Summary, Wants};
use tunlog_report::{Format, Look, Printer, monitor};

use crate::args::ClientsArgs;
use crate::config::Setup;
use crate::filter::Filter;
use crate::output::{Failure, tell};
use crate::{interface, live};

/// pptpd-monitor without `-d` was meant to repaint each second.
const DELAY_DEFAULT_S: f64 = 1.0;
/// `-d 0` must not spin.
const DELAY_MIN_S: f64 = 0.1;
const DELAY_MAX_S: f64 = 86_400.0;

/// What the rows are made of.
struct Collect {
    filter: Filter,
    clients: Clients,
    compat: Option<Compat>,
}

impl Subscriber for Collect {
    fn event(&mut self, event: &Event<'_>, _sources: &Sources) -> ControlFlow<()> {
        if let Some(compat) = &mut self.compat {
            compat.observe(event);
        }
        ControlFlow::Continue(())
    }

    fn attempt(&mut self, attempt: Attempt, _sources: &Sources) -> ControlFlow<()> {
        if self.filter.takes(&attempt) {
            self.clients.add(&attempt);
        }
        ControlFlow::Continue(())
    }
}

/// How the rows are shown.
struct Show {
    format: Format,
    look: Look,
    totals: bool,
    limit: usize,
    /// Whether the interfaces named are those of this machine.
    machine: bool,
}

/// Runs the command.
pub fn run(args: &ClientsArgs) -> Result<u8, Failure> {
    let delay = delay_of(args.delay)?;
    let paths: Vec<PathBuf> = args.file.iter().chain(&args.input.paths).cloned().collect();
    let wants = if args.compat { Wants::Events } else { Wants::Attempts };
    let mut setup = Setup::new(&args.input.common, &paths, args.rotate, wants)?;
    setup.settings.evidence = false;
    let show = Show {
        format: setup.format,
        look: setup.look.clone(),
        totals: args.totals,
        limit: setup.limit.try_into().unwrap_or(usize::MAX),
        machine: setup.found.machine,
    };
    // Other forms than the table have nothing to be compatible with.
    let compat = (args.compat && setup.format == Format::Table).then(Compat::new);
    let collect = Collect { filter: setup.filter.clone(), clients: Clients::new(), compat };
    if args.watch { watch(setup, collect, show, delay) } else { once(setup, collect, &show) }
}

fn delay_of(typed: Option<f64>) -> Result<Duration, Failure> {
    let seconds = typed.unwrap_or(DELAY_DEFAULT_S);
    if !(0.0..=DELAY_MAX_S).contains(&seconds) {
        return Err(Failure::Message(format!("-d {seconds}: the delay is a number of seconds from 0 to {DELAY_MAX_S}")));
    }
    Ok(Duration::from_secs_f64(seconds.max(DELAY_MIN_S)))
}

fn once(mut setup: Setup, mut collect: Collect, show: &Show) -> Result<u8, Failure> {
    let mut out = setup.output()?;
    let found = std::mem::take(&mut setup.found);
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut collect);
    // A log that was copied here ends when it ends: what was open then was not open until today.
    let now = if show.machine { setup.now } else { summary.last.unwrap_or(setup.now) };
    let rows = match collect.compat {
        Some(compat) => print_compat(&compat, show, &mut out)?,
        None => print(collect.clients.rows(now), show, &mut out)?,
    };
    out.finish()?;
    Ok(setup.close(&summary, rows))
}

fn watch(mut setup: Setup, mut collect: Collect, show: Show, delay: Duration) -> Result<u8, Failure> {
    let found = std::mem::take(&mut setup.found);
    let mut live = Live::new(found, &setup.catalogue, &setup.settings);
    let mut out = setup.output()?;
    let is_screen = show.format == Format::Table && std::io::stdout().is_terminal() && !setup.to_file();
    let mut summary = Summary::default();
    let mut frame = |buffer: &mut Vec<u8>| -> std::io::Result<()> {
        let problems = live.poll(&mut collect);
        if !is_screen && !setup.quiet {
            problems.iter().for_each(|problem| tell(&problem.to_string()));
        } else {
            // Told when the screen is ours no longer.
            summary.problems.extend(problems);
        }
        let now = jiff::Timestamp::now().as_microsecond();
        if let Some(compat) = &collect.compat {
            return print_compat(compat, &show, buffer).map(drop);
        }
        let mut clients = collect.clients.clone();
        live.open().iter().filter(|attempt| collect.filter.takes(attempt)).for_each(|attempt| clients.add(attempt));
        print(clients.rows(now), &show, buffer).map(drop)
    };
    if is_screen {
        live::on_screen(delay, setup.look.color, &mut frame)?;
    } else {
        live::in_a_row(delay, &mut out, &mut frame)?;
        out.finish()?;
    }
    summary.problems.dedup();
    Ok(setup.close(&summary, 1))
}

/// Prints the rows in the form asked for; how many.
fn print(rows: impl Iterator<Item = ClientRow>, show: &Show, out: &mut dyn Write) -> std::io::Result<u64> {
    let rows = rows.take(show.limit).map(|row| with_counters(row, show));
    if show.format == Format::Table {
        let rows: Vec<ClientRow> = rows.collect();
        monitor::clients(&rows, &show.look, show.totals, out)?;
        return Ok(rows.len() as u64);
    }
    let mut printer = Printer::new(show.format, "client", COLUMNS, show.look.clone());
    for row in rows {
        printer.row(COLUMNS, &row, out)?;
    }
    printer.finish(out)?;
    Ok(printer.rows())
}

fn print_compat(compat: &Compat, show: &Show, out: &mut dyn Write) -> std::io::Result<u64> {
    let rows = compat.rows();
    let counters = |interface: &str| if show.machine { interface::counters(interface) } else { None };
    monitor::compat(&rows, &show.look.zone, &counters, out)?;
    Ok(rows.len() as u64)
}

/// The kernel knows how much an open session has moved, the log does not.
fn with_counters(mut row: ClientRow, show: &Show) -> ClientRow {
    if show.machine {
        for session in &mut row.open {
            let counters = session.interface.as_deref().and_then(interface::counters);
            if let Some((to_client, from_client)) = counters {
                session.bytes_to_client = Some(to_client);
                session.bytes_from_client = Some(from_client);
            }
        }
    }
    row
}
