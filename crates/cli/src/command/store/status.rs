//! `tunlog status`: what a store holds, and what became of everything that was read.

use std::io::{self, Write};

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;
use tunlog_model::{Cell, Column, FindingSeverity, text};
use tunlog_report::{Format, Look, Printer, bytes_iec, local};
use tunlog_store::history::{FindingQuery, HistoryCounts, HistoryReader};
use tunlog_store::{Reader, StoreStatus, StoredSource};

use super::args::StatusArgs;
use super::{format_of, live, look_of, now};
use crate::command::serve;
use crate::output::{Failure, Output, tell};

/// Sources of a table; the other forms have all.
const SOURCES_SHOWN: usize = 40;

/// Findings that are shown as alarms: this bad, this new (microseconds), this many.
const ALARM: FindingSeverity = FindingSeverity::Medium;
const ALARM_AGE: i64 = 24 * 3600 * 1_000_000;
const ALARMS_MAX: u32 = 20;

/// What is known of a store.
struct Row {
    status: StoreStatus,
    sources: Vec<StoredSource>,
    /// What the daemon says, if one runs.
    live: Option<Value>,
    history: Option<HistoryCounts>,
    /// Findings of the last day, as JSON, the latest first.
    alarms: Vec<Value>,
}

const COLUMNS: &[Column<Row>] = &[
    column("read", "lines (records, where a source has no lines) read", |row| {
        Cell::Count(row.status.counts.read)
    }),
    column("stored", "understood and kept", |row| {
        Cell::Count(row.status.counts.stored)
    }),
    column("filtered", "of no VPN daemon, or part of the record before", |row| {
        Cell::Count(row.status.counts.filtered)
    }),
    column("rejected", "damaged", |row| Cell::Count(row.status.counts.rejected)),
    column("unparsed", "of VPN daemons and not understood; kept", |row| {
        Cell::Count(row.status.counts.unparsed)
    }),
    column(
        "duplicates",
        "passed over: in the store already; no part of `read`",
        |row| Cell::Count(row.status.counts.known),
    ),
    column(
        "lost",
        "lost, as their writers say, or given up on a full disk",
        |row| Cell::Count(row.status.counts.lost + row.status.dropped),
    ),
    column("gaps", "places where some were lost", |row| {
        Cell::Count(row.status.counts.gaps)
    }),
    column("first", "earliest time", |row| time(row.status.counts.first)),
    column("last", "latest time", |row| time(row.status.counts.last)),
    column("segments", "sealed segments", |row| Cell::Count(row.status.segments)),
    column("segments_removed", "segments that retention removed", |row| {
        Cell::Count(row.status.removed)
    }),
    column("segments_set_aside", "segments that cannot be read", |row| {
        Cell::Count(row.status.set_aside)
    }),
    column("sealed", "records in them", |row| Cell::Count(row.status.sealed)),
    column("open", "records that are not sealed yet", |row| {
        Cell::Count(row.status.open)
    }),
    column("bytes", "size of the segments", |row| Cell::Bytes(row.status.bytes)),
    column("checkpoint", "number of the last checkpoint", |row| {
        Cell::Count(row.status.checkpoint)
    }),
    column("checkpoint_time", "when it was written", |row| {
        time(row.status.checkpoint_time)
    }),
    column("epoch", "which key signs", |row| Cell::Count(row.status.epoch)),
    column("kept_from", "retention removed what is older", |row| {
        time(row.status.floor)
    }),
    column("running", "whether a daemon writes to it now", |row| {
        Cell::Bool(row.live.is_some())
    }),
    column("started", "when the daemon started", |row| live_time(row, "started")),
    column(
        "ready",
        "whether it has taken in what was there when it started",
        |row| {
            live_of(row, "ready")
                .and_then(Value::as_bool)
                .map_or(Cell::None, Cell::Bool)
        },
    ),
    column("problem", "why nothing can be kept at present", |row| {
        let problem = live_of(row, "keeping").and_then(|keeping| keeping.get("problem")?.as_str());
        problem.map_or(Cell::None, |problem| Cell::Text(problem.to_owned()))
    }),
    column(
        "certificates",
        "certificates of the daemon that have expired, or are about to",
        |row| {
            Cell::List(
                certificates(row)
                    .map(|(file, problem)| {
                        Cell::Object(vec![("file", Cell::Text(file)), ("problem", Cell::Text(problem))])
                    })
                    .collect(),
            )
        },
    ),
    column("attempts", "attempts in the history", |row| {
        history(row, |counts| counts.attempts)
    }),
    column("sessions", "those that became sessions", |row| {
        history(row, |counts| counts.sessions)
    }),
    column("sessions_open", "sessions that are up", |row| {
        history(row, |counts| counts.open)
    }),
    column("findings", "findings in the history", |row| {
        history(row, |counts| counts.findings)
    }),
    column("alarms", "findings of the last day that are medium or worse", |row| {
        Cell::List(row.alarms.iter().map(alarm).collect())
    }),
    column("sources", "every source", |row| Cell::List(sources_of(row))),
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

fn live_of<'r>(row: &'r Row, key: &str) -> Option<&'r Value> {
    row.live.as_ref()?.get(key)
}

fn live_time(row: &Row, key: &str) -> Cell {
    live_of(row, key).map_or(Cell::None, time_of)
}

/// Certificates with which something is wrong: the file, and what it is.
fn certificates(row: &Row) -> impl Iterator<Item = (String, String)> {
    let all = live_of(row, "certificates").and_then(Value::as_array);
    all.into_iter().flatten().filter_map(|one| {
        let text = |key: &str| one.get(key)?.as_str().map(str::to_owned);
        Some((text("file")?, text("problem")?))
    })
}

/// A time of JSON.
fn time_of(value: &Value) -> Cell {
    let parsed = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    time(parsed.map(Timestamp::as_microsecond))
}

fn history(row: &Row, count: fn(&HistoryCounts) -> u64) -> Cell {
    row.history
        .as_ref()
        .map_or(Cell::None, |counts| Cell::Count(count(counts)))
}

fn alarm(finding: &Value) -> Cell {
    let word = |key: &'static str| {
        let text = finding.get(key).and_then(Value::as_str);
        (key, text.map_or(Cell::None, |text| Cell::Text(text.to_owned())))
    };
    let sources = finding.get("sources").and_then(Value::as_array).into_iter().flatten();
    let sources = sources
        .filter_map(Value::as_str)
        .map(|text| Cell::Text(text.to_owned()));
    Cell::Object(vec![
        word("rule"),
        word("severity"),
        ("alarm_time", finding.get("alarm_time").map_or(Cell::None, time_of)),
        ("sources", Cell::List(sources.collect())),
        word("summary"),
    ])
}

/// What the daemon says of a source.
fn live_source<'r>(row: &'r Row, name: &str) -> Option<&'r Value> {
    let all = live_of(row, "sources")?.as_array()?;
    all.iter()
        .find(|source| source.get("source").and_then(Value::as_str) == Some(name))
}

/// What the daemon looks for or listens to, and what gave nothing yet.
fn silent(row: &Row) -> impl Iterator<Item = (&str, &Value)> {
    let all = live_of(row, "sources").and_then(Value::as_array).into_iter().flatten();
    let named = all.map(|found| (found.get("source").and_then(Value::as_str).unwrap_or_default(), found));
    named.filter(|(name, _)| !row.sources.iter().any(|known| known.name == *name))
}

/// Every source of the store, and those of the daemon that gave nothing yet.
fn sources_of(row: &Row) -> Vec<Cell> {
    let mut all: Vec<Cell> = row
        .sources
        .iter()
        .map(|known| source(known, live_source(row, &known.name)))
        .collect();
    for (name, found) in silent(row) {
        let mut cells = vec![("source", Cell::Text(name.to_owned()))];
        let zero = [
            "read",
            "stored",
            "filtered",
            "rejected",
            "unparsed",
            "duplicates",
            "lost",
        ];
        cells.extend(zero.map(|key| (key, Cell::Count(0))));
        cells.extend(state_of(found));
        all.push(Cell::Object(cells));
    }
    all
}

fn source(source: &StoredSource, live: Option<&Value>) -> Cell {
    let counts = &source.counts;
    let mut cells = vec![
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
    ];
    cells.extend(live.map(state_of).unwrap_or_default());
    Cell::Object(cells)
}

/// How a source does now.
fn state_of(live: &Value) -> Vec<(&'static str, Cell)> {
    let word = |key: &'static str| {
        let text = live.get(key).and_then(Value::as_str);
        (key, text.map_or(Cell::None, |text| Cell::Text(text.to_owned())))
    };
    let lag = live.get("lag_s").and_then(Value::as_f64);
    vec![
        word("state"),
        word("problem"),
        ("heard", live.get("heard").map_or(Cell::None, time_of)),
        ("lag_s", lag.map_or(Cell::None, Cell::Seconds)),
    ]
}

/// Prints what a store holds.
pub fn run(args: &StatusArgs) -> Result<u8, Failure> {
    let format = format_of(&args.form)?;
    let store = match &args.store {
        Some(store) => store.clone(),
        None => serve::place()?,
    };
    let reader = Reader::open(&store)?;
    let live = live::status(&store, args.http.as_deref()).unwrap_or_else(|words| {
        tell(&words);
        None
    });
    let (history, alarms) = kept(&store)?;
    let row = Row {
        status: reader.status()?,
        sources: reader.sources()?.into_iter().filter(is_source).collect(),
        live,
        history,
        alarms,
    };
    let mut out = Output::open(None)?;
    let look = look_of(&args.form);
    if format == Format::Table {
        writeln!(out, "store     {}", text::visible(&store.display().to_string()))?;
        table(&row, &look, &mut out)?;
    } else {
        let mut printer = Printer::new(format, "status", COLUMNS, look);
        printer.row(COLUMNS, &row, &mut out)?;
        printer.finish(&mut out)?;
    }
    out.finish()?;
    Ok(0)
}

/// Early stores have a row for troubles of following, which is no source.
fn is_source(known: &StoredSource) -> bool {
    known.name != "follow" || known.imported || known.counts.read > 0
}

/// The history's figures, and what sounded an alarm lately.
fn kept(store: &Path) -> Result<(Option<HistoryCounts>, Vec<Value>), Failure> {
    let Some(reader) = HistoryReader::open(store)? else {
        return Ok((None, Vec::new()));
    };
    let query = FindingQuery {
        since: Some(now() - ALARM_AGE),
        severity: Some(ALARM),
        ..FindingQuery::default()
    };
    let page = reader.findings(&query, None, ALARMS_MAX)?;
    let alarms = page.rows.iter().filter_map(|row| serde_json::from_str(row).ok());
    Ok((Some(reader.counts()?), alarms.collect()))
}

fn table(row: &Row, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let Row { status, sources, .. } = row;
    daemon(row, look, out)?;
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
    alarms(row, look, out)?;
    writeln!(out)?;
    // what gives nothing at all is what somebody looks for here
    for (name, live) in silent(row).take(SOURCES_SHOWN) {
        writeln!(out, "{}  read 0  {}", text::visible(name), spoken(live))?;
    }
    for source in sources.iter().take(SOURCES_SHOWN) {
        let live = live_source(row, &source.name);
        let state = match live {
            Some(live) => format!("  {}", spoken(live)),
            // one that was live has no end that could be missing
            None if source.complete || !source.imported => String::new(),
            None => "  (not read to its end)".to_owned(),
        };
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

/// Whether a daemon runs, and how it does.
fn daemon(row: &Row, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let Some(live) = &row.live else {
        return writeln!(
            out,
            "daemon    none answers (--http says where it listens, if not in the store)"
        );
    };
    let since = match live.get("started").map(time_of) {
        Some(Cell::Time(started)) => local(started, &look.zone, "%Y-%m-%d %H:%M:%S"),
        _ => "-".to_owned(),
    };
    let ready = match live.get("ready").and_then(Value::as_bool) {
        Some(false) => ", still reading what was there when it started",
        _ => "",
    };
    writeln!(out, "daemon    runs since {since}{ready}")?;
    for (file, problem) in certificates(row) {
        writeln!(out, "          {}: {}", text::visible(&file), text::visible(&problem))?;
    }
    let problem = live.get("keeping").and_then(|keeping| keeping.get("problem")?.as_str());
    match problem {
        Some(problem) => writeln!(out, "          nothing can be kept: {}", text::visible(problem)),
        None => Ok(()),
    }
}

/// What came of the records, and what of it somebody should look at.
fn alarms(row: &Row, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    if let Some(counts) = &row.history {
        writeln!(
            out,
            "history   {} attempts, {} of them sessions, {} up now; {} findings",
            counts.attempts, counts.sessions, counts.open, counts.findings
        )?;
    }
    for (at, finding) in row.alarms.iter().enumerate() {
        let word = |key: &str| text::visible(finding.get(key).and_then(Value::as_str).unwrap_or("-")).into_owned();
        let time = match finding.get("alarm_time").map(time_of) {
            Some(Cell::Time(time)) => local(time, &look.zone, "%m-%d %H:%M:%S"),
            _ => "-".to_owned(),
        };
        let label = if at == 0 { "alarms" } else { "" };
        writeln!(
            out,
            "{label:<9} {time}  {}  {}  {}",
            word("severity"),
            word("rule"),
            word("summary")
        )?;
    }
    Ok(())
}

/// How a source does, for a line of the table.
fn spoken(live: &Value) -> String {
    let state = live.get("state").and_then(Value::as_str).unwrap_or("-");
    let mut words = text::visible(state).into_owned();
    if let Some(lag) = live.get("lag_s").and_then(Value::as_f64).filter(|lag| *lag >= 1.0) {
        words.push_str(&format!(", {lag:.0} s behind"));
    }
    if let Some(problem) = live.get("problem").and_then(Value::as_str) {
        words.push_str(&format!(": {}", text::visible(problem)));
    }
    words
}
