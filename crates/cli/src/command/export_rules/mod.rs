//! `tunlog export-rules`: what tunlog knows as rules of other tools, for people who stay with those.

mod crowdsec;
mod fail2ban;
mod freeradius;
mod lines;
mod sigma;

use std::io::Write as _;
use std::path::Path;

use tunlog_model::text::visible;

use crate::args::{ExportRules, FilesArgs};
use crate::config;
use crate::output::{Failure, Output, tell};

/// A file to be written.
struct File {
    /// Below the tool's folder.
    path: String,
    text: String,
}

/// Severities that sound an alarm.
const SEVERITIES: [&str; 3] = ["medium", "high", "critical"];

/// Rules whose findings accuse somebody.
fn rules() -> Vec<&'static str> {
    super::respond::accusing_rules().collect()
}

/// What stands above each file.
fn banner(sign: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "{sign} Written by `tunlog export-rules` (tunlog {version}) from its catalogue of messages; changes are lost when it is written again.\n"
    )
}

/// Writes the rules for one of them.
pub fn run(which: &ExportRules) -> Result<u8, Failure> {
    match which {
        ExportRules::Fail2ban(args) => of_logins(args, fail2ban::files),
        ExportRules::Crowdsec(args) => of_logins(args, crowdsec::files),
        ExportRules::Freeradius(args) => of_logins(args, freeradius::files),
        ExportRules::Sigma(args) => sigma::run(args),
    }
}

/// Prints the files that are made of the catalogue's refused logins, or writes them below a folder.
fn of_logins(args: &FilesArgs, files: impl Fn(&[lines::Writer]) -> Vec<File>) -> Result<u8, Failure> {
    let loaded = config::catalogue();
    let files = files(&lines::writers(&loaded.catalogue));
    match &args.to {
        Some(folder) => write(folder, &files, args.quiet)?,
        None => {
            let mut out = Output::open(None)?;
            for (at, file) in files.iter().enumerate() {
                let gap = if at == 0 { "" } else { "\n" };
                write!(out, "{gap}### {}\n{}", file.path, file.text)?;
            }
            out.finish()?;
        }
    }
    Ok(if loaded.faulty { 2 } else { 0 })
}

fn write(folder: &Path, files: &[File], quiet: bool) -> Result<(), Failure> {
    for file in files {
        let path = folder.join(&file.path);
        let problem = |error| Failure::write(&path.display().to_string(), &error);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(problem)?;
        }
        let mut out = Output::open(Some(&path))?;
        out.write_all(file.text.as_bytes()).map_err(problem)?;
        out.finish()?;
        if !quiet {
            tell(&format!("wrote {}", visible(&path.display().to_string())));
        }
    }
    Ok(())
}
