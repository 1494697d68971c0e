//! The binary: what was typed is parsed, run, and answered with an exit status (0 success, 1 nothing found, 2 an error).

mod act;
mod args;
mod command;
mod config;
mod filter;
mod interface;
mod ledger;
mod live;
mod machine;
mod output;
mod places;
mod settings;
mod sigma;
mod strangers;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
// times as people type them are the same here and in the HTTP interface
use tunlog_report::when;

use crate::output::Failure;

fn main() -> ExitCode {
    let args = args::Args::parse_from(arguments());
    match command::run(args.command) {
        Ok(code) => ExitCode::from(code),
        // Whoever reads us has seen enough.
        Err(Failure::BrokenPipe) => ExitCode::SUCCESS,
        Err(Failure::Message(message)) => {
            let message = message
                .lines()
                .map(tunlog_model::text::visible)
                .collect::<Vec<_>>()
                .join("\n");
            // If even standard error is gone there is nobody left to tell.
            let _ = writeln!(std::io::stderr().lock(), "tunlog: {message}");
            ExitCode::from(2)
        }
    }
}

/// What was typed; a link to the program named `pptpd-monitor` stands for `tunlog clients`.
fn arguments() -> Vec<OsString> {
    let mut typed: Vec<OsString> = std::env::args_os().collect();
    let name = typed
        .first()
        .map(std::path::Path::new)
        .and_then(|path| path.file_stem())
        .unwrap_or_default();
    if name == "pptpd-monitor" {
        typed.insert(1, "clients".into());
    }
    typed
}
