//! `tunlog store verify`, `prove` and `checkpoint`: the seal.

use std::io::{self, Write};

use tunlog_model::text;
use tunlog_report::rfc3339;
use tunlog_store::record::Record;
use tunlog_store::{Against, Answer, Options, Reader, Report, Store, verify};

use super::args::{CheckpointArgs, ProveArgs, VerifyArgs};
use super::{now, pins, show_witnesses};
use crate::output::{Failure, Output, tell};

/// Says whether a store is what it was: 0 intact, 1 changed, 2 incomplete, 3 cannot judge.
pub fn run_verify(args: &VerifyArgs) -> Result<u8, Failure> {
    let pinned = args.key.as_ref().map(|typed| key_of(typed)).or_else(|| {
        let (key, place) = pins::known(&args.dir)?;
        if !args.quiet {
            tell(&format!(
                "compared with the key that was written down in {} (--key KEY: another one)",
                place.display()
            ));
        }
        Some(key)
    });
    let against = Against {
        key: pinned,
        witnesses: args.witness.clone(),
        require_witness: args.require_witness,
    };
    let report = match verify(&args.dir, &against) {
        Ok(report) => report,
        Err(error) => {
            // the statuses of other errors mean something else here
            tell(&error.to_string());
            return Ok(Answer::Unjudged as u8);
        }
    };
    let mut out = Output::open(None)?;
    print(&report, &mut out)?;
    out.finish()?;
    Ok(report.answer() as u8)
}

/// A key as it was typed, or what stands in the file that was named.
fn key_of(typed: &str) -> String {
    match std::fs::read_to_string(typed) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => typed.to_owned(),
    }
}

fn print(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let newest = report.newest.as_ref();
    match &report.key {
        Some((words, digits)) => {
            let short = digits.get(..8).unwrap_or(digits);
            writeln!(
                out,
                "log         {}  pinned key \"{words}\" (ed25519 {short}..)",
                text::visible(&report.origin)
            )?;
        }
        None => writeln!(out, "log         {}  no pinned key", text::visible(&report.origin))?,
    }
    writeln!(
        out,
        "key chain   epoch 0 -> {0}, {0} rotations signed",
        report.rotations
    )?;
    let (records, lost, gaps) = newest.map_or((0, 0, 0), |last| (last.records, last.lost, last.gaps));
    writeln!(
        out,
        "segments    {} of {} intact, {} removed by retention; {records} records, known lost {lost} ({gaps} gap events)",
        report.intact,
        report.segments - report.removed,
        report.removed
    )?;
    for line in &report.pruned {
        writeln!(
            out,
            "history     {} {} before {} removed by retention",
            line.rows,
            text::visible(&line.kind),
            rfc3339(line.before)
        )?;
    }
    match newest {
        Some(last) => writeln!(
            out,
            "checkpoints {}, newest {} root {}",
            report.checkpoints,
            rfc3339(last.time),
            last.root.base64()
        )?,
        None => writeln!(out, "checkpoints {}", report.checkpoints)?,
    }
    for witness in &report.witnesses {
        writeln!(out, "witness     {}", text::visible(witness))?;
    }
    let kinds = [
        ("CHANGED", &report.changed),
        ("MISSING", &report.missing),
        ("unjudged", &report.unjudged),
        ("note", &report.notes),
    ];
    for (word, found) in kinds {
        for what in found {
            writeln!(out, "{word:<11} {}", text::visible(what))?;
        }
    }
    result(report, records, out)
}

fn result(report: &Report, records: u64, out: &mut dyn Write) -> io::Result<()> {
    match report.answer() {
        Answer::Intact if records == 0 => write!(out, "RESULT      INTACT: nothing was sealed yet.")?,
        Answer::Intact => write!(out, "RESULT      INTACT to record {}.", records - 1)?,
        Answer::Changed => write!(out, "RESULT      CHANGED.")?,
        Answer::Incomplete => write!(out, "RESULT      INCOMPLETE.")?,
        Answer::Unjudged => write!(out, "RESULT      CANNOT JUDGE.")?,
    }
    match report.open {
        Some(1) => write!(out, " 1 record after it is in the open segment: not sealed yet.")?,
        Some(open) if open > 0 => write!(out, " {open} records after it are in the open segment: not sealed yet.")?,
        _ => {}
    }
    writeln!(out)
}

/// Prints the proof of one record.
pub fn run_prove(args: &ProveArgs) -> Result<u8, Failure> {
    let reader = Reader::open(&args.dir)?;
    let proof = match reader.prove(args.record) {
        Err(error) if error.kind == tunlog_store::ErrorKind::Absent => {
            tell(&error.to_string());
            return Ok(1);
        }
        proof => proof?,
    };
    let damaged = || Failure::Message("the record cannot be read".to_owned());
    let record = Record::decode(&proof.record).map_err(|_| damaged())?;
    let mut out = Output::open(None)?;
    let time = record.time.map_or_else(|| "-".to_owned(), rfc3339);
    writeln!(out, "record      {}  {time}  line {}", record.seq, record.line)?;
    writeln!(out, "text        {}", text::visible(&text::lossy(record.raw)))?;
    writeln!(out, "bytes       {}", hex(&proof.record))?;
    writeln!(
        out,
        "segment     {}, record {} of {}, root {}",
        proof.segment,
        proof.index + 1,
        proof.rows,
        proof.root
    )?;
    proof
        .path
        .iter()
        .try_for_each(|hash| writeln!(out, "path        {hash}"))?;
    writeln!(out, "log         segment {} of {}", proof.segment + 1, proof.segments)?;
    proof
        .segment_path
        .iter()
        .try_for_each(|hash| writeln!(out, "path        {hash}"))?;
    writeln!(out, "checkpoint  {}\n", proof.checkpoint)?;
    proof
        .note
        .lines()
        .try_for_each(|line| writeln!(out, "{}", text::visible(line)))?;
    out.finish()?;
    Ok(0)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seals what is open, and writes a checkpoint even if that is nothing.
pub fn run_checkpoint(args: &CheckpointArgs) -> Result<u8, Failure> {
    let mut store = Store::open(&args.dir, Options::default())?;
    for witness in &args.witness {
        let place = match tunlog_store::is_witness_server(witness) {
            true => witness.clone(),
            false => std::path::absolute(witness)?,
        };
        store.add_witness(&place)?;
    }
    let number = store.close(now(), true)?.unwrap_or_default();
    let failed = show_witnesses(&mut store)?;
    let mut out = Output::open(None)?;
    let note = std::fs::read_to_string(store.note_path(number))?;
    note.lines()
        .try_for_each(|line| writeln!(out, "{}", text::visible(line)))?;
    out.finish()?;
    Ok(if failed { 2 } else { 0 })
}
