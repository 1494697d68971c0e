//! `tunlog dialect check`: a user's own dialect file and its examples.

use std::io::Write as _;
use std::path::PathBuf;

use tunlog_model::text;

use crate::config::read_dialect;
use crate::output::{Failure, Output};

/// Prints what is wrong with each file; 2 if anything is.
pub fn check(files: &[PathBuf]) -> Result<u8, Failure> {
    let mut out = Output::open(None)?;
    let mut sound = true;
    for file in files {
        let problems = match read_dialect(file) {
            Ok((path, text)) => tunlog_decode::check(&path, &text),
            Err(Failure::Message(message)) => vec![message],
            Err(failure) => return Err(failure),
        };
        sound &= problems.is_empty();
        if problems.is_empty() {
            writeln!(out, "{}: ok", text::visible(&file.display().to_string()))?;
        }
        for line in problems.iter().flat_map(|problem| problem.lines()) {
            writeln!(out, "{}", text::visible(line))?;
        }
    }
    out.finish()?;
    Ok(if sound { 0 } else { 2 })
}
