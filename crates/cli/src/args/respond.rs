//! Arguments of `block`, `unblock`, `blocked` and `kick`.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{Color, Common, Output};

pub const BLOCK_EXAMPLES: &str = "Examples:
  tunlog block 198.51.100.7                                  what would be done; nothing is
  tunlog block 198.51.100.7 --for 2h --reason 'ticket 4711' --apply
  tunlog detect syslog -o jsonl | tunlog block --from - --log syslog
  tunlog block 198.51.100.7 --backend routeros               text for a MikroTik terminal

Never blocked: this machine, its gateway, its DNS and RADIUS servers, the address you are logged in from, multicast, loopback, and what \
never_block in [respond] of tunlog.toml names. Only with --private: private addresses. Only with --force: networks wider than /24 \
(IPv6 /48), addresses that no socket reported, and those from which somebody known logged in within 24 hours.
Of findings only attacks of severity medium and above count. Every block ends by itself, and is written to a ledger.
Exit status: 0 done or shown, 1 nothing to do or all of it refused, 2 an error; the first step that fails ends it.";

pub const UNBLOCK_EXAMPLES: &str = "Examples:
  tunlog unblock 198.51.100.7 --apply
  tunlog unblock --all                  everything that the ledger says is blocked
  tunlog unblock --expired --apply      for cron, where the firewall knows no expiry (ufw, pf)";

pub const BLOCKED_EXAMPLES: &str = "Examples:
  tunlog blocked            what is blocked, and what ended within a day
  tunlog blocked --live     the firewall is asked, too
  tunlog blocked --all -o csv --to blocks.csv";

pub const KICK_EXAMPLES: &str = "Examples:
  tunlog kick anna                      which sessions anna has, and what would end them
  tunlog kick 198.51.100.7 --apply      by the client's address, or the one inside the tunnel
  tunlog kick 9f86d081884c7d65 syslog   by the id that `tunlog who -o jsonl` prints
  tunlog kick anna --backend radius --nas 192.0.2.1 --secret-file /etc/tunlog/radius.secret

Where several sessions fit, all are shown, and --apply wants one of their ids, or --all. A session of another host is only shown.
Exit status: 0 done or shown, 1 no such session is open, 2 an error.";

/// How what is done is shown.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Output")]
pub struct Shown {
    /// Form of the output [default: for people, or by the suffix of --to]
    #[arg(short, long, value_enum, value_name = "FORM")]
    pub output: Option<Output>,
    /// The same as -o jsonl
    #[arg(long, conflicts_with = "output")]
    pub json: bool,
    /// Write to this file
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Colours
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// No notes on standard error, only errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Tables in UTC
    #[arg(long)]
    pub utc: bool,
}

impl Shown {
    /// As the options that commands over logs have.
    pub fn common(&self) -> Common {
        Common {
            output: self.output,
            json: self.json,
            to: self.to.clone(),
            color: self.color,
            quiet: self.quiet,
            utc: self.utc,
            ..Common::default()
        }
    }
}

/// What `block`, `unblock` and `kick` have in common.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct Making {
    /// Do it; without this nothing is done
    #[arg(long)]
    pub apply: bool,
    /// Where actions are written down [default: /var/lib/tunlog/actions.jsonl for root, else under ~/.local/state/tunlog]
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Settings from this file instead of tunlog.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Of `block`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct BlockArgs {
    /// Addresses, or networks such as 198.51.100.0/24
    #[arg(value_name = "ADDR", required_unless_present = "from")]
    pub addresses: Vec<String>,
    /// Block the sources of attacks in this output of `tunlog detect -o jsonl`; - is standard input
    #[arg(long, value_name = "FINDINGS.jsonl")]
    pub from: Option<PathBuf>,
    /// How long: 90s, 10m, 2h, 1d [default: 10m]
    #[arg(long = "for", value_name = "DURATION")]
    pub duration: Option<String>,
    /// Why; it goes into the ledger and the rule's comment
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Who blocks: nftables, iptables, ufw, fail2ban, crowdsec, pf, routeros, windows [default: what is found here]
    #[arg(long, value_name = "NAME")]
    pub backend: Option<String>,
    /// Logs that tell who logged in of late; repeatable [default: the machine's own]
    #[arg(long = "log", value_name = "PATH")]
    pub logs: Vec<PathBuf>,
    /// Read no logs: recent logins protect nobody
    #[arg(long, conflicts_with = "logs")]
    pub no_log: bool,
    /// Block private addresses too
    #[arg(long)]
    pub private: bool,
    /// Block wide networks, addresses with a recent login of a known user, and sources that a peer merely claims, too
    #[arg(long)]
    pub force: bool,
    /// Allow this many new blocks within an hour [default: 100]
    #[arg(long, value_name = "N")]
    pub per_hour: Option<usize>,
    #[command(flatten)]
    pub making: Making,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub shown: Shown,
}

/// Of `unblock`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct UnblockArgs {
    /// Addresses or networks
    #[arg(value_name = "ADDR", required_unless_present_any = ["all", "expired"], conflicts_with_all = ["all", "expired"])]
    pub addresses: Vec<String>,
    /// Everything that the ledger says is blocked
    #[arg(long)]
    pub all: bool,
    /// What is over but still in a firewall that knows no expiry
    #[arg(long, conflicts_with = "all")]
    pub expired: bool,
    /// Who blocks [default: as the ledger says]
    #[arg(long, value_name = "NAME")]
    pub backend: Option<String>,
    #[command(flatten)]
    pub making: Making,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub shown: Shown,
}

/// Of `blocked`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct BlockedArgs {
    /// Only these addresses or networks, and those that they lie in
    #[arg(value_name = "ADDR")]
    pub addresses: Vec<String>,
    /// Ask the firewall, too
    #[arg(long)]
    pub live: bool,
    /// With what ended more than a day ago
    #[arg(long)]
    pub all: bool,
    /// Ask this one [default: those that the ledger names]
    #[arg(long, value_name = "NAME", requires = "live")]
    pub backend: Option<String>,
    /// Where actions are written down [default: as for `tunlog block`]
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Settings from this file instead of tunlog.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub shown: Shown,
}

/// Of `kick`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct KickArgs {
    /// A user's name, a session's id, an address, or an interface
    #[arg(value_name = "USER|ID|ADDR", allow_hyphen_values = true)]
    pub who: String,
    /// Logs: files, compressed files, directories [default: the machine's own]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// End all sessions that fit
    #[arg(long)]
    pub all: bool,
    /// The logs named are those of this machine, whatever host they name
    #[arg(long)]
    pub here: bool,
    /// Who ends it: `radius` asks the gateway with a Disconnect-Request [default: the session's own daemon]
    #[arg(long, value_name = "NAME", value_parser = ["radius"], requires_all = ["nas", "secret_file"])]
    pub backend: Option<String>,
    /// The gateway that is asked, with its port if it is not 3799
    #[arg(long, value_name = "ADDR")]
    pub nas: Option<String>,
    /// File that holds the RADIUS secret and nothing else
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// Why; it goes into the ledger
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    #[command(flatten)]
    pub making: Making,
    // Last: its heading in the help stands before what follows it.
    #[command(flatten)]
    pub common: Common,
}
