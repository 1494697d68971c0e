//! What may be typed behind `tunlog completions` and `tunlog man`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use clap_complete::Shell;

pub const COMPLETIONS_EXAMPLES: &str = "Examples:
  tunlog completions bash > /usr/share/bash-completion/completions/tunlog
  tunlog completions zsh > /usr/share/zsh/vendor-completions/_tunlog
  tunlog completions fish > ~/.config/fish/completions/tunlog.fish";

pub const MAN_EXAMPLES: &str = "Examples:
  tunlog man | man -l -                            this program
  tunlog man store verify | man -l -               one command
  tunlog man --to /usr/local/share/man/man1        every page as a file";

/// Of `completions`.
#[derive(Clone, Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// Of `man`.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct ManArgs {
    /// The command, if not the whole program
    #[arg(value_name = "COMMAND", conflicts_with = "to")]
    pub command: Vec<String>,
    /// Write all pages to this directory
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
}
