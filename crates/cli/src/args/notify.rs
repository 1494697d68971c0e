//! What may be typed behind `tunlog notify`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

pub const TEST_EXAMPLES: &str = "Examples:
  tunlog notify test                          every channel of /etc/tunlog/tunlog.toml
  tunlog notify test chat night-mail          these
  tunlog notify test --config new.toml        before the daemon gets it
  tunlog notify test --webhook http://127.0.0.1:8080/hook

Filters, quiet hours and limits do not count. Secrets are read as this user may read them; credentials of systemd only the daemon has:
  systemd-run --pipe -p LoadCredential=chat-url:/etc/tunlog/chat-url tunlog notify test chat
Exit status: 0 everything arrived, 2 something did not, or an error.";

/// The commands of `notify`.
#[derive(Clone, Debug, Subcommand)]
pub enum NotifyCommand {
    /// Sends a test message and says whether it arrived
    #[command(after_help = TEST_EXAMPLES)]
    Test(NotifyTestArgs),
}

/// Of `notify test`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct NotifyTestArgs {
    /// The channels; without one all of them
    #[arg(value_name = "CHANNEL")]
    pub channel: Vec<String>,
    /// The configuration [default: /etc/tunlog/tunlog.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A webhook, instead of those of the configuration
    #[arg(long, value_name = "URL")]
    pub webhook: Vec<String>,
}
