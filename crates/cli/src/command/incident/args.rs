//! What may be typed behind `tunlog incident`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use crate::args::{Common, Making, Output};
use crate::output::Failure;

/// The subcommands.
#[derive(Clone, Debug, Subcommand)]
pub enum IncidentCommand {
    /// Opens an incident in a new directory: from findings, accounts, addresses or a time
    #[command(after_help = OPEN_EXAMPLES)]
    Open(OpenArgs),
    /// Shows what shuts the attackers out: blocks, ended sessions, stricter settings; --apply does it
    #[command(after_help = ISOLATE_EXAMPLES)]
    Isolate(IsolateArgs),
    /// Takes the lines, packets and settings that prove it, before they rotate away
    #[command(after_help = COLLECT_EXAMPLES)]
    Collect(CollectArgs),
    /// Tells what happened: who was tried, who was got into, what stolen sessions did in every other log
    #[command(after_help = ANALYSE_EXAMPLES)]
    Analyse(AnalyseArgs),
    /// Lists what is left to do, step by step, and ticks it off with who and when
    #[command(after_help = REMEDIATE_EXAMPLES)]
    Remediate(RemediateArgs),
    /// Writes the report: a page, Markdown, STIX 2.1, a MISP event; lessons into the playbook
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Proves that an incident is as it was signed: 0 intact, 1 changed, 2 incomplete, 3 cannot judge
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
}

const OPEN_EXAMPLES: &str = "Examples:
  tunlog incident open case /var/log/syslog radius.log     all alarms of medium severity and worse
  tunlog incident open case syslog --user anna --since -2d an account that is said to be in other hands
  tunlog incident open case syslog --ip 203.0.113.9        an address; --rule, --since, --until choose as well
  tunlog detect -o jsonl syslog | tunlog incident open case syslog --from -

DIR is made, or is empty. PATHs are remembered: collect and analyse read them again. Give the logs of every service beside the
gateway's too: what a stolen session did afterwards stands there. The time is that of the findings, from 1 h before to 24 h after.
Exit status: 0 opened, 1 nothing found, 2 an error.";

const ISOLATE_EXAMPLES: &str = "Examples:
  tunlog incident isolate case                    nothing is done: the commands, and settings for the daemons seen
  tunlog incident isolate case --apply --for 3d   blocks the attackers and ends the stolen sessions, as `block` and `kick` do
  tunlog incident isolate case --backend routeros text for a MikroTik terminal

Addresses of the never-block set are refused (`tunlog block -h`), those of role compromised-source are left alone. Settings in
isolate/settings are for people to put in. Everything that is done stands in the ledger and in acts.jsonl.";

const COLLECT_EXAMPLES: &str = "Examples:
  tunlog incident collect case
  tunlog incident collect case gateway.pcap --config /mnt/gateway/etc

Writes evidence/: of every source the lines of the incident, captures cut to its time and hosts, settings, versions, and
collection.jsonl with the SHA-256 of each whole original. Secrets are taken out unless --show-secrets.";

const ANALYSE_EXAMPLES: &str = "Examples:
  tunlog incident analyse case
  tunlog incident analyse case /srv/logs/files /srv/logs/web   with the logs of the servers behind the gateway
  tunlog incident analyse case -o jsonl                        one row an account

Writes analysis/: timeline, accounts, attempts, movement, and a summary in plain words. Lines of any program that mention an
address inside the tunnel count as movement while the stolen session had it. PATHs are remembered in incident.toml.";

const REMEDIATE_EXAMPLES: &str = "Examples:
  tunlog incident remediate case                             what is open
  tunlog incident remediate case --done 3 --done 4 --note 'new secrets handed over by telephone'
  tunlog incident remediate case --skip 9 --note 'no RADIUS here'
  tunlog incident remediate case --all -o jsonl

Steps come from the playbook: the built-in one, /etc/tunlog/playbook.toml, ~/.config/tunlog/playbook.toml; a step of yours with the
id of another takes its place. Commands are to be looked at before they are run: nothing here runs them.";

const REPORT_EXAMPLES: &str = "Examples:
  tunlog incident report case
  tunlog incident report case --apply-lessons   steps of lessons.toml go into the playbook, for the next time

Writes report.html (printed by a browser it is the PDF), report.md, stix.json, misp.json. Lessons are written by people, into
lessons.toml, which the first report puts there.";

const VERIFY_EXAMPLES: &str = "Examples:
  tunlog incident verify case                    on the machine that signed: its own key is known
  tunlog incident verify case.zip --key vpn1.pub elsewhere, with the key that came by another way
  tunlog incident verify case --key 'vpn1+0a1b2c3d+AY…'

The key in the directory proves nothing by itself: whoever changes the files can sign them anew with another key. Compare its
eight words with those that the one who signed reads to you.
Exit status: 0 intact, 1 changed, 2 incomplete, 3 cannot judge (no key of which it is known whose it is).";

/// What every subcommand that works on an incident has.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct CaseArgs {
    /// The incident's directory
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Who does it, for the record [default: the user's name]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Key that signs; made if it is not there [default: $XDG_STATE_HOME/tunlog/incident.key, of root /var/lib/tunlog/incident.key]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// No notes on standard error, only errors
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub form: Form,
}

/// Lines for people, or rows.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct Form {
    /// table for people, jsonl for programs [default: table]
    #[arg(short, long, value_enum, value_name = "FORM", hide_possible_values = true)]
    output: Option<Output>,
    /// The same as -o jsonl
    #[arg(long, conflicts_with = "output")]
    json: bool,
}

impl Form {
    /// Whether rows are wanted.
    ///
    /// # Errors
    /// If another form was typed.
    pub fn is_rows(&self) -> Result<bool, Failure> {
        match (self.json, self.output) {
            (true, _) | (_, Some(Output::Jsonl)) => Ok(true),
            (false, None | Some(Output::Table)) => Ok(false),
            (false, Some(_)) => Err(Failure::Message("-o: `incident` prints table or jsonl".to_owned())),
        }
    }
}

/// How logs are read, where an incident does not say it already.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct Reading {
    /// Zone of inputs that carry none: Europe/Berlin, UTC, +02:00 [default: TZ, then the system's]
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub tz: Option<String>,
    /// Year of the first line of inputs without years [default: inferred from the file's time]
    #[arg(long, value_name = "YYYY", value_parser = clap::value_parser!(i16).range(1970..=9998))]
    pub year: Option<i16>,
}

/// Of `open`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct OpenArgs {
    #[command(flatten)]
    pub case: CaseArgs,
    /// Logs and captures: files, compressed files, directories [default: the machine's own]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Findings that `tunlog detect -o jsonl` printed, instead of looking for them; - is standard input
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Only findings of this rule
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,
    /// An account that belongs to it, exactly; may be given several times
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub user: Vec<String>,
    /// An address or network that belongs to it; may be given several times
    #[arg(long, value_name = "ADDR")]
    pub ip: Vec<String>,
    /// From this time: forms as elsewhere, 2026-11-20, "2026-11-20 09:30", -2h, yesterday
    #[arg(short = 'S', long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// Up to this time
    #[arg(short = 'U', long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// In a few words [default: made of the findings]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// info, low, medium, high, critical [default: of the worst finding]
    #[arg(long, value_name = "SEVERITY")]
    pub severity: Option<String>,
    #[command(flatten)]
    pub reading: Reading,
}

impl OpenArgs {
    /// As the other commands' options.
    pub fn common(&self) -> Common {
        Common {
            since: self.since.clone(),
            until: self.until.clone(),
            tz: self.reading.tz.clone(),
            year: self.reading.year,
            quiet: self.case.quiet,
            ..Common::default()
        }
    }
}

/// Of `isolate`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct IsolateArgs {
    #[command(flatten)]
    pub case: CaseArgs,
    /// How long attackers are blocked: 90s, 10m, 2h, 1d [default: 1d]
    #[arg(long = "for", value_name = "DURATION")]
    pub duration: Option<String>,
    /// Who blocks: nftables, iptables, ufw, fail2ban, crowdsec, pf, routeros, windows [default: what is found here]
    #[arg(long, value_name = "NAME")]
    pub backend: Option<String>,
    /// Block private addresses too
    #[arg(long)]
    pub private: bool,
    /// Block wide networks and addresses with a recent login of a known user too
    #[arg(long)]
    pub force: bool,
    /// Allow this many new blocks within an hour [default: 100]
    #[arg(long, value_name = "N")]
    pub per_hour: Option<usize>,
    #[command(flatten)]
    pub making: Making,
}

/// Of `collect`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct CollectArgs {
    #[command(flatten)]
    pub case: CaseArgs,
    /// More logs and captures, besides those of the incident
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Where the daemons' configuration lies [default: /etc]
    #[arg(long, value_name = "DIR")]
    pub config: Option<PathBuf>,
    /// Leave passwords, challenges and responses in
    #[arg(long)]
    pub show_secrets: bool,
    #[command(flatten)]
    pub reading: Reading,
}

/// Of `analyse`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct AnalyseArgs {
    #[command(flatten)]
    pub case: CaseArgs,
    /// More logs and captures, besides those of the incident
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Leave passwords, challenges and responses in
    #[arg(long)]
    pub show_secrets: bool,
    #[command(flatten)]
    pub reading: Reading,
}

/// Of `remediate`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct RemediateArgs {
    #[command(flatten)]
    pub case: CaseArgs,
    /// This step is done; may be given several times
    #[arg(long, value_name = "N")]
    pub done: Vec<u64>,
    /// Nobody will do this step
    #[arg(long, value_name = "N")]
    pub skip: Vec<u64>,
    /// This step is not done after all
    #[arg(long, value_name = "N")]
    pub open: Vec<u64>,
    /// What is to be noted of those that were ticked off
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Show what is done and skipped too
    #[arg(short, long)]
    pub all: bool,
}

/// Of `report`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct ReportArgs {
    #[command(flatten)]
    pub case: CaseArgs,
    /// Put the steps of lessons into the user's playbook; without this they are only shown
    #[arg(long)]
    pub apply_lessons: bool,
    /// Times in UTC
    #[arg(long)]
    pub utc: bool,
}

/// Of `verify`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct VerifyArgs {
    /// The incident's directory, or a zip archive of it
    #[arg(value_name = "DIR|ZIP")]
    pub path: PathBuf,
    /// The key of who signed, NAME+HASH+BASE64, or a file that holds it [default: this machine's own]
    #[arg(long, value_name = "KEY|FILE")]
    pub key: Option<String>,
    /// The SHA-256 of MANIFEST as it was told when it was signed: an earlier state, put back, has another
    #[arg(long, value_name = "HASH")]
    pub manifest: Option<String>,
    /// This machine's signing key [default: $XDG_STATE_HOME/tunlog/incident.key, of root /var/lib/tunlog/incident.key]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    #[command(flatten)]
    pub form: Form,
}
