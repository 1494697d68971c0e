//! `tunlog status`: what a store holds, and what became of everything that was read.

use std::io::{self, Write};

use tunlog_model::{Cell, Column, text};
use tunlog_report::{Format, Look, Printer, bytes_iec, local};
use tunlog_store::{Reader, StoreStatus, StoredSource};

use super::args::StatusArgs;
use super::{format_of, look_of};
use crate::output::{Failure, Output};

/// Sources of a table; the other forms have all.
const SOURCES_SHOWN: usize = 40;

type Row = (StoreStatus, Vec<StoredSource>);

const COLUMNS: &[Column<Row>] = &[
    column("read", "lines (records, where a source has no lines) read", |row| {
        Cell::Count(row.0.counts.read)
    }),
    column("stored", "understood and kept", |row| Cell::Count(row.0.counts.stored)),
    column("filtered", "of no VPN daemon, or part of the record before", |row| {
        Cell::Count(row.0.counts.filtered)
    }),
    column("rejected", "damaged", |row| Cell::Count(row.0.counts.rejected)),
    column("unparsed", "of VPN daemons and not understood; kept", |row| {
        Cell::Count(row.0.counts.unparsed)
    }),
    column(
        "duplicates",
        "passed over: in the store already; no part of `read`",
        |row| Cell::Count(row.0.counts.known),
    ),
    column(
        "lost",
        "lost, as their writers say, or given up on a full disk",
        |row| Cell::Count(row.0.counts.lost + row.0.dropped),
    ),
    column("gaps", "places where some were lost", |row| {
        Cell::Count(row.0.counts.gaps)
    }),
    column("first", "earliest time", |row| time(row.0.counts.first)),
    column("last", "latest time", |row| time(row.0.counts.last)),
    column("segments", "sealed segments", |row| Cell::Count(row.0.segments)),
    column("segments_removed", "segments that retention removed", |row| {
        Cell::Count(row.0.removed)
    }),
    column("segments_set_aside", "segments that cannot be read", |row| {
        Cell::Count(row.0.set_aside)
    }),
    column("sealed", "records in them", |row| Cell::Count(row.0.sealed)),
    column("open", "records that are not sealed yet", |row| Cell::Count(row.0.open)),
    column("bytes", "size of the segments", |row| Cell::Bytes(row.0.bytes)),
    column("checkpoint", "number of the last checkpoint", |row| {
        Cell::Count(row.0.checkpoint)
    }),
    column("checkpoint_time", "when it was written", |row| {
        time(row.0.checkpoint_time)
    }),
    column("epoch", "which key signs", |row| Cell::Count(row.0.epoch)),
    column("kept_from", "retention removed what is older", |row| time(row.0.floor)),
    column("sources", "every source", |row| {
        Cell::List(row.1.iter().map(source).collect())
    }),
];

const fn column(key: &'static str, doc: &'static str, value: fn(&Row) -> Cell) -> Column<Row> {
    Column {
        key,
        header: key,
        doc,
        value,
    }
}

fn time(micros: Option<i64>) -> Cell {
    micros.map_or(Cell::None, Cell::Time)
}

fn source(source: &StoredSource) -> Cell {
    let counts = &source.counts;
    Cell::Object(vec![
        ("source", Cell::Text(source.name.clone())),
        ("read", Cell::Count(counts.read)),
        ("stored", Cell::Count(counts.stored)),
        ("filtered", Cell::Count(counts.filtered)),
        ("rejected", Cell::Count(counts.rejected)),
        ("unparsed", Cell::Count(counts.unparsed)),
        ("duplicates", Cell::Count(counts.known)),
        ("lost", Cell::Count(counts.lost)),
        ("first", time(counts.first)),
        ("last", time(counts.last)),
        ("complete", Cell::Bool(source.complete)),
    ])
}

/// Prints what a store holds.
pub fn run(args: &StatusArgs) -> Result<u8, Failure> {
    let format = format_of(&args.form)?;
    let reader = Reader::open(&args.store)?;
    let row = (reader.status()?, reader.sources()?);
    let mut out = Output::open(None)?;
    let look = look_of(&args.form);
    if format == Format::Table {
        writeln!(out, "store     {}", text::visible(&args.store.display().to_string()))?;
        table(&row, &look, &mut out)?;
    } else {
        let mut printer = Printer::new(format, "status", COLUMNS, look);
        printer.row(COLUMNS, &row, &mut out)?;
        printer.finish(&mut out)?;
    }
    out.finish()?;
    Ok(0)
}

fn table((status, sources): &Row, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let counts = &status.counts;
    let at =
        |time: Option<i64>| time.map_or_else(|| "-".to_owned(), |time| local(time, &look.zone, "%Y-%m-%d %H:%M:%S"));
    writeln!(out, "time      {} to {}", at(counts.first), at(counts.last))?;
    writeln!(
        out,
        "read      {} = stored {} + filtered {} + rejected {} + unparsed {}",
        counts.read, counts.stored, counts.filtered, counts.rejected, counts.unparsed
    )?;
    writeln!(
        out,
        "          {} duplicates passed over, {} lost in {} gaps",
        counts.known,
        counts.lost + status.dropped,
        counts.gaps
    )?;
    writeln!(
        out,
        "segments  {} with {} records in {}; {} removed by retention, {} set aside",
        status.segments,
        status.sealed,
        bytes_iec(status.bytes),
        status.removed,
        status.set_aside
    )?;
    writeln!(
        out,
        "seal      checkpoint {} of {}, epoch {}; {} records are not sealed yet",
        status.checkpoint,
        at(status.checkpoint_time),
        status.epoch,
        status.open
    )?;
    if let Some(floor) = status.floor {
        writeln!(out, "kept      from {}", at(Some(floor)))?;
    }
    writeln!(out)?;
    for source in sources.iter().take(SOURCES_SHOWN) {
        let state = if source.complete { "" } else { "  (not read to its end)" };
        writeln!(
            out,
            "{}  read {}, stored {}, unparsed {}, to {}{state}",
            text::visible(&source.name),
            source.counts.read,
            source.counts.stored,
            source.counts.unparsed,
            at(source.counts.last)
        )?;
    }
    if sources.len() > SOURCES_SHOWN {
        writeln!(
            out,
            "… and {} sources more (-o json has all)",
            sources.len() - SOURCES_SHOWN
        )?;
    }
    Ok(())
}
