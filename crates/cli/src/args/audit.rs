//! What may be typed after `tunlog audit`.

use clap::Args as ClapArgs;

use super::PathArgs;

/// Examples of its help.
pub const EXAMPLES: &str = "Examples:
  tunlog audit                              this machine: /etc
  tunlog audit /etc/ppp/pptpd-options       one file, whatever its name
  tunlog audit backup/etc --severity medium a copy of a gateway's /etc
  tunlog audit -x gateway.rsc               an export of RouterOS; with the reasons
  tunlog audit --to audit.html /etc         one page; or audit.sarif, audit.json, audit.csv
  tunlog audit --fail-on high repo/etc      for CI: status 1 if a check is high or critical
  tunlog explain mppe-not-required          what a check looks for, why, and when it is wrong
  tunlog explain --list audit               all of them

Read are pptpd, pppd, xl2tpd, strongSwan, Libreswan, accel-ppp, FreeRADIUS, nftables, iptables, ufw, sysctl, logrotate, journald,
rsyslog and RouterOS. Files that belong together are judged together: give the whole folder. Secrets are judged and never shown.
Exit status: 0 success, 1 nothing found of what was named, or --fail-on, 2 an error.";

/// Of `audit`.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(mut_arg("paths", |arg| arg
    .help("Configuration: files, or directories with all below them; - is standard input [default: /etc]")))]
#[command(mut_arg("output", |arg| arg
    .hide_possible_values(true)
    .help("Form of the output: table, json, jsonl, csv, logfmt, sarif, html [default: table, or by the suffix of --to]")))]
pub struct AuditArgs {
    /// Only this check; may be repeated
    #[arg(long, value_name = "CHECK")]
    pub check: Vec<String>,
    /// Only checks at least this bad: info, low, medium, high, critical
    #[arg(long, value_name = "SEVERITY")]
    pub severity: Option<String>,
    /// Exit with status 1 if there is a check at least this bad that nobody has accepted
    #[arg(long, value_name = "SEVERITY")]
    pub fail_on: Option<String>,
    /// Under each check say why it matters and where that is written
    #[arg(short = 'x', long)]
    pub explain: bool,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub input: PathArgs,
}
