//! Arguments of `ac` and `lastlog`.

use clap::{Args as ClapArgs, ValueEnum};
use tunlog_report::calendar::Step;

use super::PathArgs;

pub const AC_EXAMPLES: &str = "Examples:
  tunlog ac                                      the machine's own logs: connect time and traffic in all
  tunlog ac -d --since -7d /var/log/syslog       by day
  tunlog ac -m -p /var/lib/tunlog -o csv         by month and user, of a store
  tunlog ac --quota 100G --period month          who used more than 100 GiB in a month, and by how much
  tunlog ac --time-quota 40h --period week       who was connected for longer than 40 hours in a week

Connect time is split at midnight and where --since and --until cut. Bytes cannot be: they count when they were told, at the end of
a session (or, while it is up, with its last interim accounting). Days are those of the zone of tables (--tz, --utc).
Exit status: 0 success, 1 nothing found of what was named, or nobody is over the quota, 2 an error.";

pub const LASTLOG_EXAMPLES: &str = "Examples:
  tunlog lastlog /var/lib/tunlog         when each user was in last, and from where
  tunlog lastlog -b 90 vpn-logs          whose last session came up 90 days ago or earlier
  tunlog lastlog -t 7 vpn-logs           who was in within a week

Only users who were let in have a row; accounts that nobody uses are told by `tunlog audit` over logs and secrets.";

/// Of `ac`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct AcArgs {
    /// By day; the same as --period day
    #[arg(short, long, alias = "daily-totals", conflicts_with_all = ["monthly", "period"])]
    pub daily: bool,
    /// By month; the same as --period month
    #[arg(short, long, conflicts_with = "period")]
    pub monthly: bool,
    /// By this period
    #[arg(long, value_enum, value_name = "PERIOD")]
    pub period: Option<Period>,
    /// By user
    #[arg(short, long, visible_alias = "individual-totals", alias = "people")]
    pub per_user: bool,
    /// Only users who used more than this in a period, both directions together: 500M, 100G (powers of 1024)
    #[arg(long, value_name = "SIZE", conflicts_with = "time_quota")]
    pub quota: Option<String>,
    /// Only users who were connected for longer than this in a period: 90m, 40h, 7d
    #[arg(long, value_name = "DURATION")]
    pub time_quota: Option<String>,
    /// Read the rotations of each PATH too, oldest first
    #[arg(short, long)]
    pub rotate: bool,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub input: PathArgs,
}

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Period {
    /// From midnight on
    Day,
    /// From Monday on
    Week,
    /// From the first of the month on
    Month,
    /// From 1 January on
    Year,
    /// All that is read
    All,
}

impl AcArgs {
    /// The step that was asked for.
    pub fn step(&self) -> Step {
        match (self.daily, self.monthly, self.period) {
            (true, ..) | (_, _, Some(Period::Day)) => Step::Day,
            (_, true, _) | (_, _, Some(Period::Month)) => Step::Month,
            (_, _, Some(Period::Week)) => Step::Week,
            (_, _, Some(Period::Year)) => Step::Year,
            (_, _, Some(Period::All) | None) => Step::Whole,
        }
    }
}

/// Of `lastlog`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct LastlogArgs {
    /// Only users whose last session came up so many days ago or earlier
    #[arg(short, long, value_name = "DAYS")]
    pub before: Option<u32>,
    /// Only users whose last session came up within so many days
    #[arg(short, long, value_name = "DAYS")]
    pub time: Option<u32>,
    /// Read the rotations of each PATH too, oldest first
    #[arg(short, long)]
    pub rotate: bool,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub input: PathArgs,
}
