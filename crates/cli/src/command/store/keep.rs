//! `tunlog store retain`, `export` and `backup`: what is kept, and what leaves.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use tunlog_model::text;
use tunlog_report::{bytes_iec, rfc3339};
use tunlog_store::{Copied, Options, Retain, Retained, Store, backup, export_segments};

use super::args::{BackupArgs, ExportArgs, RetainArgs};
use super::{now, show_witnesses};
use crate::args::{DecodeArgs, ListArgs, PathArgs};
use crate::command::decode;
use crate::output::{Failure, Output, tell};
use crate::when;

/// Removes what is old or too much; 1 if there is nothing.
pub fn run_retain(args: &RetainArgs) -> Result<u8, Failure> {
    let now = now();
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    let time = |option: &str, typed: &Option<String>| -> Result<Option<i64>, Failure> {
        let parsed = typed.as_deref().map(|typed| when::parse(typed, now, &zone)).transpose();
        parsed.map_err(|problem| Failure::Message(format!("{option}: {problem}")))
    };
    let rule = Retain {
        before: time("--before", &args.before)?,
        bytes_max: args.max_size.as_ref().map(|typed| size(typed)).transpose()?,
        attempts_before: time("--attempts-before", &args.attempts_before)?,
        findings_before: time("--findings-before", &args.findings_before)?,
    };
    let mut store = Store::open(&args.dir, Options::default())?;
    let found = match args.dry_run {
        true => store.retainable(&rule)?,
        false => store.retain(&rule, now)?,
    };
    let mut out = Output::open(None)?;
    told(&found, &mut out)?;
    out.finish()?;
    show_witnesses(&mut store)?;
    Ok(u8::from(found.is_empty()))
}

/// Says what went, or would go: that is what no checkpoint says yet.
fn told(found: &Retained, out: &mut dyn Write) -> io::Result<()> {
    for segment in &found.segments {
        let last = segment.last.map_or_else(|| "-".to_owned(), rfc3339);
        writeln!(
            out,
            "{}  {} records to {last}, {}  ({})",
            text::visible(&segment.path),
            segment.rows,
            bytes_iec(segment.bytes),
            segment.cause
        )?;
    }
    let end = match found.checkpoint {
        Some(number) => format!("gone: checkpoint {number} says so"),
        None => "what would go".to_owned(),
    };
    if !found.segments.is_empty() {
        let rows: u64 = found.segments.iter().map(|segment| segment.rows).sum();
        let bytes: u64 = found.segments.iter().map(|segment| segment.bytes).sum();
        writeln!(
            out,
            "{} segments with {rows} records, {}: {end}",
            found.segments.len(),
            bytes_iec(bytes)
        )?;
    }
    for line in &found.rows {
        writeln!(
            out,
            "{} {} of the history before {}: {end}",
            line.rows,
            line.kind,
            rfc3339(line.before)
        )?;
    }
    Ok(())
}

/// Bytes as people write them.
///
/// # Errors
/// What would have been understood.
pub fn size(typed: &str) -> Result<u64, Failure> {
    tunlog_store::size(typed).ok_or_else(|| Failure::Message(format!("`{typed}` is no size: say 500M, 10G or 1T")))
}

/// Prints the events of a store, or copies its segments.
pub fn run_export(args: &ExportArgs) -> Result<u8, Failure> {
    let Some(to) = &args.parquet else {
        let input = PathArgs {
            paths: vec![args.dir.clone()],
            common: args.common.clone(),
        };
        let list = ListArgs { explain: false, input };
        // what the store holds of other services is exported as well
        return decode::run(&DecodeArgs { services: true, list });
    };
    let (now, zone) = (now(), TimeZone::try_system().unwrap_or(TimeZone::UTC));
    let time = |option: &str, typed: &Option<String>| -> Result<Option<i64>, Failure> {
        let parsed = typed.as_deref().map(|typed| when::parse(typed, now, &zone)).transpose();
        parsed.map_err(|problem| Failure::Message(format!("{option}: {problem}")))
    };
    let between = (
        time("--since", &args.common.since)?,
        time("--until", &args.common.until)?,
    );
    let copied = export_segments(&args.dir, to, between)?;
    if copied.open > 0 {
        tell(&format!(
            "{} records are not sealed yet and not among them: `tunlog store checkpoint` seals them",
            copied.open
        ));
    }
    said(&copied, "copied")
}

/// Copies a store while it is written to.
pub fn run_backup(args: &BackupArgs) -> Result<u8, Failure> {
    let copied = backup(&args.dir, &args.to, args.with_key)?;
    if !args.with_key {
        tell("the signing key is not in the copy (--with-key): it can be read and verified, not gone on with");
    }
    said(&copied, "copied")
}

fn said(copied: &Copied, word: &str) -> Result<u8, Failure> {
    let mut out = Output::open(None)?;
    writeln!(
        out,
        "{} segments with {} records, {}, {word}",
        copied.segments,
        copied.records,
        bytes_iec(copied.bytes)
    )?;
    out.finish()?;
    Ok(0)
}
