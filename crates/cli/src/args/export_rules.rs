//! What may be typed behind `export-rules`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

const SIGMA_EXAMPLES: &str = "Examples:
  tunlog export-rules sigma --to rules/sigma    one file a rule, and a page that says what is lost
  tunlog export-rules sigma > tunlog.yml        all in one
  sigma convert -t splunk rules/sigma           for a tool that reads `tunlog attempts -o jsonl`

The thresholds are those of tunlog.toml. The rules are over the objects that `tunlog attempts -o jsonl` and
`tunlog decode -o jsonl --services` print.";

/// Of `export-rules`.
#[derive(Clone, Debug, Subcommand)]
pub enum ExportRules {
    /// The rules of `detect` as Sigma, with correlations, as far as Sigma can say them
    #[command(after_help = SIGMA_EXAMPLES)]
    Sigma(SigmaArgs),
}

/// Of `export-rules sigma`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct SigmaArgs {
    /// Folder to write the files into; it is made if it is not there [default: standard output]
    #[arg(long, value_name = "FOLDER")]
    pub to: Option<PathBuf>,
    /// Thresholds from this file instead of tunlog.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
