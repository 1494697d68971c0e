//! `tunlog incident`: an incident from its opening to its report, in a directory of plain files. One file per subcommand.

mod analyse;
pub mod args;
mod capture;
mod collect;
mod contents;
mod directory;
mod gather;
mod host;
mod isolate;
mod keys;
mod open;
mod remediate;
mod report;
mod verify;

use std::io::Write as _;

use tunlog_model::text;

use crate::output::{Failure, Output};
use args::IncidentCommand;

/// Runs a subcommand.
pub fn run(command: &IncidentCommand) -> Result<u8, Failure> {
    match command {
        IncidentCommand::Open(args) => open::run(args),
        IncidentCommand::Isolate(args) => isolate::run(args),
        IncidentCommand::Collect(args) => collect::run(args),
        IncidentCommand::Analyse(args) => analyse::run(args),
        IncidentCommand::Remediate(args) => remediate::run(args),
        IncidentCommand::Report(args) => report::run(args),
        IncidentCommand::Verify(args) => verify::run(args),
    }
}

/// Prints lines for people; nothing in them can harm a terminal.
fn print(lines: &str) -> Result<(), Failure> {
    let mut out = Output::open(None)?;
    for line in lines.lines() {
        writeln!(out, "{}", text::visible(line))?;
    }
    out.finish()
}

/// Prints what is harmless already: rows of JSON.
fn print_rows(rows: &str) -> Result<(), Failure> {
    let mut out = Output::open(None)?;
    out.write_all(rows.as_bytes())?;
    out.finish()
}
