//! `tunlog export-rules`: what tunlog knows, for other tools.

mod sigma;

use crate::args::ExportRules;
use crate::output::Failure;

/// Runs one of them.
pub fn run(which: &ExportRules) -> Result<u8, Failure> {
    match which {
        ExportRules::Sigma(args) => sigma::run(args),
    }
}
