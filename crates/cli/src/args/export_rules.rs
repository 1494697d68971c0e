//! What may be typed behind `export-rules`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

const SIGMA_EXAMPLES: &str = "Examples:
  tunlog export-rules sigma --to rules/sigma    one file a rule, and a page that says what is lost
  tunlog export-rules sigma > tunlog.yml        all in one
  sigma convert -t splunk rules/sigma           for a tool that reads `tunlog attempts -o jsonl`

The thresholds are those of tunlog.toml. The rules are over the objects that `tunlog attempts -o jsonl` and
`tunlog decode -o jsonl --services` print.";

const LOGINS_EXAMPLES: &str = "Examples:
  tunlog export-rules fail2ban --to /etc/fail2ban
  tunlog export-rules crowdsec --to /etc/crowdsec
  tunlog export-rules freeradius --to /etc/freeradius/3.0
  tunlog export-rules fail2ban | less

Rules are made of the messages that by themselves name the client's address and the user: FreeRADIUS, RouterOS, SoftEther, Cisco ASA. \
pptpd with pppd, xl2tpd, accel-ppp and mpd tell these on different lines, which other tools cannot join: for them the jail \
`tunlog` bans what `tunlog detect` finds, and `tunlog block --from` needs no other tool at all. All jails are off until you enable them.";

/// Of `export-rules`.
#[derive(Clone, Debug, Subcommand)]
pub enum ExportRules {
    /// Filters, jails and an action for fail2ban
    #[command(after_help = LOGINS_EXAMPLES)]
    Fail2ban(FilesArgs),
    /// Parsers and scenarios for CrowdSec
    #[command(after_help = LOGINS_EXAMPLES)]
    Crowdsec(FilesArgs),
    /// A policy for FreeRADIUS that refuses an address for a while after too many refusals
    #[command(after_help = LOGINS_EXAMPLES)]
    Freeradius(FilesArgs),
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

/// Of the others.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct FilesArgs {
    /// Write the files below this folder, /etc/fail2ban, /etc/crowdsec or /etc/freeradius/3.0, instead of printing them
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// No notes on standard error, only errors
    #[arg(short, long)]
    pub quiet: bool,
}
