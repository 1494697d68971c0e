//! What may be typed.

mod audit;
mod export_rules;
mod history;
pub mod last;
mod manual;
mod notify;
mod respond;
mod serve;

use std::net::IpAddr;
use std::path::PathBuf;

pub use audit::{AuditArgs, BesideArgs};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

pub use self::history::{AcArgs, LastlogArgs};
pub use self::last::LastArgs;
pub use self::manual::{CompletionsArgs, ManArgs};
pub use self::notify::{NotifyCommand, NotifyTestArgs};
pub use self::respond::{BlockArgs, BlockedArgs, KickArgs, Making, UnblockArgs};
pub use self::serve::{CheckArgs, ServeArgs};
use crate::command::store::args as store;
pub use export_rules::{ExportRules, FilesArgs, SigmaArgs};

/// Reads the logs of PPTP and L2TP gateways: who is connected, who was, who failed and why.
#[derive(Debug, Parser)]
#[command(
    name = "tunlog",
    version,
    after_help = "Without PATH a command reads the machine's own logs. `tunlog COMMAND -h` tells more.
Exit status: 0 success, 1 nothing found, 2 an error."
)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// One row per user: sessions, failures, traffic, addresses (the pptpd-monitor table)
    #[command(after_help = CLIENTS_EXAMPLES)]
    Clients(ClientsArgs),
    /// Every connection attempt, whether it succeeded or not
    #[command(after_help = ATTEMPTS_EXAMPLES)]
    Attempts(ListArgs),
    /// The attempts that became sessions
    Sessions(ListArgs),
    /// Who is connected now
    Who(WhoArgs),
    /// The sessions, the latest first
    Last(LastArgs),
    /// The failed attempts, the latest first
    Lastb(LastArgs),
    /// Connect time and traffic, by day, month or user; who is over a quota
    #[command(after_help = history::AC_EXAMPLES)]
    Ac(AcArgs),
    /// When each user was in last
    #[command(after_help = history::LASTLOG_EXAMPLES)]
    Lastlog(LastlogArgs),
    /// Why attempts failed, how far they got, and what to do
    #[command(after_help = DIAGNOSE_EXAMPLES)]
    Diagnose(DiagnoseArgs),
    /// Attacks and abuse: guessed passwords, sprays, stolen accounts, and what only looks like it
    #[command(after_help = DETECT_EXAMPLES)]
    Detect(DetectArgs),
    /// Keeps addresses out: prints exactly what would be done, or does it with --apply
    #[command(after_help = respond::BLOCK_EXAMPLES)]
    Block(BlockArgs),
    /// Lets them in again
    #[command(after_help = respond::UNBLOCK_EXAMPLES)]
    Unblock(UnblockArgs),
    /// What was blocked, by the ledger of actions, and what the firewall says
    #[command(after_help = respond::BLOCKED_EXAMPLES)]
    Blocked(BlockedArgs),
    /// Ends sessions that are open: prints exactly what would be done, or does it with --apply
    #[command(after_help = respond::KICK_EXAMPLES)]
    Kick(KickArgs),
    /// What is weak in the configuration of a gateway, where, and what to write instead
    #[command(after_help = audit::EXAMPLES)]
    Audit(AuditArgs),
    /// What tunlog knows as rules for other tools
    #[command(subcommand)]
    ExportRules(ExportRules),
    /// Every line understood, as a typed event
    Decode(DecodeArgs),
    /// The lines of VPN daemons that were not understood, grouped and counted
    #[command(after_help = UNKNOWN_EXAMPLES)]
    Unknown(ListArgs),
    /// What a message, a cause, a code or a line of a log means and what to do
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// One page for the manager and for the administrator: figures, charts, failures with their evidence
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// The daemon: follows logs, keeps them, looks for attacks, tells who wants to know
    #[command(after_help = serve::SERVE_EXAMPLES)]
    Serve(ServeArgs),
    /// Judges a configuration before the daemon gets it
    #[command(after_help = serve::CHECK_EXAMPLES)]
    CheckConfig(CheckArgs),
    /// Whether those who are to be told of attacks can be reached
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// Brings old logs into a store; importing the same again adds nothing
    #[command(after_help = store::IMPORT_EXAMPLES)]
    Import(store::ImportArgs),
    /// Makes and looks after a store of logs
    #[command(subcommand)]
    Store(store::StoreCommand),
    /// What a store holds, and what became of everything that was read
    #[command(after_help = store::STATUS_EXAMPLES)]
    Status(store::StatusArgs),
    /// An incident from its opening to its report, in a directory that proves what is in it
    #[command(subcommand)]
    Incident(crate::command::incident::args::IncidentCommand),
    /// Works on users' own dialect files
    #[command(subcommand)]
    Dialect(DialectCommand),
    /// What a shell needs to complete command lines: bash, zsh, fish, elvish, powershell
    #[command(after_help = manual::COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArgs),
    /// The manual, as man pages
    #[command(after_help = manual::MAN_EXAMPLES)]
    Man(ManArgs),
}

const CLIENTS_EXAMPLES: &str = "Examples:
  tunlog clients                         the machine's own logs, live counters of the interfaces
  tunlog clients -w                      the same, repainted each second; q quits
  tunlog clients -r -f /var/log/syslog   with all its rotations, compressed or not
  tunlog clients --since yesterday -o csv --to clients.csv
  tunlog clients --compat                byte for byte what pptpd-monitor prints

TX is what was sent to the client, RX what was received from it; CTX and CRX are those of the session that is up.
`#` counts open/closed sessions. pptpd-monitor had TX and RX swapped and `#` as open/total: --compat keeps both.";

const ATTEMPTS_EXAMPLES: &str = "Examples:
  tunlog attempts --since -2h
  tunlog attempts --ip 203.0.113.9 syslog radius.log
  zcat old.gz | tunlog attempts - -o jsonl --year 2024 --tz Europe/Berlin";

const DIAGNOSE_EXAMPLES: &str = "Examples:
  tunlog diagnose                                     the machine's own logs: causes counted, then the attempts
  tunlog diagnose --user anna --since -2h             why anna does not get in
  tunlog diagnose --ip 203.0.113.9 --at 09:30 syslog radius.log router.log
  tunlog diagnose --ip 203.0.113.9 --bundle case.zip  for a colleague: what every source says of it, secrets left out

Give it all that there is: the gateway's log, RADIUS, the firewall's, the IKE daemon's, the client's own.
Exit status: 0 diagnosed, 1 nothing found of what was named, 2 an error.";

const DETECT_EXAMPLES: &str = "Examples:
  tunlog detect                                   the machine's own logs
  tunlog detect syslog radius.log -o jsonl        the gateway's and the RADIUS server's together
  tunlog detect syslog auth.log mail.log          and who tries the same at SSH and at the mail server
  tunlog detect --severity medium --since -1d     alarms of the last day, with what was learned before
  tunlog detect --mmdb GeoLite2-City.mmdb --mmdb GeoLite2-ASN.mmdb syslog   with countries and travel
  tunlog detect --sigma ~/rules syslog            with Sigma rules of your own over attempts and events
  tunlog explain password-spray                   what a rule finds, when it is wrong, its thresholds

Give it weeks rather than hours: who usually logs in, and from where, decides what is strange.
Thresholds stand in tunlog.toml, in ~/.config/tunlog or /etc/tunlog: [detect.brute-force] ten_minutes = 20, enabled = false.
Exit status: 0 success, 1 nothing found of what was named, 2 an error.";

const EXPLAIN_EXAMPLES: &str = "Examples:
  tunlog explain 691                       an error number that a screen or a log shows
  tunlog explain 0x800702B3                the same, as Windows writes it elsewhere
  tunlog explain gre-blocked               a cause that `attempts` or `lastb` printed
  tunlog explain pppd/peer-failed-chap     a message by its id; the last part will do
  tunlog explain Lost-Carrier              a name of a code (NO_PROPOSAL_CHOSEN, CCP)
  tunlog explain mppe-not-required         a check of `tunlog audit`, a rule of `tunlog detect`
  tunlog explain pppd exit 19              a number that means something else elsewhere
  tunlog explain 'LCP: timeout sending Config-Requests'
  tail -n 20 /var/log/syslog | tunlog explain -
  tunlog explain --list                    everything that may be asked for
  tunlog explain --list pppd

Exit status: 0 explained, 1 not known, 2 an error.";

const REPORT_EXAMPLES: &str = "Examples:
  tunlog report --to report.html                      of the machine's own logs
  tunlog report -r --since -7d --to week.html /var/log/syslog radius.log
  tunlog report --user anna --to anna.md /var/log/syslog   for a ticket
  tunlog report --to report.json examples/gateway

The page is one file: it loads nothing, works without script, prints, and follows a dark theme.";

const UNKNOWN_EXAMPLES: &str = "Examples:
  tunlog unknown /var/log/syslog        the most frequent first
  tunlog unknown -x /var/log/syslog     with the beginning of a dialect entry for each

Entries go into a file NAME.toml in ~/.config/tunlog/dialects.d or /etc/tunlog/dialects.d;
`tunlog dialect check FILE` checks it.";

/// Options that every command over logs has.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// Form of the output [default: table, or by the suffix of --to]
    #[arg(short, long, value_enum, value_name = "FORM")]
    pub output: Option<Output>,
    /// The same as -o jsonl
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
    /// From this time: 2026-11-20, "2026-11-20 09:30", RFC 3339, 09:30, -2h, "2 days ago", today, yesterday, @1795176000
    #[arg(short = 'S', long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Up to this time
    #[arg(short = 'U', long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// Only this user name, exactly
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub user: Option<String>,
    /// Only this address of a client
    #[arg(long, value_name = "ADDR")]
    pub ip: Option<IpAddr>,
    /// Only this gateway, by its host name in the logs
    #[arg(long, value_name = "HOST")]
    pub gateway: Option<String>,
    /// At most this many rows
    #[arg(short = 'n', long, value_name = "N")]
    pub limit: Option<u64>,
    /// Write to this file
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Colours
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = false
    )]
    pub color: Color,
    /// No notes on standard error, only errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Zone of inputs that carry none: Europe/Berlin, UTC, +02:00 [default: TZ, then the system's]
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub tz: Option<String>,
    /// Tables in UTC
    #[arg(long)]
    pub utc: bool,
    /// Year of the first line of inputs without years [default: inferred from the file's time]
    #[arg(long, value_name = "YYYY", value_parser = clap::value_parser!(i16).range(1970..=9998))]
    pub year: Option<i16>,
    /// Show passwords, challenges and responses in evidence
    #[arg(long)]
    pub show_secrets: bool,
}

/// Forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// One JSON array
    Json,
    /// One JSON object a line
    Jsonl,
    /// For spreadsheets
    Csv,
    /// key=value
    Logfmt,
    /// One page
    #[value(hide = true)]
    Html,
    /// SARIF 2.1.0
    #[value(hide = true)]
    Sarif,
    /// Markdown
    #[value(hide = true, alias = "markdown")]
    Md,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// If standard output is a terminal and NO_COLOR is not set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Logs and the common options.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct PathArgs {
    /// Logs: files, packed or not, archives, directories, patterns such as 'vpn*.log', stores; - is standard input
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

/// Of commands that print a line for each thing found.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct ListArgs {
    /// Under each line say what it means, why, and what to do (other forms than a table: a key `explanation`)
    #[arg(short = 'x', long)]
    pub explain: bool,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub input: PathArgs,
}

/// Of `decode`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct DecodeArgs {
    /// Also the log-ins to other services than the gateway: sshd, dovecot, postfix, PAM
    #[arg(long)]
    pub services: bool,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub list: ListArgs,
}

/// Of `clients`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct ClientsArgs {
    /// Log to read; the same as PATH
    #[arg(short, long, value_name = "PATH", alias = "log")]
    pub file: Vec<PathBuf>,
    /// Read the rotations of each PATH too, oldest first
    #[arg(short, long)]
    pub rotate: bool,
    /// Follow the logs and repaint; q quits, arrow keys and page keys move what does not fit
    #[arg(short, long)]
    pub watch: bool,
    /// Seconds between two paintings; without --watch it means nothing [default: 1]
    #[arg(short, long, value_name = "SECONDS", allow_hyphen_values = true)]
    pub delay: Option<f64>,
    /// The logs named are those of this machine: show the live counters of its interfaces
    #[arg(long)]
    pub here: bool,
    /// Add a line with the sums
    #[arg(long)]
    pub totals: bool,
    /// Print what pptpd-monitor prints, byte for byte, its swap of TX and RX included
    #[arg(long)]
    pub compat: bool,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub input: PathArgs,
}

/// Of `diagnose`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct DiagnoseArgs {
    /// Only attempts around this time: forms as for --since
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<String>,
    /// How far around it: 90s, 10m, 2h [default: 5m]
    #[arg(long, value_name = "DURATION", requires = "at")]
    pub window: Option<String>,
    /// Pack the diagnosis and what every source says of the client at that time into this zip archive
    #[arg(long, value_name = "FILE.zip")]
    pub bundle: Option<PathBuf>,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub input: PathArgs,
}

/// Of `detect`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct DetectArgs {
    /// Only findings of this rule
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,
    /// Only findings at least this bad: info, low, medium, high, critical
    #[arg(long, value_name = "SEVERITY")]
    pub severity: Option<String>,
    /// Thresholds from this file instead of tunlog.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Sigma rules to run as well: a file, or a folder of them
    #[arg(long, value_name = "PATH")]
    pub sigma: Vec<PathBuf>,
    /// Table of places in MaxMind's format, for countries and travel; several are asked one after the other
    #[arg(long, value_name = "FILE.mmdb")]
    pub mmdb: Vec<PathBuf>,
    /// Count log-ins to other services (sshd, dovecot, postfix, PAM) in the gateway's own log as well; in logs of their own
    /// they always count
    #[arg(long)]
    pub services: bool,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub input: PathArgs,
}

/// Of `who`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct WhoArgs {
    /// Print a line of headings
    #[arg(short = 'H', long)]
    pub heading: bool,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub input: ListArgs,
}

/// Of `report`.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(mut_arg("output", |arg| arg
    .hide_possible_values(true)
    .help("Form of the report: html, json, md [default: html, or by the suffix of --to]")))]
#[command(mut_arg("limit", |arg| arg
    .help("Show this many failed attempts and users in full [default: 100 and 500, in md 20 and 50]")))]
pub struct ReportArgs {
    /// Read the rotations of each PATH too, oldest first
    #[arg(short, long)]
    pub rotate: bool,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub input: PathArgs,
}

/// Of `explain`.
#[derive(Clone, Debug, ClapArgs)]
#[command(arg_required_else_help = true)]
pub struct ExplainArgs {
    /// A message id, a cause, a code, or a line of a log; - reads lines from standard input
    #[arg(
        value_name = "ID|LINE",
        required_unless_present = "list",
        allow_negative_numbers = true
    )]
    pub words: Vec<String>,
    /// List what may be asked for: families and dialects, or the ids of the one named (also of a layer, a cause, a kind of event)
    #[arg(short, long)]
    pub list: bool,
    /// Form of the output
    #[arg(short, long, value_enum, value_name = "FORM")]
    pub output: Option<Output>,
    /// The same as -o jsonl
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
    /// Colours
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// Of `dialect`.
#[derive(Clone, Debug, Subcommand)]
pub enum DialectCommand {
    /// Checks dialect files and their examples
    Check {
        /// The files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}
