//! `tunlog clients`: the pptpd-monitor table, once or for ever.

use std::collections::HashMap;
use std::io::{IsTerminal as _, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use tunlog_analysis::statistics::clients::{COLUMNS, ClientRow, Clients};
use tunlog_analysis::statistics::compat::Compat;
use tunlog_ingest::ProblemKind;
use tunlog_model::{Attempt, Event};
use tunlog_pipeline::{Live, Sources, Subscriber, Summary, Wants};
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
        machine: setup.found.machine || args.here,
    };
    // Other forms than the table have nothing to be compatible with.
    let compat = (args.compat && setup.format == Format::Table).then(Compat::new);
    if compat.is_some() && setup.filter.names_a_place() {
        let message = "--compat: pptpd-monitor's rows can be chosen with --user only, not with --ip or --gateway";
        return Err(Failure::Message(message.to_owned()));
    }
    let collect = Collect {
        filter: setup.filter.clone(),
        clients: Clients::new(),
        compat,
    };
    if args.watch {
        watch(setup, collect, show, delay)
    } else {
        once(setup, collect, &show)
    }
}

fn delay_of(typed: Option<f64>) -> Result<Duration, Failure> {
    let seconds = typed.unwrap_or(DELAY_DEFAULT_S);
    if !(0.0..=DELAY_MAX_S).contains(&seconds) {
        return Err(Failure::Message(format!(
            "-d {seconds}: the delay is a number of seconds from 0 to {DELAY_MAX_S}"
        )));
    }
    Ok(Duration::from_secs_f64(seconds.max(DELAY_MIN_S)))
}

fn once(mut setup: Setup, mut collect: Collect, show: &Show) -> Result<u8, Failure> {
    let mut out = setup.output()?;
    let found = std::mem::take(&mut setup.found);
    // a heading over nothing would look like an answer
    let is_silent = found.is_unreadable() && show.format == Format::Table;
    let summary = tunlog_pipeline::run(found, &setup.catalogue, &setup.settings, &mut collect);
    // A log that was copied here ends when it ends: what was open then was not open until today.
    let now = if show.machine {
        setup.now
    } else {
        summary.last.unwrap_or(setup.now)
    };
    let rows = match collect.compat {
        _ if is_silent => 0,
        Some(compat) => print_compat(&compat, &setup.filter, show, &mut out)?,
        None => print(&collect.clients, now, show, &mut out)?,
    };
    out.finish()?;
    Ok(setup.close(&summary, rows))
}

fn watch(mut setup: Setup, mut collect: Collect, show: Show, delay: Duration) -> Result<u8, Failure> {
    let found = std::mem::take(&mut setup.found);
    let mut live = Live::new(found, &setup.catalogue, &setup.settings);
    let mut out = setup.output()?;
    let is_screen = show.format == Format::Table && std::io::stdout().is_terminal() && !setup.to_file();
    let (mut untold, mut failed) = (Vec::new(), false);
    let mut frame = |buffer: &mut Vec<u8>| -> std::io::Result<()> {
        for problem in live.poll(&mut collect) {
            let is_error = problem.kind == ProblemKind::Error;
            failed |= is_error;
            if is_screen {
                untold.push(problem); // until the screen is ours no longer
            } else if is_error || !setup.quiet {
                tell(&problem.to_string());
            }
        }
        let now = jiff::Timestamp::now().as_microsecond();
        if let Some(compat) = &collect.compat {
            return print_compat(compat, &collect.filter, &show, buffer).map(drop);
        }
        let mut clients = collect.clients.clone();
        live.open()
            .iter()
            .filter(|attempt| collect.filter.takes(attempt))
            .for_each(|attempt| clients.add(attempt));
        print(&clients, now, &show, buffer).map(drop)
    };
    if is_screen {
        live::on_screen(delay, setup.look.color, &mut frame)?;
    } else {
        live::in_a_row(delay, &mut out, &mut frame)?;
        out.finish()?;
    }
    untold.dedup();
    let seen = live.summary();
    let summary = Summary {
        problems: untold,
        ..seen.clone()
    };
    let code = setup.close(&summary, 1);
    Ok(if failed { 2 } else { code })
}

/// Prints the rows in the form asked for; how many.
fn print(clients: &Clients, now: i64, show: &Show, out: &mut dyn Write) -> std::io::Result<u64> {
    // Read once: the rows are walked twice, and must not change in between.
    let counters = if show.machine {
        counters_of(clients, now)
    } else {
        HashMap::new()
    };
    let rows = clients
        .rows(now)
        .take(show.limit)
        .map(|row| with_counters(row, &counters));
    if show.format == Format::Table {
        return monitor::clients(rows, &show.look, show.totals, out);
    }
    let mut printer = Printer::new(show.format, "client", COLUMNS, show.look.clone());
    for row in rows {
        printer.row(COLUMNS, &row, out)?;
    }
    printer.finish(out)?;
    Ok(printer.rows())
}

fn print_compat(compat: &Compat, filter: &Filter, show: &Show, out: &mut dyn Write) -> std::io::Result<u64> {
    let mut rows = compat.rows();
    rows.retain(|row| filter.takes_user(row.user.as_deref()));
    rows.truncate(show.limit);
    let counters = |interface: &str| {
        if show.machine {
            interface::counters(interface)
        } else {
            None
        }
    };
    monitor::compat(&rows, &show.look.zone, &counters, out)?;
    Ok(rows.len() as u64)
}

/// Bytes to the client and from the client, by interface.
type Counters = HashMap<Box<str>, (u64, u64)>;

/// The kernel knows how much an open session has moved, the log does not.
fn counters_of(clients: &Clients, now: i64) -> Counters {
    let open = clients.rows(now).flat_map(|row| row.open);
    let named = open.filter_map(|session| session.interface);
    named
        .filter_map(|interface| interface::counters(&interface).map(|counters| (interface, counters)))
        .collect()
}

fn with_counters(mut row: ClientRow, counters: &Counters) -> ClientRow {
    for session in &mut row.open {
        if let Some((to_client, from_client)) = session.interface.as_deref().and_then(|name| counters.get(name)) {
            session.bytes_to_client = Some(*to_client);
            session.bytes_from_client = Some(*from_client);
        }
    }
    row
}
