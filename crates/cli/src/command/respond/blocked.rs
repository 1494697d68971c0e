//! `tunlog blocked`: what the ledger says is blocked, and what the firewall says.

use tunlog_model::{Cell, Column};
use tunlog_report::Printer;
use tunlog_respond::backend::{self, Live};
use tunlog_respond::{Blocked, Ledger, Prefix};

use super::{choose, ledger_path, look, now};
use crate::args::BlockedArgs;
use crate::output::{Failure, Output, tell};
use crate::settings::Respond;
use crate::{act, config, ledger, settings};

/// How long a block that is over is still listed, microseconds.
const LISTED: i64 = 24 * 3600 * 1_000_000;

/// A row.
struct Row {
    prefix: Prefix,
    by: String,
    since: Option<i64>,
    until: Option<i64>,
    state: &'static str,
    reason: Option<String>,
    /// The firewall holds it; unknown if it was not asked.
    live: Option<bool>,
    /// Seconds that the firewall will hold it.
    left_s: Option<u64>,
}

const COLUMNS: &[Column<Row>] = &[
    Column {
        key: "action",
        header: "",
        doc: "Always block.",
        value: |_| Cell::Word("block"),
    },
    Column {
        key: "target",
        header: "Address",
        doc: "What is blocked.",
        value: |row| Cell::Text(row.prefix.to_string()),
    },
    Column {
        key: "state",
        header: "State",
        doc: "active; expired; overdue: over, in a firewall without expiry; unrecorded: held, but not by the ledger.",
        value: |row| Cell::Word(row.state),
    },
    Column {
        key: "backend",
        header: "By",
        doc: "Who blocks.",
        value: |row| Cell::Text(row.by.clone()),
    },
    Column {
        key: "time",
        header: "Since",
        doc: "When it was made.",
        value: |row| row.since.map_or(Cell::None, Cell::Time),
    },
    Column {
        key: "until",
        header: "Until",
        doc: "When it ends.",
        value: |row| row.until.map_or(Cell::None, Cell::Time),
    },
    Column {
        key: "live",
        header: "Live",
        doc: "Whether the firewall holds it.",
        value: |row| row.live.map_or(Cell::None, Cell::Bool),
    },
    Column {
        key: "left_s",
        header: "Left",
        doc: "How long the firewall will hold it, seconds.",
        value: |row| row.left_s.map_or(Cell::None, |left| Cell::Seconds(left as f64)),
    },
    Column {
        key: "reason",
        header: "Reason",
        doc: "Why.",
        value: |row| row.reason.clone().map_or(Cell::None, Cell::Text),
    },
];

/// Lists blocks.
pub fn run(args: &BlockedArgs) -> Result<u8, Failure> {
    let settings = settings::respond(args.config.as_deref())?;
    let path = ledger_path(args.ledger.as_ref(), &settings);
    let ledger = ledger::read(&path)?;
    let asked: Vec<Prefix> = args
        .addresses
        .iter()
        .map(|typed| typed.parse().map_err(Failure::Message))
        .collect::<Result<_, Failure>>()?;
    let now = now();
    let mut rows: Vec<Row> = ledger
        .blocked()
        .into_iter()
        .filter(|block| args.all || block.until > now - LISTED)
        .map(|block| row(block, now))
        .collect();
    let mut failed = false;
    if args.live {
        for name in backends(args, &settings, &ledger)? {
            let backend = backend::named(&name).map_err(Failure::Message)?;
            match act::live(backend, &settings.options) {
                Ok(live) => compare(&mut rows, &name, live),
                Err(problem) => {
                    failed = true;
                    tell(&format!("{name} cannot be asked: {problem}"));
                }
            }
        }
    }
    rows.retain(|row| asked.is_empty() || asked.iter().any(|asked| row.prefix.covers(asked)));
    let common = args.shown.common();
    let mut out = Output::open(common.to.as_deref())?;
    let left_out: &[&str] = if args.live { &[] } else { &["live", "left_s"] };
    let mut printer = Printer::leaving_out(left_out, config::format_of(&common)?, "action", COLUMNS, look(&common));
    for row in &rows {
        printer.row(COLUMNS, row, &mut out)?;
    }
    printer.finish(&mut out)?;
    out.finish()?;
    if rows.is_empty() && asked.is_empty() && !args.shown.quiet {
        tell(&format!("nothing is blocked, by {}", path.display()));
    }
    Ok(match (failed, rows.is_empty() && !asked.is_empty()) {
        (true, _) => 2,
        (false, true) => 1,
        (false, false) => 0,
    })
}

fn row(block: &Blocked, now: i64) -> Row {
    let over = block.is_expired(now);
    // a firewall without expiry holds it until somebody takes it away
    let stays = backend::named(&block.by).is_ok_and(|backend| !backend.expires());
    Row {
        prefix: block.prefix,
        by: block.by.clone(),
        since: Some(block.since),
        until: Some(block.until),
        state: match (over, stays) {
            (false, _) => "active",
            (true, false) => "expired",
            (true, true) => "overdue",
        },
        reason: block.reason.clone(),
        live: None,
        left_s: None,
    }
}

/// Whom to ask: those that the ledger names; without any, the one that blocks would be made by.
fn backends(args: &BlockedArgs, settings: &Respond, ledger: &Ledger) -> Result<Vec<String>, Failure> {
    if let Some(word) = &args.backend {
        let backend = backend::named(word).map_err(Failure::Message)?;
        return Ok(vec![backend.name().to_owned()]);
    }
    let mut names: Vec<String> = ledger.blocked().iter().map(|block| block.by.clone()).collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        let chosen = choose(settings.backend.as_deref(), &settings.options)?;
        names.push(chosen.backend.name().to_owned());
    }
    Ok(names)
}

/// Puts the firewall's word beside the ledger's.
fn compare(rows: &mut Vec<Row>, by: &str, live: Vec<Live>) {
    for row in rows.iter_mut().filter(|row| row.by == by) {
        let found = live.iter().find(|live| live.prefix == row.prefix);
        row.live = Some(found.is_some());
        row.left_s = found.and_then(|live| live.left_s);
    }
    for live in live {
        if !rows.iter().any(|row| row.by == by && row.prefix == live.prefix) {
            rows.push(Row {
                prefix: live.prefix,
                by: by.to_owned(),
                since: None,
                until: None,
                state: "unrecorded",
                reason: None,
                live: Some(true),
                left_s: live.left_s,
            });
        }
    }
}
