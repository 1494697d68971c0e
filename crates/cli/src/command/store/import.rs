//! `tunlog import`: old logs into a store.

use std::sync::Arc;

use tunlog_ingest::ProblemKind;
use tunlog_model::{Cell, Column};
use tunlog_pipeline::{ImportOptions, ImportSummary, Settings, Wants, discover};
use tunlog_report::{Format, Printer};
use tunlog_store::{Options, Store, is_store};

use super::args::ImportArgs;
use super::{format_of, init, look_of, now};
use crate::config::catalogue;
use crate::output::{Failure, Output, tell};
use crate::when;

/// What is printed at the end.
struct Row {
    store: String,
    summary: ImportSummary,
}

const COLUMNS: &[Column<Row>] = &[
    column("store", "STORE", "the store", |row| Cell::Text(row.store.clone())),
    column("sources", "FILES", "files of which something was read", |row| {
        Cell::Count(row.summary.sources)
    }),
    column(
        "known_sources",
        "KNOWN",
        "files that were in the store already",
        |row| Cell::Count(row.summary.known_sources),
    ),
    column("read", "READ", "lines read", |row| Cell::Count(row.summary.counts.read)),
    column("stored", "STORED", "understood and kept", |row| {
        Cell::Count(row.summary.counts.stored)
    }),
    column("filtered", "FILTERED", "concern no VPN daemon", |row| {
        Cell::Count(row.summary.counts.filtered)
    }),
    column("rejected", "REJECTED", "damaged", |row| {
        Cell::Count(row.summary.counts.rejected)
    }),
    column("unparsed", "UNPARSED", "of VPN daemons and not understood", |row| {
        Cell::Count(row.summary.counts.unparsed)
    }),
    column("known", "DUPLICATES", "in the store already, in another file", |row| {
        Cell::Count(row.summary.counts.known)
    }),
    column("expired", "", "older than what the store keeps", |row| {
        Cell::Count(row.summary.expired)
    }),
    column("lost", "", "lost, as their writers say", |row| {
        Cell::Count(row.summary.counts.lost)
    }),
];

const fn column(key: &'static str, header: &'static str, doc: &'static str, value: fn(&Row) -> Cell) -> Column<Row> {
    Column {
        key,
        header,
        doc,
        value,
    }
}

/// Brings logs into a store, which is made if it is not there.
pub fn run(args: &ImportArgs) -> Result<u8, Failure> {
    let format = format_of(&args.form)?;
    if let Some(zone) = &args.tz {
        when::zone(zone).map_err(|problem| Failure::Message(format!("--tz: {problem}")))?;
    }
    if !is_store(&args.store) {
        let (origin, created) = init::create(&args.store, None)?;
        let mut text = Vec::new();
        init::tell(&args.store, &origin, &created, &mut text)?;
        if !args.form.quiet {
            String::from_utf8_lossy(&text).lines().for_each(tell);
        }
    }
    let mut loaded = catalogue();
    let heeding = loaded.catalogue.heeding_services();
    let services = match (args.services, args.no_services) {
        (true, _) => {
            loaded.catalogue = heeding;
            None
        }
        (false, true) => None,
        (false, false) => Some(Arc::new(heeding)),
    };
    let settings = Settings {
        ingest: tunlog_ingest::Options {
            tz: args.tz.clone(),
            year: args.year,
            now: now(),
            ..tunlog_ingest::Options::default()
        },
        since: None,
        until: None,
        evidence: false,
        show_secrets: args.keep_secrets,
        wants: Wants::Everything,
        services,
    };
    let found = discover(&args.paths, args.rotate);
    let mut store = Store::open(&args.store, Options::in_bulk())?;
    let options = ImportOptions {
        keep_secrets: args.keep_secrets,
        full: args.full.policy(),
        waiting: Some(tell),
    };
    let summary = tunlog_pipeline::import(found, &loaded.catalogue, &settings, &mut store, &options, &now)?;
    super::show_witnesses(&mut store)?;
    let failed = tell_problems(&summary, args.form.quiet) || loaded.faulty;
    print(args, format, summary)?;
    Ok(if failed { 2 } else { 0 })
}

/// Says what went wrong; whether anything did.
fn tell_problems(summary: &ImportSummary, quiet: bool) -> bool {
    let mut failed = false;
    for problem in &summary.problems {
        let is_error = problem.kind == ProblemKind::Error;
        failed |= is_error;
        if is_error || !quiet {
            tell(&problem.to_string());
        }
    }
    if summary.expired > 0 && !quiet {
        tell(&format!(
            "{} record(s) are older than what this store keeps, and were not taken",
            summary.expired
        ));
    }
    failed
}

fn print(args: &ImportArgs, format: Format, summary: ImportSummary) -> Result<(), Failure> {
    let mut out = Output::open(None)?;
    let row = Row {
        store: args.store.display().to_string(),
        summary,
    };
    let mut printer = Printer::new(format, "import", COLUMNS, look_of(&args.form));
    printer.row(COLUMNS, &row, &mut out)?;
    printer.finish(&mut out)?;
    out.finish()
}
