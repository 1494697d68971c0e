//! `tunlog store retain`, `export` and `backup`: what is kept, and what leaves.

use std::io::Write as _;

use jiff::tz::TimeZone;
use tunlog_model::text;
use tunlog_report::{bytes_iec, rfc3339};
use tunlog_store::{Copied, Options, Retain, Store, backup, export_segments};

use super::args::{BackupArgs, ExportArgs, RetainArgs};
use super::now;
use crate::args::{DecodeArgs, ListArgs, PathArgs};
use crate::command::decode;
use crate::output::{Failure, Output, tell};
use crate::when;

/// Removes what is old or too much; 1 if there is nothing.
pub fn run_retain(args: &RetainArgs) -> Result<u8, Failure> {
    let now = now();
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    let before = args
        .before
        .as_ref()
        .map(|typed| when::parse(typed, now, &zone))
        .transpose();
    let before = before.map_err(|problem| Failure::Message(format!("--before: {problem}")))?;
    let bytes_max = args.max_size.as_ref().map(|typed| size(typed)).transpose()?;
    let rule = Retain { before, bytes_max };
    let mut store = Store::open(&args.dir, Options::default())?;
    let expired = store.expired(&rule)?;
    let mut out = Output::open(None)?;
    for segment in &expired {
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
    let (rows, bytes) = expired.iter().fold((0, 0), |(rows, bytes), segment| {
        (rows + segment.rows, bytes + segment.bytes)
    });
    if args.dry_run {
        writeln!(
            out,
            "{} segments with {rows} records, {}, would go",
            expired.len(),
            bytes_iec(bytes)
        )?;
    } else if let Some(number) = store.remove(&expired, &rule, now)? {
        writeln!(
            out,
            "{} segments with {rows} records, {}, are gone: checkpoint {number} says so",
            expired.len(),
            bytes_iec(bytes)
        )?;
    }
    out.finish()?;
    for error in store.show_witnesses()? {
        tell(&format!("witness {error}"));
    }
    Ok(u8::from(expired.is_empty()))
}

/// Bytes as people write them: `500M`, `10G`, `1T`, plain bytes; powers of 1024.
pub fn size(typed: &str) -> Result<u64, Failure> {
    let (digits, unit) = match typed.find(|c: char| !c.is_ascii_digit() && c != '.') {
        Some(at) => typed.split_at(at),
        None => (typed, ""),
    };
    let shift = match unit
        .trim()
        .to_ascii_uppercase()
        .trim_end_matches('B')
        .trim_end_matches('I')
    {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        "P" => 50,
        _ => 64,
    };
    let number = digits.parse::<f64>().ok().filter(|_| shift < 64);
    match number {
        Some(number) => Ok((number * (1_u64 << shift) as f64) as u64),
        None => Err(Failure::Message(format!("`{typed}` is no size: say 500M, 10G or 1T"))),
    }
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

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_as_people_write_them() {
        let read = |typed: &str| size(typed).ok();
        assert_eq!(read("1024"), Some(1024));
        assert_eq!(read("1.5K"), Some(1536));
        assert_eq!(read("10G"), Some(10 << 30));
        assert_eq!(read("10 GiB"), Some(10 << 30));
        assert_eq!(read("2tb"), Some(2 << 40));
        for typed in ["", "G", "ten", "10X", "1.2.3G", "-1G"] {
            assert_eq!(read(typed), None, "{typed}");
        }
    }
}
