//! The binary: what was typed is parsed, run, and answered with an exit status (0 success, 1 nothing found, 2 an error).

mod act;
mod args;
mod command;
mod config;
mod filter;
mod help;
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

use clap::FromArgMatches as _;
// times as people type them are the same here and in the HTTP interface
use tunlog_report::when;

use crate::output::Failure;

fn main() -> ExitCode {
    let matches = help::command().get_matches_from(arguments());
    let args = args::Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    tell_bad_zone();
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

/// A zone that nobody knows is UTC to every program; here that is said.
fn tell_bad_zone() {
    let zone = std::env::var_os("TZ").filter(|zone| !zone.is_empty());
    if let Some(zone) = zone
        && jiff::tz::TimeZone::try_system().is_err()
    {
        output::tell(&format!(
            "TZ={}: there is no such time zone; UTC is used",
            zone.to_string_lossy()
        ));
    }
}

/// What was typed; a link to the program named `pptpd-monitor` stands for `tunlog clients`, and `last -5` for `last -n 5`.
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
    args::last::with_counts(typed)
}
