//! What may be typed behind `tunlog import`, `tunlog store` and `tunlog status`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use tunlog_store::FullPolicy;

use crate::args::{Color, Common, Output};

pub const IMPORT_EXAMPLES: &str = "Examples:
  tunlog import --store /var/lib/tunlog /var/log              everything that lies there, rotations and all
  tunlog import --store vpn-logs -r /var/log/syslog radius.log
  tunlog import --store vpn-logs --year 2019 --tz Europe/Berlin archive-2019.zip
  tunlog attempts vpn-logs                                    and from then on the store stands for the logs

The store is made if it is not there. The same again, renamed, compressed, in another order, or pieces that overlap, add
nothing twice; a file that has grown is read on. An import that was interrupted goes on where it was.
Passwords, challenges and responses are left out unless --keep-secrets says otherwise.";

pub const STATUS_EXAMPLES: &str = "Examples:
  tunlog status                                the daemon of this machine and its store
  tunlog status --store vpn-logs -o json       with every source

read = stored + filtered + rejected + unparsed: `stored` was understood, `filtered` concerns no VPN daemon or continues
the line before, `rejected` was damaged, `unparsed` are lines of VPN daemons that nobody understood (kept as well). Where a daemon writes the store it is asked how its sources do and
how far they lag.";

/// Forms of output and the like, of commands about a store.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct FormArgs {
    /// Form of the output
    #[arg(short, long, value_enum, value_name = "FORM")]
    pub output: Option<Output>,
    /// The same as -o jsonl
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
    /// Colours
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// No notes on standard error, only errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// Of `import`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ImportArgs {
    /// The store; made if it is not there
    #[arg(long, value_name = "DIR", required = true)]
    pub store: PathBuf,
    /// Logs: files, compressed files, archives, directories, captures; - is standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Read the rotations of each PATH too, oldest first
    #[arg(short, long)]
    pub rotate: bool,
    /// Zone of inputs that carry none: Europe/Berlin, UTC, +02:00 [default: TZ, then the system's]
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    pub tz: Option<String>,
    /// Year of the first line of inputs without years [default: inferred from the file's time]
    #[arg(long, value_name = "YYYY", value_parser = clap::value_parser!(i16).range(1970..=9998))]
    pub year: Option<i16>,
    /// Keep passwords, challenges and responses that stand in the logs
    #[arg(long)]
    pub keep_secrets: bool,
    /// Keep lines of other services (SSH, mail) in the gateway's own logs as well, for `detect --services`; those in logs of their
    /// own are kept
    #[arg(long, conflicts_with = "no_services")]
    pub services: bool,
    /// Leave lines of other services out everywhere
    #[arg(long)]
    pub no_services: bool,
    /// When the disk is full
    #[arg(long, value_enum, value_name = "POLICY", default_value = "stop")]
    pub full: Full,
    #[command(flatten)]
    pub form: FormArgs,
}

/// What a full disk means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Full {
    /// Wait for room
    Block,
    /// Give up the oldest records that are not sealed, and count them as lost
    DropOldestUnsealed,
    /// End with an error; the same import goes on later
    Stop,
}

impl Full {
    /// The store's word for it.
    pub fn policy(self) -> FullPolicy {
        match self {
            Full::Block => FullPolicy::Block,
            Full::DropOldestUnsealed => FullPolicy::DropOldestUnsealed,
            Full::Stop => FullPolicy::Stop,
        }
    }
}

/// Of `status`.
#[derive(Clone, Debug, ClapArgs)]
pub struct StatusArgs {
    /// The store [default: that of the daemon's configuration]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Where the daemon listens [default: the socket in the store's folder]
    #[arg(long, value_name = "ADDR|unix:PATH")]
    pub http: Option<String>,
    #[command(flatten)]
    pub form: FormArgs,
}

/// Of `store`.
#[derive(Clone, Debug, Subcommand)]
pub enum StoreCommand {
    /// Makes a store, and the key that its seal begins with
    Init(InitArgs),
    /// Whether a store is what it was, to the byte: 0 intact, 1 changed, 2 incomplete, 3 cannot judge
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Proves that one record was in the log, without showing the rest of it
    Prove(ProveArgs),
    /// Seals what is open, writes a checkpoint, shows it to the witnesses, and prints it
    Checkpoint(CheckpointArgs),
    /// Removes what is old or too much; a signed checkpoint says so
    #[command(after_help = RETAIN_EXAMPLES)]
    Retain(RetainArgs),
    /// Prints what a store holds as events, or copies its Parquet files
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArgs),
    /// Copies a store, also while it is written to
    Backup(BackupArgs),
}

const RETAIN_EXAMPLES: &str = "Examples:
  tunlog store retain /var/lib/tunlog --before -90d              what is older than 90 days
  tunlog store retain /var/lib/tunlog --max-size 20G             the oldest, until 20 GiB are left
  tunlog store retain /var/lib/tunlog --before 2025-01-01 -n     only say what would go
  tunlog store retain /var/lib/tunlog --attempts-before -365d    rows of the history that `tunlog serve` keeps

Segments go as a whole: one day of one gateway at least. `verify` says `removed by retention` then, not `missing`, and
`import` does not bring them back.
Exit status: 0 something went, 1 there was nothing to remove, 2 an error.";

const EXPORT_EXAMPLES: &str = "Examples:
  tunlog store export /var/lib/tunlog -o jsonl --to events.jsonl
  tunlog store export /var/lib/tunlog --since -7d --user anna -o csv --to anna.csv
  tunlog store export /var/lib/tunlog --since 2026-11-01 --parquet november
  duckdb -c \"SELECT user, count(*) FROM 'november/segments/*/*/*.parquet' WHERE event = 'auth-failed' GROUP BY user\"";

/// Of `store retain`.
#[derive(Clone, Debug, ClapArgs)]
#[command(group(clap::ArgGroup::new("rule").required(true).multiple(true).args(["before", "max_size", "attempts_before", "findings_before"])))]
pub struct RetainArgs {
    /// The store
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Remove what is older: -90d, 2025-01-01, and the other forms of --since
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub before: Option<String>,
    /// Remove the oldest until the segments are no larger: 500M, 20G
    #[arg(long, value_name = "SIZE")]
    pub max_size: Option<String>,
    /// Remove attempts of the history that were seen last before this
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub attempts_before: Option<String>,
    /// Remove findings of the history that are older
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub findings_before: Option<String>,
    /// Only say what would go
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// Of `store export`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ExportArgs {
    /// The store
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Copy the segments of that time as they are, to this directory
    #[arg(long, value_name = "DIR")]
    pub parquet: Option<PathBuf>,
    #[command(flatten)]
    pub common: Common,
}

/// Of `store backup`.
#[derive(Clone, Debug, ClapArgs)]
pub struct BackupArgs {
    /// The store
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// A directory that is empty or not there
    #[arg(value_name = "TO")]
    pub to: PathBuf,
    /// Copy the signing key, too, so that the copy can be gone on with
    #[arg(long)]
    pub with_key: bool,
}

pub const VERIFY_EXAMPLES: &str = "Examples:
  tunlog store verify /var/lib/tunlog --key 'donkey finger mirror kernel brush jasmine fox bacon'
  tunlog store verify /var/lib/tunlog --key tunlog.key --witness /mnt/worm/vpn1.witness --require-witness

KEY is what `store init` printed, in any of its forms, or a file that holds it; without --key it is what this user wrote
down when the store was made. 1 names segment, record and byte of each change, 2 what is missing, 3 why nobody can tell.";

/// Of `store verify`.
#[derive(Clone, Debug, ClapArgs)]
pub struct VerifyArgs {
    /// The store
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// The first public key: eight words, hexadecimal digits, NAME+HASH+BASE64, or a file
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// A file that has seen its checkpoints, a log server's file with what it was told, or one checkpoint that was kept, beside the files that the store names
    #[arg(long, value_name = "FILE")]
    pub witness: Vec<PathBuf>,
    /// Judge nothing without a witness
    #[arg(long)]
    pub require_witness: bool,
    /// No notes on standard error, only errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// Of `store prove`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ProveArgs {
    /// The store
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// The record's number, from 0 (column `seq` of the segments)
    #[arg(value_name = "N")]
    pub record: u64,
}

/// Of `store checkpoint`.
#[derive(Clone, Debug, ClapArgs)]
pub struct CheckpointArgs {
    /// The store
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// From now on every checkpoint is appended to this file, too: on a medium that this machine cannot rewrite; or a log server is told of it: tls://HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT, unix:PATH
    #[arg(long, value_name = "FILE|SERVER")]
    pub witness: Vec<PathBuf>,
}

/// Of `store init`.
#[derive(Clone, Debug, ClapArgs)]
pub struct InitArgs {
    /// A directory that is empty or not there
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Whose log it is, as every checkpoint says [default: HOST/tunlog]
    #[arg(long, value_name = "NAME")]
    pub origin: Option<String>,
}
