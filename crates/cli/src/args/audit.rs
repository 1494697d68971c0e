//! What may be typed after `tunlog audit`.

use std::path::PathBuf;

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
  tunlog audit /etc /var/log/syslog*        configuration and logs together: sessions, log-ins, versions
  tunlog audit vpn.log --dpkg-status st     versions in a log, with the gateway's /var/lib/dpkg/status
  tunlog audit --migration --to move.html   who still uses PPTP, and who is best moved first
  tunlog audit --accept ppp-debug >> /etc/tunlog/exceptions.toml    then fill in reason and owner
  tunlog explain mppe-not-required          what a check looks for, why, and when it is wrong
  tunlog explain --list audit               all of them

Read are pptpd, pppd, xl2tpd, strongSwan, Libreswan, accel-ppp, FreeRADIUS, nftables, iptables, ufw, sysctl, logrotate, journald,
rsyslog and RouterOS; whatever else is named is read as a log. Files that belong together are judged together: give the whole folder. Secrets are judged and never shown.
Exit status: 0 success, 1 nothing found of what was named, or --fail-on, 2 an error.";

/// Of `audit`.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(mut_arg("paths", |arg| arg
    .help("Configuration and logs: files, or directories with all below them; - is standard input [default: /etc and the machine's logs]")))]
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
    #[command(flatten)]
    pub beside: BesideArgs,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub input: PathArgs,
}

/// Of `audit`, what concerns logs, packages and exceptions.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Logs, packages, exceptions")]
pub struct BesideArgs {
    /// Who still uses PPTP, or L2TP without IPsec, in the order in which they are best moved; instead of checks
    #[arg(long)]
    pub migration: bool,
    /// Installed packages: dpkg's status file, or what `dpkg -l` or `dpkg-query -W` printed; - is standard input [default: this machine's, if no PATH is given]
    #[arg(long, value_name = "FILE")]
    pub dpkg_status: Option<PathBuf>,
    /// Advisories from this file instead of the list that is built in
    #[arg(long, value_name = "FILE")]
    pub advisories: Option<PathBuf>,
    /// The gateway's accounts, one name a line: those that nobody uses are told [default: those of chap-secrets and pap-secrets]
    #[arg(long, value_name = "FILE")]
    pub accounts: Option<PathBuf>,
    /// Accepted exceptions; may be repeated [default: exceptions.toml in /etc/tunlog and ~/.config/tunlog]
    #[arg(long, value_name = "FILE")]
    pub exceptions: Vec<PathBuf>,
    /// Print what to put into the exceptions file so that these checks are accepted; several with commas
    #[arg(long, value_name = "CHECK", value_delimiter = ',', conflicts_with = "migration")]
    pub accept: Vec<String>,
}
